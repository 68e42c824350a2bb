"""How long bbp takes to be ready, and how long and how much memory the default model takes.

    python -m tests.benchmarks.start [--only summarize,commands,folder,model,loading,converted]

- summarize: `bbp summarize` on an example with the default model beside a bare `python -c "import torch"`,
  and the peak of the process's memory.
- commands: what a user waits for, each as a multiple of `python -c pass`.
- folder: documents of about 4,400 tokens with the default model, in numpy and in torch, both float32.
- model: `bbp summarize --json` on 300 words and on about 4,096 tokens: from text to summary, without loading
  (`timing.summarize_seconds` of the record), and the peak of the whole process's memory.
- loading: memory at its peak while the 2.3 GB float32 checkpoint becomes bfloat16 (or int8, int4, nf4), over
  what the process held before, compared with the weights that result.
- converted: an int8 checkpoint that `bbp models convert` wrote: seconds until it is loaded, and `cat` of it.

Commands take turns.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from itertools import accumulate
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from bigbird_pegasus import DEFAULT_MODEL, PegasusTokenizer
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.windows import encode

from tests.benchmarks.machine import QUANTIZED, description, output_and_peak
from tests.benchmarks.published_size import FOLDER, ROOT, WEIGHTS_FILE, checkpoint, options_of, tensor_sizes
from tests.benchmarks.speed import worker

PARTS = ("summarize", "commands", "folder", "model", "loading", "converted")
WORDS = 300
TOKENS = 4096
PAGES, PAGE_WORDS = 30, 350
DOCUMENT_WORDS = 3_100  # of a document of the folder: 4,400 tokens
TEXT = ROOT / "examples" / "harbour-report.txt"
BBP = [sys.executable, "-m", "bbp_cli"]
# The command as it was before there was an engine without torch.
IN_TORCH = """
import sys
import bbp_cli.models.loading as loading
from bbp_cli.main import main
loading.suits_numpy = lambda *asked: False
sys.argv = ["bbp", *sys.argv[1:], "--dtype", "float32"]
main()
"""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--only", type=lambda text: text.split(","), default=PARTS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--documents", type=int, default=100, help="of the folder")
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args(arguments)
    if "summarize" in asked.only:
        print(_summarize(asked.rounds), end="\n\n")
    if "commands" in asked.only:
        print(_commands(asked.rounds), end="\n\n")
    if "folder" in asked.only:
        print(_folder(asked.documents, asked.threads), end="\n\n")
    if "model" in asked.only:
        print(_model(asked.rounds, asked.threads), end="\n\n")
    if "loading" in asked.only:
        print(_loading(checkpoint(asked.folder, asked.tiny), asked.threads), end="\n\n")
    if "converted" in asked.only:
        print(_converted(checkpoint(asked.folder, asked.tiny), asked.rounds), end="\n\n")
    print(f"{description(asked.threads)}; {date.today()}")


def _summarize(rounds: int) -> str:
    command = [*BBP, "summarize", str(TEXT)]
    commands = {
        'python -c "import torch"': [sys.executable, "-c", "import torch"],
        f"bbp summarize {TEXT.name}": command,
    }
    taken = _in_turns(commands, rounds)
    bare, summarized = (median(seconds) for seconds in taken.values())
    _, peak = output_and_peak(command, ROOT)
    told = f"bbp summarize takes {summarized / bare:.2f} times as long, and {peak / 1e6:.0f} MB at its peak."
    return f"{_table(taken)}\n\n{told}"


def _commands(rounds: int) -> str:
    from tests.cli.pdfs import make_pdf

    words = TEXT.read_text(encoding="utf-8").encode("latin-1", "replace").decode("latin-1").split()
    words *= 1 + PAGES * PAGE_WORDS // len(words)
    pages = [" ".join(words[n * PAGE_WORDS : (n + 1) * PAGE_WORDS]) for n in range(PAGES)]
    with TemporaryDirectory() as made:
        text, pdf, int8 = (Path(made) / name for name in ("short.txt", "long.pdf", "int8"))
        text.write_text(" ".join(words[:WORDS]), encoding="utf-8")
        pdf.write_bytes(make_pdf(pages))
        convert = [*BBP, "models", "convert", str(DEFAULT_MODEL), str(int8), "--quantize", "int8"]
        subprocess.run(convert, check=True, cwd=ROOT, capture_output=True)
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "bbp --help": [*BBP, "--help"],
            "bbp doctor": [*BBP, "doctor"],
            f"bbp summarize, {WORDS} words": [*BBP, "summarize", str(text)],
            f"bbp summarize, a PDF of {PAGES} pages": [*BBP, "summarize", str(pdf)],
            f"bbp summarize, {WORDS} words, an int8 checkpoint": [
                *(*BBP, "summarize", str(text), "--model", str(int8)),
            ],
        }
        taken = _in_turns(commands, rounds)
    bare = median(taken["python -c pass"])
    lines = ["| | median s | times `python -c pass` |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {median(t):.2f} | {median(t) / bare:.0f} |" for name, t in taken.items()]
    return "\n".join(lines)


def _folder(documents: int, threads: int) -> str:
    words = TEXT.read_text(encoding="utf-8").split()
    words *= 2 + (DOCUMENT_WORDS + documents) // len(words)
    with TemporaryDirectory() as made:
        for number in range(documents):
            text = " ".join(words[number : number + DOCUMENT_WORDS])
            (Path(made) / f"{number}.txt").write_text(text, encoding="utf-8")
        command = [*BBP, "summarize", made, "--quiet", "--threads", str(threads)]
        in_torch = [sys.executable, "-c", IN_TORCH, *command[3:]]
        taken = _in_turns({"numpy": command, "torch float32": in_torch}, 1)
    ours, theirs = (seconds[0] for seconds in taken.values())
    return (
        f"{documents} documents of {DOCUMENT_WORDS} words, {threads} threads, whole process: "
        f"numpy {ours:.1f} s, torch float32 {theirs:.1f} s ({ours / theirs:.2f} of it)."
    )


def _model(rounds: int, threads: int) -> str:
    tokenizer = PegasusTokenizer.from_pretrained(DEFAULT_MODEL)
    text = TEXT.read_text(encoding="utf-8") * 3
    encoded = encode(parse_text(text), tokenizer, tokenizer.model_max_length)
    whole = next(n for n, total in enumerate(accumulate(encoded.counts)) if total > TOKENS)
    texts = [" ".join(text.split()[:WORDS]), text[: encoded.sentences[whole - 1].end]]
    lines = [
        "| words | tokens | min s | median s | max s | peak memory of the process, MB | n |",
        "| --- " * 7 + "|",
    ]
    for one in texts:
        seconds, peaks, tokens = [], [], 0
        for _ in range(rounds):
            record, peak = _summarized(one, threads)
            seconds.append(record["timing"]["summarize_seconds"])
            peaks.append(peak)
            tokens = record["source"]["tokens"]
        figures = (f"{figure:.3f}" for figure in (min(seconds), median(seconds), max(seconds)))
        lines.append(
            f"| {len(one.split()):,} | {tokens:,} | {' | '.join(figures)} | {max(peaks):.0f} | {rounds} |"
        )
    return "\n".join(lines)


def _summarized(text: str, threads: int) -> tuple[dict[str, Any], float]:
    """The record of a text, and the MB (10^6 bytes) that the process held at its peak."""
    with TemporaryDirectory() as made:
        file = Path(made) / "text"
        file.write_text(text, encoding="utf-8")
        command = [*BBP, "summarize", "--json", "--threads", str(threads), str(file)]
        printed, peak = output_and_peak(command, ROOT)
    return json.loads(printed), peak / 1e6


def _in_turns(commands: dict[str, list[str]], rounds: int, text: str = "") -> dict[str, list[float]]:
    """Seconds of each command; the first turn, which fills the file cache, is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, input=text.encode(), stdout=subprocess.DEVNULL, check=True, cwd=ROOT)
            if number:
                taken[name].append(time.perf_counter() - start)
    return taken


