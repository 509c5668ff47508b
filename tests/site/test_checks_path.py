"""The checker of the prerequisites, seen to fail; routes and minutes."""

import re

import pytest
from markdown import Markdown

from sitekit import path as learning
from sitekit.checks.path import check_path
from sitekit.markdown import SiteError, SiteExtension
from tests.site.small_tree import FILES, assert_seen, replace, write

ZH = "docs/zh/layers/scale.md"
EN = "docs/en/layers/scale.md"
NONE = "prerequisites: []"

BREAKAGES = {
    "page without prerequisites": (
        ZH, NONE + "\n", "", "prerequisites None in the front matter"),
    "prerequisites that are no list": (
        ZH, NONE, "prerequisites: layers/shift", "expected a list"),
    "prerequisites that are no names": (
        ZH, NONE, "prerequisites: [1]", "expected a list"),
    "prerequisite that does not exist": (
        ZH, NONE, "prerequisites: [layers/shift]",
        "prerequisite 'layers/shift' is no concept"),
    "page that needs itself": (
        ZH, NONE, "prerequisites: [layers/scale]",
        "in a circle: ['layers/scale', 'layers/scale']"),
    "languages that differ": (
        EN, NONE, "prerequisites: [layers/shift]",
        "prerequisites ['layers/shift']; docs/zh/layers/scale.md has []"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_breakage_is_seen(name, tmp_path):
    assert_seen(check_path, tmp_path, BREAKAGES[name])


def tree(root, needs):
    """The small tree with more concepts: name -> prerequisites."""
    root = write(root)
    for lang in ("zh", "en"):
        text = FILES[f"docs/{lang}/layers/scale.md"]
        for name, names in needs.items():
            line = f"prerequisites: [{', '.join(names)}]"
            replace(root, f"docs/{lang}/{name}.md", None,
                    text.replace(NONE, line))
    nav = "".join(f"      - {name}.md\n" for name in needs)
    replace(root, "mkdocs.yml", "      - layers/scale.md\n", nav)
    return root


CHAIN = {
    "layers/scale": [], "layers/shift": ["layers/scale"],
    "layers/turn": ["layers/scale"],
    "vision/map": ["layers/turn", "layers/shift"],
}


def test_route_has_all_that_is_needed_in_the_order_of_the_navigation(tmp_path):
    root = tree(tmp_path, CHAIN)
    assert check_path(root) == []
    assert learning.route(root, "vision/map") == list(CHAIN)
    assert learning.route(root, "layers/turn") == [
        "layers/scale", "layers/turn"]


def test_circle_is_named(tmp_path):
    root = tree(tmp_path, CHAIN | {"layers/scale": ["vision/map"]})
    with pytest.raises(SiteError, match="circle: .*layers/scale"):
        learning.route(root, "layers/shift")
    assert any("circle" in problem for problem in check_path(root))


def test_prerequisite_after_its_page_is_seen(tmp_path):
    needs = {"layers/shift": ["layers/scale"], "layers/scale": []}
    (problem, *rest) = check_path(tree(tmp_path, needs))
    assert not rest
    assert problem == (
        "docs/zh/layers/shift.md:1: prerequisite layers/scale comes after "
        "layers/shift in the navigation")


def test_prerequisite_named_twice_is_seen(tmp_path):
    needs = {"layers/scale": [], "layers/shift": ["layers/scale"] * 2}
    (problem,) = check_path(tree(tmp_path, needs))
    assert problem.endswith("prerequisite layers/scale named twice")


def test_goal_that_is_no_concept_is_named(tmp_path):
    with pytest.raises(SiteError, match="no concept 'layers/add'"):
        learning.route(write(tmp_path), "layers/add")


def test_minutes_follow_the_reading_speeds(tmp_path):
    root = write(tmp_path)
    before = learning._minutes(root, "zh", "layers/scale")
    replace(root, ZH, "## 小结", "字" * 900 + "\n\n## 小结")
    # text of the exercises does not count, so put it elsewhere
    assert learning._minutes(root, "zh", "layers/scale") == before
    replace(root, ZH, "## 直觉", "字" * 900 + "\n\n$$\na = b\n$$\n\n## 直觉")
    after = learning._minutes(root, "zh", "layers/scale")
    assert after - before == pytest.approx(900 / 300 + 1 / 3)
    assert learning.minutes(root, "layers/scale") == 5


def render(root, lang, page, text):
    md = Markdown(extensions=[SiteExtension(lang=lang)])
    md.site.root, md.site.page = root, page
    return md.convert(text)


def test_page_shows_what_to_read_before_and_after(tmp_path):
    root = tree(tmp_path, CHAIN)
    html = render(root, "en", "layers/shift.md", "# Shift\n\nText.")
    before, after = html.split("Text.")
    assert re.search(r"<h1>Shift</h1>\n<p [^>]*class=.page-facts.>", before)
    assert '<b>Read first</b>: <a href="../scale/">Scale</a>' in before
    assert "about 5 minutes" in before
    assert 'Where this leads: </b><a href="../../vision/map/">' in after


def test_other_pages_are_left_alone(tmp_path):
    root = tree(tmp_path, CHAIN)
    html = render(root, "zh", "about/history.md", "# 历史\n\n文字。")
    assert html == "<h1>历史</h1>\n<p>文字。</p>"


def test_fence_shows_a_route_and_refuses_an_empty_one(tmp_path):
    root = tree(tmp_path, CHAIN)
    md = Markdown(extensions=[SiteExtension(lang="zh")])
    md.site.root, md.site.page = root, "index.md"
    html = learning.fence("layers/turn", md.site)
    assert html.count("<li>") == 2
    assert "约 10 分钟" in html
    with pytest.raises(SiteError, match="on each line"):
        learning.fence("\n", md.site)
