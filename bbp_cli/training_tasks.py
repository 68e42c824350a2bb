"""Records → batches of tensors, one class for each task; all are `bigbird_pegasus.training.TrainingData`.

A model is trained on what the commands will give it: texts are encoded by the functions that they use, and
a document longer than the window is read in the windows that they make of it. Documents are encoded when
their batch comes, for a large corpus does not fit into memory as tokens; so batches hold documents with about
the same number of characters.

Dimensions: B examples, T tokens, C labels.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bbp_cli.metrics import rouge_grams, value
from bbp_cli.training_base import Labels
from bbp_cli.training_data import LabelRecord, QuestionRecord, SummaryRecord, Task
from bbp_cli.windows import EncodedText, Window, encode, pack, unwrapped, window_input

if TYPE_CHECKING:
    from bigbird_pegasus import PegasusTokenizer
    from bigbird_pegasus.training import TrainingData
    from torch import Tensor

    Batch = dict[str, "Tensor"]

LONGEST_SUMMARY = 512  # tokens; what is longer is cut
IGNORED = -100
CHARACTERS_A_TOKEN = 6  # at most, of most text: beyond it a document fills its window anyway
FIRST_WINDOW_SHARE = 0.5  # of a long document's appearances
ANSWER_SHARE = 0.8  # of a question's appearances, with the window that holds the answer
STRIDE = 128  # tokens that windows of a context share, as `bbp qa` has it


def data_of(
    task: Task, records: Sequence[Any], tokenizer: "PegasusTokenizer", labels: Labels | None, seed: int
) -> "TrainingData":
    """The batches of a task's records; `labels` are those of a classifier."""
    if task == "summarize":
        return SummaryData(records, tokenizer)
    if task == "extract":
        return ExtractData(records, tokenizer, seed)
    if task == "qa":
        return QuestionData(records, tokenizer, seed)
    return LabelData(records, tokenizer, labels or Labels((), False), seed)


@dataclass(frozen=True)
class SummaryData:
    """Documents and the summaries that a model learns to write; of a long document the beginning is read."""

    records: Sequence[SummaryRecord]
    tokenizer: "PegasusTokenizer"

    @cached_property
    def lengths(self) -> list[int]:
        """Characters, up to those that fill the window."""
        return _lengths([record.document for record in self.records], self.tokenizer)

    def batch(self, numbers: Sequence[int], epoch: int) -> "Batch":
        """`input_ids` and `attention_mask` (B, T), `labels` (B, summary's tokens)."""
        limit = self.tokenizer.model_max_length - 1  # `</s>` ends each window
        rows = []
        for number in numbers:
            encoded = encode(self.records[number].document, self.tokenizer, limit)
            rows.append(window_input(encoded, _beginning(encoded, limit), self.tokenizer))
        summaries = [self.records[number].summary.strip() for number in numbers]
        labels = self.tokenizer(
            summaries, truncation=True, max_length=min(LONGEST_SUMMARY, self.tokenizer.model_max_length)
        ).input_ids
        return _inputs(rows, self.tokenizer) | {"labels": _padded(labels, IGNORED)}


