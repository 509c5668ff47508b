"""What the source article prints wrongly: its references and its text.

docs/corrections.yml holds the data. The fence takes one word: `summary`
(how many entries got which verdict), `entries` or `text`.
"""

from collections import Counter
from functools import lru_cache
from pathlib import Path

import yaml

from sitekit.citations import bibliography, breakable, cite_title, title
from sitekit.markdown import SiteError, escape
from sitekit.references import short

FILE = "docs/corrections.yml"
PARTS = ("summary", "entries", "text")

# verdict -> name and meaning, in Chinese and English
VERDICTS = {
    "kept": (
        "保留", "网址指向所说的文献，只补全作者、年份与出处",
        "kept", "the address leads to the work named; author, year and venue "
        "were filled in"),
    "corrected": (
        "更正", "文献真实，编号、网址或题名有误",
        "corrected", "a real work under a wrong id, address or title"),
    "merged": (
        "合并", "与另一条是同一文献或同一语言",
        "merged", "the same work or language as another entry"),
    "rejected": (
        "剔除", "查无此文献", "rejected", "no such work found"),
}
KINDS = {
    "fabricated": ("虚构", "invented"),
    "wrong": ("错误", "wrong"),
    "misleading": ("误导", "misleading"),
    "incomplete": ("不完整", "incomplete"),
    "nonsense": ("空话", "says nothing"),
    "structure": ("结构", "structure"),
    "code": ("代码", "code"),
}
WORKS = ("see_also", "covered_by", "works")


