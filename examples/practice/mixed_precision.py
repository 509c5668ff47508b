# %% [markdown] lang="zh"
# # 混合精度：16 位里丢了什么，怎样找回来
#
# 三种浮点格式的极限由位数算出；再用 `dlguide.data.digits` 的 1,437 张手写
# 数字训练一个三层小网络，数一数 float16 丢掉多少梯度、多少更新，
# 看损失缩放和 float32 主权重怎样补救。5 个种子排在权重的第一个轴上，
# 一次算完。CPU 时间 20 到 40 秒：多半花在 float16 的运算上，CPU 算它很慢。

# %% [markdown] lang="en"
# # Mixed precision: what 16 bits lose, and how to get it back
#
# The limits of three formats follow from their bits. Then a network of three
# layers learns the 1,437 handwritten digits of `dlguide.data.digits`: count
# the gradients and the updates that float16 loses, and watch loss scaling and
# float32 master weights bring them back. The 5 seeds lie along the first axis
# of the weights and train together. It takes 20 to 40 seconds of CPU time,
# most of it in float16 arithmetic, which a CPU does slowly.

# %% name="setup"
import sys
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

from dlguide.data.digits import digits
from dlguide.practice import cifar10
from dlguide.practice import mixed_precision as mp

SEEDS = (0, 1, 2, 3, 4)
H = 32
sums, share, small, fall, still = {}, {}, {}, {}, {}

# %% [markdown] lang="zh"
# ## 三种格式，以及“先猜一猜”的答案
#
# 从 0 开始，每次加 1，加 10,000 次；再从 1 开始，每次加 0.0001，
# 也加 10,000 次。

# %% [markdown] lang="en"
# ## Three formats, and the answers to the guess
#
# Start at 0 and add 1, 10,000 times. Then start at 1 and add 0.0001, 10,000
# times.

# %% name="formats"
for name, bits in mp.FORMATS.items():
    print(f"{name:8}", *(f"{k} {v:.2g}" for k, v in mp.limits(*bits).items()))

# %% name="guess"
for name in mp.FORMATS:
    total, step = ops.cast([0, 1], name), ops.cast([1, 1e-4], name)
    for _ in range(10000):
        total = total + step
    sums[name] = a, b = tuple(map(float, total))
    print(f"{name:8} 0 + 1 + 1 + ... = {a:.0f}, 1 + 0.0001 + ... = {b:.4f}")

# %% [markdown] lang="zh"
# ## 丢掉的梯度
#
# 先用 float32 训练 1,000 步（学习率 0.5，小批量 64），再取前 64 张图，
# 分别用 float32、float16 和 bfloat16 求一遍梯度：
# float32 里不为 0、16 位里却为 0 的，就是丢掉的。

# %% [markdown] lang="en"
# ## The gradients that are lost
#
# Train 1,000 steps in float32 (learning rate 0.5, mini-batches of 64). Then
# compute the gradient of the first 64 images in float32, in float16 and in
# bfloat16. An entry is lost if it is not 0 in float32 and 0 in 16 bits.

# %% name="train"
(x, labels), _ = digits()
x, y = x.reshape(len(x), -1), np.eye(10, dtype="float32")[labels]


def start(dtype="float32"):
    return [ops.cast(np.stack([np.random.default_rng([seed, n]).normal(
        0, np.sqrt(2 / I), (I, O)) for seed in SEEDS]), dtype)
        for n, (I, O) in enumerate([(64, H), (H, H), (H, 10)])]


# %% name="lost"
trained = mp.train(start(), x, y, "float32", 0.5, 1000, None)[0]
exact = mp.scaled_gradients(trained, x[:64], y[:64], "float32")[2]
for dtype, s in ("float16", 0), ("float16", 15), ("bfloat16", 0):
    d = mp.scaled_gradients(trained, x[:64], y[:64], dtype, 2.0**s)[2]
    share[dtype, s] = np.mean([ops.convert_to_numpy(mp.lost(a, b))
                               for a, b in zip(exact, d, strict=True)], axis=0)
    low, high = 10 * min(share[dtype, s]), 10 * max(share[dtype, s])
    print(f"{dtype:8} scale 2^{s:<2}: {10 * np.floor(low):.0f}% to "
          f"{1 if high < 0.1 else 10 * np.ceil(high):.0f}% become 0")
