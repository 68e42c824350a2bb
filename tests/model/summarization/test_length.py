"""`--length`: how it is written, and the bounds that it sets."""

import pytest
from bigbird_pegasus import summarize
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.summarization.length import AskedLength, LengthBounds, bounds_of, parse_length
from bigbird_pegasus.summarization.options import SummaryOptions, in_words

from tests.conftest import SENTENCES

LONG = " ".join(SENTENCES)


@pytest.mark.parametrize("text", ["120", "120w", "5s", "10%", "short", "medium", "long"])
def test_a_length_is_shown_as_it_was_asked_for(text: str) -> None:
    assert str(parse_length(text)) == text
    assert str(SummaryOptions(parse_length(text)).as_params()["length"]) == text


def test_a_plain_number_is_the_most_words_as_a_number() -> None:
    assert parse_length("120") == 120
    assert SummaryOptions(120).as_params()["length"] == 120


SPELLINGS = {
    "20W": "20w",
    "20 words": "20w",
    "1 Word": "1w",
    " 20 ": "20",
    "5 s": "5s",
    "5 sentences": "5s",
    "1 sentence": "1s",
    "10 %": "10%",
    "10 percent": "10%",
    "3.5%": "3.5%",
    "3,5 %": "3.5%",
    "0.25%": "0.25%",
    "10.0%": "10%",
    "SHORT": "short",
    "Medium ": "medium",
}


@pytest.mark.parametrize("text", SPELLINGS)
def test_spellings_that_can_mean_one_thing_only_are_taken(text: str) -> None:
    assert str(parse_length(text)) == SPELLINGS[text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0s",
        "-5",
        "0%",
        "0.0%",
        "101%",
        "100.5%",
        "5x",
        "1.5",
        "1.5w",
        "1,000%",
        "1.000 %",
        "2.5 s",
        "5 w s",
        "٣",
        "9" * 10,
    ],
)
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="length"):
        parse_length(text)
    with pytest.raises(ConfigError, match="length"):
        summarize("A text.", length=text)


@pytest.mark.parametrize(
    ("asked", "words", "eligible", "bounds"),
    [
        (None, 1000, 50, LengthBounds()),
        (None, 100, 4, LengthBounds()),
        (None, 100, 5, LengthBounds(None, 0, 3, 2)),
        (None, 100, 8, LengthBounds(None, 0, 3, 2)),
        (None, 100, 9, LengthBounds()),
        (120, 1000, 50, LengthBounds(120)),
        (AskedLength("w", 120), 1000, 50, LengthBounds(120, 96)),
        (AskedLength("s", 5), 1000, 50, LengthBounds(None, 0, 5, 5)),
        (AskedLength("%", 10), 1000, 50, LengthBounds(100, 80)),
        (AskedLength("%", 1), 20, 2, LengthBounds(1, 0)),
        (AskedLength("%", 3.5), 1000, 50, LengthBounds(35, 28)),
        (AskedLength("short"), 1000, 50, LengthBounds(60, 30)),
        (AskedLength("medium"), 1000, 50, LengthBounds(130, 80)),
        (AskedLength("long"), 1000, 50, LengthBounds(280, 180)),
        (AskedLength("long"), 100, 5, LengthBounds(50, 25)),
    ],
)
def test_bounds_follow_from_the_document(
    asked: AskedLength | None, words: int, eligible: int, bounds: LengthBounds
) -> None:
    assert bounds_of(asked, words, eligible) == bounds


@pytest.mark.parametrize("text", ["40w", "90w", "1s", "4s", "25%", "short", "medium"])
def test_a_summary_keeps_its_bounds_and_cuts_no_sentence(text: str) -> None:
    found = summarize(LONG, length=text)
    bounds = bounds_of(parse_length(text), len(LONG.split()), len(SENTENCES))
    words = len(found.summary.split())
    assert bounds.min_words <= words <= (bounds.max_words or words)
    if bounds.max_sentences:
        assert len(found.sentences) == bounds.max_sentences
    assert {one.text for one in found.sentences} <= set(SENTENCES)
    assert found.warnings == ()
    assert found.quality.stop in ("length", "end")


def test_of_a_text_with_fewer_sentences_all_are_printed() -> None:
    text = " ".join(SENTENCES[:4])
    found = summarize(text, length="9s")
    assert (found.summary, found.quality.stop) == (text, "whole")


SHORT_TEXTS = {
    "en": "The port is closed. A storm broke two piers. Boats wait. The mayor wants help. Work starts.",
    "de": "Der Hafen ist zu. Ein Sturm brach zwei Stege. Boote warten. Die Stadt bittet um Hilfe. Es regnet.",
    "fr": "Le port est fermé. Le vent a cassé deux quais. Les bateaux attendent. La mairie aide. Il pleut.",
    "zh": "港口已经关闭了。风暴毁坏了两座码头。很多船只在外面等待。市长请求各方帮助。维修工作明天开始。",
    "ja": "港は閉鎖されました。嵐で桟橋が壊れた。船は待っています。市長は助けを求めます。工事は明日です。",
}


def test_a_text_without_as_many_sentences_as_asked_for_says_so() -> None:
    text = "\n\n".join(["HEADING OF IT", *(f"{one} Why?" for one in SENTENCES[:4])])
    assert summarize(text, length="4s").warnings == ()
    found = summarize(text, length="7s")
    assert len(found.sentences) == 4
    assert found.warnings == ("7 sentences were asked for: the text has 4 sentences that can be printed",)
    (warning,) = summarize(SENTENCES[0], length="2s").warnings
    assert warning.endswith("the text has 1 sentence that can be printed")


def test_a_share_is_one_of_the_document_whatever_of_it_is_read() -> None:
    text = "\n\n".join(f"{sentence} It is told in place {n}." for n, sentence in enumerate(SENTENCES * 40))
    found = summarize(text, truncate=True, length="0.2%")
    assert found.coverage.tokens_read < 0.5 * (found.coverage.tokens_total or 0)
    assert (
        found.summary == summarize(text, truncate=True, length=f"{round(0.002 * len(text.split()))}w").summary
    )
    assert len(found.summary.split()) > 0.75 * 0.002 * len(text.split())


@pytest.mark.parametrize("language", SHORT_TEXTS)
def test_a_text_of_five_sentences_is_shortened_in_every_language(language: str) -> None:
    found = summarize(SHORT_TEXTS[language])
    assert 2 <= len(found.sentences) <= 3
    assert found.quality.stop == "end"


def test_a_model_that_writes_is_asked_for_words() -> None:
    assert in_words(SummaryOptions(AskedLength("%", 10)), 900).length == 90
    assert in_words(SummaryOptions(AskedLength("short")), 900).length == 60
    assert in_words(SummaryOptions(None), 900).length is None
    with pytest.raises(ConfigError, match="length 5s is for a model that chooses"):
        in_words(SummaryOptions(AskedLength("s", 5)), 900)
