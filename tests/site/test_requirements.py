"""The locks: complete, hashed, without addresses, and above known holes."""

import re
import runpy
import tomllib

import pytest

from sitekit.execute import ROOT

LOCKS = {"site": 30, "test": 60, "mutation": 15}  # packages at least
# below these versions there are published vulnerabilities
FLOORS = {"keras": (3, 12, 1), "jinja2": (3, 1, 6), "requests": (2, 32, 4)}


OLDEST = runpy.run_path(str(ROOT / "requirements/oldest.py"))


def pinned(lock):
    """Dict name -> version of a lock; markers aside."""
    text = (ROOT / f"requirements/{lock}.txt").read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", text, re.M))


def numbers(version):
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_hashes_and_no_address_is_written(lock):
    text = (ROOT / f"requirements/{lock}.txt").read_text("utf-8")
    assert "://" not in text
    packages = re.split(r"^(?=[a-z0-9])", text, flags=re.M)[1:]
    assert len(packages) > LOCKS[lock]
    assert [p.split()[0] for p in packages if "--hash=sha256:" not in p] == []


def test_the_site_needs_no_deep_learning_library():
    heavy = {"keras", "tensorflow", "tensorflow-cpu", "jax", "torch", "numpy"}
    assert heavy & set(pinned("site")) == set()


def test_the_locks_agree_so_that_one_environment_serves_them():
    site, test, mutation = map(pinned, LOCKS)
    assert {name: test.get(name) for name in site} == site
    shared = mutation.keys() & test.keys()
    assert len(shared) > 5
    assert {name: test[name] for name in shared} == {
        name: mutation[name] for name in shared}


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_locked_versions_are_above_their_security_floor(name, floor):
    assert numbers(pinned("test")[name]) >= floor


def test_the_package_demands_the_floor_of_keras():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "keras>=3.12.1" in project["project"]["dependencies"]
    extras = set(project["tool"]["setuptools"]["dynamic"][
        "optional-dependencies"]) | set(
        project["project"].get("optional-dependencies", {}))
    assert extras == {"tensorflow", "jax", "torch", "site", "test"}


def test_every_requirement_has_a_lower_bound_that_the_lock_satisfies():
    pins = OLDEST["oldest"](OLDEST["requirements"]())
    locked = pinned("test")
    bounds = dict(pin.split(" ;")[0].split("==") for pin in pins)
    assert {"keras", "numpy", "mkdocs", "tensorflow-cpu"} <= set(bounds)
    below = [name for name, bound in bounds.items()
             if numbers(locked[name]) < numbers(bound)]
    assert below == []


@pytest.mark.parametrize(("name", "floor"), FLOORS.items())
def test_no_lower_bound_is_below_a_security_floor(name, floor):
    pins = OLDEST["oldest"](OLDEST["requirements"]())
    bounds = [pin.split("==")[1] for pin in pins if pin.startswith(f"{name}=")]
    assert all(numbers(bound) >= floor for bound in bounds)


def test_a_requirement_without_a_lower_bound_is_refused():
    with pytest.raises(ValueError, match="jieba: expected a lower bound"):
        OLDEST["oldest"](["jieba"])


def test_oldest_keeps_markers_and_leaves_out_extras():
    assert OLDEST["oldest"]([
        "mkdocs>=1.6.1,<2", "mkdocstrings[python]>=1.0",
        "tensorflow>=2.20 ; sys_platform == 'darwin'",
    ]) == ["mkdocs==1.6.1", "mkdocstrings==1.0",
           "tensorflow==2.20 ; sys_platform == 'darwin'"]
