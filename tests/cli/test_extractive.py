"""Choosing among a document's sentences."""

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


def test_a_summary_tells_whether_its_length_or_the_text_ended_it() -> None:
    texts = [f"Sentence {n} speaks about thing{n} and place{n}." for n in range(6)]  # of 7 words
    good, poor = [1.0, 0.9, 0.9, 0.9, 0.9, 0.9], [1.0, 0.9, 0.1, 0.1, 0.1, 0.1]
    assert choose(texts, good, 20, [True] * 6) == ([0, 1], "length")
    assert choose(texts, poor, 100, [True] * 6) == ([0, 1], "end")
    assert choose(texts, good, 100, [True] * 6) == ([0, 1, 2, 3, 4, 5], "whole")


def test_only_allowed_sentences_are_chosen() -> None:
    texts = [f"Sentence {n} speaks about thing{n} and place{n}." for n in range(6)]
    assert choose(texts, [1.0] * 6, 100, [False, True] * 3) == ([1, 3, 5], "end")
