"""Runs an example once and keeps what it printed, drew and computed.

An example is a jupytext percent script. Its code cells run in one namespace,
in this process, in order, like a notebook without a kernel (a kernel costs
twice the time). Figures are collected after each cell, as Jupyter does.
"""

import contextlib
import datetime
import io
import linecache
import os
import sys
import time
import traceback
import warnings
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import jupytext

ROOT = Path(__file__).resolve().parent.parent
VERSIONED = ("keras", "tensorflow", "jax", "torch", "numpy", "scikit-learn")

# Colours of the plots: a stand-in for each CSS variable of the site, so that
# a figure follows the theme. sitekit.figures replaces them.
PALETTE = (
    "#0072b2", "#d55e00", "#009e73", "#cc3311", "#aa4499", "#56b4e9"
)
STYLE = {
    "axes.prop_cycle": None,  # filled in run(), needs matplotlib
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.figsize": (6.4, 3.6),
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "legend.frameon": False,
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "dlguide",
}


class ExampleError(Exception):
    """A cell of an example failed."""


@dataclass
class Cell:
    """One cell of an example.

    Attributes:
        kind: "code" or "markdown".
        source: text of the cell.
        name: name of a code cell, "" where it has none.
        lang: "zh" or "en" for a text cell, "" for code.
        stdout: what the cell printed.
        figures: names of the figures it left open, in order.
    """

    kind: str
    source: str
    name: str = ""
    lang: str = ""
    stdout: str = ""
    figures: list = field(default_factory=list)


@dataclass
class Run:
    """An executed example: `run["x"]` is the variable x it left behind."""

    path: str
    cells: list
    figures: dict
    namespace: dict
    card: dict

    def __getitem__(self, name):
        if name not in self.namespace:
            raise KeyError(f"{self.path} leaves no variable named {name!r}")
        return self.namespace[name]

    @property
    def exports(self):
        """Data for interactive figures: the variable `exports`, if any."""
        return self.namespace.get("exports", {})

    @property
    def text(self):
        """All that the example printed."""
        return "".join(cell.stdout for cell in self.cells)


def read_cells(path):
    """Read the cells of a percent script.

    Args:
        path: path of the `.py` file.

    Returns:
        A list of `Cell`.

    Raises:
        ExampleError: a text cell has no lang, or two cells share a name.
    """
    notebook = jupytext.reads(Path(path).read_text("utf-8"), fmt="py:percent")
    cells, names = [], set()
    for number, cell in enumerate(notebook.cells, 1):
        meta = cell.metadata
        lang, name = meta.get("lang", ""), meta.get("name", "")
        if cell.cell_type == "markdown" and lang not in ("zh", "en"):
            raise ExampleError(
                f'{path}, cell {number}: a text cell needs lang="zh" or '
                f'lang="en", got {lang!r}'
            )
        if name and name in names:
            raise ExampleError(f"{path}: two cells are named {name!r}")
        names.add(name)
        cells.append(Cell(cell.cell_type, cell.source, name, lang))
    return cells


def run(path):
    """Execute an example in this process.

    Args:
        path: path of the `.py` file, absolute or relative to the root.

    Returns:
        A `Run`.

    Raises:
        ExampleError: a cell raised; names example, cell and error.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    path = (ROOT / path).resolve()
    shown = path.relative_to(ROOT).as_posix() if ROOT in path.parents else path
    cells = read_cells(path)
    namespace = {"__name__": "__main__", "__file__": str(path)}
    figures = {}
    start = time.perf_counter()
    with _plotting():
        for number, cell in enumerate(cells, 1):
            if cell.kind == "code":
                _run_cell(cell, number, shown, namespace, figures)
    seconds = time.perf_counter() - start
    card = _card(namespace, seconds)
    return Run(str(shown), cells, figures, namespace, card)


def _run_cell(cell, number, shown, namespace, figures):
    label = f"{shown}, cell {number}" + (f" ({cell.name})" if cell.name else "")
    # registered, so that tracebacks and inspect show the cell's source
    lines = cell.source.splitlines(keepends=True)
    linecache.cache[label] = (len(cell.source), None, lines, label)
    printed = io.StringIO()
    try:
        code = compile(cell.source + "\n", label, "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
    except Exception as error:
        trace = traceback.format_exc()
        message = f"{label}: {type(error).__name__}: {error}\n{trace}"
        raise ExampleError(message) from error
    cell.stdout = printed.getvalue()
    for name, svg in _open_figures(label):
        if name in figures:
            raise ExampleError(f"{label}: a second figure named {name!r}")
        figures[name] = svg
        cell.figures.append(name)


def _open_figures(label):
    """Save and close every open figure; yields (name, svg)."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    for number in pyplot.get_fignums() if pyplot else ():
        figure = pyplot.figure(number)
        name = figure.get_label()
        if not name:
            raise ExampleError(
                f'{label}: a figure has no name; write plt.subplots(num="name")'
            )
        svg = io.StringIO()
        figure.savefig(svg, format="svg", metadata={"Date": None})
        pyplot.close(figure)
        yield name, svg.getvalue()


@contextlib.contextmanager
def _plotting():
    """The site's plot style, no window, no open figure left behind."""
    import matplotlib

    matplotlib.use("agg", force=True)
    import matplotlib.pyplot as plt

    plt.close("all")
    style = STYLE | {"axes.prop_cycle": plt.cycler(color=PALETTE)}
    with plt.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-int")
        yield
    plt.close("all")


def _card(namespace, seconds):
    versions = {"python": ".".join(map(str, sys.version_info[:3]))}
    keras = sys.modules.get("keras")
    backend = keras.backend.backend() if keras else "none"
    for name in VERSIONED:
        if name in ("tensorflow", "jax", "torch") and name != backend:
            continue
        for distribution in (name, f"{name}-cpu"):
            with contextlib.suppress(metadata.PackageNotFoundError):
                versions[name] = metadata.version(distribution)
    seeds = namespace.get("SEEDS", namespace.get("SEED"))
    return {
        "date": datetime.date.today().isoformat(),
        "backend": backend,
        "seconds": round(seconds, 1),
        "seeds": [seeds] if isinstance(seeds, int) else [*(seeds or ())],
        "versions": versions,
    }
