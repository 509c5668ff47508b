"""The glossary, the notation, and the check of the words on every page."""

import re
from pathlib import Path

import autocorrect_py
import pytest
import yaml
from markdown import Markdown

from sitekit.checks.terms import Finder, check_terms
from sitekit.markdown import SiteError, SiteExtension
from sitekit.terms import (
    LANGUAGES,
    glossary_fence,
    letter,
    load_symbols,
    load_terms,
    notation_fence,
    user_words,
)

ROOT = Path(__file__).resolve().parents[2]
TERMS = load_terms(ROOT)
BY_ID = {term.id: term for term in TERMS}

GRADIENT = {
    "id": "gradient", "en": "gradient", "zh": "梯度",
    "forbidden_zh": ["渐变"], "allowed_zh": ["颜色渐变"],
    "def_en": "The vector of slopes.", "def_zh": "斜率组成的向量。",
}
GATE = {
    "id": "forget_gate", "en": "forget gate", "zh": "遗忘门",
    "also_zh": ["忘却门"], "allowed_zh": ["管遗忘的门"],
    "forbidden_en": ["forgetting gate"],
    "confused_en": ["door"], "twin": True, "page": "layers/lstm",
    "def_en": "A gate.", "def_zh": "一种门。",
}
RECURRENT = {
    "id": "rnn", "en": "recurrent neural network", "zh": "循环神经网络",
    "abbr": "RNN", "forbidden_zh": ["递归神经网络"], "twin": True,
    "def_en": "It loops.", "def_zh": "它循环。",
}
RECURSIVE = {
    "id": "recursive", "en": "recursive neural network",
    "zh": "递归神经网络", "def_en": "A tree.", "def_zh": "一棵树。",
}
SYMBOL = {"id": "h_t", "latex": "h_t", "code": "h", "en": "hidden state",
          "zh": "隐状态", "shape": "(B, H)", "pages": ["layers/lstm"]}

ZH = """---
description: 遗忘门的用法。
---
# 长短期记忆网络

**遗忘门**（forget gate）接在梯度后面，与循环神经网络有关。

## 直觉 { #idea }

遗忘门决定保留多少。
"""
EN = """---
description: How to use the forget gate.
---
# Long short-term memory

The **forget gate** follows the gradient of a recurrent neural network.

## Idea { #idea }

The forget gate decides how much stays.
"""


def site(lang, root=ROOT, page="about/glossary.md"):
    md = Markdown(extensions=[SiteExtension(lang=lang)])
    md.site.root, md.site.page = Path(root), page
    return md.site


def write(root, path, text):
    path = Path(root) / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def glossary(root, *terms):
    write(root, "docs/glossary.yml", yaml.safe_dump([*terms]))


def notation(root, *symbols):
    write(root, "docs/notation.yml", yaml.safe_dump({"sizes": [*symbols]}))


@pytest.fixture
def tree(tmp_path):
    """A project without a fault: two pages and four terms."""
    glossary(tmp_path, GRADIENT, GATE, RECURRENT, RECURSIVE)
    notation(tmp_path, SYMBOL)
    write(tmp_path, "docs/zh/layers/lstm.md", ZH)
    write(tmp_path, "docs/en/layers/lstm.md", EN)
    return tmp_path


def zh(root, sentence, english="Nothing."):
    """Add a sentence to both pages' last section; return the problems."""
    write(root, "docs/zh/layers/lstm.md", f"{ZH}\n{sentence}\n")
    write(root, "docs/en/layers/lstm.md", f"{EN}\n{english}\n")
    return check_terms(root)


# ---- the data ----

def test_the_glossary_has_more_terms_than_a_reader_needs():
    assert len(TERMS) >= 150
    assert len({term.id for term in TERMS}) == len(TERMS)


def test_definitions_are_one_sentence_in_their_language():
    for term in TERMS:
        assert re.search(r"[\u4e00-\u9fff]", term.def_zh), term.id
        assert term.def_zh.count("。") == 1, term.id
        assert not re.search(r"[\u4e00-\u9fff]", term.def_en), term.id
        assert not re.search(r"[.!?] ", term.def_en), term.id


