"""The key of a result: a digest of everything that decides what it says, and of nothing else.

That is the text as bbp extracted it (with its pages and asides, and whether more is in the file), the task
with its options, the checkpoint's weights and small files, and the arithmetic that computes. Not: path, time
of change, threads, batch size.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

from bigbird_pegasus.checkpoints.files import LICENSE_FILE, MODEL_CARD_FILE, SMALL_FILES

from bbp_cli.documents.document import Document
from bbp_cli.models.checkpoints import Checkpoint


@dataclass(frozen=True)
class ResultKeys:
    """Make the keys of a run's results: one for each record of a document."""

    task: str
    checkpoint: Checkpoint
    identities: Sequence[Mapping[str, object]]  # of each record, see `Task.identities`
    arithmetic: Mapping[str, object]

    def of(self, document: Document) -> tuple[str, ...]:
        """Return the key of each record that a document has."""
        text = {
            "text": hashlib.sha256(document.text.encode("utf-8", "surrogatepass")).hexdigest(),
            "pages": [asdict(page) for page in document.pages],
            "asides": [asdict(aside) for aside in document.asides],
            "warnings": document.warnings,
            **({"is_beginning": True} if document.is_beginning else {}),  # other keys stay what they were
        }
        return tuple(_digest({**self._run, **text, "options": identity}) for identity in self.identities)

    @cached_property
    def _run(self) -> Mapping[str, object]:
        return {
            "task": self.task,
            "weights": self.checkpoint.weights_sha256,
            "files": small_files_sha256(self.checkpoint),
            "arithmetic": self.arithmetic,
        }


def small_files_sha256(checkpoint: Checkpoint) -> dict[str, str]:
    """Return the digests of configuration, generation settings and vocabulary of a checkpoint."""
    names = [name for name in SMALL_FILES if name not in (MODEL_CARD_FILE, LICENSE_FILE)]
    paths = {name: checkpoint.folder.path / name for name in names}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items() if path.is_file()
    }


def _digest(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
