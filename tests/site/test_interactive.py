"""Interactive figures compute what dlguide computes, for every reader.

The numbers are those of the functions that each script puts into
`window.dlguide`; the rest is done as a reader does it, by keyboard.
"""

import gzip
import json

import numpy as np
import pytest
from keras import ops

from dlguide.basics import neural_network as nn
from dlguide.optimizers import gradient_descent as gd
from sitekit import outputs
from sitekit.checks import project
from sitekit.execute import ROOT
from sitekit.interactive import FRAME, script_path

SCRIPTS = sorted((ROOT / "docs/overrides/assets/interactive").glob("*.js"))
# figure -> page that has it
FIGURES = {
    figure.target.partition("::")[2]: figure.target.partition("::")[0]
    for page in project.pages(ROOT, "en").values()
    for figure in page.figures if figure.kind == "interactive"
}


@pytest.fixture
def tab(browser):
    """A tab on a small phone that notes every error."""
    yield from open_tab(browser)


@pytest.fixture
def plain_tab(browser):
    """The same without JavaScript."""
    yield from open_tab(browser, java_script_enabled=False)


def open_tab(browser, **options):
    context = browser.new_context(
        viewport={"width": 320, "height": 640}, has_touch=True, **options)
    page = context.new_page()
    page.trouble = []
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("console", lambda message: message.type == "error"
            and page.trouble.append(message.text))
    yield page
    context.close()


def visit(tab, served, name, lang="en"):
    """Open the page of a figure; returns the figure."""
    folder = "en/" if lang == "en" else ""
    tab.goto(f"{served}{folder}{FIGURES[name]}/")
    return tab.locator(f"#int-{name}")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", FIGURES)
def test_figure_fits_a_small_phone_and_answers_the_keyboard(
    tab, served, name, lang
):
    figure = visit(tab, served, name, lang)
    output = figure.locator("output")
    said, drawn = output.inner_text(), figure.locator("svg").first.inner_html()
    assert said
    assert output.get_attribute("aria-live") == "polite"
    control = figure.locator("input[type=range], select").first
    control.focus()
    tab.keyboard.press("ArrowRight" if control.evaluate(
        "input => input.value !== input.max") else "ArrowLeft")
    assert output.inner_text() != said
    assert figure.locator("svg").first.inner_html() != drawn
    for svg in figure.locator("svg").all():
        assert svg.get_attribute("aria-label") == output.inner_text()
        assert svg.bounding_box()["width"] >= 240
    assert tab.evaluate(
        "document.documentElement.scrollWidth - innerWidth") <= 0
    assert tab.trouble == []


@pytest.mark.parametrize("name", FIGURES)
def test_every_control_has_a_label_and_a_visible_focus(tab, served, name):
    figure = visit(tab, served, name)
    controls = figure.locator("input, select, button").all()
    controls[0].focus()
    for control in controls:
        labels = "input => [...input.labels || []].map(l => l.textContent)"
        assert [*control.evaluate(labels), control.text_content()][0]
        assert control.evaluate("input => input === document.activeElement")
        outline = control.evaluate("input => getComputedStyle(input).outline")
        assert "solid 2px" in outline
        assert control.bounding_box()["height"] >= 16
        tab.keyboard.press("Tab")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", FIGURES)
def test_without_javascript_text_and_caption_stand_there(
    plain_tab, served, name, lang
):
    figure = visit(plain_tab, served, name, lang)
    page = project.pages(ROOT, lang)[f"{FIGURES[name]}.md"]
    alt = next(f.alt for f in page.figures if name in f.target.split("::"))
    assert alt in figure.inner_text()
    assert figure.locator("figcaption").is_visible()
    assert not figure.locator(".int-app").is_visible()


@pytest.mark.parametrize("name", FIGURES)
def test_paper_shows_the_pictures_without_the_controls(tab, served, name):
    figure = visit(tab, served, name)
    tab.emulate_media(media="print")
    assert figure.locator("svg").first.is_visible()
    assert not figure.locator(".int-controls").is_visible()


