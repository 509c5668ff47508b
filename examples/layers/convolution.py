# %% [markdown] lang="zh"
# # 卷积层：平移、感受野与参数
#
# 四个小实验：一个卷积层比同样输出的全连接层少多少参数；平移图像时特征图怎样变；
# 几层 3×3 能看多远；训练时数字都在正中、测试时数字挪了位置，哪种网络还认得。

# %% [markdown] lang="en"
# # The convolution layer: shifts, receptive fields, parameters
#
# Four small experiments: how many parameters a convolution saves over a
# dense layer with the same output; what happens to the feature map when the
# image moves; how far a few 3×3 layers see; and which network still reads
# digits that moved after training.

# %% name="setup"
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

from dlguide.data.digits import digits
from dlguide.layers.convolution import (
    conv2d,
    conv2d_transpose,
    output_size,
    receptive_field,
)

SEEDS = (0, 1, 2, 3, 4)

# %% [markdown] lang="zh"
# ## 参数：局部连接与权重共享
#
# 32×32×3 的图像，32 个 3×3 的卷积核。先假设每个输出连着每个输入，再只留下窗口内的连接，
# 最后让所有位置共用一套权重。

# %% [markdown] lang="en"
# ## Parameters: local connections and shared weights
#
# A 32×32×3 image and 32 kernels of 3×3. First let every output see every
# input; then keep only the connections inside the window; then let all the
# positions share one set of weights.

# %% name="counting"
o = output_size(32, 3)
taps = 3 * 3 * 3
dense_count = (32 * 32 * 3) * (o * o * 32)
local_count = taps * (o * o * 32)
shared_count = taps * 32
print(f"output {o} x {o} x 32")
print(f"dense  {dense_count:>11,} weights")
print(f"local  {local_count:>11,}   {dense_count / local_count:.1f} x fewer")
print(f"shared {shared_count:>11,}   {local_count // shared_count} x fewer")

# %% [markdown] lang="zh"
# ## 平移等变性
#
# 同一场景拍两张照片，第二张的镜头右移了 `pan` 个像素。两张特征图重叠的部分应当相同。
# 下面比较重叠部分：先只看内部，再连补零碰得到的边界一起看。

# %% [markdown] lang="en"
# ## Translation equivariance
#
# Two photographs of one scene; for the second the camera moved right by
# `pan` pixels. Where the two feature maps overlap they should agree. Compare
# the overlap, first its interior, then with the border that the zeros reach.

# %% name="equivariance"
rng = np.random.default_rng(SEEDS[0])
scene = rng.normal(size=(1, 12, 16, 1)).astype("float32")
kernel = rng.normal(size=(3, 3, 1, 1)).astype("float32")


