"""Summaries by writing: the decoder writes one for each window, and they are joined by line breaks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from bbp_cli.checkpoints import LoadedModel
from bbp_cli.documents import Document
from bbp_cli.errors import UsageError
from bbp_cli.results import (
    Origin,
    ProgressBar,
    Stop,
    Summary,
    SummarySentence,
    TextListener,
    clean,
    count_words,
    coverage,
    measure_quality,
    truncation_warning,
)
from bbp_cli.sentences import split_sentences
from bbp_cli.windows import EncodedText, Window, encode, first_window, pack, window_input

if TYPE_CHECKING:
    from bigbird_pegasus.generation_config import GenerationConfig

    from bbp_cli.summarize import Settings

TOKENS_A_WORD = 4 / 3  # of English in the published vocabulary
LEAST_NEW_TOKENS = 8
USUAL_NEW_TOKENS = 256  # what the published checkpoints write at most, for one that names no limit


@dataclass(frozen=True)
class _Part:
    """The summary of one window, and whether the model ended it by itself."""

    window: Window
    text: str
    ended: bool


def summarize(
    document: Document,
    loaded: LoadedModel,
    settings: "Settings",
    progress: ProgressBar,
    listener: TextListener | None,
) -> Summary:
    """Write about each window of the document; `listener` hears all of the text so far while it grows."""
    limit = loaded.window_tokens - 1  # `</s>` ends each window
    encoded = encode(document.text, loaded.tokenizer, limit)
    windows = pack(encoded.counts, limit)
    if settings.truncate:
        windows = [first_window(encoded.counts, limit)]
    options = generation_options(settings, loaded, len(windows))
    parts: list[_Part] = []
    with progress(document.source.path, len(windows)) as step:
        for window in windows:
            ids = window_input(encoded, window, loaded.tokenizer)
            heard = _hear(listener, [part.text for part in parts], loaded) if listener else None
            parts.append(_Part(window, *write(ids, loaded, options, heard)))
            step()
    text = join(part.text for part in parts)
    sentences = [sentence for part in parts for sentence in _sentences(part, encoded, document)]
    found = coverage(document, len(encoded.ids), sum(window.tokens for window in windows), len(windows))
    stop: Stop = "end" if all(part.ended for part in parts) else "length"
    quality = measure_quality(count_words(document.text), text, stop)
    wrote_nothing = () if text else ("the model wrote nothing",)
    return Summary(text, tuple(sentences), found, quality, (*wrote_nothing, *truncation_warning(found)))


def generation_options(settings: "Settings", loaded: LoadedModel, windows: int) -> Mapping[str, object]:
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


def number_of_beams(loaded: LoadedModel, settings: "Settings") -> int:
    """Of the settings, or else the checkpoint's own habit."""
    return int(str(settings.generation.get("num_beams", _habit(loaded).num_beams)))


def _habit(loaded: LoadedModel) -> "GenerationConfig":
    """The options that the checkpoint itself sets."""
    habit: GenerationConfig = loaded.model.generation_config
    return habit


def write(
    ids: Sequence[int],
    loaded: LoadedModel,
    options: Mapping[str, object],
    heard: Callable[[Sequence[int]], None] | None,
) -> tuple[str, bool]:
    """The text the model writes about a window, and whether it came to an end of its own.

    Raises:
        UsageError: an option is impossible, or does not fit the model.
    """
    import torch
    from bigbird_pegasus.errors import ConfigError

    def on_step(step: Any) -> None:
        if heard is not None and step.tokens:
            heard(step.tokens[0])

    # Whatever the checkpoint's habit is, one text is wanted, and nothing but its ids.
    only = {"num_return_sequences": 1, "return_dict_in_generate": False}
    batch = torch.tensor([ids], device=loaded.model.device)
    try:
        sequences = loaded.model.generate(batch, on_step=on_step, **{**options, **only})
    except ConfigError as error:
        raise UsageError(str(error)) from error
    written = sequences[0, 1:].tolist()
    return decode(written, loaded), loaded.tokenizer.eos_token_id in written


def decode(ids: Sequence[int], loaded: LoadedModel) -> str:
    """The text of token ids: clean lines, none of them empty."""
    return join(loaded.tokenizer.decode(list(ids), skip_special_tokens=True).split("\n"))


def join(texts: Iterable[str]) -> str:
    """Clean lines, those that are empty left out."""
    lines = (clean(line) for text in texts for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _hear(
    listener: TextListener, before: Sequence[str], loaded: LoadedModel
) -> Callable[[Sequence[int]], None]:
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
        for span in split_sentences(part.text)
    ]
