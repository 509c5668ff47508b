"""Networks whose weights are known: hand arithmetic, geometry, calculus."""

from functools import reduce
from itertools import pairwise, product

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.basics.neural_network import (
    NeuralNetwork,
    collapse,
    corners,
    count_regions,
    interpolate,
    interpolation_bound,
    most_regions,
    network,
    patterns,
    tent,
)
from tests.support import (
    autodiff,
    central_differences,
    float64,
    relative_error,
)


def random_weights(sizes, seed=0):
    """Pairs (W, b) in float64."""
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(n, m)), rng.normal(size=m))
            for n, m in pairwise(sizes)]


@float64()
def outputs(x, weights, phi=ops.relu):
    """`network` in the precision of its arguments, as a NumPy array."""
    return ops.convert_to_numpy(network(x, weights, phi))


def same(z):
    """No activation."""
    return z


def between(L, points=2**12):
    """Centres of small intervals of [0, 1]: none is a kink of L folds."""
    return ((np.arange(points) + 0.5) / points)[:, None].astype("float32")


# oracle
def test_network_equals_keras_dense_layers():
    model = NeuralNetwork((3, 5, 4, 2), "tanh", seed=1)
    keras_model = keras.Sequential([
        keras.Input((3,)),
        keras.layers.Dense(5, activation="tanh"),
        keras.layers.Dense(4, activation="tanh"),
        keras.layers.Dense(2),
    ])
    keras_model.set_weights(model.get_weights())
    x = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")
    y_hat, expected = (ops.convert_to_numpy(m(x)) for m in (model, keras_model))
    assert relative_error(y_hat, expected) < 1e-6


def test_two_relus_compute_xor():
    x = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    weights = [(np.array([[1.0, 1], [1, 1]]), np.array([0.0, -1])),
               (np.array([[1.0], [-2]]), np.array([0.0]))]
    assert outputs(x, weights).ravel().tolist() == [0, 1, 1, 0]


def test_interpolation_equals_numpy_interp():
    rng = np.random.default_rng(0)
    t = np.sort(rng.uniform(-1, 1, size=12))
    y = rng.normal(size=12)
    x = np.linspace(t[0], t[-1], 501)
    found = outputs(x[:, None].astype("float32"), interpolate(t, y))[:, 0]
    assert relative_error(found, np.interp(x, t, y)) < 1e-4


def test_all_weights_of_the_interpolation_are_float32():
    weights = sum(interpolate([0, 1, 2], [0, 1, 0]), ())
    assert [w.dtype for w in weights] == ["float32"] * 4


def test_tent_that_is_zero_outside_takes_three_relus():
    first, second = interpolate([-1, 0, 1, 2, 3], [0, 0, 1, 0, 0])
    used = second[0].ravel() != 0
    assert used.sum() == 3
    assert first[1][used].tolist() == [0, -1, -2]  # kinks at 0, 1, 2
    assert second[0][used].ravel().tolist() == [1, -2, 1]


def test_folds_equal_the_composed_tent_map():
    x = between(6)
    expected = x
    for L in range(1, 7):
        expected = 1 - np.abs(2 * expected - 1)
        assert np.array_equal(outputs(x, tent(L)), expected)


def test_lines_in_general_position_reach_the_bound():
    for N in (2, 4, 7):
        turn = np.pi * np.arange(N) / N
        W = np.stack([np.cos(turn), np.sin(turn)])  # tangents of a circle
        on = patterns(corners(W, -np.ones(N)), [(W, -np.ones(N)), ()])
        side = np.linspace(-6, 6, 301)
        grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
        expected = 1 + N + N * (N - 1) // 2  # Euler: lines and crossings
        assert count_regions(on) == most_regions(N, 2) == expected
        assert count_regions(grid @ W > 1) == expected


@pytest.mark.parametrize("I", [1, 2, 3])
def test_a_new_hyperplane_cuts_as_many_regions_as_the_old_cut_it(I):
    for N in range(1, 12):
        new = most_regions(N + 1, I) - most_regions(N, I)
        assert new == (most_regions(N, I - 1) if I > 1 else 1)


# gradient
def test_inside_a_region_the_network_is_one_matrix():
    x, weights = np.array([[0.3, -0.7, 0.2]]), random_weights((3, 5, 4, 1))
    on = np.split(patterns(x, weights)[0], [5])
    W = weights[0][0]
    for open_, (W_next, _) in zip(on, weights[1:], strict=True):
        W = (W * open_) @ W_next
    slope, = autodiff(lambda x: network(x, [
        [*map(ops.convert_to_tensor, pair)] for pair in weights])[0, 0], x)
    assert relative_error(slope, W.T) < 1e-12


