"""The checker of quotes, seen to fail."""

import pytest

from sitekit.checks.quotes import check_quotes
from tests.site.small_tree import assert_seen, replace, write

ZH = "docs/zh/layers/scale.md"
EN = "docs/en/layers/scale.md"

BREAKAGES = {
    "no such function": (
        EN, "scale.py::scale", "scale.py::scales", "has no symbol 'scales'"),
    "no such method": (
        EN, "scale.py::scale", "scale.py::Scale.build", "no symbol 'Scale.b"),
    "no such file": (
        ZH, "dlguide/layers/scale.py::", "dlguide/layers/gru.py::",
        "there is no file 'dlguide/layers/gru.py'"),
    "file outside the trees": (
        EN, "dlguide/layers/scale.py::scale", "sitekit/build.py::PATH",
        "expected a file of dlguide, examples, tests"),
    "quote without symbol": (EN, "scale.py::scale", "scale.py", "no symbol"),
    "unknown option": (
        EN, "scale.py::scale", "scale.py::scale part", "expected path::sym"),
    "two symbols in a quote": (
        EN, "scale.py::scale\n", "scale.py::scale\nb.py::x\n", "expected path"),
    "symbol renamed in the module": (
        "dlguide/layers/scale.py", "def scale(", "def scaled(",
        "docs/en/layers/scale.md|has no symbol 'scale'"),
    "no such cell": (
        EN, "result\nexamples/layers/scale.py::line",
        "result\nexamples/layers/scale.py::lines", "no cell named 'lines'"),
    "cell renamed in the example": (
        "examples/layers/scale.py", 'name="line"', 'name="graph"',
        "docs/zh/layers/scale.md|no cell named 'line'"),
    "no such run": (
        EN, "run\nexamples/layers/scale.py", "run\nexamples/layers/gru.py",
        "there is no file 'examples/layers/gru.py'"),
    "run of a module": (
        EN, "run\nexamples/layers/scale.py", "run\ndlguide/layers/scale.py",
        "expected examples/<chapter>/<stem>.py"),
    "no such plot": (
        EN, "scale.py::line\nalt", "scale.py::curve\nalt",
        "draws no figure 'curve'"),
    "plot renamed in the example": (
        "examples/layers/scale.py", 'num="line"', 'num="curve"',
        "docs/en/layers/scale.md|draws no figure 'line'"),
    "no such drawing": (
        EN, "figures/layers/scale.svg", "figures/layers/scales.svg",
        "there is no file 'docs/figures/layers/scales.svg'"),
    "drawing elsewhere": (
        EN, "docs/figures/layers/scale.svg", "docs/scale.png",
        "expected docs/figures/"),
    "no such script": (
        EN, "layers/scale::slope", "layers/scale::slopes",
        "there is no script docs/overrides/assets/interactive/slopes.js"),
    "script removed": (
        "docs/overrides/assets/interactive/slope.js", "", None,
        "docs/zh/layers/scale.md|interactive: there is no script"),
    "interactive figure of no concept": (
        ZH, "layers/scale::slope", "layers/gru::slope",
        "there is no module dlguide/layers/gru.py"),
    "interactive figure without a name": (
        EN, "layers/scale::slope", "layers/scale",
        "expected chapter/stem::name"),
    "the frame is no figure": (
        EN, "layers/scale::slope", "layers/scale::frame", "expected chapter"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_breakage_is_seen(name, tmp_path):
    assert_seen(check_quotes, tmp_path, BREAKAGES[name])


@pytest.mark.parametrize("target", [
    "dlguide/layers/scale.py::Scale",
    "dlguide/layers/scale.py::Scale.call",
    "dlguide/layers/scale.py::LIMIT full",
    "tests/layers/test_scale.py::test_slope_is_the_factor",
    "examples/layers/scale.py::line",
    "examples/layers/scale.py::SEED",
])
def test_every_kind_of_symbol_can_be_quoted(target, tmp_path):
    root = write(tmp_path)
    replace(root, EN, "dlguide/layers/scale.py::scale", target)
    assert check_quotes(root) == []
