"""What a model writes about windows: the options of the search, the search, and its text."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import ceil
from typing import TYPE_CHECKING, Any, cast

from bigbird_pegasus.summarization.options import SummaryOptions
from bigbird_pegasus.summarization.quality import MAX_DEFLATE_RATIO, deflate_ratio
from bigbird_pegasus.summarization.writing.support import SourceFacts, unsupported_facts
from bigbird_pegasus.text.windows import EncodedText, Window, window_input
from bigbird_pegasus.text.words import clean

if TYPE_CHECKING:
    from torch import Tensor

    from bigbird_pegasus.generation.config import GenerationConfig
    from bigbird_pegasus.modeling.heads import BigBirdPegasusForConditionalGeneration
    from bigbird_pegasus.tokenization.tokenizer import PegasusTokenizer

TOKENS_PER_WORD = 4 / 3  # of English in the published vocabulary
MIN_NEW_TOKENS = 8
DEFAULT_SUMMARY_TOKENS = 256  # what the published checkpoints write at most, for one that names no limit
RETRY_NGRAM_SIZE = 3  # tokens that are not written twice, when a text that repeats itself is written again


@dataclass(frozen=True)
class GenerationRequest:
    """Windows that one text is written about, and the options of the search.

    Several windows are encoded apart, and the decoder attends to all of them. `on_tokens` is called with the
    new ids so far. With `facts` the beams are ranked by how few others they have. `may_retry`: a text that
    repeats itself is written again, with n-grams blocked.
    """

    encoded: EncodedText
    windows: tuple[Window, ...]
    options: Mapping[str, object]
    on_tokens: Callable[[Sequence[int]], None] | None = None
    facts: SourceFacts | None = None
    may_retry: bool = True


@dataclass(frozen=True)
class WrittenText:
    """A text, whether the model ended it by itself, and whether it was written a second time."""

    text: str
    ended: bool
    retried: bool = False


def generation_options(
    options: SummaryOptions, model: "BigBirdPegasusForConditionalGeneration", texts: int
) -> Mapping[str, object]:
    """Return the options of `generate`; the words that were asked for are shared out evenly among texts.

    With `options.reference` there are none but the checkpoint's own.
    """
    if options.reference:
        return {}
    generation = {"seed": options.seed, **options.generation}
    default = default_config(model)
    tokens = None
    if isinstance(options.length, int):
        tokens = max(ceil(options.length * TOKENS_PER_WORD / texts), MIN_NEW_TOKENS)
    elif default.max_length is None and default.max_new_tokens is None:
        tokens = DEFAULT_SUMMARY_TOKENS
    if tokens is not None:
        generation["max_new_tokens"] = min(tokens, model.config.max_position_embeddings)
    return generation


def number_of_beams(options: SummaryOptions, model: "BigBirdPegasusForConditionalGeneration") -> int:
    """Return the beams of the search: those of the options, or else of the checkpoint."""
    return int(str(options.generation.get("num_beams", default_config(model).num_beams)))


def blocked_ngrams(options: SummaryOptions, model: "BigBirdPegasusForConditionalGeneration") -> int:
    """Return how many tokens are not written twice: of the options, or else of the checkpoint; 0 for none."""
    given = options.generation.get("no_repeat_ngram_size", default_config(model).no_repeat_ngram_size)
    return int(str(given or 0))


def may_retry(options: SummaryOptions, model: "BigBirdPegasusForConditionalGeneration") -> bool:
    """Return whether a text that repeats itself is written again.

    Not where the options allow repetition (`no_repeat_ngram_size=0`) or as much is blocked already.
    """
    blocked = blocked_ngrams(options, model)
    allowed = blocked == 0 and "no_repeat_ngram_size" in options.generation
    return not (options.reference or allowed or 0 < blocked <= RETRY_NGRAM_SIZE)


def max_new_tokens(model: "BigBirdPegasusForConditionalGeneration") -> int:
    """Return how many tokens the checkpoint itself lets a summary have."""
    default = default_config(model)
    return max(default.max_length or 0, default.max_new_tokens or 0) or DEFAULT_SUMMARY_TOKENS


def default_config(model: "BigBirdPegasusForConditionalGeneration") -> "GenerationConfig":
    """Return the checkpoint's own settings."""
    default = model.generation_config
    assert default is not None  # for the type checker: this class always has one
    return default


