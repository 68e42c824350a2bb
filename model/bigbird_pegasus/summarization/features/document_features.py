"""Features of a document's sentences that know hardly any words: place, closeness, shape, turns of speakers.

Dimensions: L sentences of a document, N entries (a content word in a sentence), V different words of it,
R reference sentences.

They carry over to kinds of text that a model has never seen, where features that know words do not. Words are
the hashes of `sentence_features`; of them only function words, and some groups of cue words, are known, and
how rare a word is in general (a table by hash). Everything is numpy, in float64: a summary shall not depend
on how a processor rounds.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bigbird_pegasus.inference.numpy_functions import Integers
from bigbird_pegasus.summarization.features.document_layout import DocumentLayout, layout_of, positions
from bigbird_pegasus.summarization.features.sentence_features import Doubles
from bigbird_pegasus.summarization.features.sentence_style import cues, turns, writing
from bigbird_pegasus.summarization.features.word_importance import GRAM_COLUMNS, DocumentGrams, judged_grams
from bigbird_pegasus.summarization.features.word_vectors import (
    WordEntries,
    cosines,
    products,
    similarities,
    unit_vectors,
    word_entries,
)
from bigbird_pegasus.text.lines import label_end

RARITY_BUCKETS = 65536
MAX_REFERENCE_SENTENCES = 256  # spread evenly over the document, that every sentence is compared with
MIN_SIMILARITY = 0.1  # cosine from which LexRank connects two sentences (Erkan and Radev, 2004)
LEXRANK_ROUNDS, LEXRANK_DAMPING = 25, 0.85
NEIGHBOURS = 8  # sentences before and after, that are "local"
TOP_WORDS = 15
_DECIMALS = 5
_LABEL_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class DocumentFeatures:
    """Features of a document's sentences, float32 (L, columns), its content words, and the grams of them."""

    values: NDArray[np.float32]
    entries: WordEntries
    unit: Doubles
    grams: DocumentGrams

    def word_vector(self, rarity: NDArray[np.float16], buckets: int) -> Doubles:
        """Return the whole document's unit vector of words, by hash (buckets,)."""
        totals = self.entries.by_column(self.entries.counts)
        weights = (1 + np.log(np.maximum(totals, 1))) * rarity[self.entries.hashes % RARITY_BUCKETS]
        vector = np.bincount(self.entries.hashes % buckets, weights, buckets)
        norm = np.sqrt(vector @ vector)
        return vector / max(float(norm), 1e-9)

    def similarities(self, numbers: Integers) -> Doubles:
        """Return the cosines of some sentences with each other, 0 with themselves."""
        return similarities(self.entries, self.unit, numbers)[numbers]


def document_features(
    texts: Sequence[str],
    starts_paragraph: Sequence[bool],
    allowed: Sequence[bool],
    words: Sequence[Sequence[int]],
    rarity: NDArray[np.float16],
) -> DocumentFeatures:
    """Return the features of all sentences of a document; their names are `column_names`.

    Args:
        texts: the sentences.
        starts_paragraph: whether each is the first of a paragraph.
        allowed: whether each may stand in a summary; ranks and means are over these.
        words: the hashes of each one's words, `SentenceFeatures.words`.
        rarity: (RARITY_BUCKETS,), how rare the words are in general whose hashes fall into each bucket.
    """
    columns, entries, unit, grams = _columns(texts, starts_paragraph, allowed, words, rarity)
    values = np.round(np.stack(list(columns.values()), 1), _DECIMALS).astype(np.float32)
    return DocumentFeatures(values, entries, unit, grams)


def column_names() -> list[str]:
    """Return the names of the features, in their order."""
    rarity = np.ones(RARITY_BUCKETS, np.float16)
    return list(_columns(["One word."], [True], [True], [[1, 2]], rarity)[0])


@cache
def columns_digest() -> str:
    """Return a digest of the features' names: a scorer that was trained on others cannot use these."""
    names = " ".join([*column_names(), *GRAM_COLUMNS])
    return hashlib.sha256(names.encode()).hexdigest()[:16]


