"""What our Markdown extension does under Zensical, the theme's successor."""

from types import SimpleNamespace

import pytest
from markdown import Markdown

from sitekit.markdown import ZENSICAL, SiteExtension


def under_zensical(path):
    md = Markdown(extensions=[SiteExtension(lang="en")])
    context = SimpleNamespace(page=SimpleNamespace(path=path))
    md.preprocessors.register(context, ZENSICAL, 0)
    return md.site


def test_the_page_is_the_one_that_zensical_renders():
    assert under_zensical("layers/lstm.md").page == "layers/lstm.md"


@pytest.mark.parametrize(("page", "target", "url"), [
    # Zensical adds the step out of the page's folder itself
    ("layers/lstm.md", "layers/gru.md#gru:h", "gru/#gru:h"),
    ("layers/lstm.md", "about/glossary.md", "../about/glossary/"),
    ("index.md", "layers/lstm.md", "layers/lstm/"),
])
def test_links_start_from_the_folder_of_the_source(page, target, url):
    assert under_zensical(page).link(target) == url


def test_links_start_from_the_folder_of_the_page_under_mkdocs():
    md = Markdown(extensions=[SiteExtension(lang="en")])
    md.site.page = "layers/lstm.md"
    assert md.site.link("layers/gru.md#gru:h") == "../gru/#gru:h"
