"""Speed and memory against transformers: same random weights of the published size, 4,096 tokens, 5 beams.

    python -m tests.benchmarks.speed --output runs/speed.json
    python -m tests.benchmarks.speed --output runs/speed.json --only encoder,step --precisions bfloat16

Every model is a process of its own. The two sides take turns, so that what disturbs the machine disturbs
both. Samples are added to those in `--output`, and the tables are made of all of them: a long run can be done
in parts.

- encoder: one forward.
- step: one decode step of `generate` (forward, penalties, choice of beams), about 128 tokens in the cache.
- end-to-end: `generate`, 256 new tokens. For transformers, which takes minutes, the time to the first token
  is measured and 255 times the median step added, unless `--full`; the table says which it is.
- memory: most that the process ever held, from loading the float32 file to the eighth token; fresh processes.
- floor: multiplications at the machine's measured rate (encoder), bytes at its measured rate (step).
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from bigbird_pegasus import BigBirdPegasusConfig

from tests.benchmarks.machine import QUANTIZED, Rates, description, encoder_floor, step_floor
from tests.benchmarks.published_size import FOLDER, ROOT, checkpoint, options_of
from tests.benchmarks.worker import BEAMS

PARTS = ("encoder", "step", "end-to-end", "memory")
DTYPES = ("float32", "bfloat16")  # of both sides
PRECISIONS = (*DTYPES, *QUANTIZED)
SIDES = ("transformers", "bbp")
RATES = "rates"


@dataclass(frozen=True)
class Sizes:
    """What is measured."""

    tokens: int = 4096
    new_tokens: int = 256
    prompt: int = 120  # tokens in the cache before the steps that are timed
    warm_up: int = 768
    memory_tokens: int = 8


TINY = Sizes(tokens=64, new_tokens=6, prompt=3, warm_up=32, memory_tokens=2)


@dataclass(frozen=True)
class Sample:
    """One measurement: seconds of a part, or bytes of memory."""

    part: str
    side: str
    precision: str
    figures: dict[str, Any]


class Worker:
    """A model in a process of its own."""

    def __init__(self, side: str, precision: str, folder: Path, threads: int) -> None:
        self.side, self.precision = side, precision
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.worker",
            side,
            precision,
            str(folder),
            str(threads),
        ]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, call: str, **request: Any) -> dict[str, Any]:
        """Have something done, and return what was found."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"call": call, **request}), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"the process of {self.side} {self.precision} ended: see above")
        found: dict[str, Any] = json.loads(answer)
        return found

    def end(self) -> None:
        """Let the process end, and wait for it."""
        self._process.communicate()


@contextmanager
def worker(side: str, precision: str, folder: Path, threads: int) -> Iterator[Worker]:
    started = Worker(side, precision, folder, threads)
    try:
        yield started
    finally:
        started.end()


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _options(arguments)
    folder = checkpoint(asked.folder, asked.tiny)
    sizes = TINY if asked.tiny else Sizes()
    samples = _read(asked.output)
    timed = [part for part in asked.only if part != "memory"]
    pairs = [
        (side, precision)
        for precision in asked.precisions
        for side in asked.sides
        if side == "bbp" or precision not in QUANTIZED
    ]
    for sample in _measured(pairs, timed, asked, folder, sizes):
        samples.append(sample)
        _keep(sample, asked.output)
    config = BigBirdPegasusConfig.from_pretrained(folder)
    print("\n\n".join(tables(samples, config, sizes)))
    print(f"\n{description(asked.threads)}; {date.today()}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = options_of(__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="checkpoint, made where it is missing")
    parser.add_argument("--output", type=Path, help="JSON Lines of samples: read first, added to")
    parser.add_argument("--only", type=_words(PARTS), default=PARTS, help="parts to measure; 'none': tables")
    parser.add_argument("--precisions", type=_words(PRECISIONS), default=PRECISIONS)
    parser.add_argument("--sides", type=_words(SIDES), default=SIDES)
    parser.add_argument("--rounds", type=int, default=3, help="each side's turns (end-to-end: one)")
    parser.add_argument("--steps", type=int, default=16, help="decode steps a turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--full", action="store_true", help="transformers writes all 256 tokens too")
    parser.add_argument("--tiny", action="store_true", help="a tiny model: only to see that this runs")
    return parser.parse_args(arguments)


def _words(known: Sequence[str]) -> Any:
    def words(text: str) -> list[str]:
        named = [] if text == "none" else text.split(",")
        unknown = set(named) - set(known)
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)} (known: {', '.join(known)})")
        return named

    return words


