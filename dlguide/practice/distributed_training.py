"""Distributed training: one batch, several devices, the same gradient.

Page: practice/distributed_training
Source: goyal2017accurate (learning rate); patarasuk2009bandwidth (ring)
Shapes: B batch, K workers, D parameters, I input features
"""

import importlib
import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from dlguide.data.digits import digits

SEEDS, STEPS, B = (0, 1, 2, 3, 4), 6, 64
KINDS = {"plain": lambda: [],
         "norm": lambda: [layers.BatchNormalization()],
         "dropout": lambda: [layers.Dropout(0.5, seed=1)],
         "synchronized": lambda: [layers.BatchNormalization(synchronized=True)]}


def combine(gradients, sizes):
    """Gradient of a batch: mean `gradients` (K, D), `sizes` (K,) of shards."""
    gradients = ops.convert_to_tensor(gradients)
    share = ops.cast(sizes, gradients.dtype) / sum(sizes)  # B_k / B
    g = ops.sum(share[:, None] * gradients, axis=0)  # (distributed_training:g)
    return g


def merge_moments(mu_k, v_k, sizes):
    """Mean, variance of a batch from mu_k, v_k (K, I), sizes of its shards."""
    share = (np.array(sizes) / sum(sizes))[:, None]  # B_k / B
    mu = np.sum(share * mu_k, axis=0)
    v = np.sum(share * (v_k + (mu_k - mu) ** 2), 0)  # (distributed_training:v)
    return mu, v


def ring_all_reduce(vectors):
    """Give each worker the sum of all vectors, by talk between neighbors.

    Args:
        vectors: K arrays of D numbers, one on each worker.

    Returns:
        K arrays, each the sum; and how many numbers each worker sent.
    """
    K = len(vectors)
    held = [np.array_split(np.array(vector), K) for vector in vectors]
    sent = [0] * K
    for start, add in ((0, True), (1, False)):  # reduce-scatter, all-gather
        for step in range(K - 1):
            chunks = [(k + start - step) % K for k in range(K)]
            mail = [held[k][c].copy() for k, c in enumerate(chunks)]
            for k, c in enumerate(chunks):
                right = (k + 1) % K
                held[right][c] = held[right][c] * add + mail[k]
                sent[k] += mail[k].size
    return [np.concatenate(chunks) for chunks in held], sent


def ring_traffic(D, K):
    """Numbers that each of K workers sends for a sum of vectors of D."""
    n_sent = 2 * (K - 1) * D / K  # (distributed_training:n_sent)
    return n_sent


def scaled_rate(eta, K):
    """Rule of thumb: if `eta` suits a batch, the rate for one K times it."""
    eta_K = K * eta  # (distributed_training:eta_K)
    return eta_K


def network(kind="plain", units=32):
    """Classifier with a hidden layer of `units`; `kind` is a key of KINDS."""
    model = keras.Sequential([
        keras.Input((64,)), layers.Dense(units), *KINDS[kind](),
        layers.Activation("relu"), layers.Dense(10)])
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.build(model.trainable_variables)
    return model


def shard(index=0, K=1):
    """Worker `index` of K: its part of each batch, x (STEPS B / K, 64), y."""
    (x, y), _ = digits()
    x, y = (a[:STEPS * B].reshape(STEPS, K, B // K, -1)[:, index]
            for a in (x, y))
    return x.reshape(-1, 64), y.reshape(-1)


def run_fit(model, x, y, size):
    """Losses of an epoch of `fit`: `model`, data x, y, batches of `size`."""
    means = [0.0]  # `fit` logs the mean of the steps so far
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda _, logs: means.append(float(logs["loss"])))
    model.fit(x, y, batch_size=size, shuffle=False, verbose=0,
              callbacks=[record])
    return np.diff(np.arange(len(means)) * means).tolist()


