"""The mixtures: moments, densities that integrate to 1, modes counted."""

import numpy as np
import pytest

from dlguide.data.mixtures import (
    CENTERS,
    covered,
    densities,
    ring,
    two_gaussians,
)

# oracle


def test_densities_integrate_to_1_and_have_the_moments_of_the_samples():
    grid = np.linspace(-9, 9, 18001)
    x, y = two_gaussians(200_000, seed=0)
    for density, label, mean, std in zip(
        densities(grid), (1, 0), (-1, 1), (1, 0.5), strict=True
    ):
        assert density.sum() * 0.001 == pytest.approx(1, abs=1e-9)
        assert (grid * density).sum() * 0.001 == pytest.approx(mean, abs=1e-9)
        own = x[y == label]
        assert own.mean() == pytest.approx(mean, abs=0.02)
        assert own.std() == pytest.approx(std, abs=0.02)


# limit


def test_equal_seeds_draw_equal_points_and_others_do_not():
    for draw in (lambda seed: ring(9, seed),
                 lambda seed: two_gaussians(9, seed)[0],
                 lambda seed: two_gaussians(99, seed)[1]):
        np.testing.assert_array_equal(draw(3), draw(3))
        assert (draw(3) != draw(4)).any()
        assert draw(3).dtype == "float32"
    assert [a.shape for a in two_gaussians(9, 3)] == [(9, 1), (9, 1)]


def test_only_modes_with_a_fifth_of_their_share_are_covered():
    at = np.repeat(CENTERS, [805, 25, 24, 50, 96, 0, 0, 0], axis=0)
    assert len(at) == 1000
    assert covered(at) == 4  # 805, 25, 50 and 96 of 1000
    assert covered(at + [0.29, 0]) == 4  # 3 standard deviations are 0.3
    assert covered(at + [0.31, 0]) == 0


def test_fresh_points_cover_the_whole_ring():
    points = ring(1000, seed=1)
    assert points.shape == (1000, 2)
    assert covered(points) == 8
    radius = np.linalg.norm(points, axis=1)
    assert radius.mean() == pytest.approx(1, abs=0.02)


def test_two_gaussians_have_two_labels():
    _, y = two_gaussians(300, 0)
    assert set(y.ravel()) == {0.0, 1.0}
