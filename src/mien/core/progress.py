"""The progress bar of long work: how far, how fast, how long still."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def track(
    items: Iterable[T],
    what: str,
    total: int | None = None,
    *,
    size: Callable[[T], float] | None = None,
) -> Iterator[T]:
    """Yields the items and draws a bar with rate and time left while it does.

    Nothing is drawn where standard error is no terminal.

    Args:
        items: what to pass on.
        what: the word before the bar.
        total: how many there are, where known; their whole size where ``size`` is given.
        size: what an item counts, such as its seconds of a video; None counts each as 1.
    """
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task(what, total=total, rate="")
        for item in items:
            yield item
            speed = bar.tasks[0].speed
            bar.update(
                task, advance=size(item) if size else 1, rate=f"{speed:.1f}/s" if speed else ""
            )
