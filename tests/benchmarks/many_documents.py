"""A run over many documents: documents a minute, memory over the run, time to list a folder.

    python -m tests.benchmarks.many_documents

Documents are the two of examples/ in turn, cut to a few sentences, each with a line of its own. Resident
memory of the process is sampled while it runs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bbp_cli.documents.inputs import InputOptions, collect
from tests.conftest import REPOSITORY

SOURCES = ("harbour-report.txt", "river-survey.txt")
SAMPLE_S = 5.0
PER_FOLDER = 1000


def make_documents(folder: Path, count: int, sentences: int) -> None:
    """Write documents, a thousand in each folder."""
    texts = [(REPOSITORY / "examples" / name).read_text() for name in SOURCES]
    for number in range(count):
        place = folder / f"{number // PER_FOLDER:03}"
        place.mkdir(parents=True, exist_ok=True)
        words = ". ".join(texts[number % 2].split(". ")[:sentences])
        (place / f"{number:06}.txt").write_text(
            f"Report number {number} was filed in the office.\n\n{words}.\n"
        )


def run(folder: Path, threads: int) -> Iterator[tuple[float, int, int]]:
    """Run `bbp summarize` and yield seconds, documents done and bytes held, every `SAMPLE_S`."""
    out = folder / f"out-{threads}"
    command = [sys.executable, "-m", "bbp_cli", "summarize", "-q", "--threads", str(threads)]
    started = time.perf_counter()
    with subprocess.Popen([*command, str(folder / "in"), "--output-dir", str(out)]) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            time.sleep(SAMPLE_S)
            try:
                memory = watched.memory_info().rss
            except psutil.NoSuchProcess:
                break
            yield time.perf_counter() - started, lines(out / ".bbp.jsonl"), memory
    yield time.perf_counter() - started, lines(out / ".bbp.jsonl"), 0


def lines(path: Path) -> int:
    """Return how many lines a file has."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def main() -> None:
    """Measure and print JSON Lines, then a summary."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--documents", type=int, default=10_000)
    options.add_argument("--sentences", type=int, default=8)
    options.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options.add_argument("--listed", type=int, default=100_000, help="files of the folder that is listed")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.listed:
            make_documents(folder / "many", asked.listed, 1)
            started = time.perf_counter()
            found = collect(InputOptions((str(folder / "many"),)))
            seconds = time.perf_counter() - started
            print(json.dumps({"listed": len(found.items), "seconds": round(seconds, 2)}), flush=True)
        make_documents(folder / "in", asked.documents, asked.sentences)
        for threads in asked.threads:
            seconds, done = 0.0, 0
            for seconds, done, memory in run(folder, threads):
                sample = {
                    "threads": threads,
                    "seconds": round(seconds, 1),
                    "done": done,
                    "mb": memory // 1_000_000,
                }
                print(json.dumps(sample), flush=True)
            print(
                json.dumps({"threads": threads, "documents_a_minute": round(60 * done / seconds)}), flush=True
            )


if __name__ == "__main__":
    main()
