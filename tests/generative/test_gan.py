"""The GAN: calculus on a grid, Keras's loss, who gets which gradient."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from dlguide.generative.gan import (
    GAN,
    discriminator_loss,
    frozen,
    game_value,
    generator_gradients,
    generator_loss,
    js_divergence,
    minimax_loss,
    network,
    optimal_discriminator,
    restart,
)
from tests.support import (
    autodiff,
    central_differences,
    float64,
    relative_error,
    tensors,
)

GRID = np.linspace(-9, 9, 1801)
SPACING = 0.01


def normal(mean, std):
    z = (GRID - mean) / std
    return np.exp(-z * z / 2) / (std * np.sqrt(2 * np.pi))


def logits(seed=0, B=7):
    return 3 * np.random.default_rng(seed).normal(size=(B, 1))


def small(inputs, outputs):
    return keras.Sequential([
        keras.Input((inputs,)), layers.Dense(5, "tanh"), layers.Dense(outputs)])


def sigmoid(s):
    return 1 / (1 + np.exp(-s))


# oracle


def test_no_other_discriminator_scores_more_at_any_point():
    p, q = np.random.default_rng(0).uniform(0.01, 3, size=(2, 50))
    D = np.linspace(0.001, 0.999, 999)[:, None]
    score = p * np.log(D) + q * np.log(1 - D)
    best = D[score.argmax(axis=0), 0]
    np.testing.assert_allclose(optimal_discriminator(p, q), best, atol=6e-4)


def test_value_at_the_optimum_is_twice_js_minus_log_4():
    for mean, std in ((0.0, 1.0), (1.0, 1.0), (2.0, 0.5), (0.5, 2.0)):
        p, q = normal(0, 1), normal(mean, std)
        s = np.log(p) - np.log(q)
        V = game_value(*tensors(s, p, q), SPACING)
        JS = js_divergence(*tensors(p, q), SPACING)
        assert float(V) == pytest.approx(2 * float(JS) - np.log(4), abs=1e-5)


@float64()
def test_js_divergence_of_two_urns_counted_by_hand():
    p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    m = (p + q) / 2  # 3/8, 5/8
    by_hand = (0.5 * np.log(4 / 3) + 0.5 * np.log(4 / 5)
               + 0.25 * np.log(2 / 3) + 0.75 * np.log(6 / 5)) / 2
    assert m.tolist() == [0.375, 0.625]
    JS = js_divergence(*tensors(p, q), 1.0)
    assert float(JS) == pytest.approx(by_hand, rel=1e-6)


def test_losses_equal_the_cross_entropy_of_keras():
    real, fake = logits(1).astype("float32"), logits(2).astype("float32")
    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    ones, zeros = np.ones((7, 1)), np.zeros((7, 1))
    for ours, theirs in (
        (discriminator_loss(real, fake), bce(ones, real) + bce(zeros, fake)),
        (minimax_loss(fake), -bce(zeros, fake)),
        (generator_loss(fake), bce(ones, fake)),
    ):
        assert float(ours) == pytest.approx(float(theirs), rel=1e-5)


def test_a_player_is_two_layers_of_relu_and_a_linear_end():
    net, rng = network(2, 4, 3), np.random.default_rng(0)
    shapes = (2, 4), (4,), (4, 4), (4,), (4, 3), (3,)
    W_1, b_1, W_2, b_2, W_3, b_3 = weights = [
        rng.normal(size=shape) for shape in shapes]
    net.set_weights(weights)
    x = rng.normal(size=(20, 2))
    a = np.maximum(np.maximum(x @ W_1 + b_1, 0) @ W_2 + b_2, 0)
    np.testing.assert_allclose(
        ops.convert_to_numpy(net(x)), a @ W_3 + b_3, rtol=1e-4, atol=1e-5)


def test_a_generator_that_changes_nothing_draws_standard_normal_noise():
    G = keras.Sequential([keras.Input((2,)), layers.Dense(2)])
    G.set_weights([np.eye(2), np.zeros(2)])
    points = GAN(G, small(2, 1)).draw(20_000, seed=1)
    assert isinstance(points, np.ndarray)
    assert points.shape == (20_000, 2)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=0.03)
    np.testing.assert_allclose(np.cov(points.T), np.eye(2), atol=0.04)


def test_one_mode_of_8_is_a_game_computed_by_hand():
    p, q = np.full(8, 1 / 8), np.eye(8)[0]
    D = optimal_discriminator(p, q)
    assert D[0] == pytest.approx(1 / 9)
    assert (D[1:] == 1).all()
    V = np.log(1 / 9) / 8 + np.log(8 / 9)  # the 7 other modes add 0
    JS = float(js_divergence(*tensors(p, q), 1.0))
    assert pytest.approx(-0.3924, abs=1e-4) == V
    assert 2 * JS - np.log(4) == pytest.approx(V, abs=1e-6)
    assert JS / np.log(2) == pytest.approx(0.717, abs=1e-3)


def test_4_examples_at_once_give_the_missing_modes_away():
    p, q = np.full(8, 1 / 8), np.eye(8)[0]
    D = [optimal_discriminator(p[0] ** m, q[0] ** m) for m in (1, 2, 4)]
    np.testing.assert_allclose(D, [1 / 9, 1 / 65, 1 / 4097])


# gradient


def test_gradients_of_one_logit_match_differences_and_autodiff():
    s = logits()
    for loss, formula in zip(
        (minimax_loss, generator_loss), generator_gradients(s), strict=True
    ):
        exact = autodiff(lambda s, loss=loss: len(logits()) * loss(s), s)[0]
        numeric = central_differences(
            lambda s, loss=loss: float(7 * numpy_loss(loss, s)), s)
        assert relative_error(exact, ops.convert_to_numpy(formula)) < 1e-6
        assert relative_error(exact, numeric) < 1e-7


def numpy_loss(loss, s):
    """The same two losses from their definition."""
    D = sigmoid(s)
    return np.mean(np.log(1 - D) if loss is minimax_loss else -np.log(D))


def test_both_losses_pull_in_the_same_direction():
    minimax, usual = map(np.asarray, generator_gradients(logits()))
    assert (minimax < 0).all()
    assert (usual < 0).all()


def both_gradients(model, x, loss):
    """Gradient of a loss(y_pred) with respect to the weights of both."""
    rest = [v.value for v in model.non_trainable_variables]
    weights = [v.numpy() if hasattr(v, "numpy") else np.asarray(v.value)
               for v in model.trainable_variables]
    n = len(model.generator.trainable_variables)

    def value(*weights):
        y_pred, _ = model.stateless_call(list(weights), rest, x)
        return loss(y_pred)

    gradients = autodiff(value, *weights)
    return gradients[:n], gradients[n:]


@pytest.mark.parametrize("pack", [1, 2])
def test_each_weight_gets_the_gradient_of_its_own_player(pack):
    keras.utils.set_random_seed(3)
    G, D = small(2, 3), small(3 * pack, 1)
    model = GAN(G, D, pack, seed=5)
    x = np.random.default_rng(1).normal(size=(8, 3)).astype("float32")
    model(x)
    z = keras.random.normal((8, 2), seed=keras.random.SeedGenerator(5))
    g_weights, d_weights = ([np.asarray(v.numpy()) for v in net.weights]
                            for net in (G, D))

    def player_G(*weights):
        fake = G.stateless_call(list(weights), [], z)[0]
        fake = ops.reshape(fake, (-1, 3 * pack))
        return generator_loss(D(fake))

    def player_D(*weights):
        def score(points):
            rows = ops.reshape(points, (-1, 3 * pack))
            return D.stateless_call(list(weights), [], rows)[0]

        return discriminator_loss(score(ops.convert_to_tensor(x)), score(G(z)))

    model.noise.state.assign(keras.random.SeedGenerator(5).state)
    of_G, of_D = both_gradients(
        model, x, lambda y: model.compute_loss(None, None, y))
    own = [*autodiff(player_G, *g_weights), *autodiff(player_D, *d_weights)]
    for ours, alone in zip([*of_G, *of_D], own, strict=True):
        assert np.abs(alone).max() > 1e-4
        np.testing.assert_allclose(ours, alone, rtol=1e-4, atol=1e-6)


def test_a_frozen_network_passes_the_gradient_to_its_input_only():
    D = small(3, 1)
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    np.testing.assert_allclose(
        ops.convert_to_numpy(frozen(D, x)), ops.convert_to_numpy(D(x)),
        rtol=1e-5)
    to_input = autodiff(lambda x: ops.sum(frozen(D, x)), x)[0]
    plain = autodiff(lambda x: ops.sum(D(x)), x)[0]
    np.testing.assert_allclose(to_input, plain, rtol=1e-5)
    weights = [np.asarray(v.numpy()) for v in D.weights]

    class Wrapped(keras.Model):
        def __init__(self):
            super().__init__()
            self.D = D

        def call(self, x):
            return frozen(self.D, x)

    model = Wrapped()
    model(x)
    to_weights = autodiff(
        lambda *w: ops.sum(model.stateless_call(list(w), [], x)[0]), *weights)
    assert max(np.abs(g).max() for g in to_weights) == 0


def test_fit_moves_the_weights_of_both_players():
    model = GAN(small(2, 3), small(3, 1))
    before = [np.asarray(v.numpy()) for v in model.trainable_variables]
    model.compile("sgd")
    x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    history = model.fit(x, np.zeros(32), batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    for old, new in zip(before, model.trainable_variables, strict=True):
        assert np.abs(old - np.asarray(new.numpy())).max() > 0


# limit


def test_the_seed_says_what_is_drawn():
    model = GAN(small(4, 3), small(3, 1))
    first, again, other = (model.draw(5, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (5, 3)
    assert np.abs(first - other).min() > 0


def test_the_seed_says_which_noise_the_players_meet():
    G, D, x = small(4, 3), small(3, 1), np.ones((5, 3), "float32")
    first, again, other = (ops.convert_to_numpy(GAN(G, D, seed=seed)(x))
                           for seed in (0, 0, 1))
    np.testing.assert_allclose(again, first, rtol=1e-5)
    default = ops.convert_to_numpy(GAN(G, D)(x))
    np.testing.assert_allclose(default, first, rtol=1e-5)
    np.testing.assert_allclose(other[:, 0], first[:, 0], rtol=1e-5)  # real
    assert np.abs(other - first)[:, 1:].min() > 0  # fake


def test_a_restarted_model_learns_as_if_it_had_never_learned():
    x, model = np.random.default_rng(0).normal(size=(32, 3)), small(3, 1)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    ends = []
    for seed in (1, 1, 2):
        restart(model, [model], seed)
        model.fit(x, x[:, :1], epochs=3, shuffle=False, verbose=0)
        ends.append(np.concatenate([w.ravel() for w in model.get_weights()]))
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-5, atol=1e-7)
    assert np.abs(ends[2] - ends[0]).max() > 0.1
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)


def test_perfect_generator_leaves_a_coin_flip():
    p = normal(0, 1)
    D = optimal_discriminator(p, p)
    np.testing.assert_array_equal(D, 0.5)
    value = float(game_value(*tensors(np.zeros_like(p), p, p), SPACING))
    assert value == pytest.approx(-np.log(4), abs=1e-6)
    JS = js_divergence(*tensors(p, p), SPACING)
    assert float(JS) == pytest.approx(0, abs=1e-9)


def test_densities_far_apart_reach_the_largest_divergence():
    p, q = normal(-4, 0.3), normal(4, 0.3)
    most = float(js_divergence(*tensors(p, q), SPACING))
    assert most == pytest.approx(np.log(2), abs=1e-5)


def test_minimax_gradient_dies_when_d_rejects_not_when_g_is_perfect():
    rejected = np.log(1e-6 / (1 - 1e-6))  # D = 0.000001
    minimax, usual = generator_gradients(rejected)
    assert float(minimax) == pytest.approx(-1e-6, rel=1e-3)
    assert float(usual) == pytest.approx(-1, abs=1e-5)
    minimax, usual = generator_gradients(0.0)  # perfect generator: D = 1/2
    assert float(minimax) == float(usual) == -0.5


# claim


def test_trained_discriminator_reaches_p_over_p_plus_q(example):
    run = example("generative/gan")
    assert len(run["D_error"]) == len(run["SEEDS"]) == 5
    assert run["D_error"].max() < 0.05
    assert run["value"] == pytest.approx(
        run["twice_js"] - np.log(4), abs=1e-4)  # p outside of the grid


def test_modes_collapse_alone_and_come_back_in_packs(example):
    run = example("generative/gan")
    alone, packed = run["alone"][:, -1], run["packed"][:, -1]
    assert len(alone) == len(packed) == 5
    assert max(alone) <= 4  # of 8
    assert min(packed) >= 6


def test_a_discriminator_that_sees_only_fakes_rejects_perfect_ones():
    keras.utils.set_random_seed(0)
    fake = np.random.default_rng(0).normal(size=(256, 1))  # p = q = N(0, 1)
    D = small(1, 1)
    D.compile(keras.optimizers.Adam(0.05),
              keras.losses.BinaryCrossentropy(from_logits=True))
    D.fit(fake, np.zeros(256), batch_size=32, epochs=30, verbose=0)
    real = np.linspace(-2, 2, 41)[:, None]
    assert sigmoid(D.predict(real, verbose=0)).max() < 0.05
    p = np.exp(-real * real / 2)
    assert (optimal_discriminator(p, p) == 0.5).all()  # seeing both


def test_with_one_common_loss_the_generator_helps_the_discriminator():
    real, fake = np.zeros((4, 1)), np.ones((4, 1))  # the logits of 4 pairs
    of_D, of_G = (autodiff(loss, fake)[0] for loss in (
        lambda fake: discriminator_loss(ops.convert_to_tensor(real), fake),
        generator_loss))
    assert (of_D > 0).all()  # downhill: D(fake) falls, the forger gives up
    assert (of_G < 0).all()  # downhill: D(fake) rises


def test_the_losses_do_not_care_which_noise_made_which_example():
    fake = logits().astype("float32")
    shuffled = fake[::-1]
    for loss in (generator_loss, minimax_loss):
        assert float(loss(fake)) == pytest.approx(float(loss(shuffled)))


# error


def test_a_pack_of_zero_is_refused():
    with pytest.raises(ValueError, match="pack must be at least 1, got 0"):
        GAN(small(2, 3), small(3, 1), pack=0)


def test_a_discriminator_of_the_wrong_width_is_refused():
    with pytest.raises(ValueError, match=r"must take 6 numbers .*, got 3"):
        GAN(small(2, 3), small(3, 1), pack=2)
