"""Reads a page into its parts: the one parser behind every checker.

The parser knows the Markdown that CONTRIBUTING.md allows and nothing else.
Each part carries the line it starts on, the id of the nearest heading above
it (`section`) and the id of the nearest `##` heading (`block`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import yaml

from sitekit.checks.numerals import numerals

FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})\s*(.*?)\s*$")
HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*(?:\{([^{}]*)\})?\s*$")
ADMONITION = re.compile(r"^(\s*)(!!!|\?\?\?\+?)\s+([\w-]+)[^\"]*(?:\"(.*)\")?")
TAG = re.compile(r"\\tag\{([^{}]*)\}")
COMMENT = re.compile(r"<!--.*?-->", re.S)

# inside a paragraph: a blank line ends the search
IN = r"(?:(?!\n[ \t]*\n)[\s\S])"
CODE = re.compile(rf"(?<!`)(`+)(?!`)({IN}+?)(?<!`)\1(?!`)")
MATH = re.compile(
    rf"(?<![\\$])\$(?![\s$])((?:(?!\$){IN})+?)(?<![\\\s])\$(?![\d$])")
CITATION = re.compile(r"\[(@[^\[\]]+)\]")
LINK = re.compile(
    r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]"
    r"\(\s*<?([^()\s>]*(?:\([^()\s]*\)[^()\s>]*)*)>?(?:\s+\"[^\"]*\")?\s*\)"
)
URL = re.compile(r"<?https?://[^\s<>)，。；）]+>?")
ATTRIBUTES = re.compile(r"\{\s*[.#:][^{}\n]*\}")
HTML = re.compile(r"</?[A-Za-z][^<>]*>")
NOT_PROSE = re.compile(
    r"\[\^\w+\]:?|&#?\w+;|(?m:^[ \t>]*(?:\d+[.)]|[-*+])[ \t])"
)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something on a page: where it is."""

    line: int
    section: str
    block: str


@dataclass(frozen=True, kw_only=True)
class Heading(Part):
    """A heading; `id` is "" where none is given."""

    level: int
    text: str
    id: str


@dataclass(frozen=True, kw_only=True)
class Equation(Part):
    """A display equation without its `$$` and tags."""

    tex: str
    tags: tuple = ()


