"""A contact sheet as one picture: rows and columns of cells, each full of small pictures.

Drawn with Pillow alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import PIL.ImageOps

from mien.core.artifact import atomic
from mien.core.types import Image

_PAGE: Final = (255, 255, 255)
_INK: Final = (43, 47, 54)
_QUIET: Final = (103, 109, 118)
_LINE: Final = (217, 220, 225)
_MARK: Final = (163, 74, 16)
_GAP: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One cell of a sheet.

    Attributes:
        count: how many pictures it stands for.
        pictures: those shown, RGB uint8, of any size; None stands for one that cannot be read.
    """

    count: int
    pictures: Sequence[Image | None] = ()


def sheet(
    grid: Sequence[Sequence[Cell]],
    rows: Sequence[str],
    columns: Sequence[str],
    path: Path,
    *,
    size: int = 96,
    across: int = 4,
) -> Path:
    """Writes a contact sheet as PNG, atomically.

    Args:
        grid: the cells, row by row.
        rows: the words at the left.
        columns: the words at the top.
        path: the file.
        size: the side of the square that a picture may fill, pixels.
        across: how many pictures stand side by side in a cell.

    Returns:
        ``path``.
    """
    unit = max(11, round(size / 6))
    font = PIL.ImageFont.load_default(unit)
    step = size + _GAP
    left = unit + max((round(font.getlength(name)) for name in rows), default=0) + unit
    wide = max([across * step, *(round(font.getlength(name)) for name in columns)]) + unit
    heights = [_height(cells, step, across, unit) for cells in grid]
    top = 2 * unit
    page = PIL.Image.new("RGB", (left + wide * len(columns), top + sum(heights)), _PAGE)
    draw = PIL.ImageDraw.Draw(page)
    for place, name in enumerate(columns):
        draw.text((left + place * wide, unit // 2), name, fill=_INK, font=font)
    y = top
    for name, cells, height in zip(rows, grid, heights, strict=True):
        draw.line((0, y, page.width, y), fill=_LINE)
        draw.text((unit // 2, y + unit // 2), name, fill=_INK, font=font)
        for place, cell in enumerate(cells):
            x = left + place * wide
            draw.text((x, y + unit // 2), f"{cell.count:,}", fill=_QUIET, font=font)
            for number, picture in enumerate(cell.pictures):
                corner = x + number % across * step, y + 2 * unit + number // across * step
                _put(page, picture, corner, size)
        y += height
    with atomic(path) as file:
        page.save(file, "PNG", compress_level=1)
    return path


def _height(cells: Sequence[Cell], step: int, across: int, unit: int) -> int:
    most = max((len(cell.pictures) for cell in cells), default=0)
    return 2 * unit + max(1, -(-most // across)) * step + unit // 2


def _put(page: PIL.Image.Image, picture: Image | None, corner: tuple[int, int], size: int) -> None:
    """Lays a picture into its square, as large as fits, or a crossed frame where there is none."""
    x, y = corner
    if picture is not None:
        tile = PIL.ImageOps.contain(PIL.Image.fromarray(picture), (size, size))
        page.paste(tile, (x + (size - tile.width) // 2, y + (size - tile.height) // 2))
        return
    draw = PIL.ImageDraw.Draw(page)
    box = (x, y, x + size - 1, y + size - 1)
    draw.rectangle(box, outline=_MARK, width=2)
    draw.line(box, fill=_MARK, width=2)
    draw.line((x, y + size - 1, x + size - 1, y), fill=_MARK, width=2)
