"""Five landmarks by an ensemble of regression trees (Kazemi and Sullivan 2014), trained by mien.

The trees see a grey square of fixed size around the face, so the picture's own resolution does not
matter to them. They look twice: first where the detector's box lies, then where their own answer
puts the face, upright and in several sizes; each time also at the mirror image.
"""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from mien.core.assets import asset
from mien.core.errors import InputError, ModelError
from mien.core.spec import FIVE_POINTS
from mien.core.types import BBox, Floats, Image
from mien.faces.align import Matrix, warp

SHA256: Final = "eb33b01c5c7287d665a868d0824aea85d842a584804582d22710ad329f383d4b"
"""The sha256 of the shipped ``ert5.dat``; `stages.landmarks` makes the file."""
VIEW: Final = 192
"""The side of the square that the trees see, pixels."""
FACE_IN_VIEW: Final = 112
"""The side of a face in it, pixels."""
MIRRORED: Final = (1, 0, 2, 4, 3)
"""Which landmark each one becomes in the mirror."""
_SECOND_LOOK: Final = (0.9, 1.0, 1.1)
"""The sizes of the upright views of the second look. Measured on 695 held-out faces: three sizes
lower the error by 2 %, a third look does not lower it."""
_TEMPLATE: Final = np.asarray(FIVE_POINTS, np.float64)
_CENTROID: Final = _TEMPLATE.mean(0)
_SPREAD: Final = float(np.sqrt(((_TEMPLATE - _CENTROID) ** 2).sum()))


class Ert:
    """Places the five landmarks of a face whose box is known.

    Args:
        path: a file of `dlib.shape_predictor` that the user vouches for; None takes mien's own,
            whose checksum is verified.

    Raises:
        ModelError: the file is missing or is no such predictor.
        ChecksumError: mien's own file was altered.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._trees = _shipped() if path is None else load(path)

    def place(self, image: Image, box: BBox) -> Floats:
        """Returns the landmarks of the face in a box as dlib's HOG detector draws it.

        Such a box is a square of the face's side, centred where the five landmarks have their
        mean; `box_of_face` makes one.

        Args:
            image: (height, width, 3) RGB uint8.
            box: the box; it may reach beyond the picture.

        Returns:
            (5, 2) float32, absolute pixels, image-left eye first.
        """
        x, y = box.centre
        matrix = view_matrix((x - 0.5, y - 0.5), math.sqrt(box.area))
        first = self._look(image, matrix)
        second = [self._look(image, upright(first, size)) for size in _SECOND_LOOK]
        points: Floats = np.mean(second, axis=0).astype(np.float32)
        return points

    def _look(self, image: Image, matrix: Matrix) -> npt.NDArray[np.float64]:
        """Returns the landmarks, absolute, as seen in one view and in its mirror image."""
        view = view_of(image, matrix)
        seen = self._predict(view)
        mirrored = self._predict(np.ascontiguousarray(view[:, ::-1]))[list(MIRRORED)]
        mirrored[:, 0] = VIEW - 1 - mirrored[:, 0]
        back = cv2.invertAffineTransform(matrix)
        found: npt.NDArray[np.float64] = (seen + mirrored) / 2 @ back[:, :2].T + back[:, 2]
        return found

    def _predict(self, view: Image) -> npt.NDArray[np.float64]:
        shape = self._trees(view, face_rectangle())
        return np.array([(part.x, part.y) for part in shape.parts()], np.float64)


def box_of_face(face: BBox) -> BBox:
    """Returns the box that HOG would draw around a face's square.

    Args:
        face: the square in which `FIVE_POINTS` stand as shares.
    """
    shift_x = (float(_CENTROID[0]) - 0.5) * face.width
    shift_y = (float(_CENTROID[1]) - 0.5) * face.height
    return BBox(face.x1 + shift_x, face.y1 + shift_y, face.x2 + shift_x, face.y2 + shift_y)


def view_matrix(centre: tuple[float, float], side: float, angle: float = 0.0) -> Matrix:
    """Returns the 2x3 matrix from the picture to a view.

    Args:
        centre: where the middle of the view lies in the picture, pixels.
        side: the face's side in the picture, pixels.
        angle: the direction of the face's eye line in the picture, radians.
    """
    scale = FACE_IN_VIEW / side
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    linear = np.array([[cos, sin], [-sin, cos]])
    shift = (VIEW - 1) / 2 - linear @ np.asarray(centre, np.float64)
    return np.hstack([linear, shift[:, None]])


def upright(points: npt.NDArray[np.float64], size: float = 1.0) -> Matrix:
    """Returns the 2x3 matrix to a view in which the landmarks are centred, level and of full size.

    Args:
        points: (5, 2) landmarks, absolute pixels.
        size: the face's size in the view, as a share of `FACE_IN_VIEW`.

    Raises:
        InputError: they coincide.
    """
    centre = points.mean(0)
    side = float(np.sqrt(((points - centre) ** 2).sum())) / _SPREAD
    if not 1e-3 < side < math.inf:
        raise InputError(f"These landmarks coincide: {points.round(1).tolist()}.")
    # The angle that turns the template onto all five points, in the least-squares sense: unlike
    # the eye line alone it does not swing round where one eye is hidden.
    moved, still = points - centre, _TEMPLATE - _CENTROID
    angle = math.atan2(
        float((still[:, 0] * moved[:, 1] - still[:, 1] * moved[:, 0]).sum()),
        float((still * moved).sum()),
    )
    return view_matrix((float(centre[0]), float(centre[1])), side / size, angle)


def view_of(image: Image, matrix: Matrix) -> Image:
    """Returns the (192, 192) grey uint8 square that the trees see."""
    view = warp(image, matrix, VIEW)
    return cv2.cvtColor(view, cv2.COLOR_RGB2GRAY) if view.ndim == 3 else view  # type: ignore[return-value]


@functools.cache
def face_rectangle() -> Any:
    """Returns dlib's rectangle of the face in a view."""
    import dlib

    low = (VIEW - FACE_IN_VIEW) // 2
    return dlib.rectangle(low, low, low + FACE_IN_VIEW - 1, low + FACE_IN_VIEW - 1)


def load(path: Path) -> Any:
    """Returns the trees in a file, unchecked: for files that the user vouches for.

    Raises:
        ModelError: the file is missing or is no predictor.
    """
    import dlib

    try:
        return dlib.shape_predictor(str(path))
    except RuntimeError as error:
        raise ModelError(
            f"{path} is not a shape predictor that dlib can read ({' '.join(str(error).split())}). "
            "Expected such a file of dlib's, or the one that mien.stages.landmarks makes."
        ) from error


@functools.cache
def _shipped() -> Any:
    with asset("landmarks/ert5.dat", SHA256) as path:
        return load(path)
