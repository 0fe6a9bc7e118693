"""How a picture becomes a face, step by step, side by side, as on the thesis's page.

Drawn with Pillow alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import PIL.ImageOps

from mien.core.artifact import atomic
from mien.core.types import Face, Image

COLUMNS: Final = ("picture", "face and landmarks", "turned level", "cropped")
_SIDE: Final = 224
_GAP: Final = 8
_LINE: Final = 16
_PAGE: Final = (255, 255, 255)
_INK: Final = (43, 47, 54)
_QUIET: Final = (103, 109, 118)
_BOX: Final = (0, 200, 255)
_POINT: Final = (255, 60, 120)


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """One face on its way.

    Attributes:
        picture: the picture, (height, width, 3) RGB uint8.
        face: the face in it.
        level: its surroundings, turned so that the eyes are level.
        cropped: what a network is given.
        words: lines below.
    """

    picture: Image
    face: Face
    level: Image
    cropped: Image
    words: tuple[str, ...] = ()


def steps(rows: Sequence[Steps], path: Path) -> Path:
    """Writes a row of four pictures for each face as PNG, atomically, and returns its path."""
    lines = max((len(row.words) for row in rows), default=0)
    height = _SIDE + (lines + 1) * _LINE
    size = len(COLUMNS) * (_SIDE + _GAP) + _GAP, 2 * _LINE + len(rows) * height
    page = PIL.Image.new("RGB", size, _PAGE)
    draw = PIL.ImageDraw.Draw(page)
    font = PIL.ImageFont.load_default(12)
    for column, name in enumerate(COLUMNS):
        draw.text((_GAP + column * (_SIDE + _GAP), _GAP), name, fill=_INK, font=font)
    for number, row in enumerate(rows):
        y = 2 * _LINE + number * height
        shown = (row.picture, marked(row.picture, row.face), row.level, row.cropped)
        for column, image in enumerate(shown):
            tile = PIL.ImageOps.contain(PIL.Image.fromarray(image), (_SIDE, _SIDE))
            page.paste(tile, (_GAP + column * (_SIDE + _GAP), y))
        for line, words in enumerate(row.words):
            draw.text((_GAP, y + _SIDE + line * _LINE), words, fill=_QUIET, font=font)
    with atomic(path) as file:
        page.save(file, "PNG", compress_level=1)
    return path


def marked(image: Image, face: Face) -> Image:
    """Returns a picture with a face's box and landmarks drawn in, (height, width, 3) RGB uint8.

    Small pictures are enlarged, so that there is room for the marks.
    """
    scale = max(1.0, _SIDE / max(image.shape[:2]))
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    picture = PIL.Image.fromarray(image).resize(size, PIL.Image.Resampling.BICUBIC)
    draw = PIL.ImageDraw.Draw(picture)
    width = max(1, round(max(picture.size) / 120))
    corners = [value * scale for value in face.bbox.as_tuple()]
    draw.rectangle(corners, outline=_BOX, width=width)
    if face.landmarks is not None:
        for x, y in (face.landmarks + 0.5) * scale - 0.5:
            draw.ellipse((x - width, y - width, x + width, y + width), fill=_POINT)
    return np.array(picture)
