# %% [markdown] lang="zh"
# # 全连接层：一层做不到什么，两层几次学会，信号走得了多深
#
# 先让一层去做异或（XOR），再加一个隐藏层，数一数训练成功了几次。接着把全连接层
# 改写成卷积核，最后让信号穿过 30 层，看初始方差怎样决定它的大小。CPU 时间约
# 10 秒，近一半用来导入 Keras；机器忙的时候，实际用时会超过 20 秒。

# %% [markdown] lang="en"
# # Dense: what a layer cannot do, how often two can, how deep a signal gets
#
# First a single layer tries the exclusive or (XOR). Then it gets a hidden
# layer, and you count how often training succeeds. Next a dense layer becomes
# a convolution kernel. At the end a signal passes 30 layers, and the initial
# variance decides how much of it is left. All of it takes about 10 seconds of
# CPU time, almost half of them to import Keras; on a busy machine it is over 20
# seconds.

# %% name="setup"
import matplotlib.pyplot as plt
import numpy as np
from keras import ops

from dlguide.layers.dense import as_kernel, dense, glorot, he

SEEDS = (0, 1, 2, 3, 4)
x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
y = np.array([[0], [1], [1], [0]], "float32")

# %% [markdown] lang="zh"
# ## 一层，一百万个单元
#
# $w_1$、$w_2$、$b$ 各取 -2 到 2 之间的 101 个值，每种组合是一个单元：这就是一个
# 有 1,030,301 个单元的全连接层。$z > 0$ 算作答“是”。4 行里最多答对几行？

# %% [markdown] lang="en"
# ## One layer, a million units
#
# $w_1$, $w_2$ and $b$ each take 101 values from -2 to 2, and each combination
# is a unit: a dense layer with 1,030,301 units. $z > 0$ counts as a yes. How
# many of the 4 rows does the best unit get right?

# %% name="one_layer"
grid = np.stack(np.meshgrid(*[np.linspace(-2, 2, 101, dtype="float32")] * 3))
z = dense(x, grid[:2].reshape(2, -1), grid[2].reshape(-1))
best = np.mean((ops.convert_to_numpy(z) > 0) == (y > 0.5), axis=0).max()
print(f"{z.shape[1]:,} units, best accuracy {best}")

# %% [markdown] lang="zh"
# ## 训练两层
#
# 隐藏层有 $N$ 个 ReLU，两层都从 Glorot 均匀分布出发，偏置为 0。每步用全部
# 4 行，学习率 0.1，5,000 步。5 个种子，每个种子 20 个网络；100 个网络叠成
# 一摞，由 NumPy 一起训练，`.mT` 转置最后两个轴。4 行全答对才算学会；没学会的
# 停在多大的均方误差上，写在竖线后面。

# %% [markdown] lang="en"
# ## Training two layers
#
# The hidden layer has $N$ ReLUs; both layers start from the Glorot uniform
# distribution with biases of 0. Each step sees all 4 rows; learning rate 0.1,
# 5,000 steps. There are 5 seeds with 20 networks each; NumPy trains the 100
# networks together in one stack, and `.mT` transposes the last two axes.
# Learned means: all 4 rows right. Behind the bar stand the mean squared errors
# at which the others come to rest.

# %% name="train_two"
def train_two(N):
    rngs = [np.random.default_rng(seed) for seed in SEEDS]
    W_1, W_2 = (np.concatenate([rng.uniform(-1, 1, (20, *s)) for rng in rngs])
                * np.sqrt(3 * glorot(*s)) for s in ((2, N), (N, 1)))
    b_1, b_2 = np.zeros((100, 1, N)), np.zeros((100, 1, 1))
    for _ in range(5000):
        h = np.maximum(x @ W_1 + b_1, 0)
        delta_2 = (h @ W_2 + b_2 - y) / 2
        delta_1 = delta_2 @ W_2.mT * (h > 0)
        W_2 -= 0.1 * h.mT @ delta_2
        b_2 -= 0.1 * delta_2.sum(1, keepdims=True)
        W_1 -= 0.1 * x.T @ delta_1
        b_1 -= 0.1 * delta_1.sum(1, keepdims=True)
    return (np.maximum(x @ W_1 + b_1, 0) @ W_2 + b_2)[..., 0]


