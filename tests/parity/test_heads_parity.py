"""Every class, its losses and its outputs against transformers, in float32 at the default tolerance."""

import re
from inspect import signature
from pathlib import Path
from typing import Any

import bigbird_pegasus
import pytest
import torch
import transformers
from bigbird_pegasus import load_model
from torch import Tensor

from tests.model.tiny import tiny_ids
from tests.model.tiny_inputs import KINDS, tiny_inputs
from tests.parity.reference import reference_model

CLASSIFIER = "BigBirdPegasusForSequenceClassification"
FULL, SPARSE = 25, 61  # tokens: the limit is 28, the block size 4


def pair(folder: Path, kind: str, random_attention: str = "transformers", **changes: Any) -> tuple[Any, Any]:
    theirs = reference_model(folder, kind=kind, **changes)
    return load_model(folder, random_attention=random_attention), theirs


def assert_equal_fields(ours: Any, theirs: Any, length: int, mask: Tensor) -> None:
    """All tensors of two outputs, but for the encoder's at padding: nothing reads them."""
    assert type(ours).__name__ == type(theirs).__name__
    expected = [name for name in theirs if name != "past_key_values"]
    assert [name for name in ours.names if name in expected] == expected
    for name in expected:
        mine, other = getattr(ours, name), theirs[name]
        # The states before the last norm are sums of up to 50 in size, so they round more coarsely.
        tolerance: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-4} if name.endswith("hidden_states") else {}
        if not name.startswith("encoder"):
            torch.testing.assert_close(mine, other, **tolerance)
        elif name == "encoder_attentions":
            for a, b in zip(mine, other, strict=True):
                rows = mask.bool()[:, None, :].expand(a.shape[:3])
                torch.testing.assert_close(a[rows], b[:, :, :length, :length][rows])
        else:
            states = [(mine, other)] if isinstance(mine, Tensor) else zip(mine, other, strict=True)
            for a, b in states:
                torch.testing.assert_close(a[mask.bool()], b[:, :length][mask.bool()], **tolerance)


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("length", [2, FULL, SPARSE, 64])
@pytest.mark.parametrize("kind", KINDS)
def test_all_outputs_equal_those_of_transformers(
    tmp_path: Path, kind: str, length: int, labels: bool
) -> None:
    ours, theirs = pair(tmp_path, kind)
    for padded in (False, True):
        inputs = tiny_inputs(kind, length, padded=padded, labels=labels)
        watched = {"output_hidden_states": True, "output_attentions": length <= FULL}
        theirs = reference_model(tmp_path, kind=kind)  # a new one: it keeps what the last input did to it
        with torch.no_grad():
            assert_equal_fields(
                ours(**inputs, **watched), theirs(**inputs, **watched), length, inputs["attention_mask"]
            )


@pytest.mark.parametrize("kind", KINDS[:4])
def test_dense_attentions_of_a_sparse_encoder_equal_those_that_transformers_trains_with(
    tmp_path: Path, kind: str
) -> None:
    """Only in training: at inference transformers' random blocks are all block 0, and where a row's random
    block is one it sees anyway, transformers' dense matrix holds its weight once though it counts twice. Ours
    holds the weight that counts, so our rows sum to one and theirs do not.
    """
    ours, theirs = pair(tmp_path, kind, "seeded", dropout=0.0)
    inputs = tiny_inputs(kind, SPARSE)
    with torch.no_grad():
        expected = theirs.train()(**inputs, output_attentions=True)
        assert_equal_fields(
            ours(**inputs, output_attentions=True), expected, SPARSE, inputs["attention_mask"]
        )
        at_inference = theirs.eval()(**inputs, output_attentions=True).encoder_attentions[0]
    assert at_inference.sum(-1).min() < 0.99
    ours = load_model(tmp_path, random_attention="transformers")
    with torch.no_grad():
        sums = ours(**inputs, output_attentions=True).encoder_attentions[0].sum(-1)
    torch.testing.assert_close(sums, torch.ones_like(sums))


@pytest.mark.parametrize("kind", KINDS)
def test_tuples_have_the_fields_of_transformers(tmp_path: Path, kind: str) -> None:
    ours, theirs = pair(tmp_path, kind)
    inputs = tiny_inputs(kind, FULL, labels=True) | {"return_dict": False, "output_attentions": True}
    with torch.no_grad():
        mine, other = ours(**inputs), theirs(**inputs)
    assert isinstance(mine, tuple)
    assert [type(a) for a in mine if isinstance(a, tuple | Tensor)] == [
        type(a) for a in other if isinstance(a, tuple | Tensor)
    ]
    assert len(mine) == len(other)
    torch.testing.assert_close(mine[0], other[0])


@pytest.mark.parametrize("kind", KINDS)
def test_return_options_default_to_the_configuration_as_in_transformers(tmp_path: Path, kind: str) -> None:
    asked: dict[str, Any] = {"output_attentions": True, "output_hidden_states": True}
    ours, theirs = pair(tmp_path, kind, **asked)
    inputs = tiny_inputs(kind, FULL)
    with torch.no_grad():
        assert_equal_fields(ours(**inputs), theirs(**inputs), FULL, inputs["attention_mask"])
        # `return_dict` in the configuration makes transformers fail inside, so there is nothing to compare.
        assert isinstance(load_model(tmp_path, return_dict=False)(**inputs), tuple)


