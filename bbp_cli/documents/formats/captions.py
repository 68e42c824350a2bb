"""Captions (SubRip, WebVTT, SubViewer, SubStation) → what is said, without times, tags and sounds."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from bbp_cli.documents.formats.turns import join_turns

_TIME = r"(?:\d{1,3}:)?\d{1,2}:\d{1,2}(?:[.,]\d{1,3})?"
_NAME_ALONE = re.compile(r"[A-Z\u00c0-\u00de][\w.'\u2019-]{0,30}(?: [\w.,()'\u2019-]{1,30}){0,4}\Z")
_ARROW = re.compile(rf"\s*({_TIME})\s*-+>\s*({_TIME})(?:\s.*)?$")
# Copied from a player, or printed by a recogniser: "0:07" above what is said, "[00:00.000 --> 00:04.000] Hi."
_TIMED = re.compile(rf"\s*[\[(]?({_TIME})(?:\s*-+>\s*({_TIME}))?[\])]?(?:\s+(?![-\u2013\u2014]\s)|\s*$)")
_MAX_FIRST_S = 120.0  # a recording begins at 0:00; an agenda or a log does not
_MIN_TIMED = 3
_MIN_TIMED_SHARE = 0.3  # of the lines
_SUBVIEWER = re.compile(r"\s*(\d{1,2}:\d{2}:\d{2}\.\d{2,3}),(\d{1,2}:\d{2}:\d{2}\.\d{2,3})\s*$")
_DIALOGUE = re.compile(r"Dialogue:\s*[^,]*,\s*([^,]*),\s*([^,]*),[^,]*,([^,]*),[^,]*,[^,]*,[^,]*,[^,]*,(.*)")
_VTT = re.compile(r"\s*WEBVTT(?:[ \t\n]|\Z)")
_ASS = re.compile(r"\s*\[Script Info\]", re.IGNORECASE)
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]{1,80})>")
_TAG = re.compile(r"</?[a-zA-Z0-9][^<>]{0,200}>|\{\\[^{}]{0,200}\}|\{[yYcCfFsS]:[^{}]{0,50}\}")
_SOUND = re.compile(r"[\[(\uff08\u3010][^\[\]()\uff08\uff09\u3010\u3011]{1,60}[\])\uff09\u3011]")
_SPEAKER = re.compile(
    r"(?:>{2,3}\s*)?(?:[-\u2013\u2014]\s*)?([A-Z\u00c0-\u00de][\w.'\u2019-]*(?:"
    r" [A-Z\u00c0-\u00de(#\d][\w.'\u2019)-]*){0,3}):\s+(?=\S)"
)
_CHANGE = re.compile(r"(?:>{2,3}|[-\u2013\u2014])\s*(?=\S)")
_PAUSE_S = 3.0  # between cues: a new paragraph, if a sentence has ended
_ENDS = re.compile(r"[.!?,;:]\Z")
_BLOCKS = ("NOTE", "STYLE", "REGION")
_NUMBERED = re.compile(r"\s*\d{1,6}\s*$")


@dataclass(frozen=True, slots=True)
class _Cue:
    start_s: float
    end_s: float
    lines: tuple[str, ...]
    speaker: str = ""


def is_captions(text: str, suffix: str = "") -> bool:
    """Return whether a text is captions: the mark of WebVTT, or a cue's times at the beginning."""
    head = text[:20_000].lstrip("\ufeff \t\n")
    if _VTT.match(head):
        return "-->" in head
    if _ASS.match(head):
        return True
    lines = [line for line in head.split("\n", 12)[:12] if line.strip()]
    first = next((line for line in lines if not _NUMBERED.match(line)), "")
    return bool(_ARROW.match(first[:200]) or _SUBVIEWER.match(first[:200]))


def is_timed(text: str, suffix: str = "") -> bool:
    """Return whether a text is a transcript whose lines have times of a recording, from its beginning on."""
    lines = [line[:200] for line in text[:100_000].lstrip("\ufeff").split("\n") if line.strip()]
    times = [_seconds(match[1]) for line in lines if (match := _TIMED.match(line))]
    if len(times) < max(_MIN_TIMED, _MIN_TIMED_SHARE * len(lines)) or not _TIMED.match(lines[0]):
        return False
    return times[0] <= _MAX_FIRST_S and all(a <= b for a, b in pairwise(times)) and times[0] < times[-1]


def text_of_timed(text: str) -> tuple[str, tuple[str, ...]]:
    """Return what is said, a paragraph a turn; and no warnings."""
    return join_turns(_pieces(_timed_cues(text))), ()


