# %% [markdown] lang="zh"
# # 梯度下降：步长、山谷与噪声
#
# 1. 曲率为 10 的碗，学习率 0.19、0.20、0.21，各走 200 步，会怎样？
# 2. 狭长的山谷里，要走多少步？
# 3. 小批量的梯度有多大噪声？噪声让损失停在哪里？
# 4. 学习率逐步减小，噪声还在吗？

# %% [markdown] lang="en"
# # Gradient descent: step, valley and noise
#
# 1. A bowl of curvature 10, 200 steps with a learning rate of 0.19, 0.20 or
#    0.21: what happens?
# 2. How many steps does a narrow valley take?
# 3. How noisy is the gradient of a mini-batch, and where does the noise stop
#    the loss?
# 4. Is the noise still there when the learning rate decays?

# %% name="setup"
import matplotlib.pyplot as plt
import numpy as np

from dlguide.optimizers import gradient_descent as gd

SEEDS = (0, 1, 2, 3, 4)


def walk(w, gradient, eta, steps):
    path = [w]
    for _ in range(steps):
        path.append(gd.gradient_descent_step(path[-1], gradient(path[-1]), eta))
    return np.array(path)


# %% [markdown] lang="zh"
# ## 先猜一猜的答案
#
# $f(w) = 5 w^2$，曲率是 10，从 $w = 1$ 出发。

# %% [markdown] lang="en"
# ## The answer to the guess
#
# $f(w) = 5 w^2$ has curvature 10. The start is $w = 1$.

# %% name="guess"
fig, ax = plt.subplots(num="three_steps")
sizes = {}
for eta, look in ((0.21, "C1--"), (0.20, "C2:"), (0.19, "C0-")):
    sizes[eta] = abs(walk(1.0, lambda w: 10 * w, eta, 200))
    ax.semilogy(sizes[eta], look, label=rf"$\eta$ = {eta:.2f}")
    print(f"step {eta:.2f}: |w| = {sizes[eta][-1]:.1e} after 200 steps")
ax.set(xlabel="step", ylabel="distance to the bottom, $|w|$")
ax.legend()
plt.show()

# %% [markdown] lang="zh"
# ## 狭长的山谷
#
# $f(w) = \tfrac12 (w_1^2 + \kappa w_2^2)$，两个方向的曲率是 1 和 $\kappa$。
# 学习率取最好的固定值，数一数要走多少步，误差才缩小到百万分之一；
# 括号里是公式的预言。

# %% [markdown] lang="en"
# ## A narrow valley
#
# $f(w) = \tfrac12 (w_1^2 + \kappa w_2^2)$ has the curvatures 1 and $\kappa$.
# With the best fixed learning rate, count the steps until the error is a
# millionth of what it was; the prediction of the formula is in brackets.

# %% name="valley"
counts = {}
for kappa in (10, 100, 1000):
    lam = np.array([1.0, kappa])
    eta, rho = gd.best_step(lam)
    path = walk(np.ones(2), lambda w, lam=lam: lam * w, eta, 8000)
    size = np.linalg.norm(path, axis=1)
    counts[kappa] = np.argmax(size < 1e-6 * size[0]), np.log(1e-6) / np.log(rho)
    print("kappa = {:4}: {} steps ({:.1f})".format(kappa, *counts[kappa]))

# %% [markdown] lang="zh"
# ## 小批量的噪声
#
# 线性回归，1,000 个样本，两个输入的方差是 1 和 10，目标值里有方差为 1 的噪声。
# 在最小二乘解处，每种批量大小抽 500 个小批量（有放回），量它们的梯度的方差。

# %% [markdown] lang="en"
# ## The noise of a mini-batch
#
# Linear regression on 1,000 examples. The two inputs have variances 1 and 10,
# the targets contain noise of variance 1. At the least-squares solution, draw
# 500 mini-batches of each size (with replacement) and measure the variance of
# their gradients.

# %% name="batches"
def regression(seed, N=1000):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, 2)) * np.sqrt([1, 10])
    y = x @ [[2], [-1]] + rng.normal(size=(N, 1))
    return x, y, np.linalg.lstsq(x, y, rcond=None)[0], rng


data, variance = [regression(seed) for seed in SEEDS], {}
for B in (1, 10, 100):
    for x, y, w_star, rng in data:
        i = rng.integers(1000, size=(500, B))
        g_hat = np.asarray(gd.minibatch_gradient(w_star, x[i], y[i]))
        variance.setdefault(B, []).append(np.var(g_hat, axis=0).sum())
    print(f"batch {B:3}: variance {np.mean(variance[B]):5.2f}")

# %% [markdown] lang="zh"
# ## 噪声底
#
# 批量大小 10，走 4,000 步，4 种学习率同时跑，用的是同样的小批量。
# 打印的是后 2,000 步里损失比最低点平均高出多少（5 个种子的平均），
# 括号里是公式的预言（衰减的学习率取这些步的平均）。

# %% [markdown] lang="en"
# ## The noise floor
#
# Batch size 10, 4,000 steps, 4 learning rates side by side on the same
# mini-batches. What is printed: how far above its minimum the loss is on
# average during the last 2,000 steps (mean of 5 seeds), in brackets what the
# formula says (for the decayed learning rate, with its mean over these steps).

# %% name="floor"
x, y, w_star = (np.array(part) for part in list(zip(*data, strict=True))[:3])
batches = np.array([d[-1].integers(1000, size=(4000, 10)) for d in data])
A = x.swapaxes(1, 2) @ x / 1000
w, heights = np.zeros((5, 2, 4)), []  # (seeds, D, learning rates)
for t in range(4000):
    now = np.arange(5)[:, None], batches[:, t]
    g_hat = np.asarray(gd.minibatch_gradient(w, x[now], y[now]))
    eta = np.array([0.04, 0.02, 0.01, gd.decayed_step(0.04, t, tau=200)])
    w = gd.gradient_descent_step(w, g_hat, eta)
    heights.append(np.sum((w - w_star) * (A @ (w - w_star)), axis=1) / 2)
floor = np.mean(heights[2000:], axis=0)  # (seeds, learning rates)
eta[3] = np.mean(gd.decayed_step(0.04, np.arange(2000, 4000), tau=200))
formula = [float(gd.noise_floor(e, [1.0, 10.0], [0.1, 1.0])) for e in eta]
fig, ax = plt.subplots(num="noise_floor")
looks = {"0.04": "C1--", "0.02": "C2:", "0.01": "C4-.", "0.04 decaying": "C0-"}
for n, (name, look) in enumerate(looks.items()):
    print(f"rate {name:13}: {floor[:, n].mean():.4f} ({formula[n]:.4f})")
    blocks = np.reshape(heights, (80, 50, 5, 4))[..., n].mean(axis=(1, 2))
    ax.semilogy(range(25, 4000, 50), blocks, look, label=rf"$\eta$ = {name}")
ax.set(xlabel="step", ylabel="loss above its minimum")
ax.legend()
plt.show()
