"""What a run would do: documents, windows, places of results, and a rough guess of time and memory."""

from dataclasses import asdict, dataclass

from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.text.windows import encode, pack

from bbp_cli.batch.reader import DocumentReader
from bbp_cli.batch.sink import ResultSink
from bbp_cli.batch.store import Kept
from bbp_cli.console import Console, one_line, print_line
from bbp_cli.documents.document import Document
from bbp_cli.documents.inputs import Input, Inputs
from bbp_cli.errors import BbpError
from bbp_cli.models.checkpoints import Checkpoint, load_tokenizer, read_config
from bbp_cli.models.hardware import Hardware
from bbp_cli.output.records import json_line
from bbp_cli.output.stdout import emit

DEFAULT_POSITIONS = 4096
OPERATIONS_PER_S = 5e10  # of a core: for the guess alone
BYTES_PER_S = 1e10  # of weights, which a step of a decoder reads all of
WRITTEN_TOKENS = 256  # of a summary that is written
BASE_BYTES = {"numpy": 80e6, "torch": 350e6}  # Python with the engine
EMBEDDED_SHARE = 0.5  # of the parameters: a table that is looked up in and not multiplied with


HEADER = "\t".join(("action", "tokens", "windows", "input", "output", "reason"))


@dataclass(frozen=True)
class Plan:
    """What would become of one input; `action` is make, make again, keep, fail or skip."""

    id: str
    action: str
    tokens: int | None = None
    windows: int | None = None
    output: str | None = None
    reason: str | None = None

    @property
    def line(self) -> str:
        """Return the plan as the columns of `HEADER`."""
        cells = (self.action, self.tokens, self.windows, self.id, self.output, self.reason)
        return "\t".join("-" if cell is None else one_line(str(cell)) for cell in cells)


def show_plan(
    inputs: Inputs,
    documents: DocumentReader,
    sink: ResultSink,
    checkpoint: Checkpoint,
    hardware: Hardware,
    console: Console,
    *,
    truncate: bool,
    json: bool,
) -> None:
    """Print a line or a JSON object for each input; a header and the totals on stderr. Nothing is written.

    With `truncate` a document has one window; where only a beginning of it was read, its tokens are None.

    Raises:
        ModelError: the model's tokenizer cannot be loaded.
        BbpError: after all lines, where inputs will fail: the error that the run would end with.
    """
    tokenizer = load_tokenizer(checkpoint.folder)
    positions = int(read_config(checkpoint.folder).get("max_position_embeddings", DEFAULT_POSITIONS))
    limit = min(tokenizer.model_max_length, positions)
    plans = []
    for item, found in documents:
        tokens: int | None = None
        windows = 1
        if isinstance(found, Document) and not found.is_beginning:
            text = found.running_text if checkpoint.kind == "extractive" else found.text
            counts = encode(parse_text(text), tokenizer, limit).counts
            tokens, windows = sum(counts), 1 if truncate else len(pack(counts, limit))
        if isinstance(found, BbpError):
            sink.failures.add(item, found)
        plans.append(_plan(item, found, sink, tokens, windows))
    plans += [Plan(file.path, "skip", reason=file.reason) for file in inputs.skipped]
    if not (json or console.quiet or console.log_json):
        print_line(HEADER)
    for plan in plans:
        emit((json_line(asdict(plan)) if json else plan.line) + "\n")
    todo = [plan for plan in plans if plan.action in ("make", "make again")]
    tokens = sum(limit if plan.tokens is None else plan.tokens for plan in todo)
    windows = sum(plan.windows or 0 for plan in todo)
    to_read = min(tokens, windows * limit)
    seconds = guess_seconds(checkpoint, to_read, windows, hardware.threads)
    kept = sum(plan.action == "keep" for plan in plans)
    megabytes = (BASE_BYTES[hardware.engine] + 2 * checkpoint.weight_bytes) / 1e6
    text = f"{len(todo)} to do, {kept} to keep; a rough guess: {seconds:.0f} s, {megabytes:.0f} MB"
    guess = {"seconds": round(seconds), "megabytes": round(megabytes)}
    console.note(text, "plan", to_do=len(todo), to_keep=kept, **guess)
    sink.failures.raise_if_any()


def guess_seconds(checkpoint: Checkpoint, tokens: int, windows: int, threads: int) -> float:
    """Return about how long reading takes, and writing where the model writes."""
    parameters = checkpoint.weight_bytes / 4
    seconds = 2 * parameters * EMBEDDED_SHARE * tokens / (OPERATIONS_PER_S * threads)
    if checkpoint.kind == "abstractive":
        seconds += windows * WRITTEN_TOKENS * checkpoint.weight_bytes / BYTES_PER_S
    return seconds


def _plan(
    item: Input, found: Document | Kept | BbpError, sink: ResultSink, tokens: int | None, windows: int
) -> Plan:
    path = sink.output_of(item)
    output = None if path is None else str(path)
    if isinstance(found, Kept):
        return Plan(item.id, "keep", output=output)
    if isinstance(found, BbpError):
        return Plan(item.id, "fail", reason=found.message)
    return Plan(item.id, "make again" if sink.had_result(item) else "make", tokens, windows, output)
