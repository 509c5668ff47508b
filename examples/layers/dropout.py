# %% [markdown] lang="zh"
# # 丢弃法：期望不变，噪声变大
#
# 1. 4 个 1，丢弃率 0.5：训练时，它们的和的平均与方差各是多少？
# 2. 线性回归每步随机丢掉一半输入，走到哪里？
# 3. 只有 100 幅手写数字，丢弃法能否缩小泛化差距？
#
# 最后一问要训练 15 个网络，所以在 2 个 CPU 核上约需半分钟。

# %% [markdown] lang="en"
# # Dropout: the same expectation, more noise
#
# 1. 4 times 1, and a rate of 0.5: what are mean and variance of the sum in
#    training?
# 2. A linear regression drops half of its inputs at each step: where does it
#    end?
# 3. With only 100 handwritten digits, does dropout narrow the generalization
#    gap?
#
# The last question trains 15 networks, so all of it takes about half a minute
# on 2 CPU cores.

# %% name="setup"
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers, ops

from dlguide.data.digits import digits
from dlguide.layers.dropout import Dropout, dropout_ridge

SEEDS = (0, 1, 2, 3, 4)

# %% [markdown] lang="zh"
# ## 先猜一猜的答案
#
# 抽 100,000 次。

# %% [markdown] lang="en"
# ## The answer to the guess
#
# 100,000 draws.

# %% name="guess"
sums = Dropout(0.5, seed=SEEDS[0])(np.ones((100_000, 4)), training=True)
sums = ops.convert_to_numpy(sums).sum(axis=1)
print(f"mean {sums.mean():.1f}, variance {sums.var():.1f}, "
      f"all dropped in {np.mean(sums == 0):.0%} of the draws")

# %% [markdown] lang="zh"
# ## 线性回归
#
# 30 个样本，6 个尺度不同的输入。梯度下降走 8,000 步，每步用新的掩码，
# 丢弃率 0.5；后一半的权重取平均，与公式的加权岭回归、与最小二乘比较。

# %% [markdown] lang="en"
# ## Linear regression
#
# 30 examples, 6 inputs on different scales. 8,000 steps of gradient descent,
# each with a fresh mask and a rate of 0.5. The mean of the weights over the
# second half is compared with the weighted ridge regression of the formula
# and with least squares.

# %% name="ridge"
near, far = [], []
for seed in SEEDS:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, 6)) * np.linspace(0.5, 1.5, 6)
    y = X @ rng.normal(size=(6, 1)) + rng.normal(size=(30, 1))
    w, mean = np.zeros((6, 1)), 0
    for t in range(8000):
        X_m = 2 * X * (rng.random(X.shape) >= 0.5)
        w = w - 0.02 * X_m.T @ (X_m @ w - y) / 30
        mean = mean + w * (t >= 4000) / 4000
    near.append(np.abs(mean - np.array(dropout_ridge(X, y, 0.5))).max())
    far.append(np.abs(mean - np.linalg.lstsq(X, y)[0]).max())
print(f"at most {max(near):.2f} from the weighted ridge, "
      f"at least {min(far):.1f} from least squares")

# %% [markdown] lang="zh"
# ## 100 幅手写数字
#
# 64-256-256-10 的网络，100 幅训练图像，Adam 走 300 步，每步用全部图像。
# 3 种做法：没有丢弃法；隐藏层的丢弃率为 0.5；输入再加 0.2。
# 验证集是另外 400 幅图像，测试图像只用来报告。损失都在推理时测；
# 另外记下 `fit` 打印的训练损失，那是训练时测的。

# %% [markdown] lang="en"
# ## 100 handwritten digits
#
# A network 64-256-256-10, 100 training images, 300 steps of Adam with all
# images in each. 3 arms: no dropout; a dropout rate of 0.5 in the hidden
# layers; and one of 0.2 on the inputs as well. The validation set has 400
# further images; the test images only serve to report. Losses are measured at
# inference. Also noted is the training loss that `fit` prints, measured in
# training.

# %% name="digits"
(x_all, y_all), test = digits()
entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
arms, losses, printed, right = ((0, 0), (0, 0.5), (0.2, 0.5)), [], [], []
for arm, seed in [(arm, seed) for arm in arms for seed in SEEDS]:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([
        keras.Input((8, 8, 1)), layers.Flatten(), Dropout(arm[0]),
        layers.Dense(256, "relu"), Dropout(arm[1]),
        layers.Dense(256, "relu"), Dropout(arm[1]), layers.Dense(10)])
    model.compile(keras.optimizers.Adam(0.003), entropy,
                  steps_per_execution=50, jit_compile=False)
    i = np.random.default_rng(seed).permutation(1037)[:100]
    run = model.fit(np.tile(x_all[i], (300, 1, 1, 1)), np.tile(y_all[i], 300),
                    batch_size=100, epochs=6, steps_per_epoch=50, verbose=0,
                    shuffle=False)
    printed.append(run.history["loss"][-1])
    parts = (x_all[i], y_all[i]), (x_all[1037:], y_all[1037:]), test
    losses.append([float(entropy(y, model(x))) for x, y in parts])
    z = ops.convert_to_numpy(model(test[0]))
    right.append(np.mean(z.argmax(axis=1) == test[1]))
losses, right = np.reshape(losses, (3, 5, 3)), np.reshape(right, (3, 5))
printed, gap = np.reshape(printed, (3, 5)), losses[..., 2] - losses[..., 0]
fig, ax = plt.subplots(num="digits")
for n, look in enumerate(("C1s", "C2^", "C0o")):
    name = "inputs {}, hidden {}".format(*arms[n])
    print("{}: training {:.1f} (in fit {:.1f}), validation {:.1f}, test {:.1f}"
          .format(name, losses[n, :, 0].mean(), printed[n].mean(),
                  *losses[n].mean(axis=0)[1:]))
    ax.plot(SEEDS, losses[n, :, 2], look, label=name)
ax.set(xlabel="seed", ylabel="test loss (nats)", xticks=SEEDS, ylim=(0, 1.6))
ax.legend(fontsize=9, ncol=3, loc="upper center")
plt.show()
