"""Document + model → summary, by an extractive or an abstractive model.

The work is the package's (`bigbird_pegasus.summarization`); what is added here are the document's pages,
warnings, and batches that fit into memory.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

from bigbird_pegasus.errors import ConfigError, ModelKindError, NotFiniteError
from bigbird_pegasus.summarization.options import OnText, SummaryOptions, resolve
from bigbird_pegasus.text.language import ENGLISH, NAMES
from bigbird_pegasus.text.parsed_text import parse_text

from bbp_cli.documents.document import Document
from bbp_cli.errors import UsageError
from bbp_cli.models.checkpoints import Checkpoint, LoadedModel, non_finite_scores_error, weights_digest
from bbp_cli.models.memory import free_bytes
from bbp_cli.models.names import DEFAULT, local_folder
from bbp_cli.tasks.results import DocumentSummary, summary_of
from bbp_cli.tasks.task import SHORT_WINDOWS, Task, TaskSteps

if TYPE_CHECKING:
    from bigbird_pegasus.inference.extractive_model import ExtractiveModel
    from bigbird_pegasus.inference.numpy_functions import Floats
    from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration
    from bigbird_pegasus.summarization.modes import WriterOutput, WriterRequest
    from bigbird_pegasus.summarization.writing.rewrite import Chooser
    from bigbird_pegasus.text.windows import EncodedText, Window

    SummaryTask = Task[tuple[EncodedText, Window] | WriterRequest, Floats | WriterOutput, DocumentSummary]

KIND_HINTS = {
    "writes": "a model that writes is named with --model arxiv, for example",
    "chooses": "leave out --model: the default model chooses sentences",
}
_PLAIN_NAMES = ("length", "query", "strategy", "mode", "overlap", "truncate", "reference")
ROWS = 40  # of the decoder at once; see `AbstractiveSummary.batch_size`


@dataclass(frozen=True)
class ExtractiveSummary:
    """Choose sentences of the document: the encoder reads windows, then all sentences are scored together."""

    options: SummaryOptions
    keep_references: bool = False

    def params(self, loaded: LoadedModel) -> Mapping[str, object]:
        """Return the options; see `Task`."""
        return {**self.options.as_params(), **_given(keep_references=self.keep_references)}

    def identities(self) -> Sequence[Mapping[str, object]]:
        """Return the options; see `Task`."""
        return [{**self.options.as_params(), **_given(keep_references=self.keep_references)}]

    def plan(
        self, document: Document, loaded: LoadedModel, on_text: OnText | None = None
    ) -> "TaskSteps[tuple[EncodedText, Window], Floats, DocumentSummary]":
        """Choose sentences, at most `options.length` words of them where it is given; see `Task`."""
        from bigbird_pegasus.summarization.choosing.extractive import extractive_steps

        text = parse_text(document.without_asides(keep_references=self.keep_references))
        found = yield from extractive_steps(text, _extractive_model(loaded), loaded.tokenizer, self.options)
        is_default = loaded.checkpoint.folder.id == DEFAULT
        return summary_of(document, found, language_warning(found.language) if is_default else ())

    def compute(
        self, loaded: LoadedModel, windows: "Sequence[tuple[EncodedText, Window]]"
    ) -> "Sequence[Floats]":
        """Return the vectors of each window's sentences."""
        return _extractive_model(loaded).encode_windows(windows)

    def batch_size(self, loaded: LoadedModel) -> int:
        """Return how many windows are best computed together."""
        return SHORT_WINDOWS

    def streams(self, loaded: LoadedModel) -> bool:
        """Return False: which sentences are chosen is known at the end."""
        return False


