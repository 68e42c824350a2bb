"""What decides about a summary beside document and model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.summarization.length import AskedLength, Length, bounds_of

OnText = Callable[[str], None]
"""Called with all of a summary's text so far while it is written."""


@dataclass(frozen=True)
class SummaryOptions:
    """What decides about a summary beside document and model.

    `length` is the maximum of words, or what else is asked for (`AskedLength`); with None the model decides.
    `restore_case` gives what a model writes in small letters the case and spacing of the document's words.
    `query` is a question that the choice of sentences leans to.
    `generation` holds options of the writing models by the names of `GenerationConfig`.
    """

    length: Length | None = None
    truncate: bool = False
    seed: int = 0
    restore_case: bool = True
    generation: Mapping[str, object] = field(default_factory=dict)
    query: str | None = None

    def as_params(self) -> dict[str, object]:
        """Return the settings that hold, as records show them; `generation` has only what was given.

        `length` is None where there is no such bound: a model that writes is bounded by its checkpoint, one
        that chooses by what a document's summary is expected to have.
        """
        length = str(self.length) if isinstance(self.length, AskedLength) else self.length
        held = {"length": length, "truncate": self.truncate, "seed": self.seed}
        asked = {} if self.query is None else {"query": self.query}
        return {**held, **asked, **self.generation}


def in_words(options: SummaryOptions, document_words: int) -> SummaryOptions:
    """Return the options of a model that writes, with the length as the most words for a document of so many.

    Raises:
        ConfigError: sentences are asked for, which such a model cannot count, or those about a question.
    """
    if options.query is not None:
        raise ConfigError("a query is for a model that chooses sentences: this one writes")
    if isinstance(options.length, AskedLength) and options.length.unit == "s":
        raise ConfigError(
            f"length {options.length} is for a model that chooses sentences: "
            "one that writes is asked for words, for example 120w"
        )
    return replace(options, length=bounds_of(options.length, document_words, 0).max_words)
