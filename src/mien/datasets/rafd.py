"""RaFD (Langner et al. 2010): 67 Dutch models, eight expressions, three gazes, five cameras.

How to get it: register at rafd.socsci.ru.nl as a researcher and download a selection. It comes as
one flat folder of any name; ``Rafd090_01_Caucasian_female_angry_frontal.jpg`` is camera angle,
model, group, gender, expression and gaze. Converted and cropped copies whose names have something
before ``Rafd`` are read too. The full set holds 8,040 pictures, 1,608 of the frontal camera.

Traps: the three gazes of an expression are nearly one picture, so split by subject (the model's
number). ``Kid`` stands where the others have their group; it marks the Caucasian children. The
numbers run from 01 to 73 with gaps: a picture of a model that does not exist is rejected as
``unmatched``, since its number names no person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from mien.core import reading
from mien.core.errors import ConfigError
from mien.core.tree import Tree
from mien.core.types import Rejection, Sample, SourceInfo

_NAME: Final = re.compile(
    r"Rafd(?P<angle>000|045|090|135|180)_(?P<model>\d{2})_(?P<group>Caucasian|Moroccan|Kid)"
    r"_(?P<gender>female|male)"
    r"_(?P<expr>angry|contemptuous|disgusted|fearful|happy|neutral|sad|surprised)"
    r"_(?P<gaze>frontal|left|right)\.\w+$",
    re.IGNORECASE,
)
_CODES: Final = {
    "angry": "anger",
    "contemptuous": "contempt",
    "disgusted": "disgust",
    "fearful": "fear",
    "happy": "happy",
    "neutral": "neutral",
    "sad": "sadness",
    "surprised": "surprise",
}
_ANGLES: Final = (0, 45, 90, 135, 180)
_GAZES: Final = ("frontal", "left", "right")
MODELS: Final = frozenset(range(1, 74)) - {6, 13, 17, 34, 62, 66}
"""The numbers of the 67 models."""


@dataclass(frozen=True, kw_only=True)
class RaFD:
    """Reads RaFD.

    Args:
        angles: the cameras to take, in degrees: 0 and 180 (profiles), 45, 90 (frontal), 135. A
            sample's pose is ``frontal``, or the degrees from there: -90, -45, 45 or 90.
        gazes: the directions of gaze to take: frontal, left, right.

    Raises:
        ConfigError: an option is something else.
    """

    angles: tuple[int, ...] = (90,)
    gazes: tuple[str, ...] = _GAZES

    info: ClassVar[SourceInfo] = SourceInfo(
        name="rafd",
        title="Radboud Faces Database",
        licence="non-commercial scientific research at accredited universities; no redistribution",
        commercial_use="no",
        url="https://rafd.socsci.ru.nl",
        citation="O. Langner et al. Presentation and validation of the Radboud Faces Database. "
        "Cognition and Emotion 24(8), 2010.",
        access="Register at rafd.socsci.ru.nl as a researcher of an accredited university.",
        grammar="Rafd090_01_Caucasian_female_angry_frontal.jpg: camera angle, model, group "
        "(Caucasian Moroccan Kid), gender, expression, gaze",
        label_map=_CODES,
    )

    def __post_init__(self) -> None:
        _check("angles", self.angles, _ANGLES)
        _check("gazes", self.gazes, _GAZES)

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every picture.

        Raises:
            DataError: ``root`` is not RaFD.
        """
        tree = Tree(root, self.info)
        for path, found in reading.matches(tree, _NAME):
            yield reading.unmatched(path) if found is None else self._read(tree, path, found)

    def _read(self, tree: Tree, path: str, found: re.Match[str]) -> Sample | Rejection:
        angle, gaze, group = int(found["angle"]), found["gaze"].lower(), found["group"].title()
        if int(found["model"]) not in MODELS:
            return Rejection(path, "unmatched", f"the data set has no model {found['model']}")
        if angle not in self.angles:
            return Rejection(path, "not_selected", f"the camera {angle} is not among the angles")
        if gaze not in self.gazes:
            return Rejection(path, "not_selected", f"the gaze {gaze} is not among the gazes")
        return reading.sample(
            tree,
            path,
            label=_CODES[found["expr"].lower()],
            subject=found["model"],
            pose="frontal" if angle == 90 else str(angle - 90),
            gender=found["gender"].lower(),
            age="child" if group == "Kid" else None,
            ethnicity="Caucasian" if group == "Kid" else group,
        )


def _check(name: str, chosen: object, known: tuple[object, ...]) -> None:
    """Checks an option that lists some of the known values."""
    listed = chosen if isinstance(chosen, list | tuple) else ()
    # True and False would pass for 1 and 0.
    if not listed or any(isinstance(v, bool) or v not in known for v in listed):
        raise ConfigError(f"{name} lists some of {', '.join(map(str, known))}; got {chosen!r}.")
