"""Speech as text: who says each sentence, and pieces of what was written down without full stops."""

import re
from bisect import bisect_right
from collections.abc import Sequence

from bigbird_pegasus.text.line_patterns import LABEL
from bigbird_pegasus.text.lines import Line, label_end

_MIN_WORDS = 60  # of a text that is called speech without full stops
_WORDS_PER_MARK = 50  # at least; written text has about 20
_MARK = re.compile(r"[.!?\u2026\u061f\u06d4\u0964\u3002\uff01\uff1f][\"'\u201d\u2019)\]]*(?=\s|\Z)")
_MAX_NAME_CHARS = 100  # of a line in which a speaker's name is looked for
_SPOKEN_SHARE = 0.5  # of the characters of a conversation stand in turns
_NO_NAME = re.compile(  # but the label of a part of each section
    r"(?:abstract|answers?|background|cause|date|definition|description|examples?|input|motivation|notes?|output"
    r"|proof|questions?|rationale|remarks?|results?|solution|status|steps?|summary|tips?|title|type|usage|version"
    r"|warnings?)\Z",
    re.IGNORECASE,
)

# A piece ends at the end of a line (where the recording paused, or the caption changed), …
_MIN_LINE_WORDS = 8
# … before a word that joins clauses, where lines are long, and nowhere later than here.
_MIN_CLAUSE_WORDS = 12
_MAX_PIECE_WORDS = 36
_JOINS = re.compile(
    r"(?:and|but|so|because|now|then|okay|well|which|anyway|although|while|if|when|und|aber|also|dann|weil|et|mais"
    r"|donc|alors|y|pero|entonces|porque|ma|quindi)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"(\s*)(\S+)")


def is_unpunctuated(plain: str, lines: Sequence[Line]) -> bool:
    """Return whether a text is speech without full stops: captions, a recogniser's transcript, a chat.

    Its lines begin in lower case, or with the name of who speaks; verses and lists do neither.
    """
    spoken = [line for line in lines if line.kind in ("text", "turn")]
    words = marks = unstarted = 0
    for line in spoken:
        content = plain[line.start : line.end]
        words += len(content.split())
        marks += len(_MARK.findall(content))
        unstarted += line.kind == "turn" or content.lstrip()[:1].islower()
    if words < _MIN_WORDS or marks * _WORDS_PER_MARK > words or 2 * unstarted < len(spoken):
        return False
    total = sum(len(plain[line.start : line.end].split()) for line in lines)
    return 2 * words >= total


def piece_lengths(speech: str) -> list[int]:
    """Return the lengths of consecutive pieces of speech without full stops, white space included."""
    lengths: list[int] = []
    start = words = 0
    if len(speech.split(None, _MAX_PIECE_WORDS + 1)) <= _MAX_PIECE_WORDS and "\n" not in speech.strip():
        return [len(speech)]
    has_lines = "\n" in speech.strip()
    for word in _WORD.finditer(speech):
        ends = (
            (words >= _MIN_LINE_WORDS and "\n" in word[1])
            or (words >= _MIN_CLAUSE_WORDS and not has_lines and _JOINS.match(word[2]))
            or words >= _MAX_PIECE_WORDS
        )
        if ends:
            lengths.append(word.start(2) - start)
            start, words = word.start(2), 0
        words += 1
    return [*lengths, len(speech) - start]


def speakers_of(plain: str, lines: Sequence[Line], starts: Sequence[int]) -> list[str]:
    """Return for each sentence the name of who says it, and "" where no one does.

    A turn lasts to the next blank line. A text that has turns here and there is no conversation.

    Args:
        plain: the text.
        lines: of it.
        starts: of the sentences.
    """
    speaker, end = "", 0
    names: list[str] = []
    spoken = total = 0
    for line in lines:
        if line.kind == "turn":
            label = LABEL.match(plain[line.start : line.end][:_MAX_NAME_CHARS])
            speaker = " ".join((label["chat"] or label["name"] or label["handle"]).split()) if label else ""
            if _NO_NAME.match(speaker):
                return [""] * len(starts)
        elif line.kind not in ("text", "item") or plain.count("\n", end, line.start) > 1:
            speaker = ""
        names.append(speaker)
        spoken += (line.end - line.start) * bool(speaker)
        total += line.end - line.start
        end = line.end
    if spoken < _SPOKEN_SHARE * total or not names:
        return [""] * len(starts)
    begins = [line.start for line in lines]
    return [names[max(0, bisect_right(begins, start) - 1)] for start in starts]


def with_speaker(sentence: str, speaker: str | None) -> str:
    """Return a sentence behind the name of who says it, unless it begins with that."""
    return sentence if not speaker or _names(sentence, speaker) else f"{speaker}: {sentence}"


def _names(sentence: str, speaker: str) -> bool:
    return speaker in sentence[: label_end(sentence)]


def named(sentences: Sequence[str], speakers: Sequence[str | None]) -> list[str]:
    """Return the sentences of a summary, with a name where another speaks than before."""
    shown: list[str] = []
    before: str | None = None
    for sentence, speaker in zip(sentences, speakers, strict=True):
        shown.append(sentence if speaker == before else with_speaker(sentence, speaker))
        before = speaker
    return shown
