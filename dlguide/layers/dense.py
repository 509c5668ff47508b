"""Dense: every output looks at every input, through one affine map.

Page: layers/dense
Source: goodfellow2016deep (the layer); glorot2010understanding and
    he2015delving (initial variance); long2015fully (the layer as a kernel)
Shapes: B rows, I input features, N units, K kernel rows, L kernel columns,
    C channels
"""

import math

import keras
from keras import ops


def dense(x, W, b):
    """Apply one affine map to the last axis.

    Args:
        x: inputs, shape (..., I).
        W: weights, shape (I, N); column j belongs to unit j.
        b: bias, shape (N,).

    Returns:
        Pre-activations, shape (..., N).

    Example:
        >>> x, W = ops.array([[1.0, 2.0]]), ops.array([[1.0, 0], [2, -1]])
        >>> [round(float(z)) for z in dense(x, W, ops.array([0.0, 1]))[0]]
        [5, -1]
    """
    z = ops.matmul(x, W) + b  # (dense:z)
    return z


def dense_backward(x, W, delta):
    """Send a gradient back through the affine map.

    Args:
        x: inputs of the layer, shape (..., I).
        W: weights, shape (I, N).
        delta: gradient of the loss with respect to z, shape (..., N).

    Returns:
        Gradients of x (..., I), W (I, N) and b (N,).
    """
    shape, (I, N) = x.shape, W.shape
    x, delta = ops.reshape(x, (-1, I)), ops.reshape(delta, (-1, N))
    dW = ops.matmul(ops.transpose(x), delta)  # (dense:dW)
    db = ops.sum(delta, axis=0)  # (dense:db)
    dx = ops.matmul(delta, ops.transpose(W))  # (dense:dx)
    return ops.reshape(dx, shape), dW, db


def as_kernel(W, size):
    """Write the weights of a dense layer on images as a convolution kernel.

    Args:
        W: weights, shape (K * L * C, N), for images flattened in the order
            row, column, channel.
        size: rows and columns of the image, (K, L).

    Returns:
        Kernel of the size of the image, shape (K, L, C, N).

    Raises:
        ValueError: the rows of W are no multiple of the number of pixels.

    Example:
        >>> tuple(as_kernel(ops.zeros((48, 10)), (4, 4)).shape)
        (4, 4, 3, 10)
    """
    rows, N = W.shape
    if rows % math.prod(size):
        raise ValueError(
            f"{rows} weights per unit do not fill an image of size {size}"
        )
    w = ops.reshape(W, (*size, rows // math.prod(size), N))  # (dense:w)
    return w


def gain(fan, v, kappa=1.0):
    """Factor by which one layer multiplies the mean square of the signal.

    Args:
        fan: terms in each sum: I forward, N backward.
        v: variance of the weights, at least 0.
        kappa: share of the mean square that the activation lets through, 1
            without activation, 1/2 for ReLU.

    Returns:
        The expected factor.

    Example:
        >>> gain(256, glorot(256, 256), kappa=0.5)
        0.5
    """
    g = kappa * fan * v  # (dense:g)
    return g


def he(fan, kappa=0.5):
    """Choose the variance of the weights that gives a gain of 1.

    Args:
        fan: terms in each sum, at least 1.
        kappa: share that the activation lets through; 1/2 for ReLU.

    Returns:
        The variance; 2 / fan for ReLU.

    Raises:
        ValueError: fan is below 1.
    """
    if fan < 1:
        raise ValueError(f"fan must be at least 1, got {fan}")
    v_he = 1 / (kappa * fan)  # (dense:v_he)
    return v_he


def glorot(I, N):
    """Choose the variance between those for the way forward and back.

    Args:
        I: input features, at least 1.
        N: units, at least 1.

    Returns:
        The variance 2 / (I + N), meant for an activation with slope 1.
    """
    v_glorot = 1 / ((I + N) / 2)  # (dense:v_glorot)
    return v_glorot


class Dense(keras.layers.Layer):
    """The weights of a dense layer, without an activation.

    Args:
        units: number of units N, at least 1.

    Raises:
        ValueError: units is below 1.

    Example:
        >>> layer = Dense(10)
        >>> tuple(layer(ops.zeros((2, 5, 64))).shape)
        (2, 5, 10)
        >>> layer.count_params()
        650

    Differs from keras.layers.Dense: no activation, initial values and
    regularizers are not options. The weights are the same.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be at least 1, got {units}")
        self.units = units

    def build(self, input_shape):
        """Create W and b for inputs with I = input_shape[-1]."""
        I, N = input_shape[-1], self.units
        a = math.sqrt(3 * glorot(I, N))  # U(-a, a) has variance a^2 / 3
        self.W = self.add_weight(
            name="W",
            shape=(I, N),
            initializer=keras.initializers.RandomUniform(-a, a),
        )
        self.b = self.add_weight(name="b", shape=(N,), initializer="zeros")

    def call(self, x):
        """Apply the affine map: (..., I) to (..., N)."""
        return dense(x, self.W, self.b)
