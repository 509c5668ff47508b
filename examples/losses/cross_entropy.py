# %% [markdown] lang="zh"
# # 交叉熵：一个损失，四次检验
#
# 1. 一无所知的分类器损失是多少？自信却答错的呢？
# 2. 按定义计算，logit 多大时会失败？
# 3. 起点错得离谱时，交叉熵与平方误差谁先走出来？
# 4. 多套一层 softmax，训练会怎样？
#
# 后两问共训练 30 个小网络，所以在 2 个 CPU 核上要花近半分钟。

# %% [markdown] lang="en"
# # Cross-entropy: one loss, four checks
#
# 1. What is the loss of a classifier that knows nothing, or of one that is
#    sure and wrong?
# 2. From which logit on does the definition fail?
# 3. From a badly wrong start, which loss gets out first: cross-entropy or the
#    squared error?
# 4. What does a second softmax do to training?
#
# The last two questions train 30 small networks, so all of it takes almost half
# a minute on 2 CPU cores.

# %% name="setup"
import matplotlib.pyplot as plt
import numpy as np
from keras import Input, Sequential, layers, optimizers, utils

from dlguide.data.digits import digits
from dlguide.losses import cross_entropy as ce

SEEDS = (0, 1, 2, 3, 4)
(x, labels), (x_test, labels_test) = digits()
x, x_test, eye = x.reshape(-1, 64), x_test.reshape(-1, 64), np.eye(10)
pulls = {"cross-entropy": ce.cross_entropy_gradient,
         "squared error": ce.squared_error_gradient}

# %% [markdown] lang="zh"
# ## 先猜一猜的答案
#
# 10 个类别，正确的是第 1 类。先是 logit 全为 0；再让第 0 类领先 15。
# 最后看两种损失对正确类别的 logit 的梯度，差多少倍。

# %% [markdown] lang="en"
# ## The answers to the guess
#
# There are 10 classes and class 1 is the right one. First all logits are 0,
# then class 0 leads by 15. Last comes the ratio of the two losses' gradients
# with respect to the logit of the right class.

# %% name="guess"
lead = 15 * eye[[0]]
print(f"knows nothing:  loss {float(ce.cross_entropy(0 * lead, eye[[1]])):.3f}")
print(f"sure and wrong: loss {float(ce.cross_entropy(lead, eye[[1]])):.3f}")
strong, weak = (float(pull(lead, eye[[1]])[0, 1]) for pull in pulls.values())
print(f"ratio of the gradients: about {round(strong / weak, -5):,.0f}")

# %% [markdown] lang="zh"
# ## 上溢
#
# 2 个类别，float32，错的一类领先 $d$。正确答案约为 $d$。

# %% [markdown] lang="en"
# ## Overflow
#
# There are 2 classes, in float32, and the wrong one leads by $d$. The right
# answer is about $d$.

# %% name="overflow"
print("   d  by definition  shifted by the maximum")
for d in (10, 80, 90, 1000):
    z, wrong = np.array([[[d, 0]], [[0, 1]]], "float32")
    print(f"{d:4}  {float(ce.naive_cross_entropy(z, wrong)):13.1f}  "
          f"{float(ce.cross_entropy(z, wrong)):22.1f}")

# %% [markdown] lang="zh"
# ## 错得离谱的起点
#
# 单层 softmax 分类器，每步 64 张图片，学习率 2。偏置让第 0 类领先 15，于是它
# 起初把一切都认作 0。初值、图片和更新规则都相同，只有误差信号不同。
# 另跑一组偏置从 0 开始的作对照。打印的是 5 个种子中的个数。

# %% [markdown] lang="en"
# ## A badly wrong start
#
# The classifier has one layer and a softmax, and sees 64 images a step; the
# learning rate is 2. The bias gives class 0 a lead of 15, so at first
# everything is a 0. Start, images and update rule are the same; only the error
# signal differs. For comparison, all biases also start at 0. What is printed
# is how many of the 5 seeds do so.

# %% name="train"
def train(name, lead):
    correct = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        W, b = rng.normal(0, 1 / 8, (64, 10)), lead * eye[0]
        for step in range(200):
            i = rng.integers(len(x), size=64)
            delta = np.asarray(pulls[name](x[i] @ W + b, eye[labels[i]]))
            W, b = W - 2 * x[i].T @ delta, b - 2 * delta.sum(axis=0)
            if step % 10 == 9:
                correct.append((x_test @ W + b).argmax(axis=1) == labels_test)
    return np.mean(correct, axis=1).reshape(len(SEEDS), -1)


fig, ax = plt.subplots(num="bad_start")
curves = {}
for name, look in zip(pulls, ("C0", "C1"), strict=True):
    for lead, dash in ((0, ":"), (15, "-")):
        scores = curves[name, lead] = train(name, lead)
        ax.plot(range(10, 201, 10), scores.T, look + dash, lw=1.5)
        good, stuck = scores[:, :5].max(axis=1) > 0.8, scores.max(axis=1) < 0.15
        print(f"{name}, lead {lead:2}: above 80% by step 50 in {sum(good)}, "
              f"below 15% to the end in {sum(stuck)}")
ax.set(xlabel="training steps", ylabel="test accuracy", ylim=(0, 1))
ax.legend(ax.lines[::5], [f"{name}, lead {lead}" for name, lead in curves])
plt.show()

# %% [markdown] lang="zh"
# ## 两层 softmax
#
# `CrossEntropy` 要的是 logit。下面的网络一个输出 logit，另一个最后多了一层
# softmax，于是 softmax 做了两次。64-32-10，SGD，学习率 0.5，各 4 轮。

# %% [markdown] lang="en"
# ## Softmax twice
#
# `CrossEntropy` expects logits. Of these two networks, one returns logits; the
# other ends in a softmax, so softmax is applied twice. They are 64-32-10 and
# train with SGD at a learning rate of 0.5, for 4 epochs each.

# %% name="twice"
def network(end):
    hidden = layers.Dense(32, activation="relu")
    return Sequential([Input((64,)), hidden, layers.Dense(10, activation=end)])


found = {}
for end in ("linear", "softmax"):
    model = network(end)
    model.compile(optimizers.SGD(0.5), ce.CrossEntropy(), metrics=["accuracy"])
    found[end] = []
    for seed in SEEDS:
        utils.set_random_seed(seed)
        model.set_weights(network(end).get_weights())
        model.fit(x, eye[labels], batch_size=64, epochs=4, verbose=0)
        found[end].append(model.evaluate(x_test, eye[labels_test], verbose=0))
    loss, accuracy = np.transpose(found[end])
    print(f"{end:7} end: accuracy above 75% in {sum(accuracy > 0.75)}, "
          f"loss above 1.461 in {sum(loss > 1.461)} of 5 seeds")
