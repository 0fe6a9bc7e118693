"""Which frames of a sequence show the expression at its peak, and which show none yet."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Any, TypeVar

from mien.core.errors import ConfigError

K = TypeVar("K", bound=Hashable)


def check_take(name: str, take: Any) -> None:
    """Checks how many frames an option takes: a whole number of 0 or more, or a share below 1.

    Raises:
        ConfigError: it is something else.
    """
    if isinstance(take, bool) or not (
        (isinstance(take, int) and take >= 0) or (isinstance(take, float) and 0 < take <= 1)
    ):
        raise ConfigError(
            f"{name} is a number of frames (0, 1, 2, ...) or a share of the sequence (above 0.0, "
            f"up to 1.0); got {take!r}."
        )


def how_many(take: float, length: int) -> int:
    """Returns how many frames of a sequence of some length an option takes.

    Args:
        take: a number (int), or a share (float), which is rounded down but takes at least one.
        length: the number of frames.
    """
    if isinstance(take, int):
        return min(take, length)
    return max(1, int(take * length)) if length else 0


def pick(length: int, peak: float, neutral: float) -> list[str | None]:
    """Returns what each frame of a sequence from neutral to peak is taken for.

    Args:
        length: the number of frames.
        peak: how many of the last frames show the expression: a number, or a share of all.
        neutral: how many of the first ones show none; a frame is never both, and peaks go first.

    Returns:
        ``"peak"``, ``"neutral"`` or None, one a frame.
    """
    last = how_many(peak, length)
    first = min(how_many(neutral, length), length - last)
    return ["neutral"] * first + [None] * (length - first - last) + ["peak"] * last


def middle(length: int, take: float) -> range:
    """Returns the places of the middle frames of a sequence that ends as it began."""
    count = how_many(take, length)
    start = (length - count) // 2
    return range(start, start + count)


def in_order(frames: Iterable[tuple[K, int, str]]) -> dict[K, list[tuple[int, str]]]:
    """Returns the frames of each sequence, (number, path), ordered by their numbers.

    Args:
        frames: the sequence, number and path of each.
    """
    found: dict[K, list[tuple[int, str]]] = defaultdict(list)
    for key, number, path in frames:
        found[key].append((number, path))
    return {key: sorted(rows) for key, rows in found.items()}


def last_number(stem: str) -> int:
    """Returns the last whole number in a name; -1 where there is none."""
    found = re.findall(r"\d+", stem)
    return int(found[-1]) if found else -1
