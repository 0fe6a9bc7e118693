"""From a picture to chips of its faces: the one way, for `crop` as for prediction."""

from __future__ import annotations

import contextlib
import inspect
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

import cv2

from mien.core import registry
from mien.core.errors import ConfigError, InputError
from mien.core.protocols import Aligner, Detector
from mien.core.spec import CHIP_MARGIN, CHIP_SIZE
from mien.core.types import BBox, Face, Image
from mien.faces import auto
from mien.faces.align import FivePointAligner, landmarks_of, similarity, warp
from mien.faces.pose import head_pose
from mien.faces.quality import measure

Choice = Literal["largest", "central", "all"]
CHOICES: Final[tuple[str, ...]] = get_args(Choice)
Options = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A face and its chip.

    Attributes:
        face: with head pose, where its landmarks were seen, and quality.
        chip: (256, 256, 3) RGB uint8, or None where its landmarks are no face's.
        message: why there is no chip, or None.
    """

    face: Face
    chip: Image | None
    message: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was found in one picture.

    Attributes:
        cuts: the chosen faces.
        reason: why there is none: ``no_face`` or ``detector_failed``; else None.
        message: what each detector said, where there is none; else None.
        detecting: seconds that all detectors took.
        aligning: seconds that aligning and measuring took.
    """

    cuts: tuple[Cut, ...]
    reason: str | None = None
    message: str | None = None
    detecting: float = 0.0
    aligning: float = 0.0


class Finder:
    """Finds, chooses, aligns and measures faces. An instance serves one thread at a time.

    Args:
        detectors: names of detectors, tried in order until one finds a face.
        aligner: the name of the aligner.
        faces: which of several faces: the ``largest``, the most ``central`` one, or ``all``.
        options: for each detector, by name, the keywords of its constructor.

    Raises:
        UnknownNameError: a detector or the aligner has no such name.
        ConfigError: ``faces`` is none of the three, no detector is named, or a detector has no
            such option.
    """

    def __init__(
        self,
        detectors: Sequence[str] = ("auto",),
        *,
        aligner: str = FivePointAligner.name,
        faces: Choice = "largest",
        options: Options | None = None,
    ) -> None:
        if faces not in CHOICES:
            raise ConfigError(f"faces is one of {', '.join(map(repr, CHOICES))}, not {faces!r}.")
        if not detectors:
            raise ConfigError("No detector is named. Name one or several, such as 'auto'.")
        self._detectors = [made(name, options or {}) for name in resolved(detectors)]
        self._aligner: Aligner = registry.load("aligners", aligner)()
        self._faces = faces

    def find(self, image: Image, stated: BBox | None = None) -> Found:
        """Returns the faces of a picture.

        Args:
            image: (height, width, 3) RGB uint8.
            stated: the box in which a data set says that the labelled face is. That face comes
                first, whatever the choice; one whose centre lies outside is not the one.
        """
        reason, said = "no_face", []
        spoilt: Found | None = None
        watch = _Watch()
        for detector in self._detectors:
            try:
                with watch.time("detecting"):
                    faces = _meant(detector.detect(image), stated)
                with watch.time("aligning"):
                    chosen = self._chosen(faces, image, stated is not None)
                    cuts = tuple(self._cut(image, face) for face in chosen)
            except (cv2.error, RuntimeError, ValueError) as error:  # one odd picture, not the batch
                reason = "detector_failed"
                said.append(f"{detector.name}: {type(error).__name__}: {error}")
                continue
            if any(cut.chip is not None for cut in cuts):
                return watch.told(Found(cuts))
            spoilt = spoilt or (Found(cuts) if cuts else None)
            where = "" if stated is None else " in the stated box"
            said.append(f"{detector.name}: nothing{where}")
        return watch.told(spoilt or Found((), reason, "; ".join(said)))

    def _chosen(self, faces: list[Face], image: Image, stated: bool) -> list[Face]:
        if self._faces == "all" or not faces:
            return faces
        if stated or self._faces == "largest":
            return faces[:1]
        height, width = image.shape[:2]

        def off_centre(face: Face) -> float:
            x, y = face.bbox.centre
            return math.hypot(x - width / 2, y - height / 2)

        return [min(faces, key=off_centre)]

    def _cut(self, image: Image, face: Face) -> Cut:
        try:
            landmarks = landmarks_of(face)
            matrix = similarity(landmarks)
            canonical = warp(image, matrix)
            ours = isinstance(self._aligner, FivePointAligner)
            chip = canonical if ours else self._aligner.align(image, face)
            if not face.assumed:
                yaw, pitch, roll = head_pose(landmarks)
                face = replace(face, yaw=yaw, pitch=pitch, roll=roll)
        except InputError as error:
            return Cut(face, None, str(error))
        scale = math.hypot(matrix[0, 0], matrix[1, 0])
        side = CHIP_SIZE / (1 + CHIP_MARGIN) / scale
        return Cut(replace(face, quality=measure(canonical, side)), chip)


class _Watch:
    """Adds up the seconds of two kinds of work, whether it succeeds or not."""

    def __init__(self) -> None:
        self._seconds = {"detecting": 0.0, "aligning": 0.0}

    @contextlib.contextmanager
    def time(self, work: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[work] += time.perf_counter() - begun

    def told(self, found: Found) -> Found:
        """Returns what was found, with the seconds."""
        detecting, aligning = self._seconds["detecting"], self._seconds["aligning"]
        return replace(found, detecting=detecting, aligning=aligning)


def resolved(detectors: Sequence[str]) -> tuple[str, ...]:
    """Returns the names with ``auto`` replaced by the detector that it means on this machine."""
    return tuple(auto.choice() if name == "auto" else name for name in detectors)


def made(name: str, options: Options) -> Detector:
    """Returns a new detector.

    Args:
        name: its name in the registry.
        options: for each detector, by name, the keywords of its constructor.

    Raises:
        UnknownNameError: there is no detector of that name.
        ConfigError: it has no such option; the message names those it has.
    """
    factory = registry.load("detectors", name)
    wanted = options.get(name, {})
    known = [n for n, p in inspect.signature(factory).parameters.items() if p.kind != p.VAR_KEYWORD]
    strangers = [key for key in wanted if key not in known]
    if strangers:
        raise ConfigError(
            f"The detector {name!r} has no option {', '.join(map(repr, strangers))}. "
            f"It has: {', '.join(known) or 'none'}."
        )
    detector: Detector = factory(**wanted)
    return detector


def _meant(faces: list[Face], stated: BBox | None) -> list[Face]:
    """Returns the faces with the one that a data set's own box means first; none where it is not.

    Of several in the box it is the one whose own box overlaps it most.
    """
    if stated is None:
        return faces
    inside = [face for face in faces if stated.holds(face.bbox.centre)]
    if not inside:
        return []
    first = max(inside, key=lambda face: face.bbox.iou(stated))
    return [first, *(face for face in faces if face is not first)]
