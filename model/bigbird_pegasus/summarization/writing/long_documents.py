"""How a model that writes gets through a document longer than its window: `map`, `reduce` or `fuse`."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bigbird_pegasus.summarization.options import OnText, SummaryOptions
from bigbird_pegasus.summarization.writing.support import SourceFacts
from bigbird_pegasus.summarization.writing.truecasing import (
    MAX_JOINED,
    SurfaceForms,
    is_lower_case,
    restore_case,
)
from bigbird_pegasus.summarization.writing.written_text import (
    GenerationRequest,
    WrittenText,
    before_repetition,
    decode,
    default_config,
    generation_options,
    join,
    max_new_tokens,
    may_retry,
)
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.windows import EncodedText, Window, encode, pack

if TYPE_CHECKING:
    from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration
    from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

MAX_REDUCED_SHARE = 3  # a window's summary takes a third of one at most, so that each round is shorter

Requests = Generator[Sequence[GenerationRequest], Sequence[WrittenText], "list[WrittenPart]"]


@dataclass(frozen=True)
class WrittenPart:
    """A text and the windows that it is about; `retries` counts the texts that were written a second time."""

    windows: tuple[Window, ...]
    text: str
    ended: bool
    retries: int


@dataclass(frozen=True)
class Writer:
    """The model, its options, and what all texts about a document have in common.

    `facts` are the document's where beams are ranked by them. With `on_text` texts grow one after the other,
    or with `together` at the same time: then they may change while they do.
    """

    model: "BigBirdPegasusForConditionalGeneration"
    tokenizer: "PegasusTokenizer"
    options: SummaryOptions
    limit: int  # tokens of a window
    forms: SurfaceForms
    facts: SourceFacts | None = None
    on_text: OnText | None = None
    together: bool = False

    def write(
        self, encoded: EncodedText, groups: Sequence[tuple[Window, ...]], most_tokens: int | None = None
    ) -> Requests:
        """Write a text about each group of windows; `on_text` is called with all of them so far."""
        generation = dict(generation_options(self.options, self.model, len(groups)))
        if most_tokens is not None:
            generation["max_new_tokens"] = most_tokens
        again = may_retry(self.options, self.model)
        parts: list[WrittenPart] = []
        texts = [""] * len(groups)
        one_by_one = self.on_text is not None and not self.together
        for round_groups in [[group] for group in groups] if one_by_one else [list(groups)]:
            found = yield [
                GenerationRequest(
                    encoded, group, generation, self._growing(texts, len(parts) + n, again), self.facts, again
                )
                for n, group in enumerate(round_groups)
            ]
            parts += [
                WrittenPart(group, restore_case(one.text, self.forms), one.ended, int(one.retried))
                for group, one in zip(round_groups, found, strict=True)
            ]
            texts[: len(parts)] = [part.text for part in parts]
        return parts

    def _growing(self, texts: list[str], place: int, again: bool) -> Callable[[Sequence[int]], None] | None:
        """Return what hands on `texts`, all summaries so far, with that at `place`; None without `on_text`.

        Where case is restored, the last words wait: what follows may show that they are parts of one. What
        repeats itself waits too: it may be written again.
        """
        on_text = self.on_text
        if on_text is None:
            return None
        start = default_config(self.model).decoder_start_token_id or self.model.config.decoder_start_token_id

        def on_tokens(ids: Sequence[int]) -> None:
            text = decode(before_repetition([start, *ids])[1:] if again else ids, self.tokenizer)
            if self.forms.has_capitals and is_lower_case(text):
                first, *last = text.rsplit(maxsplit=MAX_JOINED) or [""]
                text = restore_case(first if len(last) == MAX_JOINED else "", self.forms)
            texts[place] = text
            on_text(join(texts))

        return on_tokens


def write_map(writer: Writer, encoded: EncodedText, windows: Sequence[Window]) -> Requests:
    """Write about each window."""
    return (yield from writer.write(encoded, [(window,) for window in windows]))


def write_fused(writer: Writer, encoded: EncodedText, windows: Sequence[Window]) -> Requests:
    """Write one text: windows are encoded apart, and the decoder attends to all of them."""
    return (yield from writer.write(encoded, [tuple(windows)]))


def write_reduced(writer: Writer, encoded: EncodedText, windows: Sequence[Window]) -> Requests:
    """Write about each window, then about the summaries, until one remains.

    Where a round has not fewer windows than the one before, its summaries are left side by side.
    """
    quiet = replace(writer, on_text=None, options=replace(writer.options, length=None))
    document, count, retries = tuple(windows), len(windows) + 1, 0
    share = max(1, writer.limit // MAX_REDUCED_SHARE)
    while 1 < len(windows) < count:
        # A checkpoint's own bound holds too; with `reference` alone there is none of ours.
        most = None if writer.options.reference else min(share, max_new_tokens(writer.model))
        parts = yield from quiet.write(encoded, [(window,) for window in windows], most)
        retries += sum(part.retries for part in parts)
        text = parse_text("\n\n".join(part.text for part in parts))
        reduced = encode(text, writer.tokenizer, writer.limit)
        if not reduced.ids:
            return [WrittenPart(document, "", all(part.ended for part in parts), retries)]
        encoded, count, windows = reduced, len(windows), pack(reduced.counts, writer.limit)
    parts = yield from writer.write(encoded, [(window,) for window in windows])
    return [
        WrittenPart(document, part.text, part.ended, part.retries + (retries if number == 0 else 0))
        for number, part in enumerate(parts)
    ]
