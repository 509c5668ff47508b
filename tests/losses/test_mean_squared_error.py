"""Mean squared error: against Keras, NumPy, differences and simulations."""

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.losses.mean_squared_error import (
    MeanSquaredError,
    bias_variance,
    gaussian_nll,
    gradient,
    huber,
    huber_gradient,
    laplace_nll,
    least_squares,
    mean_absolute_error,
    mean_squared_error,
    residual,
)
from tests.support import (
    autodiff,
    central_differences,
    float64,
    relative_error,
)

HOUSES = np.array([180, 185, 190, 195, 200, 205, 210, 215, 220, 225.0])


def numbers(seed=0, shape=(6, 3)):
    """Targets and predictions, float64; no residual near the kink at 0.75."""
    rng = np.random.default_rng(seed)
    y, y_hat = rng.normal(size=(2, *shape))
    assert np.abs(np.abs(y_hat - y) - 0.75).min() > 1e-4
    return y, y_hat


@float64()
def best_constant(y, loss):
    """The number that predicts all of y best, by ternary search."""
    low, high = y.min(), y.max()
    for _ in range(60):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        at_a, at_b = (float(loss(y, np.full_like(y, c))) for c in (a, b))
        low, high = (low, b) if at_a < at_b else (a, high)
    return low


# oracle
@pytest.mark.parametrize("shape", [(5,), (5, 1), (4, 3), (2, 3, 4)])
def test_losses_equal_those_of_keras(shape):
    rng = np.random.default_rng(1)
    y, y_hat = rng.normal(size=(2, *shape)).astype("float32")
    for ours, theirs in (
        (mean_squared_error(y, y_hat), keras.losses.MeanSquaredError()),
        (MeanSquaredError()(y, y_hat), keras.losses.MeanSquaredError()),
        (mean_absolute_error(y, y_hat), keras.losses.MeanAbsoluteError()),
        (huber(y, y_hat, 0.7), keras.losses.Huber(0.7)),
    ):
        assert abs(float(ours) - float(theirs(y, y_hat))) < 1e-6


def test_loss_by_hand():
    y, y_hat = [1, 2, 3], [2, 2, 7]  # residuals 1, 0, 4
    assert np.isclose(float(mean_squared_error(y, y_hat)), 17 / 3)
    assert np.isclose(float(mean_absolute_error(y, y_hat)), 5 / 3)
    assert np.isclose(float(huber(y, y_hat, 2.0)), (0.5 + 6) / 3)


def test_nll_is_minus_the_log_of_the_density():
    y, y_hat = numbers()
    e, sigma, b = y_hat - y, 1.5, 0.8
    normal = np.exp(-(e**2) / (2 * sigma**2)) / np.sqrt(2 * np.pi * sigma**2)
    laplace = np.exp(-np.abs(e) / b) / (2 * b)
    with float64():
        ours = gaussian_nll(y, y_hat, sigma), laplace_nll(y, y_hat, b)
    assert np.isclose(float(ours[0]), -np.log(normal).mean())
    assert np.isclose(float(ours[1]), -np.log(laplace).mean())


def test_both_densities_integrate_to_1():
    e = np.linspace(-60, 60, 240_001)
    y = np.zeros_like(e)
    for nll, scale in ((gaussian_nll, 1.5), (laplace_nll, 0.8)):
        with float64():
            at_0 = float(nll([0.0], [0.0], scale))
            loss = {gaussian_nll: e**2 / (2 * scale**2),
                    laplace_nll: np.abs(e) / scale}[nll]
        density = np.exp(-at_0 - loss)
        assert np.isclose(np.sum(density) * (e[1] - e[0]), 1, atol=1e-5)
    assert y.sum() == 0


def test_normal_equations_equal_numpy_and_gradient_descent():
    rng = np.random.default_rng(2)
    X = np.column_stack([np.ones(40), rng.normal(size=(40, 2))])
    y = X @ [1.0, -2.0, 3.0] + rng.normal(size=40)
    with float64():
        w = ops.convert_to_numpy(least_squares(X, y))
        descent = np.zeros(3)
        for _ in range(500):
            dL = ops.convert_to_numpy(gradient(y, X @ descent))
            descent = descent - 0.2 * X.T @ dL
    assert relative_error(w, np.linalg.lstsq(X, y)[0]) < 1e-10
    assert relative_error(w, descent) < 1e-10


