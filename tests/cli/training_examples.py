"""Records of every kind of training, a few of each."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.conftest import DOCUMENTS

TEXTS = list(DOCUMENTS)
SUMMARIES: list[dict[str, Any]] = [
    {"document": text, "summary": summary} for text, summary in DOCUMENTS.items()
] * 3
LABELLED: list[dict[str, Any]] = [
    {"text": f"{text} It was day {n}.", "label": label}
    for n in range(6)
    for label, text in zip(("ice", "books"), TEXTS, strict=False)
]
SEVERAL: list[dict[str, Any]] = [
    {"text": text, "labels": labels}
    for text, labels in zip(TEXTS, (["ice", "sea"], [], ["sea"]), strict=True)
]
QUESTIONS: list[dict[str, Any]] = [
    {"question": "When did it freeze?", "context": TEXTS[0], "answers": [{"text": "ninth of January"}]},
    {
        "question": "How many seats?",
        "context": TEXTS[1],
        "answers": [{"text": "forty", "start": TEXTS[1].index("forty")}],
    },
    {
        "question": "What came back?",
        "context": TEXTS[2],
        "answers": {"text": ["trout"], "answer_start": [TEXTS[2].index("trout")]},
    },
    {"question": "Who paid?", "document": TEXTS[2], "answers": []},
] * 3
DATA = {"summarize": SUMMARIES, "extract": SUMMARIES, "classify": LABELLED, "qa": QUESTIONS}
FILES = {
    "README.md",
    "config.json",
    "model.safetensors",
    "spiece.model",
    "tokenizer_config.json",
    "training.json",
}


def write(path: Path, records: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def result(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "training.json").read_text()))


def write_data(folder: Path) -> dict[str, Path]:
    """A file of records for each task."""
    return {task: write(folder / f"{task}.jsonl", records) for task, records in DATA.items()}
