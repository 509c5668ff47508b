"""The checker of equation tags, seen to fail."""

import pytest

from sitekit.checks.tags import check_tags
from tests.site.small_tree import assert_seen, replace, write

ZH = "docs/zh/layers/scale.md"
EN = "docs/en/layers/scale.md"
MODULE = "dlguide/layers/scale.py"

BREAKAGES = {
    "module lacks the tag": (
        MODULE, "  # (scale:y)", "",
        "docs/en/layers/scale.md|'scale:y' is on no line of"),
    "page lacks the tag": (
        ZH, r" \tag{scale:y}", "", "no equation has the tag 'scale:y'"),
    "tag of another stem in the module": (
        MODULE, "# (scale:y)", "# (lstm:y)", "expected 'scale'"),
    "tag of another stem on a page": (
        EN, "tag{scale:y}", "tag{lstm:y}", "expected scale:<variable>"),
    "tag on a line that assigns another name": (
        MODULE, "y = a * np", "z = a * np", "assigns z; expected 'y'"),
    "tag on a line that assigns nothing": (
        MODULE, "return y", "return y  # (scale:y)", "assigns nothing"),
    "tag twice in the module": (
        MODULE, "    return y\n", "    y = y + 0  # (scale:y)\n    return y\n",
        "'scale:y' is already on line"),
    "tag twice on a page": (
        EN, r"\frac{dy}{dx} = a", r"y = a x \tag{scale:y}", "is already on"),
    "two tags in one display": (
        EN, r"\tag{scale:y}", r"\tag{scale:y} \tag{scale:z}", "2 tags in one"),
    "tagged line not quoted": (
        EN, "scale.py::scale", "scale.py::Scale", "no quote shows"),
    "words before the tag": (
        MODULE, "# (scale:y)", "# the scale (scale:y)", "alone or first"),
    "tag on a prose page": (
        "docs/en/about/history.md", "6 December",
        "$$\nx \\tag{scale:y}\n$$\n\n6", "on a page without a module"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_breakage_is_seen(name, tmp_path):
    assert_seen(check_tags, tmp_path, BREAKAGES[name])


def test_tags_of_a_concept_of_about_are_compared_with_its_module(tmp_path):
    root = write(tmp_path)
    page = "docs/en/about/history.md"
    replace(root, page, "6 December", "$$\nx \\tag{history:x}\n$$\n\n6")
    replace(root, "dlguide/about/history.py", None, "x = 1  # (history:x)\n")
    problems = check_tags(root)
    assert f"{page}:6: no quote shows dlguide/about/history.py:1, the line " \
        "of tag 'history:x'" in problems
    assert any("docs/zh/about/history.md" in p and "no equation has" in p
               for p in problems)


@pytest.mark.parametrize("line", [
    "y, z = x, a  # (scale:y)",
    "(z, (y, *q)) = x, a  # (scale:y)",
    "self.y = a  # (scale:y)",
    "y: float = a  # (scale:y)",
    "y += a  # (scale:y)",
    "y = (a +\n         x)  # (scale:y)",
    "y = (a +  # (scale:y)\n         x)",
])
def test_every_form_of_assignment_counts(line, tmp_path):
    root = write(tmp_path)
    replace(root, MODULE, "y = a * np.asarray(x)  # (scale:y)", line)
    assert check_tags(root) == []
