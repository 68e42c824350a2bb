"""Extractive summaries: every sentence of a text is scored, and those that add most are the summary.

The encoder reads one window by itself; the vectors that it makes of sentences are scored together.
"""

import math
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from bigbird_pegasus.errors import CheckpointError
from bigbird_pegasus.inference.extractive_model import ExtractiveModel
from bigbird_pegasus.inference.numpy_functions import Floats, NetworkWeights
from bigbird_pegasus.inference.sentence_networks import score_sentences, selection_gains
from bigbird_pegasus.kernels.blas import single_threaded_blas
from bigbird_pegasus.summarization.document_features import columns_digest, document_features
from bigbird_pegasus.summarization.general_scores import with_general_scorer
from bigbird_pegasus.summarization.options import SummaryOptions
from bigbird_pegasus.summarization.quality import Stop, measure_quality
from bigbird_pegasus.summarization.sentence_features import SentenceFeatures, sentence_features
from bigbird_pegasus.summarization.sentence_selection import select_sentences
from bigbird_pegasus.summarization.standalone import deductions
from bigbird_pegasus.summarization.summary import Summary, SummarySentence, coverage_of, empty_summary
from bigbird_pegasus.text.line_patterns import ends_as_sentence
from bigbird_pegasus.text.parsed_text import ParsedText
from bigbird_pegasus.text.sentence_filter import eligible_sentences, is_made_of_sentences
from bigbird_pegasus.text.speech import named, speakers_of, with_speaker
from bigbird_pegasus.text.windows import EncodedText, Window, encode, first_window, pack
from bigbird_pegasus.text.words import count_words, ends_unspaced, first_words

if TYPE_CHECKING:
    from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer


MAX_LOG_LENGTH = 10.0  # logarithm of a summary's words; more is nothing a model has learned
MIN_SUMMARY_WORDS = 40  # that a summary is expected to have: hardly one that was learned from has fewer …
MAX_SUMMARY_SHARE = 1 / 5  # … and at most, of its document's words

DEFAULT_SUMMARY_WORDS = 100  # words at most of a short text that is printed whole, and of a single sentence
MIN_LEAD_WORDS = 30  # words
_QUESTION = re.compile(r"Q(?:uestion)?(?: ?\d+)?[:.] ?\w.*\?$", re.IGNORECASE)
_ANSWER = re.compile(r"A(?:nswer)?(?: ?\d+)?[:.] ?\w", re.IGNORECASE)
MAX_WHOLE_SENTENCES = 3  # sentences: a text of at most so many is its own summary


def extractive_steps(
    text: ParsedText,
    model: ExtractiveModel,
    tokenizer: "PegasusTokenizer",
    options: SummaryOptions,
) -> Generator[Sequence[tuple[EncodedText, Window]], Sequence[Floats], Summary]:
    """Yield windows, be sent what the model's `encode_windows` makes of each, return the summary."""
    limit = min(tokenizer.model_max_length, model.config.max_position_embeddings)
    encoded = encode(text, tokenizer, limit)
    if not encoded.ids:
        return empty_summary(text.language)
    windows = [first_window(encoded.counts, limit)] if options.truncate else pack(encoded.counts, limit)
    vectors = np.concatenate((yield [(encoded, window) for window in windows]))
    spans = encoded.sentences[: len(vectors)]
    texts = [text.on_one_line(span) for span in spans]
    allowed = eligible_sentences(text, spans)
    scored = score_document(model, vectors, texts, [span.starts_paragraph for span in spans], allowed)
    speakers = speakers_of(text.plain, text.lines, [span.start for span in spans])
    spoken = [with_speaker(one, speaker) for one, speaker in zip(texts, speakers, strict=True)]
    if is_made_of_sentences(text, spans, allowed):
        chosen, stop = choose(spoken, scored, options.length, allowed, model.selector)
        chosen = with_questions(spoken, chosen, options.length)
    else:  # scores say nothing of a text that is no running text
        chosen, stop = first_pieces(spoken, options.length, allowed)
    warnings = _cut_single_sentence(texts, chosen, options.length or DEFAULT_SUMMARY_WORDS)
    summary = join_sentences(named([texts[n] for n in chosen], [speakers[n] for n in chosen]))
    sentences = [
        SummarySentence(
            texts[n], spans[n].start, spans[n].end, round(scored.scores[n], 6), speaker=speakers[n] or None
        )
        for n in chosen
    ]
    return Summary(
        summary,
        tuple(sentences),
        coverage_of(len(encoded.ids), sum(window.tokens for window in windows), len(windows)),
        measure_quality(sum(count_words(one) for one in texts), summary, stop),
        text.language,
        warnings,
    )


def _cut_single_sentence(texts: list[str], chosen: Sequence[int], max_words: int) -> tuple[str, ...]:
    """Cut the only chosen sentence in `texts` where it is longer than a summary may be; return a warning."""
    if len(chosen) != 1 or count_words(texts[chosen[0]]) <= max_words:
        return ()
    texts[chosen[0]] = first_words(texts[chosen[0]], max_words)
    return (f"no sentence has at most {max_words} words: the best one is cut",)


