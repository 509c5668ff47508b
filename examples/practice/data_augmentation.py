# %% [markdown] lang="zh"
# # 数据增强：何时有益，何时有害
#
# 1. 100 个训练数字，两套数据：哪种增强有益，哪种有害？
# 2. 一个样本的 10 份副本抵得上几个新样本？
# 3. 测试时忘了关掉增强，会怎样？
# 4. 先复制、后划分，验证准确率虚高多少？
#
# 共训练 65 个小网络，本例较长，CPU 时间约 1 分钟。

# %% [markdown] lang="en"
# # Data augmentation: when it helps and when it hurts
#
# 1. 100 training digits, two data sets: which augmentation helps, which hurts?
# 2. How many new examples are 10 copies of one example worth?
# 3. What happens if augmentation stays on in the test?
# 4. By how much is the validation accuracy inflated if the copies are made
#    before the split?
#
# It trains 65 small networks: a long example, about 1 minute of CPU time.

# %% name="setup"
import keras
import matplotlib.pyplot as plt
import numpy as np

from dlguide.data.digits import digits
from dlguide.practice import data_augmentation as da
from dlguide.vision.cnn import train

SEEDS = (0, 1, 2, 3, 4)
SIDE, SEEN = 14, 6016  # pixels of the canvas; images seen, 188 steps of 32
(x_train, y_train), (x_test, y_test) = (
    (np.pad(x, ((0, 0), (3, 3), (3, 3), (0, 0))), y) for x, y in digits())
eye = np.eye(10, dtype="float32")
model = da.small_cnn(SIDE)
model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))


def augmented(x, kind):
    return np.array(da.augmenter(kind, SIDE)(x, training=True))


def predict(x):
    return model.predict_on_batch(x).argmax(-1)


def fit(x, y, kind, seed):
    keras.utils.set_random_seed(seed)
    rng, order = np.random.default_rng(seed), np.arange(SEEN) % len(x)
    x, y = x[order], eye[y[order]]
    if kind == "mixup":
        x, y = map(np.array, da.mixup(
            x, y, rng.beta(0.4, 0.4, SEEN), rng.permutation(SEEN)))
    else:
        x = augmented(x, kind)
    train(model, lambda: da.small_cnn(SIDE), seed, x, y, epochs=1)


# %% [markdown] lang="zh"
# ## 同一种增强，两套数据
#
# 8×8 的数字放在 14×14 的画布上：一套都在正中（0），一套各向偏移至多 2 个像素
# （2），训练集与测试集一样。每个网络都走 188 步，每个副本都是新抽的。
# “400 images”不增强，而是给 400 个真实的训练图像。
# 5 个种子的平均测试准确率比不增强高出 0.03 以上，记 better；低 0.03 以上，
# 记 worse；否则记 same。最后一行：任意旋转使哪个数字的准确率降得最多
# （都在正中）。图中圆点是正中，三角是偏移。

# %% [markdown] lang="en"
# ## The same augmentation, two data sets
#
# Digits of 8×8 on a canvas of 14×14: in one set all are centered (0), in the
# other they lie up to 2 pixels off (2), in training and test alike. Each
# network takes 188 steps, and each copy is newly drawn. "400 images" has no
# augmentation but 400 real training images. The mean test accuracy of 5 seeds
# is called better if it is more than 0.03 above that without augmentation,
# worse if more than 0.03 below, else the same. The last line: the digit whose
# accuracy falls most under free rotation (centered). In the figure circles are
# centered digits, triangles moved ones.

# %% name="training"
KINDS = "400 images", "shift 2", "shift 1", "none", "mixup", "rotate", "mirror"
right, nets, (fig, ax) = {}, {}, plt.subplots(num="scores")
for kind, reach in [(k, 2) for k in KINDS[:4]] + [(k, 0) for k in KINDS]:
    runs = right[kind, reach] = []
    for seed in SEEDS:
        rng, real = np.random.default_rng(seed), kind == "400 images"
        some = rng.permutation(len(x_train))[: 400 if real else 100]
        test, x = (da.scatter(x, reach, rng) for x in (x_test, x_train[some]))
        fit(x, y_train[some], "none" if real else kind, seed)
        nets[kind, reach, seed] = model.get_weights()
        runs.append(predict(test) == y_test)
