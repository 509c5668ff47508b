"""Mean squared error: Gaussian noise in, the conditional mean out.

Page: losses/mean_squared_error
Source: goodfellow2016deep, sec. 5.4.4 and 5.5.1; huber1964robust
Shapes: N numbers in all, I input features, R training sets
"""

import math

import keras
import numpy as np
from keras import ops


def residual(y, y_hat):
    """Subtract the targets from the predictions, without broadcasting.

    Args:
        y: targets, any shape, N numbers in all.
        y_hat: predictions, the same shape.

    Returns:
        Residuals, the same shape, in the unit of y and the dtype of y_hat.

    Raises:
        ValueError: the shapes differ, or there are no numbers.
    """
    y_hat = _floats(y_hat)
    y = ops.cast(y, y_hat.dtype)
    if not _fit(tuple(y.shape), tuple(y_hat.shape)):
        raise ValueError(
            "y and y_hat must have the same shape, "
            f"got {tuple(y.shape)} and {tuple(y_hat.shape)}"
        )
    if 0 in y_hat.shape:
        raise ValueError(f"y must not be empty, got {tuple(y.shape)}")
    e = y_hat - y  # (mean_squared_error:e)
    return e


def _floats(x):
    """The tensor x, integers made into floats."""
    x = ops.convert_to_tensor(x)
    is_float = keras.backend.is_float_dtype(x.dtype)
    return x if is_float else ops.cast(x, keras.config.floatx())


def _fit(a, b):
    """Whether two shapes are equal; None, an unknown length, fits all."""
    return len(a) == len(b) and all(
        m == n or None in (m, n) for m, n in zip(a, b, strict=True)
    )


def mean_squared_error(y, y_hat):
    """Mean of the squared residuals.

    Args:
        y: targets, N numbers in any shape.
        y_hat: predictions, the same shape.

    Returns:
        Scalar, in squared units of y.

    Example:
        >>> float(mean_squared_error([1.0, 2.0], [1.0, 5.0]))
        4.5
    """
    e = residual(y, y_hat)
    L = ops.mean(ops.square(e))  # (mean_squared_error:L)
    return L


def gradient(y, y_hat):
    """Gradient of the MSE with respect to y_hat; y any shape of N numbers."""
    e = residual(y, y_hat)
    N = ops.cast(ops.size(e), e.dtype)
    dL = 2 * e / N  # (mean_squared_error:dL)
    return dL


def mean_absolute_error(y, y_hat):
    """Mean of the absolute residuals of y_hat, a scalar in units of y."""
    e = residual(y, y_hat)
    L_1 = ops.mean(ops.abs(e))  # (mean_squared_error:L_1)
    return L_1


def huber(y, y_hat, delta=1.0):
    """Mean of residuals that count as squares near 0 and linearly beyond.

    Args:
        y: targets, N numbers in any shape.
        y_hat: predictions, the same shape.
        delta: where the parabola ends, > 0, in units of y.

    Returns:
        Scalar, in squared units of y; half the MSE if all residuals are small.

    Raises:
        ValueError: delta is not above 0.
    """
    _positive("delta", delta)
    size = ops.abs(residual(y, y_hat))
    inside, outside = size**2 / 2, delta * (size - delta / 2)
    rho = ops.where(size <= delta, inside, outside)  # (mean_squared_error:rho)
    return ops.mean(rho)


def huber_gradient(y, y_hat, delta=1.0):
    """Gradient of `huber` with respect to the predictions.

    Args:
        y: targets, N numbers in any shape.
        y_hat: predictions, the same shape.
        delta: where the parabola ends, > 0, in units of y.

    Returns:
        The shape of y, no entry larger than delta / N.
    """
    _positive("delta", delta)
    e = residual(y, y_hat)
    psi = ops.clip(e, -delta, delta)  # (mean_squared_error:psi)
    return psi / ops.cast(ops.size(e), e.dtype)


def gaussian_nll(y, y_hat, sigma=1.0):
    """Negative log-likelihood of Gaussian noise, per number.

    Args:
        y: targets, N numbers in any shape.
        y_hat: means of the noisy targets, the same shape.
        sigma: standard deviation of the noise, > 0, in units of y.

    Returns:
        Scalar, in nats.
    """
    _positive("sigma", sigma)
    L = mean_squared_error(y, y_hat)
    constant = math.log(sigma) + math.log(2 * math.pi) / 2
    nll = L / (2 * sigma**2) + constant  # (mean_squared_error:nll)
    return nll


def laplace_nll(y, y_hat, b=1.0):
    """Negative log-likelihood of Laplace noise, per number.

    Args:
        y: targets, N numbers in any shape.
        y_hat: medians of the noisy targets, the same shape.
        b: mean absolute size of the noise, > 0, in units of y.

    Returns:
        Scalar, in nats.
    """
    _positive("b", b)
    L_1 = mean_absolute_error(y, y_hat)
    nll_1 = L_1 / b + math.log(2 * b)  # (mean_squared_error:nll_1)
    return nll_1


def _positive(name, value):
    if not value > 0:
        raise ValueError(f"{name} must be above 0, got {value}")


def least_squares(X, y):
    """Solve the normal equations: the weights with the smallest MSE.

    Args:
        X: inputs, one row per example, (N, I); for a bias add a column of 1.
        y: targets, (N,); or (N, R), R fits at once.

    Returns:
        w, (I,) or (I, R): X w is the best linear prediction of y.

    Raises:
        ValueError: the shapes do not fit, or columns of X are dependent.
    """
    X = _floats(X)
    y = ops.cast(y, X.dtype)
    if len(X.shape) != 2 or y.shape[:1] != X.shape[:1]:
        raise ValueError(
            "X must be (N, I) and y (N,) or (N, R), "
            f"got {tuple(X.shape)} and {tuple(y.shape)}"
        )
    rank = np.linalg.matrix_rank(ops.convert_to_numpy(X))
    if rank < X.shape[1]:
        raise ValueError(f"X must have rank {X.shape[1]}, got {rank}")
    A, c = ops.matmul(ops.transpose(X), X), ops.matmul(ops.transpose(X), y)
    w = ops.linalg.solve(A, c)  # (mean_squared_error:w)
    return w


def bias_variance(predictions, f):
    """Split the mean squared distance of predictions from the truth.

    Args:
        predictions: one row per training set, (R, N).
        f: true values without noise, (N,).

    Returns:
        Squared bias and variance, scalars in squared units of f.

    Raises:
        ValueError: the shapes do not fit.
    """
    predictions = _floats(predictions)
    m = ops.mean(predictions, axis=0)  # (mean_squared_error:m)
    bias_2 = mean_squared_error(f, m)  # (mean_squared_error:bias_2)
    d = ops.square(predictions - m)
    variance = ops.mean(d)  # (mean_squared_error:variance)
    return bias_2, variance


class MeanSquaredError(keras.losses.Loss):
    """Mean squared error as a Keras loss, for `model.compile(loss=...)`.

    Differs from keras.losses.MeanSquaredError: shapes must be equal. Keras
    broadcasts (N, 1) against (N, K) and repairs (N,) against (N, 1).
    """

    def call(self, y_true, y_pred):
        """Return the mean over the last axis: (N, K) -> (N,)."""
        return ops.mean(ops.square(residual(y_true, y_pred)), axis=-1)
