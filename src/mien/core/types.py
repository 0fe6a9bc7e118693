"""The values that travel between the rooms of the house: frozen, and checked when they are made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.core import labels
from mien.core.geometry import BBox
from mien.core.quality import NAMES as QUALITIES
from mien.core.quality import Quality

__all__ = [
    "BBox", "Face", "Floats", "Image", "Prediction", "Quality", "Rejection", "Sample", "SourceInfo",
]  # fmt: skip

Image = npt.NDArray[np.uint8]
"""A picture: (height, width, 3), RGB, uint8, 0 to 255."""
Floats = npt.NDArray[np.float32]
"""A float32 array; each place that uses it states the shape and the range."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face found in a picture.

    Attributes:
        bbox: the box around the face, absolute pixels.
        score: how sure the detector is; its scale belongs to the detector.
        detector: the name of the detector that found it.
        landmarks: (5, 2) float32, absolute pixels, named as in an upright face: the eye at the
            image's left, the other eye, the tip of the nose, the mouth corner at the image's left,
            the other one. None where nothing has placed them.
        yaw: degrees, positive where the face turns to the image's right; None where not measured,
            as are ``pitch``, positive where it looks up, and ``roll``, positive where it leans
            clockwise (see `mien.faces.pose`).
        quality: how well it can be seen, or None where not measured.
        assumed: True where nothing was searched: box and landmarks are taken for granted.

    Raises:
        ValueError: the landmarks have another shape or are not finite.
    """

    bbox: BBox
    score: float
    detector: str
    landmarks: Floats | None = None
    yaw: float | None = None
    pitch: float | None = None
    roll: float | None = None
    quality: Quality | None = None
    assumed: bool = False

    def __post_init__(self) -> None:
        if self.landmarks is None:
            return
        if self.landmarks.shape != (5, 2):
            raise ValueError(f"Landmarks have the shape (5, 2); these have {self.landmarks.shape}.")
        if not np.isfinite(self.landmarks).all():
            raise ValueError("Landmarks are finite pixel positions; these hold NaN or infinity.")


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled or unlabelled picture of a data set, as its reader states it.

    Attributes:
        id: the sha256 of the file's bytes, with ``#box`` or ``#frame`` added where one file holds
            several samples.
        path: relative to the source's root, with ``/`` between folders; ``a.zip!/b.jpg`` inside an
            archive, ``table.csv!/12`` for the row (from 0) of a table of pixels, ``clip.mp4!/12``
            for the frame (from 0) of a video.
        dataset: the name of the reader.
        licence: the licence of the pictures, in the words of their owner.
        label: one of the seven classes, ``"contempt"``, or None.
        votes: seven weights in the order of `labels.CLASSES` (crowd votes or a distribution).
        split: the part that the data set itself puts the sample in, such as ``"train"``.
        subject: the person, where known; other fields likewise where the data set states them.
    """

    id: str
    path: str
    dataset: str
    licence: str
    label: str | None = None
    votes: tuple[float, ...] | None = None
    split: str | None = None
    subject: str | None = None
    face_box: BBox | None = None
    sequence: str | None = None
    frame: int | None = None
    pose: str | None = None
    light: str | None = None
    intensity: float | None = None
    gender: str | None = None
    age: str | None = None
    ethnicity: str | None = None

    def __post_init__(self) -> None:
        if self.label is not None:
            labels.code(self.label)
        if self.votes is not None:
            expected = len(labels.CLASSES)
            if len(self.votes) != expected or min(self.votes) < 0:
                raise ValueError(
                    f"Votes are {expected} numbers of 0 or more, one a class; got {self.votes}."
                )


