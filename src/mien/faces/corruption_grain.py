"""Changes of grain: out of focus, moved, noisy, compressed, of few pixels."""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np

from mien.core import images
from mien.core.types import Image
from mien.faces.corruption_place import Place

GRAINS: Final = 48
"""Grains of noise along the face's side: a sensor that sees the face at that size, like those of
FER2013, and no network sees less of it when a large picture is shrunk."""


def blur(image: Image, place: Place, level: float, _: np.random.Generator) -> Image:
    """Blurs by a Gaussian whose standard deviation is ``level`` % of the face's side."""
    sigma = level / 100 * place.side
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)  # type: ignore[return-value]  # OpenCV types its arrays loosely


def motion_blur(image: Image, place: Place, level: float, random: np.random.Generator) -> Image:
    """Smears along a line of ``level`` % of the face's side, in a drawn direction of the face."""
    length = max(1.0, level / 100 * place.side)
    angle = random.uniform(0, math.pi) + math.radians(place.angle)
    half = math.ceil(length / 2) + 1
    reach = length / 2 * np.array([math.cos(angle), math.sin(angle)])
    ends = np.rint((half + np.array([-reach, reach])) * 256).astype(int)
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.uint8)
    cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 255, 1, cv2.LINE_AA, 8)
    weights = kernel / kernel.sum()
    return cv2.filter2D(image, -1, weights, borderType=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def noise(image: Image, place: Place, level: float, random: np.random.Generator) -> Image:
    """Adds Gaussian noise of ``level`` grey levels, one grain a 48th of the face's side."""
    height, width = image.shape[:2]
    grain = max(1.0, place.side / GRAINS)
    size = math.ceil(height / grain), math.ceil(width / grain)
    coarse = random.standard_normal(size, np.float32)
    x = np.minimum((np.arange(width) / grain).astype(int), size[1] - 1)
    y = np.minimum((np.arange(height) / grain).astype(int), size[0] - 1)
    # One value for the three channels, so that a grey face stays grey.
    noisy = image + level * coarse[y[:, None], x][:, :, None]
    found: Image = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    return found


def jpeg(image: Image, _: Place, level: float, __: np.random.Generator) -> Image:
    """Compresses the picture as JPEG of the quality ``level`` and decodes it again."""
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, round(level)))
    if not done:
        raise ValueError("the picture cannot be written as JPEG")
    return images.decode(data.tobytes())


def low_resolution(image: Image, place: Place, level: float, _: np.random.Generator) -> Image:
    """Shrinks the picture until the face's side is ``level`` pixels and enlarges it again."""
    height, width = image.shape[:2]
    scale = min(1.0, level / place.side)  # a face of fewer pixels has nothing to lose
    small = max(1, round(width * scale)), max(1, round(height * scale))
    shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]
