"""Citations in the text, on the page's list and in the bibliography."""

import html
import re
from pathlib import Path

import pytest
from markdown import Markdown
from pymdownx.superfences import SuperFencesException

from sitekit import citations, markdown
from sitekit.markdown import SiteError

ROOT = Path(__file__).resolve().parents[2]
LANGS = ("zh", "en")
BIB = """
@article{hochreiter1997long, author={Hochreiter, Sepp and Schmidhuber, J},
  title={Long <short>}, year=1997, doi={10.1162/a_b/c}, topic={recurrent},
  verified={2026-11-23: publisher}, supports={It adds.}, supports_zh={相加。}}
@article{gers2000learning, author={Gers, F and Schmidhuber, J and Cummins, F},
  title={Forget}, journal={NC}, year=2000, url={https://example.org/x},
  topic={recurrent}, verified={2026-11-23: list}, supports={It forgets.},
  supports_zh={遗忘。}}
@misc{abel2016deep, author={{Abel Team}}, title={Deep}, year=2016,
  eprint={1603.07285}, archiveprefix={arXiv}, topic={basics},
  verified={2026-11-23: list}, supports={It is deep.}, supports_zh={深。}}
"""


@pytest.fixture
def render(tmp_path):
    """Convert a page of a small project; the HTML."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/references.bib").write_text(BIB, "utf-8")

    def run(source, lang="en", page="layers/lstm.md"):
        fences = [{"name": name, "class": name, "format": markdown.fence}
                  for name in ("references", "bibliography", "corrections")]
        md = Markdown(
            extensions=["pymdownx.superfences", "sitekit.markdown"],
            extension_configs={
                "pymdownx.superfences": {"custom_fences": fences},
                "sitekit.markdown": {"lang": lang}})
        md.site.root, md.site.page = tmp_path, page
        return md.convert(source)

    return run


def text_of(page):
    return html.unescape(re.sub(r"<[^>]+>", "", page))


# in the text


@pytest.mark.parametrize(("source", "zh", "en"), [
    ("[@hochreiter1997long]", "（Hochreiter 与 Schmidhuber，1997）",
     "(Hochreiter & Schmidhuber, 1997)"),
    ("[@gers2000learning, sec. 3]", "（Gers 等，2000，第 3 节）",
     "(Gers et al., 2000, sec. 3)"),
    ("[@gers2000learning, eqs. 5-7; @abel2016deep]",
     "（Gers 等，2000，式 5–7；Abel Team，2016）",
     "(Gers et al., 2000, eqs. 5–7; Abel Team, 2016)"),
    ("[@gers2000learning,\nch. 2; \n@abel2016deep, p. 4]",
     "（Gers 等，2000，第 2 章；Abel Team，2016，第 4 页）",
     "(Gers et al., 2000, ch. 2; Abel Team, 2016, p. 4)"),
])
def test_a_citation_names_author_and_year(render, source, zh, en):
    # no space before a full-width bracket
    assert text_of(render(f"a {source} b", "zh")) == f"a{zh} b"
    assert text_of(render(f"甲{source}。", "zh")) == f"甲{zh}。"
    assert text_of(render(f"甲 {source} 乙", "zh")) == f"甲{zh}乙"
    assert text_of(render(f"a {source} b", "en")) == f"a {en} b"


def test_a_citation_links_to_the_list_of_its_page(render):
    page = render("[@gers2000learning; @abel2016deep]")
    links = re.findall(r'<a class="cite" href="([^"]+)">([^<]+)</a>', page)
    assert links == [("#ref-gers2000learning", "Gers et al., 2000"),
                     ("#ref-abel2016deep", "Abel Team, 2016")]


@pytest.mark.parametrize("source", [
    "`[@nobody1999nothing]`", "``a ` [@nobody1999nothing]``",
    "``` sh\n[@nobody1999nothing]\n```", "~~~\n[@nobody1999nothing]\n~~~",
    r"\[@nobody1999nothing]", "[@nobody1999nothing](x.md)",
    "<!-- [@nobody1999nothing] -->", "name@example.org [at](x.md)",
])
def test_code_escapes_links_and_comments_hold_no_citation(render, source):
    assert 'class="cite"' not in render(f"a\n\n{source}\n\nb")


def test_an_unknown_key_fails_and_names_page_and_key(render):
    with pytest.raises(SiteError, match=r"layers/lstm\.md.*nobody1999nothing"):
        render("as shown [@nobody1999nothing]")


@pytest.mark.parametrize("source", [
    "[@]", "[@gers2000learning sec. 3]", "[@gers2000learning; abel2016deep]",
    "[@Gers]", "[@gers2000learning,]", "[@gers2000learning @abel2016deep]",
])
def test_a_malformed_citation_fails_and_names_the_page(render, source):
    with pytest.raises(SiteError, match=r"layers/lstm\.md: not a citation"):
        render(source)


@pytest.mark.parametrize(("place", "zh"), [
    ("§3.1", "第 3.1 节"), ("ch. 6", "第 6 章"), ("fig. 2", "图 2"),
    ("eq. (5)", "式 (5)"), ("app. A", "附录 A"), ("sec. 6.5, eq. 2",
     "第 6.5 节，式 2"), ("第 3 节", "第 3 节"), ("abstract", "abstract"),
])
def test_places_are_worded_in_chinese(place, zh):
    assert citations.locate(place, "zh") == zh
    assert citations.locate(place, "en") == place


# what a page cites


def test_the_keys_of_a_page_count_once_in_order():
    source = ("[@b2000b, sec. 1] `[@c2000c]` [@a2000a; @b2000b]\n\n"
              "<!-- [@i2000i] -->\n\n"
              "``` text\n[@d2000d]\n```\n\n"
              "``` figure\na.svg\nalt: [@e2000e]\ncaption: x [@f2000f].\n```\n"
              "!!! note\n    ``` sh\n    [@g2000g]\n    ```\n    [@h2000h]\n")
    assert citations.cited_keys(source, ROOT) == [
        "b2000b", "a2000a", "f2000f", "h2000h"]


def test_a_fence_of_four_ends_with_four():
    source = "```` text\n```\n[@a2000a]\n```\n````\n[@b2000b]\n"
    assert citations.cited_keys(source, ROOT) == ["b2000b"]


# the list of a page


def test_the_list_holds_each_work_with_the_claim(render):
    source = ("[@hochreiter1997long] [@gers2000learning, sec. 3] "
              "[@gers2000learning]\n\n``` references\n```\n")
    for lang, claim in (("zh", "遗忘。"), ("en", "It forgets.")):
        page = render(source, lang)
        assert re.findall(r'<li id="ref-(\w+)">', page) == [
            "gers2000learning", "hochreiter1997long"]
        assert claim in page
        assert 'href="https://example.org/x"' in page
        assert 'href="https://doi.org/10.1162/a_b/c"' in page
        assert "Long &lt;short&gt;" in page
        assert "abel2016deep" not in page
        for target in re.findall(r'href="#([^"]+)"', page):
            assert f'id="{target}"' in page


def test_the_entry_is_worded_in_the_language_of_the_page(render):
    source = "[@gers2000learning]\n\n``` references\n```\n"
    zh, en = (text_of(render(source, lang)) for lang in LANGS)
    assert "F Gers、J Schmidhuber、F Cummins（2000）：Forget。NC。" in zh
    assert "支持的说法：遗忘。" in zh
    assert "F Gers, J Schmidhuber & F Cummins (2000). Forget. NC." in en
    assert "Supports: It forgets." in en


def test_a_list_of_nothing_fails(render):
    with pytest.raises(SuperFencesException, match="cites nothing"):
        render("text\n\n``` references\n```\n")
    with pytest.raises(SuperFencesException, match="takes no text"):
        render("[@abel2016deep]\n\n``` references\nall\n```\n")


# the bibliography


def test_the_bibliography_links_back_to_the_pages(render, tmp_path):
    for lang, name in (("zh", "长短期记忆 `LSTM`"), ("en", "*The* LSTM")):
        path = tmp_path / f"docs/{lang}/layers/lstm.md"
        path.parent.mkdir(parents=True)
        path.write_text(f"---\ndescription: x\n---\n# {name} {{ #t }}\n\n"
                        "[@gers2000learning]\n", "utf-8")
    source = "``` bibliography\n```\n"
    zh = render(source, "zh", "about/references.md")
    en = render(source, "en", "about/references.md")
    assert '引用处：</b><a href="../../layers/lstm/">长短期记忆 LSTM</a>' in zh
    assert 'Cited on: </b><a href="../../layers/lstm/">The LSTM</a>' in en
    for page in (zh, en):
        assert re.findall(r'<li id="ref-(\w+)">', page) == [
            "abel2016deep", "hochreiter1997long", "gers2000learning"]
        assert re.findall(r'<h3 id="([\w-]+)">', page) == [
            "topic-basics", "topic-recurrent"]
        assert "2026-11-23: publisher" in page
    assert ">循环网络与序列</h3>" in zh
    assert ">Recurrent networks and sequences</h3>" in en


def test_an_unknown_topic_fails(render, tmp_path):
    (tmp_path / "docs/references.bib").write_text(
        BIB.replace("{basics}", "{novels}"), "utf-8")
    with pytest.raises(SuperFencesException, match="topic of abel2016deep"):
        render("``` bibliography\n```\n")


def test_a_broken_bibliography_fails(render, tmp_path):
    (tmp_path / "docs/references.bib").write_text(BIB + BIB, "utf-8")
    with pytest.raises(SiteError, match="repeated"):
        render("[@abel2016deep]")


# the guide itself


@pytest.mark.parametrize("lang", LANGS)
def test_cited_means_listed_and_listed_means_cited(lang):
    listed = set(citations.bibliography(ROOT))
    cited = set(citations.cited_on(ROOT, lang))
    assert cited - listed == set()
    assert listed - cited == set()


@pytest.mark.parametrize("lang", LANGS)
def test_every_page_that_cites_lists_its_works(lang):
    for path in (ROOT / "docs" / lang).rglob("*.md"):
        text, fences = citations.prose(path.read_text("utf-8"))
        if re.search(citations.MARK, text):
            names = [name for name, _ in fences]
            assert "references" in names or "bibliography" in names, path