@dataclass(frozen=True, slots=True)
class Rejection:
    """An input that a stage could not use: kept + rejected = input, always.

    Attributes:
        path: where the input stands, as in `Sample.path`.
        reason: one word for counting, such as ``"no_face"`` or ``"unreadable"``.
        detail: what happened, for a person.
        id: the sample's id, where it has one.
        dataset: the data set in a catalogue; readers leave it out.
    """

    path: str
    reason: str
    detail: str = ""
    id: str | None = None
    dataset: str | None = None


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a data set says of itself.

    Attributes:
        name: the reader's name.
        title: the data set's full name.
        licence: the licence of its pictures, in the words of their owner.
        commercial_use: whether what is trained on it may be sold: yes, no or unknown.
        url: where to ask for the data.
        citation: the paper to cite.
        access: how to ask for the data, in a sentence.
        grammar: the files that the reader expects, in a line.
        label_map: the data set's own codes and the class of each; a code with None is left out.
        audit_only: True where the data set labels people but not expressions.
        verified: False where the layout could not be confirmed from a public description.
    """

    name: str
    title: str
    licence: str
    commercial_use: str
    url: str
    citation: str
    access: str = ""
    grammar: str = ""
    label_map: Mapping[str, str | None] = field(default_factory=dict)
    audit_only: bool = False
    verified: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The apparent expression of one face, or the reason why there is none.

    Attributes:
        source: where the picture came from: its path, or ``"image 3"`` for the fourth picture in
            memory.
        index: the number of the face in the picture, from 0 (largest first).
        model: the name of the model.
        face: the face, or None.
        probabilities: (7,) float32 in the order of `labels.CLASSES`, summing to 1; or None.
        expression: the most probable class; or None where there is no face.
        confidence: its calibrated probability, 0 to 1; or None.
        abstained: True where mien does not stand behind ``expression``.
        reason: why it abstained, or None: ``no_face``, ``unreadable``, ``detector_failed``;
            ``bad_landmarks`` where a detector's landmarks are no face's; ``extreme_pose``,
            ``low_quality``, ``low_confidence`` beyond the model's thresholds.
        message: more about the reason, or None.

    Raises:
        ValueError: the probabilities are not seven numbers that sum to 1.
    """

    source: str
    index: int
    model: str
    face: Face | None = None
    probabilities: Floats | None = None
    expression: str | None = field(default=None)
    confidence: float | None = None
    abstained: bool = False
    reason: str | None = None
    message: str | None = None

    def __post_init__(self) -> None:
        if self.probabilities is None:
            return
        if self.probabilities.shape != (len(labels.CLASSES),):
            raise ValueError(
                f"Probabilities have the shape ({len(labels.CLASSES)},); "
                f"these have {self.probabilities.shape}."
            )
        total = float(self.probabilities.sum())
        if not math.isclose(total, 1.0, abs_tol=1e-4):
            raise ValueError(f"Probabilities sum to 1; these sum to {total}.")

    def top(self, k: int = 5) -> list[tuple[str, float]]:
        """Returns the ``k`` most probable classes with their probabilities, highest first."""
        if self.probabilities is None:
            return []
        order = np.argsort(-self.probabilities, kind="stable")[:k]
        return [(labels.CLASSES[i], float(self.probabilities[i])) for i in order]

    def to_dict(self) -> dict[str, Any]:
        """Returns a flat row: path, box, the seven probabilities by name, pose, quality, more."""
        face = self.face
        box = face.bbox.as_tuple() if face else (None,) * 4
        pose = (face.yaw, face.pitch, face.roll) if face else (None,) * 3
        quality = face.quality.as_tuple() if face and face.quality else (None,) * len(QUALITIES)
        values = [None] * len(labels.CLASSES)
        if self.probabilities is not None:
            values = [round(float(p), 6) for p in self.probabilities]  # type: ignore[misc]
        return {
            "path": self.source,
            "index": self.index,
            "expression": self.expression,
            "code": labels.code(self.expression) if self.expression else None,
            "confidence": None if self.confidence is None else round(self.confidence, 6),
            "abstained": self.abstained,
            "reason": self.reason,
            **_rounded(("x1", "y1", "x2", "y2"), box, 2),
            **dict(zip(labels.CLASSES, values, strict=True)),
            "detector": face.detector if face else None,
            "score": round(face.score, 4) if face else None,
            **_rounded(("yaw", "pitch", "roll"), pose, 1),
            **_rounded(QUALITIES, quality, 4),
            "model": self.model,
            "message": self.message,
        }

    def __str__(self) -> str:
        if self.face is None or self.expression is None or self.confidence is None:
            detail = f": {self.message}" if self.message else ""
            return f"{self.source} #{self.index} {self.reason or 'no expression'}{detail}"
        doubt = f" ({self.reason})" if self.abstained else ""
        place = ", ".join(map(str, self.face.bbox.rounded()))
        return (
            f"{self.source} #{self.index} {labels.titled(self.expression)} "
            f"{100 * self.confidence:.1f} %{doubt} at ({place})"
        )


def _rounded(
    names: Sequence[str], values: Sequence[float | None], digits: int
) -> dict[str, float | None]:
    return {
        name: None if value is None else round(value, digits)
        for name, value in zip(names, values, strict=True)
    }
