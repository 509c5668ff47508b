"""Each error of the source article is corrected on the page of its topic."""

import re
from pathlib import Path

import yaml

from sitekit.checks import project

FILE = "docs/corrections.yml"
LEAST = 4  # characters that a quote must share with the article
IGNORED = re.compile(r"[\s“”\"'`。，、；：…（）()\[\]*>]+|\.\.\.")


def check_corrections(root: Path) -> list[str]:
    """Every error has a page that quotes the article's words in a box."""
    path = Path(root) / FILE
    if not path.is_file():
        return []
    try:
        items = (yaml.safe_load(path.read_text("utf-8")) or {}).get("text", ())
    except yaml.YAMLError as error:
        return [f"{FILE}:1: not valid YAML: {error}".replace("\n", " ")]
    problems = []
    for number, item in enumerate(items, 1):
        for lang in project.LANGUAGES:
            problem = _problem(root, lang, item)
            if problem:
                problems.append(f"{FILE}:1: text {number}: {problem}")
    return problems


def _problem(root, lang, item):
    if item.get("kind") == "structure" and not item.get("page"):
        return ""  # about the article as a whole: no page has its topic
    page = f"docs/{lang}/{item.get('page')}.md"
    if not (Path(root) / page).is_file():
        return f"there is no {page}"
    quote = plain(item["quote"])
    for said in quotes(Path(root), page):
        if len(said) >= LEAST and (said in quote or quote in said):
            return ""
    return (f"no !!! failure box in #pitfalls of {page} quotes the article: "
            f"{item['quote']}")


def plain(text: str) -> str:
    """A text without spaces, quotation marks and punctuation."""
    return IGNORED.sub("", text)


def quotes(root: Path, path: str) -> list[str]:
    """What the failure boxes in `#pitfalls` of a page quote, plain.

    A quote is a block quote (`> `) or a code span.

    Args:
        root: folder of the project.
        path: path of the page from there.

    Returns:
        A list; an ellipsis (……) ends a quote and begins another.
    """
    page = project.pages_of.read(root, path)
    found = []
    for box in page.admonitions:
        if box.kind != "failure" or box.block != "pitfalls":
            continue
        lines = [line.strip() for line in page.lines[box.line:box.last]]
        said = [c.text for c in page.code if box.line <= c.line <= box.last]
        run = []
        for line in [*lines, ""]:
            if line.startswith(">"):
                run.append(line)
            elif run:
                said.append("".join(run))
                run = []
        found += [plain(part) for text in said
                  for part in re.split(r"…+|\.{3}", text)]
    return found
