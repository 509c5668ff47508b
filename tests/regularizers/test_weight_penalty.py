"""Weight penalties: against closed forms, Keras, scikit-learn, densities."""

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.linear_model import Lasso, Ridge

from dlguide.regularizers.weight_penalty import (
    ProximalGradient,
    WeightPenalty,
    decoupled_step,
    penalty,
    proximal_step,
    ridge,
    share_kept,
    share_reached,
    soft_threshold,
)
from tests.support import autodiff, float64, tensors


def regression(seed=0, N=30, I=6):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, I)) * np.linspace(0.3, 2, I)
    return X, X @ rng.normal(size=(I, 1)) + rng.normal(size=(N, 1)), rng


def gradient(w, X, y):
    """Gradient of half the mean squared error, in NumPy."""
    return X.T @ (X @ w - y) / len(X)


def numpy_of(x):
    return ops.convert_to_numpy(x)


# oracle
@float64()
def test_ridge_is_where_gradient_descent_with_the_penalty_ends():
    X, y, _ = regression()
    w = np.zeros((6, 1))
    for _ in range(5000):
        w -= 0.1 * (gradient(w, X, y) + 0.3 * w)
    assert np.abs(numpy_of(ridge(X, y, 0.3)) - w).max() < 1e-6


@float64()
def test_ridge_equals_scikit_learn():
    X, y, _ = regression()
    theirs = Ridge(alpha=0.3 * len(X), fit_intercept=False).fit(X, y)
    assert np.abs(numpy_of(ridge(X, y, 0.3)).T - theirs.coef_).max() < 1e-12


@float64()
def test_each_direction_keeps_lambda_over_lambda_plus_alpha():
    X, y, _ = regression()
    lam, Q = np.linalg.eigh(X.T @ X / len(X))
    plain = Q.T @ np.linalg.lstsq(X, y, rcond=None)[0]
    kept = Q.T @ numpy_of(ridge(X, y, 0.3)) / plain
    assert np.allclose(kept[:, 0], share_kept(lam, 0.3), atol=1e-8)


@float64()
def test_t_steps_from_zero_reach_the_share_of_the_formula():
    X, y, _ = regression()
    lam, Q = np.linalg.eigh(X.T @ X / len(X))
    w = np.zeros((6, 1))
    for _ in range(50):
        w -= 0.1 * gradient(w, X, y)
    plain = Q.T @ np.linalg.lstsq(X, y, rcond=None)[0]
    reached = (Q.T @ w / plain)[:, 0]
    assert np.allclose(reached, share_reached(lam, 0.1, 50), atol=1e-8)


def test_penalties_equal_those_of_keras():
    w = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    theirs = keras.regularizers
    for ours, other in (
        (WeightPenalty(alpha_1=0.2), theirs.L1(0.2)),
        (WeightPenalty(alpha_2=0.2), theirs.L2(0.1)),
        (WeightPenalty(0.3, 0.2), theirs.L1L2(l1=0.3, l2=0.1)),
    ):
        assert float(ours(w)) == pytest.approx(float(other(w)), rel=1e-6)


def test_keras_mse_with_l2_of_alpha_is_ridge_with_alpha():
    X, y, _ = regression()

    def loss(w):
        error = ops.mean(ops.square(ops.matmul(X, w) - tensors(y)[0]))
        return error + keras.regularizers.L2(0.3)(w)

    with float64():
        w = numpy_of(ridge(X, y, 0.3))
    assert np.abs(autodiff(loss, w)[0]).max() < 1e-6


@float64()
def test_gaussian_prior_gives_the_squares_and_laplace_the_absolute_values():
    X, y, rng = regression()
    N, sigma, s, b = len(X), 1.5, 0.7, 0.4
    for alpha, density in (
        (dict(alpha_2=sigma**2 / (N * s**2)), lambda w: -(w**2) / (2 * s**2)),
        (dict(alpha_1=sigma**2 / (N * b)), lambda w: -np.abs(w) / b),
    ):
        differences = []
        for w in rng.normal(size=(20, 6, 1)):
            loss = np.mean((X @ w - y) ** 2) / 2 + float(penalty(w, **alpha))
            log_posterior = density(w).sum() - np.sum((X @ w - y) ** 2) / (
                2 * sigma**2
            )
            differences.append(loss * N / sigma**2 + log_posterior)
        assert np.ptp(differences) < 1e-10  # the same up to a constant


@float64()
def test_ridge_is_the_mean_of_the_gaussian_posterior():
    X, y, _ = regression()
    N, sigma, s = len(X), 1.5, 0.7
    K = s**2 * X @ X.T + sigma**2 * np.eye(N)  # covariance of y
    mean = s**2 * X.T @ np.linalg.solve(K, y)
    w = numpy_of(ridge(X, y, sigma**2 / (N * s**2)))
    assert np.allclose(w, mean, atol=1e-8)


