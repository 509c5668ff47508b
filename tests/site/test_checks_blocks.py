"""The checker of the nine blocks, seen to fail."""

import pytest

from sitekit.checks.blocks import check_blocks
from tests.site.small_tree import FILES, assert_seen, replace, write

ZH = "docs/zh/layers/scale.md"
EN = "docs/en/layers/scale.md"
EN_OPENING = "A layer with one number, after [@smith1990scale, sec. 2].\n"
EN_MIDDLE = FILES[EN][FILES[EN].index("## Code"):FILES[EN].index("## Pitf")]

BREAKAGES = {
    "no description": (
        EN, "description:", "about:", "no description"),
    "no front matter": (ZH, "---\n", "", "no description"),
    "prose page without description": (
        "docs/en/about/history.md", "description:", "about:",
        "no description"),
    "block without id": (
        EN, "## Idea { #idea }", "## Idea", "'Idea' has no { #id }"),
    "inner heading without id": (
        EN, "{ #slope }", "", "'The slope' has no { #id }"),
    "an id twice": (EN, "{ #slope }", "{ #idea }", "'idea' is already"),
    "blocks in another order": (
        ZH, "#summary", "#closing", "expected guess, idea, equations"),
    "block missing": (
        EN, "## Guess { #guess }", "", "blocks are idea, equations"),
    "two titles": (EN, "What is", "# Again\n\nWhat is", "2 titles"),
    "no title": (EN, "# Scale", "Scale", "0 titles"),
    "no paragraph after the title": (
        EN, EN_OPENING, "", "no paragraph after the title"),
    "page too short": (EN, EN_MIDDLE, "", "lines; expected 80 to 250"),
    "page too long": (
        EN, "## Guess", "more\n" * 200 + "## Guess", "296 lines"),
    "table without a blank line before it": (
        EN, "## Guess", "Text.\n| a |\n|---|\n| 1 |\n\n## Guess",
        "table without a blank line before it"),
    "alt text without a finding": (
        EN, "alt: The line", "alt: Figure of the line", "states no finding"),
    "alt text too short": (
        ZH, "alt: 输入翻倍，输出也翻倍。", "alt: 一条线", "states no finding"),
    "alt text that says 图": (
        ZH, "alt: 输入翻倍", "alt: 图中输入翻倍", "states no finding"),
    "no alt text": (EN, "alt: The line", "no: The line", "without alt"),
    "no caption": (EN, "caption: Three", "no: Three", "without caption"),
    "interactive figure without alt": (
        EN, "alt: The line turns", "no: The line turns", "without alt"),
    "interactive figure without caption": (
        ZH, "caption: 可以调的", "no: 可以调的", "without caption"),
    "interactive alt without a finding": (
        EN, "alt: The line turns", "alt: Plot of a line", "states no finding"),
    "no failure box": (EN, "!!! failure", "!!! note", "no !!! failure box"),
    "two exercises": (
        ZH, """??? success "解答\"""", """??? note "解答\"""",
        "2 folded solutions"),
    "solution that is not folded": (
        EN, "??? success", "!!! success", "2 folded solutions"),
    "exercise without solution": (
        EN, "3. Compute", "3. Compute.\n4. Compute", "0 folded solutions"),
    "two works": (EN, "[@wu2010sum]", "", "2 works cited"),
    "no references fence": (
        EN, "``` references", "``` text", "no references fence"),
    "no quote": (EN, "``` quote", "``` text", "no quote fence"),
    "no result": (EN, "``` result", "``` text", "no result fence"),
    "no run": (ZH, "``` run", "``` text", "no run fence"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_breakage_is_seen(name, tmp_path):
    assert_seen(check_blocks, tmp_path, BREAKAGES[name])


def test_page_without_figures_is_seen(tmp_path):
    root = write(tmp_path)
    for _ in range(2):
        replace(root, EN, "``` figure", "``` text")
    assert any("no figure" in p for p in check_blocks(root))


def concept_of_about(root):
    """Give the small project the same concept in `about/`, as another page."""
    for file in (ZH, EN):
        text = (root / file).read_text("utf-8").replace("layers/", "about/")
        replace(root, file.replace("layers/scale", "about/outlook"), None,
                text)
    return root


def test_a_page_of_about_needs_the_blocks_once_it_has_a_module(tmp_path):
    root = concept_of_about(write(tmp_path))
    page = "docs/en/about/outlook.md"
    replace(root, page, "## Guess { #guess }", "## Guess { #riddle }")
    assert check_blocks(root) == []  # prose: any blocks
    replace(root, "dlguide/about/outlook.py", None, "")
    assert any(p.startswith(page) and "expected guess, idea" in p
               for p in check_blocks(root))


def test_a_concept_of_about_may_have_more_blocks_than_the_nine(tmp_path):
    root = concept_of_about(write(tmp_path))
    replace(root, "dlguide/about/outlook.py", None, "")
    more = "## Statements { #statements }\n\nSome.\n\n## Pitfalls"
    replace(root, "docs/en/about/outlook.md", "## Pitfalls", more)
    assert check_blocks(root) == []
    replace(root, EN, "## Pitfalls", more)
    assert any(p.startswith(EN) and "statements" in p
               for p in check_blocks(root))
