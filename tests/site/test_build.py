"""A page that asks for what is not there stops the build and is named."""

import io
import subprocess
import sys

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort
from pymdownx.superfences import SuperFencesException

from sitekit.execute import ROOT
from sitekit.markdown import SiteError, fence

FENCES = ("quote", "figure", "interactive", "result", "run", "references")


@pytest.fixture
def build_page(tmp_path):
    """Build a site of one page with our extensions, strictly."""
    docs = tmp_path / "docs"
    (docs / "layers").mkdir(parents=True)
    (tmp_path / "main.html").write_text("{{ page.content }}")
    fences = [{"name": n, "class": n, "format": fence} for n in FENCES]

    def run(text):
        (docs / "layers/toy.md").write_text(text, "utf-8")
        config = load_config(
            io.StringIO("site_name: toy"), strict=True, docs_dir=str(docs),
            site_dir=str(tmp_path / "site"), plugins=[],
            theme={"name": None, "custom_dir": str(tmp_path)},
            validation={"links": {"anchors": "warn"}},
            markdown_extensions=[
                {"pymdownx.superfences": {"custom_fences": fences}},
                {"sitekit.markdown": {"lang": "en"}}, "admonition",
            ],
        )
        build(config)
        return (tmp_path / "site/layers/toy/index.html").read_text("utf-8")

    return run


def test_a_good_page_builds(build_page):
    html = build_page(
        "# Toy\n\n$$\nx = 1 \\tag{toy:x}\n$$\n\n[(toy:x)](#toy:x)\n\n"
        "``` quote\ntests/support.py::relative_error\n```\n"
    )
    assert 'id="toy:x"' in html
    assert "relative_error" in html


@pytest.mark.parametrize(("text", "message"), [
    ("``` quote\ntests/support.py::nothing\n```", "nothing"),
    ("``` quote\ntests/none.py::x\n```", "tests/none.py"),
    ("!!! n\n    ``` quote\n    tests/support.py::nothing\n    ```", "nothing"),
    ("``` figure\nexamples/no/no.py::x\nalt: a\ncaption: b\n```", "no/no.py"),
    ("``` interactive\nlayers/lstm::no\nalt: a\ncaption: b\n```",
     "interactive/no.js"),
    ("``` interactive\nno/no::steps\nalt: a\ncaption: b\n```", "no/no.py"),
    ("``` interactive\noptimizers/gradient_descent::steps\ncaption: b\n```",
     "gradient_descent::steps has no alt"),
    ("``` result\nexamples/no/no.py::x\n```", "no/no.py"),
    ("``` run\nexamples/no/no.py\n```", "no/no.py"),
    ("As shown [@nobody1900nothing].", "nobody1900nothing"),
    ("$$\n\\nosuchcommand\n$$", "nosuchcommand"),
    ("$\\frac{1}$", "frac"),
    ("[(toy:y)](#toy:y)", "toy:y"),
    ("[x](../layers/no.md)", "no.md"),
    ("[x](toy.md#no)", "#no"),
])
def test_a_broken_page_stops_the_build_and_is_named(
    build_page, caplog, text, message
):
    with pytest.raises((Abort, SiteError, SuperFencesException)) as caught:
        build_page(f"# Toy\n\n{text}\n")
    said = caplog.text + str(caught.value)
    assert "layers/toy.md" in said
    assert message in said


def test_the_english_settings_inherit_the_chinese_ones():
    zh = load_config(str(ROOT / "mkdocs.yml"))
    en = load_config(str(ROOT / "mkdocs.en.yml"))
    assert zh.theme.name == en.theme.name
    assert list(zh.plugins) == list(en.plugins)
    assert zh.mdx_configs.keys() == en.mdx_configs.keys()
    paths = [str(n).split("/docs/")[-1] for n in (zh.docs_dir, en.docs_dir)]
    assert paths == ["zh", "en"]


def test_second_build_is_the_same_without_network(site, tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d",
               tmp_path / "again"]
    if subprocess.run(["unshare", "-n", "true"], check=False).returncode == 0:
        command = ["unshare", "-n", *command]  # as root: no network at all
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, again = ({
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*") if path.is_file()
    } for folder in (site, tmp_path / "again"))
    assert sorted(first) == sorted(again)
    assert [name for name in first if first[name] != again[name]] == []
