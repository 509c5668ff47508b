"""The glossary and the notation: read, checked, and shown on their pages.

`docs/glossary.yml` holds one agreed rendering per term, `docs/notation.yml`
one line per symbol. Both are data for the pages `about/glossary` and
`about/notation`, for the search index and for `sitekit.checks.terms`.
"""

import re
from dataclasses import MISSING, dataclass, fields
from functools import lru_cache
from pathlib import Path

import yaml

from sitekit.markdown import ROOT, SiteError, escape

LANGUAGES = ("zh", "en")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster
HAN = re.compile(r"[\u4e00-\u9fff]+")

# The common characters of GB 2312 are in the order of their pinyin: the first
# code of each initial. No syllable begins with I, U or V.
INITIALS = dict(zip(
    "ABCDEFGHJKLMNOPQRSTWXYZ",
    "啊芭擦搭蛾发噶哈击喀垃妈拿哦啪期然撒塌挖昔压匝",
    strict=True,
))


@dataclass(frozen=True, kw_only=True)
class Term:
    """An entry of the glossary; the head of `docs/glossary.yml` explains it."""

    id: str
    en: str
    zh: str
    def_en: str
    def_zh: str
    abbr: str = ""
    also_en: tuple = ()
    also_zh: tuple = ()
    forbidden_en: tuple = ()
    forbidden_zh: tuple = ()
    confused_en: tuple = ()
    confused_zh: tuple = ()
    allowed_en: tuple = ()
    allowed_zh: tuple = ()
    note_en: str = ""
    note_zh: str = ""
    page: str = ""
    twin: bool = False
    common: bool = False
    not_on: tuple = ()
    initial_zh: str = ""

    def get(self, name, lang):
        """The field `<name>_<lang>`; the agreed term itself for ""."""
        return getattr(self, f"{name}_{lang}" if name else lang)

    def names(self, lang):
        """The agreed rendering, the synonyms, the abbreviation."""
        abbr = (self.abbr,) if self.abbr else ()
        return (self.get("", lang), *self.get("also", lang), *abbr)

    def wrong(self, lang):
        """Renderings not to use."""
        return (*self.get("forbidden", lang), *self.get("confused", lang))


@dataclass(frozen=True, kw_only=True)
class Symbol:
    """A line of the notation; the head of `docs/notation.yml` explains it."""

    id: str
    latex: str
    code: str
    en: str
    zh: str
    shape: str = ""
    pages: tuple = ()
    group: str = ""


def load_terms(root=ROOT):
    """Read the glossary.

    Args:
        root: folder of the project.

    Returns:
        A list of `Term`, in the order of the file.

    Raises:
        SiteError: the file is missing or wrong; names every problem.
    """
    path = Path(root) / "docs" / "glossary.yml"
    data = _read(path, list)
    problems = []
    terms = _entries(Term, data, problems)
    problems += _repeated((term.id, term.id) for term in terms)
    for lang in LANGUAGES:
        problems += _repeated(
            (name.lower(), term.id) for term in terms
            for name in (term.get("", lang), *term.get("also", lang))
        )
    for term in terms:
        problems += _wrong_entry(term)
    return _accept(path, terms, problems)


def load_symbols(root=ROOT):
    """Read the notation.

    Args:
        root: folder of the project.

    Returns:
        A list of `Symbol`, in the order of the file.

    Raises:
        SiteError: the file is missing or wrong; names every problem.
    """
    path = Path(root) / "docs" / "notation.yml"
    problems, symbols = [], []
    for group, data in _read(path, dict).items():
        if not isinstance(data, list):
            problems.append(f"{group}: expected a list of symbols")
            continue
        found = _entries(Symbol, data, problems, group=group)
        symbols += found
    problems += _repeated((symbol.id, symbol.id) for symbol in symbols)
    problems += _repeated(
        (f"{s.latex} on {page or 'every page'}", s.id)
        for s in symbols for page in s.pages or ("",)
    )
    return _accept(path, symbols, problems)


def user_words(root=ROOT):
    """Words to teach jieba, which cuts the search index of the Chinese site.

    A term that contains another (池化层 contains 池化) is left out, so that a
    search for the shorter word finds the longer one.

    Args:
        root: folder of the project.

    Returns:
        A sorted list of Chinese words of two characters or more.
    """
    words = {
        name for term in load_terms(root)
        for name in (term.zh, *term.also_zh)
        if HAN.fullmatch(name) and len(name) > 1
    }
    return sorted(
        word for word in words
        if not any(other in word for other in words - {word})
    )


