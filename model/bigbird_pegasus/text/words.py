"""Words: how many there are, the first of them, and text on one line."""

import re
import unicodedata

# Thai, Lao, Burmese, Khmer, Japanese syllables, Chinese characters.
_UNSPACED = (
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
# Chinese and Japanese characters and their punctuation, between which a line break stands for nothing.
_CHINESE_OR_JAPANESE = "[\u3001-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff9f]"
_UNSPACED_END = re.compile(rf"{_CHINESE_OR_JAPANESE}[\u201d\u2019]?\Z")
_UNSPACED_BREAK = re.compile(
    rf"(?<={_CHINESE_OR_JAPANESE})[^\S\n\r]*(?:\r\n|\n|\r)\s*(?={_CHINESE_OR_JAPANESE})"
)
_WITHOUT_SPACES = re.compile(_UNSPACED)
_RUN = re.compile(rf"{_UNSPACED}|(?:(?!{_UNSPACED})\S)+")


def is_unspaced(character: str) -> bool:
    """Return whether a character is of a script that puts no spaces between words."""
    return _WITHOUT_SPACES.match(character) is not None


def count_words(text: str) -> int:
    """Count words as white space separates them; in scripts without any between words two letters are one.

    Those are Chinese, Japanese, Thai, Lao, Khmer and Burmese.
    """
    if text.isascii():
        return len(text.split())
    unspaced = len(_WITHOUT_SPACES.findall(text))
    return len(_WITHOUT_SPACES.sub(" ", text).split()) + (unspaced + 1) // 2


def first_words(text: str, count: int) -> str:
    """Return as much of the beginning of a text as has at most `count` words (`count_words`)."""
    end = unspaced = spaced = 0
    for run in _RUN.finditer(text):
        if _WITHOUT_SPACES.match(run[0]):
            unspaced += 1
        else:
            spaced += 1
        if spaced + (unspaced + 1) // 2 > count:
            break
        end = run.end()
    return text[:end]


def ends_unspaced(text: str) -> bool:
    """Return whether no space follows a sentence, for it is Chinese or Japanese."""
    return _UNSPACED_END.search(text[-2:]) is not None


def clean(text: str) -> str:
    """Return a text on one line: white space collapsed, without control characters (they steer terminals)."""
    text = text if text.isascii() else _UNSPACED_BREAK.sub("", text)
    return "".join(c for c in " ".join(text.split()) if unicodedata.category(c) != "Cc")