def test_residuals_of_least_squares_are_perpendicular_to_every_column():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    with float64():
        w = ops.convert_to_numpy(least_squares(X, y))
    assert np.abs(X.T @ (X @ w - y)).max() < 1e-10


def test_bias_and_variance_of_a_hand_made_case():
    predictions = [[1, 5], [3, 5]]  # means 2, 5; variances 1, 0
    bias_2, variance = bias_variance(predictions, [0.0, 5.0])
    assert np.isclose(float(bias_2), 2)  # (2^2 + 0) / 2
    assert np.isclose(float(variance), 0.5)


# gradient
@pytest.mark.parametrize("seed", range(5))
def test_gradient_is_two_residuals_over_n(seed):
    y, y_hat = numbers(seed)
    with float64():
        ours = ops.convert_to_numpy(gradient(y, y_hat))
        clipped = ops.convert_to_numpy(huber_gradient(y, y_hat, 0.75))
    assert relative_error(ours, 2 * (y_hat - y) / 18) < 1e-12
    for found, loss in (
        (ours, lambda p: mean_squared_error(y, p)),
        (clipped, lambda p: huber(y, p, 0.75)),
    ):
        assert relative_error(found, autodiff(loss, y_hat)[0]) < 1e-12
        numerical = central_differences(loss, y_hat)
        assert relative_error(found, numerical) < 1e-8


def test_gradient_of_the_absolute_error_is_the_sign_over_n():
    y, y_hat = numbers()
    found = autodiff(lambda p: mean_absolute_error(y, p), y_hat)[0]
    assert relative_error(found, np.sign(y_hat - y) / 18) < 1e-12


# limit
def test_without_a_scale_the_noise_has_scale_1():
    y, y_hat = numbers()
    for nll in (gaussian_nll, laplace_nll):
        assert float(nll(y, y_hat)) == float(nll(y, y_hat, 1.0))


def test_perfect_predictions_cost_nothing():
    y, _ = numbers()
    assert float(mean_squared_error(y, y)) == 0
    assert float(huber(y, y)) == 0
    assert not ops.convert_to_numpy(gradient(y, y)).any()


def test_huber_lies_between_squared_and_absolute_error():
    y, y_hat = numbers()
    with float64():
        half = float(mean_squared_error(y, y_hat)) / 2
        size = float(mean_absolute_error(y, y_hat))
        assert np.isclose(float(huber(y, y_hat, 1e3)), half, rtol=1e-12)
        assert np.isclose(float(huber(y, y_hat, 1e-6)) / 1e-6, size, atol=1e-6)


@pytest.mark.parametrize("y", [HOUSES, np.append(HOUSES[:9], 2250.0)])
def test_mean_median_and_huber_minimize_their_losses(y):
    assert abs(best_constant(y, mean_squared_error) - y.mean()) < 0.01
    best = best_constant(y, mean_absolute_error)
    assert 200 <= best <= 205  # flat between the two middle values
    assert 200 < best_constant(y, lambda *p: huber(*p, 50.0)) < 206


def test_the_best_sigma_squared_is_the_mean_squared_error():
    y, y_hat = numbers()
    with float64():
        L = float(mean_squared_error(y, y_hat))
        sigma = np.sqrt(L)
        nll = {s: float(gaussian_nll(y, y_hat, s * sigma))
               for s in (0.99, 1.0, 1.01)}
    assert nll[1.0] < min(nll[0.99], nll[1.01])
    assert np.isclose(nll[1.0], (np.log(2 * np.pi * L) + 1) / 2)


def test_a_thousandth_of_the_unit_makes_a_millionth_of_the_mse():
    y, y_hat = HOUSES, HOUSES[::-1].copy()
    thousands = float(mean_squared_error(y, y_hat))
    units = float(mean_squared_error(1e3 * y, 1e3 * y_hat))
    assert np.isclose(units, 1e6 * thousands, rtol=1e-5)
    assert np.isclose(np.sqrt(units), 1e3 * np.sqrt(thousands), rtol=1e-5)


def test_a_constant_prediction_has_no_variance_and_a_mean_no_bias():
    f = np.array([1.0, 2.0])
    bias_2, variance = bias_variance(np.zeros((3, 2)), f)
    assert (float(bias_2), float(variance)) == (2.5, 0.0)
    bias_2, variance = bias_variance(np.array([f - 1, f + 1]), f)
    assert (float(bias_2), float(variance)) == (0.0, 1.0)


