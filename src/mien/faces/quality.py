"""How well a face can be seen: a few numbers from its chip, none of which looks at colour.

Light, contrast and sharpness are counted inside an ellipse that holds brows, eyes, cheeks and mouth
and leaves hair and background out. Occlusion is the estimate of a small convolutional network that
mien trained to find what was pasted over faces (``benchmarks/occlusion.py``). A linear face space
(Turk and Pentland 1991; 60 components, fitted robustly) was tried first: where a quarter or more
is covered its AUC was 0.75, and 0.61 for a plain patch, which lies close to that space.
"""

from __future__ import annotations

import functools
import threading
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from mien.core.assets import asset
from mien.core.quality import Quality
from mien.core.spec import CHIP_MARGIN, CHIP_SIZE
from mien.core.types import Floats, Image

SHA256: Final = "3903886c2ac41f60e7a4cfe28d8ab5f946c542e60df937e062ceef9d8e6b6c0a"
"""The sha256 of the shipped ``occlusion.onnx``; ``benchmarks/occlusion.py`` makes the file."""
SEEN: Final = 40
"""The side of the face that the network sees, pixels: about that of FER2013's own faces, so that
sharper pictures do not look different from those that it learned from."""
CELLS: Final = 10
"""The side of the grid of cells whose covered shares the network estimates."""
_SIDE: Final = 64
"""The side of the face on which all else is measured, pixels. A network of mien sees 38."""
_CENTRE: Final = (0.5, 0.54)
_AXES: Final = (0.42, 0.48)
"""The ellipse inside the face, as shares of its side: centre and half axes."""
_FINE: Final = ((0.7, 5), (1.4, 9), (2.8, 17))
"""The borders of the two octaves of detail that are compared: sigmas of blur, in pixels of a face
of 64, and the sides of the kernels, which end at three of them."""
_LEAST_DETAIL: Final = 0.5
"""Detail of less than half a grey level is what rounding leaves of a plain chip."""
_LEAST_SPREAD: Final = 8.0
"""A face of less contrast is not stretched to full contrast for the network, grey levels."""
_REST: Final = 0.01
"""What the network says of the median clean face."""


def measure(chip: Image, size: float) -> Quality:
    """Returns how well a face can be seen.

    The grey levels are Rec. 601 luma. With ``F`` for those inside the ellipse:

    - sharpness: the standard deviation of one octave of detail over that of the next coarser one,
      both differences of Gaussians; on a face of 64 pixels their waves are about 5 and 9 pixels
      long. Pictures hold about as much contrast in every octave (Field 1987), and blur takes the
      finer one first; the ratio knows neither gain nor offset. About 0.6 where a face of 48 pixels
      or more is in focus, 0.47 for one of 24. Strong noise passes for detail.
    - exposure: the mean of ``F`` / 255.
    - contrast: the 95th less the 5th percentile of ``F``, / 255.
    - shade: the mean of ``F`` image-right of the middle less that image-left of it, over their sum;
      0 where both are black.
    - occlusion: the mean, over the ellipse, of the shares that the network takes for covered, less
      what it says of the median clean face.

    Args:
        chip: (256, 256, 3) RGB uint8 in the wide canonical framing.
        size: the side of the face in its picture, pixels.

    Raises:
        ValueError: the chip has another shape or dtype.
        ModelError: the network's file is missing or cannot be read.
        ChecksumError: it was altered.
    """
    if chip.shape != (CHIP_SIZE, CHIP_SIZE, 3) or chip.dtype != np.uint8:
        raise ValueError(
            f"A chip is ({CHIP_SIZE}, {CHIP_SIZE}, 3) uint8; got {chip.shape} {chip.dtype}."
        )
    square = face_square(chip)
    face = _resized(square, _SIDE)
    inside = ellipse(_SIDE).view(np.uint8)
    low, high = _percentiles(face, inside)
    half = _SIDE // 2
    left = cv2.mean(face[:, :half], inside[:, :half])[0]
    right = cv2.mean(face[:, half:], inside[:, half:])[0]
    return Quality(
        size=float(size),
        sharpness=_sharpness(face, inside),
        exposure=(left + right) / 2 / 255,
        contrast=(high - low) / 255,
        shade=(right - left) / (right + left) if right + left > 0 else 0.0,
        occlusion=_occlusion(square),
    )


