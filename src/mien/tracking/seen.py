"""What was seen in the frames of a video: from pictures to rows, and from rows to people.

The rows are what is kept of a video while it is worked off: finding faces takes nearly all of the
time, so a run that was stopped goes on from its rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from mien.core.catalogue import polars_or_error
from mien.core.labels import CLASSES
from mien.core.quality import NAMES as QUALITIES
from mien.core.quality import Quality
from mien.core.types import BBox, Face, Image, Prediction
from mien.core.video_facts import VideoFrame
from mien.faces.eyelids import Eyelids
from mien.predictor import Picture, Predictor
from mien.tracking.attention import opening

if TYPE_CHECKING:
    import polars

_POSE: Final = ("yaw", "pitch", "roll")
BOX: Final = ("x1", "y1", "x2", "y2")
COLUMNS: Final = {
    "frame": "Int64",
    "time": "Float64",
    "index": "Int32",
    **dict.fromkeys(BOX, "Float64"),
    "detector": "String",
    "score": "Float64",
    **dict.fromkeys((*_POSE, *QUALITIES, *CLASSES), "Float64"),
    "expression": "String",
    "confidence": "Float64",
    "abstained": "Boolean",
    "reason": "String",
    "opening": "Float64",
}
"""A face of a frame, or a frame without any, which says why in ``reason``; ``opening`` is that of
the eyes (see `attention.opening`). What was not measured is null."""


class Looked(NamedTuple):
    """A frame that was searched.

    Attributes:
        number: its number in the video, from 0.
        time: seconds from the first frame.
        picture: what was seen in it.
    """

    number: int
    time: float
    picture: Picture


def looked(frames: Iterable[VideoFrame], predictor: Predictor) -> Iterator[Looked]:
    """Yields frames with what was seen in them, in order and with bounded memory.

    Args:
        frames: in order.
        predictor: what finds and classifies faces.
    """
    waiting: deque[tuple[int, float]] = deque()

    def images() -> Iterator[Image]:
        for frame in frames:
            waiting.append((frame.index, frame.time))
            yield frame.image

    for picture in predictor.pictures(images()):
        yield Looked(*waiting.popleft(), picture)


def looked_live(frames: Iterable[VideoFrame], predictor: Predictor) -> Iterator[Looked]:
    """Yields what `looked` does, each frame before the next one is taken: nothing waits.

    Args:
        frames: in order.
        predictor: what finds and classifies faces.
    """
    for frame in frames:
        seen = predictor.look((f"frame {frame.index}", frame.image))
        for picture in predictor.classify([seen]):
            yield Looked(frame.index, frame.time, picture)


def rows_of(found: Looked, lids: Eyelids | None = None) -> list[dict[str, Any]]:
    """Returns a row of `COLUMNS` for each prediction of a frame.

    Args:
        found: the frame.
        lids: what places the points of lids; None leaves ``opening`` empty.
    """
    rows = []
    for prediction in found.picture.predictions:
        told = prediction.to_dict()
        row = {name: told[name] for name in COLUMNS if name in told}
        row |= {"frame": found.number, "time": found.time}
        if lids is not None and prediction.face is not None and found.picture.image is not None:
            (apart,) = opening(lids.place(found.picture.image, prediction.face)[None])
            row["opening"] = None if np.isnan(apart) else float(apart)
        rows.append(row)
    return rows


def table(rows: Sequence[Mapping[str, Any]]) -> polars.DataFrame:
    """Returns rows as a table with the types of `COLUMNS`."""
    pl = polars_or_error("Following people through a video")
    schema = {name: getattr(pl, kind) for name, kind in COLUMNS.items()}
    return pl.DataFrame(rows, schema=schema)  # type: ignore[no-any-return]  # Polars comes late


def frames_of(rows: polars.DataFrame, model: str) -> Iterator[tuple[float, list[Prediction]]]:
    """Yields the time and the predictions of each frame of a table of rows, in order.

    Args:
        rows: of `COLUMNS`, whole frames.
        model: the name of the model.
    """
    for part in rows.partition_by("frame", maintain_order=True):
        yield part["time"][0], [_prediction(row, model) for row in part.iter_rows(named=True)]


def _prediction(row: Mapping[str, Any], model: str) -> Prediction:
    face = None
    if row["x1"] is not None:
        seen = [row[name] for name in QUALITIES]
        face = Face(
            BBox(*(row[name] for name in BOX)),
            row["score"],
            row["detector"],
            None,
            row["yaw"], row["pitch"], row["roll"],
            None if None in seen else Quality(*seen),
        )  # fmt: skip
    shares = None
    if row[CLASSES[0]] is not None:
        shares = np.array([row[name] for name in CLASSES], np.float32)
    return Prediction(
        source="",
        index=row["index"],
        model=model,
        face=face,
        probabilities=shares,
        expression=row["expression"],
        confidence=row["confidence"],
        abstained=row["abstained"],
        reason=row["reason"],
    )
