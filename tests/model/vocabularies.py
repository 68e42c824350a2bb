"""Small vocabularies, trained in a moment."""

import io
import json
from pathlib import Path
from typing import Any

import sentencepiece

SENTENCES = [
    "The tide gate at the old mill opens when the river is higher than the sea.",
    "Each spring the engineers measure the water, the wind and the salt in the soil.",
    "A model of the harbour was built in 1957 to test the effect of dredging on the currents.",
    "The results were printed on paper, bound and sent to the ministry; nobody read them!",
    "Why should a document of forty pages be read twice? Because the second reading is cheaper.",
    "Sampling, cleaning, training and testing took the authors three weeks (see the appendix).",
]
SPECIAL = ["<pad>", "</s>", "<unk>", "<s>", "[MASK]"]
DOCUMENT = "The tide gate opens.\n\nThe river is higher than the sea.\r\nThe engineers measure it.\n"


def train_vocabulary(path: Path, **options: Any) -> Path:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 20), model_writer=model, minloglevel=2, num_threads=1, **options
    )
    path.write_bytes(model.getvalue())
    return path


def train_published_vocabulary(path: Path) -> Path:
    """``<pad>`` 0, ``</s>`` 1, ``<unk>`` 2; ``<s>``, ``<n>`` and ``[MASK]`` user-defined, as published."""
    ids = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
    return train_vocabulary(path, vocab_size=100, **ids, user_defined_symbols=["<s>", "<n>", "[MASK]"])


def write_folder(folder: Path, vocabulary: Path, **config: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "spiece.model").write_bytes(vocabulary.read_bytes())
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder
