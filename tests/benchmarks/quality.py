"""What fewer bits cost: figures of the default model on real documents, errors of a model of published size.

    python -m tests.benchmarks.quality [DATA] [--limit N] [--tokens 4096] [--folder FOLDER] [--tiny]

DATA is JSON Lines as for `bbp evaluate` (usually ../shared/corpus/val.jsonl.gz). Each row is computed by a
process of its own; everything is compared with float32.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from bigbird_pegasus import load_model
from bigbird_pegasus.checkpoints.loader import own_tensors
from bigbird_pegasus.inference.prepack import prepack
from bigbird_pegasus.quantization.quantize import quantized_tensors

from bbp_cli.evaluation.baselines import sentences_of
from tests.benchmarks.published_size import FOLDER, ROOT, checkpoint

DATA = ROOT.parent / "shared" / "corpus" / "val.jsonl.gz"
PRECISIONS = ("float32", "bfloat16", "int8", "int4", "nf4")
DECODER_TOKENS = 32


@dataclass(frozen=True)
class Summaries:
    """ROUGE in percent, and the summaries by record, each a list of sentences."""

    rouge: dict[str, float]
    sentences: dict[str, list[str]]


@dataclass(frozen=True)
class Outputs:
    """What the large model computes, and the bytes of its weights."""

    encoder: torch.Tensor
    logits: torch.Tensor
    weights: int


def options(precision: str) -> list[str]:
    """The command line's options; quantized models compute the rest in bfloat16."""
    if precision in ("float32", "bfloat16"):
        return ["--dtype", precision]
    return ["--dtype", "bfloat16", "--quantize", precision]


def summaries(data: Path, precision: str, limit: int | None, model: str) -> Summaries:
    """Evaluate a model by the command."""
    command = [sys.executable, "-m", "bbp_cli", "evaluate", str(data), "--json", "--model", model]
    limits = [] if limit is None else ["--limit", str(limit)]
    done = subprocess.run(
        [*command, *options(precision), *limits, "-q"], check=True, capture_output=True, text=True
    )
    *records, total = map(json.loads, done.stdout.splitlines())
    rouge = {name: value for name, value in total["figures"].items() if name.startswith("rouge")}
    return Summaries(rouge, {record["id"]: sentences_of(record["summary"]) for record in records})


def agreement(one: Summaries, other: Summaries) -> float:
    """Percent of the sentences of both that are the same, of each record's longer summary."""
    shares = []
    for name, sentences in one.sentences.items():
        others = other.sentences[name]
        shares.append(len(set(sentences) & set(others)) / max(1, len(sentences), len(others)))
    return 100 * sum(shares) / max(1, len(shares))


def outputs(folder: Path, precision: str, tokens: int, place: Path) -> Outputs:
    """Run the large model in a process of its own."""
    file = place / f"{precision}.pt"
    command = [sys.executable, "-m", "tests.benchmarks.quality", "--run", precision, str(file)]
    subprocess.run([*command, "--folder", str(folder), "--tokens", str(tokens)], check=True, cwd=ROOT)
    return Outputs(**torch.load(file, mmap=True))


@torch.inference_mode()
def run(folder: Path, precision: str, tokens: int, file: Path) -> None:
    """Encode random tokens and score some more, and write down the result."""
    quantized = precision not in ("float32", "bfloat16")
    model: Any = load_model(
        folder,
        dtype="bfloat16" if quantized else precision,
        quantization_config=precision if quantized else None,
    )
    weights = sum(tensor.nbytes for tensor in (own_tensors(model) | quantized_tensors(model)).values())
    prepack(model)  # as the command does
    generator = torch.Generator().manual_seed(0)
    vocabulary = model.config.vocab_size
    ids = torch.randint(107 % vocabulary, vocabulary, (1, tokens), generator=generator)
    encoded = model.encode(ids).last_hidden_state
    cache = model.new_cache(encoded)
    targets = torch.randint(107 % vocabulary, vocabulary, (DECODER_TOKENS,), generator=generator)
    # Five beams, one token after the other, as a summary is written.
    logits = torch.stack([model.next_token_logits(token.expand(5, 1), cache)[0] for token in targets])
    torch.save(
        {
            "encoder": encoded.float(),
            "logits": logits.float(),
            "weights": weights,
        },
        file,
    )


def error(found: torch.Tensor, exact: torch.Tensor) -> str:
    """The relative error in percent."""
    return f"{100 * float((found - exact).norm() / exact.norm()):.2f} %"


def table(rows: list[list[str]]) -> str:
    """As Markdown."""
    head, *body = rows
    lines = [head, ["---", *("---:" for _ in head[1:])], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def default_model(data: Path, limit: int | None, model: str) -> str:
    """ROUGE and agreement of a model that summarizes."""
    rows = [["weights", "ROUGE-1", "ROUGE-2", "ROUGE-Lsum", "same sentences as float32"]]
    exact: Summaries | None = None
    for precision in PRECISIONS:
        found = summaries(data, precision, limit, model)
        exact = exact or found
        rouge = [f"{value:.2f}" for value in found.rouge.values()]
        rows.append([precision, *rouge, f"{agreement(found, exact):.1f} %"])
    return table(rows)


def large_model(folder: Path, tokens: int) -> str:
    """Errors of the model with random weights."""
    rows = [["weights", "error of the encoder", "error of the logits", "same best token", "weights"]]
    with tempfile.TemporaryDirectory() as place:
        exact: Outputs | None = None
        for precision in PRECISIONS:
            found = outputs(folder, precision, tokens, Path(place))
            exact = exact or found
            same = (found.logits.argmax(-1) == exact.logits.argmax(-1)).float().mean()
            rows.append(
                [
                    precision,
                    error(found.encoder, exact.encoder),
                    error(found.logits, exact.logits),
                    f"{100 * float(same):.0f} %",
                    f"{found.weights / 1e6:.0f} MB",
                ]
            )
    return table(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", default=DATA)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--model", default="default")
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--tiny", action="store_true", help="a tiny model in place of the large one")
    parser.add_argument("--only", choices=("default", "large"))
    parser.add_argument("--run", nargs=2, metavar=("PRECISION", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.run:
        run(asked.folder, asked.run[0], asked.tokens, Path(asked.run[1]))
        return
    if asked.only != "large":
        print(default_model(asked.data, asked.limit, asked.model), flush=True)
    if asked.only != "default":
        print()
        tokens = min(asked.tokens, 64) if asked.tiny else asked.tokens
        print(large_model(checkpoint(asked.folder, asked.tiny), tokens))


if __name__ == "__main__":
    main()
