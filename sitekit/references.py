"""The bibliography: reads a .bib file, words its entries, checks them.

    python -m sitekit.references check FILE.bib [--strict] [--online]

checks any BibTeX file: one line `FILE:key: problem` for each problem. What
`--strict` adds is what this guide demands of docs/references.bib.

Exit status: 0 nothing found; 1 problems found; 2 wrong usage, or a file that
cannot be read; 3 no problem found, but an entry could not be asked about
online.
"""

import argparse
import re
import sys
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

import pybtex.errors
from pybtex.database import BibliographyDataError
from pybtex.database.input.bibtex import Parser
from pybtex.exceptions import PybtexError
from pybtex.richtext import Text
from pybtex.scanner import PybtexSyntaxError

OK, PROBLEMS, UNUSABLE, NOT_CHECKED = range(4)

# topic -> heading in Chinese and English, in the order of the page
TOPICS = {
    "basics": ("神经网络基础", "Neural networks"),
    "optimization": ("优化与初始化", "Optimization and initialization"),
    "regularization": ("正则化", "Regularization"),
    "convolution": ("卷积网络与视觉", "Convolutional networks and vision"),
    "recurrent": ("循环网络与序列", "Recurrent networks and sequences"),
    "generative": ("生成模型", "Generative models"),
    "text": ("语言模型", "Language models"),
    "multilingual": ("各语言的模型", "Models for single languages"),
    "data": ("数据与评测", "Data and evaluation"),
    "software": ("软件", "Software"),
    "history": ("历史", "History"),
    "outlook": ("展望", "Outlook"),
}

# what BibTeX and biblatex require; names of one thing stand together
ALWAYS = (("author", "editor"), ("title",), ("year", "date"))
REQUIRED = {
    "article": (("journal", "journaltitle", "eprint"),),
    "book": (("publisher",),),
    "incollection": (("booktitle",), ("publisher",)),
    "inproceedings": (("booktitle",),),
    "conference": (("booktitle",),),
    "techreport": (("institution",),),
    "mastersthesis": (("school", "institution"),),
    "phdthesis": (("school", "institution"),),
}

LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "ß": "ss", "đ": "d",
     "ð": "d", "þ": "th", "ı": "i"}
)
ARXIV_NEW = re.compile(r"(\d{2})(\d{2})\.(\d{4,5})(v\d+)?")
ARXIV_OLD = re.compile(
    r"[a-z][a-z-]*(?:\.[A-Z]{2})?/(\d{2})(\d{2})\d{3}(v\d+)?"
)
ARXIV_IN_TEXT = re.compile(
    r"arxiv(?:\.org/(?:abs|pdf)/|\s*:\s*|\.(?=\d))"
    r"([\w.-]+/\d[\w.]*|\d[\w.]*)", re.IGNORECASE
)
DOI = re.compile(r'10\.\d{4,9}/[^\s"{}]*[^\s"{}.,;:]')
URL = re.compile(r"https?://[^\s/.]+\.[^\s]+")


class ReferencesError(Exception):
    """The file is not a bibliography that can be used."""


@dataclass(frozen=True)
class Name:
    """A person, or an organization (no given name)."""

    given: str
    family: str

    def __str__(self):
        return f"{self.given} {self.family}".strip()


@dataclass(frozen=True)
class Work:
    """One entry of a bibliography.

    Attributes:
        key: citation key.
        kind: type of the entry, "article".
        authors: tuple of `Name`; the editors where there are no authors.
        more_authors: the list ends with "and others".
        fields: the other fields as plain text, names in lower case.
    """

    key: str
    kind: str
    authors: tuple = ()
    more_authors: bool = False
    fields: dict = field(default_factory=dict, hash=False)

    def __getitem__(self, name):
        return self.fields.get(name, "")

    @property
    def year(self):
        """Year of publication, "" where there is none."""
        return self["year"] or self["date"][:4]

    @property
    def doi(self):
        """DOI without resolver, or ""."""
        return re.sub(r"^(https?://(dx\.)?doi\.org/|doi:\s*)", "", self["doi"],
                      flags=re.IGNORECASE)

    @property
    def arxiv(self):
        """The arXiv id as the entry gives it, or ""."""
        prefix = self["archiveprefix"] or self["eprinttype"]
        if self["eprint"] and prefix.lower() in ("arxiv", ""):
            return re.sub(r"^arxiv:", "", self["eprint"], flags=re.IGNORECASE)
        names = ("arxiv", "journal", "journaltitle", "volume", "howpublished",
                 "note", "url", "doi")
        for name in names:
            text = f"arXiv:{self[name]}" if name == "arxiv" else self[name]
            if match := ARXIV_IN_TEXT.search(text):
                return match[1].removesuffix(".pdf").rstrip(".,;")
        return ""

    @property
    def links(self):
        """List of (label, url): DOI, arXiv, address; the best one first."""
        links = []
        if self.doi:
            path = quote(self.doi, safe="/:;()._-")
            links.append((f"doi:{self.doi}", f"https://doi.org/{path}"))
        if self.arxiv:
            url = f"https://arxiv.org/abs/{self.arxiv}"
            links.append((f"arXiv:{self.arxiv}", url))
        if self["url"] and self["url"] not in [url for _, url in links]:
            host = re.sub(r"^https?://(www\.)?", "", self["url"])
            links.append((host.split("/")[0], self["url"]))
        return links

    def supports(self, lang):
        """The claim for which this guide cites the work."""
        return self["supports_zh" if lang == "zh" else "supports"]


