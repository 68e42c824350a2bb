"""The example that makes training records out of a corpus: what it writes, `bbp train` accepts."""

import gzip
import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bbp_cli.dataset import QuestionExample, read_examples

SCRIPT = Path(__file__).parents[2] / "examples/training_records.py"
TEXT = (
    "Leases are handed out by the Dynamic Host Configuration Protocol (DHCP) and by nothing else. "
    "An Extended Superframe (ESF) is kept. A box (BOX) is a box. It runs on the XML Schema (XSD). "
    "Names are resolved by the Domain Name System (DNS), see Domain Name System (DNS)."
)
CORPUS = [
    {"id": "one", "source": "rfc", "document": TEXT},
    {"id": "two", "source": "pep", "document": "Nothing is defined here, so nothing can be asked."},
]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, CORPUS)).encode()))
    return path


def run(*arguments: object) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_labels_are_the_sources(corpus: Path, tmp_path: Path) -> None:
    records = run("labels", corpus)
    assert [(record["label"], record["text"]) for record in records] == [
        ("rfc", TEXT),
        ("pep", CORPUS[1]["document"]),
    ]
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, records)))
    assert len(read_examples(tmp_path / "labels.jsonl", "classify").records) == 2


def test_questions_have_their_answers_where_they_say(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, run("questions", corpus))))
    records = read_examples(tmp_path / "questions.jsonl", "qa").records
    answers = {r.question: r.answers[0].text for r in records if isinstance(r, QuestionExample)}
    assert answers == {
        "What does DHCP stand for?": "Dynamic Host Configuration Protocol",
        "What does ESF stand for?": "Extended Superframe",
        "What does DNS stand for?": "Domain Name System",
    }
    figures = run("initials", tmp_path / "questions.jsonl")
    assert figures == [{"records": 3, "exact_match": 66.67, "f1": 66.67}]  # S is no initial of ESF


@pytest.mark.parametrize(
    ("before", "short", "found"),
    [
        ("sent over the Transmission Control Protocol ", "TCP", "Transmission Control Protocol"),
        ("a time sliding window three color marker ", "TSWTCM", "time sliding window three color marker"),
        ("an extended superframe ", "ESF", "extended superframe"),
        ("that is all. Control ", "TC", None),  # across the end of a sentence
        ("as in the GPU, the GPU ", "GPU", None),  # itself
        ("nothing like it ", "XYZ", None),
        ("", "XYZ", None),
        ("routers ", "RTS", None),  # one word is no long form
    ],
)
def test_a_long_form_has_all_letters_in_order(before: str, short: str, found: str | None) -> None:
    span = runpy.run_path(str(SCRIPT))["long_form"](before, short)
    assert (None if span is None else before[slice(*span)]) == found
