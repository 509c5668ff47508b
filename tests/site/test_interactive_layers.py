"""The interactive figures of layers/: what they draw is what Python computes.

Three figures: convolution windows, receptive fields, the gates of an LSTM.
"""

import itertools
import re

import keras
import numpy as np
import pytest
from keras import ops

from dlguide.layers import convolution, lstm

WINDOW, FIELD, GATES = "window", "receptive_field", "gates"
PAGE = {WINDOW: "layers/convolution/", FIELD: "layers/convolution/",
        GATES: "layers/lstm/"}
ATOL = 1e-6


@pytest.fixture(scope="module")
def context(browser):
    """A browser window of the size of a small phone."""
    window = browser.new_context(viewport={"width": 320, "height": 640})
    yield window
    window.close()


@pytest.fixture
def visit(context, served):
    """Opens the page of a figure; no script may complain on it."""
    tab, trouble = context.new_page(), []
    tab.on("console", lambda message: message.type == "error"
           and trouble.append(message.text))
    tab.on("pageerror", lambda error: trouble.append(str(error)))

    def visit(figure, lang="en"):
        folder = "en/" if lang == "en" else ""
        tab.goto(served + folder + PAGE[figure])
        tab.locator(f"#int-{figure} svg").first.wait_for()
        return tab

    yield visit
    tab.close()
    assert trouble == []


def knob(tab, figure, number):
    """The control of a figure with this number, from 1."""
    return tab.locator(f"#int-{figure} .int-control").nth(
        number - 1).locator("input, button")


def turn(tab, figure, **values):
    """Set sliders by their number: k1=5."""
    for name, value in values.items():
        knob(tab, figure, int(name[1:])).evaluate(
            "(input, value) => { input.value = value;"
            " input.dispatchEvent(new Event('input', {bubbles: true})); }",
            value)


def told(tab, figure):
    """What a figure says, in plain ASCII digits and signs."""
    text = tab.locator(f"#int-{figure} output").inner_text()
    return text.replace("−", "-")


def array(tensor):
    """A NumPy array of what a backend returned."""
    return ops.convert_to_numpy(tensor)


def numbers(*shapes, seed=0):
    """Random arrays of these shapes."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


# convolution: sizes, errors, values

SETTINGS = list(itertools.product(
    range(9), range(5), range(4), (-1, 0, 1, 2), range(4)))


def size_or_error(setting):
    """The output size, or what is wrong with the setting, in Python."""
    try:
        return convolution.output_size(*setting)
    except ValueError as error:
        return str(error)


def test_output_sizes_and_errors_are_those_of_python(visit):
    ours = [size_or_error(setting) for setting in SETTINGS]
    theirs = visit(WINDOW).evaluate("""settings => settings.map(setting => {
      try { return dlguide.window.outputSize(...setting); }
      catch (error) { return error.message; }
    })""", SETTINGS)
    assert theirs == ours
    assert {type(answer) for answer in ours} == {int, str}


def convolve(x, w, s, p, d):
    """One image, one channel, one filter, in Python."""
    y = convolution.conv2d(x[None, :, :, None], w[:, :, None, None], s, p, d)
    return array(y)[0, :, :, 0]


def convolution_gap(tab):
    """Largest difference of JavaScript and Python over many settings."""
    gaps = []
    for seed, (n, k, s, p, d) in enumerate(
            [(1, 1, 1, 0, 1), (5, 3, 2, 1, 1), (8, 4, 1, 2, 2), (7, 2, 3, 0, 3),
             (8, 3, 2, 2, 3), (6, 4, 1, 1, 1), (3, 3, 1, 2, 1)]):
        x, w = numbers((n, n + 1), (k, max(1, k - 1)), seed=seed)
        theirs = tab.evaluate(
            "([x, w, s, p, d]) => dlguide.window.conv2d(x, w, s, p, d)",
            [x.tolist(), w.tolist(), s, p, d])
        gaps.append(np.abs(np.array(theirs) - convolve(x, w, s, p, d)).max())
    return max(gaps)


def test_convolution_is_that_of_python(visit):
    assert convolution_gap(visit(WINDOW)) < ATOL


def break_script(tab, figure, good, bad):
    """Serve a figure's script with one expression changed."""
    def answer(route):
        response = route.fetch()
        assert good in response.text()
        route.fulfill(response=response,
                      body=response.text().replace(good, bad))

    tab.route(f"**/{figure}.js", answer)


