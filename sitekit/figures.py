"""Figures: plots and drawings, inlined so that they follow the theme."""

import base64
import re
from itertools import count
from pathlib import Path

from sitekit.markdown import SiteError, escape

# Colours as the runner plots them -> variable of the site's style sheet. The
# value stays as fallback, so the file can also be opened by itself.
VARIABLES = {
    "#0072b2": "--fig-1",
    "#d55e00": "--fig-2",
    "#009e73": "--fig-3",
    "#cc3311": "--fig-4",
    "#aa4499": "--fig-5",
    "#56b4e9": "--fig-6",
    "#b0b0b0": "--fig-grid",
    "#cccccc": "--fig-grid",
    "#ffffff": "--fig-paper",
}

LONG = re.compile(r"-?\d+\.\d{3,}(?!e)")
PNG = re.compile(r"data:image/png;base64,\s*([A-Za-z0-9+/=\s]+)")


def themed(svg):
    """Turn matplotlib's SVG into one that follows the page's theme.

    Black becomes the text colour, palette colours become CSS variables,
    coordinates keep two decimals, metadata and unused ids go.

    Args:
        svg: text of the file that matplotlib wrote.

    Returns:
        The text of a smaller SVG without a fixed size.
    """
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"\s*<!--.*?-->", "", svg, flags=re.S)
    svg = re.sub(
        r'\s*<defs>\s*<style type="text/css">.*?</style>\s*</defs>', "", svg,
        flags=re.S,
    )
    svg = re.sub(r'\s(width|height)="[\d.]+pt"', "", svg, count=2)
    svg = svg.replace(
        "<svg",
        '<svg fill="currentColor" stroke-linejoin="round" '
        'font-family="sans-serif"', 1,
    )
    svg = re.sub(r"font-family: [^;\"]+;? ?", "", svg)
    svg = re.sub(r"(font: [\d.]+px )[^;\"]+", r"\1sans-serif", svg)
    svg = re.sub(r"#000000|#262626", "currentColor", svg)
    for colour, variable in VARIABLES.items():
        value = f"var({variable}, {colour})"
        svg = re.sub(colour, value, svg, flags=re.I)
    # in tags only: a label says 0.005; data URLs hold no decimal points
    svg = re.sub(r"<[^>]*>", lambda tag: LONG.sub(
        lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), tag[0]), svg)
    svg = re.sub(r"\n\s+", "\n", svg)
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    return re.sub(
        r' id="([^"]+)"', lambda m: m[0] if m[1] in used else "", svg
    )


def prefixed(svg, prefix):
    """Give every id of an SVG a prefix, so that a page can hold several."""
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", svg)
    return re.sub(r'href="#([^"]+)"', rf'href="#{prefix}-\1"', svg)


def rasters(svg):
    """The PNG images embedded in an SVG, as a list of bytes."""
    return [base64.b64decode(match[1]) for match in PNG.finditer(svg)]


def raster_path(target, number):
    """Path, from the site's root, of an image taken out of a figure."""
    stem = target.removesuffix(".svg").replace(".py::", "-").replace("/", "-")
    return f"source/images/{stem}-{number}.png"


def fence(text, site):
    """Render a figure: target, then `alt:` and `caption:` lines."""
    target, fields = parse(text)
    for field in ("alt", "caption"):
        if not fields.get(field):
            raise SiteError(f"figure {target} has no {field}")
    svg, name = load(target, site.root)
    number = count()
    svg = PNG.sub(
        lambda match: site.link(raster_path(target, next(number))), svg
    )
    svg = prefixed(svg, f"fig-{name}")
    label = escape(fields["alt"])
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    return (
        f'<figure class="fig" id="fig-{name}"><div class="fig-box"'
        f"{shape(svg)}>{svg}</div>"
        f"<figcaption>{site.inline(fields['caption'])}</figcaption></figure>"
    )


def shape(svg):
    """Width over height of an SVG, as an attribute for the box around it.

    The browser then knows the height of a figure that it need not draw yet.

    >>> shape('<svg viewBox="0 0 640 330">')
    ' style="--shape:640/330"'
    """
    found = re.search(r'viewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"', svg)
    return f' style="--shape:{found[1]}/{found[2]}"' if found else ""


def parse(text):
    """Split a figure fence into its target and a dict of its fields."""
    lines = text.strip().splitlines()
    if not lines:
        raise SiteError("an empty figure fence")
    return lines[0].strip(), parse_fields(lines[1:])


def parse_fields(lines):
    """The lines `alt: ...` and `caption: ...`, which may go on, as a dict."""
    fields, field = {}, ""
    for line in lines:
        found = re.match(r"(alt|caption):\s*(.*)", line.strip())
        if found:
            field = found[1]
            fields[field] = found[2]
        elif field:
            fields[field] += " " + line.strip()
        else:
            raise SiteError(f"expected alt: or caption:, got {line.strip()!r}")
    return fields


def load(target, root):
    """Read the SVG of a figure fence.

    Args:
        target: "examples/layers/lstm.py::adding" or "docs/figures/x/y.svg".
        root: folder of the project.

    Returns:
        The SVG as text, and a name for its id.

    Raises:
        SiteError: there is no such figure.
    """
    from sitekit import outputs

    if "::" in target:
        script, _, figure = target.partition("::")
        name = outputs.example_name(script)
        path = outputs.figure_path(name, figure, root)
        drawn = outputs.figures(name, root)
        if figure not in drawn or not path.is_file():
            raise SiteError(
                f"{script} draws no figure {figure!r}; it draws "
                f"{', '.join(drawn) or 'none'}"
            )
        return path.read_text("utf-8"), figure
    path = Path(root) / target
    if not target.startswith("docs/figures/") or not path.is_file():
        raise SiteError(f"there is no figure {target!r}")
    svg = path.read_text("utf-8")
    svg = re.sub(r"<!--.*?-->", "", svg[svg.index("<svg"):], flags=re.S)
    return svg, path.stem
