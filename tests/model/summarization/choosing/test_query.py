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


def test_words_that_are_nowhere_have_a_warning() -> None:
    found = summarize(" ".join(SENTENCES[:20]), query="zeppelin")
    assert found.sentences
    assert found.warnings == ("no sentence has a word of the query: those nearest to it are printed",)
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
