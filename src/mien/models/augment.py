"""Random views of a face, each a pure function of its pixels and of (seed, epoch, index).

Training keeps a wide cut of every chip, a third larger than the network's input and at a finer
grain, so that turning, scaling and shifting find real pixels beyond the input's rim. The wide cut
is made by `mien.core.spec.resized_cut`, the one truth of preprocessing, with a wider `Preprocess`.
"""

from __future__ import annotations

import functools
from typing import Annotated, Final

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import Field

from mien.core.config import StageConfig
from mien.core.spec import CHIP_MARGIN, CHIP_SIZE, Preprocess

Pixels = npt.NDArray[np.uint8]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]

_ROOM: Final = 4 / 3
"""Side of the wide cut over the side of the input."""
_GRAIN: Final = 1.5
"""Pixels of the wide cut for each pixel of the input: a bilinear sample then blurs less."""
_SIZES: Final = {"erase_area": 0.15, "cover_depth": 0.5}
"""Settings that change nothing alone."""
_SIDES: Final = {0.0: 0.15, 90.0: 0.5, 180.0: 0.15, 270.0: 0.2}
"""Where a cover comes from, degrees from the right by way of below, and how often."""
_SLANT: Final = 20.0


class Augment(StageConfig):
    """How far the views of one face may differ. Zeros switch everything off.

    Attributes:
        flip: the share of views mirrored.
        rotation: largest turn either way, degrees.
        scale: largest relative change of size either way.
        stretch: largest relative change of the sides' ratio either way.
        shift: largest move either way, as a share of the input's side.
        brightness: largest change either way, grey levels out of 255.
        contrast: largest relative change of contrast either way.
        gamma: largest change of the tone curve's exponent either way, as a logarithm.
        shadow: the share of views with one side in shadow.
        blur: the share of views that are out of focus or were enlarged from fewer pixels.
        noise: the share of views with sensor noise.
        erase: the share of views with one rectangle hidden (Zhong et al. 2020).
        erase_area: the largest share of the view that the rectangle hides.
        cover: the share of views of which one side is hidden up to a slanting edge, as by a mask,
            a scarf, hair or a hat: half of the times the lower one.
        cover_depth: the largest share of the view's side that is hidden so.
    """

    flip: Share = 0.5
    rotation: Amount = 12.0
    scale: Annotated[float, Field(ge=0, lt=0.5)] = 0.12
    stretch: Annotated[float, Field(ge=0, lt=0.5)] = 0.06
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.05
    brightness: Amount = 20.0
    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.3
    gamma: Amount = 0.3
    shadow: Share = 0.15
    blur: Share = 0.15
    noise: Share = 0.1
    erase: Share = 0.3
    erase_area: Annotated[float, Field(gt=0, le=0.5)] = 0.15
    cover: Share = 0.0
    cover_depth: Annotated[float, Field(gt=0, le=0.7)] = 0.5

    @classmethod
    def none(cls) -> Augment:
        """Returns settings that change nothing."""
        off = dict.fromkeys(cls.model_fields, 0.0)
        return cls(**{**off, **_SIZES})

    @property
    def off(self) -> bool:
        """Whether these settings change nothing."""
        return all(value == 0 for key, value in self if key not in _SIZES)


@functools.lru_cache
def wide(preprocess: Preprocess) -> Preprocess:
    """Returns the cut that training keeps for an input: wider, of finer grain, as large as fits."""
    margin = min((1 + preprocess.margin) * _ROOM - 1, CHIP_MARGIN)
    room = (1 + margin) / (1 + preprocess.margin)
    size = min(round(preprocess.input_size * room * _GRAIN), CHIP_SIZE)
    return preprocess.model_copy(update={"margin": margin, "input_size": size})


def training_cut(preprocess: Preprocess, settings: Augment) -> Preprocess:
    """Returns the cut that training keeps: the input itself where views do not differ."""
    return preprocess if settings.off else wide(preprocess)


def view(
    cut: Pixels, preprocess: Preprocess, settings: Augment, key: tuple[int, int, int]
) -> Pixels:
    """Returns one random view of a face, the same for the same key.

    Args:
        cut: (wide, wide, channels) uint8, made with ``wide(preprocess)``.
        preprocess: the network's input.
        settings: how far views differ.
        key: (seed, epoch, index).

    Returns:
        (size, size, channels) uint8, not yet normalised.
    """
    random = np.random.Generator(np.random.SFC64(key))
    pixels = _moved(cut, preprocess, settings, random)
    pixels = _toned(pixels, settings, random)
    if random.random() < settings.shadow:
        pixels = _shadowed(pixels, random)
    if random.random() < settings.blur:
        pixels = _blurred(pixels, random)
    if random.random() < settings.noise:
        grain = random.normal(0, random.uniform(2, 10), pixels.shape)
        pixels = np.clip(pixels + grain, 0, 255).astype(np.uint8)
    if random.random() < settings.erase:
        pixels = _erased(pixels, settings.erase_area, random)
    # Last, so that recipes without covers draw the views that they always drew.
    if settings.cover and random.random() < settings.cover:
        pixels = _covered(pixels, settings.cover_depth, random)
    return pixels