@dataclass(frozen=True)
class AbstractiveSummary:
    """Write about the windows as the strategy says, one after the other or several together."""

    options: SummaryOptions
    keep_references: bool = False

    def params(self, loaded: LoadedModel) -> Mapping[str, object]:
        """Return the options; see `Task`."""
        held = {**self.options.as_params(), "restore_case": self.options.restore_case}
        return {**held, **_given(keep_references=self.keep_references)}

    def identities(self) -> Sequence[Mapping[str, object]]:
        """Return the options; see `Task`."""
        identity = {**self.options.as_params(), "restore_case": self.options.restore_case}
        if self.options.mode == "rewrite":
            folder = local_folder(DEFAULT)
            identity["chooser"] = weights_digest(folder) if folder else None
        return [{**identity, **_given(keep_references=self.keep_references)}]

    def plan(
        self, document: Document, loaded: LoadedModel, on_text: OnText | None = None
    ) -> "TaskSteps[WriterRequest, WriterOutput, DocumentSummary]":
        """Write about each window of the document; see `Task`.

        `on_text` is called with the text so far while it grows; then windows are yielded one at a time, but
        with beams, where the text is a draft: it may still change.

        Raises:
            UsageError: an option has no effect without beams.
        """
        from bigbird_pegasus.summarization.modes import writer_steps

        for needs_beams, given in (
            ("--length-penalty", "length_penalty" in self.options.generation),
            ("--mode checked", self.options.mode == "checked"),
        ):
            if given and self._beams(loaded) == 1:
                raise UsageError(f"{needs_beams} needs beams", hint="add --num-beams 4, for example")
        text = parse_text(document.without_asides(keep_references=self.keep_references))
        model, options = _abstractive_model(loaded), self.options
        chooser = self._chooser if options.mode == "rewrite" else None
        together = not self.streams(loaded)
        steps = writer_steps(text, model, loaded.tokenizer, options, on_text, chooser, together=together)
        found = yield from steps
        return summary_of(document, found, language_warning(found.language) if chooser else ())

    def compute(self, loaded: LoadedModel, windows: "Sequence[WriterRequest]") -> "Sequence[WriterOutput]":
        """Return the text that the model writes for each request, or its scores of sentences.

        Raises:
            UsageError: an option is impossible, or does not fit the model.
            ModelError: the model computes NaN.
        """
        from bigbird_pegasus.summarization.modes import compute

        try:
            return compute(_abstractive_model(loaded), loaded.tokenizer, windows)
        except ConfigError as error:
            raise as_usage_error(error, self.options) from error
        except NotFiniteError as error:
            raise non_finite_scores_error(loaded) from error

    def batch_size(self, loaded: LoadedModel) -> int:
        """Return how many windows are best written about together.

        A step of the decoder reads all weights, whatever the number of rows: with large weights in bfloat16,
        computing takes as long as that for about 20 rows. Smaller models, whose steps are many small calls,
        gain up to 40: ten texts with 5 beams took 7.2 s one by one, 5.2 by fours and 3.9 by eights (6 + 6
        layers of 512, 2 threads). More would only let the first text wait. Half of the free memory may be
        used.
        """
        if self.options.strategy == "fuse":  # a whole document is one request
            return 1
        beams = self._beams(loaded)
        fitting = free_bytes(loaded.hardware.device) // 2 // bytes_of_text(loaded, beams)
        return max(1, min(ROWS // beams, fitting))

    def streams(self, loaded: LoadedModel) -> bool:
        """Return whether the search is greedy or samples: beams change what they wrote before.

        What windows share is left out when all are written.
        """
        options = self.options
        may_grow = options.mode == "abstractive" and not (options.overlap or options.per_section)
        return may_grow and self._beams(loaded) == 1

    @cached_property
    def _chooser(self) -> "Chooser":
        from bigbird_pegasus.summarization.writing.rewrite import default_chooser

        return default_chooser()

    def _beams(self, loaded: LoadedModel) -> int:
        from bigbird_pegasus.summarization.writing.written_text import number_of_beams

        return number_of_beams(self.options, _abstractive_model(loaded))


def summary_task(
    options: SummaryOptions, checkpoint: Checkpoint, *, keep_references: bool = False
) -> "SummaryTask":
    """Return the task for the kind of model that a checkpoint holds; `keep_references`: read bibliographies.

    Raises:
        UsageError: options do not fit the kind of model, or each other.
    """
    extractive = checkpoint.kind == "extractive"
    if extractive and options.generation:
        names = ", ".join(map(as_typed, options.generation))
        message = f"the model {checkpoint.folder.id} chooses sentences, so {names} cannot be used with it"
        raise UsageError(message, hint=KIND_HINTS["writes"])
    try:
        options = resolve(options, writes=not extractive)
    except ConfigError as error:
        raise as_usage_error(error, options) from error
    # The two tasks have windows of different types. Each is handed only windows that it planned itself, which
    # the types of a union cannot say.
    kind = ExtractiveSummary if extractive else AbstractiveSummary
    return cast("SummaryTask", kind(options, keep_references))


def as_usage_error(error: ConfigError, options: SummaryOptions) -> UsageError:
    """Return the package's error with options as they are typed, `--num-beams` for `num_beams`.

    Names that are plain words (`length`) are options only where the message begins with them. What a
    checkpoint's own file sets keeps the name that it has there.
    """
    anywhere, in_front = "|".join((*options.generation, "per_section")), "|".join(_PLAIN_NAMES)
    pattern = rf"\b(?:{anywhere})\b|^(?:{in_front})\b"
    message = re.sub(pattern, lambda match: as_typed(match[0]), str(error))
    hint = KIND_HINTS[error.needs] if isinstance(error, ModelKindError) else None
    return UsageError(message, hint=hint)


def as_typed(name: str) -> str:
    """Return the option of the command line that sets a field of the package."""
    return f"--{name.replace('_', '-')}"


def _given(**flags: bool) -> dict[str, object]:
    return {name: True for name, given in flags.items() if given}


def language_warning(language: str | None) -> tuple[str, ...]:
    """Return a warning where a text is not English, which is all that the default model was trained on."""
    if language in (None, ENGLISH):
        return ()
    return (f"reads like {NAMES[language]}: the default model knows English, take the summary with care",)


def bytes_of_text(loaded: LoadedModel, beams: int) -> int:
    """Return what writing about one full window takes at most: cached keys and values, and scores.

    For each layer keys and values of the source, once; those of each beam's tokens, with a copy while beams
    are reordered. For each beam float32 scores of the vocabulary, about four times in a step.
    """
    from bigbird_pegasus.summarization.writing.written_text import max_new_tokens

    config = loaded.model.config
    number = 4 if loaded.hardware.dtype == "float32" else 2
    written = min(config.max_position_embeddings, max_new_tokens(_abstractive_model(loaded)))
    cached = 2 * config.decoder_layers * config.d_model * (loaded.window_tokens + 2 * beams * written)
    return cached * number + 4 * beams * config.vocab_size * 4


def _extractive_model(loaded: LoadedModel) -> "ExtractiveModel":
    from bigbird_pegasus.inference.extractive_model import ExtractiveModel

    assert isinstance(loaded.model, ExtractiveModel)  # `summary_task` sees to it
    return loaded.model


def _abstractive_model(loaded: LoadedModel) -> "BigBirdPegasusForConditionalGeneration":
    from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration

    assert isinstance(loaded.model, BigBirdPegasusForConditionalGeneration)  # `summary_task` sees to it
    return loaded.model
