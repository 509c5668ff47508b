"""Momentum: against Keras, eigenvalues, textbook forms and by hand.

No gradient: the rules take gradients; no loss or layer is defined here.
"""

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.optimizers.momentum import (
    Momentum,
    best_pair,
    iteration,
    limits,
    momentum_step,
    nesterov_step,
    noise_floor,
)
from tests.support import float64

VALLEY = np.array([1.0, 3.0, 100.0])


def walk(gradient, w, eta, beta, steps, rule=momentum_step):
    """All points of a walk from rest, the start included."""
    w, v = np.asarray(w, float), np.zeros_like(np.asarray(w, float))
    path = [w]
    for _ in range(steps):
        w, v = rule(w, v, gradient(w), eta, beta)
        path.append(w)
    return np.array(path)


def moduli(eta, beta, lam):
    return np.array([iteration(eta, beta, x)[1] for x in np.atleast_1d(lam)])


def noisy_gradients(steps=20, seed=0):
    return np.random.default_rng(seed).normal(size=(steps, 3, 2))


# oracle
@pytest.mark.parametrize("nesterov", [False, True])
def test_keras_sgd_takes_the_same_20_noisy_steps(nesterov):
    rule = nesterov_step if nesterov else momentum_step
    ours = Momentum(0.04, 0.9, nesterov)
    theirs = keras.optimizers.SGD(0.04, momentum=0.9, nesterov=nesterov)
    w, v = np.ones((3, 2)), np.zeros((3, 2))
    w_ours, w_theirs = (keras.Variable(np.ones((3, 2))) for _ in range(2))
    for noise in noisy_gradients():
        g = w + noise
        w, v = rule(w, v, g, 0.04, 0.9)
        ours.apply([ops.convert_to_tensor(g, "float32")], [w_ours])
        theirs.apply([ops.convert_to_tensor(g, "float32")], [w_theirs])
        assert np.abs(ops.convert_to_numpy(w_ours) - w).max() < 1e-6
        assert np.abs(ops.convert_to_numpy(w_theirs) - w).max() < 1e-6


@pytest.mark.parametrize("nesterov", [False, True])
@float64()
def test_a_float64_variable_moves_with_all_its_digits(nesterov):
    rule = nesterov_step if nesterov else momentum_step
    optimizer = Momentum(0.25, 0.5, nesterov)  # both exact in float32, too
    w, v = np.ones((3, 2)), np.zeros((3, 2))
    moved = keras.Variable(w, dtype="float64")
    for g in noisy_gradients():
        w, v = rule(w, v, g, 0.25, 0.5)
        optimizer.apply([ops.convert_to_tensor(g)], [moved])
    assert np.abs(ops.convert_to_numpy(moved) - w).max() < 1e-12


@pytest.mark.parametrize("nesterov", [False, True])
def test_fit_with_our_optimizer_ends_where_fit_with_keras_ends(nesterov):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2)) * np.sqrt([1, 10])
    y = x @ [[2], [-1]] + rng.normal(size=(200, 1))
    kernels = []
    for rule in (Momentum, keras.optimizers.SGD):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(rule(0.002, momentum=0.9, nesterov=nesterov), "mse")
        model.fit(x, y, batch_size=10, epochs=5, verbose=0)
        kernels.append(model.get_weights()[0])
    assert np.abs(kernels[0] - kernels[1]).max() < 1e-6
    assert np.allclose(kernels[0].ravel(), [2, -1], atol=0.3)


def test_modulus_is_the_largest_eigenvalue_of_the_iteration_matrix():
    for eta in (0.001, 0.01, 0.019, 0.035, 0.05):
        for beta in (0.0, 0.3, 0.81, 0.99):
            T = [ops.convert_to_numpy(iteration(eta, beta, lam)[0])
                 for lam in VALLEY]
            radii = [np.abs(np.linalg.eigvals(t)).max() for t in T]
            assert np.allclose(moduli(eta, beta, VALLEY), radii, atol=1e-3)


