"""The trainers that people have: peft, transformers' Seq2SeqTrainer, accelerate and a loop in plain
PyTorch."""

from pathlib import Path
from typing import Any

import accelerate
import peft
import pytest
import torch
import transformers
from bigbird_pegasus import (
    BatchEncoding,
    BigBirdPegasusForConditionalGeneration,
    DataCollatorForSeq2Seq,
    load_model,
    set_seed,
)
from torch import Tensor
from torch.utils.data import DataLoader

from tests.model.tiny import tiny_config, tiny_ids
from tests.model.tiny_inputs import CAUSAL, CLASSIFIER, tiny_inputs, tiny_of_kind


class Padder:
    """As much of a tokenizer as a batch needs."""

    pad_token_id = 0
    padding_side = "right"

    def save_pretrained(self, folder: str) -> None:
        """Nothing: there is no vocabulary."""


def examples() -> list[dict[str, Any]]:
    """Eight documents whose summary is their first tokens."""
    rows = tiny_ids(8, 30).tolist()
    return [{"input_ids": row[: 10 + n], "labels": [*row[: 3 + n % 2], 1]} for n, row in enumerate(rows)]


def new_model(**changes: Any) -> BigBirdPegasusForConditionalGeneration:
    set_seed(0)
    return BigBirdPegasusForConditionalGeneration(tiny_config(init_std=0.1, dropout=0.0, **changes))


def batches(model: Any = None) -> "DataLoader[Any]":
    return DataLoader(examples(), batch_size=4, collate_fn=DataCollatorForSeq2Seq(Padder(), model))  # type: ignore[arg-type]


def loss_of(model: Any) -> float:
    with torch.no_grad():
        return float(sum(model(**batch).loss for batch in batches()))


def test_a_loop_in_plain_pytorch_trains() -> None:
    model = new_model()
    before = loss_of(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(3):
        for batch in batches(model):
            model(**batch).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    assert loss_of(model) < 0.8 * before


def test_accelerate_trains_and_saves(tmp_path: Path) -> None:
    model = new_model()
    before = loss_of(model)
    accelerator = accelerate.Accelerator(cpu=True, mixed_precision="bf16")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    prepared, optimizer, loader = accelerator.prepare(model, optimizer, batches(model))
    prepared.gradient_checkpointing_enable()
    for _ in range(3):
        for batch in loader:
            with accelerator.accumulate(prepared):
                output = prepared(**batch)
                assert output.logits.dtype == torch.float32  # accelerate converts what is in the record
                accelerator.backward(output.loss)
                optimizer.step()
                optimizer.zero_grad()
    model = accelerator.unwrap_model(prepared, keep_fp32_wrapper=False)
    assert loss_of(model) < 0.8 * before
    model.save_pretrained(tmp_path, state_dict=accelerator.get_state_dict(prepared))
    torch.testing.assert_close(loss_of(load_model(tmp_path)), loss_of(model))


@pytest.mark.filterwarnings("ignore::UserWarning:torch.utils.data")
def test_the_trainer_of_transformers_trains_evaluates_by_writing_and_saves(tmp_path: Path) -> None:
    model = new_model()
    before = loss_of(model)
    arguments = transformers.Seq2SeqTrainingArguments(
        output_dir=str(tmp_path),
        num_train_epochs=3,
        per_device_train_batch_size=4,
        learning_rate=1e-2,
        activation_checkpointing=True,
        predict_with_generate=True,
        generation_max_length=6,
        eval_strategy="epoch",
        save_strategy="epoch",
        load_best_model_at_end=True,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        logging_strategy="no",
    )

    def lengths(predicted: Any) -> dict[str, float]:
        return {"length": float((predicted.predictions != 0).sum(1).mean())}

    trainer = transformers.Seq2SeqTrainer(
        model,
        arguments,
        train_dataset=examples(),
        eval_dataset=examples()[:3],  # type: ignore[arg-type]
        data_collator=DataCollatorForSeq2Seq(Padder(), model),
        compute_metrics=lengths,
    )
    trainer.train()
    assert trainer.evaluate()["eval_length"] > 1
    assert loss_of(model) < 0.8 * before
    (last, *_) = sorted(tmp_path.glob("checkpoint-*"), reverse=True)
    model.config.save_pretrained(
        last
    )  # the trainer saves the weights of models that are not transformers' own
    assert len(
        list(BigBirdPegasusForConditionalGeneration.from_pretrained(last, config=model.config).parameters())
    ) == len(list(model.parameters()))


def lora(task: str, targets: list[str]) -> Any:
    return peft.LoraConfig(task_type=task, r=4, lora_alpha=8, target_modules=targets, lora_dropout=0.0)


def test_lora_trains_saves_is_read_and_merged(tmp_path: Path) -> None:
    base = new_model()
    base.save_pretrained(tmp_path / "base")
    model: Any = peft.get_peft_model(
        base, lora("SEQ_2_SEQ_LM", ["q_proj", "v_proj", "query", "value", "fc1"])
    )
    trained, whole = model.get_nb_trainable_parameters()
    assert 0 < trained < 0.5 * whole
    model.enable_input_require_grads()
    model.gradient_checkpointing_enable()
    before = loss_of(model)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-2)
    for _ in range(6):
        for batch in batches(base):
            model(**batch).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    model.gradient_checkpointing_disable()
    assert loss_of(model) < 0.8 * before
    model.save_pretrained(tmp_path / "adapter")

    model.eval()
    inputs = tiny_inputs("BigBirdPegasusForConditionalGeneration", 25)
    expected = model(**inputs).logits
    document = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    written = model.generate(**document, num_beams=2, max_new_tokens=6)
    read: Any = peft.PeftModel.from_pretrained(load_model(tmp_path / "base"), tmp_path / "adapter").eval()
    torch.testing.assert_close(read(**inputs).logits, expected)
    merged = read.merge_and_unload()
    assert isinstance(merged, BigBirdPegasusForConditionalGeneration)
    torch.testing.assert_close(merged(**inputs).logits, expected)
    assert merged.generate(**document, num_beams=2, max_new_tokens=6).tolist() == written.tolist()
    merged.save_pretrained(tmp_path / "merged")
    theirs: Any = transformers.BigBirdPegasusForConditionalGeneration.from_pretrained(tmp_path / "merged")
    torch.testing.assert_close(theirs.eval()(**inputs).logits, expected)


