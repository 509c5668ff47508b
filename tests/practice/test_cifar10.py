"""The eight steps of CIFAR-10, and the article's version of each."""

import math
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops
from scipy import stats as scipy_stats
from sklearn import metrics

from dlguide.data.shapes import shapes
from dlguide.practice.cifar10 import (
    build_model,
    channel_stats,
    confusion_matrix,
    conv_parameters,
    cross_entropy,
    dense_parameters,
    environment,
    integer_mse,
    normalize,
    predict,
    split,
    train,
    wilson,
    worst_errors,
)
from sitekit.execute import ROOT, read_cells
from tests.support import (
    autodiff,
    central_differences,
    relative_error,
    tensors,
)

EXAMPLE = ROOT / "examples/practice/cifar10.py"


@pytest.fixture(scope="module")
def data():
    return shapes(n_train=100, n_test=40, seed=1)


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def random_case(seed, n=6):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 10, n), rng.normal(size=(n, 10))


# oracle


def test_parameters_by_hand_equal_those_of_keras():
    for pool, side in ((2, 6), (1, 28)):
        by_hand = [
            conv_parameters(3, 3, 32),
            conv_parameters(3, 32, 64),
            dense_parameters(side * side * 64, 64),
            dense_parameters(64, 10),
        ]
        model = build_model(pool=pool)
        counts = [layer.count_params() for layer in model.layers]
        assert [n for n in counts if n] == by_hand
        assert model.count_params() == sum(by_hand)


def test_the_net_has_167562_parameters_and_without_pooling_3231370():
    assert build_model().count_params() == 167_562
    assert build_model(pool=1).count_params() == 3_231_370


def test_five_by_five_kernels_make_the_net_smaller():
    parts = [
        conv_parameters(5, 3, 32),
        conv_parameters(5, 32, 64),
        dense_parameters(5 * 5 * 64, 64),
        dense_parameters(64, 10),
    ]
    assert parts == [2_432, 51_264, 102_464, 650]
    assert sum(parts) == 156_810 < 167_562


def test_channel_stats_equal_what_keras_adapts(data):
    (x, _), _ = data
    mean, std = channel_stats(x)
    layer = keras.layers.Normalization()
    layer.adapt(x.astype("float32"))
    np.testing.assert_allclose(np.ravel(layer.mean), mean, rtol=1e-4)
    np.testing.assert_allclose(np.ravel(layer.variance), std**2, rtol=1e-4)


def test_the_model_normalizes_raw_pixels_itself(data):
    (x, _), _ = data
    mean, std = channel_stats(x)
    inside = build_model(mean, std).layers[0]
    z = normalize(x, mean, std)
    np.testing.assert_allclose(
        ops.convert_to_numpy(inside(x.astype("float32"))), z, atol=1e-4
    )
    np.testing.assert_allclose(z.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(axis=(0, 1, 2)), 1, atol=1e-12)


def test_adapt_adds_seven_numbers_that_are_not_trained(data):
    (x, _), _ = data
    adapted = keras.layers.Normalization()
    adapted.adapt(x.astype("float32"))
    assert adapted.count_params() == 3 + 3 + 1
    assert adapted.trainable_weights == []
    assert build_model(*channel_stats(x)).layers[0].count_params() == 0


def test_cross_entropy_equals_keras():
    labels, logits = random_case(0)
    keras_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    logits = logits.astype("float32")
    expected = float(keras_loss(labels, logits))
    ours = cross_entropy(labels, ops.convert_to_tensor(logits))
    assert float(ours) == pytest.approx(expected, rel=1e-5)


def test_integer_mse_is_what_keras_computes():
    labels, logits = random_case(1)
    p = softmax(logits).astype("float32")
    column = labels[:, None].astype("uint8")
    model = keras.Sequential([keras.layers.Identity()])
    model.compile(loss="mse")
    expected = model.evaluate(p, column, verbose=0)
    ours = integer_mse(column.astype("float32"), p)
    assert float(ours) == pytest.approx(float(expected), rel=1e-5)


