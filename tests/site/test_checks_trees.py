"""The checker of the five trees, seen to fail."""

import pytest

from sitekit.checks.trees import check_trees
from tests.site.small_tree import assert_seen, replace, write

ZH = "docs/zh/layers/scale.md"
EN = "docs/en/layers/scale.md"

BREAKAGES = {
    "module without page in Chinese": (
        ZH, "", None, "missing; docs/en/layers/scale.md exists"),
    "concept without English page": (
        EN, "", None, "missing; docs/zh/layers/scale.md exists"),
    "concept without module": (
        "dlguide/layers/scale.py", "", None, "missing; docs/zh"),
    "concept without example": (
        "examples/layers/scale.py", "", None, "missing; docs/zh"),
    "concept without test": (
        "tests/layers/test_scale.py", "", None, "missing; docs/zh"),
    "page alone": (
        "docs/en/vision/cnn.md", None, "# CNN\n",
        "docs/zh/vision/cnn.md|missing; docs/en/vision/cnn.md exists"),
    "module alone": (
        "dlguide/text/gpt.py", None, "",
        "tests/text/test_gpt.py|missing; dlguide/text/gpt.py exists"),
    "example alone": (
        "examples/text/gpt.py", None, "",
        "dlguide/text/gpt.py|missing; examples/text/gpt.py exists"),
    "test alone": (
        "tests/text/test_gpt.py", None, "",
        "examples/text/gpt.py|missing; tests/text/test_gpt.py exists"),
    "unknown chapter": (
        "dlguide/models/gpt.py", None, "", "expected <chapter>/<stem>"),
    "page too deep": (
        "docs/zh/layers/more/scale.md", None, "", "expected <chapter>/<stem>"),
    "prose page in one language": (
        "docs/en/about/outlook.md", None, "",
        "docs/zh/about/outlook.md|missing"),
    "page not in the navigation": (
        "mkdocs.yml", "layers/scale.md", "api/scale.md",
        "nav lacks layers/scale.md"),
    "page not in the English navigation": (
        "mkdocs.en.yml", "INHERIT: mkdocs.yml", "nav: [about/history.md]",
        "nav lacks layers/scale.md"),
    "navigation names no page": (
        "mkdocs.yml", "about/history.md", "about/past.md",
        "nav names about/past.md"),
    "navigation names a page twice": (
        "mkdocs.yml", "api/layers.md", "layers/scale.md",
        "nav names twice: layers/scale.md"),
    "navigation is no YAML": (
        "mkdocs.yml", "nav:", "nav: [", "not valid YAML"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_breakage_is_seen(name, tmp_path):
    assert_seen(check_trees, tmp_path, BREAKAGES[name])


def test_without_mkdocs_yml_the_navigation_is_skipped(tmp_path):
    root = write(tmp_path)
    (root / "mkdocs.yml").unlink()
    (root / "mkdocs.en.yml").unlink()
    assert check_trees(root) == []


def test_a_page_of_about_with_a_module_is_a_concept(tmp_path):
    root = write(tmp_path)
    assert check_trees(root) == []  # about/history is prose
    replace(root, "dlguide/about/history.py", None, "")
    missing = {p.partition(":")[0] for p in check_trees(root)}
    assert missing == {"examples/about/history.py",
                       "tests/about/test_history.py"}


@pytest.mark.parametrize("part", [
    "dlguide/about/outlook.py", "examples/about/outlook.py",
    "tests/about/test_outlook.py"])
def test_a_part_of_about_without_pages_is_seen(part, tmp_path):
    root = write(tmp_path)
    replace(root, part, None, "")
    missing = {p.partition(":")[0] for p in check_trees(root)}
    assert {"docs/zh/about/outlook.md", "docs/en/about/outlook.md"} <= missing
