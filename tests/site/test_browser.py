"""The built site as a reader meets it: in a browser, in both languages."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(ROOT / "docs/en").as_posix()
    for folder in ("", "*/")
    for path in (ROOT / "docs/en").glob(f"{folder}*.md")
    if path.parent.name != "api"
)
URLS = [
    ("en/" if lang == "en" else "") + re.sub(r"index\.md$|\.md$", "", page)
    for page in PAGES for lang in ("zh", "en")
]
CONCEPT, NOTEBOOK = "layers/lstm/", "examples/layers/lstm/"


@pytest.fixture
def page(browser):
    """A tab that notes failed, foreign and erroneous requests."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.trouble = []
    tab.on("console", lambda message: message.type == "error"
           and tab.trouble.append(message.text))
    tab.on("pageerror", lambda error: tab.trouble.append(str(error)))
    tab.on("request", lambda request: re.match(
        r"(data|blob|http://127\.0\.0\.1)", request.url)
        or tab.trouble.append(f"another host: {request.url}"))
    tab.on("response", lambda response: response.status >= 400
           and tab.trouble.append(f"{response.status} {response.url}"))
    yield tab
    context.close()


@pytest.mark.parametrize("url", [*URLS, NOTEBOOK, f"en/{NOTEBOOK}",
                                 "api/layers/", "en/api/layers/"])
