"""The checker of code typed into pages, seen to fail."""

import pytest

from sitekit.checks.fences import check_fences
from tests.site.small_tree import assert_seen, replace, write

ZH = "docs/zh/layers/scale.md"
EN = "docs/en/layers/scale.md"

BREAKAGES = {
    "python fence": (EN, "``` sh", "``` python", "a fence of kind 'python'"),
    "py fence": (ZH, "``` sh", "```py", "a fence of kind 'py'"),
    "fence with a class": (
        EN, "``` sh", "``` { .python .wide }", "a fence of kind"),
    "tilde fence": (
        EN, "``` sh\npython examples/layers/scale.py\n```",
        "~~~python\nx\n~~~", "a fence of kind 'python'"),
    "fence without a kind": (EN, "``` sh", "```", "a fence of kind ''"),
    "python fence in a box": (
        EN, "    It does not", "    ```python\n    x\n    ```\n    It does not",
        "a fence of kind 'python'"),
    "python in a text fence": (
        EN, "``` sh\npython examples", "``` text\nimport keras\npython",
        "Python typed into a page"),
    "definition in a text fence": (
        EN, "``` sh\npython examples", "``` text\ndef f(x):\n", "Python typed"),
    "console session in a shell fence": (
        EN, "``` sh\n", "``` sh\n>>> 1 + 1\n", "Python typed into a page"),
    "console session in the text": (
        EN, "All 1,500", ">>> 1 + 1\n\nAll 1,500", "a console session"),
    "indented code block": (
        EN, "All 1,500", "Code:\n\n    x = 1\n\nAll 1,500", "an indented code"),
    "indented code block in a box": (
        EN, "    It does not", "    So:\n\n        x = 1\n\n    It does not",
        "an indented code block"),
    "raw pre": (EN, "All 1,500", "<pre>x = 1</pre> All 1,500", "raw HTML"),
    "raw code": (
        ZH, "全部", "<code class=\"python\">x</code> 全部", "raw HTML"),
    "highlighted inline code": (
        EN, "All 1,500", "`#!python x = 1` All 1,500", "highlighted code"),
    "unknown fence on a prose page": (
        "docs/zh/about/history.md", "bibliography", "mermaid", "'mermaid'"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_breakage_is_seen(name, tmp_path):
    assert_seen(check_fences, tmp_path, BREAKAGES[name])


@pytest.mark.parametrize("text", [
    "``` text\nValueError: units must be at least 1, got -1\n```",
    "``` text\nfrom keras import x\nImportError: cannot import name\n```",
    "- item\n\n    second paragraph of the item",
    "`import keras` in a sentence",
    "a term\n\n:   its meaning",
])
def test_what_is_allowed_is_not_seen(text, tmp_path):
    root = write(tmp_path)
    replace(root, EN, "All 1,500", f"{text}\n\nAll 1,500")
    assert check_fences(root) == []
