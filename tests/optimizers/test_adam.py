"""Adam, RMSProp and AMSGrad: against Keras, sums, fixed points and by hand.

No gradient: the rules take gradients; no loss or layer is defined here.
"""

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.optimizers.adam import (
    Adam,
    adam_step,
    amsgrad_step,
    corrected,
    drift,
    moments,
    rmsprop_step,
    uncorrected_factor,
)
from dlguide.optimizers.momentum import best_pair, momentum_step
from tests.support import float64


def noisy_gradients(steps=20, seed=0):
    return np.random.default_rng(seed).normal(size=(steps, 3, 2))


def walk(gradient, w, eta, steps, rule=adam_step, n=2, **settings):
    """All points of a walk, the start included, in float64."""
    own = np.asarray
    if rule is amsgrad_step:  # the maximum makes a tensor of v
        own = ops.convert_to_tensor
    states, path = [own(0 * w)] * n, [w]
    for t in range(1, steps + 1):
        g = own(np.asarray(gradient(path[-1], t)))
        w, *states = rule(own(path[-1]), *states, g, t, eta, **settings)
        path.append(np.asarray(w))
    return np.array(path)


def move(optimizer, gradients, w=None):
    """Where an optimizer of Keras takes a variable."""
    w = keras.Variable(np.ones((3, 2)) if w is None else w)
    for g in gradients:
        optimizer.apply([ops.convert_to_tensor(g, "float32")], [w])
    return ops.convert_to_numpy(w)


# oracle
@pytest.mark.parametrize("amsgrad", [False, True])
def test_keras_adam_takes_the_same_20_noisy_steps(amsgrad):
    rule, n = (amsgrad_step, 3) if amsgrad else (adam_step, 2)
    noise = noisy_gradients()
    path = walk(lambda w, t: noise[t - 1], np.ones((3, 2)), 0.01, 20, rule, n)
    ours, theirs = Adam(0.01, amsgrad=amsgrad), keras.optimizers.Adam(
        0.01, amsgrad=amsgrad)
    assert np.abs(move(ours, noise) - path[-1]).max() < 1e-6
    assert np.abs(move(theirs, noise) - path[-1]).max() < 2e-6
    for t in (1, 2, 5, 10):
        theirs = keras.optimizers.Adam(0.01, epsilon=1e-9, amsgrad=amsgrad)
        assert np.abs(move(theirs, noise[:t]) - path[t]).max() < 1e-6


@pytest.mark.parametrize("amsgrad", [False, True])
@float64()
def test_a_float64_variable_moves_with_all_its_digits(amsgrad):
    rule, n = (amsgrad_step, 3) if amsgrad else (adam_step, 2)
    noise = noisy_gradients()
    exact = {  # in float32, too
        "beta_1": 0.5, "beta_2": 1 - 2.0**-12, "epsilon": 2.0**-20}
    path = walk(lambda w, t: noise[t - 1], np.ones((3, 2)), 0.25, 10, rule, n,
                **exact)
    w = keras.Variable(np.ones((3, 2)), dtype="float64")
    optimizer = Adam(0.25, amsgrad=amsgrad, **exact)
    for g in noise[:10]:
        optimizer.apply([ops.convert_to_tensor(g)], [w])
    assert np.abs(ops.convert_to_numpy(w) - path[-1]).max() < 1e-12


def test_keras_rmsprop_takes_the_same_20_noisy_steps():
    w, s, noise = np.ones((3, 2)), 0.0, noisy_gradients()
    for g in noise:
        w, s = rmsprop_step(w, s, g, 0.01)
    assert np.abs(move(keras.optimizers.RMSprop(0.01), noise) - w).max() < 1e-6


@pytest.mark.parametrize("amsgrad", [False, True])
def test_fit_with_our_optimizer_ends_where_fit_with_keras_ends(amsgrad):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2)) * np.sqrt([1, 10])
    y = x @ [[2], [-1]] + rng.normal(size=(200, 1))
    kernels = []
    for rule in (Adam, keras.optimizers.Adam):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile(rule(0.05, amsgrad=amsgrad), "mse")
        model.fit(x, y, batch_size=10, epochs=10, verbose=0)
        kernels.append(model.get_weights()[0])
    assert np.abs(kernels[0] - kernels[1]).max() < 1e-5
    assert np.allclose(kernels[0].ravel(), [2, -1], atol=0.3)