@pytest.mark.parametrize("kind", KINDS)
def test_forward_takes_the_published_arguments_in_their_order(shared: Path, kind: str) -> None:
    text = (shared / "reference" / "bigbird_pegasus_documentation.md").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith(f"forwardtransformers.{kind}.forward"))
    published = [name for name in re.findall(r'\{"name": "([^"]+)"', line) if name != "**kwargs"]
    assert len(published) >= 13
    assert list(signature(getattr(bigbird_pegasus, kind).forward).parameters)[1:] == published


@pytest.mark.parametrize("kind", KINDS)
def test_checkpoints_travel_in_both_directions_with_equal_outputs(tmp_path: Path, kind: str) -> None:
    changes: dict[str, Any] = {"num_labels": 3} if kind == CLASSIFIER else {}
    ours, theirs = pair(tmp_path / "theirs", kind, **changes)
    ours.save_pretrained(tmp_path / "ours")
    again, report = getattr(transformers, kind).from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not any(report[fault] for fault in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert again.config.architectures == [kind]
    inputs = tiny_inputs(kind, SPARSE)
    with torch.no_grad():
        results = [model(**inputs)[0] for model in (ours, theirs, again.eval())]
    torch.testing.assert_close(results[0], results[1])
    torch.testing.assert_close(results[0], results[2])
    for name, value in again.state_dict().items():
        assert torch.equal(value, theirs.state_dict()[name]), name


LABELS = {
    "one number": (1, None, torch.tensor([0.5, -2.0, 1.0])),
    "numbers in a column": (1, "regression", torch.tensor([[0.5], [-2.0], [1.0]])),
    "several numbers": (3, "regression", torch.randn(3, 3, generator=torch.Generator().manual_seed(0))),
    "classes": (3, None, torch.tensor([2, 0, 1])),
    "classes as said": (3, "single_label_classification", torch.tensor([[2], [0], [1]])),
    "classes in 32 bits": (3, None, torch.tensor([2, 0, 1], dtype=torch.int)),
    "marks": (3, None, torch.tensor([[1.0, 0, 1], [0, 0, 0], [0, 1, 0]])),
    "marks as said": (3, "multi_label_classification", torch.tensor([[1.0, 0, 1], [0, 0, 0], [0, 1, 0]])),
}


@pytest.mark.parametrize("case", LABELS)
def test_classification_losses_equal_those_of_transformers(tmp_path: Path, case: str) -> None:
    num_labels, problem_type, labels = LABELS[case]
    ours, theirs = pair(tmp_path, CLASSIFIER, num_labels=num_labels, problem_type=problem_type)
    inputs = tiny_inputs(CLASSIFIER, FULL) | {"labels": labels}
    # Torch's cross-entropy, and so transformers', takes classes in 64 bits only.
    wide = labels.long() if labels.dtype == torch.int else labels
    with torch.no_grad():
        mine, other = ours(**inputs), theirs(**(inputs | {"labels": wide}))
    torch.testing.assert_close(mine.loss, other.loss)
    torch.testing.assert_close(mine.logits, other.logits)
    # transformers writes what it derived into its configuration, and so remembers the first labels' kind
    assert theirs.config.problem_type is not None
    assert ours.config.problem_type == problem_type


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        ([3, 0, 9], [5, 0, 10]),
        ([3, 25, 9], [5, 99, 10]),  # behind the text: left out
        ([3, -1, 9], [5, -100, 10]),  # before it: the first token
        ([[3], [0], [9]], [[5], [0], [10]]),
        ([25, 25, 99], [5, 0, 10]),  # nothing left: not a number
    ],
)
def test_span_losses_equal_those_of_transformers(tmp_path: Path, starts: Any, ends: Any) -> None:
    ours, theirs = pair(tmp_path, "BigBirdPegasusForQuestionAnswering")
    positions = {"start_positions": torch.tensor(starts), "end_positions": torch.tensor(ends)}
    inputs = tiny_inputs("BigBirdPegasusForQuestionAnswering", FULL) | positions
    with torch.no_grad():
        torch.testing.assert_close(ours(**inputs).loss, theirs(**inputs).loss, equal_nan=True)


