"""Convolutional networks: what locality and equivariance leave of a dense net.

Page: vision/cnn
Source: lecun1998gradient, sec. 2 (LeNet-5); goodfellow2016deep, ch. 9
Shapes: B images, H rows, W columns, C channels, F filters, K kernel side,
    P rows (and columns) of the output, n cells of a ring
"""

import keras
import numpy as np
from keras import layers, ops

from dlguide.layers.convolution import conv2d

LENET5 = {  # P, K, stride, C, F
    "C1": (28, 5, 1, 1, 6),
    "S2": (14, 2, 2, 6, 6),
    "C3": (10, 5, 1, 6, 16),
    "S4": (5, 2, 2, 16, 16),
    "C5": (1, 5, 1, 16, 120),
    "F6": (1, 1, 1, 120, 84),
    "output": (1, 1, 1, 84, 10),
}


def shift(x, v):
    """Move images on a torus: what leaves on one side enters on the other.

    Args:
        x: images, shape (B, H, W, C).
        v: pixels down and pixels to the right, two ints.

    Returns:
        Images, shape (B, H, W, C).

    Example:
        >>> x = np.array([[1.0, 2.0, 3.0]]).reshape(1, 1, 3, 1)
        >>> [float(value) for value in shift(x, (0, 1))[0, 0, :, 0]]
        [3.0, 1.0, 2.0]
    """
    x_v = ops.roll(x, v, axis=(1, 2))  # (cnn:x_v)
    return x_v


