"""Examples: keys, staleness, fences, and what a failing cell says."""

import base64
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from sitekit import execute, interactive, keys, outputs
from sitekit.figures import fence as figure_fence
from sitekit.figures import prefixed, rasters, themed
from sitekit.generate import notebook
from sitekit.markdown import SiteError

EXAMPLE = '''# %% [markdown] lang="zh"
# # 标题 $x_t$
# %% [markdown] lang="en"
# # Title $x_t$
# %% name="setup"
import matplotlib.pyplot as plt
import numpy as np

from dlguide.layers.toy import double

SEEDS = range(2)
print("twice 2 is", double(2))  # comment
# %% name="draw"
fig, ax = plt.subplots(num="line")
ax.plot([0, 1], [0, 1])
plt.show()
exports = {"doubled": {"x": SEEDS[1], "W": np.eye(2)}}
'''


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with one module that imports another, and one example."""
    files = {
        "examples/layers/toy.py": EXAMPLE,
        "dlguide/__init__.py": "",
        "dlguide/layers/__init__.py": "",
        "dlguide/layers/toy.py":
            '"""Doc."""\nfrom dlguide.layers.base import two\n\n\n'
            'def double(x):\n    """Twice x."""\n    return two() * x\n',
        "dlguide/layers/base.py": "def two():\n    return 2\n",
        "dlguide/layers/other.py": "X = 1\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (tmp_path / "requirements").mkdir()
    shutil.copy(execute.ROOT / "requirements/test.txt",
                tmp_path / "requirements/test.txt")
    monkeypatch.setattr(execute, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def done(project, monkeypatch):
    """The project with its example run; the toy module imported from it."""
    fake = SimpleNamespace(double=lambda x: 2 * x)
    monkeypatch.setitem(__import__("sys").modules, "dlguide.layers.toy", fake)
    outputs.save("layers/toy", execute.run("examples/layers/toy.py"), project)
    return project


def change(project, name, old, new):
    path = project / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def key(project):
    return keys.example_key(project / "examples/layers/toy.py", project)


def test_fresh_outputs_are_not_stale(done):
    assert not outputs.is_stale("layers/toy", done)


@pytest.mark.parametrize(("name", "old", "new"), [
    ("examples/layers/toy.py", "# # 标题", "# # 别的标题"),
    ("examples/layers/toy.py", "  # comment", "  # another comment"),
    ("dlguide/layers/toy.py", "Twice x.", "Two times x."),
    ("dlguide/layers/toy.py", "two() * x", "(two()   *   x)"),
    ("dlguide/layers/other.py", "X = 1", "X = 2"),
])
def test_prose_comments_layout_and_other_modules_keep_the_key(
    done, name, old, new
):
    change(done, name, old, new)
    assert not outputs.is_stale("layers/toy", done)


@pytest.mark.parametrize(("name", "old", "new"), [
    ("examples/layers/toy.py", "double(2)", "double(3)"),
    ("dlguide/layers/toy.py", "two() * x", "two() + x"),
    ("dlguide/layers/base.py", "return 2", "return 3"),
    ("requirements/test.txt", "\nkeras==", "\nkeras==9"),
])
def test_code_imported_code_and_locked_versions_change_the_key(
    done, name, old, new
):
    change(done, name, old, new)
    assert outputs.is_stale("layers/toy", done)


def test_a_missing_figure_is_stale(done):
    outputs.figure_path("layers/toy", "line", done).unlink()
    assert outputs.is_stale("layers/toy", done)


def test_exported_data_is_a_file_and_its_absence_is_stale(done):
    path = outputs.export_path("layers/toy", "doubled", done)
    assert path.read_text() == '{"x":1,"W":[[1.0,0.0],[0.0,1.0]]}\n'
    assert outputs.load("layers/toy", done)["exports"] == ["doubled"]
    path.unlink()
    assert outputs.is_stale("layers/toy", done)


def test_data_that_is_no_number_cannot_be_exported(project):
    run = SimpleNamespace(figures={}, exports={"x": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        outputs.save("layers/toy", run, project)


def test_interactive_figure_carries_the_exported_data(done):
    script = done / "docs/overrides/assets/interactive/doubled.js"
    script.parent.mkdir(parents=True)
    script.write_text("// draws\n")
    page = Page(done)
    text = "layers/toy::doubled\nalt: y is 2x\ncaption: Doubled."
    html = interactive.fence(text, page)
    assert '<script type="application/json">{"x":1,"W":' in html
    assert '<script src="assets/interactive/doubled.js" defer>' in html
    assert "y is 2x</p></noscript>" in html
    again = interactive.fence(text, page)  # a script is loaded once
    assert "src=" not in again


def test_modules_are_found_transitively(project):
    found = keys.modules_of(project / "examples/layers/toy.py", project)
    assert [path.name for path in found] == ["base.py", "toy.py"]


def test_a_failing_cell_is_named_with_its_error(project):
    change(project, "examples/layers/toy.py", "print(", "raise ValueError(")
    with pytest.raises(execute.ExampleError) as caught:
        execute.run("examples/layers/toy.py")
    message = str(caught.value)
    assert "examples/layers/toy.py, cell 3 (setup)" in message
    assert "Error" in message


def test_an_unnamed_figure_fails(project):
    change(project, "examples/layers/toy.py",
           "from dlguide.layers.toy import double", "double = abs")
    change(project, "examples/layers/toy.py", 'num="line"', "")
    with pytest.raises(execute.ExampleError, match="a figure has no name"):
        execute.run("examples/layers/toy.py")


def test_a_text_cell_without_language_fails(project):
    change(project, "examples/layers/toy.py", ' lang="zh"', "")
    with pytest.raises(execute.ExampleError, match='needs lang="zh"'):
        execute.run("examples/layers/toy.py")


class Page:
    """A page for fences to render on."""

    def __init__(self, root, lang="en"):
        """Keep root and language."""
        self.root, self.lang, self.scripts = root, lang, set()
        self.say = lambda zh, en: zh if lang == "zh" else en
        self.link = self.inline = lambda text: text


def test_result_fence_shows_what_the_cell_printed(done):
    html = outputs.result_fence("examples/layers/toy.py::setup", Page(done))
    assert "twice 2 is 4" in html


def test_run_fence_shows_versions_seeds_and_links_in_both_languages(done):
    html = outputs.run_fence("examples/layers/toy.py", Page(done, "zh"))
    assert "随机种子" in html
    assert "0, 1" in html
    assert "numpy" in html
    assert "source/examples/layers/toy.ipynb" in html
    assert "Seeds" in outputs.run_fence("examples/layers/toy.py", Page(done))


@pytest.mark.parametrize(("lang", "words"), [
    ("zh", "你的数字为什么会不同"), ("en", "why your numbers may differ")])
def test_run_fence_leads_to_the_page_on_numbers_that_differ(done, lang, words):
    html = outputs.run_fence("examples/layers/toy.py", Page(done, lang))
    page = "about/reproducibility.md"
    assert html.count(f'<a href="{page}">{words}</a>') == 1
    assert (Path(__file__).parents[2] / f"docs/{lang}/{page}").is_file()


@pytest.mark.parametrize(("fence", "text", "message"), [
    (outputs.result_fence, "examples/layers/toy.py::none", "no cell named"),
    (outputs.result_fence, "examples/layers/toy.py::draw", "printed nothing"),
    (outputs.result_fence, "examples/layers/no.py::x", "has no outputs"),
    (outputs.run_fence, "layers/toy", "expected examples/"),
    (figure_fence, "examples/layers/toy.py::none\nalt: a\ncaption: b",
     "draws no figure 'none'; it draws line"),
    (figure_fence, "docs/figures/none.svg\nalt: a\ncaption: b", "no figure"),
    (figure_fence, "dlguide/x.svg\nalt: a\ncaption: b", "no figure"),
    (figure_fence, "examples/layers/toy.py::line\ncaption: b", "has no alt"),
    (figure_fence, "examples/layers/toy.py::line\nalt: a", "has no caption"),
    (figure_fence, "examples/layers/toy.py::line\nfoo", "expected alt: or"),
])
def test_a_wrong_fence_fails_and_says_why(done, fence, text, message):
    with pytest.raises(SiteError, match=message):
        fence(text, Page(done))


def test_figure_is_inlined_with_its_text_alternative(done):
    text = "examples/layers/toy.py::line\nalt: y is x\ncaption: A line."
    html = figure_fence(text, Page(done))
    assert 'role="img" aria-label="y is x"' in html
    assert "<figcaption>A line.</figcaption>" in html


def test_images_inside_a_figure_become_files_beside_the_page(done):
    data = base64.b64encode(b"PNG bytes").decode()
    path = outputs.figure_path("layers/toy", "line", done)
    path.write_text(f'<svg><image href="data:image/png;base64,{data}"/></svg>')
    text = "examples/layers/toy.py::line\nalt: y is x\ncaption: A line."
    html = figure_fence(text, Page(done))
    file = "source/images/examples-layers-toy-line-0.png"
    assert f'href="{file}"' in html
    assert "base64" not in html
    assert rasters(path.read_text()) == [b"PNG bytes"]


def test_themed_svg_uses_variables_and_drops_what_is_not_needed():
    svg = ('<?xml version="1.0"?><svg width="10pt" height="10pt" viewBox="0">'
           '<metadata>x</metadata><defs><style type="text/css">*{a}</style>'
           '</defs><path id="used" d="M 1.23456 2"/><g id="unused">'
           '<use href="#used" style="stroke: #0072b2; fill: #000000"/></g>'
           "<text>rate 0.005</text></svg>")
    html = themed(svg)
    assert "var(--fig-1, #0072b2)" in html
    assert "fill: currentColor" in html
    assert "M 1.23 2" in html
    assert "rate 0.005" in html
    for gone in ("<?xml", "metadata", "*{a}", "unused", "10pt"):
        assert gone not in html


def test_prefix_renames_every_id_and_reference():
    svg = '<svg><path id="a"/><use href="#a"/><g clip-path="url(#a)"/></svg>'
    html = prefixed(svg, "p")
    assert html.count("p-a") == 3


def test_notebook_has_one_language_outputs_and_stable_ids(done):
    zh = notebook("layers/toy", "zh", done)
    assert "标题" in zh
    assert "Title" not in zh
    assert "twice 2 is 4" in zh
    assert "image/svg+xml" in zh
    assert "$x_t$" in zh
    assert "<math" in notebook("layers/toy", "en", done, site=True)
    assert zh == notebook("layers/toy", "zh", done)
