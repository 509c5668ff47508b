"""Batch normalization: each feature is measured in units of its own batch.

Page: layers/batch_normalization
Source: ioffe2015batch, Algs. 1 and 2, secs. 3.1-3.3
Shapes: B batch, N features (channels, in the last axis), n values of one
    feature in the batch: B, or B * H * W for images of H rows, W columns
"""

import math

import keras
from keras import ops


def batch_norm(x, gamma, beta, epsilon=1e-3):
    """Standardize each feature over the batch, then scale and shift it.

    Args:
        x: inputs, (B, N) or (B, H, W, N).
        gamma: scale, (N,).
        beta: shift, (N,).
        epsilon: added to the variance, at least 0.

    Returns:
        Output and standardized input, both with the shape of x; mean and
        variance of each feature, (N,).

    Example:
        >>> x = ops.array([[1.0], [3.0]])
        >>> y, x_hat, mu, v = batch_norm(x, 10.0, 5.0, epsilon=0.0)
        >>> ops.convert_to_numpy(y)[:, 0].tolist()
        [-5.0, 15.0]
    """
    axes = tuple(range(len(x.shape) - 1))
    mu = ops.mean(x, axis=axes)  # (batch_normalization:mu)
    v = ops.mean(ops.square(x - mu), axis=axes)  # (batch_normalization:v)
    x_hat = (x - mu) / ops.sqrt(v + epsilon)  # (batch_normalization:x_hat)
    y = gamma * x_hat + beta  # (batch_normalization:y)
    return y, x_hat, mu, v


def batch_norm_backward(dy, x_hat, v, gamma, epsilon=1e-3):
    """Carry the gradient back through `batch_norm`.

    Args:
        dy: gradient with respect to the output, shape of x.
        x_hat: standardized input, as returned by `batch_norm`.
        v: variance of each feature, as returned by `batch_norm`, (N,).
        gamma: scale, (N,).
        epsilon: as given to `batch_norm`.

    Returns:
        Gradients with respect to x, gamma and beta.
    """
    axes, n = tuple(range(len(dy.shape) - 1)), math.prod(dy.shape[:-1])
    dbeta = ops.sum(dy, axis=axes)  # (batch_normalization:dbeta)
    dgamma = ops.sum(dy * x_hat, axis=axes)  # (batch_normalization:dgamma)
    r = 1 / ops.sqrt(v + epsilon)  # (N,)
    dx = gamma * r * (
        dy - dbeta / n - x_hat * dgamma / n)  # (batch_normalization:dx)
    return dx, dgamma, dbeta


def move(mu_bar, v_bar, mu, v, alpha):
    """Move the running statistics towards those of the batch.

    Args:
        mu_bar: moving mean, (N,).
        v_bar: moving variance, (N,).
        mu: mean of the batch, (N,).
        v: variance of the batch, (N,).
        alpha: share of the old value that stays (Keras: momentum).

    Returns:
        The new moving mean and variance, (N,).
    """
    mu_bar = alpha * mu_bar + (1 - alpha) * mu  # (batch_normalization:mu_bar)
    v_bar = alpha * v_bar + (1 - alpha) * v  # (batch_normalization:v_bar)
    return mu_bar, v_bar


def inference_map(gamma, beta, mu_bar, v_bar, epsilon=1e-3):
    """Find the line y = s x + t that each feature passes in inference.

    Args:
        gamma: scale, (N,).
        beta: shift, (N,).
        mu_bar: moving mean, (N,).
        v_bar: moving variance, (N,).
        epsilon: as in training.

    Returns:
        Slope s and intercept t, (N,).
    """
    s = gamma / ops.sqrt(v_bar + epsilon)  # (batch_normalization:s)
    t = beta - s * mu_bar  # (batch_normalization:t)
    return s, t


def fold(W, b, s, t):
    """Fold the line y = s z + t into the layer that computes z.

    Args:
        W: weights of a dense layer, (I, N), or kernels, (K, L, C, N).
        b: bias of that layer, (N,) or 0.
        s: slope, (N,).
        t: intercept, (N,).

    Returns:
        Weights and bias of the one layer that does both.
    """
    W_fold = W * s  # (batch_normalization:W_fold)
    b_fold = b * s + t  # (batch_normalization:b_fold)
    return W_fold, b_fold


class BatchNormalization(keras.layers.Layer):
    """Owns scale, shift and the moving statistics.

    Args:
        momentum: share of the moving statistics that stays per step, in
            [0, 1).
        epsilon: added to the variance, at least 0.

    Raises:
        ValueError: momentum is outside of [0, 1), epsilon is negative.

    Example:
        >>> layer = BatchNormalization(epsilon=0)
        >>> x = ops.array([[1.0], [3.0]])
        >>> ops.convert_to_numpy(layer(x))[:, 0].tolist()  # still 0 and 1
        [1.0, 3.0]
        >>> ops.convert_to_numpy(layer(x, training=True))[:, 0].tolist()
        [-1.0, 1.0]

    Differs from keras.layers.BatchNormalization: always the last axis, no
    mask, and with `trainable = False` it does not switch to inference.
    """

    def __init__(self, momentum=0.99, epsilon=1e-3):
        super().__init__()
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {momentum}")
        if epsilon < 0:
            raise ValueError(f"epsilon must be at least 0, got {epsilon}")
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, input_shape):
        """Create gamma, beta and the moving statistics, (N,) each."""
        N = input_shape[-1:]
        self.gamma = self.add_weight(N, "ones", name="gamma")
        self.beta = self.add_weight(N, "zeros", name="beta")
        self.mu_bar = self.add_weight(
            N, "zeros", trainable=False, name="mu_bar")
        self.v_bar = self.add_weight(N, "ones", trainable=False, name="v_bar")

    def call(self, x, training=False):
        """Normalize; in training, move the statistics as well."""
        learned, moving = (self.gamma, self.beta), (self.mu_bar, self.v_bar)
        if not training:
            s, t = inference_map(*learned, *moving, self.epsilon)
            return s * x + t
        y, _, mu, v = batch_norm(x, *learned, self.epsilon)
        mu_bar, v_bar = move(*moving, mu, v, self.momentum)
        self.mu_bar.assign(mu_bar)
        self.v_bar.assign(v_bar)
        return y
