"""What a first visit to a page costs: bytes, and code not asked for."""

import gzip
import re

from tests.site.test_browser import ROOT

LIMIT = 200 * 1024  # gzipped; without images and the search index
ASKED = re.compile(
    r'<(?:script|link)\b[^>]*?(?:src|href)="([^"?#]+\.(?:css|js|woff2))"')
PAGES = sorted(
    ("en/" if lang == "en" else "")
    + path.relative_to(ROOT / "docs" / lang).with_suffix("").as_posix()
    for lang in ("zh", "en") for path in (ROOT / "docs" / lang).glob("*/*.md")
    if path.parent.name != "api"
)


def transfer(path):
    """Bytes that a server sends for a file; fonts are compressed already."""
    data = path.read_bytes()
    return len(data if path.suffix == ".woff2" else gzip.compress(data, 9))


def parts(page):
    """Bytes of a page and of each file that it asks for, by name."""
    html = page.read_text("utf-8")
    files = {(page.parent / url).resolve() for url in ASKED.findall(html)}
    return {page.name: transfer(page)} | {
        file.name: transfer(file) for file in sorted(files)}


def too_heavy(name, page):
    """A line that names the page and its parts; "" if it is light enough."""
    found = parts(page)
    total = sum(found.values())
    if total <= LIMIT:
        return ""
    listed = ", ".join(f"{file} {size / 1024:.1f}"
                       for file, size in found.items())
    return f"{name}: {total / 1024:.1f} KiB > {LIMIT // 1024}: {listed}"


def test_each_page_weighs_at_most_200_kib(site):
    heavy = [too_heavy(name, site / name / "index.html") for name in PAGES]
    assert [line for line in heavy if line] == []


def test_a_page_that_grows_too_heavy_is_named_with_its_parts(site, tmp_path):
    html = (site / "layers/lstm/index.html").read_text("utf-8")
    found = parts(site / "layers/lstm/index.html")
    assert {"index.html", "guide.css", "guide.js",
            "stix-two-math.woff2"} <= set(found)
    for url in ASKED.findall(html):  # the page alone, with what it asks for
        target = (tmp_path / "a/b" / url).resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((site / "layers/lstm" / url).read_bytes())
    page = tmp_path / "a/b/index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(html, "utf-8")
    assert too_heavy("layers/lstm", page) == ""
    (tmp_path / "assets/guide.js").write_bytes(
        bytes(range(256)) * 4 + (site / "assets/fonts/stix-two-math.woff2")
        .read_bytes() * 4)
    said = too_heavy("layers/lstm", page)
    assert said.startswith("layers/lstm: ")
    assert re.search(r"guide\.js \d{2,}", said)
