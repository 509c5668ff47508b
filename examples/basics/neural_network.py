# %% [markdown] lang="zh"
# # 神经网络：折线从哪里来
#
# 1. 没有激活函数时，三层是不是等于一层？
# 2. 10 个 ReLU 能把输入空间切成多少块？
# 3. 网络的权重可以直接写出来：误差随宽度怎样下降？
# 4. 10 层、每层 2 个 ReLU，能画出多少段直线？
# 5. 能写出来的权重，训练找得到吗？
# 6. 4 个 ReLU 能圈出一个圆吗？
#
# 最后两问要训练 16 个网络，所以在 2 个 CPU 核上约需半分钟。

# %% [markdown] lang="en"
# # Neural network: where the straight pieces come from
#
# 1. Without an activation function, are three layers one layer?
# 2. Into how many regions can 10 ReLUs cut their input space?
# 3. The weights can be written down: how does the error fall with the width?
# 4. How many straight pieces do 10 layers of 2 ReLUs draw?
# 5. Does training find the weights that can be written down?
# 6. Can 4 ReLUs enclose a disc?
#
# The last two questions train 16 networks, so all of it takes about half a
# minute on 2 CPU cores.

# %% name="setup"
from functools import reduce

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import ops

from dlguide.basics import neural_network as nn

SEEDS = (0, 1, 2, 3, 4)


def out(x, weights, phi=ops.relu):
    return ops.convert_to_numpy(nn.network(np.float32(x), weights, phi))


# %% [markdown] lang="zh"
# ## 没有激活函数
#
# 64-64-64-10，不用激活函数，权重与偏置随机，5 个种子，每个 100 个输入。
# 差取最大绝对值，再除以输出的最大绝对值；float32。

# %% [markdown] lang="en"
# ## Without an activation function
#
# 64-64-64-10, no activation, random weights and biases, 5 seeds, 100 inputs
# each. The difference is the largest in absolute value, divided by the largest
# output; float32.

# %% name="collapse"
gaps = []
for seed in SEEDS:
    draw = np.random.default_rng(seed).standard_normal
    deep = [(draw((64, n), "f4"), draw(n, "f4")) for n in (64, 64, 10)]
    x, one = draw((100, 64)), reduce(nn.collapse, deep)
    three, single = out(x, deep, phi=lambda z: z), out(x, [one])
    gaps.append(np.abs(three - single).max() / np.abs(three).max())
print(f"difference below 1e-6: {np.less(gaps, 1e-6).sum()} of 5 seeds")

# %% [markdown] lang="zh"
# ## 切成多少块
#
# 一层 10 个 ReLU：1 维取 10 个等距的折点，2 维取一条抛物线的 10 条切线，10 维取
# 10 个坐标平面。每一块都至少有一个顶点，只看各顶点四周的点就不会漏掉。

# %% [markdown] lang="en"
# ## How many regions
#
# One layer of 10 ReLUs: 10 evenly spaced kinks in 1 dimension, 10 tangents of
# a parabola in 2, the 10 coordinate planes in 10. Every region has a corner, so
# looking at the points around each corner misses none.

# %% name="regions"
k = np.arange(10.0)
ten = {1: (np.ones((1, 10)), -k), 2: (np.stack([2 * k, 0 * k - 1]), -k * k),
       10: (np.eye(10), 0 * k)}
counted = {I: nn.count_regions(nn.patterns(nn.corners(W, b), [(W, b), ()]))
           for I, (W, b) in ten.items()}
for I, found in counted.items():
    print(f"{I:2} inputs: {found:4} regions, at most {nn.most_regions(10, I)}")

# %% [markdown] lang="zh"
# ## 权重直接写出来
#
# 目标是 $[-1, 1]$ 上的 $\sin(\pi x)$，折点等距，$N$ 个 ReLU 画 $N$ 段直线，
# 没有训练。误差是 4,097 个点上的最大值，界是 $M \Delta^2 / 8$，
# 这里 $M = \pi^2$，$\Delta = 2 / N$。

# %% [markdown] lang="en"
# ## Weights written down
#
# The target is $\sin(\pi x)$ on $[-1, 1]$; the knots are evenly spaced, and $N$
# ReLUs draw $N$ straight pieces. Nothing is trained. The error is the largest
# at 4,097 points; the bound is $M \Delta^2 / 8$, here with $M = \pi^2$ and
# $\Delta = 2 / N$.

# %% name="width"
x = np.linspace(-1, 1, 4097)[:, None]
errors, bounds = {}, {}
for N in (4, 8, 16, 22, 23, 32, 64):
    t = np.linspace(-1, 1, N + 1)
    gap = out(x, nn.interpolate(t, np.sin(np.pi * t))) - np.sin(np.pi * x)
    errors[N] = np.abs(gap).max()
    bounds[N] = nn.interpolation_bound(np.pi**2, 2 / N)
    print(f"{N:3} ReLUs: error {errors[N]:.4f}, bound {bounds[N]:.4f}")
fig, ax = plt.subplots(num="error_by_width")
ax.loglog(bounds.keys(), bounds.values(), "--", label=r"$M \Delta^2 / 8$")
ax.loglog(errors.keys(), errors.values(), "o", label="largest error")
ax.set_xscale("log", base=2)
ax.set(xlabel="ReLUs $N$", ylabel="error")
ax.legend()
plt.show()

