"""How sentences are written, what cue words they hold, and whose turn of a conversation they are in.

Dimensions: L sentences of a document, K turns.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bigbird_pegasus.inference.numpy_functions import Integers
from bigbird_pegasus.summarization.features.cue_words import CUE_GROUPS, FIRST_WORDS, HEADING_GROUPS
from bigbird_pegasus.summarization.features.document_layout import DocumentLayout
from bigbird_pegasus.summarization.features.sentence_features import Doubles

MIN_TURN_SHARE = 0.2  # of the sentences of a conversation begin a turn
_REFERENCE = re.compile(
    r"\b(?:see|in|of) (?:the )?(?:section|figure|table|appendix|chapter)s?\b|\[[\d, -]+\]|"
    r"\b(?:section|figure|table|fig\.) ?\d|\b(?:above|below|following|previous|aforementioned)\b",
    re.IGNORECASE,
)


def writing(said: Sequence[str], layout: DocumentLayout) -> dict[str, Doubles]:
    """Return shares of capitals, digits and marks, and how a sentence begins and ends."""
    text = "".join(f"{one}\n" for one in said)
    codes = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)
    ends = np.cumsum([len(one) + 1 for one in said]) - 1
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = np.maximum(ends - starts, 1)

    def count(found: NDArray[np.bool_]) -> Doubles:
        totals = np.concatenate([[0], np.cumsum(found)])
        inside: Doubles = (totals[ends] - totals[starts]).astype(float)
        return inside

    space = np.concatenate([[False], codes[:-1] == 32])
    upper = (codes >= 65) & (codes <= 90)
    lower = (codes >= 97) & (codes <= 122)
    digit = (codes >= 48) & (codes <= 57)
    words = np.maximum(layout.words, 1)
    commas = count(codes == 44)
    return {
        "capital_words": count(upper & space) / words,
        "capital_letters": count(upper) / lengths,
        "digits": count(digit) / lengths,
        "numbers": count(digit & space) / words,
        "other_marks": count(~(upper | lower | digit) & (codes > 32) & (codes < 128)) / lengths,
        "brackets": count((codes == 40) | (codes == 91)),
        "quotes": count((codes == 34) | (codes == 0x201C)),
        "commas": commas / words,
        "semicolons": count((codes == 59) | (codes == 58)),
        "word_length": count(lower | upper) / words,
        "begins_lower": lower[np.minimum(starts, len(codes) - 1)].astype(float),
        "question": layout.questions.astype(float),
        "ends": layout.ends.astype(float),
        "refers": np.array([_REFERENCE.search(one) is not None for one in said], float),
    }


def cues(
    flat: Integers, owners: Integers, words: Sequence[Sequence[int]], layout: DocumentLayout
) -> dict[str, Doubles]:
    """Count cue words in each sentence and in the heading above it, and what it begins with."""
    count = len(words)
    first = np.array([row[0] if row else 0 for row in words], np.int64)
    second = np.array([row[1] if len(row) > 1 else 0 for row in words], np.int64)
    columns = {
        f"cue_{name}": np.bincount(owners, np.isin(flat, group), count).astype(float)
        for name, group in CUE_GROUPS.items()
    }
    for name, group in FIRST_WORDS.items():
        columns[f"first_{name}"] = np.isin(first, group).astype(float)
    columns["second_pronoun"] = np.isin(second, FIRST_WORDS["pronoun"]).astype(float)
    above = np.maximum(layout.above, 0)
    for name, group in HEADING_GROUPS.items():
        found = np.bincount(owners, np.isin(flat, group), count) > 0
        columns[f"under_{name}"] = (found[above] & (layout.above >= 0)).astype(float)
    return columns


def turns(labels: Sequence[str], layout: DocumentLayout) -> dict[str, Doubles]:
    """Return turns and speakers of a conversation; zeros elsewhere."""
    count = len(labels)
    starts = np.array([bool(label) for label in labels], bool)
    if starts.sum() < MIN_TURN_SHARE * count:
        starts[:] = False
    turn = np.cumsum(starts)  # (L,), 0 before the first
    turns = int(turn[-1]) + 1
    words = np.bincount(turn, layout.words, turns)  # (K,)
    number = {label: n for n, label in enumerate(dict.fromkeys(labels))}
    speaker = np.zeros(turns, np.int64)
    speaker[turn[starts]] = [number[label] for label, start in zip(labels, starts, strict=True) if start]
    by_speaker = np.bincount(speaker, words, len(number) + 1)
    asked = np.zeros(turns)
    asked[turn] = layout.questions  # the last sentence of a turn stands
    before, after = np.concatenate([[0.0], words[:-1]]), np.concatenate([words[1:], [0.0]])
    spoken = starts.any() * 1.0
    place = np.arange(count)
    begin = np.maximum.accumulate(np.where(starts, place, 0))
    columns = {
        "starts_turn": starts.astype(float),
        "turn_words": np.minimum(words, 300)[turn],
        "place_in_turn": np.minimum(place - begin, 20),
        "words_of_previous_turn": np.minimum(before, 300)[turn],
        "words_of_next_turn": np.minimum(after, 300)[turn],
        "answers": np.concatenate([[0.0], asked[:-1]])[turn],
        "asks_at_end": asked[turn],
        "speaker_share": (by_speaker / max(1.0, float(words.sum())))[speaker][turn],
        "speakers": np.full(count, min(len(number) - 1, 20) * 1.0),
    }
    return {name: column * spoken for name, column in columns.items()}
