"""Offline augmentation: one changed copy of a face, as the thesis makes them for rare classes.

What training does to every view on the fly is another policy, `mien.models.augment`.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import cv2
import numpy as np
from pydantic import Field

from mien.core.config import StageConfig
from mien.core.types import Image

Change = Literal["flip", "rotation", "blur", "noise"]


class Changes(StageConfig):
    """What may be done to a face; each copy gets one of the changes or several.

    Attributes:
        changes: their names.
        rotation: the largest turn either way, degrees.
        blur: the largest radius (standard deviation), pixels of the 256 of a chip.
        noise: the largest standard deviation, grey levels of 255.
        seed: another one makes other faces.
    """

    changes: tuple[Change, ...] = Field(default=("flip", "rotation", "blur", "noise"), min_length=1)
    rotation: float = Field(default=10.0, gt=0, le=45)
    blur: float = Field(default=2.0, gt=0)
    noise: float = Field(default=6.0, gt=0)
    seed: int = Field(default=0, ge=0)


def changed(
    chip: Image, parent: str, number: int, settings: Changes
) -> tuple[Image, dict[str, Any]]:
    """Returns a new face and how it was made; the same for the same arguments.

    Args:
        chip: (256, 256, 3) uint8 RGB.
        parent: its id.
        number: which of the parent's new faces this is.
        settings: what may be done.

    Returns:
        The chip, and its recipe: ``flip`` (true), ``rotation`` (degrees, counter-clockwise),
        ``blur`` (pixels), ``noise`` (grey levels and the seed); each where it was done.
    """
    digest = hashlib.sha256(f"{settings.seed}/{parent}/{number}".encode()).digest()
    seed = int.from_bytes(digest[:8], "big")
    random = np.random.default_rng(seed)
    chosen = [name for name in settings.changes if random.random() < 0.5]
    if not chosen:
        chosen = [settings.changes[int(random.integers(len(settings.changes)))]]
    if number and chosen == ["flip"]:  # a second copy must not equal the first
        chosen += [name for name in settings.changes if name != "flip"][:1]
    recipe: dict[str, Any] = {}
    if "flip" in chosen:
        chip, recipe["flip"] = np.ascontiguousarray(chip[:, ::-1]), True
    if "rotation" in chosen:
        angle = round(float(random.uniform(0.1, 1) * random.choice((-1, 1))) * settings.rotation, 2)
        middle = (len(chip) - 1) / 2
        matrix = cv2.getRotationMatrix2D((middle, middle), angle, 1.0)
        size = (chip.shape[1], chip.shape[0])
        chip = np.asarray(cv2.warpAffine(chip, matrix, size, borderMode=cv2.BORDER_REPLICATE))
        recipe["rotation"] = angle
    if "blur" in chosen:
        radius = round(float(random.uniform(0.2, 1)) * settings.blur, 2)
        chip, recipe["blur"] = np.asarray(cv2.GaussianBlur(chip, (0, 0), radius)), radius
    if "noise" in chosen:
        level = round(float(random.uniform(0.2, 1)) * settings.noise, 2)
        grain = np.random.default_rng((seed, 1)).normal(0, level, chip.shape[:2])[..., None]
        chip = np.clip(np.rint(chip + grain), 0, 255).astype(np.uint8)
        recipe["noise"] = {"level": level, "seed": seed}
    return chip, recipe
