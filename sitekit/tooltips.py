"""Terms of the glossary in the text: definition and counterpart at hand.

The first time a page uses a term, the word becomes a link to its entry in
the glossary, with the definition and the other language's word in data
attributes. guide.js shows them on hover and on keyboard focus; without it
the link still leads there. On the page that explains a term (`page` in
docs/glossary.yml) the link has the id `term-<id>`, where search lands.
"""

from functools import lru_cache

from markdown.treeprocessors import Treeprocessor

from sitekit.checks import project
from sitekit.markdown import escape
from sitekit.terms import load_terms

OTHER = {"zh": "en", "en": "zh"}
TAG = {"zh": "zh-Hans", "en": "en"}
# words are left alone inside these
CLOSED = {"a", "code", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "th",
          "summary", "figcaption", "math", "svg", "button"}
CLOSED_CLASSES = {"admonition-title", "citation", "lead"}


@lru_cache(maxsize=8)
def _finder(root, lang, version):
    """Finder of the glossary's words; `version` is the file's time."""
    from sitekit.checks.terms import Finder

    terms = load_terms(root)
    return Finder(terms, lang), {term.id: term for term in terms}


def finder(root, lang):
    """The finder of a language and the terms by id."""
    path = root / "docs/glossary.yml"
    return _finder(root, lang, path.stat().st_mtime_ns)


def anchor(term, page):
    """Id of a term's first use on a page, "" where it is not its page."""
    return f"term-{term.id}" if page == f"{term.page}.md" else ""


def link(term, word, site):
    """The link that a word becomes.

    Args:
        term: the `Term`.
        word: the word as it stands in the text.
        site: the `Site`.

    Returns:
        HTML.
    """
    other = OTHER[site.lang]
    counterpart = " ".join(filter(None, (term.get("", other), term.abbr)))
    spot = anchor(term, site.page)
    attributes = {
        "class": "term", "id": spot,
        "href": site.link(f"about/glossary.md#term-{term.id}"),
        "data-word": counterpart, "data-lang": TAG[other],
        "data-def": term.get("def", site.lang),
    }
    text = " ".join(f'{name}="{escape(value)}"'
                    for name, value in attributes.items() if value)
    return f"<a {text}>{escape(word)}</a>"


class Tooltips(Treeprocessor):
    """Links the first use of each term on the page of a concept."""

    def run(self, root):
        """Look through the text of the page in reading order."""
        site = self.md.site
        glossary = site.root / "docs/glossary.yml"
        if not (glossary.is_file()
                and project.is_concept(site.page, site.root)):
            return
        self.finder, self.terms = finder(site.root, site.lang)
        self.seen = set()
        self.walk(root)

    def walk(self, element):
        """Link the words in an element, before those in its tail."""
        closed = element.tag in CLOSED or CLOSED_CLASSES & set(
            (element.get("class") or "").split())
        if not closed:
            element.text = self.replace(element.text)
            for child in element:
                self.walk(child)
                child.tail = self.replace(child.tail)

    def fits(self, term, word):
        """Whether a word on this page can be trusted to mean the term.

        An everyday word only on the page of its term, and so a single
        character (核 stands in 核心, too); a word of a page that is not
        written yet nowhere.
        """
        site = self.md.site
        if site.page == f"{term.page}.md":
            return True
        path = site.root / f"docs/{site.lang}/{term.page}.md"
        everyday = term.common or len(word) == 1
        elsewhere = site.page.removesuffix(".md") in term.not_on
        return not everyday and not elsewhere and (
            not term.page or path.is_file())

    def replace(self, text):
        """A text with placeholders for the words used the first time."""
        if not text or not text.strip():
            return text
        parts, end = [], 0
        for key, match in self.finder.find(text):
            term = self.finder.owner.get(key)
            if term is None or term.id in self.seen or not self.fits(
                    term, match.group()):
                continue
            self.seen.add(term.id)
            html = link(self.terms[term.id], match.group(), self.md.site)
            parts += [text[end:match.start()], self.md.htmlStash.store(html)]
            end = match.end()
        return "".join([*parts, text[end:]])


def extend(md):
    """Register the processor; before the anchors are collected (1)."""
    md.treeprocessors.register(Tooltips(md), "site_tooltips", 2.5)
