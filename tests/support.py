"""Tensors and gradients for tests, on whichever backend Keras runs."""

import contextlib
from unittest import mock

import keras
import numpy as np
from keras import ops
from keras.src.backend.common import dtypes


def tensors(*arrays):
    """NumPy arrays as tensors of the backend; their dtype is kept.

    Functions of keras.ops take either; an array `+` or `*` a tensor works
    on TensorFlow and JAX, not on PyTorch.
    """
    return [ops.convert_to_tensor(a) for a in arrays]


@contextlib.contextmanager
def float64():
    """Context, or decorator, in which float64 stays float64.

    JAX turns float64 into float32 unless told otherwise; so do, except on
    TensorFlow, some functions of keras.ops (tanh, sin, mean, ...).
    """
    keep = mock.patch.dict(dtypes.BIT64_TO_BIT32_DTYPE, float64="float64")
    wide = contextlib.nullcontext()
    if keras.backend.backend() == "jax":
        import jax

        wide = jax.enable_x64(True)
    with keep, wide:
        yield


@float64()
def autodiff(fn, *arrays):
    """Gradient of a scalar function by the backend's own autodiff.

    Args:
        fn: takes backend tensors, returns a scalar tensor.
        *arrays: NumPy arrays; their dtype is kept (float64 too).

    Returns:
        A list of NumPy arrays, one gradient per argument.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        inputs = [tf.constant(a) for a in arrays]
        with tf.GradientTape() as tape:
            for tensor in inputs:
                tape.watch(tensor)
            value = fn(*inputs)
        grads = tape.gradient(value, inputs)
        return [np.zeros_like(a) if g is None else np.asarray(g)
                for a, g in zip(arrays, grads, strict=True)]
    if backend == "jax":
        import jax

        inputs = [jax.numpy.asarray(a) for a in arrays]
        grads = jax.grad(fn, argnums=tuple(range(len(arrays))))(*inputs)
        return [np.asarray(g) for g in grads]
    if backend == "torch":
        import torch

        inputs = [torch.tensor(a, requires_grad=True) for a in arrays]
        value = fn(*inputs)
        if value.requires_grad:  # else it depends on none of them
            value.backward()
        return [np.zeros_like(a) if t.grad is None else t.grad.numpy()
                for a, t in zip(arrays, inputs, strict=True)]
    raise ValueError(f"no gradient for backend {backend!r}")


@float64()
def central_differences(fn, x, step=1e-6):
    """Numerical gradient of a scalar function of one NumPy array.

    Args:
        fn: takes a float64 NumPy array, returns a float.
        x: float64 array of any shape.
        step: half the distance between the two evaluations.

    Returns:
        float64 array of the shape of `x`.
    """
    x = np.array(x, dtype="float64")
    grad = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        keep = x[index]
        x[index] = keep + step
        above = float(fn(x))
        x[index] = keep - step
        below = float(fn(x))
        x[index] = keep
        grad[index] = (above - below) / (2 * step)
    return grad


def relative_error(a, b):
    """Largest |a - b| over the larger of the two norms (0 if both are 0)."""
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    scale = max(np.abs(a).max(), np.abs(b).max())
    return 0.0 if scale == 0 else float(np.abs(a - b).max() / scale)
