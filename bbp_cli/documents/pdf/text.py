"""The blocks of all pages → one text with its pages: sentences go on over pages, columns and what stands
between.

Notes, captions, tables and formulas never stand inside a sentence: each is put behind the paragraph it
interrupts where that ends on the same page, or else before it, or else between two of its sentences.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise

from bigbird_pegasus.text.line_patterns import ends_as_sentence

from bbp_cli.documents.pdf.characters import Word
from bbp_cli.documents.pdf.furniture import MIN_PAGES, MIN_SIDE, bodies
from bbp_cli.documents.pdf.hyphens import joint, vocabulary
from bbp_cli.documents.pdf.layout import PageLayout, PageLine, is_unspaced
from bbp_cli.documents.pdf.page import Aside
from bbp_cli.documents.pdf.paragraphs import INDENT, SAME_SIZE, Block, blocks_of

PlacedWord = tuple[int, int, int, Word]  # where it begins and ends in the text, its page from 0
PARAGRAPH_BREAK = "\n\n"
_REFERENCES = re.compile(
    r"(?:\d{1,2}\.?\s+|[ivx]+\.\s+)?(?:references|bibliography|works cited|literature cited|literatur"
    r"(?:verzeichnis)?|bibliograph?ie|références|bibliografía|referencias|riferimenti(?: bibliografici)?"
    r"|referências|список литературы|литература|参考文献|参考文獻)\W*",
    re.IGNORECASE,
)
_AFTER_REFERENCES = re.compile(
    r"(?:appendix|appendices|anhang|annexe?|supplement|acknowledge?ments?|[A-Z]\.?\s+[A-Z][a-z])",
    re.IGNORECASE,
)
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_SYMBOLS = "*∗†‡§¶"
_NOTE_NUMBER = re.compile(rf"([\d{_RAISED}]{{1,3}}|[{_SYMBOLS}]{{1,3}})")
_SYMBOL_MARK = re.compile(rf"(?<=[^\s{_SYMBOLS}])([{_SYMBOLS}]{{1,3}})(?=\s|$)")
_MARK = re.compile(rf"(?<=[^\s{_RAISED}])(?<!10)[{_RAISED}]{{1,3}}(?:,[{_RAISED}]{{1,3}})*")
_PLAIN = str.maketrans(_RAISED, "0123456789")


@dataclass(frozen=True)
class Piece:
    """A part of a line with what joins it to the next: `text` begins at the character `start` of the line."""

    page: int
    text: str
    line: PageLine
    start: int = 0

    def cut(self, first: int, last: int) -> "Piece":
        """Return the characters from `first` to `last` of it."""
        return replace(self, text=self.text[first:last], start=self.start + first)


@dataclass
class Paragraph:
    """Lines with their pages (from 0), and the blocks that interrupt them behind the line of a number."""

    block: Block
    kind: str
    lines: list[tuple[int, PageLine]]
    inside: list[tuple[int, int, Block]] = field(default_factory=list)  # behind the line, page, block


@dataclass
class _Text:
    """A text while it grows, with the spans of its pages and asides, and where each of its words stands."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)
    asides: list[Aside] = field(default_factory=list)
    words: list[PlacedWord] = field(default_factory=list)
    page: int = 0

    def add(self, pieces: Sequence[Piece], kind: str) -> None:
        """Add a paragraph, in pieces that are each of one page."""
        if not any(piece.text for piece in pieces):
            return
        if self.length:
            self._append(PARAGRAPH_BREAK)
        start = self.length
        for piece in pieces:
            self.page = max(self.page, piece.page)
            begin = self.length
            self._append(piece.text)
            first = self.spans.get(self.page, (begin, begin))[0]
            self.spans[self.page] = (first, begin + len(piece.text.rstrip()))
            end = piece.start + len(piece.text)
            self.words += [
                (begin + max(0, first - piece.start), begin + min(last, end) - piece.start, piece.page, word)
                for first, last, word in piece.line.places
                if first < end and piece.start < last
            ]
        if kind not in ("body", "heading", "item"):
            self.asides.append(Aside(start, self.length, kind))

    def _append(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)


@dataclass(frozen=True)
class LaidOutText:
    """The text of a document, the span of each page in it, its asides, and its words with their places."""

    text: str
    pages: tuple[tuple[int, int], ...]
    asides: tuple[Aside, ...]
    words: tuple[PlacedWord, ...]


