"""How many sentences that a summary may hold change where a document is hard-wrapped.

    python -m tests.benchmarks.wrapped_lines [--step 10] [--hyphens] [FILE.jsonl.gz ...]

Of each document the candidates as it is are compared with those of its paragraphs wrapped at 72 and at 45
columns, white space collapsed. "lost" are candidates that the wrapped document has not, "new" the others.
With --hyphens words are also broken behind a hyphen, and spaces are not compared: many documents of the
corpus were put together from broken lines once, and have "inter- national" themselves.
"""

import argparse
import gzip
import json
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.sentence_filter import eligible_sentences

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
FILES = [CORPUS / "val.jsonl.gz", CORPUS / "val-more.jsonl.gz"]
WIDTHS = (72, 45)


def candidates(text: str) -> list[str]:
    """Return the sentences of a text that a summary may hold."""
    parsed = parse_text(text)
    eligible = eligible_sentences(parsed, parsed.sentences)
    return [parsed.on_one_line(span) for span, may in zip(parsed.sentences, eligible, strict=True) if may]


def wrap(text: str, width: int, *, hyphens: bool = False) -> str:
    """Return a text with each of its lines wrapped."""
    return "\n".join(
        textwrap.fill(line, width, break_on_hyphens=hyphens, break_long_words=False)
        for line in text.split("\n")
    )


def changes(text: str, width: int, *, hyphens: bool = False) -> tuple[int, int, int]:
    """Return how many candidates a text has, how many it loses by wrapping, and how many are new."""
    before, after = candidates(text), candidates(wrap(text, width, hyphens=hyphens))
    if hyphens:
        before, after = (["".join(one.split()) for one in found] for found in (before, after))
    counted, wrapped = Counter(before), Counter(after)
    return len(before), (counted - wrapped).total(), (wrapped - counted).total()


def documents(path: Path, step: int) -> Iterator[str]:
    """Yield every so manieth document of a file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number % step == 0:
                yield json.loads(line)["document"]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=FILES)
    parser.add_argument("--step", type=int, default=1, help="every so manieth document")
    parser.add_argument("--hyphens", action="store_true", help="break words behind hyphens too")
    options = parser.parse_args()
    print("| documents | width | candidates | lost | new |\n| --- | --- | --- | --- | --- |")
    for path in options.files:
        for width in WIDTHS:
            rows = [changes(text, width, hyphens=options.hyphens) for text in documents(path, options.step)]
            total, lost, new = (sum(row[column] for row in rows) for column in range(3))
            shares = " | ".join(f"{count} ({100 * count / total:.2f} %)" for count in (lost, new))
            print(f"| {path.name}, {len(rows)} | {width} | {total} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
