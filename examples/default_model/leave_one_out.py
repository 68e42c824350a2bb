"""How good the forest is on kinds of text that it was not trained on: the figure that variants are chosen by.

    python -m examples.default_model.leave_one_out --corpus CORPUS [--documents 300] [--judged 40]

Families of kinds are left out one after another, the forests are trained on the others and judged on training
documents of those left out, 100 words a summary, chosen simply: the best score, less what a sentence has in
common with those chosen, and in the last column with the important words that it adds. The mean is over
kinds, not documents. Beside it the first sentences, TF-IDF with a little of the place, LexRank, and latent
semantic analysis, chosen in the same way. Behind each figure stands half of its 95 % interval: bootstrap over
the documents, within each kind.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from bigbird_pegasus.modeling.decision_forest import Forest
from bigbird_pegasus.summarization.features.cue_words import FUNCTION_WORDS
from bigbird_pegasus.summarization.features.document_features import column_names
from bigbird_pegasus.summarization.features.sentence_features import WORD, hash_word
from bigbird_pegasus.summarization.features.word_importance import (
    DocumentGrams,
    WordCoverage,
    weighted_chances,
)

from examples.default_model.corpus import rouge_f1, word_stems
from examples.default_model.general import (
    Array,
    Example,
    GeneralRecipe,
    ParsedDocument,
    allowed_numbers,
    as_forest,
    example_of,
    features_of,
    general_rarity,
    in_parallel,
    parse,
    read_corpus,
    standardized,
    train_sentence_forest,
    train_word_forest,
    usable,
)

FAMILIES = (
    {"ethereum-eip", "kubernetes-kep", "rust-rfc", "swift-evolution", "python-pep", "ietf-rfc"},
    {"acl-scisummnet", "wikipedia", "openstax-by"},
    {"qmsum", "crd3", "tc39-notes"},
    {"squality", "ldp-howto"},
    {"nyc-council"},
)
SUMMARY_WORDS = 100
REDUNDANCY = 1.0  # how much a cosine of 1 with a chosen sentence takes off, in deviations of the scores
NEARLY_FULL_WORDS = 8  # that may stay unused
RESAMPLES = 1000
_FUNCTION_WORDS = frozenset(FUNCTION_WORDS.tolist())
MIN_SINGULAR_SHARE = 0.5  # of the greatest singular value that a topic has at least

Choose = Callable[["Judged"], list[int]]


@dataclass(frozen=True)
class Judged:
    """A document to judge on: the allowed sentences, how similar they are to each other, the summary.

    The sentences of `grams` are those that are allowed.
    """

    example: Example
    texts: list[str]
    similarities: Array
    grams: DocumentGrams
    summary: str

    def column(self, name: str) -> Array:
        """Return one of the features."""
        column: Array = self.example.rows[:, column_names().index(name)]
        return column

    def coverage(self, words: Forest) -> WordCoverage:
        """Return what sentences add by their words, a deviation counted as one of the scores."""
        chances = weighted_chances(self.grams, words.predict(self.grams.features))
        allowed = np.ones(len(self.texts), bool)
        return WordCoverage(self.grams, chances, self.example.words.astype(float), allowed, 1.0)


@dataclass(frozen=True)
class Learned:
    """What forests find that have not seen a document's kind: standard scores, and which words matter."""

    scores: Array
    coverage: WordCoverage


def select(
    judged: Judged, scores: Array, coverage: WordCoverage | None = None, words: int = SUMMARY_WORDS
) -> list[int]:
    """Return the sentences of a summary of at most so many words, in document order."""
    numbers = np.arange(len(scores))
    chosen: list[int] = []
    left, shared = words, np.zeros(len(scores))
    free = np.ones(len(scores), bool)
    while left > NEARLY_FULL_WORDS and (fits := free & (judged.example.words <= left)).any():
        added = 0.0 if coverage is None else coverage.gains(np.array(chosen, np.int64), numbers)
        best = int(np.where(fits, scores + added - REDUNDANCY * shared, -np.inf).argmax())
        chosen.append(best)
        free[best] = False
        left -= int(judged.example.words[best])
        shared = np.maximum(shared, judged.similarities[best])
    return sorted(chosen)


def figures(documents: Sequence[Judged], choose: Choose) -> dict[str, Array]:
    """Return ROUGE-1 and ROUGE-2 (percent) of each document, by kind: (documents, 2)."""
    rows: dict[str, list[tuple[float, float]]] = {}
    for judged in documents:
        found = " ".join(judged.texts[n] for n in choose(judged))
        rows.setdefault(judged.example.source, []).append(rouge_f1(judged.summary, found))
    return {source: 100 * np.array(rows[source]) for source in sorted(rows)}


