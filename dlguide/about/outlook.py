"""Three measurements behind the outlook: scaling, attack, calibration.

Page: about/outlook
Source: hestness2017deep (power law); goodfellow2015explaining (fast gradient
    sign); guo2017calibration (calibration error, temperature)
Shapes: S seeds, N sizes, B examples, I inputs, H hidden units, K classes,
    M bins
"""

from keras import ops


def fit_power_law(n, L):
    """Fit L = a n^(-alpha) by least squares on the logarithms.

    Args:
        n: sizes of the training set, > 0, (N,).
        L: losses, > 0, one curve per row, (S, N).

    Returns:
        a and alpha of each curve, (S,) each.

    Raises:
        ValueError: fewer than 2 sizes, or shapes that do not fit.
    """
    n, L = ops.convert_to_tensor(n), ops.convert_to_tensor(L)
    if len(L.shape) != 2 or tuple(n.shape) != tuple(L.shape)[1:]:
        raise ValueError("expected n (N,) and L (S, N), got "
                         f"{tuple(n.shape)} and {tuple(L.shape)}")
    if n.shape[0] < 2:
        raise ValueError(f"expected at least 2 sizes, got {n.shape[0]}")
    u, v = ops.log(ops.cast(n, L.dtype)), ops.log(L)
    d = u - ops.mean(u)  # (N,)
    alpha = -ops.sum(d * v, axis=1) / ops.sum(d * d)  # (outlook:alpha)
    a = ops.exp(ops.mean(v, axis=1) + alpha * ops.mean(u))  # (outlook:a)
    return a, alpha


def power_law(n, a, alpha):
    """Loss at size n by a power law with factor a and exponent alpha."""
    L_hat = a * n ** (-alpha)  # (outlook:L_hat)
    return L_hat


def interval(v, t):
    """Confidence interval of a mean.

    Args:
        v: measurements, one per seed, (S,).
        t: quantile of Student's t with S - 1 degrees of freedom; 2.776 for
            5 seeds and 95%.

    Returns:
        Lower and upper end.

    Raises:
        ValueError: fewer than 2 measurements.
    """
    v = ops.convert_to_tensor(v)
    S = v.shape[0]
    if S < 2:
        raise ValueError(f"expected at least 2 measurements, got {S}")
    mean = ops.mean(v)
    s = ops.sqrt(ops.sum((v - mean) ** 2) / (S - 1))  # (outlook:s)
    return mean - t * s / S**0.5, mean + t * s / S**0.5


def network(x, W_1, b_1, W_2, b_2):
    """Logits of a network with one hidden layer of ReLUs.

    Args:
        x: inputs, (B, I).
        W_1: weights, (I, H).
        b_1: biases, (H,).
        W_2: weights, (H, K).
        b_2: biases, (K,).

    Returns:
        Logits, (B, K).
    """
    return ops.matmul(ops.relu(ops.matmul(x, W_1) + b_1), W_2) + b_2


def input_gradient(x, y, W_1, b_1, W_2, b_2):
    """Gradient of each example's cross-entropy by its own input, by hand.

    Args:
        x: inputs, (B, I).
        y: one-hot labels, (B, K).
        W_1: weights, (I, H).
        b_1: biases, (H,).
        W_2: weights, (H, K).
        b_2: biases, (K,).

    Returns:
        (B, I).
    """
    z = ops.matmul(x, W_1) + b_1  # (B, H)
    p = ops.softmax(network(x, W_1, b_1, W_2, b_2))  # (B, K)
    on = ops.cast(z > 0, p.dtype)
    delta = on * ops.matmul(p - y, ops.transpose(W_2))  # (outlook:delta)
    g = ops.matmul(delta, ops.transpose(W_1))  # (outlook:g)
    return g


