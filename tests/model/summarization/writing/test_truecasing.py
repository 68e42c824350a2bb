"""Case and spacing come back from the document's own words, and only from them."""

import re

import pytest
from bigbird_pegasus.summarization.writing.truecasing import is_lower_case, restore_case, surface_forms
from hypothesis import given
from hypothesis import strategies as st

SOURCE = (
    "We study the Higgs boson at CERN. In 2012 ATLAS and CMS found it (see Smith et al. 2019). The "
    "X-ray data of Smith's group, 3.5 keV wide, were taken by XMM-Newton in March. The boson decays. A "
    "state-of-the-art fit of the Standard Model says so; the US agrees. mRNA levels fell. The Polish team "
    "did polish the lens, and a polish costs less. Rose petals fell, and a rose grew."
)


@pytest.mark.parametrize(
    ("written", "restored"),
    [
        ("we study the higgs boson at cern .", "We study the Higgs boson at CERN."),
        ("in 2012 , cms found it ( smith et al . 2019 ) .", "In 2012, CMS found it (Smith et al. 2019)."),
        ("the x - ray data of smith 's group", "The X-ray data of Smith's group"),
        ("3.5 kev or 3 . 5 kev", "3.5 keV or 3.5 keV"),
        ("mrna levels fell . they fell", "mRNA levels fell. They fell"),
        ("a state - of - the - art fit", "A state-of-the-art fit"),
        ("the us gives us more", "The US gives us more"),
        ("a polish team", "A polish team"),  # the document has both: nothing is certain
        (
            "it does n't decay , e.g. in march , and is n't seen",
            "It doesn't decay, e.g. in March, and isn't seen",
        ),
        ("the rose", "The rose"),
        ("one line .\nanother line", "One line.\nAnother line"),
        ("the unknown - word stays", "The unknown - word stays"),
    ],
)
def test_words_look_as_in_the_document(written: str, restored: str) -> None:
    assert restore_case(written, surface_forms(SOURCE)) == restored


def test_text_with_capitals_stays_as_it_is() -> None:
    written = "We study the higgs boson at cern ."
    assert restore_case(written, surface_forms(SOURCE)) == written


def test_a_document_without_capitals_changes_nothing() -> None:
    assert (
        restore_case("the model of smith .", surface_forms("the model of smith .")) == "the model of smith ."
    )


def test_small_letters_are_those_of_a_script_with_case() -> None:
    assert is_lower_case("the model 3")
    assert not is_lower_case("The model")
    assert not is_lower_case("灯塔 3")


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_but_case_and_spaces_changes(written: str, source: str) -> None:
    found = restore_case(written, surface_forms(source))

    def letters(text: str) -> str:
        return re.sub(r"\s+", "", text).lower()

    assert letters(found) == letters(written)
