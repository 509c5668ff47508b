"""On a phone: figures and formulas in full view, text large enough."""

import pytest

from tests.site.test_browser import URLS

WIDTH = 360
# pixels on the screen: of a label, and of its sub- and superscripts
LABEL, SMALL = 9, 7
CONCEPTS = [url for url in URLS if "/" in url and not url.startswith("en/")]
MEASURE = """() => [...document.querySelectorAll('.fig-box')].flatMap(box => {
  const svg = box.querySelector('svg');
  const name = box.parentElement.id;
  const room = svg.getBoundingClientRect();
  const found = [];
  if (box.scrollWidth > box.clientWidth + 1 || room.left < 0
      || room.right > innerWidth) found.push(`${name}: wider than the phone`);
  const scale = svg.getScreenCTM().a;
  for (const node of svg.querySelectorAll('text, tspan')) {
    const own = [...node.childNodes].some(
      child => child.nodeType === 3 && child.data.trim());
    const size = parseFloat(getComputedStyle(node).fontSize) * scale;
    const least = node.matches('tspan') ? SMALL : LABEL;
    if (own && size < least - .05)
      found.push(`${name}: "${node.textContent}" is ${size.toFixed(1)} px`);
  }
  return found.slice(0, 3);
})""".replace("SMALL", str(SMALL)).replace("LABEL", str(LABEL))


# formulas in a line of text do not break; solutions are unfolded
FORMULAS = """() => {
  for (const box of document.querySelectorAll('details')) box.open = true;
  return [...document.querySelectorAll('p math, li math')].filter(math => {
    if (math.closest('.equation, [display=block]')) return false;
    const block = math.closest('p, li').getBoundingClientRect();
    return math.getBoundingClientRect().right > block.right + 1;
  }).map(math => math.textContent);
}"""


@pytest.fixture(scope="module")
def phone(browser):
    """A tab as wide as a small phone."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": 780}, is_mobile=True,
        has_touch=True)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("url", CONCEPTS)
def test_figures_are_read_without_scrolling(phone, served, url):
    phone.goto(served + url, wait_until="load")
    assert phone.evaluate(MEASURE) == []
    assert phone.evaluate(FORMULAS) == []


def test_the_measure_sees_a_formula_that_is_cut(phone, served):
    phone.goto(f"{served}layers/lstm/", wait_until="load")
    phone.locator("details math").first.evaluate(
        "math => { math.style.paddingRight = '400px'; }")
    assert len(phone.evaluate(FORMULAS)) == 1


@pytest.mark.parametrize(("change", "said"), [
    ("box.querySelector('text').style.fontSize = '3px'", " px"),
    ("box.querySelector('svg').style.minWidth = '440px'", "wider"),
])
def test_the_measure_sees_a_figure_that_is_too_small_or_wide(
    phone, served, change, said
):
    phone.goto(f"{served}layers/lstm/", wait_until="load")
    phone.evaluate(f"() => {{ const box = document.querySelector('.fig-box');"
                   f" {change} }}")
    assert said in phone.evaluate(MEASURE)[0]


def test_what_scrolls_shows_that_it_goes_on(phone, served):
    phone.goto(f"{served}layers/lstm/", wait_until="load")
    for box in (".equation-math", ".quote pre > code", "table:not([class])"):
        image = phone.locator(box).first.evaluate(
            "box => getComputedStyle(box).backgroundImage")
        assert image.count("linear-gradient") == 4


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_keyboard_opens_the_menu_and_does_not_stop_in_a_closed_one(
    phone, served, key
):
    phone.goto(f"{served}layers/lstm/", wait_until="load")
    menu = phone.locator(".menu")
    nav = phone.locator(".md-sidebar--primary")
    nav.wait_for(state="hidden")
    menu.focus()
    phone.keyboard.press(key)
    nav.wait_for(state="visible")
    assert menu.get_attribute("aria-expanded") == "true"
    phone.keyboard.press("Escape")
    nav.wait_for(state="hidden")


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_keyboard_opens_the_search_and_comes_back(phone, served, key):
    phone.goto(f"{served}layers/lstm/", wait_until="load")
    phone.locator(".look").focus()
    phone.keyboard.press(key)
    phone.keyboard.type("卷积")
    phone.locator(".md-search-result__item").first.wait_for(timeout=20000)
    assert phone.locator(".look").get_attribute("aria-expanded") == "true"
    phone.keyboard.press("Escape")
    phone.wait_for_function("document.activeElement.matches('.look')")
    assert phone.locator(".look").get_attribute("aria-expanded") == "false"


def test_touch_opens_the_search(phone, served):
    phone.goto(f"{served}layers/lstm/", wait_until="load")
    phone.locator(".look").tap()
    phone.keyboard.type("卷积")
    assert phone.locator(".md-search__input").input_value() == "卷积"


def test_buttons_of_menu_and_search_are_for_narrow_screens(browser, served):
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    tab.goto(f"{served}layers/lstm/", wait_until="load")
    assert not tab.locator(".menu").is_visible()
    assert not tab.locator(".look").is_visible()
    tab.close()
