"""Cross-entropy: against Keras, differences, counting, hand arithmetic."""

import warnings

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.losses.cross_entropy import (
    CrossEntropy,
    binary_cross_entropy,
    cross_entropy,
    cross_entropy_gradient,
    decompose,
    log_softmax,
    naive_cross_entropy,
    smooth_labels,
    softmax_backward,
    squared_error_gradient,
)
from tests.support import (
    autodiff,
    central_differences,
    float64,
    relative_error,
)


def batch(seed=0, B=6, K=5):
    """Logits and soft targets, float64, (B, K)."""
    rng = np.random.default_rng(seed)
    return 3 * rng.normal(size=(B, K)), rng.dirichlet(np.ones(K), size=B)


def one_hot(labels, K=5):
    return np.eye(K, dtype="float32")[labels]


def numbers(tensor):
    return ops.convert_to_numpy(tensor)


def squared_error(z, y):
    """Squared error of the softmax, summed over the classes."""
    y = ops.convert_to_tensor(y)
    return ops.sum(ops.square(ops.softmax(z) - y)) / z.shape[0]


def softmax_twice(z, y):
    return cross_entropy(ops.exp(log_softmax(z)), y)


def brier_gradient(p):
    """d/dz (p - 1)^2 and d/dz (-log p) of a sigmoid p(z), target 1."""
    return 2 * (p - 1) * p * (1 - p), p - 1


# oracle
def test_from_logits_equals_keras():
    z, y = (a.astype("float32") for a in batch())
    labels = np.array([0, 1, 2, 3, 4, 0])
    soft = keras.losses.CategoricalCrossentropy(from_logits=True)
    sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for scale in (1, 30, 1000):
        ours = float(cross_entropy(scale * z, y))
        assert np.isclose(ours, float(soft(y, scale * z)), rtol=1e-6)
        assert np.isclose(float(CrossEntropy()(y, scale * z)), ours, rtol=1e-6)
        hard = float(cross_entropy(scale * z, one_hot(labels)))
        assert np.isclose(hard, float(sparse(labels, scale * z)), rtol=1e-6)


def test_binary_cross_entropy_equals_keras_and_two_classes():
    rng = np.random.default_rng(0)
    z, y = 5 * rng.normal(size=20), rng.uniform(size=20)
    ours = float(binary_cross_entropy(ops.convert_to_tensor(z), y))
    theirs = keras.losses.BinaryCrossentropy(from_logits=True)
    assert np.isclose(ours, float(theirs(y, z)), rtol=1e-6)
    pairs = np.stack([np.zeros(20), z], axis=1)
    two_classes = cross_entropy(pairs, np.stack([1 - y, y], axis=1))
    assert np.isclose(ours, float(two_classes), rtol=1e-6)


def test_loss_is_minus_the_log_of_the_likelihood():
    p = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    labels = np.array([1, 1])
    likelihood = 0.25 * 0.8  # two independent draws
    loss = cross_entropy(np.log(p), one_hot(labels, 3))
    assert np.isclose(float(loss), -np.log(likelihood) / 2)


def test_two_logits_by_hand():
    z, y = np.array([[0, np.log(3)]]), one_hot([0], 2)
    assert np.isclose(float(cross_entropy(z, y)), np.log(4))
    assert np.allclose(numbers(cross_entropy_gradient(z, y)), [[-0.75, 0.75]])


def test_cross_entropy_is_entropy_plus_kl_divergence():
    z, y = batch()
    H, D = (float(part) for part in decompose(z, y))
    assert np.isclose(float(cross_entropy(z, y)), H + D, rtol=1e-5)
    assert D > 0.1
    H, D = (float(part) for part in decompose(np.log(y), y))
    assert np.isclose(D, 0, atol=1e-6)
    coin = np.array([[0.5, 0.5]])
    assert np.isclose(float(decompose(coin, coin)[0]), np.log(2))
    H, _ = decompose(z, np.eye(6, 5))  # 5 one-hot rows and one of zeros
    assert float(H) == 0


