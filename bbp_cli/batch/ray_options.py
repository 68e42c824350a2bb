"""What `--ray` asks for; Ray itself, and what works with it, is imported when a run begins on a cluster."""

from dataclasses import dataclass
from importlib.util import find_spec

from bbp_cli.errors import UsageError


@dataclass(frozen=True)
class RayOptions:
    """Where the cluster is (`auto`, `local` or its address), and how many GPUs each worker has."""

    address: str
    gpus: float = 0.0


def check_installed() -> None:
    """Raise UsageError where Ray is not installed."""
    if find_spec("ray") is None:
        hint = "pip install 'bbp[ray]', or '.[ray]' where bbp is checked out"
        raise UsageError("--ray needs Ray, which is not installed", hint=hint)