fig, ax = plt.subplots(num="lost")
sizes = np.concatenate([np.ravel(ops.convert_to_numpy(d)) for d in exact])
ax.hist(np.log2(np.abs(sizes[sizes != 0])), np.arange(-60, 1, 2.5), color="C0")
ax.axvline(-25, 0, 0.8, color="C1", ls="--")
ax.axvline(-40, 0, 0.8, color="C3", ls=":")
ax.legend(["float16: 0 left of this", "the same, loss scale $2^{15}$"])
ax.set(xlabel="log2 |gradient|", ylabel="gradients", ylim=(0, 2400))
plt.show()

# %% [markdown] lang="zh"
# ## 损失缩放
#
# 损失若是上百万个像素的平均，每个梯度就小到 $10^{-6}$ 倍。这里把损失乘
# $c = 10^{-6}$，学习率乘 $10^6$：若计算没有误差，训练丝毫不变。

# %% [markdown] lang="en"
# ## Loss scaling
#
# If the loss is a mean over a million pixels, every gradient is $10^{-6}$ times
# as large. Here the loss is multiplied by $c = 10^{-6}$ and the learning rate
# by $10^6$. In exact arithmetic nothing changes.

# %% name="scaling"
for name, dtype, state in (("float32", "float32", None),
                           ("float16, no scale", "float16", None),
                           ("float16, dynamic", "float16", (2.0**15, 0))):
    curve = mp.train(start(), x, y, dtype, 1e5, 300, state, 1e-6)[1]
    print(f"{name:17} loss {curve[0].mean():.1f} -> {curve[-1].mean():.1f}")
    small[name] = curve

# %% [markdown] lang="zh"
# ## 丢掉的更新
#
# 学习率 0.0001，走 400 步，梯度都有损失缩放护着。唯一的差别是权重的格式。

# %% [markdown] lang="en"
# ## The updates that are lost
#
# Learning rate 0.0001, 400 steps, gradients protected by loss scaling. The
# only difference is the format of the weights.

# %% name="updates"
fig, ax = plt.subplots(num="updates")
for line, keep, dtype in (
        ("C0-", "float32", "float32"), ("C1--", "float32", "float16"),
        ("C2-.", "float16", "float16"), ("C3:", "bfloat16", "bfloat16")):
    before = start(keep)
    after, curve = mp.train(before, x, y, dtype, 1e-4, 400)
    fall[keep, dtype] = curve[0] - curve[-1]
    still[keep, dtype] = np.mean([np.mean(ops.convert_to_numpy(a == b))
                                  for a, b in zip(before, after, strict=True)])
    ax.plot(np.arange(0, 401, 50), (curve[0] - curve).mean(1), line,
            label=f"weights {keep}, products {dtype}")
    ratio = fall[keep, dtype] / fall["float32", "float32"]
    print(f"weights {keep:8} products {dtype:8}: falls {min(ratio):.1f} to "
          f"{max(ratio):.1f} times as far, {still[keep, dtype]:.0%} unchanged")
ax.set(xlabel="training step", ylabel="fall of the loss (nats)")
ax.legend()
plt.show()

# %% [markdown] lang="zh"
# ## 省下什么
#
# 原文的 CIFAR-10 网络，一批 64 张图：各层输出与参数各占多少字节。

# %% [markdown] lang="en"
# ## What it saves
#
# The article's CIFAR-10 network with a batch of 64: the bytes of all layer
# outputs, and of the parameters.

# %% name="bytes"
memory, seconds, batch = {}, {}, (np.ones((64, 512)), np.ones((64, 10)))
for policy in ("float32", "mixed_float16", "mixed_bfloat16"):
    keras.config.set_dtype_policy(policy)
    net = cifar10.build_model()
    memory[policy] = mp.activation_bytes(net, 64), 4 * net.count_params()
    print(f"{policy:14} activations, parameters: {memory[policy]} bytes")
    dense = keras.Sequential([layers.Dense(n) for n in (512, 512, 10)])
    dense.compile("sgd", "mse")
    for _ in range(3):  # the first step compiles, the last one is timed
        begin = time.perf_counter()
        dense.train_on_batch(*batch)
        seconds[policy] = time.perf_counter() - begin
    print(f"{policy}: {1000 * seconds[policy]:.1f} ms", file=sys.stderr)
keras.config.set_dtype_policy("float32")