def fgsm(x, g, epsilon):
    """Move every pixel by epsilon in the direction that raises the loss.

    Args:
        x: images, pixels in [0, 1], (B, I).
        g: gradient of the loss by the pixels, (B, I).
        epsilon: size of the step, >= 0.

    Returns:
        Images, pixels in [0, 1], (B, I).

    Raises:
        ValueError: epsilon is negative.
    """
    if epsilon < 0:
        raise ValueError(f"epsilon must be at least 0, got {epsilon}")
    x_adv = ops.clip(x + epsilon * ops.sign(g), 0, 1)  # (outlook:x_adv)
    return x_adv


def reliability(p, y, bins=10):
    """Sort predictions by confidence into bins of equal width.

    Args:
        p: predicted probabilities, (B, K).
        y: true classes, integers, (B,).
        bins: number of bins M, at least 1.

    Returns:
        Share of the examples, mean confidence and accuracy of each bin,
        (M,) each; confidence and accuracy of an empty bin are 0.

    Raises:
        ValueError: no bin, or no example.
    """
    p, y = ops.convert_to_tensor(p), ops.convert_to_tensor(y)
    if bins < 1 or p.shape[0] < 1:
        raise ValueError("expected at least 1 bin and 1 example, got "
                         f"{bins} and {p.shape[0]}")
    c = ops.max(p, axis=1)  # (B,)
    hit = ops.cast(ops.equal(ops.argmax(p, axis=1), ops.cast(y, "int32")),
                   p.dtype)
    m = ops.clip(ops.cast(ops.ceil(c * bins), "int32") - 1, 0, bins - 1)
    member = ops.cast(ops.one_hot(m, bins), p.dtype)  # (B, M)
    count = ops.maximum(ops.sum(member, axis=0), 1)
    confidence = ops.matmul(c, member) / count  # (outlook:confidence)
    accuracy = ops.matmul(hit, member) / count  # (outlook:accuracy)
    return ops.mean(member, axis=0), confidence, accuracy


def calibration_error(p, y, bins=10):
    """Expected calibration error: mean gap of confidence and accuracy.

    Args:
        p: predicted probabilities, (B, K).
        y: true classes, integers, (B,).
        bins: number of bins M, at least 1.

    Returns:
        Scalar in [0, 1].
    """
    share, confidence, accuracy = reliability(p, y, bins)
    gap = ops.abs(accuracy - confidence)
    ECE = ops.sum(share * gap)  # (outlook:ECE)
    return ECE


def tempered(z, T):
    """Probabilities of logits z (B, K) at temperature T > 0."""
    p = ops.softmax(z / T)  # (outlook:p)
    return p


def slope(z, y, beta):
    """Derivative of the mean cross-entropy of beta z by beta = 1 / T.

    Args:
        z: logits, (B, K).
        y: one-hot labels, (B, K).
        beta: inverse temperature, > 0.

    Returns:
        Scalar; it never falls as beta grows.
    """
    p = ops.softmax(beta * z)
    r = ops.mean(ops.sum((p - y) * z, axis=1))  # (outlook:r)
    return r


def fit_temperature(z, y, low=1e-3, high=1e3, steps=50):
    """Find the temperature of least cross-entropy, by bisection.

    Args:
        z: logits of data not trained on, (B, K).
        y: one-hot labels, (B, K).
        low: least inverse temperature tried.
        high: greatest inverse temperature tried.
        steps: how often the bracket is halved, on the log scale.

    Returns:
        T, a float.

    Raises:
        ValueError: the minimum is not inside the bracket, for instance
            because every label already has the largest logit.
    """
    z, y = ops.convert_to_tensor(z), ops.convert_to_tensor(y)
    if not float(slope(z, y, low)) < 0 < float(slope(z, y, high)):
        raise ValueError("no best temperature between "
                         f"{1 / high:g} and {1 / low:g}")
    for _ in range(steps):
        beta = (low * high) ** 0.5
        if float(slope(z, y, beta)) < 0:
            low = beta
        else:
            high = beta
    return (low * high) ** -0.5
