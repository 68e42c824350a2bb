"""Sentences of a document as a summary prints them: numbers of items, quotation marks, what is cut."""

from bigbird_pegasus import summarize

from tests.conftest import SENTENCES

ITEMS = [f"{number}. {one}" for number, one in enumerate(SENTENCES[:6], start=1)]


def test_numbers_stay_only_where_all_items_stand_below_each_other() -> None:
    text = "\n".join(["The list of the keeper is here.", *ITEMS])
    for length in ("2s", "3s", "4s", "5s"):
        chosen = [one.text for one in summarize(text, length=length).sentences]
        numbers = [int(one.split(".")[0]) for one in chosen if one[0].isdigit()]
        assert all(n - 1 in numbers or n + 1 in numbers for n in numbers)
        items = [one for one in chosen if not one.startswith("The list")]
        assert len(numbers) in (0, len(items))


def test_a_sentence_out_of_a_longer_quotation_has_both_marks() -> None:
    quoted = "\u201cThe mayor of the town has closed the quay for the whole winter."
    after = "\u201cNobody was asked about it at all,\u201d said the old keeper."
    assert summarize(f"{quoted}\n\n{after}").sentences[0].text == quoted  # nothing is taken out
    text = "\n\n".join([*SENTENCES[:5], quoted, after])
    found = summarize(text, query="the mayor closed the quay for winter", length="1s")
    assert found.summary == quoted + "\u201d"
    assert text[found.sentences[0].start : found.sentences[0].end] == quoted


def test_what_is_cut_ends_with_dots() -> None:
    found = summarize("The keeper of the light saw a boat of red wood near the old pier at night.", length=8)
    assert found.summary.endswith("…")
    assert len(found.summary.split()) <= 8