def test_comparison_sees_a_wrong_padding(visit):
    tab = visit(WINDOW)
    break_script(tab, WINDOW, "d * b - p)", "d * b + p)")
    assert convolution_gap(visit(WINDOW)) > ATOL
    tab.unroute_all()


def drawn(tab, figure, picture, kernel=0):
    """Numbers in the cells of a picture, without those of the kernel."""
    texts = tab.locator(f"#int-{figure} svg").nth(picture).evaluate(
        "svg => [...svg.querySelectorAll('text')].map(t => t.textContent)")
    cells = [int(t.replace("−", "-")) for t in texts
             if re.fullmatch("[−-]?[0-9]+", t)]
    return cells[kernel * kernel:]


@pytest.mark.parametrize("setting", [
    (5, 3, 2, 1, 1), (8, 3, 2, 1, 1), (8, 4, 1, 2, 2), (6, 2, 3, 0, 3),
    (1, 1, 1, 2, 1)])
def test_window_draws_and_tells_what_python_computes(visit, setting):
    tab = visit(WINDOW)
    n, k, s, p, d = setting
    turn(tab, WINDOW, k1=n, k2=k, k3=s, k4=p, k5=d)
    x = np.array(tab.evaluate("dlguide.window.X"), "float32")[:n, :n]
    w = np.array(tab.evaluate("dlguide.window.W"), "float32")[:k, :k]
    y = convolve(x, w, s, p, d)
    assert drawn(tab, WINDOW, 0) == np.pad(x, p).ravel().tolist()
    assert drawn(tab, WINDOW, 1, k) == y.ravel().tolist()
    o = len(y)
    assert f"+ 1 = {o}; y(" in told(tab, WINDOW)
    turn(tab, WINDOW, k6=o * o - 1)
    assert f"y({o - 1}, {o - 1}) = " in told(tab, WINDOW)
    assert told(tab, WINDOW).endswith(f" = {y[-1, -1]:.0f}")


def test_window_refuses_a_kernel_that_does_not_fit(visit):
    for lang, words in (("en", "the kernel spans 10 pixels, but the padded "
                         "input has only 7"), ("zh", "卷积核横跨 10 个像素")):
        tab = visit(WINDOW, lang)
        turn(tab, WINDOW, k2=4, k5=3)
        assert words in told(tab, WINDOW)
        assert knob(tab, WINDOW, 6).is_disabled()
        assert drawn(tab, WINDOW, 1, 4) == []
        turn(tab, WINDOW, k5=1)
        assert not knob(tab, WINDOW, 6).is_disabled()


def test_window_moves_by_arrow_keys_and_by_a_tap(visit):
    tab = visit(WINDOW)
    slider = knob(tab, WINDOW, 6)
    slider.focus()
    for key, place in (("ArrowRight", "(0, 1)"), ("ArrowDown", "(1, 1)"),
                       ("ArrowLeft", "(1, 0)"), ("ArrowUp", "(0, 0)"),
                       ("End", "(2, 2)")):
        slider.press(key)
        assert f"y{place}" in told(tab, WINDOW)
        assert slider.get_attribute("aria-valuetext") == place
    for picture, cell, place in ((1, 9 + 5, "(1, 2)"), (0, 0, "(0, 0)")):
        tab.locator(f"#int-{WINDOW} svg").nth(picture).locator(
            "rect").nth(cell).click(force=True)
        assert f"y{place}" in told(tab, WINDOW)


# receptive field

STACKS = [
    [(3, 1, 1)] * depth for depth in (1, 2, 3, 4)
] + [[(3, 1, 2 ** l) for l in range(4)], [(5, 3, 2)] * 3, [(1, 2, 1)] * 2,
     [(2, 2, 1), (3, 1, 3), (4, 3, 1)], [(7, 2, 1), (3, 2, 1), (3, 1, 1)]]