def test_gradient_of_the_weights_equals_central_differences():
    x = np.random.default_rng(1).normal(size=(4, 3))
    flat = [a for pair in random_weights((3, 5, 2)) for a in pair]

    def loss(*flat):
        return ops.mean(ops.square(network(
            x, [flat[:2], flat[2:]], ops.tanh)))

    for l, grad in enumerate(autodiff(loss, *flat)):
        numerical = central_differences(
            lambda w, l=l: loss(*flat[:l], w, *flat[l + 1:]), flat[l])
        assert relative_error(grad, numerical) < 1e-7


# limit
def test_collapsed_layers_keep_the_bias():
    first = np.array([[2.0]]), np.array([1.0])
    second = np.array([[3.0]]), np.array([4.0])
    with float64():
        W, b = collapse(first, second)
    assert (float(W[0, 0]), float(b[0])) == (6, 7)  # 3 (2x + 1) + 4


def test_a_narrow_layer_without_activation_limits_the_rank():
    weights = random_weights((6, 2, 5))
    with float64():
        W, _ = reduce(collapse, weights)
    assert np.linalg.matrix_rank(ops.convert_to_numpy(W)) == 2


def test_one_knot_interval_is_a_straight_line():
    weights = interpolate([-1, 3], [5, -3])
    x = np.array([[-1.0], [0], [3]], "float32")
    assert outputs(x, weights).ravel().tolist() == [5, 3, -3]


def test_with_as_many_inputs_as_units_every_pattern_occurs():
    assert [most_regions(5, I) for I in (5, 6, 100)] == [32, 32, 32]
    corners = np.array(list(product((-1.0, 1.0), repeat=5)))
    identity = [(np.eye(5), np.zeros(5)), ()]
    assert count_regions(patterns(corners, identity)) == 32


def test_weights_of_relu_layers_start_with_variance_2_over_their_inputs():
    kernel = ops.convert_to_numpy(NeuralNetwork([400, 300, 1]).kernels[0])
    assert abs(kernel.std() ** 2 * 400 - 2) < 0.05
    assert np.abs(kernel).max() > 3.5 * kernel.std()  # not cut off
    same, other = (ops.convert_to_numpy(NeuralNetwork(
        [400, 300, 1], seed=seed).kernels[0]) for seed in (0, 1))
    np.testing.assert_array_equal(kernel, same)
    assert np.abs(kernel - other).max() > 0.01


def test_a_network_may_have_one_input_and_one_output():
    model = NeuralNetwork([1, 1])
    assert [w.shape for w in model.kernels] == [(1, 1)]
    assert not ops.convert_to_numpy(model.biases[0]).any()


# claim
def test_three_layers_without_activation_are_one_matrix(example):
    run = example("basics/neural_network")
    assert max(run["gaps"]) < 1e-6


def test_without_activation_training_ends_at_the_straight_line(example):
    run = example("basics/neural_network")
    x, y = run["x"][:, 0], run["sine"][:, 0]
    line = np.polynomial.Polynomial.fit(x, y, 1)(x)
    best = np.mean((line - y) ** 2)
    assert best > 0.19
    assert np.allclose(run["linear"], best, rtol=0.01)
    assert max(run["relu"]) < 0.01


def test_error_obeys_the_bound_and_falls_fourfold(example):
    run = example("basics/neural_network")
    errors, bounds = run["errors"], run["bounds"]
    assert all(errors[N] <= bounds[N] for N in errors)
    assert errors[22] > 0.01 > errors[23]
    for N in (16, 32):
        assert 3.7 < errors[N] / errors[2 * N] < 4.1


def test_ten_units_reach_the_largest_number_of_regions(example):
    counted = example("basics/neural_network")["counted"]
    assert counted == {1: 11, 2: 56, 10: 1024}


def test_each_fold_doubles_the_pieces(example):
    pieces = example("basics/neural_network")["pieces"]
    assert max(pieces) == 10
    assert pieces == {L: 2**L for L in pieces}


def test_four_trained_relus_enclose_a_disc_and_none_can_be_missed(example):
    run = example("basics/neural_network")
    assert run["cut"] == most_regions(4, 2)
    assert run["right"][0] > 0.95
    assert max(run["right"][1:]) < 0.85


def test_training_does_not_find_the_folds_that_exist(example):
    run = example("basics/neural_network")
    x = (run["x"] + 1) / 2
    assert np.array_equal(outputs(x, tent(3)), run["saw"])  # 6 ReLUs: exact
    assert run["saw"].var() > 0.08
    assert len(run["folded"]) == 5
    assert min(run["folded"]) > 0.04