def join_sentences(sentences: Sequence[str]) -> str:
    """Join sentences by spaces; after what does not end as one (a list's item) comes a line break."""
    parts: list[str] = []
    for text in sentences:
        space = "" if ends_unspaced(text) else " "
        parts += [text, space if ends_as_sentence(text) else "\n"]
    return "".join(parts).rstrip()


@dataclass(frozen=True)
class ScoredSentences:
    """A score for each sentence of a document, their features, and how many words a summary would have."""

    scores: list[float]
    features: SentenceFeatures
    length: float


@single_threaded_blas()
def score_document(
    model: ExtractiveModel,
    vectors: Floats,
    sentences: Sequence[str],
    starts_paragraph: Sequence[bool],
    allowed: Sequence[bool],
) -> ScoredSentences:
    """Score a document's sentences by their vectors (L, D); one without tokens gets 0 from the encoder.

    `allowed` tells which of them a summary may hold.

    Raises:
        CheckpointError: the model's general scorer is of another version.
    """
    features = sentence_features(sentences, starts_paragraph)
    found, log_length = score_sentences(
        model.scorer,
        vectors,
        features.dense,
        features.grams,
        features.gram_counts,
        features.headings,
        features.heading_counts,
    )
    scores = np.where(np.isfinite(found), found, 0).astype(np.float64)
    if model.general_scorer is not None:
        general = model.general_scorer
        if general.columns != columns_digest():
            raise CheckpointError("the model's general scorer is made for other features of sentences")
        document = document_features(sentences, starts_paragraph, allowed, features.words, general.rarity)
        together = with_general_scorer(general, scores, log_length, document, allowed, deductions(sentences))
        scores, log_length = together.scores, together.log_length
    words = sum(count_words(sentence) for sentence in sentences)
    expected = math.exp(min(log_length, MAX_LOG_LENGTH))
    length = max(MIN_SUMMARY_WORDS, min(expected, MAX_SUMMARY_SHARE * words))
    return ScoredSentences(scores.tolist(), features, length)


def first_pieces(
    texts: Sequence[str], max_words: int | None, allowed: Sequence[bool]
) -> tuple[list[int], Stop]:
    """Return a document's first pieces, where few are sentences: a list, a table, a poem without full stops.

    Without `max_words` a quarter of the words, but at least 30 and at most 100. Scores say nothing about such
    pieces.
    """
    words = [count_words(text) if may else 0 for text, may in zip(texts, allowed, strict=True)]
    left = max_words or min(DEFAULT_SUMMARY_WORDS, max(MIN_LEAD_WORDS, sum(words) // 4))
    numbers = [n for n, count in enumerate(words) if count]
    last = next(
        (i for i, total in enumerate(accumulate(words[n] for n in numbers)) if total > left), len(numbers)
    )
    return numbers[: max(1, last)], "whole" if last == len(texts) else _stop_of(max_words)


def with_questions(texts: Sequence[str], chosen: Sequence[int], max_words: int | None) -> list[int]:
    """Return the chosen sentences, with the question before each answer where there is room ("A: …")."""
    found = set(chosen)
    words = sum(count_words(texts[n]) for n in chosen)
    for number in chosen:
        asked = number - 1
        if asked < 0 or asked in found:
            continue
        if _ANSWER.match(texts[number]) and _QUESTION.match(texts[asked]):
            words += count_words(texts[asked])
            if max_words is not None and words > max_words:
                break
            found.add(asked)
    return sorted(found)


@single_threaded_blas()
def choose(
    texts: Sequence[str],
    scored: "ScoredSentences",
    max_words: int | None,
    allowed: Sequence[bool],
    selector: NetworkWeights,
) -> tuple[list[int], Stop]:
    """Return the numbers of the sentences to print, in document order; a short text is printed whole.

    Choosing stops where the length is reached, or where no other sentence is worth it ("end"). Without
    `max_words` the length is what such a document's summary is expected to have.

    `allowed` tells which sentences may be chosen: headings, captions and the like may not
    (`bigbird_pegasus.text.sentence_filter`).
    """
    words = [count_words(text) for text in texts]
    short = max_words or DEFAULT_SUMMARY_WORDS
    if len(texts) <= MAX_WHOLE_SENTENCES and sum(words) <= short:
        return list(range(len(texts))), "whole"
    numbers = [number for number, may in enumerate(allowed) if may]
    if len(numbers) <= MAX_WHOLE_SENTENCES and sum(words[n] for n in numbers) <= short:
        return numbers, "end"
    length = scored.length if max_words is None else float(max_words)
    chosen, cut = select_sentences(
        partial(selection_gains, selector),
        words,
        scored.scores,
        scored.features,
        length,
        allowed,
        max_words,
    )
    if len(chosen) == len(texts):
        return chosen, "whole"
    return chosen, _stop_of(max_words) if cut else "end"


def _stop_of(max_words: int | None) -> Stop:
    """Return why a summary ends that had no room for more: nobody asked for a length where there is none."""
    return "end" if max_words is None else "length"
