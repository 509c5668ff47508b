"""Tests of dlguide.layers.dense."""

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.layers.convolution import conv2d
from dlguide.layers.dense import (
    Dense,
    as_kernel,
    dense,
    dense_backward,
    gain,
    glorot,
    he,
)
from tests.support import (
    autodiff,
    central_differences,
    float64,
    relative_error,
)

B, T, I, N = 4, 3, 5, 2
ROWS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
XOR = np.array([0, 1, 1, 0], "float32")


def arguments(seed=0):
    """Inputs x (time axis too), W, b and weights v of a loss, in float64."""
    rng = np.random.default_rng(seed)
    shapes = (B, T, I), (I, N), (N,), (B, T, N)
    return [rng.normal(size=shape) for shape in shapes]


def numpy_dense(x, W, b):
    """The oracle: unit by unit, feature by feature."""
    z = np.empty((*x.shape[:-1], len(b)))
    for index in np.ndindex(*z.shape):
        *row, j = index
        z[index] = b[j] + sum(
            x[(*row, i)] * W[i, j] for i in range(len(W))
        )
    return z


def to_numpy(*tensors):
    return [ops.convert_to_numpy(t) for t in tensors]


def small(*arrays):
    return [np.asarray(a, "float32") for a in arrays]


@float64()
def gradients(x, W, b, delta):
    """Gradients of x, W and b by `dense_backward`."""
    return to_numpy(*dense_backward(*map(ops.convert_to_tensor, (x, W, delta))))


# oracle


def test_layer_equals_numpy_unit_by_unit():
    x, W, b, _ = small(*arguments())
    (z,) = to_numpy(dense(x, W, b))
    np.testing.assert_allclose(z, numpy_dense(x, W, b), atol=1e-5)


def test_layer_equals_keras_with_copied_weights():
    x = np.random.default_rng(1).normal(size=(4, 6, 10)).astype("float32")
    ours, theirs = Dense(32), keras.layers.Dense(32)
    _, expected = ours(x), theirs(x)
    ours.set_weights(theirs.get_weights())
    a, b = to_numpy(ours(x), expected)
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_forward_and_backward_by_hand():
    x, W = np.array([[1.0, 2]]), np.array([[1.0, 0], [2, -1]])
    b, delta = np.array([0.0, 1]), np.array([[1.0, -1]])
    (z,) = to_numpy(dense(*small(x, W, b)))
    np.testing.assert_array_equal(z, [[5, -1]])
    dx, dW, db = gradients(x, W, b, delta)
    np.testing.assert_array_equal(dW, [[1, -1], [2, -2]])
    np.testing.assert_array_equal(db, [1, -1])
    np.testing.assert_array_equal(dx, [[1, 3]])


def test_parameters_of_a_network_for_digits_and_of_a_layer_of_vgg():
    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten()])
    for units in (128, 10):
        model.add(Dense(units))
    assert model.count_params() == 784 * 128 + 128 + 128 * 10 + 10 == 101_770
    assert 7 * 7 * 512 * 4096 + 4096 == 102_764_544


def test_without_flatten_the_layer_works_on_the_last_axis():
    x = np.random.default_rng(0).normal(size=(2, 10, 64)).astype("float32")
    last, flat = Dense(32), Dense(32)
    assert last(x).shape == (2, 10, 32)
    assert flat(x.reshape(2, -1)).shape == (2, 32)
    assert (last.count_params(), flat.count_params()) == (2_080, 20_512)


@pytest.mark.parametrize("convolve", [ops.conv, conv2d])
def test_one_kernel_on_a_large_image_is_one_call_per_window(convolve):
    rng = np.random.default_rng(3)
    x = rng.uniform(size=(2, 5, 7, 3)).astype("float32")
    W = np.float32(rng.normal(size=(4 * 4 * 3, 6)) / 5)
    (slid,) = to_numpy(convolve(x, as_kernel(W, (4, 4))))
    assert slid.shape == (2, 2, 4, 6)
    for i, j in np.ndindex(2, 4):
        window = x[:, i : i + 4, j : j + 4].reshape(2, -1)
        np.testing.assert_allclose(slid[:, i, j], window @ W, atol=1e-6)


