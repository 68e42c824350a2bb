"""The documents of a run, read one after the other."""

import stat
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from bbp_cli.console import Console
from bbp_cli.documents.document import STDIN, Document, display_name, read
from bbp_cli.documents.inputs import Input, Inputs
from bbp_cli.errors import InputError


class DocumentReader(Iterator[tuple[Input, Document | InputError]]):
    """Yield each input with its document, or with the reason why it cannot be read.

    For `any_text` see `bbp_cli.documents.document.read`.
    """

    def __init__(
        self, inputs: Inputs, encoding: str | None, console: Console, *, any_text: bool = False
    ) -> None:
        self._coming = deque(inputs.items)
        self._first: tuple[Input, Document] | None = None  # read ahead by `unreadable_first`
        self._encoding = encoding
        self._console = console
        self._any_text = any_text

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

    def unreadable_first(self) -> Iterator[tuple[Input, InputError]]:
        """Yield the inputs before the first that can be read, and keep that one for `next`.

        So a wrong name is reported before a model is loaded.
        """
        while self._first is None and self._coming:
            item, document = next(self)
            if isinstance(document, InputError):
                yield item, document
            else:
                self._first = item, document

    def __next__(self) -> tuple[Input, Document | InputError]:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        if not self._coming:
            raise StopIteration
        item = self._coming.popleft()
        return item, self._read(item)

    def _read(self, item: Input) -> Document | InputError:
        if item.problem is not None:
            return item.problem
        try:
            document = read(item.path, self._encoding, any_text=self._any_text)
        except InputError as error:
            return error
        for warning in document.warnings:
            self._console.warn(display_name(item.path), warning)
        return document
