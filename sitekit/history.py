"""The timeline of about/history: a drawing and a list, from one data file.

docs/history.yml holds the data. `spans` cut the years into waves and winters
without gaps; `events` are in order, each in a span, with its works. The fence
takes two fields, as a figure does: `alt:` and `caption:`.
"""

from functools import lru_cache
from pathlib import Path

import yaml

from sitekit.citations import bibliography
from sitekit.figures import parse_fields
from sitekit.markdown import SiteError, escape
from sitekit.references import short

FILE = "docs/history.yml"
# kind of event -> its name, its colour, its mark around (0, 0)
KINDS = {
    "theory": ("理论", "theory", 1, "M0 -7 7 6H-7Z"),
    "model": ("模型", "model", 2, "M-6 -6H6V6H-6Z"),
    "training": ("训练方法", "training", 3,
                 "M6 0A6 6 0 1 1 -6 0A6 6 0 1 1 6 0Z"),
    "data": ("数据", "data", 4, "M0 -8 8 0 0 8 -8 0Z"),
    "machine": ("硬件与软件", "machine", 5,
                "M-7 -2H-2V-7H2V-2H7V2H2V7H-2V2H-7Z"),
    "prize": ("奖项", "prize", 6,
              "M0 -8 2 -2 8 -2 3 2 5 8 0 4 -5 8 -3 2 -8 -2 -2 -2Z"),
}
SPAN_FIELDS = {"id", "kind", "start", "end", "zh", "en"}
EVENT_FIELDS = {"year", "kind", "span", "zh", "en", "works"}
OPTIONAL = {"label_zh", "label_en"}
# pixels: width, top, height of a year, distances of labels and of marks
WIDTH, TOP, SCALE, STEP, APART = 400, 14, 7, 18, 16
MARKS, LABELS = 156, 218  # from the left


# ---------------------------------------------------------------- data


def load(root):
    """Read and check docs/history.yml.

    Args:
        root: folder of the project.

    Returns:
        A dict with the lists `spans` and `events`.

    Raises:
        SiteError: a field is missing or unknown, the years are out of order,
            or an event lies outside its span.
    """
    path = Path(root) / FILE
    try:
        stat = path.stat()
    except OSError as error:
        raise SiteError(f"{FILE}: {error.strerror}") from error
    return _load(path, (stat.st_mtime_ns, stat.st_size))


@lru_cache(maxsize=4)
def _load(path, version):
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except yaml.YAMLError as error:
        raise SiteError(f"{FILE}: {error}") from error
    if not isinstance(data, dict) or set(data) != {"spans", "events"}:
        raise SiteError(f"{FILE}: expected the lists spans and events")
    _check_spans(data["spans"])
    _check_events(data["events"], {span["id"]: span for span in data["spans"]})
    return data


def _check_fields(item, where, required, optional=frozenset()):
    if not isinstance(item, dict):
        raise SiteError(f"{FILE}: {where}: expected fields, got {item!r}")
    for name in sorted(required):
        if item.get(name) in (None, "", []):
            raise SiteError(f"{FILE}: {where}: no {name}")
    for name in item:
        if name not in required | optional:
            raise SiteError(
                f"{FILE}: {where}: unknown field {name!r}; expected "
                f"{', '.join(sorted(required | optional))}")


def _check_spans(spans):
    before = None
    for number, span in enumerate(spans or [], 1):
        where = f"span {number}"
        _check_fields(span, where, SPAN_FIELDS)
        if span["kind"] not in ("wave", "winter"):
            raise SiteError(f"{FILE}: {where}: kind {span['kind']!r}; "
                            "expected wave or winter")
        if span["start"] >= span["end"]:
            raise SiteError(f"{FILE}: {where}: starts {span['start']}, "
                            f"ends {span['end']}")
        if before and span["start"] != before["end"]:
            raise SiteError(f"{FILE}: {where}: starts {span['start']}; the "
                            f"span before ends {before['end']}")
        before = span
    if not before:
        raise SiteError(f"{FILE}: no spans")


def _check_events(events, spans):
    last = None
    for number, event in enumerate(events or [], 1):
        where = f"event {number}"
        _check_fields(event, where, EVENT_FIELDS, OPTIONAL)
        year, kind, name = event["year"], event["kind"], event["span"]
        where = f"event {number} ({year})"
        if not isinstance(year, int):
            raise SiteError(f"{FILE}: {where}: year {year!r} is no number")
        if kind not in KINDS:
            raise SiteError(f"{FILE}: {where}: kind {kind!r}; expected "
                            f"{', '.join(KINDS)}")
        if name not in spans:
            raise SiteError(f"{FILE}: {where}: span {name!r}; expected "
                            f"{', '.join(spans)}")
        if not spans[name]["start"] <= year <= spans[name]["end"]:
            raise SiteError(
                f"{FILE}: {where}: outside its span {name}, "
                f"{spans[name]['start']} to {spans[name]['end']}")
        if last and year < last:
            raise SiteError(f"{FILE}: {where}: comes after {last}; expected "
                            "the years in order")
        if bool(event.get("label_zh")) != bool(event.get("label_en")):
            raise SiteError(f"{FILE}: {where}: a label in one language only")
        last = year
    if last is None:
        raise SiteError(f"{FILE}: no events")


def works(root):
    """Keys of the works that the timeline cites, each once."""
    keys = [key for event in load(root)["events"] for key in event["works"]]
    return list(dict.fromkeys(keys))


# ---------------------------------------------------------------- fence


