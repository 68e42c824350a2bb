import pytest
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.vocabularies import DOCUMENT, SENTENCES, SPECIAL


class TestSpans:
    def spans(self, tokenizer: PegasusTokenizer, text: str) -> list[tuple[str, str]]:
        found = tokenizer(text, return_offsets_mapping=True)
        pieces = tokenizer.convert_ids_to_tokens(found.input_ids)
        return [(piece, text[a:b]) for piece, (a, b) in zip(pieces, found.offset_mapping, strict=True)]

    def test_spans_point_into_the_text_as_passed(self, tokenizer: PegasusTokenizer) -> None:
        text = "  the \r\n ﬁ\u200bthe①"
        expected = [("▁the", "the"), ("▁", ""), ("<n>", "\r\n")]
        assert self.spans(tokenizer, text)[:3] == expected
        assert ("▁the", "the") in self.spans(tokenizer, text)[3:]
        assert "".join(surface for _, surface in self.spans(tokenizer, text)).endswith("ﬁthe①")

    def test_end_and_padding_have_empty_spans(self, tokenizer: PegasusTokenizer) -> None:
        found = tokenizer(["the sea", "the"], padding=True, return_offsets_mapping=True)
        padded = [span for span, i in zip(found.offset_mapping[1], found.input_ids[1], strict=True) if i < 2]
        assert set(padded) == {(0, 0)}
        assert all(len(a) == len(b) for a, b in zip(found.offset_mapping, found.input_ids, strict=True))

    def test_ids_are_the_same_with_and_without_spans(self, tokenizer: PegasusTokenizer) -> None:
        text = "\n".join(SENTENCES * 30)
        assert tokenizer(text, return_offsets_mapping=True).input_ids == tokenizer(text).input_ids

    def test_spans_follow_truncation(self, tokenizer: PegasusTokenizer) -> None:
        whole = tokenizer(DOCUMENT, return_offsets_mapping=True).offset_mapping
        cut = tokenizer(DOCUMENT, return_offsets_mapping=True, truncation=True, max_length=6).offset_mapping
        assert cut == [*whole[:5], (0, 0)]

    def test_spans_of_a_pair_point_into_each_text(self, tokenizer: PegasusTokenizer) -> None:
        pair = tokenizer("the sea", "the mill", return_offsets_mapping=True).offset_mapping
        first, second = (
            tokenizer(t, return_offsets_mapping=True).offset_mapping for t in ("the sea", "the mill")
        )
        assert pair == [*first[:-1], *second]

    @settings(max_examples=300, deadline=None)
    @given(
        text=st.lists(
            st.sampled_from(
                [*"  ae\n\r\t\0<>▁", *SPECIAL, "<n>", "\r\n", "ﬁ", "½", "①", "e\u0301", "\u0301", "日本"]
            )
            | st.sampled_from(
                ["😀", "👩\u200d👩\u200d👧", "\u200b", "\ufeff", "\ud800", "\udfff", "가", "the ", "…"]
            )
            | st.characters(exclude_categories=()),
            max_size=40,
        ).map("".join)
    )
    def test_spans_ascend_and_cover_every_character(self, tokenizer: PegasusTokenizer, text: str) -> None:
        found = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
        assert len(found.input_ids) == len(found.offset_mapping)
        edges = [0, *(edge for span in found.offset_mapping for edge in span), len(text)]
        assert edges == sorted(edges)
        covered = {position for a, b in found.offset_mapping for position in range(a, b)}
        visible = {i for i, character in enumerate(text) if tokenizer.tokenize(character)}
        assert visible <= covered
        # a surrogate is read as U+FFFD, one for one
        repaired = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
        assert tokenizer(repaired, return_offsets_mapping=True, add_special_tokens=False) == found

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(st.sampled_from([*" ".join(SENTENCES).split(), "\n", "日", "½ "]), min_size=50, max_size=400)
    )
    def test_long_texts_have_the_pieces_of_their_words(
        self, tokenizer: PegasusTokenizer, words: list[str]
    ) -> None:
        text = " ".join(words)
        whole = tokenizer._vocabulary.encode(text.replace("\n", "<n>"))
        # equally good ways to cut a word may differ, so compare the words and how many there are
        spelt = "".join(tokenizer.convert_ids_to_tokens(whole))
        assert "".join(tokenizer.tokenize(text)) == spelt

    @pytest.mark.parametrize("unit", ["the sea\n", "a", " ", "日", "e\u0301 "])
    def test_very_long_texts_take_linear_time(self, tokenizer: PegasusTokenizer, unit: str) -> None:
        text = unit * (1_000_000 // len(unit))  # a quadratic step would take hours here
        found = tokenizer(text, return_offsets_mapping=True, truncation=True, max_length=5)
        assert len(found.input_ids) <= 5

    def test_five_megabytes_are_encoded_whole(self, tokenizer: PegasusTokenizer) -> None:
        sentence = SENTENCES[0] + " "
        count = 5_000_000 // len(sentence)
        once = tokenizer(SENTENCES[0], add_special_tokens=False).input_ids
        assert tokenizer(sentence * count, add_special_tokens=False).input_ids == once * count
