"""Predictions of the frames of a video in, people through time out: linked, smoothed, with events.

A frame counts as seen where its prediction holds probabilities and the model stands behind the
face: one that was refused for its pose or its quality places the person, but says nothing of the
expression. Low confidence is no refusal here, since weak evidence is what smoothing adds up.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from mien.core.errors import ConfigError
from mien.core.labels import CLASSES
from mien.core.timeline import Event, Reals, Timeline
from mien.core.types import BBox, Prediction
from mien.tracking import events
from mien.tracking.hidden_markov import LAG, Chain, Stream, smoothed
from mien.tracking.tracks import Ended, Linker, Linking

_Seen = tuple[int, BBox, Reals | None]
"""A face of a frame: its place among the predictions, its box, its probabilities (7,) or None."""
Frame = tuple[float, Sequence[Prediction]]
"""A frame: its time in seconds, and the predictions for the faces in it."""
_WEAK: Final = "low_confidence"
_NOWHERE: Final = (np.nan,) * 4
_NOTHING: Final = (np.nan,) * len(CLASSES)


@dataclass(frozen=True, slots=True)
class Following:
    """How people are followed.

    Attributes:
        linking: how boxes become people.
        chain: how probabilities are smoothed; its prior is that of the model.
        minimum: the least seconds that an expression lasts before it counts.
        lag: seconds that live smoothing looks back for the onset of a change, ``minimum`` or more;
            events are told without waiting for it.
        sure: the least mean probability of a class, since it leads, for it to be told live, 0 to 1.

    Raises:
        ConfigError: ``minimum`` is negative, ``lag`` below it, or ``sure`` is no probability.
    """

    linking: Linking = field(default_factory=Linking)
    chain: Chain = field(default_factory=Chain)
    minimum: float = events.MINIMUM
    lag: float = LAG
    sure: float = events.SURE

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.lag < float("inf"):
            raise ConfigError(
                "A change is told once the new class has led for the minimum within the lag: "
                f"expected 0 <= minimum <= lag in seconds; got {self.minimum} and {self.lag}."
            )
        if not 0 <= self.sure <= 1:
            raise ConfigError(f"sure is a probability, 0 to 1; got {self.sure}.")


def track(frames: Iterable[Frame], settings: Following | None = None) -> Iterator[Timeline]:
    """Yields the timeline of each person once it is over, smoothed with all its frames.

    Memory holds the people who are in the picture.

    Args:
        frames: in the order of their times. Predictions without a face are passed over.
        settings: how people are followed.

    Raises:
        DataError: the times do not rise.
        MissingExtraError: SciPy is not installed.
    """
    follower = Follower(settings)
    for time, predictions in frames:
        yield from follower.update(time, predictions)
    yield from follower.finish()


def _reals() -> array[float]:
    return array("d")


@dataclass(slots=True)
class _Path:
    """What was seen on one track: a row a frame, whether it was found in it or not.

    Flat arrays, since a person may stay for hours: 96 bytes a frame.
    """

    times: array[float] = field(default_factory=_reals)
    boxes: array[float] = field(default_factory=_reals)
    rows: array[float] = field(default_factory=_reals)


class Follower:
    """Follows people through frames and hands each over when it is over.

    Args:
        settings: how people are followed.

    Raises:
        MissingExtraError: SciPy is not installed.
    """

    def __init__(self, settings: Following | None = None) -> None:
        self.settings = settings or Following()
        self._linker = Linker(self.settings.linking)
        self._paths: dict[int, _Path] = {}

    def update(self, time: float, predictions: Sequence[Prediction]) -> list[Timeline]:
        """Takes the next frame and returns the people who are over.

        Args:
            time: seconds, later than the last.
            predictions: for the faces of the frame, in any order.

        Raises:
            DataError: the time is no later than the last one.
        """
        ended, given = _linked(self._linker, time, predictions)
        over = self._over(ended)
        for number in {**self._paths, **given}:
            path = self._paths.setdefault(number, _Path())
            _, box, row = given.get(number, (None, None, None))
            path.times.append(time)
            path.boxes.extend(box.as_tuple() if box else _NOWHERE)
            path.rows.extend(_NOTHING if row is None else row.tolist())
        return over

    def finish(self) -> list[Timeline]:
        """Returns the people who are left, after the last frame."""
        return self._over(self._linker.close())

    def _over(self, ended: Iterable[Ended]) -> list[Timeline]:
        pairs = [(one, self._paths.pop(one.track)) for one in ended]
        return [self._timeline(one.person, path, one.last)
                for one, path in pairs if one.person is not None]  # fmt: skip

    def _timeline(self, person: int, path: _Path, last: float) -> Timeline:
        times = np.asarray(path.times, np.float64)
        kept = times <= last  # what follows is the gap in which the face was waited for
        times = times[kept]
        raw = np.asarray(path.rows, np.float64).reshape(-1, len(CLASSES))[kept]
        boxes = np.asarray(path.boxes, np.float64).reshape(-1, 4)[kept]
        probabilities = smoothed(times, raw, self.settings.chain)
        found = events.events(times, raw, probabilities, person, self.settings.minimum)
        return Timeline(person, times, boxes, raw, probabilities, found)


@dataclass(frozen=True, slots=True, eq=False)
class Now:
    """A person in the newest frame.

    Attributes:
        person: the number of the person, from 0.
        index: the place of the prediction in the list that was handed over; None where the face was
            not found in this frame and is waited for.
        probabilities: (7,) given this frame and those before it, summing to 1.
        expression: the class that has led for the least duration; None until one has.
    """

    person: int
    index: int | None
    probabilities: Reals
    expression: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What a live frame brought.

    Attributes:
        time: of the frame, seconds.
        people: those in the picture, in the order of their numbers.
        begun: events told now for the first time; apex, offset and confidence are those so far.
        ended: events told earlier that are over now, complete.
    """

    time: float
    people: tuple[Now, ...]
    begun: tuple[Event, ...]
    ended: tuple[Event, ...]


