"""The report of the mutation tests: it adds up, and no survivor is silent."""

import json
import runpy

import pytest
import yaml

from sitekit.execute import ROOT

FOLDER = ROOT / "tests/mutation"
KINDS = {"equivalent", "message", "example", "weak"}


@pytest.fixture(scope="module")
def summary():
    return json.loads((FOLDER / "summary.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def explained():
    return yaml.safe_load((FOLDER / "survivors.yml").read_text("utf-8"))


def problems(summary, explained):
    """What is wrong with a report, a list of sentences."""
    found = []
    for name, module in summary["modules"].items():
        dead = module["killed"] + module["timeout"]
        if module["run"] != dead + module["survived"]:
            found.append(f"{name}: the counts do not add up")
        if module["survived"] != len(module["survivors"]):
            found.append(f"{name}: survivors are missing")
        entries = {e["mutant"]: e for e in explained.get(name, [])}
        for mutant in set(module["survivors"]) - set(entries):
            found.append(f"{name}: no word about {mutant}")
    for key, total in summary["totals"].items():
        if total != sum(m[key] for m in summary["modules"].values()):
            found.append(f"the total of {key} is not the sum")
    return found


def test_the_report_adds_up_and_every_survivor_is_explained(
        summary, explained):
    assert problems(summary, explained) == []
    for entries in explained.values():
        for entry in entries:
            assert entry["kind"] in KINDS
            assert len(entry["why"]) > 10


def test_a_silent_survivor_and_a_wrong_sum_are_found(summary, explained):
    module = {"run": 3, "killed": 1, "timeout": 0, "survived": 1,
              "survivors": ["f: a -> b"]}
    wrong = {"modules": {"layers/x": module}, "totals": {"run": 4}}
    assert problems(wrong, {}) == [
        "layers/x: the counts do not add up",
        "layers/x: no word about f: a -> b",
        "the total of run is not the sum"]


def test_at_least_90_percent_are_killed_where_they_were_run(summary):
    totals = summary["totals"]
    dead = totals["killed"] + totals["timeout"]
    assert dead >= 0.9 * (totals["run"] - totals["equivalent"])
    assert summary["modules"]["layers/lstm"]["run"] > 0


def test_a_run_of_one_module_keeps_the_results_of_the_others():
    kept = runpy.run_path(str(FOLDER / "report.py"))["kept"]
    old = {"code": "a", "run": 50}
    idle = {"code": "a", "run": 0}
    changed = {"code": "b", "run": 0}
    anew = {"code": "a", "run": 40}
    assert kept(idle, old) is old
    assert kept(idle, None) is idle
    assert kept(changed, old) is changed
    assert kept(anew, old) is anew
