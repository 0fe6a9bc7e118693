"""What the service answers: one place for its JSON, its documentation and its tests."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from mien.core import labels
from mien.core.quality import NAMES as QUALITIES
from mien.core.spec import ModelSpec
from mien.core.types import Prediction

Share = float
"""0 to 1."""


class Answer(BaseModel):
    """A part of an answer: it refuses fields that are not in the documentation."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ErrorDetail(Answer):
    """What went wrong, and how to mend it; codes are those of `mien.serve.errors`."""

    code: str
    message: str


class ErrorAnswer(Answer):
    """The body of every answer that is not of the 200s."""

    error: ErrorDetail


class Class(Answer):
    """One of the seven classes: its number in the thesis's order, and its name."""

    id: int
    name: str


class ClassProbability(Class):
    """The calibrated probability of a class."""

    probability: Share


class Box(Answer):
    """A rectangle, absolute pixels of the upright picture."""

    x1: float
    y1: float
    x2: float
    y2: float


class Pose(Answer):
    """How the head is turned, degrees."""

    yaw: float
    pitch: float
    roll: float


class FaceAnswer(Answer):
    """One face: where it is, and its apparent expression, or why there is none.

    Attributes:
        index: from 0, largest face first.
        landmarks: eye at the image's left, other eye, nose, mouth corner at the image's left,
            other one: pixels.
        quality: size in pixels, sharpness and more, by name; null where not measured.
        probabilities: of all seven classes, in the order of their ids, summing to 1.
        expression: the most probable class, though the model may not stand behind it.
        abstained: whether the model does not stand behind ``expression``.
        reason: why it abstained.
        chip: with ``chips=true``: the face, turned level and cut out, PNG in base64.
        input: with ``chips=true``: what the network is given of it, likewise.
    """

    index: int
    box: Box
    landmarks: list[tuple[float, float]] | None
    detector: str
    score: float
    pose: Pose | None
    quality: dict[str, float] | None
    probabilities: list[ClassProbability] | None
    expression: Class | None
    confidence: Share | None
    abstained: bool
    reason: str | None
    message: str | None
    chip: str | None = None
    input: str | None = None

    @classmethod
    def of(cls, prediction: Prediction, chip: str | None, input_: str | None) -> Self:
        """Returns what the service says of a face."""
        face = prediction.face
        assert face is not None
        x1, y1, x2, y2 = face.bbox.as_tuple()
        pose = None
        if face.yaw is not None and face.pitch is not None and face.roll is not None:
            pose = Pose(yaw=face.yaw, pitch=face.pitch, roll=face.roll)
        points = face.landmarks
        name = prediction.expression
        return cls(
            index=prediction.index,
            box=Box(x1=x1, y1=y1, x2=x2, y2=y2),
            landmarks=None if points is None else [(float(x), float(y)) for x, y in points],
            detector=face.detector,
            score=float(face.score),
            pose=pose,
            quality=None
            if face.quality is None
            else dict(zip(QUALITIES, map(float, face.quality.as_tuple()), strict=True)),
            probabilities=_probabilities(prediction),
            expression=None if name is None else Class(id=labels.code(name), name=name),
            confidence=prediction.confidence,
            abstained=prediction.abstained,
            reason=prediction.reason,
            message=prediction.message,
            chip=chip,
            input=input_,
        )


class Timings(Answer):
    """Milliseconds by stage; ``wait`` is the time spent in queues, ``total`` holds all."""

    decode: float
    detect: float
    align: float
    network: float
    wait: float
    total: float


class ImageAnswer(Answer):
    """One picture.

    Attributes:
        name: the file's name as it was sent, or ``image 1`` and so on.
        width: of the upright picture, pixels; null where it could not be read.
        height: likewise.
        faces: largest first; empty where there is none.
        faces_omitted: how many more were found than this service answers.
        reason: why there is no face: ``no_face``, ``unreadable``, ``detector_failed``.
        message: more about the reason.
        annotated: with ``annotated=true``: the picture with boxes and bars, PNG in base64.
    """

    name: str
    width: int | None
    height: int | None
    faces: list[FaceAnswer]
    faces_omitted: int
    reason: str | None
    message: str | None
    timings_ms: Timings
    annotated: str | None = None


class ModelName(Answer):
    """Which model answered, and which mien ran it."""

    name: str
    mien: str


class PredictAnswer(Answer):
    """The answer to ``POST /v1/predict``: one entry a picture, in the order sent."""

    model: ModelName
    images: list[ImageAnswer]


class BatchLine(Answer):
    """One line of the answer to ``POST /v1/batch``: what came of the line with the same id."""

    id: str
    model: ModelName | None = None
    image: ImageAnswer | None = None
    error: ErrorDetail | None = None


class InputAnswer(Answer):
    """The network's input."""

    size: int
    colour: Literal["grey", "rgb"]
    margin: float
    aligner: str


class ModelAnswer(Answer):
    """The model's card, in figures and in words.

    Attributes:
        scores: by role (``dev``, ``test``, ``unseen``) and operating point; see the card.
        thresholds: beyond which the model abstains.
        card: MODEL_CARD.md; null where the folder has none.
    """

    name: str
    mien: str
    network: str
    classes: list[Class]
    input: InputAnswer
    megabytes: float
    temperature: float
    prior: Any
    thresholds: dict[str, Any]
    weight_licence: str
    commercial_use: str
    training_data: list[str]
    scores: dict[str, Any]
    card: str | None

    @classmethod
    def of(cls, spec: ModelSpec, mien: str, megabytes: float, card: str | None) -> Self:
        """Returns what the service says of a model."""
        return cls(
            name=spec.name,
            mien=mien,
            network=spec.network,
            classes=[Class(id=labels.code(name), name=name) for name in spec.classes],
            input=InputAnswer(
                size=spec.preprocess.input_size,
                colour=spec.preprocess.colour,
                margin=spec.preprocess.margin,
                aligner=spec.preprocess.aligner,
            ),
            megabytes=megabytes,
            temperature=spec.temperature,
            prior=spec.prior,
            thresholds=spec.thresholds.model_dump(mode="json"),
            weight_licence=spec.weight_licence,
            commercial_use=spec.commercial_use,
            training_data=list(spec.training_data),
            scores=spec.scores,
            card=card,
        )


class LimitsAnswer(Answer):
    """What one request may hold at most."""

    bytes: int
    pixels: int
    images: int
    faces: int
    seconds: float
    requests_per_minute: int
    video_bytes: int
    video_seconds: float
    video_frames: int


class ServiceAnswer(Answer):
    """What this service is for, and what it takes."""

    mien: str
    models: list[str] = Field(min_length=1)
    purpose: str
    notice: str
    limits: LimitsAnswer


class State(Answer):
    """Whether the service lives, or takes requests."""

    status: Literal["ok", "starting", "stopping"]


def _probabilities(prediction: Prediction) -> list[ClassProbability] | None:
    if prediction.probabilities is None:
        return None
    return [
        ClassProbability(id=labels.code(name), name=name, probability=float(share))
        for name, share in zip(labels.CLASSES, prediction.probabilities, strict=True)
    ]
