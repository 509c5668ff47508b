# %% [markdown] lang="zh"
# # 三个可以证伪的说法
#
# 1. 损失与错误率随数据量按幂律下降；幂律能外推到没试过的规模吗？
# 2. 沿梯度符号走一小步，能翻转小网络的大半答案；同样大小的噪声不能。
# 3. 过拟合的网络过于自信；一个温度就能纠正大半，而且一个答案也不变。
#
# 共训练 40 个小网络，在 2 个 CPU 核上约需 40 秒。

# %% [markdown] lang="en"
# # Three claims that can fail
#
# 1. Loss and error fall with the amount of data by a power law. Does the law
#    reach a size that was not tried?
# 2. A small step along the sign of the gradient flips most answers of a small
#    network; noise of the same size does not.
# 3. An overfitted network is too sure of itself; one temperature mends most
#    of it, and changes not a single answer.
#
# It trains 40 small networks: about 40 seconds on 2 CPU cores.

# %% name="setup"
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

from dlguide.about import outlook as o
from dlguide.data.digits import digits

SEEDS = (0, 1, 2, 3, 4)
SIZES = np.float32([20, 40, 80, 160, 320, 640, 1280])
EPSILON, T_5 = 0.15, 2.776  # T_5: Student's t, 4 degrees of freedom, 95%
(x, y), (x_test, y_test) = digits()
x, x_test = x.reshape(-1, 64), x_test.reshape(-1, 64)
one_hot = np.eye(10, dtype="float32")

# %% [markdown] lang="zh"
# ## 训练
#
# 64 个 ReLU，Adam，每批 32 张。每个种子先打乱训练集，取前 $n$ 张；
# 步数不随 $n$ 改变。

# %% [markdown] lang="en"
# ## Training
#
# 64 ReLUs, Adam, batches of 32. Each seed shuffles the training set and takes
# the first $n$ images; the number of steps does not depend on $n$.

# %% name="training"
def build():
    return keras.Sequential([keras.Input((64,)), layers.Dense(
        64, activation="relu"), layers.Dense(10)])


model = build()
model.compile(keras.optimizers.Adam(0.003), steps_per_execution=100,
              loss=keras.losses.SparseCategoricalCrossentropy(True))
model.optimizer.build(model.trainable_variables)


def train(n, seed, steps):
    keras.utils.set_random_seed(seed)
    model.set_weights(build().get_weights())
    for variable in model.optimizer.variables:
        variable.assign(np.zeros(variable.shape))
    model.optimizer.learning_rate = 0.003
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))
    chosen = order[rng.integers(n, size=32 * steps)]
    model.fit(x[chosen], y[chosen], 32, shuffle=False, verbose=0)
    return model.get_weights(), order[-400:]


def logits(weights, x):
    return ops.convert_to_numpy(o.network(x, *weights))


def loss(z, y):
    return float(-ops.mean(ops.sum(ops.log_softmax(z) * one_hot[y], 1)))


# %% [markdown] lang="zh"
# ## 幂律
#
# 7 个规模，每个 1000 步。只用前 6 个拟合，第 7 个留作检验。
# 区间是 5 个种子的均值的 95% 区间。

# %% [markdown] lang="en"
# ## The power law
#
# 7 sizes, 1,000 steps each. The fit sees the first 6; the last is held out.
# The intervals are those of the mean over 5 seeds, 95%.

# %% name="scaling"
nets = [[train(int(n), s, 1000)[0] for n in SIZES] for s in SEEDS]
z = np.array([[logits(net, x_test) for net in row] for row in nets])
losses = np.array([[loss(z_n, y_test) for z_n in row] for row in z])
errors = np.mean(z.argmax(-1) != y_test, axis=-1)


exponents, predictions, ranges = {}, {}, {}
for name, curves in (("error", errors), ("loss", losses)):
    a, alpha = o.fit_power_law(SIZES[:-1], np.float32(curves[:, :-1]))
    guess = ops.convert_to_numpy(o.power_law(SIZES[-1], a, alpha))
    exponents[name] = low, high = [float(v) for v in o.interval(alpha, T_5)]
    print(f"{name}: exponent {low:.1f} to {high:.1f}; at 1280 images above",
          f"its prediction in {sum(curves[:, -1] > guess)} of 5 seeds")
    predictions[name] = guess
    ranges[name] = [float(v) for v in o.interval(guess, T_5)]
