"""The checker of the article's corrections, seen to fail."""

import pytest

from sitekit.checks.corrections import check_corrections, plain, quotes
from tests.site.small_tree import assert_seen, replace, write

FILE = "docs/corrections.yml"
EN = "docs/en/layers/scale.md"

BREAKAGES = {
    "error without a page": (
        FILE, "page: layers/scale", "page: layers/add",
        "there is no docs/zh/layers/add.md"),
    "error of no topic": (
        FILE, "page: layers/scale, ", "", "there is no docs/zh/None.md"),
    "error that its page does not correct": (
        FILE, "一个层做加法", "一个层做减法",
        "no !!! failure box in #pitfalls of docs/zh/layers/scale.md quotes "
        "the article: 一个层做减法"),
    "page that lost its box in one language": (
        EN, "!!! failure", "!!! note", FILE + "|of docs/en/layers/scale.md"),
    "page that lost its quote in one language": (
        EN, "> 层做加法。", "The layer adds.",
        FILE + "|of docs/en/layers/scale.md"),
    "quote outside the box": (
        EN, "    > 层做加法。", "    It adds.\n\n> 层做加法。",
        FILE + "|of docs/en/layers/scale.md"),
    "quote too short to be one": (
        EN, "> 层做加法。", "> 加法", FILE + "|of docs/en/layers/scale.md"),
    "no YAML": (FILE, "text:", "text: [", "not valid YAML"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_breakage_is_seen(name, tmp_path):
    assert_seen(check_corrections, tmp_path, BREAKAGES[name])


def test_ellipsis_and_code_span_are_quotes(tmp_path):
    root = write(tmp_path)
    new = "> 一个层……做加法\n\n    Also `pip install`."
    replace(root, EN, "> 层做加法。", new)
    assert quotes(root, EN) == ["pipinstall", "一个层", "做加法"]


def test_punctuation_and_spaces_do_not_count():
    assert plain("“门机制”，来 控制。") == "门机制来控制"
