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
from pathlib import Path

from sitekit.citations import bibliography
from sitekit.markdown import folder
from sitekit.references import author_line, short
from sitekit.terms import load_terms

EXCLUDE = "data-search-exclude"
SENTENCE = 160  # characters kept of the description of a function
# the entry of a term before other headings with its word, a short term before
# the longer ones that contain it
TERM_BOOST = 80
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

    return re.sub(r"[\u4e00-\u9fff]+", lambda m: (
        "\u200b" + "\u200b".join(jieba.cut(m.group())) + "\u200b"), text)


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
    return doc


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
            "boost": TERM_BOOST / len(name),
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
    docs = [doc for doc in map(kept, index["docs"]) if doc]
    added = [*term_entries(path.parents[1], lang, root),
             *work_entries(lang, root)]
    if lang == "zh":
        added = [doc | {name: segment(doc[name]) for name in ("title", "text")}
                 for doc in added]
    seen = {doc["location"] for doc in docs}
    index["docs"] = docs + [d for d in added if d["location"] not in seen]
    path.write_text(json.dumps(index, ensure_ascii=False, sort_keys=True,
                               separators=(",", ":")), "utf-8")
