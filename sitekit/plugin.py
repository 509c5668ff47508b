"""The MkDocs plugin: generated files, jieba's dictionary, and both languages.

`mkdocs build` and `mkdocs serve` with mkdocs.yml build the Chinese site; this
plugin then builds the English one, mkdocs.en.yml, into its folder `en/`.
"""

import contextlib
import os
import re
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import config_options, load_config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import BasePlugin, event_priority

from sitekit.execute import ROOT
from sitekit.generate import description, generate
from sitekit.language import mark
from sitekit.notebooks import match_ids, slim
from sitekit.policy import write_headers, write_robots
from sitekit.report import report
from sitekit.search import slim as slim_index

os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")

WATCHED = (
    "dlguide", "examples", "docs/en", "docs/figures", "docs/overrides",
    "docs/references.bib", "docs/glossary.yml", "docs/notation.yml",
    "docs/corrections.yml", "docs/history.yml", "docs/test_run.json",
    "tests/mutation",
    "mkdocs.en.yml",
)


API_STYLE = re.compile(r'\s*<link[^>]*_mkdocstrings\.css"[^>]*>')


class GuidePlugin(BasePlugin):
    """Builds the second language inside the first one's site folder."""

    config_scheme = (
        ("lang", config_options.Choice(("zh", "en"), default="zh")),
    )

    def on_startup(self, *, command, dirty):
        """Remember the command for the plugins of the second build."""
        self.command = command

    def on_config(self, config):
        """Write the generated files before MkDocs lists the folder."""
        generate(self.config["lang"])
        if self.config["lang"] == "zh":
            add_words()
        return config

    def on_page_content(self, html, *, page, config, files):
        """Slim the notebook pages and mark their foreign phrases."""
        if page.file.src_uri.endswith(".ipynb"):
            ids = [item.id for item in flat(page.toc)]
            html = match_ids(slim(html), ids)
            return mark(html, self.config["lang"])
        return html

    def on_page_context(self, context, *, page, config, nav):
        """Tell the template what a notebook is and where to report errors."""
        lang, name = self.config["lang"], page.url.strip("/")
        if name.startswith("examples/"):
            page.meta["description"] = description(
                name.removeprefix("examples/"), lang)
        context["report"] = report(
            page.url, lang, context["base_url"],
            config.extra.get("report_url") or "")
        return context

    def on_post_page(self, output, *, page, config):
        """Load the style of the API pages on these only."""
        if page.file.src_uri.startswith("api/"):
            return output
        return API_STYLE.sub("", output)

    @event_priority(-100)  # after Material has written the index
    def on_post_build(self, config):
        """Slim the index; after the Chinese site, build the English one."""
        index = Path(config.site_dir) / "search/search_index.json"
        slim_index(index, self.config["lang"], ROOT)
        if self.config["lang"] != "zh":
            return
        site_url = (config.site_url or "").rstrip("/") + "/en/"
        with own_plugins():
            english = load_config(
                str(ROOT / "mkdocs.en.yml"),
                site_dir=str(Path(config.site_dir) / "en"),
                site_url=site_url,
                strict=config.strict,
            )
        command = getattr(self, "command", "build")
        english.plugins.on_startup(command=command, dirty=False)
        build(english)
        english.plugins.on_shutdown()
        write_headers(config.site_dir)
        write_robots(config.site_dir, config.site_url or "/", site_url)

    def on_serve(self, server, config, builder):
        """Watch everything that either language is made of."""
        for path in WATCHED:
            if (ROOT / path).exists():
                server.watch(str(ROOT / path))
        return server


def flat(items):
    """The entries of a table of contents, in reading order."""
    for item in items:
        yield item
        yield from flat(item.children)


@contextlib.contextmanager
def own_plugins():
    """Give a second configuration plugins of its own.

    MkDocs keeps plugins that have `on_startup` for the next configuration it
    loads; the two languages would share one search index.
    """
    option = MkDocsConfig.plugins
    kept, option.plugin_cache = option.plugin_cache, {}
    try:
        yield
    finally:
        option.plugin_cache = kept


def add_words():
    """Teach jieba the glossary's terms, so that search cuts words there."""
    import jieba

    from sitekit.terms import user_words

    jieba.setLogLevel("ERROR")
    for word in user_words():
        jieba.add_word(word)