def impulse_response(stack):
    """Paths from one output to each pixel of a row, as the example does."""
    row = np.ones((1, 1, 1, 1), "float32")
    for k, s, d in reversed(stack):
        size = 1, s * (row.shape[2] - 1) + d * (k - 1) + 1
        ones = np.ones((1, k, 1, 1), "float32")
        row = array(convolution.conv2d_transpose(row, ones, size, s, 0, d))
    return row[0, 0, :, 0]


def field_gap(tab):
    """Largest difference of JavaScript and Python over many stacks."""
    gap = 0
    for stack in STACKS:
        fields, rows = tab.evaluate(
            "stack => [dlguide.receptive_field.receptiveField(stack),"
            " dlguide.receptive_field.paths(stack)]", stack)
        for depth, (r, t) in enumerate(fields, 1):
            below = stack[:depth]
            gap = max(gap, abs(r - convolution.receptive_field(below)),
                      abs(t - np.prod([s for _, s, _ in below])))
        paths = impulse_response(stack)
        assert len(rows[-1]) == len(paths)
        gap = max(gap, np.abs(np.array(rows[-1]) - paths).max())
    return gap


def test_receptive_fields_and_paths_are_those_of_python(visit):
    assert field_gap(visit(FIELD)) < ATOL


def test_comparison_sees_a_field_that_forgets_the_stride(visit):
    tab = visit(FIELD)
    break_script(tab, FIELD, "t *= s", "t *= 1")
    assert field_gap(visit(FIELD)) > ATOL
    tab.unroute_all()


def test_receptive_field_tells_what_the_page_says(visit):
    for lang in ("en", "zh"):
        tab = visit(FIELD, lang)
        assert drawn(tab, FIELD, 0)[-7:] == [1, 3, 6, 7, 6, 3, 1]
        assert "×1 = 7" in told(tab, FIELD)  # exercise 3, and the run
        turn(tab, FIELD, k1=4)
        assert "×1 = 9" in told(tab, FIELD)
        knob(tab, FIELD, 5).focus()
        tab.keyboard.press("Space")
        assert "×1 = 31" in told(tab, FIELD)
        tab.keyboard.press("Space")
        turn(tab, FIELD, k4=2)
        assert "×1 = 17" in told(tab, FIELD)
        assert re.search(r"\b9\b", told(tab, FIELD).split("= 17")[1])
        turn(tab, FIELD, k2=5, k3=3)
        words = "too wide" if lang == "en" else "画不下"
        assert words in told(tab, FIELD)


# LSTM


def lstm_gap(tab):
    """Largest difference of JavaScript and Python over random steps."""
    gaps = []
    for seed, (I, H) in enumerate([(1, 1), (2, 1), (3, 4), (1, 2)]):
        arguments = numbers((I,), (H,), (H,), (I, 4 * H), (H, 4 * H), (4 * H,),
                            seed=seed)
        x, h, c, *weights = arguments
        ours = lstm.lstm_step(x[None], h[None], c[None], *weights)
        theirs = tab.evaluate(
            "a => { const s = dlguide.gates.step(...a); return [s.h, s.c]; }",
            [a.tolist() for a in arguments])
        gaps += [np.abs(array(a)[0] - b).max()
                 for a, b in zip(ours, theirs, strict=True)]
    return max(gaps)


def test_lstm_step_is_that_of_python(visit):
    assert lstm_gap(visit(GATES)) < ATOL


def test_comparison_sees_swapped_gates(visit):
    tab = visit(GATES)
    break_script(tab, GATES, "[i, f, g, o] =", "[f, i, g, o] =")
    assert lstm_gap(visit(GATES)) > ATOL
    tab.unroute_all()


def history(values, biases, erase, gate):
    """The cell of the figure in Python: c and h of each step.

    Its inputs are a number, the write signal and the erase signal.
    """
    W_x = np.zeros((3, 4))
    W_x[0, 2], W_x[1, 0], W_x[2, 1] = 1, 8, -12 if gate else 0
    b_i, b_f, b_o = biases
    b = np.array([b_i, b_f if gate else 99, 0, b_o])
    h = c = np.zeros((1, 1))
    states = []
    for t, value in enumerate(values, 1):
        x = np.array([[value, t == 3, erase and t == 9]], "float64")
        h, c = map(array, lstm.lstm_step(x, h, c, W_x, np.zeros((1, 4)), b))
        states.append([c.item(), h.item()])
    return np.array(states)


