"""Controlled changes to faces, each in five strengths: what a model meets outside its data sets.

Strength 1 is mild, 5 is strong; 0 is no change. The draws behind a change (which side, which place,
which noise) depend on the key and the change's name alone, so that on one face a higher strength is
the same change, only more of it. In a photo the five landmarks say where the face lies, and lengths
are shares of the face's side, as in a chip.

After Hendrycks and Dietterich (2019), "Benchmarking neural network robustness to common corruptions
and perturbations"; the changes themselves are those that faces meet.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from mien.core.errors import ConfigError
from mien.core.spec import CHIP_SIZE
from mien.core.types import Face, Image
from mien.faces import corruption_cover as cover
from mien.faces import corruption_grain as grain
from mien.faces import corruption_light as light
from mien.faces import corruption_pose as pose
from mien.faces.corruption_place import Place

STRENGTHS: Final = (1, 2, 3, 4, 5)
Key = tuple[int, str]
"""The seed and the id of the face."""
Levels = tuple[float, float, float, float, float]
Change = Callable[[Image, Place, float, np.random.Generator], Image]


@dataclass(frozen=True, slots=True)
class Corruption:
    """One kind of change.

    Attributes:
        name: its name.
        family: ``illumination``, ``pose``, ``occlusion`` or ``quality``.
        unit: what the levels are.
        levels: the level of each strength, 1 to 5.
        change: makes it, from picture, place of the face, level and draws.
    """

    name: str
    family: str
    unit: str
    levels: Levels
    change: Change


_TURNS: Final = (8, 16, 24, 32, 40)
_HIDDEN: Final = (0.4, 0.55, 0.7, 0.85, 1.0)
_TABLE: Final[dict[str, tuple[tuple[str, Change, Levels, str], ...]]] = {
    "illumination": (
        ("gain_up", light.gain, (1.15, 1.35, 1.6, 1.95, 2.4), "times as bright"),
        ("gain_down", light.gain, (0.8, 0.6, 0.42, 0.27, 0.15), "times as bright"),
        ("gamma_up", light.gamma, (1.25, 1.6, 2.1, 2.8, 3.8), "exponent: darker"),
        ("gamma_down", light.gamma, (0.8, 0.62, 0.48, 0.36, 0.26), "exponent: brighter"),
        ("shadow", light.shadow, (0.75, 0.5, 0.3, 0.15, 0.05), "light left on one side, share"),
        ("colour_cast", light.colour_cast, (0.1, 0.2, 0.3, 0.4, 0.5), "red up, blue down, share"),
    ),
    "pose": (
        ("roll", pose.roll, _TURNS, "degrees in the picture's plane"),
        ("yaw_warp", pose.yaw_warp, _TURNS, "degrees sideways; a drawing, no real turn"),
        ("pitch_warp", pose.pitch_warp, _TURNS, "degrees up or down; a drawing, no real turn"),
    ),
    "occlusion": (
        ("sunglasses", cover.sunglasses, (0.25, 0.45, 0.65, 0.85, 1.0), "opacity of the lenses"),
        ("mask", cover.mask, (0.97, 0.86, 0.74, 0.62, 0.5), "upper edge, share of the side"),
        ("hand", cover.hand, (14, 21, 28, 36, 45), "width of the palm, % of the side"),
        *((f"hide_{part}", cover.hide(part), _HIDDEN, "covered share of width and height")
          for part in cover.PARTS),
    ),
    "quality": (
        ("blur", grain.blur, (1, 2, 3.2, 5, 7.5), "standard deviation, % of the side"),
        ("motion_blur", grain.motion_blur, (5, 9, 14, 21, 30), "length, % of the side"),
        ("noise", grain.noise, (5, 10, 16, 25, 38), "standard deviation, grey levels"),
        ("jpeg", grain.jpeg, (30, 18, 11, 6, 3), "JPEG quality, 1 to 100"),
        ("low_resolution", grain.low_resolution, (36, 26, 18, 13, 9), "the side in pixels"),
        ("grey", light.grey, (0.2, 0.4, 0.6, 0.8, 1.0), "share of the colour taken away"),
    ),
}  # fmt: skip
CORRUPTIONS: Final = {
    name: Corruption(name, family, unit, levels, change)
    for family, rows in _TABLE.items()
    for name, change, levels, unit in rows
}
"""Every kind of change by its name, in the order in which they are shown.

The side that units speak of is that of the face.
"""


def corrupt(chip: Image, name: str, strength: int, key: Key) -> Image:
    """Returns a chip with one change, the same for the same arguments.

    Args:
        chip: (256, 256, 3) RGB uint8 in the wide canonical framing; it is left as it is.
        name: a name of `CORRUPTIONS`.
        strength: 1 (mild) to 5 (strong); 0 returns the chip itself.
        key: the seed and the id of the face.

    Returns:
        (256, 256, 3) RGB uint8.

    Raises:
        ConfigError: the name or the strength is unknown.
        ValueError: the chip has another shape or dtype.
    """
    if chip.shape != (CHIP_SIZE, CHIP_SIZE, 3) or chip.dtype != np.uint8:
        raise ValueError(
            f"A chip is ({CHIP_SIZE}, {CHIP_SIZE}, 3) uint8; got {chip.shape} {chip.dtype}."
        )
    return _changed(chip, Place.chip, name, strength, key)


def corrupt_photo(image: Image, face: Face, name: str, strength: int, key: Key) -> Image:
    """Returns a photo with one change to one of its faces.

    Light, colour, blur, noise, compression, resolution and roll change the whole photo, as they do
    in a camera; the rest is drawn on the face.

    Args:
        image: (height, width, 3) RGB uint8; it is left as it is.
        face: the face, with landmarks.
        name: a name of `CORRUPTIONS`.
        strength: 1 (mild) to 5 (strong); 0 returns the photo itself.
        key: the seed and the id of the face.

    Returns:
        A picture of the same size, RGB uint8.

    Raises:
        ConfigError: the name or the strength is unknown.
        InputError: the face has no landmarks, or they are no face's.
    """
    return _changed(image, lambda: Place.of(face), name, strength, key)


def check_name(name: str) -> str:
    """Returns a name of `CORRUPTIONS`.

    Raises:
        ConfigError: there is none of that name; the message lists those there are.
    """
    if name in CORRUPTIONS:
        return name
    close = difflib.get_close_matches(name, CORRUPTIONS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ConfigError(f"There is no corruption {name!r}.{hint} Known: {', '.join(CORRUPTIONS)}.")


def families() -> dict[str, str]:
    """Returns the family of each corruption."""
    return {name: row.family for name, row in CORRUPTIONS.items()}


def listed() -> str:
    """Returns the table of corruptions as text: name, family, levels by strength, unit."""
    heads = ("corruption", "family", *map(str, STRENGTHS), "what the strengths mean")
    rows = [
        (row.name, row.family, *(f"{level:g}" for level in row.levels), row.unit)
        for row in CORRUPTIONS.values()
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in (heads, *rows)
    )


def _changed(image: Image, place: Callable[[], Place], name: str, strength: int, key: Key) -> Image:
    row = CORRUPTIONS[check_name(name)]
    if strength not in (0, *STRENGTHS):
        raise ConfigError(f"A strength is a whole number from 0 to 5; got {strength!r}.")
    if strength == 0:
        return image
    draws = hashlib.sha256(f"{key[0]}/{name}/{key[1]}".encode()).digest()
    random = np.random.default_rng(np.frombuffer(draws, np.uint32))
    return row.change(image, place(), row.levels[strength - 1], random)
