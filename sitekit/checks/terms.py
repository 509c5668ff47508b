"""Terms: no forbidden rendering, the agreed one in both languages.

Three rules, on every page and on the text cells of the examples:

1. No rendering that `docs/glossary.yml` calls forbidden. What is quoted, by
   quotation marks or by a line that starts with `>`, is mentioned, not used.
2. Where an English section uses a term marked `twin: true`, the Chinese
   section has the agreed rendering, a synonym or the abbreviation.
3. A Chinese concept page gives the English of the terms it explains once:
   卷积（convolution）.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, zip_longest
from pathlib import Path

from sitekit.checks import page as pages_of
from sitekit.checks import project
from sitekit.markdown import SiteError
from sitekit.terms import LANGUAGES, load_symbols, load_terms, word_key

OTHER = {"zh": "en", "en": "zh"}
GAP = r"[ \t]*\n?[ \t]*"  # a Chinese word may wrap
TOKEN = re.compile(r"[A-Za-z0-9]+|[\u4e00-\u9fff]")
OBJECT = "\ufffc"  # stands for code and formulas, which are no prose
WORDS = re.compile(r"\\text(?:rm|bf|it)?\s*\{([^{}]*)\}")
IN = r"(?:(?!\n[ \t]*\n)[^{0}]){{1,200}}"
QUOTED = re.compile("|".join(
    f"{a}{IN.format(b)}{b}" for a, b in ("“”", "「」", "《》", '""')))


@dataclass(frozen=True)
class Section:
    """Prose of one language under one `##` heading, or of one text cell."""

    path: str
    line: int
    id: str
    lang: str
    text: str

    @cached_property
    def unquoted(self):
        """The prose without what stands in quotation marks."""
        return QUOTED.sub(lambda m: _hide(m.group()), self.text)

    def at(self, position, message):
        """A problem at a position of the text."""
        line = self.line + self.text.count("\n", 0, position)
        return f"{self.path}:{line}: {message}"


class Finder:
    """Finds the words of the glossary in one language, longest first."""

    def __init__(self, terms, lang):
        """Learn the agreed, the wrong and the allowed words."""
        self.owner, self.wrong = {}, {}
        patterns = {}
        for term in terms:
            for name in term.names(lang):
                self.owner[word_key(name)] = term
                exact = name == term.abbr
                patterns[word_key(name)] = _pattern(name, lang, exact)
            for kind in ("forbidden", "confused", "allowed"):
                for name in term.get(kind, lang):
                    patterns.setdefault(word_key(name), _pattern(name, lang))
                    if kind != "allowed":
                        self.wrong.setdefault(word_key(name), {})[term.id] = (
                            term, kind)
        self.keys = {form: key for key in reversed(patterns)
                     for form in _forms(key, lang)}
        groups = {}
        for key in sorted(patterns, key=len, reverse=True):
            # of "gradient descent" and "gradient" the longer one
            for form in _forms(key, lang):
                groups.setdefault(TOKEN.match(form).group(), {})[key] = None
        self.groups = {
            token: re.compile("|".join(patterns[k] for k in group), re.I)
            for token, group in groups.items()
        }

    def find(self, text):
        """(key, match) of each word, in order, the longest at a place."""
        end = 0
        for token in TOKEN.finditer(text):
            group = self.groups.get(token.group().lower())
            if group and token.start() >= end:
                match = group.match(text, token.start())
                if match:
                    end = match.end()
                    yield self.keys[word_key(match.group())], match

    def uses(self, text):
        """Terms used in a text and where each stands first."""
        found = {}
        for key, match in self.find(text):
            if key in self.owner:
                found.setdefault(self.owner[key].id, match)
        return found


def check_terms(root: Path) -> list[str]:
    """Check the glossary, the notation and the words of every page.

    Args:
        root: folder of the project.

    Returns:
        Problems as `path:line: message`.
    """
    root = Path(root)
    try:
        terms = load_terms(root)
        load_symbols(root)
    except SiteError as error:
        return str(error).splitlines()
    finders = {lang: Finder(terms, lang) for lang in LANGUAGES}
    problems = []
    for zh, en in _pairs(root):
        problems += _wrong_words(zh, en, finders)
        problems += _wrong_words(en, zh, finders)
        if zh and en:
            problems += _missing(zh, en, terms, finders)
    for name, page in project.concept_pages(root, "zh").items():
        mine = [term for term in terms if term.page == name]
        problems += _english(page, mine, finders["zh"])
    return problems


def _wrong_words(section, twin, finders):
    """Forbidden renderings in a section."""
    if not section:
        return
    lang = section.lang
    finder = finders[lang]
    for key, match in finder.find(section.unquoted):
        for term, kind in finder.wrong.get(key, {}).values():
            owner = finder.owner.get(key)
            if kind == "confused" or owner:
                used = finders[OTHER[lang]].uses(twin.text) if twin else {}
                # 递归神经网络 is right where the twin says "recursive"
                if term.id not in used or owner and owner.id in used:
                    continue
            word = " ".join(match.group().split())
            yield section.at(match.start(), (
                f"{word}: forbidden rendering of "
                f"{term.get('', OTHER[lang])}, use {term.get('', lang)}"))


def _missing(zh, en, terms, finders):
    """Terms of the English section that the Chinese one does not render."""
    used = finders["en"].uses(en.unquoted)
    text = word_key(zh.text)
    for term in terms:
        if not term.twin or term.id not in used:
            continue
        if not any(word_key(name) in text
                   for name in (*term.names("zh"), *term.allowed_zh)):
            match = used[term.id]
            word = " ".join(match.group().split())
            where = en.at(match.start(), "").removesuffix(": ")
            yield zh.at(0, (
                f"{zh.id or 'text'}: no {term.zh}, but {where} "
                f"says {word!r}"))


def _english(page, terms, finder):
    """Terms of a Chinese concept page that it never gives in English."""
    text = "\n".join(section.text for section in sections(page, "zh"))
    first = {}
    for key, match in finder.find(text):
        if key in finder.owner and len(key) > 1:
            first.setdefault(finder.owner[key].id, match)
    for term in terms:
        match = first.get(term.id)
        english = "|".join(
            _pattern(name, "en") for name in (term.en, *term.also_en))
        chinese = "|".join(
            _pattern(name, "zh") for name in (term.zh, *term.also_zh))
        given = rf"(?:{chinese})\s*[（(][^）)]*(?:{english})"
        if match and not term.zh.isascii() and not re.search(
                given, text, re.I):
            line = 1 + text.count("\n", 0, match.start())
            yield page.at(line, (
                f"{match.group()}: give the English once, "
                f"{term.zh}（{term.en}）"))


def _pairs(root):
    """(Chinese section or None, English section or None) of everything."""
    pages = {lang: project.pages(root, lang) for lang in LANGUAGES}
    for path in sorted({*pages["zh"], *pages["en"]}):
        found = {
            lang: {s.id: s for s in sections(pages[lang][path], lang)}
            if path in pages[lang] else {} for lang in LANGUAGES
        }
        for name in dict.fromkeys([*found["zh"], *found["en"]]):
            yield found["zh"].get(name), found["en"].get(name)
    for path in project.scripts(root, "examples").values():
        yield from _cell_pairs(root, path)


def _cell_pairs(root, path):
    """Text cells between two code cells, paired in order."""
    shown = project.shown(root, path)
    cells = project.cells(path)
    for is_text, group in groupby(cells, key=lambda cell: cell.is_text):
        if not is_text:
            continue
        group = [Section(shown, cell.first, "", cell.lang,
                         _prose(pages_of.parse(cell.text))) for cell in group]
        yield from zip_longest(*(
            [s for s in group if s.lang == lang] for lang in LANGUAGES))


def sections(page, lang):
    """Cut a page at its `##` headings.

    Args:
        page: a `sitekit.checks.page.Page`.
        lang: "zh" or "en".

    Returns:
        A list of `Section`; the first one, with the id "", is the top.
    """
    lines = _prose(page).split("\n")
    starts = [(1, "")] + [(h.line, h.id) for h in page.headings
                          if h.level == 2]
    ends = [line - 1 for line, _ in starts[1:]] + [len(lines)]
    return [
        Section(page.path, line, name, lang, "\n".join(lines[line - 1:end]))
        for (line, name), end in zip(starts, ends, strict=True)
    ]


def _prose(page):
    """The page's words, each on its line; the rest is hidden."""
    lines = list(page.prose)
    for number, line in enumerate(page.lines[:page.first]):
        if line.startswith("description:"):
            lines[number] = line.removeprefix("description:")
    for equation in page.equations:
        lines[equation.line - 1] = " ".join(WORDS.findall(equation.tex))
    text = "\n".join(
        "" if line.lstrip().startswith(">") else line for line in lines)
    text = pages_of.CODE.sub(lambda m: _hide(m.group()), text)
    text = pages_of.MATH.sub(lambda m: OBJECT + " ".join(
        WORDS.findall(m[1])) + _hide(m.group()), text)
    text = pages_of.CITATION.sub(lambda m: _hide(m.group()), text)
    text = pages_of.LINK.sub(
        lambda m: m[2] + "\n" * m.group().replace(m[2], "", 1).count("\n"),
        text)
    for pattern in (pages_of.URL, pages_of.ATTRIBUTES, pages_of.HTML):
        text = pattern.sub(lambda m: _hide(m.group()), text)
    return text.replace("*", "")


def _hide(text):
    return OBJECT + "\n" * text.count("\n")


def _pattern(word, lang, exact=False):
    """Regular expression of a word in running text."""
    if lang == "zh" and not word.isascii():
        return GAP.join(map(re.escape, re.sub(r"\s+", "", word)))
    parts = map(re.escape, re.split(r"[\s-]+", word))
    text = r"(?:\s+|-)".join(parts)
    if lang == "en" and word[-1].isalpha():
        text = f"{text[:-1]}(?:y|ies)" if re.search(
            r"[^aeiou]y$", word) else f"{text}(?:e?s)?"
    text = f"(?-i:{text})" if exact else text
    return rf"(?<![A-Za-z0-9_]){text}(?![A-Za-z0-9_])"


def _forms(key, lang):
    """Spellings that the pattern of a word matches, its plurals."""
    yield key
    if lang == "en":
        yield f"{key}s"
        yield f"{key}es"
        if key.endswith("y"):
            yield f"{key[:-1]}ies"
