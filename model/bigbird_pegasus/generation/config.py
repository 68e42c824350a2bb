"""The options of text generation: lengths, beams, penalties, sampling.

Names and defaults are those of the published `GenerationConfig` (transformers), so that
`generation_config.json` and the generation keys that older checkpoints keep in `config.json` can be read as
they are.
"""

import dataclasses
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bigbird_pegasus.checkpoints.files import GENERATION_CONFIG_FILE, read_json_object
from bigbird_pegasus.checkpoints.hub import checkpoint_folder
from bigbird_pegasus.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from bigbird_pegasus.config import BigBirdPegasusConfig


DEFAULT_NEW_TOKENS = 20

# Published keys that would change the text and that we do not have, with the values under which they do
# nothing.
UNSUPPORTED: dict[str, tuple[object, ...]] = {
    "assistant_early_exit": (None,),
    "bad_words_ids": (None, []),
    "begin_suppress_tokens": (None, []),
    "constraints": (None,),
    "diversity_penalty": (None, 0.0),
    "encoder_no_repeat_ngram_size": (None, 0),
    "encoder_repetition_penalty": (None, 1.0),
    "epsilon_cutoff": (None, 0.0),
    "eta_cutoff": (None, 0.0),
    "exponential_decay_length_penalty": (None,),
    "force_bos_token_to_be_generated": (None, False),
    "force_words_ids": (None, []),
    "guidance_scale": (None, 1.0),
    "max_time": (None,),
    "min_p": (None,),
    "num_beam_groups": (None, 1),
    "penalty_alpha": (None, 0.0),
    "remove_invalid_values": (None, False),
    "renormalize_logits": (None, False),
    "sequence_bias": (None,),
    "stop_strings": (None, []),
    "suppress_tokens": (None, []),
    "top_h": (None,),
    "typical_p": (None, 1.0),
}

MAX_COUNT = 1_000_000_000  # of tokens
MAX_TEXTS = 128  # beams, or texts returned, for each document: each has a row in the decoder
MAX_ENDS = 100  # token ids that end a text
# More, and scores divided by the length to its power leave the range of 32 bits.
MAX_LENGTH_PENALTY = 10

_reported_keys: set[str] = set()


