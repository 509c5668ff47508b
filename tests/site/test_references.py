"""The bibliography and its checker; each check is seen to fail."""

import re
from datetime import date
from pathlib import Path

import pytest

from sitekit import references
from sitekit.references import Name, Work

ROOT = Path(__file__).resolve().parents[2]
BIB = ROOT / "docs" / "references.bib"
GOOD = r"""
@article{hopper1997long,
  author = {Hopper, Grace and K{\"o}hler, J{\"u}rgen},
  title = {Long {LSTM} memory}, journal = {Neural Computation},
  volume = {9}, number = {8}, pages = {1735--1780}, year = {1997},
  doi = {10.1162/neco.1997.9.8.1735},
  topic = {recurrent}, verified = {2026-11-23: seen in the publisher's list},
  supports = {A memory cell keeps the error.},
  supports_zh = {记忆元保持误差。},
}
"""
OTHER = r"""
@inproceedings{lovelace2015notes,
  author = {Lovelace, Ada and Babbage, Charles and van den Berg, Aaron},
  title = {Notes on the engine}, booktitle = {ICLR 2015}, year = {2015},
  eprint = {1409.1556}, archiveprefix = {arXiv},
}
"""


@pytest.fixture
def problems(tmp_path, capsys):
    """Write a file, run the command; its status and lines."""

    def run(text, *options):
        path = tmp_path / "my.bib"
        path.write_text(text, "utf-8")
        status = references.main(["check", str(path), *options])
        out, err = capsys.readouterr()
        lines = [line.removeprefix(f"{path}:") for line in out.splitlines()]
        return status, lines, err

    return run


# the bibliography of the guide


def test_the_bibliography_has_no_problem():
    works, problems = references.parse(BIB)
    problems += references.check(works, strict=True)
    assert problems == []
    assert len(works) >= 90


def test_every_address_of_the_bibliography_is_https():
    links = [(work.key, url) for work in references.load(BIB).values()
             for _, url in work.links]
    assert [link for link in links if not link[1].startswith("https://")] == []


def test_the_bibliography_names_what_no_source_showed():
    verified = [work["verified"] for work in references.load(BIB).values()]
    unseen = [text for text in verified if "own knowledge" in text]
    assert len(unseen) >= 10
    assert all("own knowledge, not seen in a source" in t for t in unseen)


# wording


def test_names_and_years_in_both_languages():
    two = Work("k", "article", (Name("Sepp", "Hochreiter"),
                                Name("Jürgen", "Schmidhuber")),
               fields={"year": "1997"})
    assert references.short(two, "zh") == "Hochreiter 与 Schmidhuber，1997"
    assert references.short(two, "en") == "Hochreiter & Schmidhuber, 1997"
    three = Work("k", "article", tuple(Name("A", n) for n in "XYZ"),
                 fields={"year": "2012"})
    assert references.short(three, "zh") == "X 等，2012"
    assert references.short(three, "en") == "X et al., 2012"
    one = Work("k", "misc", (Name("", "OpenAI"),), fields={})
    assert references.short(one, "zh") == "OpenAI，无日期"
    assert references.short(one, "en") == "OpenAI, n.d."
    others = Work("k", "misc", (Name("F", "Chollet"),), True, {"year": "2015"})
    assert references.short(others, "en") == "Chollet et al., 2015"


def test_a_long_list_of_authors_is_cut_after_eight():
    many = Work("k", "article", tuple(Name("A", f"N{i}") for i in range(31)))
    assert references.author_line(many, "zh") == (
        "、".join(f"A N{i}" for i in range(8)) + " 等")
    nine = Work("k", "article", many.authors[:9])
    assert references.author_line(nine, "en").endswith("A N7 & A N8")


def test_tex_becomes_plain_text(tmp_path):
    path = tmp_path / "a.bib"
    path.write_text(GOOD, "utf-8")
    work = references.load(path)["hopper1997long"]
    assert work.authors[1] == Name("Jürgen", "Köhler")
    assert work["title"] == "Long LSTM memory"
    assert references.venue_line(work, "en") == (
        "Neural Computation 9(8), 1735–1780")


@pytest.mark.parametrize(("kind", "fields", "zh", "en"), [
    ("phdthesis", {"school": "Harvard"}, "博士论文，Harvard",
     "PhD thesis, Harvard"),
    ("inproceedings", {"booktitle": "ICML 2017", "series": "PMLR",
                       "volume": "70", "pages": "214-223"},
     "ICML 2017，PMLR 70，214–223", "ICML 2017, PMLR 70, 214–223"),
    ("incollection", {"booktitle": "PDP", "volume": "1", "chapter": "6",
                      "publisher": "MIT Press"},
     "PDP，第 1 卷，第 6 章，MIT Press", "PDP, vol. 1, ch. 6, MIT Press"),
    ("misc", {"eprint": "1912.09582"}, "arXiv 预印本", "arXiv preprint"),
])
def test_where_a_work_was_published(kind, fields, zh, en):
    work = Work("k", kind, fields=fields)
    assert references.venue_line(work, "zh") == zh
    assert references.venue_line(work, "en") == en