def _table(taken: dict[str, list[float]]) -> str:
    lines = ["| | min s | median s | max s | n |", "| --- | --- | --- | --- | --- |"]
    for name, seconds in taken.items():
        figures = (min(seconds), median(seconds), max(seconds))
        lines.append(f"| `{name}` | {' | '.join(f'{s:.2f}' for s in figures)} | {len(seconds)} |")
    return "\n".join(lines)


def _loading(folder: Path, threads: int) -> str:
    one_tensor = 4 * max(tensor_sizes(folder))
    lines = [
        "| loading float32 as | s | final weights, GB | peak over the start, GB | less one tensor / final |",
        "| --- | --- | --- | --- | --- |",
    ]
    for precision in ("bfloat16", *QUANTIZED):
        with worker("bbp", precision, folder, threads) as one:
            figures, final = one.ask("loading"), one.ask("weights")["bytes"]
        peak = figures["peak"] - figures["before"]
        lines.append(
            f"| {precision} | {figures['seconds']:.1f} | {final / 1e9:.2f} | {peak / 1e9:.2f} | "
            f"{(peak - one_tensor) / final:.2f} |"
        )
    return "\n".join([*lines, "", f"One tensor, the largest in float32: {one_tensor / 1e9:.2f} GB."])


def _converted(folder: Path, rounds: int) -> str:
    with TemporaryDirectory(dir=folder.parent) as made:
        target = Path(made) / "int8"
        command = [*BBP, "models", "convert", str(folder), str(target), "--quantize", "int8"]
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        load = f"from bigbird_pegasus import load_model; load_model({str(target)!r}, dtype='bfloat16')"
        file = target / WEIGHTS_FILE
        commands = {
            f"cat ({file.stat().st_size / 1e9:.2f} GB)": ["cat", str(file)],
            'python -c "from bigbird_pegasus import load_model"': [sys.executable, "-c", load.split(";")[0]],
            "python -c \"load_model('int8')\"": [sys.executable, "-c", load],
        }
        taken = _in_turns(commands, rounds)
    cat, bare, loaded = (median(seconds) for seconds in taken.values())
    told = f"Loading takes {(loaded - bare) / cat:.1f} times as long as cat, imports not counted."
    return f"{_table(taken)}\n\n{told}"


if __name__ == "__main__":
    main()
