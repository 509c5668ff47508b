"""The Python-Markdown extension behind every page: fences and their context.

mkdocs.yml registers this extension with the language, and `fence` for each
name in `FENCES`. A fence is a function `(text, site) -> html`.
"""

import html
import posixpath
import re
from importlib import import_module
from pathlib import Path

from markdown import Markdown
from markdown.extensions import Extension
from markdown.postprocessors import Postprocessor
from markdown.preprocessors import Preprocessor
from markdown.treeprocessors import Treeprocessor
from pymdownx.superfences import SuperFencesException

ROOT = Path(__file__).resolve().parent.parent
CODE = re.compile(r"(<pre[^>]*>)?<code>([^<]*)</code>")
LONG_NAME = re.compile(r"\w{16,}")
ZENSICAL = "rendering_context"  # preprocessor by which Zensical is known

# name of the fence -> module:function
FENCES = {
    "quote": "sitekit.quote:fence",
    "figure": "sitekit.figures:fence",
    "interactive": "sitekit.interactive:fence",
    "result": "sitekit.outputs:result_fence",
    "run": "sitekit.outputs:run_fence",
    "references": "sitekit.citations:references_fence",
    "bibliography": "sitekit.citations:bibliography_fence",
    "corrections": "sitekit.corrections:fence",
    "timeline": "sitekit.history:fence",
    "glossary": "sitekit.terms:glossary_fence",
    "notation": "sitekit.terms:notation_fence",
    "path": "sitekit.path:fence",
    "quality": "sitekit.quality:fence",
}


class SiteError(Exception):
    """A page asks for something that is not there. The build must fail."""


class Site:
    """What a fence or an inline pattern may know about the page.

    Attributes:
        lang: "zh" or "en".
        root: folder of the project.
        page: path of the page inside `docs/<lang>/`, "layers/lstm.md".
        source: Markdown source of the whole page.
        scripts: names of the scripts that the page loads so far.
    """

    def __init__(self, md, lang, root=ROOT):
        """Keep the Markdown instance, to find the page and render inline."""
        self.md, self.lang, self.root = md, lang, Path(root)
        self.source, self.scripts = "", set()
        self._page, self._inline = "", None

    @property
    def page(self):
        """Path of the page inside `docs/<lang>/`; "" outside a build."""
        if "relpath" in self.md.treeprocessors:  # MkDocs' own, per page
            return self.md.treeprocessors["relpath"].file.src_uri
        if ZENSICAL in self.md.preprocessors:
            return self.md.preprocessors[ZENSICAL].page.path
        return self._page

    @page.setter
    def page(self, value):
        self._page = value

    def link(self, target):
        """Relative URL from this page to `target`, a path from the site root.

        `target` may be a page ("layers/lstm.md#lstm:c") or a file.
        """
        path, _, fragment = target.partition("#")
        if path.endswith(".md") or path.startswith("examples/"):
            path = folder(path)
        here = folder(self.page)
        if ZENSICAL in self.md.preprocessors:  # takes URLs from the source's
            here = posixpath.dirname(self.page)
        url = posixpath.relpath("/" + path, "/" + here)
        url += "/" if path.endswith("/") or not path else ""
        return url + ("#" + fragment if fragment else "")

    def say(self, zh, en):
        """The wording in the language of the page."""
        return zh if self.lang == "zh" else en

    def inline(self, text):
        """Render Markdown text (math, citations, emphasis) to inline HTML."""
        if not self._inline:
            inner = Markdown(extensions=[SiteExtension(lang=self.lang)])
            inner.treeprocessors.deregister("site_tooltips")
            inner.postprocessors.deregister("site_language")
            inner.site.root, inner.site.page = self.root, self.page
            self._inline = inner
        html = self._inline.reset().convert(text)
        return html.removeprefix("<p>").removesuffix("</p>")


def fence(source, language, class_name, options, md, **kwargs):
    """Render one of our fences; the function that superfences calls."""
    from sitekit.search import exclude

    module, _, name = FENCES[language].partition(":")
    try:
        return exclude(getattr(import_module(module), name)(source, md.site))
    except SiteError as error:
        # any other exception is swallowed by superfences
        raise SuperFencesException(f"``` {language}: {error}") from error
    except Exception as error:
        message = f"``` {language}: {type(error).__name__}: {error}"
        raise SuperFencesException(message) from error


def folder(path):
    """URL folder of a page: "layers/lstm.md" -> "layers/lstm/"."""
    stem = path.rsplit(".", 1)[0]
    if stem.split("/")[-1] == "index":
        return stem.removesuffix("index")
    return stem + "/" if stem else ""


class KeepSource(Preprocessor):
    """Remember the page's source before anything changes it."""

    def run(self, lines):
        """Keep the lines; return them unchanged."""
        self.md.site.source = "\n".join(lines)
        self.md.site.scripts = set()
        return lines


class KnownAnchors(Treeprocessor):
    """Tell MkDocs the ids inside stashed HTML, so it can check links."""

    def run(self, root):
        """Collect the ids of the equations, figures and references."""
        if "mkdocs_extract_anchors" in self.md.treeprocessors:
            extractor = self.md.treeprocessors["mkdocs_extract_anchors"]
            for block in self.md.htmlStash.rawHtmlBlocks:
                ids = re.findall(r'\sid="([^"]+)"', str(block))
                extractor.present_anchor_ids.update(ids)


class FocusableTables(Treeprocessor):
    """Tables scroll by themselves on a phone; the keyboard must reach them."""

    def run(self, root):
        """Make each table focusable."""
        for table in root.iter("table"):
            table.set("tabindex", "0")


class LongNames(Postprocessor):
    """Long names in the text break after an underscore, not in a word."""

    def run(self, text):
        """Mark where the names in inline code may break."""
        return CODE.sub(lambda m: m[0] if m[1] else LONG_NAME.sub(
            lambda name: breakable(name[0]), m[0]), text)


class SiteExtension(Extension):
    """Gives the Markdown instance its `site`."""

    def __init__(self, **kwargs):
        """Take the language as the option `lang`."""
        self.config = {"lang": ["zh", "language of the pages"]}
        super().__init__(**kwargs)

    def extendMarkdown(self, md):
        """Attach the context; register inline math and citations."""
        md.site = Site(md, self.getConfig("lang"))
        md.preprocessors.register(KeepSource(md), "site_source", 1000)
        md.treeprocessors.register(KnownAnchors(md), "site_anchors", 1)
        md.treeprocessors.register(FocusableTables(md), "site_tables", 2)
        md.postprocessors.register(LongNames(md), "site_names", 1)
        for name in ("math", "citations", "path", "tooltips", "language"):
            import_module(f"sitekit.{name}").extend(md)


def makeExtension(**kwargs):
    """Entry point of Python-Markdown."""
    return SiteExtension(**kwargs)


def escape(text):
    """Escape text for HTML, quotes too."""
    return html.escape(str(text), quote=True)


def breakable(text):
    """Escape text; it may break after a slash or underscore.

    >>> breakable("a_b/c")
    'a_<wbr/>b/<wbr/>c'
    """
    return re.sub(r"([/_])(?=\w)", r"\1<wbr/>", escape(text))
