"""The perceptron: hand arithmetic, every step of the proof, XOR, recall."""

from itertools import permutations, product

import keras
import numpy as np
import pytest
from keras import ops
from sklearn.linear_model import Perceptron as SklearnPerceptron

from dlguide.basics.perceptron import (
    Perceptron,
    criterion,
    energy,
    fit,
    hebb,
    hopfield_update,
    margin,
    margins,
    mistake_bound,
    perceptron_update,
    predict,
    with_one,
)
from tests.support import central_differences, float64, relative_error

CORNERS = np.array([*product((0, 1), repeat=2)], "float32")
X = np.insert(CORNERS, 0, 1, axis=1)
AND = np.array([-1, -1, -1, 1], "float32")
OR = np.array([-1, 1, 1, 1], "float32")
XOR = np.array([-1, 1, 1, -1], "float32")


def as_numpy(tensor):
    return ops.convert_to_numpy(tensor)


def random_set(seed=0, B=50, gamma=0.1):
    """Points with a margin of at least gamma, their labels and the line."""
    rng = np.random.default_rng(seed)
    u = rng.normal(size=3) * (0.3, 1, 1)
    u = u / np.linalg.norm(u)
    x = np.insert(rng.uniform(-1, 1, (8 * B, 2)), 0, 1, axis=1)
    x = x[np.abs(x @ u) >= gamma][:B]
    return x.astype("float32"), np.sign(x @ u).astype("float32"), u


def update(w, x, y):
    """One correction of NumPy arrays."""
    w, x = ops.convert_to_tensor(w), ops.convert_to_tensor(x)
    return as_numpy(perceptron_update(w, x, y))


def right(w, x, y):
    """How many examples w gets right."""
    return int(np.sum(as_numpy(predict(np.float32(w), x)) == y))


# oracle
def test_two_corrections_by_hand():
    w = update(np.zeros(3, "float32"), X[0], AND[0])
    assert w.tolist() == [-1, 0, 0]  # 0 counts as wrong
    w = update(w, X[1], AND[1])
    assert w.tolist() == [-1, 0, 0]  # right: nothing changes
    w = update(w, X[3], AND[3])
    assert w.tolist() == [0, 1, 1]


def test_fit_equals_a_plain_loop():
    for x, y in ((X, AND), (X, XOR), random_set(4)[:2]):
        w, path, order = np.zeros(3), [np.zeros(3)], []
        while len(order) < 40:
            before = len(order)
            for i in range(len(x)):
                if y[i] * sum(w * x[i]) <= 0 and len(order) < 40:
                    w = w + y[i] * x[i]
                    path.append(w)
                    order.append(i)
            if len(order) == before:
                break
        our_path, our_order = fit(x, y, 40)
        assert our_order == order
        assert np.allclose(our_path, path, atol=1e-4)


def test_weights_and_order_equal_those_of_scikit_learn():
    x, y, _ = random_set(4)
    peer = SklearnPerceptron(shuffle=False, tol=None, max_iter=50)
    peer.fit(x[:, 1:], y)
    w = fit(x, y, 400)[0][-1]
    assert np.allclose(w, [*peer.intercept_, *peer.coef_[0]], atol=1e-4)


def test_margins_of_and_and_or_by_hand():
    assert np.isclose(float(margin(np.float32([-3, 2, 2]), X, AND)), 17**-0.5)
    assert np.isclose(float(margin(np.float32([-1, 2, 2]), X, OR)), 1 / 3)
    assert np.isclose(float(mistake_bound(17**-0.5, X)), 51)
    assert np.isclose(float(mistake_bound(1 / 3, X)), 27)


def test_no_direction_has_a_larger_margin():
    rng = np.random.default_rng(0)
    w = rng.normal(size=(100_000, 3))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    for y, best in ((AND, 17**-0.5), (OR, 1 / 3)):
        found = (w @ X.T * y).min(axis=1).max()
        assert 0.95 * best < found <= best


def test_energy_equals_the_sum_over_pairs():
    rng = np.random.default_rng(0)
    xi = rng.choice([-1.0, 1.0], (3, 6)).astype("float32")
    s = rng.choice([-1.0, 1.0], (4, 6)).astype("float32")
    W = as_numpy(hebb(xi))
    for i, j in product(range(6), repeat=2):
        assert W[i, j] == (sum(xi[:, i] * xi[:, j]) if i != j else 0)
    pairs = [-sum(W[i, j] * row[i] * row[j]
                  for i in range(6) for j in range(i)) for row in s]
    assert np.allclose(as_numpy(energy(W, s)), pairs)


# gradient
@float64()
def test_a_correction_is_minus_the_gradient_of_the_criterion():
    rng = np.random.default_rng(0)
    turned = 0
    for _ in range(20):
        w, x = rng.normal(size=(2, 3))
        y = rng.choice([-1.0, 1.0])
        grad = central_differences(
            lambda w, x=x, y=y: criterion(w, x[None], np.array([y])), w)
        moved = update(w, x, y) - w
        assert relative_error(moved, -grad) < 1e-8
        turned += moved.any()
    assert 0 < turned < 20


