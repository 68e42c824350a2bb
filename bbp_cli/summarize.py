"""Document + model → summary. A model chooses sentences or writes them; its checkpoint says which."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bbp_cli.checkpoints import LoadedModel
from bbp_cli.device import resources_reported
from bbp_cli.documents import Document
from bbp_cli.results import ProgressBar, Summary, TextListener


@dataclass(frozen=True)
class Settings:
    """What decides about a summary beside document and model.

    `length` is the most words; None is the model's own habit. `generation` holds options of the writing
    models by the names of `GenerationConfig`.
    """

    length: int | None = None
    truncate: bool = False
    seed: int = 0
    generation: Mapping[str, object] = field(default_factory=dict)

    def as_params(self) -> dict[str, object]:
        """The settings as records show them; options that were not given are not in them."""
        given = {"length": self.length, "truncate": self.truncate, "seed": self.seed}
        return {**given, **self.generation}


def summarize(
    document: Document,
    loaded: LoadedModel,
    settings: Settings,
    progress: ProgressBar,
    listener: TextListener | None = None,
) -> Summary:
    """Summarize one document; `listener` hears a written summary's text so far while it grows.

    Raises:
        ResourceError: it does not fit into memory.
        UsageError: the model cannot obey the settings.
    """
    import torch

    from bbp_cli import extractive, writing

    torch.manual_seed(settings.seed)
    with resources_reported():
        if loaded.checkpoint.kind == "extractive":
            return extractive.summarize(document, loaded, settings, progress)
        return writing.summarize(document, loaded, settings, progress, listener)


def grows(loaded: LoadedModel, settings: Settings) -> bool:
    """Whether a summary is written straight on: what stands there does not change any more (no beams)."""
    if loaded.checkpoint.kind == "extractive":
        return False
    from bbp_cli import writing

    return writing.number_of_beams(loaded, settings) == 1
