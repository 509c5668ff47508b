"""Slims the HTML of mkdocs-jupyter's pages: from 650 to some 40 KiB.

Its style sheets, scripts and copy buttons go (one script would ask another
host for a diagram library); code gets the classes that the theme styles.
The rest of the look is in guide.css.
"""

import base64
import re

from sitekit.figures import prefixed

IMAGE = re.compile(
    r'<img[^>]* src="data:image/svg\+xml;base64,([^"]+)"[^>]*/?>'
)


def slim(html):
    """Remove what a notebook page does not need.

    Args:
        html: content of a page made by mkdocs-jupyter.

    Returns:
        The content without styles and scripts, with the theme's code blocks.
    """
    html = re.sub(r"<(style|script)\b.*?</\1>", "", html, flags=re.S)
    html = re.sub(
        r'<div class="zeroclipboard-container">.*?</clipboard-copy>\s*</div>',
        "", html, flags=re.S,
    )
    html = re.sub(
        r'<div class="clipboard-copy-txt".*?</div>', "", html, flags=re.S
    )
    html = re.sub(
        r'<div class="highlight-ipynb[^"]*"><pre>(?:<span></span>)?(.*?)</pre>',
        r'<div class="highlight"><pre><code>\1</code></pre>', html, flags=re.S,
    )
    html = html.replace(' tabindex="0"', "")
    html = re.sub(r'<a class="anchor-link".*?</a>', "", html)
    # empty prompts; bars for collapsing, which do nothing without scripts
    html = re.sub(r'<div class="jp-Collapser[^>]*>\s*</div>', "", html)
    html = re.sub(r'<div class="jp-\w*Prompt[^>]*>\s*</div>', "", html)
    html = re.sub(r' id="cell-id=[^"]*"', "", html)
    html = re.sub(r"<pre>(?!<code)", '<pre tabindex="0">', html)
    return IMAGE.sub(inline_svg, html)


def inline_svg(match):
    """Put a figure into the page itself, so that it follows the theme."""
    svg = base64.b64decode(match[1]).decode("utf-8")
    return prefixed(svg, f"fig-{match.start()}")


def match_ids(html, ids):
    """Give the headings the ids that the table of contents links to.

    The two are made by different programs, which differ for Chinese.

    Args:
        html: content of a notebook page.
        ids: ids of the table of contents, in order.

    Returns:
        The content; unchanged where the numbers of headings differ.
    """
    heading = re.compile(r'(<h[12][^>]*? id=")[^"]*(")')
    if len(heading.findall(html)) != len(ids):
        return html
    left = iter(ids)
    return heading.sub(lambda match: match[1] + next(left) + match[2], html)
