# %% [markdown] lang="zh"
# # 均方误差：十个房价、两种噪声、一个形状陷阱
#
# 均方误差的最优解是平均值，平均绝对误差的最优解是中位数。先在十个房价上验证；
# 再量一量，噪声是高斯的还是拉普拉斯的，哪个损失更准；误差怎样分成噪声、偏差与
# 方差；最后看一个形状陷阱怎样让训练悄悄失败。CPU 时间约 7 秒，一半用来导入
# Keras；机器忙的时候，实际用时会超过 20 秒。

# %% [markdown] lang="en"
# # Mean squared error: ten prices, two kinds of noise, one shape trap
#
# The mean minimizes the mean squared error, the median the mean absolute
# error. This example checks that on ten prices. Then it measures which loss
# suits Gaussian and which suits Laplace noise, and how an error splits into
# noise, bias and variance. At the end a shape trap makes training fail in
# silence. All of it takes about 7 seconds of CPU time, half of them to import
# Keras; on a busy machine it is over 20 seconds.

# %% name="setup"
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import ops

from dlguide.losses import mean_squared_error as mse

SEEDS = (0, 1, 2, 3, 4)

# %% [markdown] lang="zh"
# ## 先猜一猜的答案
#
# 最后一个价格本是 225，多敲一个零成了 2250，再多一个成了 22500。平均值使均方
# 误差最小，中位数使平均绝对误差最小；一并打印平均值的均方根误差。

# %% [markdown] lang="en"
# ## The answer to the guess
#
# The last price is 225. One zero too many makes it 2250, one more 22500. The
# mean minimizes the mean squared error, the median the mean absolute error.
# Printed beside them: the root mean squared error of the mean.

# %% name="houses"
answers = {}
for last in (225, 2250, 22500):
    y = np.array([*range(180, 221, 5), last], "float32")
    m, c = answers[last] = float(y.mean()), float(np.median(y))
    L = float(mse.mean_squared_error(y, np.full_like(y, m)))
    print(f"{last:5}: mean {m:6.1f}, median {c:.1f}; RMSE {L**0.5:.0f}")

# %% [markdown] lang="zh"
# ## 损失要与噪声相配
#
# 真值是 0，取 301 个带噪声的观测，分别用平均值与中位数估计真值，重复 2,000 次，
# 比较两者的均方误差。

# %% [markdown] lang="en"
# ## The loss should match the noise
#
# The truth is 0. Take 301 noisy observations, estimate the truth by their mean
# and by their median, repeat 2,000 times, and compare the mean squared errors.

# %% name="noise"
ratio = {"Gaussian": [], "Laplace": []}
for seed in SEEDS:
    rng = np.random.default_rng(seed)
    for noise, draw in zip(ratio, (rng.normal, rng.laplace), strict=True):
        y = draw(size=(2000, 301))
        of_mean = np.mean(np.mean(y, axis=1) ** 2)
        ratio[noise].append(of_mean / np.mean(np.median(y, axis=1) ** 2))
for noise, r in ratio.items():
    print(f"{noise:8}: MSE, mean / median: {min(r):.1f} to {max(r):.1f}")

# %% [markdown] lang="zh"
# ## 噪声、偏差与方差
#
# 真函数是 $\sin \pi x$，取 20 个固定的 $x$，噪声标准差 0.5。对 400 个训练集各
# 拟合 0 到 9 次多项式，用新的带噪声目标值量出均方误差，再与三项之和比较。

# %% [markdown] lang="en"
# ## Noise, bias and variance
#
# The truth is $\sin \pi x$ at 20 fixed $x$; the noise has a standard deviation
# of 0.5. Fit polynomials of degree 0 to 9 to 400 training sets, measure the
# mean squared error on new noisy targets, and compare it with the three parts.

# %% name="bias_variance"
x, rows = np.linspace(-1, 1, 20), []
f = np.sin(np.pi * x)
for seed in SEEDS:
    y, y_new = np.random.default_rng(seed).normal(f, 0.5, size=(2, 400, 20))
    for degree in range(10):
        X = np.polynomial.legendre.legvander(x, degree)
        fits = ops.transpose(ops.matmul(X, mse.least_squares(X, y.T)))
        B, V = map(float, mse.bias_variance(fits, f))
        L = float(mse.mean_squared_error(y_new, fits))
        rows.append([L, 0.25 + B + V, 0.25, B, V])
rows = np.reshape(rows, (5, 10, 5))
fig, ax = plt.subplots(num="bias_variance")
for row, look in zip(rows.mean(axis=0).T, (
        "ko", "C0-", "C2:", "C1s--", "C3^-."), strict=True):
    ax.semilogy(row, look)
ax.legend(["measured", "sum", "noise", "squared bias", "variance"])
ax.set(xlabel="degree of the polynomial", ylabel="mean squared error")
print("measured within 5% of the sum in",
      np.sum(np.abs(rows[..., 0] / rows[..., 1] - 1) < 0.05), "of 50 cases")
print("best degree for each seed:", *rows[..., 0].argmin(axis=1))
plt.show()

# %% [markdown] lang="zh"
# ## 形状陷阱
#
# 数据是 $y = 3x + 1$ 加噪声，100 个点，模型只有一层 `Dense(1)`。自己写的损失
# 没有检查形状：目标值是 $(N,)$，预测是 $(N, 1)$，相减得 $(N, N)$。用它训练 20
# 轮，斜率与正规方程的解比较。最后两行用正规方程的解，只在算误差时犯同样的错。

# %% [markdown] lang="en"
# ## The shape trap
#
# The data is $y = 3x + 1$ plus noise, 100 points; the model is one `Dense(1)`.
# A loss of our own does not check shapes: targets are $(N,)$, predictions
# $(N, 1)$, their difference is $(N, N)$. Train with it for 20 epochs, and
# compare the slope with that of the normal equations. The last two lines use
# the solution of the normal equations and err in the evaluation only.

# %% name="trap"
class _Trap(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred))


model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(0.2), _Trap())
trials = []
for seed in SEEDS:
    x, noise = np.random.default_rng(seed).normal(size=(2, 100, 1))
    y = (3 * x + 1 + noise)[:, 0]
    model.set_weights([np.ones((1, 1)), np.zeros(1)])
    model.fit(x, y, epochs=20, batch_size=100, verbose=0)
    X = np.insert(x, 1, 1, axis=1)
    y_hat = X @ ops.convert_to_numpy(mse.least_squares(X, y[:, None]))
    trials.append([np.ptp(y_hat) / np.ptp(x), *model.get_weights()[0][0],
                   np.mean((y[:, None] - y_hat)**2), np.mean((y - y_hat)**2)])
for name, row in zip(("slope", "slope, trap", "MSE", "MSE, trap"),
                     np.abs(trials).T, strict=True):
    print(f"{name:11}: {min(row):4.1f} to {max(row):4.1f}")
