"""One clean style for every figure, drawn without a screen and without global state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mien.core.artifact import atomic
from mien.core.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: Final = ("#2563a8", "#d9772b", "#3a8f5c", "#8e4ea8", "#8a8f98", "#b8a12c")
"""Blue, orange, green, violet, grey, ochre: apart also for most colour-blind eyes."""
INK: Final = "#2b2f36"
QUIET: Final = "#9aa0a8"
_DPI: Final = 150


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure that belongs to no window.

    Args:
        width: inches.
        height: inches.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("Drawing figures", "report") from None
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes, *, title: str = "", x: str = "", y: str = "", **options: Any) -> None:
    """Gives axes their words and the common style.

    Args:
        axes: what to dress.
        title: the line above.
        x: the word below.
        y: the word at the left.
        options: what `Axes.set` takes, such as ``xlim``.
    """
    axes.set_title(title, fontsize=10, color=INK, loc="left", fontweight="bold")
    axes.set_xlabel(x, fontsize=9, color=INK)
    axes.set_ylabel(y, fontsize=9, color=INK)
    axes.tick_params(labelsize=8, colors=INK, length=3)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(QUIET)
    axes.set(**options)


def legend(axes: Axes, **options: Any) -> None:
    """Adds a legend without a frame."""
    axes.legend(frameon=False, fontsize=8, labelcolor=INK, **options)


def save(figure: Figure, path: Path) -> Path:
    """Writes a figure as PNG, atomically, and returns its path."""
    with atomic(path) as file:
        # Without the program's version the same figures give the same bytes.
        figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return path
