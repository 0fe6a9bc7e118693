"""Smoothing through time: a hidden Markov model over the seven classes, in continuous time.

A face shows one class for a while and then another: how long, and which comes next, is `Dynamics`.
What one frame says, the calibrated posterior, is divided by the class shares it was computed under,
which gives the likelihood up to a factor (Bourlard and Morgan 1994, "Connectionist Speech
Recognition").

Successive frames repeat each other's errors, so a frame counts by what it adds. Of errors that fade
with the time constant c, as in an autoregressive process, a sample t seconds after the last adds
(1 - r) / (1 + r) = tanh(t / 2c) of a sample of its own, with r = exp(-t / c). That is the exponent
of its likelihood: a second says as much at 60 frames as at 10. A frame without an answer says
nothing, and the next one counts for more.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mien.core.errors import DataError
from mien.core.labels import CLASSES
from mien.core.timeline import Reals, check_times
from mien.tracking.dynamics import Dynamics, step

SIZE: Final = len(CLASSES)
LAG: Final = 1.0
"""Seconds that a stream looks back. Where the evidence is weak, a change is seen only after half a
second or more, and a shorter window would have lost its onset by then."""
_EQUAL: Final = (1 / SIZE,) * SIZE
_LEAST: Final = 1e-4
"""Posteriors are clipped here, so that no single frame can rule a class out."""
_CLOCK: Final = 6
"""Digits of the seconds between frames: equal steps then share their matrix."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The model: how classes follow each other, and what a frame is worth.

    Attributes:
        dynamics: how long a class lasts and what follows it.
        prior: (7) the class shares that the posteriors assume: a model's `target_prior`.
        correlation: seconds over which the errors of frames fade; 0 takes frames for independent.
            The default was chosen on training faces in ``benchmarks/transitions.py``.

    Raises:
        DataError: the prior is not seven shares above 0, or the seconds are negative.
    """

    dynamics: Dynamics = Dynamics()  # noqa: RUF009  # frozen
    prior: tuple[float, ...] = _EQUAL
    correlation: float = 0.1

    def __post_init__(self) -> None:
        if len(self.prior) != SIZE or not min(self.prior) > 0:
            raise DataError(f"The prior is {SIZE} shares above 0; got {self.prior}.")
        if not 0 <= self.correlation < math.inf:
            raise DataError(f"The correlation is 0 or more seconds; got {self.correlation}.")

    @classmethod
    def assuming(cls, shares: npt.ArrayLike, correlation: float = 0.1) -> Chain:
        """Returns the chain for posteriors that assume some class shares (7,).

        Args:
            shares: what a model's `target_prior` returns.
            correlation: as above.
        """
        told = np.asarray(shares, np.float64).tolist()
        return cls(prior=tuple(told), correlation=correlation)

    def exponent(self, seconds: float) -> float:
        """Returns what a frame counts, 0 to 1, some seconds after the last one with an answer."""
        return math.tanh(float(seconds) / (2 * self.correlation)) if self.correlation else 1.0

    def likelihood(self, posterior: Reals | None, seconds: float) -> Reals:
        """Returns the likelihood (7,) of a frame up to a factor; the largest is 1.

        Args:
            posterior: (7,) calibrated probabilities; None or NaN where there is no answer.
            seconds: since the last frame with an answer; infinity for the first.
        """
        if posterior is None or np.isnan(posterior).any():
            return np.ones(SIZE)
        odds = np.log(np.maximum(posterior, _LEAST)) - np.log(self.prior)
        likelihood: Reals = np.exp(self.exponent(seconds) * (odds - odds.max()))
        return likelihood


class Window(NamedTuple):
    """The last frames of a stream, smoothed by all that was seen until the last of them.

    Attributes:
        times: (k,) seconds.
        raw: (k, 7) the posteriors as they came; NaN where there is no answer.
        smoothed: (k, 7) probabilities; the last row is the filtered one.
        settled: how many of the first rows leave the window now: they do not change any more.
    """

    times: Reals
    raw: Reals
    smoothed: Reals
    settled: int


class _Seen(NamedTuple):
    """A frame of the window: its filtered row, its likelihood and the step that led to it."""

    time: float
    raw: Reals
    likelihood: Reals
    filtered: Reals
    step: Reals


class Stream:
    """Smooths a stream with a bounded delay; memory holds the frames of the delay alone.

    Args:
        chain: the model.
        lag: seconds after which a frame is settled, at the first frame that comes then; 0 settles
            every frame at once, which is filtering.

    Raises:
        DataError: the lag is negative.
    """

    def __init__(self, chain: Chain | None = None, lag: float = LAG) -> None:
        if not 0 <= lag < math.inf:
            raise DataError(f"The lag is 0 or more seconds; got {lag}.")
        self.chain, self.lag = chain or Chain(), lag
        self._window: deque[_Seen] = deque()
        self._last: _Seen | None = None
        self._answered = -math.inf

    def update(self, time: float, posterior: Reals | None) -> Window:
        """Takes the next frame and returns the window as it is then.

        Args:
            time: seconds, later than the last.
            posterior: (7,) calibrated probabilities; None or NaN where there is no answer.

        Raises:
            DataError: the time is not finite, or no later than the last one.
        """
        raw = np.full(SIZE, np.nan) if posterior is None else np.asarray(posterior, np.float64)
        likelihood = self.chain.likelihood(raw, time - self._answered)
        if self._last is None:
            between, expected = np.eye(SIZE), self.chain.dynamics.shares
        else:
            check_times(np.array([self._last.time, time]))
            between = step(self.chain.dynamics, round(time - self._last.time, _CLOCK))
            expected = self._last.filtered @ between
        filtered = expected * likelihood
        self._last = _Seen(time, raw, likelihood, filtered / filtered.sum(), between)
        self._window.append(self._last)
        if not np.isnan(raw).any():
            self._answered = time
        return self._settle(time)

    def _settle(self, time: float) -> Window:
        """Returns the window, smoothed backwards, and lets the settled frames go."""
        seen = list(self._window)
        times = np.array([one.time for one in seen])
        smoothed = _backward(
            np.array([one.filtered for one in seen]),
            np.array([one.likelihood for one in seen]),
            [one.step for one in seen],
        )
        settled = int((times <= time - self.lag + 1e-9).sum())  # times at 1/25 s are not exact
        for _ in range(settled):
            self._window.popleft()
        return Window(times, np.array([one.raw for one in seen]), smoothed, settled)


def filtered(times: npt.ArrayLike, posteriors: npt.ArrayLike, chain: Chain | None = None) -> Reals:
    """Returns the probabilities (n, 7) of each frame given itself and those before it.

    Args:
        times: (n,) seconds, rising.
        posteriors: (n, 7) calibrated probabilities; rows of NaN where there is no answer.
        chain: the model.

    Raises:
        DataError: the shapes differ or the times do not rise.
    """
    return _forward(*_checked(times, posteriors), chain or Chain())[0]


def lagged(
    times: npt.ArrayLike, posteriors: npt.ArrayLike, chain: Chain | None = None, lag: float = LAG
) -> Reals:
    """Returns what a `Stream` settles on: each frame (n, 7) given those up to ``lag`` s later.

    Args:
        times: as in `filtered`.
        posteriors: likewise.
        chain: the model.
        lag: seconds.
    """
    stream, found = Stream(chain, lag), [np.empty((0, SIZE))]
    window: Window | None = None
    for time, row in zip(*_checked(times, posteriors), strict=True):
        window = stream.update(float(time), row)
        found.append(window.smoothed[: window.settled])
    if window is not None:
        found.append(window.smoothed[window.settled :])
    return np.concatenate(found)


def smoothed(times: npt.ArrayLike, posteriors: npt.ArrayLike, chain: Chain | None = None) -> Reals:
    """Returns the probabilities (n, 7) of each frame given all frames (forward-backward).

    Args:
        times: as in `filtered`.
        posteriors: likewise.
        chain: the model.
    """
    return _backward(*_forward(*_checked(times, posteriors), chain or Chain()))


def _checked(times: npt.ArrayLike, posteriors: npt.ArrayLike) -> tuple[Reals, Reals]:
    moments, rows = np.asarray(times, np.float64), np.asarray(posteriors, np.float64)
    if moments.ndim != 1 or rows.shape != (len(moments), SIZE):
        raise DataError(
            f"Smoothing needs times (n,) and posteriors (n, {SIZE}); got {moments.shape} and "
            f"{rows.shape}."
        )
    check_times(moments)
    return moments, rows


def _forward(times: Reals, rows: Reals, chain: Chain) -> tuple[Reals, Reals, list[Reals]]:
    """Returns the filtered rows (n, 7), the likelihoods and the step that leads to each frame.

    Each row is scaled to sum to 1, so that hours of frames do not underflow.
    """
    found, likelihoods = np.empty((2, len(times), SIZE))
    steps: list[Reals] = []
    answered, expected = -math.inf, chain.dynamics.shares
    between: Reals = np.eye(SIZE)
    for place, (time, row) in enumerate(zip(times.tolist(), rows, strict=True)):
        if place:
            between = step(chain.dynamics, round(time - times[place - 1], _CLOCK))
            expected = found[place - 1] @ between
        likelihoods[place] = chain.likelihood(row, time - answered)
        steps.append(between)
        answered = answered if np.isnan(row).any() else time
        joint = expected * likelihoods[place]
        found[place] = joint / joint.sum()
    return found, likelihoods, steps


def _backward(found: Reals, likelihoods: Reals, steps: list[Reals]) -> Reals:
    """Returns smoothed rows (n, 7) from what `_forward` returns."""
    rows, later = found.copy(), np.ones(SIZE)
    for place in range(len(rows) - 2, -1, -1):
        later = steps[place + 1] @ (likelihoods[place + 1] * later)
        later /= later.sum()
        joint = rows[place] * later
        rows[place] = joint / joint.sum()
    return rows
