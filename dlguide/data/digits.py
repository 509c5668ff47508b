"""Real handwritten digits that need no download.

Source: `sklearn.datasets.load_digits().DESCR`;
    https://archive.ics.uci.edu/dataset/80
Shapes: N images
"""

import numpy as np
from sklearn.datasets import load_digits

N_TRAIN = 1437
N_TEST = 360


def digits():
    """Load scikit-learn's digits, cut in two without shuffling.

    The 1,797 images are the test set of UCI's "Optical Recognition of
    Handwritten Digits". Its description says that 13 people wrote them,
    none of the 30 who wrote UCI's training set. It does not say who wrote
    which image, so these images have no official split by writer. What the
    labels show: one sequence of about 130 labels (0-9 three times, then a
    fixed mixture) comes 14 times, so the images seem to lie form by form.
    Cutting the list once leaves one form on both sides of the cut (images
    1415 to 1544, of which 22 are in the training part); shuffling first
    would put every form on both sides, and the test accuracy would partly
    measure how well a model knows the handwriting.

    For a validation part, cut again at the end of the training part:
    `x_train[-200:]`, or `fit(..., validation_split=0.1)`, which does that.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: the first 1,437 and the last
        360 images in the order of the file. x is float32 (N, 8, 8, 1) with
        values k / 16 in [0, 1], 1 is ink; y is int64 (N,), labels 0 to 9.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = digits()
        >>> x_train.shape, y_train.shape, x_test.shape
        ((1437, 8, 8, 1), (1437,), (360, 8, 8, 1))
        >>> [int(label) for label in y_train[:12]]
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    """
    raw = load_digits()
    x = (raw.images / 16).astype("float32")[..., None]  # (N, 8, 8, 1)
    y = raw.target.astype(np.int64)  # (N,)
    return (x[:N_TRAIN], y[:N_TRAIN]), (x[N_TRAIN:], y[N_TRAIN:])
