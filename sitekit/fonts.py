"""The formula font: STIX Two Math, cut down to what formulas here need."""

import hashlib
import io
from importlib.resources import files
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

from sitekit.execute import ROOT

PRIMES = (0x2032, 0x2033)
LOWER = 250  # thousandths of the size that a prime moves down
ROOT_SIGN = 0x221A
# code points: ASCII, Greek, accents, dashes, primes, arrows, operators,
# letters in italic and double-struck. A formula that needs others (bold
# 1D400-1D433, script 1D49C-1D4B5) fails a test of tests/site/test_math.py.
RANGES = (
    (0x20, 0x7E), (0xA0, 0xA0), (0xAC, 0xAC), (0xAF, 0xAF),
    (0xB1, 0xB1), (0xB7, 0xB7), (0xD7, 0xD7),
    (0x2C6, 0x2C7), (0x2DC, 0x2DC), (0x300, 0x308), (0x332, 0x332),
    (0x393, 0x3A9), (0x3B1, 0x3C9), (0x3D1, 0x3D5), (0x3F5, 0x3F5),
    (0x2013, 0x2014), (0x2016, 0x2016), (0x2026, 0x2026), (0x2032, 0x2033),
    (0x20D7, 0x20D7), (0x210E, 0x210E), (0x2112, 0x2115),
    (0x211D, 0x211D), (0x2130, 0x2131),
    (0x2190, 0x2194), (0x21A6, 0x21A6), (0x21D2, 0x21D4), (0x2200, 0x2212),
    (0x2217, 0x221E), (0x2223, 0x222B), (0x223C, 0x223C), (0x2248, 0x2248),
    (0x2260, 0x226B), (0x2282, 0x2287), (0x2295, 0x2299), (0x22A4, 0x22A5),
    (0x22C5, 0x22C6), (0x22EE, 0x22F1), (0x2308, 0x230B), (0x23DE, 0x23DF),
    (0x27E8, 0x27E9), (0x27F5, 0x27FA), (0x1D434, 0x1D467),
    (0x1D53C, 0x1D53C), (0x1D6FC, 0x1D71B),
    (0xFE00, 0xFE00),
)


def code_points():
    """The code points kept, as a sorted list."""
    return sorted({c for a, b in RANGES for c in range(a, b + 1)})


def write_font(folder):
    """Write the subset, unless it is there (its licence: assets/OFL.txt).

    Args:
        folder: folder to write to; made if missing.
    """
    folder = Path(folder)
    source = files("ziamath") / "fonts/STIXTwoMath-Regular.ttf"
    data = source.read_bytes()
    key = hashlib.sha256(data + Path(__file__).read_bytes()).hexdigest()
    stamp = ROOT / ".cache/font.key"
    target = folder / "stix-two-math.woff2"
    if target.is_file() and stamp.is_file() and stamp.read_text() == key:
        return
    font = TTFont(io.BytesIO(data), recalcTimestamp=False)
    small_primes(font)
    even_roots(font)
    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = ["dtls", "flac", "rtlm", "kern", "mark"]
    options.notdef_outline = True
    options.hinting = False
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=code_points())
    subsetter.subset(font)
    folder.mkdir(parents=True, exist_ok=True)
    font.flavor = "woff2"
    font.save(target)
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(key)


def small_primes(font):
    """Draw primes as the font has them for superscripts, a little lower.

    Chromium does not ask a font for these drawings and takes the large
    primes, which are too small and too high there.

    Args:
        font: a `TTFont`, changed in place.
    """
    table, names = font["GSUB"].table, font.getBestCmap()
    forms = {}
    for record in table.FeatureList.FeatureRecord:
        if record.FeatureTag == "ssty":
            for number in record.Feature.LookupListIndex:
                for part in table.LookupList.Lookup[number].SubTable:
                    forms |= part.alternates
    for code in PRIMES:
        small = forms[names[code]][0]
        glyph = font["glyf"][small]
        glyph.coordinates.translate((0, -LOWER))
        glyph.recalcBounds(font["glyf"])
        for cmap in font["cmap"].tables:
            if code in cmap.cmap:
                cmap.cmap[code] = small


def even_roots(font):
    """Make the tall drawings of the root sign as wide as the small one.

    Chromium leaves room for the widest behind each root in a line of text.

    Args:
        font: a `TTFont`, changed in place.
    """
    glyphs, widths = font["glyf"], font["hmtx"]
    root, *taller = roots(font)
    width = widths[root][0]
    for name in taller:
        glyph = glyphs[name]
        glyph.coordinates.scale((width / widths[name][0], 1))
        glyph.coordinates.toInt()
        glyph.recalcBounds(glyphs)
        widths[name] = (width, glyph.xMin)


def roots(font):
    """Names of the drawings of the root sign, the small one first."""
    table = font["MATH"].table.MathVariants
    name = font.getBestCmap()[ROOT_SIGN]
    place = table.VertGlyphCoverage.glyphs.index(name)
    made = table.VertGlyphConstruction[place]
    return [record.VariantGlyph for record in made.MathGlyphVariantRecord] + [
        part.glyph for part in made.GlyphAssembly.PartRecords]
