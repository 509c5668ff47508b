"""The language of foreign phrases, for screen readers and translators.

On an English page each run of Chinese gets `lang="zh"`. On a Chinese page an
English paragraph gets `lang="en"`, and so does an English phrase in a Chinese
sentence: three words, two with a lower-case one among them, or one such word
in full-width brackets, 卷积（convolution）. Names and lone technical words
(Keras, LSTM) need no mark. The HTML is otherwise left as it is.
"""

import re
from dataclasses import dataclass, field

from markdown.postprocessors import Postprocessor

TOKEN = re.compile(r"(<!--.*?-->|<[^>]*>)", re.S)
TAG = re.compile(r"<(/?)([a-zA-Z][\w-]*)([^>]*)>", re.S)
LANG = re.compile(r'\slang="([^"]+)"')
ENTITY = re.compile(r"&(#?\w+);")
APOSTROPHES = ("#x27", "#39", "rsquo", "apos")

VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source",
        "wbr"}
INLINE = {"a", "abbr", "b", "bdi", "cite", "code", "del", "em", "i", "ins",
          "kbd", "label", "mark", "math", "q", "s", "small", "span", "strong",
          "sub", "sup", "svg", "time", "u", "var", *VOID}
# a page's own words, which have no language of their own, or drawings
SKIPPED = {"math", "svg", "script", "style", "button", "textarea"}

HAN = re.compile("[\u4e00-\u9fff]")
# Chinese characters and the punctuation around them
WIDE = "\u2e80-\u2fff\u3000-\u303f\u3400-\u9fff\uff00-\uffef"
CHINESE = re.compile(
    f"[{WIDE}]*[\u4e00-\u9fff][{WIDE}]*(?:[\\w.+-]+[{WIDE}]+)*")
WORD = r"(?<![\w/.@-])[A-Za-z\u00c0-\u024f]+(?:['’-]+[A-Za-z]+)*(?![\w/@]|\.\w)"
GAP = rf"[^\w\s{WIDE}·]*\s[^\w{WIDE}·]*(?:\d[\d.,–-]*[^\w{WIDE}·]+)*"
PHRASE = re.compile(rf"{WORD}(?:{GAP}{WORD})+")
IN_BRACKETS = re.compile(rf"(?<=（){WORD}(?=[），；、])")
SMALL = re.compile(r"(?<![\w-])[a-z][a-z-]+(?![\w])")


@dataclass
class Block:
    """A block of text, such as a paragraph or a cell of a table.

    Attributes:
        start: number of its start tag among the tokens, -1 for the page.
        lang: language of what surrounds it.
        texts: numbers of its own pieces of text; -1 stands for a gap.
        leaf: whether it holds no other block.
    """

    start: int
    lang: str
    texts: list = field(default_factory=list)
    leaf: bool = True


def shadow(text):
    """A text of the same length in which entities are punctuation.

    >>> shadow("isn&#x27;t &amp;")
    "isn''''''t ,,,,,"
    """
    return ENTITY.sub(lambda m: len(m[0]) * (
        "'" if m[1].lower() in APOSTROPHES else ","), text)


def english(text):
    """Spans of the English phrases in a Chinese text: (start, end) pairs.

    >>> text = "卷积（convolution）与 Keras 的 batch size 无关"
    >>> [text[a:b] for a, b in english(text)]
    ['convolution', 'batch size']
    """
    found = [m.span() for m in PHRASE.finditer(text)
             if long(re.findall(WORD, m[0])) or SMALL.search(m[0])]
    alone = [m.span() for m in IN_BRACKETS.finditer(text)
             if SMALL.fullmatch(m[0])]
    return sorted(found + alone)


def long(words):
    """Whether words are three or more, and not single letters."""
    return len(words) > 2 and sum(len(word) > 1 for word in words) > 1


def chinese(text):
    """Spans of the Chinese phrases in an English text: (start, end) pairs.

    >>> text = "It is 卷积神经网络（CNN）、层, not 图层."
    >>> [text[a:b] for a, b in chinese(text)]
    ['卷积神经网络（CNN）、层', '图层']
    """
    return [m.span() for m in CHINESE.finditer(text)]


def mark(html, lang):
    """Mark the foreign phrases of a page.

    Args:
        html: its content.
        lang: language of the page, "zh" or "en".

    Returns:
        The content with `lang` attributes; marking twice changes nothing.
    """
    if lang == "en" and not HAN.search(html):
        return html
    tokens = TOKEN.split(html)
    for block in blocks(tokens, lang):
        mark_block(block, tokens, lang)
    return "".join(tokens)


def blocks(tokens, lang):
    """The blocks whose text has the language of the page, in order."""
    # name, language inside, whether its text counts, the block it is in
    page = Block(-1, lang)
    stack, found = [("", lang, True, page)], [page]
    for number, token in enumerate(tokens):
        _, inside, counts, block = stack[-1]
        if number % 2 == 0:
            if counts and inside == lang:
                block.texts.append(number)
            elif token.strip():
                block.texts.append(-1)
            continue
        tag = TAG.match(token)
        if not tag or tag[2] in VOID or tag[3].endswith("/"):
            continue
        if tag[1]:
            names = [name for name, *_ in stack]
            if tag[2] in names[1:]:
                del stack[len(names) - 1 - names[::-1].index(tag[2]):]
            continue
        if tag[2] not in INLINE:
            block.leaf = False
            block = Block(number, inside)
            found.append(block)
        own = LANG.search(tag[3])
        inside = own[1][:2] if own else inside
        if own and block.start == number:
            block.lang = inside
        quoted = lang == "en" or "pre" in [name for name, *_ in stack]
        counts = counts and tag[2] not in SKIPPED and (
            tag[2] != "code" or quoted)
        stack.append((tag[2], inside, counts, block))
    return [block for block in found
            if block.lang == lang and max(block.texts, default=-1) >= 0]


def mark_block(block, tokens, lang):
    """Mark a block as a whole, or the phrases in it."""
    pieces = ["\0" if n < 0 else shadow(tokens[n]) for n in block.texts]
    text = "".join(pieces)
    spans = english(text) if lang == "zh" else chinese(text)
    if not spans:
        return
    other = "en" if lang == "zh" else "zh"
    own = re.search(f"[{WIDE}]" if lang == "zh" else WORD, text)
    if block.leaf and block.start >= 0 and not own:
        tokens[block.start] = re.sub(
            r"^<[\w-]+", rf'\g<0> lang="{other}"', tokens[block.start])
        return
    place = 0
    for number, piece in zip(block.texts, pieces, strict=True):
        if number >= 0:
            tokens[number] = wrapped(tokens[number], spans, place, other)
        place += len(piece)


def wrapped(text, spans, place, lang):
    """A piece of text with the parts of it that lie in spans marked.

    Args:
        text: the piece.
        spans: (start, end) pairs in the text of the block.
        place: where the piece begins in the text of the block.
        lang: language of the spans.
    """
    parts, done = [], 0
    for start, end in spans:
        a, b = max(start - place, done), min(end - place, len(text))
        if a < b and text[a:b].strip():
            parts += [text[done:a], f'<span lang="{lang}">{text[a:b]}</span>']
            done = b
    return "".join([*parts, text[done:]])


class MarkLanguage(Postprocessor):
    """Marks the foreign phrases of a page that Python-Markdown made."""

    def run(self, text):
        """Mark the finished HTML."""
        return mark(text, self.md.site.lang)


def extend(md):
    """Register the processor; after the stashed HTML has been put back."""
    md.postprocessors.register(MarkLanguage(md), "site_language", 0)