# ---------------------------------------------------------------- reading


def plain(value):
    r"""Text of a BibTeX field without TeX: braces, accents, dashes.

    >>> plain(r"{LSTM}: K{\"o}hler \& Co, 9--12")
    'LSTM: Köhler & Co, 9–12'
    """
    value = " ".join(value.split())
    if any(mark in value for mark in "\\{}~"):
        value = str(Text.from_latex(value))
    return value.replace("--", "–").replace("\xa0", " ").strip()


def parse(path):
    """Read a .bib file; mistakes that leave the rest readable are returned.

    Args:
        path: path of the file.

    Returns:
        A list of `Work`, and a list of (key, problem).

    Raises:
        ReferencesError: no such file, not UTF-8, broken syntax, no entry.
    """
    try:
        text = Path(path).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ReferencesError(f"{path}: not UTF-8: {error}") from error
    except OSError as error:
        raise ReferencesError(f"{path}: {error.strerror}") from error
    with pybtex.errors.capture() as errors:
        try:
            data = Parser().parse_string(text)
        except PybtexError as error:
            raise ReferencesError(f"{path}: {error}") from error
    problems = []
    for error in errors:
        message = str(error)
        broken = isinstance(error, PybtexSyntaxError)
        if broken and "undefined string" not in message:
            raise ReferencesError(f"{path}: {message}")
        key = ""
        if isinstance(error, BibliographyDataError) and ": " in message:
            message, key = message.rsplit(": ", 1)
        problems.append((key, message))
    works = [_work(key, entry) for key, entry in data.entries.items()]
    if not works:
        raise ReferencesError(f"{path}: holds no BibTeX entry")
    return works, problems


def _work(key, entry):
    raw = ("doi", "url", "eprint")
    fields = {
        name.lower(): value.strip().replace("\\_", "_")
        if name.lower() in raw else plain(value)
        for name, value in entry.fields.items()
    }
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    if people:
        # so that required fields are looked up in one place
        fields["author" if "author" in entry.persons else "editor"] = "yes"
    names = []
    for person in people:
        family = person.prelast_names + person.last_names
        given = person.first_names + person.middle_names
        names.append(Name(plain(" ".join(given)), plain(" ".join(
            family + person.lineage_names))))
    more = bool(names) and names[-1] == Name("", "others")
    return Work(key, entry.type.lower(), tuple(names[:-1] if more else names),
                more, fields)


def load(path):
    """Read the bibliography of the site.

    Args:
        path: path of the .bib file.

    Returns:
        A dict, key -> `Work`.

    Raises:
        ReferencesError: the file cannot be read or repeats a key.
    """
    path = Path(path)
    stat = path.stat() if path.exists() else None
    return _load(path, stat and (stat.st_mtime_ns, stat.st_size))


@lru_cache(maxsize=8)
def _load(path, version):
    works, problems = parse(path)
    if problems:
        raise ReferencesError(f"{path}: {problems[0][0]}: {problems[0][1]}")
    return {work.key: work for work in works}


# ---------------------------------------------------------------- wording


def short(work, lang):
    """Author and year, as in the text: "Krizhevsky et al., 2012"."""
    zh = lang == "zh"
    names = [name.family for name in work.authors]
    year = work.year or ("无日期" if zh else "n.d.")
    if not names:
        who = work["title"] or work.key
    elif len(names) == 1 and not work.more_authors:
        who = names[0]
    elif len(names) == 2 and not work.more_authors:
        who = (" 与 " if zh else " & ").join(names)
    else:
        who = names[0] + (" 等" if zh else " et al.")
    return f"{who}，{year}" if zh else f"{who}, {year}"


def author_line(work, lang, most=8):
    """All authors, or the first `most` of a longer list."""
    zh = lang == "zh"
    names = [str(name) for name in work.authors]
    if len(names) > most + 1 or work.more_authors:
        names = names[:most]
        joined = ("、" if zh else ", ").join(names)
        return joined + (" 等" if zh else " et al.")
    if zh:
        return "、".join(names)
    return " & ".join([", ".join(names[:-1]), names[-1]]
                      if len(names) > 1 else names)


