"""State of a training run on disk; the result appears whole or not at all.

While a training runs there is a folder `.NAME.training` beside the output NAME:

    run.json     what the final weights depend on; a resume must agree with it
    state.pt     the last state, replaced atomically
    best-3/      the checkpoint of the best epoch so far

At the end the best checkpoint is renamed to NAME. A checkpoint that was there is replaced where that was
asked for; a folder that holds anything else never is.
"""

import json
import pickle
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bigbird_pegasus.checkpoints.atomic import atomic_write
from bigbird_pegasus.checkpoints.files import CONFIG_FILE, SHARDS, SMALL_FILES, WEIGHTS, read_json_object
from bigbird_pegasus.errors import CheckpointError

from bbp_cli.errors import OutputError, UsageError
from bbp_cli.models.memory import memory_errors

if TYPE_CHECKING:
    from bigbird_pegasus.training import TrainingState


RUN_FILE = "run.json"
STATE_FILE = "state.pt"
MAY_CHANGE = ("threads", "bbp_version")
RESULT_FILE = "training.json"  # in the output: the run, and the figures of every epoch
REPLACED = "replaced"
# What torch.load and the reading of what it gives may raise where the file is not what was saved.
DAMAGE = (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, TypeError, ValueError, AttributeError)
UNFINISHED = (f".{RUN_FILE}.*.tmp", f".{STATE_FILE}.*.tmp")  # what a process that was killed left
OF_WORK = (RUN_FILE, STATE_FILE, "best-*", REPLACED, *UNFINISHED)
OF_CHECKPOINT = (  # names of what bbp, transformers and the Hub put into a checkpoint folder
    *(*SMALL_FILES, *WEIGHTS, *SHARDS, RESULT_FILE),
    *("LICENSE.txt", ".gitattributes", "training_args.bin"),
    *("flax_model.msgpack", "tf_model.h5", "rust_model.ot"),
    *("spiece.vocab", "tokenizer.json", "added_tokens.json"),
)


@dataclass(frozen=True)
class RunFolder:
    """An output folder and the work folder beside it."""

    output: Path

    @property
    def folder(self) -> Path:
        """The work folder."""
        output = self.output.resolve()
        return output.with_name(f".{output.name}.training")

    @property
    def is_begun(self) -> bool:
        """Return whether there is a training to resume."""
        return (self.folder / RUN_FILE).is_file()

    def prepare(self, run: Mapping[str, Any], *, resume: bool, overwrite: bool) -> bool:
        """Make the work folder ready for a run; return False where this very run is complete.

        Raises:
            OutputError: the output, or another training's state, is in the way.
            UsageError: the training to resume has other parameters.
        """
        with writing_to(self.output):
            if resume and self._is_finished(run):
                if _is_work(self.folder):
                    shutil.rmtree(self.folder, ignore_errors=True)
                return False
            self.check_free(resume=resume, overwrite=overwrite, finished=False)
            if resume and self.is_begun:
                _same_run(_json(self.folder / RUN_FILE), run)
                for pattern in UNFINISHED:
                    for unfinished in self.folder.glob(pattern):
                        unfinished.unlink()
                return True
            if self.folder.exists():
                if not _is_work(self.folder):
                    message = "is in the way: the training keeps its state there"
                    raise OutputError(message, file=str(self.folder), code="exists")
                shutil.rmtree(self.folder)
            self.folder.mkdir(parents=True)
            atomic_write(self.folder / RUN_FILE, lambda path: _write_json(path, run))
            return True

    def check_free(self, *, resume: bool, overwrite: bool, finished: bool = True) -> None:
        """Raise OutputError where something is in the way; called before anything is read.

        With `finished`, a resume accepts an output that may be its own result.
        """
        path = str(self.output)
        if self.output.exists() and not self.output.is_dir():
            raise OutputError("is not a folder", file=path, code="exists")
        self._refuse_foreign()
        if overwrite or (resume and self.is_begun):
            return
        if self._is_filled() and not (resume and finished and self._has_result()):
            raise OutputError("is not empty", hint="--overwrite replaces it", file=path, code="exists")
        if self.is_begun and not resume:
            raise OutputError(
                "a training for this folder is incomplete",
                hint="--resume continues it, --overwrite starts over",
                file=path,
                code="exists",
            )

    def load_state(self) -> "tuple[TrainingState, dict[str, Any]] | None":
        """Load the last state and the notes kept with it; None where there is none yet.

        Raises:
            OutputError: the file is damaged, or cannot be read.
            ResourceError: it does not fit into memory.
        """
        import torch
        from bigbird_pegasus.training import TrainingState

        path = self.folder / STATE_FILE
        if not path.exists():
            return None
        try:
            with memory_errors():
                kept = torch.load(path, map_location="cpu", weights_only=True)
            return TrainingState(**kept["state"]), kept["notes"]
        except OSError as error:
            raise OutputError(f"cannot be read: {error.strerror or error}", file=str(path)) from error
        except DAMAGE as error:
            raise OutputError(
                "the saved state is damaged", hint="--overwrite starts over", file=str(path), code="corrupt"
            ) from error

    def save_state(self, state: "TrainingState", notes: Mapping[str, Any]) -> None:
        """Replace the saved state, then delete the checkpoints that it does not name."""
        kept = {"state": dict(vars(state)), "notes": dict(notes)}
        with writing_to(self.output):
            atomic_write(self.folder / STATE_FILE, lambda path: _save_tensors(kept, path))
            for folder in self.folder.glob("best-*"):
                if folder.name != f"best-{notes['best']}":
                    shutil.rmtree(folder)

    def best(self, epoch: int) -> Path:
        """Return the folder of an epoch's checkpoint."""
        return self.folder / f"best-{epoch}"

    def finish(self, epoch: int) -> None:
        """Rename the best checkpoint to the output, and delete the work folder."""
        with writing_to(self.output):
            self.output.parent.mkdir(parents=True, exist_ok=True)
            target = self.output.resolve()
            self._refuse_foreign()  # trainings are long: something may be there by now
            if self._is_filled():
                target.rename(self.folder / REPLACED)
            elif target.exists():
                target.rmdir()
            self.best(epoch).rename(target)
            shutil.rmtree(self.folder)

    def _is_filled(self) -> bool:
        return self.output.is_dir() and any(self.output.iterdir())

    def _refuse_foreign(self) -> None:
        """Raise OutputError where the output is a folder that holds something and may not be replaced."""
        if self._is_filled() and not is_checkpoint_folder(self.output):
            raise OutputError(
                "holds files that are not a checkpoint, and is not replaced",
                hint="choose another --output",
                file=str(self.output),
                code="exists",
            )

    def _has_result(self) -> bool:
        return (self.output / RESULT_FILE).is_file()

    def _is_finished(self, run: Mapping[str, Any]) -> bool:
        if not self._has_result():
            return False
        made_by = _json(self.output / RESULT_FILE).get("run")
        return isinstance(made_by, dict) and _comparable(made_by) == _comparable(run)


