"""Documents a minute, one at a time and in batches, with a model that writes.

    python -m tests.benchmarks.batches [--documents 8] [--words 40]

The documents are the beginnings of records of a corpus (`--data`), or of an example, from 200 to 1,500 words
long. The model has random weights: what it writes is nonsense, and takes as long as sense. Each
`--batch-size` is a run of `bbp summarize` on all of them; the time of a run with one document, mostly
loading, is taken off.
"""

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.machine import description
from tests.benchmarks.published_size import FOLDER, ROOT, checkpoint, options_of

MIN_WORDS, MAX_WORDS = 200, 1500  # words
EXAMPLE = ROOT / "examples" / "harbour-report.txt"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "corpus" / "val.jsonl.gz")
    parser.add_argument("--documents", type=int, default=8)
    parser.add_argument("--words", type=int, default=40, help="`--length` of the summaries")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--quantize", help="int8, int4 or nf4")
    parser.add_argument("--sizes", type=lambda text: text.split(","), default=["1", "auto"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args(arguments)
    options = ["--model", checkpoint(asked.folder, asked.tiny), "--length", asked.words]
    options += ["--dtype", asked.dtype, "--threads", asked.threads]
    options += ["--quantize", asked.quantize] if asked.quantize else []
    print("| `--batch-size` | documents | s | documents a minute |\n| --- | --- | --- | --- |")
    with TemporaryDirectory() as folder:
        files = _documents(asked.data, asked.documents, Path(folder), 40 if asked.tiny else MAX_WORDS)
        for size in asked.sizes:
            command = [*options, "--batch-size", size]
            alone, _ = _run(files[:1], command)
            seconds, summaries = _run(files, command)
            rate = 60 * (len(files) - 1) / (seconds - alone) if seconds > alone else float("inf")
            print(f"| {size} | {summaries} | {seconds:.1f} | {rate:.1f} |", flush=True)
    print(f"\n{asked.quantize or asked.dtype}; {description(asked.threads)}; {date.today()}")


def _documents(data: Path, count: int, folder: Path, longest: int) -> list[Path]:
    """Write texts of lengths between the shortest and the longest, evenly spread, in no order."""
    if data.is_file():
        with gzip.open(data, "rt", encoding="utf-8") as file:
            texts = [json.loads(line)["document"] for line in islice(file, count)]
    else:
        texts = [EXAMPLE.read_text(encoding="utf-8")] * count
    files = []
    for number, text in enumerate(texts):
        place = (7 * number) % count / max(1, count - 1)
        words = int(min(MIN_WORDS, longest) + place * (longest - min(MIN_WORDS, longest)))
        files.append(folder / f"{number:03d}.txt")
        files[-1].write_text(" ".join((text.split() * 8)[:words]), encoding="utf-8")
    return files


def _run(files: Sequence[Path], options: Sequence[object]) -> tuple[float, int]:
    """Seconds of a run, and how many summaries it printed."""
    command = [sys.executable, "-m", "bbp_cli", "summarize", *files, "--json", "-q", *options]
    start = time.perf_counter()
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=True, cwd=ROOT)
    return time.perf_counter() - start, len(done.stdout.splitlines())


if __name__ == "__main__":
    main()
