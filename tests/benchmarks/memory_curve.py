"""Memory of one `bbp summarize` over many documents, and of `bbp evaluate`: it should not grow.

    python -m tests.benchmarks.memory_curve [--documents 10000] [--characters 2000] [--only PARTS]

The documents are the first characters of records of the training corpus, over and over where there are more.
The resident set is read from outside, each time a tenth more of the results has been written.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from tests.benchmarks.baselines import CORPUS, read
from tests.benchmarks.machine import description
from tests.benchmarks.published_size import ROOT, options_of

FIRST = 100  # documents, whose memory is compared with that at the end
POINTS = 10
BBP = [sys.executable, "-m", "bbp_cli"]
PARTS = ("summarize", "evaluate")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__)
    parser.add_argument("--corpus", type=Path, default=CORPUS / "train.jsonl.gz")
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--characters", type=int, default=2_000, help="of each document")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", type=lambda text: text.split(","), default=PARTS)
    asked = parser.parse_args(arguments)
    with TemporaryDirectory() as made:
        data = _data(asked.corpus, asked.documents, asked.characters, Path(made))
        for part in asked.only:
            command = _commands(data, asked.threads)[part]
            print(f"| bbp {part}, documents | resident, MB | of that after {FIRST} |\n| --- | --- | --- |")
            base = 0.0
            for done, megabytes in _curve(command, asked.documents):
                base = base or megabytes
                print(f"| {done:,} | {megabytes:.1f} | {megabytes / base:.3f} |", flush=True)
            print()
    print(f"{asked.characters} characters each; {description(asked.threads)}; {date.today()}")


def _data(corpus: Path, documents: int, characters: int, folder: Path) -> Path:
    """Write the documents as one file of records and as text files with a list of their names."""
    records = list(islice(cycle(read(corpus)), documents))
    (folder / "texts").mkdir()
    paths = []
    with (folder / "data.jsonl").open("w", encoding="utf-8") as lines:
        for number, record in enumerate(records):
            text = record.document[:characters]
            row = {"id": str(number), "document": text, "summary": record.summary}
            lines.write(json.dumps(row) + "\n")
            path = folder / "texts" / f"{number}.txt"
            path.write_text(text, encoding="utf-8")
            paths.append(str(path))
    (folder / "names").write_text("\n".join(paths), encoding="utf-8")
    return folder


def _commands(data: Path, threads: int) -> dict[str, list[str]]:
    more = ["--json", "--quiet", "--threads", str(threads)]
    return {
        "summarize": [*BBP, "summarize", "--files-from", str(data / "names"), *more],
        "evaluate": [*BBP, "evaluate", str(data / "data.jsonl"), *more],
    }


def _curve(command: list[str], documents: int) -> Iterator[tuple[int, float]]:
    """Yield how many results were written, and the megabytes (10^6) that the process holds then."""
    wanted = {min(FIRST, documents), *(documents * n // POINTS for n in range(1, POINTS + 1))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        watched = psutil.Process(process.pid)
        for done, _ in enumerate(process.stdout, start=1):
            if done in wanted:
                yield done, watched.memory_info().rss / 1e6
        if process.wait() != 0:
            raise SystemExit(f"{command} ended with {process.returncode}")


if __name__ == "__main__":
    main()
