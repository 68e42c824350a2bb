"""Published tensor names and ours."""

import re

# Published name ↔ our name; `*` is a layer number. A name that no row matches is the same on both sides.
PUBLISHED_TO_OURS = (
    ("shared", "encoder.embedding"),
    ("encoder.embed_positions", "encoder.positions"),
    ("encoder.layernorm_embedding", "encoder.norm"),
    ("decoder.embed_tokens", "decoder.embedding"),
    ("encoder.layers.*.self_attn_layer_norm", "encoder.layers.*.attention_norm"),
    ("encoder.layers.*.self_attn.self", "encoder.layers.*.attention"),
    ("encoder.layers.*.self_attn.output", "encoder.layers.*.attention.output"),
    ("encoder.layers.*.final_layer_norm", "encoder.layers.*.feed_forward_norm"),
    ("encoder.layers.*.fc1", "encoder.layers.*.feed_forward.up"),
    ("encoder.layers.*.fc2", "encoder.layers.*.feed_forward.down"),
    ("decoder.embed_positions", "decoder.positions"),
    ("decoder.layernorm_embedding", "decoder.norm"),
    ("decoder.layers.*.self_attn_layer_norm", "decoder.layers.*.self_attention_norm"),
    ("decoder.layers.*.self_attn.q_proj", "decoder.layers.*.self_attention.query"),
    ("decoder.layers.*.self_attn.k_proj", "decoder.layers.*.self_attention.key"),
    ("decoder.layers.*.self_attn.v_proj", "decoder.layers.*.self_attention.value"),
    ("decoder.layers.*.self_attn.out_proj", "decoder.layers.*.self_attention.output"),
    ("decoder.layers.*.encoder_attn_layer_norm", "decoder.layers.*.cross_attention_norm"),
    ("decoder.layers.*.encoder_attn.q_proj", "decoder.layers.*.cross_attention.query"),
    ("decoder.layers.*.encoder_attn.k_proj", "decoder.layers.*.cross_attention.key"),
    ("decoder.layers.*.encoder_attn.v_proj", "decoder.layers.*.cross_attention.value"),
    ("decoder.layers.*.encoder_attn.out_proj", "decoder.layers.*.cross_attention.output"),
    ("decoder.layers.*.final_layer_norm", "decoder.layers.*.feed_forward_norm"),
    ("decoder.layers.*.fc1", "decoder.layers.*.feed_forward.up"),
    ("decoder.layers.*.fc2", "decoder.layers.*.feed_forward.down"),
)

# The longest match wins: `attention.output` is a row of its own beside `attention`.
_TO_OURS = tuple(sorted(PUBLISHED_TO_OURS, key=lambda row: -len(row[0])))
_TO_PUBLISHED = tuple(
    sorted(((right, left) for left, right in PUBLISHED_TO_OURS), key=lambda row: -len(row[0]))
)

# The names under which published files hold the one table of token embeddings, once or several times.
TOKEN_TABLES = (
    "shared.weight",
    "encoder.embed_tokens.weight",
    "decoder.embed_tokens.weight",
    "lm_head.weight",
)
FINAL_BIAS = "final_logits_bias"
# How the published names of all heads begin; a class says which are its own.
HEADS = (FINAL_BIAS, "lm_head.", "classification_head.", "qa_outputs.", "sentence_head.")
BASE_PREFIX = "model."


def our_name(published: str) -> str:
    """Translate the published name of a tensor, `model.` prefix or not, into ours."""
    return _translate(published, _TO_OURS)


def published_name(ours: str) -> str:
    """Translate our name of a tensor into the published one."""
    return _translate(ours, _TO_PUBLISHED)


def _translate(name: str, table: tuple[tuple[str, str], ...]) -> str:
    prefix = BASE_PREFIX if name.startswith(BASE_PREFIX) else ""
    bare = name.removeprefix(BASE_PREFIX)
    number = re.search(r"\.layers\.(\d+)\.", bare)
    starred = re.sub(r"\.layers\.\d+\.", ".layers.*.", bare)
    for left, right in table:
        if starred.startswith(left + "."):
            starred = right + starred.removeprefix(left)
            break
    return prefix + (starred.replace(".*.", f".{number[1]}.", 1) if number else starred)
