"""Simple recurrent network: one state, rewritten at every step.

Page: layers/simple_rnn
Source: elman1990finding (the network); werbos1990backpropagation
    (backpropagation through time); pascanu2013difficulty (clipping)
Shapes: B batch, T time steps, I input features, H units
"""

import keras
from keras import ops


def simple_rnn_step(x, h_prev, W_x, W_h, b):
    """Take one time step of the simple recurrent network.

    Args:
        x: input, shape (B, I).
        h_prev: hidden state of the step before, shape (B, H).
        W_x: weights of the input, shape (I, H).
        W_h: weights of the hidden state, shape (H, H).
        b: bias, shape (H,).

    Returns:
        The new hidden state, shape (B, H).

    Example:
        >>> x, one = ops.zeros((1, 1)), ops.ones((1, 1))
        >>> h = simple_rnn_step(x, one, one, one, ops.zeros(1))
        >>> round(float(h[0, 0]), 4)  # tanh(1)
        0.7616
    """
    a = ops.matmul(x, W_x) + ops.matmul(h_prev, W_h) + b  # (simple_rnn:a)
    h = ops.tanh(a)  # (simple_rnn:h)
    return h


def forward(x, h_0, W_x, W_h, b):
    """Run the network through time, with the same weights at every step.

    Args:
        x: inputs, time first, shape (T, B, I).
        h_0: hidden state before the first step, shape (B, H).
        W_x: weights of the input, shape (I, H).
        W_h: weights of the hidden state, shape (H, H).
        b: bias, shape (H,).

    Returns:
        All hidden states h_1, ..., h_T, shape (T, B, H).
    """

    def step(h_prev, x_t):
        h = simple_rnn_step(x_t, h_prev, W_x, W_h, b)
        return h, h

    return ops.scan(step, h_0, x)[1]


def backward(e, slope, W_h):
    """Carry the gradient back through time.

    Args:
        e: gradient of the loss with respect to each state as an output,
            without the detour over later states, shape (T, B, H).
        slope: slope of the activation at each step, shape (T, B, H);
            1 - h * h for tanh, 1 for linear units.
        W_h: weights of the hidden state, shape (H, H).

    Returns:
        dh and da, each (T, B, H): the gradient with respect to the states,
        all detours included, and to the pre-activations.
    """

    def step(da_next, now):
        e_t, slope_t = now
        dh = e_t + ops.matmul(da_next, ops.transpose(W_h))  # (simple_rnn:dh)
        da = dh * slope_t  # (simple_rnn:da)
        return da, dh

    dh = ops.scan(step, ops.zeros_like(e[0]), (e, slope), reverse=True)[1]
    return dh, dh * slope


def weight_gradients(x, h_0, h, da):
    """Add up what each step contributes to the shared weights.

    Args:
        x: inputs, shape (T, B, I).
        h_0: hidden state before the first step, shape (B, H).
        h: hidden states, from `forward`, shape (T, B, H).
        da: gradient of the pre-activations, from `backward`.

    Returns:
        Gradients of W_x (I, H), W_h (H, H) and b (H,).
    """
    h_prev = ops.concatenate([h_0[None], h[:-1]])
    dW_x = ops.einsum("tbi,tbh->ih", x, da)  # (simple_rnn:dW_x)
    dW_h = ops.einsum("tbg,tbh->gh", h_prev, da)  # (simple_rnn:dW_h)
    db = ops.sum(da, axis=(0, 1))  # (simple_rnn:db)
    return dW_x, dW_h, db


def clip_by_norm(g, c):
    """Shorten a gradient that is longer than c; keep its direction.

    Args:
        g: gradient of one weight, any shape.
        c: largest length allowed, above 0.

    Returns:
        The gradient, of length c at most.

    Raises:
        ValueError: c is not above 0.

    Example:
        >>> g = clip_by_norm(ops.array([30.0, 40.0]), 1.0)
        >>> [round(float(u), 4) for u in g]
        [0.6, 0.8]
    """
    if not c > 0:
        raise ValueError(f"c must be above 0, got {c}")
    length = ops.sqrt(ops.sum(g * g))
    g_clipped = g * c / ops.maximum(length, c)  # (simple_rnn:g_clipped)
    return g_clipped


class SimpleRNNCell(keras.layers.Layer):
    """The weights of a simple RNN; `keras.layers.RNN` takes it through time.

    Args:
        units: number of units H, at least 1.

    Raises:
        ValueError: units is below 1.

    Example:
        >>> layer = keras.layers.RNN(SimpleRNNCell(32))
        >>> layer(ops.zeros((2, 60, 10))).shape[1]
        32
        >>> layer.count_params()
        1376

    Differs from keras.layers.SimpleRNNCell: the activation is tanh; initial
    values and dropout are not options. The weights are the same.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be at least 1, got {units}")
        self.units = self.state_size = self.output_size = units

    def build(self, input_shape):
        """Create W_x, W_h and b for inputs with I = input_shape[-1]."""
        I, H = input_shape[-1], self.units
        self.W_x = self.add_weight(
            name="W_x", shape=(I, H), initializer="glorot_uniform"
        )
        self.W_h = self.add_weight(
            name="W_h", shape=(H, H), initializer="orthogonal"
        )
        self.b = self.add_weight(name="b", shape=(H,), initializer="zeros")

    def call(self, inputs, states):
        """Take one step; returns the output and the new state."""
        h = simple_rnn_step(inputs, states[0], self.W_x, self.W_h, self.b)
        return h, [h]
