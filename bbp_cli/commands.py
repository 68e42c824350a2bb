"""What `bbp summarize` and `bbp extract` do once their options are read."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from bbp_cli.batch import Reading, collect, run
from bbp_cli.checkpoints import LoadedModel, inspect, load, load_tokenizer
from bbp_cli.console import Console, is_terminal, may_color, one_line
from bbp_cli.device import DType, prepare
from bbp_cli.documents import Document, display_name
from bbp_cli.errors import BbpError, UsageError
from bbp_cli.hub import DEFAULT, locate
from bbp_cli.inputs import Input, Inputs
from bbp_cli.output import (
    TextPrinter,
    emit,
    error_record,
    json_line,
    output_paths,
    refuse_existing,
    summary_record,
    write_file,
)
from bbp_cli.results import count_words
from bbp_cli.summarize import Settings, TextListener, grows, summarize
from bbp_cli.windows import encode

if TYPE_CHECKING:
    from bigbird_pegasus import PegasusTokenizer


@dataclass(frozen=True)
class Destination:
    """Where results go: stdout, one file, or a folder; as text or JSON."""

    json: bool = False
    file: Path | None = None
    folder: Path | None = None
    overwrite: bool = False

    @property
    def is_stdout(self) -> bool:
        """Whether results are printed."""
        return self.file is None and self.folder is None


@dataclass(frozen=True)
class ModelChoice:
    """Which model, and how to run it."""

    name: str = DEFAULT
    offline: bool = False
    device: str = "auto"
    dtype: DType = "auto"
    threads: int | None = None


def summarize_inputs(
    reading: Reading, destination: Destination, choice: ModelChoice, settings: Settings, console: Console
) -> bool:
    """Summarize every input; False where there is none.

    Raises:
        BbpError: see `batch.run`; or at once for options, outputs and models that cannot be used.
    """
    inputs = collect(reading, leave_out=destination.folder)
    job = _SummaryJob(inputs, destination, choice, settings, console)
    run(inputs, reading.encoding, console, job.load, job.work, job.failed)
    return bool(inputs.items)


class _SummaryJob:
    """One run of `bbp summarize`. Making it checks where results go, before anything is read or loaded."""

    def __init__(
        self,
        inputs: Inputs,
        destination: Destination,
        choice: ModelChoice,
        settings: Settings,
        console: Console,
    ) -> None:
        self._count = len(inputs.items)
        self._destination = destination
        self._choice = choice
        self._settings = settings
        self._console = console
        self._files = plan_files(destination, inputs)
        self._printer = printer_for(inputs, console)
        self._loaded: LoadedModel | None = None
        self._load_seconds = 0.0
        self._done = 0

    def load(self) -> LoadedModel:
        """The model; loaded once."""
        if self._loaded is None:
            started = time.perf_counter()
            self._loaded = load_for(self._choice, self._settings, self._console)
            self._load_seconds = time.perf_counter() - started
        return self._loaded

    def work(self, item: Input, document: Document, loaded: LoadedModel) -> None:
        """Summarize one document and deliver the result."""
        started = time.perf_counter()
        listener = self._listener(item, loaded)
        progress = no_progress if listener else self._console.progress
        summary = summarize(document, loaded, self._settings, progress, listener)
        for warning in summary.warnings:
            self._console.warn(display_name(item.path), warning)
        timing = {"load_seconds": self._load_seconds, "summarize_seconds": time.perf_counter() - started}
        text = summary.text
        if self._destination.json:
            params = self._settings.as_params()
            text = json_line(summary_record(document, summary, loaded, params, timing))
        self._deliver(item, text)
        self._tell(item, f"{count_words(summary.text)} words")

    def failed(self, item: Input, error: BbpError) -> None:
        """A failed input has its line among the printed records too."""
        if self._destination.json and self._destination.is_stdout:
            emit(json_line(error_record(item.path, "summarize", error)) + "\n")
        self._done += 1

    def _deliver(self, item: Input, text: str) -> None:
        if item in self._files:
            write_file(self._files[item], text + "\n")
        elif self._destination.json:
            emit(text + "\n")
        else:
            self._printer.finish(display_name(item.path), text)

    def _tell(self, item: Input, result: str) -> None:
        self._done += 1
        if self._count > 1 or not self._destination.is_stdout:
            self._console.file_done(f"{self._done}/{self._count} {display_name(item.path)}: {result}")

    def _listener(self, item: Input, loaded: LoadedModel) -> TextListener | None:
        """A person at a terminal sees the text grow, where what is written once stays."""
        plain = self._destination.is_stdout and not self._destination.json
        if plain and is_terminal(sys.stdout) and grows(loaded, self._settings):
            return partial(self._printer.grow, display_name(item.path))
        return None


def load_for(choice: ModelChoice, settings: Settings, console: Console) -> LoadedModel:
    """Find and load the model.

    Raises:
        UsageError: it cannot obey the settings.
        ModelError, ResourceError: it cannot be had, loaded or run here.
    """
    checkpoint = inspect(locate(choice.name, offline=choice.offline))
    if checkpoint.kind == "extractive" and settings.generation:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in settings.generation)
        raise UsageError(
            f"the model {checkpoint.folder.id} chooses sentences, so there is nothing to do for {names}",
            hint="give a model that writes, for example --model arxiv",
        )
    hardware = prepare(choice.device, choice.dtype, choice.threads)
    console.detail(
        f"model {checkpoint.folder.path}: {hardware.dtype} on {hardware.device}, {hardware.threads} threads"
    )
    loaded = load(checkpoint, hardware)
    for warning in loaded.warnings:
        console.warn(checkpoint.folder.id, warning)
    return loaded


def plan_files(destination: Destination, inputs: Inputs) -> dict[Input, Path]:
    """The file each result goes to; none where results are printed.

    Raises:
        UsageError: `-o` for several results, or two results for one file.
        OutputError: a file exists that may not be replaced.
    """
    paths: list[Path] = []
    if destination.file is not None and destination.folder is not None:
        raise UsageError("-o and --output-dir exclude each other")
    if destination.file is not None:
        if len(inputs.items) > 1:
            raise UsageError("-o takes one result, and there are several inputs", hint="use --output-dir")
        paths = [destination.file]
    elif destination.folder is not None:
        suffix = ".summary.json" if destination.json else ".summary.txt"
        paths = output_paths(destination.folder, inputs.items, suffix)
    refuse_existing(paths, overwrite=destination.overwrite)
    return dict(zip(inputs.items, paths, strict=False))


def printer_for(inputs: Inputs, console: Console) -> TextPrinter:
    """A printer that knows whether results need headers and may be coloured."""
    return TextPrinter(several=len(inputs.items) > 1, color=may_color(sys.stdout, console.color))


@contextmanager
def no_progress(_description: str, _total: int) -> Iterator[Callable[[], None]]:
    """No bar: the text that grows is progress enough."""
    yield lambda: None


def extract_inputs(reading: Reading, console: Console) -> bool:
    """Print the text of every input exactly as bbp reads it; False where there is none."""
    inputs = collect(reading)
    printer = printer_for(inputs, console)

    def work(item: Input, document: Document, _nothing: None) -> None:
        printer.finish(display_name(item.path), document.text)

    run(inputs, reading.encoding, console, lambda: None, work)
    return bool(inputs.items)


def count_inputs(reading: Reading, choice: ModelChoice, console: Console) -> bool:
    """Print how many tokens of the model every input has; False where there is none."""
    inputs = collect(reading)

    @cache
    def tokenizer() -> "PegasusTokenizer":
        return load_tokenizer(inspect(locate(choice.name, offline=choice.offline)).folder)

    def work(item: Input, document: Document, tokenizer: "PegasusTokenizer") -> None:
        tokens = len(encode(document.text, tokenizer, tokenizer.model_max_length).ids)
        emit(f"{tokens}\t{one_line(display_name(item.path))}\n" if len(inputs.items) > 1 else f"{tokens}\n")

    run(inputs, reading.encoding, console, tokenizer, work)
    return bool(inputs.items)