y_hat = {N: train_two(N) for N in (2, 3, 4, 8, 16, 32)}
right = {N: ((a > 0.5) == (y[:, 0] > 0.5)).all(1) for N, a in y_hat.items()}
mse = {N: ((a - y[:, 0]) ** 2).mean(1) for N, a in y_hat.items()}
for N, seeds in right.items():
    stuck = np.unique(np.round(mse[N][~seeds], 3))
    print(f"N={N:<2}  {seeds.sum():3} of 100 |", *stuck)

# %% [markdown] lang="zh"
# ## 全连接层就是卷积
#
# 一个全连接层接 6×6×3 的图像，有 10 个单元。把它的权重改写成 6×6 的卷积核，
# 作用于 10×10 的图像，得到 5×5 的输出，再与逐个窗口调用全连接层的 25 个结果
# 比较。然后把一个全连接层作用于最后一个轴，与 1×1 卷积比较。卷积由 Keras 计算；
# 处处相差小于 1e-6，就印 True。

# %% [markdown] lang="en"
# ## A dense layer is a convolution
#
# A dense layer on images of 6×6×3 has 10 units. Write its weights as a 6×6
# kernel and apply that to images of 10×10: the output is 5×5. Compare it with
# the 25 results of calling the dense layer on each window. Then apply a dense
# layer to the last axis and compare it with a 1×1 convolution. Keras computes
# the convolutions; True means that no number differs by 1e-6 or more.

# %% name="kernel"
rng = np.random.default_rng(0)
images = rng.uniform(size=(8, 10, 10, 3)).astype("float32")
W = np.float32(rng.normal(size=(108, 10)) * np.sqrt(glorot(108, 10)))
one_map = ops.conv(images, as_kernel(W, (6, 6)))  # (8, 5, 5, 10)
windows = [images[:, i:i + 6, j:j + 6] for i in range(5) for j in range(5)]
apart = ops.stack([dense(u.reshape(8, -1), W, 0.0) for u in windows], axis=1)
gap = ops.max(ops.abs(ops.reshape(one_map, (8, 25, 10)) - apart))
pixels = ops.conv(images, as_kernel(W[:3], (1, 1)))  # (8, 10, 10, 10)
gap_pixels = ops.max(ops.abs(pixels - dense(images, W[:3], 0.0)))
print("25 windows:", bool(gap < 1e-6), " last axis:", bool(gap_pixels < 1e-6))

# %% [markdown] lang="zh"
# ## 30 层
#
# 每层 256 个单元，偏置为 0，权重服从均匀分布，5 个种子。输入服从标准正态分布；
# 量的是每层输出的均方根，打印的是最后一层。同一个种子的各条线用同一组随机数，
# 只是缩放不同。

# %% [markdown] lang="en"
# ## 30 layers
#
# 256 units per layer, biases of 0, uniform weights, 5 seeds. The input is
# standard normal; measured is the root mean square of each layer's output, and
# printed that of the last layer. For one seed all lines use the same random
# numbers, scaled differently.

# %% name="depth"
def signal(v, relu, seed):
    rng = np.random.default_rng(seed)
    h, rms = rng.normal(size=(256, 256)), [1.0]
    for _ in range(30):
        h = h @ (np.sqrt(3 * v) * rng.uniform(-1, 1, (256, 256)))
        h = np.maximum(h, 0) if relu else h
        rms.append(np.sqrt(np.mean(h**2)))
    return rms


glo, depth, styles = glorot(256, 256), {}, ["C1-.", "C0-", "C2:", "C3--"]
arms = {"ReLU, twice He": (2 * he(256), True), "ReLU, He": (he(256), True),
        "no ReLU, Glorot": (glo, False), "ReLU, Glorot": (glo, True)}
fig, ax = plt.subplots(num="depth")
for (name, arm), style in zip(arms.items(), styles, strict=True):
    depth[name] = rms = np.array([signal(*arm, seed) for seed in SEEDS])
    ax.semilogy(rms.T, style, lw=1.2, label=[name] + [None] * 4)
    print(f"{name:15} {rms[:, -1].min():.2g} to {rms[:, -1].max():.2g}")
ax.set(xlabel="layer", ylabel="root mean square of the output")
ax.legend()
plt.show()