def test_kl_divergence_equals_keras():
    z, y = batch()
    theirs = keras.losses.KLDivergence()(y, numbers(ops.softmax(z)))
    assert np.isclose(float(decompose(z, y)[1]), float(theirs), rtol=1e-4)


def test_label_smoothing_equals_keras():
    z, _ = batch()
    y = one_hot([0, 1, 2, 3, 4, 0])
    theirs = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=0.1)
    ours = CrossEntropy(epsilon=0.1)(y, z)
    assert np.isclose(float(ours), float(theirs(y, z)), rtol=1e-6)


# gradient
@float64()
def test_gradient_is_probability_minus_target():
    z, y = batch()
    ours = numbers(cross_entropy_gradient(ops.convert_to_tensor(z), y))
    numerical = central_differences(
        lambda z: cross_entropy(ops.convert_to_tensor(z), y), z, 1e-5)
    assert relative_error(ours, numerical) < 1e-8
    (automatic,) = autodiff(lambda z: cross_entropy(z, y), z)
    assert relative_error(ours, automatic) < 1e-12
    assert np.allclose(ours.sum(axis=1), 0)


@float64()
def test_squared_error_gradient_equals_differences_and_autodiff():
    z, y = batch()
    ours = numbers(squared_error_gradient(ops.convert_to_tensor(z), y))
    numerical = central_differences(
        lambda z: squared_error(ops.convert_to_tensor(z), y), z, 1e-5)
    assert relative_error(ours, numerical) < 1e-8
    (automatic,) = autodiff(lambda z: squared_error(z, y), z)
    assert relative_error(ours, automatic) < 1e-12


@float64()
def test_softmax_backward_is_the_transposed_jacobian():
    z, dp = batch(B=1, K=4)
    p = numbers(ops.softmax(ops.convert_to_tensor(z)))
    jacobian = np.diag(p[0]) - np.outer(p[0], p[0])
    by_differences = np.stack([central_differences(
        lambda z, k=k: ops.softmax(ops.convert_to_tensor(z))[0, k], z, 1e-5)[0]
        for k in range(4)])
    assert relative_error(jacobian, by_differences) < 1e-8
    ours = numbers(softmax_backward(*map(ops.convert_to_tensor, (p, dp))))
    assert relative_error(ours[0], jacobian.T @ dp[0]) < 1e-12


@float64()
def test_binary_gradient_is_sigmoid_minus_target():
    rng = np.random.default_rng(0)
    z, y = 5 * rng.normal(size=8), rng.uniform(size=8)
    (automatic,) = autodiff(lambda z: binary_cross_entropy(z, y), z)
    p = 1 / (1 + np.exp(-z))
    assert relative_error((p - y) / 8, automatic) < 1e-12


# limit
def test_for_moderate_logits_the_definition_equals_the_stable_form():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(6, 4)), rng.dirichlet(np.ones(4), size=6)
    assert np.isclose(float(naive_cross_entropy(z, y)),
                      float(cross_entropy(z, y)), rtol=1e-5)


def test_knowing_nothing_costs_the_log_of_the_number_of_classes():
    for K in (2, 10, 1000):
        loss = cross_entropy(np.zeros((1, K)), np.eye(K)[[0]])
        assert np.isclose(float(loss), np.log(K), rtol=1e-6)


def test_definition_fails_at_logit_1000_and_the_shift_does_not():
    z = np.array([[1000, 0]], "float32")
    right, wrong = one_hot([[0]], 2)[0], one_hot([[1]], 2)[0]
    assert np.isnan(float(naive_cross_entropy(z, right)))
    assert np.isnan(float(naive_cross_entropy(z, wrong)))
    p = numbers(ops.softmax(ops.convert_to_tensor(z)))  # itself fine: (1, 0)
    with np.errstate(divide="ignore"):
        assert -np.log(p[0, 1]) == np.inf  # the log comes too late
    assert float(cross_entropy(z, right)) == 0
    assert float(cross_entropy(z, wrong)) == 1000
    assert np.allclose(numbers(cross_entropy_gradient(z, wrong)), [[1, -1]])


