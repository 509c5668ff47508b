"""Backpropagation: the chain rule, one layer at a time, from the loss back.

Page: basics/backpropagation
Source: rumelhart1986learning, eqs. 1-7; goodfellow2016deep, sec. 6.5
Shapes: B batch, I input features, K classes, N units (of the layer in hand)
"""

from itertools import pairwise

import keras
from keras import ops


def sigmoid_slope(z):
    """Slope of the sigmoid at z, any shape; never above 1/4."""
    s = ops.sigmoid(z)
    return s * (1 - s)


def tanh_slope(z):
    """Slope of tanh at z, any shape; 1 at z = 0, smaller elsewhere."""
    return 1 - ops.square(ops.tanh(z))


def relu_slope(z):
    """Slope of ReLU at z, any shape; 1 where z > 0, else 0."""
    return ops.cast(z > 0, z.dtype)


# name: (phi, slope of phi)
ACTIVATIONS = {
    "sigmoid": (ops.sigmoid, sigmoid_slope),
    "tanh": (ops.tanh, tanh_slope),
    "relu": (ops.relu, relu_slope),
}


def forward(x, weights, phi):
    """Run the network and keep what the backward pass will need.

    Args:
        x: inputs, (B, I).
        weights: list of pairs (W, b), one per layer.
        phi: activation function of the hidden layers.

    Returns:
        `inputs`, what each layer read; `zs`, what each layer summed up.
        `zs[-1]` are the logits, (B, K); no activation follows them.
    """
    a, inputs, zs = x, [], []
    for W, b in weights:
        inputs.append(a)
        z = ops.matmul(a, W) + b  # (backpropagation:z)
        a = phi(z)  # (backpropagation:a)
        zs.append(z)
    return inputs, zs


def cross_entropy(z, y):
    """Mean cross-entropy of a batch, from logits.

    Args:
        z: logits, (B, K).
        y: target probabilities, one-hot as a rule, (B, K).

    Returns:
        Scalar, in nats.
    """
    y = ops.convert_to_tensor(y, z.dtype)
    log_p = ops.log_softmax(z)
    loss = -ops.sum(y * log_p) / z.shape[0]  # (backpropagation:loss)
    return loss


def output_delta(z, y):
    """Gradient of `cross_entropy` with respect to the logits.

    Args:
        z: logits, (B, K).
        y: target probabilities; each row sums to 1, (B, K).

    Returns:
        Delta of the last layer, (B, K).
    """
    y = ops.convert_to_tensor(y, z.dtype)
    p = ops.softmax(z)  # (backpropagation:p)
    delta_out = (p - y) / z.shape[0]  # (backpropagation:delta_out)
    return delta_out


def backward(delta_out, weights, zs, slope):
    """Carry the delta of the last layer back to the first.

    Args:
        delta_out: gradient of the loss with respect to `zs[-1]`, (B, K).
        weights: list of pairs (W, b), as given to `forward`.
        zs: list returned by `forward`.
        slope: derivative of the activation function.

    Returns:
        List of deltas, first layer first; each has the shape of its z.
    """
    delta, deltas = delta_out, [delta_out]
    for (W, _), z in zip(weights[:0:-1], zs[-2::-1], strict=True):
        da = ops.matmul(delta, ops.transpose(W))  # (backpropagation:da)
        delta = da * slope(z)  # (backpropagation:delta)
        deltas.insert(0, delta)
    return deltas


def weight_gradients(inputs, deltas):
    """Turn each layer's input and delta into the gradient of its weights.

    Args:
        inputs: list returned by `forward`.
        deltas: list returned by `backward`.

    Returns:
        List of pairs (dW, db) with the shapes of (W, b).
    """
    grads = []
    for a, delta in zip(inputs, deltas, strict=True):
        dW = ops.matmul(ops.transpose(a), delta)  # (backpropagation:dW)
        db = ops.sum(delta, axis=0)  # (backpropagation:db)
        grads.append((dW, db))
    return grads


def multiply_adds(B, sizes):
    """Count the multiply-adds in the matrix products of one step.

    Args:
        B: images in the batch.
        sizes: units per layer, inputs first, e.g. `(64, 32, 10)`.

    Returns:
        `M`, forward pass; `M_back`, backward pass.

    Example:
        >>> multiply_adds(1, (2, 3, 1))
        (9, 12)
    """
    products = [n_in * n_out for n_in, n_out in pairwise(sizes)]
    M = B * sum(products)  # (backpropagation:M)
    M_back = 2 * M - B * products[0]  # (backpropagation:M_back)
    return M, M_back


class MLP(keras.Model):
    """Multi-layer perceptron whose gradients are worked out by hand.

    W is drawn from a normal distribution of variance 1 / inputs (2 / inputs
    for ReLU, which passes on half of its units); b starts at 0.

    Args:
        sizes: units per layer, inputs first, e.g. `(64, 32, 10)`.
        activation: "sigmoid", "tanh" or "relu", for the hidden layers.
        seed: seed of the initial weights.

    Raises:
        ValueError: fewer than 2 sizes, a size below 1, unknown activation.

    Example:
        >>> import numpy as np
        >>> x, y = np.ones((5, 2), "float32"), np.eye(5, 3, dtype="float32")
        >>> loss, grads = MLP((2, 4, 3)).gradients(x, y)
        >>> [tuple(grad.shape) for grad in grads]
        [(2, 4), (4,), (4, 3), (3,)]

    Differs from keras.layers.Dense: `gradients` uses no autodiff.
    """

    def __init__(self, sizes, activation="tanh", seed=0):
        super().__init__()
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"sizes must be 2 or more counts, got {sizes}")
        if activation not in ACTIVATIONS:
            names = ", ".join(ACTIVATIONS)
            raise ValueError(
                f"activation must be one of {names}, got {activation!r}")
        self.sizes = tuple(sizes)
        self.phi, self.slope = ACTIVATIONS[activation]
        gain = 2.0 if activation == "relu" else 1.0
        normal = keras.initializers.VarianceScaling(
            gain, "fan_in", "untruncated_normal",
            seed=keras.random.SeedGenerator(seed))
        self.kernels, self.biases = [], []
        for shape in pairwise(sizes):
            self.kernels.append(self.add_weight(shape, normal))
            self.biases.append(self.add_weight(shape[1:], "zeros"))

    def pairs(self):
        """List of (W, b), as the pure functions take it."""
        return list(zip(self.kernels, self.biases, strict=True))

    def call(self, x):
        """Logits of a batch: (B, I) -> (B, K)."""
        _, zs = forward(x, self.pairs(), self.phi)
        return zs[-1]

    def gradients(self, x, y):
        """Loss and its gradients; changes no weight.

        Args:
            x: inputs, (B, I).
            y: target probabilities, (B, K).

        Returns:
            The loss, and a list in the order of `trainable_variables`.

        Raises:
            ValueError: x or y does not have the shape that `sizes` demands.
        """
        B, I, K = len(x), self.sizes[0], self.sizes[-1]
        got = tuple(x.shape), tuple(y.shape)
        if got != ((B, I), (B, K)):
            raise ValueError(
                f"x and y must have shapes {(B, I)} and {(B, K)} "
                f"(y one-hot), got {got[0]} and {got[1]}")
        inputs, zs = forward(x, self.pairs(), self.phi)
        delta_out = output_delta(zs[-1], y)
        deltas = backward(delta_out, self.pairs(), zs, self.slope)
        grads = weight_gradients(inputs, deltas)
        return cross_entropy(zs[-1], y), [g for pair in grads for g in pair]