def test_soft_threshold_minimizes_its_objective_on_a_grid():
    grid = np.linspace(-4, 4, 80001)
    for v in (-3.0, -0.7, 0.0, 0.2, 1.0, 2.5):
        for tau in (0.0, 0.5, 1.0):
            best = grid[np.argmin((grid - v) ** 2 / 2 + tau * np.abs(grid))]
            u = float(soft_threshold(ops.convert_to_tensor(v), tau))
            assert u == pytest.approx(best, abs=1e-4)


@float64()
def test_proximal_gradient_ends_at_the_lasso_of_scikit_learn():
    X, y, _ = regression()
    w = np.zeros((6, 1))
    for _ in range(3000):
        w = numpy_of(proximal_step(w, gradient(w, X, y), 0.1, 0.5))
    theirs = Lasso(alpha=0.5, fit_intercept=False, tol=1e-12).fit(X, y)
    assert np.allclose(w[:, 0], theirs.coef_, atol=1e-6)
    assert np.array_equal(w[:, 0] == 0, theirs.coef_ == 0)
    assert 0 < np.sum(w == 0) < 6


def test_our_optimizer_takes_proximal_steps():
    rng = np.random.default_rng(0)
    w, g = rng.normal(size=(2, 8)).astype("float32")
    variable = keras.Variable(w)
    ProximalGradient(0.1, alpha=2.0).apply(
        [ops.convert_to_tensor(g)], [variable]
    )
    v = w - 0.1 * g
    expected = [np.sign(x) * max(abs(x) - 0.2, 0) for x in v]
    assert np.allclose(numpy_of(variable), expected, atol=1e-6)


def test_decay_in_the_update_equals_keras_sgd_and_adamw():
    rng = np.random.default_rng(0)
    w, gradients = rng.normal(size=8), rng.normal(size=(20, 8))
    optimizers = keras.optimizers
    sgd, w_sgd = optimizers.SGD(0.05, weight_decay=0.3), keras.Variable(w)
    adamw, w_adamw = optimizers.AdamW(0.05, 0.3), keras.Variable(w)
    ours_sgd, ours_adamw, m, v = w, w, 0, 0
    for t, g in enumerate(gradients, start=1):
        for optimizer, variable in ((sgd, w_sgd), (adamw, w_adamw)):
            optimizer.apply([ops.convert_to_tensor(g, "float32")], [variable])
        ours_sgd = decoupled_step(ours_sgd, g, 0.05, 0.3)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        d = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
        ours_adamw = decoupled_step(ours_adamw, d, 0.05, 0.3)
    assert np.allclose(numpy_of(w_sgd), ours_sgd, atol=1e-5)
    assert np.allclose(numpy_of(w_adamw), ours_adamw, atol=1e-4)


def test_the_best_strength_is_that_of_the_prior():
    N, lam, sigma, a = 5, 2.0, 1.5, 0.7
    noise = np.random.default_rng(0).normal(size=200_000)
    estimates = a + noise * sigma / np.sqrt(N * lam)
    alphas = np.arange(0.05, 3, 0.05)
    errors = [
        np.mean((share_kept(lam, alpha) * estimates - a) ** 2)
        for alpha in alphas
    ]
    best = alphas[np.argmin(errors)]
    assert best == pytest.approx(sigma**2 / (N * a**2), abs=0.06)


@float64()
def test_a_second_copy_of_the_data_changes_nothing_in_a_mean():
    X, y, _ = regression()
    once = numpy_of(ridge(X, y, 0.3))
    twice = numpy_of(ridge(np.tile(X, (2, 1)), np.tile(y, (2, 1)), 0.3))
    assert np.allclose(twice, once, atol=1e-10)
    # in a sum: X^T X + alpha I, here alpha = 9 for 30 and for 60 examples
    summed = np.linalg.solve(2 * X.T @ X + 9 * np.eye(6), 2 * X.T @ y)
    assert np.allclose(summed, numpy_of(ridge(X, y, 0.15)), atol=1e-10)


# gradient
def test_gradient_of_the_penalty_is_sign_and_proportion():
    w = np.random.default_rng(0).normal(size=(5, 3))
    for alpha_1, alpha_2 in ((0.2, 0.0), (0.0, 0.3), (0.2, 0.3)):

        def omega(w, alpha_1=alpha_1, alpha_2=alpha_2):
            return penalty(w, alpha_1, alpha_2)

        exact = alpha_1 * np.sign(w) + alpha_2 * w
        assert np.allclose(autodiff(omega, w)[0], exact, atol=1e-7)


