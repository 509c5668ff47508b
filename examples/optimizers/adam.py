# %% [markdown] lang="zh"
# # Adam：第一步、偏差校正、尺度、坐标轴、反例
#
# 1. 第一步有多长？没有偏差校正，步子长到几倍，又会走偏多远？
# 2. 梯度乘上一个常数，路线变不变？
# 3. 山谷不与坐标轴平行时，Adam 还快吗？
# 4. Adam 在什么地方往反方向走？

# %% [markdown] lang="en"
# # Adam: first step, bias correction, scale, axes, and a counter-example
#
# 1. How long is the first step? Without the bias correction, how many times
#    longer are the steps, and how far off do they lead?
# 2. Multiply the gradient by a constant: does the path change?
# 3. Is Adam still fast in a valley that is not parallel to the axes?
# 4. Where does Adam walk the wrong way?

# %% name="setup"
import matplotlib.pyplot as plt
import numpy as np

from dlguide.optimizers import adam as ad

SEEDS = (0, 1, 2, 3, 4)
rngs = [np.random.default_rng(seed) for seed in SEEDS]
noise = np.array([rng.normal(size=(100, 1000)) for rng in rngs])


def walk(gradient, w, eta, steps, rule=ad.adam_step, n=2):
    path, states = [w], [0 * w] * n
    for t in range(1, steps + 1):
        w, *states = rule(w, *states, gradient(w, t), t, eta)
        path.append(w)
    return np.array(path)


def descent(w, m, v, g, t, eta):
    return w - eta * g, m, v


def uncorrected(w, m, v, g, t, eta):
    m, v = ad.moments(m, v, g)
    return w - eta * m / (v**0.5 + 1e-7), m, v


# %% [markdown] lang="zh"
# ## 第一步
#
# 学习率 0.001，3 个坐标的梯度是 1000、1、0.001。每个坐标走多远？

# %% [markdown] lang="en"
# ## The first step
#
# The learning rate is 0.001, the gradients of 3 coordinates are 1000, 1 and
# 0.001. How far does each coordinate move?

# %% name="first"
g = np.array([1000, 1, 0.001])
for rule in (descent, ad.adam_step, uncorrected):
    step = -rule(0 * g, 0 * g, 0 * g, g, 1, 0.001)[0]
    print(f"{rule.__name__:11}:", *(f"{x:.2g}" for x in step))

# %% [markdown] lang="zh"
# ## 没有偏差校正
#
# 步子长到几倍，只取决于 $t$。后果：1,000 个坐标从碗底出发，梯度带标准差
# 为 1 的噪声，学习率 0.01，走 100 步。各坐标离碗底最远多远，取平均，
# 再看没有校正时是有校正时的几倍（5 个种子）。

# %% [markdown] lang="en"
# ## Without the bias correction
#
# How many times longer the steps are depends on $t$ alone. The consequence:
# 1,000 coordinates start at the bottom of a bowl, their gradients have noise
# of standard deviation 1, the learning rate is 0.01, and there are 100 steps.
# Take the mean of the largest distance of each coordinate from the bottom;
# how many times larger is it without the correction (5 seeds)?

# %% name="bias"
factor = ad.uncorrected_factor(np.arange(1, 5001))
print("factor at steps 1, 12, 100, 1000:", factor[[0, 11, 99, 999]].round(2))
far = [abs(walk(lambda w, t: w + noise[:, t - 1], 0 * noise[:, 0], 0.01, 100,
                rule)).max(0).mean(1) for rule in (ad.adam_step, uncorrected)]
thrown = far[1] / far[0]
print(f"largest distance: {thrown.min():.2f} to {thrown.max():.2f} times")
fig, ax = plt.subplots(num="factor")
ax.semilogx(np.arange(1, 5001), factor, "C0-")
ax.set(xlabel="step", ylabel="step without / with correction", ylim=(0, 7))
plt.show()

# %% [markdown] lang="zh"
# ## 给梯度换个尺度
#
# 把带噪声的梯度乘上 $c$，从 0 出发走 100 步，终点与 $c = 1$ 时最多差多少？

# %% [markdown] lang="en"
# ## Rescale the gradient
#
# Multiply noisy gradients by $c$ and take 100 steps from 0. By how much does
# the end differ from that for $c = 1$, at most?