def test_slopes_of_the_saw_alternate():
    x = between(5)[:, 0]
    slope = np.diff(outputs(x[:, None], tent(5))[:, 0]) / np.diff(x)
    inside = slope.reshape(-1)[np.abs(slope) == 32]
    assert 1 + np.sum(np.diff(np.sign(inside)) != 0) == 32


def test_last_layer_may_bend_where_it_does_not_fold():
    *folds, last = tent(4)  # 4 layers, 8 units
    bends = np.array([[-1.0, 1]], "float32"), np.array([2 / 3, -1 / 3])
    fifth = collapse(last, bends)  # relu(2/3 - x), relu(x - 1/3)
    weights = [*folds, fifth, ()]
    assert count_regions(patterns(between(5), weights)) == 48


def test_random_weights_fold_far_less_than_they_could():
    x = np.linspace(-30, 30, 100_001)[:, None]
    for seed in range(5):
        deep = random_weights((1, 2, 2, 2, 2, 2, 1), seed)
        assert count_regions(patterns(x, deep)) <= 16  # of 32 or more


def test_square_root_gains_only_a_factor_of_1_4():
    x, errors = np.linspace(0, 1, 4097), []
    for N in (16, 32, 64):
        t = np.linspace(0, 1, N + 1)
        y_hat = outputs(np.float32(x[:, None]), interpolate(t, np.sqrt(t)))
        errors.append(np.abs(y_hat[:, 0] - np.sqrt(x)).max())
    assert np.allclose(np.divide(errors[:2], errors[1:]), 2**0.5, rtol=0.01)


def test_square_activation_gives_a_parabola_at_any_width():
    x = np.linspace(-1, 1, 101)[:, None]
    for N in (1, 10, 1000):
        y = outputs(x, random_weights((1, N, 1)), ops.square)[:, 0]
        third = np.diff(y, n=3)
        assert np.abs(third).max() < 1e-10 * np.abs(y).max()


def test_points_on_kinks_are_counted_as_regions_of_their_own():
    on_kinks = np.linspace(0, 1, 2**12 + 1, dtype="float32")[:, None]
    assert count_regions(patterns(on_kinks, tent(5))) > 32
    assert count_regions(patterns(between(5), tent(5))) == 32


def test_float32_breaks_a_tiny_bound():
    t, x = np.linspace(-1, 1, 513), np.linspace(-1, 1, 4097)
    bound = interpolation_bound(np.pi**2, 2 / 512)
    y32 = outputs(np.float32(x[:, None]), interpolate(t, np.sin(np.pi * t)))
    y64 = np.interp(x, t, np.sin(np.pi * t))
    assert np.abs(y32[:, 0] - np.sin(np.pi * x)).max() > bound
    assert np.abs(y64 - np.sin(np.pi * x)).max() <= bound


# error
@pytest.mark.parametrize(("t", "y"), [
    ([0], [0]), ([0, 1], [0, 1, 2]), ([[0, 1]], [[0, 1]])])
def test_points_of_the_wrong_shape_are_refused(t, y):
    with pytest.raises(ValueError, match="two rows of the same 2 or more"):
        interpolate(t, y)


@pytest.mark.parametrize(("t", "y"), [
    ([0, 0], [0, 1]), ([1, 0], [0, 1]), ([0, 1], [0, np.nan]),
    ([0, np.inf], [0, 1])])
def test_knots_that_do_not_increase_or_are_not_finite_are_refused(t, y):
    with pytest.raises(ValueError, match="t must increase, t and y be finite"):
        interpolate(t, y)


def test_no_folds_are_refused():
    with pytest.raises(ValueError, match="L must be at least 1, got 0"):
        tent(0)


@pytest.mark.parametrize(("N", "I"), [(0, 1), (1, 0)])
def test_regions_without_units_or_dimensions_are_refused(N, I):
    with pytest.raises(ValueError, match=f"at least 1, got {N} and {I}"):
        most_regions(N, I)


@pytest.mark.parametrize("sizes", [(3,), (3, 0, 2)])
def test_too_few_or_empty_layers_are_refused(sizes):
    with pytest.raises(ValueError, match="sizes must be 2 or more counts"):
        NeuralNetwork(sizes)


def test_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="nonesuch"):
        NeuralNetwork((3, 2), "nonesuch")


def test_inputs_of_the_wrong_width_are_refused():
    with pytest.raises(ValueError, match="x must have 3 columns"):
        NeuralNetwork((3, 2))(np.ones((5, 4), "float32"))
