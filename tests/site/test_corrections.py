"""The corrections of the source article: complete, and as the data says."""

import posixpath
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from markdown import Markdown

from sitekit import citations, corrections
from sitekit.markdown import SiteError

ROOT = Path(__file__).resolve().parents[2]
LANGS = ("zh", "en")
ENTRY = {"n": 1, "printed": "VGG. http://x", "verdict": "rejected",
         "note": {"zh": "查无此文献。", "en": "No such work."}}
TEXT = {"section": "1.1", "quote": "引文", "kind": "wrong",
        "page": "layers/lstm", "correction": {"zh": "更正。", "en": "Right."},
        "evidence": {"zh": "依据", "en": "evidence"}}


@pytest.fixture(scope="module")
def data():
    return corrections.load(ROOT)


def make_site(lang, root=ROOT):
    md = Markdown(extensions=["sitekit.markdown"],
                  extension_configs={"sitekit.markdown": {"lang": lang}})
    md.site.root, md.site.page = root, "about/corrections.md"
    return md.site


def pages():
    return {lang: (ROOT / f"docs/{lang}/about/corrections.md").read_text(
        "utf-8") for lang in LANGS}


# the data


def test_all_82_entries_have_a_verdict(data):
    entries = data["entries"]
    assert [item["n"] for item in entries] == list(range(1, 83))
    counts = Counter(item["verdict"] for item in entries)
    assert counts == {
        "kept": 17, "corrected": 43, "merged": 10, "rejected": 12}


def test_48_entries_print_the_same_arxiv_id(data):
    same = [item["n"] for item in data["entries"]
            if "1911.04527" in item["printed"]]
    assert same == list(range(34, 82))
    assert data["entries"][81]["printed"].endswith("/1911.")


def test_a_merged_entry_points_to_one_that_is_not(data):
    entries = {item["n"]: item for item in data["entries"]}
    for item in data["entries"]:
        if item["verdict"] == "merged":
            other = entries[item["merged_with"]]
            assert other["verdict"] != "merged"
            assert other["n"] < item["n"]
            assert item.get("key") == other.get("key")


def test_eight_languages_are_printed_twice(data):
    printed = Counter(item["printed"].split(" Paper.")[0]
                      for item in data["entries"])
    assert sum(n == 2 for n in printed.values()) == 8
    assert max(printed.values()) == 2


def test_every_work_named_is_in_the_bibliography(data):
    listed = citations.bibliography(ROOT)
    named = corrections.works(ROOT)
    assert set(named) <= set(listed)
    assert len(named) == len(set(named)) == 92
    assert set(corrections.works(ROOT, "entries")) | set(
        corrections.works(ROOT, "text")) == set(named)
    assert corrections.works(ROOT, "summary") == []


def test_each_quote_is_corrected_in_both_languages(data):
    assert len(data["text"]) == 36
    for item in data["text"]:
        assert re.search(r"[\u4e00-\u9fff]", item["correction"]["zh"])
        assert not re.search(r"[\u4e00-\u9fff]", item["evidence"]["en"].replace(
            "递归神经网络", ""))
        if re.search(r"[\u4e00-\u9fff]", item["quote"]):
            assert item["meaning"]


def test_the_data_does_not_say_how_it_was_searched():
    text = (ROOT / corrections.FILE).read_text("utf-8")
    for word in ("find_string", "stored", "mirror"):
        assert word not in text


# what the pages say


@pytest.mark.parametrize("lang", LANGS)
def test_the_summary_counts_what_the_data_holds(data, lang):
    items = corrections.fence("summary", make_site(lang))
    counts = [int(n) for n in re.findall(r"<b>\D*(\d+)\D*</b>", items)]
    assert counts == [17, 43, 10, 12]
    assert sum(counts) == len(data["entries"])


@pytest.mark.parametrize("lang", LANGS)
def test_every_entry_is_shown_with_its_verdict(data, lang):
    html = corrections.fence("entries", make_site(lang))
    names = {key: value[0 if lang == "zh" else 2]
             for key, value in corrections.VERDICTS.items()}
    shown = re.findall(
        r'<li id="entry-(\d+)" class="verdict-(\w+)"><b>(\d+) · ([^<]+)<', html)
    assert shown == [(str(item["n"]), item["verdict"], str(item["n"]),
                      names[item["verdict"]]) for item in data["entries"]]
    assert "<table" not in html


