"""Summaries that lean to a question."""

import pytest
from bigbird_pegasus import summarize
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.summarization.options import SummaryOptions, in_words

from tests.conftest import SENTENCES

ASKED = {
    "en": (
        SENTENCES[:20],
        "The insurance of each boat costs nine crowns a month.",
        "What does it say about insurance?",
    ),
    "de": (
        [f"Der Hafen öffnet an jedem Montag um {n} Uhr für alle Boote der Stadt." for n in range(12)],
        "Die Versicherung jedes Schiffes kostet neun Kronen im Monat.",
        "Was steht da über die Versicherung?",
    ),
    "zh": (
        [f"港口每个星期一上午{n}点钟为城里所有的船只开放使用。" for n in range(12)],
        "每艘船的保险费用每个月九元钱。",
        "保险费用是多少",
    ),
}


@pytest.mark.parametrize("language", ASKED)
def test_the_sentence_that_is_asked_for_is_chosen(language: str) -> None:
    others, answer, query = ASKED[language]
    text = ("" if language == "zh" else " ").join([*others[:8], answer, *others[8:]])
    found = summarize(text, query=query, length=20)
    assert answer in [one.text for one in found.sentences]
    assert found.warnings == ()
    assert found == summarize(text, query=query, length=20)


def test_what_stands_under_a_heading_of_the_question_is_found() -> None:
    under = SENTENCES[12:16]
    text = "\n\n".join(
        [" ".join(SENTENCES[:12]), "Insurance", " ".join(under), "Other", " ".join(SENTENCES[16:28])]
    )
    found = summarize(text, query="insurance", length="2s")
    assert {one.text for one in found.sentences} <= set(under)


BILL = """A BILL

To establish a register of boats, and for other purposes.

SECTION 1. SHORT TITLE.
This Act may be cited as the Boats Register Act of 2026.

SEC. 2. REGISTRATION.
(a) IN GENERAL.-No person may sail a boat in the harbour unless the boat has been registered.
(b) FEE.-The harbour master shall charge a fee of 85 crowns for each boat.

SEC. 3. PENALTIES.
(a) Whoever violates section 2 shall pay up to 500 crowns for the first time.
(b) A yard that repairs boats without a number shall pay 1,000 crowns for each day.

SEC. 4. APPEALS.
A person who has been fined may ask for a hearing within 21 days.
"""


@pytest.mark.parametrize(
    ("query", "answers"),
    [
        ("penalties", ["Whoever violates", "A yard that"]),
        ("what is the fee", ["FEE."]),
        ("who can appeal", ["A person who has been fined"]),
        ("appeals and zeppelins", ["A person who has been fined"]),  # what is nowhere counts for nothing
    ],
)
def test_a_heading_with_a_full_stop_leads_to_what_stands_below_it(query: str, answers: list[str]) -> None:
    found = summarize(BILL, query=query)
    assert len(found.sentences) == len(answers)
    assert all(answer in one.text for answer, one in zip(answers, found.sentences, strict=True))


def test_without_a_length_nothing_is_printed_that_has_no_word_of_the_query() -> None:
    answer = "The insurance of each boat costs nine crowns a month."
    text = " ".join([*SENTENCES[:20], answer, *SENTENCES[20:30]])
    assert [one.text for one in summarize(text, query="insurance").sentences] == [answer]
    assert len(summarize(text, query="insurance", length="3s").sentences) == 3


def test_an_answer_that_points_to_the_sentence_before_has_that_one_too() -> None:
    answer = "This was a matter of insurance for the whole of the town."
    text = " ".join([*SENTENCES[:20], answer, *SENTENCES[20:30]])
    assert summarize(text, query="insurance").summary == f"{SENTENCES[19]} {answer}"


def test_the_answer_to_a_question_with_the_words_is_found() -> None:
    said = [f"{name}: {one}" for one, name in zip(SENTENCES[:20], ["Anna", "Ben"] * 10, strict=True)]
    answer = "Nine crowns a month for each of the boats."
    text = "\n".join([*said[:8], "Anna: What about the insurance?", f"Ben: {answer}", *said[8:]])
    assert answer in summarize(text, query="insurance").summary


def test_words_that_are_nowhere_have_a_warning() -> None:
    found = summarize(" ".join(SENTENCES[:20]), query="zeppelin")
    assert found.sentences
    assert found.warnings == (
        "no sentence that is chosen from has a word of the query: those nearest to it are printed",
    )
    assert found.quality.stop == "end"


def test_a_heading_has_words_of_the_query_too() -> None:
    text = "# Zeppelins\n\n" + " ".join(SENTENCES[:10]) + "\n\n# Other things\n\n" + " ".join(SENTENCES[10:])
    found = summarize(text, query="what of zeppelins", length=40)
    assert found.warnings == ()
    assert found.sentences[0].start < text.index("# Other")


def test_a_query_is_recorded_where_it_is_given() -> None:
    assert SummaryOptions(query="zeppelin").as_params()["query"] == "zeppelin"
    assert "query" not in SummaryOptions().as_params()


def test_an_impossible_query_is_refused() -> None:
    for query in ("", "  ", 3):
        with pytest.raises(ConfigError, match="query is"):
            summarize("A text.", query=query)
    with pytest.raises(ConfigError, match="query is for a model that chooses sentences"):
        in_words(SummaryOptions(query="zeppelin"), 100)
