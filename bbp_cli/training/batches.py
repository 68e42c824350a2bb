"""Records → batches of tensors, one class for each task; all are `bigbird_pegasus.training.TrainingData`.

A model is trained on what the commands will feed it: texts are encoded by the same functions, and a document
longer than the window is read in the same windows. Documents are encoded batch by batch, as the tokens of a
large corpus do not fit into memory; batches hold documents with about the same number of characters.

Dimensions: B examples, T tokens, C labels.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bigbird_pegasus.text.parsed_text import ParsedText, parse_text
from bigbird_pegasus.text.windows import (
    EncodedText,
    Window,
    encode,
    first_window,
    pack,
    unwrapped,
    window_input,
)
from bigbird_pegasus.text.words import count_words

from bbp_cli.dataset import Example, LabelExample, QuestionExample, SummaryExample, TrainingTask
from bbp_cli.evaluation.metrics import rouge_grams, rouge_value
from bbp_cli.training.base_model import LabelSet

if TYPE_CHECKING:
    from bigbird_pegasus import PegasusTokenizer
    from bigbird_pegasus.summarization.features.sentence_features import SentenceFeatures
    from bigbird_pegasus.training import TrainingData
    from torch import Tensor

    Batch = dict[str, "Tensor"]


MAX_SUMMARY_TOKENS = 512  # what is longer is cut
MAX_CHARACTERS_PER_TOKEN = 6  # of most text: a longer document fills its window anyway
FIRST_WINDOW_SHARE = 0.5  # of a long document's appearances
ANSWER_SHARE = 0.8  # of a question's appearances, with the window that holds the answer


def data_of(
    task: TrainingTask,
    records: Sequence[Any],
    tokenizer: "PegasusTokenizer",
    labels: LabelSet | None,
    seed: int,
) -> "TrainingData":
    """Return the batches of a task; `labels` are those of a classifier."""
    if task == "summarize":
        return SummaryData(records, tokenizer)
    if task == "extract":
        return ExtractData(records, tokenizer, seed)
    if task == "qa":
        return QuestionData(records, tokenizer, seed)
    return LabelData(records, tokenizer, labels or LabelSet((), False), seed)


@dataclass(frozen=True)
class SummaryData:
    """Documents and the summaries that a model learns to write; of a long document the beginning is read."""

    records: Sequence[SummaryExample]
    tokenizer: "PegasusTokenizer"

    @cached_property
    def lengths(self) -> list[int]:
        """Characters of each text, at most as many as fill the window."""
        return _lengths([record.document for record in self.records], self.tokenizer)

    def batch(self, numbers: Sequence[int], epoch: int) -> "Batch":
        """`input_ids` and `attention_mask` (B, T), `labels` (B, summary's tokens)."""
        from bigbird_pegasus.modeling.losses import IGNORED_LABEL

        limit = self.tokenizer.model_max_length - 1  # `</s>` ends each window
        rows = []
        for number in numbers:
            encoded = encode(parse_text(self.records[number].document), self.tokenizer, limit)
            window = first_window(encoded.counts, limit)
            rows.append(window_input(encoded, window, self.tokenizer))
        summaries = [self.records[number].summary.strip() for number in numbers]
        longest = longest_target("summarize", self.tokenizer)
        labels = self.tokenizer(summaries, truncation=True, max_length=longest).input_ids
        return _inputs(rows, self.tokenizer) | {"labels": _padded(labels, IGNORED_LABEL)}


@dataclass(frozen=True)
class LabelData:
    """Texts and their labels. Of a long text an epoch reads one window: the first, or a random one."""

    records: Sequence[LabelExample]
    tokenizer: "PegasusTokenizer"
    labels: LabelSet
    seed: int

    @cached_property
    def lengths(self) -> list[int]:
        """Characters of each text, at most as many as fill the window."""
        return _lengths([record.text for record in self.records], self.tokenizer)

    def batch(self, numbers: Sequence[int], epoch: int) -> "Batch":
        """`input_ids` and `attention_mask` (B, T), `labels` (B,), or (B, C) where a text may have several."""
        import torch

        limit = self.tokenizer.model_max_length - 1
        rows = []
        for number in numbers:
            encoded = encode(parse_text(self.records[number].text), self.tokenizer, limit)
            chance = random.Random(f"{self.seed}/{epoch}/{number}")
            window = _random_window(pack(encoded.counts, limit), chance)
            rows.append(window_input(encoded, window, self.tokenizer))
        numbered = {name: number for number, name in enumerate(self.labels.names)}
        wanted = [[numbered[label] for label in self.records[number].labels] for number in numbers]
        if self.labels.several:
            labels = torch.zeros(len(numbers), len(numbered))
            for row, of_text in zip(labels, wanted, strict=True):
                row[of_text] = 1.0
        else:
            labels = torch.tensor([of_text[0] for of_text in wanted])
        return _inputs(rows, self.tokenizer) | {"labels": labels}


@dataclass(frozen=True)
class ExtractData:
    """Documents and the value of each sentence: ROUGE-1 F1 + ROUGE-2 F1 against the summary.

    Of a long document an epoch reads one window: the first, or a random one.
    """

    records: Sequence[SummaryExample]
    tokenizer: "PegasusTokenizer"
    seed: int

    @cached_property
    def lengths(self) -> list[int]:
        """Characters of each text, at most as many as fill the window."""
        return _lengths([record.document for record in self.records], self.tokenizer)

    def batch(self, numbers: Sequence[int], epoch: int) -> "Batch":
        """Return the arguments of `BigBirdPegasusForSentenceExtraction.forward`."""
        import torch
        from bigbird_pegasus.summarization.features.feature_batches import feature_inputs

        limit, shown, features = self.tokenizer.model_max_length, [], []
        for number in numbers:
            text = parse_text(self.records[number].document)
            encoded = encode(text, self.tokenizer, limit)
            chance = random.Random(f"{self.seed}/{epoch}/{number}")
            window = _random_window(pack(encoded.counts, limit), chance)
            shown.append((encoded, window))
            features.append(self._features(text, encoded).part(window.first, window.last))
        counts = [encoded.counts[window.first : window.last] for encoded, window in shown]
        index = [[n for n, count in enumerate(row) for _ in range(count)] for row in counts]
        values = [
            self._values(number, encoded, window)
            for number, (encoded, window) in zip(numbers, shown, strict=True)
        ]
        return {
            **_inputs([encoded.window_ids(window) for encoded, window in shown], self.tokenizer),
            "sentence_index": _padded(index, -1),
            "sentence_position": _padded([range(window.first, window.last) for _, window in shown], 0),
            "document_sentences": torch.tensor([len(encoded.sentences) for encoded, _ in shown]),
            **feature_inputs(features),
            "values": _padded(values, 0.0),
            "summary_words": torch.tensor([count_words(self.records[n].summary) for n in numbers]),
        }

    def _features(self, text: ParsedText, encoded: EncodedText) -> "SentenceFeatures":
        from bigbird_pegasus.summarization.features.sentence_features import sentence_features

        texts = [text.on_one_line(span) for span in encoded.sentences]
        return sentence_features(texts, [span.starts_paragraph for span in encoded.sentences])

    def _values(self, number: int, encoded: EncodedText, window: Window) -> list[float]:
        record = self.records[number]
        spans = encoded.sentences[window.first : window.last]
        wanted, *found = rouge_grams([record.summary, *(record.document[s.start : s.end] for s in spans)])
        return [rouge_value(sentence, wanted) for sentence in found]


@dataclass(frozen=True)
class QuestionData:
    """Questions and where their answers stand.

    Of a long context an epoch reads one window: mostly one that holds an answer, else one that holds no part
    of any. Such a window is answered by position 0, see `bigbird_pegasus.question_answering`.
    """

    records: Sequence[QuestionExample]
    tokenizer: "PegasusTokenizer"
    seed: int

    @cached_property
    def lengths(self) -> list[int]:
        """Characters of each text, at most as many as fill the window."""
        return _lengths([record.question + record.context for record in self.records], self.tokenizer)

    def batch(self, numbers: Sequence[int], epoch: int) -> "Batch":
        """`input_ids` and `attention_mask` (B, T), `start_positions` and `end_positions` (B,)."""
        import torch

        shown = [self._shown(number, epoch) for number in numbers]
        positions = {
            "start_positions": torch.tensor([first for _, first, _ in shown]),
            "end_positions": torch.tensor([last for _, _, last in shown]),
        }
        return _inputs([ids for ids, _, _ in shown], self.tokenizer) | positions

    def _shown(self, number: int, epoch: int) -> tuple[list[int], int, int]:
        """Return the ids of a question and a window of its context; first and last position of the answer."""
        from bigbird_pegasus.question_answering import NO_ANSWER, context_windows, pair_input

        record = self.records[number]
        chance = random.Random(f"{self.seed}/{epoch}/{number}")
        question = _ids(record.question, self.tokenizer)[: longest_target("qa", self.tokenizer)]
        context = self.tokenizer(
            unwrapped(record.context), add_special_tokens=False, return_offsets_mapping=True
        )
        limit = self.tokenizer.model_max_length - 1 - len(question)
        windows = context_windows(len(context.input_ids), limit)
        answers = _answer_tokens(record, context.offset_mapping)
        holding = {answer: [w for w in windows if _shared(w, answer) == answer] for answer in answers}
        held = [answer for answer in answers if holding[answer]]
        # A window with a part of an answer, or with another answer than the one drawn, has no right target.
        without = [w for w in windows if not any(_shared(w, answer) for answer in answers)]
        if without and not (held and chance.random() < ANSWER_SHARE):
            window = chance.choice(without)
            first = last = NO_ANSWER
        else:  # an answer that no window holds is longer than windows overlap: a part of it has to do
            answer = chance.choice(held or answers)
            window = chance.choice(holding[answer] or [w for w in windows if _shared(w, answer)])
            part = _shared(window, answer)
            first, last = (len(question) + token - window.start for token in (part[0], part[-1]))
        ids, _ = pair_input(question, context.input_ids, window, self.tokenizer.eos_token_id)
        return ids, first, last


def longest_target(task: TrainingTask, tokenizer: "PegasusTokenizer") -> int | None:
    """Return the number of tokens at which a summary or a question is cut; None for other tasks."""
    if task == "summarize":
        return min(MAX_SUMMARY_TOKENS, tokenizer.model_max_length)
    return (tokenizer.model_max_length - 1) // 2 if task == "qa" else None


def count_cut(task: TrainingTask, records: Sequence[Example], tokenizer: "PegasusTokenizer") -> int:
    """Count the summaries or questions that are longer than `longest_target`."""
    longest = longest_target(task, tokenizer)
    if longest is None:
        return 0
    cut = 0
    for record in records:
        if isinstance(record, SummaryExample):
            cut += len(_ids(record.summary.strip(), tokenizer)) + 1 > longest  # `</s>` ends a summary
        elif isinstance(record, QuestionExample):
            cut += len(_ids(record.question, tokenizer)) > longest
    return cut


def _ids(text: str, tokenizer: "PegasusTokenizer") -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False).input_ids
    return ids


