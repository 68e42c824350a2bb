"""Make records for `bbp train` from a corpus of documents, and judge a rule that needs no training.

    python examples/training_records.py labels    CORPUS.jsonl.gz > labels.jsonl
    python examples/training_records.py questions CORPUS.jsonl.gz > questions.jsonl
    python examples/training_records.py initials  questions.jsonl

CORPUS holds one JSON object a line with `id`, `source` and `document`.

`labels`: the text of each document, and its source as the label.

`questions`: "What does DHCP stand for?" wherever a document says "Dynamic Host Configuration Protocol
(DHCP)", with the text around it as the context. What a short form stands for is found by the algorithm of
Schwartz and Hearst ("A simple algorithm for identifying abbreviation definitions in biomedical text", 2003):
every letter of the short form must stand in the words before it, in order, the first at the beginning of a
word.

`initials`: how many of the questions a regular expression answers that takes as many words before "(DHCP)" as
it has letters, if these are their initials. Exact match as `bbp evaluate` counts it.
"""

import argparse
import gzip
import json
import random
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bbp_cli.evaluation.metrics import answer_figures, mean

DEFINITION = re.compile(r"\(([A-Z][A-Za-z0-9-]{1,9})\)")
CONTEXT = 600  # characters around a definition, more or less
QUESTIONS_A_DOCUMENT = 8


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON Lines file, packed or not."""
    with (
        gzip.open(path, "rt", encoding="utf-8")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8") as lines
    ):
        yield from map(json.loads, lines)


def label_records(corpus: Path) -> Iterator[dict[str, Any]]:
    """Each document with its source as the label."""
    for fields in read(corpus):
        yield {"id": fields["id"], "text": fields["document"], "label": fields["source"]}


def question_records(corpus: Path, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Questions about the short forms that a document explains, each once, a few for each document."""
    for fields in read(corpus):
        text, chance = fields["document"], random.Random(f"{seed}/{fields['id']}")
        found: dict[str, tuple[int, int]] = {}
        for match in DEFINITION.finditer(text):
            span = long_form(text[max(0, match.start() - 200) : match.start()], match[1])
            if span and match[1] not in found:
                offset = max(0, match.start() - 200)
                found[match[1]] = (offset + span[0], offset + span[1])
        chosen = sorted(found, key=lambda short: found[short])
        chance.shuffle(chosen)
        for short in chosen[:QUESTIONS_A_DOCUMENT]:
            start, end = found[short]
            first, last = surroundings(text, start, end, chance)
            yield {
                "id": f"{fields['id']}#{short}",
                "source": fields["source"],
                "question": f"What does {short} stand for?",
                "context": text[first:last],
                "answers": [{"text": text[start:end], "start": start - first}],
            }


def long_form(before: str, short: str) -> tuple[int, int] | None:
    """Find the span in the text before "(short)" that it stands for; None where there is none.

    At most min(n + 5, 2 n) words for n letters, all in one sentence.
    """
    end = len(before.rstrip())
    letters = [c for c in short.lower() if c.isalnum()]
    place = end
    for number, letter in reversed(list(enumerate(letters))):
        place -= 1
        while place >= 0 and (
            before[place].lower() != letter or (number == 0 and place > 0 and before[place - 1].isalnum())
        ):
            place -= 1
        if place < 0:
            return None
    found = before[place:end]
    words = found.split()
    most = min(len(letters) + 5, 2 * len(letters))
    if not 2 <= len(words) <= most or len(found) <= len(short) or short in words:
        return None
    if re.search(r"[.;:!?()\[\]]\s|[()\[\]\"]|\n\s*\n", found):
        return None
    return place, end


def surroundings(text: str, start: int, end: int, chance: random.Random) -> tuple[int, int]:
    """Return a span of about `CONTEXT` characters that holds the answer and "(short)", cut between words."""
    first = max(0, start - chance.randrange(CONTEXT - 200))
    last = min(len(text), max(end + 30, first + CONTEXT))
    while 0 < first < start and not text[first - 1].isspace():
        first += 1
    while last < len(text) and not text[last].isspace():
        last += 1
    return first, last


def initials_answer(question: str, context: str) -> str:
    """Return the answer of the regular expression, empty where it finds none."""
    match = re.fullmatch(r"What does (\S+) stand for\?", question)
    letters = [c for c in match[1] if c.isalnum()] if match else []
    words = r"[\s-]+".join(rf"{re.escape(letter)}[\w']*" for letter in letters)
    found = re.search(rf"\b({words})\s*\({re.escape(match[1])}\)", context, re.IGNORECASE) if match else None
    return found[1] if found else ""


def judge_initials(questions: Path) -> dict[str, float]:
    """Exact match and F1 of the regular expression."""
    rows = []
    for fields in read(questions):
        found = initials_answer(fields["question"], fields["context"])
        rows.append(answer_figures([answer["text"] for answer in fields["answers"]], found))
    return {
        "records": len(rows),
        "exact_match": round(mean([row["exact_match"] for row in rows]), 2),
        "f1": round(mean([row["f1"] for row in rows]), 2),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Write records, or the figures of the rule, to stdout."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("labels", "questions", "initials"))
    parser.add_argument("file", type=Path)
    given = parser.parse_args(arguments)
    if given.what == "initials":
        print(json.dumps(judge_initials(given.file)))
        return
    records = label_records(given.file) if given.what == "labels" else question_records(given.file)
    for record in records:
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
