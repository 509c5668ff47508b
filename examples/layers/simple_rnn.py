# %% [markdown] lang="zh"
# # 简单循环神经网络：梯度传得回多远
#
# 先量梯度：循环权重的谱半径小于、等于、大于 1，线性单元与 tanh 单元各看一遍，
# 也看谱半径什么时候会误导人。再看梯度裁剪挡住了什么。最后训练：
# 序列只有 10 步时，简单循环神经网络学得会加法问题吗？这一问要训练 10 次，
# 所以全部运行在 2 个 CPU 核上约需半分钟。

# %% [markdown] lang="en"
# # The simple recurrent network: how far back does the gradient reach?
#
# First the gradient is measured: spectral radius of the recurrent weights
# below, at and above 1, for linear units and for tanh units, and a case in
# which the spectral radius misleads. Then you see what clipping prevents. At
# the end the network is trained on the adding problem with 10 steps. That takes
# 10 training runs, so all of it needs about half a minute on 2 CPU cores.

# %% name="setup"
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

from dlguide.data.adding_problem import VARIANCE, adding_problem
from dlguide.layers import simple_rnn

SEEDS = (0, 1, 2, 3, 4)
T, H = 60, 32

# %% [markdown] lang="zh"
# ## 谱半径为 0.9，梯度却先变长
#
# 矩阵的两个特征值都是 0.9，右上角却有一个 10。看它的 $k$ 次幂的范数。

# %% [markdown] lang="en"
# ## Spectral radius 0.9, and the gradient grows first
#
# Both eigenvalues of the matrix are 0.9, but its upper right entry is 10. Here
# is the norm of its $k$-th power.

# %% name="hump"
powers = [np.linalg.matrix_power([[0.9, 10], [0, 0.9]], k) for k in range(101)]
hump = np.linalg.norm(powers, 2, axis=(1, 2))
print(f"largest norm {hump.max():.0f}, below 1 from k = {sum(hump >= 1)} on")

# %% [markdown] lang="zh"
# ## 梯度范数与间隔
#
# 现在 $W_h$ 是随机正交矩阵乘 $\rho$，谱半径与范数都等于 $\rho$。
# 损失只看最后一步，梯度从长度 1 出发，往回走 $k$ 步还剩多长？
# tanh 单元每一步都收到标准差为 0.1 的输入。左图还画出上面那个矩阵；
# 打印的是 $k = 50$ 时各种子的范围。

# %% [markdown] lang="en"
# ## Gradient norm against lag
#
# Now $W_h$ is a random orthogonal matrix times $\rho$: its spectral radius and
# its norm are both $\rho$. The loss sees the last step only, and the gradient
# starts there with length 1. How long is it $k$ steps back? The tanh units
# get an input of standard deviation 0.1 at every step. The left plot shows the
# matrix from above as well; printed is the range over the seeds at $k = 50$.

# %% name="lag"
def gradient_norms(rho, seed, tanh):
    rng = np.random.default_rng(seed)
    W_h = rho * np.linalg.qr(rng.normal(size=(H, H)))[0]
    x = 0.1 * rng.normal(size=(T, 1, H))
    h = simple_rnn.forward(x, 0 * x[0], np.eye(H), W_h, 0.0)
    slope, e = 1 - h * h if tanh else ops.ones_like(h), np.zeros_like(x)
    e[-1, 0, 0] = 1
    dh = ops.convert_to_numpy(simple_rnn.backward(e, slope, W_h)[0])
    return np.linalg.norm(dh[::-1, 0], axis=1)


styles = {0.9: "C0-", 1: "C1--", 1.1: "C2-.", 3: "C3:"}
lag = {(units, rho): np.array([gradient_norms(rho, seed, units == "tanh")
                               for seed in SEEDS])
       for units in ("linear", "tanh") for rho in styles}
fig, axes = plt.subplots(1, 2, num="lag", sharey=True)
for (units, rho), n in lag.items():
    axes[int(units == "tanh")].semilogy(n.T, styles[rho], lw=1)
    print(f"{units:6} rho {rho:3}: {min(n[:, 50]):.2g} to {max(n[:, 50]):.2g}")
for ax, units, loc in zip(axes, ("linear", "tanh"), (1, 2), strict=True):
    ax.legend(ax.lines[::5], list(styles), title=rf"{units}, $\rho$", loc=loc)
    ax.set(xlabel="steps back", ylim=(1e-4, 1e9))
axes[0].semilogy(hump[:T], "C4-", lw=3)
axes[0].set(ylabel="gradient norm")
plt.show()

# %% [markdown] lang="zh"
# ## 裁剪
#
# 1 个线性单元走 60 步：$h_{60} = w^{60}$，目标值是 0.5。从 $w = 1.05$ 出发，
# 学习率 0.001。不裁剪只走 1 步；裁剪到长度 1，走 200 步。

# %% [markdown] lang="en"
# ## Clipping
#
# 1 linear unit, 60 steps: $h_{60} = w^{60}$, the target is 0.5. Start at
# $w = 1.05$ with learning rate 0.001. Take 1 step without clipping, and 200
# steps with the gradient clipped to length 1.

# %% name="clip"
def gradient(w):
    return (w**T - 0.5) * T * w ** (T - 1)


raw, path = 1.05 - 0.001 * gradient(1.05), [1.05]
for _ in range(200):
    g = simple_rnn.clip_by_norm(ops.array(gradient(path[-1])), 1.0)
    path.append(path[-1] - 0.001 * float(g))
print(f"1 step without clipping: w = {raw:.1f}")
print(f"200 steps with clipping: w = {path[-1]:.4f}, h = {path[-1]**T:.3f}")

# %% [markdown] lang="zh"
# ## 加法问题，10 步
#
# 训练方式与 LSTM 那一页的简单循环神经网络完全相同：16 个单元，Adam，
# 2 种学习率，600 步，每步 64 个序列，5 个种子，取每条曲线的最低点。
# 只有一处不同：那里的序列有 60 步，这里只有 10 步。

# %% [markdown] lang="en"
# ## The adding problem with 10 steps
#
# The training is that of the simple network on the page about the LSTM: 16
# units, Adam, 2 learning rates, 600 steps of 64 sequences, 5 seeds, the lowest
# point of each curve. One thing differs: there the sequences have 60 steps,
# here they have 10.

# %% name="adding"
def build():
    return keras.Sequential([keras.Input((10, 2)), layers.RNN(
        simple_rnn.SimpleRNNCell(16)), layers.Dense(1)])


test, model, mse = adding_problem(1000, 10, seed=1000), build(), []
model.compile(keras.optimizers.Adam(clipnorm=1.0), "mse", jit_compile=True)
model.optimizer.build(model.trainable_variables)
for rate, seed in [(rate, seed) for rate in (0.03, 0.003) for seed in SEEDS]:
    keras.utils.set_random_seed(seed)
    model.set_weights(build().get_weights())
    for variable in model.optimizer.variables:
        variable.assign(np.zeros(variable.shape))
    model.optimizer.learning_rate = rate
    run = model.fit(*adding_problem(600 * 64, 10, seed), batch_size=64,
                    epochs=12, steps_per_epoch=50, validation_data=test,
                    validation_batch_size=1000, verbose=0)
    mse.append(min(run.history["val_loss"]))
print(f"answering 1 every time: MSE {VARIANCE:.3f}")
print(f"simple RNN, 10 steps: below 0.05 in {np.less(mse, 0.05).sum()} of 10")