def _keep(sample: Sample, output: Path | None) -> None:
    """Tell of a sample, and write it at once: a run may be ended before its end."""
    shown = {name: value for name, value in sample.figures.items() if name != "steps"}
    print(f"{sample.part}: {sample.side} {sample.precision} {shown}", file=sys.stderr)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("a", encoding="utf-8") as file:
            file.write(json.dumps(vars(sample) | {"date": str(date.today())}) + "\n")


def _measured(
    pairs: Sequence[tuple[str, str]],
    timed: Sequence[str],
    asked: argparse.Namespace,
    folder: Path,
    sizes: Sizes,
) -> Iterator[Sample]:
    if timed:
        yield from _timings(pairs, timed, asked, folder, sizes)
    if "memory" in asked.only:
        for side, precision in pairs:
            yield _memory(side, precision, folder, asked.threads, sizes)


def _timings(
    pairs: Sequence[tuple[str, str]],
    parts: Sequence[str],
    asked: argparse.Namespace,
    folder: Path,
    sizes: Sizes,
) -> Iterator[Sample]:
    def sample(part: str, one: Worker, figures: dict[str, Any]) -> Sample:
        return Sample(part, one.side, one.precision, figures)

    with ExitStack() as stack:

        def start(side: str, precision: str) -> Worker:
            return stack.enter_context(worker(side, precision, folder, asked.threads))

        machine = start("machine", "")
        workers = [start(*pair) for pair in pairs]
        for one in workers:  # waits for the last to be loaded: nothing loads while another one is timed
            yield sample("loading", one, one.ask("loading"))
        for one in workers if set(parts) != {"step"} else ():
            one.ask("encode", tokens=sizes.warm_up)
        for number in range(asked.rounds):
            small = {"rows": 64, "width": 32} if asked.tiny else {}
            yield sample(RATES, machine, machine.ask("rates", **small))
            for part in parts:
                for one in workers if part != "end-to-end" or number == 0 else ():
                    yield sample(part, one, _measure(one, part, asked, sizes))


def _measure(one: Worker, part: str, asked: argparse.Namespace, sizes: Sizes) -> dict[str, Any]:
    if part == "encoder":
        return one.ask("encode", tokens=sizes.tokens)
    if part == "step":
        return one.ask("steps", tokens=sizes.tokens, count=asked.steps, prompt=sizes.prompt)
    whole = one.side == "bbp" or asked.full
    found = one.ask("generate", tokens=sizes.tokens, new_tokens=sizes.new_tokens if whole else 2)
    return found | {"whole": whole}


def _memory(side: str, precision: str, folder: Path, threads: int, sizes: Sizes) -> Sample:
    with worker(side, precision, folder, threads) as one:
        loading = one.ask("loading")
        one.ask("generate", tokens=sizes.tokens, new_tokens=sizes.memory_tokens)
        figures = {"loading": loading["peak"], "peak": one.ask("memory")["peak"]}
    return Sample("memory", side, precision, figures)


def _read(path: Path | None) -> list[Sample]:
    if path is None or not path.is_file():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Sample(row["part"], row["side"], row["precision"], row["figures"]) for row in rows]


# Tables

Seconds = dict[tuple[str, str], list[float]]  # of side and precision


