"""Abstractive summaries: the decoder writes one for each window of a text; line breaks join them."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from typing import TYPE_CHECKING, Any, cast

from bigbird_pegasus.summarization.attribution import attribute, index_sentences
from bigbird_pegasus.summarization.options import OnText, SummaryOptions, in_words
from bigbird_pegasus.summarization.quality import Stop, measure_quality
from bigbird_pegasus.summarization.summary import Summary, SummarySentence, coverage_of, empty_summary
from bigbird_pegasus.summarization.support import SourceFacts, source_facts, unsupported_facts
from bigbird_pegasus.summarization.truecasing import (
    MAX_JOINED,
    SurfaceForms,
    is_lower_case,
    restore_case,
    surface_forms,
)
from bigbird_pegasus.text.parsed_text import ParsedText, parse_text
from bigbird_pegasus.text.windows import EncodedText, Window, encode, first_window, pack, window_input
from bigbird_pegasus.text.words import clean, count_words

if TYPE_CHECKING:
    from torch import Tensor

    from bigbird_pegasus.generation.config import GenerationConfig
    from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration
    from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

TOKENS_PER_WORD = 4 / 3  # of English in the published vocabulary
MIN_NEW_TOKENS = 8
MAX_NAMED_FACTS = 5  # that a warning names
DEFAULT_SUMMARY_TOKENS = 256  # what the published checkpoints write at most, for one that names no limit


@dataclass(frozen=True)
class GenerationRequest:
    """A window and the options of the search; `on_tokens` is called with the new ids so far."""

    encoded: EncodedText
    window: Window
    options: Mapping[str, object]
    on_tokens: Callable[[Sequence[int]], None] | None = None


@dataclass(frozen=True)
class _Part:
    """The summary of one window, and whether the model ended it by itself."""

    window: Window
    text: str
    ended: bool


def abstractive_steps(
    text: ParsedText,
    model: "BigBirdPegasusForConditionalGeneration",
    tokenizer: "PegasusTokenizer",
    options: SummaryOptions,
    on_text: OnText | None = None,
    *,
    together: bool = False,
) -> Generator[Sequence[GenerationRequest], Sequence[tuple[str, bool]], Summary]:
    """Yield requests, be sent what `write` makes of each, return the summary.

    With `on_text` one request is yielded at a time: the summaries of windows grow one after the other. With
    `together` all are, as without it: then each grows, and may change while it does.
    """
    # One less than fits, for `</s>` ends each window.
    limit = min(tokenizer.model_max_length, model.config.max_position_embeddings) - 1
    encoded = encode(text, tokenizer, limit)
    if not encoded.ids:
        return empty_summary(text.language)
    windows = [first_window(encoded.counts, limit)] if options.truncate else pack(encoded.counts, limit)
    options = in_words(options, count_words(text.raw))
    generation = generation_options(options, model, len(windows))
    forms = surface_forms(text.raw if options.restore_case else "")
    parts: list[_Part] = []
    texts = [""] * len(windows)
    for group in [[window] for window in windows] if on_text and not together else [windows]:
        heard = [
            _growing(on_text, texts, len(parts) + place, tokenizer, forms) if on_text else None
            for place in range(len(group))
        ]
        requests = zip(group, heard, strict=True)
        written = yield [GenerationRequest(encoded, window, generation, each) for window, each in requests]
        parts += [
            _Part(window, restore_case(found, forms), ended)
            for window, (found, ended) in zip(group, written, strict=True)
        ]
        texts[: len(parts)] = [part.text for part in parts]
    summary = join(part.text for part in parts)
    facts = source_facts(text.raw)
    sentences = [sentence for part in parts for sentence in _sentences(part, encoded, text, facts)]
    stop: Stop = "length" if options.length is not None and not all(part.ended for part in parts) else "end"
    return Summary(
        summary,
        tuple(sentences),
        coverage_of(len(encoded.ids), sum(window.tokens for window in windows), len(windows)),
        measure_quality(count_words(text.raw), summary, stop),
        text.language,
        _warnings(sentences),
    )


def generation_options(
    options: SummaryOptions, model: "BigBirdPegasusForConditionalGeneration", windows: int
) -> Mapping[str, object]:
    """Return the options of `generate`; the words that were asked for are shared out evenly among windows."""
    generation = {"seed": options.seed, **options.generation}
    default = _default_config(model)
    tokens = None
    if isinstance(options.length, int):
        tokens = max(ceil(options.length * TOKENS_PER_WORD / windows), MIN_NEW_TOKENS)
    elif default.max_length is None and default.max_new_tokens is None:
        tokens = DEFAULT_SUMMARY_TOKENS
    if tokens is not None:
        generation["max_new_tokens"] = min(tokens, model.config.max_position_embeddings)
    return generation


def number_of_beams(options: SummaryOptions, model: "BigBirdPegasusForConditionalGeneration") -> int:
    """Return the beams of the search: those of the options, or else of the checkpoint."""
    return int(str(options.generation.get("num_beams", _default_config(model).num_beams)))


def max_new_tokens(model: "BigBirdPegasusForConditionalGeneration") -> int:
    """Return how many tokens the checkpoint itself lets a summary have."""
    default = _default_config(model)
    return max(default.max_length or 0, default.max_new_tokens or 0) or DEFAULT_SUMMARY_TOKENS


def _default_config(model: "BigBirdPegasusForConditionalGeneration") -> "GenerationConfig":
    default = model.generation_config
    assert default is not None  # for the type checker: this class always has one
    return default


def write(
    model: "BigBirdPegasusForConditionalGeneration",
    tokenizer: "PegasusTokenizer",
    requests: Sequence[GenerationRequest],
) -> list[tuple[str, bool]]:
    """Return the text that the model writes about each window, and whether the model ended it by itself.

    A search has one set of options: windows that are next to each other and share them are searched together.

    Raises:
        ConfigError: an option is unknown, impossible, or does not fit the model.
    """
    written: list[tuple[str, bool]] = []
    for _, group in groupby(requests, lambda request: request.options):
        written += _write_together(model, tokenizer, list(group))
    return written


def _write_together(
    model: "BigBirdPegasusForConditionalGeneration",
    tokenizer: "PegasusTokenizer",
    requests: Sequence[GenerationRequest],
) -> list[tuple[str, bool]]:
    import torch

    from bigbird_pegasus.inference.ragged_batch import generate_each

    def on_step(step: Any) -> None:
        for document, tokens in zip(step.documents, step.tokens, strict=True):
            on_tokens = requests[document].on_tokens
            if on_tokens is not None:
                on_tokens(tokens)

    ids = [window_input(request.encoded, request.window, tokenizer) for request in requests]
    # Whatever the checkpoint's own options are, one text is wanted, and nothing but its ids.
    only = {"num_return_sequences": 1, "return_dict_in_generate": False}
    sequences = generate_each(
        model,
        [torch.tensor(one, device=model.device) for one in ids],
        on_step=on_step,
        **{**requests[0].options, **only},
    )
    written = cast("Tensor", sequences)[:, 1:].tolist()
    return [(decode(one, tokenizer), tokenizer.eos_token_id in one) for one in written]


def decode(ids: Sequence[int], tokenizer: "PegasusTokenizer") -> str:
    """Return the text of token ids: clean lines, none of them empty."""
    return join(tokenizer.decode(list(ids), skip_special_tokens=True).split("\n"))


def join(texts: Iterable[str]) -> str:
    """Return clean lines, without those that are empty."""
    lines = (clean(line) for text in texts for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _growing(
    on_text: OnText, texts: list[str], place: int, tokenizer: "PegasusTokenizer", forms: SurfaceForms
) -> Callable[[Sequence[int]], None]:
    """Return what hands on `texts`, the summaries of all windows so far, with that of the window at `place`.

    Where case is restored, the last words wait: what follows may show that they are parts of one.
    """

    def on_tokens(ids: Sequence[int]) -> None:
        text = decode(ids, tokenizer)
        if forms.has_capitals and is_lower_case(text):
            first, *last = text.rsplit(maxsplit=MAX_JOINED) or [""]
            text = restore_case(first if len(last) == MAX_JOINED else "", forms)
        texts[place] = text
        on_text(join(texts))

    return on_tokens


def _sentences(
    part: _Part, encoded: EncodedText, text: ParsedText, facts: SourceFacts
) -> list[SummarySentence]:
    """Return the sentences of a window's summary, each with the sentence it rests on, or the whole window."""
    spans = encoded.sentences[part.window.first : part.window.last]
    index = index_sentences([text.on_one_line(span) for span in spans])
    found = []
    for span in parse_text(part.text).sentences:
        written = clean(part.text[span.start : span.end])
        start, end, overlap = spans[0].start, spans[-1].end, None
        if source := attribute(written, index):
            start, end, overlap = spans[source[0]].start, spans[source[0]].end, round(source[1], 6)
        found.append(SummarySentence(written, start, end, overlap, unsupported_facts(written, facts)))
    return found


def _warnings(sentences: Sequence[SummarySentence]) -> tuple[str, ...]:
    if not sentences:
        return ("the model wrote nothing",)
    found = list(dict.fromkeys(fact.text for sentence in sentences for fact in sentence.unsupported))
    if not found:
        return ()
    more = f" and {len(found) - MAX_NAMED_FACTS} more" if len(found) > MAX_NAMED_FACTS else ""
    return (f"not in the document: {', '.join(found[:MAX_NAMED_FACTS])}{more}",)