def fence(text, site):
    """Render the timeline: the drawing, its caption, the list of events."""
    fields = parse_fields(text.strip().splitlines())
    for field in ("alt", "caption"):
        if not fields.get(field):
            raise SiteError(f"timeline has no {field}")
    data = load(site.root)
    label = escape(fields["alt"])
    return (
        '<figure class="fig timeline" id="fig-timeline"><div class="fig-box">'
        f"{drawing(data, site.lang, label)}</div>"
        f"<figcaption>{site.inline(fields['caption'])}</figcaption></figure>\n"
        + listing(data, site)
    )


def listing(data, site):
    """The events as lists, one for each span, with their works."""
    known, out = bibliography(site.root), []
    for span in data["spans"]:
        name = escape(span[site.lang])
        out.append(f'<p class="span-name" id="span-{span["id"]}"><b>{name}</b>'
                   f" {span['start']}–{span['end']}</p>\n<ol class=\"events\">")
        out += [_item(event, known, site) for event in data["events"]
                if event["span"] == span["id"]]
        out.append("</ol>")
    return "\n".join(out)


def _item(event, known, site):
    cites = []
    for key in event["works"]:
        if key not in known:
            raise SiteError(f"{FILE}: {event['year']}: no work {key!r} in "
                            "docs/references.bib")
        url = escape(site.link(f"about/references.md#ref-{key}"))
        name = escape(short(known[key], site.lang))
        cites.append(f'<a class="cite" href="{url}">{name}</a>')
    kind = site.say(*KINDS[event["kind"]][:2])
    works = site.say("（{}）", " ({})").format(
        site.say("；", "; ").join(cites))
    return (f'<li><b>{event["year"]}</b> <span class="event-kind">'
            f"{_mark(event['kind'])}{kind}</span> "
            f"{escape(event[site.lang])}{works}</li>")


def _mark(kind):
    """The mark of a kind, for a line of text; the word stands beside it."""
    colour, path = KINDS[kind][2:]
    return (f'<svg viewBox="-9 -9 18 18" width="14" height="14" '
            f'aria-hidden="true"><path fill="var(--fig-{colour})" '
            f'd="{path}"/></svg>')


# ---------------------------------------------------------------- drawing


def drawing(data, lang, label):
    """The SVG: years downwards, spans as bands, events as marks.

    Args:
        data: what `load` returns.
        lang: "zh" or "en".
        label: text alternative, escaped.

    Returns:
        SVG as text; colours are those of the page's theme.
    """
    first, last = data["spans"][0]["start"], data["spans"][-1]["end"]

    def y(year):
        return TOP + (year - first) * SCALE

    bottom = y(last)
    parts = [_band(span, y, lang) for span in data["spans"]]
    parts.append(_year(last, bottom, last))
    marks, labels = _marks(data["events"], y, lang)
    free = -STEP
    for place, text, right in labels:
        free = max(free + STEP, place)
        parts.append(
            f'<path d="M{right} {place}L{LABELS - 4} {free}" fill="none" '
            'stroke="var(--fig-grid)"/>'
            f'<text x="{LABELS}" y="{free + 5}">{escape(text)}</text>')
    top = max(bottom, free) + 28
    parts += marks  # above the lines
    parts += [_legend(number, kind, top, lang)
              for number, kind in enumerate(KINDS)]
    height = top + 2 * 22 + 12
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}" '
        'fill="currentColor" font-size="14" xmlns="http://www.w3.org/2000/svg">'
        '<defs><pattern id="timeline-winter" width="7" height="7" '
        'patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<path d="M0 0V7" stroke="var(--fig-grid)" stroke-width="4"/>'
        f"</pattern></defs>{''.join(parts)}</svg>"
    )


def _band(span, y, lang):
    top, bottom = y(span["start"]), y(span["end"])
    wave = span["kind"] == "wave"
    fill = "var(--fig-soft)" if wave else "url(#timeline-winter)"
    middle = (top + bottom) / 2
    lines = span[lang].replace("：", ":").split(":")
    text = "".join(
        f'<text x="90" y="{middle + 5 + 19 * (n - (len(lines) - 1) / 2):g}" '
        'text-anchor="middle" stroke="var(--fig-paper)" stroke-width="5" '
        f'stroke-linejoin="round" paint-order="stroke">{escape(line.strip())}'
        "</text>" for n, line in enumerate(lines))
    return (
        f'<rect x="38" y="{top}" width="104" height="{bottom - top}" '
        f'fill="{fill}" stroke="var(--fig-grid)"/>{text}'
        + _year(span["start"], top, span["start"]))


def _year(year, place, text):
    return f'<text x="33" y="{place + 5}" text-anchor="end">{text}</text>'


def _marks(events, y, lang):
    """The marks, and (place, text, right end) of each label."""
    marks, labels, columns = [], [], []
    for event in events:
        year, place = event["year"], y(event["year"])
        # the first column in which the mark covers no other
        column = next((n for n, last in enumerate(columns)
                       if place - last >= APART), len(columns))
        columns[column:column + 1] = [place]
        x = MARKS + APART * column
        colour, path = KINDS[event["kind"]][2:]
        marks.append(
            f'<path transform="translate({x} {place})" d="{path}" '
            f'fill="var(--fig-{colour})" stroke="var(--fig-paper)"/>')
        if event.get("label_zh"):
            labels.append((place, f"{year} {event[f'label_{lang}']}", x + 9))
    return marks, labels


def _legend(number, kind, top, lang):
    zh, en, colour, path = KINDS[kind]
    x, y = 14 + number % 3 * 130, top + number // 3 * 22
    return (f'<path transform="translate({x} {y})" d="{path}" '
            f'fill="var(--fig-{colour})"/><text x="{x + 14}" y="{y + 5}">'
            f"{zh if lang == 'zh' else en}</text>")
