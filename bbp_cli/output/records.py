"""The JSON records of results and of inputs that failed, one a line."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from bigbird_pegasus.kernels.arithmetic import Arithmetic

from bbp_cli.documents.document import Document
from bbp_cli.errors import BbpError
from bbp_cli.models.checkpoints import Checkpoint
from bbp_cli.models.hardware import Hardware
from bbp_cli.output.render import record_fields
from bbp_cli.tasks.gates import failed_gates
from bbp_cli.tasks.results import RecordResult
from bbp_cli.version import __version__

SCHEMA = "bbp.result/1"


class RecordedModel(Protocol):
    """What records say of a model, loaded here or elsewhere."""

    @property
    def checkpoint(self) -> Checkpoint:
        """Return its folder."""

    @property
    def hardware(self) -> Hardware:
        """Return what it runs on."""

    @property
    def arithmetic(self) -> Arithmetic:
        """Return what computes."""


@dataclass(frozen=True)
class ModelRun:
    """What a run has in common for all its results: the model, its options, how long it took to load."""

    model: RecordedModel
    params: Mapping[str, object]
    load_seconds: float


@dataclass(frozen=True)
class RecordHead:
    """How a record begins: the input's id, the task, and the key of the result where there is one."""

    id: str
    task: str
    key: str | None = None

    def fields(self, status: str) -> dict[str, Any]:
        """Return the first fields of a record."""
        fields = {"schema": SCHEMA, "id": self.id, "task": self.task, "status": status}
        key = {} if self.key is None else {"key": self.key}
        return {**fields, "bbp_version": __version__, **key}


def result_record(
    head: RecordHead, document: Document, result: RecordResult, run: ModelRun, timing: Mapping[str, float]
) -> dict[str, Any]:
    """Return the JSON record of one result; `timing` alone differs between two runs."""
    return {
        **head.fields("ok"),
        "source": {**source_fields(document), "tokens": result.coverage.tokens_total},
        **record_fields(result),
        "coverage": asdict(result.coverage),
        "failed_gates": list(failed_gates(result)),
        "model": model_record(run.model),
        "params": dict(run.params),
        "warnings": [*document.warnings, *result.warnings],
        "timing": {name: round(seconds, 3) for name, seconds in timing.items()},
    }


def source_fields(document: Document) -> dict[str, Any]:
    """Return what a record says of its document, but for the tokens, which depend on the model.

    Of a file that was not read to its end, digest and characters are None.
    """
    chars = None if document.is_beginning else len(document.text)
    return {**asdict(document.source), "pages": len(document.pages) or None, "chars": chars}


def error_record(head: RecordHead, path: str, sha256: str | None, error: BbpError) -> dict[str, Any]:
    """Return the JSON record of an input that failed; `sha256` is that of its bytes, where it has any."""
    return {
        **head.fields("error"),
        "source": {"path": path} | ({"sha256": sha256} if sha256 else {}),
        "error": {
            "code": error.code,
            "exit": error.exit_code,
            "message": error.message,
            "hint": error.hint,
        },
    }


def skipped_record(head: RecordHead, reason: str) -> dict[str, Any]:
    """Return the JSON record of a file in a folder that is not read."""
    return {**head.fields("skipped"), "source": {"path": head.id}, "reason": reason}


def model_record(loaded: RecordedModel) -> dict[str, Any]:
    """Return the model's part of a record: which one, its precision, its device."""
    checkpoint, arithmetic = loaded.checkpoint, loaded.arithmetic
    return {
        "id": checkpoint.folder.id,
        "revision": checkpoint.folder.revision,
        "weights_sha256": checkpoint.weights_sha256,
        "dtype": arithmetic.dtype,
        "quantization": arithmetic.quantization,
        "device": loaded.hardware.device,
        "attention": checkpoint.attention,
        "arithmetic": asdict(arithmetic),
    }


def json_line(record: Mapping[str, Any]) -> str:
    """Return a record on one line. Lone surrogates (bytes of a file name) become JSON's own escapes."""
    line = json.dumps(record, ensure_ascii=False, allow_nan=False)
    return line.encode("utf-8", "backslashreplace").decode("utf-8")
