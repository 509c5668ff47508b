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
    path.write_text(json.dumps({"config": {}, "docs": docs}), "utf-8")
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


RESULTS = ".md-search-result__item"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_term_finds_its_page_among_the_first_three(
    browser, served, site, lang
):
    base = served + ("en/" if lang == "en" else "")
    folder = site / "en" if lang == "en" else site
    index = json.loads(
        (folder / "search/search_index.json").read_text("utf-8"))
    owner = {}
    for entry in index["docs"]:
        page, _, term = entry["location"].partition("#term-")
        if term:
            owner[term] = page
    tab = browser.new_page()
    tab.goto(base, wait_until="networkidle")
    box = tab.locator(".md-search__input").first

    def ask(query):
        """Type a query and wait for results that are not the last ones."""
        tab.evaluate(f"document.querySelectorAll('{RESULTS}')"
                     ".forEach(item => { item.dataset.old = 1; })")
        box.fill(query)
        box.press("Shift")  # the theme listens to keys
        tab.wait_for_selector(f"{RESULTS}:not([data-old])", timeout=20000)
        urls = tab.eval_on_selector_all(
            f"{RESULTS} > a", "links => links.map(link => link.href)")
        pages = [url.removeprefix(base).split("#")[0].split("?")[0]
                 for url in urls]
        return list(dict.fromkeys(pages))[:3]

    ask("Keras")
    lost = {}
    for term in load_terms(search.Path(".")):
        pages = ask(term.get("", lang))
        if owner[term.id] not in pages:
            lost[term.get("", lang)] = (owner[term.id], pages)
    tab.close()
    assert len(owner) > 250
    assert lost == {}
