"""How the rate of detection falls as a condition grows harder, one panel a condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mien.core.errors import DataError
from mien.plots.figure import COLOURS, INK, QUIET, legend, new_figure, save, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS: Final = ("condition", "strength", "detector", "n", "found", "placed", "low", "high")
"""What each row states; further columns are left out."""
_ACROSS: Final = 2
_WIDTH: Final = 4.6
_HEIGHT: Final = 3.0
_LINES: Final = (3.0, 2.2, 1.4)
"""The widths of the lines: where two coincide, both are seen."""

Rows = Sequence[Mapping[str, Any]]


def curves(rows: Rows, path: Path, words: Mapping[str, str] | None = None) -> Path:
    """Draws detection rates over strengths: a panel a condition, a colour a detector.

    A full line with its interval is the share of faces that are found, a dashed one the share of
    those whose landmarks are in place, too. Strengths stand side by side at even distances, in the
    order of the rows, since some conditions are steps and others factors.

    Args:
        rows: one a condition, strength and detector, with `COLUMNS`: ``n`` faces, the shares
            ``found`` and ``placed``, 0 to 1, and the interval ``low`` to ``high`` of ``found``.
        path: the PNG to write.
        words: what stands below the panel of a condition; its name where there is nothing else.

    Returns:
        ``path``.

    Raises:
        DataError: there are no rows, or one lacks a column.
        MissingExtraError: matplotlib is not installed.
    """
    lacking = sorted({name for row in rows for name in COLUMNS if name not in row})
    if not rows or lacking:
        raise DataError(
            f"Rates of detection need rows with {', '.join(COLUMNS)}; "
            f"got {len(rows)} rows{' without ' + ', '.join(lacking) if lacking else ''}."
        )
    conditions = list(dict.fromkeys(row["condition"] for row in rows))
    detectors = list(dict.fromkeys(row["detector"] for row in rows))
    down, across = -(-len(conditions) // _ACROSS), min(_ACROSS, len(conditions))
    figure = new_figure(_WIDTH * across, _HEIGHT * down)
    panels = list(figure.subplots(down, across, squeeze=False).flat)
    for axes, condition in zip(panels, conditions, strict=False):
        chosen = [row for row in rows if row["condition"] == condition]
        _panel(axes, chosen, detectors)
        word = (words or {}).get(condition, condition)
        first = condition == conditions[0]
        tidy(axes, title=condition, x=word, y="share of faces" if first else "", ylim=(0, 1.03))
        if first:
            legend(axes, loc="lower left")
    for axes in panels[len(conditions) :]:
        axes.remove()
    return save(figure, path)


def _panel(axes: Axes, rows: Rows, detectors: Sequence[str]) -> None:
    strengths = list(dict.fromkeys(row["strength"] for row in rows))
    place = {strength: x for x, strength in enumerate(strengths)}
    for i, detector in enumerate(detectors):
        own = [row for row in rows if row["detector"] == detector]
        xs = [place[row["strength"]] for row in own]
        colour = COLOURS[i % len(COLOURS)]
        low, high, found, placed = (
            [float(row[name]) for row in own] for name in ("low", "high", "found", "placed")
        )
        axes.fill_between(xs, low, high, color=colour, alpha=0.15, linewidth=0)
        width = _LINES[min(i, len(_LINES) - 1)]
        axes.plot(xs, found, color=colour, linewidth=width, label=detector)
        axes.plot(xs, placed, color=colour, linewidth=0.7 * width, linestyle="--")
    # What the line styles mean is the same for every detector, so it has no colour.
    axes.plot([], [], color=QUIET, linewidth=1.1, linestyle="--", label="landmarks in place")
    axes.set_xticks(range(len(strengths)), [f"{strength:g}" for strength in strengths], color=INK)
    axes.grid(axis="y", color=QUIET, alpha=0.3, linewidth=0.6)
