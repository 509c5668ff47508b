"""A complete concept in both languages, as small as the contract allows.

The tests of the checkers write it to a folder, break one thing and look for
the problem that names it.
"""

from pathlib import Path

PAGE = r"""---
description: @description@
prerequisites: []
---
# @title@

@opening@

## @guess@ { #guess }

@guess_text@

## @idea@ { #idea }

@idea_text@

``` figure
docs/figures/layers/scale.svg
alt: @alt@
caption: @caption@
```

``` interactive
layers/scale::slope
alt: @alt_try@
caption: @caption_try@
```

## @equations@ { #equations }

@equations_text@

$$
y = a x \quad \text{@for_all@} \tag{scale:y}
$$

### @slope@ { #slope }

$$
\frac{dy}{dx} = a
$$

## @code@ { #code }

``` quote
dlguide/layers/scale.py::scale
```

``` sh
python examples/layers/scale.py
```

## @run@ { #run }

``` figure
examples/layers/scale.py::line
alt: @alt_plot@
caption: @caption_plot@
```

``` result
examples/layers/scale.py::line
```

``` run
examples/layers/scale.py
```

## @pitfalls@ { #pitfalls }

!!! failure "@article@"
    > @claim@

    @correction@

## @exercises@ { #exercises }

1. @task@

    ??? success "@solution@"
        $y = 6$

2. @task@

    ??? success "@solution@"
        $y = 8$

3. @task@

    ??? success "@solution@"
        $y = 0$

## @summary@ { #summary }

- @point@ [(scale:y)](#scale:y)

## @references@ { #references }

``` references
```
"""

EN = {
    "description": "What a scale layer computes.",
    "title": "Scale",
    "opening": "A layer with one number, after [@smith1990scale, sec. 2].",
    "guess": "Guess", "guess_text": "What is $a x$ for 2 inputs?",
    "idea": "Idea", "idea_text": "All 1,500 inputs grow alike.",
    "alt": "The line through the origin gets steeper as a grows.",
    "caption": "Three slopes, see [@jones2001line].",
    "alt_try": "The line turns as the slider moves.",
    "caption_try": "A slope to set.",
    "equations": "Equations", "equations_text": "For a number $a$:",
    "for_all": "for all x", "slope": "The slope", "code": "Code",
    "run": "Run", "alt_plot": "Doubling the input doubles the output.",
    "caption_plot": "Output of 5 seeds on CIFAR-10.",
    "pitfalls": "Pitfalls", "article": "The article says",
    "claim": "层做加法。", "correction": "It does not [@wu2010sum].",
    "exercises": "Exercises", "task": "Compute it.",
    "solution": "Solution", "summary": "Summary",
    "point": "One number scales all.", "references": "References",
}

ZH = {
    "description": "缩放层算什么。",
    "title": "缩放",
    "opening": "只有一个数的层，见 [@smith1990scale, sec. 2]。",
    "guess": "先猜一猜", "guess_text": "2 个输入的 $a x$ 是多少？",
    "idea": "直觉", "idea_text": "全部 1500 个输入一起变大。",
    "alt": "过原点的直线随系数变大而变陡。",
    "caption": "三种斜率，见 [@jones2001line]。",
    "alt_try": "拖动滑块，直线随之转动。", "caption_try": "可以调的斜率。",
    "equations": "公式", "equations_text": "设数 $a$：",
    "for_all": "对所有 x", "slope": "斜率", "code": "代码",
    "run": "运行", "alt_plot": "输入翻倍，输出也翻倍。",
    "caption_plot": "CIFAR-10 上 5 个种子的输出。",
    "pitfalls": "常见误区", "article": "原文说",
    "claim": "层做加法。", "correction": "并非如此 [@wu2010sum]。",
    "exercises": "练习", "task": "算一算。",
    "solution": "解答", "summary": "小结",
    "point": "一个数缩放一切。", "references": "参考文献",
}

MODULE = '''"""Scale: a layer that multiplies.

Page: layers/scale
Source: smith1990scale, sec. 2; wu2010sum
Shapes: N inputs
"""

import numpy as np

LIMIT = 10


def scale(x, a):
    """Multiply.

    Args:
        x: (N,).
        a: the factor.

    Returns:
        (N,).

    Raises:
        ValueError: a is too large.
    """
    if a > LIMIT:
        raise ValueError(f"a must be at most {LIMIT}, got {a}")
    y = a * np.asarray(x)  # (scale:y)
    return y


class Scale:
    """Multiply by a number that is kept.

    Args:
        a: the factor.
    """

    def __init__(self, a):
        self.a = a

    def call(self, x):
        """Apply `scale`."""
        return scale(x, self.a)
'''

EXAMPLE = '''# %% [markdown] lang="zh"
# # 缩放
# 系数 $a$ 取 3，见 [@smith1990scale]。

# %% [markdown] lang="en"
# # Scale
# The factor $a$ is 3, see [@smith1990scale].

# %% name="line"
import matplotlib.pyplot as plt

from dlguide.layers.scale import scale

SEED = 0
y = scale([1, 2], 3)  # (N,)
print(y)
fig, ax = plt.subplots(num="line")
ax.plot(y)
plt.show()
'''