def venue_line(work, lang):
    """Where the work was published: journal or book, volume, pages."""
    zh = lang == "zh"
    volume = work["volume"]
    if volume and work["number"]:
        volume += f"({work['number']})"
    kind = {
        "phdthesis": ("博士论文", "PhD thesis"),
        "mastersthesis": ("硕士论文", "Master's thesis"),
        "techreport": ("技术报告", "Technical report"),
    }.get(work.kind, ("", ""))[0 if zh else 1]
    if not zh and work.kind == "mastersthesis" and work["type"]:
        kind = work["type"]
    where = work["journal"] or work["journaltitle"] or work["booktitle"]
    parts = [where, kind]
    if work["series"]:
        parts.append(f"{work['series']} {volume}".strip())
    elif volume and work.kind == "article":
        parts[0] = f"{where} {volume}"
    elif volume:
        parts.append(f"第 {volume} 卷" if zh else f"vol. {volume}")
    if work["chapter"]:
        n = work["chapter"]
        parts.append(f"第 {n} 章" if zh else f"ch. {n}")
    if work["edition"]:
        n = work["edition"]
        parts.append(f"第 {n} 版" if zh else f"edition {n}")
    parts.append(re.sub(r"(?<=\d)-(?=\d)", "–", work["pages"]))
    parts += [work["school"], work["institution"], work["publisher"],
              work["howpublished"]]
    if not any(parts) and work.arxiv:
        parts = ["arXiv 预印本" if zh else "arXiv preprint"]
    return ("，" if zh else ", ").join(part for part in parts if part)


# ---------------------------------------------------------------- checking


def fold(text):
    """Text for comparison: no accents, case, spaces or punctuation.

    >>> fold("Łukasz Kaiser: Attention, Is All…")
    'lukaszkaiserattentionisall'
    """
    text = unicodedata.normalize("NFKD", text.casefold().translate(LETTERS))
    return "".join(c for c in text if c.isalnum())


def check(works, strict=False):
    """Problems of a bibliography that can be seen without asking anyone.

    Args:
        works: list of `Work`.
        strict: also demand what this guide demands.

    Returns:
        A list of (key, problem).
    """
    found = []
    for work in works:
        problems = [*_missing(work), *_malformed(work)]
        if strict:
            problems += _strict(work)
        found += [(work.key, problem) for problem in problems]
    return found + _duplicates(works)


def _missing(work):
    for names in (*ALWAYS, *REQUIRED.get(work.kind, ())):
        if not any(work[name] for name in names):
            yield f"no {' or '.join(names)}"


def _malformed(work):
    if work.year and not re.fullmatch(r"1[4-9]\d\d|20\d\d", work.year):
        yield f"year is not a year: {work.year!r}"
    elif work.year and int(work.year) > date.today().year + 1:
        yield f"year lies in the future: {work.year}"
    if work.doi and not DOI.fullmatch(work.doi):
        yield f"malformed DOI: {work.doi!r}"
    if work.arxiv and (problem := arxiv_problem(work.arxiv)):
        yield f"malformed arXiv id: {work.arxiv!r}: {problem}"
    if work["isbn"] and not isbn_is_valid(work["isbn"]):
        yield f"wrong ISBN: {work['isbn']!r}: its check digit does not fit"
    if work["url"] and not URL.fullmatch(work["url"]):
        yield f"malformed address: {work['url']!r}"


def arxiv_problem(arxiv):
    """What is wrong with an arXiv id; "" if nothing is.

    >>> arxiv_problem("1706.03762"), arxiv_problem("hep-th/9901001")
    ('', '')
    >>> arxiv_problem("1713.03762")
    'there is no month 13'
    """
    match = ARXIV_NEW.fullmatch(arxiv) or ARXIV_OLD.fullmatch(arxiv)
    if not match:
        return "expected YYMM.NNNNN or archive/YYMMNNN"
    if not 1 <= int(match[2]) <= 12:
        return f"there is no month {match[2]}"
    old = "/" in arxiv
    year = int(match[1]) + (1900 if old and int(match[1]) > 90 else 2000)
    month = (year, int(match[2]))
    today = date.today()
    if month > (today.year, today.month):
        return f"{year}-{match[2]} lies in the future"
    if old:
        return "" if (1991, 7) < month < (2007, 4) else (
            "ids of this form were given from 1991-08 to 2007-03")
    if month < (2007, 4):
        return "ids of this form begin in 2007-04"
    digits = 5 if year >= 2015 else 4
    if len(match[3]) != digits:
        return f"ids of {year} have {digits} digits after the point"
    return "" if int(match[3]) else "numbers begin at 1"


