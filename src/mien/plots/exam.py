"""Scores as figures: the confusion matrix and the reliability diagram."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mien.core.labels import CLASSES
from mien.core.scores import Scores
from mien.plots.figure import COLOURS, INK, QUIET, new_figure, save, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DARK: Final = 0.55
"""On cells with more than this share the numbers are white."""


def confusion(scores: Scores, path: Path, title: str = "") -> Path:
    """Draws what became of each class's pictures: shares as shades and per cent, counts below.

    Args:
        scores: the figures of one set; a column "no face" is added where faces were missed.
        path: the PNG to write.
        title: the line above.

    Returns:
        ``path``.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = new_figure(6.4, 5.4)
    axes = figure.add_subplot()
    width = len(CLASSES) + bool(scores.n_missed)
    shares = [row[:width] for row in scores.shares()]
    shades = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, row in enumerate(shares):
        counts = (*scores.confusion[i], scores.per_class[CLASSES[i]].missed)
        for j, share in enumerate(row):
            if counts[j]:
                colour = "white" if share > _DARK else INK
                words = f"{share:.0%}\n{counts[j]:,}"
                axes.text(j, i, words, ha="center", va="center", fontsize=7, color=colour)
    supports = [f"{name} ({scores.per_class[name].support:,})" for name in CLASSES]
    answers = [*CLASSES, "no face"][:width]
    axes.set_xticks(range(width), answers, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(CLASSES)), supports)
    tidy(axes, title=title, x="answered", y="label (pictures)")
    bar = figure.colorbar(shades, ax=axes, shrink=0.8)
    bar.set_label("share of the label's pictures", fontsize=8, color=INK)
    bar.ax.tick_params(labelsize=7, colors=INK)
    bar.outline.set_visible(False)
    return save(figure, path)


def reliability(scores: Scores, path: Path, title: str = "") -> Path:
    """Draws accuracy against confidence, and how many faces each bin of confidence held.

    Args:
        scores: the figures of one set.
        path: the PNG to write.
        title: the line above.

    Returns:
        ``path``.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure = new_figure(4.8, 5.2)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    bins = scores.calibration.bins
    filled = [b for b in bins if b.count and b.accuracy is not None]
    _bars(above, filled, [b.accuracy for b in filled], COLOURS[0])
    above.plot([0, 1], [0, 1], linestyle="--", linewidth=1, color=QUIET)
    points = [b.confidence for b in filled], [b.accuracy for b in filled]
    above.plot(*points, marker="o", markersize=3, linewidth=1, color=COLOURS[1])
    error = scores.calibration.ece
    words = "no faces" if error is None else f"expected calibration error {error:.1%}"
    above.text(0.03, 0.93, words, fontsize=8, color=INK, transform=above.transAxes)
    tidy(above, title=title, y="accuracy", xlim=(0, 1), ylim=(0, 1))
    _bars(below, bins, [b.count for b in bins], QUIET)
    tidy(below, x="confidence", y="faces")
    return save(figure, path)


def _bars(axes: Axes, bins: Any, heights: Any, colour: str) -> None:
    """Draws one bar a bin, as wide as the bin."""
    lows, widths = [b.low for b in bins], [b.high - b.low for b in bins]
    axes.bar(lows, heights, widths, align="edge", color=colour, edgecolor="white", alpha=0.85)
