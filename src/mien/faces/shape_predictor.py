"""Landmarks by a dlib shape predictor that the user names (Kazemi and Sullivan 2014).

Three layouts are known: mien's own five points, which `mien.faces.ert` handles; dlib's five (the
corners of the eyes and the base of the nose); and the 68 of iBUG 300-W. mien ships none of dlib's
files: `KNOWN` says where they are published and what their licences allow.
"""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from mien.core.artifact import digest
from mien.core.errors import ModelError
from mien.core.spec import FIVE_POINTS
from mien.core.types import BBox, Floats, Image
from mien.faces.ert import VIEW, Ert, face_rectangle, load

Layout = Literal["mien-5", "dlib-5", "dlib-68"]
Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Published:
    """A shape predictor that somebody publishes.

    Attributes:
        name: the file's name.
        points: how many points it predicts.
        sha256: the checksum of the file, unpacked.
        licence: its licence, and that of the pictures that it was trained on where one binds.
        commercial_use: whether what it predicts may serve a product.
        where: where it is published.
    """

    name: str
    points: int
    sha256: str
    licence: str
    commercial_use: Literal["yes", "no"]
    where: str


_WHERE: Final = "https://github.com/davisking/dlib-models (packed with bzip2)"
KNOWN: Final = (
    Published(
        name="shape_predictor_5_face_landmarks.dat",
        points=5,
        sha256="c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
        licence="public domain (CC0 1.0), by Davis King",
        commercial_use="yes",
        where=_WHERE,
    ),
    Published(
        name="shape_predictor_68_face_landmarks.dat",
        points=68,
        sha256="fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
        licence="it was trained on iBUG 300-W, whose licence excludes commercial use",
        commercial_use="no",
        where=_WHERE,
    ),
)
"""The files that mien recognises, by their checksums; others of the same layouts work as well."""

_TEMPLATE: Final = np.asarray(FIVE_POINTS, np.float64)
_FAR: Final = 0.25
"""What lies level and what lies below, as a share of a shape's width. In dlib's file the eye
corners differ in height by 1 % of it; in mien's the mouth lies 110 % below the eyes."""
_SHIFT: Final[dict[str, tuple[float, ...]]] = {
    "dlib-5": (-0.05, -0.05, -0.19),
    "dlib-68": (-0.05, -0.05, 0.0, 0.0, 0.0),
}
"""How far down the face each point is moved, as a share of the eye distance, so that it lies where
mien's landmarks do. Measured against YuNet on 350 photos, and the same within 0.01 on 350 others:
the middle of the eye corners and lids lies 0.05 below YuNet's eye (standard deviation 0.05), the
base of the nose 0.19 below its tip (0.07). Offsets of less than half their deviation are left."""


