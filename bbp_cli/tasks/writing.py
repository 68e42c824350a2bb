"""Summaries by writing: the decoder writes one for each window, and they are joined by line breaks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from typing import TYPE_CHECKING, Any, cast

from bigbird_pegasus.summarization.quality import Stop, measure_quality
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.windows import EncodedText, Window, encode, first_window, pack, window_input
from bigbird_pegasus.text.words import clean, count_words

from bbp_cli.documents.document import Document
from bbp_cli.errors import UsageError
from bbp_cli.models.checkpoints import LoadedModel
from bbp_cli.models.memory import free_bytes
from bbp_cli.tasks.results import Origin, Summary, SummarySentence, coverage, truncation_warning
from bbp_cli.tasks.task import OnText, TaskSteps

if TYPE_CHECKING:
    from bigbird_pegasus.generation.config import GenerationConfig
    from bigbird_pegasus.summarization.options import SummaryOptions
    from torch import Tensor


TOKENS_A_WORD = 4 / 3  # of English in the published vocabulary
LEAST_NEW_TOKENS = 8
USUAL_NEW_TOKENS = 256  # what the published checkpoints write at most, for one that names no limit
ROWS = 40  # of the decoder at once; see `texts_at_once`


@dataclass(frozen=True)
class _Part:
    """The summary of one window, and whether the model ended it by itself."""

    window: Window
    text: str
    ended: bool


@dataclass(frozen=True)
class Order:
    """A window, and how it is to be written about; `heard` is told the new ids so far."""

    encoded: EncodedText
    window: Window
    options: Mapping[str, object]
    heard: Callable[[Sequence[int]], None] | None = None


def steps(
    document: Document, loaded: LoadedModel, settings: "SummaryOptions", listener: OnText | None
) -> TaskSteps[Order, tuple[str, bool], Summary]:
    """Write about each window of the document, see `Task.plan`.

    `listener` hears all of the text so far while it grows; then one window is asked for after the other.
    """
    limit = loaded.window_tokens - 1  # `</s>` ends each window
    encoded = encode(parse_text(document.text), loaded.tokenizer, limit)
    windows = pack(encoded.counts, limit)
    if settings.truncate:
        windows = [first_window(encoded.counts, limit)]
    options = generation_options(settings, loaded, len(windows))
    parts: list[_Part] = []
    for group in [[window] for window in windows] if listener else [windows]:
        heard = _hear(listener, [part.text for part in parts], loaded) if listener else None
        written = yield [Order(encoded, window, options, heard) for window in group]
        parts += [_Part(window, *found) for window, found in zip(group, written, strict=True)]
    text = join(part.text for part in parts)
    sentences = [sentence for part in parts for sentence in _sentences(part, encoded, document)]
    found = coverage(document, len(encoded.ids), sum(window.tokens for window in windows), len(windows))
    stop: Stop = "end" if all(part.ended for part in parts) else "length"
    quality = measure_quality(count_words(document.text), text, stop)
    wrote_nothing = () if text else ("the model wrote nothing",)
    return Summary(text, tuple(sentences), found, quality, (*wrote_nothing, *truncation_warning(found)))


def generation_options(settings: "SummaryOptions", loaded: LoadedModel, windows: int) -> Mapping[str, object]:
    """Options of `generate`; the words that were asked for are shared out evenly among the windows.

    Raises:
        UsageError: an option has no effect without beams.
    """
    if "length_penalty" in settings.generation and number_of_beams(loaded, settings) == 1:
        raise UsageError("--length-penalty needs beams", hint="add --num-beams 4, for example")
    options = {"seed": settings.seed, **settings.generation}
    habit = _habit(loaded)
    tokens = None
    if settings.length is not None:
        tokens = max(ceil(settings.length * TOKENS_A_WORD / windows), LEAST_NEW_TOKENS)
    elif habit.max_length is None and habit.max_new_tokens is None:
        tokens = USUAL_NEW_TOKENS
    if tokens is not None:
        options["max_new_tokens"] = min(tokens, int(loaded.model.config.max_position_embeddings))
    return options


def number_of_beams(loaded: LoadedModel, settings: "SummaryOptions") -> int:
    """Of the settings, or else the checkpoint's own habit."""
    return int(str(settings.generation.get("num_beams", _habit(loaded).num_beams)))


def _most_tokens(loaded: LoadedModel) -> int:
    habit = _habit(loaded)
    return max(habit.max_length or 0, habit.max_new_tokens or 0) or USUAL_NEW_TOKENS


