"""The convolution is what loops, SciPy, Keras and its own matrix say it is."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops
from scipy import signal

from dlguide.layers import convolution
from dlguide.layers.convolution import (
    Conv2D,
    conv2d,
    conv2d_transpose,
    output_size,
    patches,
    receptive_field,
    selection,
    toeplitz,
)
from tests.support import autodiff, central_differences, relative_error

GEOMETRIES = list(itertools.product((1, 2, 3), (0, 1, 2), (1, 2, 3)))


def normal(*shape, seed=0, dtype="float32"):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(
        dtype)


def loops(x, w, s, p, d):
    """The definition, one multiplication at a time."""
    x = np.pad(x, [(0, 0), (p, p), (p, p), (0, 0)])
    (K, L, C, F), (B, H, W, _) = w.shape, x.shape
    P, Q = 0, 0
    while s * P + d * (K - 1) <= H - 1:
        P += 1
    while s * Q + d * (L - 1) <= W - 1:
        Q += 1
    y = np.zeros((B, P, Q, F))
    for m, i, j, f in np.ndindex(y.shape):
        for a, b, c in np.ndindex(K, L, C):
            y[m, i, j, f] += (
                x[m, s * i + d * a, s * j + d * b, c] * w[a, b, c, f])
    return y


# oracle


@pytest.mark.parametrize(("s", "p", "d"), GEOMETRIES)
@pytest.mark.parametrize("k", [(1, 1), (3, 3), (2, 3)])
def test_conv2d_equals_loops_and_its_matrix_and_keras(k, s, p, d):
    x, w = normal(2, 8, 9, 2), normal(*k, 2, 3)
    y = ops.convert_to_numpy(conv2d(x, w, s, p, d))
    np.testing.assert_allclose(y, loops(x, w, s, p, d), atol=1e-5)
    T = ops.convert_to_numpy(toeplitz(w, (8, 9), s, p, d))
    np.testing.assert_allclose(
        y.reshape(2, -1), x.reshape(2, -1) @ T.T, atol=1e-5)
    if min(s, d) == 1:  # TensorFlow has no stride together with dilation
        padded = np.pad(x, [(0, 0), (p, p), (p, p), (0, 0)])
        built_in = ops.conv(padded, w, strides=s, dilation_rate=d)
        np.testing.assert_allclose(
            y, ops.convert_to_numpy(built_in), atol=1e-5)


def test_output_size_counts_the_windows_that_fit():
    cases = itertools.product(range(1, 9), (1, 2, 3), (1, 2, 3), (0, 1, 2),
                              (1, 2, 3))
    counted = 0
    for n, k, s, p, d in cases:
        starts = range(0, n + 2 * p, s)
        fitting = [i for i in starts if i + d * (k - 1) <= n + 2 * p - 1]
        if fitting:
            assert output_size(n, k, s, p, d) == len(fitting)
            counted += 1
    assert counted > 400


def test_scipy_convolution_is_conv2d_with_a_flipped_kernel():
    x, w = normal(7, 8), normal(3, 2)
    images, kernels = x[None, :, :, None], w[:, :, None, None]
    as_is = ops.convert_to_numpy(conv2d(images, kernels))[0, :, :, 0]
    flipped = ops.convert_to_numpy(conv2d(images, kernels[::-1, ::-1]))
    np.testing.assert_allclose(
        as_is, signal.correlate2d(x, w, "valid"), atol=1e-5)
    np.testing.assert_allclose(
        flipped[0, :, :, 0], signal.convolve2d(x, w, "valid"), atol=1e-5)
    assert np.abs(as_is - flipped[0, :, :, 0]).max() > 0.5


@pytest.mark.parametrize(("s", "p", "d"), GEOMETRIES)
def test_transposed_convolution_is_the_adjoint(s, p, d):
    x, w = normal(1, 8, 9, 2), normal(3, 2, 2, 3)
    Cx = ops.convert_to_numpy(conv2d(x, w, s, p, d))
    y = normal(*Cx.shape, seed=1)
    Cty = ops.convert_to_numpy(conv2d_transpose(y, w, (8, 9), s, p, d))
    assert np.sum(Cx * y) == pytest.approx(np.sum(x * Cty), rel=1e-4)


def test_transposed_convolution_equals_keras():
    y, w = normal(2, 4, 5, 3), normal(3, 3, 2, 3)  # (B, P, Q, F), (K, L, C, F)
    ours = conv2d_transpose(y, w, (9, 11), s=2)
    built_in = ops.conv_transpose(y, w, strides=2, padding="valid")
    np.testing.assert_allclose(
        ops.convert_to_numpy(ours), ops.convert_to_numpy(built_in), atol=1e-5)


def test_layer_equals_keras_with_copied_weights():
    x = normal(2, 8, 9, 3)
    ours = Conv2D(4, 3, padding=1)
    theirs = keras.layers.Conv2D(4, 3, padding="same")
    ours.build(x.shape)
    theirs.build(x.shape)
    weights = [normal(3, 3, 3, 4), normal(4)]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    np.testing.assert_allclose(ops.convert_to_numpy(ours(x)),
                               ops.convert_to_numpy(theirs(x)), atol=1e-5)
    assert ours.count_params() == 3 * 3 * 3 * 4 + 4


def test_padding_same_with_stride_2_is_not_one_zero_on_each_side():
    x, w = normal(1, 8, 8, 1), normal(3, 3, 1, 1)
    one_each_side = ops.convert_to_numpy(conv2d(x, w, s=2, p=1))
    same = ops.convert_to_numpy(ops.conv(x, w, strides=2, padding="same"))
    assert one_each_side.shape == same.shape == (1, 4, 4, 1)
    assert np.abs(one_each_side - same).max() > 0.5
    right_and_below = np.pad(x, [(0, 0), (0, 1), (0, 1), (0, 0)])
    np.testing.assert_allclose(
        ops.convert_to_numpy(conv2d(right_and_below, w, s=2)), same, atol=1e-5)


# gradient


def test_gradients_agree_with_central_differences():
    x, w = normal(2, 5, 6, 2, dtype="float64"), normal(3, 2, 2, 3,
                                                       dtype="float64")
    g = normal(2, 3, 4, 3, dtype="float64")

    def loss(x, w):
        return ops.sum(ops.multiply(g, conv2d(x, w, s=2, p=1)))

    def numpy_loss(x, w):
        return np.sum(g * loops(x, w, 2, 1, 1))

    at_x, at_w = autodiff(loss, x, w)
    by_hand = central_differences(lambda v: numpy_loss(v, w), x)
    assert relative_error(at_x, by_hand) < 1e-7
    by_hand = central_differences(lambda v: numpy_loss(x, v), w)
    assert relative_error(at_w, by_hand) < 1e-7


def test_gradient_of_the_input_is_the_transposed_convolution():
    x, w, g = normal(1, 7, 7, 2), normal(3, 3, 2, 4), normal(1, 4, 4, 4)
    at_x = autodiff(
        lambda v: ops.sum(ops.multiply(g, conv2d(v, w, s=2, p=1))), x)[0]
    sent_back = conv2d_transpose(g, w, (7, 7), s=2, p=1)
    np.testing.assert_allclose(
        at_x, ops.convert_to_numpy(sent_back), atol=1e-5)


@pytest.mark.parametrize(("stack", "side"), [
    ([(3, 1, 1)] * 2, 5), ([(3, 1, 1)] * 3, 7),
    ([(3, 2, 1), (3, 1, 1)], 7), ([(3, 1, 1), (3, 1, 2), (3, 1, 4)], 15),
    ([(5, 1, 1), (3, 2, 1), (2, 2, 1)], 9),
])
def test_gradient_of_one_output_spans_the_receptive_field(stack, side):
    def middle(x):
        for k, s, d in stack:
            x = conv2d(x, np.ones((k, k, 1, 1)), s, 0, d)
        return x[0, x.shape[1] // 2, x.shape[2] // 2, 0]

    reached = autodiff(middle, np.zeros((1, 33, 33, 1)))[0][0, :, :, 0] > 0
    assert receptive_field(stack) == side
    assert reached.any(axis=0).sum() == reached.any(axis=1).sum() == side


# limit


def test_the_smallest_layer_has_the_weights_of_the_equations():
    layer = Conv2D(1, 1)
    layer.build((None, 1, 1, 1))
    assert [w.name for w in layer.weights] == ["w", "b"]
    assert [w.shape for w in layer.weights] == [(1, 1, 1, 1), (1,)]


def test_kernel_with_a_single_one_is_the_identity_or_a_shift():
    x, w = normal(1, 5, 5, 1), np.zeros((3, 3, 1, 1), "float32")
    w[1, 1] = 1
    np.testing.assert_array_equal(conv2d(x, w, p=1), x)
    np.testing.assert_array_equal(
        conv2d(x, np.roll(w, 1, axis=1))[0, :, :, 0], x[0, 1:4, 2:5, 0])


def test_kernel_of_the_size_of_the_image_is_a_dense_layer():
    x, w = normal(6, 4, 5, 2), normal(4, 5, 2, 3)
    np.testing.assert_allclose(
        ops.convert_to_numpy(conv2d(x, w))[:, 0, 0],
        x.reshape(6, -1) @ w.reshape(-1, 3), atol=1e-5)


def test_kernel_of_1_by_1_is_a_dense_layer_at_every_pixel():
    x, w = normal(2, 4, 5, 3), normal(1, 1, 3, 6)
    np.testing.assert_allclose(
        ops.convert_to_numpy(conv2d(x, w)), x @ w[0, 0], atol=1e-5)


def test_patches_of_a_small_image_by_hand():
    x = np.arange(9.0).reshape(1, 3, 3, 1)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(patches(x, (2, 2)))[0].reshape(4, 4),
        [[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]])


def test_toeplitz_of_a_row_is_constant_along_its_diagonals():
    w = np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1)
    np.testing.assert_array_equal(toeplitz(w, (1, 5)), [
        [1, 2, 3, 0, 0], [0, 1, 2, 3, 0], [0, 0, 1, 2, 3]])
    np.testing.assert_array_equal(toeplitz(w, (1, 5), s=2), [
        [1, 2, 3, 0, 0], [0, 0, 1, 2, 3]])


def test_the_matrix_has_the_format_of_the_kernel_and_marks_take_one_byte():
    w = normal(2, 3, 1, 1).astype("float16")
    T = ops.convert_to_numpy(toeplitz(w, (2, 3)))
    assert T.dtype == "float16"
    np.testing.assert_array_equal(T, w.reshape(1, 6))
    assert selection(5, 3).itemsize == 1


def test_matrix_is_sparse_and_repeats_its_few_weights():
    T = ops.convert_to_numpy(toeplitz(normal(3, 3, 2, 4), (8, 8)))
    assert T.shape == (6 * 6 * 4, 8 * 8 * 2)
    assert np.count_nonzero(T) == 6 * 6 * 4 * 3 * 3 * 2
    assert len(np.unique(T[T != 0])) == 3 * 3 * 2 * 4


def test_transposed_convolution_does_not_undo_the_convolution():
    x, w = normal(1, 6, 6, 1), normal(3, 3, 1, 1)
    back = ops.convert_to_numpy(conv2d_transpose(conv2d(x, w), w, (6, 6)))
    assert back.shape == x.shape
    scale = np.sum(back * x) / np.sum(back * back)  # best multiple of it
    assert np.linalg.norm(scale * back - x) > 0.3 * np.linalg.norm(x)


def test_stride_2_with_3_taps_draws_a_checkerboard_and_4_taps_do_not():
    def inner(k):
        ones = np.ones((k, k, 1, 1), "float32")
        size = 2 * 5 + k  # 6 x 6 windows
        y = np.ones((1, 6, 6, 1), "float32")
        image = conv2d_transpose(y, ones, (size, size), s=2)
        return np.unique(ops.convert_to_numpy(image)[0, 3:-3, 3:-3, 0])

    assert inner(3).tolist() == [1, 2, 4]
    assert inner(4).tolist() == [4]


def test_impulse_counts_the_paths_to_the_output():
    impulse = np.zeros((1, 7, 7, 1), "float32")
    impulse[0, 3, 3] = 1
    for _ in range(3):
        impulse = conv2d_transpose(
            impulse, np.ones((3, 3, 1, 1), "float32"), (7, 7), p=1)
    paths = ops.convert_to_numpy(impulse)[0, :, :, 0]
    row = np.array([1, 3, 6, 7, 6, 3, 1])
    np.testing.assert_array_equal(paths, np.outer(row, row))
    assert paths[2:5, 2:5].sum() / paths.sum() == pytest.approx((19 / 27) ** 2)


def test_wide_margin_makes_global_max_pooling_exactly_invariant():
    digit, b = np.abs(normal(1, 8, 8, 1)), np.abs(normal(8))
    w_1, w_2 = normal(5, 5, 1, 8), normal(3, 3, 8, 24)

    def features(margin, move):
        x = np.pad(digit, [(0, 0), (margin, margin),
                           (margin + move, margin - move), (0, 0)])
        hidden = ops.relu(conv2d(x, w_1, p=2) + b)
        maps = conv2d(hidden, w_2, p=1)
        return ops.convert_to_numpy(ops.max(maps, axis=(1, 2)))

    assert np.allclose(features(6, 0), features(6, 2), atol=1e-4)
    assert np.abs(features(2, 0) - features(2, 2)).max() > 0.5


def test_by_default_the_window_moves_by_1_without_padding_and_gaps():
    assert output_size(7, 3) == output_size(7, 3, s=1, p=0, d=1) == 5
    np.testing.assert_array_equal(
        selection(4, 3), selection(4, 3, s=1, p=0, d=1))
    layer = Conv2D(2, 3)
    assert layer(np.ones((1, 7, 7, 1), "float32")).shape == (1, 5, 5, 2)
    assert not ops.convert_to_numpy(layer.b).any()


# claim


def test_locality_and_sharing_leave_896_of_88_million_weights(example):
    run = example("layers/convolution")
    assert run["dense"] == 88_473_600
    assert run["dense"] / run["local"] == pytest.approx(3072 / 27)
    assert run["local"] / run["shared"] == 30 * 30
    layer = Conv2D(32, 3)
    layer.build((None, 32, 32, 3))
    assert layer.count_params() == run["shared"] + 32 == 896


def test_feature_map_moves_with_the_image_inside_but_not_at_the_ends(example):
    mismatch = example("layers/convolution")["mismatch"]
    for stride, touched in ((1, [0, -1]), (2, [0])):  # by the padding
        columns = mismatch(stride, pan=stride).max(axis=0)
        assert columns[touched].min() > 0.5
        assert np.delete(columns, touched).max() < 1e-4
    assert mismatch(2, 1)[:, 1:-1].max() > 0.5


def test_only_convolution_with_global_pooling_reads_moved_digits(example):
    scores = example("layers/convolution")["scores"]
    pooled, flat, dense = (
        scores[arm] for arm in ("conv + global max", "conv + flatten", "dense"))
    assert min(s[:, 0].min() for s in scores.values()) > 0.8
    assert pooled[:, 2].min() > 0.75
    assert max(flat[:, 2].max(), dense[:, 2].max()) < 0.25


# error


@pytest.mark.parametrize("bad", [
    {"n": 0}, {"k": 0}, {"s": 0}, {"p": -1}, {"d": 0}])
def test_arguments_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match="must be at least 1"):
        output_size(**({"n": 5, "k": 3} | bad))


def test_kernel_larger_than_the_padded_image_is_refused():
    with pytest.raises(ValueError, match="spans 7 pixels.*only 6"):
        output_size(4, 4, p=1, d=2)


def test_wrong_number_of_channels_is_refused():
    with pytest.raises(ValueError, match=r"\(B, H, W, 3\).*\(1, 5, 5, 2\)"):
        conv2d(normal(1, 5, 5, 2), normal(3, 3, 3, 1))


def test_size_that_does_not_lead_to_y_is_refused():
    with pytest.raises(ValueError, match=r"\(B, 3, 3, 1\).*\(1, 4, 4, 1\)"):
        conv2d_transpose(normal(1, 4, 4, 1), normal(3, 3, 1, 1), (5, 5))


def test_layer_without_filters_is_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        convolution.Conv2D(0, 3)