class ShapePredictor:
    """Places the points of a face whose box is known, by any file of 5 or 68 points.

    dlib's files see the picture itself, through dlib's rectangle, as dlib uses them: once, and
    without `Ert`'s views; their points are whole pixels. A file of mien's layout is run by `Ert`.

    Measured on 700 photos of 350x350 that did not train mien's trees, `place` lies off YuNet's
    landmarks (which did teach them) by 6.3 % of the eye distance on average with mien's file, by
    9.0 % with dlib's 5 points (eyes 6.1, nose 7.8, mouth 12.6) and by 8.7 % with its 68.

    Args:
        path: a file of `dlib.shape_predictor` that the user vouches for.

    Attributes:
        layout: ``mien-5``, ``dlib-5`` or ``dlib-68``.
        known: what `KNOWN` says of the file, or None.

    Raises:
        ModelError: the file is missing, is no such predictor, or its points are not known.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._trees: Any = load(path)
        except ModelError as error:
            names = " and ".join(known.name for known in KNOWN)
            raise ModelError(
                f"{error} dlib's own files, {names}, can be read, too, once they are unpacked "
                "(bunzip2)."
            ) from error
        self.layout: Layout = _layout(self._trees, path)
        checksum = digest(path)
        self.known = next((known for known in KNOWN if known.sha256 == checksum), None)
        self._ert = Ert(path) if self.layout == "mien-5" else None

    def points(self, image: Image, box: BBox) -> Floats:
        """Returns all points that the file predicts, in its own order.

        Args:
            image: (height, width, 3) RGB uint8.
            box: a box as dlib's HOG detector draws it, see `Ert.place`; it may reach beyond the
                picture.

        Returns:
            (n, 2) float32, absolute pixels.
        """
        if self._ert is not None:
            return self._ert.place(image, box)
        import dlib

        x1, y1, x2, y2 = box.rounded()
        # dlib's rectangles include their last row and column, and one without any has no shape.
        rectangle = dlib.rectangle(x1, y1, max(x1, x2 - 1), max(y1, y2 - 1))
        shape = self._trees(np.ascontiguousarray(image), rectangle)
        return _parts(shape).astype(np.float32)

    def place(self, image: Image, box: BBox) -> Floats:
        """Returns mien's five landmarks.

        An eye is the mean of its corners, and of its lids where there are any, moved up by 5 % of
        the eye distance; dlib's base of the nose is moved up to the tip by 19 % (see `_SHIFT`).
        dlib's five points have no mouth: its corners are then where the similarity that fits
        `FIVE_POINTS` to eyes and nose puts them, so they do not follow the mouth.

        Args:
            image: (height, width, 3) RGB uint8.
            box: as in `points`.

        Returns:
            (5, 2) float32, absolute pixels, image-left eye first.
        """
        points = self.points(image, box)
        if self.layout == "mien-5":
            return points
        chosen = _five_of_68(points) if self.layout == "dlib-68" else _eyes_and_nose(points)
        across = chosen[1] - chosen[0]
        down = np.array([-across[1], across[0]])
        chosen += np.outer(_SHIFT[self.layout], down)
        if len(chosen) < len(_TEMPLATE):
            chosen = np.vstack([chosen, _fitted(chosen)[len(chosen) :]])
        return chosen.astype(np.float32)


def landmarks(path: Path | None) -> Ert | ShapePredictor:
    """Returns what places a detector's landmarks.

    A line on standard error says, once a process, where a file may not serve a product.

    Args:
        path: a file that the user vouches for; None takes mien's own.

    Raises:
        ModelError: see `ShapePredictor`.
        ChecksumError: mien's own file was altered.
    """
    if path is None:
        return Ert()
    predictor = ShapePredictor(Path(path))
    if predictor.known is not None and predictor.known.commercial_use == "no":
        _say(predictor.known)
    return predictor


@functools.cache
def _say(known: Published) -> None:
    print(f"mien: {known.name} is not for commercial use: {known.licence}.", file=sys.stderr)


def _layout(trees: Any, path: Path) -> Layout:
    """Tells the layout from the shape that the trees predict in an empty picture.

    It is the mean shape of their training, a little moved.
    """
    shape = _parts(trees(np.zeros((VIEW, VIEW), np.uint8), face_rectangle()))
    if len(shape) == 68:
        return "dlib-68"
    if len(shape) != 5:
        raise ModelError(
            f"{path} predicts {len(shape)} points. Expected 5 (mien's, or dlib's eye corners and "
            "nose) or 68 (those of iBUG 300-W). Name such a file, or none to use mien's own."
        )
    x, y = shape.T
    far = _FAR * np.ptp(x)
    if np.ptp(y[:4]) < far and x[:2].min() > x[2:4].max():
        return "dlib-5"
    if y[3:].min() - y[:2].max() > far and x[0] < x[1] and x[3] < x[4]:
        return "mien-5"
    raise ModelError(
        f"{path} predicts 5 points that are neither mien's (eyes, nose, mouth corners) nor dlib's "
        "(eye corners, nose). Name a file with either, or none to use mien's own."
    )


def _parts(shape: Any) -> Points:
    return np.array([(part.x, part.y) for part in shape.parts()], np.float64)


def _eyes_and_nose(points: Floats) -> Points:
    """Returns the eyes and the base of the nose (3, 2) of dlib's five points."""
    # dlib names the eye at the image's right first.
    return np.array([points[2:4].mean(0), points[:2].mean(0), points[4]], np.float64)


def _five_of_68(points: Floats) -> Points:
    """Returns mien's five landmarks (5, 2) of the 68."""
    eyes = points[36:42].mean(0), points[42:48].mean(0)
    return np.array([*eyes, points[30], points[48], points[54]], np.float64)


def _fitted(eyes_and_nose: Points) -> Points:
    """Returns the template (5, 2) moved onto eyes and nose by the least-squares similarity."""
    # As complex numbers, turning and scaling is one factor.
    still, seen = _TEMPLATE @ [1, 1j], eyes_and_nose @ [1, 1j]
    middle = still[:3].mean()
    factor = np.vdot(still[:3] - middle, seen - seen.mean()) / np.vdot(
        still[:3] - middle, still[:3] - middle
    )
    moved = (still - middle) * factor + seen.mean()
    return np.stack([moved.real, moved.imag], axis=1)
