"""Backpropagation by hand: against autodiff, differences, hand arithmetic."""

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.basics.backpropagation import (
    ACTIVATIONS,
    MLP,
    backward,
    cross_entropy,
    forward,
    multiply_adds,
    output_delta,
    weight_gradients,
)
from tests.support import (
    autodiff,
    central_differences,
    float64,
    relative_error,
)

SIZES = (3, 4, 3, 2)


def network(seed=0, B=6, sizes=SIZES):
    """Inputs, one-hot targets and weights, all float64."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(B, sizes[0]))
    y = np.eye(sizes[-1])[rng.integers(sizes[-1], size=B)]
    weights = [(rng.normal(size=(n, m)), rng.normal(size=m))
               for n, m in zip(sizes[:-1], sizes[1:], strict=True)]
    return x, y, weights


def loss_of(x, y, phi):
    """The loss as a function of W1, b1, W2, b2, ..."""
    def loss(*flat):
        weights = list(zip(flat[::2], flat[1::2], strict=True))
        return cross_entropy(forward(x, weights, phi)[1][-1], y)
    return loss


@float64()
def by_hand(x, y, weights, phi, slope, backward=backward):
    """Gradients dW1, db1, dW2, ... in float64."""
    inputs, zs = forward(x, weights, phi)
    kept = inputs if backward is backward_with_a_bug else zs
    deltas = backward(output_delta(zs[-1], y), weights, kept, slope)
    grads = weight_gradients(inputs, deltas)
    return [ops.convert_to_numpy(g) for pair in grads for g in pair]


def by_differences(x, y, weights, phi):
    """The same by nudging every weight."""
    flat = [array for pair in weights for array in pair]
    loss, grads = loss_of(x, y, phi), []
    for l, array in enumerate(flat):
        grads.append(central_differences(
            lambda w, l=l: loss(*flat[:l], w, *flat[l + 1:]), array, 1e-5))
    return grads


def backward_with_a_bug(delta_out, weights, inputs, slope):
    delta, deltas = delta_out, [delta_out]
    for (W, _), a in zip(weights[:0:-1], inputs[:0:-1], strict=True):
        da = ops.matmul(delta, ops.transpose(W))
        delta = da * slope(a)
        deltas.insert(0, delta)
    return deltas


def counted(monkeypatch):
    """List that records (rows, inner, columns) of each matrix product."""
    products, matmul = [], ops.matmul

    def recording(a, b):
        products.append((*a.shape, b.shape[1]))
        return matmul(a, b)

    monkeypatch.setattr(ops, "matmul", recording)
    return products


# oracle
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_hand_gradient_equals_autodiff(name):
    x, y, weights = network()
    phi, slope = ACTIVATIONS[name]
    flat = [array for pair in weights for array in pair]
    expected = autodiff(loss_of(x, y, phi), *flat)
    for ours, theirs in zip(by_hand(x, y, weights, phi, slope), expected,
                            strict=True):
        assert relative_error(ours, theirs) < 1e-12


def test_blame_in_the_graph_of_the_figure():
    a, w, b = 2.0, 3.0, 3.0
    u, v = a * w, a + b
    assert (u, v, u * v) == (6, 5, 30)
    du, dv = v, u  # product: swap
    dw, db = du * a, dv  # product: swap; sum: copy
    da = du * w + dv  # two paths: add
    assert (da, dw, db) == (21, 10, 6)
    found = autodiff(lambda a, w, b: (a * w) * (a + b),
                     *np.array([a, w, b]))
    assert [float(g) for g in found] == [da, dw, db]


def test_two_two_one_network_by_hand():
    x = np.array([[2.0, 1.0]])
    weights = [(np.array([[1.0, -1.0], [0.0, 1.0]]), np.array([0.0, 0.0])),
               (np.array([[3.0], [-2.0]]), np.array([1.0]))]
    phi, slope = ACTIVATIONS["relu"]
    inputs, zs = forward(x, weights, phi)
    assert np.allclose(zs[0], [[2, -1]])
    assert np.allclose(zs[1], [[7]])
    delta_out = zs[1] - 5.0  # of the loss (z - 5)^2 / 2
    deltas = backward(delta_out, weights, zs, slope)
    assert np.allclose(deltas[0], [[6, 0]])
    (dW_1, db_1), (dW_2, db_2) = weight_gradients(inputs, deltas)
    assert np.allclose(dW_2, [[4], [0]])
    assert np.allclose(db_2, [2])
    assert np.allclose(dW_1, [[12, 0], [6, 0]])
    assert np.allclose(db_1, [6, 0])


def test_sums_over_the_batch_equal_a_loop_over_images():
    x, y, weights = network()
    phi, slope = ACTIVATIONS["tanh"]
    one_by_one = [by_hand(x[[b]], y[[b]], weights, phi, slope)
                  for b in range(len(x))]
    for l, whole in enumerate(by_hand(x, y, weights, phi, slope)):
        mean = np.mean([grads[l] for grads in one_by_one], axis=0)
        assert relative_error(whole, mean) < 1e-12


def test_multiply_adds_are_those_of_the_products_carried_out(monkeypatch):
    x, y, weights = network(B=7)
    phi, slope = ACTIVATIONS["tanh"]
    products = counted(monkeypatch)
    inputs, zs = forward(x, weights, phi)
    M = sum(np.prod(shape) for shape in products)
    deltas = backward(output_delta(zs[-1], y), weights, zs, slope)
    weight_gradients(inputs, deltas)
    M_back = sum(np.prod(shape) for shape in products) - M
    assert (M, M_back) == multiply_adds(7, SIZES)
    assert multiply_adds(1, (2, 3, 5)) == (6 + 15, (6 + 15) + 15)


# gradient
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_hand_gradient_equals_central_differences(name):
    x, y, weights = network()
    phi, slope = ACTIVATIONS[name]
    grads = by_hand(x, y, weights, phi, slope)
    numerical = by_differences(x, y, weights, phi)
    for ours, theirs in zip(grads, numerical, strict=True):
        assert relative_error(ours, theirs) < 1e-8


def test_differences_straddle_the_kink_of_relu():
    phi, slope = ACTIVATIONS["relu"]
    central = central_differences(lambda z: phi(z)[0], np.zeros(1))
    assert np.allclose(central, 0.5)
    assert float(slope(ops.zeros(1))[0]) == 0


def test_softplus_needs_only_its_slope():
    x, y, weights = network()
    grads = by_hand(x, y, weights, phi=ops.softplus, slope=ops.sigmoid)
    numerical = by_differences(x, y, weights, ops.softplus)
    for ours, theirs in zip(grads, numerical, strict=True):
        assert relative_error(ours, theirs) < 1e-8


def test_gradient_check_finds_the_planted_bug():
    x, y, weights = network()
    errors = {}
    for name in ("tanh", "relu"):
        phi, slope = ACTIVATIONS[name]
        grads = by_hand(x, y, weights, phi, slope, backward_with_a_bug)
        errors[name] = [relative_error(ours, theirs) for ours, theirs in zip(
            grads, by_differences(x, y, weights, phi), strict=True)]
    assert max(errors["tanh"][4:]) < 1e-8  # dW, db of the last layer
    assert min(errors["tanh"][:4]) > 1e-2  # of all layers below
    assert max(errors["relu"]) < 1e-8


def test_float32_is_too_coarse_for_a_gradient_check():
    x, y, weights = network()
    phi, slope = ACTIVATIONS["tanh"]
    dW = by_hand(x, y, weights, phi, slope)[0]
    (W, b), *above = weights
    above = [tuple(map(np.float32, pair)) for pair in above]

    def loss(W):
        first = np.float32(W), np.float32(b)
        _, zs = forward(np.float32(x), [first, *above], phi)
        return cross_entropy(zs[-1], np.float32(y))

    assert relative_error(dW, central_differences(loss, W, 1e-6)) > 1e-3


# limit
def test_the_seed_draws_the_weights_and_relu_gets_twice_the_variance():
    first, again, other = (
        MLP((400, 300, 2), "relu", seed).get_weights()[0]
        for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.isclose(first.var(), 2 / 400, rtol=0.03)
    tanh = MLP((400, 300, 2)).get_weights()[0]
    assert np.isclose(tanh.var(), 1 / 400, rtol=0.03)


def test_the_model_equals_keras_with_copied_weights():
    model, (x, y, _) = MLP(SIZES), network()
    x, y = np.float32(x), np.float32(y)
    theirs = keras.Sequential([
        keras.Input((3,)), keras.layers.Dense(4, "tanh"),
        keras.layers.Dense(3, "tanh"), keras.layers.Dense(2)])
    theirs.set_weights(model.get_weights())
    z = ops.convert_to_numpy(theirs(x))
    assert np.allclose(ops.convert_to_numpy(model(x)), z, atol=1e-6)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)(y, z)
    assert np.isclose(float(model.gradients(x, y)[0]), float(loss), rtol=1e-5)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_slope_has_the_format_of_its_input(name):
    _, slope = ACTIVATIONS[name]
    z = ops.convert_to_tensor(np.float16([-1, 0.5]))
    assert ops.convert_to_numpy(slope(z)).dtype == "float16"


def test_targets_take_the_format_of_the_logits():
    z, y = ops.convert_to_tensor(np.float32([[2, -1]])), np.eye(2)[[0]]
    for result in (cross_entropy(z, y), output_delta(z, y)):
        assert ops.convert_to_numpy(result).dtype == "float32"


def test_a_perfect_answer_is_blamed_for_nothing():
    y = np.eye(3, dtype="float32")
    assert np.allclose(output_delta(1000 * y, y), 0)


def test_one_layer_gets_inputs_times_error():
    x, y, weights = network(sizes=(3, 2))
    (W, b), = weights
    z = x @ W + b
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    dW, db = by_hand(x, y, weights, *ACTIVATIONS["tanh"])
    assert relative_error(dW, x.T @ (p - y) / len(x)) < 1e-12
    assert relative_error(db, (p - y).mean(axis=0)) < 1e-12


def test_equal_units_get_equal_gradients_and_equal_outputs_none():
    x, y, _ = network(sizes=(3, 4, 2))
    first = np.full((3, 4), 0.5), np.zeros(4)
    for row in ([0.5, -0.5], [0.5, 0.5]):
        second = np.tile(row, (4, 1)), np.zeros(2)
        dW = by_hand(x, y, [first, second], *ACTIVATIONS["tanh"])[0]
        assert np.allclose(dW, dW[:, :1])
        assert dW.any() == (row[0] != row[1])


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_a_sigmoid_layer_keeps_at_most_a_quarter_times_the_norm_of_w(scale):
    x, y, weights = network(sizes=(6,) * 8)
    weights = [(scale * W, b) for W, b in weights]
    phi, slope = ACTIVATIONS["sigmoid"]
    _, zs = forward(x, weights, phi)
    deltas = backward(output_delta(zs[-1], y), weights, zs, slope)
    size = [float(ops.norm(delta)) for delta in deltas]
    for l, (W, _) in enumerate(weights[1:]):
        bound = 0.25 * np.linalg.norm(W, 2) * size[l + 1]
        assert size[l] <= bound * (1 + 1e-5)


def test_relu_with_half_the_variance_keeps_seven_tenths_per_layer():
    rng = np.random.default_rng(0)
    x, delta_out = rng.normal(size=(16, 64)), rng.normal(size=(16, 64))
    he = [(rng.normal(size=(64, 64)) * np.sqrt(2 / 64), np.zeros(64))
          for _ in range(10)]
    half = [(W / np.sqrt(2), b) for W, b in he]
    phi, slope = ACTIVATIONS["relu"]
    size = []
    for weights in (he, half):
        _, zs = forward(x, weights, phi)
        deltas = backward(delta_out, weights, zs, slope)
        size.append(float(ops.norm(deltas[0])))
    assert 0.5 < size[0] / np.linalg.norm(delta_out) < 2
    assert np.isclose(size[1] / size[0], np.sqrt(0.5) ** 9, rtol=1e-3)


# claim
def test_sigmoid_loses_the_gradient_and_relu_keeps_it(example):
    ratios = example("basics/backpropagation")["ratios"]
    assert max(ratios["sigmoid"]) < 1e-5
    assert min(ratios["tanh"]) > 0.1
    assert min(ratios["relu"]) > 0.2


def test_hand_gradient_trains_tanh_and_leaves_sigmoid_at_chance(example):
    run = example("basics/backpropagation")
    assert min(run["tanh"]) > 0.75
    assert max(run["sigmoid"]) < 0.15
    assert run["gap"] < 1e-6


def test_computing_the_gradient_changes_no_weight():
    model = MLP((3, 4, 2))
    before = [ops.convert_to_numpy(w) for w in model.trainable_variables]
    x, y, _ = network(sizes=(3, 4, 2))
    model.gradients(np.float32(x), np.float32(y))
    after = [ops.convert_to_numpy(w) for w in model.trainable_variables]
    assert all(np.array_equal(*pair)
               for pair in zip(before, after, strict=True))


def test_one_gradient_and_three_optimizers_make_three_steps():
    g = np.array([0.5, -0.002], "float32")
    steps = {}
    for name, optimizer in {
        "SGD": keras.optimizers.SGD(0.1),
        "momentum": keras.optimizers.SGD(0.1, momentum=0.9),
        "Adam": keras.optimizers.Adam(0.1),
    }.items():
        w = keras.Variable(np.zeros(2, "float32"))
        for _ in range(2):
            before = ops.convert_to_numpy(w)
            optimizer.apply([ops.convert_to_tensor(g)], [w])
        steps[name] = ops.convert_to_numpy(w) - before
    assert np.allclose(steps["SGD"], -0.1 * g)
    assert np.allclose(steps["momentum"], -0.19 * g)
    assert np.allclose(steps["Adam"], [-0.1, 0.1], rtol=0.01)


def test_forward_runs_up_the_layers_and_backward_down(monkeypatch):
    x, y, weights = network()
    phi, slope = ACTIVATIONS["tanh"]
    products = counted(monkeypatch)
    _, zs = forward(x, weights, phi)
    assert products == [(6, 3, 4), (6, 4, 3), (6, 3, 2)]
    products.clear()
    backward(output_delta(zs[-1], y), weights, zs, slope)
    assert products == [(6, 2, 3), (6, 3, 4)]


def test_backward_needs_what_this_forward_pass_kept():
    x, y, weights = network()
    phi, slope = ACTIVATIONS["tanh"]
    right = by_hand(x, y, weights, phi, slope)
    inputs, zs = forward(x, weights, phi)
    _, stale = forward(x + 1, weights, phi)
    deltas = backward(output_delta(zs[-1], y), weights, stale, slope)
    dW, _ = weight_gradients(inputs, deltas)[0]
    assert relative_error(right[0], ops.convert_to_numpy(dW)) > 0.1


# error
@pytest.mark.parametrize("sizes", [(3,), (3, 0, 2)])
def test_too_few_or_empty_layers_are_refused(sizes):
    with pytest.raises(ValueError, match="sizes must be 2 or more counts"):
        MLP(sizes)


def test_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="one of sigmoid, tanh, relu, got 'x'"):
        MLP((3, 2), "x")


@pytest.mark.parametrize(("x_shape", "y_shape"), [
    ((6, 4), (6, 2)), ((6, 3), (6,)), ((6, 3), (5, 2)), ((6, 3, 1), (6, 2))])
def test_arrays_of_the_wrong_shape_are_refused(x_shape, y_shape):
    with pytest.raises(ValueError, match=r"shapes \(6, 3\) and \(6, 2\)"):
        MLP((3, 2)).gradients(np.ones(x_shape), np.ones(y_shape))
