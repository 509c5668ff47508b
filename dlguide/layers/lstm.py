"""Long short-term memory: a cell whose memory is added to, not overwritten.

Page: layers/lstm
Source: hochreiter1997long, sec. 4 (cell, input and output gate);
    gers2000learning, sec. 3 (forget gate)
Shapes: B batch, I input features, H units
"""

import keras
import numpy as np
from keras import ops


def lstm_step(x, h_prev, c_prev, W_x, W_h, b):
    """Take one time step of the LSTM.

    Args:
        x: input, shape (B, I).
        h_prev: hidden state of the step before, shape (B, H).
        c_prev: memory cell of the step before, shape (B, H).
        W_x: weights of the input, shape (I, 4H), columns i, f, g, o.
        W_h: weights of the hidden state, shape (H, 4H), same order.
        b: bias, shape (4H,), same order.

    Returns:
        The new hidden state h and memory cell c, each of shape (B, H).

    Example:
        >>> x, h, c = np.zeros((1, 1)), np.zeros((1, 1)), np.ones((1, 1))
        >>> b = np.array([-99.0, 99.0, 0.0, -99.0])  # keep all, show nothing
        >>> h, c = lstm_step(x, h, c, np.ones((1, 4)), np.ones((1, 4)), b)
        >>> float(c[0, 0]), round(float(h[0, 0]), 6)
        (1.0, 0.0)
    """
    z = ops.matmul(x, W_x) + ops.matmul(h_prev, W_h) + b  # (lstm:z)
    z_i, z_f, z_g, z_o = ops.split(z, 4, axis=-1)
    i = ops.sigmoid(z_i)  # (lstm:i)
    f = ops.sigmoid(z_f)  # (lstm:f)
    g = ops.tanh(z_g)  # (lstm:g)
    o = ops.sigmoid(z_o)  # (lstm:o)
    c = f * c_prev + i * g  # (lstm:c)
    h = o * ops.tanh(c)  # (lstm:h)
    return h, c


class LSTMCell(keras.layers.Layer):
    """The weights of an LSTM; `keras.layers.RNN` takes it through time.

    Args:
        units: number of units H, at least 1.
        forget_bias: bias of the forget gate before training.

    Raises:
        ValueError: units is below 1.

    Example:
        >>> layer = keras.layers.RNN(LSTMCell(32))
        >>> layer(np.zeros((2, 60, 10))).shape[1]
        32
        >>> layer.count_params()
        5504

    Differs from keras.layers.LSTMCell: the activations, the initial values
    other than the forget bias, and dropout are not options. The weights and
    their order (i, f, g, o) are the same.
    """

    def __init__(self, units, forget_bias=1.0, **kwargs):
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"units must be at least 1, got {units}")
        self.units, self.forget_bias = units, forget_bias
        self.state_size, self.output_size = [units, units], units

    def build(self, input_shape):
        """Create W_x, W_h and b for inputs with I = input_shape[-1]."""
        H = self.units
        bias = np.repeat([0.0, self.forget_bias, 0.0, 0.0], H)
        self.W_x = self.add_weight(
            name="W_x",
            shape=(input_shape[-1], 4 * H),
            initializer="glorot_uniform",
        )
        self.W_h = self.add_weight(
            name="W_h", shape=(H, 4 * H), initializer="orthogonal"
        )
        self.b = self.add_weight(
            name="b",
            shape=(4 * H,),
            initializer=keras.initializers.Constant(bias),
        )

    def call(self, inputs, states):
        """Take one step; returns the output and the two new states."""
        h, c = lstm_step(inputs, *states, self.W_x, self.W_h, self.b)
        return h, [h, c]