@dataclass(frozen=True)
class LabelData:
    """Texts and their labels. Of a long text an epoch shows one window: the first one, or any other."""

    records: Sequence[LabelRecord]
    tokenizer: "PegasusTokenizer"
    labels: Labels
    seed: int

    @cached_property
    def lengths(self) -> list[int]:
        """Characters, up to those that fill the window."""
        return _lengths([record.text for record in self.records], self.tokenizer)

    def batch(self, numbers: Sequence[int], epoch: int) -> "Batch":
        """`input_ids` and `attention_mask` (B, T), `labels` (B,), or (B, C) where a text may have several."""
        import torch

        limit = self.tokenizer.model_max_length - 1
        rows = []
        for number in numbers:
            encoded = encode(self.records[number].text, self.tokenizer, limit)
            chance = random.Random(f"{self.seed}/{epoch}/{number}")
            window = _some_window(pack(encoded.counts, limit), chance)
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
    """Documents, and what each of their sentences is worth: ROUGE-1 F1 + ROUGE-2 F1 against the summary.

    Of a long document an epoch shows one window: the first one, or any other.
    """

    records: Sequence[SummaryRecord]
    tokenizer: "PegasusTokenizer"
    seed: int

    @cached_property
    def lengths(self) -> list[int]:
        """Characters, up to those that fill the window."""
        return _lengths([record.document for record in self.records], self.tokenizer)

    def batch(self, numbers: Sequence[int], epoch: int) -> "Batch":
        """The arguments of `BigBirdPegasusForSentenceExtraction.forward`."""
        import torch

        limit, shown = self.tokenizer.model_max_length, []
        for number in numbers:
            encoded = encode(self.records[number].document, self.tokenizer, limit)
            chance = random.Random(f"{self.seed}/{epoch}/{number}")
            shown.append((encoded, _some_window(pack(encoded.counts, limit), chance)))
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
            "values": _padded(values, 0.0),
        }

    def _values(self, number: int, encoded: EncodedText, window: Window) -> list[float]:
        record = self.records[number]
        spans = encoded.sentences[window.first : window.last]
        wanted, *found = rouge_grams([record.summary, *(record.document[s.start : s.end] for s in spans)])
        return [value(sentence, wanted) for sentence in found]


@dataclass(frozen=True)
class QuestionData:
    """Questions and where their answers stand.

    Of a long context an epoch shows one window: mostly one that holds an answer, else one that does not. A
    window without an answer is answered by position 0, see `bigbird_pegasus.spans`.
    """

    records: Sequence[QuestionRecord]
    tokenizer: "PegasusTokenizer"
    seed: int

    @cached_property
    def lengths(self) -> list[int]:
        """Characters, up to those that fill the window."""
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
        """The ids of a question and a window of its context; first and last position of the answer there."""
        from bigbird_pegasus.spans import NO_ANSWER, context_windows
        from bigbird_pegasus.spans import window_input as question_input

        record = self.records[number]
        chance = random.Random(f"{self.seed}/{epoch}/{number}")
        room = self.tokenizer.model_max_length - 1
        question = self.tokenizer(record.question, add_special_tokens=False).input_ids[: room // 2]
        context = self.tokenizer(
            unwrapped(record.context), add_special_tokens=False, return_offsets_mapping=True
        )
        limit = room - len(question)
        windows = context_windows(len(context.input_ids), limit, min(STRIDE, limit // 2))
        answer = self._answer(record, context.offset_mapping, chance)
        holding = [w for w in windows if answer and answer[0] in w and answer[1] in w]
        others = [w for w in windows if w not in holding]
        if answer and holding and (not others or chance.random() < ANSWER_SHARE):
            window = chance.choice(holding)
            first, last = (len(question) + token - window.start for token in answer)
        else:
            window, first, last = chance.choice(others), NO_ANSWER, NO_ANSWER
        ids, _ = question_input(question, context.input_ids, window, self.tokenizer.eos_token_id)
        return ids, first, last

    @staticmethod
    def _answer(
        record: QuestionRecord, spans: Sequence[tuple[int, int]], chance: random.Random
    ) -> tuple[int, int] | None:
        """First and last token of one of the answers; None where there is none."""
        if not record.answers:
            return None
        answer = chance.choice(record.answers)
        end = answer.start + len(answer.text)
        tokens = [n for n, (left, right) in enumerate(spans) if left < end and right > answer.start]
        return (tokens[0], tokens[-1]) if tokens else None


def _beginning(encoded: EncodedText, limit: int) -> Window:
    """The window of as many sentences as fit, from the first on."""
    tokens = last = 0
    while last < len(encoded.counts) and tokens + encoded.counts[last] <= limit:
        tokens += encoded.counts[last]
        last += 1
    return Window(0, last, 0, tokens)


def _some_window(windows: Sequence[Window], chance: random.Random) -> Window:
    if len(windows) == 1 or chance.random() < FIRST_WINDOW_SHARE:
        return windows[0]
    return chance.choice(windows[1:])


def _lengths(texts: Sequence[str], tokenizer: "PegasusTokenizer") -> list[int]:
    most = tokenizer.model_max_length * CHARACTERS_A_TOKEN
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
