"""ROUGE of the strategies and modes of a model that writes, on held-out documents longer than its window.

    python -m tests.benchmarks.strategies FOLDER [--documents 24] [--train-seconds 600] [--ways map reduce …]

No model that writes well can be had here. Where FOLDER holds none, a very small one is trained first, for so
many seconds of processor time, and saved there: 1 + 1 layers, 128 wide, windows of 512 tokens, from the
beginnings of documents of the training corpus. It starts from the default model's vocabulary, with its
embeddings in 128 dimensions, and with attention to the document that favours the document's words. It learns
how abstracts begin and hardly more. So the strategies are also run with the default model in its place, which
summarizes each window as if it were a document. `lead` and `oracle` take whole sentences of the document, 100
words at most. A row of the small model is what `bbp evaluate DATA --model FOLDER --strategy … --mode …` gives
for these documents.
"""

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from bigbird_pegasus import (
    DEFAULT_MODEL,
    BigBirdPegasusConfig,
    BigBirdPegasusForConditionalGeneration,
    PegasusTokenizer,
    summarize,
)
from bigbird_pegasus.checkpoints.hub import checkpoint_folder
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.windows import encode, pack
from bigbird_pegasus.text.words import count_words
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from bbp_cli.dataset import SummaryExample, read_examples
from bbp_cli.evaluation.baselines import Baseline, sentences_of
from bbp_cli.evaluation.judge import JudgeOptions, score_baseline, score_example
from bbp_cli.evaluation.metrics import bootstrap_intervals, means, rouge, rouge_scorer
from bbp_cli.models.checkpoints import LoadedModel
from bbp_cli.models.loading import ModelOptions, find_checkpoint, load_checkpoint, prepare_hardware
from bbp_cli.models.names import DEFAULT, SILENT
from tests.benchmarks.published_size import ROOT

CORPUS = ROOT.parent / "shared" / "corpus"
WINDOW, READ, SUMMARY, BATCH, WIDTH = 512, 128, 64, 16, 128  # READ: tokens of a document in training
RATE, WARM_UP, LAST_RATE = 2e-3, 50, 0.1
CHARACTERS_PER_TOKEN = 8  # of a beginning that is surely long enough
CHECKED = JudgeOptions(strategy="reduce", mode="checked", generation={"num_beams": 3})
WAYS: dict[str, JudgeOptions] = {
    "truncate": JudgeOptions(strategy="truncate"),
    "map": JudgeOptions(strategy="map"),
    "reduce": JudgeOptions(strategy="reduce"),
    "fuse": JudgeOptions(strategy="fuse"),
    "reduce, checked, 3 beams": CHECKED,
    "verbatim": JudgeOptions(mode="verbatim"),
    "rewrite": JudgeOptions(mode="rewrite"),
}
NO_MODEL: tuple[Baseline, ...] = ("lead", "oracle")
DEFAULT_WAY = "default model"
BY_CHOICE = {f"{strategy}, by the default model": strategy for strategy in ("truncate", "map", "reduce")}


def summary_examples(name: str) -> list[SummaryExample]:
    """Return the records of a corpus file, in an order of chance that is always the same."""
    found = cast("list[SummaryExample]", list(read_examples(CORPUS / name, "summarize").records))
    random.Random(0).shuffle(found)
    return found


def fresh_model(tokenizer: PegasusTokenizer) -> BigBirdPegasusForConditionalGeneration:
    """Return the small model before training."""
    torch.manual_seed(0)
    config = BigBirdPegasusConfig(
        vocab_size=len(tokenizer),
        d_model=WIDTH,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=4 * WIDTH,
        decoder_ffn_dim=4 * WIDTH,
        max_position_embeddings=WINDOW,
        block_size=32,
        dropout=0.0,
        max_length=SUMMARY,
    )
    model = BigBirdPegasusForConditionalGeneration(config)
    known = load_file(checkpoint_folder(DEFAULT_MODEL, weights=True) / "model.safetensors")
    embeddings = known["shared.weight"].float()  # (V, 256)
    _, _, directions = torch.pca_lowrank(embeddings, q=WIDTH)
    with torch.no_grad():
        reduced = embeddings @ directions
        model.model.shared.weight.copy_(reduced / (2 * reduced.norm(dim=1).mean()))
        for name in ("v_proj", "out_proj"):
            projection = model.get_parameter(f"model.decoder.layers.0.encoder_attn.{name}.weight")
            projection.copy_(torch.eye(WIDTH))
    return model


