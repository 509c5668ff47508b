"""Batch normalization: against Keras, differences, exact identities."""

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.layers.batch_normalization import (
    BatchNormalization,
    batch_norm,
    batch_norm_backward,
    fold,
    inference_map,
    move,
)
from tests.support import (
    autodiff,
    central_differences,
    float64,
    relative_error,
    tensors,
)

SHAPES = (8, 3), (4, 5, 6, 3)


def numbers(tensor):
    return ops.convert_to_numpy(tensor)


def arguments(shape=(8, 3), seed=0):
    """x, gamma, beta, and weights c of a loss, float64."""
    rng = np.random.default_rng(seed)
    N = shape[-1:]
    x = 2 * rng.normal(size=shape) + rng.normal(size=N)
    return x, rng.normal(size=N), rng.normal(size=N), rng.normal(size=shape)


def pair(shape=(None, 3)):
    """Our layer and Keras's, with the same weights."""
    layers = BatchNormalization(0.9), keras.layers.BatchNormalization(
        momentum=0.9)
    weights = [np.array(w, "float32") for w in
               ([1, 2, -1], [0, 1, 3], [0.5, 0, -2], [1, 4, 0.25])]
    for layer in layers:
        layer.build(shape)
        layer.set_weights(weights)
    return layers


def loss_of_weights(W, x, c, epsilon=0.0, b=0.0):
    """A loss that sees x W + b only through batch normalization."""
    z = ops.matmul(x, W) + b
    y = batch_norm(z, 1.0, 0.0, epsilon)[0]
    return ops.sum(ops.multiply(c, ops.tanh(y)))


def weights_and_data():
    rng = np.random.default_rng(1)
    return (rng.normal(size=(5, 3)), rng.normal(size=(8, 5)),
            rng.normal(size=(8, 3)))


# oracle


@pytest.mark.parametrize("shape", SHAPES)
def test_layer_equals_keras_in_training_and_inference(shape):
    ours, theirs = pair(shape)
    for seed in range(3):
        x = arguments(shape, seed)[0].astype("float32")
        for training in (True, False):
            a, b = (numbers(f(x, training=training)) for f in (ours, theirs))
            np.testing.assert_allclose(a, b, atol=1e-5)
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(numbers(a), numbers(b), atol=1e-6)


def test_two_examples_by_hand():
    x = np.array([[1.0], [3.0]])  # mean 2, variance 1
    y, x_hat, mu, v = map(numbers, batch_norm(*tensors(x), 10.0, 5.0, 0.0))
    assert (mu[0], v[0]) == (2, 1)
    assert x_hat[:, 0].tolist() == [-1, 1]
    assert y[:, 0].tolist() == [-5, 15]


def test_fold_by_hand():
    s, t = inference_map(3.0, 0.5, 4.0, 9.0, 0.0)
    assert (float(s), float(t)) == (1, -3.5)
    assert [float(w) for w in fold(2.0, 1.0, s, t)] == [2, -2.5]
    assert fold(2.0, 3.0, 0.5, -1.0) == (1, 0.5)


def test_images_share_the_statistics_of_a_channel():
    (x,) = tensors(arguments((4, 5, 6, 3))[0].astype("float32"))
    flat = batch_norm(ops.reshape(x, (-1, 3)), 1.0, 0.0)[0]
    np.testing.assert_allclose(
        numbers(batch_norm(x, 1.0, 0.0)[0]).reshape(-1, 3), numbers(flat),
        atol=1e-5)


def test_folded_dense_layer_equals_the_two_layers():
    dense, bn = keras.layers.Dense(3), pair()[0]
    x = np.random.default_rng(0).normal(size=(7, 5)).astype("float32")
    two = bn(dense(x), training=False)
    s, t = inference_map(*bn.weights, bn.epsilon)
    W, b = fold(dense.kernel, dense.bias, s, t)
    np.testing.assert_allclose(
        numbers(ops.matmul(x, W) + b), numbers(two), atol=1e-5)


def test_folded_convolution_equals_the_two_layers():
    two, one = (keras.layers.Conv2D(3, 3) for _ in range(2))
    bn = pair((None, 4, 4, 3))[1]
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 4)).astype("float32")
    expected, _ = bn(two(x), training=False), one(x)
    s, t = inference_map(*bn.weights, bn.epsilon)
    one.set_weights([numbers(w) for w in fold(two.kernel, two.bias, s, t)])
    np.testing.assert_allclose(numbers(one(x)), numbers(expected), atol=1e-5)


# gradient


@pytest.mark.parametrize("shape", SHAPES)
@float64()
def test_backward_equals_autodiff_and_central_differences(shape):
    x, gamma, beta, c = arguments(shape)

    def loss(x, gamma, beta):
        y = batch_norm(*tensors(x, gamma, beta))[0]
        return ops.sum(ops.multiply(c, y))

    _, x_hat, _, v = batch_norm(*tensors(x, gamma, beta))
    dy, gamma_t = tensors(c, gamma)
    derived = list(map(numbers, batch_norm_backward(dy, x_hat, v, gamma_t)))
    exact = autodiff(loss, x, gamma, beta)
    for ours, theirs in zip(derived, exact, strict=True):
        assert relative_error(ours, theirs) < 1e-10
    numerical = central_differences(lambda x: loss(x, gamma, beta), x)
    assert relative_error(derived[0], numerical) < 1e-7