# %% name="scale"
ends = {c: walk(lambda w, t, c=c: c * (w - 1 + noise[:, t - 1]),
                0 * noise[:, 0], 0.01, 100)[-1] for c in (1, 1e4, 1e-2, 1e-8)}
for c, end in ends.items():
    print(f"c = {c:5.0e}: {abs(end - ends[1]).max():.4f}")

# %% [markdown] lang="zh"
# ## 山谷转一个角度
#
# 10 个方向，曲率从 1 到 1,000，一种与坐标轴平行，一种随机转过。
# 误差第一次降到起初的 1% 要走多少步（5 个种子）？
# Adam 的学习率先取 0.03，再取 0.1、0.3、1、3 中最好的；
# 梯度下降用它最好的固定学习率。

# %% [markdown] lang="en"
# ## Turn the valley
#
# 10 directions have curvatures from 1 to 1,000, parallel to the axes or
# turned at random. After how many steps is the error 1% of the first one, for
# the first time (5 seeds)? Adam has the learning rate 0.03, then the best of
# 0.1, 0.3, 1 and 3; gradient descent has its best fixed one.

# %% name="turn"
lam, counts = np.geomspace(1, 1000, 10), {}
turn = np.linalg.qr([rng.normal(size=(10, 10)) for rng in rngs])[0]
start = np.array([rng.normal(size=(10, 1)) for rng in rngs])
for frame, Q in (("parallel", np.eye(10)), ("turned", turn)):
    for name, rule, rates in (("Adam, 0.03", ad.adam_step, 0.03),
                              ("Adam, best", ad.adam_step, (0.1, 0.3, 1, 3)),
                              ("descent", descent, 2 / 1001)):
        A, eta = Q * lam @ Q.swapaxes(-1, -2), np.reshape(rates, (-1, 1, 1, 1))
        size = np.linalg.norm(walk(lambda w, t, A=A: A @ w, 0 * eta + Q @ start,
                                   eta, 2500, rule), axis=(3, 4))
        counts[frame, name] = np.argmax(size < size[0] / 100, axis=0).min(0)
        print(f"{frame:8}, {name:10}:", *np.sort(counts[frame, name]))

# %% [markdown] lang="zh"
# ## 反例
#
# 在区间 $[-1, 1]$ 上，第 $t$ 步的损失是 $g_t w$，梯度依次是 3、−1、−1，
# 周而复始。平均是正的，最好的 $w$ 是 −1。$\beta_1 = 0$，$\beta_2 = 0.1$，学习率
# $0.1 / \sqrt{t}$，从 0 出发。另外 5 种序列随机取 3（概率 1/3）或 −1。

# %% [markdown] lang="en"
# ## The counter-example
#
# On the interval $[-1, 1]$ the loss of step $t$ is $g_t w$, and the gradients
# are 3, −1, −1, again and again. Their mean is positive, so the best $w$ is −1.
# $\beta_1 = 0$, $\beta_2 = 0.1$, the learning rate is $0.1 / \sqrt{t}$, the
# start 0. In 5 more sequences each gradient is 3 (probability 1/3) or −1 at
# random.

# %% name="game"
large = [np.arange(5001) % 3 == 1, *(r.random(5001) < 1 / 3 for r in rngs)]
G = ad.ops.convert_to_tensor(np.where(np.transpose(large), 3.0, -1.0))
(fig, ax), games = plt.subplots(num="game"), {}
for rule, n, look in ((ad.adam_step, 2, "C1--"), (ad.amsgrad_step, 3, "C0-")):
    def play(w, *rest, rule=rule):  # rest: states, g, t, eta
        w, *rest = rule(w, *rest[:-1], rest[-1] / rest[-2] ** 0.5, 0.0, 0.1)
        return ad.ops.clip(w, -1, 1), *rest
    games[n] = walk(lambda w, t: G[t], 0 * G[0], 0.1, 5000, play, n)
    print(f"{rule.__name__:12}:", *games[n][-1].round(2))
    ax.plot(games[n][:1501, 0], look, label=rule.__name__)
ax.set(xlabel="step", ylabel="$w$")
ax.legend()
plt.show()