def test_powers_of_the_matrix_are_the_steps_of_the_rule():
    eta, beta, lam = 0.05, 0.8, 3.0
    path = walk(lambda w: lam * w, 1.0, eta, beta, 20)
    T = ops.convert_to_numpy(iteration(eta, beta, lam)[0]).astype(float)
    for t in range(20):
        e = np.linalg.matrix_power(T, t) @ [1.0, 1.0]  # v = 0 at the start
        assert e[0] == pytest.approx(path[t], abs=1e-5)


def test_no_pair_on_a_grid_beats_the_best_pair():
    eta_best, beta_best = best_pair(VALLEY)
    rate = moduli(eta_best, beta_best, VALLEY).max()
    assert (eta_best, beta_best) == pytest.approx((4 / 121, 81 / 121))
    assert rate == pytest.approx(9 / 11, abs=1e-3)
    grid = [moduli(eta, beta, VALLEY).max()
            for eta in np.linspace(0.001, 0.04, 40)
            for beta in np.linspace(0, 0.98, 50)]
    assert 9 / 11 < min(grid) < 9 / 11 + 0.02


def test_double_roots_give_the_closed_form():
    r, t = 9 / 11, np.arange(60)
    path = walk(lambda w: VALLEY * w, np.ones(3), *best_pair(VALLEY), 59)
    assert np.allclose(path[:, 0], (1 + (1 - r) * t) * r**t)
    assert np.allclose(path[:, 2], (1 + (1 + r) * t) * (-r) ** t)


def test_nesterov_is_heavy_ball_with_the_gradient_from_the_look_ahead():
    w, v, u, velocity = np.ones(3), np.zeros(3), np.ones(3), np.zeros(3)
    for _ in range(30):
        v = 0.9 * v - 0.005 * VALLEY * (w + 0.9 * v)
        w = w + v
        u, velocity = nesterov_step(u, velocity, VALLEY * u, 0.005, 0.9)
        assert np.allclose(u, w + 0.9 * v)
        assert np.allclose(velocity, v)


def test_nesterov_rate_is_1_minus_1_over_the_root_of_kappa():
    eta, beta = best_pair(VALLEY, nesterov=True)
    radii = []
    for lam in np.linspace(1, 100, 500):
        m = 1 - eta * lam
        radii.append(np.abs(np.roots([1, -(1 + beta) * m, beta * m])).max())
    assert max(radii) == pytest.approx(1 - 1 / 10, abs=1e-6)
    assert np.argmax(radii) == 0


def test_noise_floor_is_where_the_recursion_of_the_variance_stops():
    eta, beta, s2 = 0.005, 0.8, np.array([1.0, 0.5, 2.0])
    heights = []
    for lam, s in zip(VALLEY, s2, strict=True):
        T = np.array([[1 + beta - eta * lam, -beta], [1, 0]])
        V, noise = np.zeros((2, 2)), np.diag([eta**2 * s, 0])
        for _ in range(20000):
            V = T @ V @ T.T + noise
        heights.append(lam * V[0, 0] / 2)
    floor = float(noise_floor(eta, beta, VALLEY, s2))
    assert floor == pytest.approx(sum(heights), rel=1e-4)


def three_conventions(rates, gradients, beta=0.9):
    """Paths of Keras's, PyTorch's and the averaging form of momentum."""
    w, state, paths = np.zeros(3), np.zeros(3), []
    for eta, g in zip(rates, gradients, strict=True):
        state = beta * state + [-eta * g, g, (1 - beta) * g]
        w = w + state * [1, -eta, -eta / (1 - beta)]
        paths.append(w)
    return np.array(paths)


