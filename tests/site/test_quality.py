"""The page about/quality counts what is there and refuses a bad run."""

import ast
import json
import re
import shutil

import pytest

from sitekit import quality
from sitekit.checks import project, proofs
from sitekit.execute import ROOT
from sitekit.markdown import Site, SiteError, fence
from tests.site.small_tree import write

REPORT = """<?xml version="1.0"?><testsuites><testsuite name="pytest"
 errors="0" failures="{failures}" skipped="1" tests="3" time="61.26"
 timestamp="2026-11-27T18:40:00.1+00:00">
<testcase classname="tests.layers.test_scale" name="test_a" time="2.04"/>
<testcase classname="tests.site.test_checks_tags"
 name="test_breakage_is_seen[x]" time="0.1"/>
<testcase classname="tests.site.test_math" name="test_b" time="9.0"/>
</testsuite></testsuites>"""


@pytest.fixture
def tree(tmp_path):
    """A small project with a report of a run."""
    write(tmp_path)
    shutil.copy(ROOT / "docs/glossary.yml", tmp_path / "docs")
    (tmp_path / "report.xml").write_text(REPORT.format(failures=0))
    return tmp_path


def site_of(root, lang="en"):
    """Context of the page about/quality of a project."""
    from markdown import Markdown

    md = Markdown(extensions=["sitekit.markdown"])
    site = Site(md, lang, root)
    site.page = "about/quality.md"
    return site


def test_counts_are_those_of_the_project():
    n = quality.count(ROOT)
    assert n["concepts"] == len(project.concept_pages(ROOT, "zh"))
    text = "".join(p.read_text("utf-8")
                   for p in ROOT.glob("docs/en/[a-z]*/*.md")
                   if p.parent.name not in project.GENERATED)
    assert n["tied"] == len(re.findall(r"\\tag\{\w+:\w+\}", text))
    assert n["quotes"] == len(re.findall("^ *``` quote$", text, re.M))
    tests = "".join(p.read_text("utf-8") for name in
                    project.concept_pages(ROOT, "en") for p in [
                        ROOT / f"tests/{name.replace('/', '/test_')}.py"])
    every = sum(n[kind] for kind in proofs.KINDS)
    assert every == len(re.findall(r"^def test_", tests, re.M))


def test_one_more_tag_is_counted(tree):
    before = quality.count(tree)["tied"]
    page = tree / "docs/en/layers/scale.md"
    page.write_text(page.read_text("utf-8").replace(
        r"\frac{dy}{dx} = a", r"\frac{dy}{dx} = a \tag{scale:d}"))
    assert (before, quality.count(tree)["tied"]) == (1, 2)


def test_a_run_is_recorded_and_shown(tree):
    quality.record(tree / "report.xml", tree)
    run = json.loads((tree / quality.RUN).read_text())
    assert run["date"] == "2026-11-27"
    assert (run["passed"], run["skipped"]) == (2, 1)
    assert run["seconds"] == 61
    assert run["slowest"][0] == ["tests/site/test_math.py::test_b", 9.0]
    assert run["versions"]["keras"]
    shown = quality.fence("run", site_of(tree))
    assert "2026-11-27" in shown
    assert "1 min 1 s" in shown
    slowest = quality.fence("slowest", site_of(tree)).replace("<wbr/>", "")
    assert "test_math.py::test_b" in slowest


@pytest.mark.parametrize(("text", "message"), [
    (REPORT.format(failures=2), "2 tests failed"),
    ("<testsuites/>", "no <testsuite>"),
    ("{}", "syntax error|not well-formed"),
    (re.sub("(?s)<testcase.*</testsuite>", "</testsuite>",
            REPORT.format(failures=0)), "no tests"),
])
def test_a_bad_report_is_refused_and_nothing_written(tree, text, message):
    (tree / "report.xml").write_text(text)
    with pytest.raises(SiteError, match=message):
        quality.record(tree / "report.xml", tree)
    assert not (tree / quality.RUN).exists()


def test_a_page_without_a_recorded_run_says_so(tree):
    assert "No full run" in quality.fence("run", site_of(tree))
    assert "没有记录" in quality.fence("slowest", site_of(tree, "zh"))


@pytest.mark.parametrize("content", ["", "{}", "[1]"])
def test_a_damaged_record_stops_the_build(tree, content):
    (tree / quality.RUN).write_text(content)
    with pytest.raises(SiteError, match=r"test_run\.json: .*quality\.py"):
        quality.fence("run", site_of(tree))


def test_an_unknown_part_is_named():
    with pytest.raises(SiteError, match="expected one of summary.*'nothing'"):
        quality.fence("nothing", site_of(ROOT))


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("part", quality.PARTS)
def test_parts_are_well_formed_html(part, lang):
    from xml.etree import ElementTree

    html = quality.fence(part, site_of(ROOT, lang))
    recorded = quality.load_run(ROOT) or part not in ("run", "slowest")
    count = len(list(ElementTree.fromstring(html).iter()))
    assert count > (10 if recorded else 0)


def test_mutants_are_counted_and_every_survivor_has_its_reason():
    counts, reasons = quality.load_mutants(ROOT)
    html = quality.fence("mutants", site_of(ROOT))
    total = counts["totals"]
    for killed, run in (("killed", "run"), ("every_killed", "every_run")):
        assert total[killed] / total[run] > 0.9
        assert f"{total[killed] / total[run]:.1%}" in html
    assert html.count("<li>") == sum(map(len, reasons.values()))
    assert total["survived"] == sum(map(len, reasons.values()))


@pytest.mark.parametrize("content", [None, "{"])
def test_missing_or_damaged_counts_of_mutants_stop_the_build(tree, content):
    if content:
        (tree / "tests/mutation").mkdir()
        (tree / quality.MUTANTS).write_text(content)
    with pytest.raises(SiteError, match=r"tests/mutation/summary\.json"):
        quality.fence("mutants", site_of(tree))


def test_claims_show_what_is_asserted():
    html = quality.fence("claims", site_of(ROOT))
    assert "<code>max(run[&#x27;lstm_mse&#x27;]) &lt; 0.05</code>" in html


def test_assertions_are_found_in_a_loop():
    test = ast.parse("def test_x(run):\n for a in run:\n  assert a < 1\n")
    assert quality.asserted(test.body[0]) == ["a < 1"]


def test_the_recorded_run_is_a_full_one():
    run = quality.load_run(ROOT)
    assert run is None or (
        run["passed"] > 1500 and len(run["slowest"]) == quality.SLOWEST)


def test_breakages_are_counted_and_enough():
    from tests.site.test_checks_tags import BREAKAGES

    assert quality.breakages(ROOT) >= 60
    assert quality.breakages(ROOT) > len(BREAKAGES) > 0


def test_the_fence_is_registered():
    site = site_of(ROOT)
    site.md.site = site
    assert "<table" in fence("concepts", "quality", "quality", {}, site.md)
