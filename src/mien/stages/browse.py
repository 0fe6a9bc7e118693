"""`browse`: catalogue -> a contact sheet by class and source, so that a person can look."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field

from mien.core import catalogue
from mien.core.artifact import StageFolder, read_meta
from mien.core.config import StageConfig
from mien.core.errors import ImageError
from mien.core.labels import CLASSES, CONTEMPT, titled
from mien.core.origins import Source, check_roots, picture, read_sources
from mien.core.progress import track
from mien.core.types import Image
from mien.plots.pages import data_uri, thumbnail, write_page
from mien.plots.sheet import Cell, sheet

if TYPE_CHECKING:
    import polars

PAGE: Final = "sheet.html"
PICTURE: Final = "sheet.png"
_ACROSS: Final = 4


class BrowseConfig(StageConfig):
    """The settings of `browse`.

    Attributes:
        by: what the rows of the sheet are; its columns are the sources.
        per_cell: how many pictures of a cell are shown at the most.
        size: the side of the square that a picture may fill, pixels.
        seed: another one draws other pictures.
    """

    by: Literal["label", "split", "pose", "light", "gender", "age", "ethnicity"] = "label"
    per_cell: int = Field(default=8, ge=1)
    size: int = Field(default=96, ge=16, le=512)
    seed: int = Field(default=0, ge=0)


def browse(config: BrowseConfig, merged: Path, out: Path, *, overwrite: bool = False) -> Path:
    """Draws some pictures of each class and source.

    Args:
        config: the settings.
        merged: the stage folder of `merge`.
        out: the folder to make: ``sheet.html`` and ``sheet.png``.
        overwrite: throw away what stands at ``out`` with other settings.

    Returns:
        ``out``.

    Raises:
        DataError: the catalogue or its pictures' folders cannot be read.
        StageError: ``out`` holds something else.
    """
    folder = StageFolder(out, "browse", config, {"catalogue": merged}, overwrite=overwrite)
    if folder.done:
        return out
    rows = catalogue.select(merged, list(dict.fromkeys(("dataset", "path", config.by))))
    sources = read_sources(merged)
    datasets = rows["dataset"].unique(maintain_order=True).to_list()
    check_roots(sources, datasets)
    rows = rows.rename({config.by: "row"})
    cells = _cells(rows, config, sources)
    names = _names(rows, config.by)
    grid = [[cells.get((name, dataset), _Cell(0, [])) for dataset in datasets] for name in names]
    words = [_word(name, config.by) for name in names]
    _write(folder.work, config, words, datasets, grid)
    return folder.finish(_counts(grid))


def summary(out: Path) -> str:
    """Returns how many pictures a finished sheet shows."""
    counts = read_meta(out)["counts"]
    return (
        f"{counts['shown']:,} of {counts['pictures']:,} pictures shown, of which "
        f"{counts['unreadable']:,} cannot be read\nlook at {out / PAGE} or {out / PICTURE}"
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    """How many pictures a cell stands for, and those drawn: path, and picture where readable."""

    count: int
    faces: list[tuple[str, Image | None]]


def _cells(
    rows: polars.DataFrame, config: BrowseConfig, sources: Mapping[str, Source]
) -> dict[tuple[str | None, str], _Cell]:
    """Returns the cells that hold a picture, by row and data set."""
    pl = catalogue.polars_or_error()
    # The order of a hash draws the same pictures again when others join or leave.
    drawn = [
        hashlib.sha256(f"{config.seed}/{dataset}/{path}".encode()).digest()[:8]
        for dataset, path in rows.select("dataset", "path").iter_rows()
    ]
    order = rows.with_columns(draw=pl.Series(drawn, dtype=pl.Binary)).sort("draw", "path")
    cells = order.group_by("row", "dataset", maintain_order=True).agg(
        pl.len().alias("n"), pl.col("path").head(config.per_cell)
    )

    def look(dataset: str, path: str) -> Image | None:
        try:
            return thumbnail(picture(dataset, path, sources), config.size)
        except ImageError:
            return None

    return {
        (row, dataset): _Cell(n, [(path, look(dataset, path)) for path in paths])
        for row, dataset, n, paths in track(cells.iter_rows(), "browse", len(cells))
    }


def _names(rows: polars.DataFrame, by: str) -> list[str | None]:
    """Returns the rows of the sheet: classes in their order, other words sorted, null last."""
    found = set(rows["row"].unique())
    if by == "label":
        return [*CLASSES, *(name for name in (CONTEMPT, None) if name in found)]
    return [*sorted(found - {None}), *({None} & found)]


def _word(name: str | None, by: str) -> str:
    if name is None:
        return "unlabelled" if by == "label" else "not stated"
    return titled(name) if by == "label" else name


def _write(
    work: Path,
    config: BrowseConfig,
    words: list[str],
    datasets: list[str],
    grid: list[list[_Cell]],
) -> None:
    counts = _counts(grid)
    tiles = [[Cell(cell.count, [image for _, image in cell.faces]) for cell in row] for row in grid]
    sheet(tiles, words, datasets, work / PICTURE, size=config.size, across=_ACROSS)
    rows = [
        {
            "name": word,
            "cells": [
                {
                    "count": cell.count,
                    "faces": [
                        {"path": path, "picture": None if image is None else data_uri(image)}
                        for path, image in cell.faces
                    ],
                }
                for cell in cells
            ],
        }
        for word, cells in zip(words, grid, strict=True)
    ]
    write_page(
        work / PAGE,
        "sheet.html.j2",
        title="Contact sheet",
        sources=datasets,
        rows=rows,
        columns=_ACROSS,
        **{name: counts[name] for name in ("pictures", "unreadable")},
        **config.model_dump(),
    )


def _counts(grid: list[list[_Cell]]) -> dict[str, Any]:
    cells = [cell for row in grid for cell in row]
    return {
        "pictures": sum(cell.count for cell in cells),
        "shown": sum(len(cell.faces) for cell in cells),
        "unreadable": sum(image is None for cell in cells for _, image in cell.faces),
    }