def test_huber_turns_at_1_by_default():
    y, y_hat = np.zeros((1, 1)), np.full((1, 1), 3.0)
    np.testing.assert_allclose(float(ops.sum(huber(y, y_hat))), 2.5)
    np.testing.assert_allclose(
        float(ops.sum(ops.abs(huber_gradient(y, y_hat)))), 1.0)


def test_the_loss_of_keras_has_one_value_for_each_example():
    y, y_hat = np.zeros((3, 2)), np.arange(6.0).reshape(3, 2)
    found = ops.convert_to_numpy(MeanSquaredError().call(y, y_hat))
    np.testing.assert_allclose(found, [0.5, 6.5, 20.5])


# claim
def test_one_typo_moves_the_mean_without_bound_and_the_median_not(example):
    answers = example("losses/mean_squared_error")["answers"]
    assert answers == {225: (202.5, 202.5), 2250: (405.0, 202.5),
                       22500: (2430.0, 202.5)}


@pytest.mark.parametrize("seed", range(5))
def test_a_far_outlier_drags_the_mean_but_not_median_or_huber(seed):
    y = np.random.default_rng(seed).normal(size=20)
    centers = []
    for outlier in (0.0, 1e3, 1e6):
        data = np.append(y, outlier)
        c = np.median(data)
        for _ in range(50):  # gradient descent on the Huber loss
            c -= float(ops.sum(huber_gradient(data, np.full(21, c))))
        centers.append((data.mean(), np.median(data), c))
    moved = np.abs(np.subtract(centers[1:], centers[0]))
    assert np.allclose(moved[:, 0], [1e3 / 21, 1e6 / 21])
    assert moved[:, 1:].max() < 0.5
    assert np.allclose(moved[0, 1:], moved[1, 1:], atol=1e-4)


def test_the_loss_that_matches_the_noise_has_the_smaller_error(example):
    ratio = example("losses/mean_squared_error")["ratio"]
    assert max(ratio["Gaussian"]) < 0.75  # large N: 2 / pi
    assert min(ratio["Laplace"]) > 1.5  # large N: 2


def test_expected_squared_error_is_noise_plus_bias_plus_variance(example):
    rows = example("losses/mean_squared_error")["rows"]
    measured, total, _, bias_2, variance = np.moveaxis(rows, -1, 0)
    assert np.abs(measured / total - 1).max() < 0.05
    assert np.all(bias_2[:, 0] > 10 * bias_2[:, 3])
    assert np.all(variance[:, 9] > 2 * variance[:, 3])
    assert np.all(measured.argmin(axis=1) == 3)


def test_variance_is_noise_times_coefficients_over_examples(example):
    variance = example("losses/mean_squared_error")["rows"][..., 4]
    expected = 0.25 * np.arange(1, 11) / 20
    assert np.abs(variance.mean(axis=0) / expected - 1).max() < 0.1


def test_a_loss_without_a_shape_check_learns_only_the_mean(example):
    trials = example("losses/mean_squared_error")["trials"]
    slope, trapped, right, wrong = np.transpose(trials)
    assert np.abs(slope - 3).max() < 0.5
    assert np.abs(trapped).max() < 0.05
    assert max(right) < 1.5
    assert min(wrong) > 10


def test_vector_minus_column_is_a_matrix_and_the_loss_is_wrong():
    y = np.arange(4.0)  # (4,)
    y_hat = y[:, None]  # (4, 1): every prediction is right
    wrong = ops.convert_to_tensor(y) - ops.convert_to_tensor(y_hat)
    assert tuple(wrong.shape) == (4, 4)
    assert np.isclose(float(ops.mean(ops.square(wrong))), 2 * y.var())
    assert float(keras.losses.MeanSquaredError()(y, y_hat)) == 0
    with pytest.raises(ValueError, match=r"got \(4,\) and \(4, 1\)"):
        mean_squared_error(y, y_hat)


def test_in_the_shape_trap_only_the_mean_of_the_targets_counts():
    y, y_hat = numbers(shape=(6,))
    def trapped(p):
        return ops.mean(ops.square(ops.expand_dims(ops.array(y), 0) - p))
    found = autodiff(trapped, y_hat[:, None])[0][:, 0]
    assert relative_error(found, 2 * (y_hat - y.mean()) / 6) < 1e-12


