"""A page and its twin say the same: structure, formulas, numbers, works."""

import re
from collections import Counter
from pathlib import Path

from sitekit.checks import project
from sitekit.checks.numerals import numerals

TEXT = re.compile(r"\\text(?:rm|bf|it)?\s*\{(?:[^{}]|\{[^{}]*\})*\}")


def check_twins(root: Path) -> list[str]:
    """Compare each Chinese page with its English twin."""
    zh, en = (project.pages(root, lang) for lang in project.LANGUAGES)
    problems = []
    for path in sorted(set(zh) & set(en)):
        problems += compare(zh[path], en[path])
    return problems


def formula(tex: str) -> str:
    r"""Bring a formula to the form in which two languages are compared.

    Args:
        tex: LaTeX.

    Returns:
        The same without the words in `\text{}`, spacing and a final stop.

    Example:
        >>> formula(r"x = 1 \text{ if } y ,")
        'x=1\\text{}y'
    """
    tex = TEXT.sub(r"\\text{}", tex.replace("，", ",").replace("。", "."))
    tex = re.sub(r"\s+", " ", tex.strip())
    tex = re.sub(r"(?<![A-Za-z\\]) | (?![A-Za-z])", "", tex)
    return re.sub(r"(?:\\[,;!]|[.,;\s])+$", "", tex)


def compare(zh, en) -> list[str]:
    """Problems of a pair of pages, each named by the English page."""
    shape = [[(h.level, h.id) for h in page.headings] for page in (zh, en)]
    if shape[0] != shape[1]:
        return [_shape(zh, en, *shape)]
    problems = []
    counted = (
        ("tag", lambda p: [(t, e) for e in p.equations for t in e.tags]),
        ("equation", lambda p: [(formula(e.tex), e) for e in p.equations]),
        ("inline math", lambda p: [(formula(m.text), m) for m in p.math]),
        ("quote", lambda p: _fences(p, "quote")),
        ("figure", lambda p: [(f.target, f) for f in p.figures]),
        ("result", lambda p: _fences(p, "result")),
        ("run", lambda p: _fences(p, "run")),
        ("command", _commands),
        ("fence", lambda p: [(f.kind, f) for f in p.fences]),
        ("box", lambda p: [
            (f"{a.marker} {a.kind}", a) for a in p.admonitions]),
    )
    for name, parts in counted:
        problems += _per_section(zh, en, name, parts, Counter)
    sets = (
        ("citation", lambda p: [(_work(c), c) for c in p.citations]),
        ("code", lambda p: [(c.text, c) for c in p.code if _is_name(c.text)]),
        ("link", lambda p: [(x.target, x) for x in p.links]),
        ("number", lambda p: [(n.text, n) for n in p.numbers]),
    )
    for name, parts in sets:
        problems += _per_section(zh, en, name, parts, set)
    return problems + _order(zh, en) + _descriptions(zh, en)


def _shape(zh, en, zh_shape, en_shape):
    """The first heading in which the two differ."""
    pairs = zip(zh_shape, en_shape, strict=False)
    same = next((n for n, (a, b) in enumerate(pairs) if a != b),
                min(len(zh_shape), len(en_shape)))
    here = en.headings[same].line if same < len(en_shape) else len(en.lines)
    names = [
        f"{'#' * shape[same][0]} #{shape[same][1]}" if same < len(shape)
        else "no heading" for shape in (zh_shape, en_shape)
    ]
    return en.at(here, f"{names[1]} where {zh.path} has {names[0]}")


def _fences(page, kind):
    return [(re.sub(r"\s+", " ", f.body.strip()), f) for f in page.kind(kind)]


def _commands(page):
    """Lines of the shell fences without their comments."""
    return [(command, fence) for fence in page.kind("sh")
            for line in fence.body.splitlines()
            if (command := re.sub(r"(^|\s)#.*", "", line).strip())]


def _is_name(code):
    """Whether inline code is no words that each language has for itself."""
    return code.isascii() and bool(re.search(r"^\S+$|\d", code))


def _work(citation):
    """Key and the numbers of the place: "smith1990scale 2.3"."""
    places = [value for value, _ in numerals(citation.place)]
    return " ".join([citation.key, *places])


def _per_section(zh, en, name, parts, collect):
    """Problems of one kind of part, section by section."""
    problems = []
    both = [_grouped(parts(page)) for page in (zh, en)]
    starts = [{h.id: h.line for h in page.headings} for page in (zh, en)]
    for section in dict.fromkeys([*both[0], *both[1]]):
        (zh_parts, en_parts) = (x.get(section, []) for x in both)
        zh_set, en_set = (
            collect(value for value, _ in x) for x in (zh_parts, en_parts))
        where = f"#{section}" if section else "the opening"
        for page, other, found, missing, start in (
            (en, zh, zh_parts, zh_set - en_set, starts[1]),
            (zh, en, en_parts, en_set - zh_set, starts[0]),
        ):
            for value in sorted(missing):
                line = next(p.line for v, p in found if v == value)
                problems.append(page.at(
                    start.get(section, 1), f"{where} lacks {name} {value!r}; "
                    f"{other.path}:{line} has it"))
    return problems


def _grouped(parts):
    groups = {}
    for value, part in parts:
        groups.setdefault(part.section, []).append((value, part))
    return groups


def _order(zh, en):
    """Display equations and fences stand in the same order."""
    for name, values in (
        ("equations", lambda p: [formula(e.tex) for e in p.equations]),
        ("quotes", lambda p: [body for body, _ in _fences(p, "quote")]),
        ("figures", lambda p: [f.target for f in p.figures]),
    ):
        a, b = values(zh), values(en)
        if a != b and Counter(a) == Counter(b):
            value = next(y for x, y in zip(a, b, strict=True) if x != y)
            return [en.at(1, f"{name} in another order than {zh.path}, "
                          f"from {value!r} on")]
    return []


def _descriptions(zh, en):
    a, b = ({value for value, _ in numerals(
        str(page.front.get("description", "")))} for page in (zh, en))
    if a == b:
        return []
    return [en.at(1, f"description has numbers {sorted(b)}; {zh.path} has "
                  f"{sorted(a)}")]
