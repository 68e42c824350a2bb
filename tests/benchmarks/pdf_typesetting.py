"""Documents of known text as PDFs, typeset with typst in six layouts."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.other_scripts import BOXES, box_fonts, script_paragraphs

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"
LAYOUTS = ("one column", "two columns", "changing heads", "footnotes", "front matter", "other scripts")
FRONT = "This paper is printed for the members."

_SPECIAL = re.compile(r"([\\#$*_`<>@\[\]~=+/-]|(?<=\.)\.)")  # three dots would be one character
_CAPTION = re.compile(r"(?:figure|table)\s[\d.-]+[.:]", re.IGNORECASE)
_BROKEN = re.compile(r"\w-\s\w")  # a word that the line breaks of the source have cut
_HEAD = {
    "one column": '#set page(paper: "a4", numbering: "1")\n'
    "#set par(justify: true)\n#set text(size: 10pt, hyphenate: true)\n",
    "two columns": '#set page(paper: "us-letter", columns: 2, numbering: "1 / 1")\n'
    "#set par(justify: true, first-line-indent: 1em, "
    "spacing: 0.65em)\n#set text(size: 9pt, hyphenate: true)\n",
    "changing heads": '#set page(paper: "a5", header: context { let n = counter(page).get().first(); '
    "let part = calc.quo(n + 2, 3); if calc.odd(n) [Chapter #part of the report #h(1fr) #n] else "
    "[#n #h(1fr) The whole story, part #part] })\n#set par(justify: true)\n#set text(size: 9pt)\n",
    "footnotes": '#set page(paper: "a5", numbering: "- 1 -")\n'
    "#set par(justify: true, first-line-indent: 1em, spacing: 0.65em)\n"
    "#set text(size: 9pt, hyphenate: true)\n",
    "front matter": '#set page(paper: "a5", numbering: "i")\n#set text(size: 10pt)\n' + FRONT + "\n"
    '#pagebreak()\n#set page(numbering: "1")\n#counter(page).update(1)\n',
    "other scripts": '#set page(paper: "a5", numbering: "1")\n#set par(justify: true)\n'
    f'#set text(font: ("DejaVu Sans", "{BOXES}"), size: 10pt)\n',
}


@dataclass(frozen=True)
class Typeset:
    """A document's paragraphs, the plain text of them, and the PDF made of them."""

    name: str
    layout: str
    plain: str
    pdf: bytes


def corpus_paragraphs(count: int, words: int = 1500) -> Iterator[tuple[str, list[str]]]:
    """The first paragraphs of documents of the validation corpus: prose that any line break may cut."""
    found = 0
    with gzip.open(CORPUS / "val.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            kept: list[str] = []
            for paragraph in record["document"].split("\n\n"):
                text = " ".join(paragraph.split())
                if _is_prose(text):
                    kept.append(text)
                if sum(len(one.split()) for one in kept) > words:
                    break
            if sum(len(one.split()) for one in kept) > words / 3:
                found += 1
                yield record["id"], kept
                if found == count:
                    return


def _is_prose(text: str) -> bool:
    sentences = re.search(r"\w.*[.?!]$", text) and text.isascii() and len(text.split()) > 6
    return bool(sentences) and not _CAPTION.match(text) and not _BROKEN.search(text)


def documents(count: int, words: int = 1500) -> Iterator["Typeset"]:
    """Yield `count` documents in each layout."""
    for name, paragraphs in corpus_paragraphs(count, words):
        for layout in LAYOUTS[:-1]:
            yield typeset(name, paragraphs, layout)
    for name, paragraphs in script_paragraphs(count):
        yield typeset(name, paragraphs, LAYOUTS[-1])


def _note(number: int) -> str:
    """A note at the foot of a page; no two are the same."""
    first, second = divmod(number, len(_BOATS))
    return f"See the {_BOATS[second]} of harbour {'I' * (first + 1)}, which is no part of this sentence."


_BOATS = [
    "barge",
    "brig",
    "clipper",
    "cutter",
    "dinghy",
    "dory",
    "ferry",
    "galley",
    "hulk",
    "ketch",
    "lighter",
    "lugger",
    "punt",
    "schooner",
    "sloop",
    "yawl",
]


def typeset(name: str, paragraphs: list[str], layout: str) -> Typeset:
    """Typeset paragraphs in a layout of `LAYOUTS`."""
    import typst

    shown = [_SPECIAL.sub(r"\\\1", paragraph) for paragraph in paragraphs]
    # A number or a bullet at the start would make a list of it.
    shown = [re.sub(r"^(\d+)([.)])", r"\1\\\2", paragraph) for paragraph in shown]
    if layout == "footnotes":
        shown = [
            paragraph.replace(" ", f"#footnote[{_note(number)}] ", 1) if number % 3 == 1 else paragraph
            for number, paragraph in enumerate(shown)
        ]
    language = f'#set text(lang: "{name[:2]}")\n' if layout == "other scripts" else ""
    source = "#set smartquote(enabled: false)\n" + _HEAD[layout] + language + "\n\n".join(shown)
    plain = [*([FRONT] if layout == "front matter" else []), *paragraphs]
    return Typeset(
        name,
        layout,
        "\n\n".join(plain),
        typst.compile(source.encode(), format="pdf", font_paths=typst.Fonts(font_paths=[box_fonts()])),
    )
