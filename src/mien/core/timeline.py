"""What is known of one person through time: probabilities frame by frame, and the changes in them.

Times are seconds on the clock of the video or camera. Probabilities stand in the order of
`labels.CLASSES`. An event says that the *apparent* expression changed, not what anybody felt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mien.core.errors import DataError
from mien.core.labels import CLASSES

Reals = npt.NDArray[np.float64]
"""A float64 array; each place that uses it states the shape and the range."""
_DIGITS: Final = 4
"""Digits of the seconds and confidences that are written out."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change of a person's apparent expression.

    Attributes:
        person: the number of the person, from 0.
        before: the class that was shown until then.
        after: the class that is shown from then on.
        onset: the first moment at which ``after`` leads, seconds.
        apex: the moment at which ``after`` is clearest, seconds.
        offset: the moment at which another class leads or the person leaves, seconds. Where an
            event is told while it lasts, apex and offset are those so far.
        confidence: the mean smoothed probability of ``after`` from onset to offset, 0 to 1.
        reported: the moment at which the event was told, seconds; None where it was found
            afterwards, with the whole video at hand.

    Raises:
        DataError: a class is unknown or both are the same, the moments are not in order, or the
            confidence is not a probability.
    """

    person: int
    before: str
    after: str
    onset: float
    apex: float
    offset: float
    confidence: float
    reported: float | None = None

    def __post_init__(self) -> None:
        known = self.before in CLASSES and self.after in CLASSES
        if not known or self.before == self.after:
            raise DataError(
                f"An event leads from one class to another; got {self.before!r} and "
                f"{self.after!r}. Expected two of: {', '.join(CLASSES)}."
            )
        # NaN fails these comparisons, as it should.
        if not (self.onset <= self.apex <= self.offset and 0 <= self.confidence <= 1):
            raise DataError(
                "An event needs onset <= apex <= offset in seconds and a confidence from 0 to 1; "
                f"got {self.onset}, {self.apex}, {self.offset} and {self.confidence}."
            )

    @property
    def start(self) -> float:
        """When the event is said to happen: its onset, seconds."""
        return self.onset

    def to_dict(self) -> dict[str, Any]:
        """Returns a flat row; seconds and the confidence are rounded to 4 digits."""
        return {
            "person": self.person,
            "start": round(self.start, _DIGITS),
            "before": self.before,
            "after": self.after,
            "onset": round(self.onset, _DIGITS),
            "apex": round(self.apex, _DIGITS),
            "offset": round(self.offset, _DIGITS),
            "confidence": round(self.confidence, _DIGITS),
            "reported": None if self.reported is None else round(self.reported, _DIGITS),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """One person from the first to the last frame in which the face was found.

    Attributes:
        person: the number of the person, from 0.
        times: (n,) seconds, rising; frames in between without this face are among them.
        boxes: (n, 4) x1, y1, x2, y2 in pixels; NaN where the face was not found.
        raw: (n, 7) calibrated probabilities of each frame alone; NaN where there is no answer.
        smoothed: (n, 7) probabilities given all frames; rows sum to 1.
        events: the changes, in order.

    Raises:
        DataError: shapes differ, the times do not rise, or a smoothed row does not sum to 1.
    """

    person: int
    times: Reals
    boxes: Reals
    raw: Reals
    smoothed: Reals
    events: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        n, width = len(self.times), len(CLASSES)
        shapes = (self.times.shape, self.boxes.shape, self.raw.shape, self.smoothed.shape)
        if shapes != ((n,), (n, 4), (n, width), (n, width)):
            raise DataError(
                f"A timeline needs times (n,), boxes (n, 4) and probabilities (n, {width}) twice; "
                f"got {', '.join(map(str, shapes))}."
            )
        check_times(self.times)
        if not np.allclose(self.smoothed.sum(axis=1), 1, atol=1e-3):
            raise DataError("Each row of smoothed probabilities sums to 1; some here do not.")

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """(n,) whether the face was found in each frame."""
        return np.asarray(np.isfinite(self.boxes).all(axis=1), np.bool_)

    @property
    def answers(self) -> npt.NDArray[np.int64]:
        """(n,) the place in `labels.CLASSES` of the class that leads in each smoothed frame."""
        answers: npt.NDArray[np.int64] = self.smoothed.argmax(axis=1).astype(np.int64)
        return answers


def check_times(times: Reals) -> None:
    """Checks the times (n,) of some frames.

    Raises:
        DataError: they are not finite, or do not rise from each to the next.
    """
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise DataError(
            "The times of frames are seconds that rise from each frame to the next; some here are "
            "not finite, stand still or go back. Sort the frames, and drop those shown twice."
        )
