"""The command `python -m sitekit.check`."""

import subprocess
import sys

import pytest

from sitekit import check
from tests.site.small_tree import replace, write


def test_good_tree_passes_with_a_summary(tmp_path, capsys):
    root = write(tmp_path)
    assert check.main(["--root", str(root)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line == ("compared 4 pages, 14 equations, 2 quotes, 6 citations, "
                    "6 figures, 12 numbers: no problem")


def test_problem_is_printed_and_fails(tmp_path, capsys):
    root = write(tmp_path)
    replace(root, "docs/en/layers/scale.md", "1,500", "1,600")
    assert check.main(["--root", str(root)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("docs/en/layers/scale.md:13: #idea lacks num")
    assert lines[-1].endswith("2 problems")


def test_only_the_checks_named_run(tmp_path):
    root = write(tmp_path)
    replace(root, "docs/en/layers/scale.md", "1,500", "1,600")
    assert check.main(["tags", "quotes", "--root", str(root)]) == 0


def test_missing_navigation_is_said(tmp_path, capsys):
    root = write(tmp_path)
    (root / "mkdocs.en.yml").unlink()
    assert check.main(["--root", str(root)]) == 0
    assert "navigation not compared, no mkdocs.en.yml" in (
        capsys.readouterr().out)


@pytest.mark.parametrize(("arguments", "message"), [
    (["spelling"], "there is no check 'spelling'; expected one of trees"),
    (["--root", "nowhere"], "--root nowhere: there is no such folder"),
])
def test_bad_arguments_are_named(arguments, message, capsys):
    with pytest.raises(SystemExit) as error:
        check.main(arguments)
    assert error.value.code == 2
    assert message in capsys.readouterr().err


def test_keras_is_not_imported():
    code = ("import sys; from sitekit import check; check.checks(); "
            "print({'keras', 'tensorflow', 'jax', 'dlguide'} & {*sys.modules})")
    run = subprocess.run([sys.executable, "-c", code], check=True, text=True,
                         capture_output=True, cwd=check.ROOT)
    assert run.stdout.strip() == "set()"