@pytest.mark.parametrize("name", FIGURES)
def test_scripts_are_loaded_only_where_they_are_used(site, name):
    text = (site / "en" / FIGURES[name] / "index.html").read_text("utf-8")
    for script in (FRAME, name):
        assert text.count(f"interactive/{script}.js") == 1
    assert "interactive/" not in (site / "en/index.html").read_text("utf-8")


def test_every_script_is_small_and_belongs_to_a_figure():
    names = [path.stem for path in SCRIPTS]
    assert sorted(names) == sorted([FRAME, *FIGURES])
    for path in SCRIPTS:
        data = gzip.compress(path.read_bytes(), mtime=0)
        assert len(data) < 3 * 1024, path.name
    assert script_path(FRAME, ROOT) in SCRIPTS


def test_a_page_without_the_figure_is_left_alone(tab, served):
    visit(tab, served, "steps")
    tab.evaluate("dlguide.figure('none', () => { throw 'built'; })")
    assert tab.locator(".int-app output").count() == 1


# gradient descent against curvature


def walk(lam, eta, w, steps):
    """The path that dlguide takes."""
    path = [np.array(w)]
    for _ in range(steps):
        g = np.array(lam) * path[-1]
        path.append(gd.gradient_descent_step(path[-1], g, eta))
    return np.array(path)


@pytest.mark.parametrize("lam", [[1.0, 10.0], [1.0, 1.0], [1.0, 20.0]])
def test_steps_equal_those_of_dlguide(tab, served, lam):
    compare_steps(tab, served, lam)


def compare_steps(tab, served, lam):
    visit(tab, served, "steps")
    rates, start = [0.005, 0.1, 2 / 11, 0.19, 0.2, 0.21, 0.4], [-4.5, 2]
    found = tab.evaluate("""([lam, rates, start]) => rates.map((eta) => {
        const s = dlguide.steps, { m, rho } = s.rate(eta, lam);
        return { path: s.path(lam, eta, start, 40), m, rho,
                 step: [s.largestStep(lam), s.bestStep(lam)] };
    })""", [lam, rates, start])
    close = {"rtol": 1e-6, "atol": 1e-6}
    for eta, got in zip(rates, found, strict=True):
        path = np.array(got["path"], float)
        np.testing.assert_allclose(path, walk(lam, eta, start, 40), **close)
        m, rho = map(ops.convert_to_numpy, gd.rate(eta, lam))
        np.testing.assert_allclose(got["m"], m, **close)
        np.testing.assert_allclose(got["rho"], rho, **close)
        step = gd.largest_step(lam), gd.best_step(lam)[0]
        np.testing.assert_allclose(got["step"], step, **close)


@pytest.mark.parametrize(("eta", "verdict", "words"), [
    (0.05, "converges", "without overshooting"),
    (0.1, "converges", "without overshooting"),
    (0.19, "oscillates", "oscillates and converges"),
    (0.2, "stays", "side to side forever"),
    (0.205, "diverges", "diverges"),
])
def test_verdict_on_a_step_follows_from_the_curvature(
    tab, served, eta, verdict, words
):
    figure = visit(tab, served, "steps")
    said = tab.evaluate("eta => dlguide.steps.verdict(eta, [1, 10])", eta)
    assert said == verdict
    figure.locator("input[type=range]").first.fill(str(eta))
    assert words in figure.locator("output").inner_text()


def test_more_curvature_makes_the_same_step_diverge(tab, served):
    figure = visit(tab, served, "steps")
    output = figure.locator("output")
    assert "oscillates and converges" in output.inner_text()
    figure.locator("input[type=range]").nth(1).focus()
    tab.keyboard.press("ArrowRight")
    assert "diverges" in output.inner_text()


# decision regions of a small network


def exported(name):
    """Data that the example of a figure exports, as arrays."""
    path = outputs.export_path(FIGURES[name], name, ROOT)
    data = json.loads(path.read_text("utf-8"))
    return {key: np.array(value) for key, value in data.items()}


