# %% [markdown] lang="zh"
# # 动量：山谷、阻尼、速度与噪声
#
# 1. 条件数从 10 到 10,000 的山谷里，梯度下降、重球、Nesterov 各要走多少步？
# 2. 动量太小、恰好、太大，分别会怎样？
# 3. 坡度不变时，速度最后是多少？
# 4. 动量能降低噪声底吗？

# %% [markdown] lang="en"
# # Momentum: valley, damping, speed and noise
#
# 1. In valleys with condition numbers from 10 to 10,000, how many steps do
#    gradient descent, the heavy ball and Nesterov take?
# 2. What happens when the momentum is too small, just right, too large?
# 3. On a constant slope, what is the speed in the end?
# 4. Does momentum lower the noise floor?

# %% name="setup"
import matplotlib.pyplot as plt
import numpy as np

from dlguide.optimizers import momentum as mo
from dlguide.optimizers.gradient_descent import best_step

SEEDS = (0, 1, 2, 3, 4)


def walk(gradient, w, eta, beta, steps, rule=mo.momentum_step):
    path, v = [w], 0 * w
    for _ in range(steps):
        w, v = rule(w, v, gradient(w), eta, beta)
        path.append(w)
    return np.array(path)


# %% [markdown] lang="zh"
# ## 先猜一猜的答案
#
# 两个方向的曲率是 1 和 $\kappa$，从 $(1, 1)$ 出发。每种方法用它最好的参数，
# 数一数从第几步起，误差一直不到起初的百万分之一，
# 再看途中误差最大时是起初的几倍。图是 $\kappa = 100$ 的误差。

# %% [markdown] lang="en"
# ## The answer to the guess
#
# The curvatures are 1 and $\kappa$, the start is $(1, 1)$. Each method gets
# its best parameters. Count the steps after which the error stays below a
# millionth of what it was, and see how many times the first error it reaches
# on the way. The figure has the errors for $\kappa = 100$.

# %% name="valley"
counts, sizes = {}, {}
fig, ax = plt.subplots(num="valley")
for kappa in (10, 100, 1000, 10000):
    lam = np.array([1.0, kappa])
    for name, look, rule, eta, beta in (
            ("descent", "C1--", mo.momentum_step, best_step(lam)[0], 0),
            ("heavy ball", "C0-", mo.momentum_step, *mo.best_pair(lam)),
            ("Nesterov", "C2-.", mo.nesterov_step, *mo.best_pair(lam, True))):
        path = walk(lambda w, lam=lam: lam * w, np.ones(2), eta, beta,
                    7 * kappa + 20, rule)
        sizes[kappa, name] = size = np.linalg.norm(path, axis=1) / 2**0.5
        counts[kappa, name] = int(np.flatnonzero(size >= 1e-6)[-1]) + 1
        print(f"kappa {kappa:5}, {name:10}: {counts[kappa, name]:5} steps, "
              f"largest error {size.max():4.1f}")
        if kappa == 100:
            ax.semilogy(size[:201], look, label=name)
ax.set(xlabel="step", ylabel="error / first error", ylim=(1e-7, 10))
ax.legend()
plt.show()

# %% [markdown] lang="zh"
# ## 阻尼
#
# 一个方向，$\eta\lambda = 0.01$，临界动量是 0.81。数一数从第几步起，
# 误差一直不到 1%。

# %% [markdown] lang="en"
# ## Damping
#
# One direction with $\eta\lambda = 0.01$; its critical momentum is 0.81.
# Count the steps after which the error stays below 1%.

# %% name="damping"
fig, ax = plt.subplots(num="damping")
settled = {}
for beta, look in ((0, "C1--"), (0.5, "C4:"), (0.81, "C0-"), (0.99, "C2-.")):
    a = walk(lambda w: w, 1.0, 0.01, beta, 1500)
    settled[beta] = int(np.flatnonzero(abs(a) >= 0.01)[-1]) + 1
    ax.plot(a[:301], look, label=rf"$\beta$ = {beta}")
    print(f"momentum {beta:4}: {settled[beta]:3} steps, lowest {a.min():.2f}")
ax.set(xlabel="step", ylabel="error")
ax.legend()
plt.show()

# %% [markdown] lang="zh"
# ## 末速度
#
# 梯度恒为 1，学习率 0.01。第 1、10、1,000 步各走多长？

# %% [markdown] lang="en"
# ## Terminal speed
#
# The gradient is 1 throughout, the learning rate 0.01. How long are steps
# 1, 10 and 1,000?

# %% name="speed"
speed = {beta: -np.diff(walk(lambda w: 1.0, 0.0, 0.01, beta, 1000))
         for beta in (0, 0.9, 0.99)}
for beta, s in speed.items():
    print(f"momentum {beta:4}: length", *s[[0, 9, 999]].round(3))

# %% [markdown] lang="zh"
# ## 噪声底
#
# 梯度下降一页的回归：批量大小 10，4,000 步，5 个种子。打印后 2,000 步里
# 损失比最低点平均高出多少，括号里是公式的预言。

# %% [markdown] lang="en"
# ## The noise floor
#
# The regression of the page on gradient descent: batch size 10, 4,000 steps,
# 5 seeds. What is printed: how far above its minimum the loss is on average
# during the last 2,000 steps, in brackets what the formula says.

# %% name="floor"
eta, beta = np.array([(0.02, 0), (0.002, 0.9), (0.02, 0.9)]).T
floor, formula = [], []  # (seeds, pairs), (pairs,)
for seed in SEEDS:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1000, 2)) * np.sqrt([1, 10])
    y = x @ [[2], [-1]] + rng.normal(size=(1000, 1))
    w_star, A = np.linalg.lstsq(x, y, rcond=None)[0], x.T @ x / 1000
    w, v, heights = 0 * eta * w_star, 0.0, []
    for i in rng.integers(1000, size=(4000, 10)):
        g_hat = x[i].T @ (x[i] @ w - y[i]) / 10
        w, v = mo.momentum_step(w, v, g_hat, eta, beta)
        heights.append(np.sum((w - w_star) * (A @ (w - w_star)), axis=0) / 2)
    floor.append(np.mean(heights[2000:], axis=0))
for e, b, f in zip(eta, beta, np.mean(floor, axis=0), strict=True):
    formula.append(float(mo.noise_floor(e, b, [1.0, 10.0], [0.1, 1.0])))
    print(f"rate {e:.3f}, momentum {b:.1f}: {f:.4f} ({formula[-1]:.4f})")
