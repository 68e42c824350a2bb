"""`bbp evaluate` after its options are read: score every example, print records and a table."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bigbird_pegasus.summarization.options import Mode, Strategy

from bbp_cli.console import Console, one_line, plain_line_is_due, print_line
from bbp_cli.dataset import Example, LabelExample, QuestionExample, SummaryExample, read_examples
from bbp_cli.errors import BbpError, InputError, ResourceError, UsageError, run_error
from bbp_cli.evaluation.baselines import Baseline
from bbp_cli.evaluation.judge import (
    JudgeOptions,
    ScoredExample,
    aggregate_figures,
    score_baseline,
    score_example,
)
from bbp_cli.evaluation.metrics import bootstrap_intervals, rouge_scorer
from bbp_cli.models.checkpoints import LoadedModel, TaskName
from bbp_cli.models.loading import (
    ModelOptions,
    check_named,
    find_checkpoint,
    load_checkpoint,
    prepare_hardware,
)
from bbp_cli.output.records import json_line, model_record
from bbp_cli.output.stdout import emit
from bbp_cli.tasks.summarize import as_typed
from bbp_cli.version import __version__

SCHEMA = "bbp.evaluation/1"
NO_SOURCE = "(none)"

Scorer = Callable[[Example], ScoredExample]


@dataclass(frozen=True)
class EvaluateOptions:
    """What is evaluated, and how results are printed; `num_beams` is the checkpoint's where it is None."""

    length: int | None = None
    baseline: Baseline | None = None
    limit: int | None = None
    seed: int = 0
    json: bool = False
    strategy: Strategy | None = None
    mode: Mode | None = None
    num_beams: int | None = None

    def as_params(self) -> dict[str, object]:
        """Return the settings as records show them; how summaries are made only where it was said."""
        names = ("length", "baseline", "limit", "seed")
        return {**{name: getattr(self, name) for name in names}, **self.of_models}

    @property
    def of_models(self) -> dict[str, object]:
        """Return the options, of those that only a model's summary has, that were given."""
        given = {"strategy": self.strategy, "mode": self.mode, "num_beams": self.num_beams}
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Failed:
    """An example that gave no result."""

    record: Example
    error: BbpError


def evaluate_data(
    data: Path, task: TaskName, settings: EvaluateOptions, model_options: ModelOptions, console: Console
) -> None:
    """Score every example of a file and print the figures.

    Raises:
        UsageError: options contradict each other, no model is named, or rouge-score is not installed.
        InputError: the data cannot be used; every bad line was reported before.
        ModelError, ResourceError: the model cannot be had, loaded or run here.
        BbpError: after all examples, if some or all failed; each was reported.
    """
    given = {"baseline": settings.baseline, "length": settings.length, **settings.of_models}
    for name, value in given.items():
        if task != "summarize" and value:
            raise UsageError(f"{as_typed(name)} is for summaries: --task summarize")
    if settings.baseline:
        for name in settings.of_models:
            raise UsageError(f"{as_typed(name)} is for a model: --baseline has none", hint="give one of them")
    check_named(model_options, task)
    records = read_examples(data, task).records[: settings.limit]
    scorer = rouge_scorer() if task == "summarize" else None
    started = time.perf_counter()
    loaded, score_one = _scorer_of(task, settings, model_options, console, scorer)
    results = _score_all(records, score_one, data, task, settings, console)
    totals = {
        **_totals(results, task, settings),
        "model": model_record(loaded) if loaded else None,
        "timing": {"seconds": round(time.perf_counter() - started, 3)},
    }
    if settings.json:
        emit(json_line(totals) + "\n")
    lines = table(totals)
    if not settings.json:
        emit("\n".join(lines) + "\n")
    elif not console.quiet:
        for line in lines:
            print_line(line)
    failures = [result.error for result in results if isinstance(result, Failed)]
    if failures:
        names = [result.record.id for result in results if isinstance(result, Failed)]
        raise run_error(failures, len(results), names)


