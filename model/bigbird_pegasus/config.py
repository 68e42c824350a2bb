"""The configuration of a BigBird-Pegasus model: every field and default of the published one.

Source: the published documentation of `BigBirdPegasusConfig`, and `config.json` of the checkpoints
`google/bigbird-pegasus-large-{arxiv,pubmed,bigpatent}`.
"""

import copy
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

from bigbird_pegasus.checkpoints.files import CONFIG_FILE, read_json_object
from bigbird_pegasus.checkpoints.folders import made_folder, path_of
from bigbird_pegasus.checkpoints.hub import checkpoint_folder, split_options
from bigbird_pegasus.config_checks import (
    MODEL_TYPE,
    WEIGHT_TYPE,
    WeightType,
    check,
    check_choice,
    dtype_name,
    is_list_of,
    labels_of,
)
from bigbird_pegasus.config_keys import ALIASES, KEPT_SILENTLY, LABEL_KEYS, without_aliases
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

_reported_keys: set[str] = set()


def architecture_of(names: Sequence[str]) -> str | None:
    """Return the first of a configuration's `architectures` that is known, or None."""
    return next((name for name in names if name in ARCHITECTURES), None)


@dataclass(init=False, eq=False, repr=False)
class BigBirdPegasusConfig:
    """Sizes, token ids and switches of one model.

    `BigBirdPegasusConfig()` describes the published large checkpoints. Values can be read and set as
    attributes, also by their aliases (`hidden_size`, `num_attention_heads`, `attention_probs_dropout_prob`,
    `num_hidden_layers`); each is checked when it is set, and whether they fit each other when a
    configuration or
    a model is made. A key that is not a field is kept as an attribute, written back by `save_pretrained`, and
    reported once by a warning where the constructor gets it.

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
    dtype: WeightType = WEIGHT_TYPE
    model_type: str = MODEL_TYPE
    output_attentions: bool = False  # this one and the next two: what a forward returns unless it is told
    output_hidden_states: bool = False
    return_dict: bool = True
    name_or_path: str = ""  # what it was read from; not written
    sub_configs: ClassVar[Mapping[str, type]] = {}  # published, of models that have others inside

    def __init__(self, /, **values: Any) -> None:
        extra = values.pop("extra", {})
        if not isinstance(extra, Mapping):
            raise ConfigError(f"extra is {extra!r}: it must be a mapping of further keys")
        values = without_aliases({**values, **extra})
        labels = labels_of(*(values.pop(name, None) for name in ("id2label", "label2id", "num_labels")))
        for f in fields(self):
            default = f.default_factory() if callable(f.default_factory) else f.default
            setattr(self, f.name, values.pop(f.name, default))
        if labels is not None:
            self.id2label = labels
        # What a file may call a method's name is kept, and only to be written back.
        hidden = {name: value for name, value in values.items() if _is_method(name)}
        if hidden:
            self.__dict__[HIDDEN] = hidden
        for name in values.keys() - hidden.keys():
            setattr(self, name, values[name])
        self.validate()
        _report_unknown(self.extra)

    def __setattr__(self, name: str, value: Any) -> None:
        name = ALIASES.get(name, name)
        if name in _PROPERTIES:
            object.__setattr__(self, name, value)
        elif _is_method(name):
            raise ConfigError(f"{name} is no value that can be set")
        else:
            self.__dict__[name] = _normalized(name, value)

    def __getattr__(self, name: str) -> Any:
        if name in ALIASES:
            return getattr(self, ALIASES[name])
        raise AttributeError(f"this configuration has no {name!r}{did_you_mean(name, self.__dict__)}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BigBirdPegasusConfig) and self.to_dict() == other.to_dict()

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"

    __hash__ = None  # type: ignore[assignment]  # what can be written into is no key

    def __iter__(self) -> Iterator[str]:
        """Yield the names of all values, as published."""
        yield from self._values()

    @property
    def extra(self) -> dict[str, Any]:
        """The values by keys that are not fields."""
        return {name: value for name, value in self._values().items() if name not in _FIELDS}

    def _values(self) -> dict[str, Any]:
        """Return all values by their keys."""
        values = dict(self.__dict__)
        hidden: dict[str, Any] = values.pop(HIDDEN, {})
        return values | hidden

    @property
    def num_labels(self) -> int:
        """Number of classes of a classification head; setting another one gives them new names."""
        return len(self.id2label)

    @num_labels.setter
    def num_labels(self, count: int) -> None:
        if count != self.num_labels:
            self.id2label = labels_of(None, None, count) or {}

    @property
    def label2id(self) -> dict[str, int]:
        """The class number of each label."""
        return {label: number for number, label in self.id2label.items()}

    @label2id.setter
    def label2id(self, numbers: Mapping[str, int]) -> None:
        self.id2label = labels_of(None, numbers, None) or {}

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

    def get_text_config(
        self, decoder: bool | None = None, encoder: bool | None = None
    ) -> "BigBirdPegasusConfig":
        """Return itself: encoder and decoder have one configuration."""
        return self

    def validate(self) -> None:
        """Check that the values fit each other.

        Raises:
            ConfigError: no model can be built from them.
        """
        check(self)

    @classmethod
    def from_dict(cls, config_dict: Mapping[str, Any], **changes: Any) -> "BigBirdPegasusConfig":
        """Make a configuration from the content of a `config.json`; `changes` as of `from_pretrained`.

        Raises:
            ConfigError: as the constructor, and when it describes another kind of model.
        """
        config = cls(**config_dict)
        return config.replace(**changes) if changes else config

    @classmethod
    def from_json_file(cls, json_file: str | Path) -> "BigBirdPegasusConfig":
        """Read a file as `save_pretrained` or `to_json_file` writes it.

        Raises:
            CheckpointError: it is missing or is not a JSON object.
            ConfigError: as the constructor.
        """
        try:
            return cls.from_dict(read_json_object(Path(json_file)))
        except FileNotFoundError:
            raise CheckpointError(f"{json_file} is no file") from None

    def replace(self, **changes: Any) -> "BigBirdPegasusConfig":
        """Return a copy with other values; `num_labels` keeps the labels' names where it is their number.

        Raises:
            ConfigError: a key is unknown (the message names the closest one) or its value impossible.
        """
        changes = without_aliases(changes)
        for name in changes:
            if name not in self.known_keys:
                raise ConfigError(f"unknown option {name!r}{did_you_mean(name, self.known_keys)}")
        if changes.get("num_labels") == self.num_labels and len(LABEL_KEYS & changes.keys()) == 1:
            del changes["num_labels"]
        values = copy.deepcopy(self._values())
        if LABEL_KEYS & changes.keys():
            del values["id2label"]
        return type(self)(**(values | changes))

    @property
    def known_keys(self) -> set[str]:
        """The keys that a configuration of this kind may have."""
        return {*self._values(), *LABEL_KEYS, *KEPT_SILENTLY, *ALIASES}

    def update(self, config_dict: Mapping[str, Any]) -> None:
        """Set several values.

        Raises:
            ConfigError: a value is impossible, or they do not fit each other.
        """
        for name, value in config_dict.items():
            setattr(self, name, value)
        self.validate()

    def to_dict(self) -> dict[str, Any]:
        """Return the content of a `config.json`, keys that are not ours included."""
        values = self._values() | {
            "id2label": {str(number): label for number, label in self.id2label.items()},
            "label2id": self.label2id,
        }
        return {
            name: copy.deepcopy(value)
            for name, value in values.items()
            if not (
                value is None or (name in NOT_WRITTEN and value == _FIELDS[name]) or name == "name_or_path"
            )
        }

    def to_diff_dict(self) -> dict[str, Any]:
        """Return what of `to_dict` differs from the default configuration's, and the model type."""
        usual = type(self)().to_dict()
        values = self.to_dict()
        return {k: v for k, v in values.items() if k == "model_type" or k not in usual or v != usual[k]}

    def to_json_string(self, use_diff: bool = True) -> str:
        """Return the values as JSON, those that differ from the defaults or all of them."""
        values = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def to_json_file(self, json_file_path: str | Path, use_diff: bool = True) -> None:
        """Write what `to_json_string` returns."""
        path_of(json_file_path).write_text(self.to_json_string(use_diff), encoding="utf-8")

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        local_files_only: bool = False,
        return_unused_kwargs: bool = False,
        **changes: Any,
    ) -> "BigBirdPegasusConfig":
        """Read `config.json` of a checkpoint; `changes` replace what it says (see `replace`).

        Args:
            pretrained_model_name_or_path: a folder, or `owner/name` on the Hub, see
                `checkpoint_folder`.
            revision: branch, tag or commit of a model on the Hub.
            local_files_only: never download.
            return_unused_kwargs: return a pair: the configuration, and the changes whose keys it does not
                have.
            changes: values by their keys; a key that it does not have changes nothing, as published, and a
                warning names it.

        Raises:
            CheckpointError: the file is missing or is not a JSON object, or the Hub does not give it.
            ConfigError: a value is unknown or impossible.
        """
        where, changes = split_options(changes)
        folder = checkpoint_folder(
            pretrained_model_name_or_path, revision=revision, local_files_only=local_files_only, **where
        )
        path = folder / CONFIG_FILE
        try:
            values = read_json_object(path)
        except FileNotFoundError:
            raise CheckpointError(
                f"{path.parent} has no {CONFIG_FILE}: it is not a checkpoint folder"
            ) from None
        config = cls.from_dict(values)
        unused = {name: value for name, value in changes.items() if name not in config.known_keys}
        used = {name: value for name, value in changes.items() if name not in unused}
        config = config.replace(**used) if used else config
        config.name_or_path = str(pretrained_model_name_or_path)
        if return_unused_kwargs:
            return cast("BigBirdPegasusConfig", (config, unused))
        for name in unused:
            hint = did_you_mean(name, config.known_keys)
            warnings.warn(f"a configuration has no {name!r}, it changes nothing{hint}", stacklevel=2)
        return config

    def save_pretrained(self, save_directory: str | Path) -> None:
        """Write `config.json` into `save_directory`, which is made where it is missing.

        Raises:
            ConfigError: it is no path.
        """
        self.to_json_file(made_folder(save_directory) / CONFIG_FILE, use_diff=False)