def tables(samples: Sequence[Sample], config: BigBirdPegasusConfig, sizes: Sizes) -> list[str]:
    """Markdown of what was measured, one table a part."""
    measured = [sample.figures for sample in samples if sample.part == RATES]
    rates = Rates(**{name: max(row[name] for row in measured) for name in measured[0]}) if measured else None
    encoder: Seconds = {}
    step: Seconds = {}
    for sample in samples:
        key = sample.side, sample.precision
        if sample.part == "encoder":
            encoder.setdefault(key, []).append(sample.figures["seconds"])
        elif sample.part == "step":
            step.setdefault(key, []).extend(sample.figures["steps"])
    floors = {
        precision: (
            encoder_floor(config, sizes.tokens, precision, rates),
            step_floor(config, sizes.tokens, BEAMS, sizes.prompt + 8, precision, rates),
        )
        for precision in PRECISIONS
        if rates is not None
    }
    found = []
    if encoder:
        title = f"encoder, {sizes.tokens:,} tokens"
        found.append(_table(title, encoder, {name: both[0] for name, both in floors.items()}))
    if step:
        title = f"decode step, {BEAMS} beams"
        found.append(_table(title, step, {name: both[1] for name, both in floors.items()}))
    whole, estimated = _end_to_end(samples, step, sizes)
    if whole:
        least = {
            name: of_encoder + sizes.new_tokens * of_step for name, (of_encoder, of_step) in floors.items()
        }
        title = f"end to end, {sizes.new_tokens} new tokens"
        found.append(_table(title, whole, least, estimated))
    memory = [sample for sample in samples if sample.part == "memory"]
    if memory:
        found.append(_memory_table(memory))
    if rates is not None:
        found.append(
            f"Measured rates: {rates.float32 / 1e9:.0f} (float32), {rates.bfloat16 / 1e9:.0f} (bfloat16) and "
            f"{rates.int8 / 1e9:.0f} (int8) G operations/s in a matrix product, {rates.bytes_read / 1e9:.1f} "
            "GB/s read from memory."
        )
    return found


def _end_to_end(
    samples: Sequence[Sample], step: Seconds, sizes: Sizes
) -> tuple[Seconds, set[tuple[str, str]]]:
    """Seconds, and of whom they are estimated; what was measured as a whole counts alone."""
    whole: Seconds = {}
    parts: Seconds = {}
    for sample in samples:
        if sample.part != "end-to-end":
            continue
        key, figures = (sample.side, sample.precision), sample.figures
        if figures["whole"]:
            whole.setdefault(key, []).append(figures["seconds"])
        elif key in step:
            rest = (sizes.new_tokens - 1) * median(step[key])
            parts.setdefault(key, []).append(figures["first"] + rest)
    estimated = set(parts) - set(whole)
    return {**parts, **whole}, estimated


def _table(
    title: str, rows: Seconds, floors: dict[str, float], estimated: set[tuple[str, str]] | None = None
) -> str:
    """One row a side and precision, transformers first."""
    theirs = {
        precision: median(rows["transformers", precision])
        for precision in DTYPES
        if ("transformers", precision) in rows
    }
    lines = [
        f"| {title} | min s | median s | max s | n | transformers float32 / it | "
        "transformers bfloat16 / it | floor s | it / floor |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for side, precision in sorted(rows, key=lambda key: (SIDES.index(key[0]), PRECISIONS.index(key[1]))):
        seconds = rows[side, precision]
        middle = median(seconds)
        ratios = [f"{theirs[name] / middle:.1f}" if name in theirs else "" for name in DTYPES]
        floor = floors.get(precision)
        bound = ["", ""] if floor is None else [_number(floor), f"{middle / floor:.2f}"]
        note = " (estimated)" if estimated and (side, precision) in estimated else ""
        cells = [
            f"{side} {precision}{note}",
            *map(_number, (min(seconds), middle, max(seconds))),
            str(len(seconds)),
            *ratios,
            *bound,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds >= 10 else f"{seconds:.2f}" if seconds >= 1 else f"{seconds:.4f}"


def _memory_table(samples: Sequence[Sample]) -> str:
    lines = ["| peak memory of the process | after loading, GB | in all, GB |", "| --- | --- | --- |"]
    latest = {(sample.side, sample.precision): sample.figures for sample in samples}
    for side, precision in sorted(latest, key=lambda key: (SIDES.index(key[0]), PRECISIONS.index(key[1]))):
        figures = latest[side, precision]
        lines.append(f"| {side} {precision} | {figures['loading'] / 1e9:.2f} | {figures['peak'] / 1e9:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
