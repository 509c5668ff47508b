# %% [markdown] lang="zh"
# # 池化：参数、平移与一次公平的比较
#
# 1. 去掉池化，参数为什么多出 300 万个？
# 2. 图像移 1 个像素，池化后的特征改变多少？
# 3. 最大池化、平均池化、步幅、不池化：在手写数字上差多少？
#
# 最后一问训练 20 个网络，全部运行在 2 个 CPU 核上约 1 分钟。

# %% [markdown] lang="en"
# # Pooling: parameters, shifts and a fair comparison
#
# 1. Why does the network grow by 3 million parameters without pooling?
# 2. Shift the image by 1 pixel: how much do pooled features change?
# 3. Max pooling, average pooling, stride, no pooling: what is the difference
#    on handwritten digits?
#
# The last question trains 20 networks; all of it takes about 1 minute on 2 CPU
# cores.

# %% name="setup"
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, optimizers

from dlguide.data.digits import digits
from dlguide.layers.pooling import average_pool, blur_pool, max_pool
from dlguide.practice.cifar10 import build_model

SEEDS = (0, 1, 2, 3, 4)

# %% [markdown] lang="zh"
# ## 参数从哪里省下来
#
# 原文的 CIFAR-10 网络，逐层列出输出的形状与参数个数：左边池化窗口为 2，
# 右边为 1，即不池化。最后一行把展平换成全局平均池化：卷积层的参数，
# 加上以 64 个数为输入的 2 个全连接层。

# %% [markdown] lang="en"
# ## Where parameters are saved
#
# The article's network for CIFAR-10, layer by layer: shape of the output and
# number of parameters, with pooling windows of 2 on the left and of 1, which
# is no pooling, on the right. In the last row global average pooling takes the
# place of flatten: the parameters of the convolutions and of the 2 dense
# layers, whose input then is 64 numbers.

# %% name="budget"
nets = [build_model(pool=pool) for pool in (2, 1)]
for pair in zip(*(net.layers[1:] for net in nets), strict=True):
    a, b = (f"{'x'.join(map(str, layer.output.shape[1:])):>8}"
            f"{layer.count_params():>10,}" for layer in pair)
    print(f"{type(pair[0]).__name__:12} {a}  |{b}")
total = [net.count_params() for net in nets]
pooled = [sum(layer.count_params() for layer in net.layers[:5])
          + (64 + 1) * 64 + (64 + 1) * 10 for net in nets]
print(f"sum          {total[0]:>18,}  |{total[1]:>18,}")
print(f"global mean  {pooled[0]:>18,}  |{pooled[1]:>18,}")

# %% [markdown] lang="zh"
# ## 手写数字移动 1 个像素
#
# 8×8 的数字放在 16×16 的画布正中，向右移 1 个像素。相对改变量是
# $\lVert y' - y \rVert / \lVert y \rVert$，取测试集 360 张的中位数。

# %% [markdown] lang="en"
# ## Handwritten digits shifted by 1 pixel
#
# Digits of 8×8 in the middle of a canvas of 16×16 move to the right by 1
# pixel. The relative change is $\lVert y' - y \rVert / \lVert y \rVert$, the
# median over the 360 test images.

# %% name="shifts"
(x_train, y_train), (x_test, y_test) = digits()
WAYS = {"pixels": lambda x: x, "every 2nd": lambda x: x[:, ::2, ::2],
        "max": max_pool, "average": average_pool,
        "max, blur": lambda x: blur_pool(max_pool(x, s=1))}


def place(x, dy=0, dx=0):
    return np.pad(x, [(0, 0), (4 + dy, 4 - dy), (4 + dx, 4 - dx), (0, 0)])


change = {}
for name, way in WAYS.items():
    y, moved = (np.asarray(way(place(x_test, dx=d))) for d in (0, 1))
    difference, size = np.linalg.norm([moved - y, y], axis=(2, 3))
    change[name] = np.median(difference / size)
    print(f"{name:9} relative change {change[name]:.2f}")

# %% [markdown] lang="zh"
# ## 训练：四种缩小的办法
#
# 2 层卷积（16 与 32 个滤波器），每层缩小一半：最大池化、平均池化、
# 卷积的步幅取 2，或者不缩小；然后展平，接全连接层。训练时数字都在正中，
# 测试时向上下左右移动 0、1、2 个像素。

# %% [markdown] lang="en"
# ## Training: four ways to shrink
#
# 2 convolutions with 16 and 32 filters, each halves the size: by max pooling,
# by average pooling, by a stride of 2 in the convolution, or not at all; then
# flatten and a dense layer. In training the digits are in the middle; in the
# test they move up, down, left and right by 0, 1 and 2 pixels.

# %% name="train"
ARMS = {"max": layers.MaxPooling2D, "stride": layers.Identity,
        "average": lambda: layers.AveragePooling2D(2), "none": layers.Identity}


def train(arm, seed):
    keras.utils.set_random_seed(seed)
    s = 2 if arm == "stride" else 1
    model = keras.Sequential([
        layers.Conv2D(16, 3, s, "same", activation="relu"), ARMS[arm](),
        layers.Conv2D(32, 3, s, "same", activation="relu"), ARMS[arm](),
        layers.Flatten(), layers.Dense(10, "softmax")])
    model.compile(optimizers.Adam(0.005), "sparse_categorical_crossentropy")
    model.fit(place(x_train), y_train, batch_size=64, epochs=12, verbose=0)
    return model


def accuracy(model, r):
    moves = {(r, 0), (-r, 0), (0, r), (0, -r)}
    p = [model.predict_on_batch(place(x_test, *move)) for move in moves]
    return (np.argmax(p, axis=-1) == y_test).mean()


scores = {}
fig, ax = plt.subplots(num="accuracy")
for arm, style in zip(ARMS, ("C0o-", "C1s--", "C2^:", "C3D-."), strict=True):
    models = [train(arm, seed) for seed in SEEDS]
    s = np.array([[accuracy(model, r) for r in range(3)] for model in models])
    scores[arm] = s
    print(f"{arm:7} {models[0].count_params():>6,} parameters; unshifted "
          f"above 0.8: {(s[:, 0] > 0.8).sum()} of 5")
    ax.plot(range(3), s.T, style)
best = [max(scores, key=lambda arm: scores[arm][i, 1]) for i in range(5)]
print(f"best after a shift of 1, seed by seed: {', '.join(best)}")
ax.set(xlabel="shift (pixels)", ylabel="test accuracy", xticks=range(3))
ax.legend(ax.lines[::5], ARMS)
plt.show()