# limit
def test_without_a_penalty_the_optimizer_is_gradient_descent():
    w, optimizer = keras.Variable([1.0, -0.001]), ProximalGradient(name="mine")
    optimizer.apply([ops.convert_to_tensor([1.0, 0.0])], [w])
    assert np.allclose(numpy_of(w), [0.99, -0.001])
    assert optimizer.name == "mine"


def test_a_tiny_penalty_changes_nothing_and_a_huge_one_leaves_nothing():
    with float64():
        X, y, _ = regression()
        plain = np.linalg.lstsq(X, y, rcond=None)[0]
        assert np.allclose(numpy_of(ridge(X, y, 1e-9)), plain, atol=1e-6)
        assert np.abs(numpy_of(ridge(X, y, 1e9))).max() < 1e-6


@float64()
def test_a_penalty_solves_what_has_no_single_solution():
    X, y, _ = regression(N=3, I=6)
    assert np.linalg.matrix_rank(X.T @ X) == 3
    w = numpy_of(ridge(X, y, 1e-7))
    shortest = np.linalg.pinv(X) @ y  # the solution of smallest length
    assert np.allclose(w, shortest, atol=1e-4)


def test_early_stopping_and_l2_keep_shares_that_differ_by_at_most_a_fifth():
    lam = np.geomspace(1e-3, 1e3, 2000)
    gap = share_reached(lam, 1e-5, 100_000) - share_kept(lam, 1.0)
    assert 0.19 < np.abs(gap).max() < 0.21


def test_a_penalized_bias_predicts_half_of_the_mean():
    ones = np.ones((10, 1), "float32")
    assert float(ridge(ones, 100 * ones, 1.0)[0, 0]) == pytest.approx(50)


def test_subtracting_the_sign_jumps_across_zero_and_the_threshold_stops():
    eta, alpha, w, u = 0.1, 1.0, np.float32(0.25), np.float32(0.25)
    signs = []
    for _ in range(20):
        w = w - eta * alpha * np.sign(w)
        u = numpy_of(proximal_step(u, 0.0, eta, alpha))
        signs.append(np.sign(w))
    assert u == 0
    assert w != 0
    assert set(signs[3:]) == {-1, 1}


def test_under_adam_the_strength_cancels_where_the_loss_is_flat():
    ends = []
    for alpha in (0.01, 1.0):
        w, adam = keras.Variable([1.0]), keras.optimizers.Adam(0.01)
        for _ in range(50):
            adam.apply([ops.convert_to_tensor(alpha * w)], [w])
        ends.append(numpy_of(w)[0])
    assert ends[0] == pytest.approx(ends[1], abs=1e-3)
    assert ends[0] < 0.6


def test_a_prior_with_a_peak_at_zero_never_draws_zero():
    w = np.random.default_rng(0).laplace(size=100_000)
    assert np.sum(w == 0) == 0


def test_biases_and_scales_can_be_left_out_of_the_decay():
    model = keras.Sequential([
        keras.Input((4,)), keras.layers.Dense(3),
        keras.layers.BatchNormalization()])
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    optimizer.build(model.trainable_variables)
    before = [numpy_of(v) + 1 for v in model.trainable_variables]
    for variable, value in zip(
        model.trainable_variables, before, strict=True
    ):
        variable.assign(value)
    optimizer.apply([ops.zeros(v.shape) for v in model.trainable_variables])
    for variable, value in zip(
        model.trainable_variables, before, strict=True
    ):
        left = 1 - 0.1 * 0.5 if variable.name == "kernel" else 1
        assert np.allclose(numpy_of(variable), left * value)


def test_keras_decays_biases_in_the_optimizer_but_not_in_the_kernel_penalty():
    layer = keras.layers.Dense(2, kernel_regularizer="l2")
    layer.build((None, 3))
    layer.bias.assign([1.0, 1.0])
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    optimizer.build(layer.trainable_variables)
    size = float(layer.losses[0])
    kernel = numpy_of(layer.kernel)
    assert size == pytest.approx(0.01 * np.sum(kernel**2), rel=1e-5)
    zeros = [ops.zeros(v.shape) for v in layer.trainable_variables]
    optimizer.apply(zeros)
    assert np.allclose(numpy_of(layer.bias), 1 - 0.1 * 0.5)


# claim
def test_early_stopping_does_as_well_as_ridge_without_a_penalty():
    for seed in range(30):
        draw = np.random.default_rng(seed).normal
        X, X_new = draw(size=(60, 40)), draw(size=(1000, 40))
        w_star = 0.3 * draw(size=(40, 1))
        y = X @ w_star + draw(size=(60, 1))

        def error(w, X_new=X_new, w_star=w_star):
            return np.mean((X_new @ (w - w_star)) ** 2)

        w, early = np.zeros((40, 1)), []
        for _ in range(2000):
            w = w - 0.1 * gradient(w, X, y)
            early.append(error(w))
        alphas = np.geomspace(0.01, 10, 40)
        best = min(error(numpy_of(ridge(X, y, alpha))) for alpha in alphas)
        plain = error(np.linalg.lstsq(X, y, rcond=None)[0])
        assert 0.8 < min(early) / best < 1.25
        assert min(early) < 0.9 * plain


