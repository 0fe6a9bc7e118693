"""People through time: stacked probabilities, single frames above smoothed ones, events marked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from mien.core.errors import DataError
from mien.core.labels import CLASSES
from mien.core.timeline import Reals, Timeline
from mien.plots.figure import COLOURS, INK, QUIET, new_figure, save, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BANDS: Final = dict(
    zip(
        CLASSES,
        ("#d5d8dc", COLOURS[1], COLOURS[5], COLOURS[3], COLOURS[2], COLOURS[0], "#c94f4f"),
        strict=True,
    )
)
"""The colour of each class."""
_STEPS: Final = 2000
"""Steps along a strip; hours of video have more frames than a figure has pixels."""
MOST: Final = 8
"""So many people are drawn; a crowd would make a figure that nobody can look at."""
_ROOM: Final = 1.42
"""How far above 1 the axes reach: the names of events stand there."""
_LEVELS: Final = (1.04, 1.22)
"""Names stand on two levels in turn, so that two that follow soon do not overlap."""


def timelines(people: Sequence[Timeline], path: Path, title: str = "") -> Path:
    """Draws two strips a person: the probabilities of single frames, and smoothed ones below.

    The strips are white where the face was not found. A line stands at the onset of each event,
    with the name of the new class, and a dot on the smoothed strip at its apex.

    Args:
        people: those with the most frames are drawn, `MOST` of them, in the order given.
        path: the PNG to write.
        title: the line above.

    Returns:
        ``path``.

    Raises:
        DataError: there is nobody to draw.
        MissingExtraError: matplotlib is not installed.
    """
    if not people:
        raise DataError("There is no timeline to draw: nobody was followed in this video.")
    ranked = sorted(range(len(people)), key=lambda i: -len(people[i].times))[:MOST]
    drawn = [people[i] for i in sorted(ranked)]
    left_out = len(people) - len(drawn)
    figure = new_figure(9.0, 0.8 + 2.6 * len(drawn))
    grid = figure.subplots(2 * len(drawn), 1, sharex=True, squeeze=False)[:, 0]
    for row, one in enumerate(drawn):
        upper, lower = grid[2 * row], grid[2 * row + 1]
        _strip(upper, one.times, one.raw)
        _strip(lower, one.times, one.smoothed)
        for axes in (upper, lower):
            _mark(axes, one, named=axes is lower)
        tidy(upper, title=f"person {one.person}", y="frames", ylim=(0, 1), yticks=(0, 1))
        tidy(lower, y="smoothed", ylim=(0, _ROOM), yticks=(0, 1))
    words = f"{title}  ({left_out} more people are left out)" if left_out else title
    if words.strip():
        figure.suptitle(words.strip(), fontsize=10, color=INK)
    grid[-1].set_xlabel("seconds", fontsize=9, color=INK)
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside lower center", ncols=len(CLASSES), frameon=False, fontsize=8,
        labelcolor=INK,
    )  # fmt: skip
    return save(figure, path)


def _strip(axes: Axes, times: Reals, rows: Reals) -> None:
    """Stacks seven bands; each frame is drawn up to the next one, so that gaps stay white."""
    times, rows = _thinned(times, rows)
    tops = np.nan_to_num(rows).cumsum(axis=1)
    below = np.zeros(len(times))
    for place, name in enumerate(CLASSES):
        axes.fill_between(
            times, below, tops[:, place], step="post", color=BANDS[name], linewidth=0, label=name
        )
        below = tops[:, place]
    axes.margins(x=0)


def _thinned(times: Reals, rows: Reals) -> tuple[Reals, Reals]:
    """Returns no more steps than can be seen: means of frames that stand side by side."""
    if len(times) <= _STEPS:
        return times, rows
    starts = np.unique(np.linspace(0, len(times), _STEPS, endpoint=False).astype(np.int64))
    known = np.isfinite(rows)
    sums = np.add.reduceat(np.where(known, rows, 0), starts, axis=0)
    counts = np.add.reduceat(known.astype(np.float64), starts, axis=0)
    means: Reals = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return times[starts], means


def _mark(axes: Axes, one: Timeline, *, named: bool) -> None:
    for place, event in enumerate(one.events):
        axes.axvline(event.onset, ymax=1 / _ROOM if named else 1, color=INK, linewidth=0.9)
        if named:
            axes.text(event.onset, _LEVELS[place % 2], event.after, fontsize=7, color=INK)
            axes.plot([event.apex], [0.06], marker="o", markersize=3, color=INK)
    if not one.events:
        axes.text(
            0.995, 0.9, "no change", fontsize=7, color=QUIET, ha="right", transform=axes.transAxes
        )
