# %% [markdown] lang="zh"
# # 感知机：会停下来，停不下来
#
# 1. 与、或、异或：各修正多少次？证明里的两个不等式长什么样？
# 2. 两个输入的 16 个布尔函数里，一个感知机能表示几个？
# 3. 随机的点：可分时修正次数不超过界；翻转 1 个标签之后呢？
# 4. Hopfield 网络：同样的阈值单元，两两相连就能回忆。

# %% [markdown] lang="en"
# # The perceptron: when it stops and when it never does
#
# 1. AND, OR, XOR: how many corrections each? What do the two inequalities of
#    the proof look like?
# 2. How many of the 16 Boolean functions of two inputs can one perceptron
#    represent?
# 3. Random points: if they are separable, the corrections stay below the
#    bound; what if 1 label is flipped?
# 4. The Hopfield network: threshold units, all connected with each other,
#    recall patterns.

# %% name="setup"
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
from keras import ops

from dlguide.basics import perceptron as p

SEEDS = (0, 1, 2, 3, 4)
x = np.float32([(1, *corner) for corner in product((0, 1), repeat=2)])
gates = {"AND": (-1, -1, -1, 1), "OR": (-1, 1, 1, 1), "XOR": (-1, 1, 1, -1)}

# %% [markdown] lang="zh"
# ## 与、或、异或
#
# 间隔最大的权重（偏置在前）是手算的：与为 $(-3, 2, 2)$，或为 $(-1, 2, 2)$；
# 它们给出界 $(R / \gamma)^2$。异或没有这样的权重，也没有界，修正 100 次就停。

# %% [markdown] lang="en"
# ## AND, OR, XOR
#
# The weights of largest margin (bias first) are worked out by hand:
# $(-3, 2, 2)$ for AND, $(-1, 2, 2)$ for OR; they give the bound
# $(R / \gamma)^2$. XOR has no such weights and no bound: it stops at 100.

# %% name="gates"
bound, paths = {}, {}
for name, y in gates.items():
    path = paths[name] = p.fit(x, np.array(y), 100)[0]
    print(f"{name:3} {len(path) - 1:4} corrections, w =", path[-1].astype(int))
for name, u in (("AND", (-3, 2, 2)), ("OR", (-1, 2, 2))):
    gamma = p.margin(np.float32(u), x, np.float32(gates[name]))
    bound[name] = float(p.mistake_bound(gamma, x))
print(f"bounds: AND {bound['AND']:.0f}, OR {bound['OR']:.0f}")

# %% [markdown] lang="zh"
# ## 证明的两个不等式
#
# 与门。$u$ 是间隔最大的单位向量；每次修正后画出 $u \cdot w_t$ 和 $\|w_t\|$，
# 以及证明给出的下界 $t \gamma$ 与上界 $R \sqrt t$。

# %% [markdown] lang="en"
# ## The two inequalities of the proof
#
# For AND. $u$ is the unit vector of largest margin; after each correction the
# plot shows $u \cdot w_t$ and $\|w_t\|$, and the proof's lower limit
# $t \gamma$ and upper limit $R \sqrt t$.

# %% name="squeeze"
t, path = np.arange(61), paths["AND"]
_, ax = plt.subplots(num="squeeze", subplot_kw={"xlabel": "correction $t$"})
ax.plot(t, np.sqrt(3 * t), "C1--", label="$R$ √$t$")
ax.plot(np.linalg.norm(path, axis=1), "C1s", mfc="w", label=r"$\|w_t\|$")
ax.plot(path @ (-3, 2, 2) / np.sqrt(17), "C0o", label=r"$u \cdot w_t$")
ax.plot(t, t / np.sqrt(17), "C0-", label=r"$t\,\gamma$")
ax.axvline(51, color="C3", linestyle=":", label=r"$(R/\gamma)^2$")
ax.legend()
plt.show()

# %% [markdown] lang="zh"
# ## 16 个布尔函数
#
# 真值表有 4 行，共 16 种标签。$(b, w_1, w_2)$ 取遍 $[-2, 2]^3$ 中间隔 0.05 的
# 531,441 个格点，记下每个函数的最高准确率；
# 再让感知机自己学，至多修正 100 次。

