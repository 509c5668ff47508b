"""Tests of dlguide.practice.mixed_precision."""

import math

import keras
import ml_dtypes
import numpy as np
import pytest
from keras import layers, ops

from dlguide.practice.mixed_precision import (
    FORMATS,
    activation_bytes,
    decode,
    limits,
    lost,
    next_scale,
    scaled_gradients,
    spacing,
    train,
    train_step,
    update,
)
from tests.support import (
    autodiff,
    central_differences,
    relative_error,
    tensors,
)

NUMPY = {"float32": np.float32, "float16": np.float16,
         "bfloat16": ml_dtypes.bfloat16}


def numbers(dtype="float64", B=4, I=5, H=6, K=3, seed=0):
    """Weights, inputs and one-hot targets of a small network."""
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=s).astype(dtype) for s in
               ((I, H), (H, H), (H, K))]
    x = rng.normal(size=(B, I)).astype(dtype)
    return weights, x, np.eye(K, dtype=dtype)[rng.integers(0, K, B)]


def value(tensor):
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def network(policy, out=None):
    """A small classifier under a global policy, compiled."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = keras.Sequential([
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10),
            layers.Activation("softmax", dtype=out),
        ])
        model.compile("adam", "categorical_crossentropy")
    finally:
        keras.config.set_dtype_policy(before)
    return model


# oracle


@pytest.mark.parametrize("name", FORMATS)
def test_limits_equal_those_of_numpy_and_ml_dtypes(name):
    ours, theirs = limits(*FORMATS[name]), ml_dtypes.finfo(NUMPY[name])
    assert ours["largest"] == float(theirs.max)
    assert ours["normal"] == float(theirs.smallest_normal)
    assert ours["subnormal"] == float(theirs.smallest_subnormal)
    assert ours["epsilon"] == float(theirs.eps)


def test_limits_of_an_8_bit_format_equal_those_of_ml_dtypes():
    ours, theirs = limits(4, 3), ml_dtypes.finfo(ml_dtypes.float8_e4m3)
    assert ours["largest"] == float(theirs.max) == 240
    assert ours["subnormal"] == float(theirs.smallest_subnormal) == 2.0**-9


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_all_65536_patterns_decode_as_the_library_reads_them(name):
    theirs = np.arange(2**16, dtype="uint16").view(NUMPY[name])
    ours = [decode(bits, *FORMATS[name]) for bits in range(2**16)]
    with np.errstate(invalid="ignore"):  # NaN with a payload
        np.testing.assert_array_equal(ours, theirs.astype("float64"))


def test_patterns_of_float32_decode_as_numpy_reads_them():
    bits = np.random.default_rng(0).integers(0, 2**32, 5000).astype("uint32")
    ours = [decode(int(b), *FORMATS["float32"]) for b in bits]
    with np.errstate(invalid="ignore"):
        theirs = bits.view("float32").astype("float64")
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["float16", "float32"])
def test_spacing_equals_that_of_numpy(name):
    for w in (1.0, 0.3, -0.25, 5e-6, 2048.0, 3000.0):
        gap = np.spacing(NUMPY[name](abs(w)))
        assert spacing(w, *FORMATS[name]) == float(gap)


def test_scaled_gradients_equal_keras_gradients_times_the_scale():
    weights, x, y = numbers("float32")
    loss, G, _ = scaled_gradients(weights, x, y, "float32", 1024.0)

    def keras_loss(*weights):
        h = x
        for w in weights[:-1]:
            h = ops.relu(ops.matmul(h, w))
        entropy = keras.losses.CategoricalCrossentropy(from_logits=True)
        return entropy(y, ops.matmul(h, weights[-1]))

    assert float(loss) == pytest.approx(float(keras_loss(*weights)), rel=1e-5)
    for ours, theirs in zip(G, autodiff(keras_loss, *weights), strict=True):
        assert relative_error(value(ours) / 1024, theirs) < 1e-5


def keras_steps(optimizer, w, gradients):
    """Run an optimizer; yield its scale, its counter and the weights."""
    variable = keras.Variable(w)
    optimizer.build([variable])
    inside = [v.value for v in optimizer.variables]
    outside = [variable.value]
    for G in map(ops.convert_to_tensor, gradients):
        if keras.backend.backend() == "jax":  # apply() needs fit()'s scope
            outside, inside = optimizer.stateless_apply(inside, [G], outside)
            for v, new in zip(optimizer.variables, inside, strict=True):
                v.assign(new)
            variable.assign(outside[0])
        else:
            optimizer.apply([G], [variable])
        yield (float(optimizer.dynamic_scale), int(optimizer.step_counter),
               value(variable))


def test_loss_scale_follows_keras_step_by_step():
    theirs = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.5), initial_scale=2.0**10,
        dynamic_growth_steps=3,
    )
    overflows = (0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0)
    Gs = [np.array([np.inf if bad else 4, 8], "float32") for bad in overflows]
    w, scale, good = ops.ones((2,)), 2.0**10, 0
    for G, step in zip(Gs, keras_steps(theirs, np.ones(2, "float32"), Gs),
                       strict=True):
        finite = bool(np.isfinite(G).all())
        w = update(w, G, scale, 0.5) if finite else w
        scale, good = next_scale(scale, good, finite, growth_steps=3)
        assert step[:2] == (scale, good)
        np.testing.assert_allclose(step[2], value(w), rtol=1e-6)


def test_a_stack_of_networks_has_the_gradients_of_each():
    nets = [numbers("float32", seed=seed)[0] for seed in (1, 2)]
    _, x, y = numbers("float32")
    stack = [np.stack(pair) for pair in zip(*nets, strict=True)]
    losses, Gs, ds = scaled_gradients(stack, x, y, "float32", 4.0, 0.5)
    for k, weights in enumerate(nets):
        loss, G, d = scaled_gradients(weights, x, y, "float32", 4.0, 0.5)
        assert float(losses[k]) == pytest.approx(float(loss), rel=1e-5)
        for many, one in zip([*Gs, *ds], [*G, *d], strict=True):
            np.testing.assert_allclose(
                value(many)[k], value(one), rtol=1e-4, atol=1e-6)


def test_train_takes_steps_on_batches_of_64_and_notes_the_loss_of_all():
    weights, x, y = numbers("float32", B=100)
    weights, state = tensors(*weights), (2.0**3, 1998)
    after, curve = train(weights, x, y, "float16", 0.2, 50, state, 0.5)
    rng, losses = np.random.default_rng(0), []
    for k in range(51):
        if k in (0, 50):
            h = x
            for w in map(value, weights[:2]):
                h = np.maximum(h @ w, 0)
            z = h @ value(weights[2])
            losses.append(np.mean(
                np.log(np.exp(z).sum(-1)) - (y * z).sum(-1)))
        rows = rng.integers(0, 100, 64)
        if k < 50:
            weights, state = train_step(
                weights, state, x[rows], y[rows], "float16", 0.2, 0.5)
    np.testing.assert_allclose(curve, losses, rtol=1e-4)
    assert curve[1] < curve[0]
    for a, b in zip(after, weights, strict=True):
        np.testing.assert_allclose(value(a), value(b), atol=1e-6)


# gradient


def test_gradient_matches_central_differences():
    weights, x, y = numbers("float32", seed=3)
    _, G, _ = scaled_gradients(weights, x, y, "float32", scale=8.0)

    def loss(w, n):
        now = [w if k == n else weights[k].astype("float64") for k in range(3)]
        h = np.maximum(np.maximum(x @ now[0], 0) @ now[1], 0)
        z = h @ now[2]
        return np.mean(np.log(np.exp(z).sum(-1)) - (y * z).sum(-1))

    for n in range(3):
        slope = central_differences(lambda w, n=n: loss(w, n), weights[n])
        assert relative_error(value(G[n]) / 8, slope) < 1e-5


# limit


def test_one_and_a_half_by_hand():
    assert decode(0b0_01111_1000000000, 5, 10) == 1.5
    assert decode(0b1_10000_0000000000, 5, 10) == -2.0
    assert decode(0b0_11110_1111111111, 5, 10) == 65504.0
    assert math.isinf(decode(0b0_11111_0000000000, 5, 10))
    assert math.isnan(decode(0b0_11111_0000000001, 5, 10))


def test_an_update_below_half_the_spacing_is_lost():
    for name in ("float16", "bfloat16"):
        half = spacing(1.0, *FORMATS[name]) / 2
        w = ops.ones((2,), name)
        small = value(update(w, np.full(2, -0.99 * half), 1.0, 1.0))
        large = value(update(w, np.full(2, -1.01 * half), 1.0, 1.0))
        np.testing.assert_array_equal(small, 1)
        np.testing.assert_array_equal(large, 1 + 2 * half)


def test_a_weight_above_a_quarter_swallows_an_update_of_0_0001():
    for w, stays in ((0.26, True), (0.5, True), (1.0, True), (0.12, False)):
        old = ops.full((1,), w, "float16")
        new = update(old, np.full(1, -1e-4), 1.0, 1.0)
        assert bool(value(new == old)[0]) == stays


def test_a_float32_master_weight_keeps_what_float16_loses():
    G = np.full(1, -1e-4)
    for name, end in (("float16", 1.0), ("float32", 1.1)):
        w = ops.ones((1,), name)
        for _ in range(1000):
            w = update(w, G, 1.0, 1.0)
        assert value(w)[0] == pytest.approx(end, abs=1e-3)


def test_gradients_below_half_the_smallest_number_become_0():
    tiny = limits(*FORMATS["float16"])["subnormal"]
    exact = np.array([[0.49 * tiny, 0.51 * tiny, 1.0, 0.0]], "float32")
    rounded = ops.cast(exact, "float16")
    assert float(lost(exact, rounded)) == pytest.approx(1 / 3)
    assert float(lost(exact, ops.cast(exact * 1024, "float16"))) == 0


def test_the_share_of_lost_gradients_is_that_of_each_network():
    exact = np.ones((2, 2, 2), "float32")
    exact[1] = [[0, 0], [0, 1]]  # the second network has 1, and loses it
    rounded = exact.copy()
    rounded[0, 0, 0] = rounded[1, 1, 1] = 0
    np.testing.assert_allclose(value(lost(exact, rounded)), [1 / 4, 1])
    np.testing.assert_allclose(value(lost(0 * exact, rounded)), 0)


def test_a_sum_of_ones_stops_at_2_to_the_f_plus_1():
    for name, end in (("float16", 2048.0), ("bfloat16", 256.0)):
        total, one = ops.cast(0, name), ops.cast(1, name)
        for _ in range(int(end) + 100):
            total = total + one
        assert float(total) == end == 2.0 ** (FORMATS[name][1] + 1)


def test_sums_and_squares_overflow_in_float16_and_not_in_float32():
    assert np.isinf(float(ops.sum(ops.ones((70000,), "float16"))))
    assert np.isinf(float(ops.square(ops.cast(300, "float16"))))
    assert float(ops.sum(ops.ones((70000,), "float32"))) == 70000
    assert float(ops.square(ops.cast(300, "float32"))) == 90000


def test_softmax_in_float16_gives_probability_0_and_an_infinite_loss():
    z = ops.cast([[20.0, 0.0]], "float16")
    p = ops.softmax(z)
    assert p[0, 1] == 0
    assert np.isinf(float(-ops.log(p[0, 1])))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert float(loss(np.array([1]), z)) == pytest.approx(20.0, abs=1e-4)


def test_a_first_scale_that_is_too_high_costs_one_step_per_halving():
    weights, x, y = numbers("float32")
    weights = tensors(*weights)
    state, skipped = (2.0**40, 0), 0
    for _ in range(60):
        high = state[0]
        weights, state = train_step(weights, state, x, y, "float16", 0.1)
        skipped += state[0] < high
    assert state[0] == 2.0 ** (40 - skipped)
    assert 15 < skipped < 30


def test_an_overflow_skips_the_step_and_halves_the_scale():
    weights, x, y = numbers("float32")
    after, state = train_step(
        tensors(*weights), (2.0**30, 5), x, y, "float16", 0.1)
    assert state == (2.0**29, 0)
    for a, b in zip(after, weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_a_state_the_scale_is_1_and_no_step_is_skipped():
    weights, x, y = numbers("float32")
    weights = tensors(*weights)
    after, state = train_step(weights, None, x, y, "float32", 0.1)
    G = scaled_gradients(weights, x, y, "float32")[1]
    assert state is None
    for a, w, g in zip(after, weights, G, strict=True):
        np.testing.assert_allclose(
            value(a), value(w) - 0.1 * value(g), atol=1e-6)
    broken, _ = train_step(weights, None, x, y, "float16", 0.1, c=2.0**20)
    assert not np.isfinite(value(broken[2])).all()


@pytest.mark.parametrize(("policy", "dtype"), [
    ("mixed_float16", "float16"), ("mixed_bfloat16", "bfloat16")])
def test_policy_computes_in_16_bits_and_keeps_variables_in_32(policy, dtype):
    model = network(policy, out="float32")
    model.optimizer.build(model.trainable_variables)
    assert {w.dtype for w in model.weights} == {"float32"}
    assert [v.dtype for v in model.layers] == ["float32"] * 4
    assert [v.compute_dtype for v in model.layers] == [dtype] * 3 + ["float32"]
    assert [v.output.dtype for v in model.layers] == [dtype] * 3 + ["float32"]
    moments = [v for v in model.optimizer.variables if len(v.shape) > 0]
    assert {v.dtype for v in moments} == {"float32"}


def test_keras_computes_the_loss_in_float32():
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    value = loss(np.eye(3), ops.cast(np.eye(3), "float16"))
    assert keras.backend.standardize_dtype(value.dtype) == "float32"


def test_pure_float16_policy_has_float16_variables_and_no_loss_scale():
    model = network("float16")
    assert {w.dtype for w in model.weights} == {"float16"}
    assert not isinstance(
        model.optimizer, keras.optimizers.LossScaleOptimizer)


def test_only_the_global_float16_policy_switches_loss_scaling_on():
    scaled = keras.optimizers.LossScaleOptimizer
    assert isinstance(network("mixed_float16").optimizer, scaled)
    assert not isinstance(network("mixed_bfloat16").optimizer, scaled)
    by_layer = keras.Sequential([
        keras.Input((4,)), layers.Dense(2, dtype="mixed_float16")])
    by_layer.compile("sgd", "mse")
    assert by_layer.layers[0].compute_dtype == "float16"
    assert not isinstance(by_layer.optimizer, scaled)


def test_activations_take_half_the_bytes_and_parameters_the_same():
    wide, narrow = network("float32"), network("mixed_float16", "float32")
    outputs = 6 * 6 * 4 * 2 + 10  # convolution, flattened, dense
    assert activation_bytes(wide, 3) == 3 * (4 * outputs + 4 * 10)
    assert activation_bytes(narrow, 3) == 3 * (2 * outputs + 4 * 10)
    assert wide.count_params() == narrow.count_params()


def test_an_overflow_starts_the_count_anew_and_one_step_may_be_enough():
    assert next_scale(8.0, 5, False) == (4.0, 0)
    assert next_scale(8.0, 5, True) == (8.0, 6)
    assert next_scale(8.0, 0, True, growth_steps=1) == (16.0, 0)
    assert next_scale(8.0, 1998, True) == (8.0, 1999)
    assert next_scale(8.0, 1999, True) == (16.0, 0)


def test_bytes_of_activations_are_whole_numbers():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(5)])
    found = activation_bytes(model, 2)
    assert (found, type(found)) == (2 * 5 * 4, int)


def test_the_curve_has_a_point_every_50_steps_and_no_more():
    rng = np.random.default_rng(0)
    weights = [tensors(rng.normal(size=shape).astype("float32"))[0]
               for shape in ((4, 6), (6, 6), (6, 3))]
    x = rng.normal(size=(80, 4)).astype("float32")
    y = np.eye(3, dtype="float32")[rng.integers(3, size=80)]
    _, curve = train(weights, x, y, "float32", 0.1, 99)
    assert len(curve) == 2


# claim


def test_float16_loses_gradients_and_loss_scaling_saves_them(example):
    share = example("practice/mixed_precision")["share"]
    assert len(share["float16", 0]) == 5
    assert min(share["float16", 0]) > 0.4
    assert max(share["float16", 15]) < 0.1
    assert max(share["float16", 15] / share["float16", 0]) < 0.25
    assert max(share["bfloat16", 0]) < 0.01


def test_the_sums_over_the_batch_lose_far_fewer(example):
    run = example("practice/mixed_precision")
    batch = run["x"][:64], run["y"][:64]
    exact, half = (scaled_gradients(run["trained"], *batch, dtype)[1]
                   for dtype in ("float32", "float16"))
    share = np.mean([value(lost(a, b))
                     for a, b in zip(exact, half, strict=True)], axis=0)
    assert len(share) == 5
    assert max(share) < 0.1
    assert max(share / run["share"]["float16", 0]) < 0.25


def test_blank_pixels_and_silent_units_explain_half_of_the_still_weights(
        example):
    run = example("practice/mixed_precision")
    x, weights = run["x"], [value(w) for w in run["start"]()]
    active = [(x > 0).any(0) * np.ones((5, 1))]  # pixels, then units
    for w in weights[:2]:
        x = np.maximum(x @ w, 0)
        active.append((x > 0).any(1))
    active.append(np.ones((5, 10)))
    dead = [np.mean(1 - a[:, :, None] * b[:, None])
            for a, b in zip(active, active[1:], strict=False)]
    assert 0.5 < np.mean(dead) / run["still"]["float32", "float32"] < 0.9


def test_losing_half_of_the_gradients_does_not_ruin_this_network(example):
    run = example("practice/mixed_precision")
    full, half = (
        train(run["trained"], run["x"], run["y"], dtype, 0.5, 200, None)[1]
        for dtype in ("float32", "float16")
    )
    assert max(full[-1] / full[0]) < 0.95  # it is still learning
    np.testing.assert_allclose(half[-1], full[-1], rtol=0.1)


def test_with_a_small_loss_only_the_scaled_run_learns(example):
    small = example("practice/mixed_precision")["small"]
    assert small["float32"].shape[1] == 5
    np.testing.assert_array_equal(
        small["float16, no scale"][-1], small["float16, no scale"][0])
    assert max(small["float16, dynamic"][-1]) < 0.2
    assert max(small["float32"][-1]) < 0.2


def test_float16_weights_stall_and_master_weights_do_not(example):
    run = example("practice/mixed_precision")
    full = run["fall"]["float32", "float32"]
    assert len(full) == 5
    assert min(full) > 0.02
    np.testing.assert_allclose(run["fall"]["float32", "float16"], full,
                               rtol=0.02)
    assert max(run["fall"]["float16", "float16"] / full) < 0.3
    assert max(run["fall"]["bfloat16", "bfloat16"] / full) < 0.05
    assert run["still"]["float16", "float16"] > 0.9
    assert run["still"]["float32", "float16"] < 0.2


def test_sums_of_the_guess_stop_where_the_spacing_says(example):
    sums = example("practice/mixed_precision")["sums"]
    assert sums["float16"] == (2048, 1)
    assert sums["bfloat16"] == (256, 1)
    assert sums["float32"][0] == 10000
    assert abs(sums["float32"][1] - 2) < 1e-3


def test_outputs_take_half_the_bytes_in_the_run_and_time_is_only_noted(example):
    run = example("practice/mixed_precision")
    wide, narrow = (run["memory"][p] for p in ("float32", "mixed_float16"))
    assert narrow[0] == wide[0] / 2
    assert narrow[1] == wide[1]
    assert min(run["seconds"].values()) > 0  # how long is the machine's affair


# error


def test_too_many_bits_are_refused():
    with pytest.raises(ValueError, match="65536 does not fit into 16 bits"):
        decode(65536, 5, 10)


def test_zero_growth_steps_are_refused():
    with pytest.raises(ValueError, match="growth_steps must be at least 1"):
        next_scale(1.0, 0, True, growth_steps=0)
