"""Signs of a bad summary that need no reference."""

from dataclasses import dataclass
from typing import Literal

from bigbird_pegasus.text.words import count_words

Stop = Literal["whole", "length", "end"]


@dataclass(frozen=True)
class Quality:
    """Signs of a bad summary: words of the document for one of the summary, the share of word trigrams said
    before, and why the summary ends (`whole`: nothing left out; `length`: no room for more in the length that
    was asked for, or that the model can write; `end`: complete).
    """

    compression_ratio: float
    repeated_ngrams: float
    stop: Stop


def measure_quality(document_words: int, summary: str, stop: Stop) -> Quality:
    """Compare lengths and count repeated trigrams; words of the trigrams are what white space separates."""
    words = summary.lower().split()
    trigrams = list(zip(words, words[1:], words[2:], strict=False))
    repeated = (len(trigrams) - len(set(trigrams))) / len(trigrams) if trigrams else 0.0
    return Quality(round(document_words / max(1, count_words(summary)), 3), round(repeated, 4), stop)