def text_of(pages: Sequence[PageLayout]) -> LaidOutText:
    """Return the text of all pages."""
    layouts = [
        [[line for line in column if body.holds(line.baseline)] for column in page.columns]
        for page, body in zip(pages, bodies(pages), strict=True)
    ]
    size = body_size(layouts)
    words = vocabulary(line.text for page in layouts for column in page for line in column)
    columns = [(n, blocks_of(column, size)) for n, layout in enumerate(layouts) for column in layout]
    columns = sorted(columns + _turned(pages, size), key=lambda one: one[0])
    text = _Text()
    for paragraph in _with_references(list(_paragraphs(columns))):
        _write(text, paragraph, words)
    spans, position = [], 0
    for number in range(len(pages)):
        start, position = text.spans.get(number, (position, position))
        spans.append((start, position))
    return LaidOutText("".join(text.parts), tuple(spans), tuple(text.asides), tuple(text.words))


def body_size(layouts: Sequence[Sequence[Sequence[PageLine]]]) -> float:
    """Return the size that most characters have."""
    sizes: Counter[float] = Counter()
    for page in layouts:
        for column in page:
            for line in column:
                sizes[round(line.size * 5) / 5] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _turned(pages: Sequence[PageLayout], size: float) -> list[tuple[int, list[Block]]]:
    """Return the blocks of text that is turned against its page, but not what comes again on other pages."""
    found = [(number, blocks_of(column, size)) for number, page in enumerate(pages) for column in page.turned]
    keys = Counter(_key(blocks) for _, blocks in found)
    often = max(MIN_SIDE, min(MIN_PAGES, len(pages) / 2))
    return [
        (number, [replace(block, kind="turned") for block in blocks])
        for number, blocks in found
        if keys[_key(blocks)] < often
    ]


def _key(blocks: Sequence[Block]) -> str:
    return re.sub(r"\d+", "#", " ".join(line.text for block in blocks for line in block.lines)).casefold()


def _paragraphs(columns: Sequence[tuple[int, Sequence[Block]]]) -> Iterator[Paragraph]:
    """Paragraphs in reading order; those that go on behind a page or an aside are one."""
    running: Paragraph | None = None
    between: list[tuple[int, Block]] = []
    indents = _uses_indents(columns)
    numbers = _note_numbers(columns)
    for page, blocks in columns:
        notes = numbers[page - 1] | numbers[page] | numbers[page + 1]  # a note may slip to the next page
        for number, block in enumerate(blocks):
            lines = [(page, line) for line in block.lines]
            if block.kind not in ("body", "heading", "item"):
                between.append((page, block))
                continue
            lines = [(page, _without_marks(line, notes)) for line in block.lines]
            moved = number == 0 or bool(between)
            if running is not None and _continues(running, block, moved, indents and number == 0):
                place = len(running.lines)
                running.inside += [(place, on, aside) for on, aside in between]
                running.lines += lines
                between = []
                continue
            if running is not None:
                yield running
            yield from (_aside(on, aside) for on, aside in between)
            between = []
            running = Paragraph(block, block.kind, lines)
            if block.kind == "heading":
                yield running
                running = None
    if running is not None:
        yield running
    yield from (_aside(on, aside) for on, aside in between)


def _aside(page: int, block: Block) -> Paragraph:
    return Paragraph(block, block.kind, [(page, line) for line in block.lines])


def _uses_indents(columns: Sequence[tuple[int, Sequence[Block]]]) -> bool:
    """Return whether the paragraphs of a document begin with an indented line."""
    longer = [
        block for _, blocks in columns for block in blocks if block.kind == "body" and len(block.lines) > 2
    ]
    indented = sum(block.lines[0].x0 > block.lines[1].x0 + INDENT * block.lines[0].size for block in longer)
    return indented > 0.3 * len(longer)


def _continues(running: Paragraph, block: Block, moved: bool, indents: bool) -> bool:
    """Return whether a block goes on with the paragraph before it."""
    if block.kind != "body":
        return False
    last, first = running.lines[-1][1], block.lines[0]
    if abs(last.size - first.size) > SAME_SIZE * max(last.size, first.size):
        return False
    if last.text[-1] in "-‐\u00ad" and first.text[0].isalnum():
        return True
    full = last.x1 + 0.25 * last.size + first.first > running.block.right - 0.2 * last.size
    indented = first.x0 > block.left + INDENT * first.size
    if ends_as_sentence(last.text):
        return moved and full and indents and not indented
    if last.text[-1] == ":":
        return False
    if first.text[0].islower() or last.text[-1] in ",;(":
        return True
    return moved and full


def _note_numbers(columns: Sequence[tuple[int, Sequence[Block]]]) -> dict[int, set[str]]:
    """Return the numbers of the notes at the foot of each page; none for others."""
    numbers: dict[int, set[str]] = defaultdict(set)
    for page, blocks in columns:
        for line in (line for block in blocks if block.kind == "footnote" for line in block.lines):
            if match := _NOTE_NUMBER.match(line.text):
                numbers[page].add(match[1].translate(_PLAIN))
    return numbers


