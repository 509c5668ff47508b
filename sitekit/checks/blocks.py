"""Every concept page has the nine blocks, and in them what a reader needs."""

import re
from pathlib import Path

from sitekit.checks import project

BLOCKS = (
    "guess", "idea", "equations", "code", "run", "pitfalls", "exercises",
    "summary", "references",
)
LINES = (80, 250)
MORE_LINES = {  # a whole task: eight steps, and what goes wrong in each
    "practice/cifar10.md": 300,
    "about/outlook.md": 300,  # three runs and the statements
    "about/reproducibility.md": 280,  # three runs and the six steps
}
EXERCISES = (3, 6)
WORKS = (3, 8)
MORE_WORKS = 30  # in about/, where every statement needs its own
ALT_LENGTH = {"zh": 10, "en": 20}
RULE = re.compile(r"\|(\s*:?-+:?\s*\|)+")  # below the head of a table
NO_FINDING = re.compile(r"^\s*(a |an |the )?(figure|plot|image|chart|graph)"
                        r"( of|:)|^\s*图(?![像片])", re.I)


def check_blocks(root: Path) -> list[str]:
    """Description and heading ids on all pages, all else on concept pages."""
    problems = []
    for lang in project.LANGUAGES:
        for path, page in project.pages(root, lang).items():
            problems += _any_page(page, is_home="/" not in path)
            if project.is_concept(path, root):
                problems += _concept(page, lang)
    return problems


def _any_page(page, is_home):
    problems = []
    described = str(page.front.get("description") or "").strip()
    if not described and not is_home:  # home has the site's description
        problems.append(page.at(1, "no description in the front matter"))
    seen = {}
    for heading in page.headings:
        if heading.level > 1 and not heading.id:
            problems.append(page.at(
                heading.line, f"heading {heading.text!r} has no {{ #id }}"))
        if heading.id and heading.id in seen:
            problems.append(page.at(
                heading.line, f"id {heading.id!r} is already on line "
                f"{seen[heading.id]}"))
        seen[heading.id] = heading.line
    for figure in page.figures:
        for field in ("target", "alt", "caption"):
            if not getattr(figure, field):
                problems.append(page.at(figure.line, f"figure without {field}"))
    return problems + _raw_tables(page)


def _raw_tables(page):
    """A table needs a blank line before it, else it is shown as text."""
    lines = page.lines
    return [
        page.at(n + 1, "table without a blank line before it")
        for n in range(1, len(lines) - 1)
        if RULE.fullmatch(lines[n + 1].strip())
        and lines[n - 1].strip() and not lines[n - 1].startswith("#")
    ]


def _concept(page, lang):
    problems = []
    blocks = {h.id: h.line for h in page.headings if h.level == 2}
    about = page.path.split("/")[2] == project.PROSE
    # a page of about/ may have further blocks between the nine
    found = [b for b in blocks if b in BLOCKS] if about else blocks
    if tuple(found) != BLOCKS:
        problems.append(page.at(
            next(iter(blocks.values()), 1),
            f"blocks are {', '.join(blocks) or 'none'}; "
            f"expected {', '.join(BLOCKS)}"))
    problems += _title(page)
    count = len(page.lines) - page.first  # without the front matter
    most = MORE_LINES.get(page.path.split("/", 2)[-1], LINES[1])
    if not LINES[0] <= count <= most:
        problems.append(page.at(
            len(page.lines),
            f"{count} lines; expected {LINES[0]} to {most}"))
    for kind in ("quote", "result", "run"):
        if not page.kind(kind):
            problems.append(page.at(1, f"no {kind} fence"))
    return (problems + _figures(page, lang) + _pitfalls(page, blocks)
            + _exercises(page, blocks) + _works(page, blocks))


def _title(page):
    titles = [h for h in page.headings if h.level == 1]
    if len(titles) != 1:
        line = titles[1].line if titles else page.first + 1
        return [page.at(line, f"{len(titles)} titles; expected 1")]
    after = [h.line for h in page.headings if h.line > titles[0].line]
    end = after[0] - 1 if after else len(page.lines)
    if not any(text.strip() for text in page.prose[titles[0].line:end]):
        return [page.at(titles[0].line, "no paragraph after the title")]
    return []


def _figures(page, lang):
    if not page.kind("figure"):  # an interactive one needs JavaScript
        return [page.at(1, "no figure; expected at least 1")]
    problems = []
    for figure in page.figures:
        least = ALT_LENGTH[lang]
        if len(figure.alt) < least or NO_FINDING.search(figure.alt):
            problems.append(page.at(
                figure.line, f"alt {figure.alt!r} states no finding; expected "
                f"a sentence of at least {least} characters that says what "
                "there is to see"))
    return problems


def _pitfalls(page, blocks):
    boxes = [a for a in page.admonitions
             if a.kind == "failure" and a.block == "pitfalls"]
    if boxes:
        return []
    line = blocks.get("pitfalls", 1)
    return [page.at(line, "no !!! failure box in pitfalls")]


def _exercises(page, blocks):
    line = blocks.get("exercises", 1)
    solutions = [a for a in page.admonitions if a.block == "exercises"
                 and a.kind == "success" and a.marker.startswith("???")]
    count = len(solutions)
    if not EXERCISES[0] <= count <= EXERCISES[1]:
        return [page.at(
            line, f"{count} folded solutions (??? success); expected "
            f"{EXERCISES[0]} to {EXERCISES[1]}, one per exercise")]
    starts = _starts(page)
    problems = []
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else 10**9
        inside = [a for a in solutions if start <= a.line < end]
        if len(inside) != 1:
            problems.append(page.at(
                start, f"an exercise with {len(inside)} folded solutions; "
                "expected 1"))
    return problems


def _starts(page):
    """Lines on which exercises start: headings, else numbers or bold words."""
    rows = [h.line for h in page.headings
            if h.block == "exercises" and h.level == 3]
    if rows:
        return rows
    head = [h for h in page.headings if h.id == "exercises"]
    after = [h.line for h in page.headings if head and h.line > head[0].line]
    if not after:
        return []
    lines = range(head[0].line, after[0] - 1)
    for pattern in (r"\d+[.)]\s", r"\*\*\s*(?:\d|练习|Exercise)"):
        rows = [n + 1 for n in lines if re.match(pattern, page.prose[n])]
        if rows:
            return rows
    return []


def _works(page, blocks):
    problems = []
    line = blocks.get("references", 1)
    works = {c.key for c in page.citations}
    about = page.path.split("/")[2] == project.PROSE
    most = MORE_WORKS if about else WORKS[1]
    if not WORKS[0] <= len(works) <= most:
        problems.append(page.at(
            line, f"{len(works)} works cited; expected {WORKS[0]} to {most}"))
    if not any(f.block == "references" for f in page.kind("references")):
        problems.append(page.at(line, "no references fence in this block"))
    return problems
