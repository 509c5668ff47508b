import math
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from dlguide.data.shapes import (
    CLASS_NAMES,
    _cover,
    _directions,
    _outside,
    _stray_line,
    draw,
    shapes,
)

ROOT = Path(__file__).resolve().parent.parent.parent
HASH = """
import hashlib
from dlguide.data.shapes import shapes
(x, y), (x_test, y_test) = shapes(300, 50, seed=5)
data = [a.tobytes() for a in (x, y, x_test, y_test)]
print(hashlib.sha256(b"".join(data)).hexdigest())
"""


def test_the_arrays_look_like_cifar10s():
    parts = shapes(30, 20)
    for (x, y), n in zip(parts, (30, 20), strict=True):
        assert x.shape == (n, 32, 32, 3)
        assert y.shape == (n, 1)
        assert x.dtype == y.dtype == np.uint8
    assert len(CLASS_NAMES) == len(set(CLASS_NAMES)) == 10


def test_pixels_use_the_range_and_labels_the_ten_classes():
    (x, y), _ = shapes(1000, 10)
    assert x.min() < 10
    assert x.max() > 245
    assert 90 < x.mean() < 165
    assert set(y.flat) == set(range(10))


@pytest.mark.parametrize("n", [10, 100, 1000, 2500])
def test_classes_are_balanced(n):
    (_, y), (_, y_test) = shapes(n, n)
    assert np.bincount(y[:, 0]).tolist() == [n // 10] * 10
    assert np.bincount(y_test[:, 0]).tolist() == [n // 10] * 10


@pytest.mark.parametrize("n", [1, 7, 23])
def test_where_n_is_no_multiple_of_10_counts_differ_by_1(n):
    counts = np.bincount(shapes(n, 1)[0][1][:, 0], minlength=10)
    assert counts.sum() == n
    assert counts.max() - counts.min() <= 1


def test_labels_come_in_random_order():
    (_, y), _ = shapes(1000, 10)
    same = np.mean(y[1:, 0] == y[:-1, 0])
    assert 0.05 < same < 0.15


def test_a_seed_gives_the_same_images_again():
    first, second = shapes(50, 20, seed=4), shapes(50, 20, seed=4)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])


def test_another_seed_gives_other_images():
    (a, _), _ = shapes(50, 20, seed=4)
    (b, _), _ = shapes(50, 20, seed=5)
    assert np.mean(a == b) < 0.05


def test_train_and_test_are_independent_streams():
    train, test = shapes(40, 40, seed=1)
    assert np.mean(train[0] == test[0]) < 0.05
    fewer, _ = shapes(40, 7, seed=1)
    np.testing.assert_array_equal(train[0], fewer[0])
    _, as_before = shapes(13, 40, seed=1)
    np.testing.assert_array_equal(test[0], as_before[0])


@pytest.mark.parametrize("features", ["", "AVX512F AVX512_SKX", "all"])
def test_the_processor_does_not_change_a_byte(features):
    """NumPy without its faster routines is like another machine."""
    if features == "all":
        from numpy._core._multiarray_umath import __cpu_dispatch__

        features = " ".join(__cpu_dispatch__)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("NPY_DISABLE_CPU_FEATURES", None)
    plain = _run_hash(environment)
    limited = environment | {"NPY_DISABLE_CPU_FEATURES": features}
    assert _run_hash(limited if features else environment) == plain


def _run_hash(environment):
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HASH], env=environment,
        capture_output=True, text=True, check=True, timeout=60)
    assert len(result.stdout.strip()) == 64
    return result.stdout


@pytest.mark.parametrize("label", range(10))
def test_every_class_is_turned_scaled_and_placed(label):
    """The average image is flat: no pixel tells the class by itself."""
    images = draw(np.full(300, label), np.random.default_rng(0))
    assert images.mean(axis=0).std() < 12
    assert np.median(images.std(axis=(1, 2, 3))) > 25


TAN36, TAN72 = math.tan(math.pi / 5), math.tan(2 * math.pi / 5)
AREAS = {  # by hand, in units of the radius squared
    "circle": math.pi * 0.85**2,
    "ring": math.pi * (0.92**2 - 0.48**2),
    "semicircle": math.pi / 2,
    "triangle": 3 * math.sqrt(3) / 4,
    "square": 1.44**2,
    "bar": 2 * 0.7,
    "cross": 2 * 2 * 0.56 - 0.56**2,
    "star": 0.32**2 * (5 * TAN36 + 5 * TAN36**2 * TAN72),
    "arrow": 0.75 + 0.5,
}


@pytest.mark.parametrize("name", sorted(AREAS))
def test_each_shape_has_the_area_of_its_definition(name):
    fine = np.linspace(-1.5, 1.5, 1501)
    u, v = np.meshgrid(fine, fine)
    depth = _outside(CLASS_NAMES.index(name), u, v)
    assert np.mean(depth < 0) * 9 == pytest.approx(AREAS[name], rel=0.01)


