"""Chinese typography of the texts: `python -m sitekit.typography`.

autocorrect checks spaces between Chinese and Latin, full-width punctuation
and the like, in pages, text cells of examples, and the data files.
"""

import re
import sys
from pathlib import Path

import autocorrect_py
import yaml

from sitekit.execute import ROOT, read_cells

PATTERNS = ("README.zh.md", "docs/zh/*.md", "docs/zh/*/*.md")
GENERATED = ("api", "examples", "source")


def problems_of(text):
    """Lines of a Markdown text that autocorrect would change.

    Args:
        text: the text.

    Returns:
        A list of (line, message).
    """
    # as the reader sees it: the text of a link, not its address
    text = re.sub(r"\[([^\]\n]*)\]\([^)\n]*\)", r"\1", text)
    result = autocorrect_py.lint_for(text, "markdown")
    return [
        (line.line, f"{line.old.strip()} -> {line.new.strip()}")
        for line in result.lines
    ]


def check_typography(root=ROOT):
    """Problems of every Chinese text, as "path:line: old -> new"."""
    root, problems = Path(root), []
    autocorrect_py.load_config('{"rules": {"spellcheck": 0, "fullwidth": 1}}')
    texts = [
        (path, path.read_text("utf-8"))
        for pattern in PATTERNS for path in sorted(root.glob(pattern))
        if path.parent.name not in GENERATED
    ]
    for path in sorted(root.glob("examples/*/*.py")):
        cells = [c.source for c in read_cells(path) if c.lang == "zh"]
        texts.append((path, "\n\n".join(cells)))
    for path, text in texts:
        name = path.relative_to(root)
        problems += [f"{name}:{n}: {m}" for n, m in problems_of(text)]
    for path in sorted(root.glob("docs/*.yml")):
        data = yaml.safe_load(path.read_text("utf-8"))
        problems += [
            f"{path.relative_to(root)}: {text} -> {autocorrect_py.format(text)}"
            for text in chinese(data) if autocorrect_py.format(text) != text
        ]
    return problems


def chinese(data, key=""):
    """Our own Chinese texts in a data file: fields `zh` and `..._zh`."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from chinese(value, str(name))
    elif isinstance(data, list):
        for value in data:
            yield from chinese(value, key)
    elif key == "zh" or key.endswith("_zh") and "forbidden" not in key:
        yield str(data)


if __name__ == "__main__":
    found = check_typography()
    print("\n".join(found))
    print(f"Chinese typography: {len(found)} problems")
    sys.exit(bool(found))
