"""The configuration of a BigBird-Pegasus model: every field and default of the published one.

Source: the published documentation of `BigBirdPegasusConfig`, and `config.json` of the checkpoints
`google/bigbird-pegasus-large-{arxiv,pubmed,bigpatent}`.
"""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from bigbird_pegasus.checkpoints.files import CONFIG_FILE, read_json_object
from bigbird_pegasus.checkpoints.hub import checkpoint_folder
from bigbird_pegasus.config_checks import MODEL_TYPE, check, is_list_of, labels_of
from bigbird_pegasus.errors import CheckpointError, ConfigError, did_you_mean, shorten

# The names of the classes a checkpoint may be of.
ARCHITECTURES = (
    "BigBirdPegasusModel",
    "BigBirdPegasusForConditionalGeneration",
    "BigBirdPegasusForSequenceClassification",
    "BigBirdPegasusForQuestionAnswering",
    "BigBirdPegasusForCausalLM",
    "BigBirdPegasusForSentenceExtraction",
)

AttentionType = Literal["block_sparse", "original_full"]
ProblemType = Literal["regression", "single_label_classification", "multi_label_classification"]

# The published names for one value: the left one is read and written as the right one.
ALIASES = {
    "num_attention_heads": "encoder_attention_heads",
    "hidden_size": "d_model",
    "attention_probs_dropout_prob": "attention_dropout",
    "num_hidden_layers": "encoder_layers",
    "torch_dtype": "dtype",
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
        *("gradient_checkpointing", "transformers_version", "_name_or_path", "name_or_path", "return_dict"),
        *("output_attentions", "output_hidden_states", "chunk_size_feed_forward", "task_specific_params"),
        *("add_bias_logits", "add_final_layer_norm", "normalize_before", "normalize_embedding"),
        *("static_position_embeddings", "extra_pos_embeddings", "max_new_tokens", "add_cross_attention"),
        *("sep_token_id", "unk_token_id", "tokenizer_class", "static_cache", "quantization_config"),
    }
)

_reported_keys: set[str] = set()


def architecture_of(names: Sequence[str]) -> str | None:
    """Return the first of a configuration's `architectures` that is known, or None."""
    return next((name for name in names if name in ARCHITECTURES), None)


