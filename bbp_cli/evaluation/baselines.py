"""Summaries without a model, to compare with: the first sentences, random ones, and a greedy oracle."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.words import count_words

from bbp_cli.evaluation.metrics import Grams, rouge_grams, rouge_value


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text, each on one line, as a summary by the model shows it."""
    parsed = parse_text(text)
    return [parsed.on_one_line(span) for span in parsed.sentences]


def lead(sentences: Sequence[str], budget: int) -> list[int]:
    """Choose the first sentences that together have at most `budget` words; the first one in any case."""
    chosen: list[int] = []
    for number, sentence in enumerate(sentences):
        budget -= count_words(sentence)
        if chosen and budget < 0:
            break
        chosen.append(number)
    return chosen


def at_random(sentences: Sequence[str], budget: int, seed: str) -> list[int]:
    """Choose random sentences, as many as fit in `budget` words, in document order."""
    order = list(range(len(sentences)))
    random.Random(seed).shuffle(order)
    chosen: list[int] = []
    for number in order:
        words = count_words(sentences[number])
        if words <= budget:
            chosen.append(number)
            budget -= words
    return sorted(chosen or order[:1])


def oracle(sentences: Sequence[str], summary: str, budget: int) -> list[int]:
    """Choose sentences greedily by the reference summary (Nallapati et al., "SummaRuNNer", 2017, section 3).

    Each time the sentence that raises ROUGE-1 F1 + ROUGE-2 F1 most is added, until none raises it. Word pairs
    across the border of two sentences are not counted here.
    """
    wanted, *grams = rouge_grams([summary, *sentences])
    chosen: list[int] = []
    so_far: Grams = (Counter(), Counter())
    best, left = 0.0, budget
    while True:
        scored = [
            (rouge_value(_plus(so_far, grams[number]), wanted), -number)
            for number in range(len(sentences))
            if number not in chosen and count_words(sentences[number]) <= left
        ]
        if not scored or max(scored)[0] <= best:
            return sorted(chosen) or list(range(min(1, len(sentences))))
        best, number = max(scored)[0], -max(scored)[1]
        chosen.append(number)
        so_far = _plus(so_far, grams[number])
        left -= count_words(sentences[number])


def _plus(one: Grams, other: Grams) -> Grams:
    return one[0] + other[0], one[1] + other[1]


Baseline = Literal["lead", "random", "oracle"]  # summaries without a model, to compare with
