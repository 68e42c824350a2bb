"""The keys of published configurations that are not fields: aliases, names of labels, what is only kept."""

from collections.abc import Mapping
from typing import Any

from bigbird_pegasus.errors import ConfigError

# The published names for one value: the left one is read and written as the right one.
ALIASES = {
    "num_attention_heads": "encoder_attention_heads",
    "hidden_size": "d_model",
    "attention_probs_dropout_prob": "attention_dropout",
    "num_hidden_layers": "encoder_layers",
    "torch_dtype": "dtype",
    "use_return_dict": "return_dict",
    "_name_or_path": "name_or_path",
}

# Three ways to say how many classes there are and what they are called.
LABEL_KEYS = frozenset({"id2label", "label2id", "num_labels"})

# Keys of published config files that other modules read (generation) or that nothing needs at run time.
# They are kept like every unknown key, but there is nothing to report.
KEPT_SILENTLY = frozenset(
    {
        *(
            "num_beams",
            "length_penalty",
            "max_length",
            "min_length",
            "early_stopping",
            "no_repeat_ngram_size",
        ),
        *("repetition_penalty", "num_return_sequences", "do_sample", "temperature", "top_k", "top_p"),
        *("forced_bos_token_id", "forced_eos_token_id", "force_bos_token_to_be_generated"),
        *("gradient_checkpointing", "transformers_version"),
        *("chunk_size_feed_forward", "task_specific_params"),
        *("add_bias_logits", "add_final_layer_norm", "normalize_before", "normalize_embedding"),
        *("static_position_embeddings", "extra_pos_embeddings", "max_new_tokens", "add_cross_attention"),
        *("sep_token_id", "unk_token_id", "tokenizer_class", "static_cache", "quantization_config"),
    }
)


def without_aliases(values: Mapping[str, Any]) -> dict[str, Any]:
    """Rename aliases to their field; one value under two names must be one value.

    Raises:
        ConfigError: it is not.
    """
    named: dict[str, Any] = {}
    for key, value in values.items():
        name = ALIASES.get(key, key)
        if name in named and named[name] != value:
            raise ConfigError(
                f"{key}={value!r} contradicts {name}={named[name]!r}: they are two names of one value"
            )
        named[name] = value
    return named
