"""The checker of examples, seen to fail."""

import pytest

from sitekit.checks.examples import check_examples
from tests.site.small_tree import FILES, assert_seen, replace, write

EXAMPLE = "examples/layers/scale.py"
SOURCE = FILES[EXAMPLE]
CODE = SOURCE[SOURCE.index("# %% name"):]
TEXT_EN = SOURCE[SOURCE.index('# %% [markdown] lang="en"'):-len(CODE)]

BREAKAGES = {
    "text in one language": (
        EXAMPLE, TEXT_EN, "", "1 zh and 0 en text cells"),
    "text without language": (
        EXAMPLE, ' lang="en"', "", "expected lang=\"zh\" or lang=\"en\""),
    "number differs": (EXAMPLE, "is 3", "is 4", "numbers: zh (line 1)"),
    "math differs": (EXAMPLE, "系数 $a$", "系数 $b$", "inline math: zh"),
    "citation differs": (
        EXAMPLE, ", see [@smith1990scale]", "", "citations: zh"),
    "no seed": (EXAMPLE, "SEED = 0", "", "neither SEED nor SEEDS"),
    "seed in a later cell": (
        EXAMPLE, "SEED = 0", "# %% name=\"b\"\nSEED = 0", "neither SEED nor"),
    "too much code": (
        EXAMPLE, "print(y)", "print(y)\n" * 60, "67 lines of code"),
    "too much code, even with exported data": (
        EXAMPLE, "print(y)", "exports = {}\n" + "print(y)\n" * 75,
        "83 lines of code; expected at most 75"),
    "comment in a language": (
        EXAMPLE, "# (N,)", "# 形状 (N,)", "expected one without a language"),
    "figure without a name": (EXAMPLE, 'num="line"', "1", "without a name"),
    "plotting cell that shows nothing": (
        EXAMPLE, "plt.show()\n", "", "expected 'plt.show()'"),
    "cell name twice": (
        EXAMPLE, "print(y)", "# %% name=\"line\"\nprint(y)",
        "'line' is already on line"),
    "name of a module of Python": (
        "examples/layers/numbers.py", None, SOURCE,
        "Python's module 'numbers'"),
    "no code": (EXAMPLE, CODE, "", "no code cell"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_breakage_is_seen(name, tmp_path):
    assert_seen(check_examples, tmp_path, BREAKAGES[name])


def test_exported_data_may_take_a_few_more_lines(tmp_path):
    root = write(tmp_path)
    replace(root, EXAMPLE, "print(y)", "exports = {}\n" + "print(y)\n" * 60)
    assert check_examples(root) == []
