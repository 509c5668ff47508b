"""Terms of the glossary in the text."""

import re

import pytest
from markdown import Markdown

from sitekit.markdown import SiteExtension
from tests.site.small_tree import replace, write

GLOSSARY = """
- id: scale_factor
  en: scale factor
  zh: 缩放因子
  abbr: SF
  def_en: The number "a" that multiplies.
  def_zh: 用来相乘的数。
  page: layers/scale
- id: factor
  en: factor
  zh: 因子
  def_en: A number in a product.
  def_zh: 乘积中的一个数。
- id: value
  en: value
  zh: 值
  def_en: What an entry holds.
  def_zh: 条目的内容。
  common: true
- id: head
  en: head
  zh: 头
  def_en: A part of attention.
  def_zh: 注意力的一部分。
  page: layers/attention
- id: kernel
  en: kernel
  zh: 卷积核
  also_zh: [核]
  def_en: A small array of weights.
  def_zh: 小型权重数组。
  not_on: [layers/other]
"""


@pytest.fixture
def render(tmp_path):
    root = write(tmp_path)
    replace(root, "docs/glossary.yml", None, GLOSSARY)

    def convert(text, lang="en", page="layers/scale.md"):
        md = Markdown(extensions=["admonition", SiteExtension(lang=lang)])
        md.site.root, md.site.page = root, page
        return md.convert(text)

    return convert


def words(html):
    return re.findall(r'<a class="term".*?>(.*?)</a>', html)


def test_first_use_of_a_term_leads_to_the_glossary_with_its_definition(render):
    html = render("A scale factor and a scale factor.")
    (link,) = re.findall(r"<a .*?</a>", html)
    assert 'href="../../about/glossary/#term-scale_factor"' in link
    assert 'data-word="缩放因子 SF" data-lang="zh-Hans"' in link
    assert 'data-def="The number &quot;a&quot; that multiplies."' in link
    assert link.endswith(">scale factor</a>")


def test_chinese_page_shows_the_english_word(render):
    html = render("缩放因子乘以因子。", "zh")
    assert words(html) == ["缩放因子", "因子"]
    assert 'data-word="scale factor SF" data-lang="en"' in html


def test_everyday_words_and_words_of_unwritten_pages_are_left_alone(render):
    assert words(render("The value of a head and a factor.")) == ["factor"]


def test_a_single_character_may_be_part_of_another_word(render):
    assert words(render("核心是卷积核。", "zh")) == ["卷积核"]


def test_a_word_that_means_something_else_on_a_page_is_left_alone(render):
    text = "A kernel and a factor."
    assert words(render(text)) == ["kernel", "factor"]
    assert words(render(text, page="layers/other.md")) == ["factor"]


def test_longer_term_wins_and_each_counts_once(render):
    html = render("Scale factors, a *factor*, SF and factors.")
    assert words(html) == ["Scale factors", "factor"]


def test_only_the_page_of_a_term_gets_its_anchor(render):
    text = "A scale factor and a factor."
    assert render(text).count(' id="term-') == 1
    assert ' id="term-scale_factor"' in render(text)
    elsewhere = render(text, page="layers/other.md")
    assert words(elsewhere) == ["scale factor", "factor"]
    assert ' id="term-' not in elsewhere


@pytest.mark.parametrize("text", [
    "# A factor", "## The factor { #x }", "`factor`", "[a factor](x.md)",
    "$\\text{factor}$",
])
def test_headings_code_links_and_formulas_are_left_alone(render, text):
    assert words(render(text)) == []


def test_title_of_a_box_is_left_alone_and_its_text_is_not(render):
    html = render('!!! note "A factor"\n    The factor.')
    assert '<p class="admonition-title">A factor</p>' in html
    assert words(html) == ["factor"]


def test_pages_that_are_no_concepts_have_no_links(render):
    assert words(render("A factor.", page="about/history.md")) == []


def test_captions_have_no_links_of_their_own(render):
    md = Markdown(extensions=[SiteExtension(lang="en")])
    assert words(md.site.inline("A factor.")) == []
