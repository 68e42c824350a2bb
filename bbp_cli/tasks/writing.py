"""Summaries by an abstractive model: the package's summary with pages, in batches that fit into memory."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.summarization.options import OnText
from bigbird_pegasus.text.parsed_text import parse_text

from bbp_cli.documents.document import Document
from bbp_cli.errors import UsageError
from bbp_cli.models.checkpoints import LoadedModel
from bbp_cli.models.memory import free_bytes
from bbp_cli.tasks.results import DocumentSummary, summary_of
from bbp_cli.tasks.task import TaskSteps

if TYPE_CHECKING:
    from bigbird_pegasus.summarization.abstractive import GenerationRequest
    from bigbird_pegasus.summarization.options import SummaryOptions

ROWS = 40  # of the decoder at once; see `texts_at_once`


def steps(
    document: Document, loaded: LoadedModel, settings: "SummaryOptions", on_text: OnText | None
) -> "TaskSteps[GenerationRequest, tuple[str, bool], DocumentSummary]":
    """Write about each window of the document; see `tasks.task`.

    `on_text` is called with the text so far while it grows; then windows are yielded one at a time.

    Raises:
        UsageError: an option has no effect without beams.
    """
    from bigbird_pegasus.summarization.abstractive import abstractive_steps

    if "length_penalty" in settings.generation and number_of_beams(loaded, settings) == 1:
        raise UsageError("--length-penalty needs beams", hint="add --num-beams 4, for example")
    text = parse_text(document.text)
    found = yield from abstractive_steps(text, loaded.model, loaded.tokenizer, settings, on_text)
    return summary_of(document, found)


def number_of_beams(loaded: LoadedModel, settings: "SummaryOptions") -> int:
    """Return the number of beams: that of the options, or else of the checkpoint."""
    from bigbird_pegasus.summarization import abstractive

    return abstractive.number_of_beams(settings, loaded.model)


def write(loaded: LoadedModel, requests: "Sequence[GenerationRequest]") -> list[tuple[str, bool]]:
    """Return the text that the model writes about each window, and whether the model ended it by itself.

    Raises:
        UsageError: an option is impossible, or does not fit the model.
    """
    from bigbird_pegasus.summarization import abstractive

    try:
        return abstractive.write(loaded.model, loaded.tokenizer, requests)
    except ConfigError as error:
        raise UsageError(str(error)) from error


def texts_at_once(loaded: LoadedModel, settings: "SummaryOptions") -> int:
    """Return how many windows are best written about together.

    A step of the decoder reads all weights, whatever the number of rows: with large weights in bfloat16,
    computing takes as long as that for about 20 rows. Smaller models, whose steps are many small calls, gain
    up to 40: ten texts with 5 beams took 7.2 s one by one, 5.2 by fours and 3.9 by eights (6 + 6 layers of
    512, 2 threads). More would only let the first text wait. Half of the free memory may be used.
    """
    beams = number_of_beams(loaded, settings)
    fitting = free_bytes(loaded.hardware.device) // 2 // bytes_of_text(loaded, beams)
    return max(1, min(ROWS // beams, fitting))


def bytes_of_text(loaded: LoadedModel, beams: int) -> int:
    """Return what writing about one full window takes at most: cached keys and values, and scores.

    For each layer keys and values of the source, once; those of each beam's tokens, with a copy while beams
    are reordered. For each beam float32 scores of the vocabulary, about four times in a step.
    """
    from bigbird_pegasus.summarization.abstractive import max_new_tokens

    config = loaded.model.config
    width, layers = int(config.d_model), int(config.decoder_layers)
    number = 4 if loaded.hardware.dtype == "float32" else 2
    written = min(int(config.max_position_embeddings), max_new_tokens(loaded.model))
    cached = 2 * layers * width * (loaded.window_tokens + 2 * beams * written)
    return cached * number + 4 * beams * int(config.vocab_size) * 4
