"""Tests of dlguide.about.reproducibility: sums, neighbors, twin runs.

No gradient: nothing here is differentiated; rounding has no derivative.
"""

import json
import math
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from dlguide.about.reproducibility import (
    growth_rate,
    kahan_sum,
    nudge,
    pairwise_sum,
    running_sum,
    separation,
    ulp_distance,
)

SUMS = (running_sum, pairwise_sum, kahan_sum)
U = 2.0**-24  # half the gap between 1 and the next float32


def uniform(seed, *shape):
    return np.random.default_rng(seed).random(shape, dtype="float32")


def relative(add, x):
    """Error of a sum, relative to the sum of the absolute values."""
    exact = sum(map(Fraction, x.tolist()))
    size = sum(abs(Fraction(v)) for v in x.tolist())
    return float(abs(Fraction(float(add(x))) - exact) / size)


# oracle


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_running_sum_equals_the_cumulative_sum_bit_for_bit(dtype):
    x = np.random.default_rng(0).normal(size=500).astype(dtype)
    assert running_sum(x) == np.cumsum(x, dtype=dtype)[-1]
    assert running_sum(x).dtype == dtype


def test_pairwise_sum_equals_a_recursion_bit_for_bit():
    def halves(x):  # 512 terms: neighbors and halves make the same tree
        middle = len(x) // 2
        return x[0] if len(x) == 1 else halves(x[:middle]) + halves(x[middle:])

    x = uniform(0, 512)
    assert pairwise_sum(x) == halves(x)


@pytest.mark.parametrize("seed", range(5))
def test_kahan_sum_of_many_numbers_equals_the_exact_sum_rounded_once(seed):
    x = uniform(seed, 20_000)
    assert kahan_sum(x) == np.float32(math.fsum(x))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("N", [2, 7, 100, 3000])
def test_errors_obey_the_bounds(N, seed):
    x = np.random.default_rng(seed).normal(size=N).astype("float32")
    levels = math.ceil(math.log2(N))
    assert relative(running_sum, x) <= (N - 1) * U / (1 - (N - 1) * U)
    assert relative(pairwise_sum, x) <= levels * U / (1 - levels * U)
    assert relative(kahan_sum, x) <= 2.01 * U


def test_bounds_in_a_narrow_format_are_not_kept_by_the_wrong_sum():
    x = np.full(3000, 1, "float16")  # 2048 + 1 is rounded back to 2048
    u = 2.0**-11
    assert running_sum(x) == 2048
    assert relative(running_sum, x) > 12 * u  # 12 levels of pairs
    assert pairwise_sum(x) == kahan_sum(x) == 3000


def test_distance_counts_the_steps_of_nextafter():
    v = np.float32([1.0, -1.0, 1e-45, -3e38, 0.0])
    w = v.copy()
    for steps in range(4):
        assert np.all(ulp_distance(v, w) == steps)
        w = np.nextafter(w, np.float32(np.inf))


def test_columns_are_summed_one_by_one():
    x = uniform(1, 300, 4)
    for add in SUMS:
        assert np.array_equal(add(x), [add(x[:, k]) for k in range(4)])


def test_separation_and_growth_by_hand():
    run = np.array([[3.0, 4.0], [3.0, 4.0]])
    twin = run + [[0.005, 0.0], [0.0, 0.5]]
    D = separation(run, twin)
    assert np.allclose(D, [0.001, 0.1])
    assert growth_rate(D, 10) == pytest.approx(math.log(100) / 10)


def test_on_a_bowl_and_on_a_ridge_distances_shrink_and_grow_as_derived():
    eta, n = 0.1, 50
    for h in (3.0, -0.5):  # curvature
        w = np.array([[1.0], [1.0 + 1e-6]])
        D = [1e-6]
        for _ in range(n):
            w = w - eta * h * w
            D.append(abs(w[1, 0] - w[0, 0]))
        expected = math.log(abs(1 - eta * h))
        assert growth_rate(D, n) == pytest.approx(expected, rel=1e-6)


# limit


def test_one_term_is_its_own_sum():
    for add in SUMS:
        assert add(np.float32([0.1])) == np.float32(0.1)


def test_whole_numbers_add_up_exactly_in_every_order():
    x = np.random.default_rng(0).integers(-99, 99, 1000).astype("float32")
    for add in SUMS:
        assert add(x) == add(x[::-1]) == add(np.sort(x)) == x.sum()


def test_addition_of_three_numbers_is_not_associative():
    x = np.array([0.1, 0.2, 0.3])
    assert (x[0] + x[1]) + x[2] != x[0] + (x[1] + x[2])
    assert x[0] + x[1] == x[1] + x[0]  # but it is commutative
    assert running_sum(x) != running_sum(x[::-1])


def test_a_small_term_between_two_large_ones_is_lost_by_kahan_too():
    x = np.float32([1.0, 1e10, 1.0, -1e10])
    assert running_sum(x) == pairwise_sum(x) == kahan_sum(x) == 0
    assert math.fsum(x) == 2


def test_float64_is_not_exact_either_but_far_finer():
    x = np.random.default_rng(0).normal(size=10_000)
    narrow = relative(running_sum, x.astype("float32"))
    assert 0 < relative(running_sum, x) < 1e-6 * narrow