def mismatch(stride, pan, border=0):
    first, second = scene[:, :, :12], scene[:, :, pan : pan + 12]
    a = ops.convert_to_numpy(conv2d(first, kernel, stride, 1))[0, :, :, 0]
    b = ops.convert_to_numpy(conv2d(second, kernel, stride, 1))[0, :, :, 0]
    move = -(-pan // stride)
    difference = np.abs(a[:, move:] - b[:, : b.shape[1] - move])
    return difference[:, 1 - border : difference.shape[1] - 1 + border].max()


cases = {"stride 1, pan 1": (1, 1), "stride 1, pan 1, with border": (1, 1, 1),
         "stride 2, pan 2": (2, 2), "stride 2, pan 1": (2, 1)}
mismatches = {name: mismatch(*case) for name, case in cases.items()}
for name, value in mismatches.items():
    print(f"{name}: {'equal' if value < 1e-5 else 'different'}")

# %% [markdown] lang="zh"
# ## 感受野
#
# 在输出正中放一个 1，用转置卷积传回输入：非零的像素就是感受野。核全取 1，
# 所以每个像素的值是它通往输出的路径数。

# %% [markdown] lang="en"
# ## The receptive field
#
# Put a 1 at the center of the output and send it back to the input with
# transposed convolutions: the non-zero pixels are the receptive field. The
# kernels are all ones, so a pixel's value counts its paths to the output.

# %% name="receptive_field"
ones = np.ones((3, 3, 1, 1), "float32")
fig, axes = plt.subplots(1, 3, num="receptive_field", figsize=(6.4, 2.4))
impulse, sides = np.zeros((1, 9, 9, 1), "float32"), []
impulse[0, 4, 4, 0] = 1
for depth, ax in enumerate(axes, 1):
    impulse = conv2d_transpose(impulse, ones, (9, 9), p=1)
    image = ops.convert_to_numpy(impulse)[0, :, :, 0]
    sides.append(int((image.max(axis=0) > 0).sum()))
    ax.imshow(image, cmap="Blues")
    ax.set(xlabel=f"{depth} x (3 x 3)", xticks=[], yticks=[])
center = image[3:6, 3:6].sum() / image.sum()
print("sides:", sides, [receptive_field([(3, 1, 1)] * n) for n in (1, 2, 3)])
print(f"3 layers: the central 3 x 3 of 7 x 7 has {center:.0%} of the paths")
plt.show()

# %% [markdown] lang="zh"
# ## 挪了位置的数字
#
# 8×8 的数字放在 12×12 画布正中训练，测试时上、下、左、右移动 0、1、2 个像素。
# 三种网络：全连接；卷积 + 展平；同样的卷积 + 全局最大池化。

# %% [markdown] lang="en"
# ## Digits that moved
#
# Train with the 8×8 digit in the middle of a 12×12 canvas; test with the
# digit moved up, down, left and right by 0, 1 and 2 pixels. Three networks:
# dense; convolutions and flatten; the same convolutions and global max
# pooling.

# %% name="shifted"
(x_train, y_train), (x_test, y_test) = digits()


def place(x, dy=0, dx=0):
    return np.pad(x, [(0, 0), (2 + dy, 2 - dy), (2 + dx, 2 - dx), (0, 0)])


def network(arm):
    if arm == "dense":
        body = [layers.Flatten(), layers.Dense(18, activation="relu")]
    else:
        body = [layers.Conv2D(f, 3, padding="same", activation="relu")
                for f in (8, 32)]
        flat = arm == "conv + flatten"
        body += [layers.Flatten() if flat else layers.GlobalMaxPooling2D()]
    return keras.Sequential([keras.Input((12, 12, 1)), *body, layers.Dense(10)])


def accuracies(arm, seed):
    keras.utils.set_random_seed(seed)
    model = network(arm)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(place(x_train), y_train, batch_size=64, epochs=5, verbose=0)
    parameters[arm] = model.count_params()
    moves = [[(0, 0)]] + [[(r, 0), (-r, 0), (0, r), (0, -r)] for r in (1, 2)]
    guesses = [[np.argmax(ops.convert_to_numpy(model(place(x_test, *move))), 1)
                for move in ring] for ring in moves]
    return [float(np.mean(np.array(ring) == y_test)) for ring in guesses]


parameters = {}
ARMS = ("conv + global max", "conv + flatten", "dense")
accuracy = {a: np.array([accuracies(a, s) for s in SEEDS]) for a in ARMS}
for arm in ARMS:
    print(f"{arm}, {parameters[arm]:,} parameters")
    for shift, column in enumerate(accuracy[arm].T):
        print(f"  shift {shift}: {column.min():.1f} to {column.max():.1f}")

fig, ax = plt.subplots(num="shifted_digits")
for arm, style in zip(ARMS, ("o-", "s--", "^:"), strict=True):
    values = accuracy[arm]
    ax.plot(range(3), values.mean(0), style, label=arm)
    ax.fill_between(range(3), values.min(0), values.max(0), alpha=0.2)
ax.set(xlabel="shift of the test digits (pixels)", ylabel="test accuracy",
       xticks=range(3), ylim=(0, 1))
ax.legend()
plt.show()
