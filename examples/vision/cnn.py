# %% [markdown] lang="zh"
# # 卷积神经网络：两个先验，以及它们何时划算
#
# 1. LeNet-5 的参数在哪里，计算量又在哪里？
# 2. 哪些运算与平移可以交换，哪些不可以，差多少？
# 3. 参数一样多的三种网络，各用 300 个数字训练：数字都在正中时谁强，
#    散落各处时谁强，像素打乱之后又如何？
#
# 最后一问要训练 40 个网络，本例较长，CPU 时间约 1 分钟。

# %% [markdown] lang="en"
# # Convolutional networks: two priors, and when they pay
#
# 1. Where are the parameters of LeNet-5, and where is its work?
# 2. Which operations commute with a shift, which do not, and by how much?
# 3. Three networks with equally many parameters train on 300 digits each: who
#    wins if the digits are centered, who if they lie anywhere, and what
#    happens once the pixels are scrambled?
#
# The last question trains 40 networks: a long example, about 1 minute of CPU
# time.

# %% name="setup"
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import ops

from dlguide.data.digits import digits
from dlguide.vision import cnn

SEEDS = (0, 1, 2, 3, 4)

# %% [markdown] lang="zh"
# ## LeNet-5 的账本
#
# 每行：输出的形状、参数、乘加次数。最后：各层单元数不变，
# 把每个卷积层换成全连接层，参数有多少。

# %% [markdown] lang="en"
# ## The books of LeNet-5
#
# A line each: shape of the output, parameters, multiply-adds. At the end: the
# parameters of the same numbers of units, with a dense layer in place of each
# convolution.

# %% name="counting"
parameters, work, dense_total, units = {}, {}, 0, 32 * 32
for name, (P, K, _, C, F) in cnn.LENET5.items():
    if name[0] != "S":
        parameters[name], work[name] = n, m = cnn.conv_cost(P, K, C, F)
        dense_total += (units + 1) * P * P * F
        print(f"{name:6} {P:2} x {P:2} x {F:3} {n:6,} {m:7,}")
    units = P * P * F
for label, n in (("parameters", parameters), ("multiply-adds", work)):
    share = (n["C1"] + n["C3"]) / sum(n.values())
    print(f"{label}: {sum(n.values()):,}, C1 and C3 have {share:.0%} of them")
print(f"all dense: {dense_total:,} parameters")

# %% [markdown] lang="zh"
# ## 谁与平移可交换
#
# 图像是随机噪声，向右平移 $v$ 个像素；输出应当移动 $u$ 格。量“先平移再运算”与
# “先运算再移动”的相对差。步幅为 2 时输出只该移动一半：$v = 1$ 没有对应的整数，
# 按 $u = 1$ 比较。最后两行的输出没有位置，不该变，$u = 0$。

# %% [markdown] lang="en"
# ## What commutes with a shift
#
# The image is random noise, shifted right by $v$ pixels; the output should move
# by $u$ cells. Measured: the relative difference between shifting first and
# shifting last. With stride 2 the output should move by half; for $v = 1$ that
# is no integer, and the table compares with $u = 1$. In the last two rows the
# output has no position and should not change: $u = 0$.

# %% name="equivariance"
x, w, A = (np.random.default_rng(size).normal(size=size).astype("float32")
           for size in ((1, 16, 16, 2), (3, 3, 2, 4), (512, 64)))
e, f = {}, {
    "conv, torus": lambda x: cnn.circular_conv2d(x, w),
    "conv, zeros": lambda x: ops.conv(x, w, padding="same"),
    "stride 2": lambda x: cnn.circular_conv2d(x, w)[:, ::2, ::2],
    "pooling": lambda x: ops.max_pool(x, 2),
    "mean": lambda x: ops.mean(x, (1, 2), keepdims=True),
    "dense": lambda x: ops.reshape(x, (1, 1, 1, 512)) @ A}
for name, v, u in (
        ("conv, torus", 1, 1), ("conv, zeros", 1, 1), ("stride 2", 2, 1),
        ("stride 2", 1, 1), ("pooling", 2, 1), ("pooling", 1, 1),
        ("mean", 1, 0), ("dense", 1, 0)):
    e[name, v, u] = float(cnn.equivariance_error(f[name], x, (0, v), (0, u)))
    print(f"{name:11} v = {v}, u = {u}: {e[name, v, u]:.2f}")

# %% [markdown] lang="zh"
# ## 先验何时划算
#
# 8×8 的数字放大成 16×16，放进 32×32 的画布。训练 300 个、测试 360 个：
# 一种都在正中，一种位置随机（最多偏 8 个像素），一种位置随机、
# 且所有图像的像素按同一个顺序打乱。每种网络只编译一次；
# 换种子时写入新的初始权重，并把优化器的状态清零。

# %% [markdown] lang="en"
# ## When the priors pay
#
# Digits of 8×8, enlarged to 16×16, on a canvas of 32×32; 300 for training,
# 360 for the test. Either all are centered; or they lie anywhere, up to 8
# pixels off; or they lie anywhere and the pixels of all images are scrambled
# in one and the same order. Each kind of network is compiled once; a new seed
# gets new initial weights, and the state of the optimizer goes back to zero.

# %% name="training"
(x_train, y_train), (x_test, y_test) = digits()
kinds = {"centered": (0, None), "scrambled": (
    8, np.random.default_rng(0).permutation(1024)), "anywhere": (8, None)}


def accuracy(model, make, kind, seed):
    some = np.random.default_rng(seed).permutation(len(x_train))[:300]
    x = cnn.place(np.concatenate([x_train[some], x_test]), seed, *kinds[kind])
    cnn.train(model, make, seed, x[:300], y_train[some])
    return (model.predict_on_batch(x[300:]).argmax(-1) == y_test).mean()


scores, (fig, ax) = {}, plt.subplots(num="scores")
for name, make in (("averaged", lambda: cnn.lenet5("same")),
                   ("dense", cnn.dense_net), ("LeNet-5", cnn.lenet5)):
    model = make()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True))
    for kind in list(kinds)[:: 1 + (name == "averaged")]:
        scores[name, kind] = s = [accuracy(model, make, kind, n) for n in SEEDS]
        print(f"{kind:9} {name:8} mean {np.mean(s):.1f}")
        ax.plot(s, [f"{name}, {kind}"] * 5, f"C{'Lda'.index(name[0])}o")
ax.set(xlabel="test accuracy", xlim=(0, 1))
plt.show()

# %% [markdown] lang="zh"
# ## 特征图跟着数字走
#
# 训练好的 LeNet-5（最后一个种子，数字位置随机）：同一个数字放在两处，
# 左起第 1 列是输入，其余 6 列是 C1 的特征图。

# %% [markdown] lang="en"
# ## The feature maps move with the digit
#
# LeNet-5 as trained (last seed, digits anywhere): one digit in two places. The
# 1st column from the left is the input, the other 6 are the maps of C1.

# %% name="maps"
x = cnn.place(x_test[3:4], 0)
x = np.concatenate([np.roll(x, (v, v), (1, 2)) for v in (-4, 4)])
maps = keras.Model(model.inputs, model.layers[0].output).predict_on_batch(x)
tiles = np.concatenate([x[:, 2:-2, 2:-2], maps / maps.max((0, 1, 2))], -1)
plt.figure(num="maps", figsize=(6.4, 2))
plt.imshow(tiles.transpose(0, 1, 3, 2).reshape(56, -1), cmap="Greys")
plt.axis("off")
plt.show()