@dataclass(frozen=True, kw_only=True)
class Inline(Part):
    """Inline text of one kind: math, a code span, a raw tag, a numeral."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Fence(Part):
    """A fenced block; `kind` is the first word of its info string."""

    kind: str
    info: str
    body: str


@dataclass(frozen=True, kw_only=True)
class Figure(Part):
    """A figure fence, or an interactive one (`kind`)."""

    kind: str
    target: str
    alt: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class Citation(Part):
    """One work of a `[@key, place; @key]`."""

    key: str
    place: str


@dataclass(frozen=True, kw_only=True)
class Link(Part):
    """A link or an image."""

    text: str
    target: str
    image: bool


@dataclass(frozen=True, kw_only=True)
class Admonition(Part):
    """A `!!!` or `???` box with its lines (first and last inclusive)."""

    marker: str
    kind: str
    title: str
    last: int


@dataclass
class Page:
    """A page, read. `prose` keeps the lines; what is no prose is blank."""

    path: str
    lines: list
    front: dict
    first: int
    headings: list = field(default_factory=list)
    equations: list = field(default_factory=list)
    math: list = field(default_factory=list)
    code: list = field(default_factory=list)
    html: list = field(default_factory=list)
    numbers: list = field(default_factory=list)
    fences: list = field(default_factory=list)
    figures: list = field(default_factory=list)
    citations: list = field(default_factory=list)
    links: list = field(default_factory=list)
    admonitions: list = field(default_factory=list)
    prose: list = field(default_factory=list)

    def kind(self, *kinds: str) -> list:
        """Fences of these kinds."""
        return [fence for fence in self.fences if fence.kind in kinds]

    def targets(self, kind: str) -> Iterator[tuple[str, int]]:
        """(target, line) of each line of each fence of a kind."""
        for fence in self.kind(kind):
            for number, text in enumerate(fence.body.splitlines(), 1):
                if text.strip():
                    yield text.strip(), fence.line + number

    def at(self, line: int, message: str) -> str:
        """A problem at a line of this page."""
        return f"{self.path}:{line}: {message}"


def read(root: Path, path: str) -> Page:
    """Read the page at a path relative to the root of the project."""
    return parse((Path(root) / path).read_text("utf-8"), path)


@lru_cache(maxsize=1024)
def parse(text: str, path: str = "page.md") -> Page:
    """Read a page.

    Args:
        text: its Markdown.
        path: shown in problems.

    Returns:
        A `Page`; do not change it, it is kept.
    """
    front, first = _front_matter(text)
    text = COMMENT.sub(lambda m: _blank(m.group()), text)
    lines = text.splitlines()
    page = Page(path, lines, front, first)
    prose = [""] * first + lines[first:]
    where = _blocks(page, prose)
    page.prose = prose
    _inline(page, "\n".join(prose), where)
    return page


def _front_matter(text):
    """The front matter, and the number of lines it takes."""
    match = re.match(r"---[ \t]*\n(.*?)^---[ \t]*\n", text, re.S | re.M)
    if not match:
        return {}, 0
    try:
        front = yaml.safe_load(match[1])
    except yaml.YAMLError:
        front = None
    front = front if isinstance(front, dict) else {}
    return front, match.group().count("\n")


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def _blocks(page, prose):
    """Find what takes whole lines; blank it in `prose`.

    Returns:
        For each line its (section, block).
    """
    section = block = ""
    where = []
    end = 0  # first line after the block in progress
    for number, text in enumerate(page.lines):
        where.append({"section": section, "block": block})
        if number < max(end, page.first):
            continue
        spot = {"line": number + 1} | where[-1]
        if match := FENCE.match(text):
            end = _fence(page, prose, number, match, spot)
        elif text.strip().startswith("$$"):
            end = _equation(page, prose, number, spot)
        elif match := HEADING.match(text):
            level, words, attributes = match.groups()
            found = re.search(r"#([^\s}]+)", attributes or "")
            section = found[1] if found else ""
            block = section if level == "##" else (
                "" if level == "#" else block)
            where[-1] = {"section": section, "block": block}
            spot |= where[-1]
            page.headings.append(Heading(
                level=len(level), text=words, id=section, **spot))
            prose[number] = f" {words}"
        elif match := ADMONITION.match(text):
            indent, marker, kind, title = match.groups()
            page.admonitions.append(Admonition(
                marker=marker, kind=kind, title=title or "",
                last=_last(page.lines, number, len(indent)), **spot))
            prose[number] = title or ""
    return where


def _fence(page, prose, number, match, spot):
    indent, ticks, info = match.groups()
    end = number + 1
    while end < len(page.lines):
        line = page.lines[end].strip()
        if line.startswith(ticks) and not line.strip(ticks[0]):
            break
        end += 1
    body = [line.removeprefix(indent) for line in page.lines[number + 1:end]]
    words = re.findall(r"[^\s{}]+", info)
    kind = words[0].lstrip(".").lower() if words else ""
    page.fences.append(Fence(
        kind=kind, info=info, body="\n".join(body), **spot))
    for row in range(number, min(end + 1, len(prose))):
        prose[row] = ""
    if kind in ("figure", "interactive"):
        words = {"": "", "alt": "", "caption": ""}
        name = ""
        for row, line in enumerate(body, number + 1):
            key = re.match(r"\s*(alt|caption):\s*(.*)$", line)
            name, text = key.groups() if key else (name, line.strip())
            words[name] = f"{words[name]} {text}".strip()
            prose[row] = text if name else ""
        page.figures.append(Figure(
            kind=kind, target=words[""], alt=words["alt"],
            caption=words["caption"], **spot))
    return end + 1


def _equation(page, prose, number, spot):
    end, text = number + 1, page.lines[number].strip()[2:]
    while not text.rstrip().endswith("$$") and end < len(page.lines):
        text += "\n" + page.lines[end]
        end += 1
    tex = text.rstrip().removesuffix("$$")
    page.equations.append(Equation(
        tex=TAG.sub("", tex).strip(), tags=tuple(TAG.findall(tex)), **spot))
    for row in range(number, end):
        prose[row] = ""
    return end


def _last(lines, number, indent):
    """Last line of the box whose marker stands on line `number`."""
    last = number
    for row in range(number + 1, len(lines)):
        text = lines[row]
        if text.strip() and len(text) - len(text.lstrip()) < indent + 4:
            break
        if text.strip():
            last = row
    return last + 1


def _inline(page, text, where):
    """Find what stands inside paragraphs, in an order that nests."""
    def spot(match):
        line = text.count("\n", 0, match.start())
        return {"line": line + 1} | where[line]

    def take(pattern, keep):
        """Hand every match to `keep`, then blank it."""
        nonlocal text
        for match in pattern.finditer(text):
            keep(match)
        text = pattern.sub(lambda m: _blank(m.group()), text)

    def cite(match):
        for work in match[1].split(";"):
            key, _, place = work.strip().removeprefix("@").partition(",")
            page.citations.append(Citation(
                key=key.strip(), place=place.strip(), **spot(match)))

    take(CODE, lambda m: page.code.append(Inline(text=m[2], **spot(m))))
    take(MATH, lambda m: page.math.append(Inline(text=m[1], **spot(m))))
    take(CITATION, cite)
    take(LINK, lambda m: page.links.append(Link(
        text=m[2], target=m[3], image=bool(m[1]), **spot(m))))
    take(URL, lambda m: page.links.append(Link(
        text="", target=m[0].strip("<>"), image=False, **spot(m))))
    take(ATTRIBUTES, lambda m: None)
    take(HTML, lambda m: page.html.append(Inline(text=m[0], **spot(m))))
    take(NOT_PROSE, lambda m: None)
    for value, start in numerals(text):
        line = text.count("\n", 0, start)
        page.numbers.append(Inline(text=value, line=line + 1, **where[line]))
