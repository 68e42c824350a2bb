"""The documents of a run, read one after the other."""

import stat
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from threading import Thread

from bbp_cli.batch.store import Kept, ResultStore
from bbp_cli.console import Console
from bbp_cli.documents.document import STDIN, Document, read
from bbp_cli.documents.inputs import Input, Inputs
from bbp_cli.documents.pdf.process import DEFAULT_LIMITS, ReadingLimits
from bbp_cli.errors import BbpError, InputError, ResourceError
from bbp_cli.models.memory import memory_errors

Outcome = Kept | BbpError


class DocumentReader(Iterator[tuple[Input, Document | Outcome]]):
    """Yield each input with its document, with the reason why it cannot be read, or as kept.

    `store` knows what earlier runs have done. For `any_text` see `bbp_cli.documents.document.read`.
    """

    def __init__(
        self,
        inputs: Inputs,
        encoding: str | None,
        console: Console,
        *,
        any_text: bool = False,
        store: ResultStore | None = None,
        limits: ReadingLimits = DEFAULT_LIMITS,
    ) -> None:
        self._coming = deque(inputs.items)
        self._first: tuple[Input, Document] | None = None  # read ahead by `settled_first`
        self._encoding = encoding
        self._console = console
        self._any_text = any_text
        self._store = store
        self._limits = limits
        self._ahead: tuple[Input, Future[Document | BbpError]] | None = None  # read by a thread
        self.is_waiting = False  # for stdin or a named pipe, while nothing else is done

    @property
    def has_more(self) -> bool:
        """Return whether an input is left."""
        return self._first is not None or bool(self._coming)

    @property
    def waits(self) -> bool:
        """Return whether reading the next input may block: stdin, or a named pipe."""
        if self._first is not None or not self._coming:
            return False
        path = self._coming[0].path
        if path == STDIN:
            return True
        try:
            return not stat.S_ISREG(Path(path).stat().st_mode)
        except (OSError, ValueError):
            return False  # reading it will fail, without waiting

    def settled_first(self) -> Iterator[tuple[Input, Outcome]]:
        """Yield the inputs before the first that a model is needed for, and keep that one for `next`.

        So a wrong name is reported before a model is loaded, and none is loaded where all is done.
        """
        while self.has_more:
            item, found = next(self)
            if isinstance(found, Document):
                self._first = item, found
                return
            yield item, found

    def __next__(self) -> tuple[Input, Document | Outcome]:
        if self._first is not None:
            (item, document), self._first = self._first, None
            return item, self._done(item, document) or document
        if not self._coming:
            raise StopIteration
        self.is_waiting = self.waits
        try:
            item = self._coming.popleft()
            found = self._read(item)
        finally:
            self.is_waiting = False
        self._read_ahead()
        return item, (self._done(item, found) or found) if isinstance(found, Document) else found

    def _done(self, item: Input, document: Document) -> Outcome | None:
        return self._store.find(item, document) if self._store is not None else None

    def _read(self, item: Input) -> Document | BbpError:
        if item.problem is not None:
            return item.problem
        if self._store is not None and (settled := self._store.settled(item)) is not None:
            return settled
        ahead, self._ahead = self._ahead, None
        found = ahead[1].result() if ahead is not None and ahead[0] is item else self._load(item)
        if isinstance(found, Document):
            for warning in found.warnings:
                self._console.warn(item.label, warning)
        return found

    def _read_ahead(self) -> None:
        """Let a thread read the next document while this one is computed, but not where that could block."""
        if not self._coming or self.waits or self._coming[0].problem is not None:
            return
        item, future = self._coming[0], Future[Document | BbpError]()

        def load() -> None:
            try:
                future.set_result(self._load(item))
            except BaseException as error:  # noqa: BLE001 - raised where the document is needed
                future.set_exception(error)

        Thread(target=load, daemon=True).start()  # a run that ends does not wait for it
        self._ahead = item, future

    def _load(self, item: Input) -> Document | BbpError:
        try:
            with memory_errors():
                if item.row is not None:
                    return item.row.read()
                return read(item.path, self._encoding, any_text=self._any_text, limits=self._limits)
        except (InputError, ResourceError) as error:
            return error
