"""Which maps keep the label, what copies are worth, and where they leak."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dlguide.practice.data_augmentation import (
    augmented_risk,
    augmenter,
    mirror,
    mixup,
    risk_variance,
    scatter,
    small_cnn,
    translate,
    turn,
)
from tests.support import autodiff, central_differences, relative_error


def normal(*shape, seed=0, dtype="float32"):
    rng = np.random.default_rng([seed, *shape])
    return rng.normal(size=shape).astype(dtype)


def loops(x, v):
    """Move images pixel by pixel; what enters is 0."""
    y = np.zeros_like(x)
    for b, i, j in np.ndindex(x.shape[:3]):
        u, w = i - v[b][0], j - v[b][1]
        if 0 <= u < x.shape[1] and 0 <= w < x.shape[2]:
            y[b, i, j] = x[b, u, w]
    return y


def array(x):
    return ops.convert_to_numpy(x)


# oracle


def test_translation_equals_loops():
    x = normal(6, 5, 7, 2)
    v = [[0, 0], [1, -2], [-3, 0], [4, 6], [5, 0], [-1, 3]]
    np.testing.assert_allclose(array(translate(x, v)), loops(x, v), atol=1e-6)


def test_mirror_and_turn_equal_numpy():
    x = normal(3, 4, 5, 2)
    np.testing.assert_array_equal(array(mirror(x)), x[:, :, ::-1])
    np.testing.assert_array_equal(array(turn(x)), np.rot90(x, 2, (1, 2)))


def test_keras_layers_with_a_fixed_map_are_our_functions():
    x = normal(4, 8, 8, 1)
    shift = layers.RandomTranslation((0.25, 0.25), (-0.125, -0.125),
                                     fill_mode="constant")
    np.testing.assert_allclose(
        array(shift(x, training=True)), array(translate(x, [[2, -1]] * 4)),
        atol=1e-5)
    half = layers.RandomRotation((0.5, 0.5), fill_mode="constant")
    inside = np.s_[:, 1:-1, 1:-1]  # at the border a rounding may enter
    np.testing.assert_allclose(
        array(half(x, training=True))[inside], array(turn(x))[inside],
        atol=1e-4)


def test_random_flip_mirrors_about_half_of_the_images():
    x = normal(400, 4, 4, 1)
    y = array(augmenter("mirror", 4)(x, training=True))
    kept = (y == x).all((1, 2, 3))
    mirrored = (y == array(mirror(x))).all((1, 2, 3))
    assert (kept ^ mirrored).all()
    assert 140 < mirrored.sum() < 260


@pytest.mark.parametrize("pixels", [1, 2])
def test_random_translation_moves_by_whole_pixels_within_reach(pixels):
    x = np.zeros((1500, 9, 9, 1), "float32")
    x[:, 4, 4] = 1
    y = array(augmenter(f"shift {pixels}", 9)(x, training=True))
    places = {tuple(map(int, p)) for p in np.argwhere(y[..., 0] == 1)[:, 1:]}
    reach = range(4 - pixels, 5 + pixels)
    assert places == {(i, j) for i in reach for j in reach}
    assert y.sum() == 1500


def test_random_rotation_goes_half_a_turn_either_way_and_fills_with_0():
    x = np.ones((200, 9, 9, 1), "float32")
    y = array(augmenter("rotate", 9)(x, training=True))
    np.testing.assert_allclose(y[:, 3:6, 3:6], 1, atol=1e-5)
    assert (y[:, 0, 0] < 0.01).mean() > 0.5  # a corner from outside
    dot = np.zeros_like(x)
    dot[:, 4, 7] = 1  # 3 pixels to the right of the center
    y = array(augmenter("rotate", 9)(dot, training=True))[..., 0]
    right, up = y.sum(1) @ np.arange(-4, 5), y.sum(2) @ -np.arange(-4, 5)
    angles = np.arctan2(up, right)
    assert np.histogram(angles, 8, (-np.pi, np.pi))[0].min() > 5


def test_mixup_equals_a_loop():
    x, y = normal(4, 3, 3, 1), np.eye(4, dtype="float32")
    lam, order = np.array([0.25, 1, 0.5, 0]), np.array([2, 0, 1, 3])
    x_tilde, y_tilde = mixup(x, y, lam, order)
    for i, j in enumerate(order):
        a = lam[i]
        np.testing.assert_allclose(
            array(x_tilde)[i], a * x[i] + (1 - a) * x[j], atol=1e-6)
        np.testing.assert_allclose(
            array(y_tilde)[i], a * y[i] + (1 - a) * y[j], atol=1e-6)


def test_variance_of_the_risk_equals_a_simulation():
    losses, B, M = normal(5, 40, dtype="float64"), 3, 4
    losses = losses + 2 * normal(40, dtype="float64")
    rng = np.random.default_rng(0)
    b = rng.integers(40, size=(100_000, 1, B))
    m = rng.integers(5, size=(100_000, M, B))
    drawn = losses[m, b].mean(axis=(1, 2))
    assert abs(drawn.mean() - float(augmented_risk(losses))) < 0.02
    assert abs(drawn.var() / float(risk_variance(losses, B, M)) - 1) < 0.03


def test_mixed_labels_mix_the_cross_entropies():
    z, y = normal(5, 3), np.eye(3, dtype="float32")[[0, 1, 2, 0, 1]]
    order, lam = np.array([1, 2, 0, 4, 3]), np.linspace(0, 1, 5)

    def loss(y):
        return array(ops.categorical_crossentropy(y, z, from_logits=True))

    y_tilde = array(mixup(z[:, None, None], y, lam, order)[1])
    np.testing.assert_allclose(
        loss(y_tilde), lam * loss(y) + (1 - lam) * loss(y[order]), atol=1e-5)


def test_noise_on_the_inputs_is_a_ridge_penalty():
    x, w, y, sigma = normal(50, 3), normal(3), normal(50), 0.5
    noise = sigma * np.random.default_rng(0).normal(size=(20_000, 50, 3))
    noisy = np.mean(((x + noise) @ w - y) ** 2)
    ridge = np.mean((x @ w - y) ** 2) + sigma**2 * np.sum(w**2)
    assert abs(noisy / ridge - 1) < 0.01


# gradient


def test_gradient_of_a_translation_moves_back():
    x, g = (normal(2, 4, 5, 1, seed=s, dtype="float64") for s in (0, 1))
    v = np.array([[1, -2], [0, 3]])
    by_backend = autodiff(
        lambda x: ops.sum(ops.multiply(translate(x, v), g)), x)[0]
    by_hand = central_differences(lambda x: np.sum(loops(x, v) * g), x)
    assert relative_error(by_backend, by_hand) < 1e-7
    np.testing.assert_allclose(by_backend, loops(g, -v), atol=1e-6)


# limit


def test_no_shift_changes_nothing_and_a_long_one_empties_the_image():
    x = normal(2, 4, 4, 1)
    np.testing.assert_allclose(array(translate(x, [[0, 0]] * 2)), x, atol=1e-6)
    assert not array(translate(x, [[4, 0], [0, -4]])).any()


def test_scattered_images_stay_within_reach_and_reach_0_moves_none():
    x = np.zeros((300, 7, 7, 1), "float32")
    x[:, 3, 3] = 1
    y = scatter(x, 2, np.random.default_rng(0))
    assert set(np.argwhere(y)[:, 1]) == set(np.argwhere(y)[:, 2]) == {
        1, 2, 3, 4, 5}
    np.testing.assert_array_equal(scatter(x, 0, np.random.default_rng(0)), x)


def test_two_mirrors_or_two_turns_are_none():
    x = normal(2, 4, 5, 3)
    np.testing.assert_array_equal(array(mirror(mirror(x))), x)
    np.testing.assert_array_equal(array(turn(turn(x))), x)


def test_mixup_with_share_1_or_with_itself_changes_nothing():
    x, y, order = normal(3, 2, 2, 1), np.eye(3, dtype="float32"), [1, 2, 0]
    for lam, partner in ((np.ones(3), order), (np.full(3, 0.3), range(3))):
        x_tilde, y_tilde = mixup(x, y, lam, np.array(partner))
        np.testing.assert_allclose(array(x_tilde), x, atol=1e-6)
        np.testing.assert_allclose(array(y_tilde), y, atol=1e-6)


def test_mixup_keeps_the_dtype_of_its_images():
    x, y = normal(2, 3, 3, 1, dtype="float16"), np.eye(2, dtype="float16")
    mixed = mixup(x, y, [0.5, 1], np.array([1, 0]))
    assert {keras.backend.standardize_dtype(a.dtype) for a in mixed} == {
        "float16"}
    np.testing.assert_allclose(array(mixed[1]), [[0.5, 0.5], [0, 1]])


def test_copies_alone_do_not_bring_the_variance_to_zero():
    losses = np.array([[0.0, 2.0], [4.0, 6.0]])  # means 2, 4; variances 4, 4
    assert float(risk_variance(losses, 1, 1)) == 1 + 4 == losses.var()
    assert abs(float(risk_variance(losses, 1, 10**6)) - 1) < 1e-3
    assert abs(float(risk_variance(losses, 10**6, 1))) < 1e-3


def test_a_turned_6_and_a_9_are_one_image_with_two_labels():
    six = np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1], [1, 0, 1], [1, 1, 1]])
    nine = array(turn(six[None, :, :, None].astype("float32")))[0, :, :, 0]
    images = {six.tobytes(): [], nine.astype(int).tobytes(): []}
    for digit, label in ((six, 6), (nine.astype(int), 9)):
        for copy in (digit, np.rot90(digit, 2)):
            images[np.ascontiguousarray(copy).tobytes()].append(label)
    assert all(sorted(labels) == [6, 9] for labels in images.values())


def test_predict_and_evaluate_do_not_augment():
    x, y = normal(8, 14, 14, 1), np.arange(8)
    model, plain = small_cnn(14, augmenter("shift 2", 14)), small_cnn(14)
    plain.set_weights(model.get_weights())
    for net in (model, plain):
        net.compile(loss=keras.losses.SparseCategoricalCrossentropy(True))
    np.testing.assert_allclose(
        model.predict(x, verbose=0), plain.predict(x, verbose=0), atol=1e-5)
    assert abs(model.evaluate(x, y, verbose=0)
               - plain.evaluate(x, y, verbose=0)) < 1e-4
    assert len(model.weights) == len(plain.weights)


def test_calling_the_model_augments_unless_told_not_to():
    x = normal(8, 14, 14, 1)
    model = small_cnn(14, augmenter("shift 2", 14))
    predicted = model.predict_on_batch(x)
    assert np.abs(array(model(x)) - predicted).max() > 1e-2
    np.testing.assert_allclose(
        array(model(x, training=False)), predicted, atol=1e-4)


def test_hidden_layers_are_rectified_and_logits_are_not():
    model = small_cnn(14)
    inside = keras.Model(
        model.inputs[0], [layer.output for layer in model.layers])
    *hidden, logits = map(array, inside(normal(8, 14, 14, 1)))
    assert [h.shape[1:] for h in hidden] == [
        (12, 12, 16), (6, 6, 16), (4, 4, 32), (512,), (64,)]
    for h in hidden:
        assert h.min() == 0 < h.max()
    assert logits.shape == (8, 10)
    assert logits.min() < 0 < logits.max()


def test_no_augmentation_is_the_identity():
    x = normal(2, 4, 4, 1)
    y = augmenter("none", 4)(x, training=True)
    np.testing.assert_array_equal(array(y), x)


# claim


def test_image_data_generator_is_gone_and_the_layers_are_there():
    with pytest.raises(ImportError, match="ImageDataGenerator"):
        from keras.preprocessing.image import ImageDataGenerator  # noqa: F401
    assert issubclass(keras.layers.RandomFlip, keras.layers.Layer)


def test_shifts_help_where_the_digits_move(example):
    s = example("practice/data_augmentation")["scores"]
    assert all(len(v) == 5 for v in s.values())
    for kind in ("shift 1", "shift 2"):
        assert (s[kind, 2] - s["none", 2]).min() > 0.08
        assert s[kind, 2].mean() - s["none", 2].mean() > 0.15


def test_real_images_beat_copies_in_each_seed(example):
    s = example("practice/data_augmentation")["scores"]
    for kind, reach in s:
        if kind != "400 images":
            assert (s["400 images", reach] - s[kind, reach]).min() > 0
    assert s["400 images", 2].mean() - s["shift 1", 2].mean() > 0.03


def test_wrong_maps_hurt_where_the_digits_are_centered(example):
    s = example("practice/data_augmentation")["scores"]
    none = s["none", 0]
    assert (none - s["rotate", 0]).min() > 0.1
    assert (none - s["mirror", 0]).min() > 0.01
    assert (none - s["mirror", 0]).mean() > 0.04
    assert (none - s["shift 2", 0]).mean() > 0.03
    for kind in ("shift 1", "mixup"):
        assert abs(none.mean() - s[kind, 0].mean()) < 0.03


def test_rotation_costs_the_digit_6_most(example):
    known = example("practice/data_augmentation")["known"]
    lost = np.subtract(known["none"], known["rotate"])
    assert known["none"][6] > 0.8
    assert known["rotate"][6] < 0.45
    assert lost[6] == lost.max() > np.sort(lost)[-2] + 0.05


def test_ten_copies_are_worth_three_or_four_examples(example):
    worth = example("practice/data_augmentation")["worth"]
    assert 2.5 < min(worth) <= max(worth) < 4.5


def test_augmentation_in_the_test_costs_accuracy_and_repeatability(example):
    run = example("practice/data_augmentation")
    assert min(run["lost"]) > 0.03
    assert min(run["changed"]) > 0.1


def test_copies_made_before_the_split_inflate_the_validation(example):
    gaps = example("practice/data_augmentation")["inflation"]
    assert len(gaps["copy"]) == len(gaps["split"]) == 5
    assert min(gaps["copy"]) > 0.2
    assert abs(np.mean(gaps["split"])) < 0.15
    assert np.mean(gaps["copy"]) - np.mean(gaps["split"]) > 0.15


# error


def test_one_vector_for_many_images_is_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 2\), got \(2,\)"):
        translate(np.zeros((3, 4, 4, 1)), [1, 0])


def test_a_share_above_1_is_refused():
    with pytest.raises(ValueError, match=r"in \[0, 1\], got"):
        mixup(np.zeros((1, 2, 2, 1)), np.eye(1), [1.5], np.array([0]))


def test_a_negative_reach_is_refused():
    with pytest.raises(ValueError, match="at least 0, got -1"):
        scatter(np.zeros((1, 4, 4, 1)), -1, np.random.default_rng(0))


def test_no_copy_at_all_is_refused():
    with pytest.raises(ValueError, match=r"at least 1, got \(5, 0\)"):
        risk_variance(np.zeros((2, 2)), 5, 0)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'blur'"):
        augmenter("blur", 14)