@pytest.mark.parametrize(("kind", "task"), [(CLASSIFIER, "SEQ_CLS"), (CAUSAL, "CAUSAL_LM")])
def test_lora_takes_the_other_classes(kind: str, task: str) -> None:
    base = tiny_of_kind(kind).train()
    model: Any = peft.get_peft_model(base, lora(task, ["q_proj", "v_proj"]))
    inputs = tiny_inputs(kind, 20, labels=True)
    model(**inputs).loss.backward()
    assert any(p.grad is not None and p.grad.any() for n, p in model.named_parameters() if "lora_B" in n)
    if task == "CAUSAL_LM":
        assert model.generate(input_ids=inputs["input_ids"], max_new_tokens=3).shape[1] == 23


def test_batches_are_those_of_the_published_collator() -> None:
    tokenizer: Any = Padder()
    model = new_model()
    rows = examples()[:3]
    batch = DataCollatorForSeq2Seq(tokenizer, model, pad_to_multiple_of=8)(rows)
    assert isinstance(batch, BatchEncoding)
    assert {name: tuple(t.shape) for name, t in batch.items()} == {
        **{"input_ids": (3, 16), "attention_mask": (3, 16)},
        **{"labels": (3, 8), "decoder_input_ids": (3, 8)},
    }
    assert batch["labels"][0].tolist() == rows[0]["labels"] + [-100] * 4
    assert batch["decoder_input_ids"][0].tolist() == [2, *rows[0]["labels"]] + [0] * 3
    assert batch["attention_mask"].sum(1).tolist() == [10, 11, 12]
    tokenizer.padding_side = "left"
    left = DataCollatorForSeq2Seq(tokenizer, padding="max_length", max_length=20, return_tensors="np")(rows)
    assert left["input_ids"][0].tolist() == [0] * 10 + rows[0]["input_ids"]
    assert "decoder_input_ids" not in left
    labels = DataCollatorForSeq2Seq(tokenizer)([{"input_ids": [5], "label": n} for n in (1, 0)])["labels"]
    assert labels.tolist() == [1, 0]
    assert isinstance(labels, Tensor)
