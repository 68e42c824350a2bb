"""Where the time goes: torch's profile of one encoder forward, and of decode steps after the first, 5 beams.

python -m tests.benchmarks.profile [--precision bfloat16] [--only encoder,step]
"""

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.published_size import FOLDER, checkpoint, options_of
from tests.benchmarks.speed import PRECISIONS, SIDES, TINY, Sizes, worker


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--precision", choices=PRECISIONS, default="bfloat16")
    parser.add_argument("--side", choices=SIDES, default="bbp")
    parser.add_argument("--only", type=lambda text: text.split(","), default=["encoder", "step"])
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rows", type=int, default=20, help="of each table")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tiny", action="store_true")
    asked = parser.parse_args(arguments)
    sizes = TINY if asked.tiny else Sizes()
    requests = {
        "encoder": {"tokens": sizes.tokens},
        "step": {"tokens": sizes.tokens, "count": asked.steps, "prompt": 1},
    }
    folder = checkpoint(asked.folder, asked.tiny)
    with worker(asked.side, asked.precision, folder, asked.threads) as one:
        one.ask("encode", tokens=sizes.warm_up)
        for part in asked.only:
            print(f"{part}, {asked.side} {asked.precision}")
            print(one.ask("profile", part=part, rows=asked.rows, **requests[part])["table"])


if __name__ == "__main__":
    main()