def is_checkpoint_folder(folder: Path) -> bool:
    """Return whether a folder holds a checkpoint: a model's configuration, and only a checkpoint's files."""
    if not all(path.is_file() and _is_named(path, OF_CHECKPOINT) for path in folder.iterdir()):
        return False
    try:
        config = read_json_object(folder / CONFIG_FILE)
    except (FileNotFoundError, CheckpointError):
        return False
    return "architectures" in config or "model_type" in config


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Translate errors of the file system, and safetensors' own, to OutputError."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise OutputError(f"cannot write: {reason}", file=str(path)) from error


def write_result(folder: Path, result: Mapping[str, Any]) -> None:
    """Write the record of a training into its checkpoint."""
    _write_json(folder / RESULT_FILE, result)


def _is_named(path: Path, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path.name, pattern) for pattern in patterns)


def _is_work(folder: Path) -> bool:
    """Return whether a folder holds the state of a training and nothing else."""
    return folder.is_dir() and all(_is_named(path, OF_WORK) for path in folder.iterdir())


def _save_tensors(content: Mapping[str, Any], path: Path) -> None:
    """Write a file that `torch.load` reads.

    Raises:
        OSError: it cannot be written.
        ResourceError: it does not fit into memory.
    """
    import torch

    try:
        with memory_errors():
            torch.save(content, path)
    except RuntimeError as error:  # how torch reports a full disk
        raise OSError(str(error).splitlines()[0]) from error


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _json(path: Path) -> dict[str, Any]:
    try:
        return read_json_object(path)
    except CheckpointError as error:
        hint = "--overwrite starts over"
        raise OutputError("is damaged", hint=hint, file=str(path), code="corrupt") from error


def _comparable(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that a resume must share. Other threads are allowed: the bits then differ."""
    kept: dict[str, Any] = json.loads(json.dumps(run))
    return {name: value for name, value in kept.items() if name not in MAY_CHANGE}


def _same_run(begun: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise UsageError where the started training has other parameters, and say which."""
    begun, wanted = _comparable(begun), _comparable(wanted)
    for name in sorted({*begun, *wanted}):
        if begun.get(name) != wanted.get(name):
            raise UsageError(
                f"--resume: the training was started with {name} {begun.get(name)}, not {wanted.get(name)}",
                hint="give the same options and data, or --overwrite to start over",
            )
