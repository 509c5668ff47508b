"""Weight penalties: shrink the weights, or set some of them to zero.

Page: regularizers/weight_penalty
Source: hoerl1970ridge; tibshirani1996regression; loshchilov2019decoupled;
    goodfellow2016deep, ch. 7
Shapes: N examples, I input features
"""

import keras
from keras import ops


def penalty(w, alpha_1=0.0, alpha_2=0.0):
    """Evaluate the penalty of one array of weights.

    Args:
        w: weights, any shape.
        alpha_1: strength of the absolute values (L1), at least 0.
        alpha_2: strength of the squares (L2), at least 0.

    Returns:
        omega, a scalar.

    Example:
        >>> w = ops.convert_to_tensor([3.0, -4.0])
        >>> float(penalty(w, alpha_1=1.0)), float(penalty(w, alpha_2=1.0))
        (7.0, 12.5)

    Differs from keras.regularizers.L1L2: that one has no factor 1/2, so that
    alpha_2 = 1 here is l2 = 0.5 there.
    """
    size = ops.sum(ops.abs(w))
    square = ops.sum(ops.square(w))
    omega = alpha_1 * size + 0.5 * alpha_2 * square  # (weight_penalty:omega)
    return omega


def ridge(X, y, alpha):
    """Linear regression with an L2 penalty, solved in closed form.

    Args:
        X: inputs, (N, I).
        y: targets, (N, 1).
        alpha: strength of the penalty, > 0.

    Returns:
        The weights w, (I, 1).

    Raises:
        ValueError: alpha is not positive.

    Example:
        >>> w = ridge(ops.ones((4, 1)), 2 * ops.ones((4, 1)), alpha=1.0)
        >>> float(w[0, 0])
        1.0
    """
    if not alpha > 0:
        raise ValueError(f"alpha must be above 0, got {alpha}")
    N, I = X.shape
    X_T = ops.transpose(X)
    A = ops.matmul(X_T, X) / N  # (weight_penalty:A)
    b = ops.matmul(X_T, y) / N
    M = A + alpha * ops.eye(I, dtype=A.dtype)
    w = ops.solve(M, b)  # (weight_penalty:w)
    return w


def share_kept(lam, alpha):
    """Share of the unpenalized solution that an L2 penalty keeps.

    Args:
        lam: curvatures (eigenvalues of A), (I,).
        alpha: strength of the penalty, > 0.

    Returns:
        k, (I,), between 0 and 1.

    Example:
        >>> share_kept(1.0, alpha=1.0)
        0.5
    """
    k = lam / (lam + alpha)  # (weight_penalty:k)
    return k


def share_reached(lam, eta, t):
    """Share of the solution that t steps of gradient descent from 0 reach.

    Args:
        lam: curvatures, (I,).
        eta: learning rate, 0 < eta < 2 / lam.
        t: number of steps.

    Returns:
        k_t, (I,).

    Example:
        >>> share_reached(1.0, eta=0.5, t=2)
        0.75
    """
    k_t = 1 - (1 - eta * lam) ** t  # (weight_penalty:k_t)
    return k_t


def soft_threshold(v, tau):
    """Move every entry towards 0 by tau, and stop there.

    Args:
        v: any shape.
        tau: threshold, at least 0.

    Returns:
        u, the shape of v.

    Example:
        >>> u = soft_threshold(ops.convert_to_tensor([3.0, -0.5, -2.0]), 1.0)
        >>> [float(entry) + 0 for entry in u]
        [2.0, 0.0, -1.0]
    """
    u = ops.sign(v) * ops.relu(ops.abs(v) - tau)  # (weight_penalty:u)
    return u


def proximal_step(w, g, eta, alpha):
    """Take a gradient step on the loss, then the exact step on L1.

    Args:
        w: weights, any shape.
        g: gradient of the loss without the penalty, the shape of w.
        eta: learning rate, > 0.
        alpha: strength of the L1 penalty, at least 0.

    Returns:
        New weights, the shape of w.
    """
    v = w - eta * g  # (weight_penalty:v)
    return soft_threshold(v, eta * alpha)


def decoupled_step(w, d, eta, alpha):
    """Take a step along d and let the weights decay, apart from d.

    Args:
        w: weights, any shape.
        d: what the optimizer would subtract at eta = 1: the gradient for
            SGD, the rescaled gradient for Adam.
        eta: learning rate, > 0.
        alpha: decay, at least 0.

    Returns:
        New weights, the shape of w.

    Example:
        >>> decoupled_step(w=1.0, d=0.0, eta=0.5, alpha=0.5)
        0.75
    """
    w_next = (1 - eta * alpha) * w - eta * d  # (weight_penalty:w_next)
    return w_next


class WeightPenalty(keras.regularizers.Regularizer):
    """The penalty as an argument of a Keras layer.

    Args:
        alpha_1: strength of the L1 penalty, at least 0.
        alpha_2: strength of the L2 penalty, at least 0.

    Raises:
        ValueError: a strength is negative.

    Example:
        >>> reg = WeightPenalty(alpha_2=0.1)
        >>> layer = keras.layers.Dense(
        ...     2, kernel_initializer="ones", kernel_regularizer=reg)
        >>> y = layer(ops.ones((1, 3)))
        >>> round(float(layer.losses[0]), 3)
        0.3
    """

    def __init__(self, alpha_1=0.0, alpha_2=0.0):
        if min(alpha_1, alpha_2) < 0:
            raise ValueError(
                f"strengths must be at least 0, got {alpha_1} and {alpha_2}")
        self.alpha_1, self.alpha_2 = alpha_1, alpha_2

    def __call__(self, w):
        """Return the penalty of w, which Keras adds to the loss."""
        return penalty(w, self.alpha_1, self.alpha_2)


class ProximalGradient(keras.optimizers.Optimizer):
    """Proximal gradient descent for `compile` and `fit`.

    Args:
        learning_rate: number > 0, or a schedule of Keras.
        alpha: strength of the L1 penalty on every variable, at least 0.

    Raises:
        ValueError: alpha is negative.

    Example:
        >>> w = keras.Variable([1.0, 0.01])
        >>> ProximalGradient(0.1, alpha=1.0).apply([ops.zeros(2)], [w])
        >>> [round(float(weight), 6) for weight in ops.convert_to_numpy(w)]
        [0.9, 0.0]

    Differs from keras.optimizers.SGD with a kernel_regularizer: the penalty
    is not part of the loss, its step is taken exactly.
    """

    def __init__(self, learning_rate=0.01, alpha=0.0, **kwargs):
        if alpha < 0:
            raise ValueError(f"alpha must be at least 0, got {alpha}")
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.alpha = alpha

    def update_step(self, gradient, variable, learning_rate):
        """Move one variable; Keras calls this for each of them."""
        eta = ops.cast(learning_rate, variable.dtype)
        g = ops.cast(gradient, variable.dtype)
        self.assign(variable, proximal_step(variable, g, eta, self.alpha))
