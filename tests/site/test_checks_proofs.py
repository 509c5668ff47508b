"""The checker of tests, seen to fail."""

import pytest

from sitekit.checks.proofs import check_proofs
from tests.site.small_tree import assert_seen, replace, write

TEST = "tests/layers/test_scale.py"

BREAKAGES = {
    "test without assertion": (
        TEST, "    assert scale([5], 1) == 5", "    scale([5], 1)",
        "test_factor_one_changes_nothing asserts nothing"),
    "helper without assertion": (
        TEST, "    assert scale([1], a) -", "    return scale([1], a) -",
        "test_slope_is_the_factor asserts nothing"),
    "test of data without assertion": (
        "tests/data/test_dots.py", "assert", "return", "asserts nothing"),
    "no oracle": (TEST, "# oracle", "#", "no tests of the kind 'oracle'"),
    "no gradient": (TEST, "# gradient", "# slopes", "of the kind 'gradient'"),
    "no limit": (TEST, "# limit\n", "", "no tests of the kind 'limit'"),
    "no claim": (TEST, "# claim\n", "", "no tests of the kind 'claim'"),
    "no error": (TEST, "# error\n", "", "no tests of the kind 'error'"),
    "marker above nothing": (
        TEST, "# claim", "# claim\n\n\n# claim", "no test below '# claim'"),
    "claim without its run": (
        TEST, "output(example)", "output()", "takes the fixture 'example'"),
    "test above the first marker": (
        TEST, "# oracle", "def test_a():\n    assert 1\n\n\n# oracle",
        "test_a stands above"),
    "reason left out": (
        TEST, "layer.\"\"\"", "layer.\n\nNo gradient:\n\"\"\"\n\n# limit",
        "no test below '# limit'"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_breakage_is_seen(name, tmp_path):
    assert_seen(check_proofs, tmp_path, BREAKAGES[name])


def test_a_reason_excuses_from_the_gradient(tmp_path):
    root = write(tmp_path)
    replace(root, TEST, "# gradient", "# oracle")
    assert any("gradient" in p for p in check_proofs(root))
    replace(root, TEST, "layer.", "layer.\n\nNo gradient: it is a sum.\n")
    assert check_proofs(root) == []
