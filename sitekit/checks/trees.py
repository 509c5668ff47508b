"""The five trees: whatever part of a concept exists, the others do too."""

from pathlib import Path

import yaml

from sitekit.checks import project

NOT_IN_NAV = ("404.md",)
PARTS = {
    "docs/zh": "docs/zh/{}.md",
    "docs/en": "docs/en/{}.md",
    "dlguide": "dlguide/{}.py",
    "examples": "examples/{}.py",
    "tests": "tests/{}/test_{}.py",
}
# folders of each tree that hold no concepts
EXEMPT = {
    "docs/zh": ("about", *project.GENERATED),
    "docs/en": ("about", *project.GENERATED),
    "dlguide": ("data",),
    "examples": ("outputs",),
    "tests": ("data", "mutation", "site"),
}


class Loader(yaml.SafeLoader):
    """Reads mkdocs.yml and ignores `!ENV` and `!!python/name:` tags."""


Loader.add_multi_constructor("", lambda loader, suffix, node: None)


def part(tree: str, concept: str) -> str:
    """Path of a concept's part in a tree."""
    pattern = PARTS[tree]
    names = concept.split("/") if tree == "tests" else [concept]
    return pattern.format(*names)


def check_trees(root: Path) -> list[str]:
    """Concepts complete, pages in both languages and in the navigation."""
    root = Path(root)
    problems, concepts = [], {}
    for tree in PARTS:
        for path in _files(root / tree):
            concept = _concept(tree, path)
            shown = f"{tree}/{path.as_posix()}"
            if concept == "":
                problems.append(
                    f"{shown}:1: expected <chapter>/<stem> with a chapter of "
                    f"{', '.join(project.CHAPTERS)}")
            elif concept:
                concepts.setdefault(concept, shown)
    for concept, origin in sorted(concepts.items()):
        for tree in PARTS:
            path = part(tree, concept)
            if not (root / path).is_file():
                problems.append(f"{path}:1: missing; {origin} exists")
    return problems + _both_languages(root) + _navigation(root)


def _files(folder):
    """Files of a tree that may be parts of a concept."""
    kind = "*.md" if folder.parent.name == "docs" else "*.py"
    return [p.relative_to(folder) for p in sorted(folder.rglob(kind))]


def _concept(tree, path):
    """Name of the concept of a file, None if exempt, "" if out of place."""
    parts = path.with_suffix("").parts
    stem = parts[-1]
    helper = stem in ("__init__", "conftest", "index") or "__pycache__" in parts
    if len(parts) == 1 or parts[0] in EXEMPT[tree] or helper:
        return None
    if len(parts) != 2 or parts[0] not in project.CHAPTERS:
        return ""
    if tree == "tests":
        if not stem.startswith("test_"):
            return None
        stem = stem.removeprefix("test_")
    return f"{parts[0]}/{stem}"


def _both_languages(root):
    problems = []
    zh, en = (set(project.page_paths(root, x)) for x in project.LANGUAGES)
    for lang, other, missing in (("en", "zh", zh - en), ("zh", "en", en - zh)):
        problems += [
            f"docs/{lang}/{path}:1: missing; docs/{other}/{path} exists"
            for path in sorted(missing) if not project.is_concept(path, root)
        ]
    return problems


def read_config(path: Path) -> dict:
    """Read mkdocs.yml, whatever tags it uses.

    Args:
        path: path of the file.

    Returns:
        Its settings; with `INHERIT` those of the other file below them.
    """
    settings = yaml.load(path.read_text("utf-8"), Loader) or {}
    parent = settings.get("INHERIT")
    if parent and (path.parent / parent).is_file():
        settings = read_config(path.parent / parent) | settings
    return settings


def entries(nav) -> list[str]:
    """Pages that a navigation names, in order."""
    if isinstance(nav, str):
        return [nav]
    if isinstance(nav, dict):
        nav = nav.values()
    return [path for item in nav or () for path in entries(item)]


def _navigation(root):
    """Every page is in the navigation; without mkdocs.yml nothing to say."""
    problems = []
    for lang, name in (("zh", "mkdocs.yml"), ("en", "mkdocs.en.yml")):
        if not (root / name).is_file():
            continue
        try:
            nav = read_config(root / name).get("nav")
        except yaml.YAMLError as error:
            message = str(error).replace("\n", " ")
            problems.append(f"{name}:1: not valid YAML: {message}")
            continue
        named, there = entries(nav), project.page_paths(root, lang)
        for path in there:
            if path not in named and path not in NOT_IN_NAV:
                problems.append(
                    f"{name}:1: nav lacks {path}; docs/{lang}/{path} exists")
        for path in named:
            local = path.endswith(".md") and "://" not in path
            generated = path.split("/")[0] in project.GENERATED
            if local and not generated and path not in there:
                problems.append(
                    f"{name}:1: nav names {path}; there is no "
                    f"docs/{lang}/{path}")
            if named.count(path) > 1 and f"twice: {path}" not in str(problems):
                problems.append(f"{name}:1: nav names twice: {path}")
    return problems
