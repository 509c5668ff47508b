"""Tests of dlguide.layers.simple_rnn."""

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.layers.simple_rnn import (
    SimpleRNNCell,
    backward,
    clip_by_norm,
    forward,
    simple_rnn_step,
    weight_gradients,
)
from tests.support import (
    autodiff,
    central_differences,
    float64,
    relative_error,
)

T, B, I, H = 7, 2, 3, 4


def arguments(seed=0):
    """x, h_0, W_x, W_h, b and the weights v of a loss, in float64."""
    rng = np.random.default_rng(seed)
    shapes = (T, B, I), (B, H), (I, H), (H, H), (H,), (T, B, H)
    return [0.7 * rng.normal(size=shape) for shape in shapes]


def numpy_forward(x, h, W_x, W_h, b):
    """The oracle: all states, unit by unit."""
    states = []
    for x_t in x:
        new = np.empty_like(h)
        for n, j in np.ndindex(*h.shape):
            a = b[j] + sum(x_t[n, i] * W_x[i, j] for i in range(len(W_x)))
            a += sum(h[n, i] * W_h[i, j] for i in range(len(W_h)))
            new[n, j] = np.tanh(a)
        h = new
        states.append(h)
    return np.array(states)


def to_numpy(*tensors):
    return [ops.convert_to_numpy(t) for t in tensors]


def small(*arrays):
    return [np.asarray(a, "float32") for a in arrays]


@float64()
def gradients(x, h_0, W_x, W_h, b, e):
    """Gradients of W_x, W_h, b by `backward`, for dL/dh = e."""
    h = forward(x, h_0, W_x, W_h, b)
    _, da = backward(ops.convert_to_tensor(e), 1 - h * h, W_h)
    return to_numpy(*weight_gradients(x, h_0, h, da))


# oracle


def test_forward_equals_numpy_unit_by_unit():
    *args, _ = small(*arguments())
    (h,) = to_numpy(forward(*args))
    np.testing.assert_allclose(h, numpy_forward(*args), atol=1e-6)


def test_cell_equals_keras_simple_rnn_with_copied_weights():
    x = np.random.default_rng(1).normal(size=(4, 60, 10)).astype("float32")
    theirs = keras.layers.SimpleRNN(32, return_sequences=True)
    ours = keras.layers.RNN(SimpleRNNCell(32), return_sequences=True)
    expected, _ = theirs(x), ours(x)
    ours.set_weights(theirs.get_weights())
    a, b = to_numpy(ours(x), expected)
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_fresh_weights_are_distributed_as_in_keras():
    ours, theirs = SimpleRNNCell(32), keras.layers.SimpleRNNCell(32)
    ours.build((None, 10))
    theirs.build((None, 10))
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert a.shape == b.shape
        assert a.std() == pytest.approx(b.std(), rel=0.2)
    W_h = ours.get_weights()[1]
    np.testing.assert_allclose(W_h @ W_h.T, np.eye(32), atol=1e-5)


def test_parameters_follow_the_formula_whatever_the_length():
    for I, H in ((10, 32), (2, 16), (1, 1)):
        cell = SimpleRNNCell(H)
        cell.build((None, I))
        assert cell.count_params() == H * (I + H) + H
    assert 32 * (10 + 32) + 32 == 1376


def test_clipping_equals_keras_clipnorm():
    for g in ([30.0, 40.0], [0.3, 0.4]):
        w = keras.Variable(np.zeros(2, "float32"))
        keras.optimizers.SGD(1.0, clipnorm=1.0).apply([ops.array(g)], [w])
        (ours,) = to_numpy(clip_by_norm(ops.array(g), 1.0))
        np.testing.assert_allclose(-w.numpy(), ours, rtol=1e-6)


# gradient


def test_backward_equals_autodiff():
    *args, v = arguments()

    def loss(x, h_0, W_x, W_h, b):
        h, total = h_0, 0.0
        for t in range(T):
            h = simple_rnn_step(x[t], h, W_x, W_h, b)
            total = total + ops.sum(ops.multiply(v[t], h))
        return total

    for ours, exact in zip(
        gradients(*args, v), autodiff(loss, *args)[2:], strict=True
    ):
        np.testing.assert_allclose(ours, exact, rtol=1e-9, atol=1e-12)


