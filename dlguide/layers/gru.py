"""Gated recurrent unit: one state, a mixture of what it was and what is new.

Page: layers/gru
Source: cho2014learning, eqs. 5 to 8 (reset before the matrix product);
    chung2014empirical (comparison with the LSTM)
Shapes: B batch, I input features, H units
"""

import keras
from keras import ops


def gru_step(x, h_prev, W_x, W_h, b_x, b_h):
    """Take one step of the GRU that resets after the matrix product.

    Args:
        x: input, shape (B, I).
        h_prev: hidden state of the step before, shape (B, H).
        W_x: weights of the input, shape (I, 3H), columns z, r, h.
        W_h: weights of the hidden state, shape (H, 3H), same order.
        b_x: bias beside the input, shape (3H,), same order.
        b_h: bias beside the hidden state, shape (3H,), same order.

    Returns:
        The new hidden state, shape (B, H).

    Example:
        >>> x, h, b_h = ops.zeros((1, 1)), ops.ones((1, 1)), ops.zeros(3)
        >>> W, keep = ops.zeros((1, 3)), ops.array([99.0, 0.0, 0.0])
        >>> float(gru_step(x, h, W, W, keep, b_h)[0, 0])
        1.0
    """
    x_z, x_r, x_h = ops.split(ops.matmul(x, W_x) + b_x, 3, axis=-1)
    h_z, h_r, h_h = ops.split(ops.matmul(h_prev, W_h) + b_h, 3, axis=-1)
    z = ops.sigmoid(x_z + h_z)  # (gru:z)
    r = ops.sigmoid(x_r + h_r)  # (gru:r)
    h_tilde = ops.tanh(x_h + r * h_h)  # (gru:h_tilde)
    h = z * h_prev + (1 - z) * h_tilde  # (gru:h)
    return h


def gru_step_reset_before(x, h_prev, W_x, W_h, b):
    """Take one step of the GRU of 2014, reset before the matrix product.

    Args:
        x: input, shape (B, I).
        h_prev: hidden state of the step before, shape (B, H).
        W_x: weights of the input, shape (I, 3H), columns z, r, h.
        W_h: weights of the hidden state, shape (H, 3H), same order.
        b: bias, shape (3H,), same order.

    Returns:
        The new hidden state, shape (B, H).
    """
    W_hz, W_hr, W_hh = ops.split(W_h, 3, axis=-1)
    x_z, x_r, x_h = ops.split(ops.matmul(x, W_x) + b, 3, axis=-1)
    z = ops.sigmoid(x_z + ops.matmul(h_prev, W_hz))
    r = ops.sigmoid(x_r + ops.matmul(h_prev, W_hr))
    h_before = ops.tanh(x_h + ops.matmul(r * h_prev, W_hh))  # (gru:h_before)
    return z * h_prev + (1 - z) * h_before


class GRUCell(keras.layers.Layer):
    """The weights of a GRU; `keras.layers.RNN` takes it through time.

    Args:
        units: number of units H, at least 1.
        reset_after: reset gate after (True) or before the matrix product.

    Raises:
        ValueError: units is below 1.

    Example:
        >>> layer = keras.layers.RNN(GRUCell(32))
        >>> layer(ops.zeros((2, 60, 10))).shape[1]
        32
        >>> layer.count_params()
        4224

    Differs from keras.layers.GRUCell: the activations, the initial values
    and dropout are not options. The weights and their order (z, r, h) are
    the same.
    """

    def __init__(self, units, reset_after=True, **kwargs):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be at least 1, got {units}")
        self.units, self.reset_after = units, reset_after
        self.state_size = self.output_size = units

    def build(self, input_shape):
        """Create W_x, W_h and b for inputs with I = input_shape[-1]."""
        I, H = input_shape[-1], self.units
        self.W_x = self.add_weight(
            name="W_x", shape=(I, 3 * H), initializer="glorot_uniform"
        )
        self.W_h = self.add_weight(
            name="W_h", shape=(H, 3 * H), initializer="orthogonal"
        )
        self.b = self.add_weight(
            name="b",
            shape=(2, 3 * H) if self.reset_after else (3 * H,),
            initializer="zeros",
        )

    def call(self, inputs, states):
        """Take one step; returns the output and the new state."""
        weights = inputs, states[0], self.W_x, self.W_h
        if self.reset_after:
            h = gru_step(*weights, self.b[0], self.b[1])
        else:
            h = gru_step_reset_before(*weights, self.b)
        return h, [h]
