"""Which sentences may be in a summary: headings are left out, but never most of the document."""

import pytest
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.sentence_filter import eligible_sentences, is_made_of_sentences
from bigbird_pegasus.text.sentences import Sentence
from bigbird_pegasus.text.words import count_words, first_words
from hypothesis import given
from hypothesis import strategies as st


def spans_of(parts: list[str]) -> list[Sentence]:
    """Where the parts lie in the text whose paragraphs they are."""
    starts = [sum(len(part) + 2 for part in parts[:n]) for n in range(len(parts))]
    return [Sentence(start, start + len(part), True) for start, part in zip(starts, parts, strict=True)]


def kept(parts: list[str]) -> list[str]:
    """The parts that may be in a summary."""
    eligible = eligible_sentences(parse_text("\n\n".join(parts)), spans_of(parts))
    return [part for part, may in zip(parts, eligible, strict=True) if may]


@pytest.mark.parametrize(
    "end",
    [
        ".", "!", "?", "…", "?!", ".”", ".)", ".'", "。", "\uff01\u300d", "\u061f", "\u06d4", "।", "॥",
        ".[3]", ". [3, 4]", ".[1][2]", ". (Smith, 2020)", ".²³", "?” (Smith et al., 2020).",
    ],
)  # fmt: skip
def test_a_sentence_may_end_so(end: str) -> None:
    parts = [f"Heading {n}" if n % 2 else f"The whole crew number {n} slept on deck{end}" for n in range(20)]
    assert kept(parts) == parts[::2]


def test_an_older_message_is_left_out_where_the_answer_says_enough() -> None:
    older = [f"> The older message number {n} says that nothing at all is rebuilt." for n in range(9)]
    answer = "The harbour was closed for a year while the whole quay was rebuilt."
    assert kept([answer, *older]) == [answer]
    assert kept(["Sounds good.", *older]) == older


@pytest.mark.parametrize("end", ['." ::= {', ". ="])
def test_code_behind_a_full_stop_ends_no_sentence(end: str) -> None:
    parts = [
        "The whole crew of the boat slept on deck and woke.",
        f"The object holds the number of boats{end}",
    ]
    assert kept(parts * 9) == parts[:1] * 9


ITEMS = [f"- The crew of boat number {n} moved to the outer quay" for n in range(6)]


def test_items_without_full_stops_count_where_they_hold_more_than_prose() -> None:
    prose = "The harbour was closed for a whole year, and nobody knew what to do about it."
    parts = ["# Report", prose, "## Boats", *ITEMS, "- Done"]
    assert kept(parts) == [prose, *ITEMS]
    assert kept(["# Report", *[prose] * 5, "## Boats", *ITEMS, "- Done"]) == [prose] * 5
    assert kept(["# Report", "## Boats", *ITEMS, "- Done"]) == ITEMS


def test_a_text_of_items_is_made_of_sentences_and_one_of_single_words_is_not() -> None:
    for parts, expected in ((ITEMS, True), (["- 2 eggs", "- butter", "- apples"], False)):
        text = parse_text("\n\n".join(parts))
        assert is_made_of_sentences(text, text.sentences, [True] * len(parts)) is expected


@pytest.mark.parametrize("end", ["", ":", " (1821)", " [3]", " 3.2", "." * 100_000 + "x"])
def test_a_heading_ends_otherwise(end: str) -> None:
    parts = [
        f"Heading{end}" if n % 2 else f"The whole crew number {n} slept on deck and woke." for n in range(20)
    ]
    assert kept(parts) == parts[::2]


def test_a_text_without_sentences_is_not_empty() -> None:
    parts = [f"Heading number {n}" for n in range(20)]
    assert kept(parts) == parts
    assert eligible_sentences(parse_text(""), []) == []


def test_greetings_and_thanks_say_nothing() -> None:
    courtesies = [
        "Thanks for the quick answer.",
        "Okay, let us start with the pier.",
        "Hope.",
        "Good morning to you all.",
    ]
    parts = [*courtesies, "Thanks to the new pump the mill stream has kept its water in summer for years."]
    parts += ["The harbour froze on the ninth of January.", "Ferries stayed in port for eleven days."]
    assert kept(parts) == parts[len(courtesies) :]


def test_turns_of_repeated_words_are_left_out() -> None:
    turns = ["ANNA: Yeah , yeah , yeah , yeah .", "BEN: Mm . Right , right , mm , right ."]
    told = [
        "ANNA: The pier has to be closed before the season .",
        "BEN: The piles will be of steel .",
    ]
    asked = ["ANNA: Do we close the pier before the season ?"]
    assert kept([*turns, *told, *asked] * 2) == told * 2


def test_links_and_numbers_alone_say_nothing() -> None:
    parts = [
        "https://port.example.org/a.",
        "12.5, 13.7, 18.2, 99.",
        "The harbour froze on the ninth of January.",
    ]
    assert kept(parts) == parts[2:]


