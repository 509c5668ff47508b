# %% [markdown] lang="zh"
# # LSTM 与加法问题
#
# 序列里有 60 个数，其中 2 个做了标记；读完序列，要答出这 2 个数的和。
# 简单循环网络与 LSTM 用同样的 5 个种子训练，看谁记得住。
# 共训练 15 次，每次 600 步，所以本例较长，在 2 个 CPU 核上要 1 分多钟。

# %% [markdown] lang="en"
# # The LSTM and the adding problem
#
# A sequence holds 60 numbers, 2 of them marked; at the end the network must
# return the sum of these 2. A simple recurrent network and an LSTM train from
# the same 5 seeds. Which of them remembers? There are 15 training runs of 600
# steps each, so this example is a long one, over 1 minute on 2 CPU cores.

# %% name="setup"
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

from dlguide.data.adding_problem import VARIANCE, adding_problem, probes
from dlguide.layers.lstm import LSTMCell

SEEDS = (0, 1, 2, 3, 4)
T, H = 60, 16

# %% [markdown] lang="zh"
# ## “先猜一猜”的答案
#
# 遗忘门恒为 $f = \sigma(b_f)$ 时，60 步之后记忆元还剩 $f^{60}$。

# %% [markdown] lang="en"
# ## The answer to the guess
#
# With a constant forget gate $f = \sigma(b_f)$, a share $f^{60}$ of the cell
# is left after 60 steps.

# %% name="guess"
for b_f in (0, 1, 3, 4.5):
    f = 1 / (1 + np.exp(-b_f))
    print(f"forget bias {b_f:3}: f = {f:.2f}, left after {T}: {f**T:.1g}")

# %% [markdown] lang="zh"
# ## 训练
#
# 每种网络只编译一次。换种子时写入新的初始权重，并把优化器的状态清零，
# 各种子因此互不影响。一次运行走 600 步，训练序列从不重复；每 50 步测一次误差，
# 最后测一次记忆（见下文）。

# %% [markdown] lang="en"
# ## Training
#
# Each kind of network is compiled once. A new seed gets new initial weights,
# and the state of the optimizer goes back to zero, so the seeds stay
# independent. A run takes 600 steps; no training sequence comes twice. The
# error is measured every 50 steps, the memory (see below) at the end.

# %% name="train"
test = adding_problem(n=1000, length=T, seed=1000)
low, high = probes(length=T, seed=2000)


def build(layer):
    return keras.Sequential([keras.Input((T, 2)), layer, layers.Dense(1)])


def memory(model):
    return np.abs(ops.convert_to_numpy(model(high) - model(low)))[:, 0]


def train(make, rates):
    model, curves, memories = build(make()), [], []
    model.compile(keras.optimizers.Adam(clipnorm=1.0), "mse", jit_compile=True)
    model.optimizer.build(model.trainable_variables)
    for rate, seed in [(rate, seed) for rate in rates for seed in SEEDS]:
        keras.utils.set_random_seed(seed)
        model.set_weights(build(make()).get_weights())
        for variable in model.optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        model.optimizer.learning_rate = rate
        run = model.fit(*adding_problem(600 * 64, T, seed), batch_size=64,
                        epochs=12, steps_per_epoch=50, validation_data=test,
                        validation_batch_size=1000, verbose=0)
        curves.append(run.history["val_loss"])
        memories.append(memory(model))
    return np.array(curves), np.array(memories)


# %% [markdown] lang="zh"
# 简单循环网络试 2 种学习率，取全部曲线的最低点，对它有利；
# LSTM 只用 1 种学习率，取最后一点。

# %% [markdown] lang="en"
# The simple network gets 2 learning rates and is judged by the lowest point of
# all its curves, in its favor; the LSTM gets 1 and is judged by its last point.

# %% name="adding"
lstm_curves, lstm_memory = train(lambda: layers.RNN(LSTMCell(H)), [0.03])
rnn_curves, rnn_memory = train(lambda: layers.SimpleRNN(H), [0.03, 0.003])
lstm_mse, rnn_best = lstm_curves[:, -1], rnn_curves.min(axis=1)
print(f"answering 1 every time: MSE {VARIANCE:.3f}")
print(f"LSTM: below 0.05 in {sum(lstm_mse < 0.05)} of 5 runs")
print(f"simple RNN: below 0.10 in {sum(rnn_best < 0.10)} of 10 runs")

fig, ax = plt.subplots(num="adding_problem")
steps = np.arange(50, 601, 50)
ax.semilogy(steps, lstm_curves.T, "C0-", steps, rnn_curves.T, "C1--")
ax.legend(ax.lines[4:6], ["LSTM", "simple RNN"])
ax.set(xlabel="training steps", ylabel="test MSE")
plt.show()

# %% [markdown] lang="zh"
# ## 记得多远
#
# 在倒数第 $k$ 步之前做标记，再把那里的数从 0 改成 1，答案应当增加 1。
# 网络的答案改变多少，就是它对 $k$ 步以前的记忆。训练前的 LSTM
# 画 2 条：遗忘门偏置为 1 与 0。

# %% [markdown] lang="en"
# ## How far back it remembers
#
# Mark the number $k$ steps before the end and change it from 0 to 1: the
# answer should rise by 1. The change of the network's answer is its memory of
# $k$ steps ago. The LSTM before training is drawn 2 times: with forget bias 1
# and with 0.

# %% name="memory"
keras.utils.set_random_seed(SEEDS[0])
fresh_1, fresh_0 = (memory(build(layers.RNN(LSTMCell(H, forget_bias))))
                    for forget_bias in (1.0, 0.0))
far, near = sum(lstm_memory.min(1) > 0.4), sum(rnn_memory[:, 20:].max(1) > 0.4)
print(f"LSTM: above 0.4 at all {T} lags in {far} of 5 runs")
print(f"simple RNN: above 0.4 at a lag of 20 or more in {near} of 10 runs")
decay = (fresh_1[40] / fresh_1[10]) ** (1 / 30)
print(f"untrained LSTM, forget bias 1: {decay:.1f} times as much per step")

fig, ax = plt.subplots(num="memory")
worst, best = lstm_memory.min(axis=0), rnn_memory.max(axis=0)
ax.semilogy(worst, "C0-", best, "C1--", fresh_1, "C2:", fresh_0, "C4-.")
ax.legend(["LSTM, worst of 5", "simple RNN, best of 10", "untrained, bias 1",
           "untrained, bias 0"], loc=(0.55, 0.59))
ax.set(xlabel="steps back", ylabel="change of the answer", ylim=(1e-7, 3))
plt.show()