@float64()
def test_gradient_sums_to_0_over_the_batch():
    x, gamma, beta, dy = tensors(*arguments())
    _, x_hat, _, v = batch_norm(x, gamma, beta, 0.0)
    dx = numbers(batch_norm_backward(dy, x_hat, v, gamma, 0.0)[0])
    assert np.abs(dx).max() > 0.1
    assert np.abs(dx.sum(axis=0)).max() < 1e-12
    assert np.abs((dx * numbers(x_hat)).sum(axis=0)).max() < 1e-12


@float64()
def test_two_examples_get_no_gradient():
    x, dy = tensors(np.array([[1.0], [3.0]]), np.array([[5.0], [-2.0]]))
    _, x_hat, _, v = batch_norm(x, 1.0, 0.0, 0.0)
    dx = numbers(batch_norm_backward(dy, x_hat, v, 1.0, 0.0)[0])
    assert np.abs(dx).max() < 1e-12


@float64()
def test_without_the_last_two_terms_the_gradient_is_wrong():
    x, gamma, beta, dy = tensors(*arguments())
    _, x_hat, _, v = batch_norm(x, gamma, beta)
    dx = numbers(batch_norm_backward(dy, x_hat, v, gamma)[0])
    # mean and variance held fixed
    frozen = numbers(gamma / ops.sqrt(v + 1e-3) * dy)
    assert relative_error(dx, frozen) > 0.2
    assert np.abs(frozen.sum(axis=0)).min() > 0.1  # what a bias would get


@float64()
def test_scaled_weights_give_the_same_output_and_1_over_a_of_the_gradient():
    W, x, c = weights_and_data()
    loss, grad = (f(loss_of_weights, W, x, c) for f in (
        lambda f, *a: float(f(*a)), lambda f, *a: autodiff(f, *a)[0]))
    for a in (0.1, 10.0, 1000.0):
        assert np.isclose(float(loss_of_weights(a * W, x, c)), loss)
        scaled = autodiff(loss_of_weights, a * W, x, c)[0]
        assert relative_error(a * scaled, grad) < 1e-10


@float64()
def test_gradient_is_orthogonal_to_the_weights_of_each_unit():
    W, x, c = weights_and_data()
    g = autodiff(loss_of_weights, W, x, c)[0]
    cosine = (W * g).sum(0) / np.sqrt((W**2).sum(0) * (g**2).sum(0))
    assert np.abs(cosine).max() < 1e-10
    step = W - 0.5 * g  # Pythagoras: the weights can only grow
    growth = (step**2).sum(0) - (W**2).sum(0)
    np.testing.assert_allclose(growth, 0.25 * (g**2).sum(0), rtol=1e-9)


@float64()
def test_bias_in_front_is_useless():
    W, x, c = weights_and_data()
    b = np.array([3.0, -50.0, 0.1])

    def loss(b):
        return loss_of_weights(W, x, c, 1e-3, *tensors(b))

    assert np.isclose(float(loss(b)), float(loss(0 * b)))
    assert np.abs(autodiff(loss, b)[0]).max() < 1e-10


# limit


