"""What this machine grants to this process."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from mien.core.errors import StageError

_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
"""Of a container: microseconds of processor, or ``max``, in so many by the clock (cgroup v2)."""
_STATUS: Final = Path("/proc/self/status")


def cores() -> int:
    """Returns the number of cores that this process may use; a container may grant fewer."""
    try:
        found = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have none
        found = os.cpu_count() or 1
    granted = _granted()
    return found if granted is None else max(1, min(found, math.ceil(granted)))


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Sets variables of the environment, which new processes inherit, and sets them back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def peak_memory() -> int:
    """Returns the most memory that this process ever held at once, resident, bytes.

    Raises:
        StageError: the system does not tell.
    """
    try:
        # What the kernel counts for getrusage takes over from the parent; this does not.
        found = re.search(r"^VmHWM:\s*(\d+) kB", _STATUS.read_text("ascii"), re.MULTILINE)
    except OSError:
        found = None
    if found:
        return int(found[1]) * 1024
    try:
        import resource
    except ModuleNotFoundError:
        raise StageError(
            "This system does not tell how much memory a process held. Measure on Linux or macOS."
        ) from None
    told = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return told if sys.platform == "darwin" else told * 1024


def _granted() -> float | None:
    try:
        quota, period = _QUOTA.read_text("ascii").split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no container, or none with a limit
        return None


def give_back_memory() -> None:
    """Hands memory that is free within this process back to the system, where its C library can.

    glibc keeps what pictures of many sizes leave in pieces, so that a process grows for its first
    thousands of them.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
