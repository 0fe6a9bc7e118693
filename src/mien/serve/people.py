"""People through time, as the service is given them and as it tells them: one form for all."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mien.core import labels
from mien.core.timeline import Event, Timeline
from mien.core.types import BBox, Face, Floats, Prediction
from mien.serve.schemas import Answer, Class, ModelName
from mien.tracking.events import MINIMUM
from mien.tracking.tracks import Linking

FRAMES: Final = 3_000
"""Frames that are taken at once."""
FACES: Final = 10_000
"""Faces in them, together."""
CROWD: Final = 100
"""Faces in one of them."""
_LONGEST: Final = 5.0
"""Seconds; what is bridged or awaited any longer is no longer one expression of one person."""
_FAR: Final = 1e9
_LOOSE: Final = 0.01
"""How far from 1 seven rounded probabilities may sum."""

Pixel = Annotated[float, Field(ge=-1e6, le=1e6)]
Row = tuple[float, float, float, float, float, float, float]
Corners = tuple[float, float, float, float]
_Share = Annotated[float, Field(ge=0, le=1)]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class GivenBox(_Given):
    """A rectangle, absolute pixels of its frame."""

    x1: Pixel
    y1: Pixel
    x2: Pixel
    y2: Pixel

    @model_validator(mode="after")
    def _has_an_area(self) -> Self:
        if not (self.x1 < self.x2 and self.y1 < self.y2):
            raise ValueError("a box needs x1 < x2 and y1 < y2")
        return self


class GivenFace(_Given):
    """A face of a frame, as ``/v1/predict`` answered it.

    Attributes:
        box: where it is.
        probabilities: of the seven classes, in the order of their ids, summing to 1; null where
            there is no answer.
        reason: why the model abstained; null where it did not. A face that was refused for its
            pose or quality places a person, but says nothing of the expression.
    """

    box: GivenBox
    probabilities: list[_Share] | None = Field(default=None, min_length=7, max_length=7)
    reason: str | None = Field(default=None, max_length=100)

    @model_validator(mode="after")
    def _sums_to_one(self) -> Self:
        if self.probabilities is not None and abs(sum(self.probabilities) - 1) > _LOOSE:
            raise ValueError("seven probabilities sum to 1")
        return self

    def prediction(self, index: int) -> Prediction:
        """Returns it as what the tracker takes."""
        box = BBox(self.box.x1, self.box.y1, self.box.x2, self.box.y2)
        row: Floats | None = None
        if self.probabilities is not None:
            row = np.asarray(self.probabilities, np.float32)
            row = row / row.sum()
        return Prediction(
            source="",
            index=index,
            model="",
            face=Face(box, 1.0, "given"),
            probabilities=row,
            abstained=self.reason is not None,
            reason=self.reason,
        )


class GivenFrame(_Given):
    """What was found in a frame: its time in seconds, and the faces in it, in any order."""

    time: float = Field(ge=-_FAR, le=_FAR)
    faces: list[GivenFace] = Field(max_length=CROWD)


class FollowRequest(_Given):
    """What ``POST /v1/follow`` takes.

    Attributes:
        frames: in the order of their times, which rise; up to 10,000 faces in all.
        model: the model that answered for the faces; null where it was the first.
        minimum: the least seconds that an expression lasts before it counts.
        gap: seconds that a face may be lost and still be the same person.
    """

    frames: list[GivenFrame] = Field(max_length=FRAMES)
    model: str | None = Field(default=None, max_length=200)
    minimum: float = Field(default=MINIMUM, ge=0, le=_LONGEST)
    gap: float = Field(default=Linking().gap, ge=0, le=_LONGEST)


class EventAnswer(Answer):
    """One change of a person's apparent expression.

    Attributes:
        person: the person's number.
        start: when the change is said to happen: its onset, seconds.
        before: the class that was shown until then.
        after: the class that is shown from then on.
        onset: when ``after`` begins to lead, seconds.
        apex: when it is clearest.
        offset: when another class leads, or the person leaves.
        confidence: the mean smoothed probability of ``after`` from onset to offset.
        reported: null: the event was found afterwards, with all frames at hand.
    """

    person: int
    start: float
    before: str
    after: str
    onset: float
    apex: float
    offset: float
    confidence: float
    reported: float | None

    @classmethod
    def of(cls, event: Event) -> Self:
        """Returns what the service says of an event."""
        return cls.model_validate(event.to_dict())


class PersonAnswer(Answer):
    """One person, from the first to the last frame in which the face was found.

    The lists are equally long: an entry a frame.

    Attributes:
        person: the number, from 0, in the order in which people were first found.
        first: when the face was found first, seconds.
        last: and last.
        times: of the frames, seconds.
        boxes: x1, y1, x2, y2 in pixels; null where the face was lost.
        probabilities: smoothed, given all frames, in the order of ``classes``.
        expressions: the class that leads in each.
        events: the changes, in order.
    """

    person: int
    first: float
    last: float
    times: list[float]
    boxes: list[Corners | None]
    probabilities: list[Row]
    expressions: list[str]
    events: list[EventAnswer]

    @classmethod
    def of(cls, one: Timeline) -> Self:
        """Returns what the service says of a person."""
        boxes = [
            tuple(box) if found else None
            for box, found in zip(one.boxes.round(1).tolist(), one.found, strict=True)
        ]
        times = one.times.round(4).tolist()
        return cls.model_construct(  # thousands of rows, of which the timeline made sure
            person=one.person,
            first=times[0],
            last=times[-1],
            times=times,
            boxes=boxes,
            probabilities=[tuple(row) for row in one.smoothed.round(4).tolist()],
            expressions=[labels.CLASSES[place] for place in one.answers],
            events=[EventAnswer.of(event) for event in one.events],
        )


class FollowAnswer(Answer):
    """The answer to ``POST /v1/follow``; ``classes`` gives the order of probabilities."""

    model: ModelName
    classes: list[Class]
    people: list[PersonAnswer]


class FilmAnswer(Answer):
    """What is known of a video.

    Attributes:
        width: of its upright frames, pixels.
        height: likewise.
        seconds: how long it is.
        frames: how many were looked at.
        warnings: what a person should know of it, in whole sentences.
    """

    width: int
    height: int
    seconds: float
    frames: int
    warnings: list[str]


class VideoAnswer(FollowAnswer):
    """The answer to ``POST /v1/video``."""

    video: FilmAnswer


def classes() -> list[Class]:
    """Returns the seven classes in the order of probabilities."""
    return [Class(id=labels.code(name), name=name) for name in labels.CLASSES]


def whole_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Returns the JSON schema of a model without references, to be put anywhere in a document."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return resolved(parts[node["$ref"].rpartition("/")[2]])
        return {name: resolved(one) for name, one in node.items()}

    found: dict[str, Any] = resolved(schema)
    return found
