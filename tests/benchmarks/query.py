"""Whether summaries of 60 words hold what `--query` asks for, beside plain word overlap.

    python -m tests.benchmarks.query

The corpus has no questions, so they are made of it. From 150 documents of ../shared/corpus/val.jsonl.gz

- a sentence of the author's summary, not its first, is asked for by its two rarest words that the document
  has: "What does it say about A and B?"; the figure is how much of it the summary holds (ROUGE recall);
- a section is asked for by its heading, and the headings are taken away; the figures are how many of the
  chosen sentences stand under it, and how often one does.
"""

import argparse
import gzip
import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from bigbird_pegasus import DEFAULT_MODEL
from bigbird_pegasus.checkpoints.hub import checkpoint_folder
from bigbird_pegasus.inference.extractive_model import ExtractiveModel
from bigbird_pegasus.inference.numpy_model import load_numpy_model
from bigbird_pegasus.kernels.threads import usable_processors
from bigbird_pegasus.summarization.choosing.extractive import extractive_steps
from bigbird_pegasus.summarization.choosing.query import overlaps, terms_of
from bigbird_pegasus.summarization.options import SummaryOptions
from bigbird_pegasus.summarization.steps import run_steps
from bigbird_pegasus.text.parsed_text import ParsedText, parse_text
from bigbird_pegasus.text.sentence_filter import eligible_sentences
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer
from rouge_score import rouge_scorer

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "val.jsonl.gz"
WORDS = 60
_GENERAL = re.compile("ntroduc|bstract|verview|eferences|ackgroun|onclu|elated|otivation|ummary")


def question_of(summary: str, document: str, chance: random.Random) -> tuple[str, str] | None:
    """Return a question that the author's summary answers, and the answer; None where it has one sentence."""
    sentences = [one for one in re.split(r"(?<=[.!?])\s+", summary) if len(one.split()) >= 8]
    if len(sentences) < 2:
        return None
    answer = sentences[chance.randrange(1, len(sentences))]
    counts = Counter(word.lower() for word in re.findall(r"[A-Za-z][\w-]+", document))
    words = [word for word in re.findall(r"[A-Za-z][\w-]+", answer) if len(word) > 3 and counts[word.lower()]]
    rare = sorted(dict.fromkeys(words), key=lambda word: counts[word.lower()])[:2]
    return (f"What does it say about {' and '.join(rare)}?", answer) if rare else None


def section_of(text: ParsedText, chance: random.Random) -> tuple[str, str, set[str]] | None:
    """Return a question for a section, the document without headings, and the sentences of the section."""
    shown = [text.on_one_line(span) for span in text.sentences]
    allowed = eligible_sentences(text, text.sentences)
    heads = [
        n
        for n, one in enumerate(shown)
        if not allowed[n]
        and len(one.split()) <= 7
        and re.match(r"[\dA-Z]", one)
        and not one.endswith((".", ";", ":"))
    ]
    if not heads:
        return None
    found = []
    for head, following in zip(heads, [*heads[1:], len(shown)], strict=True):
        under = {shown[n] for n in range(head + 1, following) if allowed[n]}
        name = re.sub(r"^[\dA-Z.]+\s+(?=[A-Z])", "", shown[head])
        if 3 <= len(under) <= 40 and len(name) > 4 and not _GENERAL.search(name):
            found.append((f"What does it say about {name}?", under))
    if not found:
        return None
    query, under = found[chance.randrange(len(found))]
    left = "\n\n".join(one for n, one in enumerate(shown) if n not in heads)
    return query, left, under


def by_overlap(text: ParsedText, query: str) -> list[str]:
    """Return the sentences with the largest share of the question's words, of 60 words together."""
    shown = [text.on_one_line(span) for span in text.sentences]
    allowed = eligible_sentences(text, text.sentences)
    values = overlaps(
        terms_of(query) - terms_of("what does it say about and"), [terms_of(one) for one in shown]
    )
    chosen: list[int] = []
    left = WORDS
    for n in sorted((n for n, may in enumerate(allowed) if may), key=lambda n: -values[n]):
        if 5 <= len(shown[n].split()) <= left:
            chosen.append(n)
            left -= len(shown[n].split())
    return [shown[n] for n in sorted(chosen)]


def main() -> None:
    """Print a row for each method."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--limit", type=int, default=150, help="documents")
    limit = arguments.parse_args().limit
    found = load_numpy_model(checkpoint_folder(DEFAULT_MODEL, weights=True), usable_processors())
    assert found is not None
    model: ExtractiveModel = found
    tokenizer = PegasusTokenizer.from_pretrained(DEFAULT_MODEL)
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2"], use_stemmer=True)
    chance = random.Random(0)

    def chosen(text: ParsedText, query: str, method: str) -> Sequence[str]:
        if method == "word overlap":
            return by_overlap(text, query)
        options = SummaryOptions(WORDS, query=query if method == "--query" else None)
        steps = extractive_steps(text, model, tokenizer, options)
        return [one.text for one in run_steps(steps, model.encode_windows, batch_size=1).sentences]

    methods = ("without", "word overlap", "--query")
    answers: dict[str, list[tuple[float, float]]] = {method: [] for method in methods}
    sections: dict[str, list[tuple[float, float]]] = {method: [] for method in methods}
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    chance.shuffle(records)
    for record in records[:limit]:
        text = parse_text(record["document"])
        asked = question_of(record["summary"], record["document"], chance)
        section = section_of(text, chance)
        for method in methods:
            if asked is not None:
                rouge = scorer.score(asked[1], " ".join(chosen(text, asked[0], method)))
                answers[method].append((rouge["rouge1"].recall, rouge["rouge2"].recall))
            if section is not None:
                inside = [one in section[2] for one in chosen(parse_text(section[1]), section[0], method)]
                sections[method].append((float(np.mean(inside or [False])), float(any(inside))))
    print(f"{len(answers['without'])} answers: ROUGE-1, ROUGE-2 recall; {len(sections['without'])} sections:")
    print("% of the chosen sentences that stand there, % of the documents with one")
    for method in methods:
        figures = [*np.mean(answers[method], axis=0), *np.mean(sections[method], axis=0)]
        print(f"{method:14}", *(f"{100 * figure:6.1f}" for figure in figures))


if __name__ == "__main__":
    main()
