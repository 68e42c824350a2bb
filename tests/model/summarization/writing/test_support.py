"""Facts that a summary has and its document has not are found, and no others."""

import pytest
from bigbird_pegasus.summarization.writing.support import source_facts, unsupported_facts

SOURCE = source_facts(
    "On 14 January the storm took eleven metres of the crest at Sandvik Harbour. The repair costs 6.40 "
    "million crowns, 12,500 of them from Mr. O'Brien, whose North-Sea fleet grew by 3 % within 2 years. "
    "Work ends in May 2027."
)


@pytest.mark.parametrize(
    "sentence",
    [
        "The storm of 14 January took 11 m of the crest.",
        "It costs 6.4 million crowns, 12500 from O'Brien.",
        "The Sandvik fleet of the North Sea grew by 3 percent within two years, until May 2027.",
        "Nobody said so.",
        "One thing is certain.",
        "3% more",
    ],
)
def test_what_the_document_says_is_supported(sentence: str) -> None:
    assert unsupported_facts(sentence, SOURCE) == ()


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("It took 12 metres.", [("12", "number")]),
        ("It costs 6.4 billion crowns.", [("6.4 billion", "quantity")]),
        ("It grew by 3 days.", [("3 days", "quantity")]),
        ("It happened on 14 May.", [("14 May", "date")]),
        ("It happened on May 2 and in May 2027.", [("May 2", "date")]),
        ("The mayor of Bergen, Anna Holm, agreed.", [("Bergen", "name"), ("Anna", "name"), ("Holm", "name")]),
        ("Bergen agreed.", []),  # any word begins a sentence with a capital
        ("NATO agreed, and the NATO council.", [("NATO", "name")]),
        ("In 2031 and again in 2031.", [("2031", "number")]),
    ],
)
def test_what_it_does_not_say_is_named_once(sentence: str, found: list[tuple[str, str]]) -> None:
    assert [(one.text, one.kind) for one in unsupported_facts(sentence, SOURCE)] == found
