"""Signals about a person that need geometry only: a head turned away, and eyes that are closed.

They say where a head points and how far lids are apart. They do not say what somebody attends to or
whether somebody is tired, and no limit here was tried on drivers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mien.core.errors import ConfigError, DataError
from mien.core.timeline import Reals, check_times

_DIGITS: Final = 4
_EYE: Final = (2, 6, 2)
"""Two eyes of six points x, y each."""
_USUAL: Final = 90


@dataclass(frozen=True, slots=True)
class Attention:
    """When a head counts as turned away, and eyes as closed.

    Attributes:
        yaw: degrees to either side of straight ahead; beyond them the head is turned away.
        pitch: likewise, up and down.
        away: seconds that it lasts at least. The default is the longest single glance off the road
            that NHTSA's guidelines of 2013 allow a task in a car.
        yaw_ahead: where straight ahead is, degrees; None takes the median of the person, so that
            a camera at the side needs no setting. Likewise ``pitch_ahead``.
        pitch_ahead: see ``yaw_ahead``.
        hole: seconds without a face that do not break a turn off; what is longer is unseen.
        closed: the share of their usual opening below which eyes are closed: 0.2 is the measure P80
            (Wierwille et al. 1994), lids over four fifths of the eye.
        window: seconds over which the share of time with closed eyes (PERCLOS) is taken.

    Raises:
        ConfigError: a value is out of range.
    """

    yaw: float = 30.0
    pitch: float = 20.0
    away: float = 2.0
    yaw_ahead: float | None = None
    pitch_ahead: float | None = None
    hole: float = 0.5
    closed: float = 0.2
    window: float = 60.0

    def __post_init__(self) -> None:
        angles = 0 < self.yaw <= 180 and 0 < self.pitch <= 180
        spans = self.away >= 0 and self.hole >= 0 and 0 < self.window < math.inf
        if not (angles and spans and 0 < self.closed < 1):
            raise ConfigError(
                "Attention needs angles above 0 degrees, seconds of 0 or more, a window above 0 "
                f"and a share of closed eyes between 0 and 1; got {self}."
            )


@dataclass(frozen=True, slots=True)
class Away:
    """A time in which a head was turned away.

    Attributes:
        person: the number of the person.
        start: seconds; likewise ``end``.
        end: see ``start``.
        yaw: the furthest from straight ahead, degrees, signed as in `Face`; likewise ``pitch``.
        pitch: see ``yaw``.
    """

    person: int
    start: float
    end: float
    yaw: float
    pitch: float

    def to_dict(self) -> dict[str, Any]:
        """Returns a flat row; numbers are rounded to 4 digits."""
        names = ("start", "end", "yaw", "pitch")
        return {
            "person": self.person,
            **{name: round(getattr(self, name), _DIGITS) for name in names},
        }


def turned_away(
    times: Reals, yaw: Reals, pitch: Reals, person: int = 0, settings: Attention | None = None
) -> list[Away]:
    """Returns the times in which a head was turned away for long enough, in order.

    A turn lasts until the last frame in which the head is seen to be turned.

    Args:
        times: (n,) seconds, rising.
        yaw: (n,) degrees as in `Face`; NaN where the face or its pose was not found.
        pitch: likewise.
        person: the number of the person.
        settings: when a head counts as turned away.

    Raises:
        DataError: shapes differ, or the times do not rise.
    """
    settings = settings or Attention()
    _check(times, yaw, pitch)
    seen = np.isfinite(yaw) & np.isfinite(pitch)
    if not seen.any():
        return []
    aside = yaw - _ahead(yaw[seen], settings.yaw_ahead)
    tilted = pitch - _ahead(pitch[seen], settings.pitch_ahead)
    turned = seen & ((np.abs(aside) > settings.yaw) | (np.abs(tilted) > settings.pitch))
    spans = []
    for first, end in _runs(times, seen, turned, settings.hole):
        inside = np.flatnonzero(turned[first:end]) + first
        if times[end - 1] - times[first] >= settings.away:
            far, low = (
                inside[np.abs(aside[inside]).argmax()],
                inside[np.abs(tilted[inside]).argmax()],
            )
            start, stop = float(times[first]), float(times[end - 1])
            spans.append(Away(person, start, stop, float(aside[far]), float(tilted[low])))
    return spans


def opening(eyes: Points) -> Reals:
    """Returns how far the lids are apart over the width of the eye, the mean of both eyes.

    The source is Soukupova and Cech 2016, equation 1.

    Args:
        eyes: (n, 2, 6, 2) the points of both eyes: outer corner, two on the upper lid, inner
            corner, two on the lower lid back; NaN where there are none.

    Returns:
        (n,) about 0.3 for open eyes, 0 for closed ones; NaN where there are no points, or an eye
        has no width.

    Raises:
        DataError: the points have another shape.
    """
    if eyes.ndim != 4 or eyes.shape[1:] != _EYE:
        raise DataError(f"Eyes have the shape (n, 2, 6, 2); these have {eyes.shape}.")
    points = eyes.astype(np.float64)
    lids = np.linalg.norm(points[:, :, [1, 2]] - points[:, :, [5, 4]], axis=-1).sum(axis=-1)
    width = np.linalg.norm(points[:, :, 0] - points[:, :, 3], axis=-1)
    found: Reals = (lids / (2 * np.where(width > 0, width, np.nan))).mean(axis=1)
    return found


def openness(openings: Reals, usual: float | None = None) -> Reals:
    """Returns how far eyes are open beside how far they usually are.

    Args:
        openings: (n,) as from `opening`.
        usual: the opening that counts as 1; None takes the person's 90th percentile.

    Returns:
        (n,) 0 and more; NaN where unknown, and throughout where the eyes are never seen open.
    """
    known = openings[np.isfinite(openings)]
    if usual is None:
        usual = float(np.percentile(known, _USUAL)) if len(known) else 0.0
    return openings / usual if usual > 0 else np.full(len(openings), np.nan)


def perclos(times: Reals, opened: Reals, settings: Attention | None = None) -> Reals:
    """Returns the share of time with closed eyes within the window before each frame.

    A frame stands for the time until the next one, at the most for ``hole`` seconds, so that frames
    of any distance weigh as long as they last.

    Args:
        times: (n,) seconds, rising.
        opened: (n,) as from `openness`; NaN where unknown.
        settings: what counts as closed, and the window.

    Returns:
        (n,) 0 to 1; NaN where less than half of the window, or of the time so far, is known.

    Raises:
        DataError: shapes differ, or the times do not rise.
    """
    settings = settings or Attention()
    _check(times, opened)
    if not len(times):
        return np.empty(0)
    lasts = np.minimum(np.diff(times, append=times[-1]), settings.hole)
    known = np.isfinite(opened)
    shut = np.concatenate([[0], np.cumsum(lasts * (known & (opened < settings.closed)))])
    seen = np.concatenate([[0], np.cumsum(lasts * known)])
    first = np.searchsorted(times, times - settings.window, side="left")
    here = np.arange(len(times))
    span = times - times[first]
    closed, clear = shut[here] - shut[first], seen[here] - seen[first]
    enough = (clear > 0) & (clear >= span / 2)
    share: Reals = np.full(len(times), np.nan)
    share[enough] = closed[enough] / clear[enough]
    return share


Points = npt.NDArray[np.floating[Any]]
"""Points of eyes."""


def _ahead(seen: Reals, given: float | None) -> float:
    return float(np.median(seen)) if given is None else given


def _check(times: Reals, *series: Reals) -> None:
    check_times(times)
    if any(one.shape != times.shape for one in series):
        shapes = ", ".join(str(one.shape) for one in (times, *series))
        raise DataError(f"Times and what was measured then have one length; got {shapes}.")


def _runs(
    times: Reals, seen: npt.NDArray[np.bool_], turned: npt.NDArray[np.bool_], hole: float
) -> list[tuple[int, int]]:
    """Returns first and end (exclusive) of each run of turned frames; holes up to ``hole`` pass."""
    runs: list[tuple[int, int]] = []
    last = -1
    for here in np.flatnonzero(turned).tolist():
        near = here == last + 1 or times[here] - times[last] <= hole
        if runs and near and not seen[last + 1 : here].any():
            runs[-1] = runs[-1][0], here + 1
        else:
            runs.append((here, here + 1))
        last = here
    return runs
