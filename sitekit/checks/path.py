"""Prerequisites: the same in both languages, real, and read in order."""

from pathlib import Path

from sitekit import path as learning
from sitekit.checks import project
from sitekit.markdown import SiteError


def check_path(root: Path) -> list[str]:
    """Each concept names concepts that come before it in the navigation."""
    zh, en = (project.concept_pages(root, lang) for lang in project.LANGUAGES)
    place = {name: n for n, name in enumerate(learning.order(root))}
    problems = []
    for name, page in zh.items():
        problems += _page(page, name, place)
        twin = en.get(name)
        if twin and _names(twin) != _names(page):
            problems.append(twin.at(
                1, f"prerequisites {_names(twin)}; {page.path} has "
                f"{_names(page)}"))
        try:
            learning.route(root, name)
        except SiteError as error:
            problems.append(page.at(1, str(error)))
    return problems


def _names(page):
    return page.front.get("prerequisites")


def _page(page, name, place):
    names = _names(page)
    strings = isinstance(names, list) and all(
        isinstance(n, str) for n in names)
    if not strings:
        return [page.at(
            1, f"prerequisites {names!r} in the front matter; expected a list "
            "of concepts such as [basics/perceptron], or []")]
    problems = []
    for needed in names:
        if needed not in place:
            problems.append(page.at(
                1, f"prerequisite {needed!r} is no concept"))
        elif place[needed] >= place[name]:
            problems.append(page.at(
                1, f"prerequisite {needed} comes after {name} in the "
                "navigation"))
        if names.count(needed) > 1 and needed not in str(problems):
            problems.append(page.at(1, f"prerequisite {needed} named twice"))
    return problems