def _timed_cues(text: str) -> Iterator[_Cue]:
    start = end = 0.0
    lines: list[str] = []
    for line in text.lstrip("\ufeff").split("\n"):
        if times := _TIMED.match(line[:200]):
            following = _seconds(times[1])
            if lines:
                yield _Cue(start, end or following, tuple(lines))
            start, end = following, _seconds(times[2] or "")
            lines = [line[times.end() :]]
        else:
            lines.append(line)
    if lines:
        yield _Cue(start, end or start, tuple(lines))


def text_of_captions(text: str) -> tuple[str, tuple[str, ...]]:
    """Return what is said, a paragraph a turn; and no warnings."""
    cues = _dialogue(text) if _ASS.match(text[:200].lstrip("\ufeff")) else _cues(text)
    return join_turns(_pieces(_with_speakers(list(cues)))), ()


def _with_speakers(cues: list[_Cue]) -> Iterator[_Cue]:
    """Yield the cues, with speakers where each has a name on its first line, one of them twice."""
    first = [cue.lines[0].strip() for cue in cues if cue.lines]
    are_names = all(map(_NAME_ALONE.match, first)) and not any(map(_ENDS.search, first))
    if not (are_names and all(len(cue.lines) > 1 for cue in cues) and len(set(first)) < len(first)):
        yield from cues
        return
    for cue in cues:
        yield replace(cue, lines=cue.lines[1:], speaker=cue.lines[0].strip())


def _cues(text: str) -> Iterator[_Cue]:
    """Yield the cues of SubRip, WebVTT and SubViewer: lines of times, and those below up to a blank one."""
    start = end = 0.0
    lines: list[str] | None = None  # of the cue that is read
    skipping = False  # a NOTE, STYLE or REGION up to a blank line
    for line in text.split("\n"):
        shown = line[:200]
        times = _ARROW.match(shown) or _SUBVIEWER.match(shown)
        if times:
            if lines:  # no blank line in between: the last line may be this cue's number
                yield _Cue(start, end, tuple(lines[:-1] if _NUMBERED.match(lines[-1]) else lines))
            start, end, lines, skipping = _seconds(times[1]), _seconds(times[2]), [], False
        elif not line.strip():
            if lines:
                yield _Cue(start, end, tuple(lines))
                lines = None
            skipping = False
        elif lines is None:
            skipping = skipping or line.startswith(_BLOCKS)
        elif not skipping:
            lines.append(line)
    if lines:
        yield _Cue(start, end, tuple(lines))


def _dialogue(text: str) -> Iterator[_Cue]:
    for line in text.split("\n"):
        if match := _DIALOGUE.match(line):
            shown = re.sub(r"\\[Nnh]", "\n", match[4])
            yield _Cue(_seconds(match[1]), _seconds(match[2]), tuple(shown.split("\n")), match[3].strip())


def _pieces(cues: Iterator[_Cue]) -> Iterator[tuple[str, str, bool]]:
    """Yield (speaker, text, whether a pause comes before) of the cues; lines shown twice once."""
    speaker, ended_s = "", 0.0
    before: tuple[str, ...] = ()
    for cue in cues:
        paused = cue.start_s - ended_s > _PAUSE_S
        ended_s = cue.end_s
        speaker = cue.speaker or speaker
        cleaned: list[str] = []
        said: list[str] = []  # by one speaker in this cue
        for line in cue.lines:
            voice = _VOICE.search(line)
            shown = _plain(line)
            cleaned.append(shown)
            match, change = _SPEAKER.match(shown), _CHANGE.match(shown)
            if voice or match or change:
                yield speaker, " ".join(said), paused
                paused, said = paused and not any(said), []
            if voice:
                speaker = " ".join(html.unescape(voice[1]).split())
            elif match:
                speaker = match[1]
                shown = shown[match.end() :]
            elif change:
                shown = shown[change.end() :]
                if cue.speaker == "":
                    speaker, paused = "", True
            if cleaned[-1] not in before:  # live captions roll: a line is shown again with the next one
                said.append(shown)
        yield speaker, " ".join(said), paused
        before = tuple(line for line in cleaned if line)[-2:] or before


def _plain(line: str) -> str:
    line = _TAG.sub("", line)
    line = html.unescape(line) if "&" in line else line
    if any(mark in line for mark in "\u2669\u266a\u266b\u266c"):  # a song
        return ""
    return " ".join(_SOUND.sub(" ", line).split())


def _seconds(time: str) -> float:
    total = 0.0
    for part in time.strip().replace(",", ".").split(":"):
        try:
            total = total * 60 + float(part)
        except ValueError:
            return 0.0
    return total
