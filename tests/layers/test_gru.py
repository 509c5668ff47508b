"""Tests of dlguide.layers.gru."""

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.layers.gru import GRUCell, gru_step, gru_step_reset_before
from tests.support import (
    autodiff,
    central_differences,
    relative_error,
    tensors,
)

OPEN, SHUT = 20.0, -20.0  # sigmoid(20) = 1 - 2e-9


def sigmoid(a):
    return (1 + np.tanh(a / 2)) / 2  # never overflows


def arguments(B=2, I=3, H=4, seed=0):
    """Arguments of `gru_step`, random, in float64."""
    rng = np.random.default_rng(seed)
    shapes = (B, I), (B, H), (I, 3 * H), (H, 3 * H), (3 * H,), (3 * H,)
    return [rng.normal(size=shape) for shape in shapes]


def parts(x, h_prev, W_x, W_h, b_x, b_h):
    """z, r, h_tilde and q = h_prev W_hh + b_hh in NumPy."""
    V, U, c, d = (np.split(a, 3, axis=-1) for a in (W_x, W_h, b_x, b_h))
    z = sigmoid(x @ V[0] + c[0] + h_prev @ U[0] + d[0])
    r = sigmoid(x @ V[1] + c[1] + h_prev @ U[1] + d[1])
    q = h_prev @ U[2] + d[2]
    return z, r, np.tanh(x @ V[2] + c[2] + r * q), q


def numpy_step(x, h_prev, W_x, W_h, b_x, b_h):
    """The oracle of `gru_step`, unit by unit."""
    z, _, h_tilde, _ = parts(x, h_prev, W_x, W_h, b_x, b_h)
    h = np.empty_like(h_prev)
    for n in np.ndindex(*h.shape):
        h[n] = z[n] * h_prev[n] + (1 - z[n]) * h_tilde[n]
    return h


def numpy_before(x, h_prev, W_x, W_h, b):
    """The oracle of `gru_step_reset_before`, unit by unit."""
    z, r, _, _ = parts(x, h_prev, W_x, W_h, b, 0 * b)
    H = h_prev.shape[1]
    h = np.empty_like(h_prev)
    for n, j in np.ndindex(*h.shape):
        a = x[n] @ W_x[:, 2 * H + j] + b[2 * H + j]
        for i in range(H):
            a += r[n, i] * h_prev[n, i] * W_h[i, 2 * H + j]
        h[n, j] = z[n, j] * h_prev[n, j] + (1 - z[n, j]) * np.tanh(a)
    return h


def both(x, h, W_x, W_h, b):
    """The two variants, on the same weights and without b_h."""
    args = [np.asarray(a, "float32") for a in (x, h, W_x, W_h, b)]
    after = gru_step(*args, 0 * args[-1])
    before = gru_step_reset_before(*args)
    return ops.convert_to_numpy(after), ops.convert_to_numpy(before)


# oracle


def test_steps_equal_numpy_unit_by_unit():
    args = [a.astype("float32") for a in arguments()]
    after, before = gru_step(*args), gru_step_reset_before(*args[:5])
    np.testing.assert_allclose(
        ops.convert_to_numpy(after), numpy_step(*args), atol=1e-6
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(before), numpy_before(*args[:5]), atol=1e-6
    )


@pytest.mark.parametrize("reset_after", [True, False])
def test_cell_equals_keras_gru_with_copied_weights(reset_after):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(4, 60, 10)).astype("float32")
    theirs = keras.layers.GRU(
        32, reset_after=reset_after, return_sequences=True
    )
    ours = keras.layers.RNN(GRUCell(32, reset_after), return_sequences=True)
    theirs(x), ours(x)
    weights = theirs.get_weights()
    weights[2] = rng.normal(size=weights[2].shape)
    theirs.set_weights(weights)
    ours.set_weights(weights)
    np.testing.assert_allclose(
        ops.convert_to_numpy(ours(x)),
        ops.convert_to_numpy(theirs(x)),
        atol=1e-5,
    )


def test_parameters_follow_the_formula():
    for I, H in ((10, 32), (2, 16), (1, 1)):
        for reset_after in (True, False):
            cell = GRUCell(H, reset_after)
            cell.build((None, I))
            extra = 3 * H if reset_after else 0
            assert cell.count_params() == 3 * (H * (I + H) + H) + extra
    assert 3 * (32 * (10 + 32) + 32) == 4128


