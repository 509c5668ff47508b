"""Citations in the text, the list of a page, the bibliography.

`[@key]`, `[@key, sec. 3]` and `[@a; @b]` become links to `#ref-<key>` on the
same page, where a ``` references fence puts the full entries.
"""

import re
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from markdown.inlinepatterns import InlineProcessor
from markdown.util import AtomicString

from sitekit.markdown import SiteError, breakable, escape
from sitekit.references import (
    TOPICS,
    ReferencesError,
    author_line,
    fold,
    load,
    short,
    venue_line,
)

MARK = r"(?<!\\)\[(@[^\[\]]*)\](?!\()"
ONE = re.compile(r"@([a-z]+\d{4}[a-z0-9]*)(?:\s*,\s*(.+))?", re.DOTALL)
FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})[ \t]*([\w-]*)")
DRAWN = ("figure", "interactive")  # fences with a caption
CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)

# languages of titles, as BibLaTeX names them in `langid`
LANGUAGES = {"french": "fr", "german": "de", "chinese": "zh"}

# a place in a work: English abbreviation -> Chinese
PLACES = (
    (r"sec(?:s|tion)?\.?|§", "第 {} 节"), (r"ch(?:apter)?\.?", "第 {} 章"),
    (r"eqs?\.?", "式 {}"), (r"figs?\.?", "图 {}"),
    (r"tab(?:le)?s?\.?", "表 {}"), (r"alg(?:orithm)?\.?", "算法 {}"),
    (r"pp?\.", "第 {} 页"),
    (r"app(?:endix)?\.?", "附录 {}"), (r"th(?:eorem|m)\.?", "定理 {}"),
)


# ---------------------------------------------------------------- reading


def parse(text):
    """Keys and places of a citation, without its brackets.

    >>> parse("@gers2000learning, sec. 3; @greff2017lstm")
    [('gers2000learning', 'sec. 3'), ('greff2017lstm', '')]

    Raises:
        SiteError: the text is not a citation.
    """
    cited = []
    for part in re.split(r";\s*(?=@)", " ".join(text.split())):
        match = ONE.fullmatch(part.strip())
        if not match:
            raise SiteError(f"not a citation: [{text}]; expected [@key], "
                            "[@key, sec. 3] or [@key; @key]")
        cited.append((match[1], (match[2] or "").strip()))
    return cited


def prose(source):
    """A page's source without code and comments; figure fences stay.

    Args:
        source: Markdown.

    Returns:
        The text in which a citation counts, and a list of (name, content)
        of all fences.
    """
    lines, fences, end = [], [], None
    for line in source.splitlines():
        match = FENCE.match(line)
        if end is None and match and "`" not in line[match.end():]:
            end, name = match[1], match[2]
            fences.append((name, []))
        elif end is not None and match and match[1].startswith(end) and (
                not line[match.end():].strip()) and not match[2]:
            end = None
            lines.append("")
        elif end is None:
            lines.append(line)
        else:
            fences[-1][1].append(line.strip())
            if name in DRAWN and not line.lstrip().startswith("alt:"):
                lines.append(line)
    text = COMMENT.sub("", CODE.sub("", "\n".join(lines)))
    return text, [(name, "\n".join(body).strip()) for name, body in fences]


def cited_keys(source, root):
    """Keys that a page cites, in order, each once.

    Args:
        source: Markdown of the page.
        root: folder of the project (for what corrections and timeline cite).
    """
    text, fences = prose(source)
    keys = [key for match in re.finditer(MARK, text)
            for key, _ in parse(match[1])]
    for name, content in fences:
        if name == "corrections":
            from sitekit import corrections

            keys += corrections.works(root, content)
        elif name == "timeline":
            from sitekit import history

            keys += history.works(root)
    return list(dict.fromkeys(keys))


def cited_on(root, lang):
    """Which pages cite which work.

    Args:
        root: folder of the project.
        lang: "zh" or "en".

    Returns:
        A dict key -> list of (page, title), pages of `about/` last.
    """
    folder, found = Path(root) / "docs" / lang, {}
    pages = sorted(folder.rglob("*.md"), key=lambda p: (
        p.relative_to(folder).parts[0] == "about", p.as_posix()))
    for path in pages:
        source = path.read_text("utf-8")
        page = path.relative_to(folder).as_posix()
        for key in cited_keys(source, root):
            found.setdefault(key, []).append((page, title(source, page)))
    return found


def title(source, page):
    """Title of a page: its first `# ` heading without markup."""
    match = re.search(r"^# +(.+)$", source, re.MULTILINE)
    text = re.sub(r"\{[^}]*\}\s*$", "", match[1]) if match else page
    return re.sub(r"[*`$]", "", text).strip()


def bibliography(root):
    """The works of docs/references.bib, key -> `Work`."""
    try:
        return load(Path(root) / "docs" / "references.bib")
    except ReferencesError as error:
        raise SiteError(str(error)) from error


def find(site, key):
    """The work with a key; a SiteError that names page and key if none."""
    works = bibliography(site.root)
    if key not in works:
        raise SiteError(f"{site.page or 'page'}: no work {key!r} in "
                        "docs/references.bib")
    return works[key]


# ---------------------------------------------------------------- in text


