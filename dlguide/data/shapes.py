"""Ten shapes on busy backgrounds: a generated stand-in for CIFAR-10.

The arrays have CIFAR-10's shapes and types and need no download. A pixel is
made of sums, products, square roots and roundings, which IEEE 754 fixes to
the last bit, and cosines are rounded to 6 digits: a seed gives the same
bytes on every machine.

Shapes: N images, S = 32 pixels a side; u, v coordinates in units of the
shape's radius, (N, S, S)
"""

import math

import numpy as np

CLASS_NAMES = (
    "circle", "ring", "semicircle", "crescent", "triangle",
    "square", "bar", "cross", "star", "arrow",
)
SIZE = 32
CHUNK = 1000
STAR = [
    (round(math.cos(angle), 6), round(math.sin(angle), 6))
    for angle in (0.4 * math.pi * k for k in range(5))
]


def shapes(n_train=8000, n_test=2000, seed=0):
    """Generate the two parts of the set, each from its own random stream.

    Args:
        n_train: number of training images, at least 1.
        n_test: number of test images, at least 1.
        seed: integer, at least 0. The training images depend on `seed` and
            `n_train` only, the test images on `seed` and `n_test` only.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: x uint8 (N, 32, 32, 3), y
        uint8 (N, 1) with labels 0 to 9 (`CLASS_NAMES`) in random order, as
        many of each as N allows.

    Raises:
        TypeError: an argument is not an integer.
        ValueError: an argument is below its least value.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = shapes(100, 20, seed=3)
        >>> x_train.shape, x_train.dtype, y_test.shape
        ((100, 32, 32, 3), dtype('uint8'), (20, 1))
        >>> [int(count) for count in np.bincount(y_test[:, 0])]
        [2, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    """
    arguments = (("n_train", n_train, 1), ("n_test", n_test, 1),
                 ("seed", seed, 0))
    for name, value, least in arguments:
        if not isinstance(value, (int, np.integer)):
            raise TypeError(f"{name} must be an integer, got {value!r}")
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    return _part(n_train, [seed, 0]), _part(n_test, [seed, 1])


def _part(n, entropy):
    rng = np.random.Generator(np.random.PCG64(entropy))
    y = rng.permutation(np.arange(n) % len(CLASS_NAMES)).astype("uint8")
    x = [draw(y[i : i + CHUNK], rng) for i in range(0, n, CHUNK)]
    return np.concatenate(x), y[:, None]


def draw(labels, rng):
    """Draw one image per label.

    Args:
        labels: integers 0 to 9, (N,).
        rng: a `numpy.random.Generator`; everything random comes from it.

    Returns:
        uint8 array (N, 32, 32, 3).

    Raises:
        ValueError: a label is not one of the ten.

    Example:
        >>> draw(np.array([7, 7]), np.random.default_rng(0)).shape
        (2, 32, 32, 3)
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.isin(labels, range(len(CLASS_NAMES))).all():
        raise ValueError(f"labels must be integers 0 to 9, (N,), got {labels}")
    n = len(labels)
    row, column = np.mgrid[:SIZE, :SIZE].astype("float32") - (SIZE - 1) / 2
    ground, ink = _colors(n, rng)
    slope = _directions(n, rng)
    ramp = (slope[0] * column + slope[1] * row) / SIZE  # (N, S, S)
    image = ground[0] + ground[1] * ramp[..., None]
    for _ in range(2):
        image = _stray_line(image, row, column, rng)
    cover = _cover(labels, row, column, rng)[..., None]
    image = image + cover * (ink - image)
    noise = rng.integers(-8, 9, image.shape, dtype="int8")
    return np.clip(np.rint(image + noise), 0, 255).astype("uint8")


def _uniform(n, low, high, rng, *shape):
    return rng.uniform(low, high, (n, *shape)).astype("float32")


def _directions(n, rng):
    """Cosine and sine of random angles, each (N, 1, 1)."""
    angle = rng.uniform(0, 2 * math.pi, (n, 1, 1))
    return np.round([np.cos(angle), np.sin(angle)], 6).astype("float32")


def _colors(n, rng):
    """Mean and slope of the background, and a colour that stands out."""
    mean = _uniform(n, 80, 176, rng, 1, 1, 3)
    slope = _uniform(n, -60, 60, rng, 1, 1, 3)
    sign = 2 * rng.integers(2, size=(n, 1, 1, 1)).astype("float32") - 1
    ink = mean + sign * _uniform(n, 60, 120, rng, 1, 1, 3)
    return (mean, slope), np.clip(ink, 0, 255)


def _cover(labels, row, column, rng):
    """Share of each pixel inside the shape, in [0, 1], (N, S, S)."""
    n = len(labels)
    radius = _uniform(n, 9, 13, rng, 1, 1)
    middle = _uniform(n, -1, 1, rng, 2, 1, 1) * (SIZE / 2 - radius)[:, None]
    x, y = column - middle[:, 0], row - middle[:, 1]
    cos, sin = _directions(n, rng)
    u, v = (x * cos + y * sin) / radius, (y * cos - x * sin) / radius
    depth = np.empty_like(u)
    for label in range(len(CLASS_NAMES)):
        of_class = labels == label
        depth[of_class] = _outside(label, u[of_class], v[of_class])
    return np.clip(0.5 - depth * radius, 0, 1)


def _outside(label, u, v):
    """About the distance to the shape's edge, negative inside."""
    name = CLASS_NAMES[label]
    rho, a, b = np.sqrt(u * u + v * v), np.abs(u), np.abs(v)
    if name == "circle":
        return rho - 0.85
    if name == "ring":
        return np.abs(rho - 0.7) - 0.22
    if name == "semicircle":
        return np.maximum(np.sqrt(u * u + (v + 0.4) ** 2) - 1, -v - 0.4)
    if name == "crescent":
        return np.maximum(rho - 1, 0.85 - np.sqrt((u - 0.5) ** 2 + v * v))
    if name == "triangle":
        return np.maximum(-v, 0.866025 * a + 0.5 * v) - 0.5
    if name == "square":
        return np.maximum(a, b) - 0.72
    if name == "bar":
        return np.maximum(a - 1, b - 0.35)
    if name == "cross":
        return np.minimum(np.maximum(a - 1, b - 0.28),
                          np.maximum(b - 1, a - 0.28))
    if name == "star":
        sides = np.sort([c * u + s * v for c, s in STAR], axis=0)
        return sides[3] - 0.32  # outside of two of the five lines
    head = np.maximum(-u, (b - 0.75 * (1 - u)) * 0.8)
    shaft = np.maximum(np.maximum(u - 0.2, -1 - u), b - 0.25)
    return np.minimum(head, shaft)


def _stray_line(image, row, column, rng):
    """Draw one straight line across each image."""
    n = len(image)
    cos, sin = _directions(n, rng)
    offset = _uniform(n, -12, 12, rng, 1, 1)
    width = _uniform(n, 0.5, 1.0, rng, 1, 1)
    away = np.abs(column * cos + row * sin - offset)
    cover = np.clip(width + 0.5 - away, 0, 1)[..., None]
    return image + cover * (_uniform(n, 40, 216, rng, 1, 1, 3) - image)
