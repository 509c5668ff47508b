"""The checker of modules and imports, seen to fail."""

import pytest

from sitekit.checks.modules import check_modules
from tests.site.small_tree import assert_seen, replace, write

MODULE = "dlguide/layers/scale.py"

BREAKAGES = {
    "no page in the header": (MODULE, "Page:", "On:", "header has no Page:"),
    "another page in the header": (
        MODULE, "Page: layers/scale", "Page: layers/gru",
        "Page: layers/gru; expected layers/scale"),
    "no source": (MODULE, "Source:", "From:", "header has no Source:"),
    "unknown source": (
        MODULE, "wu2010sum", "wu2011sum", "'wu2011sum' is not in docs/refer"),
    "no shapes": (MODULE, "Shapes: N inputs", "", "header has no Shapes:"),
    "module too long": (
        MODULE, "LIMIT = 10", "LIMIT = 10\n" * 250, "expected at most 250"),
    "line too long": (
        MODULE, "LIMIT = 10", f"LIMIT = {'1' * 80}", "88 characters"),
    "function too long": (
        MODULE, "    return y\n", "    y = y\n" * 40 + "    return y\n",
        "45 lines without its docstring"),
    "assert": (MODULE, "    if a > LIMIT", "    assert a\n    if a", "assert;"),
    "function without docstring": (
        MODULE, "LIMIT = 10", "def f():\n    pass", "f has no docstring"),
    "arguments not documented": (
        MODULE, "Args:\n        x", "With:\n        x", "no Args:"),
    "class not documented": (
        MODULE, "Args:\n        a: the factor.\n    \"", "\"",
        "Scale has no Args"),
    "return not documented": (MODULE, "Returns:", "Gives:", "has no Returns:"),
    "error not documented": (MODULE, "Raises:", "Errors:", "has no Raises:"),
    "export": (
        "dlguide/layers/__init__.py", '"""\n',
        '"""\nfrom dlguide.layers.scale import scale\n', "code in __init__.py"),
    "export in sitekit": (
        "sitekit/__init__.py", '"""\n', '"""\nX = 1\n', "code in __init__.py"),
    "no docstring of a chapter": (
        "dlguide/layers/__init__.py", '"""Layers."""', "", "no docstring"),
    "backend in a module": (
        MODULE, "import numpy as np", "import torch",
        "layers may not import torch"),
    "scikit-learn outside data": (
        MODULE, "import numpy as np", "from sklearn import svm",
        "layers may not import sklearn"),
    "layer that imports data": (
        MODULE, "import numpy as np", "from dlguide.data.dots import DOTS",
        "layers may not import dlguide.data"),
    "layer that imports an architecture": (
        MODULE, "import numpy as np", "import dlguide.vision.cnn",
        "layers may not import dlguide.vision"),
    "import inside a function": (
        MODULE, "    y = a", "    import sitekit\n    y = a",
        "may not import sitekit"),
    "relative import": (
        MODULE, "import numpy", "from . import numpy", "a relative import"),
    "module that imports a test": (
        MODULE, "import numpy as np", "from tests import support",
        "may not import tests"),
    "example that imports sitekit": (
        "examples/layers/scale.py", "SEED = 0", "import sitekit.execute",
        "may not import sitekit"),
    "sitekit that imports keras": (
        "sitekit/build.py", "import sys", "import keras",
        "may not import keras"),
    "sitekit that imports dlguide": (
        "sitekit/build.py", "import sys", "from dlguide.data import dots",
        "may not import dlguide"),
    "syntax error": (MODULE, "def scale(x, a):", "def scale(x, a:", ""),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_breakage_is_seen(name, tmp_path):
    assert_seen(check_modules, tmp_path, BREAKAGES[name])


def architectures(root, **edges):
    """Write modules of one chapter that import one another."""
    for name, imported in edges.items():
        lines = "".join(f"import dlguide.text.{x}\n" for x in imported)
        replace(root, f"dlguide/text/{name}.py", None, f'"""N."""\n{lines}')
    return [p for p in check_modules(root) if "header" not in p]


def test_architecture_may_import_layers_data_and_its_origin(tmp_path):
    root = write(tmp_path)
    replace(root, "dlguide/text/gpt.py", None, '"""N."""\n'
            "from dlguide.layers.scale import scale\n"
            "from dlguide.data import dots\n")
    assert architectures(root, bert=["gpt"], gpt2=[]) == []


def test_import_cycle_is_seen(tmp_path):
    problems = architectures(write(tmp_path), a=["b"], b=["c"], c=["a"])
    assert len(problems) == 3
    assert all("an import cycle" in p for p in problems)


def test_long_chain_of_imports_is_seen(tmp_path):
    problems = architectures(
        write(tmp_path), a=["b"], b=["c"], c=["d"], d=["e"], e=[])
    assert len(problems) == 1
    assert problems[0].startswith("dlguide/text/a.py:1: reaches 4 project")


@pytest.mark.parametrize(("line", "count"), [
    ("Half of x, any shape.", 0), ("Half of the input.", 2),
])
def test_one_line_is_enough_where_it_names_the_arguments(
        line, count, tmp_path):
    root = write(tmp_path)
    replace(root, MODULE, "LIMIT = 10", f'''LIMIT = 10


def half(x):
    """{line}"""
    return x / 2''')
    assert len(check_modules(root)) == count