def test_the_two_zeros_are_no_step_apart():
    assert ulp_distance(0.0, -0.0) == 0
    assert ulp_distance(np.float32(1e-45), np.float32(-1e-45)) == 2


def test_a_nudge_moves_one_weight_by_its_last_bit():
    w = uniform(2, 3, 4) - 0.5
    moved = nudge(w, (1, 2))
    assert ulp_distance(w, moved).sum() == 1
    assert abs(moved[1, 2]) > abs(w[1, 2])
    assert ulp_distance(w, nudge(w, (1, 2), 5))[1, 2] == 5


def test_weights_of_another_format_are_nudged_as_float32():
    for w in ([0.5, -0.1], np.array([0.5, -0.1])):
        moved = nudge(w, 1)
        assert moved.dtype == "float32"
        assert ulp_distance(w, moved).tolist() == [0, 1]
        assert moved[1] < np.float32(-0.1)


def test_runs_in_float32_are_compared_in_float64():
    run = np.float32([[1e30, 0]])  # its square is no float32
    assert separation(run, 2 * run) == 1
    assert separation(run, 2 * run).dtype == "float64"


def test_only_the_ends_of_a_run_decide_its_growth():
    assert growth_rate([1.0, 0.0, math.e], 2) == pytest.approx(0.5)
    assert growth_rate([1.0, math.e], 1) == pytest.approx(1)


# claim


def test_most_orders_of_the_running_sum_give_a_result_of_their_own(example):
    run = example("about/reproducibility")
    running, pairwise, kahan = run["different"]
    assert run["relative"].shape == (3, 5, 5, 100)
    assert running.min() > 50
    assert pairwise.max() < 10
    assert kahan.max() == 1
    assert run["off"][0].min() > 10 * run["off"][1].max()


def test_the_running_sum_gets_worse_with_length_and_pairs_do_not(example):
    run = example("about/reproducibility")
    rms = np.sqrt(np.mean(run["relative"] ** 2, axis=(1, 3)))  # (3, lengths)
    assert rms[0, -1] > 10 * rms[0, 0]
    assert rms[1:].max() < 3 * U
    assert np.all(run["relative"][0].max(axis=(0, 2)) < np.array(run["N"]) * U)


def test_the_sum_of_the_library_is_closer_than_the_running_sum(example):
    run = example("about/reproducibility")
    assert np.all(3 * run["library"] < run["off"][0])


def test_a_seed_fixes_every_bit_within_one_process(example):
    run = example("about/reproducibility")
    assert np.array_equal(run["again"], run["first"])
    assert np.mean(run["other"] != run["first"]) > 0.99


def test_the_last_bit_of_one_weight_changes_the_network(example):
    run = example("about/reproducibility")
    high, low = run["high"], run["low"]
    assert high.shape == low.shape == (5, 26)
    assert high[:, 0].max() < 1e-8
    assert np.all(high[:, -1] > 1e6 * high[:, 0])
    assert high[:, -1].min() > 0.1
    assert np.median(low[:, -1]) < 1e-5


def test_runs_that_drift_apart_score_alike(example):
    score = example("about/reproducibility")["score"]
    assert score.shape == (5, 2)
    assert score.min() > 0.8
    assert abs(score[:, 0].mean() - score[:, 1].mean()) < 0.05


def test_the_same_seed_gives_other_numbers_on_another_backend():
    code = ("import keras; print(keras.ops.convert_to_numpy("
            "keras.random.uniform((3,), seed=0)).tolist())")
    drawn = {}
    for backend in ("tensorflow", "jax"):
        environment = os.environ | {"KERAS_BACKEND": backend}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, check=True,
            capture_output=True, text=True)
        drawn[backend] = np.array(json.loads(done.stdout.splitlines()[-1]))
    assert np.all((drawn["jax"] >= 0) & (drawn["jax"] < 1))
    assert np.all(drawn["tensorflow"] != drawn["jax"])


# error


@pytest.mark.parametrize("add", SUMS)
@pytest.mark.parametrize(("x", "message"), [
    (np.float32([]), "at least 1 term"),
    (np.float32(1), "at least 1 term"),
    (np.arange(3), "floating-point terms, got int64"),
])
def test_a_sum_of_nothing_or_of_integers_says_what_came(add, x, message):
    with pytest.raises(ValueError, match=message):
        add(x)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: ulp_distance([1.0], 1.0), "shapes differ"),
    (lambda: ulp_distance(np.nan, 1.0), "got a NaN"),
    (lambda: nudge([0.0, 1.0], 0), "other than 0"),
    (lambda: nudge([0.0, 1.0], 1, 0), "at least 1 step"),
    (lambda: separation(np.ones((2, 3)), np.ones((2, 4))), "two arrays"),
    (lambda: growth_rate([0.0, 1.0], 5), "distances above 0"),
    (lambda: growth_rate([1.0, 2.0, 0.0], 5),
     "distances above 0 and at least 1 step, got 1.0, 0.0 and 5"),
    (lambda: growth_rate([1.0, 2.0], 0), "at least 1"),
])
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
