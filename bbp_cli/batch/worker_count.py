"""How many processes pay; what starts them is imported where there are several."""

from bbp_cli.models.checkpoints import Checkpoint
from bbp_cli.models.hardware import Hardware
from bbp_cli.models.memory import free_bytes

MIN_INPUTS = 64  # below it, starting processes takes longer than they save
PROCESS_BYTES = 400 << 20  # of Python with torch


def worker_count(asked: int | None, inputs: int, checkpoint: Checkpoint, hardware: Hardware) -> int:
    """Return how many processes to use: those asked for, or where nobody asked what pays here.

    That is one for each core where there are many inputs and the model only reads: one that writes reads all
    its weights in each step, so that documents side by side in one process are faster.
    """
    if asked is not None:
        return min(asked, inputs)
    writes = checkpoint.kind == "abstractive"
    if inputs < MIN_INPUTS or writes or hardware.device != "cpu":
        return 1
    fitting = free_bytes(hardware.device) // 2 // (PROCESS_BYTES + 3 * checkpoint.weight_bytes)
    return max(1, min(hardware.threads, fitting))
