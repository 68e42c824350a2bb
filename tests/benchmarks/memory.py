"""Most memory that a process ever held: `bbp summarize` on one document, and transformers.

    python -m tests.benchmarks.memory [--only float32:bfloat16,folder:int8,transformers:float32]

The model has random weights of the published size, 5 beams, and writes 256 tokens. The document is a text of
the examples, over and over, cut at 4,096 tokens. `float32:int8` reads the float32 checkpoint and rounds it
while loading, `folder:int8` what `bbp models convert` made of it. transformers reads as many tokens and
writes 8: it holds more later, and takes minutes for 256.

The figure is the system's: the largest resident set, with the interpreter, torch, and the pages of mapped
files that were read.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from bigbird_pegasus import PegasusTokenizer

from tests.benchmarks.machine import QUANTIZED, description, output_and_peak
from tests.benchmarks.published_size import FOLDER, ROOT, checkpoint, options_of
from tests.benchmarks.speed import TINY, Sizes, worker

TEXT = ROOT / "examples" / "harbour-report.txt"
BBP = [sys.executable, "-m", "bbp_cli"]
ROWS = (
    "float32:float32",
    "float32:bfloat16",
    *(f"{source}:{scheme}" for scheme in QUANTIZED for source in ("float32", "folder")),
    "transformers:float32",
    "transformers:bfloat16",
)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=ROWS, help="SOURCE:PRECISION,..."
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args(arguments)
    folder = checkpoint(asked.folder, asked.tiny)
    sizes = TINY if asked.tiny else Sizes()
    print("| | weights read from | tokens | peak of the process |\n| --- | --- | --- | --- |")
    with TemporaryDirectory(dir=folder.parent) as place:
        document = _document(folder, sizes.tokens, Path(place))
        for row in asked.only:
            source, precision = row.split(":")
            if source == "transformers":
                tokens, peak = sizes.tokens, _theirs(precision, folder, asked.threads, sizes)
                row = f"| transformers {precision} | float32 |"
            else:
                model = _converted(folder, precision, Path(place)) if source == "folder" else folder
                tokens, peak = _ours(precision, model, document, asked.threads)
                row = f"| bbp {precision} | {'a converted folder' if source == 'folder' else source} |"
            print(f"{row} {tokens:,} | {peak / 1e9:.2f} GB |", flush=True)
    print(f"\n{description(asked.threads)}; {date.today()}")


def _document(folder: Path, tokens: int, place: Path) -> Path:
    """Write a text of as many tokens as the model reads at once, or a few less."""
    tokenizer = PegasusTokenizer.from_pretrained(folder)
    words = TEXT.read_text(encoding="utf-8").split()
    words *= 1 + tokens // len(words)
    least, most = 0, len(words)
    while least < most:
        middle = (least + most + 1) // 2
        fits = len(tokenizer(" ".join(words[:middle]))["input_ids"]) <= tokens
        least, most = (middle, most) if fits else (least, middle - 1)
    path = place / "document.txt"
    path.write_text(" ".join(words[:least]), encoding="utf-8")
    return path


def _converted(folder: Path, precision: str, place: Path) -> Path:
    target = place / precision
    command = [
        *BBP,
        "models",
        "convert",
        folder,
        target,
        "--quantize",
        precision,
        "--dtype",
        "bfloat16",
        "-q",
    ]
    subprocess.run([*map(str, command)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return target


def _ours(precision: str, model: Path, document: Path, threads: int) -> tuple[int, int]:
    """Tokens that `bbp summarize` read, and the bytes it held."""
    options = (
        ["--dtype", "bfloat16", "--quantize", precision] if precision in QUANTIZED else ["--dtype", precision]
    )
    command = [*BBP, "summarize", document, "--model", model, *options, "--threads", threads, "--json", "-q"]
    printed, peak = output_and_peak(command, ROOT)
    coverage = json.loads(printed)["coverage"]
    assert coverage["windows"] == 1
    return coverage["tokens_read"], peak


def _theirs(precision: str, folder: Path, threads: int, sizes: Sizes) -> int:
    with worker("transformers", precision, folder, threads) as one:
        one.ask("generate", tokens=sizes.tokens, new_tokens=sizes.memory_tokens)
        return int(one.ask("memory")["peak"])


if __name__ == "__main__":
    main()