def test_adam_with_l1_has_no_zeros_and_the_proximal_step_has(example):
    run = example("regularizers/weight_penalty")
    assert len(run["SEEDS"]) == 5
    assert run["adam"].shape == run["proximal"].shape == (5, 50, 1)
    assert not np.any(run["adam"] == 0)
    assert np.all(np.sum(run["proximal"][:, 5:] == 0, axis=(1, 2)) >= 40)
    assert np.all(run["proximal"][:, :5] != 0)
    assert np.abs(run["adam"] - run["proximal"]).max() < 0.05


def test_fit_with_the_l1_of_keras_and_adam_has_no_zeros():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 50)).astype("float32")
    y = X[:, :5].sum(axis=1, keepdims=True) + rng.normal(size=(200, 1))
    zeros = {}
    for name, optimizer, penalty_of_keras in (
        ("Adam", keras.optimizers.Adam(0.01), keras.regularizers.L1(0.4)),
        ("proximal", ProximalGradient(0.05, alpha=0.4), None),
    ):
        keras.utils.set_random_seed(0)
        dense = keras.layers.Dense(
            1, use_bias=False, kernel_regularizer=penalty_of_keras
        )
        model = keras.Sequential([keras.Input((50,)), dense])
        model.compile(optimizer, "mse")
        model.fit(np.tile(X, (300, 1)), np.tile(y, (300, 1)), batch_size=200,
                  shuffle=False, verbose=0)
        zeros[name] = np.sum(model.get_weights()[0] == 0)
    assert zeros["Adam"] == 0
    assert zeros["proximal"] >= 40


def test_ftrl_of_keras_reaches_zeros_too():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 50)).astype("float32")
    y = X[:, :5].sum(axis=1, keepdims=True) + rng.normal(size=(200, 1))
    zeros = []
    for strength in (0.0, 100.0):
        w = keras.Variable(np.zeros((50, 1), "float32"))
        ftrl = keras.optimizers.Ftrl(0.1, l1_regularization_strength=strength)
        for _ in range(200):
            g = gradient(w.numpy(), X, y)
            ftrl.apply([ops.convert_to_tensor(g, "float32")], [w])
        zeros.append(np.sum(numpy_of(w) == 0))
    assert zeros[0] == 0
    assert zeros[1] >= 40


def test_adam_decays_noisy_weights_less_and_adamw_all_alike(example):
    run = example("regularizers/weight_penalty")
    l2, adamw = run["coupled"][-1], run["decoupled"][-1]  # (seeds, scales)
    assert np.all(np.abs(l2[:, 0]) < 0.1)
    assert np.all(l2[:, 2] > 0.8)
    assert np.all(np.abs(adamw - (1 - 0.01 * 0.2) ** 500) < 0.08)


def test_under_sgd_decay_in_the_loss_and_in_the_update_are_the_same():
    rng = np.random.default_rng(0)
    w, ends = rng.normal(size=8).astype("float32"), []
    gradients = rng.normal(size=(200, 8)).astype("float32")
    for in_loss, in_update in ((0.2, None), (0.0, 0.2)):
        variable = keras.Variable(w)
        sgd = keras.optimizers.SGD(0.01, weight_decay=in_update)
        for g in gradients:
            sgd.apply([ops.add(g, in_loss * variable)], [variable])
        ends.append(numpy_of(variable))
    assert np.abs(ends[0] - ends[1]).max() < 1e-5
    assert np.abs(ends[0] - w).max() > 0.1


def test_a_penalty_narrows_the_gap_but_does_not_close_it(example):
    run = example("regularizers/weight_penalty")
    train, validation, test = run["losses"]  # each (strengths, seeds)
    best, gap = validation.mean(axis=1).argmin(), test - train
    assert best == 1
    assert np.all(gap[best] < 0.8 * gap[0])
    assert np.all(test[best] < 0.85 * test[0])
    assert np.all(gap[best] > 0.3)
    assert np.all(test[-1] > 1.1 * test[0])  # too strong


# error
def test_ridge_without_a_penalty_is_refused():
    with pytest.raises(ValueError, match="alpha must be above 0, got 0"):
        ridge(np.ones((2, 1)), np.ones((2, 1)), 0)


def test_negative_strengths_are_refused():
    with pytest.raises(ValueError, match="at least 0, got 0.0 and -1"):
        WeightPenalty(alpha_2=-1)
    with pytest.raises(ValueError, match="alpha must be at least 0, got -1"):
        ProximalGradient(alpha=-1)
