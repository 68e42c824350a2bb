"""Choosing among a document's sentences."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from bigbird_pegasus import DEFAULT_MODEL, load_model, summarize
from bigbird_pegasus.inference.numpy_functions import Floats
from bigbird_pegasus.inference.sentence_networks import selection_gains
from bigbird_pegasus.inference.torch_extraction import weights_of
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.summarization.choosing.extractive import (
    ScoredSentences,
    choose,
    first_pieces,
    with_questions,
)
from bigbird_pegasus.summarization.chosen import Choice
from bigbird_pegasus.summarization.features.sentence_features import sentence_features
from bigbird_pegasus.summarization.length import LengthBounds
from bigbird_pegasus.text.speech import named

from tests.conftest import SENTENCES, SUBJECTS, VERBS, Bbp

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


TEXTS = [f"Sentence {n} speaks about thing{n} and place{n}." for n in range(6)]  # of 7 words

Gains = Callable[[Floats], Floats]


@pytest.fixture(scope="module")
def chooser() -> Gains:
    model = load_model(DEFAULT_MODEL)
    assert isinstance(model, BigBirdPegasusForSentenceExtraction)
    return partial(selection_gains, weights_of(model.sentence_head.chooser))


def scored(scores: list[float], length: float = 30.0) -> ScoredSentences:
    return ScoredSentences(scores, sentence_features(TEXTS, [True] * 6), length)


def test_a_summary_records_whether_its_length_or_the_text_ended_it(
    chooser: Gains,
) -> None:
    good, poor = [0.6, 0.55, 0.55, 0.55, 0.55, 0.55], [0.6, 0.55, 0.0, 0.0, 0.0, 0.0]
    assert choose(TEXTS, scored(good), LengthBounds(20), [True] * 6, chooser).stop == "length"
    assert choose(TEXTS, scored(poor), LengthBounds(), [True] * 6, chooser) == Choice([0, 1], "end")
    assert choose(TEXTS[:3], scored(good), LengthBounds(100), [True] * 3, chooser) == Choice(
        [0, 1, 2], "whole"
    )


def test_without_a_length_no_length_ends_a_summary(chooser: Gains) -> None:
    long = [f"{text} {'word ' * 40}" for text in TEXTS]
    assert choose(long, scored([0.6] * 6, 40.0), LengthBounds(60), [True] * 6, chooser).stop == "length"
    assert first_pieces(long, LengthBounds(60), [True] * 6).stop == "length"
    for text in (" ".join(SENTENCES[:12]), "\n".join(BULLETS)):
        assert summarize(text).quality.stop == "end"
        assert summarize(text, length=30).quality.stop == "length"


def test_a_name_stands_where_another_speaks_than_before() -> None:
    sentences = ["Anna: It is closed.", "It opens in May.", "I see.", "Bo: Good.", "We wait.", "The end."]
    assert named(sentences, ["Anna", "Anna", "Bo", "Bo", "Anna", ""]) == [
        "Anna: It is closed.", "It opens in May.", "Bo: I see.", "Bo: Good.", "Anna: We wait.", "The end.",
    ]  # fmt: skip


def test_who_says_a_sentence_is_in_the_summary_and_its_length(warm_bbp: Bbp) -> None:
    said = [f"{text} It matters to the people of town number {n}." for n, text in enumerate(SENTENCES[:12])]
    chat = "\n\n".join(f"{('Anna Lind', 'Bo')[n % 2]}: Yes. {text}" for n, text in enumerate(said))
    for length in (None, 30, 45):
        option = ["--length", str(length)] if length else []
        record = json.loads(warm_bbp("summarize", "--json", *option, stdin=chat.encode()).stdout)
        assert {one["speaker"] for one in record["sentences"]} <= {"Anna Lind", "Bo"}
        sentences, speakers = ([one[key] for one in record["sentences"]] for key in ("text", "speaker"))
        assert record["summary"] == " ".join(named(sentences, speakers))
        assert length is None or len(record["summary"].split()) <= length
        for one in record["sentences"]:
            place = one["sources"][0]
            assert chat[place["start"] : place["end"]] == one["text"]
            names = re.findall(r"^(Anna Lind|Bo): ", chat[: place["start"]], re.MULTILINE)
            assert one["text"].startswith(("Anna Lind:", "Bo:")) or one["speaker"] == names[-1]


def test_a_sentence_for_which_the_one_before_is_needed_is_chosen_only_behind_it(chooser: Gains) -> None:
    scores = [0.5, 0.1, 0.6, 0.0, 0.0, 0.5]
    for dependent, expected in ((frozenset(), [0, 2, 5]), (frozenset({2, 5}), [0])):
        found = choose(
            TEXTS, replace(scored(scores), dependent=dependent), LengthBounds(), [True] * 6, chooser
        )
        assert found.numbers == expected
    behind = replace(scored([0.5, 0.6, 0.6, 0.0, 0.0, 0.0]), dependent=frozenset({2}))
    assert choose(TEXTS, behind, LengthBounds(), [True] * 6, chooser).numbers[1:] == [1, 2]


def test_no_pronoun_stands_in_a_summary_without_the_sentence_before_it() -> None:
    pairs = [f"{one} They counted {n} boats in harbour {n}." for n, one in enumerate(SENTENCES[:14])]
    for length in (None, 40, 80):
        chosen = summarize(" ".join(pairs), length=length).sentences
        assert len(chosen) > 1
        assert not chosen[0].text.startswith("They")
        for before, one in pairwise(chosen):
            assert not one.text.startswith("They") or one.start == before.end + 1


def test_a_story_in_which_most_sentences_begin_with_a_pronoun_is_not_cut_to_its_beginning() -> None:
    subjects = ["He", "She", "They", "It"]
    verbs = ["mended", "watched", "remembered", "carried", "painted", "sold", "opened", "feared"]
    things = [
        "the old boat",
        "a torn net",
        "the long letter",
        "his lamp",
        "the gate",
        "a ferry",
        "the keeper",
    ]
    story = [
        f"{subjects[n % 4]} {verbs[n % 8]} {things[n % 7]} and {verbs[n % 5]} {things[n % 6]} in 19{n + 10}."
        for n in range(60)
    ]
    chosen = [one.text for one in summarize(" ".join(story), length="5s").sentences]
    assert len(chosen) == 5
    assert story.index(chosen[-1]) >= 10
    demonstrative = [one.replace("He ", "This ").replace("They ", "That ") for one in story]
    numbers = [
        demonstrative.index(one.text) for one in summarize(" ".join(demonstrative), length="5s").sentences
    ]
    assert all(n - 1 in numbers for n in numbers if n and demonstrative[n].startswith("Th"))


def test_only_allowed_sentences_are_chosen(chooser: Gains) -> None:
    allowed = [False, True] * 3
    assert choose(TEXTS, scored([0.5] * 6), LengthBounds(100), allowed, chooser) == Choice([1, 3, 5], "end")


def test_an_answer_brings_its_question_where_there_is_room() -> None:
    texts = [
        "Questions",
        "Q: Where does it stop?",
        "A: At the harbour.",
        "Q1. And when?",
        "A1. At noon.",
        "It ends.",
    ]
    assert with_questions(texts, Choice([2, 4, 5], "end"), LengthBounds()).numbers == [1, 2, 3, 4, 5]
    assert with_questions(texts, Choice([2, 4, 5], "end"), LengthBounds(14)).numbers == [1, 2, 4, 5]
    assert with_questions(texts, Choice([2, 4], "end"), LengthBounds(7)).numbers == [2, 4]
    assert with_questions(texts, Choice([0, 1, 5], "end"), LengthBounds()).numbers == [0, 1, 5]
    assert with_questions(["A: He came.", "A: She went."], Choice([0, 1], "end"), LengthBounds()).numbers == [
        0,
        1,
    ]


def test_an_item_without_its_list_is_printed_without_its_number() -> None:
    prose = " ".join(
        f"{subject} {verb} the gate number {n}." for n, subject in enumerate(SUBJECTS) for verb in VERBS
    )
    items = ["1. Lanterns are lit on the pier at night.", "2. Nets are mended by the whole crew."]
    text = "\n".join([prose, "", *items, "", prose])
    alone = summarize(text, query="When are the lanterns lit on the pier?", length="1s")
    assert alone.summary == items[0].removeprefix("1. ")
    (sentence,) = alone.sentences
    assert text[sentence.start : sentence.end] == sentence.text
    both = summarize(text, query="Are lanterns lit on the pier, nets mended by the crew?", length="2s")
    assert both.summary == " ".join(items)


def test_a_number_that_no_item_stands_beside_is_part_of_its_sentence() -> None:
    prose = " ".join(
        f"{subject} {verb} the gate number {n}." for n, subject in enumerate(SUBJECTS) for verb in VERBS
    )
    house = "10. Downing Street is the house of a minister."
    items = ["9. Lanterns are lit.", "They are yellow and bright.", house]
    coli = "e. coli was found at the house of a minister in Downing Street."
    for text, expected in (
        ("\n\n".join([prose, house, prose]), house),
        ("\n\n".join([prose, items[0] + " " + items[1], house, prose]), house.removeprefix("10. ")),
        ("\n\n".join([prose, coli, prose]), coli),
        ("\n\n".join([prose, "b. The pier is closed.", coli, prose]), coli),
        ("\n\n".join([prose, "d. The pier is closed.", coli, prose]), coli.removeprefix("e. ")),
    ):
        found = summarize(text, query="Which house of a minister is in Downing Street?", length="1s")
        assert found.summary == expected