def test_confusion_matrix_equals_scikit_learn():
    rng = np.random.default_rng(2)
    labels, predictions = rng.integers(0, 10, (2, 200))
    np.testing.assert_array_equal(
        confusion_matrix(labels[:, None], predictions),
        metrics.confusion_matrix(labels, predictions, labels=range(10)),
    )


def test_wilson_equals_scipy():
    for k, n in ((0, 5), (3, 5), (7000, 10000), (10, 10)):
        z = scipy_stats.norm.ppf(0.975)
        ci = scipy_stats.binomtest(k, n).proportion_ci(method="wilson")
        np.testing.assert_allclose(wilson(k, n, z), ci, atol=1e-12)


def test_wilson_ends_are_where_the_normal_test_just_rejects():
    k, n, z = 140, 200, 1.96
    for end in wilson(k, n, z):
        distance = abs(k / n - end) / math.sqrt(end * (1 - end) / n)
        assert distance == pytest.approx(z, rel=1e-9)


def test_seventy_percent_of_ten_thousand_is_known_to_0_9_points():
    low, high = wilson(7000, 10000)
    assert 100 * (high - low) / 2 == pytest.approx(0.9, abs=0.01)


def test_wilson_covers_where_the_plain_interval_does_not():
    n, p, z = 20, 0.95, 1.96
    k = np.arange(n + 1)
    weight = scipy_stats.binom.pmf(k, n, p)
    low, high = wilson(k, n, z)
    plain = z * np.sqrt(k / n * (1 - k / n) / n)
    covered = np.sum(weight[(low <= p) & (p <= high)])
    plain_covered = np.sum(weight[abs(k / n - p) <= plain])
    assert covered > 0.9
    assert plain_covered < 0.7


# gradient


def test_gradient_of_cross_entropy_is_p_minus_t_over_n():
    labels, logits = random_case(3)
    (grad,) = autodiff(lambda z: cross_entropy(labels, z), logits)
    t = np.eye(10)[labels]
    assert relative_error(grad, (softmax(logits) - t) / len(labels)) < 1e-6
    rise = central_differences(
        lambda z: np.mean(
            np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), labels]
        ),
        logits,
    )
    assert relative_error(grad, rise) < 1e-6


def test_integer_mse_pulls_the_same_way_whatever_the_labels():
    labels, logits = random_case(4)

    def pull(labels):
        (column,) = tensors(labels[:, None].astype("float64"))
        (grad,) = autodiff(
            lambda z: integer_mse(column, ops.softmax(z)), logits
        )
        return grad

    np.testing.assert_allclose(pull(labels), pull(9 - labels), atol=1e-8)
    np.testing.assert_allclose(pull(labels), pull(0 * labels), atol=1e-8)


def test_one_hot_mse_stalls_where_the_net_is_wrong_and_sure():
    z = np.zeros((1, 10))
    z[0, 0] = 12.0  # sure of class 0
    (t,) = tensors(np.eye(10)[[1]])  # the image is of class 1
    (slow,) = autodiff(lambda z: ops.mean((t - ops.softmax(z)) ** 2), z)
    (fast,) = autodiff(lambda z: cross_entropy(np.array([1]), z), z)
    assert np.abs(fast).max() > 0.99
    assert np.abs(slow).max() < 1e-4


# limit


def test_a_net_that_knows_nothing_pays_log_10():
    zeros = ops.zeros((4, 10))
    loss = cross_entropy(np.arange(4), zeros)
    assert float(loss) == pytest.approx(math.log(10), rel=1e-6)


def test_huge_logits_do_not_overflow():
    logits = ops.convert_to_tensor([[1000.0, 0.0], [0.0, 1000.0]])
    assert float(cross_entropy(np.array([0, 1]), logits)) == 0.0
    assert float(cross_entropy(np.array([1, 0]), logits)) == 1000.0


