"""Abstractive summaries: the decoder writes about the windows of a text."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from bigbird_pegasus.summarization.options import OnText, SummaryOptions, in_words, resolve
from bigbird_pegasus.summarization.quality import Stop, measure_quality
from bigbird_pegasus.summarization.reading import headings_of, sections_for, windows_of
from bigbird_pegasus.summarization.summary import Summary, SummarySentence, coverage_of, empty_summary
from bigbird_pegasus.summarization.writing.attribution import SentenceIndex, attribute, index_sentences
from bigbird_pegasus.summarization.writing.long_documents import (
    Writer,
    WrittenPart,
    write_fused,
    write_map,
    write_reduced,
)
from bigbird_pegasus.summarization.writing.support import SourceFacts, source_facts, unsupported_facts
from bigbird_pegasus.summarization.writing.truecasing import surface_forms
from bigbird_pegasus.summarization.writing.written_text import (
    GenerationRequest,
    WrittenText,
    blocked_ngrams,
    join,
)
from bigbird_pegasus.text.parsed_text import ParsedText, parse_text
from bigbird_pegasus.text.sections import Section, under_headings
from bigbird_pegasus.text.windows import EncodedText, Window, encode
from bigbird_pegasus.text.words import clean, count_words

if TYPE_CHECKING:
    from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration
    from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

MAX_NAMED_FACTS = 5  # that a warning names
STRATEGIES = {"map": write_map, "reduce": write_reduced, "fuse": write_fused, "truncate": write_map}


def abstractive_steps(
    text: ParsedText,
    model: "BigBirdPegasusForConditionalGeneration",
    tokenizer: "PegasusTokenizer",
    options: SummaryOptions,
    on_text: OnText | None = None,
    *,
    together: bool = False,
) -> Generator[Sequence[GenerationRequest], Sequence[WrittenText], Summary]:
    """Yield requests, be sent what `write` makes of each, return the summary.

    With `on_text` one request is yielded at a time: the summaries of windows grow one after the other. With
    `together` all are, as without it: then each grows, and may change while it does.

    Raises:
        ConfigError: options do not fit a model that writes, or each other.
    """
    options = in_words(resolve(options, writes=True), count_words(text.raw))
    limit = window_tokens(model, tokenizer)
    encoded = encode(text, tokenizer, limit)
    if not encoded.ids:
        return empty_summary(text.language)
    sections, no_sections = sections_for(text, encoded.sentences, options)
    windows = windows_of(encoded, sections, options, limit)
    facts = source_facts(text.raw)
    forms = surface_forms(text.raw if options.restore_case else "")
    ranked = facts if options.mode == "checked" else None
    writer = Writer(model, tokenizer, options, limit, forms, ranked, on_text, together)
    parts = yield from STRATEGIES[str(options.strategy)](writer, encoded, windows)
    found = summary_of_parts(text, encoded, windows, sections, parts, facts, blocked_ngrams(options, model))
    if options.length is None:  # nobody asked for the checkpoint's own bound
        found = replace(found, quality=replace(found.quality, stop="end"))
    return replace(found, warnings=(*no_sections, *found.warnings))


def window_tokens(model: "BigBirdPegasusForConditionalGeneration", tokenizer: "PegasusTokenizer") -> int:
    """Return the tokens of a window: one less than fits, for `</s>` ends each."""
    return min(tokenizer.model_max_length, model.config.max_position_embeddings) - 1


def summary_of_parts(
    text: ParsedText,
    encoded: EncodedText,
    windows: Sequence[Window],
    sections: Sequence[Section],
    parts: Sequence[WrittenPart],
    facts: SourceFacts,
    blocked: int,
) -> Summary:
    """Return a summary that was written in parts, with the source of each sentence."""
    sentences: list[SummarySentence] = []
    blocks: list[tuple[str | None, str]] = []
    headings = headings_of(windows, sections)
    of_parts = headings if len(parts) == len(windows) else [None] * len(parts)
    for part, heading in zip(parts, of_parts, strict=True):
        written = written_sentences(part, encoded, text, facts, heading)
        kept = _not_shared(written, sentences, part, encoded)
        sentences += kept
        blocks.append((heading, part.text if len(kept) == len(written) else " ".join(s.text for s in kept)))
    by_heading = [
        (heading, join(one for _, one in group)) for heading, group in groupby(blocks, lambda block: block[0])
    ]
    summary = under_headings(by_heading)
    traced = [one for one in sentences if len(parts) == len(windows) or one.score is not None]
    stop: Stop = "end" if all(part.ended for part in parts) else "length"
    return Summary(
        summary,
        tuple(sentences),
        coverage_of(encoded, windows, traced, headings),
        measure_quality(count_words(text.raw), summary, stop, blocked, sum(part.retries for part in parts)),
        text.language,
        written_warnings(sentences),
    )


def written_sentences(
    part: WrittenPart, encoded: EncodedText, text: ParsedText, facts: SourceFacts, heading: str | None
) -> list[SummarySentence]:
    """Return the sentences of a text, each with the sentence it rests on, or all that the text is about."""
    spans = encoded.sentences[part.windows[0].first : part.windows[-1].last]
    index: SentenceIndex = index_sentences([text.on_one_line(span) for span in spans])
    found = []
    for span in parse_text(part.text).sentences:
        written = clean(part.text[span.start : span.end])
        start, end, overlap = spans[0].start, spans[-1].end, None
        if source := attribute(written, index):
            start, end, overlap = spans[source[0]].start, spans[source[0]].end, round(source[1], 6)
        unsupported = unsupported_facts(written, facts)
        found.append(SummarySentence(written, start, end, overlap, unsupported, heading=heading))
    return found


def _not_shared(
    sentences: Sequence[SummarySentence],
    before: Sequence[SummarySentence],
    part: WrittenPart,
    encoded: EncodedText,
) -> list[SummarySentence]:
    """Return the sentences of a window's summary without those that the window before has brought already.

    Those rest on a sentence that both windows hold, or say the same in the same words.
    """
    window = part.windows[0]
    if not window.shared or len(part.windows) > 1:
        return list(sentences)
    end = encoded.sentences[window.first + window.shared - 1].end
    places = {(one.start, one.end) for one in before if one.score is not None}
    texts = {one.text.casefold() for one in before}
    return [
        one
        for one in sentences
        if one.text.casefold() not in texts
        and not (one.score is not None and one.end <= end and (one.start, one.end) in places)
    ]


def written_warnings(sentences: Sequence[SummarySentence]) -> tuple[str, ...]:
    """Return warnings about a text that a model wrote: it is empty, or names what the document lacks."""
    if not sentences:
        return ("the model wrote nothing",)
    found = list(dict.fromkeys(fact.text for sentence in sentences for fact in sentence.unsupported))
    if not found:
        return ()
    more = f" and {len(found) - MAX_NAMED_FACTS} more" if len(found) > MAX_NAMED_FACTS else ""
    return (f"not in the document: {', '.join(found[:MAX_NAMED_FACTS])}{more}",)
