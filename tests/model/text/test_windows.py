"""Sentences and windows: all of the text, once, in order, within the limit."""

from itertools import pairwise

from bigbird_pegasus import PegasusTokenizer
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.sentences import MAX_PIECE_CHARS, Sentence
from bigbird_pegasus.text.windows import encode, first_window, pack, pack_sections, split_long
from hypothesis import given
from hypothesis import strategies as st

TEXTS = st.text(st.sampled_from(list("ab. A!?\n\t\x0c\u00e9\U0001f600\"'()\u2028\u00a01,")), max_size=200)


def without_space(text: str) -> str:
    return "".join(text.split())


@given(TEXTS)
def test_sentences_hold_all_text_but_space_once_and_in_order(text: str) -> None:
    sentences = parse_text(text).sentences
    assert "".join(without_space(text[s.start : s.end]) for s in sentences) == without_space(text)
    assert all(before.end <= after.start for before, after in pairwise(sentences))
    for sentence in sentences:
        span = text[sentence.start : sentence.end]
        assert span == span.strip() != ""


def test_sentences_are_found_by_their_code_points() -> None:
    text = (
        "Dr. Smith — 😀 — left. She said “no.”\n\nHeading\n \t\nIt cost 3.5 crowns, e.g. in São Paulo. Why?"
    )
    sentences = parse_text(text).sentences
    assert [(text[s.start : s.end], s.starts_paragraph) for s in sentences] == [
        ("Dr. Smith — 😀 — left.", True),
        ("She said “no.”", False),
        ("Heading", True),
        ("It cost 3.5 crowns, e.g. in São Paulo.", True),
        ("Why?", False),
    ]


def test_a_line_break_alone_does_not_end_a_sentence() -> None:
    text = "The line\nbreaks here. And\nthere."
    assert [text[s.start : s.end] for s in parse_text(text).sentences] == [
        "The line\nbreaks here.",
        "And\nthere.",
    ]


def test_text_without_paragraphs_is_cut_at_sentence_ends_however_long() -> None:
    sentence = "This sentence is repeated until the text is longer than one piece of it. "
    text = sentence * (2 * MAX_PIECE_CHARS // len(sentence) + 50)
    sentences = parse_text(text).sentences
    assert {text[s.start : s.end] for s in sentences} == {sentence.strip()}


def test_text_without_any_space_is_still_held() -> None:
    text = "x" * (MAX_PIECE_CHARS + 10)
    assert [(s.start, s.end) for s in parse_text(text).sentences] == [
        (0, MAX_PIECE_CHARS),
        (MAX_PIECE_CHARS, MAX_PIECE_CHARS + 10),
    ]


@given(st.lists(st.text("abc\u00e9", min_size=1, max_size=30), min_size=1, max_size=40), st.integers(1, 20))
def test_a_long_sentence_is_split_between_words_into_parts_that_fit(words: list[str], limit: int) -> None:
    text = " ".join(words)
    whole = Sentence(0, len(text), True)
    parts = split_long(text, whole, limit, lambda part: part.end - part.start)
    assert "".join(without_space(text[p.start : p.end]) for p in parts) == without_space(text)
    assert all(p.end - p.start <= limit for p in parts)
    assert [p.starts_paragraph for p in parts] == [True] + [False] * (len(parts) - 1)
    for before, after in pairwise(parts):
        cut_inside_word = before.end == after.start
        assert not cut_inside_word or max(map(len, words)) > limit


@given(st.lists(st.integers(0, 50), min_size=1, max_size=200), st.integers(50, 200))
def test_windows_cover_every_sentence_once_within_the_limit(counts: list[int], limit: int) -> None:
    windows = pack(counts, limit)
    assert [n for w in windows for n in range(w.first, w.last)] == list(range(len(counts)))
    assert all(w.tokens == sum(counts[w.first : w.last]) <= limit for w in windows)
    assert [w.first_token for w in windows] == [sum(counts[: w.first]) for w in windows]


@given(st.lists(st.integers(1, 10), min_size=1, max_size=300), st.integers(40, 100))
def test_windows_are_about_equally_full(counts: list[int], limit: int) -> None:
    windows = pack(counts, limit)
    fewest = -(-sum(counts) // limit)
    assert len(windows) <= fewest + 1 + sum(counts) // limit // 4
    if len(windows) > 1:
        assert min(w.tokens for w in windows[:-1]) >= sum(counts) / len(windows) / 2


@given(st.lists(st.integers(0, 50), max_size=200), st.integers(50, 200))
def test_the_first_window_reads_as_much_as_fits(counts: list[int], limit: int) -> None:
    window = first_window(counts, limit)
    assert (window.first, window.first_token) == (0, 0)
    assert window.tokens == sum(counts[: window.last]) <= limit
    assert window.last == len(counts) or window.tokens + counts[window.last] > limit
    assert pack(counts, limit)[0].tokens <= window.tokens


def test_a_document_that_fits_is_one_window() -> None:
    assert [(w.first, w.last) for w in pack([10, 20, 30], 60)] == [(0, 3)]


def test_no_sentences_make_one_empty_window() -> None:
    assert [(w.first, w.last, w.tokens) for w in pack([], 60)] == [(0, 0, 0)]


def test_encoded_sentences_fit_and_their_tokens_stand_in_order(small_tokenizer: PegasusTokenizer) -> None:
    text = "A short day. " + "word " * 300 + "ends.\n\nThe new one is short."
    encoded = encode(parse_text(text), small_tokenizer, 50)
    assert max(encoded.counts) <= 50
    assert sum(encoded.counts) == len(encoded.ids)
    assert "".join(without_space(text[s.start : s.end]) for s in encoded.sentences) == without_space(text)
    for window in pack(encoded.counts, 50):
        ids = list(encoded.window_ids(window))
        spans = encoded.sentences[window.first : window.last]
        read = small_tokenizer.decode(ids)
        assert without_space(read) == "".join(without_space(text[s.start : s.end]) for s in spans)


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=60), st.integers(12, 40), st.integers(0, 4), st.data()
)
def test_windows_hold_every_sentence_and_share_what_was_asked_for(
    counts: list[int], limit: int, overlap: int, data: st.DataObject
) -> None:
    starts = sorted({0, *data.draw(st.lists(st.integers(0, len(counts) - 1), max_size=3))})
    for windows in (pack(counts, limit, overlap), pack_sections(counts, starts, limit, overlap)):
        new = [n for w in windows for n in range(w.first + w.shared, w.last)]
        assert new == list(range(len(counts)))
        for before, window in zip([None, *windows], windows, strict=False):
            assert window.tokens == sum(counts[window.first : window.last]) <= limit
            assert window.first_token == sum(counts[: window.first])
            assert window.shared <= overlap
            if window.shared:
                assert before is not None
                assert before.last == window.first + window.shared
                assert before.first <= window.first
    # Where an overlap takes little of the limit, every window has all of it.
    if overlap * max(counts) <= limit // 2:
        for before, window in pairwise(pack(counts, limit, overlap)):
            assert window.shared == min(overlap, before.last - before.first)
