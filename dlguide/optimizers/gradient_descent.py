"""Gradient descent: small steps against the gradient, exact or estimated.

Page: optimizers/gradient_descent
Source: goodfellow2016deep, secs. 4.3, 5.9 and 8.3.1; robbins1951stochastic;
    bottou2018optimization, sec. 4
Shapes: D parameters, B examples in a mini-batch
"""

import keras
from keras import ops


def gradient_descent_step(w, g, eta):
    """Take one step against the gradient.

    Args:
        w: parameters, any shape.
        g: gradient at w, or an estimate of it, the shape of w.
        eta: learning rate, > 0.

    Returns:
        New parameters, the shape of w.

    Example:
        >>> gradient_descent_step(w=1.0, g=10.0, eta=0.2)
        -1.0
    """
    w = w - eta * g  # (gradient_descent:w)
    return w


def quadratic(w, A, w_star):
    """Evaluate a quadratic bowl and its gradient.

    Args:
        w: parameters, (D,).
        A: symmetric matrix of second derivatives, (D, D).
        w_star: bottom of the bowl, (D,).

    Returns:
        The value f, a scalar, and the gradient g, (D,).

    Example:
        >>> f, g = quadratic(ops.ones(2), ops.diag([1.0, 10.0]), ops.zeros(2))
        >>> float(f), [float(slope) for slope in g]
        (5.5, [1.0, 10.0])
    """
    e = ops.subtract(w, w_star)
    g = ops.matmul(A, e)  # (gradient_descent:g)
    f = 0.5 * ops.sum(e * g)  # (gradient_descent:f)
    return f, g


def minibatch_gradient(w, x, y):
    """Gradient of the squared error of a linear model on one mini-batch.

    Args:
        w: parameters, (D, 1); R columns for R models at once.
        x: inputs, (B, D); leading axes are further mini-batches.
        y: targets, (B, 1).

    Returns:
        Gradient of half the mean squared error, the shape of w.
    """
    B = x.shape[-2]
    r = ops.subtract(ops.matmul(x, w), y)  # (B, 1)
    x_T = ops.swapaxes(x, -1, -2)  # (D, B)
    g_hat = ops.matmul(x_T, r) / B  # (gradient_descent:g_hat)
    return g_hat


def rate(eta, lam):
    """Multiplier of the error in each eigen-direction, and of the slowest.

    Args:
        eta: learning rate, > 0.
        lam: curvatures (eigenvalues of A), (D,).

    Returns:
        m, (D,), and rho, a scalar; below 1 the iteration converges.
    """
    m = 1 - eta * ops.convert_to_tensor(lam)  # (gradient_descent:m)
    rho = ops.max(ops.abs(m))  # (gradient_descent:rho)
    return m, rho


def largest_step(lam):
    """Learning rate below which gradient descent on a bowl converges.

    Args:
        lam: curvatures, (D,), all > 0.

    Returns:
        eta_max, a float.

    Raises:
        ValueError: a curvature is not positive, so that there is no bowl.

    Example:
        >>> largest_step([1.0, 10.0])
        0.2
    """
    low, high = _curvature_range(lam)
    eta_max = 2 / high  # (gradient_descent:eta_max)
    return eta_max


def best_step(lam):
    """Fixed learning rate with the smallest rho.

    Args:
        lam: curvatures, (D,), all > 0.

    Returns:
        eta_best and its rate rho_best, floats.

    Raises:
        ValueError: a curvature is not positive.

    Example:
        >>> best_step([1.0, 3.0])
        (0.5, 0.5)
    """
    low, high = _curvature_range(lam)
    kappa = high / low
    eta_best = 2 / (low + high)  # (gradient_descent:eta_best)
    rho_best = (kappa - 1) / (kappa + 1)  # (gradient_descent:rho_best)
    return eta_best, rho_best


def descent_bound(f, g, eta, M):
    """Bound the value after one step on an M-smooth function from above.

    Args:
        f: value before the step.
        g: exact gradient before the step, any shape.
        eta: learning rate, > 0.
        M: smoothness, the largest curvature anywhere.

    Returns:
        The bound, a scalar.
    """
    size = ops.sum(ops.square(g))
    bound = f - eta * (1 - eta * M / 2) * size  # (gradient_descent:bound)
    return bound


def noise_floor(eta, lam, s2):
    """Mean height above the bottom at which a noisy gradient keeps w.

    Args:
        eta: learning rate, 0 < eta < `largest_step(lam)`.
        lam: curvatures, (D,).
        s2: variance of the gradient along each eigen-direction, (D,).

    Returns:
        floor, a scalar.
    """
    s2, lam = ops.convert_to_tensor(s2), ops.convert_to_tensor(lam)
    floor = ops.sum(eta * s2 / (2 - eta * lam)) / 2  # (gradient_descent:floor)
    return floor


def decayed_step(eta, t, tau):
    """Learning rate that falls like 1 / t.

    Args:
        eta: learning rate at the start, > 0.
        t: number of the step, from 0.
        tau: step at which half of eta is left.

    Returns:
        eta_t, of the shape of t.

    Example:
        >>> decayed_step(0.1, 300, tau=100)
        0.025
    """
    eta_t = eta / (1 + t / tau)  # (gradient_descent:eta_t)
    return eta_t


class GradientDescent(keras.optimizers.Optimizer):
    """Gradient descent for `compile` and `fit`.

    Args:
        learning_rate: number > 0, or a schedule of Keras.

    Raises:
        ValueError: learning_rate is a number that is not positive.

    Example:
        >>> w = keras.Variable([1.0])
        >>> GradientDescent(0.1).apply([ops.convert_to_tensor([2.0])], [w])
        >>> round(float(ops.convert_to_numpy(w)[0]), 6)
        0.8

    Differs from keras.optimizers.SGD: it has no momentum.
    """

    def __init__(self, learning_rate=0.01, **kwargs):
        if isinstance(learning_rate, int | float) and learning_rate <= 0:
            raise ValueError(
                f"learning_rate must be above 0, got {learning_rate}")
        super().__init__(learning_rate=learning_rate, **kwargs)

    def update_step(self, gradient, variable, learning_rate):
        """Move one variable; Keras calls this for each of them."""
        eta = ops.cast(learning_rate, variable.dtype)
        g = ops.cast(gradient, variable.dtype)
        self.assign(variable, gradient_descent_step(variable, g, eta))


def _curvature_range(lam):
    """Smallest and largest of lam; raises ValueError unless all are > 0."""
    lam = ops.convert_to_tensor(lam)
    low, high = float(ops.min(lam)), float(ops.max(lam))
    if not low > 0:
        raise ValueError(f"curvatures must be positive, got {low}")
    return low, high
