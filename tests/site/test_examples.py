"""Every example, run afresh, prints what the pages show."""

import keras
import pytest

from sitekit import examples, outputs

NAMES = examples.names()


@pytest.mark.parametrize("concept", NAMES)
def test_outputs_are_of_this_code_and_these_versions(concept):
    assert not outputs.is_stale(concept), f"run: make examples ({concept})"


@pytest.mark.parametrize("concept", NAMES)
def test_a_fresh_run_prints_the_committed_text(concept, example):
    run = example(concept)
    record = outputs.load(concept)
    cells = [cell for cell in run.cells if cell.kind == "code"]
    drawn = [figure for cell in cells for figure in cell.figures]
    assert drawn == [f for cell in record["cells"] for f in cell["figures"]]
    assert sorted(run.exports) == record.get("exports", [])
    if record["card"]["backend"] in ("none", keras.backend.backend()):
        printed = [cell.stdout for cell in cells]
        assert printed == [cell["stdout"] for cell in record["cells"]]