def test_the_crescent_is_a_disc_without_a_disc():
    """Points of a disc of radius 1, none within 0.85 of (0.5, 0)."""
    points = np.random.default_rng(0).uniform(-1.5, 1.5, (2, 10_000))
    inside = _outside(CLASS_NAMES.index("crescent"), *points) < 0
    in_disc = np.hypot(*points) < 1
    in_bite = np.hypot(points[0] - 0.5, points[1]) < 0.85
    np.testing.assert_array_equal(inside, in_disc & ~in_bite)


def test_directions_are_whole_millionths_so_that_machines_agree():
    cos, sin = _directions(1000, np.random.default_rng(0))
    for values in (cos, sin):
        exact = np.round(values.astype("float64"), 6)
        np.testing.assert_array_equal(values, exact.astype("float32"))
        assert values.min() < -0.99 < 0.99 < values.max()
    np.testing.assert_allclose(cos**2 + sin**2, 1, atol=1e-5)


class Fixed:
    """A generator whose numbers all lie at 7/8 of their range."""

    def uniform(self, low, high, size):
        """Return the same number in every place."""
        return np.full(size, low + (high - low) * 7 / 8)


def test_a_stray_line_by_hand():
    """Angle -45 degrees, 9 pixels from the middle, 194 of 255 bright."""
    row, column = np.mgrid[:32, :32].astype("float32") - 15.5
    image = np.full((1, 32, 32, 3), 94, "float32")
    drawn = _stray_line(image, row, column, Fixed())[0]
    away = np.abs((column - row) / math.sqrt(2) - 9)
    half_width = 0.5 + 0.5 * 7 / 8
    inside, outside = away < half_width - 0.5, away > half_width + 0.5
    assert inside.any()
    np.testing.assert_allclose(drawn[inside], 194)
    assert (drawn[outside] == 94).all()
    share = (drawn[10, :, 0] - 94) / 100
    assert share.sum() == pytest.approx(  # two half-widths, cut at 45 degrees
        2 * half_width * math.sqrt(2), abs=0.05)


def test_the_shape_covers_the_share_its_area_and_radius_say():
    """Circles: pi (0.85 r)^2 of 1024 pixels, r from 9 to 13."""
    row, column = np.mgrid[:32, :32].astype("float32") - 15.5
    cover = _cover(np.zeros(500, int), row, column, np.random.default_rng(0))
    share = cover.mean(axis=(1, 2))
    assert share.min() > math.pi * (0.85 * 8.9) ** 2 / 1024
    assert share.max() < math.pi * (0.85 * 13.1) ** 2 / 1024
    edge = cover[:, [0, -1], :].max(), cover[:, :, [0, -1]].max()
    assert max(edge) == 0  # the whole shape is in the picture


def test_a_convolution_net_learns_what_a_dense_net_cannot():
    (x, y), (x_test, y_test) = shapes(4000, 1000, seed=0)
    x, x_test = x.astype("float32") / 255, x_test.astype("float32") / 255
    body = {
        "convolution": [
            layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(),
            layers.Flatten(), layers.Dense(64, activation="relu"),
        ],
        "dense": [layers.Flatten(), layers.Dense(64, activation="relu")],
    }
    accuracy = {}
    for name, hidden in body.items():
        keras.utils.set_random_seed(0)
        net = keras.Sequential([keras.Input((32, 32, 3)), *hidden,
                                layers.Dense(10)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        net.compile("adam", loss)
        net.fit(x, y, batch_size=64, epochs=4, verbose=0)
        guess = net.predict(x_test, verbose=0).argmax(axis=1)
        accuracy[name] = np.mean(guess == y_test[:, 0])
        if name == "convolution":
            recall = [np.mean(guess[y_test[:, 0] == k] == k) for k in range(10)]
    assert accuracy["convolution"] > 0.4
    assert accuracy["convolution"] > accuracy["dense"] + 0.15
    assert np.median(recall) > 0.4


@pytest.mark.parametrize(("arguments", "message"), [
    ({"n_train": 0}, "n_train must be at least 1, got 0"),
    ({"n_test": -3}, "n_test must be at least 1, got -3"),
    ({"seed": -1}, "seed must be at least 0, got -1"),
])
def test_numbers_below_their_least_value_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        shapes(**arguments)


@pytest.mark.parametrize("name", ["n_train", "n_test", "seed"])
@pytest.mark.parametrize("value", [1.5, "10", None])
def test_what_is_no_integer_is_refused(name, value):
    with pytest.raises(TypeError, match=f"{name} must be an integer"):
        shapes(**{name: value})


@pytest.mark.parametrize("labels", [[10], [-1], [[1, 2]], 3, [0.5]])
def test_a_label_outside_the_ten_is_refused(labels):
    with pytest.raises(ValueError, match="labels must be integers 0 to 9"):
        draw(labels, np.random.default_rng(0))
