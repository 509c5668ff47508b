"""Momentum: a velocity that adds up gradients and forgets them slowly.

Page: optimizers/momentum
Source: polyak1964some (heavy ball); nesterov1983method;
    sutskever2013importance (Nesterov's method as momentum)
Shapes: D parameters
"""

import math

import keras
from keras import ops


def momentum_step(w, v, g, eta, beta):
    """Take one step of the heavy ball.

    Args:
        w: parameters, any shape.
        v: velocity, the shape of w; 0 at the start.
        g: gradient at w, or an estimate of it, the shape of w.
        eta: learning rate, > 0.
        beta: momentum, 0 <= beta < 1.

    Returns:
        New parameters and new velocity, each of the shape of w.

    Example:
        >>> momentum_step(w=1.0, v=-0.5, g=2.0, eta=0.25, beta=0.5)
        (0.25, -0.75)
    """
    v = beta * v - eta * g  # (momentum:v)
    w = w + v  # (momentum:w)
    return w, v


def nesterov_step(u, v, g, eta, beta):
    """Take one step of Nesterov momentum, seen from the look-ahead point.

    Args:
        u: look-ahead point w + beta * v, any shape; what Keras stores.
        v: velocity, the shape of u; 0 at the start.
        g: gradient at u, or an estimate of it, the shape of u.
        eta: learning rate, > 0.
        beta: momentum, 0 <= beta < 1.

    Returns:
        New look-ahead point and new velocity, each of the shape of u.
    """
    v = beta * v - eta * g
    u = u + beta * v - eta * g  # (momentum:u)
    return u, v


def iteration(eta, beta, lam):
    """Matrix that takes the last two errors to the next two, and its size.

    Args:
        eta: learning rate, > 0.
        beta: momentum, 0 <= beta < 1.
        lam: curvature of the direction, > 0.

    Returns:
        T, (2, 2), which acts on the errors (new, old), and r, a float, the
        larger modulus of its two eigenvalues.

    Example:
        >>> T, r = iteration(eta=1.0, beta=0.25, lam=1.0)
        >>> r
        0.5
    """
    p = 1 + beta - eta * lam
    T = ops.convert_to_tensor([[p, -beta], [1.0, 0.0]])  # (momentum:T)
    real = (abs(p) + math.sqrt(max(p**2 - 4 * beta, 0))) / 2
    r = math.sqrt(beta) if p**2 < 4 * beta else real  # (momentum:r)
    return T, r


def limits(eta, beta, lam):
    """Critical momentum for a learning rate, largest rate for a momentum.

    Args:
        eta: learning rate, 0 < eta <= 1 / lam.
        beta: momentum, 0 <= beta < 1.
        lam: curvature of the direction, > 0; for all, the largest.

    Returns:
        beta_crit and eta_max, floats.

    Example:
        >>> limits(eta=0.25, beta=0.5, lam=1.0)
        (0.25, 3.0)
    """
    beta_crit = (1 - math.sqrt(eta * lam)) ** 2  # (momentum:beta_crit)
    eta_max = 2 * (1 + beta) / lam  # (momentum:eta_max)
    return beta_crit, eta_max


def best_pair(lam, nesterov=False):
    """Learning rate and momentum for a bowl with these curvatures.

    Args:
        lam: curvatures, (D,), all > 0.
        nesterov: True for `nesterov_step`, False for `momentum_step`.

    Returns:
        eta and beta, floats.

    Raises:
        ValueError: a curvature is not positive, so that there is no bowl.

    Example:
        >>> best_pair([1.0, 9.0])
        (0.25, 0.25)
    """
    if not min(lam) > 0:
        raise ValueError(f"curvatures must be positive, got {min(lam)}")
    low, high = math.sqrt(min(lam)), math.sqrt(max(lam))
    eta_best = (2 / (high + low)) ** 2  # (momentum:eta_best)
    beta_best = ((high - low) / (high + low)) ** 2  # (momentum:beta_best)
    beta_nesterov = math.sqrt(beta_best)  # (momentum:beta_nesterov)
    return (1 / high**2, beta_nesterov) if nesterov else (eta_best, beta_best)


def noise_floor(eta, beta, lam, s2):
    """Mean height above the bottom at which a noisy gradient keeps w.

    Args:
        eta: learning rate, > 0, below the eta_max of `limits`.
        beta: momentum, 0 <= beta < 1.
        lam: curvatures, (D,).
        s2: variance of the gradient along each eigen-direction, (D,).

    Returns:
        floor, a scalar.
    """
    s2, p = ops.convert_to_tensor(s2), 2 * (1 + beta)
    share = s2 / (p - eta * ops.convert_to_tensor(lam))
    floor = eta / (1 - beta) * p / 4 * ops.sum(share)  # (momentum:floor)
    return floor


class Momentum(keras.optimizers.Optimizer):
    """The heavy ball, or Nesterov momentum, for `compile` and `fit`.

    Args:
        learning_rate: number > 0, or a schedule of Keras.
        momentum: beta, 0 <= beta < 1.
        nesterov: True for `nesterov_step`.

    Raises:
        ValueError: momentum is not in [0, 1).

    Example:
        >>> w, g = keras.Variable([1.0]), ops.convert_to_tensor([2.0])
        >>> optimizer = Momentum(0.1, momentum=0.5)
        >>> optimizer.apply([g], [w])  # v = -0.2
        >>> optimizer.apply([g], [w])  # v = -0.3
        >>> round(float(ops.convert_to_numpy(w)[0]), 6)
        0.5

    Differs from keras.optimizers.SGD: momentum = 1 is refused.
    """

    def __init__(self, learning_rate=0.01, momentum=0.9, nesterov=False,
                 **kwargs):
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {momentum}")
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum
        self.rule = nesterov_step if nesterov else momentum_step

    def build(self, variables):
        """Create one velocity for each variable, 0 at the start."""
        if not self.built:
            super().build(variables)
            self.velocities = self.add_optimizer_variables(
                variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        """Move one variable; Keras calls this for each of them."""
        eta = ops.cast(learning_rate, variable.dtype)
        g = ops.cast(gradient, variable.dtype)
        v = self.velocities[self._get_variable_index(variable)]
        w_new, v_new = self.rule(variable, v, g, eta, self.momentum)
        self.assign(v, v_new)
        self.assign(variable, w_new)
