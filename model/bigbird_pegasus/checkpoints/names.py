"""Names of stored tensors: the published ones, and those of heads."""

from collections.abc import Iterable

# Names of modules in our layers, which are the published ones, and how files call those of the head that
# scores sentences: it was published, with the default model, under other names.
LAYERS = "sentence_head.reader.layers."
OURS_TO_STORED = (
    ("self_attn_layer_norm.", "attention_norm."),
    ("self_attn.self.", "attention."),
    ("self_attn.output.", "attention.output."),
    ("final_layer_norm.", "feed_forward_norm."),
    ("fc1.", "feed_forward.up."),
    ("fc2.", "feed_forward.down."),
)

# The names under which published files hold the one table of token embeddings, once or several times.
SHARED_TABLE, HEAD_TABLE = "shared.weight", "lm_head.weight"
TOKEN_TABLES = (
    SHARED_TABLE,
    "encoder.embed_tokens.weight",
    "decoder.embed_tokens.weight",
    HEAD_TABLE,
)
FINAL_BIAS = "final_logits_bias"
# How the published names of all heads begin; a class says which are its own.
HEADS = (FINAL_BIAS, "lm_head.", "classification_head.", "qa_outputs.", "sentence_head.")
BASE_PREFIX = "model."


def our_name(published: str) -> str:
    """Translate the name of a stored tensor into that of the model's."""
    longest_first = sorted(OURS_TO_STORED, key=lambda row: -len(row[1]))
    return _translate(published, tuple((stored, ours) for ours, stored in longest_first))


def published_name(ours: str) -> str:
    """Translate the name of a model's tensor into the one that is stored."""
    return _translate(ours, OURS_TO_STORED)


def _translate(name: str, table: Iterable[tuple[str, str]]) -> str:
    if not name.startswith(LAYERS):
        return name
    number, _, rest = name.removeprefix(LAYERS).partition(".")
    for left, right in table:
        if rest.startswith(left):
            return f"{LAYERS}{number}.{right}{rest.removeprefix(left)}"
    return name