def test_backward_matches_central_differences():
    *args, v = arguments(seed=1)
    for n, ours in zip((2, 3, 4), gradients(*args, v), strict=True):

        def loss(a, n=n):
            return (v * numpy_forward(*args[:n], a, *args[n + 1 :])).sum()

        assert relative_error(ours, central_differences(loss, args[n])) < 1e-7


def test_gradient_of_the_states_counts_all_detours():
    x, h_0, W_x, W_h, b, _ = small(*arguments())
    e = np.zeros((T, B, H), "float32")
    e[-1] = 1
    h = forward(x, h_0, W_x, W_h, b)
    (dh,) = to_numpy(backward(e, 1 - h * h, W_h)[0])
    step = np.eye(H)
    for h_t in to_numpy(h)[0][:0:-1, 0]:  # h_T, ..., h_2 of one example
        step = step @ np.diag(1 - h_t**2) @ W_h.T
    np.testing.assert_allclose(dh[0, 0], np.ones(H) @ step, atol=1e-5)


def truncated(x, h_0, W_x, W_h, b, e, steps):
    """Gradients when the way back ends after the last `steps` steps."""
    early = forward(x[:-steps], h_0, W_x, W_h, b)
    return gradients(x[-steps:], early[-1], W_x, W_h, b, e[-steps:])


@float64()
def test_truncated_gradient_misses_what_lies_further_back():
    x, h_0, W_x, W_h, b, _ = arguments()
    x[1:] = 0  # all that W_x does, it does in the first step
    e = np.zeros((T, B, H))
    e[-1] = 1
    dW_x, *_ = gradients(x, h_0, W_x, W_h, b, e)
    short, *_ = truncated(x, h_0, W_x, W_h, b, e, steps=T - 1)
    assert np.abs(dW_x).max() > 1e-3
    np.testing.assert_array_equal(short, 0)


# limit


def test_the_smallest_layer_has_the_weights_of_the_equations():
    layer = SimpleRNNCell(1)
    layer.build((None, 1))
    assert [w.name for w in layer.weights] == ["W_x", "W_h", "b"]
    assert [w.shape for w in layer.weights] == [(1, 1), (1, 1), (1,)]


def test_without_recurrent_weights_there_is_no_memory():
    x, h_0, W_x, W_h, b, _ = small(*arguments())
    for weights, remembers in ((W_h, True), (0 * W_h, False)):
        one, two = to_numpy(
            forward(x, h_0, W_x, weights, b), forward(x, -h_0, W_x, weights, b)
        )
        assert (np.abs(one - two).max() > 1e-3) == remembers


def test_stronger_inputs_make_the_gradient_shorter():
    norms = []
    for size in (0.1, 0.5):
        for seed in range(5):
            rng = np.random.default_rng(seed)
            W_h = np.linalg.qr(rng.normal(size=(32, 32)))[0]  # rho = 1
            x = size * rng.normal(size=(51, 1, 32))
            h = numpy_forward(x, np.zeros((1, 32)), np.eye(32), W_h, [0] * 32)
            e = np.zeros_like(h)
            e[-1, 0, 0] = 1
            (dh,) = to_numpy(backward(*small(e, 1 - h * h, W_h))[0])
            norms.append(np.linalg.norm(dh[0]))  # 50 steps back
    assert min(norms[:5]) > 100 * max(norms[5:])


def test_a_later_input_does_not_reach_an_earlier_state():
    x, *weights, _ = small(*arguments())
    later = x.copy()
    later[4:] += 1
    one, two = to_numpy(forward(x, *weights), forward(later, *weights))
    np.testing.assert_array_equal(one[:4], two[:4])
    assert np.abs(one[4:] - two[4:]).max() > 0.01


def merge(left, right, weights):
    """One node of a recursive network: two children, one parent."""
    return to_numpy(simple_rnn_step(right, left, *weights))[0]


