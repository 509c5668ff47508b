"""Draw a sample of the mutants, and write summary.json from the results.

    python tests/mutation/report.py names dlguide/layers/lstm.py 40
    python tests/mutation/report.py claims dlguide/layers/lstm.py 40
    python tests/mutation/report.py summary

All read what mutmut wrote into `mutants/`. See README.md in this folder.
"""

import ast
import contextlib
import datetime
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import yaml

from sitekit.keys import syntax, without_docstrings

SEED = 0
LEAST = 10  # a smaller sample says nothing
SAMPLE = 50  # of a module, the mutants whose survivors are explained
HERE = Path(__file__).resolve().parent
KILLED = (1, 3)  # exit codes of pytest: a test failed; it broke down
TIMEOUT = (24, -24, 36, 152, 255)  # the mutant never ends
DEAD = (*KILLED, *TIMEOUT)
PARTS = ("dlguide", "examples", "requirements", "sitekit", "tests")
PATIENCE = 4  # times what the tests of the code itself take


def meta_of(path):
    """File in which mutmut keeps the results of a module."""
    return Path("mutants") / f"{path}.meta"


def results(path):
    """Dict name of a mutant -> exit code of its tests, None: not run."""
    meta = meta_of(path)
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
    """The results of the random sample, as far as it was run without a gap.

    mutmut begins with the mutants whose tests are fast. So of a module that
    it has not finished, only the mutants count that the sample names.
    """
    every, chosen = results(path), {}
    for name in sample(path, SAMPLE):
        if every[name] is None:
            break
        chosen[name] = every[name]
    return chosen if len(chosen) >= min(LEAST, len(every)) else {}


def of_module(path, explained):
    """Counts of one module and its survivors, explained or not."""
    every, run = results(path), counted(path)
    whole = list(every.values()) if None not in every.values() else []
    killed = [n for n, code in run.items() if code in KILLED]
    timeout = [n for n, code in run.items() if code in TIMEOUT]
    alive = sorted(set(run) - set(killed) - set(timeout))
    survivors = sorted(change(name, path) for name in alive)
    return {
        "code": code_key(path),
        "mutants": len(every),
        "every_run": len(whole),
        "every_killed": sum(code in DEAD for code in whole),
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
        "mutants", "every_run", "every_killed", "run", "killed", "timeout",
        "survived", "equivalent")}
    return {
        "date": datetime.date.today().isoformat(),
        "tool": f"mutmut {metadata.version('mutmut')}",
        "keras": metadata.version("keras"),
        "backend": f"torch {metadata.version('torch').split('+')[0]}",
        "totals": totals,
        "modules": modules,
    }


def alive(path, n):
    """Mutants of a sample of n that were run and that no test killed."""
    every = results(path)
    return [name for name in sample(path, n)
            if every[name] not in (None, *DEAD)]


def put(path, name, folder):
    """Write one mutant of a module into a copy of the project."""
    from mutmut.mutation.diff_apply import apply_mutant

    shutil.copy(path, folder / path)
    with contextlib.chdir(folder):
        apply_mutant(name)


def record(path, name, code):
    """Keep the exit code of a mutant where mutmut keeps it."""
    meta = json.loads(meta_of(path).read_text("utf-8"))
    meta["exit_code_by_key"][name] = code
    meta_of(path).write_text(json.dumps(meta, indent=4), "utf-8")


def run_claims(path, folder, limit=None):
    """Run a module's test file with its example in a copy of the project.

    Args:
        path: path of the module in the project.
        folder: the copy.
        limit: seconds; then the tests and all they started are killed.

    Returns:
        An exit code: 0, one of KILLED or one of TIMEOUT; and the output.
    """
    module = Path(path).relative_to("dlguide")
    environ = os.environ | {"KERAS_BACKEND": "tensorflow", "EXAMPLES": "",
                            "PYTHONDONTWRITEBYTECODE": "1"}
    with open(folder / "output", "w+", encoding="utf-8") as output:
        tests = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-x", "-q", "-o",
             "addopts=--import-mode=importlib", "-p", "no:cacheprovider",
             "-p", "no:xdist",
             f"tests/{module.parent.as_posix()}/test_{module.name}"],
            cwd=folder, env=environ, start_new_session=True, stdout=output,
            stderr=output)
        try:
            code = KILLED[0] if tests.wait(limit) else 0
        except subprocess.TimeoutExpired:
            os.killpg(tests.pid, signal.SIGKILL)
            tests.wait()
            code = TIMEOUT[0]
        output.seek(0)
        return code, output.read()


def claims(path, n=SAMPLE):
    """Try the survivors of a sample again, on the claims of the module.

    The mutant is written into a copy of the project: code that runs in
    another process, or as `__main__`, would not see one that mutmut put
    behind its switch.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in PARTS:
            shutil.copytree(part, folder / part, ignore=shutil.ignore_patterns(
                "__pycache__"))
        shutil.copy("pyproject.toml", folder)
        (folder / "mutants").symlink_to(Path("mutants").resolve())
        start = time.monotonic()
        code, output = run_claims(path, folder)
        if code:
            raise SystemExit(f"{path} without a mutant fails:\n{output}")
        limit = PATIENCE * (time.monotonic() - start)
        for mutant in alive(path, n):
            put(path, mutant, folder)
            code, output = run_claims(path, folder, limit)
            if code:
                record(path, mutant, code)
            last = output.strip().splitlines()[-1:]
            print(code, change(mutant, path), *last, flush=True)


def main(command, *args):
    """Print the names of a sample, try claims, or write summary.json."""
    if command == "names":
        print(*sample(args[0], int(args[1])), sep="\n")
        return
    if command == "claims":
        claims(args[0], *map(int, args[1:]))
        return
    path = HERE / "summary.json"
    found = summary(json.loads(path.read_text("utf-8"))["modules"])
    path.write_text(
        json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    totals = found["totals"]
    dead = totals["killed"] + totals["timeout"]
    print(f"of the samples {dead} of {totals['run']} killed, of all "
          f"{totals['every_killed']} of {totals['every_run']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