def _habit(loaded: LoadedModel) -> "GenerationConfig":
    """The options that the checkpoint itself sets."""
    habit: GenerationConfig = loaded.model.generation_config
    return habit


def write(loaded: LoadedModel, orders: Sequence[Order]) -> list[tuple[str, bool]]:
    """The texts the model writes about windows, and whether each came to an end of its own.

    One search has one set of options: windows that are next to each other and share them are searched
    together.

    Raises:
        UsageError: an option is impossible, or does not fit the model.
    """
    found: list[tuple[str, bool]] = []
    for _, group in groupby(orders, lambda order: order.options):
        found += _write_together(loaded, list(group))
    return found


def _write_together(loaded: LoadedModel, orders: Sequence[Order]) -> list[tuple[str, bool]]:
    import torch
    from bigbird_pegasus.errors import ConfigError
    from bigbird_pegasus.inference.ragged_batch import generate_each

    def on_step(step: Any) -> None:
        for document, tokens in zip(step.documents, step.tokens, strict=True):
            heard = orders[document].heard
            if heard is not None:
                heard(tokens)

    ids = [window_input(order.encoded, order.window, loaded.tokenizer) for order in orders]
    # Whatever the checkpoint's habit is, one text is wanted, and nothing but its ids.
    only = {"num_return_sequences": 1, "return_dict_in_generate": False}
    try:
        sequences = generate_each(
            loaded.model,
            [torch.tensor(one, device=loaded.model.device) for one in ids],
            on_step=on_step,
            **{**orders[0].options, **only},
        )
    except ConfigError as error:
        raise UsageError(str(error)) from error
    written = cast("Tensor", sequences)[:, 1:].tolist()
    return [(decode(one, loaded), loaded.tokenizer.eos_token_id in one) for one in written]


def texts_at_once(loaded: LoadedModel, settings: "SummaryOptions") -> int:
    """How many windows are best written about together.

    A step of the decoder reads all weights, whatever the number of rows: with large weights in bfloat16,
    computing takes as long as that for about 20 rows. Smaller models, whose steps are many small calls, gain
    up to 40: ten texts with 5 beams took 7.2 s one by one, 5.2 by fours and 3.9 by eights (6 + 6 layers of
    512, 2 threads). More would only let the first text wait. Half of the free memory may be used.
    """
    beams = number_of_beams(loaded, settings)
    fitting = free_bytes(loaded.hardware.device) // 2 // bytes_of_text(loaded, beams)
    return max(1, min(ROWS // beams, fitting))


def bytes_of_text(loaded: LoadedModel, beams: int) -> int:
    """What writing about one full window takes at most: numbers that the decoder remembers, and scores.

    For each layer keys and values of the source, once; those of each beam's tokens, with a copy while beams
    are reordered. For each beam float32 scores of the vocabulary, about four times in a step.
    """
    config = loaded.model.config
    width, layers = int(config.d_model), int(config.decoder_layers)
    number = 4 if loaded.hardware.dtype == "float32" else 2
    positions = int(config.max_position_embeddings)
    written = min(positions, _most_tokens(loaded))
    remembered = 2 * layers * width * (loaded.window_tokens + 2 * beams * written)
    return remembered * number + 4 * beams * int(config.vocab_size) * 4


def decode(ids: Sequence[int], loaded: LoadedModel) -> str:
    """The text of token ids: clean lines, none of them empty."""
    return join(loaded.tokenizer.decode(list(ids), skip_special_tokens=True).split("\n"))


def join(texts: Iterable[str]) -> str:
    """Clean lines, those that are empty left out."""
    lines = (clean(line) for text in texts for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _hear(listener: OnText, before: Sequence[str], loaded: LoadedModel) -> Callable[[Sequence[int]], None]:
    """Tell the listener the summaries of earlier windows and this one so far."""

    def heard(ids: Sequence[int]) -> None:
        listener(join([*before, decode(ids, loaded)]))

    return heard


def _sentences(part: _Part, encoded: EncodedText, document: Document) -> list[SummarySentence]:
    """The sentences of a window's summary: each was written from the whole window."""
    start = encoded.sentences[part.window.first].start
    end = encoded.sentences[part.window.last - 1].end
    origin = Origin(document.page_at(start), start, end, None)
    return [
        SummarySentence(clean(part.text[span.start : span.end]), (origin,))
        for span in parse_text(part.text).sentences
    ]
