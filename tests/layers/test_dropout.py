"""Dropout: against enumeration of all masks, Keras, closed forms."""

from itertools import product

import keras
import numpy as np
import pytest
from keras import layers, ops

from dlguide.layers.dropout import (
    Dropout,
    draw_mask,
    dropout,
    dropout_ridge,
    variance_added,
)
from dlguide.regularizers.weight_penalty import ridge
from tests.support import autodiff, central_differences, float64, tensors


def numpy_of(x):
    return ops.convert_to_numpy(x)


def all_masks(I, rate):
    """All 2^I masks, (2^I, I), and the probability of each."""
    masks = np.array(list(product((0.0, 1.0), repeat=I)))
    kept = masks.sum(axis=1)
    return masks, (1 - rate) ** kept * rate ** (I - kept)


def regression(seed=0, N=12, I=4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, I)) @ rng.normal(size=(I, I))  # correlated
    return X, X @ rng.normal(size=(I, 1)) + rng.normal(size=(N, 1)), rng


def standard_error(share, n):
    return np.sqrt(share * (1 - share) / n)


# oracle
def test_layer_equals_keras_with_the_same_mask():
    x = np.random.default_rng(0).uniform(1, 2, (50, 20)).astype("float32")
    theirs = numpy_of(layers.Dropout(0.3, seed=0)(x, training=True))
    m = (theirs != 0).astype("float32")
    assert 0 < m.sum() < m.size
    assert np.allclose(numpy_of(dropout(x, m, 0.3)), theirs, rtol=1e-6)


def test_layer_equals_keras_in_distribution():
    ones, n = np.ones((40_000, 3), "float32"), 40_000
    for make in (Dropout, layers.Dropout):
        y = numpy_of(make(0.3, seed=1)(ones, training=True))
        assert np.allclose(np.unique(y), [0, 1 / 0.7], rtol=1e-6)
        for mask, share in zip(*all_masks(3, 0.3), strict=True):
            seen = np.mean(np.all((y != 0) == mask, axis=1))
            assert abs(seen - share) < 5 * standard_error(share, n)


@float64()
def test_expectation_and_variance_over_all_masks_are_those_derived():
    x = np.array([3.0, -1.0, 0.5, 2.0])
    for rate in (0.2, 0.5, 0.9):
        masks, share = all_masks(4, rate)
        y = numpy_of(dropout(x, masks, rate))
        mean = share @ y
        variance = share @ (y - mean) ** 2
        assert np.allclose(mean, x, atol=1e-12)
        assert np.allclose(variance, variance_added(x, rate), atol=1e-10)


@float64()
def test_expected_loss_over_all_masks_is_a_penalized_loss():
    X, y, rng = regression()
    for rate in (0.2, 0.5, 0.8):
        masks, share = all_masks(4, rate)
        w = rng.normal(size=(4, 1))
        residuals = (X[None] * masks[:, None]) @ w / (1 - rate) - y
        expected = share @ (0.5 * np.mean(residuals**2, axis=(1, 2)))
        penalty = 0.5 * rate / (1 - rate) * np.mean(X**2, axis=0) @ w**2
        plain = 0.5 * np.mean((X @ w - y) ** 2)
        assert expected == pytest.approx(plain + penalty.item(), rel=1e-10)


@float64()
def test_weighted_ridge_is_least_squares_on_all_masked_copies():
    for rate in (0.2, 0.5, 0.8):
        X, y, _ = regression()
        masks, share = all_masks(4, rate)
        copies = (X[None] * masks[:, None] / (1 - rate)).reshape(-1, 4)
        root = np.sqrt(np.repeat(share, len(X)))[:, None]
        targets = np.tile(y, (len(masks), 1))
        w = np.linalg.lstsq(root * copies, root * targets, rcond=None)[0]
        assert np.allclose(numpy_of(dropout_ridge(X, y, rate)), w, atol=1e-9)


@float64()
def test_inputs_of_unit_size_give_plain_ridge_regression():
    X, y, _ = regression()
    X = X / np.sqrt(np.mean(X**2, axis=0))
    ours = numpy_of(dropout_ridge(X, y, 0.2))
    assert np.allclose(ours, numpy_of(ridge(X, y, alpha=0.25)), atol=1e-9)