def with_intervals(rows: Mapping[str, Array]) -> dict[str, tuple[Array, Array]]:
    """Return mean and half of the 95 % interval of each kind's rows, and of the mean over kinds (`kinds`).

    Bootstrap (Efron, 1979): documents are drawn anew within each kind, which kinds there are is given.
    """
    generator = np.random.default_rng(0)
    means = {kind: values.mean(0) for kind, values in rows.items()}
    drawn = {
        kind: values[generator.integers(len(values), size=(RESAMPLES, len(values)))].mean(1)
        for kind, values in rows.items()
    }
    means["kinds"] = np.mean(list(means.values()), axis=0)
    drawn["kinds"] = np.mean(list(drawn.values()), axis=0)
    between = {kind: np.percentile(samples, [2.5, 97.5], axis=0) for kind, samples in drawn.items()}
    return {kind: (means[kind], (high - low) / 2) for kind, (low, high) in between.items()}


def tf_idf_and_place(judged: Judged) -> Array:
    """Score by the cosine with the whole document, and a little by the place."""
    return 3.0 * (judged.column("centroid_general") + 0.3 * judged.column("inverse_position"))


def latent_semantic_analysis(judged: Judged) -> Array:
    """Score by the length of a sentence's vector over the document's topics (Steinberger and Ježek, 2004).

    Topics are the singular vectors of the matrix of counted stems and sentences, without function words,
    whose value is at least half of the greatest.
    """
    rows = [_content_stems(text) for text in judged.texts]
    numbers = {stem: n for n, stem in enumerate(dict.fromkeys(stem for row in rows for stem in row))}
    counts = np.zeros((len(numbers), len(rows)))
    for column, row in enumerate(rows):
        for stem in row:
            counts[numbers[stem], column] += 1
    _, singular, topics = np.linalg.svd(counts, full_matrices=False)
    strong = singular >= MIN_SINGULAR_SHARE * singular.max(initial=0.0)
    return standardized(np.sqrt((singular[strong] ** 2) @ topics[strong] ** 2))


def _content_stems(text: str) -> list[str]:
    words = zip(WORD.findall(text.lower()), word_stems(text), strict=True)
    return [stem for word, stem in words if hash_word(word) not in _FUNCTION_WORDS]


def table(
    judged: Sequence[Judged], learned: Mapping[str, Learned]
) -> dict[str, dict[str, tuple[Array, Array]]]:
    """Return the figures of each way to choose, by kind: mean and half of the interval."""
    ways: dict[str, Choose] = {
        "lead": lambda one: select(one, -np.arange(len(one.texts), dtype=float)),
        "TF-IDF and place": lambda one: select(one, tf_idf_and_place(one)),
        "LexRank": lambda one: select(one, 3.0 * one.column("lexrank_general")),
        "LSA": lambda one: select(one, latent_semantic_analysis(one)),
        "forest, family left out": lambda one: select(one, learned[one.example.id].scores),
        "forest and words, family left out": lambda one: select(
            one, learned[one.example.id].scores, learned[one.example.id].coverage
        ),
    }
    return {name: with_intervals(figures(judged, choose)) for name, choose in ways.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table of kinds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=300, help="of each kind that are trained on at most")
    parser.add_argument("--judged", type=int, default=40, help="of each kind")
    given = parser.parse_args(arguments)
    recipe = GeneralRecipe(documents=given.documents)
    parsed = [d for d in in_parallel(parse, read_corpus(given.corpus, recipe.documents)) if usable(d)]
    documents = in_parallel(partial(_judged, rarity=general_rarity(parsed), recipe=recipe), parsed)
    judged = _some_of_each(documents, given.judged)
    learned: dict[str, Learned] = {}
    for family in FAMILIES:
        examples = [one.example for one in documents if one.example.source not in family]
        forest = as_forest(train_sentence_forest(examples, recipe))
        words = as_forest(train_word_forest(examples, recipe))
        for one in judged:
            if one.example.source in family:
                scores = standardized(forest.predict(one.example.rows))
                learned[one.example.id] = Learned(scores, one.coverage(words))
    found = table(judged, learned)
    print("| ROUGE-1 / ROUGE-2 |", " | ".join(found), "|")
    print("| --- |" + " --- |" * len(found))
    for kind in found["lead"]:
        cells = [_cell(*rows[kind]) for rows in found.values()]
        print(f"| {kind} |", " | ".join(cells), "|")


def _judged(parsed: ParsedDocument, rarity: Array, recipe: GeneralRecipe) -> Judged:
    may = allowed_numbers(parsed)
    found = features_of(parsed, rarity)
    return Judged(
        example_of(parsed, found, recipe),
        [parsed.texts[n] for n in may],
        found.similarities(may).astype(np.float16),
        found.grams.among(may, len(parsed.texts)),
        parsed.summary,
    )


def _cell(mean: Array, half: Array) -> str:
    return " / ".join(f"{one:.1f} ± {between:.1f}" for one, between in zip(mean, half, strict=True))


def _some_of_each(documents: Sequence[Judged], most: int) -> list[Judged]:
    kept: dict[str, list[Judged]] = {}
    for one in documents:
        kept.setdefault(one.example.source, []).append(one)
    return [one for members in kept.values() for one in members[:: -(-len(members) // most)]]


if __name__ == "__main__":
    main()
