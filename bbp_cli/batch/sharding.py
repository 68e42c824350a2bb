"""Shares of a run for several machines, by the content of the documents."""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bbp_cli.batch.store import source_digest
from bbp_cli.documents.inputs import Input, Inputs
from bbp_cli.errors import InputError, UsageError

_SHARD = re.compile(r"(\d+|auto)(?:/(\d+))?")


@dataclass(frozen=True)
class Shard:
    """Share `number` of `count`, from 1."""

    number: int
    count: int

    def takes(self, item: Input) -> bool:
        """Return whether an input belongs to this share: by its bytes, or by its name where it has none."""
        digest = _digest(item)
        return int(digest[:16], 16) % self.count == self.number - 1


def parse_shard(text: str, environment: Mapping[str, str] = os.environ) -> Shard:
    """Parse `K/N`, `auto` or `auto/N`; auto takes K, and N, from a Slurm array or a Kubernetes indexed job.

    Raises:
        UsageError: it is neither, or the environment does not say.
    """
    found = _SHARD.fullmatch(text)
    if found is None or (found[1] != "auto" and found[2] is None):
        raise UsageError(f"--shard {text!r} is neither K/N nor auto", hint="for example --shard 2/7")
    number, count = found[1], found[2]
    if number == "auto":
        number, count = _from_environment(environment, count)
    if not 1 <= int(number) <= int(count):
        raise UsageError(f"--shard {number}/{count}: K counts from 1 to N")
    return Shard(int(number), int(count))


def share_of(inputs: Inputs, shard: Shard) -> Inputs:
    """Return the inputs of a share; files that are skipped are reported by the first."""
    items = tuple(item for item in inputs.items if shard.takes(item))
    return replace(inputs, items=items, skipped=inputs.skipped if shard.number == 1 else ())


def _from_environment(environment: Mapping[str, str], count: str | None) -> tuple[str, str]:
    def number(name: str, default: str | None = None) -> int:
        value = environment.get(name, default)
        if value is None or not value.isdigit():
            raise UsageError(f"--shard auto: {name} is not set", hint="give K/N, or auto/N")
        return int(value)

    if "SLURM_ARRAY_TASK_ID" in environment:
        first, step = number("SLURM_ARRAY_TASK_MIN"), number("SLURM_ARRAY_TASK_STEP", "1")
        index = (number("SLURM_ARRAY_TASK_ID") - first) // max(1, step)
        return str(index + 1), count or str(number("SLURM_ARRAY_TASK_COUNT"))
    index = number("JOB_COMPLETION_INDEX")
    return str(index + 1), count or str(number("JOB_COMPLETIONS"))


def _digest(item: Input) -> str:
    if item.row is not None and item.problem is None:
        try:
            return str(item.row.read().source.sha256)  # of a row there is always one
        except InputError:
            return hashlib.sha256(item.id.encode("utf-8", "surrogatepass")).hexdigest()
    return source_digest(item) or hashlib.sha256(item.path.encode("utf-8", "surrogatepass")).hexdigest()