def face_square(chip: Image) -> npt.NDArray[np.uint8]:
    """Returns the (146, 146) grey uint8 square of the face inside a chip."""
    low = round((CHIP_SIZE - CHIP_SIZE / (1 + CHIP_MARGIN)) / 2)
    inner = chip[low : CHIP_SIZE - low, low : CHIP_SIZE - low]
    return cv2.cvtColor(inner, cv2.COLOR_RGB2GRAY)  # type: ignore[return-value]


@functools.cache
def ellipse(side: int) -> npt.NDArray[np.bool_]:
    """Returns which of (side, side) pixels or cells of the face's square are taken for face."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    inside = ((x - _CENTRE[0]) / _AXES[0]) ** 2 + ((y - _CENTRE[1]) / _AXES[1]) ** 2 <= 1
    inside.setflags(write=False)
    found: npt.NDArray[np.bool_] = inside
    return found


def network_input(square: npt.NDArray[np.uint8]) -> Floats:
    """Returns what the network sees of a square: (1, 1, 40, 40), of mean 0 and deviation 1."""
    face = _resized(square, SEEN).astype(np.float32)
    stretched: Floats = (face - face.mean()) / max(float(face.std()), _LEAST_SPREAD)
    return stretched[None, None]


def covered(square: npt.NDArray[np.uint8]) -> Floats:
    """Returns the share of each cell of a face's square that is taken for covered.

    Args:
        square: (side, side) grey uint8, such as `face_square` cuts.

    Returns:
        (10, 10) float32, 0 to 1.
    """
    network, lock = _shipped()
    with lock:  # it keeps its input until the forward pass
        network.setInput(network_input(square))
        scores = network.forward()
    # Four channels of (5, 5) are the four quarters of twice as fine a grid.
    half = CELLS // 2
    grid = scores.reshape(2, 2, half, half).transpose(2, 0, 3, 1).reshape(CELLS, CELLS)
    shares: Floats = 1 / (1 + np.exp(-np.clip(grid, -30, 30)))
    return shares


def _percentiles(face: npt.NDArray[np.uint8], inside: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Returns the levels at or below which 5 and 95 % of the pixels inside are."""
    counts = cv2.calcHist([face], [0], inside, [256], [0, 256])[:, 0].cumsum()
    low, high = np.searchsorted(counts, counts[-1] * np.array([0.05, 0.95]))
    return float(low), float(high)


def _sharpness(face: npt.NDArray[np.uint8], inside: npt.NDArray[np.uint8]) -> float:
    """Returns the ratio of two octaves of detail: `measure` says of which."""
    grey = face.astype(np.float32)
    fine, middle, coarse = (cv2.GaussianBlur(grey, (side, side), sigma) for sigma, side in _FINE)
    finer = cv2.meanStdDev(fine - middle, mask=inside)[1][0, 0]
    coarser = cv2.meanStdDev(middle - coarse, mask=inside)[1][0, 0]
    return float(finer / max(coarser, _LEAST_DETAIL))


def _occlusion(square: npt.NDArray[np.uint8]) -> float:
    share = float(covered(square)[ellipse(CELLS)].mean())
    return min(max((share - _REST) / (1 - _REST), 0.0), 1.0)


def _resized(square: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


@functools.cache
def _shipped() -> tuple[Any, threading.Lock]:
    """Returns the network, and the lock that lets one thread at a time use it."""
    with asset("quality/occlusion.onnx", SHA256) as path:
        return cv2.dnn.readNetFromONNX(str(path)), threading.Lock()
