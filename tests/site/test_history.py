"""The timeline: complete data, drawing and list; each breakage seen."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml
from markdown import Markdown

from sitekit import history
from sitekit.checks.citations import check_citations
from sitekit.checks.numerals import numerals
from sitekit.citations import bibliography, cited_keys
from sitekit.markdown import SiteError
from tests.site.small_tree import write

ROOT = Path(__file__).resolve().parents[2]
LANGS = ("zh", "en")
SPANS = [
    {"id": "up", "kind": "wave", "start": 1950, "end": 1970,
     "zh": "第一次浪潮", "en": "First wave"},
    {"id": "down", "kind": "winter", "start": 1970, "end": 1980,
     "zh": "低谷", "en": "Winter"},
]
EVENTS = [
    {"year": 1958, "kind": "model", "span": "up", "zh": "线", "en": "A line.",
     "works": ["smith1990scale"], "label_zh": "线", "label_en": "line"},
    {"year": 1970, "kind": "theory", "span": "down", "zh": "和", "en": "A sum.",
     "works": ["wu2010sum", "jones2001line"]},
]
FENCE = "alt: Two marks.\ncaption: The years."

BREAKAGES = {
    "no year": ("events", 0, "year", None, "event 1: no year"),
    "no kind": ("events", 0, "kind", None, "event 1: no kind"),
    "no text in Chinese": ("events", 1, "zh", "", "event 2: no zh"),
    "no text in English": ("events", 1, "en", None, "event 2: no en"),
    "no works": ("events", 0, "works", [], "event 1: no works"),
    "no span": ("events", 0, "span", None, "event 1: no span"),
    "unknown field": ("events", 0, "date", 1958, "unknown field 'date'"),
    "unknown kind": ("events", 0, "kind", "idea", "kind 'idea'; expected th"),
    "unknown span": ("events", 0, "span", "past", "span 'past'; expected up"),
    "year that is no number": (
        "events", 0, "year", "1958?", "year '1958?' is no number"),
    "year outside the span": (
        "events", 0, "year", 1949, "outside its span up, 1950 to 1970"),
    "years out of order": (
        "events", 0, "span", "down", "event 1 (1958): outside its span down"),
    "label in one language": (
        "events", 1, "label_en", "sum", "a label in one language only"),
    "span without a name": ("spans", 0, "en", None, "span 1: no en"),
    "span of no kind": ("spans", 0, "kind", "age", "expected wave or winter"),
    "span that ends before it starts": (
        "spans", 0, "end", 1940, "starts 1950, ends 1940"),
    "gap between spans": (
        "spans", 1, "start", 1972, "starts 1972; the span before ends 1970"),
}


def small(root, spans=SPANS, events=EVENTS):
    """The small project with a timeline."""
    root = write(root)
    text = yaml.safe_dump({"spans": spans, "events": events},
                          allow_unicode=True)
    (root / history.FILE).write_text(text, "utf-8")
    return root


def make_site(lang, root=ROOT):
    md = Markdown(extensions=["sitekit.markdown"],
                  extension_configs={"sitekit.markdown": {"lang": lang}})
    md.site.root, md.site.page = root, "about/history.md"
    return md.site


def drawing(lang, root=ROOT):
    html = history.fence(FENCE, make_site(lang, root))
    return ET.fromstring(re.search(r"<svg viewBox=\"0 0.*?</svg>", html)[0])


# the data


def test_the_timeline_runs_from_1943_to_today_in_three_waves():
    data = history.load(ROOT)
    kinds = [span["kind"] for span in data["spans"]]
    assert kinds == ["wave", "winter", "wave", "winter", "wave"]
    assert data["spans"][0]["start"] == data["events"][0]["year"] == 1943
    assert data["events"][-1]["year"] >= 2025
    used = {event["span"] for event in data["events"]}
    assert used == {span["id"] for span in data["spans"]}
    assert {event["kind"] for event in data["events"]} == set(history.KINDS)


def test_every_work_is_in_the_bibliography():
    named = history.works(ROOT)
    assert len(named) == len(set(named)) > 30
    assert set(named) <= set(bibliography(ROOT))


def test_no_work_is_younger_than_its_event_unless_a_study_of_it():
    works = bibliography(ROOT)
    for event in history.load(ROOT)["events"]:
        first = int(works[event["works"][0]].year)
        studied = event["works"][0] == "akst2019machine"
        # a preprint may be older than the proceedings it is cited by
        assert studied or abs(first - event["year"]) <= 1, event


def test_both_languages_have_the_same_numbers():
    for event in history.load(ROOT)["events"]:
        zh, en = ({n for n, _ in numerals(event[lang])} for lang in LANGS)
        assert zh == en, event


@pytest.mark.parametrize("name", BREAKAGES)
def test_breakage_is_seen(name, tmp_path):
    assert check_citations(small(tmp_path)) == []
    part, number, field, value, expected = BREAKAGES[name]
    lists = {"spans": [dict(x) for x in SPANS],
             "events": [dict(x) for x in EVENTS]}
    lists[part][number][field] = value
    root = small(tmp_path, **lists)
    with pytest.raises(SiteError) as error:
        history.load(root)
    assert expected in str(error.value)
    problems = check_citations(root)
    assert any(p.startswith("docs/history.yml:1: ") and expected in p
               for p in problems), problems


def test_years_out_of_order_are_seen(tmp_path):
    events = [dict(EVENTS[1], year=1975), EVENTS[1]]
    with pytest.raises(SiteError, match=r"event 2 \(1970\): comes after 1975"):
        history.load(small(tmp_path, events=events))


@pytest.mark.parametrize("text", ["[]", "spans: []\nevents: []", "spans: [",
                                  "spans: []", "events: []"])
def test_a_file_of_another_form_is_refused(text, tmp_path):
    (write(tmp_path) / history.FILE).write_text(text, "utf-8")
    with pytest.raises(SiteError, match="docs/history.yml: "):
        history.load(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SiteError, match="docs/history.yml: No such file"):
        history.load(tmp_path)


def test_an_unknown_work_is_refused_by_check_and_build(tmp_path):
    events = [EVENTS[0], dict(EVENTS[1], works=["lee2000"])]
    root = small(tmp_path, events=events)
    message = "docs/history.yml:1: 'lee2000' is not in docs/references.bib"
    assert message in check_citations(root)
    text = (root / "docs/references.bib").read_text("utf-8")
    (root / "docs/references.bib").write_text(text.replace(
        "title", "topic = {history},\n  supports = {x},\n  supports_zh = {x},"
        "\n  verified = {x},\n  title"), "utf-8")
    with pytest.raises(SiteError, match="1970: no work 'lee2000'"):
        history.fence(FENCE, make_site("en", root))


def test_works_of_the_timeline_count_as_cited(tmp_path):
    page = f"# History\n\n``` timeline\n{FENCE}\n```\n"
    keys = ["smith1990scale", "wu2010sum", "jones2001line"]
    assert cited_keys(page, small(tmp_path)) == keys


# the fence


@pytest.mark.parametrize("lang", LANGS)
def test_the_list_has_each_event_with_year_text_and_linked_works(lang):
    data = history.load(ROOT)
    html = history.listing(data, make_site(lang))
    items = re.findall(r"<li>(.*?)</li>", html)
    assert len(items) == len(data["events"])
    for item, event in zip(items, data["events"], strict=True):
        assert item.startswith(f"<b>{event['year']}</b>")
        assert event[lang].split("“")[0].split('"')[0].split("'")[0] in item
        for key in event["works"]:
            assert f'href="../references/#ref-{key}"' in item
    assert len(re.findall("<ol", html)) == len(data["spans"])


@pytest.mark.parametrize("lang", LANGS)
def test_the_drawing_has_a_mark_for_each_event_and_a_band_for_each_span(lang):
    data = history.load(ROOT)
    svg = drawing(lang)
    space = "{http://www.w3.org/2000/svg}"
    marks = [p for p in svg.iter(f"{space}path") if p.get("transform")]
    assert len(marks) == len(data["events"]) + len(history.KINDS)
    assert len(list(svg.iter(f"{space}rect"))) == len(data["spans"])
    assert svg.get("aria-label") == "Two marks."
    assert svg.get("role") == "img"


def test_the_drawing_is_narrow_and_its_labels_do_not_overlap():
    for lang in LANGS:
        svg = drawing(lang)
        width, height = map(float, svg.get("viewBox").split()[2:])
        assert width <= 400
        assert float(svg.get("font-size")) >= 14
        texts = list(svg.iter("{http://www.w3.org/2000/svg}text"))
        labels = sorted(float(t.get("y")) for t in texts
                        if t.get("x") == str(history.LABELS))
        steps = [b - a for a, b in zip(labels, labels[1:], strict=False)]
        assert min(steps) >= history.STEP
        assert max(float(t.get("y")) for t in texts) < height
        for text in texts:  # a Chinese character is as wide as it is high
            wide = sum(14 if ord(c) > 0x2E7F else 7.4 for c in text.text)
            if text.get("x") == str(history.LABELS):
                assert history.LABELS + wide <= width, text.text


def test_marks_do_not_cover_each_other():
    places = [tuple(map(float, re.findall(r"[\d.]+", p.get("transform"))))
              for p in drawing("en").iter("{http://www.w3.org/2000/svg}path")
              if p.get("transform")]
    for n, (x, y) in enumerate(places):
        for a, b in places[:n]:
            assert abs(x - a) >= 15 or abs(y - b) >= 15, (x, y, a, b)


def test_colours_follow_the_theme_and_shapes_tell_kinds_apart():
    svg = ET.tostring(drawing("en"), "unicode")
    assert not re.search(r"#[0-9a-f]{3,6}\b", svg.replace("url(#", ""))
    assert len({shape for *_, shape in history.KINDS.values()}) == len(
        history.KINDS)


@pytest.mark.parametrize(("text", "message"), [
    ("", "timeline has no alt"),
    ("alt: Two marks.", "timeline has no caption"),
    ("caption: Years.", "timeline has no alt"),
    ("title: Years", "expected alt: or caption:, got 'title: Years'"),
])
def test_a_fence_without_its_fields_is_refused(text, message):
    with pytest.raises(SiteError, match=message):
        history.fence(text, make_site("en"))


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_shows_the_timeline_once(lang):
    page = (ROOT / f"docs/{lang}/about/history.md").read_text("utf-8")
    assert len(re.findall(r"^``` timeline$", page, re.M)) == 1


def test_the_page_corrects_every_error_of_the_article():
    data = yaml.safe_load((ROOT / "docs/corrections.yml").read_text("utf-8"))
    quotes = [item["quote"] for item in data["text"]
              if item.get("page") == "about/history"]
    assert len(quotes) == 7
    for lang in LANGS:
        page = (ROOT / f"docs/{lang}/about/history.md").read_text("utf-8")
        shown = [line.strip().removeprefix("> ") for line in page.splitlines()
                 if line.startswith("    > ")]
        assert sorted(shown) == sorted(quotes)
