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
lstm, rnn = (compiled(x) for x in (layers.RNN(LSTMCell(),
                                   layers.SimpleRNN())
lstm_1, trained = train(lstm, lambda: layers.RNN(LSTMCell(), 0.03)
lstm_0, _ = train(lstm, lambda: layers.RNN(LSTMCell(H, 0.0)), 0.03)
rnn_fast, _ = train(rnn, lambda: layers.SimpleRNN(, 0.03)
rnn_slow, failed = train(rnn, lambda: layers.SimpleRNN(, 0.003)

lstm_mse = lstm_1[:, -1]
rnn_best = np.minimum(rnn_fast, rnn_slow).min(axis=1)
steps_1, steps_0 = (
    [EVERY * int((np.append(c, 0) < 0.05).argmax() + 1) for c in curves]
    for curves in (lstm_1, lstm_0)
)
print(f"answering 1 every time: MSE {VARIANCE:.3f}")
print(f"LSTM, forget bias 1: below 0.01 in {sum(lstm_mse < 0.01)} of 5 seeds")
print(f"simple RNN: above 0.15 in {sum(rnn_best > 0.15)} of 5 seeds")
print("steps to an error below 0.05, median of the seeds:")
print(f"  bias 1 {np.median(steps_1):.0f}, bias 0 {np.median(steps_0):.0f}")
print(lstm_1[:, ::3].round(4), lstm_0[:, ::3].round(4), rnn_best, steps_1, steps_0)

