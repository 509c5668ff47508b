"""The checker of citations, seen to fail."""

import pytest

from sitekit.checks.citations import check_citations
from tests.site.small_tree import assert_seen, replace, write

ZH = "docs/zh/layers/scale.md"
EN = "docs/en/layers/scale.md"
BIB = "docs/references.bib"

BREAKAGES = {
    "unknown work": (
        EN, "@wu2010sum", "@wu2011sum", "'wu2011sum' is not in docs/refer"),
    "unknown work in a caption": (
        ZH, "@jones2001line", "@jones2002line", "'jones2002line' is not in"),
    "unknown second work": (
        EN, "[@wu2010sum]", "[@wu2010sum; @lee2000]", "'lee2000' is not in"),
    "unknown work in an example": (
        "examples/layers/scale.py", "[@smith1990scale]", "[@smith2000]",
        "'smith2000' is not in"),
    "unknown work in the corrections": (
        "docs/corrections.yml", "wu2010sum", "wu2009sum", "'wu2009sum' is not"),
    "not the form of a citation": (
        EN, "[@wu2010sum]", "[@wu2010sum sec. 3]", "expected [@key]"),
    "entry that nobody cites": (
        BIB, "@article{wu2010sum",
        "@book{lee2000book,\n  title = {B},\n}\n\n@article{wu2010sum",
        "no page cites 'lee2000book'"),
    "key twice": (
        BIB, "jones2001line", "smith1990scale", "repeated bibliography entry"),
    "entry not closed": (BIB, "  year = {1990},\n}", "  year = {1990},", ""),
    "no bibliography": (BIB, "", None, "missing"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_breakage_is_seen(name, tmp_path):
    assert_seen(check_citations, tmp_path, BREAKAGES[name])


def test_a_work_of_the_corrections_counts_as_cited(tmp_path):
    root = write(tmp_path)
    for file in (EN, ZH):
        replace(root, file, "[@wu2010sum]", "")
    assert check_citations(root) == []
    replace(root, "docs/corrections.yml", "works: [wu2010sum]", "key: null")
    assert any("no page cites 'wu2010sum'" in p for p in check_citations(root))
