"""Checks of a configuration's values, which may come from a file that nobody vouches for."""

from collections.abc import Mapping, Sequence
from typing import Any

from bigbird_pegasus.errors import ConfigError, shorten

MODEL_TYPE = "bigbird_pegasus"
MAX_SIZE = 100_000_000  # of any size: products of two stay below 2**63
MAX_LABELS = 100_000  # names of so many have a few megabytes
# The published names that need no parameter of their own; `modeling.layers.activation` has the functions.
ACTIVATIONS = (
    *("gelu", "gelu_new", "relu", "silu", "swish", "gelu_fast", "gelu_pytorch_tanh", "gelu_python"),
    *("gelu_python_tanh", "gelu_accurate", "gelu_10", "quick_gelu", "relu2", "relu6", "leaky_relu"),
    *("linear", "mish", "sigmoid", "tanh", "hardswish", "laplace", "sqrtsoftplus"),
)
DTYPES = ("float32", "bfloat16", "float16", "float64", "float8_e4m3fn", "float8_e5m2", "int8")
ATTENTION_TYPES = ("block_sparse", "original_full")
PROBLEM_TYPES = ("regression", "single_label_classification", "multi_label_classification")
SWITCHES = (
    "use_cache",
    "is_encoder_decoder",
    "is_decoder",
    "scale_embedding",
    "use_bias",
    "tie_word_embeddings",
    "output_attentions",
    "output_hidden_states",
    "return_dict",
)


def labels_of(
    id2label: Mapping[Any, str] | None, label2id: Mapping[str, int] | None, count: int | None
) -> dict[int, str] | None:
    """Return the class names by number, from whichever of the three the caller gave; None for the default."""
    for name, mapping in (("id2label", id2label), ("label2id", label2id)):
        if mapping is not None and not isinstance(mapping, Mapping):
            raise ConfigError(f"{name} is {mapping!r}: it must map numbers and names of labels")
    if id2label is None and label2id is not None:
        id2label = {number: label for label, number in _items(label2id)}
    if id2label is not None:
        try:
            labels = {int(number): str(label) for number, label in _items(id2label)}
        except (TypeError, ValueError, OverflowError) as error:
            raise ConfigError(f"id2label numbers its labels from 0: {error}") from error
        if count is not None and count != len(labels):
            raise ConfigError(f"num_labels={count} contradicts id2label, which names {len(labels)}")
        if sorted(labels) != list(range(len(labels))):
            numbers = ", ".join(map(str, sorted(labels)[:20]))
            raise ConfigError(f"id2label must number its labels from 0 without gaps, not {numbers}")
        return dict(sorted(labels.items()))
    if count is not None:
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MAX_LABELS:
            raise ConfigError(f"num_labels must be a whole number from 1 to {MAX_LABELS}, not {count!r}")
        return {number: f"LABEL_{number}" for number in range(count)}
    return None


CHOICES: dict[str, tuple[object, ...]] = {
    "activation_function": ACTIVATIONS,
    "attention_type": ATTENTION_TYPES,
    "position_embedding_type": ("absolute",),
    "problem_type": (None, *PROBLEM_TYPES),
}


def check_choice(name: str, value: object) -> None:
    """Raise a ConfigError where a key allows some values only, and this is none of them."""
    if name in CHOICES and not _is_one_of(value, CHOICES[name]):
        listed = ", ".join(repr(choice) for choice in CHOICES[name])
        raise ConfigError(f"{name} is {value!r}: it must be one of {listed}")


def dtype_name(value: object) -> str | None:
    """Return the name of a type of weights, given by its name or as torch's type.

    Raises:
        ConfigError: weights have no such type.
    """
    if value is None or value == "auto":  # which leaves the choice to the file of weights
        return None
    name = str(value).removeprefix("torch.")
    name = {"half": "float16", "float": "float32", "double": "float64"}.get(name, name)
    if name not in DTYPES:
        raise ConfigError(f"dtype is {shorten(str(value), 50)!r}: it must be one of {', '.join(DTYPES)}")
    return name


class WeightType:
    """The type of the weights: kept and written by its name, read as torch's type, as published."""

    def __get__(self, config: object, owner: type) -> Any:
        name = None if config is None else config.__dict__.get("dtype")
        if name is None:
            return None
        import torch  # only here: a configuration is read without it

        return getattr(torch, name)

    def __set__(self, config: object, value: Any) -> None:
        """Keep a type of torch, or its name."""
        config.__dict__["dtype"] = dtype_name(value)


