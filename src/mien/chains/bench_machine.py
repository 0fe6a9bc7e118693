"""What this machine is, for the head of a measurement: figures of speed mean nothing without it."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from mien.core.artifact import versions
from mien.core.machine import cores

INSTRUCTIONS: Final = {
    "avx2": "avx2", "avx512f": "avx512", "avx_vnni": "avx_vnni", "avx512_vnni": "avx512_vnni",
    "avx512_bf16": "avx512_bf16", "amx_int8": "amx_int8", "amx_bf16": "amx_bf16",
    "asimd": "neon", "asimddp": "neon_dot", "i8mm": "neon_i8mm", "bf16": "neon_bf16",
}  # fmt: skip
"""The instruction sets that matter for networks: their names in Linux and here."""
_CPU: Final = Path("/proc/cpuinfo")
_MEMORY: Final = Path("/proc/meminfo")
_FURTHER: Final = ("openvino", "pillow")
"""Packages that shape speed and no results."""
_GIB: Final = 2**30


def described() -> dict[str, Any]:
    """Returns what this machine is, as far as it says.

    Returns:
        ``processor`` (its model), ``instructions`` (those of `INSTRUCTIONS` that it has; None
        where the system does not list them), ``cores`` (that this process may use), ``memory``
        (GiB, or None), ``system``, and ``versions`` of Python, of mien and of the libraries.
    """
    flags, memory = _flags(), _memory()
    found = versions()
    for name in _FURTHER:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "instructions": flags and [name for flag, name in INSTRUCTIONS.items() if flag in flags],
        "cores": cores(),
        "memory": memory and round(memory / _GIB, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "versions": found,
    }


def machine_markdown(machine: Mapping[str, Any]) -> str:
    """Returns a result of `described` as two lines of words."""
    instructions = machine["instructions"]
    told = "unknown" if instructions is None else ", ".join(instructions) or "none of note"
    memory = "unknown" if machine["memory"] is None else f"{machine['memory']:.1f} GiB"
    packages = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"Machine: {machine['processor']}, {machine['cores']} cores, instructions {told}, "
        f"memory {memory}, {machine['system']}.\n\nVersions: {packages}."
    )


def _processor() -> str:
    return _line("model name") or platform.processor() or platform.machine()


def _flags() -> set[str] | None:
    """Returns the names of the processor's features; None where nothing lists them."""
    listed = _line("flags") or _line("Features")  # x86 and ARM
    return set(listed.split()) if listed else None


def _line(key: str) -> str:
    """Returns what Linux says of the first core under a key; empty where it says nothing."""
    try:
        text = _CPU.read_text("utf-8", "replace")
    except OSError:
        return ""
    found = re.search(rf"^{key}\s*:[ \t]*(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


def _memory() -> int | None:
    """Returns the memory of the machine, bytes."""
    try:
        found = re.search(r"^MemTotal:\s*(\d+) kB", _MEMORY.read_text("ascii"), re.MULTILINE)
        return int(found[1]) * 1024 if found else None
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has neither
        return None