def test_kernel_in_another_order_is_another_layer():
    rng = np.random.default_rng(4)
    x, W = small(rng.uniform(size=(2, 3, 4, 2)), rng.normal(size=(24, 6)))
    w = np.transpose(W.reshape(4, 3, 2, 6), (1, 0, 2, 3))  # column first
    (wrong,) = to_numpy(ops.conv(x, w))
    assert np.abs(wrong[:, 0, 0] - x.reshape(2, -1) @ W).max() > 0.1


def test_initial_variances_are_those_of_keras():
    for name, v in (("glorot", glorot(400, 200)), ("he", he(400))):
        for law in ("uniform", "normal"):
            draw = keras.initializers.get(f"{name}_{law}")
            (W,) = to_numpy(draw((400, 200)))
            assert W.var() == pytest.approx(v, rel=0.03)
    layer = Dense(200)
    layer.build((None, 400))
    assert layer.get_weights()[0].var() == pytest.approx(
        glorot(400, 200), rel=0.03
    )


# gradient


def test_backward_equals_autodiff():
    x, W, b, v = arguments()

    def loss(x, W, b):
        return ops.sum(ops.multiply(v, dense(x, W, b)))

    for ours, exact in zip(
        gradients(x, W, b, v), autodiff(loss, x, W, b), strict=True
    ):
        np.testing.assert_allclose(ours, exact, rtol=1e-9, atol=1e-12)


def test_backward_matches_central_differences():
    *args, v = arguments(seed=1)
    for n, ours in enumerate(gradients(*args, v)):

        def loss(a, n=n):
            z = numpy_dense(*args[:n], a, *args[n + 1 :])
            return (v * z**2 / 2).sum()

        exact = gradients(*args, v * numpy_dense(*args))[n]
        assert ours.shape == exact.shape
        assert relative_error(exact, central_differences(loss, args[n])) < 1e-7


def test_gradient_of_one_row_has_rank_1():
    x, W, b, v = arguments()
    for rows in (1, 2):
        _, dW, _ = gradients(x[0, :rows], W, b, v[0, :rows])
        assert np.linalg.matrix_rank(dW) == rows


# limit


def test_the_smallest_layer_has_the_weights_of_the_equations():
    layer = Dense(1)
    layer.build((None, 1))
    assert [w.name for w in layer.weights] == ["W", "b"]
    assert [w.shape for w in layer.weights] == [(1, 1), (1,)]
    assert layer.get_weights()[1] == 0
    assert (he(1), glorot(1, 1)) == (2, 1)


def test_every_affine_map_balances_the_corners_of_xor():
    rng = np.random.default_rng(0)
    W, b = small(rng.normal(size=(2, 1000)), rng.normal(size=1000))
    (z,) = to_numpy(dense(ROWS, W, b))  # 1,000 units
    np.testing.assert_allclose(z[0] + z[3], z[1] + z[2], atol=1e-5)
    assert ((z > 0) == (XOR[:, None] > 0)).mean(axis=0).max() == 0.75


def test_two_logits_do_not_help_either():
    rng = np.random.default_rng(1)
    for _ in range(1000):
        W, b = small(rng.normal(size=(2, 2)), rng.normal(size=2))
        (z,) = to_numpy(ROWS @ W + b)
        assert (z.argmax(axis=1) == XOR).mean() <= 0.75


def test_one_trained_layer_answers_one_half_to_everything():
    for seed in range(10):
        W = np.random.default_rng(seed).normal(size=(2, 1))
        W, b = small(W, [0])
        for _ in range(100):
            delta = (ROWS @ W + b - XOR[:, None]) / 2  # of the mean square
            _, dW, db = to_numpy(*dense_backward(ROWS, W, delta))
            W, b = W - 0.5 * dW, b - 0.5 * db
        np.testing.assert_allclose(ROWS @ W + b, 0.5, atol=1e-4)


