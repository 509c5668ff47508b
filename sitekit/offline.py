"""The guide as a zip that works from a folder, without any server.

    python -m sitekit.offline site dist       # after mkdocs build

Writes dlguide-zh.zip and dlguide-en.zip. In them links lead to files
(`lstm/index.html` instead of `lstm/`), and the search index is a script,
since a page opened from a folder may not read files. The theme's search runs
in a worker, which needs a shim there: assets/vendor/iframe-worker.js.
"""

import argparse
import json
import re
import sys
import zipfile
from pathlib import Path

SHIM = "assets/vendor/iframe-worker.js"
NOT_OFFLINE = ("_headers", "robots.txt", "404.html", "sitemap.xml",
               "sitemap.xml.gz", "search/search_index.json")
HREF = re.compile(r'(?<=\shref=")(?![a-z][a-z0-9+.-]*:|#)([^"?#]*)([^"]*)(?=")')
LANGUAGE = re.compile(r'<a class="language".*?</a>', re.S)
ALTERNATE = re.compile(
    r'\s*<link rel="(?:alternate ?|canonical|preload)"[^>]*>')
BUNDLE = re.compile(r'<script(?: defer)? src="([^"]*)assets/javascripts/bundle')
FIRST = (1980, 1, 1, 0, 0, 0)  # the same bytes every time


def to_file(path):
    """A link to a folder as a link to the page in it.

    >>> to_file("../lstm/"), to_file(".."), to_file("a.png"), to_file("")
    ('../lstm/index.html', '../index.html', 'a.png', '')
    """
    last = path.rsplit("/", 1)[-1]
    if path and last in ("", ".", ".."):
        return path.rstrip("/") + "/index.html"
    return path


def offline_page(html):
    """A page whose links lead to files and whose search works there."""
    html = ALTERNATE.sub("", LANGUAGE.sub("", html))
    html = HREF.sub(lambda m: to_file(m[1]) + m[2], html)
    return BUNDLE.sub(
        lambda m: f'<script src="{m[1]}{SHIM}"></script>\n{m[0]}', html)


def offline_index(text):
    """The search index as a script; entries lead to files."""
    index = json.loads(text)
    for doc in index["docs"]:
        path, mark, place = doc["location"].partition("#")
        doc["location"] = (to_file(path) or "index.html") + mark + place
    data = json.dumps(index, ensure_ascii=False, separators=(",", ":"))
    return f"var __index = {data}"


def files(site, lang):
    """Files of one language: (path inside the zip, content)."""
    root = Path(site) / "en" if lang == "en" else Path(site)
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        other = lang == "zh" and name.startswith("en/")
        if path.is_dir() or other or name in NOT_OFFLINE:
            continue
        data = path.read_bytes()
        if name.endswith(".html"):
            data = offline_page(data.decode("utf-8")).encode()
        yield name, data
    index = (root / "search/search_index.json").read_text("utf-8")
    yield "search/search_index.js", offline_index(index).encode()


def pack(site, lang, target):
    """Write the zip of one language.

    Args:
        site: folder of the built site.
        lang: "zh" or "en".
        target: path of the zip.

    Raises:
        FileNotFoundError: there is no built site in that folder.
    """
    folder = f"dlguide-{lang}"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files(site, lang):
            info = zipfile.ZipInfo(f"{folder}/{name}", FIRST)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)


def main(arguments=None):
    """Pack both languages.

    Args:
        arguments: command line without the program's name.

    Returns:
        0, or 2 if there is no built site.
    """
    parser = argparse.ArgumentParser(prog="python -m sitekit.offline",
                                     description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path, help="folder that mkdocs built")
    parser.add_argument("target", type=Path, help="folder for the zips")
    options = parser.parse_args(arguments)
    if not (options.site / "search/search_index.json").is_file():
        print(f"{options.site}: there is no built site; run "
              "`mkdocs build --strict`", file=sys.stderr)
        return 2
    options.target.mkdir(parents=True, exist_ok=True)
    for lang in ("zh", "en"):
        target = options.target / f"dlguide-{lang}.zip"
        pack(options.site, lang, target)
        print(f"{target}: {target.stat().st_size / 2**20:.1f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
