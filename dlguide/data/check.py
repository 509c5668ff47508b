"""Is this data set what the net expects? Ask before training, not after.

Shapes: N images
"""

import numpy as np

IMAGE_SHAPE = (32, 32, 3)


def check_images(x, y, classes=10, shape=IMAGE_SHAPE):
    """Check images and labels; return nothing, or say what is wrong.

    Args:
        x: images, (N, 32, 32, 3), uint8 or floating point, N at least 1.
        y: labels, integers from 0 to `classes` - 1, (N,) or (N, 1).
        classes: number of classes, at least 2.
        shape: shape of one image.

    Raises:
        ValueError: something is not as above; the message names what came
            and what was expected.

    Example:
        >>> x = np.zeros((4, 32, 32, 3), "uint8")
        >>> check_images(x, np.array([0, 1, 2, 9]))
        >>> check_images(x, np.array([0, 1, 2, 10]))
        Traceback (most recent call last):
        ValueError: labels must be 0 to 9, got 10 at index 3
    """
    if not isinstance(classes, (int, np.integer)) or classes < 2:
        raise ValueError(f"classes must be at least 2, got {classes!r}")
    x, y = _array("images", x), _array("labels", y)
    _check_x(x, tuple(shape))
    _check_y(y, len(x), classes)


def _array(name, value):
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name} are not one array: {error}") from error
    if array.dtype == object:
        raise ValueError(
            f"{name} must be one array of numbers, got {type(value).__name__} "
            "with dtype object"
        )
    return array


def _check_x(x, shape):
    if x.shape[1:] != shape or x.ndim != len(shape) + 1:
        wanted = ", ".join(map(str, shape))
        raise ValueError(f"images must be (N, {wanted}), got {x.shape}")
    if len(x) == 0:
        raise ValueError(f"there must be at least 1 image, got {x.shape}")
    floating = np.issubdtype(x.dtype, np.floating)
    if x.dtype != np.uint8 and not floating:
        raise ValueError(f"images must be uint8 or float, got {x.dtype}")
    if floating and not np.isfinite(x).all():
        first = int(np.argwhere(~np.isfinite(x))[0, 0])
        raise ValueError(
            f"pixels must be finite, got NaN or infinity in image {first}"
        )


def _check_y(y, n, classes):
    if y.shape not in ((n,), (n, 1)):
        raise ValueError(
            f"labels must be ({n},) or ({n}, 1) for {n} images, got {y.shape}"
        )
    if not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"labels must be integers, got {y.dtype}")
    wrong = np.flatnonzero((y < 0) | (y >= classes))
    if len(wrong):
        raise ValueError(
            f"labels must be 0 to {classes - 1}, got {y.flat[wrong[0]]} "
            f"at index {wrong[0]}"
        )