def _answer_tokens(record: QuestionExample, spans: Sequence[tuple[int, int]]) -> list[range]:
    """Return the tokens of each answer in the context."""
    found = []
    for answer in record.answers:
        end = answer.start + len(answer.text)
        tokens = [n for n, (left, right) in enumerate(spans) if left < end and right > answer.start]
        if tokens:
            found.append(range(tokens[0], tokens[-1] + 1))
    return found


def _shared(window: range, answer: range) -> range:
    """Return the tokens of an answer that a window holds."""
    return range(max(window.start, answer.start), min(window.stop, answer.stop))


def _random_window(windows: Sequence[Window], chance: random.Random) -> Window:
    if len(windows) == 1 or chance.random() < FIRST_WINDOW_SHARE:
        return windows[0]
    return chance.choice(windows[1:])


def _lengths(texts: Sequence[str], tokenizer: "PegasusTokenizer") -> list[int]:
    most = tokenizer.model_max_length * MAX_CHARACTERS_PER_TOKEN
    return [min(len(text), most) for text in texts]


def _inputs(rows: Sequence[Sequence[int]], tokenizer: "PegasusTokenizer") -> "Batch":
    """`input_ids` and `attention_mask` (B, T) of rows of ids."""
    return {
        "input_ids": _padded(rows, tokenizer.pad_token_id),
        "attention_mask": _padded([[1] * len(row) for row in rows], 0),
    }


def _padded(rows: Sequence[Sequence[float]], filler: float) -> "Tensor":
    """int64 or float32 (B, T), filled up on the right."""
    import torch

    longest = max(len(row) for row in rows)
    return torch.tensor([[*row, *[filler] * (longest - len(row))] for row in rows])