def test_corrected_moments_are_weighted_means_of_all_gradients():
    gradients, m, v = noisy_gradients(50)[:, 0, 0], 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        m, v = moments(m, v, g)
        age = np.arange(t)[::-1]
        m_hat, v_hat = corrected(m, v, t)
        mean = np.average(gradients[:t], weights=0.9**age)
        square = np.average(gradients[:t] ** 2, weights=0.999**age)
        assert (m_hat, v_hat) == pytest.approx((mean, square))


def test_expected_moments_are_short_by_1_minus_beta_to_the_t():
    gradients = np.random.default_rng(0).normal(3, 1, size=(20, 100_000))
    m, v = np.zeros(100_000), np.zeros(100_000)
    for t, g in enumerate(gradients, 1):
        m, v = moments(m, v, g)
        assert m.mean() == pytest.approx(3 * (1 - 0.9**t), rel=0.01)
        assert v.mean() == pytest.approx(10 * (1 - 0.999**t), rel=0.01)


def test_drift_is_what_a_period_of_the_rules_moves():
    for beta_2 in (0.1, 0.5, 0.9):
        for n, rule, expected in zip(
                (2, 3), (adam_step, amsgrad_step), drift(3.0, beta_2),
                strict=True):
            path = walk(lambda w, t: 3.0 if t % 3 == 1 else -1.0,
                        np.array(0.0), 1.0, 900, rule, n,
                        beta_1=0.0, beta_2=beta_2)
            assert path[900] - path[897] == pytest.approx(
                float(expected), abs=1e-3)


# limit
def test_without_options_the_class_is_adam_of_keras():
    noise = noisy_gradients()
    ours, theirs = Adam(), keras.optimizers.Adam()
    assert np.abs(move(ours, noise) - move(theirs, noise)).max() < 2e-7


def test_without_options_the_rule_is_rmsprop_of_keras():
    w, s, noise = np.ones((3, 2)), 0.0, noisy_gradients()
    for g in noise:
        w, s = rmsprop_step(w, s, g)
    assert np.abs(move(keras.optimizers.RMSprop(), noise) - w).max() < 1e-6


def test_without_memory_every_step_is_the_sign_of_the_gradient():
    optimizer = Adam(0.25, beta_1=0, beta_2=0)
    assert np.allclose(move(optimizer, noisy_gradients(4)),
                       1 - 0.25 * np.sign(noisy_gradients(4)).sum(0),
                       atol=1e-4)
    assert [v.name[-2:] for v in optimizer.variables[2:]] == ["_m", "_v"]
    optimizer = Adam(amsgrad=True)
    move(optimizer, noisy_gradients(1))
    for v, name in zip(optimizer.variables[2:], ("_m", "_v", "_v_max"),
                       strict=True):
        assert v.name.endswith(name)


def test_the_first_step_is_the_learning_rate_whatever_the_gradient():
    g = np.array([1000.0, 1.0, 1e-3, -1e-3, -50.0])
    w, _, _ = adam_step(0 * g, 0 * g, 0 * g, g, t=1, eta=0.01)
    assert np.allclose(w, -0.01 * np.sign(g), rtol=2e-4)


def test_one_rate_two_optimizers_two_meanings():
    for g in (1e-3, 1.0, 1e3):
        w = np.zeros(1)
        descent = move(keras.optimizers.SGD(0.01), [[g]], w)
        adam = move(keras.optimizers.Adam(0.01), [[g]], w)
        assert descent[0] == pytest.approx(-0.01 * g)
        assert adam[0] == pytest.approx(-0.01, rel=0.01)


