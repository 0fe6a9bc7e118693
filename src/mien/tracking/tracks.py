"""Which box of a frame is whose: boxes are linked to tracks by overlap, frame by frame.

The box of a track is carried on at its last velocity, and boxes are given to tracks so that the sum
of their overlaps is the largest (the Hungarian method; Bewley et al. 2016, "Simple Online and
Realtime Tracking", whose Kalman filter is here a velocity averaged over `_STEADY` seconds).

A face that is lost for longer than `Linking.gap` comes back as a new person. Knowing people again
is left out on purpose: the grey fingerprints of `mien.core.likeness` tell copies of one picture,
not people, and telling people by their faces is not what mien is for.

Faces that move further than their own size between two frames do not overlap, so that videos of a
few frames a second hold more people than they show.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mien.core.errors import ConfigError, DataError, MissingExtraError
from mien.core.timeline import Reals
from mien.core.types import BBox

_STEADY: Final = 0.2
"""Seconds over which a velocity is averaged, so that a box that trembles does not fly away."""


@dataclass(frozen=True, slots=True)
class Linking:
    """How boxes become tracks.

    Attributes:
        overlap: the least intersection over union of a box and where its track is expected, 0 to 1.
        gap: seconds that a face may be lost and still be the same person.
        hits: in how many frames a face is found before its track counts as a person; detectors see
            a face in a curtain once or twice.

    Raises:
        ConfigError: a value is out of range.
    """

    overlap: float = 0.3
    gap: float = 1.0
    hits: int = 3

    def __post_init__(self) -> None:
        if not (0 < self.overlap < 1 and 0 <= self.gap < math.inf and self.hits >= 1):
            raise ConfigError(
                "Linking needs an overlap between 0 and 1, a gap of 0 or more seconds and at least "
                f"one hit; got {self.overlap}, {self.gap} and {self.hits}."
            )


@dataclass(frozen=True, slots=True)
class Ended:
    """A track that is over.

    Attributes:
        track: its number.
        person: the number of the person, or None where it was found too seldom to count.
        last: when it was found last, seconds.
    """

    track: int
    person: int | None
    last: float


@dataclass(frozen=True, slots=True)
class Links:
    """What a frame added.

    Attributes:
        tracks: the number of each box's track, in the order of the boxes.
        ended: the tracks that ended before this frame.
    """

    tracks: tuple[int, ...]
    ended: tuple[Ended, ...]


@dataclass(slots=True)
class _Track:
    """An open track: where it was found last, and how it moves."""

    number: int
    place: Reals  # (4,) centre x and y, width, height; pixels
    last: float
    hits: int = 1
    person: int | None = None
    velocity: Reals | None = None  # (2,) pixels a second; None until it was found twice

    def expected(self, time: float) -> Reals:
        """Returns the place (4,) that the track would have at a time."""
        place = self.place.copy()
        if self.velocity is not None:
            place[:2] += self.velocity * (time - self.last)
        return place

    def found(self, time: float, place: Reals) -> None:
        """Moves the track to where its face was found."""
        seconds = time - self.last
        velocity = (place[:2] - self.place[:2]) / seconds
        if self.velocity is None:
            self.velocity = velocity
        else:
            self.velocity += (1 - math.exp(-seconds / _STEADY)) * (velocity - self.velocity)
        self.place, self.last, self.hits = place, time, self.hits + 1


class Linker:
    """Links boxes to tracks, frame by frame; holds the open tracks alone.

    The order of the boxes of a frame does not matter: new tracks are numbered from left to right.

    Args:
        settings: how boxes become tracks.

    Raises:
        MissingExtraError: SciPy is not installed.
    """

    def __init__(self, settings: Linking | None = None) -> None:
        self.settings = settings or Linking()
        self._assign = _assignment()
        self._open: list[_Track] = []
        self._tracks = 0
        self._people = 0
        self._time = -math.inf

    def update(self, time: float, boxes: Sequence[BBox]) -> Links:
        """Links the boxes of the next frame.

        Args:
            time: of the frame, seconds; later than that of the one before.
            boxes: those found in it, in any order.

        Raises:
            DataError: the time is not finite, or no later than the last one.
        """
        if not self._time < time < math.inf:
            raise DataError(
                f"Frames come in the order of their times; {time} s follows {self._time} s. "
                "Sort the frames, and drop those shown twice."
            )
        self._time = time
        limit = time - self.settings.gap - 1e-9  # times at 1/25 s are not exact
        ended = tuple(self._ended(one) for one in self._open if one.last < limit)
        self._open = [one for one in self._open if one.last >= limit]
        order = sorted(range(len(boxes)), key=lambda i: boxes[i].as_tuple())
        places = np.array([_place(boxes[i]) for i in order]).reshape(-1, 4)
        given = self._given(time, places)
        numbers = [0] * len(boxes)
        for row, place in enumerate(places):
            numbers[order[row]] = self._kept(time, place, given.get(row))
        return Links(tuple(numbers), ended)

    def person(self, track: int) -> int | None:
        """Returns the number of an open track's person; None while it was found too seldom."""
        return next((one.person for one in self._open if one.number == track), None)

    def close(self) -> tuple[Ended, ...]:
        """Ends all open tracks, in the order in which they began, and returns them."""
        ended = tuple(self._ended(one) for one in self._open)
        self._open = []
        return ended

    def _given(self, time: float, places: Reals) -> dict[int, _Track]:
        """Returns the open track of each place that has one, by the place's row."""
        if not self._open or not len(places):
            return {}
        overlaps = _overlaps(np.array([one.expected(time) for one in self._open]), places)
        # A pair below the limit is worth nothing, or two such pairs might outweigh a good one.
        overlaps[overlaps < self.settings.overlap] = 0
        pairs = zip(*self._assign(overlaps, maximize=True), strict=True)
        return {int(j): self._open[i] for i, j in pairs if overlaps[i, j] > 0}

    def _kept(self, time: float, place: Reals, track: _Track | None) -> int:
        """Keeps a place as the next of its track, or as the first of a new one."""
        if track is None:
            track = _Track(self._tracks, place, time)
            self._tracks += 1
            self._open.append(track)
        else:
            track.found(time, place)
        if track.person is None and track.hits >= self.settings.hits:
            track.person = self._people
            self._people += 1
        return track.number

    @staticmethod
    def _ended(track: _Track) -> Ended:
        return Ended(track.number, track.person, track.last)


def _assignment() -> Callable[..., Any]:
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError:
        raise MissingExtraError("Following faces through time", "data") from None
    return linear_sum_assignment  # type: ignore[no-any-return]  # SciPy ships no types


def _place(box: BBox) -> tuple[float, float, float, float]:
    return *box.centre, box.width, box.height


def _overlaps(some: Reals, others: Reals) -> Reals:
    """Returns the intersection over union (n, m) of n and m places (centre, width, height)."""
    low = np.maximum(_corner(some, -0.5)[:, None], _corner(others, -0.5)[None])
    high = np.minimum(_corner(some, 0.5)[:, None], _corner(others, 0.5)[None])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = some[:, None, 2:].prod(axis=2) + others[None, :, 2:].prod(axis=2)
    overlaps: Reals = shared / (areas - shared)
    return overlaps


def _corner(places: Reals, side: float) -> Reals:
    corners: Reals = places[:, :2] + side * places[:, 2:]
    return corners
