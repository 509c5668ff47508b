"""Writes the files that a build needs beside the pages, all git-ignored.

For each language, under docs/<lang>/: `examples/` (executed notebooks, shown
by mkdocs-jupyter), `api/` (one page per chapter, filled by mkdocstrings) and
`source/` (the quoted files and the notebooks to download). Files whose
content has not changed are left alone, so that `mkdocs serve` does not loop.
"""

import ast
import json
import re
from pathlib import Path

import nbformat

from sitekit import outputs
from sitekit.citations import title as title_of
from sitekit.examples import names
from sitekit.execute import ROOT, read_cells
from sitekit.figures import raster_path, rasters
from sitekit.fonts import write_font
from sitekit.markdown import escape
from sitekit.math import replace_math, to_mathml

SOURCES = ("dlguide/**/*.py", "examples/*/*.py", "tests/**/*.py",
           "sitekit/**/*.py")


def generate(lang, root=ROOT):
    """Write all generated files of one language.

    Args:
        lang: "zh" or "en".
        root: folder of the project.
    """
    root = Path(root)
    docs = root / "docs" / lang
    wanted = {}
    for name in names(root):
        wanted[f"examples/{name}.ipynb"] = notebook(name, lang, root, site=True)
        wanted[f"source/examples/{name}.ipynb"] = notebook(name, lang, root)
        for figure in outputs.figures(name, root):
            svg = outputs.figure_path(name, figure, root).read_text("utf-8")
            for number, png in enumerate(rasters(svg)):
                target = raster_path(f"examples/{name}.py::{figure}", number)
                wanted[target] = png
    for pattern in SOURCES:
        for path in root.glob(pattern):
            target = f"source/{path.relative_to(root).as_posix()}"
            wanted[target] = path.read_text("utf-8")
    for chapter in chapters(root):
        wanted[f"api/{chapter}.md"] = api_page(chapter, lang, root)
    for target, content in wanted.items():
        write(docs / target, content)
    for folder in ("examples", "source", "api"):
        for path in (docs / folder).rglob("*"):
            relative = path.relative_to(docs).as_posix()
            if path.is_file() and relative not in wanted:
                path.unlink()
    write_font(root / "docs/overrides/assets/fonts")


def write(path, content):
    """Write text or bytes to a file unless it holds them already."""
    data = content.encode() if isinstance(content, str) else content
    if not path.is_file() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def chapters(root=ROOT):
    """Chapters of dlguide that have modules, sorted."""
    folder = Path(root) / "dlguide"
    return sorted({
        path.parent.name for path in folder.glob("*/*.py")
        if path.name != "__init__.py"
    })


def page_title(name, lang, root=ROOT):
    """First heading of the page "layers/lstm", or None without a page."""
    path = Path(root) / f"docs/{lang}/{name}.md"
    if not path.is_file():
        return None
    return title_of(path.read_text("utf-8"), name)