# %% [markdown] lang="en"
# ## All 16 Boolean functions
#
# A truth table has 4 rows, so there are 16 labelings. $(b, w_1, w_2)$ runs
# over the 531,441 points of a grid in $[-2, 2]^3$ with spacing 0.05; the best
# accuracy is kept for each function. Then the perceptron learns by itself,
# with at most 100 corrections each.

# %% name="boolean"
z = (x @ np.mgrid[-2:2:81j, -2:2:81j, -2:2:81j].reshape(3, -1)).T
right = {y: float(np.mean(np.sign(z.round(2)) == y, axis=1).max())
         for y in product((-1, 1), repeat=4)}
learned = {y: len(p.fit(x, np.array(y), 100)[1]) < 100 for y in right}
best = [*right.values()]
print(f"grid: {best.count(1)} reach 1, {best.count(0.75)} at most 0.75")
print(f"perceptron: learns {sum(learned.values())}")

# %% [markdown] lang="zh"
# ## 随机的点
#
# 正方形 $[-1, 1]^2$ 中 50 个点，标签由一条随机直线给出，间隔至少
# $\gamma = 0.1$（在加了常数 1 的空间里量）。第二组只翻转 1 个标签：
# 最靠近正类中心的点。

# %% [markdown] lang="en"
# ## Random points
#
# 50 points of the square $[-1, 1]^2$, at least $\gamma = 0.1$ away from a
# random line (measured in the space with the constant 1), labeled by the
# line. In the second arm 1 label is flipped: that of the point nearest to the
# center of the positive class.

# %% name="random"
clean, flipped, bounds = [], [], []
for seed in SEEDS:
    rng = np.random.default_rng(seed)
    u = rng.normal(size=3) * (0.3, 1, 1)
    points = np.insert(rng.uniform(-1, 1, (400, 2)), 0, 1, axis=1)
    points = points[np.abs(points @ u) >= 0.1 * np.linalg.norm(u)][:50]
    y = np.sign(points @ u)
    bounds.append(float(p.mistake_bound(0.1, points)))
    clean.append(len(p.fit(points, y, 300)[1]))
    off = np.linalg.norm(points - points[y > 0].mean(axis=0), axis=1)
    y[off.argmin()] *= -1
    flipped.append(len(p.fit(points, y, 300)[1]))
print(f"separable: at most {max(clean)} corrections, bound {min(bounds):.0f}")
print(f"1 label flipped: {flipped.count(300)} of 5 sets not done after 300")

# %% [markdown] lang="zh"
# ## 旁注：Hopfield 网络的回忆
#
# 100 个单元。存 5 个或 40 个随机图案，每个图案翻转 10 个单元作为起点，
# 按随机顺序一个一个更新，共 2 轮。能量是整数，每次更新后都检查它没有上升。

# %% [markdown] lang="en"
# ## Aside: recall in a Hopfield network
#
# 100 units. Store 5 or 40 random patterns, start from each with 10 units
# flipped, and update one unit after another in random order, 2 rounds. The
# energy is an integer; after each update it is checked not to have risen.

# %% name="hopfield"
recalled, rises = {5: 0, 40: 0}, 0
for P, seed in product(recalled, SEEDS):
    rng = np.random.default_rng(seed)
    xi = rng.choice([-1.0, 1.0], (P, 100)).astype("float32")
    flips = rng.permuted(np.tile(np.arange(100) < 10, (P, 1)), axis=1)
    W, s = p.hebb(xi), np.where(flips, -xi, xi)
    E = [ops.convert_to_numpy(p.energy(W, s))]
    for i in (*rng.permutation(100), *rng.permutation(100)):
        s = p.hopfield_update(W, s, int(i))
        E.append(ops.convert_to_numpy(p.energy(W, s)))
    rises += int(np.sum(np.diff(E, axis=0) > 0))
    recalled[P] += int(np.sum(np.all(ops.convert_to_numpy(s) == xi, axis=1)))
print(f"recalled: {recalled[5]} of 25 (5 stored), {recalled[40]} of 200 (40)")
print(f"updates that raised the energy: {rises}")