def train(folder: Path, seconds: float) -> None:
    """Train a small model for some seconds of processor time, and save it."""
    tokenizer = PegasusTokenizer.from_pretrained(DEFAULT_MODEL)
    tokenizer.model_max_length = WINDOW
    model = fresh_model(tokenizer).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98))
    data = summary_examples("train.jsonl.gz")
    begin, updates, running = time.process_time(), 0, 0.0
    while (share := (time.process_time() - begin) / seconds) < 1:
        batch = [data[(updates * BATCH + n) % len(data)] for n in range(BATCH)]
        updates += 1
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, updates / WARM_UP) * max(LAST_RATE, 1 - share)
        # Longer beginnings at last: positions beyond the first ones are learned then.
        ids = beginnings([one.document for one in batch], tokenizer, READ if share < 0.75 else WINDOW)
        labels = tokenizer(
            [one.summary for one in batch], padding=True, truncation=True, max_length=SUMMARY,
            return_tensors="pt",
        ).input_ids  # fmt: skip
        found = model(
            input_ids=ids, attention_mask=(ids != 0).long(), labels=labels.masked_fill(labels == 0, -100)
        )
        assert found.loss is not None
        found.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss = float(found.loss.detach())
        running = loss if updates == 1 else 0.97 * running + 0.03 * loss
        if updates % 50 == 0:
            print(f"update {updates}: loss {running:.3f}, {100 * share:.0f} %", flush=True)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{parameters:,} parameters, {updates} updates of {BATCH} records, loss {running:.3f}", flush=True)
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def beginnings(documents: Sequence[str], tokenizer: PegasusTokenizer, most: int) -> Tensor:
    """Return the ids of the first `most` tokens of each document at most, ended and padded."""
    texts = [parse_text(one[: CHARACTERS_PER_TOKEN * most]) for one in documents]
    rows = [[*encode(text, tokenizer, most).ids[: most - 1], 1] for text in texts]
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True)


def loaded_model(name: str) -> LoadedModel:
    """Load a model as the command does."""
    options = ModelOptions(name=name, device="auto" if name == DEFAULT else "cpu", dtype="float32")
    checkpoint = find_checkpoint("summarize", options, SILENT)
    return load_checkpoint(checkpoint, prepare_hardware(checkpoint, options, SILENT), options, SILENT)


def judge(
    way: str, folder: Path, documents: Sequence[SummaryExample], length: int | None
) -> list[dict[str, float]]:
    """Return the figures of one way on each document."""
    scorer = rouge_scorer()
    for baseline in NO_MODEL:
        if way == baseline:
            return [dict(score_baseline(one, baseline, length, 0, scorer).figures) for one in documents]
    if way in BY_CHOICE:
        return [by_choice(one, BY_CHOICE[way], scorer) for one in documents]
    if way == DEFAULT_WAY:
        model, options = loaded_model(DEFAULT), JudgeOptions(length)
    else:
        model, options = loaded_model(str(folder)), WAYS[way]
        options = JudgeOptions(length, 0, options.strategy, options.mode, options.generation)
    return [dict(score_example(one, model, options, scorer).figures) for one in documents]


def by_choice(record: SummaryExample, strategy: str, scorer: object) -> dict[str, float]:
    """Return the figures of a strategy where the default model summarizes each window, as if it wrote."""
    tokenizer = PegasusTokenizer.from_pretrained(DEFAULT_MODEL)

    def windows_of(text: str) -> list[str]:
        encoded = encode(parse_text(text), tokenizer, WINDOW)
        windows = pack(encoded.counts, WINDOW)
        spans = [encoded.sentences[window.first : window.last] for window in windows]
        return [text[one[0].start : one[-1].end] for one in spans]

    windows, count = windows_of(record.document), 0
    if strategy == "truncate":
        windows = windows[:1]
    while strategy == "reduce" and len(windows) > 1 and len(windows) != count:
        count = len(windows)
        windows = windows_of("\n\n".join(one.summary for one in summarize(windows)))
    sentences = [one.text for found in summarize(windows) for one in found.sentences]
    figures = rouge(scorer, sentences_of(record.summary), sentences)
    return {**figures, "words": float(sum(count_words(one) for one in sentences))}


def main() -> None:
    """Print a table, a row as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="of a model that writes; made where it is not there")
    parser.add_argument("--documents", type=int, default=24)
    parser.add_argument("--train-seconds", type=float, default=600.0)
    parser.add_argument("--length", type=int, help="words of a summary at most (default: as the model does)")
    ways = (*NO_MODEL, *WAYS, DEFAULT_WAY, *BY_CHOICE)
    parser.add_argument("--ways", nargs="+", choices=ways, default=ways, help="rows to print")
    options = parser.parse_args()
    if not (options.folder / "config.json").exists():
        train(options.folder, options.train_seconds)
    window = PegasusTokenizer.from_pretrained(options.folder).model_max_length
    longest = CHARACTERS_PER_TOKEN * int(window)
    held_out = [one for one in summary_examples("val.jsonl.gz") if len(one.document) > longest]
    print("| | ROUGE-1 | ROUGE-2 | ROUGE-Lsum | words |\n| --- | --- | --- | --- | --- |", flush=True)
    for way in options.ways:
        rows = judge(way, options.folder, held_out[: options.documents], options.length)
        mean, spread = means(rows), bootstrap_intervals(rows)
        cells = [
            f"{mean[key]:.1f} ± {(spread[key][1] - spread[key][0]) / 2:.1f}"
            for key in ("rouge1", "rouge2", "rougeLsum")
        ]
        print(f"| {way} | {' | '.join(cells)} | {mean['words']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
