# %% [markdown] lang="zh"
# # 从原始像素到可信的测试分数
#
# 原文的八步，逐一做对。默认数据是生成的 `shapes`：10 类图形，
# 格式与 CIFAR-10 相同，但**不是** CIFAR-10。
# 不需下载，CPU 时间约 1 分钟，比别的例子长：训练 5 个种子。
#
# 真正的 CIFAR-10：`python examples/practice/cifar10.py cifar10`，
# 或把 `cifar10` 换成本地压缩包的路径。
# 因机器而异的内容（分数的全部小数）写到标准错误输出。

# %% [markdown] lang="en"
# # From raw pixels to a test score you can trust
#
# The article's eight steps, each done right. The default data are
# the generated `shapes`: 10 kinds of figure in CIFAR-10's format,
# but **not** CIFAR-10. No download, and about 1 minute of CPU time,
# longer than other examples, since it trains 5 seeds.
#
# For the real CIFAR-10: `python examples/practice/cifar10.py cifar10`,
# or the path of a local archive in place of `cifar10`. What differs
# between machines (all digits of the scores) goes to standard error.

# %% name="setup"
import sys
import tempfile

import keras
import matplotlib.pyplot as plt
import numpy as np

from dlguide.data import cifar10, shapes
from dlguide.practice import cifar10 as steps

SEEDS = [0, 1, 2, 3, 4]
named = sys.argv[1:] if sys.argv[0].endswith("cifar10.py") else []
SOURCE = named[0] if named else "shapes"

# %% [markdown] lang="zh"
# ## 数据
#
# `uint8` 像素，标签是一列整数。先看图，再看模型。

# %% [markdown] lang="en"
# ## Data
#
# `uint8` pixels, and a column of integer labels. Look at the images
# before you look at a model.

# %% name="data"
data = (shapes.shapes(3000, 2000) if SOURCE == "shapes" else
        cifar10.cifar10("keras" if SOURCE == "cifar10" else SOURCE))
names = (shapes if SOURCE == "shapes" else cifar10).CLASS_NAMES
(x, y), (x_test, y_test) = data
print(f"{SOURCE}: train {x.shape}, test {x_test.shape}, {x.dtype}")
fig, ax = plt.subplots(num="samples", figsize=(6.4, 1.6))
ax.imshow(np.hstack(x[:6]), interpolation="none")
plt.show()

# %% [markdown] lang="zh"
# ## 网络
#
# 逐层数参数；再把池化窗口换成 1（等于不池化），重数一次。

# %% [markdown] lang="en"
# ## The network
#
# Count the parameters layer by layer; then once more with pooling
# windows of 1, which is no pooling.

# %% name="budget"
for pool in (2, 1):
    counts = [w.count_params() for w in steps.build_model(pool=pool).layers]
    print(f"pool {pool}: {' + '.join(str(n) for n in counts if n)} = "
          f"{sum(counts)}, the largest is {max(counts) / sum(counts):.0%}")

# %% [markdown] lang="zh"
# ## 训练
#
# 每个种子：每类留出 10% 作验证；均值与标准差只用训练部分；
# 交叉熵加 Adam；由验证损失决定留下哪一轮的权重。
#
# `literal` 按原文正文的说法训练 1 轮：SGD，学习率 0.01，
# 对整数标签用均方误差。

# %% [markdown] lang="en"
# ## Training
#
# For each seed: hold out 10% of each class for validation; mean and
# standard deviation from the training part only; cross-entropy and
# Adam; the validation loss decides which epoch's weights stay.
#
# `literal` follows the article's prose for 1 epoch: SGD, learning rate
# 0.01, mean squared error on the integer labels.

# %% name="training"
runs, scores, mse = [], [], []
for seed in SEEDS:
    fit, val = ((x[i], y[i]) for i in steps.split(y, 0.1, seed))
    stats = steps.channel_stats(fit[0])
    keras.utils.set_random_seed(seed)
    model, literal = steps.build_model(*stats), steps.build_model(*stats)
    runs.append(steps.train(model, fit, val, 5 if SOURCE == "shapes" else 30))
    scores.append(steps.predict(model, x_test))
    literal.add(keras.layers.Softmax())
    literal.compile(keras.optimizers.SGD(0.01), "mse", metrics=["accuracy"])
    literal.fit(*fit, verbose=0)
    mse.append(literal.evaluate(*val, verbose=0))

