"""Signs of a bad summary that need no reference."""

import zlib
from dataclasses import dataclass
from typing import Literal

from bigbird_pegasus.text.words import count_words

Stop = Literal["whole", "length", "end"]
# Bytes of a text for one of its deflated form; more is a text that repeats itself: of 9,932 summaries that
# authors wrote (shared/corpus) 99 % have at most 2.24, and 20 more than this.
MAX_DEFLATE_RATIO = 2.4


@dataclass(frozen=True)
class Quality:
    """Signs of a bad summary: words of the document for one of the summary, the share of word trigrams said
    before, and why the summary ends (`whole`: nothing left out; `length`: no room for more in the length that
    was asked for, or that the model can write; `end`: complete).

    `deflate_ratio` is how many bytes of the summary one byte of its deflated form stands for: texts that
    repeat themselves have more than 2.4. Of a model that writes, `no_repeat_ngram_size` is how many tokens
    it may not write twice (0: no such bound), and `retries` how many of its texts were written a second time
    with 3, because they repeated themselves.
    """

    compression_ratio: float
    repeated_ngrams: float
    stop: Stop
    deflate_ratio: float = 0.0
    no_repeat_ngram_size: int | None = None
    retries: int = 0


def measure_quality(
    document_words: int, summary: str, stop: Stop, no_repeat_ngram_size: int | None = None, retries: int = 0
) -> Quality:
    """Compare lengths and count repeated trigrams; words of the trigrams are what white space separates."""
    words = summary.lower().split()
    trigrams = list(zip(words, words[1:], words[2:], strict=False))
    repeated = (len(trigrams) - len(set(trigrams))) / len(trigrams) if trigrams else 0.0
    return Quality(
        round(document_words / max(1, count_words(summary)), 3),
        round(repeated, 4),
        stop,
        round(deflate_ratio(summary), 3),
        no_repeat_ngram_size,
        retries,
    )


def deflate_ratio(text: str) -> float:
    """Return how many bytes of a text one byte of its deflated form stands for."""
    content = text.encode("utf-8", "surrogatepass")
    return len(content) / len(zlib.compress(content, 9))