def test_chinese_texts_are_set_as_they_should():
    for entry in [*TERMS, *load_symbols(ROOT)]:
        for name in ("zh", "def_zh", "note_zh"):
            text = getattr(entry, name, "")
            assert autocorrect_py.format(text) == text, entry.id


def test_the_glossary_obeys_itself():
    finders = {lang: Finder(TERMS, lang) for lang in LANGUAGES}
    for term in TERMS:
        for lang in LANGUAGES:
            text = term.get("def", lang)
            used = finders["en"].uses(term.def_en)
            for key, match in finders[lang].find(text):
                for other, kind in finders[lang].wrong.get(key, {}).values():
                    name = f"{term.id}: {match.group()}"
                    assert key in finders[lang].owner or kind == "confused", (
                        name)
                    assert other.id not in used, name


def test_no_agreed_name_contains_a_wrong_one():
    wrong = {w for term in TERMS for w in term.forbidden_zh}
    names = {n for term in TERMS for n in (term.zh, *term.also_zh)}
    clash = {(w, n) for w in wrong for n in names if w in n and w != n}
    assert not clash


@pytest.mark.parametrize(("id", "zh", "wrong"), [
    ("gradient", "梯度", "渐变"),
    ("loss", "损失", "亏损"),
    ("layer", "层", "图层"),
    ("token", "词元", "代币"),
    ("dropout", "丢弃法", "辍学"),
    ("paper", "论文", "纸张"),
    ("recurrent_neural_network", "循环神经网络", "递归神经网络"),
])
def test_well_known_mistranslations_are_forbidden(id, zh, wrong):
    assert BY_ID[id].zh == zh
    assert wrong in BY_ID[id].forbidden_zh


def test_each_symbol_is_explained_in_both_languages():
    symbols = load_symbols(ROOT)
    codes = {symbol.code for symbol in symbols}
    assert {"B", "T", "I", "H", "C", "x", "y", "y_hat", "W", "b", "h", "c",
            "delta", "eta", "theta", "loss", "k", "s", "p", "d"} <= codes
    for symbol in symbols:
        assert re.search(r"[\u4e00-\u9fff]", symbol.zh), symbol.id
        assert not re.search(r"[\u4e00-\u9fff]", symbol.en), symbol.id


def test_both_notation_pages_show_every_group():
    groups = list(dict.fromkeys(s.group for s in load_symbols(ROOT)))
    for lang in LANGUAGES:
        text = (ROOT / f"docs/{lang}/about/notation.md").read_text("utf-8")
        assert re.findall(r"``` notation\n(.*)\n```", text) == groups


@pytest.mark.parametrize(("change", "message"), [
    ({"id": None}, "entry 1: field 'id': expected text, got None"),
    ({"en": ""}, "gradient: field 'en': expected text, got ''"),
    ({"also_zh": "斜率"}, "gradient: field 'also_zh': expected a list of "
                        "words, got '斜率'"),
    ({"twin": "yes"}, "gradient: field 'twin': expected true, got 'yes'"),
    ({"chinese": "梯度"}, "gradient: unknown field 'chinese'"),
    ({"page": "lstm"}, "expected a path such as layers/lstm, got 'lstm'"),
    ({"def_zh": "斜率"}, "expected a sentence ending in 。"),
    ({"def_en": "Slopes"}, "expected a sentence ending in ."),
    ({"id": "Gradient"}, "an id is made of a-z, 0-9 and _"),
    ({"forbidden_zh": ["梯度"]}, "'梯度' is both accepted and wrong"),
    ({"also_en": ["grad vector"], "forbidden_en": ["Grad-vector"]},
     "'Grad-vector' is both accepted and wrong"),
])
def test_a_wrong_entry_is_named(tmp_path, change, message):
    glossary(tmp_path, GRADIENT | change)
    with pytest.raises(SiteError, match=re.escape(message)):
        load_terms(tmp_path)


