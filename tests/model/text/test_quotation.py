"""A sentence that is taken out of a quotation has both of its marks."""

import pytest
from bigbird_pegasus.text.quotation import with_both_marks


@pytest.mark.parametrize(
    ("sentence", "mended"),
    [
        ('"But every crossing loses money.', '"But every crossing loses money."'),
        ('He said: "We go on.', 'He said: "We go on."'),
        ('We go on," he said.', '"We go on," he said.'),
        ('Anna: We go on," he said.', 'Anna: "We go on," he said.'),
        ("\u201cWe go on.", "\u201cWe go on.\u201d"),
        ("We go on\u201d, he said.", "\u201cWe go on\u201d, he said."),
        ("\u201eWir gehen.", "\u201eWir gehen.\u201c"),
        ("\u00abNous partons.", "\u00abNous partons.\u00bb"),
        ("\u300c\u8239\u6c89\u4e86\u3002", "\u300c\u8239\u6c89\u4e86\u3002\u300d"),
    ],
)
def test_the_missing_mark_is_added(sentence: str, mended: str) -> None:
    assert with_both_marks(sentence) == mended
    assert with_both_marks(mended) == mended


@pytest.mark.parametrize(
    "sentence",
    [
        'He said "yes" and "no" to all.',
        'The pipe of 5" is long.',
        'A 5" pipe and a 3" one.',
        "It's the boats' quay.",
        'The sign " is a mark.',
        '"One" and "two and "three.',
        "\u201eWir gehen\u201c, sagte er.",
        "No mark is here.",
        "",
    ],
)
def test_other_marks_stay_as_they_are(sentence: str) -> None:
    assert with_both_marks(sentence) == sentence
