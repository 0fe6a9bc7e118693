"""Figures by group as dots with their intervals: accuracy, and faces that were not found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mien.core.errors import DataError
from mien.plots.figure import COLOURS, INK, QUIET, legend, new_figure, save, tidy

if TYPE_CHECKING:
    import polars
    from matplotlib.axes import Axes

COLUMNS: Final = ("role", "attribute", "group", "n", "figure", "value", "low", "high", "enough")
"""What each row states; further columns are left out."""
_PANELS: Final = {"accuracy": "accuracy", "missed": "no face found"}
_WIDTH: Final = 8.0
_LINE: Final = 0.14
_STEP: Final = 0.08
"""Inches a group, and more for each role that is drawn in it."""
_FRAME: Final = 1.3

Rows = Sequence[Mapping[str, Any]]
Place = tuple[str, str]


def groups(values: polars.DataFrame, path: Path, title: str = "") -> Path:
    """Draws the accuracy of every group, and beside it how often its faces were not found.

    A dot is a value, its line the interval, its colour the role; groups that are too small to be
    judged are grey, and what was not measured has no dot. The groups of an attribute stand
    together.

    Args:
        values: the figures by group, with `COLUMNS`: ``value``, ``low`` and ``high`` are shares
            from 0 to 1 or null.
        path: the PNG to write.
        title: the line above.

    Returns:
        ``path``.

    Raises:
        DataError: a column is missing, or there are no rows.
        MissingExtraError: matplotlib is not installed.
    """
    lacking = [name for name in COLUMNS if name not in values.columns]
    if lacking or values.is_empty():
        raise DataError(
            f"Figures by group need rows with {', '.join(COLUMNS)}; got {len(values)} rows"
            f"{' without ' + ', '.join(lacking) if lacking else ''}."
        )
    rows: Rows = [row for row in values.iter_rows(named=True) if row["figure"] in _PANELS]
    roles = list(dict.fromkeys(row["role"] for row in rows))
    places = _places(rows)
    bottom = max(places.values(), default=0.0)
    figure = new_figure(_WIDTH, _FRAME + (_LINE + _STEP * len(roles)) * (bottom + 1))
    panels = figure.subplots(1, len(_PANELS), sharey=True, width_ratios=(3, 2))
    for axes, (name, words) in zip(panels, _PANELS.items(), strict=True):
        chosen = [row for row in rows if row["figure"] == name and row["value"] is not None]
        _dots(axes, chosen, places, roles)
        first = name == "accuracy"
        right = 1.0 if first else max([0.05, *(row["high"] or row["value"] for row in chosen)])
        tidy(axes, title=title if first else "", x=words, xlim=(-0.02 * right, 1.02 * right))
        axes.grid(axis="x", color=QUIET, alpha=0.3, linewidth=0.6)
    _words(panels[0], rows, places, roles)
    panels[0].set_ylim(bottom + 0.8, -0.8)  # the first group stands above
    return save(figure, path)


def _places(rows: Rows) -> dict[Place, float]:
    """Returns the height of each group, from the top, with room for a heading an attribute."""
    groups: dict[str, dict[str, None]] = {}
    for row in rows:
        groups.setdefault(row["attribute"], {})[row["group"]] = None
    places: dict[Place, float] = {}
    height = 0.0
    for attribute, names in groups.items():
        for name in names:
            height += 1.0
            places[attribute, name] = height
        height += 1.0
    return places


def _dots(axes: Axes, rows: Rows, places: Mapping[Place, float], roles: Sequence[str]) -> None:
    for row in rows:
        i = roles.index(row["role"])
        y = places[row["attribute"], row["group"]] + 0.6 * ((i + 0.5) / len(roles) - 0.5)
        colour = COLOURS[i % len(COLOURS)] if row["enough"] else QUIET
        if row["low"] is not None:
            axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=1.2)
        face = colour if row["enough"] else "white"
        axes.plot(row["value"], y, marker="o", markersize=4, color=colour, markerfacecolor=face)


def _words(axes: Axes, rows: Rows, places: Mapping[Place, float], roles: Sequence[str]) -> None:
    """Names the groups with their pictures, the attributes above them, and the roles."""
    counts: dict[Place, dict[str, int]] = {}
    judged: set[Place] = set()
    for row in rows:
        place = row["attribute"], row["group"]
        counts.setdefault(place, {})[row["role"]] = row["n"]
        judged |= {place} if row["enough"] else set()
    names = [
        f"{place[1]} ({' | '.join(f'{counts[place].get(role, 0):,}' for role in roles)})"
        for place in places
    ]
    axes.set_yticks(list(places.values()), names)
    for label, place in zip(axes.get_yticklabels(), places, strict=True):
        label.set_color(INK if place in judged else QUIET)
    tops: dict[str, float] = {}
    for (name, _), y in places.items():
        tops.setdefault(name, y)
    style: dict[str, Any] = {"fontsize": 8, "fontweight": "bold", "color": INK, "ha": "right"}
    for name, y in tops.items():
        beside = axes.get_yaxis_transform()
        axes.text(-0.015, y - 1, name, transform=beside, va="center", **style)
    if len(roles) > 1:
        for i, role in enumerate(roles):
            axes.plot([], [], "o", markersize=4, color=COLOURS[i % len(COLOURS)], label=role)
        legend(axes, loc="lower left")
