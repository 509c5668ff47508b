"""Tests of dlguide.layers.lstm."""

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.layers.lstm import LSTMCell, lstm_step
from tests.support import (
    autodiff,
    central_differences,
    relative_error,
    tensors,
)

OPEN, SHUT = 20.0, -20.0  # sigmoid(20) = 1 - 2e-9


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gates(x, h_prev, W_x, W_h, b):
    """The gates i, f, g, o in NumPy, from four pairs of matrices."""
    V, U, B = (np.split(a, 4, axis=-1) for a in (W_x, W_h, b))
    z = [x @ V[k] + h_prev @ U[k] + B[k] for k in range(4)]
    return sigmoid(z[0]), sigmoid(z[1]), np.tanh(z[2]), sigmoid(z[3])


def numpy_step(x, h_prev, c_prev, W_x, W_h, b):
    """The oracle: one step, unit by unit."""
    i, f, g, o = gates(x, h_prev, W_x, W_h, b)
    h, c = np.empty_like(h_prev), np.empty_like(c_prev)
    for index in np.ndindex(*c.shape):
        c[index] = f[index] * c_prev[index] + i[index] * g[index]
        h[index] = o[index] * np.tanh(c[index])
    return h, c


def numbers(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def arguments(B=2, I=3, H=4, seed=0):
    """Arguments of `lstm_step`, random, in float64."""
    shapes = (B, I), (B, H), (B, H), (I, 4 * H), (H, 4 * H), (4 * H,)
    return numbers(*shapes, seed=seed)


def walk(xs, weights, h=0.0, c=0.0, step=lstm_step):
    """All h and c, each (T, H), of one sequence xs (T, I) in float32."""
    H = len(weights[1])
    h, c = (np.full((1, H), s, "float32") for s in (h, c))
    weights = [np.asarray(w, "float32") for w in weights]
    hs, cs = [], []
    for x in np.asarray(xs, "float32"):
        h, c = map(ops.convert_to_numpy, step(x[None], h, c, *weights))
        hs.append(h[0])
        cs.append(c[0])
    return np.array(hs), np.array(cs)


# oracle


def test_step_equals_numpy_unit_by_unit():
    args = [a.astype("float32") for a in arguments(B=5, I=3, H=4)]
    expected = numpy_step(*args)
    for ours, theirs in zip(lstm_step(*args), expected, strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(ours), theirs, atol=1e-6
        )


def test_cell_equals_keras_lstm_with_copied_weights():
    x = np.random.default_rng(1).normal(size=(4, 60, 10)).astype("float32")
    theirs = keras.layers.LSTM(32, return_sequences=True, return_state=True)
    ours = keras.layers.RNN(
        LSTMCell(32), return_sequences=True, return_state=True
    )
    expected, _ = theirs(x), ours(x)
    ours.set_weights(theirs.get_weights())
    for a, b in zip(ours(x), expected, strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(a), ops.convert_to_numpy(b), atol=1e-5
        )


def test_another_order_of_the_gates_is_another_network():
    x, h, c, W_x, W_h, b = arguments()
    right = lstm_step(x, h, c, W_x, W_h, b)[0]
    swapped = [  # i, f, o, g instead of i, f, g, o
        np.concatenate([w[..., :8], w[..., 12:], w[..., 8:12]], axis=-1)
        for w in (W_x, W_h, b)
    ]
    wrong = lstm_step(x, h, c, *swapped)[0]
    difference = ops.convert_to_numpy(right) - ops.convert_to_numpy(wrong)
    assert np.abs(difference).max() > 0.1


def test_fresh_weights_are_distributed_as_in_keras():
    theirs, ours = keras.layers.LSTMCell(16), LSTMCell(16)
    theirs.build((None, 8))
    ours.build((None, 8))
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert a.shape == b.shape
        assert a.std() == pytest.approx(b.std(), rel=0.2)
    np.testing.assert_array_equal(ours.get_weights()[2][16:32], 1)
    np.testing.assert_array_equal(
        ours.get_weights()[2], theirs.get_weights()[2]
    )


def test_parameters_follow_the_formula():
    for I, H in ((10, 32), (2, 16), (1, 1)):
        cell = LSTMCell(H)
        cell.build((None, I))
        assert cell.count_params() == 4 * (H * (I + H) + H)
    assert 4 * (32 * (10 + 32) + 32) == 5504


# gradient


def test_gradient_matches_central_differences():
    args = arguments()

    def loss(module, *args):
        h, c = module(*args)
        return (h * h).sum() + (3 * c).sum()

    def keras_loss(*args):
        h, c = lstm_step(*args)
        return ops.sum(h * h) + ops.sum(3 * c)

    for n, exact in enumerate(autodiff(keras_loss, *args)):

        def of_one(a, n=n):
            return loss(numpy_step, *args[:n], a, *args[n + 1 :])

        assert relative_error(exact, central_differences(of_one, args[n])) < (
            1e-7
        )


def gradient_of_last_cell(xs, c0, weights):
    """Gradient of the sum of c_T with respect to c_0, from h_0 = 0."""

    def last_cell(c, *rest):
        xs, h = rest[: len(rest) - 4], rest[-4]
        for x in xs:
            h, c = lstm_step(x, h, c, *rest[-3:])
        return ops.sum(c)

    return autodiff(last_cell, c0, *xs, np.zeros_like(c0), *weights)[0]


def test_without_recurrent_weights_the_gradient_is_the_product_of_f():
    _, h, c0, W_x, W_h, b = arguments(B=1, I=3, H=4, seed=2)
    xs = numbers((20, 1, 3), seed=3)[0]
    product = np.ones_like(c0)
    for x in xs:
        product *= gates(x, h, W_x, 0 * W_h, b)[1]
    gradient = gradient_of_last_cell(xs, c0, (W_x, 0 * W_h, b))
    np.testing.assert_allclose(gradient, product, rtol=1e-10)


def test_with_recurrent_weights_the_product_is_not_all():
    _, h, c, W_x, W_h, b = arguments(B=1, I=3, H=4, seed=2)
    xs = numbers((5, 1, 3), seed=3)[0]
    gradient = gradient_of_last_cell(xs, c, (W_x, W_h, b))
    product, h = np.ones_like(c), 0 * h
    for x in xs:
        product *= gates(x, h, W_x, W_h, b)[1]
        h, c = numpy_step(x, h, c, W_x, W_h, b)
    assert relative_error(gradient, product) > 0.1


def step_jacobian(x, h_prev, c_prev, W_x, W_h, b):
    """J = [[F, A], [D F, D A + P]], rows (c, h), columns (c_prev, h_prev)."""
    i, f, g, o = (a[0] for a in gates(x, h_prev, W_x, W_h, b))
    c = numpy_step(x, h_prev, c_prev, W_x, W_h, b)[1][0]
    U_i, U_f, U_g, U_o = (U.T for U in np.split(W_h, 4, axis=-1))
    F, D = np.diag(f), np.diag(o * (1 - np.tanh(c) ** 2))
    A = (
        np.diag(c_prev[0] * f * (1 - f)) @ U_f
        + np.diag(g * i * (1 - i)) @ U_i
        + np.diag(i * (1 - g**2)) @ U_g
    )
    P = np.diag(np.tanh(c) * o * (1 - o)) @ U_o
    return np.block([[F, A], [D @ F, D @ A + P]])


def test_full_jacobian_is_the_one_derived():
    x, h, c, *weights = arguments(B=1, I=3, H=4, seed=4)

    def row(n, c, h):
        h, c = lstm_step(x, h, c, *tensors(*weights))
        return ops.sum(ops.concatenate([c, h], axis=-1)[0, n])

    rows = [
        np.concatenate(autodiff(lambda c, h, n=n: row(n, c, h), c, h), axis=1)
        for n in range(8)
    ]
    derived = step_jacobian(x, h, c, *weights)
    np.testing.assert_allclose(np.vstack(rows), derived, atol=1e-7)


# limit


def test_the_smallest_layer_has_the_weights_of_the_equations():
    layer = LSTMCell(1)
    layer.build((None, 1))
    assert [w.name for w in layer.weights] == ["W_x", "W_h", "b"]
    assert [w.shape for w in layer.weights] == [(1, 4), (1, 4), (4,)]


def test_closed_forget_gate_erases_the_cell():
    W_x, W_h, b = np.zeros((1, 4)), np.zeros((1, 4)), [SHUT, SHUT, 0, OPEN]
    _, cs = walk(np.ones((1, 1)), (W_x, W_h, b), c=5.0)
    assert abs(cs[0, 0]) < 1e-7


def test_open_forget_gate_carries_the_cell_1000_steps():
    W_x, W_h, b = np.zeros((1, 4)), np.zeros((1, 4)), [SHUT, OPEN, 0, OPEN]
    _, cs = walk(np.ones((1000, 1)), (W_x, W_h, b), c=0.7)
    assert cs[-1, 0] == pytest.approx(0.7, abs=1e-4)


def test_closed_output_gate_hides_the_cell_but_keeps_it():
    W_x, W_h, b = np.zeros((1, 4)), np.zeros((1, 4)), [SHUT, OPEN, 0, SHUT]
    hs, cs = walk(np.ones((10, 1)), (W_x, W_h, b), c=0.7)
    assert np.abs(hs).max() < 1e-7
    assert cs[-1, 0] == pytest.approx(0.7, abs=1e-5)


def test_gates_set_by_hand_count_the_ones():
    W_x = [[2 * OPEN, 0, 0, 0]]  # z_i = 40 x - 20
    W_h = np.zeros((1, 4))
    b = [SHUT, OPEN, OPEN, OPEN]  # f = g = o = 1
    bits = [[0], [1], [1], [0], [0], [1], [0], [1]]
    _, cs = walk(bits, (W_x, W_h, b))
    np.testing.assert_allclose(cs, np.cumsum(bits, axis=0), atol=1e-5)


def test_gates_set_by_hand_are_a_flip_flop():
    W_x = [  # columns i, f, g, o
        [2 * OPEN, 2 * SHUT, 0, 0],  # set: write 1, drop the old
        [0, 2 * SHUT, 0, 0],  # reset: drop the old, write nothing
    ]
    b = [SHUT, OPEN, OPEN, OPEN]
    quiet = [[0, 0]] * 50
    pulses = [[1, 0], *quiet, [1, 0], *quiet, [0, 1], *quiet]
    _, cs = walk(pulses, (W_x, np.zeros((1, 4)), b))
    np.testing.assert_allclose(cs[:102], 1, atol=1e-5)
    np.testing.assert_allclose(cs[102:], 0, atol=1e-5)


def test_without_a_forget_gate_the_cell_only_grows():
    b = [OPEN, OPEN, 1.0, OPEN]  # i = f = 1, g = tanh(1)
    hs, cs = walk(np.zeros((1000, 1)), (np.zeros((1, 4)),) * 2 + (b,))
    assert cs[-1, 0] == pytest.approx(1000 * np.tanh(1), rel=1e-3)
    assert hs[-1, 0] == pytest.approx(1)


def test_fresh_forget_gate_halves_the_cell_within_3_steps():
    f = sigmoid(1.0)
    assert f**3 < 0.5 < f**2
    assert f**60 < 1e-8


# claim


def test_lstm_solves_the_adding_problem_and_the_simple_rnn_does_not(example):
    run = example("layers/lstm")
    assert len(run["lstm_mse"]) == len(run["SEEDS"]) == 5
    assert max(run["lstm_mse"]) < 0.05
    assert min(run["rnn_best"]) > 0.10


def test_lstm_remembers_60_steps_and_the_simple_rnn_not_20(example):
    run = example("layers/lstm")
    assert run["lstm_memory"].min() > 0.4
    assert run["rnn_memory"][:, 20:].max() < 0.4


def test_before_training_the_lstm_forgets_too(example):
    run = example("layers/lstm")
    assert run["fresh_1"][30:].max() < 0.01
    assert run["fresh_0"][15:].max() < run["fresh_1"][15:30].min()


# error


def test_zero_units_are_refused():
    with pytest.raises(ValueError, match="units must be at least 1, got 0"):
        LSTMCell(0)
