"""The pipeline that transformers 5 still has, text classification, against ours.

Those for summarization and question answering were removed in transformers 5.0.
"""

from pathlib import Path
from typing import Any

import pytest
import transformers
from bigbird_pegasus import PegasusTokenizer, pipeline

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
