# %% [markdown] lang="zh"
# # 卷积层：参数、平移与感受野
#
# 1. 与输出相同的全连接层相比，卷积层省下的权重来自哪里？
# 2. 图像平移时，特征图怎样变化？
# 3. 几层 3×3 的卷积核能看多远？
# 4. 训练时数字都在正中，测试时挪了位置：哪种网络还认得？
#
# 最后一问要训练 15 个网络，全部运行在 2 个 CPU 核上不到 1 分钟。

# %% [markdown] lang="en"
# # The convolutional layer: parameters, shifts, receptive fields
#
# 1. Where do the savings come from, against a dense layer of equal output?
# 2. What happens to the feature map when the image moves?
# 3. How far do a few layers with 3×3 kernels see?
# 4. Trained on centered digits: which network still reads digits that moved?
#
# The last question trains 15 networks; all of it takes under 1 minute on 2 CPU
# cores.

# %% name="setup"
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

from dlguide.data.digits import digits
from dlguide.layers import convolution

SEEDS = (0, 1, 2, 3, 4)

# %% [markdown] lang="zh"
# ## 局部连接与权重共享
#
# 输入 32×32×3，输出 32 个通道，卷积核 3×3。先让每个输出连着每个输入，
# 再只留下窗口内的连接，最后让所有位置共用一组权重。

# %% [markdown] lang="en"
# ## Local connections, shared weights
#
# Input 32×32×3, output of 32 channels, kernels of 3×3. First let every output
# see every input; then keep the connections inside the window; then let all
# positions share one set of weights.

# %% name="counting"
o, taps = convolution.output_size(32, 3), 3 * 3 * 3
dense, local, shared = 32 * 32 * 3 * o * o * 32, taps * o * o * 32, taps * 32
print(f"dense {dense:,} weights, local {local:,}, shared {shared:,}")
print(f"fewer by {dense / local:.1f} times, then by {local // shared} times")

# %% [markdown] lang="zh"
# ## 平移等变性
#
# 同一场景拍两张照片，拍第二张之前镜头右移了 `pan` 个像素。
# 第一张特征图的每一列应当等于第二张中左边一列。逐列比较：
# 先看内部，再看两头，那里的窗口碰到了填充的零。

# %% [markdown] lang="en"
# ## Translation equivariance
#
# Two photographs of one scene; before the second, the camera moved right by
# `pan` pixels. Each column of the first feature map should equal the column
# one to the left in the second. Compare them: first the interior, then the
# ends, where windows reach the padding.

# %% name="equivariance"
rng = np.random.default_rng(SEEDS[0])
scene, w = rng.normal(size=(1, 12, 16, 1)), rng.normal(size=(3, 3, 1, 1))


def mismatch(stride, pan):
    views = scene[:, :, :12], scene[:, :, pan:pan + 12]
    a, b = (convolution.conv2d(x, w, stride, p=1) for x in views)
    return ops.convert_to_numpy(ops.abs(a[0, :, 1:, 0] - b[0, :, :-1, 0]))


for stride, pan in ((1, 1), (2, 2), (2, 1)):
    equal = (mismatch(stride, pan) < 1e-4).all(axis=0)
    print(f"stride {stride}, pan {pan}: interior equal {equal[1:-1].all()}, "
          f"ends equal {equal[[0, -1]].all()}")

# %% [markdown] lang="zh"
# ## 感受野
#
# 在输出正中放一个 1，用转置卷积传回输入：非零的像素就是感受野。卷积核全取 1，
# 所以每个像素的值是从它到输出的路径数。

# %% [markdown] lang="en"
# ## The receptive field
#
# Put a 1 at the center of the output and send it back to the input with
# transposed convolutions: the non-zero pixels are the receptive field. The
# kernels are all ones, so the value of a pixel counts its paths to the output.

# %% name="receptive_field"
impulse, ones = np.zeros((1, 9, 9, 1)), np.ones((3, 3, 1, 1))
impulse[0, 4, 4] = 1
for depth in (1, 2, 3):
    impulse = convolution.conv2d_transpose(impulse, ones, (9, 9), p=1)
    side = np.count_nonzero(ops.convert_to_numpy(impulse)[0, :, 4])
    r = convolution.receptive_field([(3, 1, 1)] * depth)
    print(f"depth {depth}: impulse {side}, recurrence {r}")

# %% [markdown] lang="zh"
# ## 挪了位置的数字
#
# 训练时 8×8 的数字在 12×12 画布的正中；测试时向上、下、左、右移动
# 0、1、2 个像素。
# 三种网络：卷积 + 全局最大池化；同样的卷积 + 展平；全连接。
# 印出的是移动 0、1、2 个像素时，5 个种子中有几个的准确率高于 0.8。

# %% [markdown] lang="en"
# ## Digits that moved
#
# In training the 8×8 digit is in the middle of a 12×12 canvas; in the test it
# moves up, down, left and right by 0, 1 and 2 pixels. Three networks:
# convolutions and global max pooling; the same convolutions and flatten; dense.
# What is printed: how many of the 5 seeds have an accuracy above 0.8 at shifts
# of 0, 1 and 2 pixels.

# %% name="shifted"
(x_train, y_train), (x_test, y_test) = digits()
ARMS = {"conv + global max": (layers.GlobalMaxPooling2D, "o-"),
        "conv + flatten": (layers.Flatten, "s--"), "dense": (None, "^:")}


def place(x, dy=0, dx=0):
    return np.pad(x, [(0, 0), (2 + dy, 2 - dy), (2 + dx, 2 - dx), (0, 0)])


def train(head, seed):
    keras.utils.set_random_seed(seed)
    body = [layers.Flatten(), layers.Dense(14, "relu")]
    if head:
        body = [layers.Conv2D(8, 5, padding="same", activation="relu"),
                layers.Conv2D(24, 3, padding="same", activation="relu"), head()]
    model = keras.Sequential([*body, layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(place(x_train), y_train, batch_size=64, epochs=6, verbose=0)
    return model


def accuracy(model, r):
    moves = {(r, 0), (-r, 0), (0, r), (0, -r)}
    logits = ops.stack([model(place(x_test, *move)) for move in moves])
    return (ops.convert_to_numpy(ops.argmax(logits, -1)) == y_test).mean()


scores = {}
fig, ax = plt.subplots(num="shifted_digits")
for name, (head, style) in ARMS.items():
    models = [train(head, seed) for seed in SEEDS]
    s = np.array([[accuracy(model, r) for r in range(3)] for model in models])
    scores[name], good = s, (s > 0.8).sum(axis=0)
    print(f"{name}, {models[0].count_params():,} parameters: above 0.8 {good}")
    ax.plot(range(3), s.mean(axis=0), style, label=name)
    ax.fill_between(range(3), s.min(axis=0), s.max(axis=0), alpha=0.2)
ax.set(xlabel="shift (pixels)", ylabel="test accuracy", xticks=range(3))
ax.legend()
plt.show()