scores = {key: np.mean(runs, axis=1) for key, runs in right.items()}
for (kind, reach), s in scores.items():
    more = s.mean() - scores["none", reach].mean()
    print(f"{kind:10} {reach}", "better" if more > 0.03 else
          "worse" if more < -0.03 else "same")
    ax.plot(s, [kind] * 5, "C1^" if reach else "C0o")
known = {kind: [np.mean(right[kind, 0], axis=0)[y_test == k].mean()
                for k in range(10)] for kind in ("none", "rotate")}
print("rotation costs most for the digit",
      np.subtract(known["none"], known["rotate"]).argmax())
ax.set(xlabel="test accuracy", xlim=(0.2, 1))
plt.show()

# %% [markdown] lang="zh"
# ## 10 份副本抵得上几个样本
#
# 总体：360 个测试图像 × 25 种平移。不增强的网络（偏移的那套数据）在每个图像、
# 每种平移上各有一个损失。一个样本从 1 份副本增到 10 份，
# 平均损失的方差缩小几倍？

# %% [markdown] lang="en"
# ## How many examples are 10 copies worth?
#
# The population: 360 test images × 25 shifts. The network without augmentation
# (on moved digits) has a loss for each image and each shift. By what factor
# does the variance of the mean loss shrink if each example comes in 10 copies
# instead of 1?

# %% name="worth"
worth, copies = [], [np.array(da.translate(
    x_test, [v] * 360)) for v in np.argwhere(np.ones((5, 5))) - 2]
for seed in SEEDS:
    model.set_weights(nets["none", 2, seed])
    loss = keras.ops.stack([keras.ops.categorical_crossentropy(
        eye[y_test], model.predict_on_batch(x), True) for x in copies])
    V = [float(da.risk_variance(loss, 1, M)) for M in (1, 10)]
    worth.append(V[0] / V[1])
print(f"a factor of {min(worth):.0f} to {max(worth):.0f}, not 10")

# %% [markdown] lang="zh"
# ## 测试时忘了关掉增强
#
# 用“shift 1”训练的网络，数字都在正中：测试图像原样一次，误加增强两次。

# %% [markdown] lang="en"
# ## Augmentation left on in the test
#
# The networks trained with "shift 1", centered digits: the test images as they
# are, then twice with augmentation by mistake.

# %% name="test"
lost, changed = [], []
for seed in SEEDS:
    model.set_weights(nets["shift 1", 0, seed])
    once, again = (predict(augmented(x_test, "shift 1")) for _ in range(2))
    lost.append(scores["shift 1", 0][seed] - (once == y_test).mean())
    changed.append((once != again).mean())
print("accuracy lost: > 0.03 in", sum(np.greater(lost, 0.03)), "of 5")
print("labels changed: > 10% in", sum(np.greater(changed, 0.1)), "of 5")

# %% [markdown] lang="zh"
# ## 先复制，还是先划分
#
# 100 个偏移的数字，每个 10 份副本（“shift 1”），四分之一留作验证。
# “copy”：先复制，打乱，再划分；“split”：先划分，只复制训练部分。
# 另有 1,337 个图像从未用过，用来检验。
# 虚高 = 验证准确率 − 未用图像上的准确率，取 5 个种子的平均。

# %% [markdown] lang="en"
# ## Copy first or split first
#
# 100 moved digits with 10 copies each ("shift 1"), a quarter for validation.
# "copy": make the copies, shuffle, then split. "split": split, then copy the
# training part only. 1,337 other images, never used, tell the truth. The
# inflation is validation accuracy minus accuracy on these, mean of 5 seeds.

# %% name="leakage"
inflation = {"copy": [], "split": []}
for first, gaps in inflation.items():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        x, order = da.scatter(x_train, 2, rng), rng.permutation(len(x_train))
        mix = rng.permutation if first == "copy" else np.array
        copies, unseen = mix(np.repeat(order[:100], 10)), order[100:]
        a, val = augmented(x[copies], "shift 1"), copies[750:]
        x_val = a[750:] if first == "copy" else x[val]
        fit(a[:750], y_train[copies[:750]], "none", seed)
        gaps.append((predict(x_val) == y_train[val]).mean()
                    - (predict(x[unseen]) == y_train[unseen]).mean())
    print(f"{first}: inflated by", ">" if np.mean(gaps) > 0.15 else "<", "0.15")
