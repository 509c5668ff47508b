"""Convolution: one small kernel, used again at every position of the image.

Page: layers/convolution
Source: goodfellow2016deep, sec. 9.1-9.5; lecun1989backpropagation
Shapes: B images, H rows, W columns, C channels, F filters, K kernel rows,
    L kernel columns, P output rows, Q output columns
"""

import keras
import numpy as np
from keras import ops


def output_size(n, k, s=1, p=0, d=1):
    """Count the positions of a kernel along one axis.

    Args:
        n: length of the input, in pixels.
        k: length of the kernel, in taps.
        s: stride, in pixels.
        p: zeros added on each side, in pixels.
        d: dilation, pixels from one tap to the next.

    Returns:
        The length of the output, an int of at least 1.

    Raises:
        ValueError: if an argument is out of range, or no position fits.

    Example:
        >>> output_size(32, 3), output_size(32, 3, s=2, p=1)
        (30, 16)
    """
    if min(n, k, s, d) < 1 or p < 0:
        raise ValueError(
            "n, k, s, d must be at least 1 and p at least 0, got "
            f"n={n}, k={k}, s={s}, p={p}, d={d}"
        )
    if d * (k - 1) + 1 > n + 2 * p:
        raise ValueError(
            f"the kernel spans {d * (k - 1) + 1} pixels, "
            f"but the padded input has only {n + 2 * p}"
        )
    o = (n + 2 * p - d * (k - 1) - 1) // s + 1  # (convolution:o)
    return o


def patches(x, k, s=1, p=0, d=1):
    """Copy what the kernel sees at each position into one row (im2col).

    Args:
        x: images, shape (B, H, W, C).
        k: size of the kernel, (K, L).
        s: stride, for both axes.
        p: zeros added on each side, for both axes.
        d: dilation, for both axes.

    Returns:
        Shape (B, P, Q, K * L * C), in the order row, column, channel.
    """
    (K, L), (H, W, C) = k, x.shape[1:]
    P, Q = output_size(H, K, s, p, d), output_size(W, L, s, p, d)
    x = ops.pad(x, [[0, 0], [p, p], [p, p], [0, 0]])
    u = s * np.arange(P)[:, None] + d * np.arange(K)  # (P, K)
    v = s * np.arange(Q)[:, None] + d * np.arange(L)  # (Q, L)
    X = ops.take(ops.take(x, u, axis=1), v, axis=3)  # (convolution:X)
    X = ops.transpose(X, (0, 1, 3, 2, 4, 5))  # (B, P, Q, K, L, C)
    return ops.reshape(X, (-1, P, Q, K * L * C))


def conv2d(x, w, s=1, p=0, d=1):
    """Cross-correlate images with kernels: im2col, then one matrix product.

    Args:
        x: images, shape (B, H, W, C).
        w: kernels, shape (K, L, C, F).
        s: stride, for both axes.
        p: zeros added on each side, for both axes.
        d: dilation, for both axes.

    Returns:
        Feature maps, shape (B, P, Q, F).

    Raises:
        ValueError: if `x` and `w` differ in their number of channels.
    """
    K, L, C, F = w.shape
    if len(x.shape) != 4 or x.shape[3] != C:
        raise ValueError(
            f"x must have shape (B, H, W, {C}) to fit w of shape "
            f"{tuple(w.shape)}, got {tuple(x.shape)}"
        )
    X = patches(x, (K, L), s, p, d)  # (B, P, Q, KLC)
    y = ops.matmul(X, ops.reshape(w, (K * L * C, F)))  # (convolution:y)
    return y


def selection(n, k, s=1, p=0, d=1):
    """Mark which input pixel each tap meets at each output position.

    Args:
        n: length of the input, in pixels.
        k: length of the kernel, in taps.
        s: stride, in pixels.
        p: zeros added on each side, in pixels.
        d: dilation, in pixels.

    Returns:
        NumPy array of 0 and 1, shape (output, input, tap).
    """
    i = np.arange(output_size(n, k, s, p, d))[:, None, None]
    u = np.arange(n)[None, :, None]
    a = np.arange(k)
    S = (u == s * i + d * a - p).astype("int8")  # (convolution:S)
    return S


