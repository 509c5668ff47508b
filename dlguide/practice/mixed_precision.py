"""Mixed precision: compute in 16 bits, keep the weights in 32.

Page: practice/mixed_precision
Source: micikevicius2018mixed, sec. 3; ieee2019standard;
    kalamkar2019study (bfloat16)
Shapes: N examples, B of them in a batch, I inputs, H hidden units, K classes;
    the weights may have one more axis in front, one network per seed.
"""

import math

import numpy as np
from keras import ops

# exponent bits E, fraction bits F; one bit more for the sign
FORMATS = {"float32": (8, 23), "bfloat16": (8, 7), "float16": (5, 10)}


def decode(bits, E, F):
    """Read a bit pattern as a number.

    Args:
        bits: the pattern as an integer, 0 <= bits < 2^(1 + E + F).
        E: exponent bits.
        F: fraction bits.

    Returns:
        A float.

    Raises:
        ValueError: the pattern has more than 1 + E + F bits.

    Example:
        >>> decode(0b0_01111_1000000000, 5, 10), decode(1, 8, 7)
        (1.5, 9.183549615799121e-41)
    """
    if not 0 <= bits < 2 ** (1 + E + F):
        raise ValueError(f"{bits} does not fit into {1 + E + F} bits")
    f = bits % 2**F
    e = bits // 2**F % 2**E
    s = bits // 2 ** (E + F)
    b = 2 ** (E - 1) - 1  # (mixed_precision:b)
    if e == 2**E - 1:  # all ones: infinity, or not a number
        return math.nan if f else (-1.0) ** s * math.inf
    if e == 0:  # no leading 1: zero and the subnormal numbers
        return (-1.0) ** s * f / 2**F * 2.0 ** (1 - b)
    v = (-1.0) ** s * (1 + f / 2**F) * 2.0 ** (e - b)  # (mixed_precision:v)
    return v


def limits(E, F):
    """Compute what a format can hold, from its bits alone.

    Args:
        E: exponent bits.
        F: fraction bits.

    Returns:
        A dict: `largest`, `normal` (smallest normal number), `subnormal`
        (smallest positive number), `epsilon` (gap between 1 and the next).

    Example:
        >>> limits(5, 10)["largest"]
        65504.0
    """
    b = 2 ** (E - 1) - 1
    epsilon = 2.0**-F  # (mixed_precision:epsilon)
    v_max = (2 - epsilon) * 2.0**b  # (mixed_precision:v_max)
    v_normal = 2.0 ** (1 - b)  # (mixed_precision:v_normal)
    v_min = epsilon * v_normal  # (mixed_precision:v_min)
    return {"largest": v_max, "normal": v_normal, "subnormal": v_min,
            "epsilon": epsilon}


def spacing(w, E, F):
    """Compute the gap between |w| and the next larger number.

    Args:
        w: a float other than 0, finite in the format.
        E: exponent bits.
        F: fraction bits.

    Returns:
        The gap; an update below half of it leaves w as it is.
    """
    k = max(math.frexp(abs(w))[1] - 1, 2 - 2 ** (E - 1))  # 2^k <= |w|
    u = 2.0 ** (k - F)  # (mixed_precision:u)
    return u


def lost(exact, rounded):
    """Share of the nonzero entries that rounding turned into 0.

    Args:
        exact: gradients in float32, at least 2 axes.
        rounded: the same in another format; any scale.

    Returns:
        The share over the last 2 axes, in [0, 1].
    """
    alive = ops.cast(exact != 0, "float32")
    gone = alive * ops.cast(ops.cast(rounded, "float32") == 0, "float32")
    return ops.sum(gone, (-2, -1)) / ops.maximum(ops.sum(alive, (-2, -1)), 1)


def scaled_gradients(weights, x, y, dtype, scale=1.0, c=1.0):
    """Forward and backward pass of 3 dense layers in a chosen format.

    Args:
        weights: W_1 (I, H), W_2 (H, H), W_3 (H, K), in any dtype.
        x: inputs, (B, I).
        y: one-hot targets, (B, K).
        dtype: name of the format of the matrix products.
        scale: factor of the loss, > 0.
        c: weight of the loss, > 0; a mean over 10^6 pixels has 10^-6.

    Returns:
        The mean cross-entropy in nats (float32, without `scale` and `c`);
        the gradients of the weights times `scale`, in `dtype`; those of
        the pre-activations, last layer first.
    """
    x, W_1, W_2, W_3 = (ops.cast(a, dtype) for a in (x, *weights))
    h_1 = ops.relu(ops.matmul(x, W_1))  # (B, H)
    h_2 = ops.relu(ops.matmul(h_1, W_2))  # (B, H)
    z = ops.cast(ops.matmul(h_2, W_3), "float32")  # (B, K)
    y = ops.cast(y, "float32")
    loss = ops.mean(ops.logsumexp(z, -1) - ops.sum(y * z, -1), -1)
    d = scale * c * (ops.softmax(z) - y) / x.shape[-2]  # (mixed_precision:d)
    d_3 = ops.cast(d, dtype)
    d_2 = ops.matmul(d_3, ops.swapaxes(W_3, -1, -2))
    d_2 = d_2 * ops.cast(h_2 > 0, dtype)
    d_1 = ops.matmul(d_2, ops.swapaxes(W_2, -1, -2))
    d_1 = d_1 * ops.cast(h_1 > 0, dtype)
    G = [ops.matmul(ops.swapaxes(a, -1, -2), d_k)
         for a, d_k in ((x, d_1), (h_1, d_2), (h_2, d_3))]
    return loss, G, [d_3, d_2, d_1]


