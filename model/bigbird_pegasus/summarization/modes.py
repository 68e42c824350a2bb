"""What a model that writes does with a document, by mode: the steps, and what computes them."""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, cast

from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.summarization.options import OnText, SummaryOptions, resolve
from bigbird_pegasus.summarization.summary import Summary
from bigbird_pegasus.summarization.writing.abstractive import abstractive_steps
from bigbird_pegasus.summarization.writing.rewrite import Chooser, default_chooser, rewrite_steps
from bigbird_pegasus.summarization.writing.verbatim import ScoringRequest, score_sentences, verbatim_steps
from bigbird_pegasus.summarization.writing.written_text import (
    GenerationRequest,
    WrittenText,
    number_of_beams,
    write,
)
from bigbird_pegasus.text.parsed_text import ParsedText

if TYPE_CHECKING:
    from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration
    from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

WriterRequest = GenerationRequest | ScoringRequest
WriterOutput = WrittenText | list[float]


def writer_steps(
    text: ParsedText,
    model: "BigBirdPegasusForConditionalGeneration",
    tokenizer: "PegasusTokenizer",
    options: SummaryOptions,
    on_text: OnText | None = None,
    chooser: Chooser | None = None,
    *,
    together: bool = False,
) -> Generator[Sequence[WriterRequest], Sequence[WriterOutput], Summary]:
    """Yield requests, be sent what `compute` makes of each, return the summary.

    Args:
        text: the document.
        model: writes.
        tokenizer: of the model.
        options: decide about mode and strategy.
        on_text: called with the text so far; then one request is yielded at a time, but with `together`.
        chooser: for the mode `rewrite`; None: the default model, loaded here.
        together: yield all requests at once, although their texts are shown: they may still change.

    Raises:
        ConfigError: options do not fit a model that writes, or each other.
    """
    options = resolve(options, writes=True)
    steps: object
    if options.mode == "verbatim":
        steps = verbatim_steps(text, model, tokenizer, options)
    elif options.mode == "rewrite":
        steps = rewrite_steps(text, model, tokenizer, options, chooser or default_chooser())
    else:
        if options.mode == "checked" and number_of_beams(options, model) == 1:
            raise ConfigError("mode checked needs beams to choose from: num_beams is 1")
        steps = abstractive_steps(text, model, tokenizer, options, on_text, together=together)
    # Each kind of steps is sent only what `compute` makes of its own requests, which the types cannot say.
    return (yield from cast("Generator[Sequence[WriterRequest], Sequence[WriterOutput], Summary]", steps))


def compute(
    model: "BigBirdPegasusForConditionalGeneration",
    tokenizer: "PegasusTokenizer",
    requests: Sequence[WriterRequest],
) -> list[WriterOutput]:
    """Return the text or the scores for each request; all of them are of one kind.

    Raises:
        ConfigError: an option is unknown, impossible, or does not fit the model.
        NotFiniteError: the model computes NaN.
    """
    scoring = [one for one in requests if isinstance(one, ScoringRequest)]
    if scoring:
        return [*score_sentences(model, tokenizer, scoring)]
    return [*write(model, tokenizer, [one for one in requests if isinstance(one, GenerationRequest)])]