def test_fresh_weights_are_distributed_as_in_keras():
    ours, theirs = GRUCell(16), keras.layers.GRUCell(16)
    ours.build((None, 8))
    theirs.build((None, 8))
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert a.shape == b.shape
        assert a.std() == pytest.approx(b.std(), rel=0.2)


# gradient


@pytest.mark.parametrize(
    ("step", "module", "count"),
    [(gru_step, numpy_step, 6), (gru_step_reset_before, numpy_before, 5)],
)
def test_gradient_matches_central_differences(step, module, count):
    args = arguments()[:count]

    def keras_loss(*args):
        h = step(*args)
        return ops.sum(h * h)

    for n, exact in enumerate(autodiff(keras_loss, *args)):

        def of_one(a, n=n):
            return (module(*args[:n], a, *args[n + 1 :]) ** 2).sum()

        assert relative_error(exact, central_differences(of_one, args[n])) < (
            1e-7
        )


def step_jacobian(x, h_prev, W_x, W_h, b_x, b_h):
    """The matrix of dh / dh_prev, rows h, for one example."""
    z, r, h_tilde, q = (a[0] for a in parts(x, h_prev, W_x, W_h, b_x, b_h))
    U_z, U_r, U_h = (U.T for U in np.split(W_h, 3, axis=-1))
    inner = np.diag(r) @ U_h + np.diag(q * r * (1 - r)) @ U_r
    return (
        np.diag(z)
        + np.diag((h_prev[0] - h_tilde) * z * (1 - z)) @ U_z
        + np.diag((1 - z) * (1 - h_tilde**2)) @ inner
    )


def test_full_jacobian_is_the_one_derived():
    x, h, *weights = arguments(B=1, seed=4)
    rest = tensors(*weights)
    rows = [
        autodiff(lambda h, n=n: gru_step(x, h, *rest)[0, n], h)[0][0]
        for n in range(4)
    ]
    derived = step_jacobian(x, h, *weights)
    np.testing.assert_allclose(np.array(rows), derived, atol=1e-10)


def gradient_over_steps(xs, h_0, weights):
    """Gradient of the sum of h_T with respect to h_0."""

    def last(h, *rest):
        for x in rest[:-4]:
            h = gru_step(x, h, *rest[-4:])
        return ops.sum(h)

    return autodiff(last, h_0, *xs, *weights)[0]


def test_without_recurrent_weights_the_gradient_is_the_product_of_z():
    _, h, W_x, W_h, b_x, b_h = arguments(B=1, seed=2)
    xs = np.random.default_rng(3).normal(size=(20, 1, 3))
    product = np.ones_like(h)
    for x in xs:
        product *= parts(x, h, W_x, 0 * W_h, b_x, b_h)[0]
    gradient = gradient_over_steps(xs, h, (W_x, 0 * W_h, b_x, b_h))
    np.testing.assert_allclose(gradient, product, rtol=1e-10)


# limit


def test_the_smallest_layer_has_the_weights_of_the_equations():
    layer = GRUCell(1)
    layer.build((None, 1))
    assert [w.name for w in layer.weights] == ["W_x", "W_h", "b"]
    assert [w.shape for w in layer.weights] == [(1, 3), (1, 3), (2, 3)]


def test_the_variants_differ_unless_the_matrix_is_diagonal():
    x, h, W_x, W_h, b, _ = arguments()
    after, before = both(x, h, W_x, W_h, b)
    assert np.abs(after - before).max() > 0.1
    W_h[:, 8:] *= np.eye(4)
    after, before = both(x, h, W_x, W_h, b)
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_2_of_the_3_extra_biases_only_add_to_others():
    x, h, W_x, W_h, b_x, b_h = arguments()
    move = np.ones(12)
    for block, same in ((slice(0, 8), True), (slice(8, 12), False)):
        moved = np.zeros(12)
        moved[block] = move[block]
        one = numpy_step(x, h, W_x, W_h, b_x, b_h)
        two = numpy_step(x, h, W_x, W_h, b_x + moved, b_h - moved)
        assert np.allclose(one, two) == same


