"""The pipeline "feature-extraction": texts → the last hidden state of each of their tokens."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel
from bigbird_pegasus.pipelines.shared import (
    check_inputs,
    check_text,
    device_of,
    encoded,
    save,
    without_ignored,
)
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer


@dataclass(frozen=True)
class FeatureExtractionPipeline:
    """Texts → features."""

    model: BigBirdPegasusPreTrainedModel
    tokenizer: PegasusTokenizer
    options: Mapping[str, Any] = field(default_factory=dict)

    task = "feature-extraction"

    @property
    def device(self) -> torch.device:
        """Return where the model is."""
        return device_of(self.model)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write model and tokenizer into a folder."""
        save(self.model, self.tokenizer, folder)

    def __call__(self, inputs: str | Iterable[str], **options: Any) -> Any:
        """Read one text or several, one after the other.

        Args:
            inputs: texts; of an iterator the results are one too, each computed when it is asked for.
            options: `truncation` (of a text longer than the window, else an error), `tokenize_kwargs`
                (further arguments of the tokenizer), `return_tensors` (tensors in place of lists).

        Returns:
            (1, T, D) for a text of T tokens, `</s>` among them: of `BigBirdPegasusModel`, the published
            choice, the states of the decoder that reads the text shifted by one; those of the encoder alone
            are `pipeline.model.get_encoder()`'s. Of another model the first tensor of its output.

        Raises:
            ConfigError: an option is unknown, or `truncation` is given twice.
            ModelInputError: a text is longer than the model's window.
        """
        check_inputs(inputs)
        settings = {**self.options, **without_ignored(options)}
        if isinstance(inputs, str):
            return self._features(inputs, **settings)
        features = (self._features(text, **settings) for text in inputs)
        return features if isinstance(inputs, Iterator) else list(features)

    def _features(
        self,
        text: str,
        *,
        truncation: bool | str | None = None,
        tokenize_kwargs: Mapping[str, Any] | None = None,
        return_tensors: bool = False,
        **unknown: Any,
    ) -> Any:
        if unknown:
            raise ConfigError(f"feature-extraction has no option {min(unknown)}")
        wanted = tokenize_kwargs or {}
        if truncation is not None and isinstance(wanted, Mapping):  # `encoded` refuses what is none
            if "truncation" in wanted and wanted["truncation"] is not truncation:
                raise ConfigError("give truncation by itself or in tokenize_kwargs, not both")
            wanted = {**wanted, "truncation": truncation}
        inputs = encoded(self.tokenizer, wanted, text=check_text(text)).to(self.model.device)
        with torch.inference_mode():
            states: Tensor = self.model(**inputs, return_dict=True)[0]
        return states.cpu() if return_tensors else states.float().tolist()
