"""Rewritten summaries: one model chooses sentences of a document, and one that writes is shown these alone.

What it writes about a passage cites that passage: the model has seen nothing else.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from bigbird_pegasus.checkpoints.files import DEFAULT_MODEL
from bigbird_pegasus.errors import CheckpointError
from bigbird_pegasus.inference.extractive_model import ExtractiveModel
from bigbird_pegasus.inference.numpy_model import load_numpy_model
from bigbird_pegasus.kernels.threads import usable_processors
from bigbird_pegasus.summarization.choosing.extractive import extractive_steps
from bigbird_pegasus.summarization.options import SummaryOptions
from bigbird_pegasus.summarization.quality import Stop, measure_quality
from bigbird_pegasus.summarization.steps import run_steps
from bigbird_pegasus.summarization.summary import Summary, SummarySentence
from bigbird_pegasus.summarization.writing.abstractive import written_sentences, written_warnings
from bigbird_pegasus.summarization.writing.long_documents import Writer, WrittenPart
from bigbird_pegasus.summarization.writing.support import source_facts
from bigbird_pegasus.summarization.writing.truecasing import surface_forms
from bigbird_pegasus.summarization.writing.written_text import (
    MIN_NEW_TOKENS,
    GenerationRequest,
    WrittenText,
    blocked_ngrams,
    join,
    max_new_tokens,
)
from bigbird_pegasus.text.parsed_text import ParsedText
from bigbird_pegasus.text.sections import under_headings
from bigbird_pegasus.text.windows import EncodedText, Window, encode, pack
from bigbird_pegasus.text.words import count_words
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

if TYPE_CHECKING:
    from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration

CHOOSER_BATCH_SIZE = 8  # windows
GROWTH = 1.5  # tokens that may be written for one of the longest passage, and some more, for it to end


@dataclass(frozen=True)
class Chooser:
    """The model that chooses, and its tokenizer."""

    model: ExtractiveModel
    tokenizer: PegasusTokenizer


@dataclass(frozen=True)
class Passage:
    """Sentences that stand next to each other and were chosen, as a window of the model that writes."""

    window: Window
    start: int
    end: int
    score: float
    heading: str | None


def default_chooser() -> Chooser:
    """Load the model that comes with the package.

    Raises:
        CheckpointError: its files are damaged.
    """
    model = load_numpy_model(DEFAULT_MODEL, usable_processors())
    if model is None:
        raise CheckpointError(f"{DEFAULT_MODEL}: the default model is damaged")
    return Chooser(model, PegasusTokenizer.from_pretrained(DEFAULT_MODEL))


def rewrite_steps(
    text: ParsedText,
    model: "BigBirdPegasusForConditionalGeneration",
    tokenizer: PegasusTokenizer,
    options: SummaryOptions,
    chooser: Chooser,
) -> Generator[Sequence[GenerationRequest], Sequence[WrittenText], Summary]:
    """Choose, yield a request for each passage, be sent what `write` makes of it, return the summary."""
    choosing = replace(options, generation={}, mode=None)
    steps = extractive_steps(text, chooser.model, chooser.tokenizer, choosing)
    found = run_steps(steps, chooser.model.encode_windows, CHOOSER_BATCH_SIZE)
    if not found.sentences:
        return found
    limit = min(tokenizer.model_max_length, model.config.max_position_embeddings) - 1
    encoded = encode(text, tokenizer, limit)
    passages = passages_of(found.sentences, encoded, limit)
    forms = surface_forms(text.raw if options.restore_case else "")
    writer = Writer(model, tokenizer, replace(options, length=None), limit, forms)
    longest = max(passage.window.tokens for passage in passages)
    possible = min(max_new_tokens(model), model.config.max_position_embeddings)
    most = min(int(GROWTH * longest) + MIN_NEW_TOKENS, possible)
    parts = yield from writer.write(encoded, [(passage.window,) for passage in passages], most)
    return _summary(text, found, encoded, passages, parts, blocked_ngrams(options, model))


def passages_of(sentences: Sequence[SummarySentence], encoded: EncodedText, limit: int) -> list[Passage]:
    """Return the passages that chosen sentences make, in document order, none longer than a window."""
    starts = [span.start for span in encoded.sentences]
    ends = [span.end for span in encoded.sentences]
    token_starts = [0]
    for count in encoded.counts:
        token_starts.append(token_starts[-1] + count)
    runs: list[tuple[int, int, float, str | None]] = []
    for one in sentences:
        first, last = bisect_right(ends, one.start), bisect_left(starts, one.end)
        score = one.score or 0.0
        if runs and runs[-1][1] == first and runs[-1][3] == one.heading:
            runs[-1] = (runs[-1][0], last, max(runs[-1][2], score), one.heading)
        else:
            runs.append((first, last, score, one.heading))
    passages = []
    for first, last, score, heading in runs:
        for piece in pack(encoded.counts[first:last], limit):
            begin, end = first + piece.first, first + piece.last
            window = Window(begin, end, token_starts[begin], piece.tokens)
            passages.append(Passage(window, starts[begin], ends[end - 1], score, heading))
    return passages


def _summary(
    text: ParsedText,
    found: Summary,
    encoded: EncodedText,
    passages: Sequence[Passage],
    parts: Sequence[WrittenPart],
    blocked: int,
) -> Summary:
    facts = source_facts(text.raw)
    sentences: list[SummarySentence] = []
    for passage, part in zip(passages, parts, strict=True):
        sentences += [
            replace(one, start=passage.start, end=passage.end, score=passage.score)
            for one in written_sentences(part, encoded, text, facts, passage.heading)
        ]
    blocks = [
        (heading, join(part.text for _, part in group))
        for heading, group in groupby(zip(passages, parts, strict=True), key=lambda pair: pair[0].heading)
    ]
    summary = under_headings(blocks)
    stop: Stop = "end" if all(part.ended for part in parts) else found.quality.stop
    retries = sum(part.retries for part in parts)
    return replace(
        found,
        summary=summary,
        sentences=tuple(sentences),
        quality=measure_quality(count_words(text.raw), summary, stop, blocked, retries),
        warnings=(*found.warnings, *written_warnings(sentences)),
    )
