"""Scores that lean towards a question: `--query "what does it say about safety"`.

Dimensions: L sentences of a document, D of their vectors.

A sentence is worth more where it has the question's words, rare ones counting more, where its neighbours or
the heading above it have them, and where its vector is near that of the question.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bigbird_pegasus.inference.numpy_functions import Floats
from bigbird_pegasus.summarization.features.cue_words import FUNCTION_WORDS
from bigbird_pegasus.summarization.features.sentence_features import Doubles, hash_word
from bigbird_pegasus.text import language as languages
from bigbird_pegasus.text.line_patterns import ends_as_sentence
from bigbird_pegasus.text.words import is_unspaced

NEAR_WEIGHT, HEADING_WEIGHT, SCORE_WEIGHT, VECTOR_WEIGHT = 0.3, 0.6, 0.3, 0.05  # beside the words' 1
NEIGHBOUR_SHARE = 0.5  # of a neighbour's words
MAX_HEADING_WORDS = 12
_WORD = re.compile(r"[^\W_]+")
_ASKING_WORDS = (
    "say tell describe mention explain discuss document text paper sagt steht dokument dit texte dice texto"
)
_ASKING = frozenset(map(hash_word, _ASKING_WORDS.split()))
_ENGLISH = frozenset(FUNCTION_WORDS.tolist())


@dataclass(frozen=True)
class LeanedScores:
    """Scores for a question (L,), and which sentences that may be chosen have its words: in themselves,
    in the heading above or in the question before.
    """

    scores: list[float]
    related: list[bool]


def lean_scores(
    query: str,
    texts: Sequence[str],
    allowed: Sequence[bool],
    headings: Sequence[bool],
    scores: Sequence[float],
    vectors: Floats,
    query_vector: Floats,
    language: str | None,
) -> LeanedScores:
    """Return the scores of sentences for a question.

    Args:
        query: the question, in the language of the text.
        texts: the sentences (L).
        allowed: which of them a summary may hold.
        headings: which of them are headings.
        scores: of each without a question.
        vectors: of the encoder (L, D); NaN for a sentence without tokens.
        query_vector: of the question (D,).
        language: of the text, an ISO 639-1 code.
    """
    may = np.array(allowed, bool)
    terms = [terms_of(text) for text in texts]
    asked = terms_of(query) - _ENGLISH - _ASKING - _function_words(language)
    own = overlaps(asked or terms_of(query), terms)
    plain = np.array(scores, np.float64)
    best = float(plain[may].max()) if may.any() else 0.0
    heads = _are_headings(texts, may, headings)
    said = np.where(heads, 0.0, own)  # what is before a heading has nothing to do with it
    before, after = np.concatenate([[0.0], said[:-1]]), np.concatenate([said[1:], [0.0]])
    beside = NEIGHBOUR_SHARE * np.maximum(before, after)
    # A question that may not be chosen stands above its answer as a heading does.
    above = np.maximum(_above(own, heads), np.where(np.concatenate([[False], may[:-1]]), 0.0, before))
    value = own + NEAR_WEIGHT * np.maximum(own, beside) + HEADING_WEIGHT * above
    value += SCORE_WEIGHT * np.maximum(plain, 0) / max(best, 1e-6)
    value += VECTOR_WEIGHT * _standard(_cosines(vectors, query_vector), may)
    related = may & (own + above > 0)
    return LeanedScores(np.maximum(value, 0).tolist(), related.tolist())


def terms_of(text: str) -> set[int]:
    """Return the hashes of a text's words; where they are not separated, of pairs of letters."""
    words = _WORD.findall(text.lower())
    pairs = [word[n : n + 2] for word in words if is_unspaced(word[0]) for n in range(max(1, len(word) - 1))]
    return {hash_word(word) for word in words if not is_unspaced(word[0])} | set(map(hash_word, pairs))


def _function_words(language: str | None) -> set[int]:
    return terms_of(languages.FUNCTION_WORDS.get(language or "", ""))


def overlaps(asked: set[int], terms: Sequence[set[int]]) -> Doubles:
    """Return the share of the question's words that each sentence has (L,), rare ones counting more.

    Words that none has count for nothing.
    """
    having = Counter(term for one in terms for term in one & asked)
    rarity = {term: np.log1p(len(terms) / (1 + having[term])) for term in sorted(having)}
    total = sum(rarity.values()) or 1.0
    return np.array([sum(rarity[term] for term in sorted(one & asked)) / total for one in terms], np.float64)


def _are_headings(
    texts: Sequence[str], may: NDArray[np.bool_], headings: Sequence[bool]
) -> NDArray[np.bool_]:
    """Return which pieces are headings: short, and marked as such or without an end (L,)."""
    heads = [
        (marked or not ends_as_sentence(text)) and len(text.split()) <= MAX_HEADING_WORDS
        for marked, text in zip(headings, texts, strict=True)
    ]
    return np.array(heads, bool) & ~may


def _above(own: Doubles, heads: NDArray[np.bool_]) -> Doubles:
    """Return the share that the heading above each sentence has (L,): of headings in a row, the most."""
    found = np.zeros(len(own))
    above = 0.0
    for number, is_head in enumerate(heads):
        if is_head:  # "SEC. 4." and "PENALTIES."
            above = max(float(own[number]), above if number and heads[number - 1] else 0.0)
        found[number] = above
    return found


def _cosines(vectors: Floats, query_vector: Floats) -> Doubles:
    """Return the cosine of each sentence with the question, both from the mean of the document (L,)."""
    known = np.where(np.isfinite(vectors), vectors, 0).astype(np.float64)
    mean = known.mean(0)
    apart, asked = known - mean, np.where(np.isfinite(query_vector), query_vector, 0) - mean
    lengths = np.sqrt((apart * apart).sum(1)) * float(np.sqrt(asked @ asked))
    return np.asarray((apart @ asked) / np.maximum(lengths, 1e-9), np.float64)


def _standard(values: Doubles, may: NDArray[np.bool_]) -> Doubles:
    """Return values less their mean over the sentences that may be chosen, in their deviations."""
    if not may.any():
        return np.zeros(len(values))
    deviation = float(values[may].std())
    return (values - values[may].mean()) / deviation if deviation > 0 else np.zeros(len(values))
