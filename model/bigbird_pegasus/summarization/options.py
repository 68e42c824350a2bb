"""What decides about a summary beside document and model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

OnText = Callable[[str], None]
"""Called with all of a summary's text so far while it is written."""


@dataclass(frozen=True)
class SummaryOptions:
    """What decides about a summary beside document and model.

    `length` is the maximum of words; with None the model decides. `restore_case` gives what a model writes in
    small letters the case and spacing of the document's words. `generation` holds options of the writing
    models by the names of `GenerationConfig`.
    """

    length: int | None = None
    truncate: bool = False
    seed: int = 0
    restore_case: bool = True
    generation: Mapping[str, object] = field(default_factory=dict)

    def as_params(self) -> dict[str, object]:
        """Return the settings that hold, as records show them; `generation` has only what was given.

        `length` is None where there is no such bound: a model that writes is bounded by its checkpoint, one
        that chooses by what a document's summary is expected to have.
        """
        held = {"length": self.length, "truncate": self.truncate, "seed": self.seed}
        return {**held, **self.generation}
