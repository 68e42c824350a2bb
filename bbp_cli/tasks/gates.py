"""Quality gates: what may be wrong with a result that is there, for `--fail-on` and in each record."""

from typing import Literal

from bbp_cli.tasks.results import Answers, DocumentSummary, Labels, RecordResult

Gate = Literal["unread", "truncated", "repetition", "empty", "unsupported"]
GATES: tuple[Gate, ...] = ("unread", "truncated", "repetition", "empty", "unsupported")
MAX_REPEATED = 0.1  # share of word trigrams of a summary that were said before


def failed_gates(result: RecordResult) -> tuple[Gate, ...]:
    """Return the gates that a result does not pass.

    `unread`: a page gave no text or one that cannot be decoded, or no window read some part of the text.
    `truncated`: that part was left out by `--truncate`. `repetition`: the summary repeats itself. `empty`: no
    text, no label or no answer. `unsupported`: the summary names facts that the document does not contain.
    """
    coverage = result.coverage
    unread = bool(coverage.pages_without_text or coverage.pages_undecodable) or coverage.truncated
    found: dict[Gate, bool] = {"unread": unread, "truncated": coverage.truncated, **_of_kind(result)}
    return tuple(gate for gate in GATES if found.get(gate))


def _of_kind(result: RecordResult) -> dict[Gate, bool]:
    match result:
        case DocumentSummary():
            return {
                "repetition": result.quality.repeated_ngrams > MAX_REPEATED,
                "empty": not result.text.strip(),
                "unsupported": any(sentence.unsupported for sentence in result.sentences),
            }
        case Labels():
            return {"empty": not result.labels}
        case Answers():
            return {"empty": not result.answers}
