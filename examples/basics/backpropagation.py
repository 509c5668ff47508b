# %% [markdown] lang="zh"
# # 反向传播：检验一个手写的梯度
#
# 1. 它与框架的自动微分一致吗？
# 2. 它花多少次乘加？
# 3. 在深的网络里，梯度每过一层剩下多少？
# 4. 三个优化器拿到同一个梯度，走的是同一步吗？
# 5. 只用它和一行更新规则，网络学得会手写数字吗？
#
# CPU 时间约 10 秒，大半花在导入 Keras 和最后一问要训练的 10 个网络上；
# 机器忙的时候，实际用时会超过 20 秒。

# %% [markdown] lang="en"
# # Backpropagation: a gradient written by hand, put to the test
#
# 1. Does it agree with the framework's autodiff?
# 2. How many multiply-adds does it cost?
# 3. In a deep network, how much gradient is left after each layer?
# 4. Do three optimizers take the same step when given the same gradient?
# 5. Can a network learn handwritten digits from it and a one-line update?
#
# All of it takes about 10 seconds of CPU time, most of them to import Keras and
# to train the 10 networks of the last question; on a busy machine it is over 20
# seconds.

# %% name="setup"
import matplotlib.pyplot as plt
import numpy as np
from keras import losses, ops
from keras.optimizers import SGD, Adam

from dlguide.basics import backpropagation as bp
from dlguide.data.digits import digits

SEEDS = (0, 1, 2, 3, 4)
(x, labels), (x_test, labels_test) = digits()
x, x_test = x.reshape(-1, 64), x_test.reshape(-1, 64)
y = np.eye(10, dtype="float32")[labels]


def flat(tensors):
    return np.concatenate([ops.convert_to_numpy(t).ravel() for t in tensors])


# %% [markdown] lang="zh"
# ## 手写梯度与自动微分
#
# `train_on_batch` 用框架的自动微分求梯度。学习率取 1 时，SGD 的一步就是负梯度：
# 用更新前的权重减去更新后的权重，便得到自动微分的答案。

# %% [markdown] lang="en"
# ## By hand and by autodiff
#
# `train_on_batch` gets its gradient from the framework's autodiff. With a
# learning rate of 1, a step of SGD is minus the gradient, so the weights
# before the step minus the weights after it are autodiff's answer.

# %% name="check"
model = bp.MLP((64, 32, 32, 10))
_, grads = model.gradients(x[:64], y[:64])
by_hand, before = flat(grads), flat(model.trainable_variables)
model.compile(SGD(1.0), losses.CategoricalCrossentropy(from_logits=True))
model.train_on_batch(x[:64], y[:64])
gap = np.abs(by_hand - (before - flat(model.trainable_variables))).max()
print(f"{by_hand.size:,} derivatives agree to within 1e-6: {gap < 1e-6}")

# %% [markdown] lang="zh"
# ## 代价
#
# 只数矩阵乘积里的乘加。用中心差分求梯度，每个参数要做 2 次前向传播。

# %% [markdown] lang="en"
# ## Cost
#
# Only the multiply-adds in matrix products are counted. Central differences
# take 2 forward passes per parameter.

# %% name="cost"
M, M_back = bp.multiply_adds(1, model.sizes)
print(f"forward pass   {M:>10,} multiply-adds per image")
print(f"backward pass  {M_back:>10,} = {M_back / M:.1f} forward passes")
print(f"differences    {2 * by_hand.size * M:>10,} = "
      f"{2 * by_hand.size:,} forward passes")

# %% [markdown] lang="zh"
# ## 梯度消失
#
# 10 个隐藏层，每层 64 个单元；权重刚初始化，尚未训练；64 张图片，5 个种子。
# 图中是各隐藏层误差信号的大小 $\|\delta^l\|$（全部元素平方和的平方根），
# 取 5 个种子的中位数。

# %% [markdown] lang="en"
# ## Vanishing gradients
#
# 10 hidden layers of 64 units; fresh weights, no training; 64 images, 5 seeds.
# The plot shows the size of the error signal, $\|\delta^l\|$ (root of the sum
# of squares of all entries), in each hidden layer: the median of the 5 seeds.

# %% name="vanishing"
fig, ax = plt.subplots(num="delta_by_layer")
ratios = {}
for name, style in {"sigmoid": "o-", "tanh": "s--", "relu": "^-."}.items():
    (phi, slope), sizes = bp.ACTIVATIONS[name], []
    for seed in SEEDS:
        weights = bp.MLP((64, *[64] * 10, 10), name, seed).pairs()
        _, zs = bp.forward(x[:64], weights, phi)
        delta = bp.backward(bp.output_delta(zs[-1], y[:64]), weights, zs, slope)
        sizes.append([np.linalg.norm(flat([d])) for d in delta[:-1]])
    ax.semilogy(range(1, 11), np.median(sizes, axis=0), style, label=name)
    r = ratios[name] = [row[0] / row[-1] for row in sizes]
    print(f"{name:7}  layer 1 / layer 10: {min(r):.2g} to {max(r):.2g}")
ax.set(xlabel="hidden layer $l$", ylabel=r"size of $\delta^l$")
ax.legend()
plt.show()

# %% [markdown] lang="zh"
# ## 梯度不是更新
#
# 每个优化器都从同样的权重出发，收到同一个梯度 $g$ 两次，学习率都是 0.1。
# 打印的是两步的总位移：它的长度，以及它与 $-g$ 的夹角余弦。

# %% [markdown] lang="en"
# ## The gradient is not the update
#
# Each optimizer starts from the same weights and gets the same gradient $g$
# twice, with a learning rate of 0.1. What is printed is the total move of the
# two steps: its length, and the cosine of its angle with $-g$.

# %% name="update"
rules = {"SGD": SGD(0.1), "momentum": SGD(0.1, momentum=0.9), "Adam": Adam(0.1)}
for name, rule in rules.items():
    model = bp.MLP((64, 32, 32, 10))
    for _ in range(2):
        rule.apply(grads, model.trainable_variables)
    move = flat(model.trainable_variables) - before
    length = np.linalg.norm(move) / np.linalg.norm(by_hand)
    cos = -move @ by_hand / length / np.sum(by_hand**2)
    print(f"{name:8}  {length:5.2f} |g|, cos {cos:.2f}")

# %% [markdown] lang="zh"
# ## 用手写的梯度训练
#
# 4 个隐藏层，每层 32 个单元；100 步，每步 64 张图片；更新规则只有一行，
# 学习率 0.2。两组只差一个激活函数。

# %% [markdown] lang="en"
# ## Training with the gradient written by hand
#
# 4 hidden layers of 32 units; 100 steps of 64 images; the update rule is one
# line, with a learning rate of 0.2. The two arms differ in the activation only.

# %% name="training"
def train(name, seed):
    model = bp.MLP((64, *[32] * 4, 10), name, seed)
    for batch in np.random.default_rng(seed).integers(len(x), size=(100, 64)):
        _, grads = model.gradients(x[batch], y[batch])
        for weight, grad in zip(model.trainable_variables, grads, strict=True):
            weight.assign(weight - 0.2 * grad)
    guess = ops.convert_to_numpy(model(x_test)).argmax(axis=1)
    return np.mean(guess == labels_test)


tanh = np.array([train("tanh", seed) for seed in SEEDS])
sigmoid = np.array([train("sigmoid", seed) for seed in SEEDS])
print(f"tanh:    {np.sum(tanh > 0.75)} of 5 seeds above 75% test accuracy")
print(f"sigmoid: {np.sum(sigmoid < 0.15)} of 5 seeds below 15%")
