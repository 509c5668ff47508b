# %% [markdown] lang="zh"
# # 舍入、次序与种子
#
# 1. 同样的数换个次序相加，结果不同；三种加法各差多少？
# 2. 同一个种子重跑，一位不差；换一个种子，没有一个权重相同。
# 3. 把一个权重改动最后一位，再用同样的批次训练，两个网络会分开多远？
#
# 在 2 个 CPU 核上约需 20 秒。

# %% [markdown] lang="en"
# # Rounding, order and seeds
#
# 1. The same numbers added in another order give another result; how far off
#    are three ways to add?
# 2. The same seed again gives the same bits; with another seed no weight is
#    the same.
# 3. Change the last bit of one weight and train on the same batches: how far
#    do the two networks come apart?
#
# About 20 seconds on 2 CPU cores.

# %% name="setup"
import math
import sys

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

from dlguide.about import reproducibility as rp
from dlguide.data.digits import digits

SEEDS = (0, 1, 2, 3, 4)
ORDERS, STEPS, EVERY = 100, 500, 20
HIGH, LOW = 0.1, 0.005  # learning rates
u = 2.0**-24
print("0.1 + 0.2 + 0.3 =", rp.running_sum(np.array([0.1, 0.2, 0.3])))
print("0.3 + 0.2 + 0.1 =", rp.running_sum(np.array([0.3, 0.2, 0.1])))

# %% [markdown] lang="zh"
# ## 求和
#
# 每个种子取 100,000 个 $[0, 1)$ 里的 float32，排成 100 种随机次序。
# 正确答案由 `math.fsum` 给出：它精确求和，只在最后舍入一次。
# 误差数的是隔着几个 float32。

# %% [markdown] lang="en"
# ## Sums
#
# Each seed draws 100,000 float32 in $[0, 1)$ and puts them into 100 random
# orders. The right answer is that of `math.fsum`, which adds exactly and
# rounds once, at the end. Errors are counted in steps from one float32 to the
# next.

# %% name="sums"
ways = {"running": rp.running_sum, "pairwise": rp.pairwise_sum,
        "Kahan": rp.kahan_sum}
N = [10, 100, 1000, 10_000, 100_000]
relative = np.zeros((3, len(SEEDS), len(N), ORDERS))
off, different = np.zeros((2, 3, len(SEEDS)), int)
library = np.zeros(len(SEEDS), int)
for s, seed in enumerate(SEEDS):
    rng = np.random.default_rng(seed)
    x = rng.random(N[-1], dtype="float32")
    x = np.stack([rng.permutation(x) for _ in range(ORDERS)], axis=1)
    exact = np.float32(math.fsum(x[:, 0]))
    library[s] = rp.ulp_distance(ops.convert_to_numpy(ops.sum(x[:, 0])), exact)
    for k, way in enumerate(ways):
        for m, length in enumerate(N):
            sums = ways[way](x[:length])
            truth = x[:length].sum(axis=0, dtype="float64")
            relative[k, s, m] = np.abs(sums / truth - 1)
        different[k, s] = len(np.unique(sums))
        off[k, s] = rp.ulp_distance(sums, np.full(ORDERS, exact)).max()
for k, way in enumerate(ways):
    print(f"{way}: up to {different[k].max()} different sums of {ORDERS}",
          f"orders, up to {off[k].max()} float32 off")
_, ax = plt.subplots(num="sums")
for k, way in enumerate(ways):
    rms = np.sqrt(np.mean(relative[k] ** 2, axis=(0, 2)))
    ax.loglog(N, rms, f"C{k}{'os^'[k]}-", label=way)
ax.loglog(N, np.multiply(N, u), "C3:", label=r"bound $N u$")
ax.set(xlabel="terms $N$", ylabel="relative error")
ax.legend()
plt.show()

# %% [markdown] lang="zh"
# ## 种子
#
# 3 个 64 单元的 ReLU 隐层，带动量的梯度下降，每批 32 张，500 步。
# 种子决定初始权重和批次。