def test_integer_mse_lies_between_27_61_and_27_70_for_every_net():
    labels = np.repeat(np.arange(10.0), 5)[:, None]
    uniform = np.full((50, 10), 0.1)
    certain = np.eye(10)[np.random.default_rng(5).integers(0, 10, 50)]
    some = softmax(np.random.default_rng(6).normal(size=(50, 10)))
    assert float(integer_mse(labels, uniform)) == pytest.approx(27.61)
    assert float(integer_mse(labels, certain)) == pytest.approx(27.70)
    assert 27.61 < float(integer_mse(labels, some)) < 27.70


def test_perfect_predictions_fill_the_diagonal():
    labels = np.array([0, 1, 1, 9])
    M = confusion_matrix(labels, labels)
    assert M.trace() == M.sum() == 4
    assert list(M.diagonal()) == [1, 2, 0, 0, 0, 0, 0, 0, 0, 1]


def test_wilson_stays_inside_zero_and_one():
    low, high = wilson([0, 20], [20, 20])
    assert low[0] == pytest.approx(0, abs=1e-12)
    assert high[1] == pytest.approx(1, abs=1e-12)
    assert 0.15 < high[0] < 0.17  # 0 of 20 does not mean never
    assert high[0] == pytest.approx(1 - low[1])


def test_split_is_disjoint_complete_stratified_and_repeatable(data):
    (_, y), _ = data
    fit, val = split(y, 0.2, seed=3)
    assert sorted([*fit, *val]) == list(range(len(y)))
    assert list(np.bincount(y[val, 0], minlength=10)) == [2] * 10
    again = split(y, 0.2, seed=3)
    np.testing.assert_array_equal(fit, again[0])
    assert list(split(y, 0.2, seed=4)[1]) != list(val)


def test_worst_errors_are_wrong_and_most_confident_first():
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [1.0, 0.0]])
    labels = np.array([[1], [1], [0], [1]])
    assert list(worst_errors(labels, p)) == [3, 0, 2]
    assert list(worst_errors(labels, p, count=1)) == [3]


def test_worst_errors_are_8_and_of_equal_ones_the_first_come_first():
    sure = np.tile([0.6, 0.7, 0.8], 30)
    p, labels = np.stack([sure, 1 - sure], axis=1), np.ones(90, int)
    order = [*range(2, 90, 3), *range(1, 90, 3), *range(0, 90, 3)]
    assert list(worst_errors(labels, p, count=90)) == order
    assert list(worst_errors(labels, p)) == order[:8]


def test_shape_of_every_layer_is_the_one_on_the_page():
    shapes_ = [tuple(layer.output.shape) for layer in build_model().layers]
    assert shapes_ == [
        (None, 32, 32, 3), (None, 30, 30, 32), (None, 15, 15, 32),
        (None, 13, 13, 64), (None, 6, 6, 64), (None, 2304), (None, 64),
        (None, 10),
    ]  # fmt: skip


def test_train_stops_and_returns_to_the_best_epoch(data):
    (x, y), _ = data
    keras.utils.set_random_seed(0)
    model = build_model(*channel_stats(x))
    wrong = x, (y + 1) % 10  # the better the fit, the worse this becomes
    history = train(model, (x, y), wrong, epochs=40)
    loss, _ = model.evaluate(*wrong, verbose=0)
    assert len(history["val_loss"]) < 40
    assert len(history["val_loss"]) == np.argmin(history["val_loss"]) + 1 + 2
    assert loss == pytest.approx(min(history["val_loss"]), rel=1e-3)