def _without_marks(line: PageLine, notes: set[str]) -> PageLine:
    """Return a line without the marks of the notes below it, which are not read out: numbers or signs."""
    if not notes:
        return line

    def is_number(match: re.Match[str]) -> bool:
        return all(number in notes for number in match[0].translate(_PLAIN).split(","))

    return _without(_without(line, _MARK, is_number), _SYMBOL_MARK, lambda match: match[1] in notes)


def _without(line: PageLine, pattern: re.Pattern[str], is_mark: Callable[[re.Match[str]], bool]) -> PageLine:
    """Return a line without the marks of a pattern; its words stay where they are on the page."""
    marks = [match.span() for match in pattern.finditer(line.text) if is_mark(match)]
    if not marks:
        return line

    def moved(position: int) -> int:
        return position - sum(min(end, position) - start for start, end in marks if start < position)

    ends = [0, *(position for mark in marks for position in mark), len(line.text)]
    text = "".join(line.text[start:end] for start, end in zip(ends[::2], ends[1::2], strict=True))
    return replace(line, text=text, places=tuple((moved(a), moved(b), word) for a, b, word in line.places))


def _with_references(paragraphs: Sequence[Paragraph]) -> Iterator[Paragraph]:
    """Paragraphs; what follows the last heading of a bibliography is marked as that."""
    heading = None
    for number, paragraph in enumerate(paragraphs):
        text = " ".join(line.text for _, line in paragraph.lines[:2])
        if len(paragraph.lines) == 1 and _REFERENCES.fullmatch(text):
            heading = number
    inside = False
    for number, paragraph in enumerate(paragraphs):
        if number == heading:
            inside = True
        elif inside and paragraph.kind == "heading" and number > (heading or 0) + 1:
            inside = not _AFTER_REFERENCES.match(paragraph.lines[0][1].text)
        if inside:
            paragraph.kind = "references"
        yield paragraph


def _write(text: _Text, paragraph: Paragraph, words: Counter[str]) -> None:
    """Add a paragraph, and the asides that interrupt it."""
    if paragraph.kind == "table":
        rows = [Piece(page, line.text + "\n", line) for page, line in paragraph.lines]
        text.add([*rows[:-1], rows[-1].cut(0, -1)], paragraph.kind)
        return
    pieces = _joined(paragraph.lines, words)
    position = 0
    for offset, page, block in _places(paragraph, pieces, at_start=not text.length):
        text.add(_part(pieces, position, offset), paragraph.kind)
        position = offset
        _write(text, _aside(page, block), words)
    text.add(_part(pieces, position, sum(len(piece.text) for piece in pieces)), paragraph.kind)


def _places(paragraph: Paragraph, pieces: Sequence[Piece], *, at_start: bool) -> list[tuple[int, int, Block]]:
    """Return where asides go, as offsets in a paragraph: its end, its start, or where a sentence starts."""
    if not paragraph.inside:
        return []
    first, last = paragraph.lines[0][0], paragraph.lines[-1][0]
    ends = [0, *accumulate(len(piece.text) for piece in pieces)]
    starts: list[int] | None = None
    placed = []
    for place, page, block in paragraph.inside:
        if page >= last:
            placed.append((ends[-1], page, block))
        elif page == first and not at_start:
            placed.append((0, page, block))
        else:
            starts = _sentence_starts("".join(piece.text for piece in pieces)) if starts is None else starts
            before = [start for start in starts if 0 < start <= ends[place]]
            behind = [start for start in starts if start > ends[place]]
            placed.append(((before[-1:] or behind[:1] or ends[-1:])[0], page, block))
    return sorted(placed, key=lambda one: one[0])


def _sentence_starts(text: str) -> list[int]:
    from sentencex import segment  # type: ignore[import-untyped]  # it has no annotations

    return list(accumulate(len(sentence) for sentence in segment("en", text)))[:-1]


def _joined(lines: Sequence[tuple[int, PageLine]], words: Counter[str]) -> list[Piece]:
    """Return the lines of a paragraph, each with what joins it to the next."""
    pieces = []
    for (page, line), (_, following) in pairwise(lines):
        if is_unspaced(line.text[-1]) and is_unspaced(following.text[0]):
            pieces.append(Piece(page, line.text, line))
        else:
            pieces.append(Piece(page, "".join(joint(line.text, following.text, words)), line))
    page, line = lines[-1]
    return [*pieces, Piece(page, line.text, line)]


def _part(pieces: Sequence[Piece], start: int, end: int) -> list[Piece]:
    """Characters from `start` to `end` of the pieces, without space at either end."""
    part = []
    position = 0
    for piece in pieces:
        cut = piece.cut(max(0, start - position), max(0, end - position))
        position += len(piece.text)
        if cut.text:
            part.append(cut)
    if part:
        part[0] = part[0].cut(len(part[0].text) - len(part[0].text.lstrip()), len(part[0].text))
        part[-1] = part[-1].cut(0, len(part[-1].text.rstrip()))
    return part