@dataclass(frozen=True)
class GenerationConfig:
    """The options of `generate`; values are checked when it is made.

    A length counts the decoder's start token (or prompt); "new tokens" do not, and win over the matching
    length. Where the minimum length is above the maximum, the maximum holds. Token ids that are None are
    taken from the model's configuration.

    Raises:
        ConfigError: a value is impossible, or two of them contradict each other.
    """

    max_length: int | None = None  # tokens; None: 20 new ones
    max_new_tokens: int | None = None
    min_length: int = 0
    min_new_tokens: int | None = None
    do_sample: bool = False
    num_beams: int = 1
    num_return_sequences: int = 1  # for each document
    early_stopping: bool | Literal["never"] = False
    length_penalty: float = 1.0  # exponent of the length that divides a beam's log probability
    no_repeat_ngram_size: int = 0  # 0: n-grams may repeat
    repetition_penalty: float = 1.0
    temperature: float = 1.0
    top_k: int = 50  # 0: every token
    top_p: float = 1.0
    seed: int | None = None  # of sampling; None: another text every time
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    decoder_start_token_id: int | None = None
    forced_bos_token_id: int | None = None
    forced_eos_token_id: int | list[int] | None = None
    return_dict_in_generate: bool = False
    # Accepted because published examples pass them. The cache is always used and always preallocated, and the
    # text does not depend on it; sequence scores come with the dict anyway.
    use_cache: bool = True
    cache_implementation: str | None = None
    output_scores: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(self)
        _report_unsupported(self.extra)

    @property
    def eos_token_ids(self) -> tuple[int, ...]:
        """Every id that ends a sequence: none, one or several."""
        return as_tuple(self.eos_token_id)

    @property
    def forced_eos_token_ids(self) -> tuple[int, ...]:
        """The ids of which one must stand at the greatest length."""
        return as_tuple(self.forced_eos_token_id)

    def replace(self, **options: Any) -> "GenerationConfig":
        """Return a copy with other values; None puts an option out of action (its default, for `top_k` 0).

        Raises:
            ConfigError: an option is unknown (the message names the closest one) or its value impossible.
        """
        known = [name for name in _DEFAULTS if name != "extra"]
        for name in options:
            if name not in known:
                raise ConfigError(f"unknown generation option {name!r}{did_you_mean(name, known)}")
        return dataclasses.replace(self, **_neutral_for_none(options))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "GenerationConfig":
        """Make the options from the content of a `generation_config.json`; unknown keys are kept in `extra`.

        Raises:
            ConfigError: a value is impossible.
        """
        known = {name: value for name, value in values.items() if name in _DEFAULTS and name != "extra"}
        extra = {name: value for name, value in values.items() if name not in known}
        return cls(**_neutral_for_none(known), extra=extra)

    @classmethod
    def from_model_config(cls, config: "BigBirdPegasusConfig") -> "GenerationConfig":
        """Take the options that a model's `config.json` carries, as the published checkpoints do, and its
        token ids.

        Raises:
            ConfigError: one of them is impossible.
        """
        ours = _DEFAULTS.keys() | UNSUPPORTED.keys()
        options = {name: value for name, value in config.extra.items() if name in ours}
        token_ids = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")
        return cls.from_dict(options | {name: getattr(config, name) for name in token_ids})

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path) -> "GenerationConfig":
        """Read `generation_config.json` of a checkpoint, or, where there is none, its `config.json`.

        Args:
            name_or_path: a folder, or `owner/name` on the Hub.

        Raises:
            CheckpointError: neither file is there, or the one that is cannot be read.
            ConfigError: a value in it is impossible.
        """
        folder = checkpoint_folder(name_or_path)
        path = folder / GENERATION_CONFIG_FILE
        if not path.is_file():
            from bigbird_pegasus.config import BigBirdPegasusConfig

            return cls.from_model_config(BigBirdPegasusConfig.from_pretrained(folder))
        return cls.from_dict(read_json_object(path))

    def to_dict(self) -> dict[str, Any]:
        """Return what differs from the defaults, unknown keys included."""
        ours = {name: getattr(self, name) for name in _DEFAULTS if name != "extra"}
        return {name: value for name, value in ours.items() if value != _DEFAULTS[name]} | self.extra

    def save_pretrained(self, folder: str | Path) -> None:
        """Write `generation_config.json` into `folder`, which is made where it is missing."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.to_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        (Path(folder) / GENERATION_CONFIG_FILE).write_text(text, encoding="utf-8")


_DEFAULTS: dict[str, Any] = {f.name: f.default for f in fields(GenerationConfig)}


def _neutral_for_none(options: Mapping[str, Any]) -> dict[str, Any]:
    """Replace None, which published configurations write for "not used", by the value that does nothing."""
    neutral = _DEFAULTS | {"top_k": 0}
    return {name: neutral[name] if value is None else value for name, value in options.items()}


def as_tuple(ids: int | list[int] | None) -> tuple[int, ...]:
    """Return the token ids of a field that holds none, one or several."""
    if ids is None:
        return ()
    return (ids,) if isinstance(ids, int) else tuple(ids)


def _check(options: GenerationConfig) -> None:
    """Raise a ConfigError for the first impossible value."""
    _check_numbers(options)
    _check_token_ids(options)
    _check_switches(options)
    _check_returned_texts(options)


def _check_numbers(options: GenerationConfig) -> None:
    for name in ("num_beams", "num_return_sequences"):
        _check_whole(options, name, minimum=1, maximum=MAX_TEXTS)
    for name in ("min_length", "no_repeat_ngram_size", "top_k"):
        _check_whole(options, name, minimum=0)
    for name, minimum in (("max_length", 1), ("max_new_tokens", 1), ("min_new_tokens", 0)):
        _check_whole(options, name, minimum, or_none=True)
    _check_whole(options, "seed", 0, 2**63 - 1, or_none=True)
    _check_number(options, "length_penalty", minimum=float("-inf"))
    if abs(options.length_penalty) > MAX_LENGTH_PENALTY:
        raise ConfigError(
            f"length_penalty is {options.length_penalty!r}: it must be from -{MAX_LENGTH_PENALTY} to "
            f"{MAX_LENGTH_PENALTY}"
        )
    for name in ("temperature", "repetition_penalty", "top_p"):
        _check_number(options, name, minimum=0.0)
    if options.top_p > 1:
        raise ConfigError(f"top_p is {options.top_p!r}: it must be at most 1")


def _check_token_ids(options: GenerationConfig) -> None:
    for name in ("pad_token_id", "bos_token_id", "decoder_start_token_id", "forced_bos_token_id"):
        _check_whole(options, name, minimum=0, or_none=True)
    for name in ("eos_token_id", "forced_eos_token_id"):
        _check_ids(name, getattr(options, name))


def _check_switches(options: GenerationConfig) -> None:
    for name in ("do_sample", "use_cache", "return_dict_in_generate", "output_scores"):
        if not isinstance(getattr(options, name), bool):
            raise ConfigError(f"{name} is {getattr(options, name)!r}: it must be true or false")
    if not isinstance(options.early_stopping, bool) and options.early_stopping != "never":
        raise ConfigError(f"early_stopping is {options.early_stopping!r}: it must be true, false or 'never'")


def _check_returned_texts(options: GenerationConfig) -> None:
    """Check that as many texts are found as are to be returned."""
    if options.num_beams == 1 and not options.do_sample and options.num_return_sequences > 1:
        raise ConfigError(
            f"num_return_sequences is {options.num_return_sequences}, but greedy search finds one text: "
            "raise num_beams or set do_sample"
        )
    if 1 < options.num_beams < options.num_return_sequences:
        raise ConfigError(
            f"num_return_sequences is {options.num_return_sequences}: it must be at most num_beams, "
            f"which is {options.num_beams}"
        )


def _check_whole(
    options: GenerationConfig, name: str, minimum: int, maximum: int = MAX_COUNT, *, or_none: bool = False
) -> None:
    value = getattr(options, name)
    if value is None and or_none:
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise ConfigError(f"{name} is {value!r}: it must be a whole number of at least {minimum}")
    if value > maximum:
        raise ConfigError(f"{name} is too large: it must be at most {maximum}")


def _check_number(options: GenerationConfig, name: str, minimum: float) -> None:
    """Check for a finite number above `minimum`."""
    value = getattr(options, name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not minimum < value < float("inf"):
        bound = f" above {minimum:g}" if minimum > float("-inf") else ""
        raise ConfigError(f"{name} is {value!r}: it must be a finite number{bound}")


def _check_ids(name: str, value: object) -> None:
    ids = value if isinstance(value, list | tuple) else [] if value is None else [value]
    if any(not isinstance(i, int) or isinstance(i, bool) or not 0 <= i <= MAX_COUNT for i in ids):
        raise ConfigError(f"{name} is {value!r}: it must be a token id or a list of token ids")
    if len(ids) > MAX_ENDS:
        raise ConfigError(f"{name} has {len(ids)} token ids: {MAX_ENDS} at most")


def _report_unsupported(extra: Mapping[str, Any]) -> None:
    """Warn about each key that would change the text and cannot, once in the life of the process."""
    acting = {name for name, neutral in UNSUPPORTED.items() if extra.get(name) not in neutral}
    if new := sorted(acting - _reported_keys):
        _reported_keys.update(new)
        warnings.warn(f"generation options are kept but not used: {', '.join(new)}", stacklevel=4)
