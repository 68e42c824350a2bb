"""The pipelines "summarization" and "text2text-generation": texts → texts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bigbird_pegasus.inference.extractive_model import ExtractiveModel
from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.pipelines.shared import (
    Record,
    check_inputs,
    check_text,
    device_of,
    save,
    without_ignored,
)
from bigbird_pegasus.summarization.summarize import summarize
from bigbird_pegasus.summarization.writing.written_text import DEFAULT_SUMMARY_TOKENS
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

DEFAULT_BEAMS = 4


@dataclass(frozen=True)
class SummarizationPipeline:
    """Texts → summaries."""

    model: BigBirdPegasusForConditionalGeneration | BigBirdPegasusForSentenceExtraction | ExtractiveModel
    tokenizer: PegasusTokenizer
    options: Mapping[str, Any] = field(default_factory=dict)
    task: str = "summarization"
    key: str = "summary"  # what the keys of results begin with

    @property
    def device(self) -> torch.device:
        """Return where the model is."""
        return device_of(self.model)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write model and tokenizer into a folder."""
        save(self.model, self.tokenizer, folder)

    def __call__(self, documents: str | Iterable[str], **options: Any) -> Any:
        """Summarize one text or several, one after the other.

        Args:
            documents: the texts; of an iterator the results are one too, each computed when it is asked for.
            options: `truncation` (of a text longer than the window, else an error), `return_tensors` (ids in
                place of texts, as `summary_token_ids`), `clean_up_tokenization_spaces`, and those of
                `generate`. Where neither they nor the checkpoint say so, at most 256 tokens are written,
                with 4 beams. A model that chooses sentences, as the default one, reads texts of any length;
                its options are those of `bigbird_pegasus.summarize` (`length`, `truncate`).

        Returns:
            `[{"summary_text": …}]`, one for each text; with `num_return_sequences` above 1 and several texts
            a list of lists.

        Raises:
            ValueError: a text is longer than the model's window.
        """
        check_inputs(documents)
        options = without_ignored(options)
        if isinstance(documents, Iterator):
            return (self(text, **options)[0] for text in documents)
        if isinstance(self.model, ExtractiveModel | BigBirdPegasusForSentenceExtraction):
            texts = [documents] if isinstance(documents, str) else [check_text(text) for text in documents]
            chosen = {"model": self.model, "tokenizer": self.tokenizer, **self.options, **options}
            chosen.pop("truncation", None)  # it has no window that a text could be too long for
            return [{"summary_text": one.summary} for one in summarize(texts, **chosen)]
        if isinstance(documents, str):
            return self._summarize(documents, **{**self.options, **options})
        results = [self._summarize(text, **{**self.options, **options}) for text in documents]
        return [one for (one,) in results] if all(len(result) == 1 for result in results) else results

    def _summarize(
        self,
        text: str,
        *,
        truncation: bool | str = False,
        clean_up_tokenization_spaces: bool = False,
        return_tensors: bool = False,
        return_text: bool = True,
        **options: Any,
    ) -> list[Record]:
        assert isinstance(self.model, BigBirdPegasusForConditionalGeneration)  # for the type checker
        default = self.model.generation_config
        assert default is not None  # for the type checker: this class always has one
        if default.max_length is None and default.max_new_tokens is None and "max_length" not in options:
            positions = self.model.config.max_position_embeddings
            options.setdefault("max_new_tokens", min(DEFAULT_SUMMARY_TOKENS, positions))
        if default.num_beams == 1 and not options.get("do_sample", default.do_sample):
            options.setdefault("num_beams", DEFAULT_BEAMS)
        inputs = self.tokenizer(check_text(text), truncation=truncation, return_tensors="pt").to(
            self.model.device
        )
        with torch.inference_mode():
            output = self.model.generate(**inputs, **options)
        sequences = output if isinstance(output, Tensor) else output.sequences
        if return_tensors or not return_text:
            return [{f"{self.key}_token_ids": ids.cpu()} for ids in sequences]
        texts = self.tokenizer.batch_decode(
            sequences, skip_special_tokens=True, clean_up_tokenization_spaces=clean_up_tokenization_spaces
        )
        return [{f"{self.key}_text": text} for text in texts]
