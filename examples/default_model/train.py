"""Train the default model: the BigBird-Pegasus encoder with a head that scores sentences.

    python -m examples.default_model.train prepare  --corpus CORPUS --run RUN
    python -m examples.default_model.train train    --run RUN
    python -m examples.default_model.train score    --run RUN
    python -m examples.default_model.train choose   --run RUN --corpus CORPUS
    python -m examples.default_model.train evaluate --corpus CORPUS --model RUN/checkpoint
    python -m examples.default_model.train export   --run RUN --to model/bigbird_pegasus/pretrained
    python -m examples.default_model.train general  --corpus CORPUS --to model/bigbird_pegasus/pretrained

CORPUS is a folder with `train.jsonl.gz` and `val.jsonl.gz` (a record a line: id, source, document, summary).
RUN is any folder; `train` writes its log, a state to resume from (run the same command again) and the
averaged weights there. Seeds are fixed: the same corpus, threads and torch give the same model.
`prepare` takes two minutes and `train` about an hour on two cores; none needs a GPU.

The model never sees `val`: `prepare` keeps a slice of `train` for tuning, and `train` reports on that.
Needs the package and its `test` extra (rouge-score).
"""

import argparse
import json
import math
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bigbird_pegasus.config import BigBirdPegasusConfig
from bigbird_pegasus.inference.torch_extraction import extractive_model
from bigbird_pegasus.modeling.sentence_extraction import BigBirdPegasusForSentenceExtraction
from bigbird_pegasus.summarization.features.feature_batches import feature_inputs
from bigbird_pegasus.text.parsed_text import parse_text
from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

from examples.default_model.corpus import (
    TUNING_SHARE,
    Corpus,
    Record,
    build_corpus,
    clean_training_records,
    read_records,
    rouge_f1,
    split_tuning,
    train_vocabulary,
    value_record,
    word_embeddings,
)
from examples.default_model.evaluate import evaluate, evaluate_lead, print_figures, summarize
from examples.default_model.general import GeneralRecipe, train_general
from examples.default_model.scorer import ScorerRecipe, score
from examples.default_model.selector import ChooserRecipe, choose


@dataclass(frozen=True)
class Recipe:
    """Everything a run depends on."""

    steps: int = 1750
    batch_windows: int = 4  # of each process
    processes: int = 2
    head_steps: int = 1000  # first, the head alone on bare word embeddings: cheap, and most of what there is
    window: int = 1024  # tokens
    first_window_share: float = 0.85
    width: int = 256
    layers: int = 2
    heads: int = 4
    inner: int = 1024
    block_size: int = 32
    random_blocks: int = 1
    dropout: float = 0.1
    learning_rate: float = 7e-4
    embedding_learning_rate: float = 2e-4
    weight_decay: float = 0.05
    warm_up: int = 100
    decay_steps: int = 1250
    averaging: float = 0.998
    token_dropout: float = 0.05
    seed: int = 0


def prepare(corpus: Path, run: Path, recipe: Recipe, vocabulary: int, limit: int | None = None) -> None:
    """Clean, split, value every sentence, train the vocabulary and the word embeddings."""
    run.mkdir(parents=True, exist_ok=True)
    training, tuning = split_records(corpus, limit)
    with Pool(2) as pool:
        valued = {
            "train": pool.map(value_record, training, chunksize=20),
            "tuning": pool.map(value_record, tuning, chunksize=20),
        }
    texts = (s.text for document in valued["train"] for s in document.sentences)
    every = 5 if len(training) > 1000 else 1
    train_vocabulary((t for n, t in enumerate(texts) if n % every == 0), run / "spiece", vocabulary)
    pieces = PegasusTokenizer(run / "spiece.model", offset=0).vocab_size
    for name, part in (("train", training), ("tuning", tuning)):
        built = build_corpus(part, valued[name], run / "spiece.model")
        built.save(run / f"{name}.npz")
        print(f"{name}: {len(built)} documents, {len(built.words)} sentences, {len(built.tokens)} tokens")
        if name == "train":
            np.save(run / "embeddings.npy", word_embeddings(built.tokens, pieces, recipe.width))
    with (run / "tuning.jsonl").open("w", encoding="utf-8") as lines:
        for record in tuning:
            lines.write(json.dumps(asdict(record)) + "\n")