def test_batches_of_32_make_3_steps_of_65_images(data, capsys):
    (x, y), val = data
    model = build_model(*channel_stats(x))
    history = train(model, (x[:65], y[:65]), val, epochs=1)
    assert int(model.optimizer.iterations) == 3
    assert sorted(history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert predict(model, x[:2]).shape == (2, 10)
    assert capsys.readouterr().out == ""  # no progress bars


def test_a_saved_model_takes_raw_pixels_and_predicts_the_same(data, tmp_path):
    (x, _), (x_test, _) = data
    model = build_model(*channel_stats(x))
    model.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    p = predict(model, x_test)
    np.testing.assert_allclose(predict(loaded, x_test), p, atol=1e-6)
    np.testing.assert_allclose(predict(loaded, x_test[0]), p[0], atol=1e-5)
    assert p.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_environment_names_versions_backend_and_device():
    line = environment()
    assert keras.__version__ in line
    assert keras.backend.backend() in line
    assert "\n" not in line
    device = line.rpartition(", device ")[2]
    assert device == device.lower()
    assert any(kind in device for kind in ("cpu", "cuda", "gpu", "mps"))
    assert "/" not in device  # "cpu:0" of TensorFlow's long name


def test_one_image_may_decide_and_one_trial_has_an_interval():
    train_rows, val_rows = split(np.repeat([0, 1], 10))  # 0.1 by default
    assert (len(train_rows), len(val_rows)) == (18, 2)
    low, high = wilson(1, 1)
    np.testing.assert_allclose([low, high], [1 / (1 + 1.96**2), 1], rtol=1e-12)
    assert confusion_matrix([3], [3]).sum() == 1


def test_the_network_by_default_takes_pixels_as_they_are():
    model = build_model()
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    seen = ops.convert_to_numpy(model.layers[0](x))
    np.testing.assert_allclose(seen, x, rtol=1e-6)
    bent = [layer for layer in model.layers if layer.weights and getattr(
        layer, "activation", None) is keras.activations.relu]
    assert len(bent) == 3
    assert model.layers[-1].activation is keras.activations.linear


def test_training_steps_a_thousandth_and_takes_logits():
    model = build_model()
    (x, y), _ = shapes(40, 10)
    before = model.get_weights()[3:]
    train(model, (x[:32], y[:32]), (x[32:], y[32:]), epochs=1)
    moved = [np.abs(a - b).max() for a, b in zip(
        before, model.get_weights()[3:], strict=True)]
    np.testing.assert_allclose(max(moved), 1e-3, rtol=0.01)  # Adam's first
    assert model.loss.from_logits


# claim


def test_cross_entropy_learns_and_integer_mse_does_not(example):
    run = example("practice/cifar10")
    assert run["SOURCE"] == "shapes"
    assert len(run["SEEDS"]) == len(run["runs"]) == 5
    best = [max(r["val_accuracy"]) for r in run["runs"]]
    losses, accuracies = np.transpose(run["mse"])
    assert min(best) > 0.4
    assert max(accuracies) < 0.25
    assert min(best) - max(accuracies) > 0.2
    assert np.all((losses > 27.61 - 1e-3) & (losses < 27.70 + 1e-3))


def test_every_seed_beats_chance_on_a_test_set_used_once(example):
    run = example("practice/cifar10")
    assert min(run["low"]) > 0.4
    assert all(M.sum() == len(run["y_test"]) for M in run["M"])
    half = (run["high"] - run["low"]) / 2
    assert max(half) < 0.025
    middle = run["low"] + half
    assert np.ptp(middle) > max(half)  # seeds differ by more
    assert all(len(r["val_loss"]) == 5 for r in run["runs"])
    assert all(np.argmin(r["val_loss"]) == 4 for r in run["runs"])


def test_example_shows_mistakes_and_saves_a_model_that_predicts_the_same(
    example,
):
    run = example("practice/cifar10")
    labels, p = run["y_test"][:, 0], run["scores"][0]
    worst = run["worst"]
    assert len(worst) == 8
    assert np.all(p[worst].argmax(axis=1) != labels[worst])
    assert np.all(np.diff(p[worst].max(axis=1)) <= 0)
    assert p[worst].max(axis=1).min() > 0.9
    assert run["same"]
    assert run["one"].shape == (10,)


def test_classes_differ_by_more_than_their_intervals(example):
    run = example("practice/cifar10")
    assert max(run["low_k"]) - min(run["top_k"]) > 0.2


def test_the_argument_chooses_the_data_only_when_run_as_a_script(monkeypatch):
    setup = next(c for c in read_cells(EXAMPLE) if c.name == "setup").source
    for argv, source in (
        (["examples/practice/cifar10.py"], "shapes"),
        (["examples/practice/cifar10.py", "cifar10"], "cifar10"),
        (["C:\\x\\cifar10.py", "a b.tar.gz"], "a b.tar.gz"),
        (["ipykernel_launcher.py", "-f", "kernel.json"], "shapes"),
        (["pytest", "tests/practice"], "shapes"),
        ([""], "shapes"),
    ):
        monkeypatch.setattr(sys, "argv", argv)
        namespace = {}
        exec(setup, namespace)
        assert namespace["SOURCE"] == source


# what the article says


def test_keras_without_a_backend_cannot_be_imported():
    code = """if True:
        import sys

        class Absent:  # as if TensorFlow were not installed
            def find_spec(self, name, *_):
                if name.split(".")[0] == "tensorflow":
                    raise ModuleNotFoundError(f"No module named {name!r}")

        sys.meta_path.insert(0, Absent())
        import keras"""
    environ = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True,
        text=True, check=False,
    )
    assert done.returncode == 1
    assert "No module named 'tensorflow'" in done.stderr


