"""What the examples printed and drew, kept under examples/outputs/.

One JSON file per example (key, card of the run, text per cell), one SVG per
figure and one JSON file per entry of the variable `exports`, the data of an
interactive figure. Pages quote them by the fences `result`, `run`, `figure`
and `interactive`.
"""

import json
import shutil
from pathlib import Path

from sitekit import keys
from sitekit.execute import ROOT
from sitekit.figures import themed
from sitekit.markdown import SiteError, escape


def record_path(name, root=ROOT):
    """Path of the record of an example "layers/lstm"."""
    return Path(root) / f"examples/outputs/{name}.json"


def figure_path(name, figure, root=ROOT):
    """Path of a figure of an example."""
    return Path(root) / f"examples/outputs/{name}/{figure}.svg"


def export_path(name, export, root=ROOT):
    """Path of the data that an example exports under a name."""
    return Path(root) / f"examples/outputs/{name}/{export}.json"


def save(name, run, root=ROOT):
    """Write the record and figures of a run; the old ones go.

    Args:
        name: "layers/lstm".
        run: a `sitekit.execute.Run`.
        root: folder of the project.
    """
    target = record_path(name, root)
    folder = target.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    for figure, svg in run.figures.items():
        folder.mkdir(exist_ok=True)
        figure_path(name, figure, root).write_text(themed(svg), "utf-8")
    for export, data in run.exports.items():
        folder.mkdir(exist_ok=True)
        text = json.dumps(data, separators=(",", ":"), allow_nan=False,
                          default=lambda array: array.tolist())
        export_path(name, export, root).write_text(text + "\n", "utf-8")
    record = {
        "key": keys.example_key(Path(root) / f"examples/{name}.py", root),
        "card": run.card,
        "cells": [
            {"name": c.name, "stdout": c.stdout, "figures": c.figures}
            for c in run.cells if c.kind == "code"
        ],
        **({"exports": sorted(run.exports)} if run.exports else {}),
    }
    partial = target.with_suffix(".partial")
    text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
    partial.write_text(text, "utf-8")
    partial.replace(target)


def load(name, root=ROOT):
    """Read the record of an example.

    Args:
        name: "layers/lstm".
        root: folder of the project.

    Returns:
        A dict with key, card and cells.

    Raises:
        SiteError: there is no record.
    """
    path = record_path(name, root)
    if not path.is_file():
        raise SiteError(
            f"examples/{name}.py has no outputs; run "
            f"`python -m sitekit.examples {name}`"
        )
    return json.loads(path.read_text("utf-8"))


def figures(name, root=ROOT):
    """Names of the figures of an example, in the order drawn."""
    return [f for cell in load(name, root)["cells"] for f in cell["figures"]]


def is_stale(name, root=ROOT):
    """Whether the outputs of an example are missing or of other code."""
    if not record_path(name, root).is_file():
        return True
    key = keys.example_key(Path(root) / f"examples/{name}.py", root)
    paths = [figure_path(name, x, root) for x in figures(name, root)] + [
        export_path(name, x, root) for x in load(name, root).get("exports", ())]
    return load(name, root)["key"] != key or not all(
        path.is_file() for path in paths)


def example_name(target):
    """"layers/lstm" of "examples/layers/lstm.py"."""
    path = target.strip()
    if not path.startswith("examples/") or not path.endswith(".py"):
        raise SiteError(f"expected examples/<chapter>/<stem>.py, got {path!r}")
    return path.removeprefix("examples/").removesuffix(".py")


def result_fence(text, site):
    """Render what a cell printed: "examples/layers/lstm.py::adding"."""
    target, _, cell_name = text.strip().partition("::")
    name = example_name(target)
    cells = {c["name"]: c for c in load(name, site.root)["cells"] if c["name"]}
    if cell_name not in cells:
        raise SiteError(
            f"{target} has no cell named {cell_name!r}; "
            f"it has {', '.join(sorted(cells)) or 'none'}"
        )
    printed = cells[cell_name]["stdout"]
    if not printed:
        raise SiteError(f"{target}, cell {cell_name!r} printed nothing")
    title = site.say("运行结果", "Printed by the run")
    link = site.link(f"examples/{name}.ipynb")
    return (
        f'<div class="result"><p class="result-head">{title} · '
        f'<a href="{link}">{escape(name)}</a></p>'
        f'<pre tabindex="0"><code>{escape(printed.rstrip())}</code></pre></div>'
    )


def run_fence(text, site):
    """Render the card of a run and the links to notebook and script."""
    name = example_name(text)
    card = load(name, site.root)["card"]
    say, stem = site.say, name.rsplit("/", 1)[-1]
    versions = ", ".join(f"{k} {v}" for k, v in card["versions"].items())
    seeds = ", ".join(map(str, card["seeds"])) or "–"
    rows = (
        (say("日期", "Date"), card["date"]),
        (say("后端", "Backend"), card["backend"]),
        (say("用时", "Time"), f'{card["seconds"]:.0f} s'),
        (say("随机种子", "Seeds"), seeds),
        (say("版本", "Versions"), versions),
    )
    items = "".join(
        f"<div><dt>{key}</dt><dd>{escape(value)}</dd></div>"
        for key, value in rows
    )
    notebook = site.link(f"examples/{name}.ipynb")
    links = (
        (notebook, say("打开笔记本", "Notebook page"), ""),
        (site.link(f"source/examples/{name}.ipynb"), f"{stem}.ipynb",
         " download"),
        (site.link(f"source/examples/{name}.py"), f"{stem}.py", " download"),
    )
    anchors = " · ".join(
        f'<a href="{url}"{extra}>{label}</a>' for url, label, extra in links
    )
    command = f"python examples/{name}.py"
    why = site.link("about/reproducibility.md")
    return (
        f'<div class="run-card"><p><strong>{say("这次运行", "This run")}'
        f"</strong> · {anchors}</p><dl>{items}</dl>"
        f"<p>{say('在自己的机器上重跑', 'Run it yourself')}"
        f'{say("：", ": ")}<code>{command}</code> · <a href="{why}">'
        f'{say("你的数字为什么会不同", "why your numbers may differ")}</a></p>'
        "</div>"
    )
