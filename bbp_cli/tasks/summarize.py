"""Document + model → summary, by an extractive or an abstractive model.

The work is the package's (`bigbird_pegasus.summarization`); what is added here are the document's pages,
warnings, and batches that fit into memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from bigbird_pegasus.errors import ConfigError, NotFiniteError
from bigbird_pegasus.summarization.options import OnText, SummaryOptions, in_words
from bigbird_pegasus.text.language import ENGLISH, NAMES
from bigbird_pegasus.text.parsed_text import parse_text

from bbp_cli.documents.document import Document
from bbp_cli.errors import UsageError
from bbp_cli.models.checkpoints import Checkpoint, LoadedModel, non_finite_scores_error
from bbp_cli.models.memory import free_bytes
from bbp_cli.models.names import DEFAULT
from bbp_cli.tasks.results import DocumentSummary, summary_of
from bbp_cli.tasks.task import SHORT_WINDOWS, Task, TaskSteps

if TYPE_CHECKING:
    from bigbird_pegasus.inference.extractive_model import ExtractiveModel
    from bigbird_pegasus.inference.numpy_functions import Floats
    from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration
    from bigbird_pegasus.summarization.abstractive import GenerationRequest
    from bigbird_pegasus.text.windows import EncodedText, Window

    SummaryTask = Task[
        tuple[EncodedText, Window] | GenerationRequest, Floats | tuple[str, bool], DocumentSummary
    ]

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
        from bigbird_pegasus.summarization.extractive import extractive_steps

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
    """Write a summary of each window, one after the other or several together, and join them."""

    options: SummaryOptions
    keep_references: bool = False

    def params(self, loaded: LoadedModel) -> Mapping[str, object]:
        """Return the options; see `Task`."""
        held = {**self.options.as_params(), "restore_case": self.options.restore_case}
        return {**held, **_given(keep_references=self.keep_references)}

    def identities(self) -> Sequence[Mapping[str, object]]:
        """Return the options; see `Task`."""
        restored = {"restore_case": self.options.restore_case}
        return [{**self.options.as_params(), **restored, **_given(keep_references=self.keep_references)}]

    def plan(
        self, document: Document, loaded: LoadedModel, on_text: OnText | None = None
    ) -> "TaskSteps[GenerationRequest, tuple[str, bool], DocumentSummary]":
        """Write about each window of the document; see `Task`.

        `on_text` is called with the text so far while it grows; then windows are yielded one at a time, but
        with beams, where the text is a draft: it may still change.

        Raises:
            UsageError: an option has no effect without beams.
        """
        from bigbird_pegasus.summarization.abstractive import abstractive_steps

        beams = self._beams(loaded)
        if "length_penalty" in self.options.generation and beams == 1:
            raise UsageError("--length-penalty needs beams", hint="add --num-beams 4, for example")
        text = parse_text(document.without_asides(keep_references=self.keep_references))
        model = _abstractive_model(loaded)
        tokenizer, options = loaded.tokenizer, self.options
        found = yield from abstractive_steps(text, model, tokenizer, options, on_text, together=beams > 1)
        return summary_of(document, found)

    def compute(
        self, loaded: LoadedModel, windows: "Sequence[GenerationRequest]"
    ) -> Sequence[tuple[str, bool]]:
        """Return the text that the model writes about each window, and whether the model ended it by itself.

        Raises:
            UsageError: an option is impossible, or does not fit the model.
            ModelError: the model computes NaN.
        """
        from bigbird_pegasus.summarization.abstractive import write

        try:
            return write(_abstractive_model(loaded), loaded.tokenizer, windows)
        except ConfigError as error:
            raise UsageError(str(error)) from error
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
        beams = self._beams(loaded)
        fitting = free_bytes(loaded.hardware.device) // 2 // bytes_of_text(loaded, beams)
        return max(1, min(ROWS // beams, fitting))

    def streams(self, loaded: LoadedModel) -> bool:
        """Return whether the search is greedy or samples: beams change what they wrote before."""
        return self._beams(loaded) == 1

    def _beams(self, loaded: LoadedModel) -> int:
        from bigbird_pegasus.summarization.abstractive import number_of_beams

        return number_of_beams(self.options, _abstractive_model(loaded))


def summary_task(
    options: SummaryOptions, checkpoint: Checkpoint, *, keep_references: bool = False
) -> "SummaryTask":
    """Return the task for the kind of model that a checkpoint holds; `keep_references`: read bibliographies.

    Raises:
        UsageError: the model is extractive, and options of text generation are given; or it writes, and a
            number of sentences or a query is given.
    """
    extractive = checkpoint.kind == "extractive"
    if extractive and options.generation:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in options.generation)
        raise UsageError(
            f"the model {checkpoint.folder.id} chooses sentences, so {names} cannot be used with it",
            hint="give a model that writes, for example --model arxiv",
        )
    if not extractive:
        try:
            in_words(options, document_words=1)
        except ConfigError as error:
            raise UsageError(str(error)) from error
    # The two tasks have windows of different types. Each is handed only windows that it planned itself, which
    # the types of a union cannot say.
    kind = ExtractiveSummary if extractive else AbstractiveSummary
    return cast("SummaryTask", kind(options, keep_references))


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
    from bigbird_pegasus.summarization.abstractive import max_new_tokens

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
