"""Code on pages: a symbol of a file, quoted as it stands in the file."""

import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from sitekit.markdown import SiteError, breakable

FOLDERS = ("dlguide", "examples", "tests")
CODE_TAG = re.compile(r"# \(([a-z0-9_]+:\w+)\)")


def find(path, symbol):
    """Find a symbol in a Python file.

    Args:
        path: path of the file.
        symbol: a function, class, `Class.method`, constant, or the name of a
            cell of an example.

    Returns:
        (first line, last line, line numbers of docstrings), counted from 1.

    Raises:
        SiteError: no such symbol; lists those there are.
    """
    source = Path(path).read_text("utf-8")
    scope, node, known = ast.parse(source).body, None, []
    for part in symbol.split("."):
        found = {name: n for n in scope for name in names_of(n)}
        known = sorted(found)
        node = found.get(part)
        scope = getattr(node, "body", [])
    if node is None:
        cell = find_cell(source, symbol)
        if cell:
            return (*cell, set())
        raise SiteError(
            f"{path.name} has no symbol {symbol!r}; it has {', '.join(known)}"
        )
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(d.lineno for d in decorators)])
    return first, node.end_lineno, docstring_lines(node)


def names_of(node):
    """Names that a statement of a module or class body defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return [t.id for t in targets if isinstance(t, ast.Name)]


def find_cell(source, name):
    """Lines of a named cell of a percent script, or None."""
    lines = source.splitlines()
    starts = [n for n, line in enumerate(lines) if line.startswith("# %%")]
    for start, end in pairwise([*starts, len(lines)]):
        if f'name="{name}"' in lines[start]:
            body = [n for n in range(start + 1, end) if lines[n].strip()]
            return (body[0] + 1, body[-1] + 1) if body else None
    return None


def docstring_lines(node):
    """Numbers of the lines that hold docstrings of a node and inside it."""
    numbers = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.ClassDef):
            first = inner.body[0]
            if ast.get_docstring(inner) is not None and len(inner.body) > 1:
                last = inner.body[1]
                decorators = getattr(last, "decorator_list", [])
                after = min([last.lineno, *(d.lineno for d in decorators)])
                numbers |= set(range(first.lineno, after))
    return numbers


@cache
def coloured(text):
    """Pygments' HTML of Python code, one string per line."""
    lexer, formatter = PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)
    html = highlight(text, lexer, formatter)
    return html.removesuffix("\n").split("\n")


def parse(text, root):
    """Split "path::symbol [full]"; returns path, symbol, full.

    Raises:
        SiteError: it has another form, or there is no such file.
    """
    words = text.split()
    full = words[1:] == ["full"]
    target, _, symbol = words[0].partition("::") if words else ("", "", "")
    if not symbol or (words[1:] and not full):
        raise SiteError(f"expected path::symbol, got {text.strip()!r}")
    inside = target.split("/")[0] in FOLDERS and ".." not in target
    if not inside or not (root / target).is_file():
        raise SiteError(f"there is no file {target!r}")
    return target, symbol, full


def fence(text, site):
    """Render the quote "dlguide/layers/lstm.py::lstm_step"."""
    target, symbol, full = parse(text, site.root)
    first, last, docs = find(site.root / target, symbol)
    lines = (site.root / target).read_text("utf-8").splitlines()[first - 1:last]
    indent = min(len(x) - len(x.lstrip()) for x in lines if x.strip())
    shown = coloured("\n".join(line[indent:] for line in lines))
    body = [
        f'<span class="line" data-n="{number}">{link_tags(html, target, site)}'
        "\n</span>"
        for number, html in enumerate(shown, first)
        if full or number not in docs
    ]
    return (
        f'<div class="quote"><p class="quote-head">{head(target, symbol, site)}'
        # the number of lines tells the height of code not drawn yet
        '</p><div class="highlight">'
        f'<pre tabindex="0" style="--lines:{len(body)}"><code>'
        f"{''.join(body)}</code></pre></div></div>"
    )


def head(target, symbol, site):
    """The line above a quote: file, symbol, its API entry."""
    source = site.link(f"source/{target}")
    line = f'<a href="{source}">{breakable(target)}</a> · {breakable(symbol)}'
    parts = target.split("/")
    private = any(name.startswith("_") for name in symbol.split("."))
    if parts[0] == "dlguide" and not private:  # API pages show no helper
        module = target.removesuffix(".py").replace("/", ".")
        api = site.link(f"api/{parts[1]}.md#{module}.{symbol}")
        line += f' · <a href="{api}">API</a>'
    return line


def link_tags(html, target, site):
    """Link each equation tag in a line of code to its equation."""
    def one(match):
        tag = match[1]
        if rf"\tag{{{tag}}}" in site.source:
            return (f'<span class="code-tag" id="code-{tag}"># '
                    f'<a href="#{tag}">({tag})</a></span>')
        page = target.removesuffix(".py").split("/", 1)[1] + ".md"
        if not (site.root / f"docs/{site.lang}" / page).is_file():
            return match[0]
        url = site.link(f"{page}#{tag}")
        return f'<span class="code-tag"># <a href="{url}">({tag})</a></span>'

    return CODE_TAG.sub(one, html)
