"""Summaries by choosing: every sentence is scored, and those that add most are the summary."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.summarization.quality import Stop
from bigbird_pegasus.summarization.sentence_features import (
    SentenceFeatures,
    feature_inputs,
    sentence_features,
)
from bigbird_pegasus.text.words import count_words

if TYPE_CHECKING:
    from bigbird_pegasus.modeling.sentence_extraction import SelectionNetwork


MAX_LOG_LENGTH = 10.0  # logarithm of a summary's words; more is nothing a model has learned
MIN_SUMMARY_WORDS = 40  # that a summary is expected to have: hardly one that was learned from has fewer …
MAX_SUMMARY_SHARE = 1 / 5  # … and at most, of its document's words

DEFAULT_SUMMARY_WORDS = 100  # words at most of a short text that is printed whole, and of a single sentence
MIN_LEAD_WORDS = 30  # words
_QUESTION = re.compile(r"Q(?:uestion)?(?: ?\d+)?[:.] ?\w.*\?$", re.IGNORECASE)
_ANSWER = re.compile(r"A(?:nswer)?(?: ?\d+)?[:.] ?\w", re.IGNORECASE)
MAX_WHOLE_SENTENCES = 3  # sentences: a text of at most so many is its own summary


@dataclass(frozen=True)
class ScoredSentences:
    """A score for each sentence of a document, their features, and how many words a summary would have."""

    scores: list[float]
    features: SentenceFeatures
    length: float


def score_document(
    model: BigBirdPegasusForSentenceExtraction,
    vectors: Tensor,
    sentences: Sequence[str],
    starts_paragraph: Sequence[bool],
) -> ScoredSentences:
    """Score a document's sentences by their vectors (L, D); one without tokens gets 0."""
    features = sentence_features(sentences, starts_paragraph)
    inputs = {name: tensor.to(vectors.device) for name, tensor in feature_inputs([features]).items()}
    with torch.inference_mode():
        found = model.score(vectors.unsqueeze(0), **inputs)
    scores = [score if math.isfinite(score) else 0.0 for score in found.scores[0].tolist()]
    words = sum(count_words(sentence) for sentence in sentences)
    expected = math.exp(min(float(found.length), MAX_LOG_LENGTH))
    length = max(MIN_SUMMARY_WORDS, min(expected, MAX_SUMMARY_SHARE * words))
    return ScoredSentences(scores, features, length)


def lead(texts: Sequence[str], max_words: int | None, allowed: Sequence[bool]) -> tuple[list[int], Stop]:
    """The first of a document's pieces, where few are sentences: a list, a table, a poem without full stops.

    Without `max_words` a quarter of the words, but at least 30 and at most 100. Scores say nothing about such
    pieces.
    """
    words = [count_words(text) if may else 0 for text, may in zip(texts, allowed, strict=True)]
    left = max_words or min(DEFAULT_SUMMARY_WORDS, max(MIN_LEAD_WORDS, sum(words) // 4))
    numbers = [n for n, count in enumerate(words) if count]
    last = next(
        (i for i, total in enumerate(accumulate(words[n] for n in numbers)) if total > left), len(numbers)
    )
    return numbers[: max(1, last)], "whole" if last == len(texts) else "length"


def with_questions(texts: Sequence[str], chosen: Sequence[int], max_words: int | None) -> list[int]:
    """The chosen sentences, and where there is room the question before each that is an answer ("A: …")."""
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


def choose(
    texts: Sequence[str],
    scored: "ScoredSentences",
    max_words: int | None,
    allowed: Sequence[bool],
    chooser: "SelectionNetwork",
) -> tuple[list[int], Stop]:
    """The numbers of the sentences to print, in document order; a short text is printed whole.

    Choosing stops where the length is reached, or where no other sentence is worth it ("end"). Without
    `max_words` the length is what such a document's summary is expected to have.

    `allowed` tells which sentences may be chosen: headings, captions and the like may not
    (`bigbird_pegasus.text.sentence_filter.candidates`).
    """
    from bigbird_pegasus.summarization.sentence_selection import select_sentences

    words = [count_words(text) for text in texts]
    short = max_words or DEFAULT_SUMMARY_WORDS
    if len(texts) <= MAX_WHOLE_SENTENCES and sum(words) <= short:
        return list(range(len(texts))), "whole"
    numbers = [number for number, may in enumerate(allowed) if may]
    if len(numbers) <= MAX_WHOLE_SENTENCES and sum(words[n] for n in numbers) <= short:
        return numbers, "end"
    length = scored.length if max_words is None else float(max_words)
    chosen, cut = select_sentences(chooser, words, scored.scores, scored.features, length, allowed, max_words)
    if len(chosen) == len(texts):
        return chosen, "whole"
    return chosen, "length" if cut else "end"
