"""The options of text generation: lengths, beams, penalties, sampling.

Names and defaults are those of the published `GenerationConfig` (transformers), so that
`generation_config.json` and the generation keys that older checkpoints keep in `config.json` can be read as
they are.
"""

import dataclasses
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from bigbird_pegasus.checkpoints.files import GENERATION_CONFIG_FILE, read_json_object
from bigbird_pegasus.checkpoints.folders import made_folder
from bigbird_pegasus.checkpoints.hub import checkpoint_folder, split_options
from bigbird_pegasus.errors import ConfigError, did_you_mean
from bigbird_pegasus.generation.config_checks import as_tuple, check_options

if TYPE_CHECKING:
    from bigbird_pegasus.config import BigBirdPegasusConfig


DEFAULT_NEW_TOKENS = 20

# Published options that would change the text and that are not offered: the values under which they do
# nothing, and what there is in their place.
NOT_OFFERED: dict[str, tuple[tuple[object, ...], str]] = {
    "assistant_early_exit": ((None,), "an assistant_model is"),
    "constraints": ((None,), "prefix_allowed_tokens_fn or a logits_processor is"),
    "custom_generate": ((None,), "no code is ever fetched; a logits_processor is"),
    "diversity_penalty": ((None, 0.0), "do_sample with num_return_sequences is"),
    "dola_layers": ((None,), "a logits_processor is"),
    "force_bos_token_to_be_generated": ((None, False), "forced_bos_token_id is"),
    "force_words_ids": ((None, []), "sequence_bias is"),
    "guidance_scale": ((None, 1.0), "a logits_processor is"),
    "negative_prompt_ids": ((None,), "a logits_processor is"),
    "num_beam_groups": ((None, 1), "do_sample with num_return_sequences is"),
    "penalty_alpha": ((None, 0.0), "do_sample with top_k, typical_p or min_p is"),
    "token_healing": ((None, False), "decoder_input_ids are"),
    "use_mtp": ((None, False), "prompt_lookup_num_tokens is"),
    "watermarking_config": ((None,), "a logits_processor is"),
}
# Published options without effect here: how a cache is kept and a loop run, not what is written.
WITHOUT_EFFECT = frozenset(
    {
        *("cache_config", "cache_implementation", "compile_config", "continuous_batching_config"),
        *("disable_compile", "is_assistant", "low_memory", "max_cache_len", "prefill_chunk_size"),
        *("assistant_confidence_threshold", "assistant_ensemble_weight", "assistant_lookbehind"),
        *("num_assistant_tokens_schedule", "speculation_type", "target_lookbehind", "transformers_version"),
        *("synced_gpus", "output_scores_only", "return_legacy_cache"),
    }
)
_reported_keys: set[str] = set()

SequenceBias = Mapping[tuple[int, ...], float] | Sequence[Sequence[Any]]


