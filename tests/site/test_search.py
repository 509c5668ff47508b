"""The search index and what it leaves out."""

import gzip
import json

import pytest

from sitekit import search
from sitekit.terms import load_terms
from tests.site.small_tree import replace, write
from tests.site.test_tooltips import GLOSSARY

MOST = 150  # KiB gzipped, a language


def doc(location, text="<p>One. Two.</p><p>Three.</p>"):
    return {"location": location, "title": location, "text": text}


@pytest.fixture
def built(tmp_path):
    """An index as Material writes it, slimmed; entries by location."""
    root = write(tmp_path / "project")
    replace(root, "docs/glossary.yml", None, GLOSSARY)
    folder = tmp_path / "site"
    (folder / "search").mkdir(parents=True)
    (folder / "layers/scale").mkdir(parents=True)
    (folder / "layers/scale/index.html").write_text(
        '<a id="term-scale_factor">', "utf-8")
    docs = [doc(location) for location in (
        "layers/scale/", "layers/scale/#idea", "layers/scale/#exercises",
        "examples/layers/scale/", "examples/layers/scale/#train",
        "api/layers/#dlguide.layers.scale", "source/x/",
        "about/references/", "about/references/#optimization",
    )]
    path = folder / "search/search_index.json"
    config = {"separator": r"[\s\u200b]+"}
    path.write_text(json.dumps({"config": config, "docs": docs}), "utf-8")
    search.slim(path, "en", root)
    index = json.loads(path.read_text("utf-8"))
    return {entry["location"]: entry for entry in index["docs"]}


def test_text_of_concepts_stays_without_what_repeats(built):
    text = "<p>One. Two.</p><p>Three.</p>"
    assert built["layers/scale/#idea"]["text"] == text
    assert "layers/scale/#exercises" not in built


def test_notebooks_api_and_references_shrink(built):
    assert built["examples/layers/scale/"]["text"] == ""
    assert "examples/layers/scale/#train" not in built
    assert built["api/layers/#dlguide.layers.scale"]["text"] == "One. Two."
    assert "source/x/" not in built
    assert "about/references/#optimization" not in built


def test_terms_lead_to_the_page_that_explains_them_or_to_the_glossary(built):
    own = built["layers/scale/#term-scale_factor"]
    assert own["title"] == "scale factor · SF"
    assert own["text"] == '<p>The number "a" that multiplies.</p>'
    assert "about/glossary/#term-factor" in built


def test_each_work_is_an_entry(built):
    work = built["about/references/#ref-smith1990scale"]
    assert work["title"] == "Smith, 1990"
    assert "Scale" in work["text"]


def test_first_sentences_are_cut_at_a_word():
    assert search.first_sentence("<p>" + "word " * 60 + "</p><p>x</p>") == (
        "word " * 32).strip() + " …"


def test_a_short_section_stays_and_a_long_one_is_cut_with_its_tags_closed():
    short = "<p>One. <code>two</code></p>"
    assert search.shorten(short) == short
    long = "<p>first</p><ul><li>" + "word " * 200 + "</li></ul>"
    cut = search.shorten(long)
    assert len(cut) < search.SECTION + 20
    assert cut.endswith("word …</li></ul>")
    assert "<p>first</p>" in cut


def test_a_section_is_not_cut_inside_a_tag():
    text = "<p>" + "x" * (search.SECTION - 5) + "<code>y</code></p>"
    assert search.shorten(text) == (
        "<p>" + "x" * (search.SECTION - 5) + " …</p>")


def test_a_title_is_cut_where_the_worker_cuts_a_query():
    # 接层 overlaps with 连接; the last character is never in a word
    words = {"全", "连接", "接层", "层归", "归一"}
    assert search.query_parts("全连接层归一", words) == [
        (0, 1), (1, 2), (1, 3), (2, 3), (2, 4), (3, 5)]
    assert search.query_parts("未知", words) == [(0, 2)]
    assert search.query_cut("全连接 x", {"全"}).split("\u200b") == [
        "", "全", "连接", " x"]


def test_exclude_marks_the_outer_element():
    html = search.exclude(' <div class="a"><p>1</p></div>')
    assert html == ' <div data-search-exclude class="a"><p>1</p></div>'


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_index_is_light_and_has_no_formulas_or_code(site, lang):
    folder = site / "en" if lang == "en" else site
    data = (folder / "search/search_index.json").read_bytes()
    assert len(gzip.compress(data)) / 1024 <= MOST
    docs = {d["location"]: d for d in json.loads(data)["docs"]}
    text = docs["layers/lstm/#step"]["text"]
    assert "⊙" not in text
    assert "lstm_step" not in docs["layers/lstm/#code"]["text"]
    terms = [x for x in docs if "#term-" in x]
    assert len(terms) == len(load_terms(search.Path(".")))


# Each query goes to the worker that the theme itself has set up, once it has
# read the index.
KEEP_WORKER = """
window.Worker = class extends Worker {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", ({ data }) => {
      if (data.type === 1) window.searcher = this;
    });
  }
};
"""
ASK = """
async queries => {
  const ask = query => new Promise(resolve => {
    const listen = ({ data }) => {
      if (data.type === 3) {  // the result
        searcher.removeEventListener("message", listen);
        resolve(data.data.items);
      }
    };
    searcher.addEventListener("message", listen);
    searcher.postMessage({ type: 2, data: query });
  });
  const found = [];
  for (const query of queries) {
    const items = await ask(query);
    found.push(items.map(group => group[0].location.split("#")[0]));
  }
  return found;
}
"""


def found_pages(browser, base, queries, index=None):
    """The pages that each query finds, best first, as the theme shows them.

    An `index` takes the place of the one that the site has.
    """
    tab = browser.new_page()
    tab.add_init_script(KEEP_WORKER)
    if index:
        tab.route("**/search_index.json",
                  lambda route: route.fulfill(json=index))
    tab.goto(base, wait_until="load")
    tab.locator(".md-search__input").focus()
    tab.wait_for_function("window.searcher", timeout=60000)
    pages = tab.evaluate(ASK, queries)
    tab.close()
    return pages


def own_page(term, site):
    """The page that the glossary names, the glossary where it is missing."""
    page = f"{term.page}/"
    return page if term.page and (site / page).is_dir() else "about/glossary/"


def lost(browser, base, folder, lang, index=None):
    """Terms that do not find their page among the first three results."""
    terms = load_terms(search.Path("."))
    queries = [term.get("", lang) for term in terms]
    results = found_pages(browser, base, queries, index)
    return {
        term.id: (own_page(term, folder), pages[:3])
        for term, pages in zip(terms, results, strict=True)
        if own_page(term, folder) not in pages[:3]
    }


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_term_finds_its_page_among_the_first_three(
    browser, served, site, lang
):
    path = "en/" if lang == "en" else ""
    assert len(load_terms(search.Path("."))) > 250
    assert lost(browser, served + path, site / path, lang) == {}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_terms_without_entries_of_their_own_are_lost(
    browser, served, site, lang
):
    path = "en/" if lang == "en" else ""
    file = site / path / "search/search_index.json"
    index = json.loads(file.read_text("utf-8"))
    index["docs"] = [
        doc for doc in index["docs"] if "#term-" not in doc["location"]]
    missing = lost(browser, served + path, site / path, lang, index)
    assert len(missing) > 50