# %% [markdown] lang="zh"
# ## 折叠
#
# 每层 2 个 ReLU，把 $[0, 1]$ 对折一次。点取在 $2^{14}$ 个小区间的中点，
# 不会落在折点上。

# %% [markdown] lang="en"
# ## Folding
#
# Each layer of 2 ReLUs folds $[0, 1]$ once. The points are the centres of
# $2^{14}$ small intervals, so that none lies on a kink.

# %% name="fold"
u = (np.arange(2**14, dtype="float32") + 0.5)[:, None] / 2**14
pieces = {L: nn.count_regions(nn.patterns(u, nn.tent(L))) for L in (1, 5, 10)}
for L, found in pieces.items():
    print(f"{L:2} layers of 2: {found:4} straight pieces")

# %% [markdown] lang="zh"
# ## 训练找得到吗
#
# 全批量 Adam，学习率 0.02，5 个种子。任务一是 $\sin(\pi x)$：1-16-16-1，有 ReLU
# 与没有激活函数各一组，200 步。任务二是折叠 3 次的锯齿，6 个 ReLU 的 1-2-2-2-1
# 能分毫不差地画出它：训练 1,000 步，输入移到 $[-1, 1]$；锯齿的方差是 0.083。

# %% [markdown] lang="en"
# ## Does training find them?
#
# Full-batch Adam, learning rate 0.02, 5 seeds. Task one is $\sin(\pi x)$:
# 1-16-16-1, with ReLU and without an activation, 200 steps. Task two is the
# sawtooth of 3 folds, which the 6 ReLUs of 1-2-2-2-1 can draw exactly: 1,000
# steps, the input moved to $[-1, 1]$; the variance of the sawtooth is 0.083.

# %% name="training"
def fit(x, y, hidden, activation, steps, seed, loss="mse"):
    model = nn.NeuralNetwork((x.shape[1], *hidden, 1), activation, seed)
    at_once = 1 if keras.backend.backend() == "torch" else 10
    model.compile(keras.optimizers.Adam(0.02), loss,
                  steps_per_execution=at_once)
    x, y = np.tile(x, (steps, 1)), np.tile(y, (steps, 1))
    model.fit(x, y, len(x) // steps, shuffle=False, verbose=0)
    return model


def train(y, *recipe):
    models = [fit(x, y, *recipe, seed) for seed in SEEDS]
    return [np.mean((ops.convert_to_numpy(m(x)) - y) ** 2) for m in models]


x = (np.arange(256, dtype="float32")[:, None] + 0.5) / 128 - 1
sine, saw = np.sin(np.pi * x), out((x + 1) / 2, nn.tent(3))
linear, relu = (train(sine, (16, 16), phi, 200) for phi in (None, "relu"))
folded = train(saw, (2, 2, 2), "relu", 1000)
print(f"sine, no activation: {min(linear):.2f} to {max(linear):.2f}")
print(f"sine, ReLU: {np.less(relu, 0.01).sum()} of 5 seeds below 0.01")
print(f"saw, 6 ReLUs: {np.greater(folded, 0.04).sum()} of 5 seeds above 0.04")

# %% [markdown] lang="zh"
# ## 圈出一个圆
#
# 正方形 $[-1, 1]^2$ 里的 512 个随机点，离中心不到 0.7 的算“是”。2-4-1，
# 二元交叉熵，800 步；只训练 1 个种子，选它是因为 4 个单元都派上了用场。
# 正确率在 100×100 个格子的中心量；再依次关掉一个单元。权重取 3 位小数，
# 网页上的图用的就是它们。

# %% [markdown] lang="en"
# ## Enclosing a disc
#
# 512 random points of the square $[-1, 1]^2$; those less than 0.7 from the
# center are a yes. 2-4-1, binary cross-entropy, 800 steps; 1 seed only, chosen
# because all 4 units take part. What is right is counted at the centers of
# 100×100 cells, then again with one unit at a time switched off. The weights,
# rounded to 3 decimals, are those of the figure on the page.

# %% name="disc"
u = np.random.default_rng(0).uniform(-1, 1, (512, 2)).astype("float32")
yes = np.float32(np.hypot(*u.T) < 0.7)[:, None]
loss = keras.losses.BinaryCrossentropy(from_logits=True)
model = fit(u, yes, (4,), "relu", 800, SEEDS[3], loss)
W_1, b_1, W_2, b_2 = (
    np.round(np.float64(ops.convert_to_numpy(w)), 3) for w in model.weights)
exports = {"decision_regions": dict(W_1=W_1, b_1=b_1, W_2=W_2, b_2=b_2)}
grid = np.stack(np.meshgrid(*[np.linspace(-0.99, 0.99, 100)] * 2), -1)
right = [np.mean((out(grid, [(W_1, b_1), (W_2 * on, b_2)]) > 0)[..., 0]
                 == (np.linalg.norm(grid, axis=-1) < 0.7))
         for on in np.concatenate([np.ones((1, 4)), 1 - np.eye(4)])[..., None]]
cut = nn.count_regions(nn.patterns(nn.corners(W_1, b_1), [(W_1, b_1), ()]))
print(f"4 units, {cut} regions: above 95% right: {right[0] > 0.95}")
print(f"without any one unit below 85%: {max(right[1:]) < 0.85}")
