"""Backend, the example fixture, and which tests share a worker."""

import os
import re
from pathlib import Path

import pytest

os.environ.setdefault("KERAS_BACKEND", os.environ.get("BACKEND", "tensorflow"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).resolve().parent.parent
RUNS = {}


@pytest.fixture(scope="session")
def example():
    """Run an example by its path, e.g. "layers/lstm"; once a session."""
    from sitekit import execute

    def run(name):
        if name not in RUNS:
            RUNS[name] = execute.run(f"examples/{name}.py")
        return RUNS[name]

    return run


def pytest_collection_modifyitems(config, items):
    """With EXAMPLES=0 leave out the tests that run an example."""
    if os.environ.get("EXAMPLES") == "0":
        runs = [i for i in items if "example" in getattr(i, "fixturenames", ())]
        config.hook.pytest_deselected(items=runs)
        items[:] = [item for item in items if item not in runs]


def group(nodeid):
    """Tests of one group run in one process.

    That of a concept, so that its example runs once, also for the test of its
    outputs; else that of the file, so that the site is built once.
    """
    path, _, rest = nodeid.partition("::")
    concept = re.search(r"\[(\w+/\w+)\]$", rest)
    if concept and path.endswith("site/test_examples.py"):
        return concept[1]
    return path.removeprefix("tests/").removesuffix(".py").replace("test_", "")


@pytest.hookimpl(optionalhook=True)  # there is none with -p no:xdist
def pytest_xdist_make_scheduler(config, log):
    """Hand whole groups to the processes, whatever --dist says."""
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group(nodeid)

    return Groups(config, log)