def load(root):
    """Read and check docs/corrections.yml.

    Args:
        root: folder of the project.

    Returns:
        A dict with the lists `entries` and `text`.

    Raises:
        SiteError: a field is missing or has a value that is not known.
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
    if not isinstance(data, dict) or not {"entries", "text"} <= set(data):
        raise SiteError(f"{FILE}: expected the lists entries and text")
    for number, item in enumerate(data["entries"], 1):
        problem = _entry_problem(item, number)
        if problem:
            raise SiteError(f"{FILE}: entry {number}: {problem}")
    for number, item in enumerate(data["text"], 1):
        problem = (_missing(item, ("section", "quote"), "correction")
                   or _missing(item, (), "evidence"))
        if not problem and item.get("kind") not in KINDS:
            problem = f"kind {item.get('kind')!r}; expected {', '.join(KINDS)}"
        if problem:
            raise SiteError(f"{FILE}: text {number}: {problem}")
    return data


def _missing(item, names, both):
    for name in names:
        if not item.get(name):
            return f"no {name}"
    texts = item.get(both)
    for lang in ("zh", "en"):
        if not isinstance(texts, dict) or not texts.get(lang):
            return f"no {both} in {lang}"
    return ""


def _entry_problem(item, number):
    if item.get("n") != number:
        return f"is numbered {item.get('n')}"
    verdict = item.get("verdict")
    if verdict not in VERDICTS:
        return f"verdict {verdict!r}; expected {', '.join(VERDICTS)}"
    if verdict in ("kept", "corrected") and not item.get("key"):
        return f"is {verdict} and names no work"
    if verdict == "rejected" and item.get("key"):
        return "is rejected and names a work"
    if (verdict == "merged") != bool(item.get("merged_with")):
        return "merged and merged_with go together"
    return _missing(item, ("printed",), "note")


def works(root, part=""):
    """Keys of the works that a part of the corrections cites.

    Args:
        root: folder of the project.
        part: one of `PARTS`; "" for all.

    Returns:
        A list of keys, each once.
    """
    data, keys = load(root), []
    for name in ("entries", "text"):
        if part not in ("", name):
            continue
        for item in data[name]:
            keys += [item["key"]] if item.get("key") else []
            keys += [key for field in WORKS for key in item.get(field, [])]
    return list(dict.fromkeys(keys))


def fence(text, site):
    """Render one part of the corrections."""
    part = text.strip()
    if part not in PARTS:
        raise SiteError(f"expected one of {', '.join(PARTS)}; got {part!r}")
    data = load(site.root)
    if part == "summary":
        return summary(data, site)
    if part == "entries":
        items = [_entry(item, site) for item in data["entries"]]
        return '<ol class="corrections">\n' + "\n".join(items) + "\n</ol>"
    items = [_text(number, item, site)
             for number, item in enumerate(data["text"], 1)]
    return '<ol class="corrections">\n' + "\n".join(items) + "\n</ol>"


def summary(data, site):
    """A list: verdict, number of entries, what the verdict means."""
    counts = Counter(item["verdict"] for item in data["entries"])
    items = [
        site.say(f"<li><b>{zh} {counts[verdict]} 条</b>：{about_zh}</li>",
                 f"<li><b>{counts[verdict]} {en}</b>: {about_en}</li>")
        for verdict, (zh, about_zh, en, about_en) in VERDICTS.items()
    ]
    return '<ul class="verdicts">\n' + "\n".join(items) + "\n</ul>"


def _cite(key, site):
    known = bibliography(site.root)
    if key not in known:
        raise SiteError(f"{FILE}: no work {key!r} in docs/references.bib")
    url = site.link(f"about/references.md#ref-{key}")
    name = escape(short(known[key], site.lang))
    return f'<a class="cite" href="{escape(url)}">{name}</a>'


def _work(key, site):
    cite = _cite(key, site)
    work = bibliography(site.root)[key]
    links = " · ".join(f'<a href="{escape(url)}">{breakable(label)}</a>'
                       for label, url in work.links)
    name = cite_title(work)
    return site.say(f"{cite}：{name}。{links}", f"{cite}: {name}. {links}")


def _row(site, zh, en, content):
    label = site.say(f"{zh}：", f"{en}: ")
    return f"<div><b>{label}</b>{content}</div>"


def _list(keys, site):
    return site.say("；", "; ").join(_cite(key, site) for key in keys)


def _entry(item, site):
    verdict = item["verdict"]
    zh, _, en, _ = VERDICTS[verdict]
    printed = f'<span lang="en">{breakable(item["printed"])}</span>'
    rows = [_row(site, "原文", "Printed", printed)]
    if item.get("merged_with"):
        n = item["merged_with"]
        name = site.say(f"第 {n} 条", f"entry {n}")
        rows.append(_row(site, "合并到", "Merged with",
                         f'<a href="#entry-{n}">{name}</a>'))
    elif item.get("key"):
        rows.append(_row(site, "对应文献", "The work",
                         _work(item["key"], site)))
    if item.get("see_also"):
        rows.append(_row(site, "另见", "See also",
                         _list(item["see_also"], site)))
    if item.get("covered_by"):
        rows.append(_row(site, "涵盖该语言的多语言模型",
                         "Multilingual models with this language",
                         _list(item["covered_by"], site)))
    if item.get("printed_id_is"):
        really = f'<span lang="en">{escape(item["printed_id_is"])}</span>'
        rows.append(_row(site, "所印编号其实是", "The printed id really is",
                         really))
    rows.append(_row(site, "说明", "Note", breakable(item["note"][site.lang])))
    return (f'<li id="entry-{item["n"]}" class="verdict-{verdict}">'
            f"<b>{item['n']} · {site.say(zh, en)}</b>{''.join(rows)}</li>")


def _text(number, item, site):
    where = site.say(f"第 {item['section']} 节", f"Section {item['section']}")
    kind = site.say(*KINDS[item["kind"]])
    quote = f'<q lang="zh-CN">{escape(item["quote"])}</q>'
    if site.lang == "en" and item.get("meaning"):
        quote += f" (“{escape(item['meaning'])}”)"
    rows = [
        _row(site, "原文", "The article", quote),
        _row(site, "更正", "Correction", escape(item["correction"][site.lang])),
    ]
    if item.get("works"):
        rows.append(_row(site, "文献", "Works", _list(item["works"], site)))
    rows.append(_row(site, "依据", "Evidence",
                     escape(item["evidence"][site.lang])))
    page = f"{item.get('page')}.md"
    path = Path(site.root) / "docs" / site.lang / page
    if path.is_file():
        name = escape(title(path.read_text("utf-8"), page))
        url = escape(site.link(f"{page}#pitfalls"))
        link = f'<a href="{url}">{name}</a>'
        rows.append(_row(site, "详见", "More", link))
    return (f'<li id="text-{number}" class="kind-{item["kind"]}">'
            f"<b>{where} · {kind}</b>{''.join(rows)}</li>")
