"""Data with a known density: two Gaussians, and eight of them on a ring."""

import numpy as np

MODES = 8
STD = 0.1  # standard deviation of each mode of the ring
_ANGLES = 2 * np.pi * np.arange(MODES) / MODES
CENTERS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)  # radius 1


def two_gaussians(n, seed):
    """Draw from N(-1, 1), label 1, or from N(1, 0.5^2), label 0.

    Args:
        n: number of examples.
        seed: seed of the random numbers.

    Returns:
        x and y, both (n, 1); the two labels are equally likely.
    """
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=(n, 1))
    x = rng.normal(np.where(y, -1.0, 1.0), np.where(y, 1.0, 0.5))
    return x.astype("float32"), y.astype("float32")


def densities(x):
    """Densities of the two Gaussians of `two_gaussians`.

    Args:
        x: points, any shape.

    Returns:
        p, of label 1, and q, of label 0, of the shape of `x`.
    """
    p = np.exp(-((x + 1) ** 2) / 2) / np.sqrt(2 * np.pi)
    q = np.exp(-2 * (x - 1) ** 2) / np.sqrt(np.pi / 2)
    return p, q


def ring(n, seed):
    """Draw points of the ring, each from a mode chosen at random.

    Args:
        n: number of points.
        seed: seed of the random numbers.

    Returns:
        Points of the plane, (n, 2), float32.
    """
    rng = np.random.default_rng(seed)
    centers = CENTERS[rng.integers(MODES, size=n)]
    return rng.normal(centers, STD).astype("float32")


def covered(points):
    """Count the modes of the ring that the points cover.

    A mode is covered if at least a fifth of its fair share of the points, that
    is 1 in 40 of all, lies within 3 standard deviations of its center.

    Args:
        points: points of the plane, (N, 2).

    Returns:
        The number of covered modes, 0 to 8.

    Example:
        >>> covered(ring(1000, seed=0))
        8
    """
    distance = np.linalg.norm(points[:, None] - CENTERS, axis=-1)  # (N, 8)
    share = (distance < 3 * STD).mean(axis=0)
    return int((share >= 1 / 5 / MODES).sum())