low, high = np.multiply(100, ranges["error"])
line = np.mean(ranges["error"]) * (1280 / SIZES) ** np.mean(exponents["error"])
print(f"error at 1280: predicted {low:.0f}% to {high:.0f}%,",
      f"measured {100 * errors[:, -1].mean():.0f}%")
_, ax = plt.subplots(num="scaling")
ax.loglog(SIZES, errors.T, "C0o", mfc="none")
ax.loglog(SIZES, line, "C1--")
ax.vlines(1280, *ranges["error"], colors="C1", linewidth=6)
ax.set(xlabel="training images", ylabel="test error")
ax.legend(ax.lines[4:6], ["5 seeds", "fitted to 640"])
plt.show()

# %% [markdown] lang="zh"
# ## 攻击
#
# 用 1280 张图像训练的 5 个网络。像素在 $[0, 1]$ 内，一步大小为 $\epsilon$；
# 另一组走随机符号的一步，大小相同。

# %% [markdown] lang="en"
# ## The attack
#
# The 5 networks trained on 1,280 images. Pixels lie in $[0, 1]$, the step has
# size $\epsilon$; in the other arm the signs are random and the size is equal.

# %% name="attack"
epsilons = [0.0, 0.05, 0.1, 0.15, 0.2, 0.25]
flips = np.zeros((5, 2, len(epsilons)))
for s, row in zip(SEEDS, nets, strict=True):
    net, answer = row[-1], z[s, -1].argmax(-1)
    g = o.input_gradient(x_test, one_hot[y_test], *net)
    noise = np.random.default_rng(s).normal(size=x_test.shape)
    for arm, d in enumerate((g, noise.astype("float32"))):
        for k, epsilon in enumerate(epsilons):
            new = logits(net, o.fgsm(x_test, d, epsilon)).argmax(-1)
            flips[s, arm, k] = np.mean(new != answer)
attacked, shaken = flips[:, :, epsilons.index(EPSILON)].T
print(f"step {EPSILON}: gradient signs flip over 1/2 of the answers of",
      f"{sum(attacked > 0.5)} of 5 networks,\nrandom signs under 1/5 of",
      f"{sum(shaken < 0.2)} of 5")
_, ax = plt.subplots(num="attack")
ax.plot(epsilons, flips[:, 0].T, "C1o-", epsilons, flips[:, 1].T, "C0s--")
ax.axhline(0.5, color="C2", linestyle=":")
ax.set(xlabel=r"step $\epsilon$", ylabel="share of answers flipped")
ax.legend(ax.lines[4:6], ["gradient sign", "random signs"])
plt.show()

# %% [markdown] lang="zh"
# ## 校准
#
# 只用 100 张图像训练 3000 步，网络过拟合。温度用另外 400 张图像拟合。

# %% [markdown] lang="en"
# ## Calibration
#
# 3,000 steps on 100 images overfit the network. The temperature is fitted to
# 400 other images.

# %% name="calibration"
ece, nll, temperatures, pooled = *np.zeros((2, 2, 5)), np.zeros(5), []
for s in SEEDS:
    net, other = train(100, s, 3000)
    T = o.fit_temperature(logits(net, x[other]), one_hot[y[other]])
    temperatures[s], z_test = T, logits(net, x_test)
    for k, t in enumerate((1, T)):
        p = o.tempered(z_test, t)
        ece[k, s] = o.calibration_error(p, y_test)
        nll[k, s] = loss(z_test / t, y_test)
        pooled.append(ops.convert_to_numpy(p))
print("calibration error below 0.7 times what it was:",
      f"{sum(ece[1] < 0.7 * ece[0])} of 5; temperature above 1.2:",
      f"{sum(temperatures > 1.2)} of 5")
_, ax = plt.subplots(num="reliability")
for p, style in ((pooled[::2], "C1o-"), (pooled[1::2], "C0s-")):
    share, confidence, accuracy = map(ops.convert_to_numpy, o.reliability(
        np.concatenate(p), np.tile(y_test, 5)))
    ax.plot(confidence[share > 0.005], accuracy[share > 0.005], style)
ax.plot([0, 1], [0, 1], "C2--")
ax.set(xlabel="confidence", ylabel="accuracy")
ax.legend(["T = 1", "T fitted", "calibrated"])
plt.show()
