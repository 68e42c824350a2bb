"""How often the default model chooses other sentences when the arithmetic is another one.

    python -m tests.benchmarks.arithmetic [--limit 419]

Every row is a process of its own that summarizes the same records of val. Instruction classes are set by the
libraries' own variables (OPENBLAS_CORETYPE, ATEN_CPU_CAPABILITY); without AVX-512 two rows are equal.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from bigbird_pegasus import DEFAULT_MODEL, PegasusTokenizer
from bigbird_pegasus.inference.extractive_model import ExtractiveModel
from bigbird_pegasus.inference.numpy_model import load_numpy_model
from bigbird_pegasus.summarization.choosing.extractive import extractive_steps
from bigbird_pegasus.summarization.options import SummaryOptions
from bigbird_pegasus.summarization.steps import run_steps
from bigbird_pegasus.text.parsed_text import parse_text

from tests.benchmarks.baselines import CORPUS, read
from tests.benchmarks.machine import description
from tests.benchmarks.published_size import ROOT, options_of

OPENBLAS, ATEN = "OPENBLAS_CORETYPE", "ATEN_CPU_CAPABILITY"
# Engine and type, threads, windows at once, and what is set in the environment.
ROWS = {
    "numpy float32": ("numpy", 1, 8, {}),
    "numpy float32, AVX2": ("numpy", 1, 8, {OPENBLAS: "Haswell"}),
    "numpy float32, 2 threads": ("numpy", 2, 8, {}),
    "numpy float32, windows one by one": ("numpy", 1, 1, {}),
    "torch float32": ("float32", 1, 8, {}),
    "torch float32, AVX2": ("float32", 1, 8, {ATEN: "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}),
    "torch float32, 2 threads": ("float32", 2, 8, {}),
    "torch float32, windows one by one": ("float32", 1, 1, {}),
    "torch bfloat16": ("bfloat16", 1, 8, {}),
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__)
    parser.add_argument("--val", type=Path, default=CORPUS / "val.jsonl.gz")
    parser.add_argument("--limit", type=int, default=419)
    parser.add_argument("--only", type=lambda text: text.split(";"), default=list(ROWS))
    parser.add_argument("--row", help="of the process that computes it")
    asked = parser.parse_args(arguments)
    if asked.row:
        engine, threads, batch_size, _ = ROWS[asked.row]
        print(json.dumps(_chosen(asked.val, asked.limit, engine, threads, batch_size)))
        return
    print("| | other sentences than in the first row | greatest difference of a score |\n| --- | --- | --- |")
    first: list[dict[str, float]] = []
    for row in asked.only:
        command = [sys.executable, "-m", "tests.benchmarks.arithmetic", "--row", row]
        command += ["--val", str(asked.val), "--limit", str(asked.limit)]
        environment = os.environ | ROWS[row][3]
        done = subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        found = json.loads(done.stdout)
        first = first or found
        others = sum(one.keys() != other.keys() for one, other in zip(found, first, strict=True))
        pairs = [(one, other) for one, other in zip(found, first, strict=True)]
        worst = max((abs(a[key] - b[key]) for a, b in pairs for key in a.keys() & b.keys()), default=0.0)
        print(f"| {row} | {others} of {len(found)} | {worst:.1e} |", flush=True)
    print(f"\n{description(1)}; {date.today()}")


def _chosen(val: Path, limit: int, engine: str, threads: int, batch_size: int) -> list[dict[str, float]]:
    """Return the sentences of each record's summary, by where they begin, with their scores."""
    model, tokenizer = _model(engine, threads), PegasusTokenizer.from_pretrained(DEFAULT_MODEL)
    records = read(val)
    found = []
    for record in records[:: max(1, len(records) // limit)][:limit]:
        steps = extractive_steps(parse_text(record.document), model, tokenizer, SummaryOptions())
        summary = run_steps(steps, model.encode_windows, batch_size)
        found.append({str(sentence.start): sentence.score or 0.0 for sentence in summary.sentences})
    return found


def _model(engine: str, threads: int) -> ExtractiveModel:
    if engine == "numpy":
        found = load_numpy_model(DEFAULT_MODEL, threads)
        assert found is not None
        return found
    import torch
    from bigbird_pegasus import load_model
    from bigbird_pegasus.inference.prepack import prepack
    from bigbird_pegasus.inference.torch_extraction import extractive_model
    from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction

    torch.set_num_threads(threads)
    loaded = load_model(DEFAULT_MODEL, dtype=engine)
    assert isinstance(loaded, BigBirdPegasusForSentenceExtraction)
    prepack(loaded)
    return extractive_model(loaded)


if __name__ == "__main__":
    main()