def test_a_fresh_layer_is_that_of_keras():
    layers = BatchNormalization(), keras.layers.BatchNormalization()
    x = arguments()[0].astype("float32")
    for a, b in zip(*(numbers_of(layer, x) for layer in layers), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def numbers_of(layer, x):
    """Output in training, then the weights it leaves behind."""
    return [numbers(layer(x, training=True)), *map(numbers, layer.weights)]


def test_scale_and_shift_are_learned_the_statistics_are_not():
    layer = BatchNormalization(momentum=0, epsilon=0)
    layer.build((None, 1))
    assert [w.name for w in layer.trainable_weights] == ["gamma", "beta"]
    assert [w.name for w in layer.weights[2:]] == ["mu_bar", "v_bar"]
    assert [w.trainable for w in layer.weights] == [True, True, False, False]
    layer(np.float32([[1], [3]]), training=True)
    assert [float(numbers(w)[0]) for w in layer.weights] == [1, 0, 2, 1]


def test_batch_of_one_sees_only_beta():
    x, gamma, beta, _ = (a.astype("float32") for a in arguments((1, 3)))
    y = numbers(BatchNormalization()(x, training=True))
    np.testing.assert_array_equal(y, 0)  # the beta of a fresh layer
    for other in (x, x + 100):
        y = batch_norm(*tensors(other, gamma, beta))[0]
        np.testing.assert_array_equal(numbers(y)[0], beta)


def test_gamma_and_beta_can_undo_the_normalization():
    x = arguments()[0].astype("float32")
    y = batch_norm(*tensors(x, x.std(axis=0), x.mean(axis=0)), 0.0)[0]
    np.testing.assert_allclose(numbers(y), x, atol=1e-5)


def test_constant_feature_stays_finite():
    x = np.full((8, 3), 7.0, "float32")
    y = batch_norm(*tensors(x), 2.0, 5.0)[0]
    np.testing.assert_array_equal(numbers(y), 5)


def test_epsilon_wins_over_a_tiny_variance():
    x = 0.001 * np.array([[-1.0], [1.0]], "float32")  # variance 1e-6
    x_hat = numbers(batch_norm(*tensors(x), 1.0, 0.0, 1e-3)[1])
    assert np.abs(x_hat).max() < 0.04


def test_moving_statistics_forget_their_start_like_alpha_to_the_n():
    mu_bar, v_bar = 0.0, 1.0
    for _ in range(66):
        mu_bar, v_bar = move(mu_bar, v_bar, 5.0, 0.0, 0.99)
    assert np.isclose(v_bar, 0.99**66)
    assert np.isclose(mu_bar, 5 * (1 - 0.99**66))
    assert 0.5 < 0.99**66 < 0.52


def test_in_training_an_answer_depends_on_the_companions():
    bn = pair()[0]
    x = arguments()[0].astype("float32")
    other = np.concatenate([x[:1], 5 * x[1:]])
    assert not bn.losses  # no penalty
    for training, least, most in ((True, 0.1, 99), (False, 0, 1e-6)):
        a, b = (numbers(bn(z, training=training))[0] for z in (x, other))
        assert least <= np.abs(a - b).max() <= most


def test_parameters_follow_the_formula():
    conv = keras.layers.Conv2D(32, 3, use_bias=False)
    conv.build((None, 8, 8, 16))
    bn = BatchNormalization()
    bn.build((None, 6, 6, 32))
    assert conv.count_params() == 3 * 3 * 16 * 32
    assert bn.count_params() == 4 * 32
    assert sum(w.shape[0] for w in bn.trainable_weights) == 2 * 32


def test_layer_normalization_ignores_the_companions():
    norm, x = keras.layers.LayerNormalization(), arguments()[0]
    together, alone = numbers(norm(x))[:1], numbers(norm(x[:1]))
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_frozen_keras_layer_switches_to_inference():
    bn, x = pair()[1], arguments()[0].astype("float32")
    bn.trainable = False
    before = [numbers(w) for w in bn.weights]
    a, b = (numbers(bn(x, training=mode)) for mode in (True, False))
    np.testing.assert_array_equal(a, b)
    for old, new in zip(before, bn.weights, strict=True):
        np.testing.assert_array_equal(old, numbers(new))


def test_momentum_does_not_change_the_training_output():
    x = arguments()[0].astype("float32")
    a, b = (numbers(BatchNormalization(m)(x, training=True))
            for m in (0.99, 0.5))
    np.testing.assert_array_equal(a, b)


def test_a_layer_that_is_only_called_does_not_learn_from_the_batch():
    layer = BatchNormalization()
    x = ops.convert_to_tensor(np.full((4, 2), 5.0, "float32"))
    layer.build((None, 2))
    y = layer.call(x)
    assert not ops.convert_to_numpy(layer.mu_bar).any()
    np.testing.assert_allclose(ops.convert_to_numpy(y), 5.0, rtol=1e-2)


# claim


def test_cold_statistics_ruin_inference_and_momentum_09_cures_it(example):
    run = example("layers/batch_normalization")
    assert len(run["SEEDS"]) == 5
    for alpha, low, high in ((0.99, 0.0, 0.6), (0.9, 0.95, 1.0)):
        trained, inferred = run["curves"][alpha][:, :, -1].T
        assert trained.min() > 0.9
        assert low <= inferred.min()
        assert inferred.max() <= high


def test_statistics_computed_afresh_cure_it_too(example):
    run = example("layers/batch_normalization")
    cold = run["curves"][0.99][:, 1, -1]  # the same 5 networks
    fresh, _, _ = np.transpose(run["scores"])
    assert fresh.min() > 0.95
    assert (fresh - cold).min() > 0.3


def test_batches_of_one_class_ruin_the_training_mode(example):
    run = example("layers/batch_normalization")
    _, mixed, one_class = np.transpose(run["scores"])
    assert mixed.min() > 0.9
    assert one_class.max() < 0.3


def test_a_learning_rate_of_1_needs_normalization(example):
    final = example("layers/batch_normalization")["final"]
    assert final["with", 1.0].min() > 0.9
    assert final["without", 1.0].max() < 0.3
    for arm in ("with", "without"):  # both can learn, slowly
        assert len(final[arm, 0.03]) == 5
        assert final[arm, 0.03].min() > 0.3
        assert final[arm, 0.03].max() < 0.9


# error


@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_momentum_outside_of_0_to_1_is_refused(momentum):
    with pytest.raises(ValueError, match=rf"\[0, 1\), got {momentum}"):
        BatchNormalization(momentum)


def test_negative_epsilon_is_refused():
    with pytest.raises(ValueError, match="epsilon must be at least 0, got -1"):
        BatchNormalization(epsilon=-1)
