import html
import re
from importlib.resources import files

import pytest
from fontTools.ttLib import TTFont
from markdown import Markdown

from sitekit.execute import ROOT
from sitekit.fonts import (
    PRIMES,
    code_points,
    even_roots,
    roots,
    small_primes,
)
from sitekit.markdown import SiteError, SiteExtension
from sitekit.math import TAG, replace_math, to_mathml

PAGES = sorted((ROOT / "docs/zh").glob("[!aes]*/*.md"))


def render(text, lang="en"):
    extensions = ["tables", "admonition", SiteExtension(lang=lang)]
    return Markdown(extensions=extensions).convert(text)


def test_inline_math_becomes_mathml_and_code_spans_stay():
    html = render("The cell $c_t$ is not `$c_t$`.")
    assert html.count("<math ") == 1
    assert "<code>$c_t$</code>" in html


def test_long_names_in_the_text_break_after_an_underscore():
    html = render("`test_layer_equals_keras`, `h_prev`\n\n    a_" + "b" * 20)
    assert "<code>test_<wbr/>layer_<wbr/>equals_<wbr/>keras</code>" in html
    assert "<code>h_prev</code>" in html
    assert "<pre><code>a_bbb" in html


def test_comparison_signs_and_bars_do_not_break_html_or_tables():
    html = render("| a | b |\n|---|---|\n| $|x|<y$ | $i<j$ |")
    assert html.count("<math ") == 2
    assert html.count("<td>") == 2


def test_tagged_display_gets_an_anchor_and_a_link_to_its_line():
    html = render("$$\nc = f \\odot c \\tag{lstm:c}\n$$")
    assert 'class="equation" id="lstm:c"' in html
    assert 'href="#code-lstm:c"' in html
    assert "tag" not in html.split("<math")[1].split("</math>")[0]


def test_display_inside_an_admonition_stays_inside():
    html = render('!!! note "n"\n    before\n\n    $$\n    a = b\n    $$\n\n'
                  "    after\n\noutside")
    box = html[:html.index("</div>\n<p>outside")]
    assert box.index("equation") < box.index("after")


def test_escaped_dollars_stay():
    assert "<math" not in render(r"It costs \$5 and \$6.")


@pytest.mark.parametrize("latex", [r"\nosuchcommand{x}", r"\frac{1}", "x_{"])
def test_a_bad_formula_fails_and_is_named(latex):
    with pytest.raises(SiteError, match="formula"):
        render(f"$$\n{latex}\n$$")


def test_two_tags_in_one_display_fail():
    with pytest.raises(SiteError, match="one tag per display"):
        render("$$\na \\tag{x:a} b \\tag{x:b}\n$$")


def characters(mathml):
    """Visible characters of a formula; U+2061 to U+2064 are invisible."""
    text = html.unescape(re.sub(r"<[^>]+>", "", mathml))
    return {c for c in text if ord(c) > 32 and not 0x2061 <= ord(c) <= 0x2064}


def formulas(path):
    """All formulas of a page, (latex, display), tags taken off."""
    found = []
    text = re.sub(r"^ *```.*?^ *```$", "", path.read_text("utf-8"),
                  flags=re.M | re.S)
    replace_math(text, lambda *formula: found.append(formula) or "")
    return [(TAG.sub("", latex), display) for latex, display in found]


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.parent.name + p.stem)
def test_the_font_covers_every_formula_of_the_pages(path):
    used = set()
    for latex, display in formulas(path):
        # words inside \text{} may be Chinese: the text font shows them
        plain = re.sub(r"\\text\{[^}]*\}", r"\\text{x}", latex)
        used |= characters(to_mathml(plain, display))
    assert used - set(map(chr, code_points())) == set()


def test_a_character_outside_the_font_is_noticed():
    assert characters(to_mathml("\\aleph")) - set(map(chr, code_points()))


@pytest.fixture
def font():
    return TTFont(files("ziamath") / "fonts/STIXTwoMath-Regular.ttf")


def test_every_root_sign_is_made_as_wide_as_the_small_one(font):
    def widths():
        return {font["hmtx"][name][0] for name in roots(font)}

    small = font["hmtx"][roots(font)[0]][0]
    assert len(widths()) > 3
    even_roots(font)
    assert widths() == {small}


def test_a_prime_is_the_drawing_for_superscripts_and_lower(font):
    def top(code):
        return font["glyf"][font.getBestCmap()[code]].yMax

    before = [top(code) for code in PRIMES]
    small_primes(font)
    assert all(top(code) < y - 300
               for code, y in zip(PRIMES, before, strict=True))


def test_a_short_formula_keeps_its_punctuation_on_its_line():
    html = render("记（$h_t$），$c$ 与 $x$：", "zh")
    assert html.count('<span class="glued">') == 2
    assert re.search(r'glued">（<math.*?</math>），</span>', html)
    assert "glued" in render(r"is $\log p = \ln 10^{-7} \le 0 < \log 2$, so")
    long = " + ".join("abcdefghijklm")
    assert "glued" not in render(f"then ${long}$, so")


def test_a_short_name_in_a_table_stays_whole_and_a_long_one_may_break():
    table = "| a | b |\n|---|---|\n| `evaluate` | `{}` |"
    assert render(table.format("test_of_a_long_name")).count("glued") == 1
    assert "glued" not in render("call `evaluate`")
    options = render("add `--online` or `--no-build-isolation`")
    assert options.count("glued") == 1
