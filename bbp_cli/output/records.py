"""The JSON records of results and of inputs that failed, one a line."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bbp_cli.documents.document import Document
from bbp_cli.errors import BbpError
from bbp_cli.models.checkpoints import LoadedModel
from bbp_cli.output.render import record_fields
from bbp_cli.tasks.results import RecordResult
from bbp_cli.version import __version__

SCHEMA = "bbp.result/1"


@dataclass(frozen=True)
class ModelRun:
    """What a run has in common for all its results: the model, its options, how long it took to load."""

    model: LoadedModel
    params: Mapping[str, object]
    load_seconds: float


def result_record(
    task: str, document: Document, result: RecordResult, run: ModelRun, timing: Mapping[str, float]
) -> dict[str, Any]:
    """Return the JSON record of one result; `timing` alone differs between two runs."""
    source = document.source
    return {
        **_record_head(source.path, task, "ok"),
        "source": {
            **asdict(source),
            "pages": len(document.pages) or None,
            "chars": len(document.text),
            "tokens": result.coverage.tokens_total,
        },
        **record_fields(result),
        "coverage": asdict(result.coverage),
        "model": model_record(run.model),
        "params": dict(run.params),
        "warnings": [*document.warnings, *result.warnings],
        "timing": {name: round(seconds, 3) for name, seconds in timing.items()},
    }


def error_record(path: str, task: str, error: BbpError) -> dict[str, Any]:
    """Return the JSON record of an input that failed."""
    return {
        **_record_head(path, task, "error"),
        "source": {"path": path},
        "error": {
            "code": error.code,
            "exit": error.exit_code,
            "message": error.message,
            "hint": error.hint,
        },
    }


def model_record(loaded: LoadedModel) -> dict[str, Any]:
    """Return the model's part of a record: which one, its precision, its device."""
    checkpoint = loaded.checkpoint
    return {
        "id": checkpoint.folder.id,
        "revision": checkpoint.folder.revision,
        "weights_sha256": checkpoint.weights_sha256,
        "dtype": loaded.hardware.dtype,
        "quantization": loaded.model.quantization,
        "device": loaded.hardware.device,
        "attention": checkpoint.attention,
    }


def json_line(record: Mapping[str, Any]) -> str:
    """Return a record on one line. Lone surrogates (bytes of a file name) become JSON's own escapes."""
    line = json.dumps(record, ensure_ascii=False, allow_nan=False)
    return line.encode("utf-8", "backslashreplace").decode("utf-8")


def _record_head(path: str, task: str, status: str) -> dict[str, Any]:
    return {"schema": SCHEMA, "id": path, "task": task, "status": status, "bbp_version": __version__}
