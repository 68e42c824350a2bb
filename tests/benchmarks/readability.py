"""How many chosen sentences do not stand by themselves, beside ROUGE: with and without the general scorer.

    python -m tests.benchmarks.readability CORPUS/val.jsonl.gz CORPUS/val-more.jsonl.gz [--length 100]

Counted for each 100 sentences of the summaries: openings that point to a sentence before which is not there
("They …", "But …"), references to other parts of the text, citations, fragments, cut enumerations,
definitions of laws, speech that stumbles. What they are is said by `summarization.features.standalone`, which
the choice of sentences uses too: read summaries as well.
"""

from collections.abc import Sequence
from multiprocessing import Pool
from pathlib import Path

import torch
from bigbird_pegasus import DEFAULT_MODEL
from bigbird_pegasus.loading import load_model
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.summarization.features.standalone import (
    cites,
    defines_a_term,
    is_cut_enumeration,
    is_fragment,
    opening_depends,
    refers_elsewhere,
    stumbles,
)
from bigbird_pegasus.summarization.summarize import summarize
from bigbird_pegasus.summarization.summary import Summary
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

from examples.default_model.corpus import Record, read_records
from examples.default_model.evaluate import figures_by_source, print_figures
from tests.benchmarks.published_size import options_of

DEFECTS = {
    "reference": refers_elsewhere,
    "citation": cites,
    "fragment": is_fragment,
    "cut enumeration": is_cut_enumeration,
    "definition": defines_a_term,
    "stumbling speech": stumbles,
}


def defects(record: Record, summary: Summary) -> dict[str, int]:
    """Count the sentences of a summary, and those with each defect."""
    counts = {"sentences": len(summary.sentences), "dangling opening": 0}
    end = 0  # of the sentence chosen before
    for sentence in summary.sentences:
        follows = not record.document[end : sentence.start].strip()
        counts["dangling opening"] += opening_depends(sentence.text) and not follows
        end = sentence.end
    for name, found in DEFECTS.items():
        counts[name] = sum(found(sentence.text) for sentence in summary.sentences)
    return counts


def summarize_all(work: tuple[Sequence[Record], int | None, bool]) -> list[Summary]:
    """Summarize records, in one thread."""
    records, length, general = work
    torch.set_num_threads(1)
    model = load_model(DEFAULT_MODEL, dtype=torch.bfloat16)
    assert isinstance(model, BigBirdPegasusForSentenceExtraction)
    if not general:
        model.general_scorer = None
    tokenizer = PegasusTokenizer.from_pretrained(DEFAULT_MODEL)
    return [summarize(record.document, model=model, tokenizer=tokenizer, length=length) for record in records]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print figures by kind of text and the counts of defects, with and without the general scorer."""
    parser = options_of(__doc__)
    parser.add_argument("records", type=Path, nargs="+")
    parser.add_argument("--length", type=int)
    parser.add_argument("--limit", type=int, help="read only so many records of each file")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--with-only", action="store_true", help="leave the model without it out")
    given = parser.parse_args(arguments)
    records = [record for path in given.records for record in read_records(path, given.limit)]
    for general in (True,) if given.with_only else (True, False):
        parts = [(records[n :: given.processes], given.length, general) for n in range(given.processes)]
        with Pool(given.processes) as pool:
            found = pool.map(summarize_all, parts, chunksize=1)
        summaries = [found[n % given.processes][n // given.processes] for n in range(len(records))]
        title = "with the general scorer" if general else "without it"
        texts = [[sentence.text for sentence in summary.sentences] for summary in summaries]
        print_figures(title, figures_by_source(records, texts))
        counts = [defects(*pair) for pair in zip(records, summaries, strict=True)]
        total = {name: sum(one[name] for one in counts) for name in counts[0]}
        shares = {name: round(100 * n / total["sentences"], 1) for name, n in total.items()}
        print(f"\n{title}: {total['sentences']} sentences, of 100: {shares}", flush=True)


if __name__ == "__main__":
    main()