@dataclass(frozen=True, init=False)
class BigBirdPegasusConfig:
    """Sizes, token ids and switches of one model; values are checked when it is made.

    `BigBirdPegasusConfig()` describes the published large checkpoints. Aliases (`hidden_size`,
    `num_attention_heads`, `attention_probs_dropout_prob`, `num_hidden_layers`) are accepted as arguments
    and can be read as attributes. A key that is not a field is kept in `extra`, written back by
    `save_pretrained`, and reported once by a warning.

    Raises:
        ConfigError: a value is of the wrong kind, unknown, or does not fit another one.
    """

    vocab_size: int = 96103
    max_position_embeddings: int = 4096
    d_model: int = 1024
    encoder_layers: int = 16
    encoder_ffn_dim: int = 4096
    encoder_attention_heads: int = 16
    decoder_layers: int = 16
    decoder_ffn_dim: int = 4096
    decoder_attention_heads: int = 16
    encoder_layerdrop: float = 0.0
    decoder_layerdrop: float = 0.0
    use_cache: bool = True
    is_encoder_decoder: bool = True
    is_decoder: bool = False
    activation_function: str = "gelu_new"
    dropout: float = 0.1
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    classifier_dropout: float = 0.0
    init_std: float = 0.02
    decoder_start_token_id: int = 2
    scale_embedding: bool = True
    pad_token_id: int = 0
    bos_token_id: int | None = 2
    eos_token_id: int | list[int] | None = 1
    attention_type: AttentionType = "block_sparse"
    block_size: int = 64
    num_random_blocks: int = 3
    use_bias: bool = False
    tie_word_embeddings: bool = True
    position_embedding_type: str = "absolute"
    problem_type: ProblemType | None = None
    id2label: dict[int, str] = field(default_factory=lambda: {0: "LABEL_0", 1: "LABEL_1"})
    architectures: list[str] = field(default_factory=list)
    dtype: str | None = None
    model_type: str = MODEL_TYPE
    extra: dict[str, Any] = field(default_factory=dict)

    def __init__(self, /, **values: Any) -> None:
        values = _without_aliases(values)
        extra = values.pop("extra", {})
        if not isinstance(extra, Mapping):
            raise ConfigError(f"extra is {extra!r}: it must be a mapping of further keys")
        extra = dict(extra)
        names = {f.name for f in fields(self)}
        labels = labels_of(
            values.pop("id2label", None), values.pop("label2id", None), values.pop("num_labels", None)
        )
        for f in fields(self):
            default = f.default_factory() if callable(f.default_factory) else f.default
            object.__setattr__(self, f.name, values.get(f.name, default))
        if labels is not None:
            object.__setattr__(self, "id2label", labels)
        extra |= {key: value for key, value in values.items() if key not in names}
        object.__setattr__(self, "extra", extra)
        if not is_list_of(self.architectures or [], str):
            raise ConfigError(f"architectures is {self.architectures!r}: it must be a list of names")
        object.__setattr__(self, "architectures", list(self.architectures or []))
        if self.dtype is not None:  # a torch.dtype is accepted too and kept by its name
            object.__setattr__(self, "dtype", str(self.dtype).removeprefix("torch."))
        check(self)
        _report_unknown(extra)

    @property
    def hidden_size(self) -> int:
        """Alias of `d_model`."""
        return self.d_model

    @property
    def num_attention_heads(self) -> int:
        """Alias of `encoder_attention_heads`."""
        return self.encoder_attention_heads

    @property
    def num_hidden_layers(self) -> int:
        """Alias of `encoder_layers`."""
        return self.encoder_layers

    @property
    def attention_probs_dropout_prob(self) -> float:
        """Alias of `attention_dropout`."""
        return self.attention_dropout

    @property
    def num_labels(self) -> int:
        """Number of classes of a classification head."""
        return len(self.id2label)

    @property
    def label2id(self) -> dict[str, int]:
        """The class number of each label."""
        return {label: number for number, label in self.id2label.items()}

    @property
    def output_attentions(self) -> bool:
        """Default of `output_attentions` of a forward: whether it returns attention weights."""
        return bool(self.extra.get("output_attentions", False))

    @property
    def output_hidden_states(self) -> bool:
        """Default of `output_hidden_states` of a forward: whether it returns the states of all layers."""
        return bool(self.extra.get("output_hidden_states", False))

    @property
    def return_dict(self) -> bool:
        """Default of `return_dict` of a forward: whether it returns a record rather than a plain tuple."""
        return bool(self.extra.get("return_dict", True))

    @property
    def eos_token_ids(self) -> tuple[int, ...]:
        """Every id that ends a sequence, none, one or several."""
        if self.eos_token_id is None:
            return ()
        return (self.eos_token_id,) if isinstance(self.eos_token_id, int) else tuple(self.eos_token_id)

    @property
    def full_attention_limit(self) -> int:
        """Tokens up to which the encoder attends fully: the sparse pattern needs more blocks than that."""
        return (5 + 2 * self.num_random_blocks) * self.block_size

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "BigBirdPegasusConfig":
        """Make a configuration from the content of a `config.json`.

        Raises:
            ConfigError: as the constructor, and when it describes another kind of model.
        """
        return cls(**values)

    def replace(self, **changes: Any) -> "BigBirdPegasusConfig":
        """Return a copy with other values; `num_labels` keeps the labels' names where it is their number.

        Raises:
            ConfigError: a key is unknown (the message names the closest one) or its value impossible.
        """
        changes = _without_aliases(changes)
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "extra"} | self.extra
        known = {*values, *LABEL_KEYS, *KEPT_SILENTLY, *ALIASES}
        for name in changes:
            if name not in known:
                raise ConfigError(f"unknown option {name!r}{did_you_mean(name, known)}")
        if changes.get("num_labels") == self.num_labels and len(LABEL_KEYS & changes.keys()) == 1:
            del changes["num_labels"]
        if LABEL_KEYS & changes.keys():
            del values["id2label"]
        return type(self)(**(values | changes))

    def to_dict(self) -> dict[str, Any]:
        """Return the content of a `config.json`, keys that are not ours included."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "extra"}
        values |= {"id2label": {str(k): v for k, v in self.id2label.items()}, "label2id": self.label2id}
        return {key: value for key, value in (values | self.extra).items() if value is not None}

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        revision: str | None = None,
        local_files_only: bool = False,
        **changes: Any,
    ) -> "BigBirdPegasusConfig":
        """Read `config.json` of a checkpoint; `changes` replace what it says (see `replace`).

        Args:
            name_or_path: a folder, or `owner/name` on the Hub, see `checkpoint_folder`.
            revision: branch, tag or commit of a model on the Hub.
            local_files_only: never download.
            changes: values by their keys.

        Raises:
            CheckpointError: the file is missing or is not a JSON object, or the Hub does not give it.
            ConfigError: a value is unknown or impossible.
        """
        folder = checkpoint_folder(name_or_path, revision=revision, local_files_only=local_files_only)
        path = folder / CONFIG_FILE
        try:
            values = read_json_object(path)
        except FileNotFoundError:
            raise CheckpointError(
                f"{path.parent} has no {CONFIG_FILE}: it is not a checkpoint folder"
            ) from None
        config = cls.from_dict(values)
        return config.replace(**changes) if changes else config

    def save_pretrained(self, folder: str | Path) -> None:
        """Write `config.json` into `folder`, which is made where it is missing."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.to_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        (Path(folder) / CONFIG_FILE).write_text(text, encoding="utf-8")


def _without_aliases(values: Mapping[str, Any]) -> dict[str, Any]:
    """Rename aliases to their field; one value under two names must be one value."""
    named: dict[str, Any] = {}
    for key, value in values.items():
        name = ALIASES.get(key, key)
        if name in named and named[name] != value:
            raise ConfigError(
                f"{key}={value!r} contradicts {name}={named[name]!r}: they are two names of one value"
            )
        named[name] = value
    return named


def _report_unknown(extra: Mapping[str, Any]) -> None:
    """Warn of each key that is neither a field nor a known one, once in a process."""
    unknown = sorted(set(extra) - KEPT_SILENTLY - _reported_keys - {"position_embedding"})
    if unknown:
        _reported_keys.update(unknown)
        listed = shorten(", ".join(unknown))
        warnings.warn(f"unknown configuration keys are kept but not used: {listed}", stacklevel=4)


RandomAttention = Literal["seeded", "transformers"]
