"""Runs the examples whose outputs are stale: `python -m sitekit.examples`.

python -m sitekit.examples                 what is stale, 2 in parallel
python -m sitekit.examples --fresh         everything
python -m sitekit.examples layers/lstm     this one, stale or not
python -m sitekit.examples --check         only say what is stale
"""

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sitekit import outputs
from sitekit.execute import ROOT, ExampleError, run


def names(root=ROOT):
    """All examples, as "layers/lstm", sorted."""
    folder = Path(root) / "examples"
    return sorted(
        path.relative_to(folder).with_suffix("").as_posix()
        for path in folder.glob("*/*.py")
    )


def run_one(name):
    """Run an example in a process of its own and save its outputs.

    Args:
        name: "layers/lstm".

    Returns:
        An error message, "" where all went well.
    """
    start = time.perf_counter()
    environment = {"KERAS_BACKEND": "tensorflow", **os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "sitekit.examples", "--worker", name],
        cwd=ROOT, capture_output=True, text=True, env=environment, check=False,
    )
    seconds = time.perf_counter() - start
    state = "failed" if done.returncode else "ok"
    print(f"{name}: {state}, {seconds:.1f} s", flush=True)
    return done.stderr if done.returncode else ""


def worker(name):
    """Run one example in this process; the exit status."""
    try:
        outputs.save(name, run(f"examples/{name}.py"))
    except ExampleError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def main(arguments=None):
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sitekit.examples")
    parser.add_argument("names", nargs="*", metavar="CHAPTER/STEM")
    parser.add_argument("--fresh", action="store_true", help="run everything")
    parser.add_argument("--check", action="store_true", help="run nothing")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--worker", metavar="NAME", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.worker:
        return worker(options.worker)
    known = names()
    unknown = sorted(set(options.names) - set(known))
    if unknown:
        parser.error(f"no example {unknown[0]}; there are {', '.join(known)}")
    stale = options.names or [
        name for name in known if options.fresh or outputs.is_stale(name)
    ]
    if options.check:
        for name in stale:
            print(f"examples/{name}.py: stale outputs")
        return 1 if stale else 0
    with ThreadPoolExecutor(options.jobs) as pool:
        errors = [error for error in pool.map(run_one, stale) if error]
    for error in errors:
        print(error, file=sys.stderr)
    print(f"{len(stale)} of {len(known)} examples run, {len(errors)} failed")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
