"""Generative adversarial network: two networks, one game, two gradients.

Page: generative/gan
Source: goodfellow2014generative, secs. 3 and 4 (game, D*, value);
    goodfellow2016nips (gradients); lin2018pacgan (several examples at once)
Shapes: B batch, Z length of the noise, I features, N points of a grid
"""

import keras
from keras import ops

TINY = 1e-30  # 0 log 0 = 0


def optimal_discriminator(p, q):
    """Return the discriminator that maximizes the game, point by point.

    Args:
        p: density of the data, at least 0, any shape.
        q: density of the generator, at least 0; p + q > 0.

    Returns:
        Probability that a point is real, the shape of `p`.
    """
    D_star = p / (p + q)  # (gan:D_star)
    return D_star


def game_value(s, p, q, spacing):
    """Value of the game for known densities, by the rectangle rule.

    Args:
        s: logits of the discriminator on a grid, (N,).
        p: density of the data on the grid, (N,).
        q: density of the generator on the grid, (N,).
        spacing: distance between neighboring points.

    Returns:
        Scalar, in nats, at most 0.
    """
    score = p * ops.softplus(-s) + q * ops.softplus(s)  # -log D, -log(1 - D)
    V = -spacing * ops.sum(score)  # (gan:V)
    return V


def js_divergence(p, q, spacing):
    """Jensen-Shannon divergence of two densities, by the rectangle rule.

    Args:
        p: a density on a grid, (N,).
        q: another one, (N,).
        spacing: distance between neighboring points.

    Returns:
        Scalar, in nats, between 0 and log 2.
    """
    m = ops.maximum((p + q) / 2, TINY)
    kl = [f * ops.log(ops.maximum(f, TINY) / m) for f in (p, q)]
    JS = spacing * (ops.sum(kl[0]) + ops.sum(kl[1])) / 2
    return JS


def discriminator_loss(real, fake):
    """Cross-entropy of the discriminator, which says 1 to real, 0 to fake.

    Args:
        real: logits of real examples, (B, 1).
        fake: logits of generated examples, (B, 1).

    Returns:
        Scalar, in nats; minus the value of the game.
    """
    u, v = ops.softplus(-real), ops.softplus(fake)  # -log D, -log(1 - D)
    L_D = ops.mean(u) + ops.mean(v)  # (gan:L_D)
    return L_D


def minimax_loss(fake):
    """The generator's loss in the zero-sum game, log(1 - D); saturates.

    Args:
        fake: logits of generated examples, (B, 1).

    Returns:
        Scalar, in nats, at most 0.
    """
    L_M = -ops.mean(ops.softplus(fake))
    return L_M


def generator_loss(fake):
    """The generator's usual loss, -log D, which does not saturate.

    Args:
        fake: logits of generated examples, (B, 1).

    Returns:
        Scalar, in nats, at least 0.
    """
    L_G = ops.mean(ops.softplus(-fake))  # (gan:L_G)
    return L_G


def generator_gradients(s):
    """Gradients of both generator losses with respect to one logit.

    Args:
        s: logits of generated examples, any shape.

    Returns:
        Gradient of log(1 - D) and of -log D, each of the shape of `s`.
    """
    D = ops.sigmoid(s)
    d_minimax = -D  # (gan:d_minimax)
    d_usual = -(1 - D)  # (gan:d_usual)
    return d_minimax, d_usual


def network(inputs, hidden, outputs):
    """Build a small player: two hidden layers of ReLU, a linear end.

    Args:
        inputs: length of the input.
        hidden: units of each hidden layer.
        outputs: length of the output.

    Returns:
        A built Keras model, (B, inputs) -> (B, outputs).
    """
    return keras.Sequential([
        keras.Input((inputs,)),
        keras.layers.Dense(hidden, "relu"),
        keras.layers.Dense(hidden, "relu"),
        keras.layers.Dense(outputs),
    ])


def frozen(network, x):
    """Apply a network whose weights get no gradient; its input does.

    Args:
        network: a built Keras model.
        x: input.

    Returns:
        The output of the network.
    """
    weights = [ops.stop_gradient(v.value) for v in network.trainable_variables]
    rest = [v.value for v in network.non_trainable_variables]
    return network.stateless_call(weights, rest, x)[0]


def restart(model, parts, seed):
    """Start a compiled model afresh, without compiling it again.

    Args:
        model: compiled Keras model.
        parts: models inside of it that own the weights.
        seed: seed of the new initial weights.
    """
    keras.utils.set_random_seed(seed)
    model.optimizer.build(model.trainable_variables)
    for part in parts:
        part.set_weights(keras.models.clone_model(part).get_weights())
    for variable in model.optimizer.variables:
        if "learning_rate" not in variable.path:
            variable.assign(ops.zeros_like(variable.value))


class GAN(keras.Model):
    """Trains both players in one `fit`, each by its own loss.

    The targets that `fit` wants are not used. The training data must fill
    whole packs: B a multiple of `pack`.

    Args:
        generator: built model, (B, Z) -> (B, I).
        discriminator: built model, (B / pack, pack * I) -> one logit.
        pack: examples of one kind that the discriminator sees at once.
        loss: loss of the generator, from the logits of its examples.
        seed: seed of the noise, an integer.

    Raises:
        ValueError: pack is below 1, or the discriminator does not take
            pack * I numbers.
    """

    def __init__(
        self, generator, discriminator, pack=1, loss=generator_loss, seed=0
    ):
        super().__init__()
        if pack < 1:
            raise ValueError(f"pack must be at least 1, got {pack}")
        width = pack * generator.output_shape[-1]
        if discriminator.input_shape[-1] != width:
            raise ValueError(
                f"the discriminator must take {width} numbers (pack * I), "
                f"got {discriminator.input_shape[-1]}")
        self.generator, self.discriminator = generator, discriminator
        self.width, self.player_loss = width, loss
        self.noise = keras.random.SeedGenerator(seed)

    def call(self, x):
        """Logits of real, of fake for D, and of fake for G: (B / pack, 3)."""
        Z = self.generator.input_shape[-1]
        z = keras.random.normal((ops.shape(x)[0], Z), seed=self.noise)
        fake = ops.reshape(self.generator(z), (-1, self.width))
        real = ops.reshape(x, (-1, self.width))
        logits = [
            self.discriminator(real),
            self.discriminator(ops.stop_gradient(fake)),  # teaches D only
            frozen(self.discriminator, fake),  # teaches G only
        ]
        return ops.concatenate(logits, axis=-1)

    def compute_loss(self, x=None, y=None, y_pred=None, *unused, **also):
        """Both players' losses added; each weight meets only its own."""
        real, fake, fooled = ops.split(y_pred, 3, axis=-1)
        return discriminator_loss(real, fake) + self.player_loss(fooled)

    def draw(self, n, seed):
        """Generate n examples: (n, I), NumPy."""
        Z = self.generator.input_shape[-1]
        z = keras.random.normal((n, Z), seed=seed)
        return ops.convert_to_numpy(self.generator(z))
