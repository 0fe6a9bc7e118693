"""How many pictures each class has, by source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from mien.core.labels import CLASSES, CONTEMPT, titled
from mien.plots.figure import COLOURS, legend, new_figure, save, tidy

if TYPE_CHECKING:
    import polars

_SHADES: Final = (1.0, 0.55, 0.3)


def counts(table: polars.DataFrame, path: Path, by: str = "source") -> Path:
    """Draws a table of counts: a bar a class, a part of it for each source.

    Args:
        table: as `catalogue.count` returns it: label, total, and a column a source; the row
            ``sum`` is left out.
        path: the PNG to write.
        by: what the columns stand for.

    Returns:
        ``path``.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    rows = [row for row in table.to_dicts() if row["label"] != "sum"]
    names = [_named(row["label"]) for row in rows]
    sources = [name for name in table.columns if name not in ("label", "total")]
    figure = new_figure(8.0, 1.4 + max(0.36 * max(len(rows), 1), 0.2 * len(sources)))
    axes = figure.subplots()
    left = [0] * len(rows)
    for place, source in enumerate(sources):
        width = [row[source] for row in rows]
        shade = _SHADES[place // len(COLOURS) % len(_SHADES)]
        axes.barh(
            names, width, left=left, color=COLOURS[place % len(COLOURS)], alpha=shade, label=source
        )
        left = [a + b for a, b in zip(left, width, strict=True)]
    for name, total in zip(names, left, strict=True):
        axes.annotate(f" {total:,}", (total, name), va="center", fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    tidy(axes, title=f"pictures by class and {by}", x="pictures")
    if sources:
        legend(axes)
    return save(figure, path)


def _named(label: str) -> str:
    return titled(label) if label in (*CLASSES, CONTEMPT) else label
