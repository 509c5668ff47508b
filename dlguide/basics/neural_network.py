"""Neural network: affine layers with a nonlinear function between them.

Page: basics/neural_network
Source: cybenko1989approximation; leshno1993multilayer; montufar2014number;
    telgarsky2016benefits
Shapes: B batch, I input features, N hidden units, K outputs, L layers
"""

import math
from itertools import combinations, pairwise, product

import keras
import numpy as np
from keras import ops


def layer(x, W, b, phi):
    """Compute one layer: a weighted sum per unit, then the activation.

    Args:
        x: inputs, (B, I).
        W: weights, (I, N).
        b: biases, (N,).
        phi: activation function, applied to each element.

    Returns:
        Activations, (B, N).
    """
    z = ops.matmul(x, W) + b  # (neural_network:z)
    h = phi(z)  # (neural_network:h)
    return h


def network(x, weights, phi=ops.relu):
    """Compute a network; its last layer has no activation.

    Args:
        x: inputs, (B, I).
        weights: list of pairs (W, b), one per layer.
        phi: activation function of the hidden layers.

    Returns:
        Outputs, (B, K).
    """
    h = x
    for W, b in weights[:-1]:
        h = layer(h, W, b, phi)
    W, b = weights[-1]
    y_hat = ops.matmul(h, W) + b  # (neural_network:y_hat)
    return y_hat


def collapse(first, second):
    """Merge two affine layers that have no activation between them.

    Args:
        first: pair (W_1, b_1), (I, N) and (N,).
        second: pair (W_2, b_2), (N, K) and (K,).

    Returns:
        The one pair (W, b) that does the same, (I, K) and (K,).
    """
    (W_1, b_1), (W_2, b_2) = first, second
    W = ops.matmul(W_1, W_2)  # (neural_network:W)
    b = ops.matmul(b_1, W_2) + b_2  # (neural_network:b)
    return W, b


def interpolate(t, y):
    """Write down the ReLU network that draws straight lines between points.

    Args:
        t: knots, increasing, (N + 1,).
        y: values at the knots, (N + 1,).

    Returns:
        Weights of N hidden units, for `network`: [(W_1, b_1), (W_2, b_2)].

    Raises:
        ValueError: fewer than 2 points, shapes that differ, a value that is
            not finite, knots that do not increase.

    Example:
        >>> first, second = interpolate([0, 1, 2], [0, 1, 0])
        >>> second[0].ravel().tolist()  # slope 1, then 2 less
        [1.0, -2.0]
    """
    t, y = np.asarray(t, "float64"), np.asarray(y, "float64")
    if t.ndim != 1 or t.shape != y.shape or len(t) < 2:
        raise ValueError("t and y must be two rows of the same 2 or more "
                         f"numbers, got shapes {t.shape} and {y.shape}")
    if not np.isfinite([t, y]).all() or (np.diff(t) <= 0).any():
        raise ValueError(f"t must increase, t and y be finite, got t={t}, "
                         f"y={y}")
    s = np.diff(y) / np.diff(t)  # (neural_network:s)
    W_1, b_1 = np.ones((1, len(s))), -t[:-1]
    W_2 = np.diff(s, prepend=0)[:, None]  # (neural_network:W_2)
    b_2 = y[:1]
    return [(W_1.astype("float32"), b_1.astype("float32")),
            (W_2.astype("float32"), b_2.astype("float32"))]


def interpolation_bound(M, spacing):
    """Bound the error of straight lines between points of a function.

    Args:
        M: largest absolute second derivative of the function.
        spacing: distance from one knot to the next.

    Returns:
        The error that is exceeded nowhere.
    """
    bound = M * spacing**2 / 8  # (neural_network:bound)
    return bound


# 0 -> 0, 1/2 -> 1, 1 -> 0
TENT = interpolate([0, 0.5, 1], [0, 1, 0])


