"""Cross-entropy: minus the log of the probability given to the true class.

Page: losses/cross_entropy
Source: goodfellow2016deep, secs. 3.13, 4.1, 5.5 and 6.2.2;
    blanchard2021accurately, sec. 1 (the shift); szegedy2016rethinking, sec. 7
    (smoothing)
Shapes: B batch, K classes
"""

import keras
from keras import ops


def _tensors(z, y):
    """Tensors of the dtype of z."""
    z = ops.convert_to_tensor(z)
    return z, ops.cast(y, z.dtype)


def naive_cross_entropy(z, y):
    """Mean cross-entropy, by the definition; fails for large logits.

    Args:
        z: logits, (B, K).
        y: target probabilities, (B, K).

    Returns:
        Scalar, in nats; NaN or inf once `exp` or `log` leaves the range.
    """
    z, y = _tensors(z, y)
    e = ops.exp(z)
    p = e / ops.sum(e, axis=-1, keepdims=True)  # (cross_entropy:p)
    return -ops.sum(ops.log(p) * y) / z.shape[0]


def log_softmax(z):
    """Logarithm of the softmax, finite for all finite logits.

    Args:
        z: logits, (B, K).

    Returns:
        Log-probabilities, at most 0, (B, K).
    """
    z = ops.convert_to_tensor(z)
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
        >>> z, y = np.zeros((1, 10)), np.eye(10)[[3]]  # knows nothing
        >>> round(float(cross_entropy(z, y)), 3)
        2.303
    """
    z, y = _tensors(z, y)
    L = -ops.sum(log_softmax(z) * y) / z.shape[0]  # (cross_entropy:L)
    return L


def softmax_backward(p, dp):
    """Carry a gradient back through the softmax.

    Args:
        p: output of the softmax, (B, K).
        dp: gradient with respect to `p`, (B, K).

    Returns:
        Gradient with respect to the logits, (B, K).
    """
    mean = ops.sum(p * dp, axis=-1, keepdims=True)  # (B, 1)
    dz = p * (dp - mean)  # (cross_entropy:dz)
    return dz


def cross_entropy_gradient(z, y):
    """Gradient of `cross_entropy` with respect to the logits.

    Args:
        z: logits, (B, K).
        y: target probabilities; each row sums to 1, (B, K).

    Returns:
        Probability minus target, divided by B, (B, K).
    """
    z, y = _tensors(z, y)
    p = ops.exp(log_softmax(z))
    delta = (p - y) / z.shape[0]  # (cross_entropy:delta)
    return delta


def squared_error_gradient(z, y):
    """Gradient of the squared error of the softmax, summed over classes.

    Args:
        z: logits, (B, K).
        y: target probabilities, (B, K).

    Returns:
        Gradient with respect to the logits, (B, K).
    """
    z, y = _tensors(z, y)
    p = ops.exp(log_softmax(z))
    dp = 2 * (p - y) / z.shape[0]
    delta_mse = softmax_backward(p, dp)  # (cross_entropy:delta_mse)
    return delta_mse


def binary_cross_entropy(z, y):
    """Mean cross-entropy of a yes-or-no answer, from one logit.

    Args:
        z: logits of "yes", (B,).
        y: target probabilities of "yes", (B,).

    Returns:
        Scalar, in nats.
    """
    z, y = _tensors(z, y)
    L_binary = ops.mean(ops.softplus(z) - z * y)  # (cross_entropy:L_binary)
    return L_binary


def decompose(z, y):
    """Split the cross-entropy into entropy and KL divergence.

    Args:
        z: logits, (B, K).
        y: target probabilities, (B, K); 0 log 0 counts as 0.

    Returns:
        `H`, mean entropy of y, and `D`, mean KL divergence, in nats.
    """
    z, y = _tensors(z, y)
    log_y = ops.log(ops.where(y > 0, y, 1))
    H = -ops.sum(log_y * y) / z.shape[0]  # (cross_entropy:H)
    D = ops.sum((log_y - log_softmax(z)) * y) / z.shape[0]  # (cross_entropy:D)
    return H, D


def smooth_labels(y, epsilon):
    """Take a share from the targets and spread it over all classes.

    Args:
        y: target probabilities, (B, K).
        epsilon: share to take, at least 0 and below 1.

    Returns:
        Targets whose rows still sum to 1, (B, K).

    Raises:
        ValueError: epsilon is outside of [0, 1).
    """
    if not 0 <= epsilon < 1:
        raise ValueError(f"epsilon must be in [0, 1), got {epsilon}")
    K = y.shape[-1]
    y_smooth = (1 - epsilon) * y + epsilon / K  # (cross_entropy:y_smooth)
    return y_smooth


class CrossEntropy(keras.losses.Loss):
    """Cross-entropy of logits, with label smoothing.

    Args:
        epsilon: share of the targets spread over all classes, in [0, 1).

    Raises:
        ValueError: in the call, if targets and logits differ in shape, if
            there is only one class, or if epsilon is outside of [0, 1).

    Example:
        >>> import numpy as np
        >>> z, y = np.array([[1000.0, 0.0]]), np.array([[0.0, 1.0]])
        >>> float(CrossEntropy()(y, z))
        1000.0

    Differs from keras.losses.CategoricalCrossentropy: takes logits only, and
    a softmax in front of it is not undone on any backend.
    """

    def __init__(self, epsilon=0.0):
        super().__init__()
        self.epsilon = epsilon

    def call(self, y_true, y_pred):
        """One loss per example: (B, K), (B, K) -> (B,)."""
        targets, logits = tuple(y_true.shape), tuple(y_pred.shape)
        if targets[1:] != logits[1:] or len(logits) < 2 or logits[-1] < 2:
            raise ValueError(
                "targets and logits must both have the shape (B, K) with "
                f"K at least 2 (targets one-hot), got {targets} and {logits}")
        y = smooth_labels(y_true, self.epsilon)
        return -ops.sum(y * log_softmax(y_pred), axis=-1)
