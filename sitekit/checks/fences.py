"""No code is typed into a page: it is quoted from a tested file."""

import re
from pathlib import Path

from sitekit.checks import project

KINDS = (
    "quote", "figure", "interactive", "result", "run", "references",
    "bibliography", "corrections", "timeline", "glossary", "notation", "path",
    "quality", "sh", "text",
)
RAW = re.compile(r"<(pre|code|script|style|iframe|img|object|embed)\b", re.I)
PROMPT = re.compile(r"^\s*(>>>|In \[\d*\]:) ?\S", re.M)
PYTHON = re.compile(
    r"^\s*(import \w[\w.]*|from [\w.]+ import .+|(async )?def \w+\(.*"
    r"|class \w+.*:|@\w+.*|\w+ = \w+\(.*\))\s*$", re.M)
ERROR = re.compile(r"Traceback|Error\b|Warning\b|Exception\b")
# four spaces start a code block, unless they belong to what stands above
OWNER = re.compile(
    r"^\s*(?:[-*+]|\d+[.)])\s|^\s*(?:!!!|\?\?\?\+?|===)\s|^\s*:\s|^\[\^\w+\]:")


def check_fences(root: Path) -> list[str]:
    """Only known fences; no Python in them, beside them or in raw HTML."""
    problems = []
    for page in project.every_page(root):
        for fence in page.fences:
            if fence.kind not in KINDS:
                problems.append(page.at(
                    fence.line, f"a fence of kind {fence.info!r}; expected "
                    f"one of {', '.join(KINDS)}"))
            elif fence.kind in ("sh", "text") and _is_python(fence.body):
                problems.append(page.at(
                    fence.line, "Python typed into a page; quote it from a "
                    "tested file"))
        for tag in page.html:
            if RAW.match(tag.text):
                problems.append(page.at(
                    tag.line, f"raw HTML {tag.text!r}; expected Markdown"))
        for code in page.code:
            if code.text.startswith("#!"):
                problems.append(page.at(
                    code.line, f"highlighted code {code.text!r}; expected "
                    "plain `code`"))
        problems += _bare(page)
    return problems


def _is_python(body):
    """Whether a text or shell fence holds Python that is no error message."""
    if PROMPT.search(body):
        return True
    return bool(PYTHON.search(body)) and not ERROR.search(body)


def _bare(page):
    """Prompts and indented code blocks outside of fences."""
    problems = []
    for number, text in enumerate(page.prose, 1):
        if re.match(r"\s*>>> ", text):
            problems.append(page.at(number, f"a console session: {text!r}"))
        indent = len(text) - len(text.lstrip())
        opens = number > 1 and not page.prose[number - 2].strip()
        if text.strip() and indent >= 4 and opens:
            owner = _owner(page, number - 1, indent)
            if not OWNER.match(owner):
                problems.append(page.at(
                    number, f"an indented code block: {text.strip()!r}; "
                    "expected a fence"))
    return problems


def _owner(page, row, indent):
    """The nearest line above that stands further left."""
    for text in reversed(page.lines[:row]):
        if text.strip() and len(text) - len(text.lstrip()) <= indent - 2:
            return text
    return ""
