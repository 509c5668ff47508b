"""Data augmentation: train on changed copies whose labels stay right.

Page: practice/data_augmentation
Source: chapelle2000vicinal (vicinal risk); chen2020group (averages over
    maps); zhang2018mixup (mixup)
Shapes: B images, H rows, W columns, C channels, K classes, M maps or copies
    of each image
"""

import keras
import numpy as np
from keras import layers, ops


def translate(x, v):
    """Move each image by its own vector; what enters is 0.

    Args:
        x: images, shape (B, H, W, C).
        v: pixels down and pixels to the right, ints of shape (B, 2).

    Returns:
        Images, shape (B, H, W, C).

    Raises:
        ValueError: v does not have one vector per image.

    Example:
        >>> x = np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1)
        >>> [float(value) for value in translate(x, [[0, 1]])[0, 0, :, 0]]
        [0.0, 1.0, 2.0]
    """
    x, v = ops.convert_to_tensor(x), np.asarray(v)
    B, H, W, _ = x.shape
    if v.shape != (B, 2):
        raise ValueError(f"v must have shape ({B}, 2), got {v.shape}")
    i, j = np.arange(H)[:, None], np.arange(W)[:, None]
    rows = np.arange(H) == i - v[:, 0, None, None]  # (B, H, H)
    columns = np.arange(W) == j - v[:, 1, None, None]  # (B, W, W)
    x_v = ops.einsum(
        "biu,bjw,buwc->bijc", ops.cast(rows, x.dtype),
        ops.cast(columns, x.dtype), x)  # (data_augmentation:x_v)
    return x_v


def scatter(x, reach, rng):
    """Move each image by a random vector, each of its parts within reach.

    Args:
        x: images, shape (B, H, W, C).
        reach: most pixels either way, at least 0.
        rng: a `numpy.random.Generator`.

    Returns:
        NumPy array, shape (B, H, W, C).

    Raises:
        ValueError: reach is negative.
    """
    if reach < 0:
        raise ValueError(f"reach must be at least 0, got {reach}")
    v = rng.integers(-reach, reach + 1, (len(x), 2))
    return ops.convert_to_numpy(translate(x, v))


def mirror(x):
    """Exchange left and right.

    Args:
        x: images, shape (B, H, W, C).

    Returns:
        Images, shape (B, H, W, C).
    """
    x_m = ops.flip(x, axis=2)  # (data_augmentation:x_m)
    return x_m


def turn(x):
    """Turn images by 180 degrees.

    Args:
        x: images, shape (B, H, W, C).

    Returns:
        Images, shape (B, H, W, C).
    """
    x_t = ops.flip(x, axis=(1, 2))  # (data_augmentation:x_t)
    return x_t


def mixup(x, y, lam, order):
    """Mix each example with a partner, labels too.

    Args:
        x: images, shape (B, H, W, C).
        y: one-hot labels, shape (B, K).
        lam: share of the example itself, in [0, 1], shape (B,).
        order: index of each example's partner, shape (B,).

    Returns:
        Mixed images and mixed labels, of the shapes of x and y.

    Raises:
        ValueError: a share is outside [0, 1].
    """
    lam = np.asarray(lam, "float32")
    if not ((lam >= 0) & (lam <= 1)).all():
        raise ValueError(f"lam must be in [0, 1], got {lam}")
    x, y = ops.convert_to_tensor(x), ops.convert_to_tensor(y)
    lam = ops.cast(lam, x.dtype)
    a, b = lam[:, None, None, None], lam[:, None]
    x_j, y_j = ops.take(x, order, axis=0), ops.take(y, order, axis=0)
    x_tilde = a * x + (1 - a) * x_j  # (data_augmentation:x_tilde)
    y_tilde = b * y + (1 - b) * y_j  # (data_augmentation:y_tilde)
    return x_tilde, y_tilde


def augmented_risk(losses):
    """Average the loss over all copies of all examples.

    Args:
        losses: loss of copy m of example b, shape (M, B).

    Returns:
        A scalar.
    """
    R_hat = ops.mean(losses)  # (data_augmentation:R_hat)
    return R_hat


def risk_variance(losses, B, M):
    """Compute how much the augmented risk varies from sample to sample.

    Args:
        losses: of every map (row) for every example (column) of a population.
        B: examples drawn.
        M: maps drawn for each of them.

    Returns:
        The variance, a scalar.

    Raises:
        ValueError: B or M is below 1.

    Example:
        >>> float(risk_variance(np.array([[0.0, 2.0], [4.0, 6.0]]), 1, 2))
        3.0
    """
    if min(B, M) < 1:
        raise ValueError(f"B and M must be at least 1, got {(B, M)}")
    between = ops.var(ops.mean(losses, axis=0))
    within = ops.mean(ops.var(losses, axis=0))
    V = (between + within / M) / B  # (data_augmentation:V)
    return V


def augmenter(kind, side):
    """Choose the Keras layer that draws a new map for each image it sees.

    Args:
        kind: "none", "shift 1", "shift 2" (pixels), "mirror", "rotate".
        side: rows, and columns, of the images.

    Returns:
        A `keras.layers.Layer`; it acts unless called with training=False, as
        `predict` and `evaluate` do.

    Raises:
        ValueError: kind is unknown.
    """
    if kind == "none":
        return layers.Identity()
    if kind in ("shift 1", "shift 2"):
        share = int(kind[-1]) / side
        return layers.RandomTranslation(
            share, share, fill_mode="constant", interpolation="nearest")
    if kind == "mirror":
        return layers.RandomFlip("horizontal")
    if kind == "rotate":  # up to half a turn either way
        return layers.RandomRotation(0.5, fill_mode="constant")
    raise ValueError(f"unknown kind of augmentation: {kind!r}")


def small_cnn(side, augment=None, classes=10):
    """Build a small convolutional network, augmentation included.

    Args:
        side: rows, and columns, of the images.
        augment: layer that changes the images in `fit`; None: no layer.
        classes: number of logits.

    Returns:
        A `keras.Model`, (B, side, side, 1) -> (B, classes) logits.
    """
    return keras.Sequential([
        keras.Input((side, side, 1)),
        *([] if augment is None else [augment]),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(classes),
    ])