def tent(L):
    """Write down the network of L layers of 2 ReLUs that folds [0, 1] L times.

    Args:
        L: number of folds, at least 1.

    Returns:
        Weights for `network`; on [0, 1] it draws 2**L straight pieces.

    Raises:
        ValueError: L is below 1.
    """
    if L < 1:
        raise ValueError(f"L must be at least 1, got {L}")
    first, last = TENT
    middle = collapse(last, first)  # (2, 2), (2,)
    return [first, *[middle] * (L - 1), last]


def patterns(x, weights):
    """Tell which hidden ReLUs are on, for each input.

    Args:
        x: inputs, (B, I).
        weights: list of pairs (W, b), as for `network`.

    Returns:
        Booleans, one column per hidden unit of any layer.
    """
    h, on = x, []
    for W, b in weights[:-1]:
        h = layer(h, W, b, ops.relu)
        on.append(ops.convert_to_numpy(h) > 0)
    return np.concatenate(on, axis=1)


def count_regions(on):
    """Count the different rows of `on`, the booleans of `patterns`."""
    return len(np.unique(on, axis=0))


def corners(W, b):
    """Find points on all sides of each corner where I hyperplanes meet.

    Args:
        W: weights of one layer, (I, N); any I columns are independent.
        b: biases, (N,).

    Returns:
        Points, (2**I * C(N, I), I); if N is at least I, every region of the
        layer has a corner, so these points visit them all.
    """
    I, N = W.shape
    sides = 1e-3 * np.array(list(product((-1, 1), repeat=I)))  # z there
    return np.concatenate([
        np.linalg.solve(W[:, at].T, (sides - b[at]).T).T
        for at in map(list, combinations(range(N), I))])


def most_regions(N, I):
    """Count the regions into which N hyperplanes cut a space, at most.

    Args:
        N: hyperplanes, one per hidden unit, at least 1.
        I: dimensions of the space, at least 1.

    Returns:
        The number of regions when the hyperplanes are in general position.

    Raises:
        ValueError: N or I is below 1.

    Example:
        >>> [most_regions(10, I) for I in (1, 2, 10)]
        [11, 56, 1024]
    """
    if min(N, I) < 1:
        raise ValueError(f"N and I must be at least 1, got {N} and {I}")
    R = sum(math.comb(N, i) for i in range(I + 1))  # (neural_network:R)
    return R


class NeuralNetwork(keras.Model):
    """Multi-layer network that owns its weights and calls `network`.

    W is drawn from a normal distribution of variance 2 / inputs; b starts
    at 0.

    Args:
        sizes: units per layer, inputs first, e.g. `(1, 23, 1)`.
        activation: name or function, for the hidden layers; None: none.
        seed: seed of the initial weights.

    Raises:
        ValueError: fewer than 2 sizes, a size below 1, unknown activation.

    Example:
        >>> model = NeuralNetwork((3, 4, 2))
        >>> [tuple(w.shape) for w in model.trainable_variables]
        [(3, 4), (4,), (4, 2), (2,)]

    Differs from keras.layers.Dense: it is a stack of such layers, the last
    of which has no activation.
    """

    def __init__(self, sizes, activation="relu", seed=0):
        super().__init__()
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"sizes must be 2 or more counts, got {sizes}")
        self.sizes = tuple(sizes)
        self.phi = keras.activations.get(activation)
        normal = keras.initializers.VarianceScaling(
            2.0, "fan_in", "untruncated_normal",
            seed=keras.random.SeedGenerator(seed))
        self.kernels, self.biases = [], []
        for shape in pairwise(sizes):
            self.kernels.append(self.add_weight(shape, normal))
            self.biases.append(self.add_weight(shape[1:], "zeros"))

    def pairs(self):
        """List of (W, b), as the pure functions take it."""
        return list(zip(self.kernels, self.biases, strict=True))

    def call(self, x):
        """Outputs of a batch: (B, I) -> (B, K)."""
        if x.shape[-1] != self.sizes[0]:
            raise ValueError(f"x must have {self.sizes[0]} columns, "
                             f"got shape {tuple(x.shape)}")
        return network(x, self.pairs(), self.phi)
