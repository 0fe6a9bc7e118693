"""What this machine could do at most: matrix products and memory, measured (Williams et al. 2009).

A network's rate is told as a share of the best matrix product at the same precision, in the same
run, on as many threads.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Final

import torch
from torch.utils.flop_counter import FlopCounterMode

from mien.core import registry
from mien.core.labels import CLASSES

_SIDE: Final = 2048
_ROUNDS: Final = 7
_BYTES: Final = 256_000_000


def product_rates(threads: int) -> dict[str, float]:
    """Returns the best rate of a large matrix product by precision, 10^9 operations a second.

    A multiplication and an addition count as two. ``int8`` multiplies bytes and adds in 32 bits.

    Args:
        threads: how many threads torch may use.
    """
    with _threads(threads):
        floats = torch.randn(_SIDE, _SIDE), torch.randn(_SIDE, _SIDE)
        short = floats[0].bfloat16(), floats[1].bfloat16()
        bytes_ = (floats[0] * 20).to(torch.int8), (floats[1] * 20).to(torch.int8)
        work = {
            "fp32": lambda: torch.mm(*floats),
            "bf16": lambda: torch.mm(*short),
            "int8": lambda: torch._int_mm(*bytes_),  # noqa: SLF001  # torch has no other name for it
        }
        operations = 2 * _SIDE**3
        return {name: operations / _best(function) / 1e9 for name, function in work.items()}


def memory_rate(threads: int) -> float:
    """Returns how fast memory is copied, 10^9 bytes a second, read and written ones counted."""
    with _threads(threads):
        source = torch.ones(_BYTES // 4)
        target = torch.empty_like(source)
        return 2 * _BYTES / _best(lambda: target.copy_(source)) / 1e9


def operations(network: str) -> int:
    """Returns the operations of a network for one face, a multiplication and an addition as two.

    Args:
        network: its name in the registry.

    Raises:
        UnknownNameError: there is no such network.
    """
    kind = registry.load("networks", network)()
    preprocess = kind.preprocess
    built = kind.build(len(CLASSES)).eval()
    size = preprocess.input_size
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        built(torch.zeros(1, preprocess.channels, size, size))
    return int(counter.get_total_flops())


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _best(function: Callable[[], object]) -> float:
    function()
    seconds = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)
