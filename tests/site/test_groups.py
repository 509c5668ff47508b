"""Which tests share a process: the example of a concept must run once."""

import subprocess
import sys

import pytest

from sitekit.execute import ROOT
from tests.conftest import group


@pytest.mark.parametrize(("nodeid", "name"), [
    ("tests/layers/test_lstm.py::test_x[a/b]", "layers/lstm"),
    ("tests/site/test_examples.py::test_fresh[layers/lstm]", "layers/lstm"),
    ("tests/site/test_examples.py::test_cells", "site/examples"),
    ("tests/site/test_browser.py::test_page[layers/lstm/]", "site/browser"),
    ("dlguide/layers/lstm.py::dlguide.layers.lstm", "dlguide/layers/lstm"),
])
def test_group_of_a_test(nodeid, name):
    assert group(nodeid) == name


def test_tests_of_a_group_run_in_one_process(tmp_path):
    (tmp_path / "tests/layers").mkdir(parents=True)
    (tmp_path / "tests/conftest.py").write_text(
        (ROOT / "tests/conftest.py").read_text("utf-8"))
    for stem in ("one", "two"):
        (tmp_path / f"tests/layers/test_{stem}.py").write_text(
            "import os\nfrom pathlib import Path\nimport pytest\n"
            "@pytest.mark.parametrize('n', range(20))\n"
            "def test_it(n):\n"
            f"    name = '{stem}-' + str(os.getpid())\n"
            "    path = Path(__file__).with_name(name)\n"
            "    path.touch()\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--rootdir", ".",
         "tests"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    used = [p.name for p in (tmp_path / "tests/layers").glob("???-*")]
    assert len(used) == 2
