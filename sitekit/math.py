r"""Math on pages: LaTeX to native MathML at build time, equations with tags.

`$...$` becomes inline MathML. A display between `$$` lines becomes a box
that scrolls by itself; with `\tag{lstm:c}` it also gets that id, and a label
that links to the line of code which computes it.
"""

import re
from functools import cache
from html import unescape

from markdown.postprocessors import Postprocessor
from markdown.preprocessors import Preprocessor
from math_core import LatexError, LatexToMathML

from sitekit.markdown import SiteError, escape
from sitekit.search import exclude

TAG = re.compile(r"\\tag\{([^}]*)\}")
MATH = re.compile(
    r"(?P<code>(?<!`)(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<indent>^[ \t]*)\$\$[ \t]*\n(?P<display>.*?)\n[ \t]*\$\$[ \t]*$"
    r"|(?<![\\$])\$(?![\s$])(?P<inline>(?:[^$\n]|\n(?!\s*\n))+?)"
    r"(?<![\s\\])\$(?![\d$])",
    re.M | re.S,
)
SHORT = 24  # characters of a formula that fits any line
# an inline formula with the bracket before it, the mark or ending after it
GLUED = re.compile(
    r"(?P<before>[(（“《]?)(?P<math><math\b.*?</math>)"
    r"(?P<after>[，。、；：）！？”》,.;:)!?’]+|-?[a-z]{1,12}\b)?", re.S)

CELL = re.compile(r"<td\b.*?</td>", re.S)
CODE = re.compile(r"<code>(?=[^<]{1,8}</code>)")
OPTION = re.compile(r"<code>(?=-{1,2}[a-z][a-z-]{0,12}</code>)")


@cache
def to_mathml(latex, display=False):
    """Convert LaTeX to MathML.

    Args:
        latex: a formula without dollar signs and without a tag.
        display: True for a formula on lines of its own.

    Returns:
        A `<math>` element as text.

    Raises:
        SiteError: the formula is not valid, with the formula.
    """
    converter = LatexToMathML(fancy_error=False)
    try:
        return converter.convert_with_local_state(latex, displaystyle=display)
    except LatexError as error:
        raise SiteError(f"formula {latex.strip()!r}: {error}") from error


def replace_math(text, convert):
    """Replace each formula of a Markdown text outside code spans.

    Args:
        text: Markdown, with fences already taken out.
        convert: function of (latex, display) that returns the replacement.

    Returns:
        The text with the replacements.
    """
    def one(match):
        if match["code"] is not None:
            return match[0]
        if match["display"] is not None:
            shown = convert(match["display"], True)
            return f"\n{match['indent']}{shown}\n"
        return convert(match["inline"], False)

    return MATH.sub(one, text)


class MathPreprocessor(Preprocessor):
    """Stash every formula as MathML, before HTML blocks are looked for."""

    def run(self, lines):
        """Replace the formulas of the page."""
        text = replace_math("\n".join(lines), self.convert)
        return text.split("\n")

    def convert(self, latex, display):
        """Convert one formula; returns a placeholder."""
        html = self.equation(latex) if display else to_mathml(latex)
        return self.md.htmlStash.store(exclude(html))

    def equation(self, latex):
        """Lay out a displayed formula, with its tag if it has one."""
        tags = TAG.findall(latex)
        if len(tags) > 1:
            raise SiteError(f"one tag per display, got {', '.join(tags)}")
        math = to_mathml(TAG.sub("", latex).strip(), True)
        label = self.md.site.say("公式", "Equation")
        box = (
            f'<div class="equation-math" tabindex="0" role="group" '
            f'aria-label="{label}">{math}</div>'
        )
        if not tags:
            return f'<div class="equation">{box}</div>'
        tag = escape(tags[0])
        title = self.md.site.say("计算它的代码行", "The line that computes it")
        return (
            f'<div class="equation" id="{tag}">{box}<a class="equation-tag" '
            f'href="#code-{tag}" title="{title}">({tag})</a></div>'
        )


def glued(html):
    """Keep a line from breaking between a short formula and its punctuation.

    >>> glued("设 <math>x</math>，<math>y</math> 为")
    '设 <span class="glued"><math>x</math>，</span><math>y</math> 为'
    """
    def one(match):
        text = re.sub(r"<[^>]*>|&ApplyFunction;", "", match["math"])
        glue = match["before"] or match["after"]
        if glue and len(unescape(text)) <= SHORT:
            return f'<span class="glued">{match[0]}</span>'
        return match[0]

    return GLUED.sub(one, html)


def whole_names(html):
    """Keep a line from breaking an option, a cell of a table a short name.

    >>> whole_names("<td><code>evaluate</code></td>")
    '<td><code class="glued">evaluate</code></td>'
    """
    html = OPTION.sub('<code class="glued">', html)
    return CELL.sub(
        lambda cell: CODE.sub('<code class="glued">', cell[0]), html)


class Glue(Postprocessor):
    """Glues formulas to their punctuation, and short names in tables."""

    def run(self, text):
        """Change the finished HTML."""
        return whole_names(glued(text))


def extend(md):
    """Register: after fences (25), before HTML (20); after stashed HTML."""
    md.preprocessors.register(MathPreprocessor(md), "site_math", 22)
    md.postprocessors.register(Glue(md), "site_glue", 5)
