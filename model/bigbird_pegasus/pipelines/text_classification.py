"""The pipeline "text-classification": texts → labels.

A text that the model cannot read at once is read in windows, where transformers raised an error.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from bigbird_pegasus.classification import ClassifyOptions, Meaning, choose, combine, text_windows
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.errors import ConfigError, ModelInputError
from bigbird_pegasus.modeling.heads import BigBirdPegasusForSequenceClassification
from bigbird_pegasus.pipelines.shared import Record, check_inputs, device_of, encoded, save, without_ignored
from bigbird_pegasus.text.windows import window_input
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

ScoreFunction = Literal["softmax", "sigmoid", "none"]


@dataclass(frozen=True)
class TextClassificationPipeline:
    """Texts → labels."""

    model: BigBirdPegasusForSequenceClassification
    tokenizer: PegasusTokenizer
    options: Mapping[str, Any] = field(default_factory=dict)

    task = "text-classification"

    @property
    def device(self) -> torch.device:
        """Return where the model is."""
        return device_of(self.model)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write model and tokenizer into a folder."""
        save(self.model, self.tokenizer, folder)

    def __call__(
        self, inputs: str | Mapping[str, str] | Iterable[str | Mapping[str, str]], **options: Any
    ) -> Any:
        """Label one text or several, one after the other.

        Args:
            inputs: texts, or pairs as `{"text": …, "text_pair": …}`; of an iterator the results are one too.
            options: `top_k`, how many labels, None for all (`return_all_scores=True` too);
                `function_to_apply`, "softmax", "sigmoid" or "none", left out what the configuration's
                `problem_type` means; and those of the tokenizer
                (`truncation=True`). A text of more tokens than the model has positions is read in windows,
                whose scores are combined as `bbp classify` does; see `classification.combine`.

        Returns:
            `[{"label": …, "score": …}]`, the best label of each text; of a single pair without the list. With
            `top_k` given here: a list of labels for a text, the best first, and a list of lists for several.

        Raises:
            ConfigError: an option is unknown or impossible.
            ModelInputError: an input is no text, or a pair is longer than the model's window.
        """
        if not isinstance(inputs, Mapping):
            check_inputs(inputs)
        settings = _published_labels({**self.options, **without_ignored(options)})
        if isinstance(inputs, Iterator):
            return (self._classify(one, **settings) for one in inputs)
        if not isinstance(inputs, str | Mapping):
            return [self._classify(one, **settings) for one in inputs]
        result = self._classify(inputs, **settings)
        return [result] if isinstance(inputs, str) and "top_k" not in options else result

    def _classify(
        self,
        text: str | Mapping[str, str],
        *,
        function_to_apply: str | None = None,
        **options: Any,
    ) -> Record | list[Record]:
        only_best = "top_k" not in options
        top_k = options.pop("top_k", 1)
        if top_k is not None and (not isinstance(top_k, Integral) or top_k < 1):
            raise ConfigError(
                f"top_k is {top_k!r:.50}: it must be a whole number of at least 1, or None for all"
            )
        if not isinstance(text, str | Mapping):
            kind = type(text).__name__
            raise ModelInputError(
                f"a text to encode must be a str, or a pair with text and text_pair, not {kind}"
            )
        if isinstance(text, Mapping) and (text.keys() - {"text", "text_pair"} or "text" not in text):
            raise ModelInputError(f"a pair has text and text_pair, not {', '.join(map(str, text))}")
        texts: dict[str, Any] = {"text": text} if isinstance(text, str) else dict(text)
        function = _function_of(self.model.config) if function_to_apply is None else function_to_apply
        if not isinstance(function, str):
            raise _unknown(function)
        inputs = encoded(self.tokenizer, options, **texts).to(self.model.device)
        if isinstance(text, str) and inputs["input_ids"].shape[1] > self.model.config.max_position_embeddings:
            scores = self._scores_over_windows(text, _meaning_of(function))
        else:
            with torch.inference_mode():
                logits = self.model(**inputs, use_cache=False, return_dict=True).logits[0].float().cpu()
            scores = _apply(function, logits).tolist()
        names = self.model.config.id2label
        best = choose(scores, ClassifyOptions(top_k=None if top_k is None else int(top_k)))
        records = [{"label": names[number], "score": scores[number]} for number in best]
        return records[0] if only_best else records

    def _scores_over_windows(self, text: str, meaning: Meaning) -> list[float]:
        longest = min(self.tokenizer.model_max_length, self.model.config.max_position_embeddings)
        encoded, windows = text_windows(text, self.tokenizer, longest)
        rows = []
        for window in windows:
            ids = torch.tensor([window_input(encoded, window, self.tokenizer)], device=self.model.device)
            with torch.inference_mode():
                rows.append(self.model(ids, use_cache=False, return_dict=True).logits[0].float().cpu())
        scores, _ = combine(rows, [window.tokens for window in windows], meaning)
        return scores


def _function_of(config: BigBirdPegasusConfig) -> ScoreFunction:
    """Return the published function from logits to scores."""
    if config.problem_type == "regression":
        return "none"
    return (
        "sigmoid"
        if config.problem_type == "multi_label_classification" or config.num_labels == 1
        else "softmax"
    )


def _apply(function: str, logits: Tensor) -> Tensor:
    """Map logits (C,) to scores."""
    match function.lower():
        case "softmax":
            return logits.softmax(-1)
        case "sigmoid":
            return logits.sigmoid()
        case "none":
            return logits
    raise _unknown(function)


def _meaning_of(function: str) -> Meaning:
    """Return what scores mean that this function makes."""
    match function.lower():
        case "softmax":
            return "one"
        case "sigmoid":
            return "several"
        case "none":
            return "values"
    raise _unknown(function)


def _unknown(function: object) -> ConfigError:
    return ConfigError(f"function_to_apply is {function!r}: it must be 'softmax', 'sigmoid' or 'none'")


def _published_labels(options: dict[str, Any]) -> dict[str, Any]:
    """Replace `return_all_scores`, the way to say `top_k=None` until 2022."""
    if options.pop("return_all_scores", False):
        options.setdefault("top_k", None)
    return options
