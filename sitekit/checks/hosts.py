"""Pages ask no other host; files name no registry and no machine's paths."""

import re
import subprocess
from pathlib import Path

from sitekit.checks import project

ASSETS = (".md", ".html", ".css", ".js", ".svg", ".yml")
ADDRESS = r"(?:https?:)?//[^\s\"'<>)\]]+"
REQUESTS = (
    # an element that loads by itself; <a href> is the reader's choice
    re.compile(rf"<(?!a\b)[a-z][\w-]*\b[^<>]*?\s(?:src|srcset|poster|data)"
               rf"\s*=\s*[\"']?({ADDRESS})", re.I),
    re.compile(rf"<(?:image|use|feImage)\b[^<>]*?href\s*=\s*[\"']?({ADDRESS})",
               re.I),
    re.compile(rf"url\(\s*[\"']?({ADDRESS})", re.I),
    re.compile(rf"@import\s+[\"']({ADDRESS})", re.I),
    re.compile(rf"!\[[^\]]*\]\(\s*<?({ADDRESS})"),
    re.compile(rf"(?:fetch|import|open|Worker|WebSocket)\(\s*[\"'`]"
               rf"({ADDRESS}|wss?://[^\s\"'`]+)"),
    re.compile(rf"\bfrom\s+[\"']({ADDRESS})"),
)
LINK = re.compile(rf"<link\b[^<>]*?href\s*=\s*[\"']?({ADDRESS})[^<>]*>", re.I)
HARMLESS = re.compile(r"rel\s*=\s*[\"']?(?:canonical|alternate|license|author"
                      r"|me|prev|next)\b", re.I)
EXTRA = re.compile(
    r"^extra_(?:css|javascript):([^\n]*(?:\n[ \t-]+[^\n]*)*)", re.M)

REGISTRIES = [".".join(parts) for parts in (
    ("pypi", "org"), ("files", "pythonhosted", "org"), ("pythonhosted", "org"),
    ("registry", "npmjs", "org"), ("registry", "yarnpkg", "com"),
    ("deb", "debian", "org"), ("archive", "ubuntu", "com"),
    ("conda", "anaconda", "org"), ("crates", "io"), ("rubygems", "org"),
    ("proxy", "golang", "org"), ("pypi", "tuna", "tsinghua", "edu", "cn"),
    ("mirrors", "aliyun", "com"),
)]
REGISTRY = re.compile(
    r"(?<![\w.-])(?:[\w-]+\.)*(" + "|".join(map(re.escape, REGISTRIES))
    + r")(?![\w-])", re.I)
# the start of an absolute path: not inside a URL or a longer path
MACHINE = re.compile(
    r"(?<![\w./~}>)-])/(?:" + "|".join(("work", "root", "home", "Users"))
    + r")/[\w.-]+|\b[A-Z]:\\Users\\\w+")
SKIPPED = {".git", ".venv", "site", "node_modules", "__pycache__", ".cache",
           ".pytest_cache", ".ruff_cache"}


def check_hosts(root: Path) -> list[str]:
    """Check requests under docs/ and mkdocs*.yml, and text of all files."""
    root = Path(root)
    problems = []
    for name in tracked(root):
        path = root / name
        try:
            text = path.read_text("utf-8")
        except (UnicodeDecodeError, OSError):
            continue  # an image or a font
        if name.endswith(ASSETS) and _is_site(name):
            problems += _requests(name, text)
        problems += _text(name, text)
    return problems


def tracked(root: Path) -> list[str]:
    """Files of the project: those of git that are not ignored, or all."""
    if (root / ".git").exists():
        command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
        listed = subprocess.run(
            command, cwd=root, capture_output=True, check=True).stdout
        names = sorted({n for n in listed.decode("utf-8").split("\0") if n})
        return [name for name in names if (root / name).is_file()]
    return sorted(
        project.shown(root, path) for path in root.rglob("*")
        if path.is_file()
        and not SKIPPED & set(path.relative_to(root).parts))


def _is_site(name):
    return name.startswith("docs/") or re.fullmatch(r"mkdocs.*\.yml", name)


def _place(name, text, match):
    return f"{name}:{text.count(chr(10), 0, match.start(1)) + 1}"


def _requests(name, text):
    for pattern in REQUESTS:
        for match in pattern.finditer(text):
            yield (f"{_place(name, text, match)}: requests {match[1]}; "
                   "expected a file of the site")
    for match in LINK.finditer(text):
        if not HARMLESS.search(match[0]):
            yield (f"{_place(name, text, match)}: requests {match[1]}; "
                   "expected a file of the site")
    for block in EXTRA.finditer(text):
        for match in re.finditer(rf"({ADDRESS})", block[1]):
            line = text.count("\n", 0, block.start(1) + match.start()) + 1
            yield (f"{name}:{line}: requests {match[1]}; expected a file of "
                   "the site")


def _text(name, text):
    for number, line in enumerate(text.splitlines(), 1):
        for match in REGISTRY.finditer(line):
            yield (f"{name}:{number}: names the package registry "
                   f"{match[0]}; expected none")
        for match in MACHINE.finditer(line):
            yield (f"{name}:{number}: names the machine's path {match[0]}; "
                   "expected one relative to the project")