def isbn_is_valid(text):
    """Whether the check digit of an ISBN-10 or ISBN-13 fits.

    >>> isbn_is_valid("978-0-89871-659-7"), isbn_is_valid("0-306-40615-3")
    (True, False)
    """
    isbn = re.sub(r"[\s–-]", "", text).upper()
    if re.fullmatch(r"\d{9}[\dX]", isbn):
        values = [10 if c == "X" else int(c) for c in isbn]
        return sum((10 - i) * v for i, v in enumerate(values)) % 11 == 0
    if re.fullmatch(r"\d{13}", isbn):
        return sum(int(c) * (3 if i % 2 else 1)
                   for i, c in enumerate(isbn)) % 10 == 0
    return False


def _duplicates(works):
    found, seen = [], {}
    for work in works:
        same = {}
        for what, value in _identities(work):
            if (what, value) in seen:
                same.setdefault(seen[what, value], []).append(what)
            seen.setdefault((what, value), work.key)
        found += [(work.key, f"same work as {other}: same {', '.join(what)}")
                  for other, what in same.items()]
    return found


def _identities(work):
    if work.doi:
        yield "DOI", work.doi.lower()
    if work.arxiv:
        yield "arXiv id", re.sub(r"v\d+$", "", work.arxiv)
    if work["title"] and work.authors and work.year:
        yield "title, first author and year", (
            fold(work["title"]), fold(work.authors[0].family), work.year)


def _strict(work):
    key = re.fullmatch(r"[a-z]+(\d{4})[a-z0-9]*", work.key)
    if not key or key[1] != work.year:
        yield f"key is not author + {work.year} + word"
    if not work.links:
        yield "no DOI, arXiv id or address"
    if work["url"].startswith("http:"):
        yield f"address is not https: {work['url']}"
    if not re.fullmatch(r"\d{4}-\d\d-\d\d: .{10,}", work["verified"]):
        yield "verified must say date and where: '2026-11-23: ...'"
    if len(work["supports"]) < 20:
        yield "supports must state the claim it is cited for"
    if len(re.findall(r"[\u4e00-\u9fff]", work["supports_zh"])) < 2:
        yield "supports_zh must state the claim in Chinese"
    if work["topic"] not in TOPICS:
        yield f"topic must be one of {', '.join(TOPICS)}; got {work['topic']!r}"


# ---------------------------------------------------------------- command


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser("python -m sitekit.references",
                                     description="Check a BibTeX file.")
    parser.add_argument("command", choices=["check"])
    parser.add_argument("file", metavar="FILE.bib")
    parser.add_argument("--strict", action="store_true",
                        help="demand verified, supports, supports_zh, topic, "
                        "an https link and keys of the form author2026word")
    parser.add_argument("--online", action="store_true",
                        help="ask arXiv and Crossref whether ids, titles and "
                        "authors belong together")
    parser.add_argument("--cache", metavar="DIR", type=Path,
                        default=Path("~/.cache/dlguide/references"),
                        help="folder for their answers (default: %(default)s)")
    parser.add_argument("--timeout", metavar="SECONDS", type=_positive,
                        default=20.0, help="for one answer (default: 20)")
    parser.add_argument("--arxiv-url", metavar="URL", type=_address,
                        default="https://export.arxiv.org/api/query")
    parser.add_argument("--crossref-url", metavar="URL", type=_address,
                        default="https://api.crossref.org/works")
    return parser


def _positive(text):
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value


def _address(text):
    if not text.startswith(("https://", "http://")):
        raise argparse.ArgumentTypeError(f"not an http address: {text}")
    return text.rstrip("/")


def main(argv=None):
    """Check a file; returns the exit status (see the module)."""
    args = arguments().parse_args(argv)
    try:
        works, problems = parse(args.file)
    except ReferencesError as error:
        print(error, file=sys.stderr)
        return UNUSABLE
    problems += check(works, args.strict)
    unchecked = []
    if args.online:
        from sitekit import registries

        try:
            wrong, unchecked = registries.check(
                works, args.arxiv_url, args.crossref_url,
                args.cache.expanduser(), args.timeout)
        except OSError as error:
            print(f"--cache {args.cache}: {error.strerror}", file=sys.stderr)
            return UNUSABLE
        problems += wrong
    for key, problem in problems:
        print(f"{args.file}:{key}: {problem}" if key
              else f"{args.file}: {problem}")
    for key, reason in unchecked:
        print(f"{args.file}:{key}: not checked: {reason}")
    summary = f"{args.file}: {len(works)} entries, {len(problems)} problems"
    if args.online:
        silent = sum(not work.doi and not work.arxiv for work in works)
        summary += (f", {len(unchecked)} answers missing, {silent} entries "
                    "with neither DOI nor arXiv id to ask about")
    print(summary, file=sys.stderr)
    return PROBLEMS if problems else NOT_CHECKED if unchecked else OK


if __name__ == "__main__":
    sys.exit(main())