def test_softmax_of_the_full_net_is_the_geometric_mean_of_all_thinned():
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=5), rng.normal(size=(5, 3))
    masks, share = all_masks(5, 0.5)

    def log_softmax(z):
        return z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))

    thinned = log_softmax(numpy_of(dropout(x, masks, 0.5)) @ W)
    mean = log_softmax(share @ thinned)  # geometric, made to sum to 1
    assert np.allclose(mean, log_softmax(x @ W), atol=1e-5)
    plain = share @ np.exp(thinned)  # the arithmetic mean differs
    assert np.abs(plain - np.exp(log_softmax(x @ W))).max() > 0.01


# gradient
def test_gradient_passes_through_the_units_that_stay():
    rng = np.random.default_rng(0)
    x, m = rng.normal(size=(3, 4)), rng.integers(0, 2, (3, 4)) * 1.0

    def loss(x):
        return ops.sum(dropout(*tensors(x, m), 0.2) ** 2)

    exact = autodiff(loss, x)[0]
    assert np.all(exact[m == 0] == 0)
    assert np.allclose(exact, central_differences(loss, x), atol=1e-6)


# limit
def test_at_rate_0_training_changes_nothing():
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    assert np.array_equal(numpy_of(Dropout(0)(x, training=True)), x)


def test_equal_seeds_of_layers_drop_the_same_units():
    ones = np.ones((40, 5), "float32")
    first, again, other = (
        numpy_of(Dropout(0.5, seed)(ones, training=True)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_equal_seeds_draw_equal_masks_and_others_do_not():
    first, again, other = (
        numpy_of(draw_mask((40, 5), 0.5, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_inference_returns_the_input():
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    for layer in (Dropout(0.9), layers.Dropout(0.9)):
        assert np.array_equal(numpy_of(layer(x)), x)
        assert np.array_equal(numpy_of(layer(x, training=False)), x)


def test_rate_zero_changes_nothing():
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    assert np.array_equal(numpy_of(Dropout(0)(x, training=True)), x)


@float64()
def test_a_tiny_rate_leaves_least_squares_as_it_is():
    X, y, _ = regression()
    plain = np.linalg.lstsq(X, y, rcond=None)[0]
    assert np.allclose(numpy_of(dropout_ridge(X, y, 1e-9)), plain, atol=1e-6)


@float64()
def test_uncorrelated_inputs_lose_the_share_p_whatever_their_scale():
    columns = [[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1]]
    X = np.array(columns).T * [0.01, 1.0, 100.0]
    w_hat = np.array([[300.0], [-2.0], [0.05]])
    for copies in (1, 1000):  # more data, no noise: the same shrinkage
        many = np.tile(X, (copies, 1))
        w = numpy_of(dropout_ridge(many, many @ w_hat, rate=0.2))
        assert np.allclose(w, 0.8 * w_hat, rtol=1e-8)


@float64()
def test_twins_share_the_weight_and_keep_more_of_it():
    x = np.array([[1.0], [-1.0], [2.0]])
    w = numpy_of(dropout_ridge(np.hstack([x, x]), 3 * x, rate=0.5))
    assert np.allclose(w, 1.0, atol=1e-10)  # together 2 of 3
    alone = numpy_of(dropout_ridge(x, 3 * x, rate=0.5))
    assert np.allclose(alone, 1.5, atol=1e-10)  # 1.5 of 3


def test_a_layer_that_is_only_called_drops_nothing():
    x = np.ones((2, 100), "float32")
    y = Dropout(0.5, seed=0).call(ops.convert_to_tensor(x))
    np.testing.assert_array_equal(ops.convert_to_numpy(y), x)


# claim
def test_in_training_the_sum_of_four_ones_has_mean_4_and_variance_4(example):
    sums = example("layers/dropout")["sums"]
    assert sums.mean() == pytest.approx(4, abs=0.05)
    assert sums.var() == pytest.approx(4, abs=0.1)
    assert np.mean(sums == 0) == pytest.approx(1 / 16, abs=0.005)


def test_regression_with_dropout_ends_at_the_weighted_ridge(example):
    run = example("layers/dropout")
    assert len(run["near"]) == len(run["SEEDS"]) == 5
    assert max(run["near"]) < 0.05
    assert min(run["far"]) > 0.2


def test_dropout_narrows_the_gap_of_the_loss(example):
    run = example("layers/dropout")
    none, hidden, both = run["gap"]
    assert len(none) == 5
    assert np.all(both < 0.8 * none)
    assert hidden.mean() < none.mean()
    assert np.any(hidden > 0.9 * none)  # in some seeds hardly at all
    test_loss, validation = run["losses"][..., 2], run["losses"][..., 1]
    assert np.all(test_loss[2] < 0.8 * test_loss[0])
    assert validation.mean(axis=1).argmin() == 2
    assert run["losses"][..., 0].max() < 0.01


def test_but_the_accuracy_stays_where_it_was(example):
    means = example("layers/dropout")["right"].mean(axis=1)
    assert np.ptp(means) < 0.03


def test_fit_prints_a_training_loss_far_above_that_at_inference(example):
    run = example("layers/dropout")
    assert np.all(run["printed"][2] > 10 * run["losses"][2, :, 0])


def test_the_rate_is_the_share_that_is_dropped():
    ones = np.ones((100, 1000), "float32")
    for layer in (Dropout(0.8, seed=0), layers.Dropout(0.8, seed=0)):
        kept = np.mean(numpy_of(layer(ones, training=True)) != 0)
        assert kept == pytest.approx(0.2, abs=0.01)
    assert np.mean(numpy_of(draw_mask((1000, 100), 0.8, seed=0))) < 0.21


def test_calling_a_model_is_inference_unless_you_say_training():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(50, "relu"), Dropout(0.5),
         layers.Dense(1)]
    )
    x = np.ones((1, 4), "float32")
    quiet = [float(model(x)[0, 0]) for _ in range(20)]
    noisy = [float(model(x, training=True)[0, 0]) for _ in range(20)]
    assert len(set(quiet)) == 1
    assert len(set(noisy)) == 20


def test_without_the_scaling_inference_is_twice_training():
    ones = np.ones((1000, 100), "float32")
    m = numpy_of(draw_mask(ones.shape, 0.5, seed=0))
    in_training, at_inference = (m * ones).sum(axis=1), ones.sum(axis=1)
    ratio = at_inference.mean() / in_training.mean()
    assert ratio == pytest.approx(2, abs=0.02)


def test_the_mean_over_masks_does_not_pass_through_a_relu():
    masks, share = all_masks(2, 0.5)
    sums = numpy_of(dropout(np.array([1.0, -1.0]), masks, 0.5)).sum(axis=1)
    assert share @ sums == 0
    assert share @ np.maximum(sums, 0) == 0.5  # at inference: relu(0) = 0


def test_before_batch_normalization_dropout_shifts_the_variance():
    rng, spread = np.random.default_rng(0), {}
    for order in ("dropout first", "normalization first"):
        pair = [Dropout(0.5, seed=0), layers.BatchNormalization(momentum=0.9)]
        net = keras.Sequential(pair if order == "dropout first" else pair[::-1])
        for _ in range(100):
            batch = rng.normal(size=(1000, 4)).astype("float32")
            net(batch, training=True)
        spread[order] = numpy_of(net(batch)).std()
    assert spread["dropout first"] == pytest.approx(0.5**0.5, abs=0.03)
    assert spread["normalization first"] == pytest.approx(1, abs=0.04)


# error
def test_a_rate_of_one_is_refused():
    with pytest.raises(ValueError, match=r"rate must be in \[0, 1\), got 1"):
        Dropout(1)


def test_a_negative_rate_is_refused():
    with pytest.raises(ValueError, match="got -0.1"):
        Dropout(-0.1)


@pytest.mark.parametrize("rate", [0, 1, 1.5])
def test_ridge_of_an_impossible_rate_is_refused(rate):
    with pytest.raises(ValueError, match=f"above 0 and below 1, got {rate}"):
        dropout_ridge(np.ones((2, 1)), np.ones((2, 1)), rate)
