"""What decides about a summary beside document and model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from bigbird_pegasus.errors import ConfigError, ModelKindError
from bigbird_pegasus.summarization.length import AskedLength, Length, bounds_of

OnText = Callable[[str], None]
"""Called with all of a summary's text so far while it is written."""

Strategy = Literal["select", "reduce", "map", "fuse", "truncate"]
Mode = Literal["verbatim", "checked", "rewrite", "abstractive"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
MODES: tuple[Mode, ...] = get_args(Mode)

DEFAULT_WRITING_STRATEGY: Strategy = "reduce"  # by tests/benchmarks/strategies.py
# A warning. Headings, tables and mails that are quoted may still have some.
NO_QUERY_WORDS = "no sentence that is chosen from has a word of the query: those nearest to it are printed"
CHOOSING_MODES: tuple[Mode, ...] = ("verbatim", "rewrite")  # sentences are chosen from all of a document


@dataclass(frozen=True)
class SummaryOptions:
    """What decides about a summary beside document and model.

    `length` is the maximum of words, or what else is asked for (`AskedLength`); with None the model decides.
    `restore_case` gives what a model writes in small letters the case and spacing of the document's words.
    `query` is a question that the choice of sentences leans to. `generation` holds options of the writing
    models by the names of `GenerationConfig`. `truncate` is the strategy of that name. `strategy` and `mode`
    are None where the kind of model decides, `overlap` is a number of sentences, `per_section` makes a
    summary of what stands under each heading, `reference` generates exactly as the checkpoint's settings say.
    """

    length: Length | None = None
    truncate: bool = False
    seed: int = 0
    restore_case: bool = True
    generation: Mapping[str, object] = field(default_factory=dict)
    query: str | None = None
    strategy: Strategy | None = None
    mode: Mode | None = None
    overlap: int = 0
    per_section: bool = False
    reference: bool = False

    def as_params(self) -> dict[str, object]:
        """Return the settings that hold, as records show them; `generation` has only what was given.

        `length` is None where there is no such bound: a model that writes is bounded by its checkpoint, one
        that chooses by what a document's summary is expected to have.
        """
        length = str(self.length) if isinstance(self.length, AskedLength) else self.length
        held = {"length": length, "truncate": self.truncate, "seed": self.seed}
        query = {} if self.query is None else {"query": self.query}
        asked = {"overlap": self.overlap, "per_section": self.per_section, "reference": self.reference}
        how = {"strategy": self.strategy, "mode": self.mode}
        given = {name: value for name, value in asked.items() if value}
        return {**held, **query, **self.generation, **how, **given}


def in_words(options: SummaryOptions, document_words: int) -> SummaryOptions:
    """Return the options of a model that writes, with the length as the most words for a document of so many.

    Raises:
        ModelKindError: sentences are asked for, which such a model cannot count, or those about a question.
    """
    if options.query is not None:
        raise ModelKindError("chooses", "query is for a model that chooses sentences: this one writes")
    if isinstance(options.length, AskedLength) and options.length.unit == "s":
        raise ModelKindError(
            "chooses",
            f"length {options.length} is for a model that chooses sentences: "
            "one that writes is asked for words, for example 120w",
        )
    return replace(options, length=bounds_of(options.length, document_words, 0).max_words)


def resolve(options: SummaryOptions, *, writes: bool) -> SummaryOptions:
    """Return the options with the strategy and the mode that hold for a kind of model.

    Raises:
        ModelKindError: one of them is for the other kind of model.
        ConfigError: they do not fit each other. A message begins with the name of the option.
    """
    _check_values(options)
    mode: Mode = options.mode or ("abstractive" if writes else "verbatim")
    writing: Strategy = "map" if options.per_section else DEFAULT_WRITING_STRATEGY
    default: Strategy = "select" if not writes or mode in CHOOSING_MODES else writing
    strategy: Strategy = options.strategy or ("truncate" if options.truncate else default)
    found = replace(options, strategy=strategy, mode=mode, truncate=strategy == "truncate")
    _check_fit(found, writes=writes)
    if writes and mode != "rewrite":
        in_words(found, document_words=1)
    return replace(found, restore_case=False) if found.reference else found


def _check_values(options: SummaryOptions) -> None:
    if options.strategy not in (None, *STRATEGIES):
        raise ConfigError(f"strategy is {options.strategy!r}: it must be one of {', '.join(STRATEGIES)}")
    if options.mode not in (None, *MODES):
        raise ConfigError(f"mode is {options.mode!r}: it must be one of {', '.join(MODES)}")
    if not isinstance(options.overlap, int) or options.overlap < 0:
        raise ConfigError(f"overlap is {options.overlap!r}: it must be a number of sentences")
    if options.truncate and options.strategy not in (None, "truncate"):
        raise ConfigError(f"truncate is short for strategy truncate: it does not go with {options.strategy}")


def _check_fit(options: SummaryOptions, *, writes: bool) -> None:
    strategy, mode = options.strategy, options.mode
    chooses = not writes or mode in CHOOSING_MODES
    of_writers = {
        f"mode {mode}": mode != "verbatim",
        f"strategy {strategy}": strategy not in ("select", "truncate"),
        "reference": options.reference,
    }
    for what, given in of_writers.items():
        if given and not writes:
            raise ModelKindError("writes", f"{what} needs a model that writes: this one chooses sentences")
    if chooses and strategy not in ("select", "truncate"):
        raise ConfigError(f"mode {mode} chooses among all sentences: strategy {strategy} does not go with it")
    if not chooses and strategy == "select":
        raise ConfigError("strategy select chooses sentences: of a model that writes it takes mode verbatim")
    if writes and mode == "verbatim" and options.generation:
        raise ConfigError(f"mode verbatim writes nothing: {', '.join(options.generation)} do nothing there")
    _check_extras(options)


def _check_extras(options: SummaryOptions) -> None:
    strategy, mode = options.strategy, options.mode
    if options.per_section and strategy not in ("select", "map"):
        raise ConfigError(f"per_section goes with strategy map or select, not with {strategy}")
    if options.overlap and (strategy == "truncate" or mode == "rewrite"):
        raise ConfigError("overlap is for a model that reads several windows of a document")
    extra = [*options.generation, *(["length"] if options.length is not None else [])]
    if options.per_section and isinstance(options.length, AskedLength) and options.length.unit == "s":
        raise ConfigError("per_section takes a length in words or a share: sentences are not shared out")
    if options.reference and (extra or mode != "abstractive"):
        what = ", ".join(extra) or f"mode {mode}"
        raise ConfigError(f"reference is the checkpoint's own settings alone: {what} does not go with it")
