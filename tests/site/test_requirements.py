"""The locks: complete, hashed, without addresses, and above known holes."""

import re
import tomllib

import pytest

from sitekit.execute import ROOT

LOCKS = ("site", "test")
# below these versions there are published vulnerabilities
FLOORS = {"keras": (3, 12, 1), "jinja2": (3, 1, 6), "requests": (2, 32, 4)}


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
    assert len(packages) > 30
    assert [p.split()[0] for p in packages if "--hash=sha256:" not in p] == []


def test_the_site_needs_no_deep_learning_library():
    heavy = {"keras", "tensorflow", "tensorflow-cpu", "jax", "torch", "numpy"}
    assert heavy & set(pinned("site")) == set()


def test_both_locks_agree_so_that_one_environment_serves_both():
    site, test = pinned("site"), pinned("test")
    assert {name: test.get(name) for name in site} == site


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
