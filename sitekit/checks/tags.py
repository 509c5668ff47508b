"""Equation and line of code: the same tags on the pages and in the module."""

import ast
import io
import re
import tokenize
from pathlib import Path

from sitekit.checks import project

TAG = re.compile(r"\(([a-z0-9_]+):(\w+)\)")


def check_tags(root: Path) -> list[str]:
    """Each tag once on each page and once in the module, on its line."""
    root = Path(root)
    problems = []
    modules = project.scripts(root, "dlguide")
    found = {}
    for concept, path in modules.items():
        found[concept], more = module_tags(root, concept, path)
        problems += more
    for lang in project.LANGUAGES:
        for concept, page in project.concept_pages(root, lang).items():
            problems += _page(root, concept, page, found.get(concept))
        for path, page in project.pages(root, lang).items():
            if not project.is_concept(path, root):
                problems += [
                    page.at(e.line, f"tag {tag!r} on a page without a module")
                    for e in page.equations for tag in e.tags]
    return problems


def module_tags(root: Path, concept: str, path: Path):
    """Read the tags of a module.

    Args:
        root: folder of the project.
        concept: "layers/lstm".
        path: path of the module.

    Returns:
        A dict from tag to line, and a list of problems.
    """
    stem, shown = concept.split("/")[1], project.shown(root, path)
    tags, problems = {}, []
    statements = [
        node for node in ast.walk(project.tree_of(path))
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)
    ]
    for line, comment in comments(path.read_text("utf-8")):
        for match in TAG.finditer(comment):
            tag, variable = match[0][1:-1], match[2]
            place = f"{shown}:{line}"
            if f"# {match[0]}" not in comment:
                problems.append(f"{place}: {comment!r}; expected "
                                f"'# {match[0]}' alone or first")
            if match[1] != stem:
                problems.append(f"{place}: tag {tag!r} has the stem "
                                f"{match[1]!r}; expected {stem!r}")
            if tag in tags:
                problems.append(f"{place}: tag {tag!r} is already on line "
                                f"{tags[tag]}")
            names = assigned(statements, line)
            if variable not in names:
                came = ", ".join(sorted(names)) or "nothing"
                problems.append(f"{place}: tag {tag!r} on a line that assigns "
                                f"{came}; expected {variable!r}")
            tags.setdefault(tag, line)
    return tags, problems


def comments(source: str) -> list[tuple[int, str]]:
    """(line, comment) of each comment in Python source."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return []
    return [(t.start[0], t.string) for t in tokens
            if t.type == tokenize.COMMENT]


def assigned(statements, line) -> set[str]:
    """Names that the innermost statement over a line assigns."""
    over = [s for s in statements if s.lineno <= line <= s.end_lineno]
    if not over:
        return set()
    node = max(over, key=lambda s: (s.lineno, -s.end_lineno))
    names = set()
    for target in getattr(node, "targets", [getattr(node, "target", None)]):
        queue = [target]
        while queue:
            item = queue.pop()
            if isinstance(item, ast.Tuple | ast.List):
                queue += item.elts
            elif isinstance(item, ast.Starred):
                queue.append(item.value)
            elif isinstance(item, ast.Name):
                names.add(item.id)
            elif isinstance(item, ast.Attribute):
                names.add(item.attr)
    return names


def _page(root, concept, page, tags):
    """Problems of one page against the tags of its module."""
    stem = concept.split("/")[1]
    module = f"dlguide/{concept}.py"
    problems, seen = [], {}
    for equation in page.equations:
        if len(equation.tags) > 1:
            problems.append(page.at(
                equation.line, f"{len(equation.tags)} tags in one display; "
                "expected at most 1"))
        for tag in equation.tags:
            if not re.fullmatch(rf"{stem}:\w+", tag):
                problems.append(page.at(
                    equation.line, f"tag {tag!r}; expected {stem}:<variable>"))
            if tag in seen:
                problems.append(page.at(
                    equation.line, f"tag {tag!r} is already on line "
                    f"{seen[tag]}"))
            seen.setdefault(tag, equation.line)
    if tags is None:  # no module: check_trees says so
        return problems
    for tag, line in seen.items():
        if tag not in tags:
            problems.append(page.at(
                line, f"tag {tag!r} is on no line of {module}"))
    ranges = _quoted(root, page, module)
    for tag, line in tags.items():
        if tag not in seen:
            problems.append(page.at(
                1, f"no equation has the tag {tag!r} of {module}:{line}"))
        elif not any(first <= line <= last for first, last in ranges):
            problems.append(page.at(
                seen[tag], f"no quote shows {module}:{line}, the line of "
                f"tag {tag!r}"))
    return problems


def _quoted(root, page, module):
    """Line ranges of the module that the page quotes."""
    known = project.symbols(Path(root) / module)
    ranges = []
    for target, _ in page.targets("quote"):
        path, _, symbol = target.split(" ")[0].partition("::")
        if path == module and symbol in known:
            ranges.append(known[symbol])
    return ranges
