import pytest

from sitekit.typography import check_typography, problems_of


@pytest.mark.parametrize("text", [
    "用Keras写模型", "共3个种子", "这是卷积,不是互相关.",
])
def test_bad_typography_is_found(text):
    assert problems_of(text)


@pytest.mark.parametrize("text", [
    "用 Keras 写模型，共 3 个种子。", "公式 $a,b$ 与 `f(x,y)`。",
])
def test_good_typography_passes(text):
    assert problems_of(text) == []


def test_the_file_and_line_are_named(tmp_path):
    page = tmp_path / "docs/zh/layers/x.md"
    page.parent.mkdir(parents=True)
    page.write_text("# 好\n\n用Keras写\n", "utf-8")
    found = check_typography(tmp_path)
    assert found[0].startswith("docs/zh/layers/x.md:3: ")


def test_our_chinese_in_data_files_is_checked_and_quotes_are_not(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/x.yml").write_text(
        "- zh: 用Keras写\n  quote: 用Keras写\n  forbidden_zh: [用Keras写]\n",
        "utf-8",
    )
    assert len(check_typography(tmp_path)) == 1
