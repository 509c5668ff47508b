"""The adding problem: remember two marked numbers, return their sum.

Two channels a step: a number drawn from [0, 1) and a mark, 1 at two steps and
0 elsewhere. One mark lies in each half of the sequence. After
hochreiter1997long, sec. 5.4, with the simpler range and target of today.
"""

import numpy as np

VARIANCE = 1 / 6  # the sum of 2 independent numbers, each of variance 1/12


def adding_problem(n, length, seed):
    """Draw sequences of the adding problem.

    Args:
        n: number of sequences, at least 1.
        length: time steps T of each sequence, at least 2.
        seed: seed of the random numbers.

    Returns:
        x of shape (n, T, 2), float32: numbers and marks; y of shape (n, 1),
        float32: the sum of the two marked numbers.

    Raises:
        ValueError: n is below 1, or length below 2.

    Example:
        >>> x, y = adding_problem(n=3, length=60, seed=0)
        >>> x.shape, y.shape
        ((3, 60, 2), (3, 1))
        >>> bool(np.allclose((x[..., 0] * x[..., 1]).sum(axis=1), y[:, 0]))
        True
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    if length < 2:
        raise ValueError(f"length must be at least 2, got {length}")
    rng = np.random.default_rng(seed)
    rows, half = np.arange(n), length // 2
    numbers = rng.random((n, length), dtype="float32")
    marks = np.zeros((n, length), dtype="float32")
    marks[rows, rng.integers(0, half, n)] = 1
    marks[rows, rng.integers(half, length, n)] = 1
    x = np.stack([numbers, marks], axis=-1)
    y = (numbers * marks).sum(axis=1, keepdims=True)
    return x, y


def probes(length, seed):
    """Make pairs of sequences that differ in one marked number.

    Row k of both has a mark k steps before the end, and the other mark half a
    length away; the number at the first one is 0 in `low` and 1 in `high`. A
    network that solves the problem answers 1 more for `high`, for every k.

    Args:
        length: time steps T of each sequence, even, at least 2.
        seed: seed of the random numbers.

    Returns:
        low and high, each of shape (T, T, 2), float32.

    Raises:
        ValueError: length is odd or below 2.

    Example:
        >>> low, high = probes(length=4, seed=0)
        >>> (high - low)[1, :, 0]
        array([0., 0., 1., 0.], dtype=float32)
    """
    if length < 2 or length % 2:
        raise ValueError(f"length must be even, at least 2, got {length}")
    low = adding_problem(length, length, seed)[0]
    here = np.eye(length, dtype="float32")[::-1]
    low[..., 1] = here + np.roll(here, length // 2, axis=1)
    low[..., 0] *= 1 - here
    high = low.copy()
    high[..., 0] += here
    return low, high