def update(w_prev, G, scale, eta):
    """Divide a scaled gradient and take one step of gradient descent.

    Args:
        w_prev: weights; their dtype decides whether small steps survive.
        G: gradient times `scale`, same shape, any dtype.
        scale: loss scale, > 0.
        eta: learning rate, > 0.

    Returns:
        The new weights, in the dtype of `w_prev`.
    """
    g = ops.cast(G, "float32") / scale  # (mixed_precision:g)
    w = w_prev - ops.cast(eta * g, w_prev.dtype)  # (mixed_precision:w)
    return w


def next_scale(scale, good, finite, growth_steps=2000):
    """Adapt the loss scale: halve on overflow, double after a calm stretch.

    Args:
        scale: the loss scale of this step.
        good: finite steps since the scale last changed.
        finite: whether all gradients of this step were finite.
        growth_steps: finite steps before the scale doubles, at least 1.

    Returns:
        scale, good: for the next step.

    Raises:
        ValueError: growth_steps is below 1.
    """
    if growth_steps < 1:
        raise ValueError(f"growth_steps must be at least 1, got {growth_steps}")
    good = good + 1 if finite else 0
    r = 0.5 if not finite else 2.0 if good == growth_steps else 1.0
    scale = r * scale  # (mixed_precision:scale)
    return scale, 0 if r != 1 else good


def train_step(weights, state, x, y, dtype, eta, c=1.0):
    """Take one step of mixed-precision training.

    Args:
        weights: a list of 3; float32 makes them master weights.
        state: (scale, good) of `next_scale`; None for a fixed scale of 1.
        x: inputs, (B, I).
        y: one-hot targets, (B, K).
        dtype: name of the format of the matrix products.
        eta: learning rate, > 0.
        c: weight of the loss, > 0.

    Returns:
        weights, state: after the step; if a gradient was not finite, the
        weights are the old ones.
    """
    scale = state[0] if state else 1.0
    _, G, _ = scaled_gradients(weights, x, y, dtype, scale, c)
    finite = all(bool(ops.all(ops.isfinite(G_k))) for G_k in G)
    if finite or state is None:
        weights = [
            update(w, G_k, scale, eta)
            for w, G_k in zip(weights, G, strict=True)
        ]
    if state:
        state = next_scale(*state, finite)
    return weights, state


def train(weights, x, y, dtype, eta, steps, state=(2.0**15, 0), c=1.0):
    """Train on random mini-batches of 64, drawn with seed 0.

    Args:
        weights: a list of 3, as in `train_step`.
        x: inputs, (N, I).
        y: one-hot targets, (N, K).
        dtype: name of the format of the matrix products.
        eta: learning rate, > 0.
        steps: how many.
        state: (scale, good), or None for a fixed scale of 1.
        c: weight of the loss, > 0.

    Returns:
        The weights, and the loss of all examples (in float32) before the
        first step and after every 50.
    """
    rng, curve = np.random.default_rng(0), []
    for k in range(steps + 1):
        if k % 50 == 0:
            loss = scaled_gradients(weights, x, y, "float32")[0]
            curve.append(ops.convert_to_numpy(loss))
        i = rng.integers(0, len(x), 64)
        if k < steps:
            batch = x[i], y[i]
            weights, state = train_step(weights, state, *batch, dtype, eta, c)
    return weights, np.array(curve)


def activation_bytes(model, B):
    """Count the bytes of all layer outputs of a batch.

    Args:
        model: a built `keras.Sequential`.
        B: examples in the batch.

    Returns:
        Bytes, as an integer.
    """
    outputs = [layer.output for layer in model.layers]
    return sum(B * math.prod(h.shape[1:]) * (1 + sum(FORMATS[h.dtype])) // 8
               for h in outputs)