def test_image_data_generator_is_gone():
    with pytest.raises(ImportError, match="ImageDataGenerator"):
        from keras.preprocessing.image import ImageDataGenerator  # noqa: F401


def test_stand_in_has_the_format_of_cifar10(data):
    (x, y), _ = data
    assert x.shape[1:] == (32, 32, 3)
    assert x.dtype == y.dtype == np.uint8
    assert y.shape == (len(x), 1)
    assert sorted(np.unique(y)) == list(range(10))


def test_the_net_has_two_dense_layers_not_one():
    dense = [
        layer.units for layer in build_model().layers
        if isinstance(layer, keras.layers.Dense)
    ]
    assert dense == [64, 10]


def test_input_shape_on_a_layer_warns():
    with pytest.warns(UserWarning, match="Do not pass an `input_shape`"):
        keras.layers.Conv2D(32, (3, 3), input_shape=(32, 32, 3))


def test_the_articles_code_is_adam_at_0_001_not_sgd_at_0_01():
    model = build_model()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)


def test_the_best_of_ten_guessers_looks_better_than_chance():
    rng = np.random.default_rng(7)
    n, epochs = 500, 10
    flattered, fresh = [], []
    for _ in range(200):
        scores = rng.binomial(n, 0.1, epochs) / n  # ten nets that guess
        flattered.append(scores.max())
        fresh.append(rng.binomial(n, 0.1) / n)  # the winner on new images
    assert np.mean(flattered) > 0.115
    assert np.mean(fresh) == pytest.approx(0.1, abs=0.005)


# error


def test_bad_input_is_named(data):
    (x, y), _ = data
    with pytest.raises(ValueError, match="fraction must be in .* got 1.5"):
        split(y, 1.5)
    with pytest.raises(ValueError, match="4 images of class 0 into 4 \\+ 0"):
        split([0, 0, 0, 0], 0.1)
    with pytest.raises(ValueError, match="2 images of class 5 into 0 \\+ 2"):
        split([5, 5], 0.9)
    with pytest.raises(ValueError, match="N, H, W, C.*got \\(3072,\\)"):
        channel_stats(np.zeros(3072))
    with pytest.raises(ValueError, match="every channel must vary"):
        channel_stats(np.zeros((2, 4, 4, 3)))
    with pytest.raises(ValueError, match="2 labels but 1 predictions"):
        confusion_matrix([0, 1], [0])
    with pytest.raises(ValueError, match="classes must be 0..9, got"):
        confusion_matrix([0, -1], [0, 10])
    with pytest.raises(ValueError, match="0 <= k <= n"):
        wilson(3, 2)
    with pytest.raises(ValueError, match="n >= 1"):
        wilson(0, 0)


def test_train_refuses_labels_that_are_no_classes(data):
    (x, y), _ = data
    with pytest.raises(ValueError, match="labels must be 0 to 9, got 17"):
        train(build_model(), (x, y + 17 - y), (x, y))
