"""Draw a sample of the mutants, and write summary.json from the results.

    python tests/mutation/report.py names dlguide/layers/lstm.py 40
    python tests/mutation/report.py summary

Both read what mutmut wrote into `mutants/`. See README.md in this folder.
"""

import ast
import datetime
import hashlib
import json
import random
import sys
from importlib import metadata
from pathlib import Path

import yaml

from sitekit.keys import syntax, without_docstrings

SEED = 0
LEAST = 10  # a smaller sample says nothing
HERE = Path(__file__).resolve().parent
KILLED = (1, 3)  # exit codes of pytest: a test failed; it broke down
TIMEOUT = (24, -24, 36, 152, 255)  # the mutant never ends


def results(path):
    """Dict name of a mutant -> exit code of its tests, None: not run."""
    meta = Path("mutants") / f"{path}.meta"
    if not meta.is_file():
        return {}
    return json.loads(meta.read_text("utf-8"))["exit_code_by_key"]


def sample(path, n):
    """Names of n mutants of a module; a larger n holds the smaller ones."""
    names = sorted(results(path))
    random.Random(f"{SEED} {path}").shuffle(names)
    return names[:n]


def change(name, path):
    """What a mutant changes: "function: old -> new", lines without margin."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    lines = get_diff_for_mutant(name, path=Path(path)).splitlines()
    old = [line[1:] for line in lines if line[:1] == "-" != line[1:2]]
    new = [line[1:] for line in lines if line[:1] == "+" != line[1:2]]
    function = name.rpartition(".")[2].split("__mutmut")[0]
    function = function.removeprefix("x_").removeprefix("xǁ")
    old, new = (" ".join(" ".join(part).split()) for part in (old, new))
    return f"{function.replace('ǁ', '.')}: {old} -> {new}"


def code_key(path):
    """Hash of a module without docstrings, comments and layout."""
    tree = ast.parse(Path(path).read_text("utf-8"))
    code = syntax(without_docstrings(tree))
    return hashlib.sha256(code.encode()).hexdigest()[:12]


def counted(path):
    """The results that count: of all mutants, or of a whole random sample.

    mutmut begins with the mutants whose tests are fast. So of a module that
    it has not finished, only the mutants count that the sample names.
    """
    every, chosen = results(path), {}
    for name in sample(path, len(every)):
        if every[name] is None:
            break
        chosen[name] = every[name]
    return chosen if len(chosen) >= min(LEAST, len(every)) else {}


def of_module(path, explained):
    """Counts of one module and its survivors, explained or not."""
    every, run = results(path), counted(path)
    killed = [n for n, code in run.items() if code in KILLED]
    timeout = [n for n, code in run.items() if code in TIMEOUT]
    alive = sorted(set(run) - set(killed) - set(timeout))
    survivors = sorted(change(name, path) for name in alive)
    return {
        "code": code_key(path),
        "mutants": len(every),
        "run": len(run),
        "how": ("not run" if not run else
                "all" if len(run) == len(every) else f"sample, seed {SEED}"),
        "killed": len(killed),
        "timeout": len(timeout),
        "survived": len(alive),
        "equivalent": sum(explained.get(s) == "equivalent"
                          for s in survivors),
        "survivors": survivors,
    }


def kept(new, old):
    """The entry of a module: as run now, else as before if it is the same."""
    same = old is not None and old["code"] == new["code"]
    return old if same and not new["run"] else new


def summary(before):
    """All modules that have code, and the totals.

    Args:
        before: dict name of a module -> its entry in the last summary.
    """
    text = (HERE / "survivors.yml").read_text("utf-8")
    explained = {name: {e["mutant"]: e["kind"] for e in entries}
                 for name, entries in yaml.safe_load(text).items()}
    modules = {}
    for path in sorted(Path("dlguide").rglob("*.py")):
        name = path.relative_to("dlguide").with_suffix("").as_posix()
        if results(path):
            modules[name] = kept(of_module(path, explained.get(name, {})),
                                 before.get(name))
    totals = {key: sum(m[key] for m in modules.values()) for key in (
        "mutants", "run", "killed", "timeout", "survived", "equivalent")}
    return {
        "date": datetime.date.today().isoformat(),
        "tool": f"mutmut {metadata.version('mutmut')}",
        "keras": metadata.version("keras"),
        "backend": f"torch {metadata.version('torch').split('+')[0]}",
        "totals": totals,
        "modules": modules,
    }


def main(command, *args):
    """Print the names of a sample, or write summary.json."""
    if command == "names":
        print(*sample(args[0], int(args[1])), sep="\n")
        return
    path = HERE / "summary.json"
    found = summary(json.loads(path.read_text("utf-8"))["modules"])
    path.write_text(
        json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    totals = found["totals"]
    dead = totals["killed"] + totals["timeout"]
    print(f"{dead} of {totals['run']} killed, {totals['mutants']} in all")


if __name__ == "__main__":
    main(*sys.argv[1:])