def train(model, run=run_fit, index=0, K=1):
    """Take `model` through shard `index` of K with `run`, from each seed."""
    losses, weights = [], []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        for w in model.weights:
            one = w.path.endswith(("gamma", "moving_variance"))
            w.assign(rng.normal(0, 0.2, w.shape) if w.path.endswith("kernel")
                     else np.full(w.shape, float(one)))
        for variable in model.optimizer.variables[2:]:  # velocities
            variable.assign(np.zeros(variable.shape))
        losses.append(run(model, *shard(index, K), B // K))
        weights.append([float(n) for w in model.get_weights() for n in w.flat])
    return {"losses": losses, "weights": weights}


def data_parallel(devices, kind="plain", index=0, K=1):
    """JAX: `fit` a `kind` on `devices`, in process `index` of K."""
    keras.distribution.set_distribution(keras.distribution.DataParallel(
        devices=devices, auto_shard_dataset=False))
    return train(network(kind), index=index, K=K)


def data_parallel_worker(index, K, host):
    """JAX: join as process `index` of K (0 listens at `host`), then `fit`."""
    keras.distribution.initialize(host, num_processes=K, process_id=index)
    return data_parallel(keras.distribution.list_devices(), index=index, K=K)


def mirrored(strategy, kind="plain"):
    """TensorFlow: `fit` a `kind` in one process, with a `strategy`."""
    with strategy.scope():
        return train(network(kind))


def multi_worker(strategy, index, K):
    """TensorFlow: own loop in process `index` of K, under a `strategy`."""
    tf = importlib.import_module("tensorflow")

    def run(model, x, y, size):
        def gradient(x, y):
            with tf.GradientTape() as tape:
                loss = model.loss(y, model(x, training=True))  # L_k / K
            gradients = tape.gradient(loss, model.trainable_variables)
            return tf.distribute.get_replica_context().all_reduce(
                "SUM", [loss, *gradients])

        reduced, losses = tf.function(gradient), []
        for rows in np.arange(len(x)).reshape(-1, size):
            batch = tf.constant(x[rows]), tf.constant(y[rows])
            loss, *gradients = strategy.run(reduced, batch)
            model.optimizer.apply(gradients, model.trainable_variables)
            losses.append(float(loss))
        return losses

    return train(network(), run, index, K)


def _seconds(devices, units, size):
    keras.distribution.set_distribution(
        keras.distribution.DataParallel(devices=devices))
    model, times = network(units=units), []
    for _ in range(9):
        start = np.array([time.perf_counter(), time.process_time()])
        model.fit(np.ones((4096, 64)), np.zeros(4096), size, verbose=0)
        times.append([time.perf_counter(), time.process_time()] - start)
    return np.min(times[1:], axis=0).tolist()


def _main(engine, index, K, host):
    tf = importlib.import_module("tensorflow")
    if engine == "jax":
        both = keras.distribution.list_devices()
        out = {f"{n} {kind}": data_parallel(both[:n], kind)
               for n in (1, 2) for kind in list(KINDS)[:3]}
        out |= {f"{n} {units}": _seconds(both[:n], units, size)
                for units, size in ((32, 64), (2048, 1024)) for n in (1, 2)}
    elif engine == "tensorflow":
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * 2)
        out = {f"1 {kind}": train(network(kind)) for kind in KINDS}
        two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        out |= {f"2 {kind}": mirrored(two, kind) for kind in KINDS}
    elif engine == "jax workers":
        out = data_parallel_worker(index, K, host)
    else:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
        out = multi_worker(strategy, index, K)
        try:
            with strategy.scope():
                out["fit"] = train(network(), index=index, K=K)
        except ValueError as error:
            out["fit_error"] = str(error)
    print(json.dumps(out), flush=True)


def launch(engine, K=1, limit=300):
    """Start the K processes of an engine on this machine and wait for them.

    Args:
        engine: "jax", "tensorflow", "jax workers" or "tensorflow workers".
        K: number of processes.
        limit: seconds until a process is killed.

    Returns:
        What each process reported, a list of K dicts.

    Raises:
        RuntimeError: a process failed or took longer than `limit`.
    """
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(K)]
    hosts = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    flag = "--xla_force_host_platform_device_count=2" * (engine == "jax")

    def run(index):
        task = {"type": "worker", "index": index}
        config = {"cluster": {"worker": hosts}, "task": task} if K > 1 else {}
        ours = {"KERAS_BACKEND": engine.split()[0], "XLA_FLAGS": flag,
                "TF_CONFIG": json.dumps(config)}
        return subprocess.run(
            [sys.executable, "-m", __name__, engine, str(index), str(K),
             hosts[0]], cwd=Path(__file__).parents[2], env=os.environ | ours,
            timeout=limit, check=True, capture_output=True, text=True).stdout

    try:
        with ThreadPoolExecutor(K) as pool:
            texts = list(pool.map(run, range(K)))
    except subprocess.SubprocessError as error:
        last = str(error.stderr)[-1000:]
        raise RuntimeError(f"{engine}: {error}; it said {last}") from error
    return [json.loads(text.splitlines()[-1]) for text in texts]


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
