"""Changes of a smoothed timeline as events: which class gives way to which, when, how surely.

The class that leads a frame is its answer, and equal answers in a row are a segment. A segment
shorter than the least duration is a flicker: the shortest one first (of equals the first), it goes
to the neighbour that is more probable within it (of equals the earlier one), until none is left.
Where two segments then meet there is an event. A timeline's first segment is no event: nobody saw
it begin.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from typing import Final, NamedTuple

import numpy as np

from mien.core.errors import DataError
from mien.core.labels import CLASSES
from mien.core.timeline import Event, Reals
from mien.tracking.hidden_markov import Window

MINIMUM: Final = 0.3
"""Seconds that a class leads at least before it counts."""
SURE: Final = 0.9
"""The least mean probability of a class, since it leads, for it to be told live."""
SPAN: Final = 0.2
"""Seconds over which the probability of single frames is averaged to find where it peaks."""
_SLACK: Final = 1e-9
"""Seconds; times at 1/25 s are not exact."""


class Segment(NamedTuple):
    """Frames in a row, from ``first`` up to but without ``end``, that one class (0 to 6) leads."""

    first: int
    end: int
    label: int


class Begun(NamedTuple):
    """What a frame of a live stream brought.

    Attributes:
        begun: events told now for the first time; apex, offset and confidence are those so far.
        ended: events told earlier that are over now, complete.
    """

    begun: tuple[Event, ...] = ()
    ended: tuple[Event, ...] = ()


def segments(times: Reals, smoothed: Reals, minimum: float = MINIMUM) -> list[Segment]:
    """Returns the segments of a timeline, in order, once flickers have gone to their neighbours.

    A segment lasts until the next one begins, the last one until the last frame. A timeline that
    is shorter than ``minimum`` is one segment.

    Args:
        times: (n,) seconds, rising.
        smoothed: (n, 7) probabilities.
        minimum: the least seconds of a segment; 0 keeps all.

    Raises:
        DataError: the shapes differ, or ``minimum`` is negative.
    """
    if smoothed.shape != (len(times), len(CLASSES)) or not 0 <= minimum < math.inf:
        raise DataError(
            f"Segments need times (n,), probabilities (n, {len(CLASSES)}) and 0 or more seconds; "
            f"got {times.shape}, {smoothed.shape} and {minimum}."
        )
    if not len(times):
        return []
    answers = smoothed.argmax(axis=1)
    starts = [0, *(np.flatnonzero(np.diff(answers)) + 1).tolist()]
    ends = [*starts[1:], len(times)]
    found = [Segment(a, b, int(answers[a])) for a, b in zip(starts, ends, strict=True)]
    while len(found) > 1:
        seconds = [_until(times, one.end) - times[one.first] for one in found]
        place = int(np.argmin(np.round(seconds, 6)))  # 1/25 s is not exact, and equal is equal
        if seconds[place] >= minimum - _SLACK:
            break
        _absorb(found, place, smoothed)
    return found


def events(
    times: Reals, raw: Reals, smoothed: Reals, person: int = 0, minimum: float = MINIMUM
) -> tuple[Event, ...]:
    """Returns the events of a timeline, in order.

    Args:
        times: (n,) seconds, rising.
        raw: (n, 7) probabilities of each frame alone, whose mean over `SPAN` seconds peaks at the
            apex; NaN where there is no answer.
        smoothed: (n, 7) probabilities given all frames.
        person: the number of the person.
        minimum: the least seconds of a segment.
    """
    found = segments(times, smoothed, minimum)
    made = []
    for before, one in itertools.pairwise(found):
        lasting = _Lasting(person, before.label, one.label, float(times[one.first]))
        for frame in range(one.first, one.end):
            lasting.add(float(times[frame]), raw[frame], smoothed[frame])
        made.append(lasting.event(float(_until(times, one.end))))
    return tuple(made)


class Live:
    """Tells events while they happen: once a class has led for the least duration.

    What is told is not taken back. The onset is read from the window as it is smoothed then, so it
    lies before the moment of telling. An event is told at the first frame at which the new class
    has led for ``minimum`` seconds without a break, with a mean probability of at least ``sure``.

    Args:
        person: the number of the person.
        minimum: the least seconds that a class leads; no more than the lag of the stream.
        sure: the least mean smoothed probability over them, 0 to 1.
    """

    def __init__(self, person: int = 0, minimum: float = MINIMUM, sure: float = SURE) -> None:
        self.person, self.minimum, self.sure = person, minimum, sure
        self.label: int | None = None
        self._lasting: _Lasting | None = None
        self._window: Window | None = None

    def update(self, window: Window) -> Begun:
        """Takes what `mien.tracking.hidden_markov.Stream.update` returned for the next frame."""
        self._window = window
        begun, ended = self._change(window)
        self._feed(window, 0, window.settled)
        return Begun(begun, ended)

    def finish(self, last: float = math.inf) -> tuple[Event, ...]:
        """Returns the event that lasts, if any, complete.

        Args:
            last: when the person was seen last, seconds; the event is over by then.
        """
        if self._lasting is None or self._window is None:
            return ()
        window, lasting, self._lasting = self._window, self._lasting, None
        for row in range(window.settled, len(window.times)):
            if lasting.onset <= window.times[row] <= last:
                lasting.add(float(window.times[row]), window.raw[row], window.smoothed[row])
        return (lasting.event(min(float(window.times[-1]), last)),)

    def _change(self, window: Window) -> tuple[tuple[Event, ...], tuple[Event, ...]]:
        answers = window.smoothed.argmax(axis=1)
        label = int(answers[-1])
        others = np.flatnonzero(answers != label)
        first = int(others[-1]) + 1 if len(others) else 0
        now, onset = float(window.times[-1]), float(window.times[first])
        if label == self.label or now - onset < self.minimum - _SLACK:
            return (), ()
        if window.smoothed[first:, label].mean() < self.sure:
            return (), ()
        before, self.label = self.label, label
        if before is None:
            return (), ()
        ended = self._end(window, onset)
        self._lasting = _Lasting(self.person, before, label, onset, now)
        # Frames that are not settled change yet, so the event itself takes them in later.
        far = _Lasting(self.person, before, label, onset, now)
        for row in range(first, len(window.times)):
            far.add(float(window.times[row]), window.raw[row], window.smoothed[row])
        return (far.event(now),), ended

    def _end(self, window: Window, onset: float) -> tuple[Event, ...]:
        if self._lasting is None:
            return ()
        lasting, self._lasting = self._lasting, None
        for row in range(len(window.times)):
            if lasting.onset <= window.times[row] < onset:
                lasting.add(float(window.times[row]), window.raw[row], window.smoothed[row])
        return (lasting.event(onset),)

    def _feed(self, window: Window, start: int, end: int) -> None:
        for row in range(start, end):
            if self._lasting is not None and window.times[row] >= self._lasting.onset:
                self._lasting.add(float(window.times[row]), window.raw[row], window.smoothed[row])


class _Lasting:
    """An event that lasts: its sums so far, and where its class peaked; of fixed size."""

    def __init__(
        self, person: int, before: int, after: int, onset: float, reported: float | None = None
    ) -> None:
        self.person, self.before, self.after, self.onset = person, before, after, onset
        self.reported = reported
        self._frames, self._sum = 0, 0.0
        self._recent: deque[tuple[float, float]] = deque()
        self._peak, self._apex = -1.0, onset

    def add(self, time: float, raw: Reals, smoothed: Reals) -> None:
        """Takes the next frame: (7,) of it alone, NaN where there is no answer, and smoothed."""
        self._frames += 1
        self._sum += float(smoothed[self.after])
        if np.isnan(raw[self.after]):
            return
        recent = self._recent
        recent.append((time, float(raw[self.after])))
        while recent[-1][0] - recent[0][0] > SPAN + _SLACK:
            recent.popleft()
        # A shorter stretch is less of a mean; it counts only until there is a full one.
        mean = sum(value for _, value in recent) / len(recent)
        full = time - self.onset >= SPAN - _SLACK
        if mean + full > self._peak:
            self._peak, self._apex = mean + full, recent[len(recent) // 2][0]

    def event(self, offset: float) -> Event:
        """Returns the event as it is so far, to an offset in seconds."""
        end = max(offset, self.onset)
        return Event(
            person=self.person,
            before=CLASSES[self.before],
            after=CLASSES[self.after],
            onset=self.onset,
            apex=min(self._apex, end),
            offset=end,
            confidence=min(1.0, self._sum / self._frames) if self._frames else 0.0,
            reported=self.reported,
        )


def _until(times: Reals, end: int) -> float:
    return float(times[min(end, len(times) - 1)])


def _absorb(found: list[Segment], place: int, smoothed: Reals) -> None:
    """Gives a segment to a neighbour and joins neighbours that are then of one class."""
    one = found[place]
    near = [i for i in (place - 1, place + 1) if 0 <= i < len(found)]
    weights = smoothed[one.first : one.end].sum(axis=0)
    taker = max(near, key=lambda i: weights[found[i].label])  # the earlier one of equals
    low, high = min(place, taker), max(place, taker)
    label = found[taker].label
    if low > 0 and found[low - 1].label == label:
        low -= 1
    if high + 1 < len(found) and found[high + 1].label == label:
        high += 1
    found[low : high + 1] = [Segment(found[low].first, found[high].end, label)]
