"""A summary made of sentences of the document, whoever has chosen them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from bigbird_pegasus.summarization.quality import Stop, measure_quality
from bigbird_pegasus.summarization.reading import parts_of
from bigbird_pegasus.summarization.summary import Summary, SummarySentence, coverage_of
from bigbird_pegasus.text.list_marks import letter_mark, list_mark_end
from bigbird_pegasus.text.parsed_text import ParsedText
from bigbird_pegasus.text.quotation import with_both_marks
from bigbird_pegasus.text.sections import Section, under_headings
from bigbird_pegasus.text.sentences import Sentence
from bigbird_pegasus.text.speech import named
from bigbird_pegasus.text.windows import EncodedText, Window
from bigbird_pegasus.text.words import count_words

CUT = "\u2026"  # behind a sentence of which not all is printed


@dataclass(frozen=True)
class Choice:
    """The numbers of the sentences that are chosen, in document order, and why they end.

    `shortened` holds those of which not all has room. `warnings` are for whoever reads the summary.
    """

    numbers: list[int]
    stop: Stop
    shortened: Mapping[int, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def summary_of_chosen(
    text: ParsedText,
    encoded: EncodedText,
    windows: Sequence[Window],
    sections: Sequence[Section],
    texts: Sequence[str],
    shown: Sequence[str],
    speakers: Sequence[str],
    scores: Sequence[float],
    choice: Choice,
    join: Callable[[Sequence[str]], str],
    min_words: int = 0,
) -> Summary:
    """Return the summary of the sentences that are chosen.

    An item without its list loses its number, a sentence of a longer quotation has both of its marks, and
    what is cut ends with "…".

    Args:
        text: the document.
        encoded: its sentences, of which those in `windows` were read.
        windows: that were read.
        sections: where each has a summary of its own.
        texts: of all sentences that were read.
        shown: the same as they are printed, some shortened.
        speakers: of them.
        scores: of them.
        choice: of them.
        join: makes one text of sentences.
        min_words: that the summary has; numbers of items count where it would have fewer without them.
    """
    marks = _list_marks(text, encoded, shown, choice.numbers) if choice.stop != "whole" else {}
    if sum(count_words(shown[n]) for n in choice.numbers) - len(marks) < min_words:
        marks = {}
    in_sections = {n: one.heading for one in sections for n in range(one.first, one.last)}
    headings = [in_sections.get(n) for n in choice.numbers]
    printed = [shown[n][marks.get(n, 0) :] for n in choice.numbers]
    if choice.stop != "whole":
        printed = [with_both_marks(one) for one in printed]
    printed = [
        one + CUT if n in choice.shortened else one for n, one in zip(choice.numbers, printed, strict=True)
    ]
    named_texts = named(printed, [speakers[n] for n in choice.numbers])
    summary = under_headings(blocks_by_heading(headings, named_texts, join))
    spans = encoded.sentences
    sentences = tuple(
        SummarySentence(
            one,
            spans[n].start + marks.get(n, 0),
            spans[n].end,
            round(scores[n], 6),
            speaker=speakers[n] or None,
            heading=heading,
        )
        for n, one, heading in zip(choice.numbers, printed, headings, strict=True)
    )
    return Summary(
        summary,
        sentences,
        coverage_of(encoded, windows, sentences, *parts_of(encoded, sections)),
        measure_quality(sum(count_words(one) for one in texts), summary, choice.stop),
        text.language,
        choice.warnings,
    )


def _list_marks(
    text: ParsedText, encoded: EncodedText, shown: Sequence[str], chosen: Sequence[int]
) -> dict[int, int]:
    """Return how many characters mark an item of a list, of each chosen one that stands outside of its list.

    Where all of them stand below each other the numbers stay, and so do those beside no item: "10. Downing
    Street …".
    """
    marks = {n: end for n in chosen if (end := _mark_end(shown[n], text.language))}
    if all(n - 1 in marks or n + 1 in marks for n in marks):
        return {}
    spans = encoded.sentences
    # Characters are those of the text, but where white space stands in the mark.
    marks = {n: end for n, end in marks.items() if text.raw.startswith(shown[n][:end], spans[n].start)}
    return {n: end for n, end in marks.items() if _is_in_list(n, shown, spans, text.language)}


def _mark_end(sentence: str, language: str | None) -> int:
    return list_mark_end(sentence, language) or letter_mark(sentence)[1]


def _is_in_list(number: int, texts: Sequence[str], spans: Sequence[Sentence], language: str | None) -> bool:
    """Return whether what is before or after a marked sentence, a paragraph or an item, is marked too."""
    letter, _ = letter_mark(texts[number])
    for step, places in ((-1, range(number - 1, -1, -1)), (1, range(number + 1, len(texts)))):
        for place in places:
            if letter and letter_mark(texts[place])[0] == chr(ord(letter) + step):
                return True
            if not letter and list_mark_end(texts[place], language):
                return True
            if spans[place].starts_paragraph:
                break
    return False


def blocks_by_heading(
    headings: Sequence[str | None], texts: Sequence[str], join: Callable[[Sequence[str]], str]
) -> list[tuple[str | None, str]]:
    """Return the sentences of a summary as one text for each heading, in order."""
    pairs = groupby(zip(headings, texts, strict=True), key=lambda pair: pair[0])
    return [(heading, join([text for _, text in group])) for heading, group in pairs]
