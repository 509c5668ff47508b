"""Tests of dlguide.about.outlook: power law, attack, calibration."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats

from dlguide.about.outlook import (
    calibration_error,
    fgsm,
    fit_power_law,
    fit_temperature,
    input_gradient,
    interval,
    network,
    power_law,
    reliability,
    slope,
    tempered,
)
from tests.support import (
    autodiff,
    central_differences,
    float64,
    relative_error,
    tensors,
)

T_5 = 2.776  # Student's t, 4 degrees of freedom, 95 %


def as_numpy(tensor):
    return ops.convert_to_numpy(tensor)


def small_net(seed=0, B=6, I=5, H=7, K=3):
    """Inputs, one-hot labels and weights, all float64."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(size=(B, I)), np.eye(K)[rng.integers(K, size=B)]
    shapes = (I, H), (H,), (H, K), (K,)
    return x, y, [rng.normal(size=shape) for shape in shapes]


def cross_entropy(z, y):
    return -ops.sum(ops.log_softmax(z) * y)


def logits(seed=0, B=200, K=4, scale=3.0):
    """Logits that are too sure: right more often than not, times `scale`."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(K, size=B)
    z = scale * (rng.normal(size=(B, K)) + np.eye(K)[labels])
    return z.astype("float32"), labels


# oracle


def test_fit_equals_numpys_line_through_the_logarithms():
    rng = np.random.default_rng(0)
    n, L = np.float32([20, 40, 80, 160]), rng.uniform(1, 2, (3, 4))
    a, alpha = fit_power_law(n, L.astype("float32"))
    for k in range(3):
        down, height = np.polyfit(np.log(n), np.log(L[k]), 1)
        assert float(alpha[k]) == pytest.approx(-down, abs=1e-5)
        assert float(a[k]) == pytest.approx(np.exp(height), rel=1e-4)


def test_interval_equals_that_of_scipy():
    v = np.float32([0.2, 0.5, 0.3, 0.9, 0.4])
    expected = stats.t.interval(0.95, 4, loc=v.mean(), scale=stats.sem(v))
    assert np.allclose([float(end) for end in interval(v, T_5)], expected,
                       atol=1e-4)
    assert stats.t.ppf(0.975, 4) == pytest.approx(T_5, abs=1e-3)


def test_network_equals_keras_with_copied_weights():
    x, _, weights = small_net()
    model = keras.Sequential([
        keras.Input((5,)), keras.layers.Dense(7, activation="relu"),
        keras.layers.Dense(3)])
    model.set_weights(weights)
    ours = network(x.astype("float32"),
                   *[w.astype("float32") for w in weights])
    assert np.allclose(as_numpy(ours), as_numpy(model(x)), atol=1e-5)


def test_calibration_error_equals_a_loop_over_bins():
    z, labels = logits()
    p = as_numpy(tempered(z, 1.0))
    total = 0.0
    for m in range(10):
        inside = [k for k in range(len(p)) if m < 10 * p[k].max() <= m + 1]
        hits = sum(p[k].argmax() == labels[k] for k in inside)
        total += abs(hits - sum(p[k].max() for k in inside)) / len(p)
    assert float(calibration_error(p, labels)) == pytest.approx(total,
                                                                abs=1e-5)


def test_calibration_error_by_hand():
    p = np.float32([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [0.25, 0.75]])
    labels = np.array([0, 1, 1, 1])
    # above 0.9: half right, 0.95 sure; the other two: right, 0.65 and 0.75
    by_hand = 0.5 * 0.45 + 0.25 * 0.35 + 0.25 * 0.25
    assert float(calibration_error(p, labels)) == pytest.approx(by_hand,
                                                                abs=1e-6)


def test_temperature_is_the_best_of_a_fine_grid():
    z, labels = logits()
    y = np.eye(4, dtype="float32")[labels]
    found = fit_temperature(z, y)
    grid = np.exp(np.linspace(-1, 3, 401)).astype("float32")
    losses = [float(cross_entropy(z / t, y)) for t in grid]
    assert found == pytest.approx(grid[np.argmin(losses)], rel=0.011)
    assert 1 < found < 10


# gradient


@float64()
def test_input_gradient_equals_autodiff_and_differences():
    x, y, weights = small_net()
    by_hand = as_numpy(input_gradient(x, y, *weights))

    def loss(x):
        return cross_entropy(network(x, *tensors(*weights)), *tensors(y))

    assert relative_error(by_hand, autodiff(loss, x)[0]) < 1e-12
    assert relative_error(by_hand, central_differences(loss, x)) < 1e-7


@float64()
def test_slope_is_the_derivative_by_the_inverse_temperature():
    z, labels = logits(B=20)
    z, y = z.astype("float64"), np.eye(4)[labels]

    def mean_loss(beta):
        return cross_entropy(beta * z, y) / 20

    for beta in (0.1, 0.5, 2.0):
        numeric = central_differences(mean_loss, np.array(beta))
        assert relative_error(float(slope(z, y, beta)), numeric) < 1e-7


# limit


def test_an_exact_power_law_is_recovered_and_continued():
    n = np.float32([10, 100, 1000])
    a, alpha = fit_power_law(n[:2], power_law(n[:2], 3.0, 0.5)[None])
    assert float(a[0]) == pytest.approx(3, rel=1e-5)
    assert float(alpha[0]) == pytest.approx(0.5, rel=1e-5)
    assert float(power_law(1000.0, a, alpha)[0]) == pytest.approx(
        3 / 1000**0.5, rel=1e-4)


@float64()
def test_sizes_may_be_integers_and_the_fit_is_as_exact_as_the_losses():
    n = np.array([10, 1000, 100_000])
    (a,), (alpha,) = fit_power_law(n, 3 / np.sqrt(n)[None])
    assert float(a) == pytest.approx(3, rel=1e-12)
    assert float(alpha) == pytest.approx(0.5, rel=1e-12)


def test_a_floor_makes_the_fit_too_optimistic():
    n = np.float32([20, 40, 80, 160, 320, 640, 1280])
    L = 0.3 + 5 / n  # falls towards 0.3, not towards 0
    a, alpha = fit_power_law(n[:-1], L[None, :-1])
    assert float(power_law(1280.0, a, alpha)[0]) < 0.9 * L[-1]


def test_the_sign_step_is_the_best_of_its_size_for_a_linear_loss():
    rng = np.random.default_rng(0)
    g = rng.normal(size=(1, 64)).astype("float32")
    x = np.full((1, 64), 0.5, "float32")
    x_adv = as_numpy(fgsm(*tensors(x, g), 0.1))
    gain = float(np.sum(g * (x_adv - x)))
    assert gain == pytest.approx(0.1 * np.abs(g).sum(), rel=1e-4)
    noise = 0.1 * rng.choice([-1, 1], (1000, 64))
    assert (noise @ g[0]).max() < 0.6 * gain


def test_no_step_changes_nothing_and_pixels_stay_pixels():
    x = np.float32([[0.0, 0.05, 1.0]])
    g = np.float32([[-1.0, -2.0, 3.0]])
    assert np.array_equal(as_numpy(fgsm(*tensors(x, g), 0)), x)
    moved = fgsm(*tensors(x, g), 0.1)
    assert np.allclose(as_numpy(moved), [[0, 0, 1]])


def test_a_temperature_keeps_the_order_of_the_classes():
    z, _ = logits()
    for T in (0.5, 1.0, 4.0):
        assert np.array_equal(as_numpy(tempered(z, T)).argmax(1), z.argmax(1))
    assert np.allclose(as_numpy(tempered(z, 1e6)), 0.25, atol=1e-4)


def test_a_sure_and_right_model_is_calibrated_a_sure_and_wrong_one_is_not():
    p = np.eye(3, dtype="float32")
    assert float(calibration_error(p, np.arange(3))) == 0
    assert float(calibration_error(p, [1, 2, 0])) == pytest.approx(1)


def test_guessing_the_base_rate_is_calibrated_and_useless():
    p = np.full((1000, 2), [0.3, 0.7], "float32")
    labels = np.arange(1000) % 10 < 7
    assert float(calibration_error(p, labels.astype(int))) < 1e-4


def test_even_a_calibrated_model_has_a_positive_error_in_a_small_sample():
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(20):
        c = rng.uniform(0.5, 1, 360)
        labels = (rng.uniform(size=360) > c).astype(int)  # right with share c
        p = np.stack([c, 1 - c], axis=1).astype("float32")
        errors.append(float(calibration_error(p, labels)))
    assert 0.02 < np.mean(errors) < 0.06


def test_a_confidence_rounded_to_above_1_counts_in_the_last_bin():
    p = np.float32([[1 + 2**-23, 0], [0.95, 0.05]])
    share, confidence, accuracy = map(as_numpy, reliability(p, [0, 1]))
    assert share.tolist() == [0] * 9 + [1]
    assert confidence[-1] == pytest.approx(0.975)
    assert accuracy[-1] == 0.5


def test_shares_of_the_bins_add_up_to_one():
    z, labels = logits()
    share, confidence, _ = map(as_numpy, reliability(tempered(z, 1.0), labels))
    assert share.sum() == pytest.approx(1)
    assert np.all(confidence <= np.arange(1, 11) / 10 + 1e-6)


def test_two_measurements_one_bin_and_one_example_are_enough():
    low, high = interval(np.array([1.0, 3.0]), 1.0)
    np.testing.assert_allclose([float(low), float(high)], [1.0, 3.0])
    p = np.array([[0.25, 0.75]], "float32")
    share, confidence, accuracy = reliability(p, np.array([1]), bins=1)
    for value, expected in ((share, 1), (confidence, 0.75), (accuracy, 1)):
        np.testing.assert_allclose(ops.convert_to_numpy(value), [expected])


# claim


def test_error_falls_as_a_power_law_but_not_to_the_next_size(example):
    run = example("about/outlook")
    assert len(run["SEEDS"]) == 5
    low, high = run["exponents"]["error"]
    assert 0.25 < low < high < 0.5
    predicted, measured = run["predictions"]["error"], run["errors"][:, -1]
    assert np.all(measured > 1.15 * predicted)
    assert measured.mean() > 1.15 * run["ranges"]["error"][1]


def test_the_loss_has_a_wider_exponent_than_the_error(example):
    wide, narrow = (np.ptp(example("about/outlook")["exponents"][name])
                    for name in ("loss", "error"))
    assert wide > 1.5 * narrow


def test_fast_gradient_sign_flips_most_answers_and_noise_few(example):
    run = example("about/outlook")
    chosen = run["epsilons"].index(run["EPSILON"])
    attack, noise = (run["flips"][:, arm, chosen] for arm in (0, 1))
    assert attack.shape == (5,)
    assert attack.min() > 0.55
    assert noise.max() < 0.20


def test_temperature_mends_calibration_and_no_answer(example):
    run = example("about/outlook")
    before, after = run["ece"]
    assert before.shape == after.shape == (5,)
    assert np.all(after < 0.7 * before)
    assert before.min() > 0.06
    assert min(run["temperatures"]) > 1.2
    assert np.all(run["nll"][1] < 0.9 * run["nll"][0])


# error


def test_curves_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"got \(3,\) and \(2,\)"):
        fit_power_law(np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match="at least 2 sizes, got 1"):
        fit_power_law(np.ones(1), np.ones((2, 1)))


def test_one_measurement_has_no_interval():
    with pytest.raises(ValueError, match="at least 2 measurements, got 1"):
        interval(np.ones(1), T_5)


def test_a_negative_step_is_refused():
    with pytest.raises(ValueError, match="at least 0, got -0.1"):
        fgsm(np.ones((1, 2)), np.ones((1, 2)), -0.1)


@pytest.mark.parametrize(("count", "bins"), [(0, 10), (2, 0)])
def test_nothing_to_sort_is_refused(count, bins):
    with pytest.raises(ValueError, match=f"got {bins} and {count}"):
        reliability(np.ones((count, 2)), np.ones(count), bins)


@pytest.mark.parametrize("bracket", [{"low": 0.5}, {"high": 0.5}])
def test_a_best_temperature_at_the_end_of_the_bracket_is_refused(bracket):
    z = np.float32([[2, 1], [1, 3]])
    y = as_numpy(tempered(z, 2.0))  # the best is T = 2
    assert fit_temperature(z, y) == pytest.approx(2, rel=1e-3)
    with pytest.raises(ValueError, match="no best temperature"):
        fit_temperature(z, y, **bracket)


def test_labels_that_are_always_on_top_have_no_best_temperature():
    z = np.float32([[2, 1], [1, 3]])
    with pytest.raises(ValueError, match="no best temperature between 0.001"):
        fit_temperature(z, np.eye(2, dtype="float32"))