def test_a_constant_added_to_all_logits_changes_nothing():
    z, y = batch()
    assert np.isclose(float(cross_entropy(z + 7, y)),
                      float(cross_entropy(z, y)), rtol=1e-5)


def test_the_best_constant_prediction_is_the_frequency_of_each_class():
    y = one_hot([0, 0, 0, 1, 1, 2], 3)
    z = np.log(np.tile([3 / 6, 2 / 6, 1 / 6], (6, 1))).astype("float32")
    pull = numbers(cross_entropy_gradient(z, y)).sum(axis=0)
    assert np.allclose(pull, 0, atol=1e-6)
    best = float(cross_entropy(z, y))
    for nudge in np.eye(3, dtype="float32"):
        assert float(cross_entropy(z + 0.1 * nudge, y)) > best


def test_smoothed_labels_ask_for_a_finite_lead():
    epsilon, K = 0.1, 10
    y = smooth_labels(np.eye(K)[[3]], epsilon)
    assert np.isclose(y.sum(), 1)
    assert np.allclose([y[0, 3], y[0, 0]], [0.91, 0.01])
    lead = np.log(0.91 / 0.01)  # 4.51
    z = lead * np.eye(K)[[3]]
    assert np.allclose(numbers(cross_entropy_gradient(z, y)), 0, atol=1e-6)
    assert float(cross_entropy(z, y)) < float(cross_entropy(2 * z, y))


def test_squared_error_on_a_sigmoid_loses_the_gradient_where_it_is_wrong():
    z = np.array([-15.0, -10.0, -5.0, 0.0])  # target 1
    squared, entropic = brier_gradient(1 / (1 + np.exp(-z)))
    assert np.all(np.abs(entropic) >= 0.5)
    assert np.allclose(squared / entropic, [6.1e-7, 9.1e-5, 0.0133, 0.5],
                       rtol=0.01)


def test_squared_error_on_the_logits_keeps_its_gradient():
    def on_logits(z):
        return ops.sum(ops.square(ops.subtract(z, one_hot([1], 3))))

    z = np.array([[15, 0, 0]], "float32")
    (linear,) = autodiff(on_logits, z)
    after_softmax = numbers(squared_error_gradient(z, one_hot([1], 3)))
    assert np.allclose(linear, [[30, -2, 0]])
    assert np.abs(after_softmax).max() < 1e-5


def test_two_classes_are_enough():
    found = CrossEntropy()(np.array([[0.0, 1.0]]), np.array([[0.0, 0.0]]))
    np.testing.assert_allclose(float(found), np.log(2), rtol=1e-6)


# claim
def test_only_cross_entropy_gets_out_of_a_badly_wrong_start(example):
    curves = example("losses/cross_entropy")["curves"]
    for start in (("cross-entropy", 0), ("cross-entropy", 15),
                  ("squared error", 0)):
        assert min(curves[start][:, :5].max(axis=1)) > 0.8
    assert curves["squared error", 15].max() < 0.15


def test_ratio_of_the_gradients_is_the_one_derived(example):
    run = example("losses/cross_entropy")
    p_y = np.exp(-15) / (1 + 9 * np.exp(-15))
    assert np.isclose(run["weak"], -4 * p_y, rtol=1e-4)
    assert np.isclose(run["strong"], -1, rtol=1e-4)


def test_softmax_twice_learns_more_slowly(example):
    found = example("losses/cross_entropy")["found"]
    (loss, once), (loss_2, twice) = (
        np.transpose(found[end]) for end in ("linear", "softmax"))
    assert min(once) > 0.75
    assert 0.3 < min(twice) <= max(twice) < min(once) - 0.1
    assert min(loss_2) > np.log(np.e + 9) - 1 > max(loss)