class CitationProcessor(InlineProcessor):
    """Turns `[@key]` into a link to the page's list of works."""

    def handleMatch(self, match, data):
        """Build the element for one pair of brackets."""
        site = self.md.site
        try:
            cited = parse(match[1])
        except SiteError as error:
            raise SiteError(f"{site.page or 'page'}: {error}") from error
        element = Element("span", {"class": "citation"})
        element.text = site.say("（", "(")
        for number, (key, place) in enumerate(cited, 1):
            work = find(site, key)
            link = SubElement(
                element, "a", {"class": "cite", "href": f"#ref-{key}"})
            link.text = AtomicString(short(work, site.lang))
            after = place and site.say("，", ", ") + locate(place, site.lang)
            after += (site.say("）", ")") if number == len(cited)
                      else site.say("；", "; "))
            link.tail = AtomicString(after)
        return element, match.start(0), match.end(0)


def locate(place, lang):
    """Word a place in a work: "sec. 3" is "第 3 节" in Chinese.

    >>> locate("sec. 3", "zh"), locate("eqs. 5-7", "zh"), locate("sec. 3", "en")
    ('第 3 节', '式 5–7', 'sec. 3')
    """
    place = re.sub(r"(?<=\d)--?(?=\d)", "–", place)
    if lang != "zh":
        return place
    parts = []
    for part in re.split(r",\s*", place):
        for name, wording in PLACES:
            if match := re.fullmatch(rf"(?:{name})\s*([\d.–()A-Z]+)", part):
                part = wording.format(match[1])
                break
        parts.append(part)
    return "，".join(parts)


def extend(md):
    """Register the citation syntax with a Markdown instance."""
    # no space beside a full-width bracket
    before, after = md.site.say(("[ \n]?", "(?: (?=[\u4e00-\u9fff]))?"),
                                ("", ""))
    mark = before + MARK + after
    # after code (190) and escapes (180), before links (160)
    md.inlinePatterns.register(CitationProcessor(mark, md), "citation", 175)


# ---------------------------------------------------------------- lists


def entry(work, site):
    """One work in full, as HTML: authors, year, title, venue, links."""
    authors = escape(author_line(work, site.lang) or work.key)
    year = escape(work.year)
    venue = escape(venue_line(work, site.lang))
    where = escape(work["journal"] or work["booktitle"])
    if where and language(work) != site.lang:
        marked = f'<span lang="{language(work)}">{where}</span>'
        venue = venue.replace(where, marked, 1)
    venue = venue and site.say(f"{venue}。", f" {venue}.")
    name = cite_title(work)
    links = " · ".join(
        f'<a href="{escape(url)}">{breakable(label)}</a>'
        for label, url in work.links)
    text = site.say(f"{authors}（{year}）：{name}。{venue}",
                    f"{authors} ({year}). {name}.{venue}")
    return f'<div class="ref-entry">{text} {links}</div>'


def language(work):
    """Language of a work's title and venue, English unless it says."""
    return LANGUAGES.get(work["langid"], "en")


def cite_title(work):
    """The title of a work as HTML, in its language."""
    return f'<cite lang="{language(work)}">{escape(work["title"])}</cite>'


def references_fence(text, site):
    """The works that this page cites, each with the claim it supports."""
    if text.strip():
        raise SiteError(f"references takes no text, got {text.strip()!r}")
    works = [find(site, key) for key in cited_keys(site.source, site.root)]
    if not works:
        raise SiteError(f"{site.page or 'page'} cites nothing")
    works.sort(key=_by_author)
    items = [
        f'<li id="ref-{work.key}">{entry(work, site)}'
        f'<div class="claim">{_claim(work, site)}</div></li>'
        for work in works
    ]
    return '<ul class="references">\n' + "\n".join(items) + "\n</ul>"


def _by_author(work):
    first = work.authors[0].family if work.authors else work.key
    return fold(first), work.year, work.key


def _claim(work, site):
    label = site.say("支持的说法：", "Supports: ")
    return f"<b>{label}</b>{escape(work.supports(site.lang))}"


def bibliography_fence(text, site):
    """Every work of the guide by topic, with where each is cited."""
    if text.strip():
        raise SiteError(f"bibliography takes no text, got {text.strip()!r}")
    works = sorted(bibliography(site.root).values(),
                   key=lambda work: (work.year, _by_author(work)))
    pages = cited_on(site.root, site.lang)
    groups = {topic: [w for w in works if w["topic"] == topic]
              for topic in TOPICS}
    if lost := [w.key for w in works if w["topic"] not in TOPICS]:
        raise SiteError(f"unknown topic of {', '.join(lost)}")
    groups = {topic: group for topic, group in groups.items() if group}
    out = ['<ul class="topics">']
    for topic, group in groups.items():
        name = escape(site.say(*TOPICS[topic]))
        out.append(f'<li><a href="#topic-{topic}">{name}</a> {len(group)}</li>')
    out.append("</ul>")
    for topic, group in groups.items():
        name = escape(site.say(*TOPICS[topic]))
        out.append(f'<h3 id="topic-{topic}">{name}</h3>')
        out.append('<ul class="references">')
        out += [_full(work, pages.get(work.key, []), site) for work in group]
        out.append("</ul>")
    return "\n".join(out)


def _full(work, pages, site):
    links = site.say("、", ", ").join(
        f'<a href="{escape(site.link(page))}">{escape(name)}</a>'
        for page, name in pages)
    cited = site.say("引用处：", "Cited on: ")
    verified = site.say("核对：", "Verified: ")
    return (
        f'<li id="ref-{work.key}">{entry(work, site)}'
        f'<div class="claim">{_claim(work, site)}</div>'
        f'<div class="verified"><b>{verified}</b>'
        f'<span lang="en">{breakable(work["verified"])}</span></div>'
        f'<div class="cited"><b>{cited}</b>{links or "–"}</div></li>'
    )