def test_three_conventions_take_the_same_path_at_a_constant_rate():
    g = noisy_gradients()[:, 0, 0]
    paths = three_conventions([0.1] * 20, g)
    assert np.ptp(paths, axis=1).max() < 1e-12
    theirs, w = keras.optimizers.SGD(0.1, momentum=0.9), keras.Variable([0.0])
    for slope in g:
        theirs.apply([ops.convert_to_tensor([slope], "float32")], [w])
    assert float(ops.convert_to_numpy(w)[0]) == pytest.approx(
        paths[-1, 0], abs=1e-6)


def test_after_the_rate_drops_only_keras_keeps_the_old_speed():
    rates = [0.1] * 100 + [0.01] * 100
    speed = -np.diff(three_conventions(rates, np.ones(200)), axis=0)
    assert np.allclose(speed[98], 1, atol=1e-3)
    assert np.allclose(speed[99], [0.91, 0.1, 0.1], atol=1e-3)
    assert np.allclose(speed[-1], 0.1, atol=1e-3)


# limit
def test_without_options_the_class_is_sgd_of_keras_with_momentum():
    places = []
    for optimizer in (Momentum(), keras.optimizers.SGD(0.01, momentum=0.9)):
        w = keras.Variable([1.0, -2.0])
        for g in ([1.0, 2.0], [0.5, -1.0], [3.0, 0.0]):
            optimizer.apply([ops.convert_to_tensor(g)], [w])
        places.append(ops.convert_to_numpy(w))
    assert np.allclose(*places, rtol=1e-6)


def test_momentum_0_is_allowed_and_keeps_no_velocity():
    w, optimizer = keras.Variable([1.0]), Momentum(0.25, momentum=0)
    for _ in range(2):
        optimizer.apply([ops.convert_to_tensor([1.0])], [w])
    assert float(ops.convert_to_numpy(w)[0]) == 0.5


def test_without_momentum_both_rules_are_gradient_descent():
    for rule in (momentum_step, nesterov_step):
        path = walk(lambda w: VALLEY * w, np.ones(3), 0.01, 0.0, 5, rule)
        assert np.allclose(path[-1], (1 - 0.01 * VALLEY) ** 5)
    lam = np.array([1.0, 100.0])
    assert np.allclose(moduli(0.015, 0.0, lam), [0.985, 0.5], atol=1e-5)


def test_the_same_rate_is_ten_times_the_speed_with_momentum():
    speeds = {}
    for beta in (0.0, 0.9):
        path = walk(lambda w: 1.0, 0.0, 0.01, beta, 200)
        speeds[beta] = path[-2] - path[-1]
    assert speeds[0.0] == pytest.approx(0.01)
    assert speeds[0.9] == pytest.approx(0.1, rel=1e-6)


def test_the_largest_step_is_the_edge_of_convergence():
    for beta in (0.0, 0.5, 0.9):
        _, eta_max = limits(0.01, beta, VALLEY.max())
        assert eta_max == pytest.approx(2 * (1 + beta) / 100)
        below, above = (
            np.abs(walk(lambda w: VALLEY * w, np.ones(3), eta, beta, 2000))
            for eta in (0.99 * eta_max, 1.01 * eta_max))
        assert below[-1].max() < 1e-3
        assert above[-1].max() > 1e3


def test_critical_momentum_is_the_fastest_without_crossing():
    assert limits(0.01, 0.5, 1.0)[0] == pytest.approx(0.81)
    rates = {b: moduli(0.01, b, 1.0)[0] for b in (0.71, 0.81, 0.91)}
    assert rates[0.81] == pytest.approx(0.9, abs=1e-3)
    assert min(rates[0.71], rates[0.91]) > 0.93
    at, above = (walk(lambda w: w, 1.0, 0.01, b, 300) for b in (0.81, 0.91))
    assert at.min() > 0 > above.min()


def test_a_round_bowl_needs_no_momentum():
    assert best_pair([4.0, 4.0]) == (0.25, 0.0)
    assert best_pair([4.0, 4.0], nesterov=True) == (0.25, 0.0)


