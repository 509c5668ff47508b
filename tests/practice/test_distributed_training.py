"""Tests of dlguide.practice.distributed_training."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.data.digits import digits
from dlguide.practice import distributed_training
from dlguide.practice.distributed_training import (
    combine,
    launch,
    merge_moments,
    network,
    ring_all_reduce,
    ring_traffic,
    run_fit,
    scaled_rate,
    shard,
    train,
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


def replay(x, y, seed, sizes, eta=0.1, momentum=0.9):
    """Losses and kernels of the plain network, by hand, batch by batch."""
    rng = np.random.default_rng(seed)
    weights = [rng.normal(0, 0.2, (64, 32)), np.zeros(32),
               rng.normal(0, 0.2, (32, 10)), np.zeros(10)]
    velocities, losses = [0.0] * 4, []
    for rows in np.split(np.arange(len(x)), np.cumsum(sizes)[:-1]):
        W_1, b_1, W_2, b_2 = weights
        h = np.maximum(x[rows] @ W_1 + b_1, 0)
        z, t = h @ W_2 + b_2, np.eye(10)[y[rows]]
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        losses.append(-np.mean(np.log((p * t).sum(axis=1))))
        d_2 = (p - t) / len(rows)
        d_1 = d_2 @ W_2.T * (h > 0)
        gradients = x[rows].T @ d_1, d_1.sum(0), h.T @ d_2, d_2.sum(0)
        velocities = [momentum * u - eta * g
                      for u, g in zip(velocities, gradients, strict=True)]
        weights = [w + u for w, u in zip(weights, velocities, strict=True)]
    return losses, np.concatenate([w.ravel() for w in weights])


def test_a_worker_takes_the_steps_of_momentum_on_its_shard_by_hand(
        monkeypatch):
    monkeypatch.setattr(distributed_training, "SEEDS", (3, 4))
    x, y = shard(1, 2)
    out = train(network(), index=1, K=2)
    for losses, weights, seed in zip(
            out["losses"], out["weights"], (3, 4), strict=True):
        by_hand = replay(x, y, seed, [32] * 6)
        np.testing.assert_allclose(losses, by_hand[0], rtol=1e-4)
        np.testing.assert_allclose(weights, by_hand[1], atol=1e-5)


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


def test_a_shard_is_a_row_of_pixels_and_a_label_for_each_image():
    (images, labels), _ = digits()
    x, y = shard(2, 4)
    assert x.shape == (6 * 64 // 4, 64)
    assert y.shape == (6 * 64 // 4,)
    np.testing.assert_array_equal(x[:16], images[32:48].reshape(16, 64))
    np.testing.assert_array_equal(y[16:32], labels[96:112])


def test_a_run_reports_the_loss_of_each_step_not_the_mean_so_far():
    x, y = shard()
    model = network()
    model.optimizer.learning_rate = 0.0  # each step sees the same weights
    losses = run_fit(model, x[:192], y[:192], 64)
    alone = [model.evaluate(x[rows], y[rows], verbose=0)
             for rows in np.arange(192).reshape(3, 64)]
    np.testing.assert_allclose(losses, alone, rtol=1e-4)


@pytest.mark.parametrize(("kind", "types"), [
    ("plain", ["Dense", "Activation", "Dense"]),
    ("norm", ["Dense", "BatchNormalization", "Activation", "Dense"]),
    ("dropout", ["Dense", "Dropout", "Activation", "Dense"]),
])
def test_a_kind_adds_one_layer_after_the_first(kind, types):
    model = network(kind, units=5)
    assert [type(layer).__name__ for layer in model.layers] == types
    assert model.input_shape == (None, 64)
    assert model.layers[0].units == 5
    assert model.output_shape == (None, 10)


def test_each_seed_starts_anew_and_normalization_from_0_and_1(monkeypatch):
    monkeypatch.setattr(distributed_training, "SEEDS", (7, 8, 7))
    seen = []

    def run(model, x, y, size):
        seen.append(model.get_weights())
        velocities = model.optimizer.variables[2:]
        assert all(not ops.convert_to_numpy(v).any() for v in velocities)
        return run_fit(model, x[:size], y[:size], size)

    out = train(network("norm"), run)
    first, other, again = seen
    kernel, bias, gamma, beta, mean, variance = first[:6]
    assert abs(kernel.std() - 0.2) < 0.01
    assert not np.concatenate([bias, beta, mean]).any()
    assert (np.stack([gamma, variance]) == 1).all()
    assert np.abs(first[0] - other[0]).max() > 0.1
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert out["losses"][0] == pytest.approx(out["losses"][2], rel=1e-6)
    assert len(out["weights"][0]) == sum(a.size for a in first)


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


# processes: what they are started with


@pytest.fixture
def started(monkeypatch):
    """Commands and options of all processes, which only seem to start."""
    calls = []

    def pretend(command, **options):
        calls.append((command, options))
        said = f"a warning\nanother\n{json.dumps({'index': command[4]})}\n"
        return subprocess.CompletedProcess(
            command, 0, said if options["capture_output"] else None)

    monkeypatch.setattr(distributed_training.subprocess, "run", pretend)
    return calls


def test_each_worker_gets_its_number_and_all_get_the_same_addresses(
        started, monkeypatch):
    monkeypatch.setenv("SOME_SETTING", "kept")
    assert launch("tensorflow workers", K=2, limit=7) == [
        {"index": "0"}, {"index": "1"}]
    started.sort(key=lambda call: call[0][4])
    clusters = []
    for k, (command, options) in enumerate(started):
        python, module, name, engine, index, K, host = command
        assert (python, module) == (sys.executable, "-m")
        assert name == distributed_training.__name__
        assert (engine, index, K) == ("tensorflow workers", str(k), "2")
        assert options["timeout"] == 7
        assert options["check"]
        assert options["text"]
        source = options["cwd"] / f"{name.replace('.', '/')}.py"
        assert source.samefile(distributed_training.__file__)
        environ = options["env"]
        assert environ["SOME_SETTING"] == "kept"
        assert environ["KERAS_BACKEND"] == "tensorflow"
        assert environ["XLA_FLAGS"] == ""
        config = json.loads(environ["TF_CONFIG"])
        assert config["task"] == {"type": "worker", "index": k}
        clusters.append(config["cluster"]["worker"])
        assert host == clusters[0][0]
    assert clusters[0] == clusters[1]
    assert len(set(clusters[0])) == 2  # a port for each
    assert all(host.startswith("127.0.0.1:") for host in clusters[0])


def test_a_single_process_gets_two_devices_from_jax_and_no_cluster(started):
    for engine in ("jax", "tensorflow"):
        launch(engine)
    (_, jax), (_, tensorflow) = started
    assert jax["env"]["KERAS_BACKEND"] == "jax"
    assert jax["env"]["XLA_FLAGS"].endswith("device_count=2")
    assert tensorflow["env"]["XLA_FLAGS"] == ""
    for options in (jax, tensorflow):
        assert json.loads(options["env"]["TF_CONFIG"]) == {}
        assert options["timeout"] == 300


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
    with pytest.raises(RuntimeError, match="it said (?s:.*)import backend"):
        launch("abacus")


def test_the_error_quotes_the_end_of_what_the_process_said(monkeypatch):
    def fail(command, **_):
        raise subprocess.CalledProcessError(
            1, command, stderr="early " + 999 * "." + "late")

    monkeypatch.setattr(distributed_training.subprocess, "run", fail)
    with pytest.raises(RuntimeError, match=r"it said \.{996}late$"):
        launch("jax")
