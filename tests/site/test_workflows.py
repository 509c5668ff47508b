"""The workflows: pinned, with few rights, and calling only what exists."""

import importlib.util
import re

import pytest
import yaml

from sitekit.execute import ROOT

FOLDER = ROOT / ".github/workflows"
NAMES = ("gate.yml", "weekly.yml")
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
TARGET = re.compile(r"^([\w.-]+):", re.M)


def wrong_command(line):
    """What a shell line calls that is not there."""
    targets = TARGET.findall((ROOT / "Makefile").read_text("utf-8"))
    for target in re.findall(r"\bmake ([\w.-]+)", line):
        if target not in targets:
            yield f"make {target}: no such target"
    for path in re.findall(r"\b(?:sh|bash) ([\w./-]+)", line):
        if not (ROOT / path).is_file():
            yield f"{path}: no such script"
    for path in re.findall(r"-r ([\w./-]+)", line):
        if not (ROOT / path).is_file():
            yield f"{path}: no such file"
    for module in re.findall(r"python -m ([\w.]+)", line):
        if not importlib.util.find_spec(module):
            yield f"python -m {module}: no such module"


def wrong_step(step):
    """What is wrong with a step."""
    action = step.get("uses", "")
    if action.startswith("actions/checkout@") and step.get("with", {}).get(
            "persist-credentials") is not False:
        yield "checkout keeps the credentials"
    command = step.get("run", "")
    if re.search(r"\$\{\{(?! *matrix\.)", command):
        yield f"{command}: a shell line takes no value but the matrix's"
    yield from wrong_command(command)


def problems(text):
    """What is wrong with a workflow.

    Args:
        text: the YAML.

    Returns:
        A list of sentences, empty if nothing.
    """
    flow = yaml.safe_load(text)
    found = []
    if flow.get("permissions") != {"contents": "read"}:
        found.append("permissions: expected contents: read, nothing else")
    if "group" not in flow.get("concurrency", {}):
        found.append("concurrency: no group")
    for line in re.findall(r"uses:.*", text):
        if not PINNED.fullmatch(line):
            found.append(f"{line}: expected 40 hex digits and # vX.Y.Z")
    for name, job in flow["jobs"].items():
        if not isinstance(job.get("timeout-minutes"), int):
            found.append(f"{name}: no timeout")
        if "permissions" in job:
            found.append(f"{name}: permissions of its own")
        for step in job["steps"]:
            found += [f"{name}: {what}" for what in wrong_step(step)]
    return found


def text_of(name):
    return (FOLDER / name).read_text("utf-8")


def test_these_are_all_workflows():
    assert sorted(p.name for p in FOLDER.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_workflows_are_pinned_and_call_what_exists(name):
    assert problems(text_of(name)) == []


@pytest.mark.parametrize(("old", "new", "message"), [
    ("@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7", "40 hex digits"),
    (" # v7.0.1", "", "40 hex digits"),
    ("contents: read", "contents: write", "nothing else"),
    ("  group: gate", "  name: gate", "no group"),
    ("    timeout-minutes: 90\n", "", "gate: no timeout"),
    ("persist-credentials: false", "fetch-depth: 0", "keeps the credentials"),
    ("make build", "make built", "make built: no such target"),
    (".ci/run", ".ci/walk", ".ci/walk: no such script"),
    ("make build", "make build REF=${{ github.head_ref }}", "the matrix's"),
    ("make build", "python -m sitekit.nothing", "no such module"),
    ("make build", "pip install -r requirements/no.in", "no such file"),
])
def test_a_broken_workflow_is_found(old, new, message):
    text = text_of("gate.yml")
    assert old in text
    found = problems(text.replace(old, new))
    assert any(message in problem for problem in found), found


def test_the_gate_runs_on_every_python_that_the_package_allows():
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert 'requires-python = ">=3.11,<3.14"' in project
    build = yaml.safe_load(text_of("gate.yml"))["jobs"]["build"]
    assert build["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


def test_only_the_look_at_the_successor_may_fail():
    jobs = yaml.safe_load(text_of("weekly.yml"))["jobs"]
    allowed = [name for name, job in jobs.items()
               if job.get("continue-on-error")]
    assert allowed == ["successor"]
