"""Interactive figures: a script of ours draws them where JavaScript runs.

A fence names the figure, `optimizers/gradient_descent::steps`: the concept
whose functions it computes again, and the script, steps.js. Without
JavaScript its text alternative and caption stand there.
"""

import re
from pathlib import Path

from sitekit import outputs
from sitekit.figures import parse
from sitekit.markdown import SiteError, escape

FOLDER = "assets/interactive"
FRAME = "frame"  # what all figures share
TARGET = re.compile(r"([a-z]+/\w+)::([a-z]\w*)")


def script_path(name, root):
    """Path of the script of a figure."""
    return Path(root) / f"docs/overrides/{FOLDER}/{name}.js"


def wrong(target, root):
    """What is wrong with the first line of a fence, "" if nothing is."""
    match = TARGET.fullmatch(target)
    if not match or match[2] == FRAME:
        return f"{target!r}; expected chapter/stem::name"
    concept, name = match.groups()
    if not (Path(root) / f"dlguide/{concept}.py").is_file():
        return f"there is no module dlguide/{concept}.py"
    path = script_path(name, root)
    if not path.is_file():
        return f"there is no script {path.relative_to(root).as_posix()}"
    return ""


def fence(text, site):
    """Render an interactive figure: target, then `alt:` and `caption:`."""
    target, fields = parse(text)
    if problem := wrong(target, site.root):
        raise SiteError(f"interactive: {problem}")
    for field in ("alt", "caption"):
        if not fields.get(field):
            raise SiteError(f"interactive {target} has no {field}")
    concept, _, name = target.partition("::")
    path = outputs.export_path(concept, name, site.root)
    data = ""
    if path.is_file():
        text = path.read_text("utf-8").strip().replace("</", r"<\/")
        data = f'<script type="application/json">{text}</script>'
    scripts = [s for s in (FRAME, name) if s not in site.scripts]
    site.scripts |= {*scripts}
    tags = "".join(f'<script src="{site.link(f"{FOLDER}/{s}.js")}" defer>'
                   "</script>" for s in scripts)
    hint = site.say("打开 JavaScript，就能在这里动手试。",
                    "With JavaScript you can try this here.")
    return (
        f'<figure class="interactive fig" id="int-{name}" data-figure="{name}">'
        f'<div class="int-app"></div><noscript><p>{hint} '
        f"{escape(fields['alt'])}</p></noscript>{data}{tags}<figcaption>"
        f"{site.inline(fields['caption'])}</figcaption></figure>"
    )
