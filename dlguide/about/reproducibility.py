"""Why numbers differ: three ways to add up, and how far two runs drift apart.

The sums use NumPy, one rounding a line: a compiler may change the order of
additions, and the order is the subject here.

Page: about/reproducibility
Source: goldberg1991what (rounding, compensated sum); higham1993accuracy
    (bounds); ieee2019standard (the order of the bits)
Shapes: N terms, P parameters, T moments of a run
"""

import math

import numpy as np


def _terms(x):
    """`x` as an array with at least one term of a float format."""
    x = np.asarray(x)
    if x.ndim < 1 or x.shape[0] < 1:
        raise ValueError(f"expected at least 1 term, got shape {x.shape}")
    if not np.issubdtype(x.dtype, np.floating):
        raise ValueError(f"expected floating-point terms, got {x.dtype}")
    return x


def running_sum(x):
    """Add the terms one after another, each result rounded.

    Args:
        x: terms along the first axis, (N, ...), float16, float32 or float64.

    Returns:
        Sum over the first axis, (...), in the format of the terms.

    Raises:
        ValueError: no term, or terms that are no floating-point numbers.

    Example:
        >>> float(running_sum(np.array([0.1, 0.2, 0.3])))
        0.6000000000000001
        >>> float(running_sum(np.array([0.3, 0.2, 0.1])))
        0.6
    """
    x = _terms(x)
    s = np.zeros_like(x[0])
    for x_k in x:
        s = s + x_k  # (reproducibility:s)
    return s


def pairwise_sum(x):
    """Add neighbors, then neighboring sums, until one is left.

    Args:
        x: terms along the first axis, (N, ...), float16, float32 or float64.

    Returns:
        Sum over the first axis, (...), in the format of the terms.

    Raises:
        ValueError: no term, or terms that are no floating-point numbers.
    """
    p = _terms(x)
    while len(p) > 1:
        if len(p) % 2:
            p = np.concatenate([p, np.zeros_like(p[:1])])
        p = p[0::2] + p[1::2]  # (reproducibility:p)
    return p[0]


def kahan_sum(x):
    """Add one after another and carry along what rounding added.

    Args:
        x: terms along the first axis, (N, ...), float16, float32 or float64.

    Returns:
        Sum over the first axis, (...), in the format of the terms.

    Raises:
        ValueError: no term, or terms that are no floating-point numbers.
    """
    x = _terms(x)
    s = c = np.zeros_like(x[0])
    for x_k in x:
        y = x_k - c  # (reproducibility:y)
        t = s + y
        c = (t - s) - y  # (reproducibility:c)
        s = t
    return s


def ulp_distance(a, b):
    """Count the steps from one float32 to the other.

    Args:
        a: numbers, any shape, converted to float32; no NaN.
        b: numbers, of the shape of `a`.

    Returns:
        int64 array of that shape: 0 for equal numbers, 1 for neighbors.

    Raises:
        ValueError: shapes that differ, or a NaN.

    Example:
        >>> int(ulp_distance(1.0, 1 + 2**-23)), int(ulp_distance(0.0, -0.0))
        (1, 0)
    """
    a, b = np.asarray(a, "float32"), np.asarray(b, "float32")
    if a.shape != b.shape:
        raise ValueError(f"shapes differ: {a.shape} and {b.shape}")
    if np.isnan(a).any() or np.isnan(b).any():
        raise ValueError("expected numbers, got a NaN")
    d = np.abs(_rank(a) - _rank(b))  # (reproducibility:d)
    return d


def _rank(v):
    """Place of each float32 in the order of all; 0 for zero."""
    k = v.view("int32").astype("int64")  # the bits as an integer
    r = np.where(k < 0, -(2**31) - k, k)  # (reproducibility:r)
    return r


def nudge(weights, index, steps=1):
    """Copy weights and move one of them by a few neighbors, away from 0.

    Args:
        weights: float32 array of any shape.
        index: place of the weight that moves.
        steps: how many numbers further, at least 1.

    Returns:
        The copy.

    Raises:
        ValueError: the weight is 0 (its neighbor is 1e-45), or steps < 1.
    """
    w = np.array(weights, "float32")
    if w[index] == 0 or steps < 1:
        raise ValueError("expected a weight other than 0 and at least 1 "
                         f"step, got {w[index]} and {steps}")
    for _ in range(steps):
        w[index] = np.nextafter(w[index], np.copysign(np.inf, w[index]))
    return w


def separation(run, twin):
    """Distance of two runs, relative to the size of the first.

    Args:
        run: parameters at each moment, (T, P).
        twin: parameters of the other run at the same moments, (T, P).

    Returns:
        float64 array, (T,).

    Raises:
        ValueError: shapes that differ.
    """
    run, twin = np.asarray(run, "float64"), np.asarray(twin, "float64")
    if run.shape != twin.shape or run.ndim != 2:
        raise ValueError("expected two arrays (T, P), got "
                         f"{run.shape} and {twin.shape}")
    gap = np.linalg.norm(twin - run, axis=1)
    D = gap / np.linalg.norm(run, axis=1)  # (reproducibility:D)
    return D


def growth_rate(D, n):
    """Mean exponent of growth: the distance is D_0 e^(lam n) after n steps.

    Args:
        D: distances, > 0, (T,).
        n: number of steps from the first moment to the last, > 0.

    Returns:
        The exponent per step, a float.

    Raises:
        ValueError: a distance at either end is not above 0, or n < 1.
    """
    if not (D[0] > 0 and D[-1] > 0) or n < 1:
        raise ValueError("expected distances above 0 and at least 1 step, "
                         f"got {D[0]}, {D[-1]} and {n}")
    lam = math.log(D[-1] / D[0]) / n  # (reproducibility:lam)
    return lam
