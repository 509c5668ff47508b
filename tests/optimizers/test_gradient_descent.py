"""Gradient descent: against Keras, differences, enumeration and by hand."""

from itertools import product

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.optimizers.gradient_descent import (
    GradientDescent,
    best_step,
    decayed_step,
    descent_bound,
    gradient_descent_step,
    largest_step,
    minibatch_gradient,
    noise_floor,
    quadratic,
    rate,
)
from tests.support import (
    autodiff,
    central_differences,
    float64,
    relative_error,
)

SEEDS = range(5)
LAM = np.array([1.0, 4.0, 10.0])


def bowl(lam=LAM, seed=0):
    """A turned bowl: matrix, bottom, eigen-directions as columns."""
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.normal(size=(len(lam), len(lam))))
    return Q * lam @ Q.T, rng.normal(size=len(lam)), Q


def regression(seed, N=1000):
    """Linear regression whose inputs have the variances 1 and 10."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, 2)) * np.sqrt([1, 10])
    y = x @ [[2], [-1]] + rng.normal(size=(N, 1))
    return rng, x, y


def descend(w, gradient, eta, steps):
    for _ in range(steps):
        w = gradient_descent_step(w, gradient(w), eta)
    return w


# oracle
def test_keras_sgd_takes_the_same_20_noisy_steps():
    rng, x, y = regression(seed=0)
    ours, theirs = GradientDescent(0.04), keras.optimizers.SGD(0.04)
    w, w_ours, w_theirs = np.ones((2, 1)), *(
        keras.Variable(np.ones((2, 1))) for _ in range(2))
    for _ in range(20):
        i = rng.integers(1000, size=10)
        g_hat = ops.convert_to_numpy(minibatch_gradient(w, x[i], y[i]))
        w = gradient_descent_step(w, g_hat, 0.04)
        ours.apply([ops.convert_to_tensor(g_hat, "float32")], [w_ours])
        theirs.apply([ops.convert_to_tensor(g_hat, "float32")], [w_theirs])
    assert np.abs(ops.convert_to_numpy(w_ours) - w).max() < 1e-6
    assert np.abs(ops.convert_to_numpy(w_theirs) - w).max() < 1e-6


@float64()
def test_a_float64_variable_moves_with_all_its_digits():
    w = keras.Variable([1.0], dtype="float64")
    third = ops.convert_to_tensor(np.array([1 / 3]))
    GradientDescent(0.25).apply([third], [w])
    assert abs(float(ops.convert_to_numpy(w)[0]) - 11 / 12) < 1e-15


def test_fit_with_our_optimizer_ends_where_fit_with_keras_sgd_ends():
    _, x, y = regression(seed=0)
    schedule = keras.optimizers.schedules.InverseTimeDecay(0.04, 50, 1.0)
    kernels = []
    for rule in (GradientDescent, keras.optimizers.SGD):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(rule(schedule), loss="mse")
        model.fit(x, y, batch_size=10, epochs=1, verbose=0)
        kernels.append(model.get_weights()[0])
    assert np.abs(kernels[0] - kernels[1]).max() < 1e-6
    assert np.allclose(kernels[0].ravel(), [2, -1], atol=0.15)


def test_all_mini_batches_together_average_to_the_full_gradient():
    x, y = np.random.default_rng(0).normal(size=(2, 6, 1))
    w = np.ones((1, 1))
    full = ops.convert_to_numpy(minibatch_gradient(w, x, y))
    variance = {}
    for B in (1, 2, 3):
        i = np.array(list(product(range(6), repeat=B)))  # every draw
        g_hat = ops.convert_to_numpy(minibatch_gradient(w, x[i], y[i]))
        assert np.allclose(g_hat.mean(axis=0), full, atol=1e-6)
        variance[B] = g_hat.var()
    assert variance[1] / variance[2] == pytest.approx(2, rel=1e-5)
    assert variance[1] / variance[3] == pytest.approx(3, rel=1e-5)


def test_each_eigen_direction_has_its_own_factor():
    A, w_star, Q = bowl()
    start = np.array([3.0, -2.0, 5.0])
    for eta in (0.05, 0.15, 0.21):
        w = descend(start, lambda w: A @ (w - w_star), eta, 7)
        ratio = (Q.T @ (w - w_star)) / (Q.T @ (start - w_star))
        m = ops.convert_to_numpy(rate(eta, LAM)[0])
        assert np.allclose(ratio, m**7, rtol=1e-4, atol=1e-6)


def test_no_step_on_a_grid_beats_the_best_step():
    eta_best, rho_best = best_step(LAM)
    assert eta_best == pytest.approx(2 / 11)
    assert rho_best == pytest.approx(9 / 11)
    assert float(rate(eta_best, LAM)[1]) == pytest.approx(rho_best, rel=1e-6)
    grid = [float(rate(eta, LAM)[1]) for eta in np.linspace(0.001, 0.2, 500)]
    assert rho_best - 1e-6 < min(grid) < rho_best + 0.005


def test_noise_floor_is_where_the_recursion_of_the_variance_stops():
    eta, s2, v = 0.15, np.array([1.0, 0.5, 2.0]), np.zeros(3)
    for _ in range(1000):
        v = (1 - eta * LAM) ** 2 * v + eta**2 * s2
    expected = np.sum(LAM * v) / 2
    assert float(noise_floor(eta, LAM, s2)) == pytest.approx(expected, 1e-5)


def test_decayed_step_is_inverse_time_decay_of_keras():
    theirs = keras.optimizers.schedules.InverseTimeDecay(0.04, 200, 1.0)
    for t in (0, 1, 200, 4000):
        assert decayed_step(0.04, t, 200) == pytest.approx(float(theirs(t)))


# gradient
def test_gradient_of_the_bowl_matches_central_differences():
    A, w_star, _ = bowl()
    w = np.array([3.0, -2.0, 5.0])
    with float64():
        g = ops.convert_to_numpy(quadratic(w, A, w_star)[1])
    numerical = central_differences(lambda w: quadratic(w, A, w_star)[0], w)
    assert relative_error(g, numerical) < 1e-8


def test_mini_batch_gradient_matches_central_differences():
    _, x, y = regression(seed=0, N=10)
    w = np.array([[0.5], [1.5]])
    with float64():
        g = ops.convert_to_numpy(minibatch_gradient(w, x, y))
    numerical = central_differences(
        lambda w: np.mean((x @ w - y) ** 2) / 2, w)
    assert relative_error(g, numerical) < 1e-8


def rosenbrock(w):
    return (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2


def tiny_network(w):
    """Loss of 1-3-1 units of tanh on 5 points, from its 10 weights."""
    x, y = np.linspace(-1, 1, 5), np.array([0.0, 1.0, 0.0, -1.0, 0.0])
    a = ops.tanh(ops.expand_dims(x, -1) * w[:3] + w[3:6])
    y_hat = ops.sum(a * w[6:9], axis=-1) + w[9]
    return ops.sum(ops.square(ops.subtract(y_hat, y))) / 10


@pytest.mark.parametrize(("f", "D"), [(rosenbrock, 2), (tiny_network, 10)])
def test_descent_needs_neither_layers_nor_backpropagation(f, D):
    start = np.random.default_rng(0).normal(size=D)
    exact = descend(start, lambda w: autodiff(f, w)[0], 1e-3, 50)
    probed = descend(start, lambda w: central_differences(f, w), 1e-3, 50)
    assert np.abs(exact - probed).max() < 1e-8
    assert f(exact) < f(start)


# limit
def test_without_options_the_class_is_sgd_of_keras():
    places = []
    for optimizer in (GradientDescent(), keras.optimizers.SGD()):
        w = keras.Variable([1.0, -2.0])
        optimizer.apply([ops.convert_to_tensor([1.0, 3.0])], [w])
        places.append(ops.convert_to_numpy(w))
    assert np.allclose(*places, rtol=1e-6)


def test_step_1_over_the_curvature_lands_on_the_bottom():
    assert descend(1.0, lambda w: 10 * w, 0.1, 1) == 0
    assert best_step([10.0, 10.0]) == (0.1, 0.0)


def test_at_the_largest_step_the_loss_stands_still():
    eta = largest_step([10.0])
    assert eta == 0.2
    assert descend(1.0, lambda w: 10 * w, eta, 1) == -1
    assert descend(1.0, lambda w: 10 * w, eta, 1000) == 1


def test_two_steps_with_the_same_rate():
    for eta, after in ((0.05, 0.5), (0.15, -0.5)):
        assert descend(1.0, lambda w: 10 * w, eta, 1) == pytest.approx(after)
    assert float(rate(0.10, [1.0, 10.0])[1]) == pytest.approx(0.9)
    assert float(rate(0.19, [1.0, 10.0])[1]) == pytest.approx(0.9)


def test_on_a_bowl_of_equal_curvature_the_descent_bound_is_exact():
    w = np.array([1.0, -2.0])
    f, g = quadratic(w, 10 * np.eye(2), np.zeros(2))
    for eta in (0.05, 0.15, 0.25):
        after = 5 * np.sum((w - eta * ops.convert_to_numpy(g)) ** 2)
        bound = float(descent_bound(f, g, eta, M=10.0))
        assert bound == pytest.approx(after, rel=1e-5)


def test_log_cosh_descends_by_at_least_the_bound():
    for eta, w in product((0.1, 1.0, 1.9, 2.5), np.linspace(-4, 4, 81)):
        f, g = np.log(np.cosh(w)), np.tanh(w)  # curvature at most 1
        after = np.log(np.cosh(w - eta * g))
        assert after <= float(descent_bound(f, g, eta, M=1.0)) + 1e-5
        assert after <= f or eta > 2
    assert np.log(np.cosh(4 - 2.5 * np.tanh(4))) < np.log(np.cosh(4))


def test_without_noise_or_without_step_there_is_no_floor():
    assert float(noise_floor(0.1, LAM, np.zeros(3))) == 0
    assert float(noise_floor(0.0, LAM, np.ones(3))) == 0


def test_step_1_over_t_is_the_running_mean():
    x = np.random.default_rng(0).normal(size=100)
    w = 0.0
    for t, x_t in enumerate(x, 1):  # f = (w - x_t)^2 / 2
        w = gradient_descent_step(w, w - x_t, 1 / t)
        assert w == pytest.approx(x[:t].mean())


def test_four_times_the_batch_and_four_times_the_step_keep_the_floor():
    small = float(noise_floor(0.01, [1.0, 10.0], [0.1, 1.0]))
    large = float(noise_floor(0.04, [1.0, 10.0], [0.025, 0.25]))
    assert small < large < 1.2 * small


def test_a_little_noise_leaves_the_saddle():
    def gradient(w):  # f = x^2 / 2 - y^2 / 2 + y^4 / 4
        return np.array([w[0], w[1] ** 3 - w[1]])

    start = np.array([1.0, 0.0])
    stuck = descend(start, gradient, 0.1, 200)
    assert np.allclose(stuck, 0, atol=1e-8)
    assert stuck[1] == 0
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        w = descend(start, lambda w, rng=rng: gradient(w) + rng.normal(
            scale=1e-3, size=2), 0.1, 200)
        assert np.allclose(np.abs(w), [0, 1], atol=0.01)


# claim
def test_step_019_converges_020_stands_and_021_explodes(example):
    sizes = example("optimizers/gradient_descent")["sizes"]
    assert sizes[0.19][-1] == pytest.approx(0.9**200, rel=1e-4)
    assert sizes[0.19][-1] < 1e-9
    assert set(sizes[0.20]) == {1.0}
    assert sizes[0.21][-1] > 1e8


def test_steps_grow_with_the_condition_number(example):
    counts = example("optimizers/gradient_descent")["counts"]
    for kappa, (measured, predicted) in counts.items():
        assert measured == np.ceil(predicted)
        assert measured == pytest.approx(6.9 * kappa, rel=0.01)


def test_ten_times_the_batch_has_a_tenth_of_the_variance(example):
    variance = example("optimizers/gradient_descent")["variance"]
    for small, large in ((1, 10), (10, 100)):
        ratio = np.array(variance[small]) / variance[large]
        assert len(ratio) == 5
        assert ratio.min() > 7
        assert ratio.max() < 14


def test_half_the_step_has_about_half_the_floor_and_decay_has_none(example):
    run = example("optimizers/gradient_descent")
    floor = run["floor"]  # (seeds, learning rates)
    for n in (0, 1):
        ratio = floor[:, n] / floor[:, n + 1]
        assert ratio.min() > 1.6
        assert ratio.max() < 2.8
    assert np.allclose(floor.mean(axis=0), run["formula"], rtol=0.2)
    assert np.all(floor[:, 3] < floor[:, 0] / 8)
    late, early = (np.mean(run["heights"][a:a + 500], axis=0)[:, 3].mean()
                   for a in (3500, 500))
    assert late < early / 2


def range_test(seed, start=1e-3, growth=1.02):
    """Learning rate at which the smoothed loss is 4 times its minimum."""
    rng, x, y = regression(seed)
    w, eta, smooth, least = np.zeros((2, 1)), start, None, np.inf
    while smooth is None or smooth < 4 * least:
        i = rng.integers(len(x), size=50)
        r = x[i] @ w - y[i]
        loss = np.mean(r**2) / 2
        smooth = loss if smooth is None else 0.9 * smooth + 0.1 * loss
        least = min(least, smooth)
        w = gradient_descent_step(w, x[i].T @ r / 50, eta)
        eta *= growth
    return eta, largest_step(np.linalg.eigvalsh(x.T @ x / len(x)))


def test_range_test_ends_a_little_above_the_largest_step():
    for seed in SEEDS:
        found, eta_max = range_test(seed)
        assert eta_max < found < 1.6 * eta_max


def test_minus_the_gradient_does_not_point_to_the_bottom():
    w = np.array([9.0, 1.0])
    g = ops.convert_to_numpy(quadratic(w, np.diag([1.0, 10.0]), 0 * w)[1])
    cos = g @ w / np.linalg.norm(g) / np.linalg.norm(w)
    assert np.degrees(np.arccos(cos)) > 40


def test_standardized_inputs_shrink_the_condition_number():
    _, x, _ = regression(seed=0)
    before, after = (np.linalg.cond(a.T @ a) for a in (x, x / x.std(axis=0)))
    assert before > 9
    assert after < 1.2


def test_a_summed_loss_takes_batch_size_times_the_step():
    _, x, y = regression(seed=0, N=10)
    moves = []
    for reduction in ("sum_over_batch_size", "sum"):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(
            1, use_bias=False, kernel_initializer="zeros")])
        model.compile(keras.optimizers.SGD(0.01),
                      keras.losses.MeanSquaredError(reduction))
        model.train_on_batch(x, y)
        moves.append(model.get_weights()[0])
    assert np.allclose(moves[1], 10 * moves[0], rtol=1e-5)


# error
@pytest.mark.parametrize("learning_rate", [0, -0.1])
def test_a_learning_rate_that_is_not_positive_is_refused(learning_rate):
    with pytest.raises(ValueError, match="must be above 0, got"):
        GradientDescent(learning_rate)


@pytest.mark.parametrize("function", [largest_step, best_step])
def test_a_saddle_has_no_largest_step(function):
    with pytest.raises(ValueError, match="must be positive, got -1.0"):
        function([-1.0, 10.0])
