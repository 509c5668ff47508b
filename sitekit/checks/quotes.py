"""What pages quote exists: symbols, cells, figures, scripts."""

import ast
import re
from pathlib import Path

from sitekit import interactive
from sitekit.checks import project

FOLDERS = ("dlguide", "examples", "tests")


def check_quotes(root: Path) -> list[str]:
    """Every fence that quotes or draws finds its target."""
    root = Path(root)
    problems = []
    for page in project.every_page(root):
        for kind, find in (
            ("quote", _quote), ("result", _result), ("run", _run)
        ):
            for fence in page.kind(kind):
                wrong = find(root, fence.body.strip())
                if wrong:
                    problems.append(page.at(fence.line, f"{kind}: {wrong}"))
        for figure in page.figures:
            find = _figure if figure.kind == "figure" else _interactive
            wrong = find(root, figure.target)
            if wrong:
                problems.append(page.at(
                    figure.line, f"{figure.kind}: {wrong}"))
    return problems


def _quote(root, target):
    words = target.split()
    if not words or words[1:] not in ([], ["full"]):
        return f"{target!r}; expected path::symbol or path::symbol full"
    path, _, symbol = words[0].partition("::")
    if path.split("/")[0] not in FOLDERS or not path.endswith(".py"):
        return f"{path!r}; expected a file of {', '.join(FOLDERS)}"
    if not (root / path).is_file():
        return f"there is no file {path!r}"
    known = project.symbols(root / path)
    if symbol not in known:
        return (f"{path} has no symbol {symbol!r}; it has "
                f"{', '.join(known) or 'none'}")
    return ""


def _script(root, path):
    if not re.fullmatch(r"examples/\w+/\w+\.py", path):
        return f"{path!r}; expected examples/<chapter>/<stem>.py"
    if not (root / path).is_file():
        return f"there is no file {path!r}"
    return ""


def _run(root, target):
    return _script(root, target)


def _result(root, target):
    path, _, name = target.partition("::")
    if wrong := _script(root, path):
        return wrong
    known = [cell.name for cell in project.cells(root / path) if cell.name]
    if name not in known:
        return (f"{path} has no cell named {name!r}; it has "
                f"{', '.join(known) or 'none'}")
    return ""


def _figure(root, target):
    path, colons, name = target.partition("::")
    if not colons:
        if not path.startswith("docs/figures/") or not path.endswith(".svg"):
            return f"{path!r}; expected docs/figures/....svg or path::figure"
        return "" if (root / path).is_file() else f"there is no file {path!r}"
    if wrong := _script(root, path):
        return wrong
    known, open_ended = drawn(root / path)
    if name not in known and not open_ended:
        return (f"{path} draws no figure {name!r}; it draws "
                f"{', '.join(known) or 'none'}")
    return ""


def _interactive(root, target):
    return interactive.wrong(target, root)


def drawn(path: Path) -> tuple[list[str], bool]:
    """Find the figures a script draws, without running it.

    Args:
        path: path of the script.

    Returns:
        The values of `num=`, and whether one of them is computed.
    """
    names, computed = [], False
    for node in ast.walk(project.tree_of(path)):
        if isinstance(node, ast.keyword) and node.arg == "num":
            if isinstance(node.value, ast.Constant):
                names.append(node.value.value)
            else:
                computed = True
    return names, computed