def test_page_loads_cleanly_and_fits_a_small_phone(page, served, url):
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(served + url, wait_until="networkidle")
    assert page.trouble == []
    assert page.evaluate(
        "document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.locator("h1").count() == 1
    lang = page.locator("html").get_attribute("lang")
    assert lang == ("en" if url.startswith("en/") else "zh")


@pytest.mark.parametrize(("start", "query", "target"), [
    ("", "卷积", "layers/convolution/"),
    ("", "Keras", None),
    ("", "长短期记忆", "layers/lstm/"),
    ("en/", "convolution", "en/layers/convolution/"),
    ("en/", "Keras", None),
])
def test_search_finds_the_page_in_its_language(
    page, served, start, query, target
):
    links = page.locator(".md-search-result__link")
    page.goto(served + start, wait_until="networkidle")
    page.locator(".md-search__input").first.press_sequentially(query)
    links.first.wait_for(timeout=20000)
    found = page.locator(".md-search-result__link").evaluate_all(
        "links => links.map(link => link.href)")
    assert all(("/en/" in url) == (start == "en/") for url in found)
    pages = list(dict.fromkeys(re.split(r"[?#]", url)[0] for url in found))
    assert pages
    if target:  # Keras is on every page
        assert served + target in pages[:3]


def test_index_loads_when_a_reader_turns_to_the_search(page, served):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(served, wait_until="networkidle")
    assert not any("search_index" in url for url in asked)
    with page.expect_response("**/search_index.json"):
        page.keyboard.press("/")
    page.keyboard.type("卷积")
    page.locator(".md-search-result__item").first.wait_for(timeout=20000)


def test_link_with_a_query_searches_at_once(page, served):
    page.goto(f"{served}?q=卷积", wait_until="load")
    found = page.locator(".md-search-result__item")
    found.first.wait_for(timeout=20000)
    assert found.count() > 1


def test_query_typed_while_the_index_loads_is_not_lost(page, served):
    def late(route):
        page.wait_for_timeout(2500)
        route.continue_()

    page.route("**/search_index.json", late)
    page.goto(served, wait_until="domcontentloaded")
    page.locator(".md-search__input").first.press_sequentially("卷积")
    page.locator(".md-search-result__item").first.wait_for(timeout=20000)
    assert page.locator(".md-search__input").first.input_value() == "卷积"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_term_shows_its_definition_on_focus_and_hides_on_escape(
    page, served, lang
):
    page.goto(served + ("en/" if lang == "en" else "") + CONCEPT)
    term = page.locator('a.term[id="term-forget_gate"]')
    tip = page.locator("#term-tip")
    term.focus()
    assert tip.is_visible()
    assert term.get_attribute("aria-describedby") == "term-tip"
    word = tip.locator("b")
    assert (word.inner_text(), word.get_attribute("lang")) == (
        ("遗忘门", "zh-Hans") if lang == "en" else ("forget gate", "en"))
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    term.hover()
    assert tip.is_visible()
    box = tip.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280


def test_code_folds_on_all_pages_until_unfolded(page, served):
    page.goto(served + CONCEPT)
    code = page.locator(".quote pre").first
    button = page.locator(".quote-head .fold").first
    assert button.get_attribute("aria-expanded") == "true"
    button.click()
    assert not code.is_visible()
    page.goto(served + "en/layers/convolution/")
    assert not page.locator(".quote pre").first.is_visible()
    page.goto(served + CONCEPT + "#code-lstm:c")  # unfolds what it leads to
    assert page.locator('[id="code-lstm:c"]').is_visible()
    page.goto(served + CONCEPT)
    page.locator(".quote-head .fold").first.click()
    assert page.locator(".quote pre").first.is_visible()


def test_paper_shows_solutions_and_code_without_navigation(page, served):
    page.goto(served + CONCEPT)
    page.locator(".quote-head .fold").first.click()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator(".quote pre").first.is_visible()
    for gone in (".md-header", ".md-sidebar", ".fold", ".copy"):
        assert not page.locator(gone).first.is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0


@pytest.mark.parametrize("url", ["", CONCEPT, NOTEBOOK, "about/references/"])
def test_language_switch_stays_on_the_page_and_returns(page, served, url):
    page.goto(served + url)
    page.locator("a.language").click()
    page.wait_for_url(f"{served}en/{url}")
    assert page.locator("html").get_attribute("lang") == "en"
    page.locator("a.language").click()
    page.wait_for_url(served + url)


def test_equation_leads_to_its_line_of_code_and_back(page, served):
    page.goto(served + CONCEPT)
    page.locator('[id="lstm:c"] .equation-tag').click()
    assert page.url.endswith("#code-lstm:c")
    page.locator('[id="code-lstm:c"] a').click()
    assert page.url.endswith("#lstm:c")


def test_formulas_are_native_mathml_in_our_own_font(page, served):
    page.goto(served + CONCEPT, wait_until="networkidle")
    box = page.locator('[id="lstm:c"] math').bounding_box()
    assert box["width"] > 80
    assert page.evaluate("document.fonts.check('16px \"Guide Math\"', 'x')")
    assert page.locator("script[src*='mathjax' i], .katex").count() == 0


@pytest.mark.parametrize("url", [CONCEPT, f"en/{CONCEPT}", NOTEBOOK, ""])
def test_text_code_and_formulas_are_there_without_javascript(
    browser, served, url
):
    texts = []
    for javascript in (True, False):
        context = browser.new_context(java_script_enabled=javascript)
        tab = context.new_page()
        tab.goto(served + url)
        # an interactive figure says the rest in its alt text
        article = tab.locator("article").inner_text()
        for figure in tab.locator(".interactive").all():
            article = article.replace(figure.inner_text(), "")
        texts.append(article)
        context.close()
    assert len(texts[1]) >= 0.99 * len(texts[0]) > 500


def test_missing_page_answers_in_both_languages(page, served):
    page.goto(f"{served}layers/nothing/")
    text = page.locator("article").inner_text()
    assert "没有这个页面" in text
    assert "There is no such page" in text


def test_dark_scheme_follows_the_system_until_the_reader_chooses(
    browser, served
):
    context = browser.new_context(color_scheme="dark")
    tab = context.new_page()
    tab.goto(served)
    body, button = tab.locator("body"), tab.locator(".scheme:visible")
    assert body.get_attribute("data-md-color-scheme") == "slate"
    tab.emulate_media(color_scheme="light")
    tab.wait_for_function(
        "document.body.dataset.mdColorScheme === 'default'")
    button.click()
    assert body.get_attribute("data-md-color-scheme") == "slate"
    assert button.count() == 1
    tab.goto(f"{served}en/{CONCEPT}")  # for both languages
    assert body.get_attribute("data-md-color-scheme") == "slate"
    context.close()


def test_every_local_link_and_anchor_of_the_site_resolves(site):
    pages = {path: path.read_text("utf-8") for path in site.rglob("*.html")}
    ids = {path: set(re.findall(r'\sid="?([^"\s>]+)', text))
           for path, text in pages.items()}
    broken = []
    for path, text in pages.items():
        if path.name == "404.html":
            continue
        for link in re.findall(r'<a [^>]*?href="([^"]*)"', text):
            target, _, anchor = link.partition("#")
            if re.match(r"[a-z]+:", link):
                continue
            file = (path.parent / target).resolve() if target else path
            file = file / "index.html" if file.is_dir() else file
            if not file.is_file() or (
                anchor and file in ids and anchor not in ids[file]
                and anchor != "__skip"
            ):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_style_of_the_api_is_loaded_on_its_pages_only(site):
    for url, expected in ((CONCEPT, 0), (NOTEBOOK, 0), ("api/layers/", 1)):
        for folder in ("", "en/"):
            html = (site / folder / url / "index.html").read_text("utf-8")
            assert html.count("_mkdocstrings.css") == expected, folder + url


def test_each_page_names_its_twin_for_search_engines(site):
    for url in URLS:
        html = (site / url / "index.html").read_text("utf-8")
        links = re.findall(r'hreflang="([^"]+)" href="([^"]+)"', html)
        assert {lang for lang, _ in links} == {"zh-CN", "en", "x-default"}
        for lang, link in links:
            path = re.sub(r"^https?://[^/]+/", "", link)
            assert (site / path / "index.html").is_file(), (lang, link)


def test_both_languages_have_a_sitemap_and_a_search_index(site):
    for lang, folder in (("zh", site), ("en", site / "en")):
        assert (folder / "sitemap.xml").stat().st_size > 500
        text = (folder / "search/search_index.json").read_text("utf-8")
        index = json.loads(text)
        assert index["config"]["lang"] == [lang]
        titles = " ".join(entry["title"] for entry in index["docs"])
        assert ("参考" in titles) == (lang == "zh")


def test_search_engines_find_both_sitemaps(site):
    text = (site / "robots.txt").read_text("utf-8")
    maps = re.findall(r"^Sitemap: https?://[^/]+/(.*)$", text, re.M)
    assert maps == ["sitemap.xml", "en/sitemap.xml"]
    assert all((site / path).is_file() for path in maps)


def test_each_page_has_a_title_and_description_of_its_own(site):
    seen = {}
    for path in sorted(site.rglob("index.html")):
        html = path.read_text("utf-8")
        for name, pattern in (
            ("title", r"<title>(.*?)</title>"),
            ("description", r'<meta name="description" content="([^"]+)"'),
        ):
            found = re.search(pattern, html, re.S)
            assert found, (path, name)
            seen.setdefault((name, found[1].strip()), []).append(
                path.relative_to(site).as_posix())
    assert [pages for pages in seen.values() if len(pages) > 1] == []


# what stands between two cells of a table that has become a paragraph
ROW = re.compile(r"\|\s*:?-{3,}:?\s*\|")


def rows_as_text(html):
    """Rows of tables that a page shows as text, outside code."""
    shown = re.sub(r"<(pre|code|script)\b.*?</\1>", "", html, flags=re.S)
    return ROW.findall(re.sub(r"<[^>]*>", "", shown))


def test_no_table_is_left_as_text(site):
    found = [path.relative_to(site).as_posix() for path in site.rglob("*.html")
             if rows_as_text(path.read_text("utf-8"))]
    assert found == []


def test_a_table_left_as_text_is_seen():
    html = "<p>| Step | Here |\n|---|---|\n| 1 | 2 |</p>"
    assert rows_as_text(html)
    assert not rows_as_text(f"<pre>{html}</pre>")