def _read(path, kind):
    name = "/".join(path.parts[-2:])
    if not path.is_file():
        raise SiteError(f"{name}: there is no such file")
    try:
        data = yaml.load(path.read_text("utf-8"), LOADER)
    except yaml.YAMLError as error:
        raise SiteError(f"{name}: not YAML: {error}") from error
    if not isinstance(data, kind):
        raise SiteError(
            f"{name}: expected a {kind.__name__}, got {type(data).__name__}")
    return data


def _accept(path, entries, problems):
    if problems:
        name = "/".join(path.parts[-2:])
        raise SiteError("\n".join(f"{name}: {text}" for text in problems))
    return entries


def _entries(kind, data, problems, **extra):
    """Make an object of each mapping; collect what is wrong with it."""
    known = {f.name: f for f in fields(kind) if f.name not in extra}
    entries = []
    for number, values in enumerate(data, 1):
        if not isinstance(values, dict):
            problems.append(f"entry {number}: expected fields, got {values!r}")
            continue
        label = values.get("id") or f"entry {number}"
        faults = [f"unknown field {name!r}" for name in values
                  if name not in known]
        for name, f in known.items():
            if name not in values:
                if f.default is MISSING:
                    faults.append(f"field {name!r} is missing")
            elif fault := _type_fault(values[name], f.type):
                faults.append(f"field {name!r}: {fault}")
        problems += [f"{label}: {fault}" for fault in faults]
        if not faults:
            values = {name: tuple(value) if isinstance(value, list) else value
                      for name, value in values.items()}
            entries.append(kind(**values, **extra))
    return entries


def _type_fault(value, kind):
    """What is wrong with a value; "" if nothing."""
    if kind is tuple:
        fine = isinstance(value, list) and value and all(
            isinstance(item, str) and item.strip() for item in value)
        return "" if fine else f"expected a list of words, got {value!r}"
    if kind is bool:
        return "" if value is True else f"expected true, got {value!r}"
    if not isinstance(value, str) or not value.strip():
        return f"expected text, got {value!r}"
    return ""


@lru_cache(maxsize=8192)
def word_key(word):
    """A word as two spellings are compared: no case, hyphen or break.

    Example:
        >>> word_key("Mini-batch"), word_key("softmax 函数")
        ('mini batch', 'softmax函数')
    """
    gap = "" if HAN.search(word) else " "
    return re.sub(r"[\s-]+" if gap else r"\s+", gap, word).lower()


def _repeated(pairs):
    """A problem for each key that a second entry claims."""
    owner = {}
    for key, label in pairs:
        if key in owner:
            yield f"{label}: {key!r} is already in {owner[key]}"
        owner.setdefault(key, label)


def _wrong_entry(term):
    if not re.fullmatch(r"[a-z0-9_]+", term.id):
        yield f"{term.id}: an id is made of a-z, 0-9 and _"
    if term.page and not re.fullmatch(r"[a-z]+/[a-z0-9_]+", term.page):
        yield (f"{term.id}: field 'page': expected a path such as "
               f"layers/lstm, got {term.page!r}")
    if not term.def_zh.endswith("。"):
        yield f"{term.id}: field 'def_zh': expected a sentence ending in 。"
    if not term.def_en.endswith("."):
        yield f"{term.id}: field 'def_en': expected a sentence ending in ."
    for lang in LANGUAGES:
        accepted = {word_key(word) for word in term.names(lang)}
        for word in term.wrong(lang):
            if word_key(word) in accepted:
                yield f"{term.id}: {word!r} is both accepted and wrong"


def letter(term, lang):
    """The letter under which a term stands: of the English word or the pinyin.

    Args:
        term: a `Term`.
        lang: "zh" or "en".

    Returns:
        One capital letter, or "#".

    Example:
        >>> letter(Term(id="x", en="loss", zh="损失", def_en="", def_zh=""),
        ...        "zh")
        'S'
    """
    first = term.get("", lang)[0].upper()
    if lang == "zh" and term.initial_zh:
        return term.initial_zh
    if first.isascii():
        return first if first.isalpha() else "#"
    code = _code(first)
    if not code or code > _code("座"):  # the end of the common characters
        return "#"
    return max(i for i, start in INITIALS.items() if _code(start) <= code)


def _code(character):
    try:
        return character.encode("gb2312")
    except UnicodeEncodeError:
        return b""


def _order(term, lang):
    """Key by which the terms of one letter are sorted."""
    name = term.get("", lang)
    return (not name[0].isascii(), name.lower().encode("gb18030"))


