"""Which sentences may be in a summary: headings are left out, but never most of the document."""

from pathlib import Path

import pytest

from bbp_cli.extractive import choose
from tests.cli.conftest import SENTENCES, SUBJECTS, VERBS, Bbp

BULLETS = [
    f"- {subject.lower()} {verb} the gate number {n}"
    for n, subject in enumerate(SUBJECTS)
    for verb in VERBS[:4]
]
HINDI = [f"आज {n} मछुआरे अपनी नाव लेकर समुद्र की ओर गए।" for n in range(20)]
CITED = [f"{sentence}[{n}]" for n, sentence in enumerate(SENTENCES)]
ODD_ONES = {"bullets": (BULLETS, "Done at last."), "danda": (HINDI, "वाह!"), "cited": (CITED, "Short one.")}


@pytest.mark.parametrize("kind", ODD_ONES)
def test_one_sentence_that_ends_differently_is_not_the_whole_summary(
    kind: str, warm_bbp: Bbp, extractive: Path
) -> None:
    texts, odd_one = ODD_ONES[kind]
    done = warm_bbp("summarize", "--model", extractive, stdin="\n\n".join([*texts, odd_one]).encode())
    assert (done.code, done.stderr) == (0, "")
    assert len(done.stdout) > len(odd_one) + 1
    numbers, _ = choose([*texts, odd_one], [0.9] * len(texts) + [1.0], 100)
    assert len(numbers) > 1


@pytest.mark.parametrize(
    "end",
    [
        ".", "!", "?", "…", "?!", ".”", ".)", ".'", "。", "\uff01\u300d", "\u061f", "\u06d4", "।", "॥", "።",
        ".[3]", ". [3, 4]", ".[1][2]", ". (Smith, 2020)", ".²³", "?” (Smith et al., 2020).",
    ],
)  # fmt: skip
def test_a_sentence_may_end_so(end: str) -> None:
    texts = [f"Heading {n}" if n % 2 else f"the whole crew number {n} slept on deck{end}" for n in range(20)]
    chosen, _ = choose(texts, [float(n % 2) + 1 for n in range(20)], 400)
    assert [texts[n] for n in chosen if n % 2] == []


@pytest.mark.parametrize("end", ["", ":", " (1821)", " [3]", " 3.2", "." * 100_000 + "x"])
def test_a_heading_ends_otherwise(end: str) -> None:
    texts = [
        f"Heading{end}" if n % 2 else f"the whole crew number {n} slept on deck and woke." for n in range(20)
    ]
    chosen, _ = choose(texts, [float(n % 2) + 1 for n in range(20)], 400)
    assert [texts[n] for n in chosen if n % 2] == []


def test_a_summary_tells_whether_its_length_or_the_text_ended_it() -> None:
    texts = [f"Sentence {n} speaks about thing{n} and place{n}." for n in range(6)]  # of 7 words
    good, poor = [1.0, 0.9, 0.9, 0.9, 0.9, 0.9], [1.0, 0.9, 0.1, 0.1, 0.1, 0.1]
    assert choose(texts, good, 20) == ([0, 1], "length")
    assert choose(texts, poor, 100) == ([0, 1], "end")
    assert choose(texts, good, 100) == ([0, 1, 2, 3, 4, 5], "whole")