# %% name="curves"
best = [max(run["val_accuracy"]) for run in runs]
loss, acc = np.max(mse, axis=0)
print(f"validation accuracy above {np.floor(min(best) * 10) / 10:.1f}; with "
      f"integer MSE below {np.ceil(acc * 10) / 10:.1f}, loss {loss:.2f}")
fig, ax = plt.subplots(num="curves")
for run in runs:
    e = range(1, len(run["loss"]) + 1)
    ax.plot(e, run["loss"], "C0o-", e, run["val_loss"], "C1s--", lw=1)
ax.legend(["train", "validation"])
ax.set(xlabel="epoch", ylabel="cross-entropy (nats)", xticks=e)
plt.show()

# %% [markdown] lang="zh"
# ## 评估
#
# 所有选择都已做完，测试集到这里才看，每个模型只看一次。

# %% [markdown] lang="en"
# ## Evaluation
#
# All choices are made. Only now look at the test set, once per model.

# %% name="evaluation"
M = [steps.confusion_matrix(y_test, p.argmax(1)) for p in scores]
low, high = steps.wilson([m.trace() for m in M], len(y_test))
print("intervals:", low.round(4), high.round(4), file=sys.stderr)
print(f"test: all {len(SEEDS)} above {np.floor(min(low) * 10) / 10:.1f}; "
      f"half-width, n = {len(y_test)}: {max(high - low) * 50:.0f} points")
fig, ax = plt.subplots(num="confusion", figsize=(6.4, 5))
ax.imshow(M[0], cmap="Blues", aspect="auto", vmax=2 * M[0].max())
for j, k in np.ndindex(10, 10):
    ax.text(k, j, M[0][j, k], ha="center", va="center", color="#111111")
ax.set(xlabel="predicted class", ylabel="true class", xticks=range(10),
       yticks=range(10), yticklabels=[f"{a} {j}" for j, a in enumerate(names)])
plt.show()

# %% [markdown] lang="zh"
# ## 逐类准确率
#
# 每类的图像少，区间就宽。

# %% [markdown] lang="en"
# ## Accuracy class by class
#
# A class has few images, and so the intervals are wide.

# %% name="classes"
right, n_k = M[0].diagonal(), M[0].sum(1)
low_k, top_k = steps.wilson(right, n_k)
print(f"half-width, n = {min(n_k)}: up to {max(top_k - low_k) * 50:.0f} points")
fig, ax = plt.subplots(num="classes")
ax.errorbar(right / n_k, range(10), fmt="C0o", capsize=3,
            xerr=[right / n_k - low_k, top_k - right / n_k])
ax.set(xlabel="accuracy in the class", xlim=(0, 1), ylim=(9.5, -0.5),
       yticks=range(10), yticklabels=names)
plt.show()

# %% [markdown] lang="zh"
# ## 错得最有把握的图像

# %% [markdown] lang="en"
# ## The most confident mistakes

# %% name="worst"
worst = steps.worst_errors(y_test, scores[0])
fig, axes = plt.subplots(2, 4, num="worst", figsize=(6.4, 4.4))
for ax, i in zip(axes.flat, worst, strict=True):
    ax.imshow(x_test[i])
    said = f"{names[scores[0][i].argmax()]} {scores[0][i].max():.2f}"
    ax.set(xticks=[], yticks=[], xlabel=f"{names[y_test[i, 0]]}\n-> {said}")
plt.show()

# %% [markdown] lang="zh"
# ## 保存、载入、预测一张
#
# 载入的模型直接接受原始像素，不必再记均值与标准差。单张图像挑了容易的一张，
# 好让每台机器印出同样的结果。

# %% [markdown] lang="en"
# ## Save, load, predict one
#
# The loaded model takes raw pixels: nobody has to remember the mean and
# the standard deviation. The single image is an easy one, so that every
# machine prints the same.

# %% name="saved"
with tempfile.TemporaryDirectory() as folder:
    model.save(f"{folder}/net.keras")
    loaded = keras.models.load_model(f"{folder}/net.keras")
same = np.allclose(steps.predict(loaded, x_test), scores[-1], atol=1e-5)
one = steps.predict(loaded, x_test[8])
print(f"same probabilities after loading: {same}; one image: "
      f"{names[one.argmax()]}, true class {names[y_test[8, 0]]}")
