"""Checks the contract of CONTRIBUTING.md in seconds, without Keras.

    python -m sitekit.check                  # everything
    python -m sitekit.check twins tags       # these checks only

Prints each problem as `path:line: message`; exits 1 if there is one.
"""

import argparse
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from sitekit.checks import project

ROOT = Path(__file__).resolve().parent.parent
NAMES = (
    "trees", "blocks", "twins", "tags", "quotes", "fences", "citations",
    "modules", "proofs", "examples", "hosts", "terms", "path", "corrections",
)


def checks():
    """The checks there are.

    Returns:
        A dict from name to a function `(root) -> list of problems`.
    """
    return {
        name: getattr(import_module(f"sitekit.checks.{name}"), f"check_{name}")
        for name in NAMES if find_spec(f"sitekit.checks.{name}")
    }


def summary(root):
    """What was compared, in one line."""
    pages = project.every_page(root)
    counts = {
        "pages": len(pages),
        "equations": sum(len(p.equations) + len(p.math) for p in pages),
        "quotes": sum(len(p.kind("quote")) for p in pages),
        "citations": sum(len(p.citations) for p in pages),
        "figures": sum(len(p.figures) for p in pages),
        "numbers": sum(len(p.numbers) for p in pages),
    }
    line = ", ".join(f"{count} {name}" for name, count in counts.items())
    missing = [name for name in ("mkdocs.yml", "mkdocs.en.yml")
               if not (Path(root) / name).is_file()]
    if missing:
        line += f"; navigation not compared, no {', '.join(missing)}"
    return line


def main(arguments=None):
    """Run the checks named, or all.

    Args:
        arguments: command line without the program's name.

    Returns:
        0 if there is no problem, else 1.
    """
    parser = argparse.ArgumentParser(
        prog="python -m sitekit.check",
        description="Check pages, modules, examples and tests.")
    parser.add_argument("names", nargs="*", metavar="check",
                        help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument("--root", type=Path, default=ROOT,
                        help="folder of the project")
    options = parser.parse_args(arguments)
    known = checks()
    for name in options.names:
        if name not in known:
            parser.error(f"there is no check {name!r}; "
                         f"expected one of {', '.join(known)}")
    if not options.root.is_dir():
        parser.error(f"--root {options.root}: there is no such folder")
    root = options.root.resolve()
    problems = [
        problem for name in options.names or known
        for problem in known[name](root)
    ]
    for problem in problems:
        print(problem)
    verdict = f"{len(problems)} problems" if problems else "no problem"
    print(f"compared {summary(root)}: {verdict}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