def glossary_fence(text, site):
    """Show every term, grouped by letter.

    Args:
        text: must be empty.
        site: the `Site`.

    Returns:
        HTML.

    Raises:
        SiteError: the glossary is wrong, or the fence has text.
    """
    if text.strip():
        raise SiteError(f"expected an empty fence, got {text.strip()!r}")
    groups = {}
    for term in load_terms(site.root):
        groups.setdefault(letter(term, site.lang), []).append(term)
    letters = sorted(groups)
    jump = site.say("按拼音首字母跳转", "Jump to a letter")
    links = " ".join(
        f'<a href="#letter-{_anchor(x)}">{x}</a>' for x in letters)
    parts = [f'<nav class="letters" aria-label="{jump}">{links}</nav>']
    for x in letters:
        terms = sorted(groups[x], key=lambda term: _order(term, site.lang))
        items = "\n".join(_term(term, site) for term in terms)
        parts.append(f'<h3 id="letter-{_anchor(x)}">{x}</h3>\n'
                     f"<dl>\n{items}\n</dl>")
    return '<div class="glossary">\n' + "\n".join(parts) + "\n</div>"


def _anchor(x):
    return "other" if x == "#" else x.lower()


def _marked(word, lang, site):
    """A word, with its language where that is not the page's."""
    if lang == site.lang or (lang == "zh" and not HAN.search(word)):
        return escape(word)
    return f'<span lang="{_TAG[lang]}">{escape(word)}</span>'


_TAG = {"zh": "zh-Hans", "en": "en"}


def _sentence(text, site):
    """A sentence; on an English page its Chinese words are marked."""
    text = escape(text)
    return text if site.lang == "zh" else HAN.sub(
        lambda m: f'<span lang="zh-Hans">{m.group()}</span>', text)


def _term(term, site):
    here = site.lang
    other = "en" if here == "zh" else "zh"
    abbr = f" ({escape(term.abbr)})" if term.abbr else ""
    counterpart = term.get("", other)
    if counterpart.lower() != term.get("", here).lower():
        counterpart = f" {_marked(counterpart, other, site)}"
    else:  # Transformer, logit
        counterpart = ""
    rows = [f"<p>{_sentence(term.get('def', here), site)}</p>"]
    if note := term.get("note", here):
        rows.append(f"<p>{_sentence(note, site)}</p>")
    for label, words in (
        (site.say("也作", "Also"), [
            _marked(word, lang, site) for lang in (here, other)
            for word in term.get("also", lang)]),
        (site.say("不写作", "Not"), [
            f"<del>{_marked(word, lang, site)}</del>"
            for lang in (here, other) for word in term.wrong(lang)]),
        (site.say("详见", "See"), _page_links([term.page], site)),
    ):
        if words:
            text = site.say("、", ", ").join(words)
            rows.append(f"<p>{label}{site.say('：', ': ')}{text}</p>")
    return (
        f'<dt id="term-{term.id}">'
        f"<strong>{escape(term.get('', here))}</strong>"
        f"{counterpart}{abbr}</dt>\n"
        f"<dd>{''.join(rows)}</dd>"
    )


def _page_links(pages, site):
    """Links to those of the pages that exist, by their titles."""
    links = []
    for page in pages:
        path = site.root / "docs" / site.lang / f"{page}.md"
        if page and path.is_file():
            title = re.search(
                r"^# +(.*?)\s*(?:\{[^{}]*\})?\s*$", path.read_text("utf-8"),
                re.M)
            title = title[1] if title else page
            links.append(
                f'<a href="{escape(site.link(f"{page}.md"))}">'
                f"{escape(title)}</a>")
    return links


def notation_fence(text, site):
    """Show the symbols of one group, or of all.

    Args:
        text: name of a group in `docs/notation.yml`, or empty.
        site: the `Site`; `site.inline` renders the LaTeX.

    Returns:
        HTML: a list of cards, readable at 320 px.

    Raises:
        SiteError: the notation is wrong, or there is no such group.
    """
    symbols = load_symbols(site.root)
    group = text.strip()
    if group:
        groups = list(dict.fromkeys(symbol.group for symbol in symbols))
        if group not in groups:
            raise SiteError(
                f"there is no group {group!r} in docs/notation.yml; "
                f"expected one of {', '.join(groups)}")
        symbols = [symbol for symbol in symbols if symbol.group == group]
    items = "\n".join(_symbol(symbol, site) for symbol in symbols)
    return f'<dl class="notation">\n{items}\n</dl>'


def _symbol(symbol, site):
    rows = [f"<p>{site.inline(getattr(symbol, site.lang))}</p>"]
    for label, content in (
        (site.say("形状", "Shape"), symbol.shape and
            f"<code>{escape(symbol.shape)}</code>"),
        (site.say("见", "On"), site.say("、", ", ").join(
            _page_links(symbol.pages, site))),
    ):
        if content:
            rows.append(f"<p>{label}{site.say('：', ': ')}{content}</p>")
    return (
        f'<div><dt id="symbol-{symbol.id}">{site.inline(f"${symbol.latex}$")} '
        f"<code>{escape(symbol.code)}</code></dt>\n"
        f"<dd>{''.join(rows)}</dd></div>"
    )