@float64()
def test_the_count_of_mistakes_has_derivative_zero():
    x, y, u = random_set()
    w = u + [0.0, 0.3, 0.0]

    def mistakes(w):
        return ops.sum(ops.cast(margins(w, x.astype(float), y) <= 0, "int32"))

    assert int(mistakes(w)) > 0
    assert not central_differences(mistakes, w).any()


def test_keras_fit_never_moves_a_step_unit():
    unit = Perceptron(2)
    unit.w.assign([0.5, -1.0, 1.0])
    model = keras.Sequential([unit])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    loss = model.fit(CORNERS, AND, epochs=3, verbose=0).history["loss"]
    assert loss[0] > 0
    assert as_numpy(unit.w).tolist() == [0.5, -1.0, 1.0]


# limit
def test_a_unit_of_one_input_learns_where_zero_is():
    unit, x = Perceptron(1), np.float32([[-2], [-1], [1], [2]])
    y = np.array([-1, -1, 1, 1])
    corrections = unit.learn(x, y, limit=20)
    assert 0 < corrections < 20
    assert ops.convert_to_numpy(unit(x)).tolist() == y.tolist()
    assert Perceptron(1).learn(x, y, limit=1) == 1


def test_one_example_takes_one_correction():
    path, order = fit(X[:1], OR[:1], 10)
    assert order == [0]
    assert path.tolist() == [[0, 0, 0], [-1, 0, 0]]


def test_data_of_another_format_is_learned_as_float32():
    path, order = fit(X, AND, 100)
    for kind in ("float64", "int32"):
        found, same = fit(X.astype(kind), AND.astype(kind), 100)
        assert found.dtype == "float32"
        assert found.tolist() == path.tolist()
        assert same == order


def test_a_correction_keeps_the_format_of_the_weights():
    w = update(np.zeros(3, "float16"), np.float16([1, 0.5, 2]), -1)
    assert w.dtype == "float16"
    assert w.tolist() == [-1, -0.5, -2]


def test_the_learning_rate_changes_nothing_from_zero():
    x, y, _ = random_set(4)
    path, order = fit(x, y, 400)
    w, eta = np.zeros(3), 0.01
    for i in order:
        assert y[i] * (w @ x[i]) <= 1e-6
        w = w + eta * y[i] * x[i]
    assert np.allclose(w, eta * path[-1], atol=1e-5)
    assert right(w, x, y) == len(x)


def test_inputs_of_plus_and_minus_one_shrink_the_bound_to_nine():
    x = np.insert(2 * CORNERS - 1, 0, 1, axis=1)
    gamma = float(margin(np.float32([-1, 1, 1]), x, AND))
    assert np.isclose(float(mistake_bound(gamma, x)), 9)
    path, order = fit(x, AND, 100)
    assert len(order) == 1
    assert path[-1].tolist() == [-1, 1, 1]


def test_order_of_the_examples_changes_the_line():
    ends = set()
    for order in permutations(range(4)):
        path, corrections = fit(X[[*order]], AND[[*order]], 100)
        assert len(corrections) <= 51
        ends.add(tuple(path[-1].tolist()))
    assert len(ends) > 1


def test_the_line_found_has_not_the_largest_margin():
    w = fit(X, AND, 100)[0][-1]
    assert 0 < float(margin(w, X, AND)) < 0.8 * 17**-0.5


def test_a_correction_can_cost_more_than_it_gains():
    path, _ = fit(X, AND, 100)
    score = [right(w, X, AND) for w in path]
    assert any(after < before for before, after
               in zip(score, score[1:], strict=False))


def test_a_stored_pattern_is_a_fixed_point_and_so_is_its_negative():
    xi = np.random.default_rng(0).choice([-1.0, 1.0], (1, 20))
    W = hebb(xi.astype("float32"))
    s = np.concatenate([xi, -xi]).astype("float32")
    for i in range(20):
        assert np.array_equal(as_numpy(hopfield_update(W, s, i)), s)


def test_updating_all_units_at_once_can_go_round_for_ever():
    W = np.array([[0.0, -1.0], [-1.0, 0.0]], "float32")
    s = np.array([[1.0, 1.0]], "float32")
    both = np.sign(s @ W)
    assert both.tolist() == [[-1, -1]]
    assert np.sign(both @ W).tolist() == s.tolist()
    one = as_numpy(hopfield_update(W, s, 0))
    assert one.tolist() == [[-1, 1]]
    assert as_numpy(hopfield_update(W, one, 1)).tolist() == one.tolist()