def test_two_opposite_gradients_by_hand():
    gradients = [2.0, -2.0]
    path = walk(lambda w, t: gradients[t - 1], np.array(0.0), 0.1, 2)
    assert path[1] == pytest.approx(-0.1)  # m_hat = 2, v_hat = 4
    m_hat = (0.9 * 0.2 - 0.2) / 0.19
    assert path[2] == pytest.approx(-0.1 - 0.1 * m_hat / 2)


def test_without_betas_every_step_is_the_sign():
    noise = noisy_gradients()
    path = walk(lambda w, t: noise[t - 1], np.ones((3, 2)), 0.01, 20,
                beta_1=0.0, beta_2=0.0)
    assert np.allclose(np.diff(path, axis=0), -0.01 * np.sign(noise), rtol=1e-4)


def test_without_correction_the_first_steps_are_too_long():
    m, v = moments(0.0, 0.0, g=-7.0)
    assert abs(m) / v**0.5 == pytest.approx(0.1 / 0.001**0.5)
    assert uncorrected_factor(1) == pytest.approx(10**0.5)
    factor = uncorrected_factor(np.arange(1, 5001))
    assert factor.argmax() + 1 == 12
    assert 6.5 < factor.max() < 6.6
    assert factor[-1] < 1.01
    assert uncorrected_factor(1, 0.9, 0.99) == pytest.approx(1)
    assert uncorrected_factor(1, 0.0, 0.999) == pytest.approx(1000**0.5)


def test_a_lone_gradient_moves_a_quiet_coordinate_by_many_rates():
    steps = np.diff(walk(lambda w, t: float(t == 5000), np.array(0.0), 0.01,
                         5300))
    assert -steps[4999] == pytest.approx(0.01 * 0.1 / 0.001**0.5, rel=0.01)
    assert -steps.sum() == pytest.approx(0.01 / 0.001**0.5, rel=0.05)


def test_after_a_quiet_time_steps_grow_to_7_times_the_rate():
    def longest(late):
        gradients = np.concatenate([np.zeros((8000, *late.shape[1:])), late])
        return np.abs(np.diff(walk(
            lambda w, t: gradients[t - 1], 0 * late[0], 1.0, len(gradients),
        ), axis=0)).max()
    assert longest(np.ones((1, 1))) == pytest.approx(3.16, abs=0.01)
    assert longest(np.ones((2, 1))) == pytest.approx(4.25, abs=0.01)
    assert longest(np.ones((20, 1))) == pytest.approx(6.57, abs=0.01)
    growing = (0.999 / 0.9) ** np.arange(60.0)[:, None]
    assert longest(growing) == pytest.approx(7.27, abs=0.01)
    rng = np.random.default_rng(0)
    wild = rng.normal(size=(60, 1000)) * np.exp(rng.normal(size=(60, 1000)))
    assert longest(wild) < 7.27


def test_keras_adds_epsilon_before_the_correction():
    tiny = np.array([1e-7])
    ours = move(Adam(0.01), [tiny], np.zeros(1))[0]
    theirs = move(keras.optimizers.Adam(0.01), [tiny], np.zeros(1))[0]
    assert ours == pytest.approx(-0.01 / 2, rel=1e-3)
    assert theirs == pytest.approx(-0.01 / (1 + 1000**0.5), rel=1e-3)


def test_adam_goes_wrong_only_if_its_memory_is_short():
    wrong = {beta_2: float(drift(3.0, beta_2)[0]) for beta_2 in (
        0.1, 0.4, 0.5, 0.9, 0.999)}
    assert wrong[0.1] == pytest.approx(0.68, abs=0.005)
    assert min(wrong[0.1], wrong[0.4]) > 0.05
    assert max(wrong[0.5], wrong[0.9], wrong[0.999]) < -0.02
    assert float(drift(3.0, 0.1)[1]) == pytest.approx(-0.35, abs=0.005)


def test_the_defaults_go_wrong_too_if_large_gradients_are_rare():
    moves = []
    for rule, n in ((adam_step, 2), (amsgrad_step, 3)):
        path = walk(lambda w, t: 3300.0 if t % 3000 == 1 else -1.0,  # mean 0.1
                    np.array(0.0), 0.001, 9000, rule, n)
        moves.append(path[9000] - path[6000])
    assert moves[0] > 0.02
    assert moves[1] < -0.001


