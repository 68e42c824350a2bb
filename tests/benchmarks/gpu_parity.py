"""Whether every class gives on a GPU what it gives on a CPU: outputs, gradients, written ids, the command.

The reference is the same model in float64 on the CPU. On the device a type may be at most twice as far from
it as the same type is on the CPU, or as far as FLOOR says.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import torch
from bigbird_pegasus.generation.generate import continue_text, generate
from bigbird_pegasus.inference.ragged_batch import generate_each
from bigbird_pegasus.loading import CLASSES
from bigbird_pegasus.modeling.sentence_columns import DENSE_COLUMNS
from torch import Tensor

from tests.benchmarks.gpu_case import (
    DTYPES,
    SIZES,
    Case,
    Finding,
    Setting,
    documents,
    moved,
    need,
    relative_error,
    small_model,
)

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
FLOOR = {"float32": 1e-5, "bfloat16": 2e-2}  # relative error
WRITING = "BigBirdPegasusForConditionalGeneration"
CONTINUING = "BigBirdPegasusForCausalLM"
CHOOSING = "BigBirdPegasusForSentenceExtraction"
SENTENCES = 9
LENGTHS = {"full": 100, "sparse": 300}  # tokens; from 145 on attention is sparse, 300 are no whole blocks
NEW_TOKENS = 48


def parity(setting: Setting) -> Iterator[Case]:
    """Compare the outputs of every class: full and sparse attention, whole and padded batches, both types."""
    for kind in CLASSES:
        for attention in ("sparse",) if setting.tiny else LENGTHS:
            for padded in (True,) if setting.tiny else (False, True):
                for dtype in DTYPES:
                    name = f"{kind} {attention} {'padded' if padded else 'whole'} {dtype}"
                    yield Case(name, partial(_outputs_agree, setting, kind, attention, padded, dtype))


def gradients(setting: Setting) -> Iterator[Case]:
    """Compare losses and gradients of every class that has a loss, in float32."""
    for kind in CLASSES:
        if kind != "BigBirdPegasusModel":
            yield Case(f"{kind} sparse float32", partial(_gradients_agree, setting, kind))


def inputs_of(kind: str, length: int, *, padded: bool, labels: bool = False) -> dict[str, Any]:
    """Return arguments of a forward on three documents of up to `length` tokens, on the CPU."""
    generator = torch.Generator().manual_seed(1)
    inputs: dict[str, Any] = documents([length, length // 2, length - 3] if padded else [length] * 3)
    target = torch.randint(3, SIZES["vocab_size"], (3, 7), generator=generator)
    if kind in ("BigBirdPegasusModel", WRITING):
        inputs["decoder_input_ids"] = target
    if kind == "BigBirdPegasusModel":
        inputs["output_attentions"] = True
    if kind == CONTINUING:  # what continues is padded on the left
        inputs = {name: value.flip(1) for name, value in inputs.items()}
    if kind == CHOOSING:
        inputs |= _sentences(inputs["attention_mask"], generator)
    if labels:
        inputs |= _labels(kind, inputs, target)
    return inputs


def _sentences(mask: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    batch, length = mask.shape
    place = torch.arange(length) * SENTENCES // length  # which sentence a token is of
    counts = torch.randint(1, 6, (batch, SENTENCES), generator=generator)
    hashes = partial(torch.randint, 0, 1 << 32, generator=generator)
    return {
        "sentence_index": place.expand(batch, -1).clone(),
        "sentence_position": torch.arange(SENTENCES).expand(batch, -1).clone(),
        "document_sentences": torch.full((batch,), SENTENCES),
        "features": torch.rand(batch, SENTENCES, len(DENSE_COLUMNS), generator=generator),
        "grams": hashes((int(counts.sum()),)),
        "gram_counts": counts,
        "headings": hashes((int(counts.sum()),)),
        "heading_counts": counts,
    }


def _labels(kind: str, inputs: Mapping[str, Tensor], target: Tensor) -> dict[str, Tensor]:
    if kind == WRITING:
        return {"labels": target.roll(-1, 1)}
    if kind == "BigBirdPegasusForSequenceClassification":
        return {"labels": torch.tensor([1, 0, 1])}
    if kind == "BigBirdPegasusForQuestionAnswering":
        return {"start_positions": torch.tensor([0, 1, 2]), "end_positions": torch.tensor([1, 5, 9])}
    if kind == CONTINUING:
        return {"labels": inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)}
    return {"values": torch.rand(3, SENTENCES), "summary_words": torch.tensor([40, 50, 60])}


def _outputs(model: Any, inputs: Mapping[str, Any], kind: str) -> dict[str, Tensor]:
    """Run a forward, and name its tensors; what a decoder makes of padding means nothing, and is left out."""
    with torch.inference_mode():
        found = model(**inputs)
    named: dict[str, Tensor] = {}
    for name, value in found.items():
        for number, tensor in enumerate(value if isinstance(value, tuple) else (value,)):
            if isinstance(tensor, Tensor):
                named[f"{name}.{number}"] = tensor
    if kind == CONTINUING:
        if not named["logits.0"].isfinite().all():
            raise AssertionError("what is padded on the left gives logits that are not finite")
        named["logits.0"] = named["logits.0"][inputs["attention_mask"].bool()]
    return named


def _outputs_agree(setting: Setting, kind: str, attention: str, padded: bool, dtype: str) -> Finding:
    model = small_model(CLASSES[kind])
    inputs = inputs_of(kind, LENGTHS[attention], padded=padded)
    wanted = _outputs(deepcopy(model).double(), moved(inputs, CPU, torch.float64), kind)
    model = model.to(DTYPES[dtype])
    on_cpu = _outputs(model, moved(inputs, CPU, DTYPES[dtype]), kind)
    on_device = _outputs(model.to(setting.device), moved(inputs, setting.device, DTYPES[dtype]), kind)
    assert wanted.keys() == on_device.keys()
    bad = [name for name in wanted if on_device[name].device.type != setting.device.type]
    errors = {name: relative_error(on_device[name], wanted[name]) for name in wanted}
    cpu = max(relative_error(on_cpu[name], wanted[name]) for name in wanted)
    worst = max(errors, key=lambda name: errors[name])
    right = errors[worst] <= max(2 * cpu, FLOOR[dtype]) and not bad
    note = f"on another device: {', '.join(bad)}" if bad else "" if right else f"worst: {worst}"
    return Finding({"error": errors[worst], "cpu_error": cpu, "tensors": len(wanted)}, right, note)


def _gradients_agree(setting: Setting, kind: str) -> Finding:
    def gradient(model: Any, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        model = deepcopy(model).to(device, dtype)
        loss = model(**moved(inputs, device, dtype)).loss
        loss.backward()
        return loss.detach(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    inputs = inputs_of(kind, LENGTHS["sparse"], padded=True, labels=True)
    model = small_model(CLASSES[kind])
    loss, wanted = gradient(model, CPU, torch.float64)
    _, cpu = gradient(model, CPU, torch.float32)
    device_loss, found = gradient(model, setting.device, torch.float32)
    error, cpu_error = relative_error(found, wanted), relative_error(cpu, wanted)
    figures = {"error": error, "cpu_error": cpu_error, "loss_error": relative_error(device_loss, loss)}
    return Finding(figures, error <= max(4 * cpu_error, FLOOR["float32"]) and figures["loss_error"] < 1e-5)


# Written ids

WAYS: dict[str, dict[str, Any]] = {
    "greedy": {},
    "greedy with penalties": {"no_repeat_ngram_size": 2, "repetition_penalty": 1.3, "min_new_tokens": 20},
    "5 beams": {"num_beams": 5, "length_penalty": 0.8},
    "5 beams with penalties": {"num_beams": 5, "no_repeat_ngram_size": 3, "early_stopping": True},
    "4 beams, 3 texts": {"num_beams": 4, "num_return_sequences": 3},
    "sampling": {"do_sample": True, "seed": 7, "top_k": 20, "top_p": 0.9},
    "beams that sample": {"do_sample": True, "seed": 7, "num_beams": 3},
}


def ids(setting: Setting) -> Iterator[Case]:
    """Compare what is written: equal ids in float32; in bfloat16 no token may be far from the best one."""
    for way, options in WAYS.items():
        yield Case(f"{way}, float32", partial(_ids_agree, setting, "batch", options))
    for way in ("greedy", "5 beams"):
        yield Case(f"{way}, of different lengths, float32", partial(_ids_agree, setting, "ragged", WAYS[way]))
        yield Case(f"{way}, continuing, float32", partial(_ids_agree, setting, "continuing", WAYS[way]))
        yield Case(f"{way}, bfloat16", partial(_ids_are_likely, setting, WAYS[way]))


def write(model: Any, how: str, device: torch.device, options: Mapping[str, Any]) -> Tensor:
    """Write about, or go on with, three documents of different lengths."""
    batch = documents([300, 150, 40])
    settings = {"max_new_tokens": NEW_TOKENS, **options}
    if how == "ragged":
        rows = zip(batch["input_ids"], batch["attention_mask"], strict=True)
        found: Any = generate_each(model, [row[mask.bool()].to(device) for row, mask in rows], **settings)
    elif how == "continuing":
        prompts = {name: value[:, :40].flip(1) for name, value in documents([40, 30, 7]).items()}
        found = continue_text(model, **moved(prompts, device), **settings)
    else:
        found = generate(model, **moved(batch, device), **settings)
    return torch.as_tensor(found).cpu()


def _ids_agree(setting: Setting, how: str, options: Mapping[str, Any]) -> Finding:
    model = small_model(CLASSES[CONTINUING if how == "continuing" else WRITING], init_std=0.3)
    wanted = write(model, how, CPU, options)
    found = write(model.to(setting.device), how, setting.device, options)
    rows = (
        sum(torch.equal(*pair) for pair in zip(found, wanted, strict=True))
        if found.shape == wanted.shape
        else 0
    )
    return Finding({"texts": len(wanted), "equal": rows, "tokens": wanted.shape[1]}, rows == len(wanted))


def _ids_are_likely(setting: Setting, options: Mapping[str, Any]) -> Finding:
    """Judge tokens written in bfloat16 by the float32 model: how far below the best one they are."""
    model = small_model(CLASSES[WRITING], init_std=0.3)
    short = deepcopy(model).to(torch.bfloat16)
    on_cpu = write(short, "batch", CPU, options)
    found = write(short.to(setting.device), "batch", setting.device, options)
    batch = documents([300, 150, 40])
    with torch.inference_mode():
        logits = model(**batch, decoder_input_ids=found[:, :-1]).logits
    chosen = found[:, 1:]
    gaps = (logits.amax(-1) - logits.gather(2, chosen[..., None])[..., 0]) / logits.std(-1)
    gaps = gaps[chosen != 0]
    width = min(found.shape[1], on_cpu.shape[1])
    equal = float((found[:, :width] == on_cpu[:, :width]).float().mean())
    figures = {"tokens_equal_cpu": equal, "worst_gap_in_deviations": float(gaps.max())}
    # A beam may take a worse token now for better ones later; greedy search may only round.
    return Finding(figures, None if "num_beams" in options else figures["worst_gap_in_deviations"] < 0.2)


# The command


def command(setting: Setting) -> Iterator[Case]:
    """Run `bbp summarize` as a process with the default model: the same sentences as on the CPU."""
    wanted: dict[str, Any] = {}
    yield Case("cpu float32", partial(_summary, "cpu", "float32", wanted))
    yield Case(f"{setting.device} float32", partial(_summary, str(setting.device), "float32", wanted))
    yield Case(f"{setting.device} bfloat16", partial(_summary, str(setting.device), "bfloat16", wanted))


def _summary(device: str, dtype: str, wanted: dict[str, Any]) -> Finding:
    need("typer", "rich", "sentencepiece", "sentencex")
    command = [sys.executable, "-m", "bbp_cli", "summarize", "examples/harbour-report.txt", "--json"]
    paths = [str(ROOT), str(ROOT / "model"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [*command, "--device", device, "--dtype", dtype],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"ended with {done.returncode}: {done.stderr[-1500:]}")
    record = json.loads(done.stdout)
    found = [sentence["text"] for sentence in record["sentences"]]
    scores = [source["score"] for sentence in record["sentences"] for source in sentence["sources"]]
    if not wanted:
        wanted |= {"sentences": found, "scores": scores}
    same = found == wanted["sentences"]
    gap = max((abs(a - b) for a, b in zip(scores, wanted["scores"], strict=False)), default=0.0)
    right = same and gap < 1e-4 if dtype == "float32" else same
    note = "" if same else f"other sentences: {found}"
    return Finding({"sentences": len(found), "score_gap": gap, **_seconds(record)}, right, note)


def _seconds(record: Mapping[str, Any]) -> dict[str, Any]:
    timing = record.get("timing") or {}
    return {name: value for name, value in timing.items() if isinstance(value, int | float)}