# claim
def test_perceptron_stops_within_the_bound_and_xor_never_stops(example):
    run = example("basics/perceptron")
    made = {name: len(path) - 1 for name, path in run["paths"].items()}
    assert made["AND"] <= 0.5 * run["bound"]["AND"]
    assert made["OR"] <= 0.5 * run["bound"]["OR"]
    assert right(run["paths"]["AND"][-1], X, AND) == 4
    assert right(run["paths"]["OR"][-1], X, OR) == 4
    assert made["XOR"] == 100


def test_random_sets_stay_below_the_bound_and_a_flipped_label_does_not(
        example):
    run = example("basics/perceptron")
    pairs = zip(run["clean"], run["bounds"], strict=True)
    assert all(made < 0.5 * bound for made, bound in pairs)
    assert min(run["flipped"]) == 300 > max(run["bounds"])


def test_fourteen_of_sixteen_functions_and_three_quarters_of_xor(example):
    run = example("basics/perceptron")
    assert sum(run["learned"].values()) == 14
    for y, share in run["right"].items():
        assert share == (0.75 if np.prod(y) > 0 and y[0] == y[3] != y[1]
                         else 1)
        assert run["learned"][y] == (share == 1)


def test_hopfield_recalls_few_patterns_but_not_many(example):
    run = example("basics/perceptron")
    assert run["recalled"][5] >= 0.9 * 25
    assert run["recalled"][40] <= 0.1 * 200
    assert run["rises"] == 0


def test_both_inequalities_of_the_proof_hold_after_every_correction():
    sets = [(X, AND, np.array([-3, 2, 2]) / 17**0.5)]
    sets += [random_set(seed) for seed in range(5)]
    for x, y, u in sets:
        path, order = fit(x, y, 400)
        t = np.arange(len(path))
        gamma = (x @ u * y).min()
        R = np.linalg.norm(x, axis=1).max()
        assert (path @ u >= t * gamma - 1e-4).all()
        assert (np.linalg.norm(path, axis=1) <= R * t**0.5 + 1e-4).all()
        assert len(order) <= (R / gamma) ** 2


def test_xor_margins_sum_to_zero_for_all_weights():
    w = np.random.default_rng(0).normal(size=(1000, 3))
    m = w @ X.T * XOR
    assert np.allclose(m.sum(axis=1), 0)
    assert (m.min(axis=1) <= 0).all()
    assert not (X * XOR[:, None]).sum(axis=0).any()


def test_xor_walks_the_same_circle_of_four_corrections():
    path, order = fit(X, XOR, 400)
    assert order == [0, 1, 2, 3] * 100
    circle = [[0, 0, 0], [-1, 0, 0], [0, 0, 1], [1, 1, 1]]
    assert path.tolist() == circle * 100 + [circle[0]]


def test_a_perceptron_learns_the_carry_of_one_plus_one_but_not_the_sum():
    one_bit_sums = [a + b for a, b in product((0, 1), repeat=2)]
    carry = np.array([n // 2 for n in one_bit_sums]) * 2 - 1
    digit = np.array([n % 2 for n in one_bit_sums]) * 2 - 1
    assert len(fit(X, carry, 100)[1]) < 100
    assert len(fit(X, digit, 100)[1]) == 100


def test_two_units_and_a_third_compute_xor():
    w_or, w_and = np.float32([-1, 2, 2]), np.float32([-3, 2, 2])
    hidden = np.stack([as_numpy(predict(w, X)) for w in (w_or, w_and)], axis=1)
    w_out = np.float32([-1, 1, -1])  # OR and not AND
    assert as_numpy(predict(w_out, with_one(hidden))).tolist() == XOR.tolist()


def test_three_inputs_allow_104_of_256_functions():
    x = np.insert(np.array([*product((-1, 1), repeat=3)]), 0, 1, axis=1)
    stops, circles = 0, 0
    for y in product((-1,), *[(-1, 1)] * 7):  # the other half: -y, path -w
        path, order = fit(x, np.array(y), 60)
        if len(order) < 60:
            stops += 1
        else:
            states = [*zip(map(tuple, path[1:]), order, strict=True)]
            circles += len(set(states)) < len(states)
    assert (2 * stops, 2 * circles) == (104, 152)


# error
@pytest.mark.parametrize(("x", "y", "limit", "message"), [
    (X, AND[:3], 9, r"shapes \(B, I\) and \(B,\).*\(4, 3\) and \(3,\)"),
    (X[0], AND[0], 9, r"got \(3,\) and \(\)"),
    (X[:0], AND[:0], 9, r"not empty, got \(0, 3\)"),
    (X * np.nan, AND, 9, "x must be finite, got NaN or infinity"),
    (X, [0, 0, 0, 1], 9, r"labels must be \+1 or -1, got \[0. 1.\]"),
    (X, AND, 0, "limit must be at least 1, got 0"),
])
def test_fit_refuses_bad_data(x, y, limit, message):
    with pytest.raises(ValueError, match=message):
        fit(x, np.array(y, "float32"), limit)


def test_a_unit_without_inputs_is_refused():
    with pytest.raises(ValueError, match="units_in must be at least 1, got 0"):
        Perceptron(0)
