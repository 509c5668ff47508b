"""The list of works is closed: cited means listed, listed means cited."""

import re
from pathlib import Path

import yaml
from pybtex.database import BibliographyDataError, parse_string
from pybtex.scanner import PybtexSyntaxError

from sitekit.checks import project
from sitekit.checks.page import CITATION
from sitekit.history import load as load_history
from sitekit.markdown import SiteError

BIB = "docs/references.bib"
CORRECTIONS = "docs/corrections.yml"
HISTORY = "docs/history.yml"
KEY = re.compile(r"[a-z][a-z0-9_-]*")
FIELDS = ("key", "works", "see_also", "covered_by", "merged_with")


def check_citations(root: Path) -> list[str]:
    """Citations resolve, entries are cited, the bibliography is readable."""
    root = Path(root)
    known = project.bibliography(root)
    problems = _readable(root)
    cited = set()
    for place, key in _citations(root):
        cited.add(key)
        if not KEY.fullmatch(key):
            problems.append(f"{place}: citation {key!r}; expected "
                            "[@key], [@key, place] or [@key; @key]")
        elif key not in known:
            problems.append(f"{place}: {key!r} is not in {BIB}")
    for file in (CORRECTIONS, HISTORY):
        for key in _named(root / file):
            cited.add(key)
            if key not in known:
                problems.append(f"{file}:1: {key!r} is not in {BIB}")
    problems += _history(root)
    for key, line in known.items():
        if key not in cited:
            problems.append(f"{BIB}:{line}: no page cites {key!r}")
    return problems


def _readable(root):
    path = root / BIB
    if not path.is_file():
        return [f"{BIB}:1: missing"]
    try:
        parse_string(path.read_text("utf-8"), "bibtex")
    except (BibliographyDataError, PybtexSyntaxError) as error:
        message = str(error).replace("\n", " ")
        found = re.search(r"entry: (\S+)", message)
        line = getattr(error, "lineno", None) or (
            project.bibliography(root).get(found[1], 1) if found else 1)
        return [f"{BIB}:{line}: {message}"]
    return []


def _citations(root):
    """("path:line", key) of each citation on pages and in examples."""
    for page in project.every_page(root):
        for citation in page.citations:
            yield f"{page.path}:{citation.line}", citation.key
    for path in project.scripts(root, "examples").values():
        for cell in project.cells(path):
            if not cell.is_text:
                continue
            for match in CITATION.finditer(cell.text):
                line = cell.first + cell.text.count("\n", 0, match.start())
                for work in match[1].split(";"):
                    key = work.strip().removeprefix("@").partition(",")[0]
                    yield f"{project.shown(root, path)}:{line}", key.strip()


def _history(root):
    """What is wrong with the data of the timeline, if there is one."""
    if not (root / HISTORY).is_file():
        return []
    try:
        load_history(root)
    except SiteError as error:
        return [str(error).replace(f"{HISTORY}:", f"{HISTORY}:1:", 1)]
    return []


def _named(path):
    """Works named by a data file: corrections or timeline."""
    if not path.is_file():
        return []
    try:
        queue, keys = [yaml.safe_load(path.read_text("utf-8"))], []
    except yaml.YAMLError:  # said by whoever reads the file
        return []
    while queue:
        item = queue.pop()
        if isinstance(item, list):
            queue += item
        elif isinstance(item, dict):
            queue += [v for k, v in item.items() if isinstance(v, dict | list)]
            for field in FIELDS:
                value = item.get(field) or []
                values = value if isinstance(value, list) else [value]
                keys += [v for v in values if isinstance(v, str)]
    return sorted(set(keys))
