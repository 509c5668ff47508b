"""The learning path: what to read before a page, and how long it takes.

A concept page names its prerequisites in the front matter:

    prerequisites: [basics/neural_network, layers/lstm]

From these come the line under each title, the steps that lead on at the end
of a page, and the routes on the home page. sitekit/checks/path.py checks them.
"""

import math
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from xml.etree.ElementTree import Element

from markdown.treeprocessors import Treeprocessor

from sitekit import outputs
from sitekit.checks import project, trees
from sitekit.citations import title
from sitekit.markdown import SiteError, escape
from sitekit.search import exclude

# reading speeds; together they set the minutes shown under a title
CHARACTERS = 300  # Chinese characters a minute
WORDS = 180  # English words a minute
EQUATION = 1 / 3  # minutes for a displayed equation
CODE_LINE = 1 / 20  # minutes for a quoted line of code


def order(root):
    """Concepts in the order of the navigation.

    Args:
        root: folder of the project.

    Returns:
        A list of names, "layers/lstm"; pages that the navigation does not
        name come last.
    """
    there = project.concept_pages(root, "zh")
    config = Path(root) / "mkdocs.yml"
    named = []
    if config.is_file():
        paths = trees.entries(trees.read_config(config).get("nav"))
        named = [path.removesuffix(".md") for path in paths]
    first = [name for name in named if name in there]
    return first + [name for name in there if name not in first]


def graph(root, lang="zh"):
    """Prerequisites of every concept.

    Args:
        root: folder of the project.
        lang: language whose front matter is read.

    Returns:
        A dict from name to a list of names; of what is not a list of names
        (the checker reports it) nothing is taken.
    """
    found = {}
    for name, page in project.concept_pages(root, lang).items():
        names = page.front.get("prerequisites")
        names = names if isinstance(names, list) else []
        found[name] = [n for n in names if isinstance(n, str)]
    return found


def route(root, goal):
    """All that a reader needs to know before a concept, and the concept.

    Args:
        root: folder of the project.
        goal: name of a concept.

    Returns:
        A list of names, each after its prerequisites, the goal last.

    Raises:
        SiteError: there is no such concept, or its prerequisites go round
            in a circle.
    """
    before = graph(root)
    if goal not in before:
        raise SiteError(f"no concept {goal!r}; expected <chapter>/<stem>")
    needed, todo = {}, [goal]
    while todo:
        name = todo.pop()
        if name not in needed:
            needed[name] = [n for n in before.get(name, []) if n in before]
            todo += needed[name]
    try:
        ranks = TopologicalSorter(needed)
        ranks.prepare()
    except CycleError as error:
        raise SiteError(
            f"prerequisites in a circle: {error.args[1]}") from error
    place = {name: number for number, name in enumerate(order(root))}
    found = []
    while ranks.is_active():
        for name in sorted(ranks.get_ready(), key=place.get):
            found.append(name)
            ranks.done(name)
    return found


def minutes(root, name):
    """Minutes that reading a page takes, without its exercises.

    The mean of both languages at the speeds above, rounded up to 5.
    """
    total = sum(_minutes(root, lang, name) for lang in project.LANGUAGES)
    return 5 * math.ceil(total / len(project.LANGUAGES) / 5)


def _minutes(root, lang, name):
    page = project.concept_pages(root, lang)[name]
    start = next((h.line for h in page.headings if h.id == "exercises"), None)
    end = next((h.line for h in page.headings if h.id == "summary"), None)
    text = "\n".join(
        line for number, line in enumerate(page.prose, 1)
        if not (start and end and start <= number < end)
    )
    parts = [e for e in page.equations if e.block != "exercises"]
    code = sum(_length(root, target)
               for fence in page.kind("quote") if fence.block != "exercises"
               for target in fence.body.split()[:1])
    return (len(re.findall(r"[\u4e00-\u9fff]", text)) / CHARACTERS
            + len(re.findall(r"[A-Za-z][\w'-]*", text)) / WORDS
            + len(parts) * EQUATION + code * CODE_LINE)