def toeplitz(w, size, s=1, p=0, d=1):
    """Write the convolution as one matrix.

    Args:
        w: kernels, shape (K, L, C, F).
        size: size of the input, (H, W).
        s: stride, for both axes.
        p: zeros added on each side, for both axes.
        d: dilation, for both axes.

    Returns:
        Shape (P * Q * F, H * W * C): times the flat image it gives the flat
        output, both in the order row, column, channel.
    """
    (H, W), (K, L) = size, w.shape[:2]
    w = ops.convert_to_tensor(w)
    S_h = ops.cast(selection(H, K, s, p, d), w.dtype)  # (P, H, K)
    S_w = ops.cast(selection(W, L, s, p, d), w.dtype)  # (Q, W, L)
    T = ops.einsum("iua,jvb,abcf->ijfuvc", S_h, S_w, w)  # (convolution:T)
    return ops.reshape(T, (int(np.prod(T.shape[:3])), -1))


def conv2d_transpose(y, w, size, s=1, p=0, d=1):
    """Apply the transposed matrix of `conv2d`, without building it.

    Args:
        y: feature maps, shape (B, P, Q, F).
        w: kernels of the `conv2d` to transpose, shape (K, L, C, F).
        size: size of the image to return, (H, W).
        s: stride of that `conv2d`.
        p: zeros that it adds on each side.
        d: dilation of that `conv2d`.

    Returns:
        Images, shape (B, H, W, C).

    Raises:
        ValueError: if `conv2d` does not turn `size` into the size of `y`.
    """
    (H, W), (K, L) = size, w.shape[:2]
    P, Q = output_size(H, K, s, p, d), output_size(W, L, s, p, d)
    if tuple(y.shape[1:]) != (P, Q, w.shape[3]):
        raise ValueError(
            f"y must have shape (B, {P}, {Q}, {w.shape[3]}) for images of size "
            f"{tuple(size)}, got {tuple(y.shape)}"
        )
    w = ops.convert_to_tensor(w)
    S_h = ops.cast(selection(H, K, s, p, d), w.dtype)  # (P, H, K)
    S_w = ops.cast(selection(W, L, s, p, d), w.dtype)  # (Q, W, L)
    x = ops.einsum(
        "mijf,iua,jvb,abcf->muvc", y, S_h, S_w, w)  # (convolution:x)
    return x


def receptive_field(stack):
    """Side of the input square that one output of a stack depends on.

    Args:
        stack: (k, s, d) of each layer: kernel, stride, dilation.

    Returns:
        The side, in pixels of the input.

    Example:
        >>> receptive_field([(3, 1, 1), (3, 1, 1)])
        5
    """
    r, t = 1, 1
    for k, s, d in stack:
        r = r + d * (k - 1) * t  # (convolution:r)
        t = t * s
    return r


class Conv2D(keras.layers.Layer):
    """A convolution layer with square kernels and one bias per filter.

    Differs from keras.layers.Conv2D: `padding` is the number of zeros on
    each side; stride and dilation are the same along both axes; no
    activation, groups, initializer or regularizer to choose.

    Args:
        filters: number of output channels.
        kernel_size: rows, and columns, of the kernel.
        stride: pixels from one position to the next.
        padding: zeros added on each side.
        dilation: pixels from one tap to the next.

    Raises:
        ValueError: if `filters` is below 1.
    """

    def __init__(self, filters, kernel_size, stride=1, padding=0, dilation=1):
        super().__init__()
        if filters < 1:
            raise ValueError(f"filters must be at least 1, got {filters}")
        self.filters, self.kernel_size = filters, kernel_size
        self.geometry = (stride, padding, dilation)

    def build(self, input_shape):
        """Create the kernels w (K, K, C, F) and the bias b (F,)."""
        K, C, F = self.kernel_size, input_shape[-1], self.filters
        self.w = self.add_weight(shape=(K, K, C, F), name="w")
        self.b = self.add_weight(shape=(F,), initializer="zeros", name="b")

    def call(self, x):
        """Cross-correlate and add the bias: (B, H, W, C) to (B, P, Q, F)."""
        z = conv2d(x, self.w, *self.geometry) + self.b  # (convolution:z)
        return z