def test_two_relus_draw_the_distance_of_the_two_inputs():
    W_1, W_2 = small([[1, -1], [-1, 1]], [[1], [1]])
    h = ops.relu(dense(ROWS, W_1, 0.0))
    (y_hat,) = to_numpy(dense(h, W_2, 0.0))
    np.testing.assert_array_equal(y_hat[:, 0], XOR)  # |x_1 - x_2|


def test_one_unit_with_another_activation_computes_xor():
    W, b = small([[1], [1]], [-1])
    (z,) = to_numpy(dense(ROWS, W, b))  # -1, 0, 0, 1
    np.testing.assert_array_equal(1 - np.abs(z[:, 0]), XOR)
    for monotone in (np.tanh, np.exp, lambda z: np.maximum(z, 0)):
        y_hat = monotone(z[:, 0])
        assert y_hat[0] <= y_hat[1] == y_hat[2] <= y_hat[3]


def test_units_that_start_equal_stay_equal():
    W_1, W_2 = np.full((2, 8), 0.5), np.full((8, 1), 0.5)
    b_1, b_2 = np.zeros(8), np.zeros(1)
    for _ in range(500):
        h = np.maximum(numpy_dense(ROWS, W_1, b_1), 0)
        delta = (numpy_dense(h, W_2, b_2) - XOR[:, None]) / 2
        dh, dW_2, db_2 = gradients(h, W_2, b_2, delta)
        _, dW_1, db_1 = gradients(ROWS.astype(float), W_1, b_1, dh * (h > 0))
        W_1, b_1 = W_1 - 0.1 * dW_1, b_1 - 0.1 * db_1
        W_2, b_2 = W_2 - 0.1 * dW_2, b_2 - 0.1 * db_2
    assert np.ptp(W_1, axis=1).max() < 1e-12
    assert np.ptp(W_2) < 1e-12
    assert not np.allclose(W_1, 0.5)


def factorize(W, r):
    """Two thin layers, (I, r) and (r, N), in place of one."""
    U, s, V = np.linalg.svd(W, full_matrices=False)
    return U[:, :r] * s[:r], V[:r]


def test_two_thin_layers_miss_by_the_next_singular_value():
    rng = np.random.default_rng(0)
    low = rng.normal(size=(300, 8)) @ rng.normal(size=(8, 200))
    fresh = rng.normal(size=(300, 200)) * np.sqrt(glorot(300, 200))
    for W, r, error in ((low, 8, (0, 1e-12)), (fresh, 50, (0.5, 1))):
        A, C = factorize(W, r)
        assert A.size + C.size == r * (300 + 200) < W.size
        s = np.linalg.svd(W, compute_uv=False)
        missed = np.linalg.norm(W - A @ C, 2)
        assert missed == pytest.approx(s[r], abs=1e-9)
        assert error[0] <= missed / s[0] <= error[1]


def test_leaky_relu_lets_half_of_1_plus_a_squared_through():
    x = np.random.default_rng(0).uniform(size=(500, 400))
    W = np.random.default_rng(1).normal(size=(400, 2000))
    for a in (0.0, 0.2, 1.0):
        z = x @ W * np.sqrt(he(400, kappa=(1 + a * a) / 2))
        h = np.where(z > 0, z, a * z)
        assert np.mean(h**2) == pytest.approx(np.mean(x**2), rel=0.1)


# claim


def test_gain_of_one_layer_is_the_one_measured():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(400, 300))  # mean not 0, as after a ReLU
    for v in (he(300), glorot(300, 600), 0.01):
        W = rng.normal(size=(300, 600)) * np.sqrt(v)
        z, back = x @ W, rng.normal(size=(400, 600)) @ W.T
        ratio = np.mean(z**2) / np.mean(x**2)
        assert ratio == pytest.approx(gain(300, v), rel=0.1)
        ratio = np.mean(np.maximum(z, 0) ** 2) / np.mean(x**2)
        assert ratio == pytest.approx(gain(300, v, 0.5), rel=0.1)
        assert np.mean(back**2) == pytest.approx(gain(600, v), rel=0.1)


def test_glorot_lies_between_the_two_directions():
    for I, N in ((300, 100), (100, 300), (200, 200)):
        forward, back = gain(I, glorot(I, N)), gain(N, glorot(I, N))
        assert (forward + back) / 2 == pytest.approx(1)
        assert (forward == pytest.approx(back)) == (I == N)


