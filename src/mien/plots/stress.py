"""How a model holds under controlled changes: small curves, one panel a change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mien.plots.figure import COLOURS, INK, QUIET, new_figure, save, tidy

if TYPE_CHECKING:
    import polars
    from matplotlib.axes import Axes

_ACROSS: Final = 5
_LINES: Final = {
    "accuracy": COLOURS[0],
    "confidence": COLOURS[1],
    "answered": COLOURS[2],
    "face found": COLOURS[3],
}
Row = dict[str, Any]


def curves(
    table: polars.DataFrame,
    path: Path,
    title: str = "",
    reference: polars.DataFrame | None = None,
    name: str = "",
) -> Path:
    """Draws accuracy, confidence and the answered share over the strength of each change.

    Args:
        table: a row a role, change and strength: ``role``, ``corruption``, ``strength``,
            ``accuracy``, ``confidence``, ``abstained``, ``detected``, ``low`` and ``high``; that of
            no change has the strength 0 and belongs to every panel.
        path: the PNG to write.
        title: the lines above.
        reference: the table of another model on the same faces, drawn dashed.
        name: the other model's name.

    Returns:
        ``path``.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    rows = list(table.iter_rows(named=True))
    panels = list(dict.fromkeys((r["role"], r["corruption"]) for r in rows if r["strength"]))
    roles = {role for role, _ in panels}
    # Where the chips are changed, no face is searched, and the share of those found is constant.
    searched = len({(row["role"], row["detected"]) for row in rows}) > len(roles)
    words = [word for word in _LINES if searched or word != "face found"]
    deep = -(-len(panels) // _ACROSS)
    figure = new_figure(11.0, 1.1 + 1.9 * deep)
    grid = figure.subplots(deep, _ACROSS, sharex=True, sharey=True, squeeze=False).flatten()
    other = [] if reference is None else list(reference.iter_rows(named=True))
    for axes, (role, change) in zip(grid, panels, strict=False):
        if other:
            _draw(axes, _of(other, role, change), words, dashed=True)
        _draw(axes, _of(rows, role, change), words)
        axes.grid(axis="y", color=QUIET, alpha=0.3, linewidth=0.6)
        head = change.replace("_", " ") + (f", {role}" if len(roles) > 1 else "")
        tidy(axes, title=head, ylim=(0, 1), xlim=(0, 5), xticks=range(6))
    for axes in grid[max(0, len(panels) - _ACROSS) : len(panels)]:
        axes.tick_params(labelbottom=True)  # the lowest of each column, whatever its row
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    words_above = f"{title}\ndashed: {name}" if other else title
    figure.suptitle(words_above, fontsize=10, color=INK, x=0.01, ha="left")
    figure.supxlabel("strength (0: unchanged)", fontsize=9, color=INK)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=4, frameon=False, fontsize=8)
    return save(figure, path)


def _of(rows: Sequence[Row], role: str, change: str) -> list[Row]:
    """Returns a panel's rows by strength, that of no change first."""
    own = [
        r for r in rows if r["role"] == role and (r["corruption"] == change or not r["strength"])
    ]
    return sorted(own, key=lambda row: int(row["strength"]))


def _draw(axes: Axes, rows: Sequence[Row], words: Sequence[str], *, dashed: bool = False) -> None:
    xs = [row["strength"] for row in rows]
    nan = float("nan")
    for word in words:
        ys = [_value(row, word) for row in rows]
        label = f"_{word}" if dashed else word
        style = "--" if dashed else "-"
        axes.plot(xs, ys, style, color=_LINES[word], linewidth=1.0 if dashed else 1.6, label=label)
    low, high = ([nan if row[k] is None else row[k] for row in rows] for k in ("low", "high"))
    if not dashed:
        axes.fill_between(xs, low, high, color=_LINES["accuracy"], alpha=0.15, linewidth=0)


def _value(row: Row, word: str) -> float:
    if word == "answered":
        return 1 - float(row["abstained"])
    value = row["detected" if word == "face found" else word]
    return float("nan") if value is None else float(value)
