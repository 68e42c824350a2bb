"""A run over many documents: documents a minute, memory over the run, time to list a folder.

    python -m tests.benchmarks.many_documents > runs/many.jsonl                  # the long one
    python -m tests.benchmarks.many_documents --documents 200 --listed 1000      # a try

Documents are those of the training corpus, over and over, each with a line of its own in front, so that
none has the text of another. `bbp summarize` runs on one core and on two (it may use no others), with the
workers that it chooses by itself. Memory is that of all its processes together, sampled while they run:
resident, with pages that several share counted in each. Every line on stdout is a JSON object; the last one
of each run has documents a minute, and what the run held in its last tenth for each 1 in its first.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import psutil

from bbp_cli.batch.store import JOURNAL_NAME
from bbp_cli.documents.inputs import InputOptions, collect
from tests.benchmarks.baselines import CORPUS, read
from tests.benchmarks.machine import description
from tests.benchmarks.published_size import ROOT, options_of

PER_FOLDER = 1000


@dataclass(frozen=True)
class Sample:
    """What a run had done after so many seconds, and what its processes held."""

    cores: int
    seconds: float
    done: int
    megabytes: float
    processes: int


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__)
    parser.add_argument("--corpus", type=Path, default=CORPUS / "train.jsonl.gz")
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--characters", type=int, help="of each document; without it all")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--listed", type=int, default=100_000, help="files of the folder that is listed")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between samples")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.listed:
            make_documents(folder / "many", ["A line."], asked.listed)
            say(listing(folder / "many"))
        texts = [one.document[: asked.characters] for one in read(asked.corpus, asked.documents)]
        make_documents(folder / "in", texts, asked.documents)
        for cores in asked.cores:
            say(one_run(folder, cores, asked))
    say({"machine": description(max(asked.cores)), "date": str(date.today())})


def say(record: dict[str, object]) -> None:
    print(json.dumps(record), flush=True)


def make_documents(folder: Path, texts: Sequence[str], count: int) -> None:
    """Write documents, a thousand in each folder."""
    for number, text in enumerate(islice(cycle(texts), count)):
        place = folder / f"{number // PER_FOLDER:03}"
        place.mkdir(parents=True, exist_ok=True)
        first = f"Report number {number} was filed in the office."
        (place / f"{number:06}.txt").write_text(f"{first}\n\n{text}\n", encoding="utf-8")


def listing(folder: Path) -> dict[str, object]:
    """Return how long a folder takes to list, in seconds and in those of the processor."""
    started, before = time.perf_counter(), time.process_time()
    found = collect(InputOptions((str(folder),)))
    seconds, of_processor = time.perf_counter() - started, time.process_time() - before
    return {
        "listed": len(found.items),
        "seconds": round(seconds, 2),
        "processor_seconds": round(of_processor, 2),
    }


def one_run(folder: Path, cores: int, asked: Namespace) -> dict[str, object]:
    """Print the samples of a run, and return what they say together."""
    samples = []
    for sample in run(folder, cores, asked.every):
        say(asdict(sample))
        samples.append(sample)
    # Not before the first worker has its model, nor when they have ended.
    held = [sample.megabytes for sample in samples if 0 < sample.done < asked.documents]
    tenth = max(1, len(held) // 10)
    growth = median(held[-tenth:]) / median(held[:tenth]) if held else None
    end = samples[-1]
    return {
        "cores": cores,
        "documents": end.done,
        "documents_a_minute": round(60 * end.done / end.seconds, 1),
        "megabytes": max(held, default=None),
        "growth": growth and round(growth, 3),
    }


def run(folder: Path, cores: int, every: float) -> Iterator[Sample]:
    """Run `bbp summarize` on so many cores, and yield a sample at times; the last one at its end."""
    out = folder / f"out-{cores}"
    words = [sys.executable, "-m", "bbp_cli", "summarize", "-q", "in", "--output-dir", out.name]
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, allowed)  # the process and its workers inherit it
    started = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'model'}"}
    with subprocess.Popen(words, cwd=folder, env=environment) as process:
        os.sched_setaffinity(0, before)
        watched, held, count = psutil.Process(process.pid), 0.0, 0
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(every)
                break
            found = memory_of(watched)
            held, count = found if found[0] else (held, count)
            yield Sample(cores, round(time.perf_counter() - started, 1), lines(out), held, count)
    if process.returncode:
        raise SystemExit(f"bbp ended with {process.returncode}")
    yield Sample(cores, round(time.perf_counter() - started, 1), lines(out), held, count)


def memory_of(process: psutil.Process) -> tuple[float, int]:
    """Return the megabytes (10^6) that a process and its descendants hold, and how many they are."""
    held, count = 0, 0
    try:
        for one in (process, *process.children(recursive=True)):
            held += one.memory_info().rss
            count += 1
    except psutil.Error:  # it has ended meanwhile
        return 0.0, 0
    return round(held / 1e6, 1), count


def lines(out: Path) -> int:
    """Return how many documents have their record."""
    journal = out / JOURNAL_NAME
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


if __name__ == "__main__":
    main()
