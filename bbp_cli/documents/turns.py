"""Pieces of what people say (cues of captions, messages) → turns: `Name: text`, one paragraph each."""

import re
from collections.abc import Iterable

_SPACES = re.compile(r"\s+")
_ENDS = re.compile(r"[.!?\u2026\u3002\uff01\uff1f][\"'\u201d\u2019)\]]*\Z")
_JOINED_WITHOUT_SPACE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uff00-\uffef]\Z")
MAX_TURN = 1_000  # characters from which on a turn ends with a sentence


def join_turns(pieces: Iterable[tuple[str, str, bool]]) -> str:
    """Return the text of (speaker, text, whether a pause comes before) in order, a blank line between turns.

    Pieces of one speaker are joined with spaces, so that a sentence over several of them is whole.
    """
    turns: list[tuple[str, list[str]]] = []
    length = 0
    for speaker, text, paused in pieces:
        text = _SPACES.sub(" ", text).strip()
        if not text:
            continue
        ended = not turns or not turns[-1][1] or bool(_ENDS.search(turns[-1][1][-1]))
        if not turns or speaker != turns[-1][0] or (ended and (paused or length > MAX_TURN)):
            turns.append((speaker, [text]))
            length = len(text)
        else:
            turns[-1][1].append(text)
            length += len(text)
    return (
        "\n\n".join(f"{speaker}: {_joined(texts)}" if speaker else _joined(texts) for speaker, texts in turns)
        + "\n"
    )


def _joined(texts: list[str]) -> str:
    parts = [texts[0]]
    for text in texts[1:]:
        parts += [text] if _JOINED_WITHOUT_SPACE.search(parts[-1][-1:]) else [" ", text]
    return "".join(parts)
