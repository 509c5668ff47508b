"""The zips that work from a folder, opened from one."""

import re
import zipfile

import pytest

from sitekit import offline


@pytest.fixture(scope="module")
def folder(site, tmp_path_factory):
    """Both zips, unpacked."""
    target = tmp_path_factory.mktemp("offline")
    assert offline.main([str(site), str(target)]) == 0
    for lang in ("zh", "en"):
        with zipfile.ZipFile(target / f"dlguide-{lang}.zip") as archive:
            archive.extractall(target)
    return target


@pytest.fixture
def tab(browser):
    """A tab that notes what goes wrong."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.trouble = []
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("requestfailed",
            lambda request: page.trouble.append(request.url))
    page.on("request", lambda request: request.url.startswith("http")
            and page.trouble.append(request.url))
    yield page
    context.close()


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", [
    "", "layers/lstm/", "practice/cifar10/", "examples/layers/lstm/",
    "about/glossary/", "api/layers/",
])
def test_page_opens_from_its_folder(tab, folder, lang, name):
    page = folder / f"dlguide-{lang}" / name / "index.html"
    tab.goto(page.as_uri(), wait_until="load")
    tab.wait_for_timeout(500)
    assert tab.trouble == []
    assert tab.locator("h1").count() == 1
    assert tab.locator("a.language").count() == 0
    if tab.locator("math").count():
        tab.evaluate("document.fonts.ready")
        assert tab.evaluate(
            "[...document.fonts].filter(f => f.status === 'error').length"
        ) == 0
    broken = tab.evaluate("""[...document.images].filter(
        image => !image.naturalWidth).map(image => image.src)""")
    assert broken == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_interactive_figure_works_from_a_folder(tab, folder, lang):
    page = folder / f"dlguide-{lang}/basics/neural_network/index.html"
    tab.goto(page.as_uri(), wait_until="load")
    figure = tab.locator("#int-decision_regions")
    said = figure.locator("output").inner_text()
    figure.locator("input").first.focus()
    tab.keyboard.press("ArrowLeft")
    assert figure.locator("output").inner_text() != said
    assert tab.trouble == []


@pytest.mark.parametrize(("lang", "query", "target"), [
    ("zh", "卷积", "layers/convolution/index.html"),
    ("en", "convolution", "layers/convolution/index.html"),
])
def test_search_works_from_a_folder(tab, folder, lang, query, target):
    home = folder / f"dlguide-{lang}"
    tab.goto((home / "index.html").as_uri(), wait_until="load")
    tab.locator(".md-search__input").first.press_sequentially(query)
    results = tab.locator(".md-search-result__item > a")
    results.first.wait_for(timeout=20000)
    urls = results.evaluate_all("links => links.map(link => link.href)")
    paths = [re.split("[?#]", url)[0] for url in urls]
    assert (home / target).as_uri() in list(dict.fromkeys(paths))[:3]
    results.first.click()
    tab.wait_for_url(re.compile(r"index\.html"))
    assert tab.locator("h1").count() == 1


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_link_inside_leads_to_a_file(folder, lang):
    home = folder / f"dlguide-{lang}"
    missing = set()
    for page in home.rglob("*.html"):
        text = page.read_text("utf-8")
        for path, _ in offline.HREF.findall(text):
            if path and not (page.parent / path).resolve().is_file():
                missing.add((page.relative_to(home).as_posix(), path))
    assert missing == set()


def test_same_site_makes_the_same_bytes(site, tmp_path):
    for name in ("a.zip", "b.zip"):
        offline.pack(site, "en", tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (
        tmp_path / "b.zip").read_bytes()


def test_chinese_zip_has_no_english_site_in_it(folder):
    assert not (folder / "dlguide-zh/en").exists()
    assert (folder / "dlguide-en/index.html").is_file()


def test_without_a_site_it_says_so(tmp_path, capsys):
    assert offline.main([str(tmp_path / "none"), str(tmp_path)]) == 2
    assert "there is no built site" in capsys.readouterr().err