def test_a_missing_field_is_named(tmp_path):
    glossary(tmp_path, {k: v for k, v in GRADIENT.items() if k != "def_zh"})
    with pytest.raises(SiteError, match="gradient: field 'def_zh' is missing"):
        load_terms(tmp_path)


@pytest.mark.parametrize(("change", "message"), [
    ({}, "gradient: 'gradient' is already in gradient"),
    ({"id": "x", "zh": "斜度"}, "x: 'gradient' is already in gradient"),
    ({"id": "x", "en": "slope"}, "x: '梯度' is already in gradient"),
    ({"id": "x", "en": "slope", "zh": "斜度", "also_zh": ["梯度"]},
     "x: '梯度' is already in gradient"),
    ({"en": "slope", "zh": "斜度"}, "gradient: 'gradient' is already in"),
])
def test_a_second_entry_for_a_word_is_named(tmp_path, change, message):
    glossary(tmp_path, GRADIENT, GRADIENT | change)
    with pytest.raises(SiteError, match=re.escape(message)):
        load_terms(tmp_path)


@pytest.mark.parametrize(("text", "message"), [
    ("a: [", "docs/glossary.yml: not YAML"),
    ("a: b", "docs/glossary.yml: expected a list, got dict"),
    ("- word", "docs/glossary.yml: entry 1: expected fields, got 'word'"),
])
def test_a_file_that_is_no_glossary_is_named(tmp_path, text, message):
    write(tmp_path, "docs/glossary.yml", text)
    with pytest.raises(SiteError, match=message):
        load_terms(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SiteError, match="docs/notation.yml: there is no such"):
        load_symbols(tmp_path)


def test_one_letter_may_not_mean_two_things_on_one_page(tmp_path):
    notation(tmp_path, SYMBOL, SYMBOL | {"id": "other"})
    with pytest.raises(SiteError, match="h_t on layers/lstm"):
        load_symbols(tmp_path)
    notation(tmp_path, SYMBOL, SYMBOL | {"id": "x", "pages": ["layers/gru"]})
    assert len(load_symbols(tmp_path)) == 2


# ---- the pages ----

@pytest.mark.parametrize(("id", "zh", "en"), [
    ("convolution", "J", "C"),
    ("lstm", "C", "L"),
    ("entropy", "S", "E"),
    ("reset_gate", "C", "R"),
    ("relu", "X", "R"),
    ("adam", "A", "A"),
])
def test_terms_stand_under_their_pinyin_or_their_english(id, zh, en):
    assert letter(BY_ID[id], "zh") == zh
    assert letter(BY_ID[id], "en") == en


def test_every_term_has_a_letter():
    for lang in LANGUAGES:
        assert "#" not in {letter(term, lang) for term in TERMS}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_term_is_on_the_page_once(lang):
    html = glossary_fence("", site(lang))
    ids = re.findall(r'<dt id="term-(\w+)"', html)
    assert sorted(ids) == sorted(BY_ID)
    for term in TERMS:
        name = term.get("", lang)
        assert html.count(f"<strong>{name}</strong>") == 1, term.id
    for tag in ("dl", "dt", "dd", "p", "span", "del", "div", "nav", "h3"):
        assert len(re.findall(rf"<{tag}[ >]", html)) == html.count(f"</{tag}>")


def test_the_other_language_is_marked():
    zh, en = (glossary_fence("", site(lang)) for lang in LANGUAGES)
    assert '<strong>卷积</strong> <span lang="en">convolution</span>' in zh
    assert ('<strong>convolution</strong> '
            '<span lang="zh-Hans">卷积</span>') in en
    assert "不写作：" in zh
    assert "<del>渐变</del>" in zh
    assert '<del><span lang="zh-Hans">渐变</span></del>' in en
    # no Chinese on the English page without its mark
    bare = re.sub(r'<span lang="zh-Hans">[^<]*</span>', "", en)
    assert not re.search(r"[\u4e00-\u9fff]", bare)


