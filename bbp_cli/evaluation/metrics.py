"""Measures of the literature: ROUGE, accuracy, macro-F1, exact match, token F1. No torch here."""

import importlib.util
import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from bbp_cli.errors import UsageError
from bbp_cli.evaluation.rouge_tokens import ScriptTokenizer, rouge_tokens_for

Grams = tuple[Counter[tuple[str, ...]], Counter[tuple[str, ...]]]  # of a text: its words, its pairs of words

RESAMPLES = 1000
ROUGE = ("rouge1", "rouge2", "rougeLsum")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def rouge_installed() -> bool:
    """Return whether rouge-score, the reference implementation of ROUGE, is installed."""
    return importlib.util.find_spec("rouge_score") is not None


def rouge_scorer() -> Any:
    """Return the scorer of Google's rouge-score, with stemming.

    Raises:
        UsageError: it is not installed.
    """
    if not rouge_installed():
        raise UsageError("ROUGE needs the package rouge-score", hint="pip install 'bbp[evaluate]'")
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(ROUGE), use_stemmer=True)


def rouge(scorer: Any, reference: Sequence[str], summary: Sequence[str]) -> dict[str, float]:
    """Return ROUGE-1, -2 and -Lsum F1 in percent; both sides are lists of sentences.

    Texts that are not in Latin letters are cut into words by their script, see `rouge_tokens`.
    """
    if rouge_tokens_for(" ".join(reference)) == "by-script":
        scorer = _script_scorer()
    scored = scorer.score("\n".join(reference), "\n".join(summary))
    return {name: 100 * float(scored[name].fmeasure) for name in ROUGE}


def rouge_grams(texts: Sequence[str]) -> list[Grams]:
    """Return the words and word pairs that ROUGE compares, of each text; the first is the reference.

    Raises:
        UsageError: see `rouge_scorer`.
    """
    by_script = bool(texts) and rouge_tokens_for(texts[0]) == "by-script"
    tokenize = ScriptTokenizer().tokenize if by_script else _rouge_tokenizer().tokenize
    words = [tokenize(text) for text in texts]
    return [(Counter((word,) for word in of_text), Counter(pairwise(of_text))) for of_text in words]


@lru_cache(maxsize=1)
def _script_scorer() -> Any:
    """Return a scorer of rouge-score for texts of any script."""
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(ROUGE), tokenizer=ScriptTokenizer())


@lru_cache(maxsize=1)
def _rouge_tokenizer() -> Any:
    """Return the tokenizer of rouge-score, with a cache of stems."""
    tokenizer = rouge_scorer()._tokenizer
    tokenizer._stemmer.stem = lru_cache(maxsize=20_000)(tokenizer._stemmer.stem)
    return tokenizer


def rouge_value(found: Grams, wanted: Grams) -> float:
    """Return ROUGE-1 F1 + ROUGE-2 F1, 0 to 2."""
    total = 0.0
    for one, other in zip(found, wanted, strict=True):
        count = one.total() + other.total()
        total += 2 * sum(min(n, other[gram]) for gram, n in one.items()) / count if count else 0.0
    return total


def mean(values: Sequence[float]) -> float:
    """Return the mean; 0 of no values."""
    return sum(values) / len(values) if values else 0.0


def means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each column."""
    return {name: mean([row[name] for row in rows]) for name in rows[0]} if rows else {}


def bootstrap_intervals(rows: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Return the 95 % confidence interval of the mean of each column: bootstrap over the rows.

    Percentiles of the means of 1,000 samples with replacement (Efron, 1979), drawn from a fixed seed.
    """
    if len(rows) < 2:
        return {}
    import numpy

    names = list(rows[0])
    table = numpy.array([[row[name] for name in names] for row in rows])
    drawn = numpy.random.default_rng(0).integers(len(rows), size=(RESAMPLES, len(rows)))
    low, high = numpy.percentile([table[sample].mean(axis=0) for sample in drawn], [2.5, 97.5], axis=0)
    return {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=True)}


def classification_figures(
    wanted: Sequence[Sequence[str]], found: Sequence[Sequence[str]], labels: Sequence[str]
) -> dict[str, float]:
    """Return accuracy (all labels of a text right) and macro-F1 in percent.

    Macro-F1 is the mean over the labels that occur, on either side.
    """
    right = mean([float(set(a) == set(b)) for a, b in zip(wanted, found, strict=True)])
    scores = []
    for label in labels:
        pairs = [(label in a, label in b) for a, b in zip(wanted, found, strict=True)]
        both = sum(1 for a, b in pairs if a and b)
        either = sum(a + b for a, b in pairs)
        if either:
            scores.append(2 * both / either)
    return {"accuracy": 100 * right, "macro_f1": 100 * mean(scores)}


def answer_figures(answers: Sequence[str], found: str) -> dict[str, float]:
    """Return exact match and token F1 in percent, the best over all right answers, as SQuAD counts them.

    Case, punctuation and articles do not count. Without an answer only the empty text is right.
    """
    found_words = _words(found)
    right = [_words(answer) for answer in answers] or [[]]
    return {
        "exact_match": 100 * max(float(found_words == words) for words in right),
        "f1": 100 * max(_overlap(found_words, words) for words in right),
    }


def _words(text: str) -> list[str]:
    """Return words as SQuAD's evaluation script compares them (Rajpurkar et al., 2016)."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def _overlap(found: Sequence[str], wanted: Sequence[str]) -> float:
    if not found or not wanted:
        return float(found == wanted)
    return 2 * (Counter(found) & Counter(wanted)).total() / (len(found) + len(wanted))
