"""Small models that label and answer, trained in seconds, so that what they should say is known."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from bigbird_pegasus import PegasusTokenizer
from bigbird_pegasus.modeling.heads import (
    BigBirdPegasusForQuestionAnswering,
    BigBirdPegasusForSequenceClassification,
)
from bigbird_pegasus.modeling.pretrained import BigBirdPegasusPreTrainedModel
from bigbird_pegasus.question_answering import NO_ANSWER, pair_input
from bigbird_pegasus.text import windows
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.windows import unwrapped
from torch.nn.utils.rnn import pad_sequence

from tests.cli.checkpoints import small_config, train_vocabulary

CLASSIFIER_WINDOW = 96  # tokens
READER_WINDOW = 80

TOPICS = {
    "sea": [
        "The ferry left the harbour before the storm.",
        "Two sailors mended the nets on the pier.",
        "A lighthouse keeper watched the ships at night.",
        "The captain wrote down the depth of the bay.",
    ],
    "books": [
        "The library opened a reading room for students.",
        "She borrowed three novels and a book of poems.",
        "The librarian sorted the returned books by author.",
        "A printer bound the old pages in leather.",
    ],
    "garden": [
        "The gardener planted roses along the wall.",
        "Tomatoes ripened early in the warm greenhouse.",
        "He watered the young trees every evening.",
        "Bees visited the lavender all summer long.",
    ],
}
LABELS = list(TOPICS)

REPORT = (
    "The harbour at Aldersund froze on the ninth of January. Ferries stayed in port for eleven days. "
    "Many people walked across the ice to the island and back.\n\n"
    "The council paid for a second ice breaker. It was built in Turku by forty workers, and it arrived "
    "from the north on the twentieth. The crew lived on board.\n\n"
    "In spring the engineers replaced the old pump of the mill. A teacher named Ingrid Solheim had asked "
    "for it in a letter to the mayor, and trout have come back to the stream above the weir."
)
ANSWERS = {
    "When did the harbour freeze?": "the ninth of January",
    "Where was the ice breaker built?": "Turku",
    "Who asked for a new pump?": "Ingrid Solheim",
    "How tall is the lighthouse?": None,
}


def text_about(topics: Sequence[str], seed: float, sentences: int = 3) -> str:
    """Sentences about the topics, taken in turn."""
    draw = random.Random(seed)
    return " ".join(draw.choice(TOPICS[topics[n % len(topics)]]) for n in range(sentences))


def make_classifier(folder: Path, *, several: bool, steps: int = 600) -> Path:
    """A model that knows the topics; with `several`, one that marks each topic of a text."""
    sentences = [sentence for topic in TOPICS.values() for sentence in topic]
    tokenizer = train_vocabulary(folder, sentences, 400, CLASSIFIER_WINDOW)
    torch.manual_seed(0)
    config = small_config(tokenizer, "BigBirdPegasusForSequenceClassification").replace(
        id2label=dict(enumerate(LABELS)),
        problem_type="multi_label_classification" if several else "single_label_classification",
    )
    model = BigBirdPegasusForSequenceClassification(config)
    draw = random.Random(0)

    def batch() -> dict[str, torch.Tensor]:
        topics = [draw.sample(LABELS, draw.randint(1, 2) if several else 1) for _ in range(16)]
        texts = [text_about(chosen, draw.random(), draw.randint(2, 3)) for chosen in topics]
        marks = torch.tensor([[float(label in chosen) for label in LABELS] for chosen in topics])
        return {
            **pad([as_read(text, tokenizer) for text in texts]),
            "labels": marks if several else marks.argmax(1),
        }

    return train(model, batch, folder, steps)


def make_reader(folder: Path, steps: int = 600) -> Path:
    """A model that finds the answers of `ANSWERS` in any window of `REPORT` that holds them."""
    tokenizer = train_vocabulary(folder, [REPORT, *ANSWERS], 300, READER_WINDOW)
    torch.manual_seed(0)
    model = BigBirdPegasusForQuestionAnswering(
        small_config(tokenizer, "BigBirdPegasusForQuestionAnswering", 64)
    )
    context = tokenizer(unwrapped(REPORT), add_special_tokens=False, return_offsets_mapping=True)
    draw = random.Random(0)

    def batch() -> dict[str, torch.Tensor]:
        rows, positions = [], []
        for question, answer in draw.choices(list(ANSWERS.items()), k=16):
            asked = tokenizer(question, add_special_tokens=False).input_ids
            size = READER_WINDOW - 1 - len(asked)
            start = draw.randrange(len(context.input_ids) - size + 1)
            ids, place = pair_input(
                asked, context.input_ids, range(start, start + size), tokenizer.eos_token_id
            )
            rows.append(ids)
            positions.append(_positions(answer, context.offset_mapping, start, place))
        starts, ends = torch.tensor(positions).unbind(1)
        return {**pad(rows), "start_positions": starts, "end_positions": ends}

    return train(model, batch, folder, steps)


def _positions(
    answer: str | None, spans: Sequence[tuple[int, int]], first: int, place: range
) -> tuple[int, int]:
    """Where an answer lies in a window that begins with token `first` of the context."""
    if answer is None:
        return NO_ANSWER, NO_ANSWER
    start = REPORT.index(answer)
    inside = [n for n, span in enumerate(spans) if span[0] < start + len(answer) and start < span[1]]
    found = [place.start + n - first for n in inside]
    return (found[0], found[-1]) if found[0] in place and found[-1] in place else (NO_ANSWER, NO_ANSWER)


def as_read(text: str, tokenizer: PegasusTokenizer) -> list[int]:
    """The ids that `bbp` makes of a document of one window."""
    encoded = windows.encode(parse_text(text), tokenizer, CLASSIFIER_WINDOW - 1)
    whole = windows.Window(0, len(encoded.sentences), 0, len(encoded.ids))
    return windows.window_input(encoded, whole, tokenizer)


def pad(rows: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
    """Rows of ids as a batch; no row holds the id of padding."""
    ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
    return {"input_ids": ids, "attention_mask": (ids != 0).long()}


def train(
    model: BigBirdPegasusPreTrainedModel,
    batch: Callable[[], dict[str, torch.Tensor]],
    folder: Path,
    steps: int,
) -> Path:
    """Train until ten batches in a row have a small loss, and save."""
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    small = 0
    for _ in range(steps):
        loss = model(**batch()).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        small = small + 1 if loss.item() < 0.05 else 0
        if small == 10:
            break
    model.eval().save_pretrained(folder)
    return folder
