# %% [markdown] lang="zh"
# # 反向传播：检验一个手写的梯度
#
# 1. 它与框架的自动微分一致吗？
# 2. 它花多少次乘加？
# 3. 在深的网络里，梯度每过一层剩下多少？
# 4. 三个优化器拿到同一个梯度，走的是同一步吗？
# 5. 只用它和一行更新规则，网络学得会手写数字吗？

# %% [markdown] lang="en"
# # Backpropagation: a gradient written by hand, put to the test
#
# 1. Does it agree with the framework's autodiff?
# 2. How many multiply-adds does it cost?
# 3. In a deep network, how much gradient is left after each layer?
# 4. Do three optimizers take the same step when given the same gradient?
# 5. Can a network learn handwritten digits from it and a one-line update?

# %% name="setup"
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import ops

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
loss = keras.losses.CategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.SGD(1.0), loss)
model.train_on_batch(x[:64], y[:64])
gap = np.abs(by_hand - (before - flat(model.trainable_variables))).max()
print(f"{by_hand.size:,} partial derivatives, largest {by_hand.max():.1g}")
print(f"by hand and by autodiff differ by less than 1e-6: {gap < 1e-6}")

# %% [markdown] lang="zh"
# ## 代价
#
# 只数矩阵乘积里的乘加。用中心差分求梯度，每个权重要做 2 次前向传播。

# %% [markdown] lang="en"
# ## Cost
#
# Only the multiply-adds in matrix products are counted. Central differences
# take 2 forward passes per weight.

# %% name="cost"
M, M_back = bp.multiply_adds(1, model.sizes)
M_central = 2 * by_hand.size * M
print(f"forward pass  {M:>14,} multiply-adds per image")
print(f"backward pass {M_back:>14,} = {M_back / M:.1f} forward passes")
print(f"differences   {M_central:>14,} = {M_central // M:,} forward passes")

# %% [markdown] lang="zh"
# ## 梯度消失
#
# 10 个隐藏层，每层 64 个单元；权重刚初始化，尚未训练；64 张图片，5 个种子。
# 图中是各隐藏层误差信号 $\delta^l$ 的均方根，取 5 个种子的中位数。

# %% [markdown] lang="en"
# ## Vanishing gradients
#
# 10 hidden layers of 64 units; fresh weights, no training; 64 images, 5 seeds.
# The plot shows the root mean square of the error signal $\delta^l$ in each
# hidden layer, as the median of the 5 seeds.

# %% name="vanishing"
fig, ax = plt.subplots(num="delta_by_layer")
ratios = {}
for name, style in {"sigmoid": "o-", "tanh": "s--", "relu": "^-."}.items():
    (phi, slope), rms = bp.ACTIVATIONS[name], []
    for seed in SEEDS:
        weights = bp.MLP((64, *[64] * 10, 10), name, seed).pairs()
        _, zs = bp.forward(x[:64], weights, phi)
        delta_out = bp.output_delta(zs[-1], y[:64])
        deltas = bp.backward(delta_out, weights, zs, slope)[:-1]
        rms.append([np.sqrt(np.mean(flat([d]) ** 2)) for d in deltas])
    ax.semilogy(range(1, 11), np.median(rms, axis=0), style, label=name)
    ratios[name] = [row[0] / row[-1] for row in rms]
    low, high = min(ratios[name]), max(ratios[name])
    print(f"{name:7}  layer 1 / layer 10: {low:.1g} to {high:.1g}, "
          f"per layer {low ** (1 / 9):.2f} to {high ** (1 / 9):.2f}")
ax.set(xlabel="hidden layer $l$", ylabel=r"rms of $\delta^l$")
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
moves = {}
for name, optimizer in {
    "SGD": keras.optimizers.SGD(0.1),
    "momentum": keras.optimizers.SGD(0.1, momentum=0.9),
    "Adam": keras.optimizers.Adam(0.1),
}.items():
    model = bp.MLP((64, 32, 32, 10))
    for _ in range(2):
        optimizer.apply(grads, model.trainable_variables)
    moves[name] = flat(model.trainable_variables) - before
    length = np.linalg.norm(moves[name]) / np.linalg.norm(by_hand)
    cos = -moves[name] @ by_hand / length / np.sum(by_hand ** 2)
    print(f"{name:8}  {length:5.2f} |g|, cos {cos:.2f}")

# %% [markdown] lang="zh"
# ## 用手写的梯度训练
#
# 5 个隐藏层，每层 32 个单元；100 步，每步 64 张图片；更新规则只有一行，学习率 0.2。
# 两组只差一个激活函数。

# %% [markdown] lang="en"
# ## Training with the gradient written by hand
#
# 5 hidden layers of 32 units; 100 steps of 64 images; the update rule is one
# line, with a learning rate of 0.2. The two arms differ in the activation only.

# %% name="training"
accuracy = {"tanh": [], "sigmoid": []}
for name, seed in [(name, seed) for name in accuracy for seed in SEEDS]:
    model = bp.MLP((64, *[32] * 5, 10), name, seed)
    rng = np.random.default_rng(seed)
    for _ in range(100):
        batch = rng.integers(len(x), size=64)
        _, grads = model.gradients(x[batch], y[batch])
        for weight, grad in zip(model.trainable_variables, grads, strict=True):
            weight.assign(weight - 0.2 * grad)
    guess = ops.convert_to_numpy(model(x_test)).argmax(axis=1)
    accuracy[name].append(np.mean(guess == labels_test))
print(sum(a > 0.75 for a in accuracy["tanh"]), "of 5 tanh networks read more "
      "than 75 % of the test digits")
print(sum(a < 0.15 for a in accuracy["sigmoid"]), "of 5 sigmoid networks read "
      "less than 15 %, where guessing gives 10 %")