def split_records(corpus: Path, limit: int | None = None) -> tuple[list[Record], list[Record]]:
    """Return cleaned records for training and for tuning; none of them is in `val`."""
    held_out = read_records(corpus / "val.jsonl.gz", limit)
    records = clean_training_records(read_records(corpus / "train.jsonl.gz", limit), held_out)
    return split_tuning(records, min(TUNING_SHARE, len(records) // 4))


# --- training -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Window:
    """Sentences `first:last` (numbers in the corpus) of a document."""

    document: int
    first: int
    last: int


def draw_windows(corpus: Corpus, recipe: Recipe, generator: random.Random) -> Iterator[Window]:
    """Windows without end: each epoch shows every document once, mostly from its start."""
    while True:
        documents = list(range(len(corpus)))
        generator.shuffle(documents)
        for document in documents:
            start, end = int(corpus.documents[document]), int(corpus.documents[document + 1])
            first = start
            if generator.random() > recipe.first_window_share:
                first = generator.randrange(start, end)
            limit = corpus.sentences[first] + recipe.window
            last = int(np.searchsorted(corpus.sentences[first : end + 1], limit, side="right")) - 1 + first
            yield Window(document, first, min(max(last, first + 1), end))


def draw_batches(corpus: Corpus, recipe: Recipe, rank: int) -> Iterator[list[Window]]:
    """Return the share of process `rank`: batches of windows of similar length, in random order."""
    generator = random.Random(recipe.seed)
    windows = draw_windows(corpus, recipe, generator)
    size = recipe.batch_windows * recipe.processes
    while True:
        pool = [next(windows) for _ in range(size * 16)]
        pool.sort(key=lambda w: corpus.sentences[w.last] - corpus.sentences[w.first])
        batches = [pool[i : i + size] for i in range(0, len(pool), size)]
        generator.shuffle(batches)
        yield from (batch[rank :: recipe.processes] for batch in batches)


def collate(corpus: Corpus, batch: Sequence[Window], limit: int) -> dict[str, torch.Tensor]:
    """Return the arguments of the model for a batch of windows."""
    lengths = [min(limit, int(corpus.sentences[w.last] - corpus.sentences[w.first])) for w in batch]
    longest = max(w.last - w.first for w in batch)
    ids = torch.zeros(len(batch), max(lengths), dtype=torch.long)
    index = torch.full_like(ids, -1)
    position = torch.zeros(len(batch), longest, dtype=torch.long)
    values = torch.zeros(len(batch), longest)
    count = torch.zeros(len(batch), dtype=torch.long)
    for row, (window, length) in enumerate(zip(batch, lengths, strict=True)):
        bounds = corpus.sentences[window.first : window.last + 1]
        tokens = corpus.tokens[bounds[0] : bounds[0] + length].astype(np.int64)
        ids[row, :length] = torch.from_numpy(tokens)
        owners = np.repeat(np.arange(window.last - window.first), np.diff(bounds))[:length]
        index[row, :length] = torch.from_numpy(owners)
        start, end = corpus.documents[window.document], corpus.documents[window.document + 1]
        number = window.last - window.first
        position[row, :number] = torch.arange(window.first - start, window.last - start)
        values[row, :number] = torch.from_numpy(corpus.values[window.first : window.last])
        count[row] = int(end - start)
    documents = [window.document for window in batch]
    return {
        **feature_inputs([corpus.features(w.first, w.last) for w in batch]),
        "summary_words": torch.from_numpy(corpus.summary_words[documents]),
        "input_ids": ids,
        "attention_mask": (index >= 0).long(),
        "sentence_index": index,
        "sentence_position": position,
        "document_sentences": count,
        "values": values,
    }


def one_window(corpus: Corpus, document: int, first: int, last: int, limit: int) -> dict[str, torch.Tensor]:
    """Return what `sentence_vectors` takes of sentences `first` to `last - 1`, cut at `limit` tokens."""
    batch = collate(corpus, [Window(document, first, last)], limit)
    read = ("input_ids", "attention_mask", "sentence_index", "sentence_position", "document_sentences")
    return {name: batch[name] for name in read}


def make_model(run: Path, corpus: Corpus, recipe: Recipe) -> BigBirdPegasusForSentenceExtraction:
    """Return a fresh model with warm word embeddings and a last bias at the mean value."""
    torch.manual_seed(recipe.seed)
    vectors = torch.from_numpy(np.load(run / "embeddings.npy"))
    config = BigBirdPegasusConfig(
        vocab_size=len(vectors),
        d_model=recipe.width,
        encoder_layers=recipe.layers,
        encoder_attention_heads=recipe.heads,
        encoder_ffn_dim=recipe.inner,
        decoder_layers=recipe.layers,
        decoder_attention_heads=recipe.heads,
        decoder_ffn_dim=recipe.inner,
        max_position_embeddings=recipe.window,
        block_size=recipe.block_size,
        num_random_blocks=recipe.random_blocks,
        dropout=recipe.dropout,
        is_encoder_decoder=False,
        use_cache=False,
    )
    model = BigBirdPegasusForSentenceExtraction(config)
    with torch.no_grad():
        model.shared.weight.copy_(vectors / math.sqrt(recipe.width))
        model.shared.weight[config.pad_token_id].zero_()
        model.sentence_head.scorer.score.bias.fill_(float(corpus.values.mean()))
    return model


def make_optimizer(model: torch.nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW in three groups: word embeddings slower, no decay of vectors."""
    embeddings = [p for n, p in model.named_parameters() if n == "shared.weight"]
    matrices = [p for n, p in model.named_parameters() if p.dim() > 1 and n != "shared.weight"]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    groups = [
        {"params": embeddings, "lr": recipe.embedding_learning_rate, "weight_decay": 0.0},
        {"params": matrices, "lr": recipe.learning_rate, "weight_decay": recipe.weight_decay},
        {"params": vectors, "lr": recipe.learning_rate, "weight_decay": 0.0},
    ]
    groups = [group | {"peak": group["lr"]} for group in groups]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-8, fused=True)


def train(run: Path, recipe: Recipe, report_every: int = 250) -> None:
    """Train to the recipe's number of steps; continues from `state.pt` where an earlier call stopped.

    Each process has one thread and its own share of the batch; gradients are averaged once a step. Threads
    would meet after every operation, which is slow on cores that are shared with other work.
    """
    meeting = run / f"meeting-{time.time_ns()}"
    # torch's own re-export has no annotations.
    spawn: Any = torch.multiprocessing.spawn  # type: ignore[attr-defined]
    spawn(_train_process, (run, recipe, report_every, meeting), recipe.processes)


def _train_process(  # noqa: PLR0915 - one loop, whose state would only be handed around
    rank: int, run: Path, recipe: Recipe, report_every: int, meeting: Path
) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{meeting.resolve()}", rank=rank, world_size=recipe.processes
    )
    corpus = Corpus.load(run / "train.npz")
    model = make_model(run, corpus, recipe)
    layers, no_layers = model.encoder.layers, torch.nn.ModuleList()
    average = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = make_optimizer(model, recipe)
    done = 0
    if (run / "state.pt").exists():
        state = torch.load(run / "state.pt", weights_only=True)
        model.load_state_dict(state["model"])
        peaks = [group["peak"] for group in optimizer.param_groups]
        optimizer.load_state_dict(state["optimizer"])
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["peak"] = peak  # the recipe's, also where it was changed while the run waited
        average, done = state["average"], state["done"]
    tuning = read_tuning(run)
    batches = draw_batches(corpus, recipe, rank)
    losses: list[float] = []
    started = time.monotonic()
    with (run / "log.jsonl").open("a", encoding="utf-8") as log:
        if rank == 0:
            log.write(json.dumps({"recipe": asdict(recipe), "continues_at": done}) + "\n")
        for step in range(recipe.head_steps + recipe.steps):
            batch = next(batches)
            if step < done:
                continue
            torch.manual_seed((recipe.seed * 1_000_003 + step) * recipe.processes + rank)
            model.encoder.layers = no_layers if step < recipe.head_steps else layers
            if step == recipe.head_steps:
                optimizer = make_optimizer(model, recipe)
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * schedule(step, recipe)
            loss = train_step(model, optimizer, collate(corpus, batch, recipe.window), recipe)
            model.encoder.layers = layers
            losses.append(loss)
            decay = min(recipe.averaging, (step + 1) / (step + 10))
            for name, p in model.named_parameters():
                average[name].lerp_(p.detach(), 1 - decay)
            last_of_phase = step + 1 in (recipe.head_steps, recipe.head_steps + recipe.steps)
            if rank or ((step + 1) % report_every and not last_of_phase):
                continue
            model.encoder.layers = no_layers if step < recipe.head_steps else layers
            figures = evaluate_quickly(model, average, tuning, run)
            model.encoder.layers = layers
            save_checkpoint(run, model, average)
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(state | {"average": average, "done": step + 1}, run / "state.pt")
            entry = {"step": step + 1, "loss": round(float(np.mean(losses)), 4), **figures}
            entry["seconds"] = round(time.monotonic() - started)
            log.write(json.dumps(entry) + "\n")
            log.flush()
            print(entry, flush=True)
            losses.clear()
    torch.distributed.destroy_process_group()


def schedule(step: int, recipe: Recipe) -> float:
    """Factor of the learning rate: warm-up, constant, linear decay; at the head alone, decay to a fifth.

    The constant part can be made longer or shorter while a run waits to be resumed.
    """
    if step < recipe.head_steps:
        return min((step + 1) / recipe.warm_up, max(0.2, 1 - step / recipe.head_steps))
    step -= recipe.head_steps
    return min((step + 1) / recipe.warm_up, 1.0, (recipe.steps - step) / recipe.decay_steps)


def train_step(
    model: BigBirdPegasusForSentenceExtraction,
    optimizer: torch.optim.Optimizer,
    batch: dict[str, torch.Tensor],
    recipe: Recipe,
) -> float:
    """One update; the loss."""
    model.train()
    dropped = torch.rand(batch["input_ids"].shape) < recipe.token_dropout
    batch = batch | {"input_ids": batch["input_ids"].masked_fill(dropped, 3)}  # <unk>
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model(**batch).loss
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    if torch.distributed.is_initialized():
        _average_gradients(model)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def _average_gradients(model: torch.nn.Module) -> None:
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def save_checkpoint(
    run: Path, model: BigBirdPegasusForSentenceExtraction, average: dict[str, torch.Tensor]
) -> None:
    """Save the averaged weights as an ordinary checkpoint folder, as float16."""
    folder = run / "checkpoint"
    folder.mkdir(exist_ok=True)
    shell = BigBirdPegasusForSentenceExtraction(model.config)
    shell.load_state_dict(average)
    shell.to(torch.float16).save_pretrained(folder)
    shutil.copy(run / "spiece.model", folder / "spiece.model")
    settings = {
        "tokenizer_class": "PegasusTokenizer",
        "offset": 0,
        "model_max_length": model.config.max_position_embeddings,
        "pad_token": "<pad>",
        "eos_token": "</s>",
        "bos_token": "<s>",
        "unk_token": "<unk>",
        "mask_token": None,
        "mask_token_sent": None,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


# --- figures ------------------------------------------------------------------------------------------


def read_tuning(run: Path) -> list[Record]:
    """Return the slice of `train` that `prepare` kept."""
    with (run / "tuning.jsonl").open(encoding="utf-8") as lines:
        return [Record(**json.loads(line)) for line in lines]


def evaluate_quickly(
    model: BigBirdPegasusForSentenceExtraction,
    average: dict[str, torch.Tensor],
    records: Sequence[Record],
    run: Path,
) -> dict[str, float]:
    """ROUGE-1 and ROUGE-2 of the averaged weights, choosing from each document's first sentences."""
    own = {name: p.detach().clone() for name, p in model.named_parameters()}
    model.load_state_dict(average, strict=False)
    model.eval()
    tokenizer = PegasusTokenizer(
        run / "spiece.model", offset=0, model_max_length=model.config.max_position_embeddings
    )
    rows, chooser = [], extractive_model(model)
    for record in records:
        sentences = parse_text(record.document).sentences[:45]
        beginning = record.document[: sentences[-1].end]
        rows.append(rouge_f1(record.summary, " ".join(summarize(beginning, chooser, tokenizer))))
    model.load_state_dict(own, strict=False)
    first, second = np.mean(rows, axis=0) * 100
    return {"rouge1": round(float(first), 2), "rouge2": round(float(second), 2)}


def main(arguments: Sequence[str] | None = None) -> None:  # noqa: C901 - a branch a stage
    """Run one stage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    stages = parser.add_subparsers(dest="stage", required=True)
    names = ("prepare", "train", "score", "choose", "evaluate", "export", "general")
    stage = {name: stages.add_parser(name) for name in names}
    for name in ("prepare", "train", "score", "choose", "export"):
        stage[name].add_argument("--run", type=Path, required=True, help="folder of the run")
    for name in ("prepare", "choose", "evaluate", "general"):
        stage[name].add_argument(
            "--corpus", type=Path, required=True, help="folder of train and val .jsonl.gz"
        )
    for name in ("prepare", "train"):
        stage[name].add_argument("--recipe", default="{}", help="JSON: fields of Recipe to change")
    for name in ("prepare", "choose"):
        stage[name].add_argument("--limit", type=int, help="read only so many records of each file")
    stage["prepare"].add_argument("--vocabulary", type=int, default=8192)
    stage["train"].add_argument("--report-every", type=int, default=250, help="steps")
    stage["evaluate"].add_argument("--model", type=Path, required=True, help="checkpoint folder")
    stage["evaluate"].add_argument("--limit", type=int, help="read only so many records")
    for name in ("export", "general"):
        stage[name].add_argument("--to", type=Path, required=True, help="checkpoint folder to write")
    stage["general"].add_argument("--documents", type=int, default=300, help="of each kind of text")
    given = parser.parse_args(arguments)
    if given.stage == "prepare":
        prepare(given.corpus, given.run, Recipe(**json.loads(given.recipe)), given.vocabulary, given.limit)
    elif given.stage == "train":
        train(given.run, Recipe(**json.loads(given.recipe)), given.report_every)
    elif given.stage == "score":
        score(given.run, Corpus.load(given.run / "train.npz"), one_window, ScorerRecipe())
    elif given.stage == "choose":
        training, _ = split_records(given.corpus, given.limit)
        choose(given.run, Corpus.load(given.run / "train.npz"), training, ChooserRecipe())
    elif given.stage == "evaluate":
        records = read_records(given.corpus / "val.jsonl.gz", given.limit)
        print_figures("model", evaluate(given.model, records))
        for count in (3, 4):
            print_figures(f"lead-{count}", evaluate_lead(records, count))
    elif given.stage == "general":
        train_general(given.corpus, given.to, GeneralRecipe(documents=given.documents))
    else:
        given.to.mkdir(parents=True, exist_ok=True)
        for file in (given.run / "checkpoint").iterdir():
            shutil.copy(file, given.to / file.name)


if __name__ == "__main__":
    main()
