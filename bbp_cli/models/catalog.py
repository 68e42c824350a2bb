"""The work of `bbp models`: pull models into the Hub's cache, list, describe and remove them."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from bigbird_pegasus.checkpoints.cache import means_commit, references, storage_folder
from bigbird_pegasus.checkpoints.files import MODEL_CARD_FILE, is_complete
from rich.filesize import decimal

from bbp_cli.console import Console
from bbp_cli.errors import ModelError, UsageError
from bbp_cli.models.checkpoints import (
    Checkpoint,
    ModelKind,
    TaskName,
    architecture_for,
    inspect,
    load_tokenizer,
    model_errors,
)
from bbp_cli.models.names import (
    DEFAULT,
    ModelFolder,
    cached_folders,
    check_revision,
    fetch,
    find_cached,
    hub_errors,
    local_folder,
    locate,
    refuse_offline,
    repository_of,
)

SCHEMA = "bbp.model/1"
# What records and `bbp models info` call the kinds, since their first version.
RECORDED_KINDS: dict[ModelKind, str] = {
    "extractive": "extractive",
    "abstractive": "writing",
    "classification": "labelling",
    "question_answering": "answering",
}


@dataclass(frozen=True)
class Entry:
    """A model on this computer; `references` are the branches and tags that mean its revision."""

    id: str
    task: TaskName
    kind: str
    size_bytes: int
    revision: str | None
    references: list[str]
    path: str


@dataclass(frozen=True)
class Description(Entry):
    """What is known of a model once it is loaded; `dtype` is of the stored weights that are not quantized."""

    architecture: str
    parameters: int
    dtype: str
    quantization: str | None
    weights_sha256: str
    context_tokens: int
    vocabulary: int
    license: str | None


def pull(name: str, revision: str | None, console: Console, *, offline: bool) -> ModelFolder:
    """Bring the newest commit of a model into the cache, complete and verified.

    Raises:
        UsageError, ModelError, OutputError: see `names.locate`.
    """
    if local_folder(name) is not None or offline:
        folder = locate(name, revision=revision, offline=True)
    else:
        repository = repository_of(name)
        check_revision(revision)
        refuse_offline(repository, offline=False)
        folder = fetch(repository, revision, partial(architecture_for, task=None), console)
    return inspect(folder).folder


def find_here(name: str, revision: str | None) -> ModelFolder:
    """Find a model on this computer.

    Raises:
        UsageError: see `names.locate`.
        ModelError: it is not there, or not all of it, or bbp cannot run it.
    """
    if local_folder(name) is not None:
        return inspect(locate(name, revision=revision)).folder
    repository = repository_of(name)
    check_revision(revision)
    found = find_cached(repository, revision)
    if found is None:
        begun = any(folder.id == repository for folder in cached_folders())
        wanted = f" --revision {revision}" if revision else ""
        raise ModelError(
            "not in the cache" if not begun else "not in the cache, or not all of it",
            hint=f"bbp models pull {name}{wanted}",
            file=repository,
            code="model_not_cached",
        )
    return inspect(found).folder


def entries(console: Console) -> Iterator[Entry]:
    """List the default model and every model in the cache that bbp can run."""
    try:
        yield _entry(inspect(locate(DEFAULT)))
    except ModelError as error:
        console.warn(DEFAULT, error.message)
    for folder in cached_folders():
        if is_complete(folder.path):
            try:
                yield _entry(inspect(folder))
            except ModelError as error:  # the cache is every program's: most of it is not for bbp
                console.detail(f"{folder.id}: {error.message}")


def describe(folder: ModelFolder) -> Description:
    """Load a model and describe it.

    Raises:
        ModelError: it cannot be opened.
    """
    from bigbird_pegasus import load_model

    checkpoint = inspect(folder)
    tokenizer = load_tokenizer(folder)
    with model_errors(folder):
        model = load_model(folder.path, dtype="auto")
    return Description(
        **asdict(_entry(checkpoint)),
        architecture=type(model).__name__,
        parameters=model.num_parameters(),
        dtype=str(model.dtype).removeprefix("torch."),
        quantization=model.quantization,
        weights_sha256=checkpoint.weights_sha256,
        context_tokens=min(tokenizer.model_max_length, model.config.max_position_embeddings),
        vocabulary=len(tokenizer),
        license=_license(folder.path / MODEL_CARD_FILE),
    )


def remove(name: str, revision: str | None) -> tuple[str, int]:
    """Remove a model from the cache, or one revision of it; return its name and the bytes freed.

    Raises:
        UsageError: it is the default model, or a folder outside the cache.
        ModelError: it is not in the cache.
        OutputError: it cannot be removed.
    """
    folder = local_folder(name)
    if folder is not None:
        what = "is part of bbp" if name == DEFAULT else "is a folder of yours, not in the cache"
        raise UsageError(f"{name} {what}: bbp models rm removes what bbp models pull has brought")
    repository = repository_of(name)
    check_revision(revision)
    here = [found for found in cached_folders() if found.id == repository]
    unwanted = [found for found in here if _is_meant(found, revision)]
    if not unwanted:
        hint = "bbp models list shows what is there"
        raise ModelError("not in the cache", hint=hint, file=repository, code="model_not_cached")
    return repository, _delete(repository, [str(found.revision) for found in unwanted])


def _is_meant(folder: ModelFolder, revision: str | None) -> bool:
    """Return whether a revision, short forms of commits included, means a cached folder; None means any."""
    if revision is None or revision in references(folder.path):
        return True
    return folder.revision is not None and means_commit(revision, folder.revision)


def _delete(repository: str, commits: list[str]) -> int:
    with hub_errors(repository):
        storage = storage_folder(repository)
    from huggingface_hub import scan_cache_dir

    unfinished = _unfinished(storage)
    strategy = scan_cache_dir(storage.parent).delete_revisions(*commits)
    strategy.execute()
    return strategy.expected_freed_size + unfinished - _unfinished(storage)


def _unfinished(storage: Path) -> int:
    return sum(path.stat().st_size for path in storage.glob("blobs/*.incomplete"))


def _entry(checkpoint: Checkpoint) -> Entry:
    folder = checkpoint.folder
    size = sum(path.stat().st_size for path in folder.path.rglob("*") if path.is_file())
    names = references(folder.path) if folder.revision else []
    return Entry(
        folder.id,
        checkpoint.task,
        RECORDED_KINDS[checkpoint.kind],
        size,
        folder.revision,
        names,
        str(folder.path),
    )


def _license(card: Path) -> str | None:
    """Read the header of the model card; transformers' cards are YAML between lines of three dashes."""
    try:
        text = card.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    header = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    line = re.search(r"^license:[ \t]*(\S.*?)[ \t]*$", header[1], re.MULTILINE) if header else None
    return line[1].strip("'\"") if line else None


# As text


def as_table(found: list[Entry]) -> list[str]:
    """Return a line for each model under the names of the columns."""
    rows = [("MODEL", "TASK", "SIZE", "REVISION")]
    for entry in found:
        revision = " ".join([(entry.revision or "-")[:12], *entry.references])
        rows.append((entry.id, entry.task, decimal(entry.size_bytes), revision))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return ["  ".join([*(row[n].ljust(widths[n]) for n in range(3)), row[3]]) for row in rows]


def as_lines(described: Description) -> list[str]:
    """Return a line for each fact."""
    facts = {
        "model": described.id,
        "task": f"{described.task} ({described.kind})",
        "architecture": described.architecture,
        "parameters": f"{described.parameters:,}",
        "stored as": described.dtype,
        "quantization": described.quantization or "none",
        "size on disk": decimal(described.size_bytes),
        "context": f"{described.context_tokens} tokens",
        "vocabulary": f"{described.vocabulary} pieces",
        "revision": " ".join([described.revision or "-", *described.references]),
        "sha256": described.weights_sha256,
        "license": described.license or "not stated",
        "path": described.path,
    }
    return [f"{name + ':':<15} {value}" for name, value in facts.items()]
