"""A torch device from its name."""

import warnings

import torch

from bigbird_pegasus.errors import ConfigError


def available_device(named: int | str | torch.device) -> torch.device:
    """Return the device that is meant, see `parse_device`, if it is in this machine.

    Raises:
        ConfigError: torch knows no such device, or it is not there.
    """
    device = parse_device(named)
    if device.type in ("cpu", "meta"):
        return device
    here = torch.accelerator.current_accelerator(check_available=True)
    if here is None or here.type != device.type or (device.index or 0) >= torch.accelerator.device_count():
        raise ConfigError(f"device is {str(named)!r}, which is not here: 'auto' or 'cpu' always works")
    return device


def parse_device(named: int | str | torch.device) -> torch.device:
    """Return the device that is meant; the number of a GPU is the CPU where there is none, as is -1.

    Warns:
        UserWarning: a GPU is asked for by its number, and there is none.

    Raises:
        ConfigError: torch knows no such device.
    """
    if isinstance(named, int):
        gpu = torch.accelerator.current_accelerator(check_available=True)
        if named >= 0 and gpu is None:
            warnings.warn(f"there is no GPU here: device {named} is the CPU", UserWarning, stacklevel=3)
        return torch.device("cpu") if named < 0 or gpu is None else torch.device(gpu.type, named)
    if named == "auto":
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    try:
        return torch.device(named)
    except (RuntimeError, TypeError) as error:
        raise ConfigError(
            f"device is {named!r}: it must be 'auto' or a torch device such as 'cpu'"
        ) from error
