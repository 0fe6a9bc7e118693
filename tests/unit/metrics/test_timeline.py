"""Figures of timelines, on cases whose answers are known."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import DataError, MissingExtraError
from mien.core.timeline import Event
from mien.metrics.timeline import (
    EventScores,
    apex_error,
    delays,
    event_scores,
    flicker,
    matches,
    rise,
)


def event(
    onset: float, after: str = "happy", before: str = "neutral", reported: float | None = None
) -> Event:
    return Event(0, before, after, onset, onset, onset + 1, 0.9, reported)


EVENTS = st.lists(
    st.builds(event, st.integers(0, 12).map(lambda n: n / 4), st.sampled_from(["happy", "fear"])),
    max_size=6,
)


def test_counts_of_a_constructed_case() -> None:
    true = [event(1), event(5), event(9, "fear"), event(12)]
    found = [event(1.4), event(1.3), event(5.6), event(9), event(12)]
    # 1.3 or 1.4 is one event; 5.6 is too late; 9 is of another class.
    scores = event_scores(true, found)
    assert scores == EventScores(matched=2, found=5, true=4)
    assert scores.precision == 0.4
    assert scores.recall == 0.5
    assert scores.f1 == pytest.approx(4 / 9)
    assert scores + EventScores(1, 1, 1) == EventScores(3, 6, 5)


def test_the_class_before_counts_too() -> None:
    assert event_scores([event(1)], [event(1, before="anger")]).matched == 0


def test_nothing_has_no_share() -> None:
    scores = event_scores([], [])
    assert np.isnan([scores.precision, scores.recall, scores.f1]).all()
    assert event_scores([event(1)], []).f1 == 0


def most(true: list[Event], found: list[Event], tolerance: float) -> int:
    """Returns the largest number of pairs by trying every subset and order."""
    short, long = sorted((true, found), key=len)
    best = 0
    for order in itertools.permutations(long, len(short)):
        fits = [
            a.after == b.after and abs(a.onset - b.onset) <= tolerance
            for a, b in zip(short, order, strict=True)
        ]
        best = max(best, sum(fits))
    return best


@given(EVENTS, EVENTS, st.sampled_from([0, 0.25, 0.5, 1]))
@settings(deadline=None)
def test_no_choice_gives_more_pairs(
    true: list[Event], found: list[Event], tolerance: float
) -> None:
    pairs = matches(true, found, tolerance)
    assert len(pairs) == most(true, found, tolerance)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    for i, j in pairs:
        assert true[i].after == found[j].after
        assert abs(true[i].onset - found[j].onset) <= tolerance
    scores = event_scores(true, found, tolerance)
    assert scores.found + scores.true == 0 or 0 <= scores.f1 <= 1
    assert matches(found, true, tolerance) == sorted(
        ((j, i) for i, j in pairs), key=lambda pair: (found[pair[0]].onset, pair)
    )


def test_delays_are_from_the_true_onset_to_the_telling() -> None:
    true = [event(1), event(5), event(9)]
    found = [event(1.1, reported=1.5), event(5), event(20, reported=21)]
    assert delays(true, found).tolist() == [0.5]
    assert delays([], []).shape == (0,)


def test_the_apex_error_is_in_the_unit_of_the_order() -> None:
    assert apex_error([1, 2, 3, 4], [0.1, np.nan, 0.8, 0.8], 4) == 1
    assert np.isnan(apex_error([1, 2], [np.nan, np.nan], 1))


def test_a_probability_that_rises_follows_the_sequence() -> None:
    frames = np.arange(6)
    assert rise(frames, frames**2 / 40) == pytest.approx(1)
    assert rise(frames, -frames) == pytest.approx(-1)
    assert rise([0, 1, 2, 3], [0.1, np.nan, 0.2, 0.3]) == pytest.approx(1)
    assert np.isnan(rise([0, 1, 2, 3], [0.1, np.nan, np.nan, 0.3]))
    assert np.isnan(rise(frames, np.ones(6)))
    assert np.isnan(rise(np.ones(6), frames))


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(MissingExtraError, match="'data'"):
        rise([1, 2, 3], [1, 2, 3])


def test_flicker_is_what_changes_beyond_the_truth() -> None:
    times = np.linspace(0, 30, 8)
    answers = [0, 4, -1, 4, 0, 0, 6, 6]
    assert flicker(times, answers) == 6
    assert flicker(times, answers, changes=1) == 4
    assert flicker(times, np.zeros(8), changes=1) == -2
    assert np.isnan(flicker([1], [0]))


def test_what_does_not_fit_is_refused() -> None:
    for figure in (flicker, rise):
        with pytest.raises(DataError, match="as many frames"):
            figure([1, 2], [1])
    with pytest.raises(DataError, match="tolerance"):
        matches([], [], -1)