def test_keras_accepts_class_numbers_as_targets_of_the_mse():
    labels = np.array([[0], [3], [9]])  # (3, 1)
    p = np.full((3, 10), 0.1, "float32")  # (3, 10)
    found = float(keras.losses.MeanSquaredError()(labels, p))
    expected = np.mean((np.repeat(labels, 10, axis=1) - p) ** 2)
    assert np.isclose(found, expected, rtol=1e-5)
    with pytest.raises(ValueError, match=r"got \(3, 1\) and \(3, 10\)"):
        MeanSquaredError()(labels, p)


def test_renumbering_the_classes_changes_the_mse_of_the_same_answer():
    cat, car, dog = 0.0, 1.0, 2.0
    assert float(mean_squared_error([dog], [cat])) == 4
    cat, dog, car = 0.0, 1.0, 2.0
    assert float(mean_squared_error([dog], [cat])) == 1
    assert car == 2


def test_the_loss_measures_and_the_optimizer_moves():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    x, y = np.ones((8, 1), "float32"), np.full((8, 1), 5, "float32")
    model.compile(keras.optimizers.SGD(0.1), loss=MeanSquaredError())
    before = [ops.convert_to_numpy(w) for w in model.weights]
    first = model.evaluate(x, y, verbose=0)  # loss only
    assert all(np.array_equal(w, ops.convert_to_numpy(v)) for w, v in
               zip(before, model.weights, strict=True))
    model.fit(x, y, epochs=1, verbose=0)  # loss and optimizer
    assert model.evaluate(x, y, verbose=0) < first
    assert not np.array_equal(before[1], ops.convert_to_numpy(model.weights[1]))


@pytest.mark.parametrize("typo", [2250.0, 22500.0])
def test_the_huber_pulls_on_the_houses_balance_at_200_plus_50_ninths(typo):
    y = np.append(HOUSES[:9], typo)
    pulls = huber_gradient(y, np.full(10, 200 + 50 / 9), 50.0)
    assert float(pulls[-1]) == -5.0  # minus delta / N
    assert abs(float(ops.sum(pulls))) < 1e-4


# error
@pytest.mark.parametrize(("a", "b"), [
    ((4,), (4, 1)), ((4, 1), (4, 10)), ((1,), (4,)), ((), (4,)), ((4,), (5,))])
def test_shapes_that_would_broadcast_are_refused(a, b):
    y, y_hat = np.zeros(a), np.zeros(b)
    for loss in (residual, mean_squared_error, gradient, mean_absolute_error,
                 huber, huber_gradient, gaussian_nll, laplace_nll):
        with pytest.raises(ValueError, match="must have the same shape, got"):
            loss(y, y_hat)


def test_the_keras_loss_refuses_them_during_fit_too():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", loss=MeanSquaredError())
    with pytest.raises(ValueError, match="must have the same shape"):
        model.fit(np.ones((4, 1)), np.ones((4, 3)), verbose=0)


def test_no_numbers_are_refused():
    with pytest.raises(ValueError, match=r"not be empty, got \(0, 3\)"):
        mean_squared_error(np.zeros((0, 3)), np.zeros((0, 3)))


@pytest.mark.parametrize(("loss", "name"), [
    (huber, "delta"), (huber_gradient, "delta"), (gaussian_nll, "sigma"),
    (laplace_nll, "b")])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_scales_that_are_not_above_zero_are_refused(loss, name, value):
    with pytest.raises(ValueError, match=f"{name} must be above 0, got"):
        loss([1.0], [2.0], value)


@pytest.mark.parametrize(("X", "y"), [
    ((4,), (4,)), ((4, 2), (2, 4)), ((4, 2), (3,)), ((4, 2), ())])
def test_least_squares_refuses_other_shapes(X, y):
    with pytest.raises(ValueError, match=r"X must be \(N, I\) and y"):
        least_squares(np.ones(X), np.ones(y))


def test_a_column_that_comes_twice_is_refused():
    x = np.arange(5.0)
    with pytest.raises(ValueError, match="X must have rank 2, got 1"):
        least_squares(np.column_stack([x, x]), x)


def test_bias_variance_refuses_a_truth_of_another_length():
    with pytest.raises(ValueError, match="must have the same shape"):
        bias_variance(np.zeros((4, 3)), np.zeros(2))
