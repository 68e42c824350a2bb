"""Answers as spans: windows of a context, probabilities, the best spans; and plain ways to do it."""

from itertools import pairwise

import pytest
import torch
from bigbird_pegasus.question_answering import (
    NO_ANSWER,
    ScoredSpan,
    TextSpan,
    answers_in_window,
    best_spans,
    context_windows,
    pair_input,
    span_probabilities,
    whole_words,
)
from hypothesis import given
from hypothesis import strategies as st

probabilities = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=12)


@given(st.integers(0, 3000), st.integers(1, 300), st.data())
def test_windows_hold_every_token_and_share_the_stride(tokens: int, limit: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(0, limit - 1))
    windows = context_windows(tokens, limit, stride)
    assert windows[0].start == 0
    assert windows[-1].stop == tokens
    assert all(len(window) == min(limit, tokens) for window in windows)
    for left, right in pairwise(windows):
        assert left.stop - right.start >= stride
        assert left.start < right.start
    fewest = 1 if tokens <= limit else -(-(tokens - stride) // (limit - stride))
    assert len(windows) == fewest


def test_windows_share_128_tokens_or_half_of_a_smaller_window() -> None:
    for limit, stride in ((1, 0), (9, 4), (255, 127), (256, 128), (4000, 128)):
        assert context_windows(9999, limit) == context_windows(9999, limit, stride)


@pytest.mark.parametrize("stride", [-1, 10])
def test_a_stride_that_leaves_no_room_is_refused(stride: int) -> None:
    with pytest.raises(ValueError, match=f"a stride of {stride} tokens .* give one from 0 to 9"):
        context_windows(20, 10, stride)


@pytest.mark.parametrize(("limit", "stride"), [(0, 0), (0, None), (-3, None)])
def test_windows_that_hold_nothing_of_the_context_are_refused(limit: int, stride: int | None) -> None:
    with pytest.raises(ValueError, match=f"windows of {limit} tokens hold nothing"):
        context_windows(20, limit, stride)


def test_a_window_stands_behind_the_question_and_before_the_end() -> None:
    ids, place = pair_input([5, 6], [10, 11, 12, 13], range(1, 3), 1)
    assert ids == [5, 6, 11, 12, 1]
    assert [ids[position] for position in place] == [11, 12]


def test_probabilities_are_a_softmax_over_the_context_and_no_answer() -> None:
    start, end = torch.randn(2, 9, generator=torch.Generator().manual_seed(0))
    starts, ends, absent = span_probabilities(start, end, range(3, 8))
    kept = [NO_ANSWER, 3, 4, 5, 6, 7]
    expected_starts, expected_ends = start[kept].softmax(0), end[kept].softmax(0)
    torch.testing.assert_close(starts, expected_starts[1:])
    torch.testing.assert_close(ends, expected_ends[1:])
    assert absent == pytest.approx(float(expected_starts[0] * expected_ends[0]))


def test_an_answer_that_is_there_has_all_of_the_probability() -> None:
    logits = torch.tensor([9.0, 1.0, 2.0, 3.0, 8.0])
    starts, ends, absent = span_probabilities(logits, logits, range(1, 4), may_be_absent=False)
    assert float(starts.sum()) == pytest.approx(1)
    assert float(ends.sum()) == pytest.approx(1)
    assert absent == 0


def test_half_precision_logits_become_float32_probabilities() -> None:
    logits = torch.zeros(4, dtype=torch.bfloat16)
    assert span_probabilities(logits, logits, range(1, 3))[0].dtype == torch.float32


def test_a_context_at_position_0_is_refused() -> None:
    with pytest.raises(ValueError, match="where is the question"):
        span_probabilities(torch.zeros(3), torch.zeros(3), range(0, 2))


def all_spans(starts: list[float], ends: list[float], longest: int) -> list[ScoredSpan]:
    """Every span that is allowed, the best first."""
    s, e = torch.tensor(starts), torch.tensor(ends)
    spans = [
        ScoredSpan(first, last, float(s[first] * e[last]))
        for first in range(len(s))
        for last in range(first, min(len(s), first + longest))
    ]
    return sorted(spans, key=lambda span: (-span.score, span.first, span.last))


@given(probabilities, st.integers(1, 15), st.integers(1, 6))
def test_the_best_spans_are_those_of_a_full_search(starts: list[float], longest: int, count: int) -> None:
    ends = starts[::-1]
    found = best_spans(torch.tensor(starts), torch.tensor(ends), count, longest)
    expected: list[ScoredSpan] = []
    for span in all_spans(starts, ends, longest):
        if len(expected) < count and all(span.last < o.first or o.last < span.first for o in expected):
            expected.append(span)
    assert found == expected


@given(probabilities, st.integers(1, 15), st.integers(1, 200))
def test_overlapping_spans_are_all_found_when_asked_for(
    starts: list[float], longest: int, count: int
) -> None:
    ends = starts[::-1]
    found = best_spans(torch.tensor(starts), torch.tensor(ends), count, longest, overlapping=True)
    assert found == all_spans(starts, ends, longest)[:count]


def test_an_empty_context_has_no_spans() -> None:
    assert best_spans(torch.zeros(0), torch.zeros(0), 3, 10) == []


@given(st.text("ab \n", min_size=1, max_size=10), st.integers(1, 4), st.integers(1, 9), st.booleans())
def test_answers_are_the_best_spans_between_visible_tokens(
    text: str, max_tokens: int, count: int, may_be_absent: bool
) -> None:
    start, end = torch.randn(2, len(text) + 3, generator=torch.Generator().manual_seed(len(text)))
    place = range(2, len(text) + 2)
    offsets = [(n, n + 1) for n in range(len(text))]  # each character is a token
    found, absent = answers_in_window(
        start,
        end,
        place,
        text,
        offsets,
        count=count,
        max_tokens=max_tokens,
        may_be_absent=may_be_absent,
        overlapping=True,
    )
    starts, ends, expected_absent = span_probabilities(start, end, place, may_be_absent=may_be_absent)
    expected = [
        TextSpan(first, last + 1, float(starts[first] * ends[last]))
        for first in range(len(text))
        for last in range(first, min(len(text), first + max_tokens))
        if not text[first].isspace() and not text[last].isspace()
    ]
    expected.sort(key=lambda span: -span.score)
    assert [span for span in found if span.score] == expected[:count]
    assert absent == expected_absent


@pytest.mark.parametrize(
    ("text", "part", "whole"),
    [
        ("The harbour froze.", "arbo", "harbour"),
        ("The harbour froze.", "harbour", "harbour"),
        ("The harbour froze.", "bour fro", "harbour froze"),
        ("It is 3.14 or 1,000 metres.", "14", "3.14"),
        ("It is 3.14 or 1,000 metres.", "1", "1,000"),
        ("It doesn't freeze.", "does", "doesn't"),
        ("Frozen, he said", "Frozen", "Frozen"),
        ("the years 1990-1995", "990", "1990"),
        ("нашёл ключи", "люч", "ключи"),
        ("港口结冰了", "结冰", "结冰"),
        ("cafe\u0301 noir", "caf", "cafe\u0301"),
        ("end", "nd", "end"),
    ],
)
def test_an_answer_ends_where_words_do(text: str, part: str, whole: str) -> None:
    start = text.rindex(part) if part == "1" else text.index(part)
    first, last = whole_words(text, start, start + len(part))
    assert text[first:last] == whole