def notebook(name, lang, root=ROOT, site=False):
    """The executed notebook of an example, as JSON text.

    Args:
        name: "layers/lstm".
        lang: "zh" or "en"; text cells of the other language are left out.
        root: folder of the project.
        site: True for the version shown on the site, with native MathML and
            a link to the page; False for the one to download.

    Returns:
        The text of an `.ipynb` file.
    """
    done = iter(outputs.load(name, root)["cells"])
    cells, count = [], 0
    for cell in read_cells(Path(root) / f"examples/{name}.py"):
        if cell.kind == "code":
            count += 1
            made = code_cell(cell, next(done), count, name, root)
            if site:
                describe(made, name, lang, root)
            cells.append(made)
        elif cell.lang == lang:
            text = replace_math(cell.source, to_math) if site else cell.source
            cells.append(nbformat.v4.new_markdown_cell(text))
    if site:
        cells.insert(1, nbformat.v4.new_markdown_cell(links(name, lang, root)))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # nbformat's ids are random
    book = nbformat.v4.new_notebook(cells=cells, metadata={
        "kernelspec": {"display_name": "Python 3", "language": "python",
                       "name": "python3"},
        "language_info": {"name": "python"},
    })
    nbformat.validate(book)
    return json.dumps(book, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def to_math(latex, display):
    """MathML of a formula in a text cell; a tag is dropped."""
    math = to_mathml(re.sub(r"\\tag\{[^}]*\}", "", latex).strip(), display)
    return f"{math}\n" if display else math


def description(name, lang, root=ROOT):
    """What search engines show for the notebook of an example.

    Args:
        name: "layers/lstm".
        lang: "zh" or "en".
        root: folder of the project.
    """
    title = page_title(name, lang, root) or name
    if lang == "zh":
        return f"{title}：执行过的笔记本，代码、输出和图都在，可以下载重跑。"
    return (f"{title}: the executed notebook with code, output and plots, "
            "to download and run again.")


def links(name, lang, root):
    """Text below a notebook's title: its page and its downloads."""
    stem = name.rsplit("/", 1)[-1]
    up = "../../../"
    title = page_title(name, lang, root)
    files = (
        f"[{stem}.ipynb]({up}source/examples/{name}.ipynb) · "
        f"[{stem}.py]({up}source/examples/{name}.py)"
    )
    if title is None:
        return files
    page = f"[{title}]({up}{name}/)"
    if lang == "zh":
        return f"讲解见 {page}。下载：{files}"
    return f"Explained on {page}. Download: {files}"


def code_cell(cell, done, count, name, root):
    """A code cell of a notebook with its outputs."""
    made = nbformat.v4.new_code_cell(cell.source, execution_count=count)
    if done["stdout"]:
        made.outputs.append(
            nbformat.v4.new_output("stream", text=done["stdout"])
        )
    for figure in done["figures"]:
        svg = outputs.figure_path(name, figure, root).read_text("utf-8")
        data = {"image/svg+xml": svg, "text/plain": f"<Figure: {figure}>"}
        made.outputs.append(nbformat.v4.new_output("display_data", data))
    return made


def describe(cell, name, lang, root):
    """Give each figure of a code cell the text alternative of its page."""
    path = Path(root) / f"docs/{lang}/{name}.md"
    page = path.read_text("utf-8") if path.is_file() else ""
    for output in cell.outputs:
        if output.output_type == "display_data":
            figure = output.data["text/plain"][9:-1]
            target = re.escape(f"examples/{name}.py::{figure}")
            found = re.search(rf"{target}\s+alt: (.+)", page)
            label = escape(found[1] if found else figure)
            output.data["image/svg+xml"] = output.data["image/svg+xml"].replace(
                "<svg", f'<svg role="img" aria-label="{label}"', 1
            )


def api_page(chapter, lang, root=ROOT):
    """Markdown of the API page of a chapter, filled in by mkdocstrings."""
    package = Path(root) / f"dlguide/{chapter}/__init__.py"
    about = ast.get_docstring(ast.parse(package.read_text("utf-8"))) or ""
    heading = f"API：dlguide.{chapter}" if lang == "zh" else (
        f"API: dlguide.{chapter}")
    note = "接口说明取自源代码，只有英文。" if lang == "zh" else ""
    first = about.split("\n")[0]
    shown = (f"dlguide.{chapter} 的接口：函数与类的参数、形状、返回值和示例。"
             if lang == "zh" else f"API of dlguide.{chapter}. {first}")
    # below the pages in the search results
    front = (f"---\ndescription: {json.dumps(shown, ensure_ascii=False)}\n"
             "search: { boost: 0.1 }\n---")
    blocks = [front, f"# {heading}", f"{note}\n\n{about}"]
    for path in sorted(package.parent.glob("*.py")):
        if path.name == "__init__.py":
            continue
        name = f"{chapter}/{path.stem}"
        title = page_title(name, lang, root)
        file = f"dlguide/{name}.py"
        lines = [f"[`{file}`](../source/{file})"]
        if title:
            see = "讲解：" if lang == "zh" else "Page: "
            lines.insert(0, f"{see}[{title}](../{name}.md)")
        blocks.append(f"## {title or path.stem} {{ #{path.stem} }}\n\n"
                      + " · ".join(lines))
        blocks.append(f"::: dlguide.{chapter}.{path.stem}")
    return "\n\n".join(blocks) + "\n"
