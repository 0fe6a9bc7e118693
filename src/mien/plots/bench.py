"""A measurement of speed and memory as one figure: bars, and rates beside what a machine can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mien.plots.figure import COLOURS, INK, QUIET, legend, new_figure, save, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW: Final = 0.26
"""Inches of one bar."""
_LINES: Final = 3.4
"""Inches of a panel of rates."""
_ROOM: Final = 1.15
"""How far beyond the longest bar a panel of bars reaches; on a scale of powers it is squared."""


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars, one below the other.

    Attributes:
        title: the line above.
        unit: what the values are.
        values: the length of each bar, above 0, by what stands beside it.
        marks: a value to compare with, drawn as a stroke, for some of them.
        mark: what the strokes are.
        powers: whether the scale is one of powers of ten.
    """

    title: str
    unit: str
    values: Mapping[str, float]
    marks: Mapping[str, float] = field(default_factory=dict)
    mark: str = ""
    powers: bool = False


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates by the size of the batch, a line each, below the limits of the machine.

    Attributes:
        title: the line above.
        unit: what the rates are.
        lines: for each line (batch, rate), both above 0.
        limits: the highest rate that could be, by name; drawn across.
    """

    title: str
    unit: str
    lines: Mapping[str, Sequence[tuple[int, float]]]
    limits: Mapping[str, float]


def bench(panels: Sequence[Bars | Rates], path: Path) -> Path:
    """Draws panels one below the other.

    Args:
        panels: what to draw, at least one.
        path: the PNG to write.

    Returns:
        ``path``.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    heights = [_LINES if isinstance(p, Rates) else 0.9 + _ROW * len(p.values) for p in panels]
    figure = new_figure(7.0, sum(heights))
    every = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, panel in zip(every, panels, strict=True):
        if isinstance(panel, Rates):
            _rates(axes, panel)
        else:
            _bars(axes, panel)
    return save(figure, path)


def _bars(axes: Axes, panel: Bars) -> None:
    names, longest = list(panel.values), max([*panel.values.values(), *panel.marks.values()])
    axes.barh(range(len(names)), list(panel.values.values()), 0.7, color=COLOURS[0])
    for place, (name, value) in enumerate(panel.values.items()):
        axes.text(value, place, f" {value:.3g}", va="center", fontsize=7, color=INK)
        if name in panel.marks:
            known = panel.marks[name]
            axes.vlines(known, place - 0.42, place + 0.42, color=COLOURS[1], linewidth=2)
    if panel.marks:
        axes.plot([], [], color=COLOURS[1], linewidth=2, label=panel.mark)
        legend(axes, loc="lower right", bbox_to_anchor=(1, 1))
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    if panel.powers:
        axes.set_xscale("log")
        axes.set_xlim(right=longest * _ROOM**4)
    else:
        axes.set_xlim(0, longest * _ROOM)
    tidy(axes, title=panel.title, x=panel.unit)


def _rates(axes: Axes, panel: Rates) -> None:
    from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

    marks = "osD^v*"
    for place, (name, points) in enumerate(panel.lines.items()):
        colour, mark = COLOURS[place % len(COLOURS)], marks[place // len(COLOURS) % len(marks)]
        batches, rates = zip(*points, strict=True)
        axes.plot(batches, rates, color=colour, marker=mark, markersize=4, linewidth=1.4,
                  label=name)  # fmt: skip
    sizes = sorted({batch for points in panel.lines.values() for batch, _ in points})
    for name, limit in panel.limits.items():
        axes.axhline(limit, color=QUIET, linestyle="--", linewidth=1)
        axes.text(sizes[0] if sizes else 1, limit, f"limit {name}", fontsize=7, color=INK,
                  va="bottom")  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(color=QUIET, alpha=0.3, linewidth=0.6)
    tidy(axes, title=panel.title, x="faces at once", y=panel.unit)
    if panel.lines:
        legend(axes, loc="center left", bbox_to_anchor=(1, 0.5))
