"""Records of several runs → one file of JSON Lines, in order, and what is wrong with them together."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bbp_cli.batch.journal import slot_name
from bbp_cli.batch.store import JOURNAL_NAME
from bbp_cli.console import Console
from bbp_cli.documents.inputs import Inputs
from bbp_cli.errors import InputError, PartialError, some_names
from bbp_cli.files import is_folder
from bbp_cli.output.records import SCHEMA, json_line

_BEST_FIRST = ("ok", "error", "skipped")


@dataclass
class MergedRecords:
    """Records by input; `duplicates` counts those that say the same, `conflicts` names those that do not."""

    found: dict[tuple[str, str, str], list[dict[str, Any]]] = field(default_factory=dict)
    duplicates: int = 0
    conflicts: list[str] = field(default_factory=list)

    def add(self, record: dict[str, Any]) -> None:
        """Add a record; a result takes the place of a failure."""
        record.pop("output", None)  # files are where they are
        place = (
            slot_name(record["id"], record["source"]["path"]),
            record["task"],
            record.get("question", ""),
        )
        earlier = self.found.setdefault(place, [])
        if earlier:
            old = earlier[0]
            if record["status"] == old["status"] and record.get("key") == old.get("key"):
                self.duplicates += 1
                return
            if record["status"] == old["status"] == "ok":
                self.conflicts.append(record["id"])
            if _BEST_FIRST.index(record["status"]) > _BEST_FIRST.index(old["status"]):
                return
        self.found[place] = [record]

    def records(self) -> list[dict[str, Any]]:
        """Return all records, in the order in which their inputs came."""
        return [record for records in self.found.values() for record in records]


def merge(parts: Sequence[str], inputs: Inputs | None, console: Console) -> tuple[str, PartialError | None]:
    """Return the merged lines, and an error where something is missing or failed.

    With `inputs` the records are in their order, and inputs without a record are missing; otherwise they are
    in the order of their ids.

    Raises:
        InputError: a part cannot be read, or is damaged.
    """
    merged = MergedRecords()
    for part in parts:
        for record in read_part(part):
            merged.add(record)
    found = merged.records()
    missing: list[str] = []
    if inputs is None:
        found.sort(key=lambda record: (record["source"]["path"], record["id"]))
    else:
        order = {slot_name(item.id, item.path): number for number, item in enumerate(inputs.items)}
        places = [slot_name(record["id"], record["source"]["path"]) for record in found]
        known = set(places)
        missing = [item.label for item in inputs.items if slot_name(item.id, item.path) not in known]
        ranked = sorted(zip(places, found, strict=True), key=lambda pair: order.get(pair[0], -1))
        found = [record for _, record in ranked]
    _report(merged, found, console)
    failed = [record["id"] for record in found if record["status"] == "error"]
    told = [
        f"{len(names)} {what}: {some_names(names)}"
        for what, names in (("missing", missing), ("failed", failed))
        if names
    ]
    error = PartialError("; ".join(told)) if told else None
    return "".join(json_line(record) + "\n" for record in found), error


def read_part(part: str) -> Iterator[dict[str, Any]]:
    """Yield the records of JSON Lines, or of an output folder.

    Raises:
        InputError: it cannot be read, or a line is no record.
    """
    path = Path(part) / JOURNAL_NAME if is_folder(part) else Path(part)
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=part, code="missing") from error
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            if (
                not record["schema"].startswith(SCHEMA.partition("/")[0])
                or record["status"] not in _BEST_FIRST
            ):
                raise ValueError
            (record["id"], record["task"], record["source"]["path"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InputError(f"line {number} is no record of bbp", file=part, code="damaged") from None
        yield record


def _report(merged: MergedRecords, found: Sequence[dict[str, Any]], console: Console) -> None:
    if merged.duplicates:
        console.warn(None, f"{merged.duplicates} records are there more than once")
    if merged.conflicts:
        console.warn(None, f"different results, of which the last is taken: {some_names(merged.conflicts)}")
    for what in ("weights_sha256", "dtype", "quantization", "arithmetic"):
        values = {json.dumps(record["model"].get(what)) for record in found if record["status"] == "ok"}
        if len(values) > 1:
            console.warn(None, f"results differ in {what}: {', '.join(sorted(values))}")
    options = {json.dumps(record["params"], sort_keys=True) for record in found if record["status"] == "ok"}
    if len(options) > 1:
        console.warn(None, "results differ in params")
