"""Tests: each asserts something, and each concept has the five kinds."""

import ast
import re
from pathlib import Path

from sitekit.checks import project

KINDS = ("oracle", "gradient", "limit", "claim", "error")
MARKER = re.compile(rf"^# ({'|'.join(KINDS)})\b")


def check_proofs(root: Path) -> list[str]:
    """Assertions in all tests, the five kinds in those of a concept."""
    root = Path(root)
    problems = []
    for path in project.python_files(root, "tests"):
        if path.name.startswith("test_"):
            problems += _assertions(root, path)
    for path in project.scripts(root, "tests").values():
        problems += _kinds(root, path)
    return problems


def test_functions(path: Path) -> list[ast.FunctionDef]:
    """Test functions of a file, those of classes too."""
    return [node for node in ast.walk(project.tree_of(path))
            if isinstance(node, ast.FunctionDef)
            and node.name.startswith("test_")]


test_functions.__test__ = False  # pytest: this is no test


def _assertions(root, path):
    tree = project.tree_of(path)
    helpers = {n.name: n for n in ast.walk(tree)
               if isinstance(n, ast.FunctionDef)}
    return [
        f"{project.shown(root, path)}:{node.lineno}: {node.name} asserts "
        "nothing"
        for node in test_functions(path)
        if not _asserts(node, helpers, {node.name})
    ]


def _asserts(node, helpers, seen):
    """Whether a function asserts, itself or by a helper of its file."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assert):
            return True
        if not isinstance(inner, ast.Call):
            continue
        name = getattr(inner.func, "attr", getattr(inner.func, "id", ""))
        if name.startswith("assert") or name in ("raises", "warns"):
            return True
        if name in helpers and name not in seen:
            seen.add(name)
            if _asserts(helpers[name], helpers, seen):
                return True
    return False


def by_kind(path: Path) -> list[tuple[int, str, list[ast.FunctionDef]]]:
    """The lines `# <kind>` of a file: number, kind, the tests below it."""
    lines = path.read_text("utf-8").splitlines()
    markers = [(n, match[1]) for n, line in enumerate(lines, 1)
               if (match := MARKER.match(line))]
    ends = [line for line, _ in markers[1:]] + [len(lines) + 1]
    tests = test_functions(path)
    return [(line, kind, [t for t in tests if line < t.lineno < end])
            for (line, kind), end in zip(markers, ends, strict=False)]


def _kinds(root, path):
    shown = project.shown(root, path)
    groups = by_kind(path)
    tests = test_functions(path)
    problems, covered = [], set()
    for line, kind, group in groups:
        if not group:
            problems.append(f"{shown}:{line}: no test below '# {kind}'")
            continue
        covered.add(kind)
        if kind == "claim" and not any(_uses_example(t) for t in group):
            problems.append(f"{shown}:{line}: no test below '# claim' takes "
                            "the fixture 'example'")
    early = [t for t in tests if groups and t.lineno < groups[0][0]]
    if early:
        problems.append(f"{shown}:{early[0].lineno}: {early[0].name} stands "
                        "above the first '# <kind>' line")
    excused = re.search(r"No gradient: *\S", ast.get_docstring(
        project.tree_of(path)) or "")
    for kind in KINDS:
        if kind not in covered and not (kind == "gradient" and excused):
            hint = (" or 'No gradient: <reason>' in the docstring of the file"
                    if kind == "gradient" else "")
            problems.append(f"{shown}:1: no tests of the kind {kind!r}; "
                            f"expected a line '# {kind}' above them{hint}")
    return problems


def _uses_example(test):
    return "example" in [a.arg for a in test.args.args]
