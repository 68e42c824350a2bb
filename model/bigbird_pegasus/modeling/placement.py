"""Where a caller wants a model and in which type, by the published names and their older ones."""

from collections.abc import Mapping
from typing import Any

import torch

from bigbird_pegasus.checkpoints.loader import WEIGHT_TYPES
from bigbird_pegasus.errors import ConfigError
from bigbird_pegasus.kernels.device import available_device


def one_of(name: str, value: Any, alias: str, aliased: Any, default: Any) -> Any:
    """Return what was given under one of two names, or the default.

    Raises:
        ConfigError: both were given.
    """
    if value is not None and aliased is not None:
        raise ConfigError(f"give {name} or {alias}, not both")
    return next((given for given in (value, aliased) if given is not None), default)


def device_of(named: Any) -> torch.device:
    """Return the device that a caller means.

    Raises:
        ConfigError: a mapping spreads the model over several, or there is no such device.
    """
    if isinstance(named, Mapping):
        if set(named) != {""}:
            raise ConfigError(f"device_map names {sorted(named)}: a model is on one device, {{'': device}}")
        named = named[""]
    if named in ("balanced", "balanced_low_0", "sequential"):
        raise ConfigError(
            f"device_map is {named!r}: a model is on one device; 'auto' takes a GPU if there is one"
        )
    return available_device(named)


def dtype_of(dtype: torch.dtype | str) -> torch.dtype | None:
    """Return the torch type a caller means; None for "auto".

    Raises:
        ConfigError: weights have no such type.
    """
    if dtype == "auto":
        return None
    found = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or found not in WEIGHT_TYPES:
        raise ConfigError(
            f"dtype is {dtype!r}: it must be 'auto' or a torch type such as 'float32' or 'bfloat16'"
            + ("; int8 weights come of quantizing" if "int" in str(dtype) else "")
        )
    return found
