"""Pooling: each window of a feature map shrinks to one number.

Page: layers/pooling
Source: goodfellow2016deep, sec. 9.3; zhang2019making (blur pooling)
Shapes: B images, H rows, W columns, C channels, P output rows, Q output columns
"""

import keras
import numpy as np
from keras import ops


def output_size(n, k, s, padding="valid"):
    """Count the windows along one axis, as Keras does.

    Args:
        n: length of the input, in pixels, at least 1.
        k: side of the window, in pixels, at least 1.
        s: stride, in pixels, at least 1.
        padding: "valid" keeps the window inside; "same" lets it hang over.

    Returns:
        The number of windows, and how many pixels are missing before the
        first pixel and behind the last one (0, 0 for "valid").

    Raises:
        ValueError: n, k or s is below 1, padding is unknown, or no window
            fits.

    Example:
        >>> output_size(7, 2, 2), output_size(7, 2, 2, "same")
        ((3, (0, 0)), (4, (0, 1)))
    """
    if min(n, k, s) < 1:
        raise ValueError(f"n, k, s must be at least 1, got {n}, {k}, {s}")
    if padding not in ("valid", "same"):
        raise ValueError(f'padding must be "valid" or "same", got {padding!r}')
    if padding == "valid":
        if k > n:
            raise ValueError(f"a window of {k} does not fit into {n} pixels")
        return (n - k) // s + 1, (0, 0)
    o = -(-n // s)  # (pooling:o)
    p = max((o - 1) * s + k - n, 0)  # (pooling:p)
    return o, (p // 2, p - p // 2)


def windows(x, k, s, padding="valid", fill=0.0):
    """Copy the pixels of each window side by side.

    Args:
        x: feature maps, shape (B, H, W, C).
        k: side of the window.
        s: stride.
        padding: "valid" or "same".
        fill: value of the missing pixels.

    Returns:
        Shape (B, P, Q, k * k, C), the pixels in the order row, column.
    """
    P, p_h = output_size(x.shape[1], k, s, padding)
    Q, p_w = output_size(x.shape[2], k, s, padding)
    x = ops.pad(x, [[0, 0], p_h, p_w, [0, 0]], constant_values=fill)
    u = s * np.arange(P)[:, None] + np.arange(k)  # (P, k)
    v = s * np.arange(Q)[:, None] + np.arange(k)  # (Q, k)
    X = ops.take(ops.take(x, u, axis=1), v, axis=3)  # (pooling:X)
    X = ops.transpose(X, (0, 1, 3, 2, 4, 5))  # (B, P, Q, k, k, C)
    return ops.reshape(X, (-1, P, Q, k * k, x.shape[3]))


def max_pool(x, k=2, s=2, padding="valid"):
    """Keep the largest pixel of each window.

    Args:
        x: feature maps, shape (B, H, W, C).
        k: side of the window.
        s: stride.
        padding: "valid" or "same"; missing pixels count as -infinity.

    Returns:
        Shape (B, P, Q, C).
    """
    X = windows(x, k, s, padding, fill=-np.inf)  # (B, P, Q, kk, C)
    y_max = ops.max(X, axis=3)  # (pooling:y_max)
    return y_max


def average_pool(x, k=2, s=2, padding="valid"):
    """Take the mean of each window.

    Args:
        x: feature maps, shape (B, H, W, C).
        k: side of the window.
        s: stride.
        padding: "valid" or "same"; missing pixels do not count.

    Returns:
        Shape (B, P, Q, C).
    """
    X = windows(x, k, s, padding)  # (B, P, Q, kk, C)
    n = windows(ops.ones_like(x), k, s, padding)  # 1: a real pixel
    y_mean = ops.sum(X, axis=3) / ops.sum(n, axis=3)  # (pooling:y_mean)
    return y_mean


def max_pool_gradient(y_bar, x, k=2, s=2):
    """Send the error of each output to the arg-max of its window.

    Args:
        y_bar: gradient with respect to the output, (B, P, Q, C), NumPy.
        x: input of the pooling, (B, H, W, C), NumPy.
        k: side of the window.
        s: stride; padding is "valid".

    Returns:
        Gradient with respect to x, NumPy. In a tie the first pixel, row by
        row, gets everything.
    """
    x_bar = np.zeros_like(x)
    for m, i, j, c in np.ndindex(y_bar.shape):
        window = x[m, s * i:s * i + k, s * j:s * j + k, c]
        a, b = np.unravel_index(np.argmax(window), window.shape)
        x_bar[m, s * i + a, s * j + b, c] += y_bar[m, i, j, c]
    return x_bar


def blur_pool(x, s=2):
    """Blur with (1, 2, 1) / 4 along both axes, then keep every s-th pixel.

    Args:
        x: feature maps, shape (B, H, W, C).
        s: stride.

    Returns:
        Shape (B, P, Q, C), windows of 3 x 3 without padding.
    """
    w = np.outer([1, 2, 1], [1, 2, 1]).reshape(9, 1) / 16
    X = windows(x, 3, s)  # (B, P, Q, 9, C)
    return ops.sum(X * ops.cast(w, X.dtype), axis=3)


class MaxPooling2D(keras.layers.Layer):
    """Max pooling as a layer; it has no weights.

    Differs from keras.layers.MaxPooling2D: square windows only, and the
    channels come last.

    Args:
        pool_size: side of the window, at least 1.
        stride: pixels from one window to the next; the side if None.
        padding: "valid" or "same".

    Raises:
        ValueError: pool_size or stride is below 1, or padding is unknown.

    Example:
        >>> layer = MaxPooling2D(2)
        >>> layer(np.zeros((1, 30, 30, 32))).shape[1], layer.count_params()
        (15, 0)
    """

    def __init__(self, pool_size=2, stride=None, padding="valid"):
        super().__init__()
        stride = pool_size if stride is None else stride
        output_size(max(pool_size, 1), pool_size, stride, padding)
        self.geometry = (pool_size, stride, padding)

    def call(self, x):
        """Pool: (B, H, W, C) to (B, P, Q, C)."""
        return max_pool(x, *self.geometry)
