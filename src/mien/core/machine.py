"""What this machine grants to this process."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
"""Of a container: microseconds of processor, or ``max``, in so many by the clock (cgroup v2)."""


def cores() -> int:
    """Returns the number of cores that this process may use; a container may grant fewer."""
    try:
        found = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have none
        found = os.cpu_count() or 1
    granted = _granted()
    return found if granted is None else max(1, min(found, math.ceil(granted)))


def _granted() -> float | None:
    try:
        quota, period = _QUOTA.read_text("ascii").split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no container, or none with a limit
        return None
