# %% [markdown] lang="zh"
# # 批量归一化：同样的图片，两种成绩
#
# 1. 移动统计量里还剩多少初始值？
# 2. 训练 66 步以后，训练时的准确率与推理时的差多少？怎样补救？
# 3. 一个批量里只有一个类别，会怎样？
# 4. 学习率能大到多少？
#
# 要训练 30 个 10 层的网络，CPU 时间约 40 秒；机器忙的时候，实际用时会超过
# 1 分钟。

# %% [markdown] lang="en"
# # Batch normalization: the same images, two scores
#
# 1. How much of their initial values is left in the moving statistics?
# 2. After 66 steps, how far is the accuracy in inference from that in
#    training, and what cures it?
# 3. What if a batch holds one class only?
# 4. How large may the learning rate be?
#
# It trains 30 networks of 10 layers: about 40 seconds of CPU time, and over 1
# minute on a busy machine.

# %% name="setup"
import matplotlib.pyplot as plt
import numpy as np
from keras import Input, Sequential, layers, losses, ops, utils

from dlguide.data.digits import digits
from dlguide.layers.batch_normalization import BatchNormalization

SEEDS = (0, 1, 2, 3, 4)
LOSS = losses.SparseCategoricalCrossentropy(from_logits=True)
(x, y), _ = digits()
x, y = x[:1408].reshape(-1, 64), y[:1408]  # 11 batches of 128

# %% [markdown] lang="zh"
# ## “先猜一猜”的答案
#
# 66 步以后，移动统计量里还剩多少初始值？

# %% [markdown] lang="en"
# ## The answers to the guess
#
# How much of the initial values is left in the moving statistics after 66
# steps?

# %% name="guess"
for alpha in (0.99, 0.9):
    print(f"momentum {alpha}: {alpha**66:.3f} of the initial values left")

# %% [markdown] lang="zh"
# ## 冷的移动统计量
#
# 10 层，每层 64 个单元，SGD，学习率 0.1，每轮 11 步，每步 128 张图片。
# 验证集**就是训练集**，所以 `fit` 的两个准确率说的是同一批图片：
# 一个用批量的统计量，一个用移动统计量。

# %% [markdown] lang="en"
# ## Cold moving statistics
#
# 10 layers of 64 units, SGD at a learning rate of 0.1, 11 steps of 128 images
# an epoch. The validation set **is the training set**, so both accuracies of
# `fit` speak of the same images: one with the statistics of the batch, the
# other with the moving statistics.

# %% name="train"
curves, models, weights, final = {}, {}, {}, {}


def network(momentum=None, init="glorot_uniform"):
    stack = [Input((64,))]
    for _ in range(10):
        norm = [] if momentum is None else [BatchNormalization(momentum)]
        stack += [layers.Dense(64, use_bias=not norm, kernel_initializer=init),
                  *norm, layers.ReLU()]
    model = Sequential([*stack, layers.Dense(10)])
    model.compile("sgd", LOSS, metrics=["accuracy"], steps_per_execution=11)
    return model


def train(model, seed, rate, *options):
    utils.set_random_seed(seed)
    model.set_weights(network(*options).get_weights())
    model.optimizer.learning_rate = rate
    run = model.fit(x, y, batch_size=128, epochs=6, verbose=0,
                    validation_data=(x, y), validation_batch_size=1408)
    weights[seed, options] = model.get_weights()
    return [run.history[name] for name in ("accuracy", "val_accuracy")]


# %% name="cold"
fig, ax = plt.subplots(num="cold")
for alpha, look in ((0.99, "C1--"), (0.9, "C0-")):
    model = models[alpha] = network(alpha)
    runs = np.array([train(model, seed, 0.1, alpha) for seed in SEEDS])
    curves[alpha], (a, b) = runs, runs[:, :, -1].T  # training, inference
    ax.plot(range(11, 67, 11), runs[:, 1].T, look)
    print(f"momentum {alpha}: training mode above 0.9 in {sum(a > 0.9)}, "
          f"inference above 0.9 in {sum(b > 0.9)}, below 0.6 in {sum(b < 0.6)}")
ax.plot(range(11, 67, 11), runs[:, 0].T, "C2:")
ax.legend(ax.lines[::5], ["inference, 0.99", "inference, 0.9", "training"])
ax.set(xlabel="training steps", ylabel="accuracy, same images", ylim=(0, 1))
plt.show()

# %% [markdown] lang="zh"
# ## 补救，以及清一色的批量
#
# 取 0.99 训练出的 5 组权重，不再改动，让全部图片作为一个批量走一遍，动量取 0：
# 移动统计量就成了全体的统计量。再取每个类别 64 张图片，混着分成 10 个批量，
# 或按类别来分，都用训练模式计算准确率。

# %% [markdown] lang="en"
# ## The cure, and batches of one class
#
# Take the 5 sets of weights trained with 0.99, leave them alone and pass all
# images as one batch with momentum 0: the moving statistics become those of the
# whole set. Then take 64 images of each class, cut them into 10 mixed
# batches, or by class, and compute the accuracy in training mode.

# %% name="cure"
by_class = np.array([np.flatnonzero(y == k)[:64] for k in range(10)])


def accuracy(parts, training):
    logits = [model(x[i], training=training) for i in parts]
    return np.mean(ops.convert_to_numpy(ops.argmax(logits, 2)) == y[parts])


scores, model = [], network(0.0)
for seed in SEEDS:
    model.set_weights(weights[seed, (0.99,)])
    model(x, training=True)
    scores.append([accuracy(np.arange(1408)[None], False), *(
        accuracy(i, True) for i in (by_class.T.reshape(10, 64), by_class))])
good, bad = np.array(scores) > 0.9, np.array(scores) < 0.3
print("fresh, mixed, one class: above 0.9", sum(good), "below 0.3", sum(bad))

# %% [markdown] lang="zh"
# ## 更大的学习率
#
# 同样的 10 层，He 初始化，66 步，动量 0.9；不归一化的网络有偏置。

# %% [markdown] lang="en"
# ## Larger learning rates
#
# The same 10 layers with He's initialization, 66 steps, momentum 0.9; the
# network without normalization has biases.

# %% name="rates"
for name, alpha in (("without", None), ("with", 0.9)):
    model = models.get(alpha) or network(alpha)
    for rate in (0.03, 1.0):
        runs = [train(model, seed, rate, alpha, "he_normal") for seed in SEEDS]
        end = final[name, rate] = np.array(runs)[:, 1, -1]
        print(f"{name:7} normalization, rate {rate:4}: above 0.9 in "
              f"{sum(end > 0.9)}, below 0.3 in {sum(end < 0.3)} of 5 seeds")
