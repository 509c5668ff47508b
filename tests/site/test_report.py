"""Each page ends with a link for reporting an error, filled in."""

import tomllib
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from mkdocs.config import load_config

from sitekit.execute import ROOT
from sitekit.report import HOW, report, version

URLS = ["", "layers/lstm/", "about/glossary/", "api/layers/",
        "examples/layers/lstm/"]
HOST = "https://example.org/o/r/issues/new"


def line(site, url):
    """The last line of a page of the built site."""
    html = (site / url / "index.html").read_text("utf-8")
    assert html.count('<p class="report">') == 1, url
    return unescape(html.split('<p class="report">')[1].split("</p>")[0])


def test_without_a_host_the_link_leads_to_what_a_report_needs(site):
    for lang in ("", "en/"):
        assert f'id="{HOW[1:]}"' in (site / lang / "index.html").read_text()
        for url in URLS:
            text = line(site, lang + url)
            href = text.split('href="')[1].split('"')[0]
            target = (site / lang / url / href.removesuffix(HOW)).resolve()
            assert href.endswith(HOW)
            assert target == (site / lang).resolve()
            assert version() in text
            assert (url.strip("/") or "index") in text


@pytest.mark.parametrize(("lang", "words"), [
    ("zh", ["错误：layers/lstm", "页面：layers/lstm（中文）"]),
    ("en", ["Error: layers/lstm", "Page: layers/lstm (English)"]),
])
@pytest.mark.parametrize("host", [HOST, f"{HOST}?labels=error"])
def test_with_a_host_the_link_opens_a_filled_in_issue(lang, words, host):
    made = report("layers/lstm/", lang, "../..", host)
    assert made.url.startswith(host)
    assert made.url.isascii()
    assert not set(' "<>') & set(made.url)
    query = parse_qs(urlsplit(made.url).query, strict_parsing=True)
    assert query["title"] == words[:1]
    assert query["body"][0].startswith(words[1] + "\n")
    assert version() in query["body"][0]


def test_version_is_that_of_the_package():
    data = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert version() == data["project"]["version"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_plugin_hands_the_address_to_the_template(lang):
    name = "mkdocs.yml" if lang == "zh" else "mkdocs.en.yml"
    config = load_config(str(ROOT / name), extra={"report_url": HOST})
    page = type("Page", (), {"url": "layers/lstm/"})
    context = config.plugins["dlguide"].on_page_context(
        {"base_url": "../.."}, page=page, config=config, nav=None)
    assert context["report"] == report("layers/lstm/", lang, "../..", HOST)