def test_late_in_a_valley_adam_jumps_up_again_and_amsgrad_does_not():
    lam = np.geomspace(1, 1000, 10)
    start = np.array([np.random.default_rng(seed).normal(size=10)
                      for seed in range(5)])
    late = []
    for rule, n in ((adam_step, 2), (amsgrad_step, 3)):
        path = walk(lambda w, t: lam * w, start, 0.1, 6000, rule, n)
        size = np.linalg.norm(path, axis=2) / np.linalg.norm(start, axis=1)
        assert size[1500:].min(axis=0).max() < 1e-15
        late.append(size[1500:].max(axis=0))
    assert late[0].min() > 0.01
    assert late[1].max() < 1e-15


@pytest.mark.parametrize(("step", "states"), [
    (adam_step, 2), (amsgrad_step, 3)])
def test_the_first_step_is_the_default_rate_whatever_the_gradient(
        step, states):
    g = np.array([50.0, -2e-3])
    zeros = [ops.convert_to_tensor(0 * g)] * (states + 1)
    w = step(*zeros, ops.convert_to_tensor(g), 1)[0]
    np.testing.assert_allclose(
        ops.convert_to_numpy(w), -1e-3 * g / (abs(g) + 1e-7), rtol=1e-6)


# claim
def test_without_correction_noise_throws_adam_3_times_as_far(example):
    thrown = example("optimizers/adam")["thrown"]
    assert len(thrown) == 5
    assert thrown.min() > 3


def test_the_scale_of_the_gradient_does_not_matter(example):
    ends = example("optimizers/adam")["ends"]
    for c in (1e4, 1e-2):
        assert np.abs(ends[c] - ends[1]).max() < 1e-3
    assert np.abs(ends[1e-8] - ends[1]).max() > 0.1  # below epsilon


def test_adam_is_fast_only_along_the_axes(example):
    run = example("optimizers/adam")
    counts = run["counts"]
    assert min(steps.min() for steps in counts.values()) > 0  # all arrive
    slow, slow_turned = (counts[frame, "Adam, 0.03"]
                         for frame in ("parallel", "turned"))
    best, best_turned = (counts[frame, "Adam, best"]
                         for frame in ("parallel", "turned"))
    descent = counts["parallel", "descent"]
    assert np.array_equal(descent, counts["turned", "descent"])
    assert len(descent) == len(slow) == len(best) == 5
    assert min(slow_turned / slow) > 5
    assert min(slow_turned / descent) > 0.5
    assert min(best_turned / best) > 2
    assert min(descent / best_turned) > 5


def test_heavy_ball_beats_adam_in_a_turned_valley_only(example):
    run = example("optimizers/adam")
    eta, beta = best_pair(run["lam"])
    for Q in (np.eye(10), run["turn"]):
        A = Q * run["lam"] @ np.swapaxes(Q, -1, -2)
        w, path = Q @ run["start"], []
        v = 0 * w
        for _ in range(300):
            path.append(np.linalg.norm(w, axis=(1, 2)))
            w, v = momentum_step(w, v, A @ w, eta, beta)
        ball = np.argmax(path < path[0] / 100, axis=0)
        assert 120 < ball.min() <= ball.max() < 150
        assert max(run["counts"]["parallel", "Adam, best"] / ball) < 0.7
        assert min(run["counts"]["turned", "Adam, best"] / ball) > 1.2


def test_adam_ends_at_the_worst_point_and_amsgrad_at_the_best(example):
    games = example("optimizers/adam")["games"]
    assert games[2].shape == (5001, 6)
    assert games[2][-1].min() > 0.9
    assert games[3][-1].max() < -0.9


# error
@pytest.mark.parametrize("betas", [(1.0, 0.999), (0.9, -0.1)])
def test_a_beta_outside_0_to_1_is_refused(betas):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\), got"):
        Adam(0.1, *betas)
