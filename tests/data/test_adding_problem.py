"""Tests of dlguide.data.adding_problem."""

import numpy as np
import pytest

from dlguide.data.adding_problem import VARIANCE, adding_problem, probes


def test_the_answer_is_the_sum_of_the_marked_numbers():
    x, y = adding_problem(n=200, length=60, seed=0)
    for sequence, answer in zip(x, y, strict=True):
        marked = [number for number, mark in sequence if mark == 1]
        assert answer[0] == pytest.approx(sum(marked), abs=1e-6)


def test_each_half_has_one_mark():
    marks = adding_problem(n=500, length=61, seed=1)[0][..., 1]
    assert set(np.unique(marks)) == {0, 1}
    np.testing.assert_array_equal(marks[:, :30].sum(axis=1), 1)
    np.testing.assert_array_equal(marks[:, 30:].sum(axis=1), 1)


def test_every_step_can_be_marked():
    marks = adding_problem(n=2000, length=20, seed=2)[0][..., 1]
    assert marks.any(axis=0).all()


def test_best_constant_answer_has_the_error_derived():
    y = adding_problem(n=100_000, length=10, seed=3)[1]
    assert np.mean(y) == pytest.approx(1, abs=0.01)
    assert np.mean((y - 1) ** 2) == pytest.approx(VARIANCE, rel=0.02)


def test_numbers_are_float32_in_the_unit_interval():
    x, y = adding_problem(n=100, length=30, seed=4)
    assert x.dtype == y.dtype == np.float32
    assert x.min() >= 0
    assert x.max() <= 1


def test_equal_seeds_give_equal_sequences_and_others_do_not():
    first, again = (adding_problem(8, 60, seed=5)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (adding_problem(8, 60, seed=6)[0] != first).any()


def test_two_steps_are_both_marked():
    x, y = adding_problem(n=50, length=2, seed=7)
    np.testing.assert_array_equal(x[..., 1], 1)
    np.testing.assert_allclose(y[:, 0], x[..., 0].sum(axis=1), rtol=1e-6)


@pytest.mark.parametrize(
    ("n", "length", "message"),
    [
        (0, 60, "n must be at least 1, got 0"),
        (8, 1, "length must be at least 2, got 1"),
    ],
)
def test_impossible_sizes_are_refused(n, length, message):
    with pytest.raises(ValueError, match=message):
        adding_problem(n, length, seed=0)


def test_probes_differ_in_one_marked_number_k_steps_before_the_end():
    low, high = probes(length=20, seed=8)
    for k in range(20):
        assert low[k, 19 - k].tolist() == [0, 1]
        assert high[k, 19 - k].tolist() == [1, 1]
    assert np.count_nonzero(high - low) == 20


def test_the_shortest_probes_have_two_marks():
    low, high = probes(length=2, seed=8)
    np.testing.assert_array_equal(low[..., 1], 1)
    np.testing.assert_array_equal((high - low)[..., 0], [[0, 1], [1, 0]])


def test_probes_are_sequences_of_the_problem():
    low, high = probes(length=20, seed=8)
    x, same = adding_problem(20, 20, seed=8)[0], low[..., 0] == high[..., 0]
    np.testing.assert_array_equal(low[same][:, 0], x[same][:, 0])
    np.testing.assert_array_equal(low[..., 1], high[..., 1])
    np.testing.assert_array_equal(low[:, :10, 1].sum(axis=1), 1)
    np.testing.assert_array_equal(low[:, 10:, 1].sum(axis=1), 1)


@pytest.mark.parametrize("length", [0, 7])
def test_probes_of_an_impossible_length_are_refused(length):
    message = f"length must be even, at least 2, got {length}"
    with pytest.raises(ValueError, match=message):
        probes(length, seed=0)


def test_one_sequence_is_enough():
    x, y = adding_problem(1, 8, 0)
    assert (x.shape, y.shape) == ((1, 8, 2), (1, 1))
