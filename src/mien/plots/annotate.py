"""A photograph with its boxes, landmarks and the bars of the top five classes.

Drawn with Pillow alone, so that it works in the base install.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from mien.core import labels
from mien.core.types import Face, Image, Prediction

_BOX: Final = (0, 200, 255)
_UNSURE: Final = (255, 170, 0)
_POINT: Final = (255, 60, 120)
_PANEL: Final = (24, 26, 32)
_TRACK: Final = (58, 62, 72)
_TEXT: Final = (240, 240, 240)
_ROWS: Final = 5
_MIN_WIDTH: Final = 360
"""Narrower pictures are scaled up, or the words would be wider than the picture."""


def annotate(image: Image, predictions: Sequence[Prediction]) -> Image:
    """Returns the picture with every face marked, and a panel of bars below.

    Args:
        image: (height, width, 3) RGB uint8.
        predictions: the predictions of this picture.

    Returns:
        (height', width', 3) RGB uint8; the panel is added below, small pictures are scaled up.
    """
    scale = max(1.0, _MIN_WIDTH / image.shape[1])
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    picture = PIL.Image.fromarray(image).resize(size, PIL.Image.Resampling.BICUBIC)
    unit = max(12, min(28, size[0] // 32))
    font = PIL.ImageFont.load_default(unit)
    draw = PIL.ImageDraw.Draw(picture)
    shown = [p for p in predictions if p.face is not None]
    for prediction in shown:
        assert prediction.face is not None
        _mark(draw, prediction.face, scale, f"#{prediction.index}", prediction.abstained)
    panel = _panel(shown, predictions, size[0], font, unit)
    whole = PIL.Image.new("RGB", (size[0], size[1] + panel.height), _PANEL)
    whole.paste(picture, (0, 0))
    whole.paste(panel, (0, size[1]))
    return np.array(whole)


def _mark(draw: PIL.ImageDraw.ImageDraw, face: Face, scale: float, name: str, unsure: bool) -> None:
    colour = _UNSURE if unsure else _BOX
    x1, y1, x2, y2 = (value * scale for value in face.bbox.as_tuple())
    line = max(2, round((x2 - x1) / 80))
    draw.rectangle((x1, y1, x2, y2), outline=colour, width=line)
    font = PIL.ImageFont.load_default(max(12, min(28, (x2 - x1) / 8)))
    draw.text(
        (x1 + 2 * line, y1 + line),
        name,
        fill=colour,
        font=font,
        stroke_width=1,
        stroke_fill=(0, 0, 0),
    )
    if face.landmarks is not None:
        for x, y in face.landmarks * scale:
            draw.ellipse((x - line, y - line, x + line, y + line), fill=_POINT)


def _panel(
    shown: Sequence[Prediction],
    predictions: Sequence[Prediction],
    width: int,
    font: PIL.ImageFont.ImageFont | PIL.ImageFont.FreeTypeFont,
    unit: int,
) -> PIL.Image.Image:
    row = round(1.5 * unit)
    lines = len(shown) * (_ROWS + 1) if shown else 1
    panel = PIL.Image.new("RGB", (width, lines * row + unit), _PANEL)
    draw = PIL.ImageDraw.Draw(panel)
    y = unit // 2
    if not shown:
        text = predictions[0].reason if predictions else None
        draw.text((unit, y), (text or "no face").replace("_", " "), fill=_UNSURE, font=font)
    for prediction in shown:
        title = f"#{prediction.index}"
        if prediction.abstained and prediction.reason:
            title += f"  unsure: {prediction.reason.replace('_', ' ')}"
        draw.text((unit, y), title, fill=_UNSURE if prediction.abstained else _BOX, font=font)
        y += row
        for name, share in prediction.top(_ROWS):
            _bar(draw, (unit, y, width - unit, y + row), (name, share), font)
            y += row
    return panel


def _bar(
    draw: PIL.ImageDraw.ImageDraw,
    place: tuple[int, int, int, int],
    item: tuple[str, float],
    font: PIL.ImageFont.ImageFont | PIL.ImageFont.FreeTypeFont,
) -> None:
    left, top, right, bottom = place
    name, share = item
    start, end = left + round(0.34 * (right - left)), right - round(0.2 * (right - left))
    draw.text((left, top), labels.titled(name), fill=_TEXT, font=font)
    third = (bottom - top) // 4
    draw.rectangle((start, top + third, end, bottom - third), fill=_TRACK)
    if share > 0.002:
        filled = start + max(1, round(share * (end - start)))
        draw.rectangle((start, top + third, filled, bottom - third), fill=_BOX)
    draw.text((right, top), f"{100 * share:.2f}%", fill=_TEXT, font=font, anchor="ra")