# %% [markdown] lang="en"
# ## Seeds
#
# 3 hidden layers of 64 ReLUs, gradient descent with momentum, batches of 32,
# 500 steps. The seed sets the initial weights and the batches.

# %% name="seeds"
(x, y), (x_test, y_test) = digits()
x, x_test = x.reshape(-1, 64), x_test.reshape(-1, 64)


def build():
    hidden = [layers.Dense(64, activation="relu") for _ in range(3)]
    return keras.Sequential([keras.Input((64,)), *hidden, layers.Dense(10)])


def flat(weights):
    return np.concatenate([w.ravel() for w in weights])


model = build()
model.compile(keras.optimizers.SGD(HIGH, 0.9), steps_per_execution=EVERY,
              loss=keras.losses.SparseCategoricalCrossentropy(True))
model.optimizer.build(model.trainable_variables)


def train(seed, rate, steps=0):
    keras.utils.set_random_seed(seed)
    weights = build().get_weights()
    if steps:  # the largest weight of the last layer
        largest = np.unravel_index(np.abs(weights[-2]).argmax(), (64, 10))
        weights[-2] = rp.nudge(weights[-2], largest, steps)
    model.set_weights(weights)
    for variable in model.optimizer.variables:
        variable.assign(np.zeros(variable.shape))
    model.optimizer.learning_rate = rate
    chosen = np.random.default_rng(seed).integers(len(x), size=32 * STEPS)
    rows = [flat(weights)]
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: rows.append(
            flat(record.model.get_weights())))
    model.fit(x[chosen], y[chosen], 32, shuffle=False, verbose=0,
              callbacks=[record])
    answers = ops.convert_to_numpy(model(x_test)).argmax(axis=1)
    return np.array(rows), np.mean(answers == y_test)


runs = [train(seed, HIGH) for seed in SEEDS]
again, other = train(SEEDS[0], HIGH)[0][-1], runs[1][0][-1]
first = runs[0][0][-1]
print(f"the same seed again: {np.sum(again != first)} of {first.size}",
      "weights differ")
print("another seed: more than 99% differ:", np.mean(other != first) > 0.99)
print("fingerprint:", float(first.astype("float64").sum()), file=sys.stderr)

# %% [markdown] lang="zh"
# ## 最后一位
#
# 输出层里绝对值最大的那个权重换成相邻的 float32，别的都不动，
# 再用同样的批次训练一遍。距离除以权重的长度。

# %% [markdown] lang="en"
# ## The last bit
#
# The largest weight of the output layer becomes the next float32, nothing
# else moves, and the network trains once more on the same batches. Distances
# are divided by the length of the weights.

# %% name="drift"
twins = [train(seed, HIGH, 1) for seed in SEEDS]
slow = [[train(seed, LOW, steps)[0] for steps in (0, 1)] for seed in SEEDS]
high = np.array([rp.separation(a[0], b[0])
                 for a, b in zip(runs, twins, strict=True)])
low = np.array([rp.separation(*pair) for pair in slow])
score = np.array([[a[1], b[1]] for a, b in zip(runs, twins, strict=True)])
print(f"rate {HIGH}: grown more than a million times in",
      f"{np.sum(high[:, -1] > 1e6 * high[:, 0])} of 5,\n          above",
      f"a tenth of the weights' length in {np.sum(high[:, -1] > 0.1)} of 5")
print(f"rate {LOW}: median below 1e-5:", np.median(low[:, -1]) < 1e-5)
print("accuracy of all 10 runs above 0.8:", np.all(score > 0.8))
moments = np.arange(0, STEPS + 1, EVERY)
_, ax = plt.subplots(num="drift")
ax.semilogy(moments, high.T, "C1-", moments, low.T, "C0--")
ax.set(xlabel="steps", ylabel="relative distance", ylim=(1e-10, 3))
ax.legend([ax.lines[0], ax.lines[5]], [f"rate {HIGH}", f"rate {LOW}"])
plt.show()