def _columns(
    texts: Sequence[str],
    starts_paragraph: Sequence[bool],
    allowed: Sequence[bool],
    words: Sequence[Sequence[int]],
    rarity: NDArray[np.float16],
) -> tuple[dict[str, Doubles], WordEntries, Doubles, DocumentGrams]:
    may = np.array(allowed, bool)
    label_chars = [label_end(text) for text in texts]
    said = [text[end:] for text, end in zip(texts, label_chars, strict=True)]
    labels = [text[:end].strip() for text, end in zip(texts, label_chars, strict=True)]
    own = [
        row[len(_LABEL_WORD.findall(label)) :] if label else row
        for row, label in zip(words, labels, strict=True)
    ]
    layout = layout_of(said, starts_paragraph, own)
    flat, owners = _flat(own)
    entries = word_entries(flat, owners, len(texts))
    general = rarity[entries.hashes % RARITY_BUCKETS].astype(np.float64)
    columns = {
        **positions(layout),
        **_closeness(entries, general, layout),
        **_lexical(entries, general, layout),
        **writing(said, layout),
        **cues(flat, owners, own, layout),
        **turns(labels, layout),
    }
    columns |= _ranks(columns, may)
    columns |= _of_document(columns, entries, layout, may)
    unit = unit_vectors(entries, (1 + np.log(entries.counts)) * general[entries.columns])
    return columns, entries, unit, judged_grams(own, layout.heading, columns, rarity)


def _flat(rows: Sequence[Sequence[int]]) -> tuple[Integers, Integers]:
    """Return all rows as one array, and the number of the row that each entry stands in."""
    counts = np.array([len(row) for row in rows], np.int64)
    flat = np.fromiter((value for row in rows for value in row), np.int64, int(counts.sum()))
    return flat, np.repeat(np.arange(len(rows)), counts)


def _closeness(entries: WordEntries, general: Doubles, layout: DocumentLayout) -> dict[str, Doubles]:
    """Return cosines with the document and parts of it, and LexRank, by two kinds of rarity."""
    count = entries.sentences
    having = entries.by_column(np.ones(len(entries.rows)))
    within = np.maximum(np.log((count + 1) / (having + 0.5)), 0.05)
    frequency = 1 + np.log(entries.counts)
    columns: dict[str, Doubles] = {}
    for name, weight in (("general", general), ("within", within)):
        unit = unit_vectors(entries, frequency * weight[entries.columns])
        columns |= {
            f"centroid_{name}": cosines(entries, unit, entries.by_column(unit)),
            **_to_references(entries, unit, name),
        }
    unit = unit_vectors(entries, frequency * general[entries.columns])
    numbers = entries.rows

    def beginning(part: NDArray[np.bool_]) -> Doubles:
        return cosines(entries, unit, entries.by_column(unit * part))

    heads = entries.by_column(unit * layout.heading[numbers])
    place = np.arange(count)
    columns |= {
        "word_centroid": cosines(entries, unit, entries.by_column(entries.counts) * general),
        "opening_3": beginning(numbers < 3),
        "opening_10": beginning(numbers < 10),
        "closing_5": beginning(numbers >= count - 5),
        "headings": cosines(entries, unit, heads),
        "to_first": products(entries, unit, np.zeros(count, np.int64)),
        "to_heading": products(entries, unit, layout.above),
        "to_previous": products(entries, unit, place - 1),
        "to_next": products(entries, unit, np.where(place + 1 < count, place + 1, -1)),
    }
    return columns


def _to_references(entries: WordEntries, unit: Doubles, name: str) -> dict[str, Doubles]:
    """Return what the similarities of each sentence to the reference sentences say."""
    count = entries.sentences
    number = min(MAX_REFERENCE_SENTENCES, count)
    references = np.arange(number) * count // number
    alike = similarities(entries, unit, references)  # (L, R)
    linked = np.where(alike > MIN_SIMILARITY, alike, 0.0)
    degree = linked[references].sum(1)
    share = linked / np.maximum(degree, 1e-9)
    rank = np.full(number, 1 / number)
    for _ in range(LEXRANK_ROUNDS):
        rank = (1 - LEXRANK_DAMPING) / number + LEXRANK_DAMPING * (share[references] @ rank)
    ranks = (1 - LEXRANK_DAMPING) / number + LEXRANK_DAMPING * (share @ rank)
    columns = {f"lexrank_{name}": ranks * number}
    if name == "general":
        place = np.arange(count)[:, None]
        far = NEIGHBOURS * max(1.0, count / number)
        near = np.abs(references - place) <= far
        columns |= {
            "linked_share": (linked > 0).sum(1) / number,
            "max_similarity": alike.max(1),
            "max_similarity_before": np.where(references < place, alike, 0.0).max(1),
            "local_similarity": (alike * near).sum(1) / np.maximum(1, near.sum(1)),
            "mean_similarity": alike.mean(1),
        }
    return columns