# biases, erase signal, forget gate; and the cell at the end as pages say it
PRESETS = [
    (((-4, 6, 4), False, True), 0.7), (((-4, 1, 4), False, True), 0.07),
    (((-4, 6, 4), True, True), 0.027), (((2, 6, 4), True, False), 4.4),
]
OTHERS = [
    ((-6, -6, -6), True, True), ((6, 6, 6), False, False),
    ((0, 0, 0), True, True), ((-2.5, 3.5, 1), False, True),
]


@pytest.mark.parametrize(
    ("biases", "erase", "gate"), [*(preset for preset, _ in PRESETS), *OTHERS])
def test_lstm_draws_what_python_computes(visit, biases, erase, gate):
    tab = visit(GATES)
    ours = history(tab.evaluate("dlguide.gates.VALUES"), biases, erase, gate)
    theirs = np.array(tab.evaluate(
        "a => dlguide.gates.history(...a).map(s => [s.c[0], s.h[0]])",
        [biases, erase, gate]))
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=ATOL)
    b_i, b_f, b_o = biases
    turn(tab, GATES, k5=b_i, k6=b_f, k7=b_o, k8=11)
    knob(tab, GATES, 9).set_checked(erase)
    knob(tab, GATES, 10).set_checked(gate)
    assert f" = {ours[10, 0]:.3f}; h" in told(tab, GATES)
    assert told(tab, GATES).endswith(f" = {ours[10, 1]:.3f}")


def test_lstm_presets_show_what_the_page_says(visit):
    for lang, stop in (("en", "; "), ("zh", "；")):
        tab = visit(GATES, lang)
        turn(tab, GATES, k8=12)
        values = tab.evaluate("dlguide.gates.VALUES")
        for preset, (setting, about) in enumerate(PRESETS, 1):
            knob(tab, GATES, preset).focus()
            tab.keyboard.press("Enter")
            last = history(values, *setting)[-1, 0]
            assert last == pytest.approx(about, rel=0.1)
            assert f" = {last:.3f}{stop}h" in told(tab, GATES)
        assert knob(tab, GATES, 6).is_disabled()  # no forget gate, no bias


def test_lstm_presets_have_a_row_of_their_own(visit):
    tab = visit(GATES)
    preset, slider = [knob(tab, GATES, n).bounding_box() for n in (4, 5)]
    assert preset["y"] + preset["height"] <= slider["y"]


def test_lstm_step_is_chosen_by_arrow_keys_and_by_a_tap(visit):
    tab = visit(GATES)
    knob(tab, GATES, 8).press("ArrowRight")
    assert told(tab, GATES).startswith("c₅ = f×c₄ + ")
    picture = tab.locator(f"#int-{GATES} svg")
    box = picture.bounding_box()
    for share, step in ((0.99, "₁₂"), (0.12, "₁"), (0.01, "₁")):
        picture.click(position={"x": share * box["width"], "y": 40})
        assert told(tab, GATES).startswith(f"c{step} = ")


# the frame around the three


@pytest.mark.parametrize("figure", PAGE)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_figure_speaks_its_language_and_fits_a_small_phone(
    visit, figure, lang
):
    tab = visit(figure, lang)
    box = tab.locator(f"#int-{figure}")
    labels = " ".join(box.locator("label").all_inner_texts())
    assert bool(re.search("[一-鿿]", labels)) == (lang == "zh")
    assert bool(re.search("[a-z]{3}", labels)) == (lang == "en")
    assert tab.evaluate(
        "document.documentElement.scrollWidth - innerWidth") <= 0
    right = box.bounding_box()["x"] + box.bounding_box()["width"]
    for part in box.locator("svg, input, button, output").all():
        area = part.bounding_box()
        assert area["x"] + area["width"] <= right + 1


def test_python_side_runs_in_double_precision():
    assert keras.backend.standardize_dtype(
        lstm.lstm_step(*numbers((1, 1), (1, 1), (1, 1), (1, 4), (1, 4),
                                (4,)))[0].dtype) == "float64"
