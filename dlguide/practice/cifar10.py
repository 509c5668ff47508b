"""CIFAR-10 from raw pixels to an honest test score, one function a step.

Page: practice/cifar10
Source: krizhevsky2009learning, ch. 3 (data); wilson1927probable (interval)
Shapes: N images (H, W, C), K classes, S kernel side, D inputs, U units
"""

import platform

import keras
import numpy as np
from keras import layers, ops

from dlguide.data.check import check_images

K = 10


def environment():
    """Say in one line what runs here: versions, backend, first device."""
    backend = keras.backend.backend()
    version = __import__(backend).__version__
    device = str(ops.zeros(1).device).lower().split("device:")[-1]
    return (
        f"Python {platform.python_version()}, Keras {keras.__version__}, "
        f"{backend} {version}, device {device}"
    )


def split(labels, fraction=0.1, seed=0):
    """Divide the training set into training and validation, class by class.

    Args:
        labels: (N,) or (N, 1) integer classes.
        fraction: share of each class for validation, in (0, 1).
        seed: seed of the permutation.

    Returns:
        Two arrays of indices, training and validation: disjoint, shuffled.

    Raises:
        ValueError: fraction is not in (0, 1), or a class is too small.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction must be in (0, 1), got {fraction}")
    labels, rng = np.ravel(labels), np.random.default_rng(seed)
    train, val = [], []
    for k in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == k))
        n_val = round(fraction * len(members))
        if not 0 < n_val < len(members):
            raise ValueError(
                f"fraction {fraction} splits the {len(members)} images of "
                f"class {k} into {len(members) - n_val} + {n_val}"
            )
        val.append(members[:n_val])
        train.append(members[n_val:])
    return tuple(rng.permutation(np.concatenate(p)) for p in (train, val))


def channel_stats(x):
    """Mean and standard deviation of each color channel.

    Args:
        x: (N, H, W, C) pixels, the training part only.

    Returns:
        mean, std: (C,) each, float64, in the unit of the pixels.

    Raises:
        ValueError: x is not (N, H, W, C), is empty, or a channel is constant.
    """
    x = np.asarray(x)
    if x.ndim != 4 or x.size == 0:
        raise ValueError(f"x must be (N, H, W, C) and not empty, got {x.shape}")
    mean = np.mean(x, axis=(0, 1, 2), dtype="float64")
    std = np.std(x, axis=(0, 1, 2), dtype="float64")
    if not np.all(std > 0):
        raise ValueError(f"every channel must vary, got std {std}")
    return mean, std


def normalize(x, mean, std):
    """Take off `mean`, divide by `std`: x (N, H, W, C) -> same shape."""
    x_hat = (x - mean) / std  # (cifar10:x_hat)
    return x_hat


def conv_parameters(S, C_in, C_out):
    """Parameters of a convolution with C_out kernels of S x S x C_in."""
    n_conv = (S * S * C_in + 1) * C_out  # (cifar10:n_conv)
    return n_conv


def dense_parameters(D, U):
    """Parameters of a dense layer from D inputs to U units."""
    n_dense = (D + 1) * U  # (cifar10:n_dense)
    return n_dense


def build_model(mean=0.0, std=1.0, pool=2):
    """Build the source article's network, fed with raw pixels.

    Args:
        mean: (C,) or scalar, subtracted from the pixels.
        std: (C,) or scalar, > 0, divides them.
        pool: side of the pooling windows; 1 switches pooling off.

    Returns:
        A `keras.Model`, (N, 32, 32, 3) pixels in [0, 255] -> (N, 10) logits.
    """
    mean, std = np.broadcast_to(mean, 3), np.broadcast_to(std, 3)
    return keras.Sequential([
        keras.Input((32, 32, 3)),  # (N, 32, 32, 3)
        layers.Normalization(mean=mean, variance=std**2),
        layers.Conv2D(32, 3, activation="relu"),  # (N, 30, 30, 32)
        layers.MaxPooling2D(pool),  # (N, 15, 15, 32)
        layers.Conv2D(64, 3, activation="relu"),  # (N, 13, 13, 64)
        layers.MaxPooling2D(pool),  # (N, 6, 6, 64)
        layers.Flatten(),  # (N, 2304)
        layers.Dense(64, activation="relu"),  # (N, 64)
        layers.Dense(K),  # (N, 10)
    ])


def cross_entropy(labels, logits):
    """Mean cross-entropy in nats: labels (N,), logits (N, K) -> scalar."""
    t = ops.one_hot(labels, ops.shape(logits)[-1], dtype=logits.dtype)  # (N, K)
    s_y = ops.sum(t * logits, axis=-1)  # (N,)
    loss = ops.mean(ops.logsumexp(logits, axis=-1) - s_y)  # (cifar10:loss)
    return loss


def integer_mse(labels, p):
    """MSE as Keras broadcasts it: labels (N, 1), p (N, K) -> scalar."""
    mse = ops.mean((labels - p) ** 2)  # (cifar10:mse)
    return mse


def train(model, fit_data, val_data, epochs=10, patience=2):
    """Compile and fit; keep the weights of the best validation epoch.

    Args:
        model: returns logits.
        fit_data: (x, y) to fit.
        val_data: (x, y) that only decides when to stop.
        epochs: upper limit, at least 1.
        patience: epochs without improvement before stopping.

    Returns:
        A dict of lists, one number per epoch, as `History.history`.

    Raises:
        ValueError: images or labels are not what the model expects.
    """
    check_images(*fit_data)
    check_images(*val_data)
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=patience, restore_best_weights=True
    )
    return model.fit(
        *fit_data, validation_data=val_data, batch_size=32, epochs=epochs,
        callbacks=[stop], verbose=0,
    ).history


def predict(model, x):
    """Probabilities of raw images.

    Args:
        model: returns logits.
        x: (N, H, W, C), or a single image (H, W, C).

    Returns:
        (N, K) array, or (K,) for a single image.
    """
    x = np.asarray(x)
    logits = model.predict(x.reshape(-1, *x.shape[-3:]), verbose=0)
    p = ops.convert_to_numpy(ops.softmax(logits))
    return p[0] if x.ndim == 3 else p


def confusion_matrix(labels, predictions, K=K):
    """Count the images of class j that were predicted as class k.

    Args:
        labels: (N,) or (N, 1) integers in 0..K-1.
        predictions: the same.
        K: number of classes.

    Returns:
        (K, K) integers; row = true class, column = predicted class.

    Raises:
        ValueError: lengths differ, or a class is not in 0..K-1.
    """
    j, k = np.ravel(labels).astype(int), np.ravel(predictions).astype(int)
    if len(j) != len(k):
        raise ValueError(f"{len(j)} labels but {len(k)} predictions")
    both = np.concatenate([j, k])
    if both.size and not 0 <= both.min() <= both.max() < K:
        raise ValueError(f"classes must be 0..{K - 1}, got {np.unique(both)}")
    T, P = np.eye(K, dtype=int)[j], np.eye(K, dtype=int)[k]  # (N, K)
    M = T.T @ P  # (cifar10:M)
    return M


def wilson(k, n, z=1.96):
    """Give the Wilson interval for a share k / n.

    Args:
        k: successes; a number or an array.
        n: trials, at least 1; a number or an array.
        z: quantile of the normal distribution, 1.96 for 95%.

    Returns:
        low, high: the ends of the interval, in [0, 1].

    Raises:
        ValueError: n < 1, or k is not in 0..n.
    """
    k, n = np.asarray(k, "float64"), np.asarray(n, "float64")
    if not np.all((n >= 1) & (k >= 0) & (k <= n)):
        raise ValueError(f"need n >= 1 and 0 <= k <= n, got k = {k}, n = {n}")
    r = k / n
    center = (r + z**2 / (2 * n)) / (1 + z**2 / n)  # (cifar10:center)
    root = np.sqrt(r * (1 - r) / n + z**2 / (4 * n**2))
    half = z * root / (1 + z**2 / n)  # (cifar10:half)
    return center - half, center + half


def worst_errors(labels, p, count=8):
    """Find the most confident mistakes.

    Args:
        labels: (N,) or (N, 1) integer classes.
        p: (N, K) probabilities.
        count: how many at most.

    Returns:
        Indices of wrongly classified images, most confident first.
    """
    wrong = np.flatnonzero(np.argmax(p, axis=1) != np.ravel(labels))
    order = np.argsort(-p[wrong].max(axis=1), kind="stable")
    return wrong[order][:count]