def test_one_over_one_minus_beta_moves_the_slow_direction():
    eta, beta, lam = 1e-4, 0.9, 1.0
    predicted = 1 - eta * lam / (1 - beta)
    assert moduli(eta, beta, lam)[0] == pytest.approx(predicted, abs=1e-4)
    plain = walk(lambda w: w, 1.0, eta / (1 - beta), 0.0, 1000)[-1]
    assert walk(lambda w: w, 1.0, eta, beta, 1000)[-1] == pytest.approx(
        plain, rel=0.02)


def bent(x):
    """Slope of a convex function with curvature 25, then 1, then 25."""
    return 25 * x if x < 1 else x + 24 if x < 2 else 25 * x - 24


def test_the_best_pair_of_a_bowl_can_fail_on_a_convex_function():
    lam = [1.0, 25.0]
    ball = walk(bent, 3.3, *best_pair(lam), 1000)[-6:]
    assert np.allclose(ball[:3], ball[3:])  # a cycle of 3 points
    assert np.abs(ball).min() > 0.6
    assert ball.max() == pytest.approx(2.12, abs=0.005)
    others = (walk(bent, 3.3, *best_pair(lam, True), 1000, nesterov_step),
              walk(bent, 3.3, 2 / 26, 0.0, 1000))
    assert max(abs(path[-1]) for path in others) < 1e-6


def test_the_critical_share_depends_on_rate_and_curvature_together():
    beta_crit, eta_max = limits(0.01, 0.5, 4.0)
    np.testing.assert_allclose(beta_crit, (1 - 0.2) ** 2)
    np.testing.assert_allclose(eta_max, 0.75)


# claim
def test_steps_grow_with_kappa_and_with_its_root(example):
    counts = example("optimizers/momentum")["counts"]
    for kappa in (100, 1000, 10000):
        root = kappa**0.5
        descent = counts[kappa, "descent"]
        assert descent == pytest.approx(6.9 * kappa, rel=0.01)
        assert 6.9 * root < counts[kappa, "heavy ball"] < 11 * root
        assert 13.8 * root < counts[kappa, "Nesterov"] < 17 * root
        ratio = counts[kappa, "Nesterov"] / counts[kappa, "heavy ball"]
        assert 1.5 < ratio < 1.7
    assert counts[10000, "heavy ball"] * 60 < counts[10000, "descent"]


def test_the_heavy_ball_first_gets_farther_away(example):
    run = example("optimizers/momentum")
    for kappa in (100, 10000):
        peak = run["sizes"][kappa, "heavy ball"].max()
        assert peak == pytest.approx((kappa / 2)**0.5 / np.e, rel=0.05)
        assert run["sizes"][kappa, "Nesterov"].max() == 1


def test_critical_damping_settles_first(example):
    settled = example("optimizers/momentum")["settled"]
    assert settled[0.81] * 3 < min(settled[0], settled[0.5], settled[0.99])


def test_terminal_speed_is_the_rate_over_1_minus_beta(example):
    for beta, speed in example("optimizers/momentum")["speed"].items():
        assert speed[0] == pytest.approx(0.01)
        assert speed[-1] == pytest.approx(0.01 / (1 - beta), rel=1e-3)


def test_the_floor_follows_the_effective_rate_not_the_momentum(example):
    run = example("optimizers/momentum")
    floor = np.array(run["floor"])  # (seeds, pairs)
    assert len(floor) == len(run["SEEDS"]) == 5
    same, ten_times = (floor[:, n] / floor[:, 0] for n in (1, 2))
    assert 0.7 < same.min() < same.max() < 1.3
    assert ten_times.min() > 7
    assert np.allclose(floor.mean(axis=0), run["formula"], rtol=0.35)


# error
@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_a_momentum_outside_0_to_1_is_refused(momentum):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\), got"):
        Momentum(0.1, momentum)


def test_a_direction_that_curves_down_is_refused():
    with pytest.raises(ValueError, match="must be positive, got -1.0"):
        best_pair([-1.0, 10.0])
