"""Checks of the options of `generate`, which may come from a file that nobody vouches for."""

from collections.abc import Mapping
from typing import Any

from bigbird_pegasus.errors import ConfigError

MAX_COUNT = 1_000_000_000  # of tokens
MAX_TEXTS = 128  # beams, or texts returned, for each document: each has a row in the decoder
MAX_ENDS = 100  # token ids that end a text
# More, and scores divided by the length to its power leave the range of 32 bits.
MAX_LENGTH_PENALTY = 10
SWITCHES = (
    *("do_sample", "use_cache", "return_dict_in_generate", "output_scores", "output_logits"),
    *("output_attentions", "output_hidden_states", "renormalize_logits", "remove_invalid_values"),
)


def as_tuple(ids: int | list[int] | None) -> tuple[int, ...]:
    """Return the token ids of a field that holds none, one or several."""
    if ids is None:
        return ()
    return (ids,) if isinstance(ids, int) else tuple(ids)


def check_options(options: Any) -> None:
    """Raise a ConfigError for the first impossible value of a `GenerationConfig`."""
    _check_counts(options)
    _check_numbers(options)
    _check_token_ids(options)
    _check_sequences(options)
    _check_switches(options)
    _check_returned_texts(options)


def _check_counts(options: Any) -> None:
    for name in ("num_beams", "num_return_sequences"):
        _check_whole(options, name, minimum=1, maximum=MAX_TEXTS)
    for name in ("min_length", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "top_k"):
        _check_whole(options, name, minimum=0)
    for name in ("max_matching_ngram_size", "num_assistant_tokens"):
        _check_whole(options, name, minimum=1)
    for name in ("max_length", "max_new_tokens", "prompt_lookup_num_tokens"):
        _check_whole(options, name, minimum=1, or_none=True)
    _check_whole(options, "min_new_tokens", minimum=0, or_none=True)
    _check_whole(options, "seed", minimum=0, maximum=2**63 - 1, or_none=True)


def _check_numbers(options: Any) -> None:
    _check_number(options, "length_penalty", minimum=float("-inf"))
    if abs(options.length_penalty) > MAX_LENGTH_PENALTY:
        raise ConfigError(
            f"length_penalty is {options.length_penalty!r}: it must be from -{MAX_LENGTH_PENALTY} to "
            f"{MAX_LENGTH_PENALTY}"
        )
    for name in ("temperature", "repetition_penalty", "encoder_repetition_penalty", "top_p", "typical_p"):
        _check_number(options, name, minimum=0.0)
    for name in ("top_p", "typical_p"):
        if getattr(options, name) > 1:
            raise ConfigError(f"{name} is {getattr(options, name)!r}: it must be at most 1")
    for name in ("min_p", "top_h", "epsilon_cutoff", "eta_cutoff"):
        value = getattr(options, name)
        if value is not None and (not _is_number(value) or not 0 <= value <= 1):
            raise ConfigError(f"{name} is {value!r}: it must be between 0 and 1")
    if options.top_h == 0:
        raise ConfigError("top_h is 0: it must be above 0")
    if options.max_time is not None:
        _check_number(options, "max_time", minimum=0.0)
    penalty = options.exponential_decay_length_penalty
    if penalty is not None and not (
        isinstance(penalty, list | tuple)
        and len(penalty) == 2
        and _is_id(penalty[0])
        and _is_number(penalty[1])
        and 0 < penalty[1] < float("inf")
    ):
        raise ConfigError(f"exponential_decay_length_penalty is {penalty!r}: it must be (new tokens, factor)")


def _check_token_ids(options: Any) -> None:
    for name in ("pad_token_id", "bos_token_id", "decoder_start_token_id", "forced_bos_token_id"):
        _check_whole(options, name, minimum=0, or_none=True)
    for name in ("eos_token_id", "forced_eos_token_id", "suppress_tokens", "begin_suppress_tokens"):
        value = getattr(options, name)
        ids = value if isinstance(value, list | tuple) else [] if value is None else [value]
        if not all(map(_is_id, ids)):
            raise ConfigError(f"{name} is {value!r}: it must be a token id or a list of token ids")
    for name in ("eos_token_id", "forced_eos_token_id"):
        if len(as_tuple(getattr(options, name))) > MAX_ENDS:
            raise ConfigError(f"{name} has {len(getattr(options, name))} token ids: {MAX_ENDS} at most")


def _check_sequences(options: Any) -> None:
    """Check what is about several tokens in a row, or strings."""
    words = options.bad_words_ids
    if words is not None and not (isinstance(words, list) and all(map(_are_ids, words))):
        raise ConfigError(f"bad_words_ids is {words!r}: it must be a list of lists of token ids")
    try:
        biases = bias_pairs(options.sequence_bias)
    except (TypeError, ValueError):
        biases = [((), 0.0)]
    if not all(_are_ids(ids) and _is_number(bias) and bias == bias for ids, bias in biases):
        raise ConfigError(f"sequence_bias is {options.sequence_bias!r}: it must map tuples of ids to numbers")
    strings = options.stop_strings
    if strings is not None:
        listed = [strings] if isinstance(strings, str) else strings
        if not isinstance(listed, list | tuple) or not all(isinstance(s, str) and s for s in listed):
            raise ConfigError(f"stop_strings is {strings!r}: it must be strings, none of them empty")


def bias_pairs(bias: Any) -> list[tuple[tuple[int, ...], float]]:
    """Return the (ids, bias) pairs of a mapping or a list of pairs; none of None."""
    if bias is None:
        return []
    pairs = bias.items() if isinstance(bias, Mapping) else bias
    return [(tuple(ids), value) for ids, value in pairs]


def _check_switches(options: Any) -> None:
    for name in SWITCHES:
        if not isinstance(getattr(options, name), bool):
            raise ConfigError(f"{name} is {getattr(options, name)!r}: it must be true or false")
    if not isinstance(options.early_stopping, bool) and options.early_stopping != "never":
        raise ConfigError(f"early_stopping is {options.early_stopping!r}: it must be true, false or 'never'")


def _check_returned_texts(options: Any) -> None:
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
    options: Any, name: str, minimum: int, maximum: int = MAX_COUNT, *, or_none: bool = False
) -> None:
    value = getattr(options, name)
    if value is None and or_none:
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise ConfigError(f"{name} is {value!r}: it must be a whole number of at least {minimum}")
    if value > maximum:
        raise ConfigError(f"{name} is too large: it must be at most {maximum}")


def _check_number(options: Any, name: str, minimum: float) -> None:
    """Check for a finite number above `minimum`."""
    value = getattr(options, name)
    if not _is_number(value) or not minimum < value < float("inf"):
        bound = f" above {minimum:g}" if minimum > float("-inf") else ""
        raise ConfigError(f"{name} is {value!r}: it must be a finite number{bound}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT


def _are_ids(values: object) -> bool:
    return isinstance(values, list | tuple) and len(values) > 0 and all(map(_is_id, values))