@dataclass
class GenerationConfig:
    """The options of `generate`; values are checked when it is made and when it is used.

    A length counts the decoder's start token (or prompt); "new tokens" do not, and win over the matching
    length. Where the minimum length is above the maximum, the maximum holds. Token ids that are None are
    taken from the model's configuration. What the options mean is said where they act, in
    `logits_processors`, `stopping_criteria` and the searches.

    Raises:
        ConfigError: a value is impossible, or two of them contradict each other.
    """

    _from_model_config: ClassVar[bool] = False  # trainers of transformers ask

    max_length: int | None = None  # tokens; None: 20 new ones
    max_new_tokens: int | None = None
    min_length: int = 0
    min_new_tokens: int | None = None
    max_time: float | None = None  # seconds
    stop_strings: str | list[str] | None = None
    do_sample: bool = False
    num_beams: int = 1
    num_return_sequences: int = 1  # for each document
    early_stopping: bool | Literal["never"] = False
    length_penalty: float = 1.0  # exponent of the length that divides a beam's log probability
    no_repeat_ngram_size: int = 0  # 0: n-grams may repeat
    encoder_no_repeat_ngram_size: int = 0  # of the document's n-grams
    repetition_penalty: float = 1.0
    encoder_repetition_penalty: float = 1.0
    exponential_decay_length_penalty: tuple[int, float] | None = None
    temperature: float = 1.0
    top_k: int = 50  # 0: every token
    top_p: float = 1.0
    top_h: float | None = None
    min_p: float | None = None
    typical_p: float = 1.0
    epsilon_cutoff: float = 0.0
    eta_cutoff: float = 0.0
    bad_words_ids: list[list[int]] | None = None
    sequence_bias: SequenceBias | None = None
    suppress_tokens: list[int] | None = None
    begin_suppress_tokens: list[int] | None = None
    renormalize_logits: bool = False
    remove_invalid_values: bool = False
    prompt_lookup_num_tokens: int | None = None
    max_matching_ngram_size: int = 2
    num_assistant_tokens: int = 20
    seed: int | None = None  # of sampling; None: another text every time
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    decoder_start_token_id: int | None = None
    forced_bos_token_id: int | None = None
    forced_eos_token_id: int | list[int] | None = None
    return_dict_in_generate: bool = False
    output_scores: bool = False
    output_logits: bool = False
    output_attentions: bool = False
    output_hidden_states: bool = False
    # Accepted because published examples pass them. The cache is always used and always preallocated, and the
    # text does not depend on it.
    use_cache: bool = True
    cache_implementation: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.validate()
        _report_not_offered(self.extra)

    def validate(self) -> None:
        """Check the values.

        Raises:
            ConfigError: one is impossible, or two contradict each other.
        """
        check_options(self)

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
            ConfigError: an option is unknown (the message names the closest one), not offered, or its value
                impossible.
        """
        known = [name for name in _DEFAULTS if name != "extra"]
        ours = {name: value for name, value in options.items() if name in known}
        for name in options.keys() - ours.keys() - WITHOUT_EFFECT:
            neutral, instead = NOT_OFFERED.get(name, ((), ""))
            if not instead:
                raise ConfigError(f"unknown generation option {name!r}{did_you_mean(name, known)}")
            if options[name] not in neutral:
                raise ConfigError(f"{name} is not offered: {instead}")
        return dataclasses.replace(self, **_neutral_for_none(ours))

    def update(self, defaults_only: bool = False, **options: Any) -> dict[str, Any]:
        """Set values of options by name, with `defaults_only` where they are None; return the others.

        Raises:
            ConfigError: a value is impossible.
        """
        ours = {name: value for name, value in options.items() if name in _DEFAULTS and name != "extra"}
        if defaults_only:
            ours = {name: value for name, value in ours.items() if getattr(self, name) is None}
        for name, value in _neutral_for_none(ours).items():
            setattr(self, name, value)
        self.validate()
        return {name: value for name, value in options.items() if name not in ours}

    def _get_default_generation_params(self) -> dict[str, Any]:
        """Return what transformers' trainers fill in where a configuration leaves None."""
        return {"max_length": DEFAULT_NEW_TOKENS}

    @classmethod
    def from_dict(cls, config_dict: Mapping[str, Any]) -> "GenerationConfig":
        """Make the options from the content of a `generation_config.json`; unknown keys are kept in `extra`.

        Raises:
            ConfigError: a value is impossible.
        """
        known = {name: value for name, value in config_dict.items() if name in _DEFAULTS and name != "extra"}
        extra = {name: value for name, value in config_dict.items() if name not in known}
        return cls(**_neutral_for_none(known), extra=extra)

    @classmethod
    def from_model_config(cls, model_config: "BigBirdPegasusConfig") -> "GenerationConfig":
        """Take the options that a model's `config.json` carries, as the published checkpoints do, and its
        token ids.

        Raises:
            ConfigError: one of them is impossible.
        """
        ours = (_DEFAULTS.keys() | NOT_OFFERED.keys()) - {"output_attentions", "output_hidden_states"}
        options = {name: value for name, value in model_config.extra.items() if name in ours}
        token_ids = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id")
        return cls.from_dict(options | {name: getattr(model_config, name) for name in token_ids})

    @classmethod
    def from_pretrained(cls, pretrained_model_name: str | Path, **options: Any) -> "GenerationConfig":
        """Read `generation_config.json` of a checkpoint, or, where there is none, its `config.json`.

        Args:
            pretrained_model_name: a folder, or `owner/name` on the Hub.
            options: of `checkpoint_folder`, and values that replace those read.

        Raises:
            CheckpointError: neither file is there, or the one that is cannot be read.
            ConfigError: a value in it is impossible.
        """
        where, changes = split_options(options)
        where |= {name: changes.pop(name) for name in ("revision", "local_files_only") if name in changes}
        folder = checkpoint_folder(pretrained_model_name, **where)
        path = folder / GENERATION_CONFIG_FILE
        if path.is_file():
            found = cls.from_dict(read_json_object(path))
        else:
            from bigbird_pegasus.config import BigBirdPegasusConfig

            found = cls.from_model_config(BigBirdPegasusConfig.from_pretrained(folder))
        return found.replace(**changes) if changes else found

    def to_dict(self) -> dict[str, Any]:
        """Return what differs from the defaults, unknown keys included."""
        ours = {name: getattr(self, name) for name in _DEFAULTS if name != "extra"}
        if isinstance(ours["sequence_bias"], Mapping):  # JSON has no lists for keys
            ours["sequence_bias"] = [[list(ids), bias] for ids, bias in ours["sequence_bias"].items()]
        return {name: value for name, value in ours.items() if value != _DEFAULTS[name]} | self.extra

    def save_pretrained(self, save_directory: str | Path) -> None:
        """Write `generation_config.json` into `save_directory`, which is made where it is missing.

        Raises:
            ConfigError: it is no path.
        """
        path = made_folder(save_directory) / GENERATION_CONFIG_FILE
        text = json.dumps(self.to_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        path.write_text(text, encoding="utf-8")


_DEFAULTS: dict[str, Any] = {f.name: f.default for f in fields(GenerationConfig)}


def _neutral_for_none(options: Mapping[str, Any]) -> dict[str, Any]:
    """Replace None, which published configurations write for "not used", by the value that does nothing."""
    neutral = _DEFAULTS | {"top_k": 0}
    return {name: neutral[name] if value is None else value for name, value in options.items()}


def _report_not_offered(extra: Mapping[str, Any]) -> None:
    """Warn about each key that would change the text and cannot, once in the life of the process."""
    acting = {name for name, (neutral, _) in NOT_OFFERED.items() if extra.get(name) not in neutral}
    if new := sorted(acting - _reported_keys):
        _reported_keys.update(new)
        warnings.warn(f"generation options are kept but not used: {', '.join(new)}", stacklevel=4)
