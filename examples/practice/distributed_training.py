# %% [markdown] lang="zh"
# # 两个设备，一个梯度
#
# 本例在一台机器上另起进程：JAX 用 2 个虚拟 CPU 设备，TensorFlow 也用 2 个；
# 然后每种后端再各起 2 个进程，经 127.0.0.1 通信。网络、数据与种子都相同，
# 逐步比较损失。本例较长：6 个进程各自导入 Keras，CPU 时间约 1 分钟；
# 机器忙时要等 3 到 4 分钟。

# %% [markdown] lang="en"
# # Two devices, one gradient
#
# This example starts processes on one machine: JAX with 2 virtual CPU
# devices, TensorFlow with 2 as well; then, for each backend, 2 processes that
# talk over 127.0.0.1. Network, data and seeds are the same; the losses are
# compared step by step. It is a long one: 6 processes import Keras, each for
# itself, about 1 minute of CPU time, and 3 to 4 minutes on a busy machine.

# %% name="setup"
import sys

import matplotlib.pyplot as plt
import numpy as np

from dlguide.data.digits import digits
from dlguide.practice import distributed_training
from dlguide.practice.distributed_training import (
    launch,
    ring_all_reduce,
    ring_traffic,
    scaled_rate,
)

SEEDS = distributed_training.SEEDS

# %% [markdown] lang="zh"
# ## 环上的求和
#
# 4 个节点各有 1,000 个数，只与右邻通信。

# %% [markdown] lang="en"
# ## A sum around a ring
#
# 4 workers hold 1,000 numbers each and talk to their right neighbor only.

# %% name="ring"
vectors = np.random.default_rng(SEEDS[0]).normal(size=(4, 1000))
sums, sent = ring_all_reduce(vectors)
print(f"all equal the sum: {np.allclose(sums, vectors.sum(axis=0))}")
print(f"sent by each worker: {sent}, formula {ring_traffic(1000, 4):.0f}")
for K in (2, 8, 64):
    print(f"K = {K:2}: {ring_traffic(1, K):.2f} D per worker")

# %% [markdown] lang="zh"
# ## 起进程
#
# `launch` 等所有进程结束；超时或出错就终止它们并报错。

# %% [markdown] lang="en"
# ## Start the processes
#
# `launch` waits until all have ended; if one fails or takes too long, it
# kills them and raises an error.

# %% name="launch"
jax, tensorflow = launch("jax")[0], launch("tensorflow")[0]
jax_workers = launch("jax workers", K=2)
tensorflow_workers = launch("tensorflow workers", K=2)

# %% [markdown] lang="zh"
# ## 比较
#
# 损失与最后的权重，取 5 个种子中最大的差。

# %% [markdown] lang="en"
# ## Compare
#
# Losses and last weights, the largest difference over 5 seeds.

# %% name="compare"
def gap(a, b):
    return max(np.abs(np.subtract(a[key], b[key])).max() for key in a
               if key in ("losses", "weights"))


gaps = {f"{name}, {kind}": gap(run[f"1 {kind}"], run[f"2 {kind}"])
        for name, run in (("JAX", jax), ("TensorFlow", tensorflow))
        for kind in ("plain", "norm", "dropout", "synchronized")
        if f"2 {kind}" in run}
gaps |= {f"{name}, 2 processes": max(gap(worker, run["1 plain"])
                                     for worker in workers)
         for name, run, workers in (
             ("JAX", jax, jax_workers),
             ("TensorFlow", tensorflow, tensorflow_workers))}
for name, value in gaps.items():
    print(f"{name:24} {'equal' if value < 1e-5 else 'different'}")
print("gaps:", gaps, file=sys.stderr)

# %% name="steps"
def by_step(run, kind):
    one, two = run[f"1 {kind}"]["losses"], run[f"2 {kind}"]["losses"]
    return np.maximum(np.abs(np.subtract(one, two)).max(axis=0), 1e-8)


fig, ax = plt.subplots(num="steps")
for kind, style in (("dropout", "C1s--"), ("norm", "C3^:"),
                    ("synchronized", "C2d-."), ("plain", "C0o-")):
    loss_gap = by_step(tensorflow, kind)
    ax.semilogy(range(1, len(loss_gap) + 1), loss_gap, style, label=kind)
ax.axhline(1e-5, color="C5", lw=1)
ax.legend(loc=(0.02, 0.42))
ax.set(xlabel="step", ylabel="largest difference of the loss")
plt.show()

# %% [markdown] lang="zh"
# ## 快了吗
#
# 4,096 个样本，1 个与 2 个虚拟设备，量墙上时间与 CPU 时间。

# %% [markdown] lang="en"
# ## Is it faster?
#
# 4,096 examples with 1 and with 2 virtual devices, in wall time and CPU time.

# %% name="speed"
small, large = (np.divide(jax[f"2 {units}"], jax[f"1 {units}"])
                for units in (32, 2048))
print(f"32 units: 2 devices need more CPU time: {small[1] > 1}")
print(f"2048 units: they save a fifth of it: {large[1] < 0.8}")
print("wall, CPU:", small, large, file=sys.stderr)

# %% [markdown] lang="zh"
# ## 线性缩放
#
# softmax 回归，5 轮，批量从 16 到 16 的 88 倍。学习率或者不变，
# 或者随批量同倍放大。

# %% [markdown] lang="en"
# ## Linear scaling
#
# Softmax regression, 5 epochs, batches of 16 up to 88 times 16. The learning
# rate stays, or grows with the batch.

# %% name="scaling"
(x, y), _ = digits()
x, t = np.c_[x[:1408].reshape(-1, 64), np.ones(1408)], np.eye(10)[y[:1408]]


def train(eta, B, seed):
    rng, W = np.random.default_rng(seed), np.zeros((65, 10))
    for _ in range(5):
        for rows in rng.permutation(len(x)).reshape(-1, B):
            e = np.exp(x[rows] @ W)
            p = e / e.sum(axis=1, keepdims=True)
            W -= eta * x[rows].T @ (p - t[rows]) / B
    z = x @ W
    return np.mean(np.log(np.exp(z).sum(axis=1)) - (z * t).sum(axis=1))


KS, eta = (1, 2, 4, 8, 11, 22, 44, 88), 0.1
kept = np.array([[train(eta, 16 * K, s) for s in SEEDS] for K in KS])
scaled = np.array([[train(scaled_rate(eta, K), 16 * K, s) for s in SEEDS]
                   for K in KS])
edge = 2 / (0.1 * np.linalg.eigvalsh(x.T @ x / len(x))[-1])
print(f"stable at first below {edge:.2f}, K = {edge / eta:.1f}")
for K in (11, 44):
    row = KS.index(K)
    print(f"K = {K}: loss {kept[0].mean():.2f} -> eta kept "
          f"{kept[row].mean():.1f}, K eta {scaled[row].mean():.1f}")

fig, ax = plt.subplots(num="scaling")
ax.loglog(KS, kept.mean(axis=1), "C1s--", KS, scaled.mean(axis=1), "C0o-")
ax.axvline(edge / eta, color="C5", lw=1)
ax.legend(["eta kept", "K eta", "limit at the start"])
ax.set(xlabel="K, batch of 16 K", ylabel="training loss after 5 epochs")
plt.show()