def test_links_lead_to_the_registry_first():
    work = Work("k", "article", fields={
        "doi": "https://doi.org/10.1002/(SICI)1097<1::AID>3.0.CO;2-M",
        "eprint": "1409.1556", "archiveprefix": "arXiv",
        "url": "https://www.example.org/a.pdf"})
    assert [url for _, url in work.links] == [
        "https://doi.org/10.1002/(SICI)1097%3C1::AID%3E3.0.CO;2-M",
        "https://arxiv.org/abs/1409.1556", "https://www.example.org/a.pdf"]


# checks: each is seen to fail


def test_a_good_file_has_no_problem(problems):
    assert problems(GOOD + OTHER)[:2] == (0, [])


@pytest.mark.parametrize(("text", "problem"), [
    (OTHER.replace("lovelace2015notes", "copy2015notes").replace(
        "eprint = {1409.1556}", "doi = {10.1162/NECO.1997.9.8.1735}"),
     "copy2015notes: same work as hopper1997long: same DOI"),
    (GOOD.replace("hopper1997long", "copy1997long").replace(
        "10.1162/neco.1997.9.8.1735", "10.1000/1").replace(
        "Long {LSTM} memory", "LONG L{\\'S}TM-Memory."),
     "copy1997long: same work as hopper1997long: "
     "same title, first author and year"),
    (OTHER + OTHER.replace("lovelace2015notes", "copy2015notes").replace(
        "1409.1556", "1409.1556v3").replace("Notes on", "Other"),
     "copy2015notes: same work as lovelace2015notes: same arXiv id"),
    (GOOD, "hopper1997long: repeated bibliography entry"),
])
def test_the_same_work_twice_is_found(problems, text, problem):
    status, lines, _ = problems(GOOD + text)
    assert status == 1
    assert lines == [problem]


def test_another_year_or_author_is_another_work(problems):
    other = GOOD.replace("hopper1997long", "b1998long").replace(
        "{1997}", "{1998}").replace("10.1162/neco.1997.9.8.1735", "10.1000/1")
    assert problems(GOOD + other)[0] == 0


@pytest.mark.parametrize(("arxiv", "words"), [
    ("1713.03762", "no month 13"), ("1900.03762", "no month 00"),
    ("1911.", "expected YYMM.NNNNN"), ("14091556", "expected YYMM.NNNNN"),
    ("1911.4527", "ids of 2019 have 5 digits"),
    ("1409.15560", "ids of 2014 have 4 digits"),
    ("0612.0001", "begin in 2007-04"), ("1409.0000", "numbers begin at 1"),
    ("9813.00001", "no month 13"), ("cs/0113001", "no month 13"),
    ("cs/0804001", "from 1991-08 to 2007-03"),
    (f"{(date.today().year + 1) % 100:02}01.00001", "future"),
])
def test_an_arxiv_id_that_cannot_be_is_found(problems, arxiv, words):
    status, lines, _ = problems(OTHER.replace("1409.1556", arxiv))
    assert status == 1
    assert len(lines) == 1
    assert f"malformed arXiv id: '{arxiv}'" in lines[0]
    assert words in lines[0]


@pytest.mark.parametrize("arxiv", [
    "1706.03762", "1706.03762v5", "0704.0001", "1412.6980", "1501.00001",
    "hep-th/9901001", "math.GT/0309136v1",
])
def test_an_arxiv_id_that_can_be_is_no_problem(problems, arxiv):
    assert problems(OTHER.replace("1409.1556", arxiv))[0] == 0


@pytest.mark.parametrize("field", [
    "journal = {arXiv preprint arXiv:1502.03167}",
    "url = {https://arxiv.org/pdf/1502.03167.pdf}",
    "doi = {10.48550/arXiv.1502.03167}", "note = {arXiv: 1502.03167v2.}",
    "volume = {abs/1502.03167}, journal = {CoRR}, "
    "url = {http://arxiv.org/abs/1502.03167}",
])
def test_an_arxiv_id_is_found_where_others_write_it(tmp_path, field):
    path = tmp_path / "a.bib"
    path.write_text(f"@article{{a, title={{T}}, {field}}}", "utf-8")
    work = references.parse(path)[0][0]
    assert re.sub(r"v\d+$", "", work.arxiv) == "1502.03167"


