"""Stage `general` of the default model: forests that know hardly any words. Helper of `train.py`.

    python -m examples.default_model.train general --corpus CORPUS --to model/bigbird_pegasus/pretrained

Needs lightgbm beside the `test` extra. What is learned about a sentence is its value (ROUGE-1 F1 + ROUGE-2 F1
against the summary) *without its length*: the residual of a regression on log words and its square within the
document, as standard scores. A limit of words makes length worth nothing, and a tree that learned to like
long sentences likes them everywhere. Of a word or a pair of words it is learned whether the summary has it,
by stem. Every kind of text weighs the same, and every document within a kind.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
from bigbird_pegasus.modeling.decision_forest import Forest
from bigbird_pegasus.modeling.general_scorer import GeneralScorer, write_general_scorer
from bigbird_pegasus.summarization.features.document_features import (
    RARITY_BUCKETS,
    DocumentFeatures,
    column_names,
    columns_digest,
    document_features,
)
from bigbird_pegasus.summarization.features.sentence_features import sentence_features
from bigbird_pegasus.summarization.features.word_importance import pair_key
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.sentence_filter import eligible_sentences
from bigbird_pegasus.text.words import count_words
from numpy.typing import NDArray

from examples.default_model.corpus import (
    Record,
    clean_summary,
    clean_training_records,
    first_of_each_source,
    read_records,
    rouge_words,
    sentence_values,
    word_stems,
)

TRAINED_ON = "train.jsonl.gz"  # by the encoder
FILES = (TRAINED_ON, "train-more.jsonl.gz")
HELD_OUT = ("val.jsonl.gz", "val-more.jsonl.gz")
KIND_BUCKETS = 4096
MIN_SENTENCES = 4
MIN_WORDS = 3  # that lengths are counted from
Array = NDArray[Any]


@dataclass(frozen=True)
class GeneralRecipe:
    """How the forests are trained; `sentences` and `length` change options of LightGBM."""

    documents: int = 300  # of each kind
    sentences_of_document: int = 80  # drawn at random
    rounds: int = 600
    leaves: int = 15
    learning_rate: float = 0.05
    feature_share: float = 0.3  # that each tree may use
    min_leaf_rows: int = 100
    length_rounds: int = 100
    length_leaves: int = 7
    grams_of_document: int = 120  # words and pairs of words, drawn at random
    word_rounds: int = 120
    word_leaves: int = 31
    seed: int = 1


@dataclass(frozen=True)
class ParsedDocument:
    """A record's sentences, and what each is worth in the summary."""

    id: str
    source: str
    texts: list[str]
    starts_paragraph: list[bool]
    allowed: list[bool]
    words: list[int]
    hashes: list[list[int]]
    values: list[float]
    wanted: list[int]  # keys of the grams whose stems the summary has
    summary: str


@dataclass(frozen=True)
class Example:
    """The allowed sentences of a document: features (L, columns), words, what each is worth (L,); grams."""

    id: str
    source: str
    rows: Array
    words: Array
    values: Array
    summary_words: int
    gram_rows: Array  # (G, columns)
    gram_targets: Array  # (G,), whether the summary has each


def read_corpus(corpus: Path, documents: int) -> list[Record]:
    """Return so many cleaned training records of each kind of text."""
    held_out = [record for name in HELD_OUT for record in read_records(corpus / name)]
    records = [record for name in FILES for record in read_records(corpus / name)]
    return first_of_each_source(clean_training_records(records, held_out), documents)


def parse(record: Record) -> ParsedDocument:
    """Split a record's document as the command does, and value its sentences."""
    text = parse_text(record.document)
    texts = [text.on_one_line(span) for span in text.sentences]
    starts = [span.starts_paragraph for span in text.sentences]
    summary = clean_summary(record.summary)
    words = sentence_features(texts, starts).words
    return ParsedDocument(
        record.id,
        record.source,
        texts,
        starts,
        eligible_sentences(text, text.sentences),
        [count_words(sentence) for sentence in texts],
        words,
        sentence_values(texts, summary),
        wanted_grams(texts, words, summary),
        summary,
    )


def wanted_grams(texts: Sequence[str], words: Sequence[Sequence[int]], summary: str) -> list[int]:
    """Return the keys of a document's words and pairs of words whose stems stand so in the summary."""
    stems = rouge_words(summary)
    singles, pairs = set(stems), set(pairwise(stems))
    found: set[int] = set()
    for text, row in zip(texts, words, strict=True):
        own = word_stems(text)
        assert len(own) == len(row)
        found |= {key for stem, key in zip(own, row, strict=True) if stem in singles}
        found |= {
            pair_key(*keys) for pair, keys in zip(pairwise(own), pairwise(row), strict=True) if pair in pairs
        }
    return sorted(found)


