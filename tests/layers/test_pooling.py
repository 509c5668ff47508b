"""Pooling is what loops and Keras say, and does what its proofs say."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.layers.pooling import (
    MaxPooling2D,
    average_pool,
    blur_pool,
    max_pool,
    max_pool_gradient,
    output_size,
)
from tests.support import autodiff, central_differences, relative_error

SHAPES = [(6, 9, 2, 2), (7, 8, 3, 2), (5, 7, 3, 1), (8, 8, 2, 3), (5, 5, 4, 3)]


def normal(*shape, seed=0, dtype="float32"):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(
        dtype)


def to_numpy(way, x, *args):
    return ops.convert_to_numpy(way(x, *args))


def loops(x, k, s, padding, summarize):
    """The definition, one window at a time, over real pixels only."""
    B, H, W, C = x.shape
    if padding == "valid":
        rows, columns = range(0, H - k + 1, s), range(0, W - k + 1, s)
    else:
        rows, columns = (
            range(-(missing // 2), n - missing // 2, s)[:-(-n // s)]
            for n in (H, W)
            for missing in [max((-(-n // s) - 1) * s + k - n, 0)])
    y = np.zeros((B, len(rows), len(columns), C))
    for m, i, j, c in np.ndindex(y.shape):
        top, left = rows[i], columns[j]
        y[m, i, j, c] = summarize(
            x[m, max(top, 0):top + k, max(left, 0):left + k, c])
    return y


# oracle


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("H", "W", "k", "s"), SHAPES)
def test_max_and_average_equal_loops_and_keras(H, W, k, s, padding):
    x = normal(2, H, W, 3)
    for ours, theirs, summarize in (
        (max_pool, ops.max_pool, np.max),
        (average_pool, ops.average_pool, np.mean),
    ):
        y = to_numpy(ours, x, k, s, padding)
        np.testing.assert_allclose(
            y, loops(x, k, s, padding, summarize), atol=1e-6)
        # on PyTorch, Keras 3.15 averages copies of the edge if the padding
        # is uneven: 1 column here
        wrong = keras.backend.backend() == "torch" and (
            theirs is ops.average_pool
            and (H, W, k, s, padding) == (7, 8, 3, 2, "same"))
        assert wrong != np.allclose(
            y, ops.convert_to_numpy(theirs(x, k, s, padding)), atol=1e-6)


def test_layer_equals_keras_and_has_no_parameters():
    x = normal(2, 7, 7, 3)
    ours, theirs = MaxPooling2D(3, 2, "same"), keras.layers.MaxPooling2D(
        3, 2, "same")
    np.testing.assert_array_equal(
        ops.convert_to_numpy(ours(x)), ops.convert_to_numpy(theirs(x)))
    assert ours.count_params() == theirs.count_params() == 0


def test_output_size_counts_the_windows_of_keras():
    for n, k, s in itertools.product(range(1, 8), (1, 2, 3), (1, 2, 3)):
        for padding in ("valid", "same"):
            if padding == "same" or k <= n:
                y = ops.max_pool(np.zeros((1, n, n, 1), "float32"), k, s,
                                 padding)
                assert output_size(n, k, s, padding)[0] == y.shape[1]


def test_average_pooling_is_a_convolution_with_a_fixed_kernel():
    x = normal(2, 6, 6, 3)
    w = np.full((2, 2, 3, 1), 1 / 4, "float32")
    conv = ops.depthwise_conv(x, w, strides=2)
    np.testing.assert_allclose(
        to_numpy(average_pool, x), ops.convert_to_numpy(conv), atol=1e-6)


def test_convolution_then_average_is_one_convolution_with_stride_2():
    x, w = normal(1, 9, 9, 1), normal(3, 3, 1, 4)
    two = to_numpy(average_pool, ops.conv(x, w))
    wide = sum(np.pad(w, [(a, 1 - a), (b, 1 - b), (0, 0), (0, 0)])
               for a in (0, 1) for b in (0, 1)) / 4  # 4 x 4
    one = ops.convert_to_numpy(ops.conv(x, wide, strides=2))
    np.testing.assert_allclose(two, one, atol=1e-5)


# gradient


@pytest.mark.parametrize(("k", "s"), [(2, 2), (3, 2), (2, 3)])
def test_gradients_agree_with_central_differences_and_the_derivation(k, s):
    x = normal(1, 7, 7, 2, dtype="float64")
    o = output_size(7, k, s)[0]
    y_bar = normal(1, o, o, 2, seed=1, dtype="float64")
    for ours, summarize in ((max_pool, np.max), (average_pool, np.mean)):
        exact = autodiff(
            lambda v, f=ours: ops.sum(ops.multiply(y_bar, f(v, k, s))), x)[0]
        numeric = central_differences(
            lambda v, f=summarize: np.sum(
                y_bar * loops(v, k, s, "valid", f)), x)
        assert relative_error(exact, numeric) < 1e-7
        if ours is max_pool:
            np.testing.assert_allclose(
                max_pool_gradient(y_bar, x, k, s), exact, atol=1e-12)
        assert exact.sum() == pytest.approx(y_bar.sum())


def test_max_pays_one_pixel_and_average_pays_all():
    x = np.array([[1.0, 3], [2, 0]]).reshape(1, 2, 2, 1)
    of_max, of_mean = (
        autodiff(lambda v, f=f: ops.sum(f(v)), x)[0][0, :, :, 0]
        for f in (max_pool, average_pool))
    np.testing.assert_array_equal(of_max, [[0, 1], [0, 0]])
    np.testing.assert_array_equal(of_mean, np.full((2, 2), 1 / 4))


def test_average_shrinks_the_length_of_the_gradient_by_the_side():
    x, y_bar = normal(1, 8, 8, 4), normal(1, 4, 4, 4)
    lengths = [np.linalg.norm(autodiff(
        lambda v, f=f: ops.sum(ops.multiply(y_bar, f(v))), x)[0])
        for f in (max_pool, average_pool)]
    assert lengths[0] == pytest.approx(np.linalg.norm(y_bar), rel=1e-5)
    assert lengths[1] == pytest.approx(np.linalg.norm(y_bar) / 2, rel=1e-5)


def test_in_a_tie_pooling_pays_the_first_pixel_and_ops_max_divides():
    x = np.ones((1, 2, 2, 1), "float32")
    keras_pool, ours, first = (
        autodiff(lambda v: ops.sum(ops.max_pool(v, 2, 2)), x)[0],
        autodiff(lambda v: ops.sum(max_pool(v)), x)[0],
        max_pool_gradient(np.ones((1, 1, 1, 1)), x))
    np.testing.assert_array_equal(keras_pool[0, :, :, 0], [[1, 0], [0, 0]])
    np.testing.assert_array_equal(first[0, :, :, 0], [[1, 0], [0, 0]])
    np.testing.assert_array_equal(ours[0, :, :, 0], np.full((2, 2), 1 / 4))


def test_after_relu_a_tie_at_zero_carries_no_gradient():
    x = np.array([[0.0, -1], [-2, 0]], "float32").reshape(1, 2, 2, 1)
    for pool in (max_pool, lambda v: ops.max_pool(v, 2, 2)):
        grad = autodiff(lambda v, p=pool: ops.sum(p(ops.relu(v))), x)[0]
        np.testing.assert_array_equal(grad, 0)


def test_overlapping_windows_add_their_errors_in_one_pixel():
    x = np.zeros((1, 5, 5, 1))
    x[0, 2, 2] = 9
    grad = max_pool_gradient(np.ones((1, 2, 2, 1)), x, k=3, s=2)
    assert grad[0, 2, 2, 0] == grad.sum() == 4


# limit


def test_missing_pixels_are_shared_out_the_odd_one_at_the_end():
    assert output_size(5, 4, 3, "same") == (2, (1, 1))
    assert output_size(6, 5, 2, "same") == (3, (1, 2))


def test_by_default_windows_of_2_by_2_pixels_do_not_overlap():
    x = normal(1, 5, 5, 2)
    np.testing.assert_array_equal(
        to_numpy(MaxPooling2D(), x), to_numpy(keras.layers.MaxPooling2D(), x))
    y_bar = normal(1, 2, 2, 2)
    np.testing.assert_array_equal(
        to_numpy(max_pool_gradient, y_bar, x),
        to_numpy(max_pool_gradient, y_bar, x, 2, 2))


def test_windows_of_one_pixel_change_nothing():
    x = normal(2, 5, 5, 3)
    np.testing.assert_array_equal(to_numpy(max_pool, x, 1, 1), x)
    np.testing.assert_array_equal(to_numpy(average_pool, x, 1, 1), x)


def test_max_pooling_and_relu_change_places():
    for seed in range(5):
        x = normal(2, 8, 8, 3, seed=seed)
        for rising in (ops.relu, ops.tanh, ops.sigmoid):
            np.testing.assert_allclose(
                to_numpy(max_pool, rising(x)),
                ops.convert_to_numpy(rising(max_pool(x))), atol=1e-6)


def test_average_pooling_and_relu_do_not():
    x = np.array([[-1.0, 1], [-1, 1]]).reshape(1, 2, 2, 1)
    assert to_numpy(average_pool, ops.relu(x)).item() == 0.5
    assert ops.relu(average_pool(x)) == 0


def test_max_pooling_and_a_falling_function_do_not():
    x = np.array([[-1.0, 1], [0, 0]]).reshape(1, 2, 2, 1)
    assert to_numpy(max_pool, -x).item() == 1
    assert -to_numpy(max_pool, x).item() == -1


def test_shift_by_the_stride_shifts_the_output_by_one():
    x = normal(1, 12, 16, 2)
    for way in (max_pool, average_pool, blur_pool):
        a, b = (to_numpy(way, x[:, :, d:d + 12]) for d in (0, 2))
        np.testing.assert_allclose(a[:, :, 1:], b[:, :, :-1], atol=1e-6)


def test_thin_lines_moved_by_one_pixel_flip_every_output():
    lines = np.tile([0.0, 0, 0, 1], (8, 3))[None, :, :, None]
    before, after = (to_numpy(max_pool, lines[:, :, d:d + 8])[0, 0, :, 0]
                     for d in (2, 1))
    np.testing.assert_array_equal(before, [1, 0, 1, 0])
    np.testing.assert_array_equal(after, [0, 1, 0, 1])


def test_wide_stripes_moved_by_one_pixel_disappear():
    stripes = np.tile([0.0, 0, 1, 1], (8, 3))[None, :, :, None]
    views = stripes[:, :, :8], stripes[:, :, 1:9]
    before, after = (to_numpy(max_pool, view)[0, 0, :, 0] for view in views)
    np.testing.assert_array_equal(before, [0, 1, 0, 1])
    np.testing.assert_array_equal(after, [1, 1, 1, 1])
    before, after = (to_numpy(average_pool, view)[0, 0, :, 0]
                     for view in views)
    np.testing.assert_array_equal(before, [0, 1, 0, 1])
    np.testing.assert_array_equal(after, [0.5, 0.5, 0.5, 0.5])


def test_blur_before_dropping_keeps_the_change_of_stripes_small():
    stripes = np.tile([0.0, 0, 1, 1], (8, 4))[None, :, :, None]
    a, b = (to_numpy(blur_pool, max_pool(stripes[:, :, d:d + 12], s=1))
            for d in (0, 1))
    assert np.abs(a - b).max() == 0.25


def test_by_hand_three_windows_share_one_maximum():
    x = np.array([[1.0, 3, 0, 2], [2, 0, 5, 1], [4, 1, 1, 0], [0, 2, 2, 6]])
    x = x.reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(
        to_numpy(max_pool, x, 3, 1)[0, :, :, 0], [[5, 5], [5, 6]])
    grad = max_pool_gradient(np.ones((1, 2, 2, 1)), x, k=3, s=1)[0, :, :, 0]
    assert grad[1, 2] == 3
    assert grad[3, 3] == 1
    assert np.count_nonzero(grad) == 2
    of_mean = autodiff(lambda v: ops.sum(average_pool(v, 3, 1)), x)[0]
    row = np.array([1, 2, 2, 1])
    np.testing.assert_allclose(
        of_mean[0, :, :, 0], np.outer(row, row) / 9)


def test_channels_never_meet():
    x = normal(1, 6, 6, 3)
    apart = [to_numpy(max_pool, x[..., c:c + 1]) for c in range(3)]
    np.testing.assert_array_equal(
        to_numpy(max_pool, x), np.concatenate(apart, axis=-1))


def test_global_max_ignores_a_shift_inside_a_black_margin():
    x = np.abs(normal(3, 8, 8, 2))
    a, b = (to_numpy(max_pool, np.pad(
        x, [(0, 0), (4, 4), (4 + d, 4 - d), (0, 0)]), 16, 16) for d in (0, 3))
    np.testing.assert_array_equal(a, b)


def test_zeros_as_padding_would_win_over_negative_pixels():
    x = -np.ones((1, 3, 3, 1), "float32")
    np.testing.assert_array_equal(to_numpy(max_pool, x, 3, 1, "same"), -1)
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    assert (to_numpy(max_pool, padded, 3, 1) == 0).sum() == 8


def test_average_does_not_count_the_padding():
    ones = np.ones((1, 3, 3, 1), "float32")
    np.testing.assert_array_equal(to_numpy(average_pool, ones, 3, 1, "same"), 1)


def test_valid_drops_the_last_column_of_an_odd_image():
    x = np.zeros((1, 5, 5, 1))
    x[0, :, 4] = 9
    assert to_numpy(max_pool, x).max() == 0
    assert to_numpy(max_pool, x, 2, 2, "same").max() == 9


def test_article_network_loses_the_same_column_and_row():
    assert output_size(13, 2, 2) == (6, (0, 0))
    assert output_size(13, 2, 2, "same") == (7, (0, 1))


def test_tensorflow_on_a_cpu_lets_a_nan_disappear():
    x = np.ones((1, 2, 2, 1), "float32")
    x[0, 0, 0] = np.nan
    y = ops.convert_to_numpy(ops.max_pool(x, 2, 2)).item()
    assert np.isnan(y) == (keras.backend.backend() != "tensorflow")


def test_padding_is_nothing_where_the_windows_fit_and_a_window_may_be_1():
    assert output_size(6, 2, 3, "same") == (2, (0, 0))
    x = np.random.default_rng(0).normal(size=(1, 3, 3, 2)).astype("float32")
    y = MaxPooling2D(pool_size=1, stride=1)(x)
    np.testing.assert_array_equal(ops.convert_to_numpy(y), x)


def test_the_blur_weighs_both_sides_alike():
    x = np.random.default_rng(0).normal(size=(1, 3, 3, 1)).astype("float32")
    y = [float(ops.sum(blur_pool(z))) for z in (
        x, x[:, ::-1], x[:, :, ::-1], x.transpose(0, 2, 1, 3))]
    np.testing.assert_allclose(y, y[0], rtol=1e-5)


# claim


def test_parameters_are_saved_in_the_dense_layer_only(example):
    run = example("layers/pooling")
    assert run["total"] == [167_562, 3_231_370]
    assert run["pooled"] == [24_202, 24_202]
    with_pool, without = ([layer.count_params() for layer in net.layers]
                          for net in run["nets"])
    differ = [a != b for a, b in zip(with_pool, without, strict=True)]
    assert differ.count(True) == 1
    assert without[differ.index(True)] == (28 * 28 * 64 + 1) * 64
    assert with_pool[differ.index(True)] == (6 * 6 * 64 + 1) * 64


@pytest.mark.parametrize("k", [2, 3, 4])
def test_a_shift_of_noise_leaves_the_share_of_the_formula(k):
    noise = normal(1, 240, 246, 1)
    still = to_numpy(max_pool, noise[:, :, :240], k, k)
    for d in range(1, k + 1):
        moved = to_numpy(max_pool, noise[:, :, d:d + 240], k, k)
        assert np.mean(moved == still) == pytest.approx(
            (k - d) / (k + d), abs=0.02)
    diagonal = to_numpy(max_pool, np.roll(noise, (1, 1), (1, 2))[:, :, :240],
                        k, k)[:, 1:, 1:]
    share = (k - 1) ** 2 / (2 * k**2 - (k - 1) ** 2)
    assert np.mean(diagonal == still[:, 1:, 1:]) == pytest.approx(
        share, abs=0.02)


def test_pooling_softens_a_shift_of_digits_but_does_not_undo_it(example):
    change = example("layers/pooling")["change"]
    for name in ("max", "average", "max, blur"):
        assert 0.3 < change[name] < change["pixels"] - 0.15
    assert change["max, blur"] < change["max"] - 0.05
    assert change["every 2nd"] > change["pixels"] - 0.05


def test_max_pooling_gains_one_pixel_and_nothing_unshifted(example):
    run = example("layers/pooling")
    scores, before = run["scores"], run["scores"]["max"][:, 0]
    others = [scores[arm] for arm in ("average", "stride", "none")]
    assert min(s[:, 0].min() for s in scores.values()) > 0.8
    unshifted = [scores[arm][:, 0] for arm in ("max", "stride", "none")]
    lows, highs = ([f(s) for s in unshifted] for f in (np.min, np.max))
    assert max(lows) < min(highs)  # their ranges overlap
    assert scores["max"][:, 1].mean() > 0.05 + max(
        s[:, 1].mean() for s in others)
    assert run["best"] == ["max"] * 5
    assert (scores["max"][:, 1] < 0.75 * before).all()  # about a third lost
    assert scores["average"][:, 0].mean() < before.mean() - 0.02
    assert max(s[:, 2].max() for s in scores.values()) < 0.5


# error


@pytest.mark.parametrize("bad", [(0, 2, 2), (5, 0, 2), (5, 2, 0)])
def test_sizes_below_one_are_refused(bad):
    with pytest.raises(ValueError, match="must be at least 1, got"):
        output_size(*bad)


def test_unknown_padding_is_refused():
    with pytest.raises(ValueError, match="'full'"):
        max_pool(normal(1, 4, 4, 1), 2, 2, "full")


def test_window_larger_than_the_image_is_refused():
    with pytest.raises(ValueError, match="a window of 3 does not fit into 2"):
        max_pool(normal(1, 2, 2, 1), 3, 2)


def test_layer_with_an_empty_window_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        MaxPooling2D(0)
