"""The perceptron: a threshold unit that learns from its mistakes.

Page: basics/perceptron
Source: rosenblatt1958perceptron; novikoff1962convergence (the bound);
    hopfield1982neural (recall)
Shapes: B examples, I inputs, the constant 1 included, N units, P patterns
"""

import keras
import numpy as np
from keras import ops


def with_one(x):
    """Put a 1 in front of each row of x; its weight is the bias."""
    x = ops.convert_to_tensor(x)
    return ops.concatenate([ops.ones_like(x[:, :1]), x], axis=1)


def step(z):
    """Threshold z at 0: +1 above, -1 below, 0 (undecided) at 0 itself."""
    return ops.sign(z)


def predict(w, x):
    """Classify a batch.

    Args:
        w: weights, bias first, (I,).
        x: inputs, ones first, (B, I).

    Returns:
        Labels +1 or -1 (0 on the boundary itself), (B,).
    """
    z = ops.dot(x, w)  # (perceptron:z)
    y_hat = step(z)  # (perceptron:y_hat)
    return y_hat


def margins(w, x, y):
    """Scores signed by the label: above 0 means right, 0 counts as wrong.

    Args:
        w: weights, (I,).
        x: inputs, (B, I); or one input, (I,).
        y: labels +1 or -1, (B,); or one label.

    Returns:
        (B,); or a scalar.
    """
    m = ops.dot(x, w) * y  # (perceptron:m)
    return m


def perceptron_update(w, x, y):
    """Show the unit one example; correct the weights if it is wrong.

    Args:
        w: weights, (I,).
        x: one input, (I,).
        y: its label, +1 or -1.

    Returns:
        The weights, (I,).
    """
    wrong = ops.cast(margins(w, x, y) <= 0, x.dtype)
    w = w + wrong * y * x  # (perceptron:w)
    return w


def criterion(w, x, y):
    """Perceptron criterion: what the mistakes lack to 0, summed.

    Args:
        w: weights, (I,).
        x: inputs, (B, I).
        y: labels, (B,).

    Returns:
        Scalar; its gradient is minus the sum of the corrections.
    """
    loss = ops.sum(ops.relu(-margins(w, x, y)))  # (perceptron:loss)
    return loss


def margin(w, x, y):
    """Distance of the nearest example to the hyperplane of w.

    Args:
        w: weights, not all 0, (I,).
        x: inputs, (B, I).
        y: labels, (B,).

    Returns:
        Scalar; above 0 exactly when w gets every example right.
    """
    gamma = ops.min(margins(w, x, y)) / ops.norm(w)  # (perceptron:gamma)
    return gamma


def mistake_bound(gamma, x):
    """Most corrections that data of margin gamma can cause, from w = 0.

    Args:
        gamma: margin of any weights that separate the data, > 0.
        x: inputs, (B, I).

    Returns:
        Scalar.
    """
    R = ops.max(ops.norm(x, axis=1))
    bound = (R / gamma) ** 2  # (perceptron:bound)
    return bound


def fit(x, y, limit):
    """Start at w = 0; go round the examples until none is wrong.

    Args:
        x: inputs, ones first, (B, I).
        y: labels +1 or -1, (B,).
        limit: most corrections to make.

    Returns:
        `path`, the weights at the start and after each correction,
        (corrections + 1, I); `order`, a list of the examples corrected.

    Raises:
        ValueError: x is not (B, I) with B and I above 0, or not finite;
            y is not (B,) or not of +1 and -1; limit below 1.
    """
    x, y = _checked(x, y, limit)
    path, order = [ops.zeros(x.shape[1])], []
    while len(order) < limit:
        m = ops.convert_to_numpy(margins(path[-1], x, y))
        wrong = np.flatnonzero(m <= 0)
        if not wrong.size:
            break
        later = wrong[wrong > (order[-1] if order else -1)]
        i = int(later[0] if later.size else wrong[0])
        path.append(perceptron_update(path[-1], x[i], y[i]))
        order.append(i)
    return ops.convert_to_numpy(ops.stack(path)), order


def _checked(x, y, limit):
    x, y = (ops.convert_to_numpy(a).astype("float32") for a in (x, y))
    if x.ndim != 2 or not x.size or y.shape != x.shape[:1]:
        raise ValueError("x and y must have shapes (B, I) and (B,), not "
                         f"empty, got {x.shape} and {y.shape}")
    if not np.isfinite(x).all():
        raise ValueError("x must be finite, got NaN or infinity")
    if not np.isin(y, (-1, 1)).all():
        raise ValueError(f"labels must be +1 or -1, got {np.unique(y)}")
    if limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    return ops.convert_to_tensor(x), ops.convert_to_tensor(y)


class Perceptron(keras.layers.Layer):
    """Threshold unit for `units_in` inputs; (B, units_in) to (B,).

    Args:
        units_in: number of inputs, without the constant 1.

    Raises:
        ValueError: `units_in` is below 1.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
        >>> unit = Perceptron(2)
        >>> unit.learn(x, np.array([-1, -1, -1, 1]), limit=51)
        18
        >>> [int(y) for y in unit(x)]
        [-1, -1, -1, 1]

    Differs from keras.layers.Dense: one unit, a step for activation, and
    `learn` in place of a gradient, which is 0.
    """

    def __init__(self, units_in):
        super().__init__()
        if units_in < 1:
            raise ValueError(f"units_in must be at least 1, got {units_in}")
        self.w = self.add_weight((units_in + 1,), "zeros")

    def call(self, x):
        """Labels of a batch: (B, units_in) -> (B,)."""
        return predict(self.w, with_one(x))

    def learn(self, x, y, limit):
        """Set the weights by `fit`.

        Args:
            x: inputs, (B, units_in).
            y: labels +1 or -1, (B,).
            limit: most corrections to make.

        Returns:
            Number of corrections.
        """
        path, order = fit(with_one(x), y, limit)
        self.w.assign(path[-1])
        return len(order)


def hebb(xi):
    """Store patterns in the weights of a Hopfield network.

    Args:
        xi: patterns of +1 and -1, (P, N).

    Returns:
        Symmetric weights, zeros on the diagonal, (N, N).
    """
    W = ops.dot(ops.transpose(xi), xi)
    W = W * (1 - ops.eye(W.shape[0]))  # (perceptron:W)
    return W


def energy(W, s):
    """Energy of states: W is (N, N), s of +1 and -1 is (B, N); gives (B,)."""
    E = -0.5 * ops.sum(ops.dot(s, W) * s, axis=1)  # (perceptron:E)
    return E


def hopfield_update(W, s, i):
    """Let unit i of each state decide again; all others stay.

    Args:
        W: symmetric weights, (N, N).
        s: states of +1 and -1, (B, N).
        i: index of the unit.

    Returns:
        The states, (B, N).
    """
    h = ops.dot(s, W[:, i])  # (perceptron:h)
    s_i = ops.where(h == 0, s[:, i], step(h))
    here = ops.arange(s.shape[1]) == i
    return ops.where(here, s_i[:, None], s)