@pytest.mark.parametrize("lang", LANGS)
def test_every_link_of_the_corrections_has_a_target(lang):
    site = make_site(lang)
    html = "".join(corrections.fence(part, site) for part in corrections.PARTS)
    listed = citations.bibliography(ROOT)
    targets = re.findall(r'href="([^"]+)"', html)
    assert len(targets) > 200
    for target in targets:
        if target.startswith("../references/#ref-"):
            assert target.removeprefix("../references/#ref-") in listed
        elif target.startswith("#"):
            assert f'id="{target[1:]}"' in html
        elif target.startswith("../"):
            page = posixpath.normpath(f"about/corrections/{target}")
            page, _, place = page.partition("/#")
            text = (ROOT / f"docs/{lang}/{page}.md").read_text("utf-8")
            assert f"{{ #{place} }}" in text
        else:
            assert target.startswith("https://")


def test_the_numbers_on_the_page_are_those_of_the_data(data):
    counts = Counter(item["verdict"] for item in data["entries"])
    for text in pages().values():
        numbers = set(re.findall(r"(?<![\d.])\d+(?![\d.]*\d)", text))
        for count in (82, counts["kept"], counts["merged"],
                      counts["rejected"], 48, 8, len(data["text"])):
            assert str(count) in numbers


def test_the_english_page_renders_the_chinese_quotes(data):
    html = corrections.fence("text", make_site("en"))
    assert html.count('<q lang="zh-CN">') == 36
    assert "Everything" not in html
    assert "developed the first artificial neural network" in html


# broken data is refused


def write(root, entries=(ENTRY,), text=(TEXT,)):
    (root / "docs").mkdir(exist_ok=True)
    (root / corrections.FILE).write_text(
        yaml.safe_dump({"entries": list(entries), "text": list(text)},
                       allow_unicode=True), "utf-8")
    return root


@pytest.mark.parametrize(("change", "problem"), [
    ({"n": 2}, "is numbered 2"), ({"verdict": "fine"}, "verdict 'fine'"),
    ({"verdict": "kept"}, "names no work"),
    ({"key": "a2000b"}, "is rejected and names a work"),
    ({"verdict": "merged"}, "go together"), ({"merged_with": 1}, "together"),
    ({"printed": ""}, "no printed"), ({"note": {"en": "x"}}, "no note in zh"),
    ({"note": "x"}, "no note in zh"),
])
def test_a_broken_entry_is_refused(tmp_path, change, problem):
    write(tmp_path, [ENTRY | change])
    with pytest.raises(SiteError, match=f"entry 1: .*{problem}"):
        corrections.load(tmp_path)


@pytest.mark.parametrize(("change", "problem"), [
    ({"kind": "bad"}, "kind 'bad'"), ({"quote": ""}, "no quote"),
    ({"correction": {"zh": "x"}}, "no correction in en"),
    ({"evidence": None}, "no evidence in zh"),
])
def test_a_broken_text_error_is_refused(tmp_path, change, problem):
    write(tmp_path, text=[TEXT | change])
    with pytest.raises(SiteError, match=f"text 1: {problem}"):
        corrections.load(tmp_path)


def test_a_missing_or_malformed_file_is_refused(tmp_path):
    with pytest.raises(SiteError, match="No such file"):
        corrections.load(tmp_path)
    (tmp_path / "docs").mkdir()
    for content in ("entries: [", "- 1", "entries: []"):
        (tmp_path / corrections.FILE).write_text(content, "utf-8")
        with pytest.raises(SiteError, match=r"corrections\.yml"):
            corrections.load(tmp_path)


def test_an_unknown_part_or_work_is_refused(tmp_path):
    with pytest.raises(SiteError, match="expected one of summary"):
        corrections.fence("everything", make_site("en"))
    write(tmp_path, [ENTRY | {"verdict": "kept", "key": "nobody1999nothing"}])
    (tmp_path / "docs/references.bib").write_text(
        "@misc{a2000b, title={T}}", "utf-8")
    with pytest.raises(SiteError, match="nobody1999nothing"):
        corrections.fence("entries", make_site("en", tmp_path))


def test_a_topic_is_linked_once_its_page_exists(tmp_path):
    write(tmp_path)
    assert "<a " not in corrections.fence("text", make_site("zh", tmp_path))
    page = tmp_path / "docs/zh/layers/lstm.md"
    page.parent.mkdir(parents=True)
    page.write_text("# 长短期记忆网络\n", "utf-8")
    assert '<a href="../../layers/lstm/#pitfalls">长短期记忆网络</a>' in (
        corrections.fence("text", make_site("zh", tmp_path)))
    assert "<a " not in corrections.fence("text", make_site("en", tmp_path))
