# %% [markdown] lang="zh"
# # LSTM 与加法问题
#
# 序列里有 60 个数，其中 2 个做了标记，序列读完后要答出这 2 个数的和。
# 简单循环网络与 LSTM 各训练 5 个种子，看谁记得住。
# 在 2 个 CPU 核上约需 1 分钟。

# %% [markdown] lang="en"
# # The LSTM and the adding problem
#
# A sequence holds 60 numbers, 2 of them marked; after the last one the network
# must return the sum of these 2. A simple recurrent network and an LSTM train
# from 5 seeds each. Which of them remembers? Takes about 1 minute on 2 CPU
# cores.

# %% name="setup"
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

from dlguide.data.adding_problem import VARIANCE, adding_problem
from dlguide.layers.lstm import LSTMCell

SEEDS = (0, 1, 2, 3, 4)
T, H = 60, 16
EVERY, EPOCHS, BATCH = 50, 12, 64

# %% [markdown] lang="zh"
# ## 先猜一猜的答案
#
# 遗忘门恒为 $f$ 时，60 步之后记忆元还剩 $f^{60}$。

# %% [markdown] lang="en"
# ## The answer to the guess
#
# With a constant forget gate $f$, a share $f^{60}$ of the cell is left after
# 60 steps.

# %% name="guess"
for b in (0.0, 1.0, 3.0, 5.0):
    f = 1 / (1 + np.exp(-b))
    print(f"forget bias {b:.0f}: f = {f:.3f}, f**{T} = {f**T:.1e}")
half = 0.5 ** (1 / T)
print(f"half is left: f = {half:.3f}, bias {np.log(half / (1 - half)):.1f}")
layer = layers.LSTM(32)
layer.build((None, T, 10))
print(f"LSTM(32) on 10 features: {layer.count_params():,} parameters")

# %% [markdown] lang="zh"
# ## 训练
#
# 每个网络只编译一次；换种子时写入新的初始权重，并清零优化器的状态，
# 因此各个种子互不影响。训练序列从不重复。

# %% [markdown] lang="en"
# ## Training
#
# Each network is compiled once. A new seed gets new initial weights, and the
# state of the optimizer goes back to zero, so the seeds are independent. No
# training sequence comes twice.

# %% name="train"
test = adding_problem(n=1000, length=T, seed=1000)


def build(layer):
    return keras.Sequential([keras.Input((T, 2)), layer, layers.Dense(1)])


def compiled(layer):
    model = build(layer)
    adam = keras.optimizers.Adam(clipnorm=1.0)
    model.compile(adam, loss="mse", jit_compile=True)
    adam.build(model.trainable_variables)
    return model


def train(model, make, rate):
    """Test error every 50 steps and final weights, for each seed."""
    curves, weights = [], []
    for seed in SEEDS:
        keras.utils.set_random_seed(seed)
        model.set_weights(build(make()).get_weights())
        for variable in model.optimizer.variables:
            variable.assign(np.zeros(variable.shape))
        model.optimizer.learning_rate = rate
        history = model.fit(
            *adding_problem(EPOCHS * EVERY * BATCH, T, seed),
            batch_size=BATCH, epochs=EPOCHS, steps_per_epoch=EVERY,
            validation_data=test, validation_batch_size=1000, verbose=0,
        )
        curves.append(history.history["val_loss"])
        weights.append(model.get_weights())
    return np.array(curves), weights


# %% [markdown] lang="zh"
# 三种网络：遗忘门偏置为 1 的 LSTM（即 Keras 的初始值）、偏置为 0 的 LSTM、
# 简单循环网络。简单循环网络试两种学习率，取全部曲线上的最低点，对它有利。

# %% [markdown] lang="en"
# Three networks: the LSTM with forget bias 1 (as Keras starts it), the LSTM
# with bias 0, and the simple recurrent network. The latter gets two learning
# rates and is judged by the lowest point of its curves, in its favor.

# %% name="adding"
def gated():
    return layers.RNN(LSTMCell(H))


