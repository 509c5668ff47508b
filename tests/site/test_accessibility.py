"""axe finds no violation on any page, in either language, light or dark."""

from importlib.resources import files

import pytest

from tests.site.test_browser import CONCEPT, NOTEBOOK, URLS

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
PAGES = [*URLS, NOTEBOOK, f"en/{NOTEBOOK}", "api/layers/", "en/api/layers/"]
# WCAG 2.2 A and AA and axe's best practices, of any impact
RUN = """(options) => axe.run(document, options).then(done =>
  done.violations.map(rule => [
    rule.id, rule.impact,
    rule.nodes.slice(0, 3).map(node => node.html.slice(0, 120)),
  ]))"""


# what differs in the dark is color: one page of each kind
DARK = ["", CONCEPT, f"en/{CONCEPT}", "layers/convolution/",
        "practice/cifar10/", "about/history/",
        "en/about/outlook/", "about/corrections/", "about/glossary/",
        "en/about/references/", NOTEBOOK, "api/layers/"]


@pytest.fixture(scope="module")
def tab(browser):
    """A tab in light colors; axe goes in as a script of the page."""
    yield from open_tab(browser, "light")


@pytest.fixture(scope="module")
def dark_tab(browser):
    """The same in dark colors."""
    yield from open_tab(browser, "dark")


def open_tab(browser, scheme):
    """Open a tab in a color scheme, and close it."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    yield context.new_page()
    context.close()


def violations(tab, rules=None):
    """What axe finds on the page in a tab, solutions unfolded."""
    tab.evaluate("document.querySelectorAll('details')"
                 ".forEach(details => { details.open = true; })")
    tab.evaluate(AXE)
    options = {"runOnly": rules} if rules else {}
    return tab.evaluate(RUN, options)


@pytest.mark.parametrize("url", PAGES)
def test_axe_finds_nothing(tab, served, url):
    tab.goto(served + url, wait_until="load")
    assert violations(tab) == []


@pytest.mark.parametrize("url", DARK)
def test_axe_finds_nothing_in_the_dark(dark_tab, served, url):
    dark_tab.goto(served + url, wait_until="load")
    scheme = dark_tab.evaluate("document.body.dataset.mdColorScheme")
    assert scheme == "slate"
    assert violations(dark_tab) == []


BREAKAGES = {
    "image-alt": "document.body.insertAdjacentHTML('beforeend', "
                 "'<main><img src=x.png></main>')",
    "color-contrast": "document.querySelector('h1').style.color = '#8885'",
    "link-name": "document.querySelector('h1').innerHTML += "
                 "'<a href=x></a>'",
    "html-has-lang": "document.documentElement.removeAttribute('lang')",
}


@pytest.mark.parametrize("rule", BREAKAGES)
def test_axe_sees_a_page_broken_on_purpose(tab, served, rule):
    tab.goto(served, wait_until="load")
    tab.evaluate(BREAKAGES[rule])
    assert rule in [name for name, *_ in violations(tab)]


MOVES = """() => [...document.querySelectorAll('*')].flatMap(
  element => [null, '::before', '::after'].map(
    part => [element, getComputedStyle(element, part)])).filter(
  ([, style]) => style.animationName !== 'none'
    || style.scrollBehavior !== 'auto'
    || style.transitionDuration.split(', ').some(time => time !== '0s'))
  .map(([element]) => element.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize(("motion", "moving"), [
    ("reduce", False), ("no-preference", True)])
def test_nothing_moves_for_who_asks_for_less_motion(
    browser, served, motion, moving
):
    context = browser.new_context(reduced_motion=motion)
    page = context.new_page()
    page.goto(f"{served}layers/lstm/", wait_until="load")
    assert bool(page.evaluate(MOVES)) == moving
    context.close()


def test_no_title_covers_a_link_of_the_sidebars(tab, served):
    tab.goto(f"{served}en/practice/cifar10/", wait_until="load")
    covering = tab.evaluate(
        "() => [...document.querySelectorAll('.md-sidebar *')].filter("
        "item => getComputedStyle(item).position === 'sticky').length")
    assert covering == 0


@pytest.mark.parametrize(("url", "text"), [
    ("", "跳到正文"), ("en/", "Skip to content")])
def test_first_stop_of_the_keyboard_skips_to_the_text(tab, served, url, text):
    tab.goto(served + url, wait_until="load")
    tab.keyboard.press("Tab")
    skip = tab.locator(":focus")
    assert skip.inner_text().strip() == text
    tab.keyboard.press("Enter")
    assert tab.evaluate("location.hash.length") > 1
