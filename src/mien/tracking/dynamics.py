"""How apparent expressions follow each other: a Markov process in continuous time.

A class lasts for an exponentially distributed time and is then left for another. Written as rates a
second, that is right for any frame rate and for frames at irregular times: the probabilities over
some seconds are the exponential of the rates times the seconds.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mien.core.errors import DataError
from mien.core.labels import CLASSES
from mien.core.timeline import Reals, check_times

SIZE: Final = len(CLASSES)
EXPRESSION: Final = 2.0
"""Seconds that an expression lasts where nothing is learned: within the 0.5 to 4 s of Matsumoto and
Hwang 2011 ("Evidence for training the ability to read microexpressions of emotion")."""
NEUTRAL: Final = 4.0
"""Seconds that a neutral face lasts where nothing is learned: assumed, twice an expression."""
THROUGH_NEUTRAL: Final = 0.5
"""The share of expressions that end in a neutral face where nothing is learned: assumed."""
_TERMS: Final = 20
"""Terms of the series of an exponential of at most 1; the last is below 1e-18."""


def _jumps(through_neutral: float) -> tuple[tuple[float, ...], ...]:
    """Returns what follows each class: neutral with this share, every other one equally often."""
    other = (1 - through_neutral) / (SIZE - 2)
    table = np.full((SIZE, SIZE), other)
    table[:, 0], table[0] = through_neutral, 1 / (SIZE - 1)
    np.fill_diagonal(table, 0)
    return tuple(map(tuple, table.tolist()))


@dataclass(frozen=True, slots=True)
class Dynamics:
    """How long each class lasts, and what follows it.

    Attributes:
        dwell: (7) mean seconds that each class lasts.
        jumps: (7, 7) the share of each next class where a class is left; rows sum to 1, and the
            diagonal is 0.

    Raises:
        DataError: a shape is wrong, a time is not above 0, or a row does not sum to 1.
    """

    dwell: tuple[float, ...] = (NEUTRAL, *(EXPRESSION,) * (SIZE - 1))
    jumps: tuple[tuple[float, ...], ...] = _jumps(THROUGH_NEUTRAL)

    def __post_init__(self) -> None:
        table = np.asarray(self.jumps, np.float64)
        if len(self.dwell) != SIZE or not all(0 < seconds < math.inf for seconds in self.dwell):
            raise DataError(f"Expected {SIZE} mean times above 0 s; got {self.dwell}.")
        sound = table.shape == (SIZE, SIZE) and (table >= 0).all() and not np.diag(table).any()
        if not sound or not np.allclose(table.sum(axis=1), 1):
            raise DataError(
                f"What follows a class is a table ({SIZE}, {SIZE}) of shares whose rows sum to 1 "
                f"and whose diagonal is 0; got the shape {table.shape}."
            )

    @classmethod
    def stated(
        cls,
        expression: float = EXPRESSION,
        neutral: float = NEUTRAL,
        through_neutral: float = THROUGH_NEUTRAL,
    ) -> Dynamics:
        """Returns the dynamics of a few stated figures.

        Args:
            expression: mean seconds of each class but neutral.
            neutral: mean seconds of neutral.
            through_neutral: the share of expressions that are followed by neutral, 0 to 1; the
                others follow each other equally often.
        """
        return cls((neutral, *(expression,) * (SIZE - 1)), _jumps(through_neutral))

    @property
    def rates(self) -> Reals:
        """(7, 7) changes a second, from row to column; rows sum to 0."""
        rates: Reals = np.asarray(self.jumps) / np.asarray(self.dwell)[:, None]
        np.fill_diagonal(rates, -1 / np.asarray(self.dwell))
        return rates

    @property
    def shares(self) -> Reals:
        """(7,) the share of time spent in each class in the long run, summing to 1."""
        return _shares(self)

    def step(self, seconds: float) -> Reals:
        """Returns the probabilities (7, 7) of each class (column) some seconds after each (row).

        Args:
            seconds: 0 or more.
        """
        return step(self, seconds)


@functools.lru_cache(maxsize=1024)
def step(dynamics: Dynamics, seconds: float) -> Reals:
    """Returns `Dynamics.step`; kept, since most frames are equally far apart. Do not change it."""
    if not 0 <= seconds < math.inf:
        raise DataError(f"A step takes 0 or more seconds; got {seconds}.")
    rates = dynamics.rates * seconds
    # Uniformised (Jensen 1953), so that no term is negative and nothing cancels; then squared.
    largest = float(-np.diag(rates).min())
    halvings = max(0, math.ceil(math.log2(largest))) if largest > 0 else 0
    small, fastest = rates / 2**halvings, largest / 2**halvings
    chances = np.eye(SIZE) + (small / fastest if fastest else small)
    term, found = np.eye(SIZE), np.eye(SIZE)
    for k in range(1, _TERMS + 1):
        term = term @ chances * (fastest / k)
        found = found + term
    for _ in range(halvings):
        found /= found.sum(axis=1, keepdims=True)
        found = found @ found
    found /= found.sum(axis=1, keepdims=True)
    found.flags.writeable = False
    return found


@functools.lru_cache(maxsize=64)
def _shares(dynamics: Dynamics) -> Reals:
    # The rates are singular: one more equation asks for a sum of 1.
    equations = np.vstack([dynamics.rates.T, np.ones(SIZE)])
    wanted = np.append(np.zeros(SIZE), 1.0)
    found: Reals = np.clip(np.linalg.lstsq(equations, wanted, rcond=None)[0], 0, None)
    found /= found.sum()
    found.flags.writeable = False
    return found


def learn(
    sequences: Iterable[tuple[npt.ArrayLike, npt.ArrayLike]],
    pseudo: float = 1.0,
    expected: Dynamics | None = None,
) -> Dynamics:
    """Returns the dynamics of labelled sequences.

    Each class's changes are divided by the seconds it was seen: the likeliest rates of a process
    that is watched all along. A change counts where two successive frames are labelled differently,
    and the time between two frames belongs to the label of the first.

    Args:
        sequences: for each, the times (n,) of its frames in seconds, rising, and their labels (n,):
            0 to 6, or -1 where unknown. Nothing is taken from beside an unknown frame.
        pseudo: how many changes from each class are imagined beside those seen; they take as long,
            and lead as often to each other class, as ``expected`` says.
        expected: what is assumed before anything is seen; None takes the stated defaults.

    Raises:
        DataError: lengths differ, times do not rise, a label is out of range, ``pseudo`` is not
            above 0.
    """
    if not 0 < pseudo < math.inf:
        raise DataError(f"The pseudo-count is above 0; got {pseudo}. A class may never be seen.")
    before = expected or Dynamics()
    changes = pseudo * np.asarray(before.jumps, np.float64)
    seconds = pseudo * np.asarray(before.dwell, np.float64)
    for times, labels in sequences:
        moments, classes = np.asarray(times, np.float64), np.asarray(labels, np.int64)
        if moments.shape != classes.shape or not np.isin(classes, np.arange(-1, SIZE)).all():
            raise DataError(
                f"A labelled sequence is times and as many labels from -1 to {SIZE - 1}; got "
                f"{moments.shape} and {classes.shape}."
            )
        check_times(moments)
        first, then = classes[:-1], classes[1:]
        known = (first >= 0) & (then >= 0)
        np.add.at(seconds, first[known], np.diff(moments)[known])
        changed = known & (first != then)
        np.add.at(changes, (first[changed], then[changed]), 1)
    counts = changes.sum(axis=1)
    jumps = changes / counts[:, None]
    return Dynamics(tuple((seconds / counts).tolist()), tuple(map(tuple, jumps.tolist())))
