"""Documents of known text in writings other than Latin, and a font of boxes that has their characters."""

import random
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).with_name("other_scripts_data")
LANGUAGES = ("zh", "ja", "he", "ar")
SENTENCES = {name: (DATA / f"{name}.txt").read_text("utf-8").splitlines() for name in LANGUAGES}
UNSPACED = ("zh", "ja")
BOXES = "Boxes of Varnes"  # the font's name


def script_paragraphs(count: int) -> Iterator[tuple[str, list[str]]]:
    """Texts named by their language and number, each with eight paragraphs of sentences drawn by lot."""
    for number in range(count):
        language = LANGUAGES[number % len(LANGUAGES)]
        sentences = SENTENCES[language]
        drawn = random.Random(number)
        between = "" if language in UNSPACED else " "
        yield (
            f"{language}-{number}",
            [between.join(drawn.sample(sentences, drawn.randint(3, 6))) for _ in range(8)],
        )


@cache
def box_fonts() -> str:
    """Make a font whose characters are boxes and return its folder; few systems have them all."""
    from fontTools.fontBuilder import FontBuilder  # type: ignore[import-untyped]  # it has no annotations
    from fontTools.pens.ttGlyphPen import TTGlyphPen  # type: ignore[import-untyped]

    characters = sorted({*map(chr, range(32, 127)), *"".join(map("".join, SENTENCES.values()))})
    names = [".notdef", *(f"u{ord(one):04X}" for one in characters)]
    widths = {name: 1000 if name > "u3000" else 500 for name in names}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(one): f"u{ord(one):04X}" for one in characters})
    glyphs = {}
    for name in names:
        pen = TTGlyphPen(None)
        if name != "u0020":
            _draw(pen, ((50, 0), (50, 700), (widths[name] - 50, 700), (widths[name] - 50, 0)))
        glyphs[name] = pen.glyph()
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics({name: (widths[name], 50) for name in names})
    builder.setupHorizontalHeader(ascent=900, descent=-200)
    builder.setupNameTable({"familyName": BOXES, "styleName": "Regular", "psName": "Boxes-Regular"})
    builder.setupOS2(sTypoAscender=900, sTypoDescender=-200, usWinAscent=900, usWinDescent=200)
    builder.setupPost()
    folder = tempfile.TemporaryDirectory()
    _folders.append(folder)
    builder.save(Path(folder.name) / "boxes.ttf")
    return folder.name


_folders: list[tempfile.TemporaryDirectory[str]] = []  # removed at exit


def _draw(pen: Any, corners: Sequence[tuple[int, int]]) -> None:
    pen.moveTo(corners[0])
    for corner in corners[1:]:
        pen.lineTo(corner)
    pen.closePath()
