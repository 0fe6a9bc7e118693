"""Faces as picture files, in any size, for other software."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import cv2
from pydantic import Field

from mien.core import images, registry
from mien.core.config import StageConfig
from mien.core.types import Face, Image


class Pictures(StageConfig):
    """The form of a face as a picture file; the defaults are the thesis's.

    Attributes:
        size: its side, pixels.
        margin: the side is the face's side times 1 + this.
        colour: ``rgb`` or ``grey``.
    """

    size: int = Field(default=227, ge=8, le=4096)
    margin: float = Field(default=0.25, ge=0, le=4)
    colour: Literal["rgb", "grey"] = "rgb"

    def of(self, image: Image, face: Face, aligner: str) -> Image:
        """Returns a face, cut from the original pixels.

        Args:
            image: (height, width, 3) RGB uint8.
            face: a face with landmarks.
            aligner: the name of an aligner that takes ``margin`` and ``size``.

        Returns:
            (size, size, 3) RGB uint8; where the colour is grey, its three channels are one.
        """
        chip: Image = registry.load("aligners", aligner)(self.margin, self.size).align(image, face)
        if self.colour == "rgb":
            return chip
        grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)
        return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)  # type: ignore[return-value]  # OpenCV types arrays loosely

    def write(self, image: Image, face: Face, aligner: str, path: Path) -> None:
        """Writes a face as PNG, with one channel where it is grey."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(images.encode_png(self.of(image, face, aligner)))
