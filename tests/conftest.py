"""Backend, the example fixture, and which tests share a worker."""

import os
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


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(config, items):
    """One worker per concept, so that its example runs once.

    With EXAMPLES=0 the tests that run an example are left out.
    """
    if os.environ.get("EXAMPLES") == "0":
        runs = [i for i in items if "example" in getattr(i, "fixturenames", ())]
        config.hook.pytest_deselected(items=runs)
        items[:] = [item for item in items if item not in runs]
    for item in items:
        path = Path(item.path).relative_to(ROOT)
        if path.parts[0] == "tests":
            stem = path.stem.removeprefix("test_")
            group = f"{path.parent.name}/{stem}"
            if "concept" in getattr(item, "fixturenames", ()):
                group = item.callspec.params["concept"]
            item.add_marker(pytest.mark.xdist_group(group))