@pytest.mark.parametrize("kind", KINDS[:4])
def test_encoder_outputs_and_embeddings_are_accepted_as_in_transformers(tmp_path: Path, kind: str) -> None:
    ours, theirs = pair(tmp_path, kind)
    inputs = tiny_inputs(kind, SPARSE)
    ids = inputs["decoder_input_ids"] if "decoder_input_ids" in inputs else inputs["input_ids"]
    encoder_outputs = (torch.randn(3, SPARSE, 32), (torch.randn(3, SPARSE, 32),))
    encoded = {
        "encoder_outputs": encoder_outputs,
        "decoder_inputs_embeds": torch.randn(*ids.shape, 32),
        "attention_mask": inputs["attention_mask"],
        "output_hidden_states": True,
    }
    if kind == CLASSIFIER:
        encoded["input_ids"] = inputs["input_ids"]
    with torch.no_grad():
        mine, other = ours(**encoded), theirs(**encoded)
    assert torch.equal(mine.encoder_hidden_states[0], encoder_outputs[1][0])
    assert_equal_fields(mine, other, SPARSE, inputs["attention_mask"])
    if kind != CLASSIFIER:
        embeds = {"inputs_embeds": torch.randn(3, SPARSE, 32), "decoder_input_ids": ids}
        theirs = reference_model(tmp_path, kind=kind)
        with torch.no_grad():
            assert_equal_fields(
                ours(**embeds), theirs(**embeds), SPARSE, torch.ones_like(inputs["attention_mask"])
            )


def test_causal_model_attends_to_a_source_like_transformers(tmp_path: Path) -> None:
    kind = "BigBirdPegasusForCausalLM"
    ours, theirs = pair(tmp_path, kind)
    inputs = tiny_inputs(kind, 12) | {
        "encoder_hidden_states": torch.randn(3, 9, 32),
        "encoder_attention_mask": (torch.arange(9) < torch.tensor([[9], [4], [7]])).long(),
        "output_attentions": True,
    }
    with torch.no_grad():
        mine, other = ours(**inputs), theirs(**inputs)
    assert len(mine.cross_attentions) == 2
    assert_equal_fields(mine, other, 12, inputs["attention_mask"])


@pytest.mark.parametrize("kept", [0, 1, 4, torch.tensor([2, 0, 11])], ids=str)
def test_logits_to_keep_equal_those_of_transformers(tmp_path: Path, kept: int | Tensor) -> None:
    ours, theirs = pair(tmp_path, "BigBirdPegasusForCausalLM")
    inputs = tiny_inputs("BigBirdPegasusForCausalLM", 12)
    with torch.no_grad():
        mine, other = ours(**inputs, logits_to_keep=kept).logits, theirs(**inputs, logits_to_keep=kept).logits
    torch.testing.assert_close(mine, other)


@pytest.mark.parametrize("kind", KINDS)
def test_resized_vocabularies_equal_those_of_transformers(tmp_path: Path, kind: str) -> None:
    for tokens in (110, 90):
        ours, theirs = pair(tmp_path, kind)
        theirs.resize_token_embeddings(tokens)
        assert ours.resize_token_embeddings(tokens).weight.shape == (tokens, 32)
        ours.save_pretrained(tmp_path / "resized")
        resized = getattr(transformers, kind).from_pretrained(tmp_path / "resized")
        assert resized.config.vocab_size == theirs.config.vocab_size == tokens
        for name, value in theirs.state_dict().items():
            # New rows are the mean of the old ones; transformers adds noise, a billionth of their covariance.
            torch.testing.assert_close(resized.state_dict()[name], value, rtol=0, atol=5e-4)


@pytest.mark.parametrize("num_beams", [1, 4])
@pytest.mark.parametrize("padding", ["none", "left", "right", "left, mask not given"])
def test_continued_prompts_equal_those_of_transformers(tmp_path: Path, padding: str, num_beams: int) -> None:
    for seed in range(4):
        theirs = reference_model(
            tmp_path, seed, "BigBirdPegasusForCausalLM", scale_embedding=False, vocab_size=60
        )
        ours: Any = load_model(tmp_path)
        prompt = tiny_ids(3, 9, seed=seed) % 50 + 4
        lengths = torch.tensor([[9], [4], [7]])
        at = torch.arange(9)
        mask = {
            "none": torch.ones(3, 9),
            "right": at < lengths,
            "left": at >= 9 - lengths,
            "left, mask not given": at >= 9 - lengths,
        }[padding].long()
        inputs = {"input_ids": prompt * mask}
        if "not given" not in padding:
            inputs["attention_mask"] = mask
        options: dict[str, Any] = {"num_beams": num_beams, "max_new_tokens": 14, "no_repeat_ngram_size": 3}
        if seed % 2:  # texts that end early
            options["eos_token_id"] = list(range(4, 12))
        expected = theirs.generate(**inputs, **options)
        assert ours.generate(**inputs, **options).tolist() == expected.tolist()
        static = ours.generate(**inputs, **options, cache_implementation="static")
        assert static.tolist() == expected.tolist()


def test_documents_without_mask_are_read_with_their_padding_as_in_transformers(tmp_path: Path) -> None:
    ours, theirs = pair(tmp_path, "BigBirdPegasusForConditionalGeneration")
    inputs = tiny_inputs("BigBirdPegasusForConditionalGeneration", SPARSE)
    expected = theirs.generate(inputs["input_ids"], max_new_tokens=9, num_beams=3)
    assert ours.generate(inputs["input_ids"], max_new_tokens=9, num_beams=3).tolist() == expected.tolist()