WEIGHT_TYPE = WeightType()


def check(config: Any) -> None:
    """Raise a ConfigError for the first value that no model can be built from."""
    if config.model_type != MODEL_TYPE:
        raise ConfigError(f"model_type is {config.model_type!r}: only {MODEL_TYPE!r} checkpoints can be read")
    for name in CHOICES:
        check_choice(name, getattr(config, name))
    if "position_embedding" in config.extra and config.extra["position_embedding"] != "absolute":
        raise ConfigError(
            f"position_embedding is {config.extra['position_embedding']!r}: it must be 'absolute'"
        )
    for name in SWITCHES:
        if not isinstance(getattr(config, name), bool):
            raise ConfigError(f"{name} is {getattr(config, name)!r}: it must be true or false")
    _check_sizes(config)
    for name in (
        *("dropout", "attention_dropout", "activation_dropout", "classifier_dropout"),
        *("encoder_layerdrop", "decoder_layerdrop"),
    ):
        _check_probability(config, name)
    if not 0 <= _finite(config, "init_std") < 1e3:
        raise ConfigError(f"init_std is {config.init_std!r}: it must be a small number")
    _check_special_tokens(config)


def _check_special_tokens(config: Any) -> None:
    if config.bos_token_id is not None:
        _check_int(config, "bos_token_id", least=0)
    eos = config.eos_token_id
    ends = eos if isinstance(eos, list) else [] if eos is None else [eos]
    if not is_list_of(ends, int) or any(not 0 <= end < MAX_SIZE for end in ends):
        raise ConfigError(f"eos_token_id is {eos!r}: it must be a token id or a list of token ids")
    for name in ("pad_token_id", "decoder_start_token_id"):
        _check_int(config, name, least=0)
        if getattr(config, name) >= config.vocab_size:
            raise ConfigError(
                f"{name}={getattr(config, name)} is outside the vocabulary of {config.vocab_size}"
            )


def _check_sizes(config: Any) -> None:
    for name in (
        "vocab_size",
        "max_position_embeddings",
        "d_model",
        "block_size",
        "encoder_ffn_dim",
        "decoder_ffn_dim",
    ):
        _check_int(config, name, least=1)
    for name in ("encoder_attention_heads", "decoder_attention_heads"):
        _check_int(config, name, least=1)
        if config.d_model % getattr(config, name):
            raise ConfigError(f"d_model={config.d_model} is not a multiple of {name}={getattr(config, name)}")
    for name in ("encoder_layers", "decoder_layers", "num_random_blocks"):
        _check_int(config, name, least=0)


def _check_int(config: Any, name: str, least: int) -> None:
    value = getattr(config, name)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{name} is {value!r}: it must be a whole number of at least {least}")
    if value > MAX_SIZE:
        raise ConfigError(f"{name} is above {MAX_SIZE}: no model has so many")


def _check_probability(config: Any, name: str) -> None:
    value = getattr(config, name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ConfigError(f"{name} is {value!r}: it must be a probability between 0 and 1")


def _finite(config: Any, name: str) -> float:
    value = getattr(config, name)
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > 1e300 or value != value:
        raise ConfigError(f"{name} is {value!r}: it must be a finite number")
    return float(value)


def _is_one_of(value: object, choices: Sequence[object]) -> bool:
    """Return whether a value, hashable or not, is one of the choices: `True` is not `1`."""
    return any(type(value) is type(choice) and value == choice for choice in choices)


def is_list_of(values: object, kind: type) -> bool:
    """Return whether this is a list of such values; booleans are no numbers."""
    return isinstance(values, list | tuple) and all(
        isinstance(value, kind) and not isinstance(value, bool) for value in values
    )


def _items(labels: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """Return the pairs of a mapping of labels.

    Raises:
        ConfigError: there are too many, or a number or name is not one.
    """
    if len(labels) > MAX_LABELS:
        raise ConfigError(f"there are {len(labels)} labels: {MAX_LABELS} at most")
    for pair in labels.items():
        for value in pair:
            if not isinstance(value, str | int) or isinstance(value, bool):
                raise ConfigError(f"id2label and label2id map numbers and names, not {value!r}")
    return list(labels.items())
