"""The checker of requests, registries and paths, seen to fail."""

import subprocess

import pytest

from sitekit.checks.hosts import check_hosts
from tests.site.small_tree import assert_seen, replace, write

ZH = "docs/zh/layers/scale.md"
EN = "docs/en/layers/scale.md"
PAGE = "docs/overrides/main.html"
CSS = "docs/overrides/site.css"
# put together here, for this file is checked too
PYTHON = ".".join(("pypi", "org"))
FILES_HOST = ".".join(("files", "pythonhosted", "org"))
NPM = ".".join(("registry", "npmjs", "org"))
HOME, WORK = ("/".join(("", name, "")) for name in ("home", "work"))

BREAKAGES = {
    "image on a page": (
        EN, "All 1,500", "![x](https://example.org/x.png) All 1,500",
        "requests https://example.org/x.png"),
    "raw image on a page": (
        EN, "All 1,500", '<img alt="" src="//example.org/x.png"> All 1,500',
        "requests //example.org/x.png"),
    "script in a template": (
        PAGE, "<a", '<script src="https://example.org/x.js"></script><a',
        "requests https://example.org/x.js"),
    "style sheet in a template": (
        PAGE, "<a", '<link rel="stylesheet" href="https://example.org/x"><a',
        "requests https://example.org/x"),
    "preconnect in a template": (
        PAGE, "<a", '<link rel=preconnect href=https://example.org><a',
        "requests https://example.org"),
    "frame in a template": (
        PAGE, "<a", '<iframe title="x" src="http://example.org"></iframe><a',
        "requests http://example.org"),
    "fetch in a template": (
        PAGE, "<a", '<script>fetch("https://example.org/x")</script><a',
        "requests https://example.org/x"),
    "font in a style sheet": (
        CSS, "color: black", "src: url('https://example.org/x.woff2')",
        "requests https://example.org/x.woff2"),
    "import in a style sheet": (
        CSS, "body", '@import "//example.org/x.css";\nbody',
        "requests //example.org/x.css"),
    "image in a drawing": (
        "docs/figures/layers/scale.svg", "/>",
        '><image xlink:href="https://example.org/x.png"/></svg>',
        "requests https://example.org/x.png"),
    "script in the settings": (
        "mkdocs.yml", "nav:",
        "extra_javascript:\n  - https://example.org/x.js\nnav:",
        "mkdocs.yml|requests https://example.org/x.js"),
    "style sheet in the settings": (
        "mkdocs.yml", "nav:", "extra_css: [//example.org/x.css]\nnav:",
        "mkdocs.yml|requests //example.org/x.css"),
    "registry in a lock": (
        "requirements.txt", None, f"--index-url https://{PYTHON}/simple\n",
        "names the package registry"),
    "registry's files in a script": (
        "sitekit/build.py", "PATH", f'URL = "{FILES_HOST}"\nPATH',
        "names the package registry"),
    "registry on a page": (
        ZH, "全部", f"见 {NPM}，全部", "names the package registry"),
    "absolute path in a module": (
        "dlguide/layers/scale.py", "LIMIT = 10", f'LIMIT = "{HOME}me/x"',
        "names the machine's path"),
    "absolute path in a test": (
        "tests/layers/test_scale.py", "# limit", f"# see {WORK}main\n# limit",
        "names the machine's path"),
    "absolute path in a hidden file": (
        ".ci/run", None, f"cd {WORK}main\n", "names the machine's path"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_breakage_is_seen(name, tmp_path):
    assert_seen(check_hosts, tmp_path, BREAKAGES[name])


@pytest.mark.parametrize(("file", "text"), [
    (EN, "[a link](https://example.org/a.png)"),
    (EN, "<https://example.org/home/page>"),
    (EN, "`~/home/x` and docs/work/x"),
    (PAGE, '<link rel="canonical" href="https://example.org/">'),
    (PAGE, '<script src="assets/x.js"></script>'),
    (CSS, "/* see https://example.org */ a { background: url(x.svg); }"),
])
def test_links_and_relative_paths_are_allowed(file, text, tmp_path):
    root = write(tmp_path)
    (root / file).write_text(text, "utf-8")
    assert check_hosts(root) == []


def test_in_a_repository_ignored_files_are_skipped(tmp_path):
    root = write(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    replace(root, ".gitignore", None, "notes.txt\n")
    replace(root, "notes.txt", None, f"{HOME}me\n")
    assert check_hosts(root) == []
    replace(root, "new.txt", None, f"{HOME}me\n")
    assert len(check_hosts(root)) == 1