TEST = '''"""Tests of the scale layer."""

import numpy as np
import pytest

from dlguide.layers.scale import scale


# oracle
def test_scale_equals_repeated_sum():
    np.testing.assert_array_equal(scale([1, 2], 3), [3, 6])


# gradient
def test_slope_is_the_factor():
    check_slope(3)


def check_slope(a):
    assert scale([1], a) - scale([0], a) == a


# limit
def test_factor_one_changes_nothing():
    assert scale([5], 1) == 5


# claim
def test_doubling_the_input_doubles_the_output(example):
    assert example("layers/scale")["y"][1] == 6


# error
def test_large_factor_is_refused():
    with pytest.raises(ValueError, match="at most 10"):
        scale([1], 11)
'''

BIB = """@article{smith1990scale,
  author = {Smith, Ann},
  title = {Scale},
  journal = {Numbers},
  year = {1990},
}

@article{jones2001line,
  author = {Jones, Bo},
  title = {Line},
  journal = {Numbers},
  year = {2001},
}

@article{wu2010sum,
  author = {Wu, Cai},
  title = {Sum},
  journal = {Numbers},
  year = {2010},
}
"""

ABOUT = """---
description: {0}
---
# {0}

{1} [{0}](../layers/scale.md#idea)

## {0} {{ #one }}

``` bibliography
```
"""

MKDOCS = """site_name: small
site_url: !ENV [SITE_URL, "https://example.org/"]
nav:
  - layers:
      - layers/scale.md
      - API: api/layers.md
  - about/history.md
markdown_extensions:
  - pymdownx.superfences:
      custom_fences:
        - format: !!python/name:sitekit.markdown.fence
"""


CORRECTIONS = """entries: []
text:
- {kind: wrong, quote: 一个层做加法, page: layers/scale, works: [wu2010sum]}
- {kind: structure, quote: 数学模型公式}
"""


def page(words):
    """The concept page with the words of one language."""
    text = PAGE
    for name, word in words.items():
        text = text.replace(f"@{name}@", word)
    return text


FILES = {
    "docs/zh/layers/scale.md": page(ZH),
    "docs/en/layers/scale.md": page(EN),
    "docs/zh/about/history.md": ABOUT.format("历史", "1947 年 12 月 6 日。"),
    "docs/en/about/history.md": ABOUT.format("History", "6 December 1947."),
    "docs/zh/api/layers.md": "generated, not checked\n",
    "docs/figures/layers/scale.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "docs/overrides/assets/interactive/slope.js": "(() => {})();\n",
    "docs/overrides/main.html": '<a href="https://example.org/">out</a>\n',
    "docs/overrides/site.css": "body { color: black; }\n",
    "docs/references.bib": BIB,
    "docs/glossary.yml": "[]\n",
    "docs/notation.yml": "{}\n",
    "docs/corrections.yml": CORRECTIONS,
    "mkdocs.yml": MKDOCS,
    "mkdocs.en.yml": "INHERIT: mkdocs.yml\nsite_name: small, English\n",
    "dlguide/__init__.py": '"""Small."""\n',
    "dlguide/layers/__init__.py": '"""Layers."""\n',
    "dlguide/layers/scale.py": MODULE,
    "dlguide/data/__init__.py": '"""Data."""\n',
    "dlguide/data/dots.py": '"""Dots."""\n\nimport sklearn\n\nDOTS = sklearn\n',
    "examples/layers/scale.py": EXAMPLE,
    "sitekit/__init__.py": '"""Builds the site."""\n',
    "sitekit/build.py": '"""Build."""\n\nimport sys\n\nPATH = sys.path\n',
    "tests/layers/test_scale.py": TEST,
    "tests/data/test_dots.py": "def test_dots():\n    assert 1 + 1 == 2\n",
}


def write(root):
    """Write the tree; returns its root as a `Path`."""
    for name, text in FILES.items():
        path = Path(root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return Path(root)


def replace(root, file, old, new):
    """Break one file; `old` None makes a file, `new` None removes one."""
    path = Path(root) / file
    if new is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if old is None:
        path.write_text(new, "utf-8")
        return
    text = path.read_text("utf-8")
    assert old in text, f"{file} has no {old!r}"
    path.write_text(text.replace(old, new, 1), "utf-8")


def assert_seen(check, root, breakage):
    """Assert that a check is content before a breakage, not after it.

    Args:
        check: function `(root) -> problems`.
        root: empty folder.
        breakage: (file, old, new, part of the expected problem); the problem
            must start with the path of the file, or with that before a `|`
            in the expected part.
    """
    file, old, new, expected = breakage
    where, _, words = expected.rpartition("|")
    root = write(root)
    assert check(root) == []
    replace(root, file, old, new)
    problems = check(root)
    named = [p for p in problems if p.startswith(f"{where or file}:")]
    assert named, f"no problem names {where or file}: {problems}"
    assert any(words in p for p in named), named
