"""Sentences that need others to be understood."""

import pytest
from bigbird_pegasus.summarization.features.standalone import (
    cites,
    deductions,
    defines_a_term,
    is_cut_enumeration,
    is_fragment,
    opening_depends,
    refers_elsewhere,
    stumbles,
)


@pytest.mark.parametrize(
    "sentence",
    [
        "They also cost more.",
        "But the harbour was closed.",
        "This approach fails for long texts.",
        "It has three parts.",
        "Anna: And then we vote on it.",
        "It was cold storage for fish.",
        "It is late-bound.",
        "It has rain sensors.",
        "It hails from the north.",
        "However, nothing changed.",
        "“He left at noon.”",
        "In addition, the fee was raised.",
    ],
)
def test_pronouns_and_connectives_depend_on_the_sentence_before(sentence: str) -> None:
    assert opening_depends(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "This document describes a protocol.",
        "This RFC obsoletes an older one.",
        "It is important that every packet arrives.",
        "The council agreed on a new bridge.",
        "Italy exports wine.",
        "It rained all day.",
        "It is raining.",
        "It began to snow heavily.",
        "It had not rained since May.",
        "It was cold.",
        "It was a very dark night, and the gate stood open.",
        "It was already nine o'clock when the ferry came.",
        "It is Monday.",
        "Those who vote decide.",
        "Both the mayor and the council agreed.",
        "Sooner or later all files are read.",
        "Anna: The harbour is closed on Monday.",
    ],
)
def test_other_openings_stand_by_themselves(sentence: str) -> None:
    assert not opening_depends(sentence)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Details are given in Section 4.", True),
        ("As shown above, both are equal.", True),
        ("We propose the second way.", True),
        ("Figure 2 compares them.", True),
        ("The steps are as follows.", True),
        ("The last section of the road was closed.", True),  # words alone do not tell a road from a text
        ("The road was closed in winter.", False),
        ("She saw the second act of the play.", False),
    ],
)
def test_references_to_other_parts(sentence: str, expected: bool) -> None:
    assert refers_elsewhere(sentence) is expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Attention is costly [3].", True),
        ("Keywords are as in [RFC2119].", True),
        ("Others found the same (Smith et al., 2004).", True),
        ("The array a[i] is empty.", False),
        ("The fair (every year in May) is free.", False),
    ],
)
def test_citations(sentence: str, expected: bool) -> None:
    assert cites(sentence) is expected


def test_fragments_and_cut_enumerations() -> None:
    assert is_fragment("and the other half.")
    assert is_fragment("The other half of")
    assert not is_fragment("The other half was sold.")
    assert is_cut_enumeration("There are two reasons:")
    assert is_cut_enumeration("(b) the fee is paid.")
    assert is_cut_enumeration("Either (1) the fee is paid.")
    assert not is_cut_enumeration("Either (1) the fee is paid or (2) the boat stays.")


def test_deductions_add_up() -> None:
    plain, dependent, both = deductions(
        ["The fee was raised.", "They raised the fee.", "They raised it [4]."]
    )
    assert plain == 0 < dependent < both


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ('The term "aircraft" means a device for flight.', True),
        ('a. "Agency" has the same meaning as in section 4.', True),
        ("The phrase \u201clawful owner\u201d shall mean a person.", True),
        ('The term "avigate" includes managing a computer.', True),
        ('(2) HOST.\u2014The term "host" means a person who lets a room.', True),
        ('The "old" pier means a lot to the town.', False),
        ('The mayor said that "Agency" means nothing to her.', False),
        ("Closing the pier means less work.", False),
    ],
)
def test_definitions_of_laws_are_found(sentence: str, expected: bool) -> None:
    assert defines_a_term(sentence) is expected
    assert bool(deductions([sentence])[0] > 0) is expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Um , I uh want the the pier .", True),
        ("Uh , we close it .", False),
        ("The pier is closed , and that is that .", False),
    ],
)
def test_speech_that_stumbles_is_found(sentence: str, expected: bool) -> None:
    assert stumbles(sentence) is expected


@pytest.mark.parametrize(
    "sentence", ["Ben: And going to a regular bat Yeah .", "Some boats and we 're Uh .", "We could um ."]
)
def test_speech_that_another_cuts_off_is_a_fragment(sentence: str) -> None:
    assert is_fragment(sentence)


@pytest.mark.parametrize(
    "sentence", ["He said it was Okay.", "Turn to the Right.", "The song is called Yeah."]
)
def test_such_a_word_at_the_end_of_a_written_sentence_is_no_interruption(sentence: str) -> None:
    assert not is_fragment(sentence)
