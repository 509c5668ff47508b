"""Adam: every coordinate is divided by the running size of its gradient.

Page: optimizers/adam
Source: kingma2015adam, alg. 1 and sec. 3; tieleman2012lecture (RMSProp);
    reddi2018convergence (AMSGrad and the counter-example)
Shapes: D parameters, P length of a period
"""

import keras
from keras import ops


def rmsprop_step(w, s, g, eta=0.001, rho=0.9, epsilon=1e-7):
    """Take one step of RMSProp.

    Args:
        w: parameters, any shape.
        s: running mean of the squared gradient, the shape of w; 0 at first.
        g: gradient at w, or an estimate of it, the shape of w.
        eta: learning rate, > 0.
        rho: share of s that survives one step, 0 <= rho < 1.
        epsilon: keeps the root away from 0.

    Returns:
        New parameters and new s, each of the shape of w.
    """
    s = rho * s + (1 - rho) * g**2  # (adam:s)
    w = w - eta * g / (s + epsilon) ** 0.5
    return w, s


def moments(m, v, g, beta_1=0.9, beta_2=0.999):
    """Update the running means of the gradient and of its square.

    Args:
        m: running mean of the gradient, any shape; 0 at first.
        v: running mean of its square, the shape of m; 0 at first.
        g: gradient, the shape of m.
        beta_1: share of m that survives one step, 0 <= beta_1 < 1.
        beta_2: share of v that survives one step, 0 <= beta_2 < 1.

    Returns:
        New m and new v.
    """
    m = beta_1 * m + (1 - beta_1) * g  # (adam:m)
    v = beta_2 * v + (1 - beta_2) * g**2  # (adam:v)
    return m, v


def corrected(m, v, t, beta_1=0.9, beta_2=0.999):
    """Undo the bias of the two means, which started at 0.

    Args:
        m: running mean of the gradient, any shape.
        v: running mean of its square, the shape of m.
        t: number of gradients so far, >= 1.
        beta_1: as in `moments`.
        beta_2: as in `moments`.

    Returns:
        m_hat and v_hat, each of the shape of m.
    """
    m_hat = m / (1 - beta_1**t)  # (adam:m_hat)
    v_hat = v / (1 - beta_2**t)  # (adam:v_hat)
    return m_hat, v_hat


def adam_step(w, m, v, g, t, eta=0.001, beta_1=0.9, beta_2=0.999,
              epsilon=1e-7):
    """Take step number t of Adam.

    Args:
        w: parameters, any shape.
        m: running mean of the gradient, the shape of w.
        v: running mean of its square, the shape of w.
        g: gradient at w, or an estimate of it, the shape of w.
        t: number of this step, the first is 1.
        eta: learning rate, > 0.
        beta_1: as in `moments`.
        beta_2: as in `moments`.
        epsilon: keeps the denominator away from 0.

    Returns:
        New w, m and v.

    Example:
        >>> w, m, v = adam_step(1.0, 0.0, 0.0, g=-50.0, t=1, eta=0.1)
        >>> round(w, 6)
        1.1
    """
    m, v = moments(m, v, g, beta_1, beta_2)
    m_hat, v_hat = corrected(m, v, t, beta_1, beta_2)
    w = w - eta * m_hat / (v_hat**0.5 + epsilon)  # (adam:w)
    return w, m, v


def amsgrad_step(w, m, v, v_max, g, t, eta=0.001, beta_1=0.9, beta_2=0.999,
                 epsilon=1e-7):
    """Take step number t of AMSGrad, Adam that divides by the largest v.

    Args:
        w: parameters, any shape.
        m: running mean of the gradient, the shape of w.
        v: running mean of its square, the shape of w.
        v_max: largest v so far, the shape of w; 0 at first.
        g: gradient at w, or an estimate of it, the shape of w.
        t: number of this step, the first is 1.
        eta: learning rate, > 0.
        beta_1: as in `moments`.
        beta_2: as in `moments`.
        epsilon: keeps the denominator away from 0.

    Returns:
        New w, m, v and v_max.
    """
    m, v = moments(m, v, g, beta_1, beta_2)
    v_max = ops.maximum(v_max, v)  # (adam:v_max)
    m_hat, v_hat = corrected(m, v_max, t, beta_1, beta_2)
    w = w - eta * m_hat / (v_hat**0.5 + epsilon)
    return w, m, v, v_max


def uncorrected_factor(t, beta_1=0.9, beta_2=0.999):
    """How many times too long step t is without the correction.

    Args:
        t: number of the step, >= 1.
        beta_1: as in `moments`.
        beta_2: as in `moments`.

    Returns:
        factor, of the shape of t.
    """
    factor = (1 - beta_1**t) / (1 - beta_2**t) ** 0.5  # (adam:factor)
    return factor


def drift(C, beta_2, P=3):
    """Move of Adam and of AMSGrad over one period of Reddi's example.

    The gradients are C, -1, ..., -1, again and again; beta_1 = 0, eta = 1.

    Args:
        C: the large gradient; above P - 1 the mean gradient is positive.
        beta_2: as in `moments`, > 0.
        P: length of a period.

    Returns:
        Two scalars; positive is the wrong way.
    """
    k = ops.arange(P, dtype="float32")
    excess = (C**2 - 1) * (1 - beta_2) / (1 - beta_2**P)
    v_k = 1 + excess * beta_2**k  # (adam:v_k)
    moved = ops.sum(v_k[1:] ** -0.5) - C * v_k[0] ** -0.5  # (adam:moved)
    moved_max = (P - 1 - C) * v_k[0] ** -0.5  # (adam:moved_max)
    return moved, moved_max


class Adam(keras.optimizers.Optimizer):
    """Adam, or AMSGrad, for `compile` and `fit`.

    Args:
        learning_rate: number > 0, or a schedule of Keras.
        beta_1: share of the mean gradient that survives one step.
        beta_2: share of the mean square that survives one step.
        epsilon: keeps the denominator away from 0.
        amsgrad: True for `amsgrad_step`.

    Raises:
        ValueError: beta_1 or beta_2 is not in [0, 1).

    Differs from keras.optimizers.Adam: epsilon is added after the bias
    correction, as in the paper; Keras adds it before.
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999,
                 epsilon=1e-7, amsgrad=False, **kwargs):
        for beta in (beta_1, beta_2):
            if not 0 <= beta < 1:
                raise ValueError(f"betas must be in [0, 1), got {beta}")
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.settings = (beta_1, beta_2, epsilon)
        self.rule = amsgrad_step if amsgrad else adam_step
        self.names = ["m", "v", "v_max"] if amsgrad else ["m", "v"]

    def build(self, variables):
        """Create the running means of each variable, 0 at the start."""
        if not self.built:
            super().build(variables)
            self.states = self.add_optimizer_variables(variables, self.names)

    def update_step(self, gradient, variable, learning_rate):
        """Move one variable; Keras calls this for each of them."""
        eta = ops.cast(learning_rate, variable.dtype)
        g = ops.cast(gradient, variable.dtype)
        t = ops.cast(self.iterations + 1, variable.dtype)
        n = self._get_variable_index(variable)
        states = [state[n] for state in self.states]
        new = self.rule(variable, *states, g, t, eta, *self.settings)
        for old, value in zip((variable, *states), new, strict=True):
            self.assign(old, value)
