"""The key of an example's outputs: what they depend on, and nothing else.

Code (as a syntax tree: no comments, no docstrings, no layout) of the example
and of every dlguide module it imports, directly or not, and the locked
versions of the libraries that compute. Prose is not part of it.
"""

import ast
import hashlib
import re
from pathlib import Path

from sitekit.execute import ROOT, read_cells

LOCKED = (
    "jax", "keras", "matplotlib", "numpy", "scikit-learn", "scipy",
    "tensorflow", "tensorflow-cpu",
)


def syntax(node):
    """Write a syntax tree as text that is the same on every Python version."""
    if isinstance(node, ast.AST):
        fields = [
            f"{name}={syntax(value)}"
            for name, value in ast.iter_fields(node)
            if value is not None and value != []
        ]
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(syntax, node))}]"
    return repr(node)


def without_docstrings(tree):
    """Remove the docstrings of a tree in place; returns the tree."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
    return tree


def imported(tree, root=ROOT):
    """Paths of the dlguide modules that a syntax tree imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    paths = set()
    for name in names:
        path = root / (name.replace(".", "/") + ".py")
        if name.split(".")[0] == "dlguide" and path.is_file():
            paths.add(path)
    return paths


def modules_of(path, root=ROOT):
    """Every dlguide module that an example reaches, sorted by path.

    Args:
        path: path of the example.
        root: folder of the project.

    Returns:
        A sorted list of paths.
    """
    root = Path(root)
    found, waiting = set(), imported(_code(path), root)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting |= imported(ast.parse(module.read_text("utf-8")), root)
    return sorted(found)


def example_key(path, root=ROOT):
    """Hash of all that the outputs of an example depend on.

    Args:
        path: path of the example.
        root: folder of the project.

    Returns:
        64 hexadecimal digits.
    """
    root = Path(root)
    parts = [syntax(without_docstrings(_code(path)))]
    for module in modules_of(path, root):
        tree = ast.parse(module.read_text("utf-8"))
        name = module.relative_to(root).as_posix()
        parts.append(name + syntax(without_docstrings(tree)))
    parts += locked_versions(root)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def locked_versions(root=ROOT):
    """Lines "name==version" of the computing libraries in the lock."""
    lock = (Path(root) / "requirements/test.txt").read_text("utf-8")
    pinned = re.findall(r"^([a-z0-9-]+)==([^ \\]+)", lock, re.M)
    return [f"{name}=={version}" for name, version in pinned if name in LOCKED]


def _code(path):
    cells = [cell.source for cell in read_cells(path) if cell.kind == "code"]
    return ast.parse("\n\n".join(cells))
