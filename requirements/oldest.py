"""Print constraints that pin each bounded requirement to its lower bound.

Reads what pyproject.toml asks of a user: `dependencies` and the extras `site`
and `tensorflow`. `sh requirements/versions.sh oldest` installs with them.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("site", "tensorflow")
REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)(\[.*?\])?\s*(>=(?P<bound>[\w.]+))?")


def requirements():
    """Lines of all requirements, without comments."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = project["tool"]["setuptools"]["dynamic"]["optional-dependencies"]
    yield from project["project"]["dependencies"]
    for extra in EXTRAS:
        for line in (ROOT / extras[extra]["file"]).read_text().splitlines():
            if line and not line.startswith("#"):
                yield line


def oldest(lines):
    """Constraints at the lower bounds.

    Args:
        lines: requirements such as `mkdocs>=1.6.1,<2`.

    Returns:
        Constraints such as `mkdocs==1.6.1`, markers kept.

    Raises:
        ValueError: a requirement has no lower bound.
    """
    pins = []
    for line in lines:
        parts = REQUIREMENT.match(line)
        if not parts["bound"]:
            raise ValueError(f"{line}: expected a lower bound, name>=version")
        _, semicolon, marker = line.partition(" ; ")
        pins.append(f"{parts['name']}=={parts['bound']}{semicolon}{marker}")
    return pins


if __name__ == "__main__":
    print(*oldest(requirements()), sep="\n")