def general_rarity(documents: Sequence[ParsedDocument]) -> NDArray[np.float16]:
    """Return how rare the words of each bucket are: logarithm of the inverse share of documents."""
    counts = Counter(document.source for document in documents)
    having, total = np.zeros(RARITY_BUCKETS), 0.0
    for document in documents:
        weight = 1 / counts[document.source]
        words = np.fromiter((word for row in document.hashes for word in row), np.int64)
        having[np.unique(words % RARITY_BUCKETS)] += weight
        total += weight
    rarity: NDArray[np.float16] = np.log((total + 0.5) / (having + 0.05)).astype(np.float16)
    return rarity


def features_of(document: ParsedDocument, rarity: NDArray[np.float16]) -> DocumentFeatures:
    """Count a document's features."""
    return document_features(
        document.texts, document.starts_paragraph, document.allowed, document.hashes, rarity
    )


def example(document: ParsedDocument, rarity: NDArray[np.float16], recipe: GeneralRecipe) -> Example:
    """Return the allowed sentences' features and values, and some of the grams'."""
    return example_of(document, features_of(document, rarity), recipe)


def example_of(document: ParsedDocument, features: DocumentFeatures, recipe: GeneralRecipe) -> Example:
    """Return the example that a document is, whose features are counted."""
    may, grams = allowed_numbers(document), features.grams
    generator = np.random.default_rng(recipe.seed)
    drawn = np.sort(generator.permutation(len(grams.keys))[: recipe.grams_of_document])
    return Example(
        document.id,
        document.source,
        features.values[may],
        np.array(document.words)[may],
        np.array(document.values)[may],
        count_words(document.summary),
        grams.features[drawn],
        np.isin(grams.keys[drawn], document.wanted),
    )


def allowed_numbers(document: ParsedDocument) -> Array:
    """Return the numbers of the sentences that a summary may hold."""
    return np.flatnonzero(np.array(document.allowed) & (np.array(document.words) > 0))


def standardized(values: Array) -> Array:
    """Bring values to mean 0 and deviation 1; equal ones to 0."""
    deviation = values.std()
    scaled: Array = (values - values.mean()) / (deviation if deviation > 0 else 1.0)
    return scaled


def without_length(values: Array, words: Array) -> Array:
    """Return standard scores of what log words and its square do not explain of the values (L,)."""
    logs = np.log(np.maximum(words, MIN_WORDS))
    terms = np.stack([np.ones(len(logs)), logs, logs**2], 1)
    return standardized(values - terms @ np.linalg.lstsq(terms, values, rcond=None)[0])


def weights_by_kind(sources: Sequence[str], repeats: Sequence[int]) -> Array:
    """Return weights of rows, `repeats` of each document: kinds weigh the same, so do documents of one."""
    counts = Counter(sources)
    weights = [
        np.full(number, 1 / number / counts[source]) for source, number in zip(sources, repeats, strict=True)
    ]
    flat = np.concatenate(weights)
    balanced: Array = flat * (len(flat) / flat.sum())
    return balanced


def train_sentence_forest(examples: Sequence[Example], recipe: GeneralRecipe) -> Any:
    """Return LightGBM's model of sentences' values without length."""
    generator = np.random.default_rng(recipe.seed)
    rows, targets, numbers = [], [], []
    for one in examples:
        count = len(one.words)
        drawn = np.sort(generator.permutation(count)[: recipe.sentences_of_document])
        rows.append(one.rows[drawn])
        targets.append(without_length(one.values, one.words)[drawn])
        numbers.append(len(drawn))
    weights = weights_by_kind([one.source for one in examples], numbers)
    options = _options(recipe) | {
        "num_leaves": recipe.leaves,
        "min_data_in_leaf": recipe.min_leaf_rows,
        "feature_fraction": recipe.feature_share,
    }
    return _fit(np.concatenate(rows), np.concatenate(targets), weights, options, recipe.rounds)


def train_length_forest(examples: Sequence[Example], recipe: GeneralRecipe) -> Any:
    """Return LightGBM's model of the logarithm of a summary's words by the figures of the document alone."""
    rows = np.stack([only_document_columns(one.rows[0]) for one in examples])
    targets = np.log([max(5, one.summary_words) for one in examples])
    weights = weights_by_kind([one.source for one in examples], [1] * len(examples))
    options = _options(recipe) | {
        "num_leaves": recipe.length_leaves,
        "min_data_in_leaf": 40,
        "feature_fraction": 0.5,
        "learning_rate": 0.05,
    }
    return _fit(rows, targets, weights, options, recipe.length_rounds)