def test_a_term_links_to_its_page_if_there_is_one(tree):
    html = glossary_fence("", site("zh", tree))
    link = '<a href="../../layers/lstm/">长短期记忆网络</a>'
    assert link in html
    (tree / "docs/zh/layers/lstm.md").unlink()
    assert "<a href=\"../../layers" not in glossary_fence("", site("zh", tree))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_symbol_is_on_the_page_with_its_formula(lang):
    here = site(lang, page="about/notation.md")
    html = notation_fence("", here)
    symbols = load_symbols(ROOT)
    assert re.findall(r'<dt id="symbol-(\w+)"', html) == [
        symbol.id for symbol in symbols]
    assert html.count("<math") >= len(symbols)
    assert "$" not in html
    one = notation_fence("convolution\n", here)
    assert 'id="symbol-k"' in one
    assert 'id="symbol-h_t"' not in one


def test_a_fence_that_asks_for_nothing_known_is_an_error():
    with pytest.raises(SiteError, match="no group 'size'.*sizes, data"):
        notation_fence("size", site("en"))
    with pytest.raises(SiteError, match="expected an empty fence, got 'all'"):
        glossary_fence("all", site("en"))


def test_search_finds_a_term_inside_a_longer_one():
    import jieba

    words = user_words(ROOT)
    assert "池化" in words
    assert "池化层" not in words
    cutter = jieba.Tokenizer()
    cutter.cache_file = None
    for word in words:
        cutter.add_word(word)
    assert cutter.lcut("池化层没有参数") == ["池化", "层", "没有", "参数"]
    assert "感受野" in cutter.lcut("一个输出的感受野有多大")
    assert "卷积" in cutter.lcut("卷积神经网络")


# ---- the check ----

def test_a_good_project_has_no_problem(tree):
    assert check_terms(tree) == []


def test_a_forbidden_rendering_is_found_with_its_line(tree):
    assert zh(tree, "先求渐变。") == [
        "docs/zh/layers/lstm.md:12: 渐变: forbidden rendering of gradient, "
        "use 梯度"]
    assert zh(tree, "先求渐\n变。")[0].startswith(
        "docs/zh/layers/lstm.md:12: 渐 变: ")
    assert zh(tree, "无。", "The forgetting  gate.")[0].startswith(
        "docs/en/layers/lstm.md:12: forgetting gate: forbidden rendering of "
        "遗忘门, use forget gate")


@pytest.mark.parametrize("sentence", [
    "颜色渐变的图像。",
    "不要写作“渐变”。",
    "代码 `渐变` 与公式 $x_{渐变}$。",
    '!!! failure "原文说"\n    > 通过渐变更新权重\n\n    应为梯度。',
    "``` text\n渐变\n```",
    "<!-- 渐变 -->",
])
def test_what_is_quoted_or_allowed_or_no_prose_is_not_a_mistake(
        tree, sentence):
    assert zh(tree, sentence) == []


@pytest.mark.parametrize("sentence", [
    "$$\nL = \\text{渐变} \\tag{lstm:L}\n$$",
    "``` figure\ndocs/figures/a.svg\nalt: 渐变很小。\ncaption: 梯度。\n```",
    "| 渐变 | 1 |\n|---|---|",
    "### 渐变 { #x }",
    "[渐变](../a.md)变小。",
    "**渐**变变小。",
    '!!! failure "渐变"\n    应为梯度。',
])
def test_all_prose_is_read(tree, sentence):
    problems = zh(tree, sentence)
    assert len(problems) == 1
    assert "渐变: forbidden" in problems[0]


def test_the_description_is_read(tree):
    write(tree, "docs/zh/layers/lstm.md", ZH.replace("用法", "渐变"))
    assert check_terms(tree)[0].startswith("docs/zh/layers/lstm.md:2: 渐变")


