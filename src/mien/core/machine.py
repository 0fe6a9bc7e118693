"""What this machine grants to this process."""

from __future__ import annotations

import os


def cores() -> int:
    """Returns the number of cores that this process may use; a container may grant fewer."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have none
        return os.cpu_count() or 1