def table(totals: Mapping[str, Any]) -> list[str]:
    """Return lines of figures: by source, where there are several, and of all examples with intervals."""
    rows = [*(totals["by_source"].items() if len(totals["by_source"]) > 1 else ()), ("all", totals)]
    columns = list(totals["figures"])
    shown = [["source", "records", *columns]]
    for name, row in rows:
        figures = [f"{row['figures'][column]:.2f}" for column in columns]
        shown.append([one_line(name), str(row["records"]), *figures])
    if between := totals["intervals"]:
        half = {name: f"{(high - low) / 2:.2f}" for name, (low, high) in between.items()}
        shown.append(["± 95 %", "", *(half.get(column, "") for column in columns)])
    widths = [max(len(row[column]) for row in shown) for column in range(len(shown[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in shown
    ]


def _scorer_of(
    task: TaskName, settings: EvaluateOptions, model_options: ModelOptions, console: Console, scorer: Any
) -> tuple[LoadedModel | None, Scorer]:
    """Return the model, None for a baseline, and the function that scores an example."""
    if settings.baseline is not None:
        baseline = settings.baseline
        return None, lambda record: score_baseline(
            cast(SummaryExample, record), baseline, settings.length, settings.seed, scorer
        )
    checkpoint = find_checkpoint(task, model_options, console)
    hardware = prepare_hardware(checkpoint, model_options, console)
    loaded = load_checkpoint(checkpoint, hardware, model_options, console)
    beams = {} if settings.num_beams is None else {"num_beams": settings.num_beams}
    options = JudgeOptions(
        length=settings.length,
        seed=settings.seed,
        strategy=settings.strategy,
        mode=settings.mode,
        generation=beams,
    )
    return loaded, lambda record: score_example(record, loaded, options, scorer)


def _score_all(
    records: Sequence[Example],
    score_one: Scorer,
    data: Path,
    task: TaskName,
    settings: EvaluateOptions,
    console: Console,
) -> list[ScoredExample | Failed]:
    """Score each example; one that fails is reported, and the others are still scored."""
    results: list[ScoredExample | Failed] = []
    with console.progress(str(data), len(records)) as step:
        for record in records:
            try:
                results.append(score_one(record))
            except (InputError, ResourceError) as error:
                error.file = f"{data}:{record.line}"
                console.error(error)
                results.append(Failed(record, error))
            if settings.json:
                emit(json_line(_line(results[-1], task)) + "\n")
            step()
            if plain_line_is_due(len(results), len(records)):
                console.file_done(f"{len(results)}/{len(records)} records")
    return results


def _line(result: ScoredExample | Failed, task: TaskName) -> dict[str, Any]:
    """Return the JSON record of one result."""
    record = result.record
    head = {
        "schema": SCHEMA,
        "id": record.id,
        "line": record.line,
        "source": record.source,
        "task": task,
        "status": "ok" if isinstance(result, ScoredExample) else "error",
        "bbp_version": __version__,
    }
    if isinstance(result, Failed):
        error = result.error
        fields = {"code": error.code, "exit": error.exit_code, "message": error.message, "hint": error.hint}
        return {**head, "error": fields}
    figures = {name: round(value, 4) for name, value in result.figures.items()}
    return {**head, **result.found, "expected": _expected(record), "figures": figures}


def _expected(record: Example) -> object:
    """Return the reference of an example as the file gives it."""
    if isinstance(record, LabelExample):
        return list(record.labels)
    if isinstance(record, QuestionExample):
        return [answer.text for answer in record.answers]
    return record.summary


def _totals(
    results: Sequence[ScoredExample | Failed], task: TaskName, settings: EvaluateOptions
) -> dict[str, Any]:
    """Return the figures of all examples, and of those of each source."""
    judged = [result for result in results if isinstance(result, ScoredExample)]
    by_source: dict[str, list[ScoredExample]] = {}
    for one in judged:
        by_source.setdefault(one.record.source or NO_SOURCE, []).append(one)
    return {
        "schema": SCHEMA,
        "task": task,
        "status": "total",
        "bbp_version": __version__,
        **_group(judged),
        "failed": len(results) - len(judged),
        "intervals": {
            name: [round(low, 4), round(high, 4)]
            for name, (low, high) in bootstrap_intervals([one.figures for one in judged]).items()
        },
        "by_source": {name: _group(by_source[name]) for name in sorted(by_source)},
        "params": settings.as_params(),
    }


def _group(judged: Sequence[ScoredExample]) -> dict[str, Any]:
    figures = {name: round(value, 4) for name, value in aggregate_figures(judged).items()}
    return {"records": len(judged), "figures": figures}
