"""Pieces of what people say (cues of captions, messages) → turns: `Name: text`, one paragraph each."""

import re
from collections.abc import Iterable

_ENDS = re.compile(r"[.!?\u2026\u3002\uff01\uff1f][\"'\u201d\u2019)\]]*\Z")
_MARK = re.compile(r"[.!?\u2026\u061f\u06d4\u0964\u3002\uff01\uff1f]")
_JOINED_WITHOUT_SPACE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uff00-\uffef]\Z")
MAX_TURN = 1_000  # characters from which on a turn ends with a sentence


_MIN_WORDS = 60  # of speech without full stops
_WORDS_PER_MARK = 50  # in it, at least
_MIN_LINE_WORDS = 8


def join_turns(pieces: Iterable[tuple[str, str, bool]]) -> str:
    """Return the text of (speaker, text, whether a pause comes before) in order, a blank line between turns.

    Pieces of one speaker are joined with spaces, so that a sentence over several of them is whole. Speech
    without full stops has a line for each piece of some words, and a turn ends with a pause.
    """
    said = [(speaker, shown, paused) for speaker, text, paused in pieces if (shown := " ".join(text.split()))]
    unpunctuated = _is_unpunctuated([text for _, text, _ in said])
    turns: list[tuple[str, list[str]]] = []
    length = 0
    for speaker, text, paused in said:
        ended = unpunctuated or not turns or bool(_ENDS.search(turns[-1][1][-1]))
        if not turns or speaker != turns[-1][0] or (ended and (paused or length > MAX_TURN)):
            turns.append((speaker, [text]))
            length = len(text)
        else:
            turns[-1][1].append(text)
            length += len(text)
    return (
        "\n\n".join(
            (f"{speaker}: " if speaker else "") + _joined(texts, in_lines=unpunctuated)
            for speaker, texts in turns
        )
        + "\n"
    )


def _is_unpunctuated(texts: list[str]) -> bool:
    words = sum(len(text.split()) for text in texts)
    marks = sum(len(_MARK.findall(text)) for text in texts)
    return words >= _MIN_WORDS and marks * _WORDS_PER_MARK <= words


def _joined(texts: list[str], *, in_lines: bool) -> str:
    parts = [texts[0]]
    words = len(texts[0].split())  # in the line
    for text in texts[1:]:
        if in_lines and words >= _MIN_LINE_WORDS:
            parts.append("\n")
            words = 0
        elif not _JOINED_WITHOUT_SPACE.search(parts[-1][-1:]):
            parts.append(" ")
        parts.append(text)
        words += len(text.split())
    return "".join(parts)
