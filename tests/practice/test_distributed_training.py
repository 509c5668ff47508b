"""Tests of dlguide.practice.distributed_training."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.practice import distributed_training
from dlguide.practice.distributed_training import (
    combine,
    launch,
    merge_moments,
    ring_all_reduce,
    ring_traffic,
    scaled_rate,
    shard,
)
from tests.support import (
    autodiff,
    central_differences,
    relative_error,
    tensors,
)


def problem(seed, B=12, I=3):
    """Inputs, targets and weights of a linear model."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(B, I)), rng.normal(size=B), rng.normal(size=I)


def mean_gradient(x, y, w):
    """Gradient of the mean squared error, by the backend."""
    x, y = tensors(x, y)
    return autodiff(
        lambda w: ops.mean((ops.sum(x * w, axis=1) - y) ** 2), w)[0]


def shard_gradients(x, y, w, sizes):
    edges = np.cumsum(sizes)[:-1]
    parts = zip(np.split(x, edges), np.split(y, edges), strict=True)
    return np.array([mean_gradient(*part, w) for part in parts])


# oracle


@pytest.mark.parametrize("seed", range(5))
def test_mean_of_equal_shards_is_the_gradient_of_the_batch(seed):
    x, y, w = problem(seed)
    gradients = shard_gradients(x, y, w, [4, 4, 4])
    whole = mean_gradient(x, y, w)
    np.testing.assert_allclose(gradients.mean(axis=0), whole, rtol=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_unequal_shards_need_weights(seed):
    x, y, w = problem(seed)
    sizes = [9, 2, 1]
    gradients = shard_gradients(x, y, w, sizes)
    whole = mean_gradient(x, y, w)
    weighted = ops.convert_to_numpy(combine(gradients, sizes))
    assert relative_error(weighted, whole) < 1e-5
    assert relative_error(gradients.mean(axis=0), whole) > 0.05


@pytest.mark.parametrize("K", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("D", [24, 25, 5])
def test_the_ring_gives_each_worker_the_sum(K, D):
    vectors = np.random.default_rng(K).normal(size=(K, D))
    sums, _ = ring_all_reduce(vectors)
    assert len(sums) == K
    for held in sums:
        np.testing.assert_allclose(held, vectors.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("K", [1, 2, 3, 4, 8])
def test_each_worker_sends_what_the_formula_says(K):
    vectors = np.ones((K, 240))
    assert ring_all_reduce(vectors)[1] == [ring_traffic(240, K)] * K


def test_moments_of_shards_merge_into_those_of_the_batch():
    x = np.random.default_rng(0).normal(size=(12, 5)) ** 2
    for sizes in ([6, 6], [9, 2, 1]):
        parts = np.split(x, np.cumsum(sizes)[:-1])
        mu, v = merge_moments(*(np.array([f(part, axis=0) for part in parts])
                                for f in (np.mean, np.var)), sizes)
        np.testing.assert_allclose(mu, x.mean(axis=0))
        np.testing.assert_allclose(v, x.var(axis=0))


# gradient


def test_combined_gradient_matches_central_differences():
    x, y, w = problem(5)
    sizes = [7, 5]
    exact = combine(shard_gradients(x, y, w, sizes), sizes)
    numerical = central_differences(lambda w: np.mean((x @ w - y) ** 2), w)
    assert relative_error(ops.convert_to_numpy(exact), numerical) < 1e-5


# limit


def test_one_worker_sends_nothing_and_many_send_nearly_twice_the_vector():
    assert ring_traffic(1000, 1) == 0
    assert ring_traffic(1000, 2) == 1000
    assert 1990 < ring_traffic(1000, 500) < 2000


def test_equal_shards_without_spread_still_miss_the_spread_between_them():
    mu, v = merge_moments(np.array([[0.0], [2.0]]), np.zeros((2, 1)), [4, 4])
    assert mu == 1
    assert v == 1  # each replica alone sees a variance of 0


def test_k_small_steps_nearly_equal_one_step_of_k_times_the_rate():
    small, large = [], []
    for eta in (0.01, 0.001):
        small.append((1 - eta) ** 8)  # loss w^2 / 2, from w = 1
        large.append(1 - scaled_rate(eta, 8))
    gaps = np.subtract(small, large)
    assert gaps[0] / gaps[1] == pytest.approx(100, rel=0.1)  # order eta^2


def test_beyond_twice_the_inverse_curvature_the_scaled_step_diverges():
    eta, curvature = 0.1, 1.0
    for K, grows in ((19, False), (21, True)):
        factor = abs(1 - scaled_rate(eta, K) * curvature)
        assert (factor > 1) == grows
    assert abs(1 - eta * curvature) < 1


def test_the_shards_of_two_workers_make_up_the_batches():
    x, _ = shard()
    halves = [shard(index, 2)[0].reshape(-1, 32, 64) for index in (0, 1)]
    together = np.concatenate(halves, axis=1).reshape(-1, 64)
    np.testing.assert_array_equal(together, x)


def noise_of_the_mean(seeds):
    """Variance of the mean of one dropout mask for each seed, x = 1."""
    masks = [keras.random.dropout(ops.ones(20000), 0.5, seed=seed)
             for seed in seeds]
    return np.var(np.mean([ops.convert_to_numpy(m) for m in masks], axis=0))


def test_equal_dropout_seeds_on_all_workers_waste_the_averaging():
    apart, equal = noise_of_the_mean([1, 2, 3, 4]), noise_of_the_mean([1] * 4)
    assert equal == pytest.approx(1, rel=0.05)  # (1 - p) / p, p = 0.5
    assert apart == pytest.approx(1 / 4, rel=0.1)


# claim


def test_two_devices_take_the_same_steps_as_one(example):
    gaps = example("practice/distributed_training")["gaps"]
    for name in ("JAX, plain", "TensorFlow, plain"):
        assert gaps[name] < 1e-5


def test_two_processes_take_the_same_steps_as_one(example):
    gaps = example("practice/distributed_training")["gaps"]
    for name in ("JAX, 2 processes", "TensorFlow, 2 processes"):
        assert gaps[name] < 1e-5


def test_the_two_backends_take_the_same_steps(example):
    run = example("practice/distributed_training")
    one, other = (run[name]["1 plain"] for name in ("jax", "tensorflow"))
    assert len(one["losses"]) == len(run["SEEDS"]) == 5
    assert run["gap"](one, other) < 1e-5


def test_replicas_break_batch_normalization_and_synchronizing_mends_it(
        example):
    run = example("practice/distributed_training")
    one, two = (np.array(run["tensorflow"][f"{n} norm"]["losses"])
                for n in (1, 2))
    assert np.abs(one - two).max(axis=1).min() > 1e-3  # in each of 5 seeds
    assert run["gaps"]["TensorFlow, synchronized"] < 1e-5
    assert run["gaps"]["JAX, norm"] < 1e-5


def test_replicas_draw_other_dropout_masks_and_one_program_does_not(example):
    run = example("practice/distributed_training")
    one, two = (np.array(run["tensorflow"][f"{n} dropout"]["losses"])
                for n in (1, 2))
    assert np.abs(one - two).max(axis=1).min() > 1e-2
    assert run["gaps"]["JAX, dropout"] < 1e-5


def test_both_replicas_of_tensorflow_draw_the_same_mask():
    code = """if True:
        import keras, tensorflow as tf

        cpus = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(
            cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2)
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        with strategy.scope():
            drop = keras.layers.Dropout(0.5, seed=1)
        masks = [strategy.experimental_local_results(strategy.run(
            lambda: drop(tf.ones((1, 64)), training=True))) for _ in range(2)]
        print([[int(n) for n in mask[0]] for two in masks for mask in two])"""
    text = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True,
        check=True, env=os.environ | {"KERAS_BACKEND": "tensorflow"}).stdout
    first, again, later, last = json.loads(text)
    assert set(first) == {0, 2}
    assert first == again != later == last


def test_fit_of_keras_fails_under_the_multi_worker_strategy(example):
    for worker in example("practice/distributed_training")[
            "tensorflow_workers"]:
        assert "fit" not in worker
        assert "PerReplica" in worker["fit_error"]


def test_two_virtual_devices_do_not_save_work(example):
    run = example("practice/distributed_training")
    assert run["small"][1] > 1.1  # CPU seconds, 2 devices over 1
    assert run["large"][1] > 0.8


def test_the_scaled_rate_keeps_the_loss_until_the_curvature_forbids_it(
        example):
    run = example("practice/distributed_training")
    kept, scaled, KS = run["kept"], run["scaled"], run["KS"]
    base, eleven, limit = kept[0], KS.index(11), KS.index(44)
    assert np.all(np.abs(scaled[:eleven + 1] / base - 1) < 0.05)
    assert np.all(kept[eleven] > 3 * base)
    assert np.all(scaled[limit] > 1.5 * base)
    assert np.all(np.abs(scaled[KS.index(22)] / base - 1) < 0.05)
    assert 11 < run["edge"] / run["eta"] < 22


# error


def test_a_process_that_takes_too_long_is_killed(monkeypatch):
    started, popen = [], subprocess.Popen

    def record(*args, **options):
        started.append(popen(*args, **options))
        return started[-1]

    monkeypatch.setattr(distributed_training.subprocess, "Popen", record)
    with pytest.raises(RuntimeError, match="timed out"):
        launch("jax workers", K=2, limit=0.2)
    assert len(started) == 2
    assert all(process.poll() is not None for process in started)


def test_a_process_that_fails_says_why():
    with pytest.raises(RuntimeError, match="abacus"):
        launch("abacus")
