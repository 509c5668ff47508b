"""The report of the mutation tests: it adds up, and no survivor is silent."""

import json

import pytest
import yaml

from sitekit.execute import ROOT
from tests.mutation import report

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


def test_at_least_90_percent_are_killed(summary):
    totals = summary["totals"]
    assert totals["every_killed"] >= 0.9 * totals["every_run"]
    assert totals["every_run"] >= 0.9 * totals["mutants"]
    assert totals["killed"] + totals["timeout"] >= 0.9 * totals["run"]
    assert min(m["run"] for m in summary["modules"].values()) > 0


def test_a_run_of_one_module_keeps_the_results_of_the_others():
    old = {"code": "a", "run": 50}
    idle = {"code": "a", "run": 0}
    changed = {"code": "b", "run": 0}
    anew = {"code": "a", "run": 40}
    assert report.kept(idle, old) is old
    assert report.kept(idle, None) is idle
    assert report.kept(changed, old) is changed
    assert report.kept(anew, old) is anew


# mutants that only a claim kills


MODULE = "dlguide/about/half.py"
HALF = """
def half(x):
    return x / 2

if __name__ == "__main__":
    print(half(6))
"""
CLAIM = """
import subprocess, sys, time

def test_a_process_halves():
    done = subprocess.run([sys.executable, "-m", "dlguide.about.half"],
                          capture_output=True, text=True)
    assert done.stdout == "3.0\\n"
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of one module, whose test runs it in another process."""
    for part in report.PARTS:
        (tmp_path / part / "about").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("", "utf-8")
    (tmp_path / MODULE).write_text(HALF, "utf-8")
    (tmp_path / "tests/about/test_half.py").write_text(CLAIM, "utf-8")
    meta = tmp_path / "mutants" / f"{MODULE}.meta"
    meta.parent.mkdir(parents=True)
    codes = {"times": 0, "same": 33, "dead": 1, "new": None, "slow": 36}
    meta.write_text(json.dumps({"exit_code_by_key": codes, "n": 1}), "utf-8")
    texts = {"times": HALF.replace("/", "*"), "same": HALF.replace("2", "2.0")}
    monkeypatch.setattr(report, "put", lambda path, name, folder: (
        folder / path).write_text(texts[name], "utf-8"))
    monkeypatch.setattr(report, "change", lambda name, path: name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_claim_kills_a_mutant_that_runs_in_another_process(
        project, capsys):
    report.main("claims", MODULE, "5")
    codes = report.results(MODULE)
    assert codes == {
        "times": 1, "same": 33, "dead": 1, "new": None, "slow": 36}
    assert list(codes) == ["times", "same", "dead", "new", "slow"]
    said = sorted(line[:6] for line in capsys.readouterr().out.splitlines())
    assert said == ["0 same", "1 time"]
    assert (project / MODULE).read_text("utf-8") == HALF


def test_claims_that_fail_without_a_mutant_stop_the_command(project):
    (project / MODULE).write_text(HALF.replace("/", "+"), "utf-8")
    with pytest.raises(SystemExit, match=r"without a mutant fails(?s:.*)8"):
        report.claims(MODULE)
    assert report.results(MODULE)["times"] == 0


def test_tests_that_take_too_long_are_a_timeout_and_are_killed(project):
    late = CLAIM.replace("done =", "time.sleep(300); done =")
    (project / "tests/about/test_half.py").write_text(late, "utf-8")
    code, _ = report.run_claims(MODULE, project, limit=0.5)
    assert code in report.TIMEOUT
