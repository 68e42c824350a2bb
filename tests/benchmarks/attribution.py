"""How often a written sentence is traced to the sentence it was made from.

    python -m tests.benchmarks.attribution [--step 3] [FILE.jsonl.gz]

No model that writes well can be had here, so sentences of documents are rewritten by chance: words are left
out, words of other sentences put in their place, clauses swapped. One in four comes from another document and
must not be traced to anything. Rank 1: how many of the others are traced to their sentence without a
threshold; precision and share: of those that are traced at a threshold.
"""

import argparse
import random
import re
from collections.abc import Sequence
from pathlib import Path

from bigbird_pegasus.summarization.writing import attribution
from bigbird_pegasus.text.parsed_text import parse_text

from tests.benchmarks.wrapped_lines import FILES, documents

CHANGES = ((0.0, 0.0), (0.3, 0.1), (0.4, 0.25))  # shares of words left out, and of the rest replaced
THRESHOLDS = (0.2, 0.3, 0.4, 0.5)


def rewritten(
    sentence: str, others: Sequence[str], left_out: float, replaced: float, chance: random.Random
) -> str:
    """Return a sentence in small letters, with fewer words, some of others, and its clauses swapped."""
    words = [word for word in re.findall(r"\w+|[^\w\s]", sentence.lower()) if chance.random() >= left_out]
    pool = chance.choice(others).lower().split()
    words = [chance.choice(pool) if chance.random() < replaced else word for word in words]
    if left_out and len(words) > 6 and chance.random() < 0.5:
        middle = chance.randrange(2, len(words) - 2)
        words = words[middle:] + words[:middle]
    return " ".join(words)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=FILES[0])
    parser.add_argument("--step", type=int, default=3, help="every so manieth document")
    options = parser.parse_args()
    attribution.MIN_OVERLAP = 0.0
    chance = random.Random(0)
    parsed = [parse_text(text) for text in documents(options.file, options.step)]
    texts = [[text.on_one_line(span) for span in text.sentences] for text in parsed]
    texts = [[one for one in found if len(one.split()) >= 6] for found in texts]
    texts = [found for found in texts if len(found) > 20]
    print("| left out, replaced | rank 1 | " + " | ".join(f"at {one}" for one in THRESHOLDS) + " |")
    print("| --- " * (2 + len(THRESHOLDS)) + "|")
    for left_out, replaced in CHANGES:
        traced: list[tuple[float, bool]] = []
        own = 0
        for number, sentences in enumerate(texts):
            index = attribution.index_sentences(sentences)
            for turn in range(40):
                source = chance.choice(texts[:number] + texts[number + 1 :]) if turn % 4 == 0 else sentences
                sentence = chance.choice(source)
                found = attribution.attribute(
                    rewritten(sentence, sentences, left_out, replaced, chance), index
                )
                own += source is sentences
                if found:
                    traced.append((found[1], source is sentences and sentences[found[0]] == sentence))
        cells = [f"{left_out:.0%}, {replaced:.0%}", f"{sum(right for _, right in traced) / own:.1%}"]
        for threshold in THRESHOLDS:
            kept = [right for overlap, right in traced if overlap >= threshold]
            cells.append(f"{sum(kept) / max(1, len(kept)):.1%} of {sum(kept) / own:.0%}")
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
