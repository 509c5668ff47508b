"""The last line of each page: where to report an error, already filled in.

`extra.report_url` in mkdocs.yml is the address at which the repository's
host opens a new issue. While it is empty, the link leads to the section of
the home page that says what a report needs.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from sitekit.execute import ROOT

HOW = "#report"  # on the home page
FIELDS = {
    "zh": ("报告本页的错误", "错误：{page}",
           "页面：{page}（中文）\n版本：{version}\n\n哪里错了，应当是什么：\n"),
    "en": ("Report an error on this page", "Error: {page}",
           "Page: {page} (English)\nVersion: {version}\n\n"
           "What is wrong, and what it should be:\n"),
}


@dataclass(frozen=True)
class Report:
    """What the line says.

    Attributes:
        text: words of the link.
        url: where it leads.
        page: the page, as a report should name it.
        version: version of the guide.
    """

    text: str
    url: str
    page: str
    version: str


@cache
def version(root=ROOT):
    """Version of the guide, as pyproject.toml has it."""
    data = tomllib.loads((Path(root) / "pyproject.toml").read_text("utf-8"))
    return data["project"]["version"]


def report(page, lang, home, address=""):
    """The line of one page.

    Args:
        page: its URL inside the site of its language, "layers/lstm/".
        lang: "zh" or "en".
        home: relative URL of the home page.
        address: where the host opens a new issue, "" for none.

    Returns:
        A `Report`.
    """
    name = page.strip("/") or "index"
    text, title, body = FIELDS[lang]
    if not address:
        return Report(text, f"{home.rstrip('/')}/{HOW}", name, version())
    said = {"page": name, "version": version()}
    query = urlencode({"title": title.format(**said),
                       "body": body.format(**said)})
    mark = "&" if "?" in address else "?"
    return Report(text, f"{address}{mark}{query}", name, version())