def test_he_keeps_the_signal_for_30_layers_and_glorot_loses_it(example):
    depth = example("layers/dense")["depth"]
    for rms in depth.values():
        assert rms.shape == (5, 31)
    for name in ("ReLU, He", "no ReLU, Glorot"):
        assert (depth[name] > 0.5).all()
        assert (depth[name] < 2).all()
    lost = depth["ReLU, Glorot"][:, -1]
    assert (lost / depth["ReLU, He"][:, -1]) == pytest.approx(2.0**-15)
    assert lost.max() < 1e-4
    assert depth["ReLU, twice He"][:, -1].min() > 1e4


def test_no_unit_of_a_million_computes_xor(example):
    run = example("layers/dense")
    assert run["z"].shape == (4, 1_030_301)
    assert run["best"] == 0.75


def test_training_finds_xor_more_often_with_more_hidden_units(example):
    right = example("layers/dense")["right"]
    found = {N: seeds.sum() for N, seeds in right.items()}
    assert all(len(seeds) == 100 for seeds in right.values())
    assert 10 < found[2] < 40  # weights exist, most seeds miss them
    assert found[2] + 15 < found[3] < found[8]
    assert min(found[16], found[32]) >= 95


def test_networks_that_are_stuck_answer_the_mean_of_the_rows_they_lump(example):
    run = example("layers/dense")
    for N, y_hat in run["y_hat"].items():
        for answer in y_hat[~run["right"][N]]:
            mse = np.mean((answer - XOR) ** 2)
            assert np.abs(mse - np.array([1 / 8, 1 / 6, 1 / 4])).min() < 1e-3
            for value in answer:
                lumped = np.abs(answer - value) < 0.02
                assert XOR[lumped].mean() == pytest.approx(value, abs=0.02)


def test_dense_layer_and_convolution_are_equal_to_1e_6(example):
    run = example("layers/dense")
    assert run["one_map"].shape == (8, 5, 5, 10)
    assert max(float(run["gap"]), float(run["gap_pixels"])) < 1e-6
    assert float(ops.std(run["one_map"])) > 0.1


def found_xor(slope, N):
    """How many of 100 networks learn XOR; z < 0 has the given slope."""
    rng = np.random.default_rng(0)
    W_1, W_2 = (
        rng.uniform(-1, 1, (100, *s)) * np.sqrt(3 * glorot(*s))
        for s in ((2, N), (N, 1))
    )
    b_1, b_2 = np.zeros((100, 1, N)), np.zeros((100, 1, 1))
    for _ in range(3000):
        z = ROWS @ W_1 + b_1
        share = np.where(z > 0, 1, slope)
        delta_2 = (share * z @ W_2 + b_2 - XOR[:, None]) / 2
        delta_1 = delta_2 @ W_2.mT * share
        W_2 -= 0.1 * (share * z).mT @ delta_2
        b_2 -= 0.1 * delta_2.sum(1, keepdims=True)
        W_1 -= 0.1 * ROWS.T @ delta_1
        b_1 -= 0.1 * delta_1.sum(1, keepdims=True)
    z = ROWS @ W_1 + b_1
    y_hat = (np.where(z > 0, z, slope * z) @ W_2 + b_2)[..., 0]
    return ((y_hat > 0.5) == (XOR > 0.5)).all(axis=1).sum()


def test_leaky_relu_finds_xor_more_often():
    for N in (2, 4):
        assert found_xor(0.1, N) > found_xor(0.0, N) + 10


# error


def test_zero_units_are_refused():
    with pytest.raises(ValueError, match="units must be at least 1, got 0"):
        Dense(0)


def test_weights_that_do_not_fill_the_image_are_refused():
    with pytest.raises(ValueError, match=r"50 weights .* size \(4, 4\)"):
        as_kernel(np.zeros((50, 3), "float32"), (4, 4))


def test_no_inputs_have_no_variance():
    with pytest.raises(ValueError, match="fan must be at least 1, got 0"):
        he(0)