def test_a_recursive_network_needs_a_tree_and_a_chain_is_one_of_them():
    rng = np.random.default_rng(0)
    weights = small(*(rng.normal(size=s) for s in ((H, H), (H, H), (H,))))
    a, b, c = small(*rng.normal(size=(3, 1, H)))
    chain = merge(merge(a, b, weights), c, weights)  # ((a b) c)
    other = merge(a, merge(b, c, weights), weights)  # (a (b c))
    (recurrent,) = to_numpy(forward(np.array([b, c]), a, *weights))
    np.testing.assert_allclose(chain, recurrent[-1], atol=1e-6)
    assert np.abs(chain - other).max() > 0.1


def test_powers_of_a_jordan_block_are_the_ones_derived():
    rho, c = 0.9, 10.0
    W = np.array([[rho, c], [0, rho]])
    for k in (1, 2, 10, 60):
        derived = [[rho**k, k * c * rho ** (k - 1)], [0, rho**k]]
        np.testing.assert_allclose(np.linalg.matrix_power(W, k), derived)
    assert max(abs(np.linalg.eigvals(W))) == pytest.approx(rho)


def test_clipped_step_is_never_longer_than_the_bound():
    rng = np.random.default_rng(0)
    for size in (1e-6, 1.0, 1e6):
        g = size * rng.normal(size=(3, 4)).astype("float32")
        (clipped,) = to_numpy(clip_by_norm(g, 0.5))
        assert np.linalg.norm(clipped) <= 0.5 * (1 + 1e-6)
        cosine = (g * clipped).sum()
        cosine /= np.linalg.norm(g) * np.linalg.norm(clipped)
        assert cosine == pytest.approx(1, abs=1e-5)


def test_clipping_each_weight_alone_turns_the_direction():
    big, little = np.array([100.0, 0.0]), np.array([0.0, 0.1])
    apart = to_numpy(clip_by_norm(big, 1.0), clip_by_norm(little, 1.0))
    whole = to_numpy(clip_by_norm(np.stack([big, little]), 1.0))[0]
    np.testing.assert_allclose(apart, [[1, 0], [0, 0.1]], atol=1e-6)
    np.testing.assert_allclose(whole, [[1, 0], [0, 0.001]], atol=1e-6)


# claim


def test_gradient_vanishes_stays_or_explodes_with_the_spectral_radius(example):
    lag = example("layers/simple_rnn")["lag"]
    for norms in lag.values():
        assert norms.shape == (5, 60)
    assert lag["linear", 0.9][:, 50].max() < 0.01
    np.testing.assert_allclose(lag["linear", 1], 1, rtol=1e-3)
    assert lag["linear", 1.1][:, 50].min() > 100
    assert lag["linear", 3][:, 50].min() > 1e20


def test_tanh_units_lower_the_gradient_below_the_power_of_the_norm(example):
    lag = example("layers/simple_rnn")["lag"]
    for rho in (0.9, 1, 1.1, 3):
        bound = float(rho) ** np.arange(60)
        assert (lag["tanh", rho] <= bound * 1.001).all()
    assert lag["tanh", 0.9][:, 50].max() < 0.002
    assert lag["tanh", 1][:, 50].max() < 0.1
    assert lag["tanh", 1.1][:, 50].max() < 1
    assert lag["tanh", 3][:, 50].min() > 100


def test_a_spectral_radius_below_1_does_not_forbid_growth(example):
    hump = example("layers/simple_rnn")["hump"]
    assert hump.max() > 38
    assert hump[:63].min() >= 1 > hump[63:].max()


def test_clipping_bounds_the_step_where_the_raw_one_leaps_away(example):
    run = example("layers/simple_rnn")
    path = np.array(run["path"])
    assert run["raw"] < -10  # from 1.05, in one step
    assert np.abs(np.diff(path)).max() <= 0.001 * (1 + 1e-6)
    assert path[-1] ** 60 == pytest.approx(0.5, abs=0.01)


def test_simple_rnn_learns_the_adding_problem_over_10_steps(example):
    run = example("layers/simple_rnn")
    assert len(run["mse"]) == 10
    assert max(run["mse"]) < 0.05  # 60 steps: above 0.10, see test_lstm.py


# error


def test_zero_units_are_refused():
    with pytest.raises(ValueError, match="units must be at least 1, got 0"):
        SimpleRNNCell(0)


def test_clipping_to_no_length_is_refused():
    with pytest.raises(ValueError, match="c must be above 0, got 0"):
        clip_by_norm(np.ones(2), 0)
