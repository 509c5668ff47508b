"""The parser of pages and the numbers it finds."""

import pytest

from sitekit.checks import page
from sitekit.checks.numerals import numerals

TEXT = r"""---
description: A page.
---
# Title 3

Text `code 4` and $x_5$, 6 of them [@a2001b, sec. 7; @c2002d].
A [link 8](../x.md#y "title 9"), ![image](a.svg), <https://example.org/10>.
<!-- hidden 11 -->

## Idea { #idea .wide }

1. first 12
2. CIFAR-10, Conv2D, im2col, GPT-2, float32

$$
x = 1 \tag{t:x}
$$

### Inner { #inner }

``` figure
examples/a/b.py::c
alt: Falls below 13
  after 14 steps.
caption: Uses $z$ [@e2003f].
```

!!! failure "Box 15"
    > quoted

    ``` { .python title="no" }
    x = 16
    ```

??? success
    $$ y = 2 $$

end
"""


@pytest.fixture
def parsed():
    return page.parse(TEXT, "docs/en/a/b.md")


def numbers(text):
    return [value for value, _ in numerals(text)]


def test_front_matter_and_headings(parsed):
    assert parsed.front == {"description": "A page."}
    assert [(h.level, h.text, h.id, h.line) for h in parsed.headings] == [
        (1, "Title 3", "", 4), (2, "Idea", "idea", 10),
        (3, "Inner", "inner", 19)]


def test_equations_have_tag_line_section_and_block(parsed):
    first, second = parsed.equations
    assert (first.tex, first.tags, first.line) == ("x = 1", ("t:x",), 15)
    assert (first.section, first.block) == ("idea", "idea")
    assert (second.tex, second.tags) == ("y = 2", ())
    assert (second.section, second.block) == ("inner", "idea")


def test_inline_math_is_found_in_text_and_captions(parsed):
    assert [(m.text, m.line) for m in parsed.math] == [("x_5", 6), ("z", 25)]


def test_citations_are_split_and_keep_their_place(parsed):
    assert [(c.key, c.place, c.line) for c in parsed.citations] == [
        ("a2001b", "sec. 7", 6), ("c2002d", "", 6), ("e2003f", "", 25)]


def test_figure_joins_lines_that_continue_a_field(parsed):
    (figure,) = parsed.figures
    assert figure.target == "examples/a/b.py::c"
    assert figure.alt == "Falls below 13 after 14 steps."
    assert figure.caption == "Uses $z$ [@e2003f]."


def test_fences_inside_boxes_are_found_with_their_kind(parsed):
    assert [(f.kind, f.line) for f in parsed.fences] == [
        ("figure", 21), ("python", 31)]
    assert parsed.fences[1].body == "x = 16"


def test_boxes_know_their_last_line(parsed):
    assert [(a.marker, a.kind, a.title, a.line, a.last)
            for a in parsed.admonitions] == [
        ("!!!", "failure", "Box 15", 28, 33), ("???", "success", "", 35, 36)]


def test_links_and_images_are_told_apart(parsed):
    assert [(x.target, x.image) for x in parsed.links] == [
        ("../x.md#y", False), ("a.svg", True),
        ("https://example.org/10", False)]


def test_numbers_leave_out_code_math_links_citations_and_names(parsed):
    assert [n.text for n in parsed.numbers] == [
        "3", "6", "12", "13", "14", "15"]


@pytest.mark.parametrize(("zh", "en"), [
    ("1234 次", "1,234 times"),
    ("１２３４ 次", "1234 times"),
    ("1.7 万", "17,000"),
    ("1700 万", "17 million"),
    ("3.5 亿", "350 million"),
    ("50%", "50 percent"),
    ("0.50", "0.5"),
    ("20 世纪 80 年代", "the 1980s"),
    ("1947 年 12 月 6 日", "6 December 1947"),
    ("2014 年 5 月", "May 2014"),
    ("32×32×3", "32x32x3"),
    ("2–5 倍", "2 to 5 times"),
    ("第 2 步", "the 2nd step"),
    ("前 5 准确率", "Top-5 accuracy"),
    ("在CIFAR-10上训练3轮", "3 epochs on CIFAR-10"),
    ("Keras 3.15.1 版", "version 3.15.1 of Keras"),
    ("误差 7e-10", "an error of 7e-10"),
    ("用时 20s", "in 20 s"),
    ("两个门", "two gates"),
])
def test_the_same_numbers_in_both_languages(zh, en):
    assert set(numbers(zh)) == set(numbers(en))


@pytest.mark.parametrize(("a", "b"), [
    ("0.1", "0.01"), ("1980", "1981"), ("3.15.1", "3.15"), ("2e-3", "2e-4"),
    ("1,234", "12,34"), ("3 million", "3 billion"), ("may 5", "may 6"),
])
def test_different_numbers_stay_different(a, b):
    assert set(numbers(a)) != set(numbers(b))
