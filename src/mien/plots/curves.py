"""Curves: a training over its epochs, and figures over the strength of the prior correction."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mien.core.errors import DataError
from mien.plots.figure import COLOURS, INK, QUIET, legend, new_figure, save, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINT: Final = ("strength", "accuracy", "balanced_accuracy", "calibration_error")
_LINES: Final = ("-", "--", ":")


def training(log: Path, path: Path, title: str = "") -> Path:
    """Draws the curves of a training: losses at the left, accuracies at the right.

    Args:
        log: ``log.csv``: a line an epoch with ``epoch``, and any columns whose names hold
            ``loss`` or ``accuracy``; others are left out.
        path: the PNG to write.
        title: the line above.

    Returns:
        ``path``.

    Raises:
        DataError: the log is missing, empty, or has no such columns.
        MissingExtraError: matplotlib is not installed.
    """
    columns = _read(log)
    epochs = columns.get("epoch", [])
    figure = new_figure(9.0, 3.6)
    left, right = figure.subplots(1, 2)
    for axes, word in ((left, "loss"), (right, "accuracy")):
        lines = {name: values for name, values in columns.items() if word in name}
        if not lines or not epochs:
            raise DataError(
                f"{log} has no column of {word} by epoch. Expected the log.csv of a training, with "
                f"epoch, loss and accuracy; found {', '.join(columns) or 'nothing'}."
            )
        _draw(axes, epochs, lines)
        axes.xaxis.get_major_locator().set_params(integer=True)
        tidy(axes, title=title if axes is left else "", x="epoch", y=word)
        legend(axes)
    return save(figure, path)


def operating_points(curve: Path, path: Path, title: str = "") -> Path:
    """Draws accuracy, balanced accuracy and calibration error over the prior correction.

    Args:
        curve: ``operating_points.json`` of a training: ``points``, each with ``strength`` (0
            natural, 1 balanced) and the three figures, and the ``chosen`` one, which is marked.
        path: the PNG to write.
        title: the line above.

    Returns:
        ``path``.

    Raises:
        DataError: the file is missing or holds no such points.
        MissingExtraError: matplotlib is not installed.
    """
    try:
        made = json.loads(curve.read_bytes())
        rows = [{name: float(point[name]) for name in _POINT} for point in made["points"]]
        chosen = float(made["chosen"]["strength"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{curve} holds no operating points ({error!r}). Expected the operating_points.json "
            "of a training."
        ) from error
    figure = new_figure(5.6, 3.8)
    axes = figure.add_subplot()
    strengths = [row["strength"] for row in rows]
    _draw(axes, strengths, {name: [row[name] for row in rows] for name in _POINT[1:]})
    axes.axvline(chosen, color=QUIET, linewidth=1, linestyle="--")
    place = axes.get_xaxis_transform()
    axes.text(chosen, 0.5, f" chosen: {chosen:g}", fontsize=8, color=INK, transform=place)
    tidy(axes, title=title, x="strength of the prior correction", y="share", ylim=(0, 1))
    legend(axes)
    return save(figure, path)


def _draw(axes: Axes, xs: Sequence[float], lines: Mapping[str, Sequence[float]]) -> None:
    single = "o" if len(xs) == 1 else ""
    for i, (name, values) in enumerate(lines.items()):
        axes.plot(
            xs,
            values,
            label=name.replace("_", " "),
            color=COLOURS[i % len(COLOURS)],
            linestyle=_LINES[i // len(COLOURS) % len(_LINES)],
            linewidth=1.6,
            marker=single,
        )
    axes.grid(axis="y", color=QUIET, alpha=0.3, linewidth=0.6)


def _read(log: Path) -> dict[str, list[float]]:
    """Returns the columns of a CSV file that hold numbers; an empty cell is a gap."""
    try:
        with log.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{log} cannot be read ({error}). Expected the log of a training."
        ) from error
    names: Iterable[str] = rows[0] if rows else ()
    columns = {}
    for name in names:
        try:
            columns[name] = [float(row[name] or "nan") for row in rows]
        except (TypeError, ValueError):
            continue  # a column of words is no curve
    return columns