def test_a_word_with_two_meanings_is_judged_by_the_twin(tree):
    assert zh(tree, "递归神经网络。", "A recurrent neural network.") == [
        "docs/zh/layers/lstm.md:12: 递归神经网络: forbidden rendering of "
        "recurrent neural network, use 循环神经网络",
        "docs/zh/layers/lstm.md:8: idea: no 循环神经网络, but "
        "docs/en/layers/lstm.md:12 says 'recurrent neural network'"]
    assert zh(tree, "递归神经网络。", "A recursive neural network.") == []
    assert zh(tree, "它关上了。", "It closes the door.") == [
        "docs/en/layers/lstm.md:12: door: forbidden rendering of 遗忘门, "
        "use forget gate"]
    write(tree, "docs/zh/about/door.md", "# 家\n\n门。\n")
    write(tree, "docs/en/about/door.md", "# Home\n\nA door.\n")
    assert not [p for p in check_terms(tree) if "about" in p]


def test_a_term_must_be_rendered_in_its_section(tree):
    write(tree, "docs/zh/layers/lstm.md", ZH.replace("遗忘门决定", "它决定"))
    assert check_terms(tree) == [
        "docs/zh/layers/lstm.md:8: idea: no 遗忘门, but "
        "docs/en/layers/lstm.md:10 says 'forget gate'"]


@pytest.mark.parametrize("chinese", [
    "忘却门决定", "遗忘\n门决定", "管遗忘的门决定"])
def test_a_synonym_renders_a_term(tree, chinese):
    write(tree, "docs/zh/layers/lstm.md", ZH.replace("遗忘门决定", chinese))
    assert check_terms(tree) == []


def test_an_abbreviation_and_a_plural_count(tree):
    assert zh(tree, "用 RNN。", "Use recurrent\nneural networks.") == []
    assert len(zh(tree, "用它。", "Use recurrent neural networks.")) == 1
    assert len(zh(tree, "用它。", "Use RNNs.")) == 1
    assert zh(tree, "用它。", "Use rnn.") == []
    quoted = "Use “recurrent neural networks” and `RNN`."
    assert zh(tree, "用它。", quoted) == []


def test_a_concept_page_gives_its_terms_in_english(tree):
    bare = ZH.replace("（forget gate）", "")
    write(tree, "docs/zh/layers/lstm.md", bare)
    assert check_terms(tree) == [
        "docs/zh/layers/lstm.md:2: 遗忘门: give the English once, "
        "遗忘门（forget gate）"]
    # on another page the English may be missing
    glossary(tree, GRADIENT, GATE | {"page": "layers/gru"}, RECURRENT,
             RECURSIVE)
    assert check_terms(tree) == []


def test_text_cells_of_examples_are_read(tree):
    cells = ('# %% [markdown] lang="zh"\n# # 例子\n#\n# ZH\n\n'
             '# %% [markdown] lang="en"\n# # Example\n#\n# EN\n\n'
             '# %% name="a"\nprint("渐变")\n')
    path = "examples/layers/lstm.py"
    write(tree, path, cells.replace("ZH", "梯度").replace("EN", "gradient"))
    assert check_terms(tree) == []
    write(tree, path, cells.replace("ZH", "渐变").replace("EN", "gradient"))
    assert check_terms(tree) == [
        f"{path}:4: 渐变: forbidden rendering of gradient, use 梯度"]
    write(tree, path, cells.replace("ZH", "它").replace("EN", "forget gate"))
    assert check_terms(tree) == [
        f"{path}:2: text: no 遗忘门, but {path}:9 says 'forget gate'"]


def test_a_broken_glossary_is_a_problem_not_a_crash(tree):
    glossary(tree, GRADIENT | {"chinese": "梯度"})
    assert check_terms(tree) == [
        "docs/glossary.yml: gradient: unknown field 'chinese'"]


def test_a_page_without_its_twin_is_still_read(tree):
    (tree / "docs/en/layers/lstm.md").unlink()
    assert check_terms(tree) == []
    write(tree, "docs/zh/layers/lstm.md", ZH + "\n渐变\n")
    assert len(check_terms(tree)) == 1


def test_the_words_of_the_guide_are_the_agreed_ones():
    assert check_terms(ROOT) == []