_FIELDS: dict[str, Any] = {
    f.name: f.default_factory() if callable(f.default_factory) else f.default
    for f in fields(BigBirdPegasusConfig)
}
_PROPERTIES = frozenset({"num_labels", "label2id"})
HIDDEN = "_hidden"  # where values are kept whose keys are names of methods


def _is_method(name: str) -> bool:
    """Return whether a key is the name of something else that a configuration has."""
    return name == HIDDEN or (
        name not in _FIELDS and name not in _PROPERTIES and hasattr(BigBirdPegasusConfig, name)
    )


# Not written while they have their default: checkpoints do not say them.
NOT_WRITTEN = ("output_attentions", "output_hidden_states", "return_dict")


def _normalized(name: str, value: Any) -> Any:
    """Return a value as it is kept: labels by number, a type by its name.

    Raises:
        ConfigError: it is none of those that the key allows, or of the wrong kind.
    """
    check_choice(name, value)
    if name == "id2label":
        return labels_of(value, None, None) or _FIELDS[name]
    if name == "architectures":
        if not is_list_of(value or [], str):
            raise ConfigError(f"architectures is {value!r}: it must be a list of names")
        return list(value or [])
    return dtype_name(value) if name == "dtype" else value


def _report_unknown(extra: Mapping[str, Any]) -> None:
    """Warn of each key that is neither a field nor a known one, once in a process."""
    unknown = sorted(set(extra) - KEPT_SILENTLY - _reported_keys - {"position_embedding"})
    if unknown:
        _reported_keys.update(unknown)
        listed = shorten(", ".join(unknown))
        warnings.warn(f"unknown configuration keys are kept but not used: {listed}", stacklevel=4)


RandomAttention = Literal["seeded", "transformers"]
