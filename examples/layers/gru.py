# %% [markdown] lang="zh"
# # GRU 与加法问题
#
# 先数参数，再看 2 种 GRU 差多少，最后训练：序列有 60 步，其中 2 个数做了标记，
# 答案是它们的和。2 种 GRU 与简单循环神经网络用同样的 5 个种子、同样的步数：
# 共训练 15 个网络，所以在 2 个 CPU 核上约需 1 分钟。

# %% [markdown] lang="en"
# # The GRU and the adding problem
#
# First the parameters are counted, then you see how far apart the 2 variants
# are. At the end comes training: sequences of 60 steps, 2 numbers marked, the
# answer is their sum. Both variants and a simple network get the same 5 seeds
# and the same number of steps: 15 networks to train, so all of it takes about
# 1 minute on 2 CPU cores.

# %% name="setup"
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

from dlguide.data.adding_problem import VARIANCE, adding_problem
from dlguide.layers.gru import GRUCell, gru_step, gru_step_reset_before

SEEDS = (0, 1, 2, 3, 4)
T, H = 60, 16

# %% [markdown] lang="zh"
# ## 参数个数
#
# 各层都接 10 个特征，有 32 个单元。

# %% [markdown] lang="en"
# ## Parameters
#
# Each layer has 32 units and reads 10 features.

# %% name="parameters"
for name, layer in {
    "SimpleRNN": layers.SimpleRNN(32), "LSTM": layers.LSTM(32),
    "GRU": layers.GRU(32), "GRU(reset_after=False)":
    layers.GRU(32, reset_after=False)}.items():
    layer.build((None, None, 10))
    print(f"{name:22} {layer.count_params():5}")

# %% [markdown] lang="zh"
# ## 同样的权重，2 种 GRU
#
# 走一步，5 个种子；循环权重是随机正交矩阵，$h_{t-1}$ 的元素在 −1 与 1 之间。

# %% [markdown] lang="en"
# ## The same weights, 2 variants
#
# One step, 5 seeds. The recurrent weights are random orthogonal matrices, the
# entries of $h_{t-1}$ lie between −1 and 1.

# %% name="variants"
gaps = []
for seed in SEEDS:
    rng = np.random.default_rng(seed)
    h = rng.uniform(-1, 1, size=(1, H))
    W_h = np.hstack([np.linalg.qr(rng.normal(size=(H, H)))[0]] * 3)
    args = np.zeros((1, 2)), h, np.zeros((2, 3 * H)), W_h, np.zeros(3 * H)
    after, before = gru_step(*args, args[-1]), gru_step_reset_before(*args)
    gaps.append(float(ops.max(ops.abs(after - before))))
print(f"largest difference of a unit: {min(gaps):.2f} to {max(gaps):.2f}")

# %% [markdown] lang="zh"
# ## 训练
#
# 训练方式与 LSTM 那一页相同，只是从 600 步减到 200 步，每 25 步测一次误差。
# GRU 取最后一点，简单循环神经网络取每条曲线的最低点。

# %% [markdown] lang="en"
# ## Training
#
# The training is that of the page about the LSTM, but with 200 steps in place
# of 600; the error is measured every 25. The GRU is judged by its last point,
# the simple network by the lowest point of each curve.

# %% name="adding"
test = adding_problem(1000, T, seed=1000)


def build(layer):
    return keras.Sequential([keras.Input((T, 2)), layer, layers.Dense(1)])


def train(make):
    model, curves = build(make()), []
    model.compile(keras.optimizers.Adam(0.03, clipnorm=1.0), "mse",
                  jit_compile=True)
    model.optimizer.build(model.trainable_variables)
    for seed in SEEDS:
        keras.utils.set_random_seed(seed)
        model.set_weights(build(make()).get_weights())
        for variable in model.optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        model.optimizer.learning_rate = 0.03
        run = model.fit(*adding_problem(200 * 64, T, seed), batch_size=64,
                        epochs=8, steps_per_epoch=25, validation_data=test,
                        validation_batch_size=1000, verbose=0)
        curves.append(run.history["val_loss"])
    return np.array(curves)


after = train(lambda: layers.RNN(GRUCell(H)))
before = train(lambda: layers.RNN(GRUCell(H, reset_after=False)))
rnn = train(lambda: layers.SimpleRNN(H))
print(f"answering 1 every time: MSE {VARIANCE:.3f}")
print(f"GRU, reset after: below 0.01 in {sum(after[:, -1] < 0.01)} of 5 runs")
print(f"GRU, reset before: below 0.01 in {sum(before[:, -1] < 0.01)} of 5")
print(f"simple RNN: below 0.10 in {sum(rnn.min(axis=1) < 0.1)} of 5")

fig, ax = plt.subplots(num="adding_problem")
for curves, style in zip((after, before, rnn), ("C0-", "C2-.", "C1--"),
                         strict=True):
    ax.semilogy(np.arange(25, 201, 25), curves.T, style)
ax.legend(ax.lines[::5], ["GRU, after", "GRU, before", "simple RNN"])
ax.set(xlabel="training steps", ylabel="test MSE")
plt.show()
