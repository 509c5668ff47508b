"""The search index: what a reader looks for, and nothing else.

Material writes search/search_index.json with all text of all pages. Formulas,
quoted code and lists of works are left out of it by `data-search-exclude`
(see `exclude`); here the notebooks and API pages shrink to their titles and
first sentences, and every term and every cited work becomes an entry of its
own, so that a search for it leads to the place that explains it.
"""

import json
import re
from html import unescape
from itertools import pairwise
from math import sqrt
from pathlib import Path

from sitekit.citations import bibliography
from sitekit.markdown import folder
from sitekit.references import author_line, short
from sitekit.terms import HAN, load_terms

EXCLUDE = "data-search-exclude"
SENTENCE = 160  # characters kept of the description of a function
SECTION = 600  # characters kept of a section, tags and marks of words included
# the entry of a term before other headings with its word, a short term before
# the longer ones that contain it
TERM_BOOST = 40
ROUNDS = 3  # after these no title of a term changes any more
WORD = "\u200b"  # between Chinese words, as Material's index has it
# blocks that repeat the rest of their page
REPEATING = ("#exercises", "#summary", "#references")


def exclude(html):
    """Keep an element out of the index.

    >>> exclude("<div>1</div>")
    '<div data-search-exclude>1</div>'
    """
    return re.sub(r"^(\s*<[\w-]+)", rf"\1 {EXCLUDE}", html, count=1)


def segment(text):
    """Cut Chinese into words, as the index wants it."""
    import jieba

    return HAN.sub(lambda m: (
        WORD + WORD.join(jieba.cut(m.group())) + WORD), text)


def vocabulary(docs, separator):
    """Words of an index, as the search worker cuts them.

    Args:
        docs: entries with "title" and "text".
        separator: regular expression between words.

    Returns:
        A set of words in lower case.
    """
    text = "\n".join(doc[name] for doc in docs for name in ("title", "text"))
    return set(re.split(separator, re.sub(r"<[^>]*>", "\n", text).lower()))


def query_parts(query, words):
    """Cut a Chinese query as Material's search worker does.

    The worker looks for the longest word of the index at each place, never
    with the last character of the query, and for words that overlap with it.

    Args:
        query: Chinese characters.
        words: set of the words in the index.

    Returns:
        List of (start, end), in the order of the query.

    Example:
        >>> query_parts("全连接层", {"全", "连接", "接层", "层"})
        [(0, 1), (1, 3)]
    """
    last = len(query) - 1
    size = [max((end - start for end in range(start + 1, last + 1)
                 if query[start:end] in words), default=0)
            for start in range(last + 1)]
    parts, starts = set(), [0]
    while starts:
        start = starts.pop()
        for end in range(start + 1, start + size[start]):
            if end + size[end] > start + size[start]:  # a word overlaps
                parts.add((start, end))
                starts.append(end)
        end = start + size[start]
        if end < last and size[end]:
            starts.append(end)
        parts.add((start, end))
    return [(0, last + 1)] if (0, 0) in parts else sorted(parts)


def query_cut(title, words):
    """Cut a title where the search worker cuts it when it is a query.

    Example:
        >>> query_cut("全连接层", {"全", "连接"}).split("\u200b")
        ['', '全', '连接', '层', '']
    """
    title = title.replace(WORD, "")

    def cut(match):
        query = match.group()
        ends = {end for part in query_parts(query, words) for end in part}
        ends = sorted(ends | {0, len(query)})
        return WORD + WORD.join(
            query[a:b] for a, b in pairwise(ends)) + WORD

    return HAN.sub(cut, title)


def shorten(html):
    """Start of a section, cut at a word, with its tags closed."""
    if len(html) <= SECTION:
        return html
    start = re.match(r".*(?=[ \u200b])", html[:SECTION], re.S)
    text = re.sub(r"<[^>]*$", "", start.group() if start else html[:SECTION])
    tags = []
    for closing, tag in re.findall(r"<(/?)(\w+)>", text):
        if closing:
            tags.pop()
        else:
            tags.append(tag)
    return text + " …" + "".join(f"</{tag}>" for tag in reversed(tags))


def first_sentence(text):
    """Start of a text without its tags."""
    plain = unescape(re.sub(r"<[^>]+>", " ", text.split("</p>")[0]))
    plain = " ".join(plain.split())
    if len(plain) <= SENTENCE:
        return plain
    return plain[:SENTENCE].rsplit(" ", 1)[0] + " …"


def kept(doc):
    """An entry of Material as it stays, or None."""
    location = doc["location"]
    chapter = location.split("/")[0]
    if chapter == "source" or location.endswith(REPEATING):
        return None
    if location.startswith("about/references/#"):
        return None  # each work has an entry of its own
    if chapter == "examples":
        return None if "#" in location else doc | {
            "text": "", "boost": 0.1}
    if chapter == "api":
        return doc | {"text": first_sentence(doc["text"])}
    return doc | {"text": shorten(doc["text"])}


def term_entries(site_dir, lang, root):
    """An entry for each term of the glossary.

    It leads to the term's first use on the page that explains it, or to the
    glossary where there is no such page.
    """
    pages = {}
    for term in load_terms(root):
        page = folder(f"{term.page}.md") if term.page else ""
        if page and page not in pages:
            path = Path(site_dir) / page / "index.html"
            pages[page] = path.read_text("utf-8") if path.is_file() else ""
        own = page and f'id="term-{term.id}"' in pages[page]
        name, other = term.get("", lang), term.get(
            "", "en" if lang == "zh" else "zh")
        words = [name, *term.get("also", lang), term.abbr,
                 *([other] if lang == "zh" else [])]
        title = " · ".join(dict.fromkeys(filter(None, words)))
        yield {
            "location": f"{page if own else 'about/glossary/'}#term-{term.id}",
            "title": title, "text": f"<p>{term.get('def', lang)}</p>",
            "boost": round(TERM_BOOST / sqrt(len(name)), 2),
        }


def work_entries(lang, root):
    """An entry for each work of the bibliography."""
    for key, work in bibliography(root).items():
        yield {
            "location": f"about/references/#ref-{key}",
            "title": short(work, lang),
            "text": f"<p>{author_line(work, lang)} {work['title']}</p>",
        }


def slim(path, lang, root):
    """Rewrite the index of one language.

    Args:
        path: the search_index.json that Material wrote.
        lang: "zh" or "en".
        root: folder of the project.
    """
    path = Path(path)
    index = json.loads(path.read_text("utf-8"))
    separator = index["config"]["separator"]
    docs = [doc for doc in map(kept, index["docs"]) if doc]
    terms = list(term_entries(path.parents[1], lang, root))
    works = list(work_entries(lang, root))
    if lang == "zh":
        terms, works = ([
            doc | {name: segment(doc[name]) for name in ("title", "text")}
            for doc in entries] for entries in (terms, works))
        for _ in range(ROUNDS):  # titles cut anew bring new words
            words = vocabulary(docs + works + terms, separator)
            terms = [doc | {"title": query_cut(doc["title"], words)}
                     for doc in terms]
    index["docs"] = docs + terms + works
    path.write_text(json.dumps(index, ensure_ascii=False, sort_keys=True,
                               separators=(",", ":")), "utf-8")
