"""What the two priors leave, what breaks them, and where they pay."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers, ops

from dlguide.layers.convolution import receptive_field
from dlguide.vision.cnn import (
    LENET5,
    average_over_shifts,
    circular_conv2d,
    conv_cost,
    dense_net,
    equivariance_error,
    lenet5,
    place,
    shift,
    train,
)
from tests.support import autodiff, central_differences, relative_error


def normal(*shape, seed=0, dtype="float32"):
    rng = np.random.default_rng([seed, *shape])
    return rng.normal(size=shape).astype(dtype)


def outputs(model, x):
    """Output of each layer, by name."""
    found = {}
    for layer in model.layers:
        x = layer(x)
        found[layer.name] = ops.convert_to_numpy(x)
    return found


def loops(x, w):
    """Circular cross-correlation, one multiplication at a time."""
    (B, H, W, C), (K, _, _, F) = x.shape, w.shape
    y = np.zeros((B, H, W, F))
    for m, i, j, f in np.ndindex(y.shape):
        for a, b, c in np.ndindex(K, K, C):
            u, v = (i + a - K // 2) % H, (j + b - K // 2) % W
            y[m, i, j, f] += x[m, u, v, c] * w[a, b, c, f]
    return y


def error(f, x, v, u=None):
    return float(equivariance_error(f, x, v, u))


# oracle


@pytest.mark.parametrize("K", [1, 2, 3, 5])
def test_circular_convolution_equals_loops(K):
    x, w = normal(2, 6, 7, 2), normal(K, K, 2, 3)
    np.testing.assert_allclose(
        ops.convert_to_numpy(circular_conv2d(x, w)), loops(x, w), atol=1e-4)


def test_shift_equals_numpy_roll():
    x = normal(2, 5, 6, 3)
    for v in itertools.product((-2, 0, 3), (-7, 1)):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(shift(x, v)), np.roll(x, v, (1, 2)))


def test_average_over_shifts_equals_the_loop_over_moved_matrices():
    T, n = normal(6, 6), 6
    S = np.roll(np.eye(n), 1, axis=0)  # moves a vector by one cell
    powers = [np.linalg.matrix_power(S, v) for v in range(n)]
    expected = sum(S_v.T @ T @ S_v for S_v in powers) / n
    np.testing.assert_allclose(
        ops.convert_to_numpy(average_over_shifts(T)), expected, atol=1e-6)


def test_what_survives_the_average_is_a_convolution():
    T_bar = ops.convert_to_numpy(average_over_shifts(normal(7, 7)))
    x, w = normal(7), np.roll(T_bar[0], 3)  # w_d at place d + 3
    y = circular_conv2d(np.tile(x, (7, 1))[None, :, :, None],
                        np.eye(7)[3][:, None, None, None] * w[:, None, None])
    np.testing.assert_allclose(
        ops.convert_to_numpy(y)[0, 0, :, 0], T_bar @ x, atol=1e-5)


def test_parameters_and_shapes_by_hand_are_those_of_keras():
    model = lenet5()
    for layer in model.layers:
        if layer.name == "average":
            continue
        P, K, _, C, F = LENET5[layer.name]
        n = 0 if layer.name[0] == "S" else conv_cost(P, K, C, F)[0]
        assert layer.count_params() == n
        shape = layer.output.shape[1:]
        assert shape == ((P, P, F) if len(shape) == 3 else (F,))
    assert model.count_params() == 156 + 2416 + 48120 + 10164 + 850 == 61706


def test_the_rival_has_as_many_parameters_as_lenet_to_1_percent():
    rival = dense_net()
    assert rival.count_params() == pytest.approx(61706, rel=0.01)
    assert rival.output_shape == lenet5().output_shape == (None, 10)


def test_multiply_adds_are_the_nonzeros_of_the_matrix():
    P, K, C, F = 6, 3, 2, 4
    unit = np.eye(8 * 8 * C, dtype="float32").reshape(-1, 8, 8, C)
    ones = np.ones((K, K, C, F), "float32")
    T = ops.convert_to_numpy(ops.conv(unit, ones, padding="valid"))
    assert conv_cost(P, K, C, F)[1] == np.count_nonzero(T)


def test_weights_of_the_paper_add_up_to_60000():
    def maps(inputs, count):  # count filters that see `inputs` maps each
        return conv_cost(1, 5, inputs, count)[0]

    C1, C3, C5 = maps(1, 6), maps(3, 6) + maps(4, 9) + maps(6, 1), maps(16, 120)
    S2, S4, F6 = 2 * 6, 2 * 16, conv_cost(1, 1, 120, 84)[0]
    assert (C1, C3, C5) == (156, 1516, 48120)
    assert C1 + S2 + C3 + S4 + C5 + F6 == 60_000


def test_flatten_and_dense_are_a_convolution_with_one_window():
    x, w, b = normal(3, 5, 5, 16), normal(5, 5, 16, 120), normal(120)
    conv, dense = layers.Conv2D(120, 5), layers.Dense(120)
    conv.build(x.shape)
    dense.build((3, 400))
    conv.set_weights([w, b])
    dense.set_weights([w.reshape(400, 120), b])
    np.testing.assert_allclose(
        ops.convert_to_numpy(conv(x))[:, 0, 0],
        ops.convert_to_numpy(dense(x.reshape(3, 400))), atol=1e-3)


def test_a_convolution_reads_sound_as_well_as_images():
    wave, w = normal(1, 1, 50, 1), np.zeros((3, 3, 1, 1), "float32")
    w[1, :, 0, 0] = [-1, 0, 1]  # slope along time
    slope = ops.convert_to_numpy(circular_conv2d(wave, w))[0, 0, :, 0]
    x = wave[0, 0, :, 0]
    np.testing.assert_allclose(
        slope, np.roll(x, -1) - np.roll(x, 1), atol=1e-6)


def test_averaged_c5_is_the_same_neuron_at_25_places():
    one, many = lenet5(), lenet5("same")
    many.set_weights(one.get_weights())
    alone, found = (outputs(net, normal(3, 32, 32, 1)) for net in (one, many))
    C5 = found["C5"]
    assert C5.shape == (3, 5, 5, 120)
    np.testing.assert_allclose(  # the middle window sees no padding
        C5[:, 2:3, 2:3], alone["C5"], atol=1e-4)
    np.testing.assert_allclose(
        found["average"], C5.mean(axis=(1, 2)), atol=1e-5)


def test_training_starts_from_the_seed_whatever_was_learned_before(capsys):
    x, y = normal(33, 32, 32, 1), np.arange(33) % 3

    def make():
        return dense_net(4, 3)

    model, ends = make(), []
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True))
    for seed in (0, 1, 1, 2):  # 0: the first fit, which builds the metrics
        train(model, make, seed, x, y, rate=0.01, epochs=3)
        ends.append(model.get_weights())
        assert int(model.optimizer.iterations) == 6  # 32 images, then 1
        assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    for first, again, other in zip(*ends[1:], strict=True):
        np.testing.assert_allclose(first, again, rtol=1e-4, atol=1e-6)
        assert np.abs(first - other).max() > 1e-3
    assert capsys.readouterr().out == ""


def test_training_for_20_epochs_learns_32_images_by_heart():
    x, y = normal(32, 32, 32, 1), np.arange(32) % 2
    model = dense_net(8, 2)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True))
    train(model, lambda: dense_net(8, 2), 0, x, y)
    assert int(model.optimizer.iterations) == 20
    assert (model.predict_on_batch(x).argmax(-1) == y).all()


# gradient


def test_gradients_agree_with_central_differences():
    x, w, g = (normal(*shape, dtype="float64") for shape in (
        (1, 4, 5, 2), (3, 3, 2, 2), (1, 4, 5, 2)))

    def loss(x, w):
        return ops.sum(ops.multiply(g, circular_conv2d(x, w)))

    at_x, at_w = autodiff(loss, x, w)
    by_hand = central_differences(lambda v: np.sum(g * loops(v, w)), x)
    assert relative_error(at_x, by_hand) < 1e-7
    by_hand = central_differences(lambda v: np.sum(g * loops(x, v)), w)
    assert relative_error(at_w, by_hand) < 1e-7


def test_gradient_of_one_unit_spans_the_receptive_field():
    stack, model = [], lenet5(activation="tanh")
    x = normal(64, 32, 32, 1)  # a maximum passes one pixel on: take many images
    for name, side in zip(LENET5, (5, 6, 14, 16, 32), strict=False):
        _, K, stride, _, _ = LENET5[name]
        stack.append((K, stride, 1))
        part = keras.Model(model.inputs, model.get_layer(name).output)

        def middle(x, part=part, c=part.output.shape[1] // 2):
            return ops.sum(part(x)[:, c, c] ** 2)

        gradient = autodiff(middle, x)[0]
        rows = np.flatnonzero(np.abs(gradient).max(axis=(0, 2, 3)))
        assert receptive_field(stack) == side == rows[-1] - rows[0] + 1



# limit


def test_one_hot_kernel_on_a_torus_is_a_shift():
    x = normal(1, 6, 6, 1)
    for a, b in np.ndindex(3, 3):
        w = np.zeros((3, 3, 1, 1), "float32")
        w[a, b] = 1
        np.testing.assert_array_equal(
            ops.convert_to_numpy(circular_conv2d(x, w)),
            ops.convert_to_numpy(shift(x, (1 - a, 1 - b))))


def test_average_of_a_3_by_3_matrix_by_hand():
    T = np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 12]])
    np.testing.assert_allclose(  # (1 + 5 + 12) / 3, (2 + 6 + 7) / 3, ...
        average_over_shifts(T), [[6, 5, 5], [5, 6, 5], [5, 5, 6]])


def test_averaging_an_equivariant_matrix_changes_nothing():
    T_bar = average_over_shifts(normal(5, 5))
    np.testing.assert_allclose(
        ops.convert_to_numpy(average_over_shifts(T_bar)),
        ops.convert_to_numpy(T_bar), atol=1e-6)


def test_on_a_torus_convolution_and_relu_commute_with_every_shift():
    x, w = normal(1, 8, 8, 2), normal(3, 3, 2, 4)
    for v in itertools.product(range(-2, 3), (0, 1, 5)):
        assert error(lambda x: circular_conv2d(x, w), x, v) < 1e-5
        assert error(lambda x: ops.relu(circular_conv2d(x, w)), x, v) < 1e-5


def test_stride_2_commutes_with_even_shifts_only():
    x, w = normal(1, 8, 8, 1), normal(3, 3, 1, 4)

    def strided(x):
        return circular_conv2d(x, w)[:, ::2, ::2]

    assert error(strided, x, (2, 4), (1, 2)) < 1e-5
    assert min(error(strided, x, (1, 0), u) for u in ((0, 0), (1, 0))) > 0.5


def test_zero_padding_is_wrong_at_the_border_only():
    x, w = normal(1, 8, 8, 1), normal(3, 3, 1, 1)

    def padded(x):
        return ops.conv(x, w, padding="same")

    a = ops.convert_to_numpy(padded(shift(x, (0, 1))))
    b = ops.convert_to_numpy(shift(padded(x), (0, 1)))
    wrong = np.abs(a - b)[0, 1:-1, :, 0].max(axis=0) > 1e-4
    assert wrong.tolist() == [True, True, *[False] * 5, True]


def test_a_mean_over_positions_is_all_that_a_linear_invariant_can_be():
    row = ops.convert_to_numpy(average_over_shifts(np.outer(
        np.ones(7), normal(7))))[0]
    np.testing.assert_allclose(row, normal(7).mean(), atol=1e-6)


def test_flip_equivariance_needs_a_symmetric_kernel():
    x, w = normal(1, 6, 6, 1), normal(3, 3, 1, 1)

    def error_of_flip(w):
        a = ops.convert_to_numpy(circular_conv2d(x[:, :, ::-1], w))
        b = ops.convert_to_numpy(circular_conv2d(x, w))[:, :, ::-1]
        return np.abs(a - b).max()

    assert error_of_flip(w) > 0.5
    assert error_of_flip((w + w[:, ::-1]) / 2) < 1e-5


def test_with_1_by_1_kernels_and_a_mean_the_order_of_pixels_is_lost():
    x, order = normal(2, 8, 8, 3), np.random.default_rng(0).permutation(64)
    scrambled = x.reshape(2, 64, 3)[:, order].reshape(x.shape)
    net = keras.Sequential([
        layers.Conv2D(16, 1, activation="relu"),
        layers.Conv2D(16, 1, activation="relu"),
        layers.GlobalAveragePooling2D()])
    np.testing.assert_allclose(
        ops.convert_to_numpy(net(x)), ops.convert_to_numpy(net(scrambled)),
        atol=1e-5)


def test_a_dense_net_with_scrambled_weights_sees_no_scrambling():
    x, net, twin = normal(4, 32, 32, 1), dense_net(), dense_net()
    order = np.random.default_rng(0).permutation(1024)
    scrambled = x.reshape(4, 1024)[:, order].reshape(x.shape)
    kernel, *others = net.get_weights()
    twin.set_weights([kernel[order], *others])
    np.testing.assert_allclose(
        ops.convert_to_numpy(net(x)), ops.convert_to_numpy(twin(scrambled)),
        atol=1e-4)


def test_28_pixels_without_padding_are_too_few_for_c5():
    x = keras.Input((28, 28, 1))
    for layer in lenet5().layers[:4]:
        x = layer.__class__.from_config(layer.get_config())(x)
    assert x.shape == (None, 4, 4, 16)
    with pytest.raises(ValueError, match="[Nn]egative dimension|zero"):
        layers.Conv2D(120, 5)(x)


def test_digits_are_placed_in_the_middle_or_within_reach():
    digits = np.ones((50, 8, 8, 1))
    middle = place(digits, 0)
    assert middle[:, 8:24, 8:24].all()
    assert middle.sum() == place(digits, 1, reach=8).sum() == 50 * 256
    tops = place(digits, 2, reach=3).any(axis=(2, 3)).argmax(axis=1)
    assert set(tops) == set(range(5, 12))


def test_a_pixel_of_a_digit_becomes_4_of_a_canvas():
    digits = np.zeros((2, 8, 8, 1))
    digits[0, 1, 6], digits[1, 7, 0] = 0.5, 1
    x = place(digits, 0)
    assert x.shape == (2, 32, 32, 1)
    assert x.dtype == "float32"
    expected = np.zeros((2, 32, 32, 1))
    expected[0, 10:12, 20:22], expected[1, 22:24, 8:10] = 0.5, 1
    np.testing.assert_array_equal(x, expected)
    order = np.arange(1024)[::-1]  # the last pixel first
    np.testing.assert_array_equal(
        place(digits, 0, order=order), expected[:, ::-1, ::-1])


def test_the_seed_says_where_the_digits_lie():
    digits = np.ones((20, 8, 8, 1))
    first, again, other = (place(digits, seed, 8) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_all_hidden_layers_of_lenet_have_the_activation_and_the_last_none():
    x = 100 * normal(8, 32, 32, 1)
    for activation, low, high in (("relu", 0, np.inf), ("tanh", -1, 1)):
        model = lenet5(activation=activation)
        y = outputs(model, x)
        for name in ("C1", "C3", "C5", "F6"):
            assert low <= y[name].min() < y[name].max() <= high
        np.testing.assert_allclose(
            y["output"], y["F6"] @ model.get_weights()[-2], rtol=1e-3,
            atol=1e-3)


def test_the_equivariance_error_is_relative_by_hand():
    x = ops.reshape(ops.arange(1, 5, dtype="float32"), (1, 2, 2, 1))
    calls = []

    def f(z):  # 3 times the moved image, 1 time the image: off by 2 times
        calls.append(z)
        return 3 * z if len(calls) == 1 else z

    e = equivariance_error(f, x, (0, 1))
    np.testing.assert_allclose(float(e), 2, rtol=1e-6)


def test_dense_net_is_not_linear():
    model = dense_net(8)
    x = np.random.default_rng(0).normal(size=(4, 32, 32, 1))
    bend = model(x) + model(-x) - 2 * model(0 * x)
    assert np.abs(ops.convert_to_numpy(bend)).max() > 1e-3


# claim


def test_4_percent_of_the_parameters_do_86_percent_of_the_work(example):
    run = example("vision/cnn")
    n, m = run["parameters"], run["work"]
    assert (sum(n.values()), sum(m.values())) == (61706, 416520)
    assert 0.04 < (n["C1"] + n["C3"]) / sum(n.values()) < 0.05
    assert 0.85 < (m["C1"] + m["C3"]) / sum(m.values()) < 0.86
    assert run["dense_total"] > 100 * sum(n.values())


def test_torus_and_mean_are_exact_and_the_rest_is_not(example):
    e = example("vision/cnn")["e"]
    exact = {("conv, torus", 1, 1), ("stride 2", 2, 1), ("pooling", 2, 1),
             ("mean", 1, 0)}
    assert max(e[key] for key in exact) < 1e-5
    assert min(error for key, error in e.items() if key not in exact) > 0.2
    assert len(e) == len(exact) + 4


def test_the_priors_pay_where_the_digits_lie_anywhere(example):
    run = example("vision/cnn")
    scores = {key: np.array(s) for key, s in run["scores"].items()}
    assert all(len(s) == len(run["SEEDS"]) == 5 for s in scores.values())
    lenet, dense, averaged = (
        scores[net, "anywhere"] for net in ("LeNet-5", "dense", "averaged"))
    assert (lenet - dense).min() > 0.10
    assert (lenet - dense).max() < 0.30
    assert (averaged - dense).min() > 0.15
    assert averaged.mean() - lenet.mean() > 0.08
    assert dense.max() < 0.35


def test_the_priors_pay_nothing_where_their_symmetry_is_missing(example):
    scores = example("vision/cnn")["scores"]
    means = {key: np.mean(s) for key, s in scores.items()}
    centered = [means[net, "centered"] for net in ("LeNet-5", "dense")]
    assert min(centered) > 0.8
    assert abs(centered[0] - centered[1]) < 0.05
    scrambled = [means[net, "scrambled"] for net in ("LeNet-5", "dense")]
    assert scrambled[0] < scrambled[1] - 0.04
    assert scrambled[1] < 0.35
    assert means["averaged", "centered"] < centered[0] - 0.03
    assert abs(scrambled[1] - means["dense", "anywhere"]) < 0.05


def test_the_feature_maps_move_with_the_digit(example):
    run = example("vision/cnn")
    up_left, down_right = run["maps"]  # the digit is 8 pixels further
    assert np.abs(up_left[:-8, :-8] - down_right[8:, 8:]).max() < (
        1e-3 * up_left.max())



# error


def test_a_matrix_that_is_not_square_is_refused():
    with pytest.raises(ValueError, match=r"shape \(n, n\), got \(2, 3\)"):
        average_over_shifts(np.zeros((2, 3)))


@pytest.mark.parametrize("missing", range(4))
def test_a_layer_without_pixels_or_filters_is_refused(missing):
    sizes = [1, 1, 84, 10]
    sizes[missing] = 0
    with pytest.raises(ValueError, match=rf"at least 1, got \({sizes[0]}, "):
        conv_cost(*sizes)


def test_a_move_off_the_canvas_is_refused():
    with pytest.raises(ValueError, match=r"0\.\.8, got 9"):
        place(np.zeros((1, 8, 8, 1)), 0, reach=9)


def test_unknown_padding_is_refused():
    with pytest.raises(ValueError, match="got 'full'"):
        lenet5(padding="full")
