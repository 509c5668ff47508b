"""Cross-entropy: minus the log of the probability given to the true class.

Page: losses/cross_entropy
Source: goodfellow2016deep, secs. 3.13, 5.5 and 6.2.2; blanchard2021accurately,
    sec. 1 (shifted log-sum-exp); szegedy2016rethinking, sec. 7 (smoothing)
Shapes: B batch, K classes
"""

import keras
from keras import ops


def naive_cross_entropy(z, y):
    """Mean cross-entropy, by the definition; overflows for large logits.

    Args:
        z: logits, (B, K).
        y: target probabilities, (B, K).

    Returns:
        Scalar, in nats; NaN or inf where `exp` overflows or underflows.
    """
    e = ops.exp(z)
    p = e / ops.sum(e, axis=-1, keepdims=True)  # (cross_entropy:p)
    return -ops.sum(y * ops.log(p)) / z.shape[0]


def log_softmax(z):
    """Logarithm of the softmax, finite for all finite logits.

    Args:
        z: logits, (B, K).

    Returns:
        Log-probabilities, at most 0, (B, K).
    """
    m = ops.max(z, axis=-1, keepdims=True)  # (B, 1)
    s = ops.sum(ops.exp(z - m), axis=-1, keepdims=True)  # 1 <= s <= K
    log_p = z - m - ops.log(s)  # (cross_entropy:log_p)
    return log_p


def cross_entropy(z, y):
    """Mean cross-entropy of a batch, from logits.

    Args:
        z: logits, (B, K).
        y: target probabilities, one-hot as a rule, (B, K).

    Returns:
        Scalar, in nats.

    Example:
        >>> import numpy as np
        >>> knows_nothing = np.zeros((1, 10), "float32")
        >>> round(float(cross_entropy(knows_nothing, np.eye(10)[[3]])), 3)
        2.303
    """
    z = ops.convert_to_tensor(z)
    y = ops.cast(y, z.dtype)
    L = -ops.sum(y * log_softmax(z)) / z.shape[0]  # (cross_entropy:L)
    return L


def cross_entropy_gradient(z, y):
    """Gradient of `cross_entropy` with respect to the logits.

    Args:
        z: logits, (B, K).
        y: target probabilities; each row sums to 1, (B, K).

    Returns:
        Probability minus target, divided by B, (B, K).
    """
    p = ops.exp(log_softmax(z))
    delta = (p - y) / z.shape[0]  # (cross_entropy:delta)
    return delta
