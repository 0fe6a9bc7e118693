"""Maps of what mattered to a network: over a drawn face for a class, beside a face for an answer.

The picture of one face is drawn with Pillow alone, so that it works in the base install.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from mien.core.types import Floats, Image
from mien.plots.figure import INK, new_figure, save, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Doubles = npt.NDArray[np.float64]
Parts = tuple[npt.NDArray[np.int64], Sequence[str]]

_ACROSS: Final = 4
_SIDE: Final = 320
_GAP: Final = 12
_LINE: Final = 22
_PAGE: Final = (24, 26, 32)
_TEXT: Final = (240, 240, 240)
_QUIET: Final = (170, 174, 182)
_FOR: Final = np.array((235, 64, 40), np.float64)
_AGAINST: Final = np.array((50, 110, 235), np.float64)
_STRONGEST: Final = 0.75
"""How much of the face the colour covers where the map is largest."""


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """The map of one class.

    Attributes:
        title: the line above.
        map: (size, size), 0 or more.
        behind: (size, size) what stands behind it, any numbers; None for a white page.
    """

    title: str
    map: Floats
    behind: Doubles | None = None


def class_maps(
    panels: Sequence[Panel], outlines: Sequence[Doubles], parts: Parts, path: Path, title: str = ""
) -> Path:
    """Draws the maps of classes side by side, each with a plain face drawn over it.

    Args:
        panels: one a class. Each has its own scale, up to its largest value.
        outlines: the lines of the face, (k, 2) each: x, y in pixels of the maps.
        parts: the number of each pixel's facial part, (size, size), and the parts' names; drawn
            behind the classes as a key.
        path: the PNG to write.
        title: the line above all.

    Returns:
        ``path``.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    down = -(-(len(panels) + 1) // _ACROSS)
    figure = new_figure(2.5 * _ACROSS, 2.8 * down + 0.4)
    grid = figure.subplots(down, _ACROSS, squeeze=False).ravel()
    for axes in grid[len(panels) + 1 :]:
        axes.set_axis_off()
    for axes, panel in zip(grid, panels, strict=False):
        top = float(panel.map.max()) or 1.0
        strength = panel.map / top
        if panel.behind is not None:
            axes.imshow(panel.behind, cmap="gray")
            axes.imshow(strength, cmap="Reds", vmin=0, vmax=1.4, alpha=_STRONGEST * strength)
        else:
            axes.imshow(strength, cmap="Reds", vmin=0, vmax=1)
        _face(axes, outlines, panel.map.shape[0], panel.title)
    _key(grid[len(panels)], parts)
    _face(grid[len(panels)], outlines, len(parts[0]), "the parts")
    if title:
        figure.suptitle(title, fontsize=11, color=INK, x=0.01, ha="left")
    return save(figure, path)


def _face(axes: Axes, outlines: Sequence[Doubles], size: int, title: str) -> None:
    """Draws a plain face over a map."""
    for line in outlines:
        axes.plot(line[:, 0], line[:, 1], color=INK, linewidth=1, alpha=0.6)
    tidy(axes, title=title, xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))
    axes.set(xticks=[], yticks=[])


def _key(axes: Axes, parts: Parts) -> None:
    """Draws the facial parts in pale colours, each with its name where it is widest."""
    numbers, names = parts
    axes.imshow(numbers, cmap="Pastel2", vmin=-0.5, vmax=7.5, interpolation="nearest")
    for number, name in enumerate(names):
        inside = np.pad((numbers == number).astype(np.uint8), 1)
        room = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
        y, x = np.unravel_index(int(room.argmax()), room.shape)
        axes.text(float(x), float(y), name, ha="center", va="center", fontsize=7, color=INK)


def beside(shown: Image, found: Floats, title: str, words: Sequence[str] = ()) -> Image:
    """Returns a face as a network sees it and, beside it, the same with a map laid over.

    Args:
        shown: the network's input as a picture, (size, size, 3) RGB uint8.
        found: the map, (size, size): red where it is above 0, blue where below, each the stronger
            the larger it is beside the map's largest.
        title: the line above.
        words: lines below.

    Returns:
        (height, width, 3) RGB uint8.
    """
    top = float(np.abs(found).max()) or 1.0
    cover = PIL.Image.fromarray((found / top).astype(np.float32))
    strength = np.asarray(cover.resize((_SIDE, _SIDE), PIL.Image.Resampling.BILINEAR), np.float64)
    face = PIL.Image.fromarray(shown).resize((_SIDE, _SIDE), PIL.Image.Resampling.BICUBIC)
    pixels = np.asarray(face, np.float64)
    alpha = _STRONGEST * np.clip(np.abs(strength), 0, 1)[..., None]
    colour = np.where(strength[..., None] > 0, _FOR, _AGAINST)
    laid = (pixels * (1 - alpha) + colour * alpha).round().astype(np.uint8)
    size = 2 * _SIDE + 3 * _GAP, _SIDE + 3 * _GAP + _LINE * (1 + len(words))
    page = PIL.Image.new("RGB", size, _PAGE)
    draw = PIL.ImageDraw.Draw(page)
    draw.text((_GAP, _GAP // 2), title, fill=_TEXT, font=PIL.ImageFont.load_default(18))
    y = _GAP + _LINE
    page.paste(face, (_GAP, y))
    page.paste(PIL.Image.fromarray(laid), (_SIDE + 2 * _GAP, y))
    for number, line in enumerate(words):
        place = _GAP, y + _SIDE + _GAP // 2 + number * _LINE
        draw.text(place, line, fill=_QUIET, font=PIL.ImageFont.load_default(13))
    return np.array(page)
