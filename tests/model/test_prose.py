"""Which sentences may be in a summary: headings are left out, but never most of the document."""

import pytest
from bigbird_pegasus.prose import candidates


def spans_of(parts: list[str]) -> tuple[str, list[tuple[int, int]]]:
    """The parts as paragraphs of a text, and where they lie in it."""
    starts = [sum(len(part) + 2 for part in parts[:n]) for n in range(len(parts))]
    return "\n\n".join(parts), [(start, start + len(p)) for start, p in zip(starts, parts, strict=True)]


def kept(parts: list[str]) -> list[str]:
    """The parts that may be in a summary."""
    return [part for part, may in zip(parts, candidates(*spans_of(parts)), strict=True) if may]


@pytest.mark.parametrize(
    "end",
    [
        ".", "!", "?", "…", "?!", ".”", ".)", ".'", "。", "\uff01\u300d", "\u061f", "\u06d4", "।", "॥",
        ".[3]", ". [3, 4]", ".[1][2]", ". (Smith, 2020)", ".²³", "?” (Smith et al., 2020).",
    ],
)  # fmt: skip
def test_a_sentence_may_end_so(end: str) -> None:
    parts = [f"Heading {n}" if n % 2 else f"The whole crew number {n} slept on deck{end}" for n in range(20)]
    assert kept(parts) == parts[::2]


@pytest.mark.parametrize("end", ["", ":", " (1821)", " [3]", " 3.2", "." * 100_000 + "x"])
def test_a_heading_ends_otherwise(end: str) -> None:
    parts = [
        f"Heading{end}" if n % 2 else f"The whole crew number {n} slept on deck and woke." for n in range(20)
    ]
    assert kept(parts) == parts[::2]


def test_a_text_without_sentences_is_not_empty() -> None:
    parts = [f"Heading number {n}" for n in range(20)]
    assert kept(parts) == parts
    assert candidates("", []) == []