def circular_conv2d(x, w):
    """Cross-correlate on a torus, so that the output has the input's size.

    Args:
        x: images, shape (B, H, W, C).
        w: kernels, shape (K, K, C, F).

    Returns:
        Feature maps, shape (B, H, W, F).
    """
    H, W, K = x.shape[1], x.shape[2], w.shape[0]
    reach = np.arange(-(K // 2), K - K // 2)
    rows = np.arange(reach[0], H + reach[-1]) % H
    columns = np.arange(reach[0], W + reach[-1]) % W
    x = ops.take(ops.take(x, rows, axis=1), columns, axis=2)
    y = conv2d(x, w)  # (cnn:y)
    return y


def equivariance_error(f, x, v, u=None):
    """Measure how far f is from moving its output by u when x moves by v.

    Args:
        f: function of images, returns (B, P, Q, F).
        x: images, shape (B, H, W, C).
        v: shift of the input, two ints.
        u: shift expected of the output, two ints; None: the same as v.

    Returns:
        Relative error, a scalar: 0 if f is equivariant.
    """
    a = f(shift(x, v))
    b = shift(f(x), v if u is None else u)
    e = ops.sqrt(ops.sum((a - b) ** 2) / ops.sum(b**2))  # (cnn:e)
    return e


def average_over_shifts(T):
    """Find the equivariant matrix nearest to T, on a ring of n cells.

    Args:
        T: any linear map of a ring, shape (n, n).

    Returns:
        Shape (n, n), constant along each wrapped diagonal.

    Raises:
        ValueError: T is not square.
    """
    if len(T.shape) != 2 or T.shape[0] != T.shape[1]:
        raise ValueError(f"T must have shape (n, n), got {tuple(T.shape)}")
    n = T.shape[0]
    i = np.add.outer(np.arange(n), np.arange(n)) % n  # i + v, shape (v, n)
    moved = ops.take(ops.reshape(T, (n * n,)), i[:, :, None] * n + i[:, None])
    T_bar = ops.mean(moved, axis=0)  # (cnn:T_bar)
    return T_bar


def conv_cost(P, K, C, F):
    """Count what F filters of K x K x C need for an output of P x P.

    Args:
        P: rows, and columns, of the output; 1 for a dense layer.
        K: rows, and columns, of the kernels; 1 for a dense layer.
        C: input channels.
        F: filters.

    Returns:
        Parameters n and multiply-adds m of one image, two ints.

    Raises:
        ValueError: an argument is below 1.

    Example:
        >>> conv_cost(28, 5, 1, 6), conv_cost(1, 1, 84, 10)
        ((156, 117600), (850, 840))
    """
    if min(P, K, C, F) < 1:
        raise ValueError(f"all must be at least 1, got {(P, K, C, F)}")
    n = (K * K * C + 1) * F  # (cnn:n)
    m = P * P * K * K * C * F  # (cnn:m)
    return n, m


def lenet5(padding="valid", activation="relu", classes=10):
    """Build LeNet-5 as one writes it today.

    Differs from LeCun et al. (1998): S2 and S4 take the maximum and have no
    weights; C3 sees all 6 maps; the output is 10 logits, not distances.

    Args:
        padding: of C5. "valid": one window, all 5 x 5 positions flattened.
            "same": 25 windows with the same weights, then averaged.
        activation: of C1, C3, C5 and F6.
        classes: number of logits.

    Returns:
        A `keras.Model`, (B, 32, 32, 1) -> (B, classes) logits.

    Raises:
        ValueError: padding is neither "valid" nor "same".
    """
    if padding not in ("valid", "same"):
        raise ValueError(f'padding must be "valid" or "same", got {padding!r}')
    act = {"activation": activation}
    return keras.Sequential([
        keras.Input((32, 32, 1)),  # (B, 32, 32, 1)
        layers.Conv2D(6, 5, **act, name="C1"),  # (B, 28, 28, 6)
        layers.MaxPooling2D(2, name="S2"),  # (B, 14, 14, 6)
        layers.Conv2D(16, 5, **act, name="C3"),  # (B, 10, 10, 16)
        layers.MaxPooling2D(2, name="S4"),  # (B, 5, 5, 16)
        layers.Conv2D(120, 5, padding=padding, **act, name="C5"),
        layers.GlobalAveragePooling2D(name="average"),  # (B, 120)
        layers.Dense(84, **act, name="F6"),  # (B, 84)
        layers.Dense(classes, name="output"),  # (B, classes)
    ])


def dense_net(units=60, classes=10):
    """Build the rival: one hidden layer that knows nothing of neighbors.

    Args:
        units: of the hidden layer; 60 make about as many parameters as LeNet-5.
        classes: number of logits.

    Returns:
        A `keras.Model`, (B, 32, 32, 1) -> (B, classes) logits.
    """
    return keras.Sequential([
        keras.Input((32, 32, 1)),
        layers.Flatten(),  # (B, 1024)
        layers.Dense(units, activation="relu"),
        layers.Dense(classes),
    ])


def place(digits, seed, reach=0, order=None):
    """Enlarge 8 x 8 digits to 16 x 16 and put them on a canvas of 32 x 32.

    Args:
        digits: shape (B, 8, 8, 1).
        seed: of the random places.
        reach: largest move from the center, 0 to 8 pixels.
        order: permutation of the 1024 pixels that scrambles every image.

    Returns:
        NumPy array, shape (B, 32, 32, 1).

    Raises:
        ValueError: reach is outside 0 to 8.
    """
    if not 0 <= reach <= 8:
        raise ValueError(f"reach must be in 0..8, got {reach}")
    rng = np.random.default_rng(seed)
    moves = 8 + rng.integers(-reach, reach + 1, (len(digits), 2))
    x = np.zeros((len(digits), 32, 32, 1), "float32")
    for canvas, digit, (i, j) in zip(x, digits, moves, strict=True):
        canvas[i : i + 16, j : j + 16] = np.kron(digit, np.ones((2, 2, 1)))
    return x if order is None else x.reshape(-1, 1024)[:, order].reshape(
        x.shape)


def train(model, make, seed, x, y, rate=0.003, epochs=20):
    """Train from a seed's initial weights, the optimizer's state at zero.

    Args:
        model: compiled `keras.Model`, trained before or not.
        make: function that builds the same model.
        seed: of the initial weights and of the order of the images.
        x: images, shape (B, 32, 32, 1).
        y: integer classes, shape (B,).
        rate: learning rate, > 0.
        epochs: passes over the images.
    """
    keras.utils.set_random_seed(seed)
    model.set_weights(make().get_weights())
    model.optimizer.build(model.trainable_variables)
    for variable in model.optimizer.variables:
        variable.assign(np.zeros(variable.shape))
    model.optimizer.learning_rate = rate
    model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
