"""Words: how many there are, the first of them, and text on one line."""

import re
import unicodedata

_ASCII_RUN = re.compile(r"\S+")


def is_unspaced(character: str) -> bool:
    """Return whether a character is of a script that puts no spaces between words."""
    if character.isascii():
        return False
    from bigbird_pegasus.text.unspaced import CHARACTER

    return CHARACTER.match(character) is not None


def count_words(text: str) -> int:
    """Count words as white space separates them; in scripts without any between words two letters are one.

    Those are Chinese, Japanese, Thai, Lao, Khmer and Burmese.
    """
    if text.isascii():
        return len(text.split())
    from bigbird_pegasus.text.unspaced import CHARACTER

    unspaced = len(CHARACTER.findall(text))
    return len(CHARACTER.sub(" ", text).split()) + (unspaced + 1) // 2


def first_words(text: str, count: int) -> str:
    """Return as much of the beginning of a text as has at most `count` words (`count_words`)."""
    runs = _ASCII_RUN
    if not text.isascii():
        from bigbird_pegasus.text.unspaced import RUN

        runs = RUN
    end = unspaced = spaced = 0
    for run in runs.finditer(text):
        if is_unspaced(run[0][0]):
            unspaced += 1
        else:
            spaced += 1
        if spaced + (unspaced + 1) // 2 > count:
            break
        end = run.end()
    return text[:end]


def ends_unspaced(text: str) -> bool:
    """Return whether no space follows a sentence, for it is Chinese or Japanese."""
    if text[-2:].isascii():
        return False
    from bigbird_pegasus.text.unspaced import END

    return END.search(text[-2:]) is not None


def clean(text: str) -> str:
    """Return a text on one line: white space collapsed, without control characters (they steer terminals)."""
    if not text.isascii():
        from bigbird_pegasus.text.unspaced import BREAK

        text = BREAK.sub("", text)
    return "".join(c for c in " ".join(text.split()) if unicodedata.category(c) != "Cc")
