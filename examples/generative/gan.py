# %% [markdown] lang="zh"
# # 生成对抗网络：一场看得见结果的博弈
#
# 1. 训练出来的判别器，能否逼近理论上的最优判别器 $p/(p+q)$？
# 2. 两种生成器损失的梯度相差多少倍？
# 3. 八个峰围成一圈：生成器丢了几个，又怎样找回来？
#
# 共训练 15 次，所以本例较长，在 2 个 CPU 核上约需 1 分钟。

# %% [markdown] lang="en"
# # The GAN: a game whose outcome you can see
#
# 1. Does a trained discriminator come close to the optimum $p/(p+q)$?
# 2. By which factor do the gradients of the two generator losses differ?
# 3. Eight modes on a ring: how many does the generator lose, and what brings
#    them back?
#
# It makes 15 training runs, so it is a long example: about 1 minute on 2 CPU
# cores.

# %% name="setup"
import keras
import matplotlib.pyplot as plt
import numpy as np

from dlguide.data import mixtures
from dlguide.generative import gan

SEEDS = (0, 1, 2, 3, 4)

# %% [markdown] lang="zh"
# ## “先猜一猜”的答案
#
# 数据有 8 个等重的峰，生成器只会其中 1 个，但学得完全正确。在这个峰里，
# $p$ 处处是 $q$ 的 $1/8$。一次看同一来源的 $k$ 个样本，
# 密度之比变成 $8^{-k}$。

# %% [markdown] lang="en"
# ## The answers to the guess
#
# The data have 8 modes of equal weight; the generator has learned 1 of them,
# perfectly. Throughout this mode $p$ is $1/8$ of $q$. With $k$ examples of the
# same source seen at once, the ratio of the densities is $8^{-k}$.

# %% name="guess"
print(f"perfect generator: loss of the discriminator {np.log(4):.3f}")
for k in (1, 2, 4):
    print(f"{k} at once: D* 1/{1 / gan.optimal_discriminator(8.0**-k, 1):.0f}")
for D in (0.5, 0.1, 0.01, 0.001):
    minimax, usual = map(float, gan.generator_gradients(np.log(D / (1 - D))))
    print(f"D = {D:<5}: {minimax:6.3f}, {usual:6.3f}; {usual / minimax:3.0f}")

# %% [markdown] lang="zh"
# ## 判别器逼近 $p/(p+q)$
#
# 两个已知的高斯分布：真样本出自 $p = N(-1, 1)$，假样本出自 $q = N(1, 0.5^2)$。
# 判别器只看样本，不看密度：1000 步，每步 500 个新样本。误差只在有数据的地方量，
# 也就是混合密度 $(p+q)/2$ 高于 0.02 处。

# %% [markdown] lang="en"
# ## The discriminator approaches $p/(p+q)$
#
# Two known Gaussians: real examples come from $p = N(-1, 1)$, fake ones from
# $q = N(1, 0.5^2)$. The discriminator sees examples and no density: 1000 steps
# with 500 new examples each. Its error is measured only where there are data,
# that is where the mixture density $(p+q)/2$ is above 0.02.

# %% name="optimum"
grid = np.linspace(-5, 5, 501)
p, q = mixtures.densities(grid)
D_star, data = gan.optimal_discriminator(p, q), (p + q) / 2 > 0.02
value = float(gan.game_value(np.log(p) - np.log(q), p, q, spacing=0.02))
twice_js = 2 * float(gan.js_divergence(p, q, spacing=0.02))
print(f"game at D*: {value:.4f}; 2 JS - log 4: {twice_js - np.log(4):.4f}")
D = gan.network(1, 32, 1)
adam = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, 1000))
D.compile(adam, keras.losses.BinaryCrossentropy(from_logits=True))
trained = []
for seed in SEEDS:
    gan.restart(D, [D], seed)
    D.fit(*mixtures.two_gaussians(500_000, seed), batch_size=500, verbose=0)
    trained.append(1 / (1 + np.exp(-D.predict(grid[:, None], verbose=0)[:, 0])))
D_error = np.abs(np.array(trained) - D_star)[:, data].max(axis=1)
print(f"largest |D - D*| below 0.05 in {sum(D_error < 0.05)} of 5 seeds")

fig, ax = plt.subplots(num="optimum")
ax.plot(grid[data], np.transpose(trained)[data], "C1-", lw=1.2)
ax.plot(grid, D_star, "C4:", grid, p, "C0--", grid, q, "C2-.")
ax.legend(ax.lines[4:], ["D, 5 seeds", "D*", "p, real", "q, fake"])
ax.set(xlabel="x", ylabel="probability; density")
plt.show()

# %% [markdown] lang="zh"
# ## 八个峰
#
# 半径为 1 的圆上有 8 个高斯峰，标准差 0.1。生成器把 2 个噪声数变成一个点。
# 抽 1000 个点，若有 25 个（应得份额 125 的五分之一）离某个峰的中心不到 3 个标准
# 差，就算覆盖了这个峰。两组只差一处：判别器一次看 1 个点，还是看同一来源的
# 4 个点。每次运行 3000 步，Adam，学习率 0.002。

# %% [markdown] lang="en"
# ## Eight modes
#
# On a circle of radius 1 sit 8 Gaussian modes of standard deviation 0.1. The
# generator turns 2 numbers of noise into a point. Draw 1000 points: a mode is
# covered if at least 25 of them, a fifth of its fair share of 125, lie within 3
# standard deviations of its center. The two arms differ in one thing: the
# discriminator sees 1 point at a time, or 4 points of the same source. Each run
# takes 3000 steps of Adam at a learning rate of 0.002.

# %% name="ring"
def train(pack):
    G, D = gan.network(2, 64, 2), gan.network(2 * pack, 64, 1)
    model, points = gan.GAN(G, D, pack), []
    model.compile(keras.optimizers.Adam(0.002), jit_compile=True,
                  steps_per_execution=50)
    for seed in SEEDS:
        gan.restart(model, [G, D], seed)
        for part in range(6):
            x = mixtures.ring(500 * 128, seed=10 * seed + part)
            model.fit(x, np.zeros(len(x)), batch_size=128, verbose=0)
            points.append(model.draw(1000, seed=99))
    return points, np.reshape([*map(mixtures.covered, points)], (5, 6))


(alone_points, alone), (packed_points, packed) = train(1), train(4)
for name, end in ("1 at a time", alone[:, -1]), ("4 at once", packed[:, -1]):
    print(f"{name}: all 8 modes in {sum(end == 8)}, 3 or fewer in "
          f"{sum(end <= 3)} of 5 seeds")

# %% name="pictures"
fig, axes = plt.subplots(1, 2, num="ring", sharey=True)
for ax, points in zip(axes, (alone_points, packed_points), strict=True):
    ax.plot(*points[5][:200].T, "C1.", *mixtures.CENTERS.T, "C0s", mfc="none")
    ax.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal")

fig, ax = plt.subplots(num="modes")
steps = range(500, 3001, 500)
ax.plot(steps, alone.T, "C1--o", steps, packed.T, "C0-s", mfc="none")
ax.legend(ax.lines[4:6], ["1 at a time", "4 at once"])
ax.set(xlabel="training steps", ylabel="modes covered", ylim=(-0.3, 8.3))
plt.show()
