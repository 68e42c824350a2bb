"""ROUGE of the strategies and modes of a model that writes, on held-out documents longer than its window.

    python -m tests.benchmarks.strategies [--model FOLDER] [--documents 24] [--train-seconds 150]

No model that writes well can be had here. Without `--model` a very small one is trained first, for so many
seconds of processor time: 1 + 1 layers, 128 wide, windows of 512 tokens, the default model's vocabulary, from
the beginnings of documents of the training corpus. Its figures tell strategies apart, and nothing else.
`lead` and `oracle` take whole sentences of the document, 100 words at most.
"""

import argparse
import gzip
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from bigbird_pegasus import (
    DEFAULT_MODEL,
    BigBirdPegasusConfig,
    BigBirdPegasusForConditionalGeneration,
    PegasusTokenizer,
    load_model,
    summarize,
)
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.windows import encode
from torch.nn.utils.rnn import pad_sequence

from bbp_cli.evaluation.baselines import lead, oracle, sentences_of
from bbp_cli.evaluation.metrics import bootstrap_intervals, means, rouge, rouge_scorer
from tests.benchmarks.published_size import ROOT

CORPUS = ROOT.parent / "shared" / "corpus"
WINDOW, SUMMARY, WORDS, BATCH = 512, 96, 100, 16
WAYS: dict[str, dict[str, Any]] = {
    "truncate": {"strategy": "truncate"},
    "map": {"strategy": "map"},
    "reduce": {"strategy": "reduce"},
    "fuse": {"strategy": "fuse"},
    "reduce, checked, 3 beams": {"strategy": "reduce", "mode": "checked", "num_beams": 3},
    "verbatim": {"mode": "verbatim"},
    "rewrite": {"mode": "rewrite"},
    "default model": {},
}


def records(path: Path) -> list[dict[str, str]]:
    """Return the records of a corpus file, in an order of chance that is always the same."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    random.Random(0).shuffle(found)
    return found


def train(seconds: float) -> tuple[BigBirdPegasusForConditionalGeneration, PegasusTokenizer, int]:
    """Train a small model for some seconds of processor time; return it with the number of updates."""
    tokenizer = PegasusTokenizer.from_pretrained(DEFAULT_MODEL)
    tokenizer.model_max_length = WINDOW
    torch.manual_seed(0)
    config = BigBirdPegasusConfig(
        vocab_size=len(tokenizer),
        d_model=128,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=512,
        decoder_ffn_dim=512,
        max_position_embeddings=WINDOW,
        block_size=32,
        dropout=0.0,
        max_length=SUMMARY,
    )
    model = BigBirdPegasusForConditionalGeneration(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    data = records(CORPUS / "train.jsonl.gz")
    begin, updates = time.process_time(), 0
    while time.process_time() - begin < seconds:
        batch = [data[(updates * BATCH + n) % len(data)] for n in range(BATCH)]
        # The beginning alone is read: eight characters a token are more than there are.
        documents = [
            encode(parse_text(one["document"][: 8 * WINDOW]), tokenizer, WINDOW).ids[: WINDOW - 1]
            for one in batch
        ]
        ids = pad_sequence([torch.tensor([*one, 1]) for one in documents], batch_first=True)
        labels = tokenizer(
            [one["summary"] for one in batch], padding=True, truncation=True, max_length=SUMMARY,
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
        updates += 1
        if updates % 50 == 0:
            print(f"update {updates}: loss {float(found.loss):.3f}", flush=True)
    return model.eval(), tokenizer, updates


def judge(
    model: Any, tokenizer: PegasusTokenizer, documents: Sequence[dict[str, str]]
) -> dict[str, list[dict[str, float]]]:
    """Return the figures of every way on each document."""
    scorer = rouge_scorer()
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in ("lead", *WAYS, "oracle")}
    for number, one in enumerate(documents):
        wanted, sentences = sentences_of(one["summary"]), sentences_of(one["document"])
        chosen = {"lead": lead(sentences, WORDS), "oracle": oracle(sentences, one["summary"], WORDS)}
        texts = {name: [sentences[n] for n in numbers] for name, numbers in chosen.items()}
        for name, options in WAYS.items():
            asked = {"model": model, "tokenizer": tokenizer, **options} if options else {}
            texts[name] = [sentence.text for sentence in summarize(one["document"], **asked).sentences]
        for name, found in texts.items():
            words = float(sum(len(text.split()) for text in found))
            rows[name].append({**rouge(scorer, wanted, found), "words": words})
        print(f"{number + 1} of {len(documents)} documents", flush=True)
    return rows


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, help="folder of a model that writes")
    parser.add_argument("--documents", type=int, default=24)
    parser.add_argument("--train-seconds", type=float, default=150.0)
    options = parser.parse_args()
    if options.model:
        tokenizer = PegasusTokenizer.from_pretrained(options.model)
        model: Any = load_model(options.model)
    else:
        model, tokenizer, updates = train(options.train_seconds)
        print(
            f"{sum(p.numel() for p in model.parameters()):,} parameters, {updates} updates of {BATCH} records"
        )
    longest = 6 * int(tokenizer.model_max_length)  # characters, surely more than a window
    held_out = [one for one in records(CORPUS / "val.jsonl.gz") if len(one["document"]) > longest]
    rows = judge(model, tokenizer, held_out[: options.documents])
    print("| | ROUGE-1 | ROUGE-2 | ROUGE-Lsum | words |\n| --- | --- | --- | --- | --- |")
    for name, found in rows.items():
        mean, spread = means(found), bootstrap_intervals(found)
        cells = [
            f"{mean[key]:.1f} ± {(spread[key][1] - spread[key][0]) / 2:.1f}"
            for key in ("rouge1", "rouge2", "rougeLsum")
        ]
        print(f"| {name} | {' | '.join(cells)} | {mean['words']:.0f} |")


if __name__ == "__main__":
    main()
