"""From pieces back to text."""

from collections.abc import Sequence

WORD_START = "▁"  # U+2581, SentencePiece's sign for a space

# English spacing undone as the published decoders do it; the order matters
_SPACED_MARKS = ((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"))
_SPACED_ENDINGS = ((" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"))


def spelt(pieces: Sequence[str], newline_piece: str | None) -> str:
    """Return the text that pieces spell, without the space before the first word."""
    text = "".join(pieces).replace(WORD_START, " ")
    if pieces and pieces[0].startswith(WORD_START):
        text = text[1:]
    return text.replace(newline_piece, "\n") if newline_piece else text


def without_spaces_before_marks(text: str) -> str:
    """Take the spaces before English punctuation and endings away."""
    for spaced, tight in _SPACED_MARKS + _SPACED_ENDINGS:
        text = text.replace(spaced, tight)
    return text
