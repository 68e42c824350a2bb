"""How much faster summaries that copy are written with `prompt_lookup_num_tokens`: a ratio within one run.

The model has random weights; a logits processor lets it write what a model that copies would: passages of its
document, with other tokens between them.

    python -m tests.benchmarks.prompt_lookup
"""

import argparse
import random
import statistics
import time
from typing import Any

import torch
from bigbird_pegasus import BigBirdPegasusConfig, BigBirdPegasusForConditionalGeneration
from torch import Tensor

VOCABULARY = 5_000
DOCUMENT_TOKENS, SUMMARY_TOKENS = 300, 90


def summary_of(document: list[int], passage: int, seed: int) -> list[int]:
    """Return passages of so many tokens of a document, three other tokens between each two."""
    draw = random.Random(seed)
    tokens: list[int] = []
    while len(tokens) < SUMMARY_TOKENS:
        start = draw.randrange(len(document) - passage)
        tokens += document[start : start + passage]
        tokens += [draw.randrange(3, VOCABULARY) for _ in range(3)]
    return tokens[:SUMMARY_TOKENS]


def seconds(
    model: BigBirdPegasusForConditionalGeneration, ids: Tensor, summary: list[int], count: int
) -> float:
    """Return how long a summary takes, with proposals of `count` tokens or, with 0, without any."""

    def write(tokens: Tensor, scores: Tensor) -> Tensor:
        return scores.index_fill(1, torch.tensor([summary[tokens.shape[1] - 1]]), 1e4)

    options: dict[str, Any] = {"prompt_lookup_num_tokens": count} if count else {}
    start = time.perf_counter()
    found = model.generate(
        ids, num_beams=1, max_new_tokens=len(summary), eos_token_id=[], logits_processor=[write], **options
    )
    assert torch.as_tensor(found)[0, 1:].tolist() == summary
    return time.perf_counter() - start


def main() -> None:
    """Print the ratio for passages of several lengths."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=4, help="of the decoder")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=10, help="prompt_lookup_num_tokens")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    width = arguments.width
    sizes = {"d_model": width, "encoder_ffn_dim": 4 * width, "decoder_ffn_dim": 4 * width}
    config = BigBirdPegasusConfig(
        vocab_size=VOCABULARY, encoder_layers=1, decoder_layers=arguments.layers, **sizes
    )
    model = BigBirdPegasusForConditionalGeneration(config).eval()
    document = torch.randint(3, VOCABULARY, (1, DOCUMENT_TOKENS))
    for passage in (10, 20, 40):
        summary = summary_of(document[0].tolist(), passage, seed=passage)
        pairs = [
            [seconds(model, document, summary, count) for count in (0, arguments.tokens)]
            for _ in range(arguments.repeat)
        ]
        plain, looked_up = (statistics.median(times) for times in zip(*pairs, strict=True))
        print(f"passages of {passage} tokens: {plain / looked_up:.2f} times as fast")


if __name__ == "__main__":
    main()