def _lexical(entries: WordEntries, general: Doubles, layout: DocumentLayout) -> dict[str, Doubles]:
    """Return how frequent, rare and new a sentence's content words are."""
    totals = entries.by_column(entries.counts)
    ones = np.ones(len(entries.rows))
    distinct = np.maximum(entries.by_row(ones), 1)
    share = totals / max(1.0, float(totals.sum()))
    weight = totals * general
    mass = entries.by_row(weight[entries.columns])
    rarest = np.zeros(entries.sentences)
    np.maximum.at(rarest, entries.rows, general[entries.columns])
    top = np.zeros(entries.vocabulary)
    top[np.argsort(-weight, kind="stable")[:TOP_WORDS]] = 1.0
    tops = entries.by_row(top[entries.columns])
    first = np.full(entries.vocabulary, entries.sentences)
    np.minimum.at(first, entries.columns, entries.rows)
    per_word = mass / distinct
    words = np.maximum(layout.words, 1)
    return {
        "mean_word_share": entries.by_row(share[entries.columns]) / distinct,
        "mean_log_count": entries.by_row(np.log1p(totals)[entries.columns]) / distinct,
        "mean_rarity": entries.by_row(general[entries.columns]) / distinct,
        "max_rarity": rarest,
        "mass": mass / max(float(mass.max()), 1e-9),
        "mass_per_word": per_word / max(float(per_word.max()), 1e-9),
        "top_words": tops,
        "top_words_share": tops / words,
        "new_words": entries.by_row((first[entries.columns] == entries.rows).astype(float)) / distinct,
        "content_share": entries.by_row(entries.counts) / words,
    }


_RANKED = (
    "centroid_general",
    "centroid_within",
    "word_centroid",
    "lexrank_general",
    "mean_word_share",
    "mass",
    "opening_10",
    "headings",
    "words",
    "top_words",
)
_AVERAGED = (
    "question",
    "starts_turn",
    "capital_words",
    "digits",
    "mean_similarity",
    "mean_rarity",
    "quotes",
    "word_length",
    "content_share",
    "cue_we",
    "cue_i",
    "cue_you",
    "cue_spoken",
    "cue_said",
    "cue_duty",
    "first_pronoun",
)


def _ranks(columns: Mapping[str, Doubles], may: NDArray[np.bool_]) -> dict[str, Doubles]:
    """Return of some columns the share of the allowed sentences that have less (L,)."""
    total = max(1, int(may.sum()))
    return {
        f"rank_{name}": np.searchsorted(np.sort(np.round(columns[name][may], 9)), np.round(columns[name], 9))
        / total
        for name in _RANKED
    }


def _of_document(
    columns: Mapping[str, Doubles], entries: WordEntries, layout: DocumentLayout, may: NDArray[np.bool_]
) -> dict[str, Doubles]:
    """Return figures of the whole document, the same for each sentence."""
    count = entries.sentences
    some = may if may.any() else np.ones(count, bool)
    figures = {f"document_{name}": float(columns[name][some].mean()) for name in _AVERAGED}
    figures |= {
        "document_sentences": float(count),
        "document_words": float(layout.words.sum()),
        "document_usual_words": float(np.median(layout.words[some])),
        "document_spread_of_words": float(layout.words[some].std()),
        "document_paragraphs": float((layout.paragraph[-1] + 1) / count),
        "document_headings": float(layout.heading.mean()),
        "document_variety": entries.vocabulary / max(1.0, float(entries.counts.sum())),
    }
    return {name: np.full(count, value) for name, value in figures.items()}
