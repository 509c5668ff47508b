"""Where things are in the project, for every checker."""

import ast
import re
from functools import lru_cache
from pathlib import Path

from sitekit.checks import page as pages_of

LANGUAGES = ("zh", "en")
CHAPTERS = (
    "basics", "losses", "optimizers", "regularizers", "layers", "vision",
    "generative", "text", "practice", "about",
)
PROSE = "about"  # its pages are prose, unless a module has their name
GENERATED = ("api", "examples", "source")  # folders sitekit writes


def page_paths(root: Path, lang: str) -> list[str]:
    """Pages written by hand, relative to `docs/<lang>`."""
    folder = Path(root) / "docs" / lang
    paths = (p.relative_to(folder) for p in sorted(folder.rglob("*.md")))
    return [p.as_posix() for p in paths if p.parts[0] not in GENERATED]


def pages(root: Path, lang: str) -> dict[str, pages_of.Page]:
    """Pages of a language by their path inside `docs/<lang>`."""
    return {
        path: pages_of.read(root, f"docs/{lang}/{path}")
        for path in page_paths(root, lang)
    }


def every_page(root: Path) -> list[pages_of.Page]:
    """Pages of both languages."""
    return [p for lang in LANGUAGES for p in pages(root, lang).values()]


def is_concept(path: str, root: Path) -> bool:
    """Whether a path inside `docs/<lang>` is that of a concept page.

    Args:
        path: "layers/lstm.md".
        root: folder of the project; a page of `about/` is a concept if there
            is a module, example or test of its name.
    """
    name = path.removesuffix(".md")
    parts = name.split("/")
    if len(parts) != 2 or parts[0] not in CHAPTERS or parts[1] == "index":
        return False
    return parts[0] != PROSE or any(
        (Path(root) / file).is_file() for file in (
            f"dlguide/{name}.py", f"examples/{name}.py",
            f"tests/{parts[0]}/test_{parts[1]}.py"))


def concept_pages(root: Path, lang: str) -> dict[str, pages_of.Page]:
    """Concept pages of a language by name, "layers/lstm"."""
    return {
        path.removesuffix(".md"): page
        for path, page in pages(root, lang).items() if is_concept(path, root)
    }


def scripts(root: Path, tree: str) -> dict[str, Path]:
    """Python files of the concepts in one tree by name, "layers/lstm"."""
    found = {}
    for chapter in CHAPTERS:
        for path in sorted((Path(root) / tree / chapter).glob("*.py")):
            stem = path.stem
            if tree == "tests":
                if not stem.startswith("test_"):
                    continue
                stem = stem.removeprefix("test_")
            if stem != "__init__":
                found[f"{chapter}/{stem}"] = path
    return found


def python_files(root: Path, *trees: str) -> list[Path]:
    """Python files below some folders."""
    return [
        path for tree in trees
        for path in sorted((Path(root) / tree).rglob("*.py"))
        if "__pycache__" not in path.parts
    ]


def shown(root: Path, path: Path) -> str:
    """A path as problems show it."""
    return Path(path).relative_to(root).as_posix()


def tree_of(path: Path) -> ast.Module:
    """Syntax tree of a Python file; an empty one if it cannot be read."""
    try:
        return _tree(Path(path).read_text("utf-8"))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


@lru_cache(maxsize=1024)
def _tree(source):
    return ast.parse(source)


def names_of(node: ast.stmt) -> list[str]:
    """Names that a statement of a module or class body defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return [t.id for t in targets if isinstance(t, ast.Name)]


def symbols(path: Path) -> dict[str, tuple[int, int]]:
    """Symbols of a file and their first and last line.

    Args:
        path: a Python file; of an example the named cells count too.

    Returns:
        A dict by name: `function`, `Class`, `Class.method`, `CONSTANT`.
    """
    found = {c.name: (c.first, c.last) for c in cells(path) if c.name}
    for node in tree_of(path).body:
        for name in names_of(node):
            found[name] = (node.lineno, node.end_lineno)
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                for name in names_of(inner):
                    place = (inner.lineno, inner.end_lineno)
                    found[f"{node.name}.{name}"] = place
    return found


class Cell:
    """A cell of a percent script: header, lines, first and last line."""

    def __init__(self, header, first, lines):
        """Read the header `# %% [markdown] lang="zh"`."""
        self.first, self.last = first, first + len(lines) - 1
        self.header_line = first - 1
        self.is_text = "[markdown]" in header
        self.lines = lines
        fields = dict(re.findall(r'(\w+)="([^"]*)"', header))
        self.name = fields.get("name", "")
        self.lang = fields.get("lang", "")

    @property
    def text(self) -> str:
        """The Markdown of a text cell, on the same lines as in the file."""
        return "\n".join(re.sub(r"^# ?", "", line) for line in self.lines)

    @property
    def source(self) -> str:
        """The code of a code cell."""
        return "\n".join(self.lines)


def cells(path: Path) -> list[Cell]:
    """Cells of a percent script; none in another file."""
    lines = Path(path).read_text("utf-8").splitlines()
    starts = [n for n, text in enumerate(lines) if text.startswith("# %%")]
    return [
        Cell(lines[start], start + 2, lines[start + 1:end])
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=False)
    ]


def bibliography(root: Path) -> dict[str, int]:
    """Keys of docs/references.bib and the line each entry starts on."""
    path = Path(root) / "docs/references.bib"
    if not path.is_file():
        return {}
    text = path.read_text("utf-8")
    entry = re.compile(r"^@(?!comment|string|preamble)\w+\{\s*([^,\s]+)",
                       re.M | re.I)
    return {
        m[1]: text.count("\n", 0, m.start()) + 1 for m in entry.finditer(text)
    }