def write(
    model: "BigBirdPegasusForConditionalGeneration",
    tokenizer: "PegasusTokenizer",
    requests: Sequence[GenerationRequest],
) -> list[WrittenText]:
    """Return the text that the model writes for each request.

    A search has one set of options: requests that are next to each other and share them are searched
    together.

    Raises:
        ConfigError: an option is unknown, impossible, or does not fit the model.
    """
    written: list[WrittenText] = []
    for _, group in groupby(requests, lambda request: (request.options, request.facts is not None)):
        written += _write_together(model, tokenizer, list(group))
    again = [n for n, found in enumerate(written) if _repeats(found.text) and requests[n].may_retry]
    if again:
        blocked = {"no_repeat_ngram_size": RETRY_NGRAM_SIZE}
        others = [
            replace(requests[n], options={**requests[n].options, **blocked}, may_retry=False) for n in again
        ]
        for n, found in zip(again, write(model, tokenizer, others), strict=True):
            is_better = found.text and deflate_ratio(found.text) < deflate_ratio(written[n].text)
            written[n] = replace(found if is_better else written[n], retried=True)
    return written


def _repeats(text: str) -> bool:
    return deflate_ratio(text) > MAX_DEFLATE_RATIO


def _write_together(
    model: "BigBirdPegasusForConditionalGeneration",
    tokenizer: "PegasusTokenizer",
    requests: Sequence[GenerationRequest],
) -> list[WrittenText]:
    import torch

    from bigbird_pegasus.inference.ragged_batch import generate_from_windows

    def on_step(step: Any) -> None:
        for document, tokens in zip(step.documents, step.tokens, strict=True):
            on_tokens = requests[document].on_tokens
            if on_tokens is not None:
                on_tokens(tokens)

    def ids_of(request: GenerationRequest) -> "list[Tensor]":
        ids = [window_input(request.encoded, window, tokenizer) for window in request.windows]
        return [torch.tensor(one, device=model.device) for one in ids]

    options = dict(requests[0].options)
    texts = 1
    if requests[0].facts is not None:  # all beams, to choose among them
        texts = int(str(options.get("num_beams", default_config(model).num_beams)))
    # Whatever the checkpoint's own options are, so many texts are wanted, and nothing but their ids.
    only = {"num_return_sequences": texts, "return_dict_in_generate": False}
    documents = [ids_of(request) for request in requests]
    sequences = generate_from_windows(model, documents, on_step=on_step, **{**options, **only})
    ids = cast("Tensor", sequences)[:, 1:].tolist()
    written = [WrittenText(decode(one, tokenizer), tokenizer.eos_token_id in one) for one in ids]
    return [
        _best_supported(written[n * texts : (n + 1) * texts], request.facts)
        for n, request in enumerate(requests)
    ]


def _best_supported(beams: Sequence[WrittenText], facts: SourceFacts | None) -> WrittenText:
    """Return the beam with the fewest facts that the document lacks, of equals the likeliest."""
    if facts is None:
        return beams[0]
    # An empty text has no such fact, and says nothing.
    return min(beams, key=lambda beam: (not beam.text, len(unsupported_facts(beam.text, facts))))


def decode(ids: Sequence[int], tokenizer: "PegasusTokenizer") -> str:
    """Return the text of token ids: clean lines, none of them empty."""
    return join(tokenizer.decode(list(ids), skip_special_tokens=True).split("\n"))


def join(texts: Iterable[str]) -> str:
    """Return clean lines, without those that are empty."""
    lines = (clean(line) for text in texts for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def before_repetition(ids: Sequence[int]) -> Sequence[int]:
    """Return what stands before the first n-gram that is there twice; the first of `ids` is the start token.

    So much of a growing text is certain: written again with these blocked, it begins in the same way.
    """
    seen = set()
    for end in range(RETRY_NGRAM_SIZE, len(ids) + 1):
        gram = tuple(ids[end - RETRY_NGRAM_SIZE : end])
        if gram in seen:
            return ids[: end - 1]
        seen.add(gram)
    return ids
