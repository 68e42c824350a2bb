"""A report as one HTML file: summary and source side by side, each sentence linked with where it stands.

Nothing is loaded from elsewhere: the page's policy forbids it, and allows its own script alone.
"""

import base64
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from urllib.parse import quote

from bigbird_pegasus.text.speech import with_speaker
from bigbird_pegasus.text.words import clean

from bbp_cli.documents.document import Document, display_name
from bbp_cli.output.citations import place
from bbp_cli.output.report import Report

INDEX_WORDS = 30  # of a summary that the list of a run shows
_BLANK_LINES = re.compile(r"\n[^\S\n]*\n")
# Control characters are no HTML but for tab and line feed; bidirectional marks stay, isolated by `dir`.
_CONTROLS = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if code not in (9, 10)}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; {script}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="bbp">
<title>Summary of {title}</title>
<style>
{css}</style>
</head>
<body>
{body}
{tail}</body>
</html>"""


@dataclass(frozen=True)
class _Highlight:
    """A span of the document that a sentence of the summary (from 1) rests on."""

    start: int
    end: int
    sentence: int
    is_first: bool


def as_html(report: Report) -> str:
    """Return a report on one document as a self-contained page."""
    document = report.document
    highlights = _highlights(report)
    script = _asset("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    title = _text(clean(report.title))
    body = [
        '<a class="skip" href="#summary">To the summary</a>',
        f"<header><h1><bdi>{title}</bdi></h1></header>",
        _strip(highlights, len(document.text)),
        "<main>",
        _summary(report),
        '<section id="source" aria-label="The document">',
        *_source(document, highlights),
        "</section>",
        "</main>",
        _foot(report),
    ]
    return _PAGE.format(
        title=title,
        css=_asset("report.css"),
        body="\n".join(body),
        script=f"script-src 'sha256-{digest}'",
        tail=f"<script>{script}</script>\n",
    )


@dataclass(frozen=True)
class IndexEntry:
    """A report in the list of a run: the document's name, the report's file, how the summary begins."""

    name: str
    file: Path
    beginning: str


def index_entry(path: str, file: Path, summary: str) -> IndexEntry:
    """Return what the list of a run shows of one document: its name and the beginning of its summary."""
    words = clean(summary).split(" ")
    more = " …" if len(words) > INDEX_WORDS else ""
    return IndexEntry(display_name(path), file, " ".join(words[:INDEX_WORDS]) + more)


def as_index(folder: Path, entries: Sequence[IndexEntry]) -> str:
    """Return the page that lists the reports below a folder, in the order of the inputs."""
    items = [
        f'<li><a href="{_address(entry.file.relative_to(folder))}"><bdi>{_text(clean(entry.name))}</bdi></a>'
        f'<br><span dir="auto">{_text(entry.beginning)}</span></li>'
        for entry in entries
    ]
    heading = f"{len(entries)} summaries" if len(entries) > 1 else "One summary"
    body = [f"<header><h1>{heading}</h1></header>", '<section id="index"><ol>', *items, "</ol></section>"]
    return _PAGE.format(
        title=f"{len(entries)} documents", css=_asset("report.css"), body="\n".join(body), script="", tail=""
    )


def _address(file: Path) -> str:
    return quote(os.fsencode(file.as_posix()))


def _highlights(report: Report) -> list[_Highlight]:
    found = [
        _Highlight(source.start, source.end, number, order == 0)
        for number, sentence in enumerate(report.summary.sentences, start=1)
        for order, source in enumerate(sentence.sources)
    ]
    return sorted(found, key=lambda one: (one.start, one.end))


def _strip(highlights: Sequence[_Highlight], length: int) -> str:
    """Return the bar of the whole document with a mark where each sentence of the summary comes from."""
    marks = []
    for one in highlights:
        left, width = 100 * one.start / max(1, length), 100 * (one.end - one.start) / max(1, length)
        style = f"left: {min(left, 99.0):.2f}%; width: {width:.2f}%"
        marks.append(
            f'<a href="#source-{one.sentence}" data-sentence="{one.sentence}" style="{style}" '
            f'aria-label="Sentence {one.sentence} of the summary"></a>'
        )
    return f'<nav class="strip" aria-label="Where the summary comes from">{"".join(marks)}</nav>'


def _summary(report: Report) -> str:
    items = []
    heading: str | None = None
    for number, sentence in enumerate(report.summary.sentences, start=1):
        if sentence.heading != heading:
            heading = sentence.heading
            items.append(f'</ol><h3 dir="auto">{_text(heading or "")}</h3><ol start="{number}">')
        where = _text(place(sentence, report.document))
        said = _text(with_speaker(sentence.text, sentence.speaker))
        items.append(
            f'<li dir="auto"><a id="sentence-{number}" href="#source-{number}" data-sentence="{number}">'
            f'{said}</a> <span class="place">[{where}]</span></li>'
        )
    return "\n".join(
        [
            '<section id="summary" aria-label="Summary">',
            "<h2>Summary</h2>",
            "<ol>",
            *items,
            "</ol>",
            "</section>",
        ]
    )


def _source(document: Document, highlights: Sequence[_Highlight]) -> Iterator[str]:
    """Pages with their paragraphs; a document without pages is one page without a heading."""
    if not document.pages:
        yield from [
            '<section class="page">',
            *_paragraphs(document, 0, len(document.text), highlights),
            "</section>",
        ]
        return
    for page in document.pages:
        label = f" ({_text(page.label)})" if page.label else ""
        yield f'<section class="page" id="page-{page.number}"><h2>Page {page.number}{label}</h2>'
        empty = not document.text[page.start : page.end].strip()
        if empty:
            yield "<p><em>No text was read on this page.</em></p>"
        else:
            yield from _paragraphs(document, page.start, page.end, highlights)
        yield "</section>"


def _paragraphs(document: Document, start: int, end: int, highlights: Sequence[_Highlight]) -> Iterator[str]:
    """Paragraphs from `start` to `end`, with the highlights that lie in them."""
    inside = [one for one in highlights if one.start < end and start < one.end]
    for first, last in _blocks(document.text, start, end):
        while inside and inside[0].end <= first:
            inside = inside[1:]
        yield f'<p dir="auto">{"".join(_marked(document.text, first, last, inside))}</p>'


def _blocks(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans between blank lines, those without text left out."""
    position = start
    for match in _BLANK_LINES.finditer(text, start, end):
        if text[position : match.start()].strip():
            yield position, match.start()
        position = match.end()
    if text[position:end].strip():
        yield position, end


def _marked(text: str, first: int, last: int, highlights: Sequence[_Highlight]) -> Iterator[str]:
    """Pieces of one paragraph; a span that two sentences share is marked for the first of them."""
    position = first
    for one in highlights:
        if one.start >= last:
            break
        start, end = max(one.start, position), min(one.end, last)
        if start >= end:
            continue
        yield _text(text[position:start])
        identifier = f' id="source-{one.sentence}"' if one.is_first and start == one.start else ""
        yield (
            f'<mark{identifier} data-sentence="{one.sentence}" tabindex="0" role="link" '
            f'aria-label="Sentence {one.sentence} of the summary: {escape(clean(text[start:end]))}">'
            f"{_text(text[start:end])}</mark>"
        )
        position = end
    yield _text(text[position:last])


def _foot(report: Report) -> str:
    rows = [*report.facts, *(("Warning", warning) for warning in report.warnings)]
    items = "".join(f'<dt>{escape(name)}</dt><dd dir="auto">{_text(value)}</dd>' for name, value in rows)
    return f'<footer aria-label="About this summary"><dl>{items}</dl></footer>'


def _text(text: str) -> str:
    return escape(text.translate(_CONTROLS))


@cache
def _asset(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
