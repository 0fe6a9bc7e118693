"""Where a face turns: yaw, pitch and roll from five landmarks and a rigid head.

The head is seen under scaled orthography (weak perspective): turned, scaled and shifted, but not
foreshortened by a lens. Of all turns that a visible face can have, that one counts whose picture
has the least squared distance from the landmarks. For given yaw and pitch the best roll, scale and
shift have a closed form (the planar case of Umeyama 1991), so two angles are left to search: on a
grid of all of them, then on two finer ones around the best. A search of the whole range cannot
end in the other of the two poses between which flat things cannot be told apart.

How right that is, nobody has measured: mien has no pictures of a known pose. Simulated, landmarks
with a noise of 5 % of the eye distance give standard deviations of 7 degrees in the yaw and the
pitch of a frontal face and of 4 in those of one turned by 60, and of 2 to 3 in the roll; they grow
with the noise, while the means stay right within a degree (`benchmarks/head_model.py` prints the
table). Between 500 photographs and their mirror images, YuNet's landmarks differ by 4.5 degrees of
yaw and 2.5 of pitch and roll in the mean. A face unlike the mean one is an error of its own: with a
nose longer by a tenth of the eye distance it seems to look down by 11 degrees, with a mouth lower
by as much, as when it opens, up by 6.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from mien.core.errors import InputError
from mien.core.spec import FIVE_POINTS
from mien.core.types import Floats

DEPTHS: Final = (0.0, 0.0, 0.2, -0.025, -0.025)
"""How far before the eyes each landmark lies, in the unit of `FIVE_POINTS`.

Measured: ``python benchmarks/head_model.py data/ferplus runs/default/split/roles.parquet``.
"""
MOST_YAW: Final = 90.0
"""Yaw reaches from minus this to this, degrees: beyond it a face is not seen."""
MOST_PITCH: Final = 60.0
"""Pitch likewise: beyond it five landmarks are not found."""
_STEP: Final = 7.5
"""Between neighbours of the first grid, degrees."""
_FINER: Final = 8
"""Each further grid is this many times finer, and reaches one step of the grid before."""
_GRIDS: Final = 2
"""So the last grid's neighbours are 0.12 degrees apart: far less than landmarks can tell."""
_THINNEST: Final = 0.01
"""Landmarks that spread across a line less than this share of what they spread along it lie on it:
no turn of the head shows them so."""

Angles = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

HEAD: Final = np.column_stack([FIVE_POINTS, DEPTHS]) - np.mean(
    np.column_stack([FIVE_POINTS, DEPTHS]), axis=0
)
"""The landmarks of the mean face, (5, 3): to the image's right, down, and towards the camera."""
_HEAD: Final = HEAD.T.astype(np.complex128)


def views(yaw: Angles, pitch: Angles) -> Complex:
    """Returns the head as seen after it turned, and then looked up or down.

    Args:
        yaw: (n,) radians.
        pitch: (n,) radians.

    Returns:
        (n, 5), the landmarks as x + iy, their mean at 0.
    """
    sin, cos = np.sin(pitch), np.cos(pitch)
    across, away = np.cos(yaw), np.sin(yaw)
    onto = np.empty((len(yaw), 3), np.complex128)
    onto[:, 0] = across + 1j * sin * away
    onto[:, 1] = 1j * cos
    onto[:, 2] = away - 1j * sin * across
    seen: Complex = onto @ _HEAD
    return seen


def _grid(reach: tuple[float, float], steps: tuple[int, int]) -> tuple[Angles, Angles]:
    yaw, pitch = (
        np.radians(np.linspace(-most, most, 2 * count + 1))
        for most, count in zip(reach, steps, strict=True)
    )
    return np.repeat(yaw, len(pitch)), np.tile(pitch, len(yaw))


_YAWS, _PITCHES = _grid(
    (MOST_YAW, MOST_PITCH), (round(MOST_YAW / _STEP), round(MOST_PITCH / _STEP))
)
_SEEN: Final = views(_YAWS, _PITCHES)
_ONES: Final = np.ones(10)
_NEAR_YAW, _NEAR_PITCH = _grid((_STEP, _STEP), (_FINER, _FINER))


def head_pose(landmarks: Floats) -> tuple[float, float, float]:
    """Returns the yaw, pitch and roll of a face, degrees.

    Yaw is positive where the face turns to the image's right, -90 to 90. Pitch is positive where
    it looks up, -60 to 60; 0 is the pitch of FER2013's mean face, `FIVE_POINTS`. Roll is positive
    where the face leans clockwise, -180 to 180. The head turns first, then looks up, then leans, so
    that turning the picture adds to the roll and to nothing else, and the roll of a profile is its
    vertical axis's.

    Args:
        landmarks: (5, 2) pixels, named as in an upright face: image-left eye first. Scale and place
            do not matter.

    Raises:
        InputError: the landmarks are not (5, 2) finite numbers, or they lie in one place or on one
            line.
    """
    points = np.asarray(landmarks, np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise InputError(f"Landmarks are (5, 2) finite numbers; got {points.tolist()}.")
    centred = points - points.mean(0)
    seen: Complex = centred[:, 0] + 1j * centred[:, 1]
    spread = float((centred**2).sum())
    # The spread is what lies along the best line plus what lies across it; |sum of seen^2| is the
    # one less the other.
    if spread < 1e-6 or spread - abs((seen**2).sum()) < 2 * _THINNEST**2 * spread:
        raise InputError(
            f"These landmarks are no face's: {points.round(1).tolist()}. Expected the image-left "
            "eye, the other eye, the nose and the mouth corners, not in one place or on one line."
        )
    best = int(_likeness(_SEEN, seen).argmax())
    yaw, pitch = _YAWS[best], _PITCHES[best]
    limits = math.radians(MOST_YAW), math.radians(MOST_PITCH)
    shown = _SEEN
    for finer in range(_GRIDS):
        near = float(_FINER) ** -finer
        yaws = np.minimum(np.maximum(yaw + near * _NEAR_YAW, -limits[0]), limits[0])
        pitches = np.minimum(np.maximum(pitch + near * _NEAR_PITCH, -limits[1]), limits[1])
        shown = views(yaws, pitches)
        best = int(_likeness(shown, seen).argmax())
        yaw, pitch = yaws[best], pitches[best]
    roll = np.angle(np.vdot(shown[best], seen))
    return math.degrees(yaw), math.degrees(pitch), math.degrees(roll)


def _likeness(shown: Complex, seen: Complex) -> Angles:
    """Returns how much of ``seen`` each view explains with its best roll and scale, (n,)."""
    parts = shown.view(np.float64)
    explained: Angles = np.abs(shown.conj() @ seen) ** 2 / ((parts * parts) @ _ONES)
    return explained
