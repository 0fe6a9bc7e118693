"""A frame of a video with its people marked. Drawn with Pillow; the size of the frame stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from mien.core.labels import titled
from mien.core.types import Image

_SURE: Final = (0, 200, 255)
_UNSURE: Final = (255, 170, 0)
_PANEL: Final = (24, 26, 32)


class Mark(NamedTuple):
    """A person in a frame.

    Attributes:
        person: the number.
        box: x1, y1, x2, y2 in pixels.
        expression: the smoothed answer.
        confidence: its probability, 0 to 1.
        reason: why this frame alone says nothing, or None.
    """

    person: int
    box: tuple[float, ...]
    expression: str
    confidence: float
    reason: str | None = None


def mark(image: Image, marks: Sequence[Mark]) -> Image:
    """Returns a frame with a box for each person, the expression, and a bar as long as it is sure.

    Args:
        image: (height, width, 3) RGB uint8.
        marks: the people.

    Returns:
        (height, width, 3) RGB uint8.
    """
    picture = PIL.Image.fromarray(image)
    draw = PIL.ImageDraw.Draw(picture)
    unit = max(10, min(36, image.shape[1] // 40))
    font = PIL.ImageFont.load_default(unit)
    for one in marks:
        x1, y1, x2, y2 = one.box
        colour = _SURE if one.reason is None else _UNSURE
        line = max(1, round((x2 - x1) / 80))
        draw.rectangle((x1, y1, x2, y2), outline=colour, width=line)
        text = f"#{one.person}  {titled(one.expression)}"
        width = draw.textlength(text, font=font) + unit
        top = y1 - 1.7 * unit if y1 >= 1.7 * unit else y2
        left = max(0.0, min(x1, image.shape[1] - width))
        draw.rectangle((left, top, left + width, top + 1.7 * unit), fill=_PANEL)
        draw.text((left + unit / 2, top + 0.1 * unit), text, fill=colour, font=font)
        draw.rectangle(
            (left, top + 1.5 * unit, left + one.confidence * width, top + 1.7 * unit), fill=colour
        )
    return np.array(picture)
