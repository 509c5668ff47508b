"""The checker of the two languages, seen to fail."""

import pytest

from sitekit.checks.twins import check_twins, formula
from tests.site.small_tree import assert_seen, replace, write

ZH = "docs/zh/layers/scale.md"
EN = "docs/en/layers/scale.md"

BREAKAGES = {
    "heading missing": (EN, "### The slope { #slope }", "", "where docs/zh"),
    "heading of another level": (EN, "### The", "## The", "## #slope where"),
    "last heading missing": (
        EN, "## References { #references }", "", "no heading where docs/zh"),
    "equation differs in a sign": (
        EN, "y = a x", "y = -a x", "#equations lacks equation 'y=a x"),
    "equation missing": (
        EN, "$$\n\\frac{dy}{dx} = a\n$$", "", "lacks equation '\\\\frac"),
    "tag differs": (EN, "tag{scale:y}", "tag{scale:z}", "lacks tag 'scale:y'"),
    "inline math differs": (
        EN, "What is $a x$", "What is $a/x$", "#guess lacks inline math 'a x'"),
    "inline math twice": (
        EN, "2 inputs?", "2 inputs? $a x$",
        "docs/zh/layers/scale.md|#guess lacks inline math 'a x'"),
    "math in a solution differs": (
        EN, "$y = 6$", "$y = 7$", "lacks inline math 'y=6'"),
    "quote differs": (
        EN, "scale.py::scale", "scale.py::Scale", "#code lacks quote"),
    "figure differs": (
        EN, "scale.svg", "scales.svg", "#idea lacks figure"),
    "interactive figure differs": (
        EN, "scale::slope", "scale::slopes",
        "#idea lacks figure 'layers/scale::slope'"),
    "interactive figure missing": (
        ZH, "``` interactive\nlayers/scale::slope", "``` text\nlayers",
        "#idea lacks figure 'layers/scale::slope'"),
    "number in its caption differs": (
        EN, "A slope to set", "A slope of 3 to set",
        "docs/zh/layers/scale.md|#idea lacks number '3'"),
    "result differs": (
        EN, "result\nexamples/layers/scale.py::line",
        "result\nexamples/layers/scale.py::other", "#run lacks result"),
    "run differs": (
        EN, "run\nexamples/layers/scale", "run\nexamples/layers/other",
        "#run lacks run"),
    "citation missing": (
        EN, "[@wu2010sum]", "", "#pitfalls lacks citation 'wu2010sum'"),
    "another place in a work": (
        EN, "sec. 2]", "sec. 3]", "opening lacks citation 'smith1990scale 2'"),
    "inline code differs": (
        ZH, "多少？", "多少？`units`",
        "docs/en/layers/scale.md|#guess lacks code 'units'"),
    "command differs": (
        EN, "python examples/layers/scale.py", "python scale.py",
        "#code lacks command 'python examples/layers/scale.py'"),
    "citation only in English": (
        EN, "for 2 inputs?", "for 2 inputs [@wu2010sum]?",
        "docs/zh/layers/scale.md|#guess lacks citation 'wu2010sum'"),
    "citation in a caption missing": (
        ZH, "，见 [@jones2001line]", "", "#idea lacks citation"),
    "link to elsewhere": (
        EN, "(#scale:y)", "(#slope)", "#summary lacks link '#scale:y'"),
    "box of another kind": (
        EN, "!!! failure", "!!! note", "lacks box '!!! failure'"),
    "a solution less": (
        EN, """??? success "Solution\"""", "Solution", "lacks box '??? suc"),
    "number differs": (EN, "1,500", "1,600", "#idea lacks number '1500'"),
    "number in a caption differs": (
        ZH, "5 个种子", "3 个种子", "#run lacks number '5'"),
    "number only in Chinese": (
        ZH, "多少？", "多少？共 9 个。",
        "docs/en/layers/scale.md|#guess lacks number '9'"),
    "date differs on a prose page": (
        "docs/en/about/history.md", "6 December", "6 November",
        "the opening lacks number '12'"),
    "number in the description differs": (
        EN, "description: What", "description: 3 What", "description has"),
    "shell command missing": (
        EN, "``` sh", "``` text", "#code lacks fence 'sh'"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_breakage_is_seen(name, tmp_path):
    assert_seen(check_twins, tmp_path, BREAKAGES[name])


def test_order_of_figures_is_compared(tmp_path):
    root = write(tmp_path)
    for file in (EN, ZH):
        words = "for 2 inputs?" if file == EN else "是多少？"
        pair = [f"``` figure\ndocs/figures/{x}.svg\nalt: x\n```\n"
                for x in "ab"]
        replace(root, file, words, words + "\n\n" + "".join(
            pair if file == EN else pair[::-1]))
    assert any("figures in another order" in p for p in check_twins(root))


@pytest.mark.parametrize(("zh", "en"), [
    (r"x = 1 \text{若} y", r"x = 1 \text{ if } y"),
    (r"x = 1，", "x = 1,"),
    (r"x=1", "x = 1 ."),
    (r"\odot c", r"\odot  c"),
    (r"h_{t-1}", "h_{t - 1}"),
    (r"a \text{当 $x$ 大}", r"a\text{for large $x$}"),
])
def test_the_same_formula(zh, en):
    assert formula(zh) == formula(en)


@pytest.mark.parametrize(("a", "b"), [
    (r"\odot c", r"\odotc"), ("a b", "ab"), ("x_1", "x_2"), ("-x", "x"),
    (r"\mathrm{if}", r"\mathrm{or}"),
])
def test_different_formulas(a, b):
    assert formula(a) != formula(b)
