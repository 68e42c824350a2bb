"""The model card, README.md, of a checkpoint that `bbp train` wrote: task, base, figures, parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

from bbp_cli.console import one_line

COMMANDS = {
    "summarize": "bbp summarize report.txt --model FOLDER",
    "extract": "bbp summarize report.txt --model FOLDER",
    "classify": "bbp classify report.txt --model FOLDER",
    "qa": 'bbp qa "What was decided?" minutes.txt --model FOLDER',
}
WHAT = {
    "summarize": "writes summaries",
    "extract": "chooses the sentences of summaries",
    "classify": "labels documents",
    "qa": "finds answers in documents",
}
LABELS_SHOWN = 100
NO_DECODER = (
    " It has no decoder (`is_encoder_decoder` is false in `config.json`): its head sits on the encoder's "
    "states. transformers would put an untrained decoder between them, and its answers would be random."
)


def model_card(
    architecture: str, result: Mapping[str, Any], labels: Sequence[str] = (), *, decoder: bool = True
) -> str:
    """Return the card of a training; `result` is the content of its `training.json`."""
    run, epochs, best = result["run"], result["epochs"], result["best_epoch"]
    base = one_line(str(run["base"]))
    parts = [
        f"---\nlibrary_name: bbp\ntags:\n- bigbird_pegasus\n- {run['task']}\n---",
        f"# A model that {WHAT[run['task']]}",
        f"`{architecture}`, trained with `bbp train {run['task']}` (bbp {run['bbp_version']}) from the base "
        f"`{base}`. It reads {run['max_tokens']} tokens at once.{'' if decoder else NO_DECODER}",
        f"## Use\n\n```sh\n{COMMANDS[run['task']]}\n```",
        *_label_part(labels),
        f"## Figures\n\n{_figures(epochs)}\n\nThese weights are those of epoch {best}.{_validated(run)}",
        "## Training\n\n" + "\n".join(f"- {name}: `{one_line(str(value))}`" for name, value in run.items()),
        "## Limits\n\nThe figures hold for records like these; other kinds of text were not measured. "
        "Licence and origin of the training records "
        "are not recorded here: add them before you share the model.",
    ]
    return "\n\n".join(parts) + "\n"


def _label_part(labels: Sequence[str]) -> list[str]:
    if not labels:
        return []
    more = f" and {len(labels) - LABELS_SHOWN} more" if len(labels) > LABELS_SHOWN else ""
    return ["## Labels\n\n" + ", ".join(f"`{one_line(name)}`" for name in labels[:LABELS_SHOWN]) + more]


def _figures(epochs: Sequence[Mapping[str, Any]]) -> str:
    """Return a Markdown table with a row for each epoch."""
    names = list(dict.fromkeys(name for figures in epochs for name in figures))
    rows = [[f"{figures[name]:.6g}" if name in figures else "" for name in names] for figures in epochs]
    return "\n".join("| " + " | ".join(row) + " |" for row in [names, ["---"] * len(names), *rows])


def _validated(run: Mapping[str, Any]) -> str:
    count = run["validation_records"]
    if not count:
        return " No records were held out, so results on other records are unknown."
    return (
        f" Figures other than `loss` are of {count} records that were not trained on; the epoch was chosen "
        "by them, so on yet other records they may be a little lower."
    )
