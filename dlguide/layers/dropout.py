"""Dropout: at each training step, set a random share of the units to zero.

Page: layers/dropout
Source: hinton2012improving; srivastava2014dropout, sec. 9 (linear
    regression); wager2013dropout
Shapes: B examples in a mini-batch, N examples in all, I inputs or units
"""

import keras
from keras import ops


def draw_mask(shape, rate, seed=None):
    """Draw which units stay.

    Args:
        shape: shape of the mask, for example (B, I).
        rate: probability p of dropping a unit, 0 <= rate < 1.
        seed: integer or `keras.random.SeedGenerator`.

    Returns:
        m, 1 where a unit stays and 0 where it is dropped.

    Example:
        >>> m = draw_mask((1000, 4), rate=0.25, seed=0)
        >>> 0.7 < float(ops.mean(m)) < 0.8
        True
    """
    u = keras.random.uniform(shape, seed=seed)
    m = ops.cast(u >= rate, u.dtype)  # (dropout:m)
    return m


def dropout(x, m, rate):
    """Apply a mask, and scale what stays so that the expectation stays.

    Args:
        x: units, (B, I).
        m: mask of 0 and 1, the shape of x.
        rate: probability p with which the mask was drawn.

    Returns:
        x_tilde, the shape of x.

    Example:
        >>> x_tilde = dropout(3 * ops.ones(2), m=ops.arange(2.0), rate=0.5)
        >>> [float(unit) for unit in x_tilde]
        [0.0, 6.0]
    """
    x_tilde = m * x / (1 - rate)  # (dropout:x_tilde)
    return x_tilde


def variance_added(x, rate):
    """Variance of each unit over the masks.

    Args:
        x: units, any shape.
        rate: probability p of dropping a unit.

    Returns:
        v, the shape of x.

    Example:
        >>> variance_added(3.0, rate=0.5)
        9.0
    """
    v = x**2 * rate / (1 - rate)  # (dropout:v)
    return v


def dropout_ridge(X, y, rate):
    """Minimize the expected loss of a linear regression with dropout.

    Args:
        X: inputs, (N, I); no column is 0 throughout.
        y: targets, (N, 1).
        rate: probability p of dropping an input, 0 < rate < 1.

    Returns:
        The weights w, (I, 1).

    Raises:
        ValueError: rate is not between 0 and 1.

    Example:
        >>> X, y = ops.ones((4, 1)), 2 * ops.ones((4, 1))
        >>> float(dropout_ridge(X, y, rate=0.5)[0, 0])
        1.0
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must be above 0 and below 1, got {rate}")
    X_T = ops.transpose(X)
    A = ops.matmul(X_T, X) / X.shape[0]
    b = ops.matmul(X_T, y) / X.shape[0]
    a = rate / (1 - rate) * ops.diagonal(A)  # (dropout:a)
    w = ops.solve(A + ops.diag(a), b)  # (dropout:w)
    return w


class Dropout(keras.layers.Layer):
    """Drop units in training, pass them on at inference.

    Args:
        rate: probability p of dropping a unit, 0 <= rate < 1.
        seed: integer, or None for a random one.

    Raises:
        ValueError: rate is below 0, or 1 and above.

    Example:
        >>> layer, x = Dropout(0.5, seed=0), ops.ones((1, 20))
        >>> sorted({float(unit) for unit in layer(x, training=True)[0]})
        [0.0, 2.0]
        >>> sorted({float(unit) for unit in layer(x)[0]})
        [1.0]

    Differs from keras.layers.Dropout: there is no noise_shape, and a rate of
    1, which would drop everything, is refused. Equal seeds give other masks.
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"rate must be in [0, 1), got {rate}")
        self.rate, self.random = rate, keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """Apply a fresh mask if training, else return the inputs."""
        if not training:
            return inputs
        m = draw_mask(ops.shape(inputs), self.rate, self.random)
        return dropout(inputs, m, self.rate)
