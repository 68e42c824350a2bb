"""The encoder's seconds and peak memory from 1,024 to 65,536 tokens: a table, and a plot (PNG).

    python -m tests.benchmarks.scaling [--plot tests/benchmarks/scaling.png]

A document longer than the model's positions is read in windows, one after the other, as `bbp` reads it. Each
length has a process of its own, and every figure is the median of the rounds.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median

from bigbird_pegasus import BigBirdPegasusConfig

from tests.benchmarks.machine import description
from tests.benchmarks.published_size import FOLDER, checkpoint, options_of
from tests.benchmarks.speed import PRECISIONS, TINY, Sizes, worker

LENGTHS = (1024, 4096, 16384, 65536)


@dataclass(frozen=True)
class Point:
    """What reading so many tokens took."""

    tokens: int
    windows: int
    seconds: float
    peak: int


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--precision", choices=PRECISIONS, default="bfloat16")
    parser.add_argument("--lengths", type=lambda text: [int(word) for word in text.split(",")])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, help="JSON Lines of points: read first, added to")
    parser.add_argument("--plot", type=Path, help="PNG to write (needs matplotlib)")
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args(arguments)
    folder = checkpoint(asked.folder, asked.tiny)
    sizes = TINY if asked.tiny else Sizes()
    window = BigBirdPegasusConfig.from_pretrained(folder).max_position_embeddings
    lengths = asked.lengths if asked.lengths is not None else [64, 512] if asked.tiny else LENGTHS
    points = _read(asked.output)
    for tokens in lengths:
        point = _measure(tokens, window, folder, asked.precision, asked.threads, asked.rounds, sizes)
        print(point, file=sys.stderr)
        points.append(point)
        if asked.output:
            asked.output.parent.mkdir(parents=True, exist_ok=True)
            with asked.output.open("a", encoding="utf-8") as file:
                file.write(json.dumps(vars(point)) + "\n")
    points = sorted({point.tokens: point for point in points}.values(), key=lambda point: point.tokens)
    print(_table(points))
    print(f"\nbbp {asked.precision}; {description(asked.threads)}; {date.today()}")
    if asked.plot:
        _plot(points, asked.precision, asked.plot)


def _measure(
    tokens: int, window: int, folder: Path, precision: str, threads: int, rounds: int, sizes: Sizes
) -> Point:
    parts = [min(window, tokens - start) for start in range(0, tokens, window)]
    with worker("bbp", precision, folder, threads) as one:
        one.ask("encode", tokens=min(tokens, sizes.warm_up))
        taken = [sum(one.ask("encode", tokens=part)["seconds"] for part in parts) for _ in range(rounds)]
        return Point(tokens, len(parts), median(taken), one.ask("memory")["peak"])


def _read(path: Path | None) -> list[Point]:
    if path is None or not path.is_file():
        return []
    return [Point(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _table(points: Sequence[Point]) -> str:
    lines = ["| tokens | windows | encoder, s | s for 1,024 tokens | peak memory, GB |", "| --- " * 5 + "|"]
    for point in points:
        each, memory = 1024 * point.seconds / point.tokens, point.peak / 1e9
        lines.append(
            f"| {point.tokens:,} | {point.windows} | {point.seconds:.1f} | {each:.2f} | {memory:.2f} |"
        )
    return "\n".join(lines)


def _plot(points: Sequence[Point], precision: str, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    figure, seconds = pyplot.subplots(figsize=(6, 3.6), layout="constrained")
    tokens = [point.tokens for point in points]
    seconds.plot(tokens, [point.seconds for point in points], "o-", color="tab:blue", label="seconds")
    slope = points[-1].seconds / points[-1].tokens
    seconds.plot(tokens, [slope * n for n in tokens], ":", color="grey", label="proportional to the tokens")
    seconds.set(xscale="log", yscale="log", xlabel="tokens", ylabel="encoder, seconds")
    seconds.set_xticks(tokens, [f"{n:,}" for n in tokens], minor=False)
    memory = seconds.twinx()
    memory.plot(tokens, [point.peak / 1e9 for point in points], "s--", color="tab:red", label="memory")
    memory.set(ylabel="peak memory, GB", ylim=(0, None))
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    figure.suptitle("")
    pyplot.title(f"577 M parameters, {precision}", fontsize="medium")
    figure.savefig(path, dpi=120, metadata={"Software": None})
    pyplot.close(figure)


if __name__ == "__main__":
    main()