def test_softmax_twice_never_gets_below_its_floor():
    z, y = 1000 * np.eye(10)[[3]], np.eye(10)[[3]]
    assert float(cross_entropy(z, y)) == 0
    floor = np.log(np.e + 9) - 1
    assert np.isclose(float(softmax_twice(z, y)), floor, rtol=1e-6)
    assert np.isclose(floor, 1.461, atol=1e-3)


def test_keras_undoes_the_second_softmax_on_tensorflow_only():
    z, y = np.array([[2, 0, -1]], "float32"), one_hot([1], 3)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Softmax()])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        value = float(numbers(loss(y, model(z))))
    warned = any("from_logits=True" in str(w.message) for w in said)
    undone = np.isclose(value, float(cross_entropy(z, y)))
    wrong = np.isclose(value, float(softmax_twice(z, y)))
    on_tensorflow = keras.backend.backend() == "tensorflow"
    assert warned == undone == on_tensorflow
    assert wrong != on_tensorflow


def test_clipped_probabilities_lose_the_gradient():
    y = one_hot([1], 2)
    loss = keras.losses.CategoricalCrossentropy()  # from probabilities

    def from_probabilities(z):
        e = ops.exp(z)
        return loss(y, e / ops.sum(e))

    z = np.array([[20, 0]], "float32")
    (gradient,) = autodiff(from_probabilities, z)
    assert np.isclose(float(from_probabilities(z)), -np.log(1e-7), rtol=1e-4)
    assert np.allclose(gradient, 0, atol=1e-6)
    assert np.allclose(numbers(cross_entropy_gradient(z, y)), [[1, -1]])


def test_a_tiny_nudge_moves_the_loss_and_not_the_accuracy():
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(200, 8)), rng.normal(size=(8, 3))
    labels = rng.integers(3, size=200)
    answers = np.argmax(x @ W, axis=1)
    for i, k in np.ndindex(8, 3):
        nudged = W.copy()
        nudged[i, k] += 1e-6
        assert np.array_equal(np.argmax(x @ nudged, axis=1), answers)
    delta = numbers(cross_entropy_gradient(x @ W, one_hot(labels, 3)))
    assert np.all(x.T @ delta != 0)


def test_computing_the_loss_changes_no_weight():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    before = model.get_weights()
    x, y = np.ones((2, 4)), one_hot([0, 1], 3)
    losses = [float(numbers(CrossEntropy()(y, model(x))))
              for _ in range(100)]
    assert all(map(np.array_equal, before, model.get_weights()))
    assert max(losses) == min(losses)  # 100 measurements, nothing minimized


def test_adam_takes_the_same_first_step_with_a_tiny_gradient():
    g = np.array([-1.0], "float32")
    steps = []
    for scale in (1.0, 1e-4):
        w = keras.Variable(np.zeros(1, "float32"))
        keras.optimizers.Adam(0.1).apply([ops.convert_to_tensor(scale * g)],
                                         [w])
        steps.append(float(w[0]))
    assert np.allclose(steps, 0.1, rtol=0.05)


# error
@pytest.mark.parametrize("epsilon", [-0.1, 1.0, 2])
def test_epsilon_outside_of_zero_to_one_is_refused(epsilon):
    with pytest.raises(ValueError, match=rf"\[0, 1\), got {epsilon}"):
        smooth_labels(np.eye(2), epsilon)


@pytest.mark.parametrize(("targets", "logits"), [
    ((2,), (2, 3)), ((2, 1), (2, 3)), ((2, 3), (2, 4)), ((2, 1), (2, 1)),
    ((2, 3, 1), (2, 3, 1)), ((3,), (3,))])
def test_labels_and_single_classes_are_refused(targets, logits):
    message = r"both have the shape \(B, K\) with K at least 2"
    with pytest.raises(ValueError, match=message):
        CrossEntropy()(np.zeros(targets), np.zeros(logits))


def test_fit_refuses_integer_labels():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("sgd", CrossEntropy())
    with pytest.raises(ValueError, match="targets one-hot"):
        model.fit(np.ones((8, 4)), np.zeros(8), verbose=0)
