"""Modules stay small, documented, and import only what they may."""

import ast
import re
import sys
from pathlib import Path

from sitekit.checks import project

MODULE_LINES, FUNCTION_LINES, WIDTH, REACH = 250, 40, 80, 3
LOW = ("losses", "layers", "optimizers", "regularizers", "basics", "data")
HIGH = ("vision", "generative", "text", "practice")
KERAS_FREE = ("keras", "tensorflow", "jax", "torch", "dlguide", "examples",
              "tests")


def check_modules(root: Path) -> list[str]:
    """Headers, sizes, docstrings and imports of all Python of the project."""
    root = Path(root)
    problems = []
    keys = project.bibliography(root)
    for concept, path in project.scripts(root, "dlguide").items():
        problems += _header(root, path, concept, keys)
    for path in project.python_files(root, "dlguide"):
        problems += _size(root, path) + _functions(root, path)
        if path.name == "__init__.py":
            problems += _only_docstring(root, path)
    for path in project.python_files(root, "sitekit"):
        if path.name == "__init__.py":
            problems += _only_docstring(root, path)
    for tree in ("dlguide", "examples", "sitekit", "tests"):
        for path in project.python_files(root, tree):
            problems += _syntax(root, path)
            problems += _allowed(root, path, tree)
    return problems + _graph(root)


def _syntax(root, path):
    try:
        ast.parse(path.read_text("utf-8"))
    except SyntaxError as error:
        return [f"{project.shown(root, path)}:{error.lineno}: {error.msg}"]
    return []


def _header(root, path, concept, keys):
    shown, problems = project.shown(root, path), []
    text = ast.get_docstring(project.tree_of(path)) or ""
    fields = {}
    for match in re.finditer(
            r"^(Page|Source|Shapes):[ \t]*(.*(?:\n[ \t]+\S.*)*)", text, re.M):
        fields[match[1]] = re.sub(r"\s+", " ", match[2]).strip()
    for name in ("Page", "Source", "Shapes"):
        if not fields.get(name):
            problems.append(f"{shown}:1: header has no {name}:")
    page = fields.get("Page", concept)
    if page != concept:
        problems.append(f"{shown}:1: Page: {page}; expected {concept}")
    for work in fields.get("Source", "").split(";"):
        key = re.match(r"\s*([\w-]*)", work)[1]
        if work.strip() and key not in keys:
            problems.append(
                f"{shown}:1: Source: {key!r} is not in docs/references.bib")
    return problems


def _size(root, path):
    shown = project.shown(root, path)
    lines = path.read_text("utf-8").splitlines()
    problems = [
        f"{shown}:{n}: {len(text)} characters; expected at most {WIDTH}"
        for n, text in enumerate(lines, 1) if len(text) > WIDTH
    ]
    if len(lines) > MODULE_LINES:
        problems.append(f"{shown}:{len(lines)}: {len(lines)} lines; expected "
                        f"at most {MODULE_LINES}")
    return problems


def _functions(root, path):
    """Function length, docstrings, no assert."""
    shown, problems = project.shown(root, path), []
    tree = project.tree_of(path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            problems.append(f"{shown}:{node.lineno}: assert; expected an "
                            "error that names what came")
        if isinstance(node, ast.FunctionDef):
            count = _length(node)
            if count > FUNCTION_LINES:
                problems.append(
                    f"{shown}:{node.lineno}: {node.name} has {count} lines "
                    f"without its docstring; expected at most "
                    f"{FUNCTION_LINES}")
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        if not node.name.startswith("_"):
            problems += [f"{shown}:{node.lineno}: {node.name} {wrong}"
                         for wrong in _undocumented(node)]
    return problems


def _length(node):
    """Lines of a function without its docstring."""
    count = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node) is not None:
        first = node.body[0]
        count -= first.end_lineno - first.lineno + 1
    return count