def simple():
    return layers.SimpleRNN(H)


lstm, rnn = compiled(gated()), compiled(simple())
lstm_1, trained = train(lstm, gated, 0.03)
lstm_0, _ = train(lstm, lambda: layers.RNN(LSTMCell(H, 0.0)), 0.03)
rnn_fast, _ = train(rnn, simple, 0.03)
rnn_slow, failed = train(rnn, simple, 0.003)

lstm_mse = lstm_1[:, -1]
rnn_best = np.minimum(rnn_fast, rnn_slow).min(axis=1)
below = np.array([lstm_1, lstm_0]) < 0.05  # (2, seeds, epochs)
steps_1, steps_0 = EVERY * (1 + (below.cumsum(axis=-1) == 0).sum(axis=-1))
print(f"always answering 1: test MSE {VARIANCE:.3f}")
print(f"LSTM: below 0.01 in {sum(lstm_mse < 0.01)} of 5 seeds")
print(f"simple RNN: never below 0.15 in {sum(rnn_best > 0.15)} of 5 seeds")
print(f"forget bias 1 sooner than 0: {sum(steps_1 < steps_0)} of 5 seeds")
print(lstm_mse, rnn_best, steps_1, steps_0)

# %% name="curves"
fig, ax = plt.subplots(num="adding_problem")
steps = EVERY * np.arange(1, EPOCHS + 1)
for curves, look, label in (
    (rnn_slow, "C1--", "simple RNN"),
    (lstm_0, "C2:", "LSTM, forget bias 0"),
    (lstm_1, "C0-", "LSTM, forget bias 1"),
):
    lines = ax.semilogy(steps, curves.T, look, lw=1.5)
    lines[0].set_label(label)
ax.axhline(VARIANCE, color="k", lw=0.8)
ax.set(xlabel="training steps", ylabel="test MSE")
ax.legend()
plt.show()

# %% [markdown] lang="zh"
# ## 记得多远
#
# 把标记放在倒数第 $k$ 步之前，再把那里的数从 0 改成 1，答案应当增加 1。
# 网络的答案增加了多少，就是它对 $k$ 步以前的记忆。

# %% [markdown] lang="en"
# ## How far back it remembers
#
# Put a mark $k$ steps before the end and change the number there from 0 to 1:
# the answer should rise by 1. By how much the network's answer rises is its
# memory of $k$ steps ago.

# %% name="memory"
def memory(model, weights):
    """Rise of the answer for each lag 0 ... T-1, mean of 32 sequences."""
    model.set_weights(weights)
    x = np.repeat(adding_problem(32, T, seed=2000)[0][None], T, axis=0)
    for t in range(T):
        x[t, :, T // 2 * (2 * t // T):T // 2 * (2 * t // T + 1), 1] = 0
        x[t, :, t] = 0, 1
    low = x.reshape(-1, T, 2)
    high = low.copy()
    high.reshape(x.shape)[range(T), :, range(T), 0] = 1
    rise = model.predict_on_batch(high) - model.predict_on_batch(low)
    return rise.reshape(T, -1).mean(axis=1)[::-1]


lstm_memory = np.array([memory(lstm, w) for w in trained]).T
rnn_memory = np.array([memory(rnn, w) for w in failed]).T
keras.utils.set_random_seed(SEEDS[0])
fresh_memory = memory(lstm, build(gated()).get_weights())
print(lstm_memory.min(), lstm_memory.max(), np.abs(rnn_memory[10:]).max(), np.abs(rnn_memory[20:]).max(), rnn_memory[:,0], fresh_memory)
fig, ax = plt.subplots(num="memory")
for curves, look, label in (
    (lstm_memory, "C0-", "LSTM, trained"),
    (rnn_memory, "C1--", "simple RNN, trained"),
    (fresh_memory[:, None], "C2:", "LSTM, before training"),
):
    ax.plot(curves, look, lw=1.5)[0].set_label(label)
ax.set(xlabel="steps since the mark", ylabel="rise of the answer")
ax.legend()
plt.show()
