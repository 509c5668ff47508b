"""Foreign phrases carry their language on every page of the built site."""

import re
from html.parser import HTMLParser

import pytest

from sitekit.language import mark

VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source",
        "wbr"}
INLINE = {"a", "abbr", "b", "cite", "code", "del", "em", "i", "ins", "q",
          "small", "span", "strong", "sub", "sup"}
SILENT = {"script", "style", "title", "svg", "math", "code", "pre"}
HAN = re.compile("[\u4e00-\u9fff]+")
WORDS = re.compile(
    r"(?<![\w/.@])[A-Za-z]{2,}(?:[ ,.;:]+[A-Za-z]+)+ [A-Za-z]{2,}(?![\w/@(])")


class Reader(HTMLParser):
    """Collects the text of a page that has the language of the page."""

    def __init__(self, lang):
        super().__init__()
        self.lang, self.stack, self.text = lang, [], []

    def handle_starttag(self, tag, attributes):
        """Note the language inside; a block begins a line."""
        if tag in VOID:
            return
        _, lang = self.stack[-1] if self.stack else ("", self.lang)
        lang = dict(attributes).get("lang", lang)
        if tag not in INLINE:
            self.text.append("\n")
        self.stack.append((tag, lang))

    def handle_endtag(self, tag):
        """Leave the element; a block ends its line."""
        while tag in [name for name, _ in self.stack]:
            name, _ = self.stack.pop()
            if name not in INLINE:
                self.text.append("\n")
            if name == tag:
                break

    def handle_data(self, data):
        """Keep the text that has the language of the page."""
        names = {name for name, _ in self.stack}
        lang = self.stack[-1][1] if self.stack else self.lang
        own = lang[:2] == self.lang
        loud = not names & SILENT or self.lang == "en"
        hidden = names & {"script", "style"}
        self.text.append(data if own and loud and not hidden else "\0")


def unmarked(html, lang):
    """Foreign phrases of a page without a language of their own."""
    reader = Reader(lang)
    reader.feed(html)
    text = "".join(reader.text)
    if lang == "en":
        return HAN.findall(text)
    lines = (re.sub(r"\s+", " ", line) for line in text.split("\n\n"))
    return [m.group() for line in lines for m in WORDS.finditer(line)]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_foreign_phrase_is_left_unmarked(site, lang):
    root = site / "en" if lang == "en" else site
    pages = [path for path in root.rglob("*.html")
             if lang == "en" or "en" not in path.relative_to(site).parts[:1]]
    assert len(pages) > 60
    found = {}
    for path in pages:
        phrases = unmarked(path.read_text("utf-8"), lang)
        if phrases:
            found[path.relative_to(site).as_posix()] = phrases[:5]
    assert found == {}


@pytest.mark.parametrize(("lang", "html", "phrases"), [
    ("en", '<html lang="en"><p>the 卷积 of</p></html>', ["卷积"]),
    ("en", '<p>the <i lang="zh">卷积</i> of<code>层</code></p>', ["层"]),
    ("en", '<div lang="zh">卷积<p lang="en">层</p></div>', ["层"]),
    ("zh", "<p>论文 Attention is <em>all you</em> need 里</p>",
     ["Attention is all you need"]),
    ("zh", '<p>论文 <cite lang="en">Attention is all</cite> 里</p>', []),
    ("zh", "<p>Keras 与 TensorFlow 的 <code>a long name</code></p>", []),
])
def test_the_check_sees_unmarked_phrases(lang, html, phrases):
    assert unmarked(html, lang) == phrases


@pytest.mark.parametrize(("lang", "html", "marked"), [
    ("en", "<p>It is 卷积（CNN）、层, not 图层.</p>",
     '<p>It is <span lang="zh">卷积（CNN）、层</span>, '
     'not <span lang="zh">图层</span>.</p>'),
    ("en", "<blockquote><p>层的输出是 1</p></blockquote>",
     '<blockquote><p lang="zh">层的输出是 1</p></blockquote>'),
    ("en", '<q lang="zh-CN">层</q>', '<q lang="zh-CN">层</q>'),
    ("en", "<li>It is <code>CNN层</code>.</li>",
     '<li>It is <code>CNN<span lang="zh">层</span></code>.</li>'),
    ("en", "<pre><code>x = '层'</code></pre>",
     "<pre><code>x = '<span lang=\"zh\">层</span>'</code></pre>"),
    ("zh", "<h1>卷积（convolution）</h1>",
     '<h1>卷积（<span lang="en">convolution</span>）</h1>'),
    ("zh", "<p>记忆（long short-term memory，LSTM）与 Keras（3.15）</p>",
     '<p>记忆（<span lang="en">long short-term memory</span>，LSTM）'
     "与 Keras（3.15）</p>"),
    ("zh", '<p class="x">Shape of the <code>kernel</code>.</p>',
     '<p lang="en" class="x">Shape of the <code>kernel</code>.</p>'),
    ("zh", "<p>题为 Learning <em>to forget</em> 的论文</p>",
     '<p>题为 <span lang="en">Learning </span><em><span lang="en">to forget'
     "</span></em> 的论文</p>"),
    ("zh", "<p>Hochreiter 与 Schmidhuber 的 LSTM 见 "
     "<code>a long name</code></p>", None),
    ("zh", "<div>层<math><mtext>the loss of it</mtext></math></div>", None),
    ("zh", "<li>It isn&#x27;t Q &amp; A.<p>层</p></li>",
     '<li><span lang="en">It isn&#x27;t Q &amp; A</span>.<p>层</p></li>'),
    ("zh", "<table><td>(N, H, W, C)</td></table>", None),
    ("zh", "<div lang='x'><pre><code>return a + b</code></pre></div>",
     "<div lang='x'><pre lang=\"en\"><code>return a + b</code></pre></div>"),
])
def test_marks_the_phrase_and_nothing_else(lang, html, marked):
    assert mark(html, lang) == (marked or html)
    assert mark(mark(html, lang), lang) == mark(html, lang)