def _length(root, target):
    """Lines of a quoted symbol, 0 if it is not there."""
    path, _, symbol = target.partition("::")
    if not (Path(root) / path).is_file():
        return 0
    first, last = project.symbols(Path(root) / path).get(symbol, (1, 0))
    return last - first + 1


def seconds(root, name):
    """Seconds that the last run of a concept's example took, or None."""
    try:
        return outputs.load(name, root)["card"]["seconds"]
    except SiteError:
        return None


def links(site, names):
    """Links to pages of concepts, as a list in the page's language."""
    made = []
    for name in names:
        path = Path(site.root) / f"docs/{site.lang}/{name}.md"
        text = escape(title(path.read_text("utf-8"), name))
        made.append(f'<a href="{site.link(name + ".md")}">{text}</a>')
    return site.say("、", ", ").join(made)


def duration(site, count):
    """Minutes in words: up to an hour and a half as minutes, else hours."""
    if count <= 90:
        return site.say(f"约 {count} 分钟", f"about {count} minutes")
    hours = f"{round(2 * count / 60) / 2:g}"
    return site.say(f"约 {hours} 小时", f"about {hours} hours")


def facts(site, name):
    """The line under a title: prerequisites, time to read and to run."""
    needs = [n for n in graph(site.root, site.lang)[name]
             if n in graph(site.root, site.lang)]
    say, colon = site.say, site.say("：", ": ")
    rows = []
    if needs:
        rows.append((say("先读", "Read first"), links(site, needs)))
    rows.append((say("阅读", "Reading"),
                 duration(site, minutes(site.root, name))))
    ran = seconds(site.root, name)
    if ran is not None:  # as on the card of the run
        rows.append((say("实验", "The run"), say(
            f"约 {ran:.0f} 秒", f"about {ran:.0f} seconds")))
    items = "".join(
        f"<span><b>{key}</b>{colon}{value}</span> " for key, value in rows)
    return f'<p class="page-facts">{items.strip()}</p>'


def next_steps(site, name):
    """The end of a page: concepts that build on this one; "" if none."""
    after = graph(site.root, site.lang)
    names = [n for n in order(site.root) if name in after.get(n, ())]
    if not names:
        return ""
    head = site.say("接下来可以读：", "Where this leads: ")
    return f'<p class="next-steps"><b>{head}</b>{links(site, names)}</p>'


def fence(text, site):
    """Render routes: a goal per line, and all that leads to it.

    Raises:
        SiteError: a line names no concept.
    """
    items = []
    for goal in text.split():
        names = route(site.root, goal)
        total = sum(minutes(site.root, name) for name in names)
        steps = "".join(f"<li>{links(site, [name])}</li>" for name in names)
        items.append(
            f'<div class="route"><p><b>{links(site, [goal])}</b><br>'
            f"{duration(site, total)}</p><ol>{steps}</ol></div>")
    if not items:
        raise SiteError("expected the name of a concept on each line")
    return f'<div class="routes">{"".join(items)}</div>'


class Facts(Treeprocessor):
    """Puts facts and next steps on the pages of concepts."""

    def run(self, root):
        """Add a line below the title and one at the end."""
        site = self.md.site
        name = site.page.removesuffix(".md")
        if not project.is_concept(site.page, site.root):
            return
        if root.find("h1") is None:
            return
        if name not in project.concept_pages(site.root, site.lang):
            return
        place = list(root).index(root.find("h1")) + 1
        root.insert(place, self.stash(facts(site, name)))
        after = next_steps(site, name)
        if after:
            root.append(self.stash(after))

    def stash(self, html):
        """A paragraph that Python-Markdown replaces by the HTML."""
        element = Element("p")
        element.text = self.md.htmlStash.store(exclude(html))
        return element


def extend(md):
    """Register the processor; after inline patterns, before the links."""
    md.treeprocessors.register(Facts(md), "site_path", 3)