def _undocumented(node):
    """What the docstring of a public function or class lacks."""
    text = ast.get_docstring(node)
    if not text:
        return ["has no docstring"]
    if _says_all(node, text):
        return []
    function = node
    if isinstance(node, ast.ClassDef):
        function = next((n for n in node.body if isinstance(n, ast.FunctionDef)
                         and n.name == "__init__"), None)
    wanted = []
    if function is not None:
        if _arguments(function):
            wanted.append("Args:")
        inner = list(_own_nodes(function))
        returns = [n for n in inner if isinstance(n, ast.Return) and n.value]
        if returns and function is node and wanted:
            wanted.append("Returns:")
        if any(isinstance(n, ast.Raise) for n in inner):
            wanted.append("Raises:")
    return [f"has no {name} in its docstring" for name in wanted
            if not re.search(rf"^{name}\s*$", text, re.M)]


def _says_all(node, text):
    """Whether one line is enough: a tiny function, every argument named."""
    if isinstance(node, ast.ClassDef) or "\n" in text or len(node.body) > 5:
        return False
    raises = any(isinstance(n, ast.Raise) for n in _own_nodes(node))
    return not raises and all(
        re.search(rf"\b{name}\b", text) for name in _arguments(node))


def _arguments(function):
    spec = function.args
    names = [a.arg for a in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


def _own_nodes(function):
    """Nodes of a function without those of functions inside it."""
    queue = list(function.body)
    while queue:
        node = queue.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            queue += ast.iter_child_nodes(node)


def _only_docstring(root, path):
    body = project.tree_of(path).body
    extra = [n for n in body if not (
        isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
    shown = project.shown(root, path)
    if extra:
        return [f"{shown}:{extra[0].lineno}: code in __init__.py; expected a "
                "docstring only"]
    return [] if body else [f"{shown}:1: no docstring"]


def imports(path: Path) -> list[tuple[str, int]]:
    """(dotted name, line) of each import, relative ones with their dots."""
    found = []
    for node in ast.walk(project.tree_of(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found += [(f"{base}.{alias.name}", node.lineno)
                      for alias in node.names]
    return found


def _allowed(root, path, tree):
    """Problems of a file's imports against who may import whom."""
    shown = project.shown(root, path)
    parts = path.relative_to(root).parts
    chapter = parts[1] if len(parts) > 2 else ""
    problems = []
    for name, line in imports(path):
        first, second = (*name.split("."), "")[:2]
        wrong = ""
        if name.startswith("."):
            wrong = "a relative import"
        elif tree == "sitekit":
            wrong = first if first in KERAS_FREE else ""
        elif tree == "tests":
            wrong = "examples" if first == "examples" else ""
        elif first in ("sitekit", "tests", "examples"):
            wrong = first
        elif tree == "dlguide" and first == "dlguide":
            high = chapter in HIGH and second in LOW + HIGH
            own_data = chapter == second == "data"
            wrong = "" if high or own_data else f"dlguide.{second}"
        elif tree == "dlguide" and first not in sys.stdlib_module_names:
            extra = ("sklearn",) if chapter == "data" else ()
            wrong = "" if first in ("keras", "numpy", *extra) else first
        if wrong:
            problems.append(f"{shown}:{line}: {chapter or tree} may not "
                            f"import {wrong} ({name.strip('.')})")
    return problems


def _graph(root):
    """Import cycles, and modules that reach too many project files."""
    files = {project.shown(root, path): path
             for path in project.python_files(root, "dlguide")}
    edges = {}
    for shown, path in files.items():
        edges[shown] = set()
        for name, _ in imports(path):
            for dotted in (name, name.rpartition(".")[0]):
                target = dotted.replace(".", "/") + ".py"
                if target in files:
                    edges[shown].add(target)
    problems = []
    for shown in files:
        reach, queue = set(), [shown]
        while queue:
            new = edges[queue.pop()] - reach
            reach |= new
            queue += new
        if shown in reach:
            problems.append(f"{shown}:1: an import cycle through "
                            f"{', '.join(sorted(reach))}")
        elif len(reach) > REACH:
            problems.append(
                f"{shown}:1: reaches {len(reach)} project files, "
                f"{', '.join(sorted(reach))}; expected at most {REACH}")
    return problems