@dataclass(slots=True)
class _Watch:
    """One live track, and what is not told of it until it counts as a person."""

    stream: Stream
    live: events.Live
    begun: list[Event] = field(default_factory=list)
    ended: list[Event] = field(default_factory=list)


class LiveFollower:
    """Follows people live: their state after each frame, and events soon after they happen.

    Args:
        settings: how people are followed.

    Raises:
        MissingExtraError: SciPy is not installed.
    """

    def __init__(self, settings: Following | None = None) -> None:
        self.settings = settings or Following()
        self._linker = Linker(self.settings.linking)
        self._watches: dict[int, _Watch] = {}

    def update(self, time: float, predictions: Sequence[Prediction]) -> Moment:
        """Takes the next frame.

        Args:
            time: seconds, later than the last.
            predictions: for the faces of the frame, in any order.

        Raises:
            DataError: the time is no later than the last one.
        """
        ended, given = _linked(self._linker, time, predictions)
        over = self._over(ended)
        people: list[Now] = []
        begun: list[Event] = []
        for number in {**self._watches, **given}:
            if number not in self._watches:
                live = events.Live(minimum=self.settings.minimum, sure=self.settings.sure)
                self._watches[number] = _Watch(Stream(self.settings.chain, self.settings.lag), live)
            watch = self._watches[number]
            place, _, row = given.get(number, (None, None, None))
            window = watch.stream.update(time, row)
            fresh = watch.live.update(window)
            watch.begun += fresh.begun
            watch.ended += fresh.ended
            person = self._linker.person(number)
            if person is not None:
                label = watch.live.label
                word = None if label is None else CLASSES[label]
                people.append(Now(person, place, window.smoothed[-1], word))
                begun += _told(watch.begun, person, time)
                over += _told(watch.ended, person)
        return Moment(time, tuple(sorted(people, key=lambda now: now.person)),
                      tuple(begun), tuple(over))  # fmt: skip

    def finish(self) -> tuple[Event, ...]:
        """Returns the events that last until the end, after the last frame."""
        return tuple(self._over(self._linker.close()))

    def _over(self, ended: Iterable[Ended]) -> list[Event]:
        found: list[Event] = []
        for one in ended:
            watch = self._watches.pop(one.track)
            if one.person is not None:
                watch.ended += watch.live.finish(one.last)
                found += _told(watch.ended, one.person)
        return found


def _linked(
    linker: Linker, time: float, predictions: Sequence[Prediction]
) -> tuple[tuple[Ended, ...], dict[int, _Seen]]:
    """Returns the tracks that a frame ended, and what it shows of each track, by its number."""
    seen = _seen(predictions)
    links = linker.update(time, [box for _, box, _ in seen])
    return links.ended, dict(zip(links.tracks, seen, strict=True))


def _seen(predictions: Sequence[Prediction]) -> list[_Seen]:
    """Returns place, box and probabilities (7,) or None of each prediction that has a face."""
    found: list[_Seen] = []
    for place, one in enumerate(predictions):
        if one.face is None:
            continue
        stands = one.probabilities is not None and (not one.abstained or one.reason == _WEAK)
        row = np.asarray(one.probabilities, np.float64) if stands else None
        found.append((place, one.face.bbox, row))
    return found


def _told(waiting: list[Event], person: int, reported: float | None = None) -> list[Event]:
    """Returns events under their person's number, and empties the list that they waited in."""
    found = [
        replace(one, person=person, reported=one.reported if reported is None else reported)
        for one in waiting
    ]
    waiting.clear()
    return found