@pytest.mark.parametrize(
    "boilerplate",
    [
        "Copyright (C) The Internet Society, and all of its members and friends.",
        "Licensed under the terms of the Apache License, as it says.",
        "If you are not the intended recipient, please delete it and tell the sender.",
        "Sign up for our daily newsletter and never miss a story.",
    ],
)
def test_boilerplate_is_left_out_but_where_there_is_nothing_else(boilerplate: str) -> None:
    prose = "The harbour froze on the ninth of January, and the ferries stayed in port for eleven days."
    assert kept([boilerplate, prose]) == [prose]
    assert kept([boilerplate]) == [boilerplate]


def test_older_mails_come_before_fragments_and_fragments_before_noise() -> None:
    old = "> The boiler has failed for the third time this winter, and since Saturday we have had no heating."
    assert kept(["Sounds good", old, "Some list"]) == [old]
    assert kept(["Sounds good", "| a | b |", "Some list"]) == ["Sounds good", "Some list"]
    assert kept(["| a | b |", "| c | d |"]) == ["| a | b |", "| c | d |"]


def test_a_few_words_of_prose_are_enough_beside_tables_but_not_beside_a_long_list() -> None:
    prose = "The ships went to Lervik because of the new terminal."
    assert kept(["| a | b |"] * 200 + [prose]) == [prose]
    items = [f"eggs and butter and loaves for day {n}" for n in range(40)]
    assert kept([*items, prose]) == [*items, prose]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("two words", 2),
        ("naïve café", 2),
        ("船沉了", 2),
        ("船沉了。", 3),
        ("2025年 port", 3),
        ("пять слов тут", 3),
        ("한국어 문장", 2),
    ],
)
def test_two_characters_are_a_word_where_no_spaces_stand_between_words(text: str, words: int) -> None:
    assert count_words(text) == words


@given(st.text(st.sampled_from(list("ab 船沉了。é\n")), max_size=30), st.integers(1, 12))
def test_first_words_are_a_beginning_of_at_most_so_many(text: str, count: int) -> None:
    cut = first_words(text, count)
    assert text.startswith(cut)
    assert count_words(cut) <= count
    assert count_words(text) > count or cut.split() == text.split()


def test_titles_of_paragraphs_of_laws_and_licences_are_left_out() -> None:
    prose = [f"The council closes the old pier number {n} in winter." for n in range(9)]
    left_out = [
        "§ 19-908 Unmanned aircraft incidents.",
        "This library is free software; you can redistribute it under the terms of the GNU licence.",
        "You should have received a copy of the GNU Lesser General Public License.",
    ]
    law = "§ 2. This local law takes effect 120 days after it becomes law."
    assert kept([*prose, *left_out, law]) == [*prose, law]


@pytest.mark.parametrize(
    ("sentence", "is_one"),
    [
        ("This Act may be cited as the Public Benches Act 2024.", True),
        ("(1) This local law shall be known and may be cited as the benches law.", True),
        ("This Act extends to England and Wales.", True),
        ("Be it enacted by the Assembly of the State of Northmark.", True),
        ("The minutes of the meeting of 9 September were approved without changes.", True),
        ("The meeting was called to order at 7 p.m. by the chair.", True),
        ("Next meeting: 11 November 2026, 7.30 p.m. in the hall.", True),
        ("Apologies were received from three of the members.", True),
        ("The next meeting of the two rivers is far away.", False),
        ("The minutes of the meeting show that the quay was sold.", False),
        ("The meeting was told that the quay had been sold.", False),
        ("This law requires at least one bench for every 400 metres.", False),
        ("The order extends the work on the quay by a year.", False),
        ("This Act applies to boats that are known to be old.", False),
    ],
)
def test_what_a_law_or_a_meeting_says_of_itself_is_in_no_summary(sentence: str, is_one: bool) -> None:
    rest = [f"A council must provide at least {n} benches on every quay." for n in range(9)]
    assert (sentence not in kept([sentence, *rest])) == is_one


@pytest.mark.parametrize(
    ("sentence", "is_one"),
    [
        ("2. Grant of Copyright License.", True),
        ("(3) Duty to Report of the Owner.", True),
        ("IV. Rights of the Owner.", True),
        ("SEC. 4. Penalties for Late Boats.", True),
        ("Article 5. Transfer of the Quay.", True),
        ("APPENDIX: How to apply the licence to your work.", True),
        ("2. Peel the plums and the pears well.", False),
        ("3. The Owner of the Quay Shall Be Here.", True),
        ("4. Lind is the keeper of the Quay.", False),
        ("PART of it was closed for a year.", False),
    ],
)
def test_numbered_headings_with_a_full_stop_are_in_no_summary(sentence: str, is_one: bool) -> None:
    rest = [f"A council must provide at least {n} benches on every quay." for n in range(9)]
    assert (sentence not in kept([sentence, *rest])) == is_one
