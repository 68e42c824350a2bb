"""The pipelines that transformers 5 still has against ours.

Those for summarization and question answering were removed in transformers 5.0.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from bigbird_pegasus import PegasusTokenizer, pipeline

from tests.model.vocabularies import train_vocabulary
from tests.parity.reference import reference_model

TEXTS = ["The harbour froze in January.", "A new reading room opened in the library.", "Trout came back."]
PAIR = {"text": TEXTS[0], "text_pair": TEXTS[2]}
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "one label": {"num_labels": 4},
    "several labels": {"num_labels": 4, "problem_type": "multi_label_classification"},
    "a value": {"num_labels": 1, "problem_type": "regression"},
    "one number": {"num_labels": 1},
}
CALLS: list[tuple[Any, dict[str, Any]]] = [
    (TEXTS[0], {}),
    (TEXTS, {}),
    (PAIR, {}),
    ([PAIR, PAIR], {}),
    (TEXTS[0], {"top_k": 1}),
    (TEXTS[0], {"top_k": 2}),
    (TEXTS, {"top_k": None}),
    (PAIR, {"top_k": 3}),
    (TEXTS[0], {"function_to_apply": "none"}),
    (TEXTS[0], {"function_to_apply": "sigmoid", "top_k": None}),
    (TEXTS[0], {"truncation": True, "max_length": 4}),
]


@pytest.mark.parametrize("defaults", [{}, {"top_k": 2}], ids=["plain", "top_k in the pipeline"])
@pytest.mark.parametrize("kind", CONFIGURATIONS)
def test_text_classification_returns_what_transformers_returns(
    kind: str, defaults: dict[str, Any], tmp_path: Path, pegasus_vocabulary: Path
) -> None:
    PegasusTokenizer(pegasus_vocabulary, offset=0, model_max_length=256).save_pretrained(tmp_path)
    vocabulary = {"vocab_size": 96103, "d_model": 8, "max_position_embeddings": 256}
    changes = {**vocabulary, **CONFIGURATIONS[kind]}
    reference_model(tmp_path, kind="BigBirdPegasusForSequenceClassification", **changes)
    tokenizer = transformers.PegasusTokenizer.from_pretrained(tmp_path)
    theirs = transformers.pipeline(
        "text-classification", str(tmp_path), tokenizer=tokenizer, device="cpu", **defaults
    )
    ours = pipeline("text-classification", tmp_path, **defaults)
    for inputs, options in CALLS:
        found, expected = ours(inputs, **options), theirs(inputs, **options)
        assert rounded(found) == rounded(expected), (inputs, options)


def rounded(result: Any) -> Any:
    """The result with its scores to five places."""
    if isinstance(result, list):
        return [rounded(one) for one in result]
    return {"label": result["label"], "score": pytest.approx(result["score"], abs=1e-5)}


def folder_of(tmp_path: Path, kind: str) -> Path:
    """A checkpoint with a small vocabulary."""
    special = ["<s>", "<n>", "[MASK]"]
    ids = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
    path = train_vocabulary(tmp_path / "vocabulary", vocab_size=100, user_defined_symbols=special, **ids)
    PegasusTokenizer(path, offset=0, model_max_length=256).save_pretrained(tmp_path)
    sizes: dict[str, Any] = {"vocab_size": 100, "d_model": 8, "max_position_embeddings": 256, "init_std": 0.5}
    reference_model(tmp_path, kind=kind, **sizes, attention_type="original_full")
    return tmp_path


def test_text_generation_returns_what_transformers_returns(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "BigBirdPegasusForCausalLM")
    tokenizer = transformers.PegasusTokenizer.from_pretrained(folder)
    greedy = {"do_sample": False, "max_new_tokens": 5}
    theirs = transformers.pipeline("text-generation", str(folder), tokenizer=tokenizer, device="cpu")
    ours: Any = pipeline("text-generation", folder)
    for inputs, options in GENERATION_CALLS:
        assert ours(inputs, **greedy, **options) == theirs(inputs, **greedy, **options), (inputs, options)


def test_features_are_what_transformers_returns(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "BigBirdPegasusModel")
    tokenizer = transformers.PegasusTokenizer.from_pretrained(folder)
    theirs = transformers.pipeline("feature-extraction", str(folder), tokenizer=tokenizer, device="cpu")
    ours: Any = pipeline("feature-extraction", folder)
    for options in ({}, {"truncation": True, "tokenize_kwargs": {"max_length": 4}}):
        found, expected = ours(TEXTS, **options), theirs(TEXTS, **options)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(torch.tensor(one), torch.tensor(other))


GENERATION_CALLS: list[tuple[Any, dict[str, Any]]] = [
    (TEXTS[0], {}),
    (TEXTS, {"return_full_text": False}),
    (TEXTS[0], {"return_tensors": True}),
    (TEXTS[0], {"add_special_tokens": False}),
    (TEXTS[0], {"prefix": "On the sea: "}),
    (TEXTS[0], {"num_beams": 2, "num_return_sequences": 2}),
    (TEXTS[0] * 40, {"handle_long_generation": "hole", "return_tensors": True}),
]
