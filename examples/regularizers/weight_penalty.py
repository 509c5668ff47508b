# %% [markdown] lang="zh"
# # 权重惩罚：缩小、归零，以及它们不是什么
#
# 1. L2 惩罚在弯的与平的方向上各留下几成？
# 2. L1 惩罚写进损失，交给 Adam，权重会不会恰好为零？
# 3. 同样叫“权重衰减”，写进损失与写进更新，有什么不同？
# 4. 100 个手写数字，惩罚能否缩小泛化差距？

# %% [markdown] lang="en"
# # Weight penalties: what they shrink and what they zero
#
# 1. What share does an L2 penalty keep in a curved and in a flat direction?
# 2. Put L1 into the loss and give it to Adam: are any weights exactly zero?
# 3. Decay in the loss and decay in the update: what is the difference?
# 4. With 100 handwritten digits, does a penalty narrow the generalization gap?

# %% name="setup"
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import ops, optimizers

from dlguide.data.digits import digits
from dlguide.regularizers import weight_penalty as wp

SEEDS = (0, 1, 2, 3, 4)
rngs = [np.random.default_rng(seed) for seed in SEEDS]


def descend(optimizer, w, gradient, steps):
    w, path = keras.Variable(w), []
    optimizer.build([w])
    for t in range(steps):
        optimizer.apply([gradient(w, t)], [w])
        path.append(np.copy(ops.convert_to_numpy(w)))
    return np.array(path)


# %% [markdown] lang="zh"
# ## 先猜一猜的答案
#
# 曲率为 10 与 0.1 的两个方向，惩罚强度 1。

# %% [markdown] lang="en"
# ## The answer to the guess
#
# Two directions of curvature 10 and 0.1, and a penalty of strength 1.

# %% name="guess"
print(f"{wp.share_kept(10, 1):.0%} and {wp.share_kept(0.1, 1):.0%} kept")

# %% [markdown] lang="zh"
# ## 恰好为零
#
# 线性回归，200 个样本，50 个输入，只有前 5 个有用，5 个种子同时算。数据、起点与
# L1 惩罚（强度 0.2）都相同：一边把惩罚的梯度加进损失的梯度，交给 Adam；
# 一边让近端梯度下降自己走那一步。

# %% [markdown] lang="en"
# ## Exactly zero
#
# Linear regression, 200 examples, 50 inputs of which the first 5 matter, 5
# seeds side by side. Data, start and L1 penalty (strength 0.2) are the same.
# One arm adds the gradient of the penalty to that of the loss and hands both
# to Adam; the other leaves that step to proximal gradient descent.

# %% name="lasso"
X, start, noise = (np.float32([rng.normal(size=size) for rng in rngs])
                   for size in ((200, 50), (50, 1), (200, 1)))
y = X[..., :5].sum(axis=2, keepdims=True) + noise


def gradient(w, t=0, alpha=0.0):
    r = ops.subtract(ops.matmul(X, w), y)
    return ops.matmul(X.swapaxes(1, 2), r) / 200 + alpha * ops.sign(w)


adam = descend(optimizers.Adam(0.01), start,
               lambda w, t: gradient(w, alpha=0.2), 600)[-1]
proximal = descend(wp.ProximalGradient(0.1, 0.2), start, gradient, 600)[-1]
for name, w in (("Adam", adam), ("proximal", proximal)):
    zeros = (w == 0).sum(axis=(1, 2))
    print(f"{name:8}: {zeros.min()} to {zeros.max()} of 50 weights are zero")

# %% [markdown] lang="zh"
# ## 两种衰减
#
# 每个权重从 1 出发，损失的梯度是纯噪声，标准差 $c$ 为 0.1、1 或 10，
# 各 200 个权重，5 个种子。只有惩罚在拉它们：$\alpha = 0.2$，
# 学习率 0.01，500 步。

# %% [markdown] lang="en"
# ## Two kinds of decay
#
# Every weight starts at 1, and the gradient of its loss is nothing but noise
# of standard deviation $c$, 0.1, 1 or 10; 200 weights each, 5 seeds. Only the
# penalty pulls: $\alpha = 0.2$, learning rate 0.01, 500 steps.

# %% name="decay"
c, ones = np.array([0.1, 1, 10])[:, None], np.ones((5, 3, 200), "f4")
xi = np.float32([c * rng.normal(size=(500, 3, 200)) for rng in rngs])
coupled = descend(optimizers.Adam(0.01), ones, lambda w, t:
                  ops.add(xi[:, t], 0.2 * w), 500).mean(axis=3)
decoupled = descend(optimizers.AdamW(0.01, 0.2), ones, lambda w, t:
                    ops.convert_to_tensor(xi[:, t]), 500).mean(axis=3)
fig, ax = plt.subplots(num="decay")
for n in range(3):
    l2, w = np.abs([coupled[..., n], decoupled[..., n]]).mean(axis=2)
    print(f"c = {c[n, 0]:4}: L2 in the loss {l2[-1]:.1f}, AdamW {w[-1]:.1f}")
    ax.plot(l2, f"C{n}-", label=f"L2 in the loss, c = {c[n, 0]:g}")
    ax.plot(w, f"C{n}:", label=f"AdamW, c = {c[n, 0]:g}")
ax.set(xlabel="step", ylabel="mean weight", ylim=(-0.05, 1.5))
ax.legend(fontsize=9, ncol=2, loc="upper center")
plt.show()

# %% [markdown] lang="zh"
# ## 100 个手写数字
#
# 一个 softmax 分类器，64 个像素接 10 类，没有隐藏层；100 幅训练图像，
# Adam 走 300 步。4 种强度、5 个种子同时训练。强度由另外 400 幅图像
# 组成的验证集选出，测试图像只用来报告。

# %% [markdown] lang="en"
# ## 100 handwritten digits
#
# A softmax classifier, 64 pixels to 10 classes with no hidden layer, 100
# training images, 300 steps of Adam; 4 strengths and 5 seeds side by side. A
# validation set of 400 further images chooses the strength; the test images
# only serve to report.

# %% name="digits"
def flat(x, y):
    return x.reshape(*y.shape, 64), np.eye(10, dtype="f4")[y]


def pull(W, t):
    r = ops.subtract(ops.softmax(ops.matmul(x, W)), Y)
    return ops.matmul(x.swapaxes(1, 2), r) / 100 + ops.multiply(alpha, W)


(x_all, y_all), test = digits()
i = np.array([rng.permutation(1037)[:100] for rng in rngs])
x, Y = flat(x_all[i], y_all[i])
alpha = np.float32([0, 0.001, 0.01, 0.1]).reshape(4, 1, 1, 1)
W = descend(optimizers.Adam(0.1), np.zeros((4, 5, 64, 10), "f4"), pull, 300)[-1]
losses = []  # (training, validation, test; strengths; seeds)
for x_part, Y_part in ((x, Y), flat(x_all[1037:], y_all[1037:]), flat(*test)):
    log_p = ops.convert_to_numpy(ops.log_softmax(ops.matmul(x_part, W)))
    losses.append(-np.sum(Y_part * log_p, axis=3).mean(axis=2))
for n, means in enumerate(np.mean(losses, axis=2).T):
    print("strength {:5.3f}: training {:.2f}, validation {:.2f}, test {:.2f}"
          .format(alpha[n].item(), *means))
