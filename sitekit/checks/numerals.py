"""Finds the numbers in prose, so that both languages can be compared.

The same number is written differently in each language: `1,234` and `1234`,
`1.7 million` and `170 万`, `the 1980s` and `20 世纪 80 年代`, `6 December` and
`12 月 6 日`. Digits inside names (`CIFAR-10`, `Conv2D`) are no numbers; numbers
written in words (`two`, 两) are not seen.
"""

import re
from decimal import Decimal

WIDE = str.maketrans("０１２３４５６７８９．，％", "0123456789.,%")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct",
          "nov", "dec")
SCALES = {
    "万亿": 12, "百万": 6, "千万": 7, "万": 4, "亿": 8,
    "thousand": 3, "million": 6, "billion": 9, "trillion": 12,
}
# two capitals and a hyphen make a name: CIFAR-10, ResNet-50, but not Top-5
NAME = re.compile(
    r"(?<![A-Za-z0-9_])[A-Za-z]*[A-Z][A-Za-z]*[A-Z][A-Za-z]*-\d[\w.]*", re.A)
CENTURY = re.compile(r"(\d{1,2})\s*世纪\s*(\d0)\s*年代")
MONTH = re.compile(
    r"(?<![A-Za-z])(Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?"
    r"|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?"
    r"|Dec(?:ember)?)(?![A-Za-z])\.?")
NUMBER = re.compile(
    r"(?<![A-Za-z0-9_])(?<!\d\.)"
    r"(?:(?P<version>\d+(?:\.\d+){2,})"
    r"|(?P<value>[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?(?!\d)"
    r"|\d+(?:\.\d+)?(?:[eE][-+−]?\d+)?)"
    r"(?:\s*(?P<scale>" + "|".join(SCALES) + r"))?)", re.A)


def numerals(text: str) -> list[tuple[str, int]]:
    """Find the numbers in a text.

    Args:
        text: prose without code, math, links and citations.

    Returns:
        A list of (number in its plainest form, position in the text).

    Example:
        >>> [n for n, _ in numerals("1,234 seeds, 1.7 万 and CIFAR-10")]
        ['1234', '17000']
        >>> [n for n, _ in numerals("the 1980s; 20 世纪 80 年代")]
        ['1980', '1980']
        >>> [n for n, _ in numerals("6 December 1947, Keras 3.15.1")]
        ['6', '12', '1947', '3.15.1']
    """
    text = text.translate(WIDE)
    text = NAME.sub(lambda m: " " * len(m[0]), text)
    text = re.sub(r"(?<=\d)[xX](?=\d)", "×", text)
    text = CENTURY.sub(_decade, text)
    text = MONTH.sub(_month, text)
    found = []
    for match in NUMBER.finditer(text):
        value = match["version"]
        if not value:
            number = match["value"].replace(",", "").replace("−", "-")
            scale = SCALES.get(match["scale"], 0)
            value = _plain(Decimal(number).scaleb(scale))
        found.append((value, match.start()))
    return found


def _plain(number):
    """1.50 -> "1.5", 1E+3 -> "1000"."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decade(match):
    """20 世纪 80 年代 -> 1980, in as many characters."""
    year = str((int(match[1]) - 1) * 100 + int(match[2]))
    return year.ljust(len(match[0]))


def _month(match):
    """December beside a number -> 12, in as many characters."""
    text, start, end = match.string, match.start(), match.end()
    before = text[max(start - 6, 0):start]
    beside = re.search(r"\d(?:st|nd|rd|th)?[ \n]+$", before)
    if not beside and not re.match(r"[ \n]+\d", text[end:end + 3]):
        return match[0]
    number = MONTHS.index(match[1][:3].lower()) + 1
    return str(number).ljust(len(match[0]))
