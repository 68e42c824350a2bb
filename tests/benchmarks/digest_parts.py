"""ROUGE of the digest of a document's parts, beside the summary of the whole and the first sentences.

    python -m tests.benchmarks.digest_parts --documents 60 --parts 4

Documents of the validation corpus are cut at paragraphs into parts of about the same length, which
`bbp digest` gets as so many files. All summaries may have as many words as the authors' own. Then each
digest is made again of the parts and a second copy of the first one: nothing may be said twice.
"""

from argparse import Namespace
from collections.abc import Sequence
from datetime import date
from itertools import combinations
from pathlib import Path

from bigbird_pegasus.summarization.options import SummaryOptions
from bigbird_pegasus.text.words import count_words

from bbp_cli.batch.digest import DigestSentence, candidates_of, choose, says_the_same
from bbp_cli.dataset import SummaryExample
from bbp_cli.evaluation.baselines import lead, sentences_of
from bbp_cli.evaluation.judge import document_of
from bbp_cli.evaluation.metrics import bootstrap_intervals, means, rouge, rouge_scorer
from bbp_cli.models.checkpoints import LoadedModel, find, load
from bbp_cli.models.hardware import without_torch
from bbp_cli.models.names import DEFAULT
from bbp_cli.tasks.results import DocumentSummary
from bbp_cli.tasks.summarize import summary_task
from bbp_cli.tasks.task import run_one
from tests.benchmarks.baselines import CORPUS, read
from tests.benchmarks.machine import description
from tests.benchmarks.published_size import options_of

METHODS = ("digest of the parts", "summary of the whole", "summaries of the parts, joined", "first sentences")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__)
    parser.add_argument("--val", type=Path, default=CORPUS / "val.jsonl.gz")
    parser.add_argument("--documents", type=int, default=60)
    parser.add_argument("--parts", type=int, default=4)
    asked = parser.parse_args(arguments)
    records = read(asked.val)
    every = max(1, len(records) // asked.documents)
    loaded = load(find(DEFAULT, "summarize"), without_torch(None))
    rows: dict[str, list[dict[str, float]]] = {method: [] for method in METHODS}
    counts = Namespace(sentences=0, pairs=0, doubled=0, named=0)
    for record in records[::every][: asked.documents]:
        found = summaries(record, asked.parts, loaded, counts)
        for method, sentences in found.items():
            figures = rouge(rouge_scorer(), sentences_of(record.summary), sentences)
            rows[method].append(figures | {"words": float(count_words(" ".join(sentences)))})
    print("| | words | ROUGE-1 | ROUGE-2 | ROUGE-L |\n| --- | --- | --- | --- | --- |")
    for method, of_method in rows.items():
        mean, intervals = means(of_method), bootstrap_intervals(of_method)
        cells = [
            f"{mean[name]:.1f} ± {(intervals[name][1] - intervals[name][0]) / 2:.1f}"
            for name in mean
            if name != "words"
        ]
        print(f"| {method} | {mean['words']:.0f} | {' | '.join(cells)} |")
    print(
        f"{counts.sentences} sentences of digests, {counts.pairs} pairs that say the same; with a copy of the"
        f" first part {counts.doubled}, and {counts.named} sentences that name both"
    )
    print(f"{len(rows[METHODS[0]])} documents, {asked.parts} parts; {description(1)}; {date.today()}")


def summaries(
    record: SummaryExample, parts: int, loaded: LoadedModel, counts: Namespace
) -> dict[str, list[str]]:
    """Return the sentences of each method, of at most as many words as the authors' summary."""
    words = max(1, count_words(record.summary))
    texts = cut(record.document, parts)
    each = [candidates(number, text, record, loaded) for number, text in enumerate(texts)]
    digest = choose([one for part in each for one in part], words)
    twice = choose([*(one for part in each for one in part), *renamed(each[0], len(texts))], words)
    counts.sentences += len(digest)
    counts.pairs += pairs(digest)
    counts.doubled += pairs(twice)
    counts.named += sum("copy" in (one.name, *one.also) for one in twice)
    share = max(1, words // len(texts))
    joined = [one for text in texts for one in whole(text, record, loaded, share)]
    sentences = sentences_of(record.document)
    return {
        "digest of the parts": [one.sentence.text for one in digest],
        "summary of the whole": whole(record.document, record, loaded, words),
        "summaries of the parts, joined": joined,
        "first sentences": [sentences[number] for number in lead(sentences, words)],
    }


def cut(text: str, parts: int) -> list[str]:
    """Return parts of about the same length, cut between paragraphs; fewer where there are not enough."""
    paragraphs = text.split("\n\n")
    found: list[str] = []
    size = len(text) / parts
    for paragraph in paragraphs:
        if not found or (len(found[-1]) >= size and len(found) < parts):
            found.append(paragraph)
        else:
            found[-1] += "\n\n" + paragraph
    return found


def candidates(number: int, text: str, record: SummaryExample, loaded: LoadedModel) -> list[DigestSentence]:
    """Return the sentences of a part's own summary, as `bbp digest` takes them."""
    document = document_of(text, record)
    summary = run_one(summary_task(SummaryOptions(), loaded.checkpoint), document, loaded)
    assert isinstance(summary, DocumentSummary)
    return candidates_of(number, f"part {number}", document, summary)


def renamed(sentences: Sequence[DigestSentence], number: int) -> list[DigestSentence]:
    """Return the sentences of a copy of their document."""
    return [
        DigestSentence(number, one.number, "copy", one.place, one.sentence, one.score) for one in sentences
    ]


def pairs(sentences: Sequence[DigestSentence]) -> int:
    """Return how many pairs say the same."""
    return sum(says_the_same(one, other) for one, other in combinations(sentences, 2))


def whole(text: str, record: SummaryExample, loaded: LoadedModel, words: int) -> list[str]:
    """Return the sentences of a text's summary."""
    task = summary_task(SummaryOptions(length=words), loaded.checkpoint)
    summary = run_one(task, document_of(text, record), loaded)
    assert isinstance(summary, DocumentSummary)
    return [one.text for one in summary.sentences]


if __name__ == "__main__":
    main()
