"""The places of a summary's sentences as a reader looks them up: `p. 7`, `p. iv (6 of 212)`, `§3`."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from bigbird_pegasus.text.line_patterns import ends_as_sentence
from bigbird_pegasus.text.list_marks import list_mark_end
from bigbird_pegasus.text.sections import under_headings
from bigbird_pegasus.text.speech import named, with_speaker
from bigbird_pegasus.text.words import ends_unspaced

from bbp_cli.documents.document import Document
from bbp_cli.tasks.results import CitedSentence, Origin

NO_SOURCE = "no source found"
MIN_MARKS = 2  # of the items of a list: "10. Downing Street is a house." is none


def place(sentence: CitedSentence, document: Document) -> str:
    """Return where a sentence comes from: its page or pages, or its paragraph in a document without pages.

    A page with a name of its own is given by that, and by its number among all pages. A sentence that a model
    wrote may have no source that is certain.
    """
    first, last = sentence.sources[0], sentence.sources[-1]
    if first.score is None:
        return NO_SOURCE
    if first.page is None:
        numbers = [document.paragraph_at(first.start), document.paragraph_at(max(last.start, last.end - 1))]
        return "§" + "-".join(str(number) for number in dict.fromkeys(numbers))
    last_page = document.page_at(max(last.start, last.end - 1)) or first.page
    if last_page == first.page:
        return f"p. {_page(first, len(document.pages))}"
    end = document.pages[last_page - 1]
    of_total = (
        f" ({first.page}-{last_page} of {len(document.pages)})" if first.page_label or end.label else ""
    )
    return f"pp. {first.page_label or first.page}-{end.label or last_page}{of_total}"


def by_heading(sentences: Sequence[CitedSentence]) -> list[tuple[str | None, list[CitedSentence]]]:
    """Return the sentences of each section with its heading, or all of them with None."""
    return [(heading, list(group)) for heading, group in groupby(sentences, key=lambda one: one.heading)]


def cited(sentences: Sequence[CitedSentence], document: Document) -> str:
    """Return the text of a summary with the place of each sentence behind it: `… north quay. [p. 7]`."""
    return under_headings((heading, _cited(group, document)) for heading, group in by_heading(sentences))


def _cited(sentences: Sequence[CitedSentence], document: Document) -> str:
    parts: list[str] = []
    shown = named([one.text for one in sentences], [one.speaker for one in sentences])
    for text, sentence in zip(shown, sentences, strict=True):
        space = "" if ends_unspaced(text) else " "
        parts += [f"{text}{space}[{place(sentence, document)}]"]
        parts += [" " if ends_as_sentence(sentence.text) else "\n"]
    return "".join(parts).rstrip()


def bullets(sentences: Sequence[CitedSentence], document: Document, *, cite: bool) -> str:
    """Return the sentences of a summary as a list, one a line; with their places where `cite` is set."""

    def item(one: CitedSentence) -> str:
        return f"- {_cited([one], document) if cite else with_speaker(one.text, one.speaker)}"

    shown = without_list_marks(sentences)
    return under_headings((heading, "\n".join(map(item, group))) for heading, group in by_heading(shown))


def without_list_marks(sentences: Sequence[CitedSentence]) -> list[CitedSentence]:
    """Return the sentences of a list without numbers of their own; a number that stands alone is none."""
    ends = [list_mark_end(one.text, "en") for one in sentences]
    if sum(map(bool, ends)) < MIN_MARKS:
        return list(sentences)
    return [replace(one, text=one.text[end:]) for one, end in zip(sentences, ends, strict=True)]


def quote(source: Origin, document: Document) -> str:
    """Return the words of the document that a source names."""
    return document.text[source.start : source.end]


def _page(source: Origin, total: int) -> str:
    if source.page_label is None:
        return str(source.page)
    return f"{source.page_label} ({source.page} of {total})"