@pytest.mark.parametrize(("old", "new", "problem"), [
    ("10.1162/neco", "11.1162/neco", "malformed DOI"),
    ("9.8.1735}", "9.8.1735.}", "malformed DOI"),
    ("9.8.1735}", "9.8 1735}", "malformed DOI"),
    ("{1997},\n", "{97},\n", "year is not a year: '97'"),
    ("{1997},\n", "{2097},\n", "year lies in the future: 2097"),
    ("topic =", "isbn = {978-0-89871-659-1}, topic =", "wrong ISBN"),
    ("topic =", "isbn = {0-306-40615-3}, topic =", "wrong ISBN"),
    ("topic =", "url = {www.example.org}, topic =", "malformed address"),
    ("journal =", "magazine =", "no journal"),
    ("author =", "writer =", "no author or editor"),
    ("title =", "name =", "no title"),
    ("year =", "annus =", "no year"),
])
def test_a_malformed_or_missing_field_is_found(problems, old, new, problem):
    status, lines, _ = problems(GOOD.replace(old, new, 1))
    assert status == 1
    assert len(lines) == 1
    assert lines[0].startswith(f"hopper1997long: {problem}")


@pytest.mark.parametrize(("kind", "missing"), [
    ("inproceedings", "booktitle"), ("book", "publisher"),
    ("phdthesis", "school"), ("techreport", "institution"),
])
def test_each_type_needs_its_fields(problems, kind, missing):
    text = f"@{kind}{{a, author={{A, B}}, title={{T}}, year=2000}}"
    assert f"a: no {missing}" in problems(text)[1][0]


@pytest.mark.parametrize(("old", "new", "problem"), [
    ("2026-11-23: seen in the publisher's list", "", "verified must say"),
    ("2026-11-23: seen", "seen", "verified must say"),
    ("A memory cell keeps the error.", "", "supports must state"),
    ("记忆元保持误差。", "A cell keeps the error", "supports_zh must state"),
    ("{recurrent}", "{novels}", "topic must be one of"),
    ("  doi = {10.1162/neco.1997.9.8.1735},\n", "", "no DOI, arXiv id or"),
    ("  doi = {10.1162/neco.1997.9.8.1735},\n",
     "  url = {http://example.org/a},\n", "address is not https"),
    ("{hopper1997long", "{hopper1998long", "key is not author + 1997 + word"),
])
def test_strict_demands_what_the_guide_demands(problems, old, new, problem):
    text = GOOD.replace(old, new, 1)
    assert problems(text)[0] == 0
    status, lines, _ = problems(text, "--strict")
    assert status == 1
    assert len(lines) == 1
    assert lines[0].split(": ", 1)[1].startswith(problem)


# the command


@pytest.mark.parametrize(("text", "words"), [
    ("", "holds no BibTeX entry"), ("hello", "holds no BibTeX entry"),
    ("@article{a, title = {x", "premature end of file"),
    ("@article{, title = {x}}", "entry key expected"),
])
def test_a_file_that_is_no_bibliography_is_refused(problems, text, words):
    status, lines, err = problems(text)
    assert (status, lines) == (2, [])
    assert words in err


def test_a_missing_or_binary_file_is_refused(tmp_path, capsys):
    assert references.main(["check", str(tmp_path / "none.bib")]) == 2
    assert "No such file" in capsys.readouterr().err
    (tmp_path / "b.bib").write_bytes(b"\xff\xfe@article{")
    assert references.main(["check", str(tmp_path / "b.bib")]) == 2
    assert "not UTF-8" in capsys.readouterr().err
    with pytest.raises(references.ReferencesError, match="No such file"):
        references.load(tmp_path / "none.bib")


@pytest.mark.parametrize("arguments", [
    [], ["check"], ["fix", "a.bib"], ["check", "a.bib", "--timeout", "0"],
    ["check", "a.bib", "--timeout", "soon"], ["check", "a.bib", "--often"],
    ["check", "a.bib", "--arxiv-url", "file:///etc/passwd"],
])
def test_wrong_usage_exits_with_two(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        references.main(arguments)
    assert stopped.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_an_undefined_string_is_a_problem_not_the_end(problems):
    status, lines, _ = problems(GOOD + "@misc{a, author={A}, title={T}, "
                                "year=2000, note = soon}")
    assert status == 1
    assert "undefined string" in lines[0]


def test_a_changed_file_is_read_again(tmp_path):
    path = tmp_path / "a.bib"
    path.write_text(GOOD, "utf-8")
    assert len(references.load(path)) == 1
    path.write_text(GOOD + OTHER, "utf-8")
    assert len(references.load(path)) == 2
    path.write_text(GOOD + GOOD, "utf-8")
    with pytest.raises(references.ReferencesError, match="hopper1997long"):
        references.load(path)
