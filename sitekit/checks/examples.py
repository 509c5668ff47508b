"""Examples: text in both languages, seeds, little code, named figures."""

import ast
import re
import sys
from pathlib import Path

from sitekit.checks import page as pages_of
from sitekit.checks import project
from sitekit.checks.tags import comments
from sitekit.checks.twins import formula

CODE_LINES = {
    "practice": 80,  # a whole task, from data to evaluation
    "about": 100,  # three experiments behind one page
}
MOST_LINES = 60
EXPORT_LINES = 15  # more, for the data of an interactive figure
DRAWS = ("subplots", "figure", "subplot_mosaic")


def check_examples(root: Path) -> list[str]:
    """Check every `examples/<chapter>/<stem>.py`, without running it."""
    root = Path(root)
    problems = []
    for path in project.scripts(root, "examples").values():
        shown, cells = project.shown(root, path), project.cells(path)
        code = [cell for cell in cells if not cell.is_text]
        problems += [
            f"{shown}:{line}: {message}" for line, message in (
                *_stem(path), *_text(cells), *_seed(code), *_code(path, code),
                *_figures(path, code), *_names(code),
            )
        ]
    return problems


def _stem(path):
    """A script's folder comes first on the path, so its name can hide one."""
    if path.stem in sys.stdlib_module_names:
        yield 1, (f"named like Python's module {path.stem!r}, which whatever "
                  "the script imports then cannot import")


def _text(cells):
    """Text cells between two code cells: as many zh as en, saying the same."""
    group = []
    for cell in [*cells, None]:
        if cell is not None and cell.is_text:
            if cell.lang not in project.LANGUAGES:
                yield cell.header_line, (
                    f'text cell with lang {cell.lang!r}; expected lang="zh" '
                    'or lang="en"')
            group.append(cell)
            continue
        zh, en = ([c for c in group if c.lang == lang]
                  for lang in project.LANGUAGES)
        if len(zh) != len(en):
            yield group[0].header_line, (
                f"{len(zh)} zh and {len(en)} en text cells; expected pairs")
        for pair in zip(zh, en, strict=False):
            yield from _pair(*pair)
        group = []


def _pair(zh, en):
    read = [pages_of.parse(cell.text) for cell in (zh, en)]
    for name, values in (
        ("inline math", lambda p: {formula(m.text) for m in p.math}),
        ("equations", lambda p: {formula(e.tex) for e in p.equations}),
        ("citations", lambda p: {c.key for c in p.citations}),
        ("links", lambda p: {x.target for x in p.links}),
        ("numbers", lambda p: {n.text for n in p.numbers}),
    ):
        a, b = (values(page) for page in read)
        if a != b:
            yield en.header_line, (
                f"{name}: zh (line {zh.header_line}) has {sorted(a - b)}, en "
                f"has {sorted(b - a)} that the other lacks")


def _seed(code):
    if not code:
        yield 1, "no code cell"
        return
    try:
        body = ast.parse(code[0].source).body
    except SyntaxError:
        return
    names = [name for node in body for name in project.names_of(node)]
    if not {"SEED", "SEEDS"} & set(names):
        yield code[0].header_line, (
            "the first code cell sets neither SEED nor SEEDS")


def _code(path, code):
    count = sum(
        1 for cell in code for line in cell.lines
        if line.strip() and not line.strip().startswith("#"))
    most = CODE_LINES.get(path.parent.name, MOST_LINES)
    names = {name for node in project.tree_of(path).body
             for name in project.names_of(node)}
    most += EXPORT_LINES if "exports" in names else 0
    if count > most:
        yield 1, f"{count} lines of code; expected at most {most}"
    rows = {n for cell in code for n in range(cell.first, cell.last + 1)}
    for line, comment in comments(path.read_text("utf-8")):
        if line in rows and not comment.isascii():
            yield line, f"comment {comment!r}; expected one without a language"


def _figures(path, code):
    calls = [n for n in ast.walk(project.tree_of(path))
             if isinstance(n, ast.Call)]
    plots = [n for n in calls if getattr(n.func, "attr", "") in DRAWS
             and getattr(getattr(n.func, "value", None), "id", "") == "plt"]
    for call in plots:
        if not any(keyword.arg == "num" for keyword in call.keywords):
            yield call.lineno, (
                f'plt.{call.func.attr} without a name; expected num="name"')
    for cell in code:
        rows = range(cell.first, cell.last + 1)
        if any(call.lineno in rows for call in plots):
            last = next((x for x in reversed(cell.lines) if x.strip()), "")
            in_function = re.match(r"\s+\S", last)
            if not in_function and last.strip() != "plt.show()":
                yield cell.last, (
                    f"a plotting cell ends with {last.strip()!r}; expected "
                    "'plt.show()'")


def _names(code):
    seen = {}
    for cell in code:
        if cell.name and cell.name in seen:
            yield cell.header_line, (
                f"cell name {cell.name!r} is already on line "
                f"{seen[cell.name]}")
        seen[cell.name] = cell.header_line