def _moved(
    cut: Pixels, preprocess: Preprocess, settings: Augment, random: np.random.Generator
) -> Pixels:
    size = preprocess.input_size
    angle = np.deg2rad(random.uniform(-settings.rotation, settings.rotation))
    zoom = 1 + random.uniform(-settings.scale, settings.scale)
    stretch = 1 + random.uniform(-settings.stretch, settings.stretch)
    shift = random.uniform(-settings.shift, settings.shift, 2) * size
    mirror = -1.0 if random.random() < settings.flip else 1.0
    grain = _grain(preprocess)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = grain * zoom * turn * (mirror * stretch, 1 / stretch)
    centre = (len(cut) - 1) / 2 - matrix @ ((size - 1) / 2 + shift)
    moved = cv2.warpAffine(
        cut,
        np.hstack([matrix, centre[:, None]]),
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return moved.reshape(size, size, -1)  # type: ignore[return-value]  # OpenCV drops one channel


@functools.lru_cache
def _grain(preprocess: Preprocess) -> float:
    """Pixels of the wide cut for each pixel of the input, exactly."""
    kept = wide(preprocess)
    return kept.input_size / preprocess.input_size * _side(preprocess.margin) / _side(kept.margin)


def _side(margin: float) -> int:
    """The side of a cut in a chip, whole pixels, as `mien.core.spec.resized_cut` takes it."""
    side = CHIP_SIZE * (1 + margin) / (1 + CHIP_MARGIN)
    return CHIP_SIZE - 2 * round((CHIP_SIZE - side) / 2)


def _toned(pixels: Pixels, settings: Augment, random: np.random.Generator) -> Pixels:
    """Changes contrast, brightness and tone curve: one table of 256 levels."""
    exponent = np.exp(random.uniform(-settings.gamma, settings.gamma))
    contrast = 1 + random.uniform(-settings.contrast, settings.contrast)
    brightness = random.uniform(-settings.brightness, settings.brightness)
    levels = (np.arange(256) / 255) ** exponent * 255
    middle = float(pixels.mean())
    table = (levels - middle) * contrast + middle + brightness
    toned: Pixels = np.clip(table, 0, 255).astype(np.uint8)[pixels]
    return toned


def _shadowed(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Darkens one side of the face across a soft edge of random direction and place."""
    size = len(pixels)
    angle = random.uniform(0, 2 * np.pi)
    line = np.linspace(-1, 1, size, dtype=np.float32)
    ramp = line[None, :] * np.cos(angle) + line[:, None] * np.sin(angle)
    edge, softness = random.uniform(-0.4, 0.4), random.uniform(0.1, 0.6)
    lit = np.clip((ramp - edge) / softness + 0.5, 0, 1)
    floor = random.uniform(0.35, 0.8)
    shaded: Pixels = (pixels * (floor + (1 - floor) * lit)[:, :, None]).astype(np.uint8)
    return shaded


def _blurred(pixels: Pixels, random: np.random.Generator) -> Pixels:
    size = len(pixels)
    if random.random() < 0.5:
        soft = cv2.GaussianBlur(pixels, (0, 0), random.uniform(0.4, 1.2))
    else:
        small = round(size * random.uniform(0.4, 0.9))
        soft = cv2.resize(pixels, (small, small), interpolation=cv2.INTER_AREA)
        soft = cv2.resize(soft, (size, size), interpolation=cv2.INTER_LINEAR)
    return soft.reshape(pixels.shape)  # type: ignore[return-value]


def _erased(pixels: Pixels, area: float, random: np.random.Generator) -> Pixels:
    size = len(pixels)
    share = random.uniform(0.02, max(area, 0.02))
    ratio = np.exp(random.uniform(-1, 1))
    height = min(max(round(size * np.sqrt(share * ratio)), 1), size)
    width = min(max(round(size * np.sqrt(share / ratio)), 1), size)
    top, left = random.integers(0, size - height + 1), random.integers(0, size - width + 1)
    pixels = pixels.copy()
    patch = pixels[top : top + height, left : left + width]
    # Half of the patches are one grey, half are noise: neither shall become a sign of a class.
    if random.random() < 0.5:
        patch[:] = random.integers(0, 256)
    else:
        patch[:] = random.integers(0, 256, patch.shape)
    return pixels


def _covered(pixels: Pixels, depth: float, random: np.random.Generator) -> Pixels:
    """Hides one side up to a slanting edge, in one grey that is a little uneven."""
    size = len(pixels)
    side = random.choice(list(_SIDES), p=list(_SIDES.values()))
    angle = np.deg2rad(side + random.uniform(-_SLANT, _SLANT))
    line = np.linspace(-0.5, 0.5, size)
    along = line[None, :] * np.cos(angle) + line[:, None] * np.sin(angle)
    hidden = along > 0.5 - random.uniform(min(0.1, depth), depth)
    cloth = random.uniform(0, 255) + random.normal(0, random.uniform(1, 8), (size, size, 1))
    covered: Pixels = np.where(hidden[:, :, None], np.clip(cloth, 0, 255), pixels).astype(np.uint8)
    return covered
