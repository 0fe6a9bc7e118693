"""How well changes through time are found: events, peaks, flicker, delay.

The events of one person are compared with the true ones of that person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mien.core.errors import DataError, MissingExtraError
from mien.core.timeline import Event
from mien.metrics.classification import Reals
from mien.metrics.intensity import LEAST

TOLERANCE: Final = 0.5
"""Seconds between the onsets of a true event and of one that counts as it."""


@dataclass(frozen=True, slots=True)
class EventScores:
    """How many events were found; the counts of several people are added up with ``+``.

    Attributes:
        matched: true events that were found.
        found: events that were told.
        true: events that happened.
    """

    matched: int
    found: int
    true: int

    @property
    def precision(self) -> float:
        """The share of told events that happened, 0 to 1; NaN where none was told."""
        return _share(self.matched, self.found)

    @property
    def recall(self) -> float:
        """The share of events that were told, 0 to 1; NaN where none happened."""
        return _share(self.matched, self.true)

    @property
    def f1(self) -> float:
        """The harmonic mean of both, 0 to 1; NaN where none happened and none was told."""
        return _share(2 * self.matched, self.found + self.true)

    def __add__(self, other: EventScores) -> EventScores:
        return EventScores(
            self.matched + other.matched, self.found + other.found, self.true + other.true
        )


def matches(
    true: Sequence[Event], found: Sequence[Event], tolerance: float = TOLERANCE
) -> list[tuple[int, int]]:
    """Returns which found event is which true one, one to one, as many as there can be.

    Two events can be the same where both classes are, ``before`` and ``after``, and their onsets
    lie no further apart than the tolerance. Of each pair of classes both lists are walked through
    in the order of time, and the first two that can be the same are: since all tolerances are
    equal, whatever else the earlier one could be matched with, a later one can be too, so no other
    choice gives more pairs.

    Args:
        true: the events of one person that happened, in any order.
        found: those that were told, in any order.
        tolerance: seconds, 0 or more.

    Returns:
        Pairs of places in ``true`` and ``found``, in the order of the true onsets.

    Raises:
        DataError: the tolerance is negative.
    """
    if not tolerance >= 0:
        raise DataError(f"The tolerance is 0 or more seconds; got {tolerance}.")
    kinds: dict[tuple[str, str], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, some in enumerate((true, found)):
        for place in sorted(range(len(some)), key=lambda i: some[i].onset):
            kinds[some[place].before, some[place].after][side].append(place)
    pairs = []
    for ours, theirs in kinds.values():
        i = j = 0
        while i < len(ours) and j < len(theirs):
            late = found[theirs[j]].onset - true[ours[i]].onset
            if abs(late) <= tolerance:
                pairs.append((ours[i], theirs[j]))
            i += late >= -tolerance
            j += late <= tolerance
    return sorted(pairs, key=lambda pair: (true[pair[0]].onset, pair))


def event_scores(
    true: Sequence[Event], found: Sequence[Event], tolerance: float = TOLERANCE
) -> EventScores:
    """Returns how many events of one person were found; see `matches` for the rule."""
    return EventScores(len(matches(true, found, tolerance)), len(found), len(true))


def delays(true: Sequence[Event], found: Sequence[Event], tolerance: float = TOLERANCE) -> Reals:
    """Returns the seconds (m,) from each true onset to the moment at which the event was told.

    Events that were not found, or not told live, have no delay and are left out. What is matched
    is the stated onset, so a delay may be longer than the tolerance.
    """
    pairs = [(true[i].onset, found[j].reported) for i, j in matches(true, found, tolerance)]
    return np.array([told - onset for onset, told in pairs if told is not None], np.float64)


def apex_error(order: npt.ArrayLike, probabilities: npt.ArrayLike, apex: float) -> float:
    """Returns how far the frame at which a class peaks lies from the true apex.

    Args:
        order: (n,) the number or the time of each frame.
        probabilities: (n,) of the class; NaN where there is no answer. Of several peaks the first
            counts.
        apex: the number or the time of the true apex.

    Returns:
        The absolute difference, in the unit of ``order``; NaN where no frame has an answer.

    Raises:
        DataError: the lengths differ.
    """
    frames, values = _checked(order, probabilities)
    if np.isnan(values).all():
        return float("nan")
    return float(abs(frames[np.nanargmax(values)] - apex))


def rise(order: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """Returns whether a class's probability rises along a sequence: Spearman's correlation.

    Of tables of many sequences `mien.metrics.intensity.series` does the same.

    Args:
        order: (n,) the number or the time of each frame, or the stated intensity.
        probabilities: (n,) of the class; NaN where there is no answer.

    Returns:
        -1 to 1; NaN where fewer than `mien.metrics.intensity.LEAST` frames have an answer, or
        either is constant.

    Raises:
        DataError: the lengths differ.
        MissingExtraError: SciPy is not installed.
    """
    try:
        from scipy.stats import spearmanr
    except ImportError:
        raise MissingExtraError("Following intensity", "data") from None
    frames, values = _checked(order, probabilities)
    seen = ~np.isnan(values)
    frames, values = frames[seen], values[seen]
    if len(values) < LEAST or np.ptp(frames) == 0 or np.ptp(values) == 0:
        return float("nan")
    return float(spearmanr(frames, values).statistic)


def flicker(times: npt.ArrayLike, answers: npt.ArrayLike, changes: int = 0) -> float:
    """Returns how often a minute the answer changes beyond the true changes.

    Args:
        times: (n,) seconds, rising.
        answers: (n,) 0 to 6, or -1 (`mien.metrics.classification.MISSED`) where there is no answer:
            these frames are passed over.
        changes: how often the true class changes in this time.

    Returns:
        Changes a minute; below 0 where more true changes were missed than false ones made; NaN for
        fewer than two frames.

    Raises:
        DataError: the lengths differ.
    """
    moments, classes = _checked(times, answers)
    if len(moments) < 2:
        return float("nan")
    shown = classes[classes >= 0]
    made = int((shown[1:] != shown[:-1]).sum())
    return float((made - changes) * 60 / (moments[-1] - moments[0]))


def _checked(order: npt.ArrayLike, values: npt.ArrayLike) -> tuple[Reals, Reals]:
    first, second = np.asarray(order, np.float64), np.asarray(values, np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise DataError(
            f"Expected as many frames as values, (n,) each; got {first.shape} and {second.shape}."
        )
    return first, second


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
