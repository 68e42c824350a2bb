"""How many threads may compute."""

import os


def usable_processors() -> int:
    """Return the processors that this process may use, by its affinity and OMP_NUM_THREADS."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(count, int(asked)) if asked.isdigit() and int(asked) else count