def test_update_gate_at_1_copies_and_at_0_replaces():
    x, h, W_x, W_h, b_x, b_h = arguments()
    for gate, expected in ((OPEN, h), (SHUT, None)):
        W_h[:, :4], W_x[:, :4], b_x[:4], b_h[:4] = 0, 0, gate, 0
        if expected is None:
            expected = parts(x, h, W_x, W_h, b_x, b_h)[2]
        new = ops.convert_to_numpy(gru_step(x, h, W_x, W_h, b_x, b_h))
        np.testing.assert_allclose(new, expected, atol=1e-6)


def test_reset_gate_at_0_leaves_a_candidate_without_memory():
    x, h, W_x, W_h, b_x, b_h = arguments()
    W_h[:, :8], W_x[:, 4:8], b_x[4:8], b_h[4:8] = 0, 0, SHUT, 0
    _, _, one, _ = parts(x, h, W_x, W_h, b_x, b_h)
    _, _, two, _ = parts(x, -h, W_x, W_h, b_x, b_h)
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_state_never_leaves_the_interval_from_minus_1_to_1():
    rng = np.random.default_rng(0)
    for size in (0.1, 1, 100):
        _, h, *weights = [size * a for a in arguments(seed=1)]
        h = np.clip(h, -1, 1)
        for x in size * rng.normal(size=(200, 2, 3)):
            h = numpy_step(x, h, *weights)
            assert np.abs(h).max() <= 1 + 1e-12  # rounding


def test_a_negative_bias_turns_one_convention_into_the_other():
    x, h, W_x, W_h, b_x, b_h = arguments()
    flipped = [a.copy() for a in (W_x, W_h, b_x, b_h)]
    for a in flipped:
        a[..., :4] *= -1  # sigmoid(-a) = 1 - sigmoid(a)
    z, _, h_tilde, _ = parts(x, h, *flipped)
    other = (1 - z) * h + z * h_tilde
    np.testing.assert_allclose(other, numpy_step(x, h, W_x, W_h, b_x, b_h))


def test_update_gate_set_by_hand_holds_a_marked_number():
    keep, write = OPEN, 2 * SHUT  # z = sigmoid(20 - 40 mark)
    W_x = np.array([[0, 0, 1], [write, 0, 0]], "float32")  # columns z, r, h
    b_x = np.array([keep, SHUT, 0], "float32")
    W_h, b_h = np.zeros((1, 3), "float32"), np.zeros(3, "float32")
    xs = np.random.default_rng(0).random((61, 1, 2)).astype("float32")
    xs[:, :, 1] = 0
    xs[0, 0, 1] = 1
    h = np.zeros((1, 1), "float32")
    for x in xs:
        h = ops.convert_to_numpy(gru_step(x, h, W_x, W_h, b_x, b_h))
    assert h[0, 0] == pytest.approx(np.tanh(xs[0, 0, 0]), abs=1e-5)


# claim


def test_gru_solves_the_adding_problem_over_60_steps(example):
    run = example("layers/gru")
    assert run["after"].shape == run["before"].shape == (5, 8)
    assert run["after"][:, -1].max() < 0.01
    assert run["before"][:, -1].max() < 0.01


def test_simple_rnn_does_not_solve_it_with_the_same_budget(example):
    rnn = example("layers/gru")["rnn"]
    assert len(rnn) == 5
    assert rnn.min() > 0.10


def test_adding_does_not_need_the_reset_gate(example):
    class AlwaysOpen(GRUCell):  # r = 1
        def call(self, inputs, states):
            learn = np.repeat([1, 0, 1], self.units).astype("float32")
            h = gru_step(inputs, states[0], self.W_x * learn, self.W_h * learn,
                         self.b[0] * learn + OPEN * (1 - learn),
                         self.b[1] * learn)
            return h, [h]

    train = example("layers/gru")["train"]
    mse = train(lambda: keras.layers.RNN(AlwaysOpen(16)))
    assert mse.shape == (5, 8)
    assert mse[:, -1].max() < 0.01


def test_the_variants_are_two_networks(example):
    gaps = example("layers/gru")["gaps"]
    assert len(gaps) == 5
    assert min(gaps) > 0.02


# error


def test_zero_units_are_refused():
    with pytest.raises(ValueError, match="units must be at least 1, got 0"):
        GRUCell(0)