def train_word_forest(examples: Sequence[Example], recipe: GeneralRecipe) -> Any:
    """Return LightGBM's model of the logarithmic odds that a word or a pair of words is in the summary."""
    weights = weights_by_kind([one.source for one in examples], [len(one.gram_targets) for one in examples])
    options = _options(recipe) | {
        "objective": "binary",
        "num_leaves": recipe.word_leaves,
        "min_data_in_leaf": recipe.min_leaf_rows,
        "feature_fraction": 0.5,
        "learning_rate": 0.1,
        "boost_from_average": False,  # the trees alone give the odds
    }
    rows = np.concatenate([one.gram_rows for one in examples])
    targets = np.concatenate([one.gram_targets for one in examples]).astype(float)
    return _fit(rows, targets, weights, options, recipe.word_rounds)


def only_document_columns(row: Array) -> Array:
    """Return a sentence's features with 0 in place of what is not the document's: no tree can use them."""
    kept = np.array([name.startswith("document_") for name in column_names()])
    return np.where(kept, row, 0)


def _options(recipe: GeneralRecipe) -> dict[str, object]:
    return {
        "objective": "regression",
        "learning_rate": recipe.learning_rate,
        "bagging_fraction": 0.5,
        "bagging_freq": 1,
        "lambda_l2": 5,
        "max_bin": 63,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "seed": recipe.seed,
        "verbose": -1,
    }


def _fit(rows: Array, targets: Array, weights: Array, options: dict[str, object], rounds: int) -> Any:
    import lightgbm

    return lightgbm.train(options, lightgbm.Dataset(rows, targets, weight=weights), rounds)


def as_forest(booster: Any) -> Forest:
    """Return LightGBM's trees as flat arrays; they decide alike for every float32."""
    nodes: list[tuple[int, float, int, int, float]] = []

    def add(node: dict[str, Any]) -> int:
        place = len(nodes)
        nodes.append((0, 0.0, place, place, node.get("leaf_value", 0.0)))
        if "split_feature" in node:
            threshold = np.float32(node["threshold"])
            if float(threshold) > node["threshold"]:  # nothing between them would be at most the threshold
                threshold = np.nextafter(threshold, np.float32(-np.inf))
            left, right = add(node["left_child"]), add(node["right_child"])
            nodes[place] = (node["split_feature"], float(threshold), left, right, 0.0)
        return place

    roots = [add(tree["tree_structure"]) for tree in booster.dump_model()["tree_info"]]
    columns, thresholds, left, right, values = zip(*nodes, strict=True)
    return Forest(
        np.array(roots, np.int32),
        np.array(columns, np.int16),
        np.array(thresholds, np.float32),
        np.stack([left, right], 1).astype(np.int32),
        np.array(values, np.float32),
    ).checked()


def kinds_of_text(
    documents: Sequence[ParsedDocument], trained_on: set[str], rarity: NDArray[np.float16]
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Return the mean word vector over all kinds, and of each kind of `trained_on` how it differs from it."""
    sums: dict[str, Array] = {}
    for document in documents:
        vector = features_of(document, rarity).word_vector(rarity, KIND_BUCKETS)
        sums[document.source] = sums.get(document.source, 0) + vector
    counts = Counter(document.source for document in documents)
    means = {source: total / counts[source] for source, total in sums.items()}
    mean = np.mean(list(means.values()), axis=0)
    kinds = np.stack([means[source] - mean for source in sorted(trained_on)])
    kinds /= np.linalg.norm(kinds, axis=1, keepdims=True)
    return mean.astype(np.float16), kinds.astype(np.float16)


def in_parallel(function: Callable[[Any], Any], items: Iterable[Any], processes: int = 2) -> list[Any]:
    """Return the function's results in order."""
    with Pool(processes) as pool:
        return pool.map(function, items, chunksize=8)


def train_general(corpus: Path, folder: Path, recipe: GeneralRecipe) -> None:
    """Train both forests on all kinds of text, and write them with their tables into a checkpoint folder."""
    documents = [d for d in in_parallel(parse, read_corpus(corpus, recipe.documents)) if usable(d)]
    trained_on = {record.source for record in read_records(corpus / TRAINED_ON)}
    rarity = general_rarity(documents)
    examples = in_parallel(partial(example, rarity=rarity, recipe=recipe), documents)
    mean_kind, kinds = kinds_of_text(documents, trained_on, rarity)
    scorer = GeneralScorer(
        as_forest(train_sentence_forest(examples, recipe)),
        as_forest(train_length_forest(examples, recipe)),
        as_forest(train_word_forest(examples, recipe)),
        rarity,
        mean_kind,
        kinds,
        columns_digest(),
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_general_scorer(scorer, folder)
    print(f"{len(documents)} documents, {sum(len(one.words) for one in examples)} sentences")


def usable(document: ParsedDocument) -> bool:
    """Return whether a document has enough sentences to compare."""
    return len(allowed_numbers(document)) >= MIN_SENTENCES