def masked(net, on):
    """Its weights, for `network`, with some units switched off."""
    W_2 = net["W_2"] * np.array(on)[:, None]
    return [(net["W_1"], net["b_1"]), (W_2, net["b_2"])]


SWITCHES = [[1, 1, 1, 1], [0, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("on", SWITCHES)
def test_network_computes_what_dlguide_computes(tab, served, on):
    compare_network(tab, served, on)


def compare_network(tab, served, on):
    visit(tab, served, "decision_regions")
    weights = masked(exported("decision_regions"), on)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 21)] * 2), -1)
    grid = grid.reshape(-1, 2)
    found = tab.evaluate("""([grid, on]) => {
        const data = document.querySelector("#int-decision_regions script");
        const net = JSON.parse(data.textContent);
        return grid.map(x => dlguide.decision_regions.forward(net, x, on));
    }""", [grid.tolist(), on])
    h = ops.convert_to_numpy(nn.layer(grid, *weights[0], ops.relu))
    y_hat = ops.convert_to_numpy(nn.network(grid, weights))[:, 0]
    close = {"rtol": 0, "atol": 1e-6}
    np.testing.assert_allclose([f["h"] for f in found], h * on, **close)
    np.testing.assert_allclose([f["y_hat"] for f in found], y_hat, **close)
    p = ops.convert_to_numpy(ops.sigmoid(y_hat))
    np.testing.assert_allclose([f["p"] for f in found], p, atol=1e-6)


@pytest.mark.parametrize("on", SWITCHES)
def test_shaded_regions_are_where_the_answer_is_yes(tab, served, on):
    visit(tab, served, "decision_regions")
    weights = masked(exported("decision_regions"), on)
    found = tab.evaluate("""(on) => {
        const data = document.querySelector("#int-decision_regions script");
        const net = JSON.parse(data.textContent);
        const regions = dlguide.decision_regions;
        return [regions.regions(net, on), regions.agreement(net, on)];
    }""", on)
    cells = np.linspace(-0.99, 0.99, 100)
    grid = np.stack(np.meshgrid(cells, cells), -1)
    yes = ops.convert_to_numpy(nn.network(grid, weights))[..., 0] > 0
    area = sum(map(shoelace, found[0])) / 4
    assert area == pytest.approx(yes.mean(), abs=2e-3)
    right = yes == (np.linalg.norm(grid, axis=-1) < 0.7)
    assert found[1] == pytest.approx(right.mean(), abs=1e-6)


def shoelace(polygon):
    x, y = np.array(polygon).T
    return abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2


def test_point_moves_by_tap_and_a_unit_is_switched_off(tab, served):
    figure = visit(tab, served, "decision_regions")
    output = figure.locator("output")
    figure.locator("svg").first.tap(position={"x": 8, "y": 8})
    assert "the answer is no" in output.inner_text()
    assert float(figure.locator("input").first.input_value()) < -0.9
    assert float(figure.locator("input").nth(1).input_value()) > 0.9
    figure.locator("input[type=checkbox]").first.focus()
    tab.keyboard.press("Space")
    assert "the answer is yes" in output.inner_text()  # open on that side
    assert "h₁ = off" in figure.locator("svg").nth(1).text_content()


@pytest.mark.parametrize(("name", "old", "new", "compare", "setting"), [
    ("steps", "1 - eta", "1 - 1.00001 * eta", compare_steps, [1.0, 10.0]),
    ("steps", "value - eta", "value + eta", compare_steps, [1.0, 10.0]),
    ("decision_regions", "Math.max(\n      0,", "Math.max(\n      -1e-5,",
     compare_network, [1, 1, 1, 1]),
    ("decision_regions", "on[j] * Math", "Math", compare_network, [0, 1, 1, 1]),
])
def test_a_script_that_computes_otherwise_is_seen(
    tab, served, name, old, new, compare, setting
):
    script = script_path(name, ROOT).read_text("utf-8")
    assert old in script
    tab.route(f"**/{name}.js", lambda route: route.fulfill(
        body=script.replace(old, new), content_type="text/javascript"))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        compare(tab, served, setting)
