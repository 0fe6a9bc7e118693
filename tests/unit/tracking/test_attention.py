"""Heads turned away and closed eyes: from drawn series, whatever the distance of the frames."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError
from mien.tracking.attention import Attention, opening, openness, perclos, turned_away

NAN = np.nan


def _clock(n: int, rate: float = 10.0) -> np.ndarray:
    return np.arange(n) / rate


def test_a_long_turn_is_told_and_a_glance_is_not() -> None:
    yaw = np.zeros(200)
    yaw[20:35] = 50  # 1.4 s
    yaw[60:90] = -45  # 2.9 s
    yaw[75] = -60
    found = turned_away(_clock(200), yaw, np.zeros(200), person=3)
    assert [one.to_dict() for one in found] == [
        {"person": 3, "start": 6.0, "end": 8.9, "yaw": -60.0, "pitch": 0.0}
    ]


def test_looking_down_counts_too() -> None:
    pitch = np.zeros(100)
    pitch[40:70] = -25
    (one,) = turned_away(_clock(100), np.zeros(100), pitch)
    assert (one.start, one.end, one.pitch) == (4.0, 6.9, -25.0)


def test_straight_ahead_is_where_the_person_mostly_looks() -> None:
    yaw = np.full(100, 55.0)
    yaw[50:80] = 0
    (one,) = turned_away(_clock(100), yaw, np.zeros(100))
    assert one.yaw == -55
    told = turned_away(_clock(100), yaw, np.zeros(100), settings=Attention(yaw_ahead=0))
    assert [(span.start, span.end) for span in told] == [(0.0, 4.9)]


def test_a_short_hole_does_not_break_a_turn_and_a_long_one_does() -> None:
    yaw = np.zeros(200)
    yaw[50:100] = 40
    yaw[70:73] = NAN
    assert len(turned_away(_clock(200), yaw, np.zeros(200))) == 1
    yaw[70:80] = NAN
    first, second = turned_away(_clock(200), yaw, np.zeros(200), settings=Attention(away=1.0))
    assert (first.end, second.start) == (6.9, 8.0)


def test_without_any_pose_nothing_is_told() -> None:
    nothing = np.full(5, NAN)
    assert turned_away(_clock(5), nothing, nothing) == []
    assert turned_away(np.empty(0), np.empty(0), np.empty(0)) == []


@given(
    st.lists(st.one_of(st.just(NAN), st.floats(-90, 90)), min_size=1, max_size=60), st.floats(0, 3)
)
def test_turns_are_apart_in_order_and_long_enough(yaw: list[float], away: float) -> None:
    times = _clock(len(yaw))
    found = turned_away(times, np.array(yaw), np.zeros(len(yaw)), settings=Attention(away=away))
    for one in found:
        assert one.end - one.start >= away
        assert abs(one.yaw) > 30 or abs(one.pitch) > 20
    for before, after in itertools.pairwise(found):
        assert before.end < after.start


def _eyes(*openings: float) -> np.ndarray:
    """Eyes four wide, as far open as told."""
    eye = np.array([(0, 0), (1, 1), (3, 1), (4, 0), (3, -1), (1, -1)], float)
    return np.stack([[eye * (1, opening / 2)] * 2 for opening in openings])


def test_openness_is_a_share_of_the_usual_one() -> None:
    eyes = _eyes(*[1.0] * 18, 0.5, 0.0)
    found = openness(opening(eyes))
    assert found[:18] == pytest.approx(1)
    assert found[18:] == pytest.approx([0.5, 0])
    assert openness(opening(eyes), usual=0.5)[:2] == pytest.approx(0.5)


def test_eyes_without_points_or_width_are_unknown() -> None:
    eyes = _eyes(1.0, 1.0)
    eyes[0] = NAN
    eyes[1, 0] = 0
    assert np.isnan(openness(opening(eyes))).all()
    assert np.isnan(openness(opening(_eyes(0.0)))).all()
    with pytest.raises(DataError, match=r"\(n, 2, 6, 2\)"):
        opening(np.zeros((3, 12)))


def test_perclos_is_the_share_of_closed_time_in_the_window() -> None:
    opened = np.ones(1201)
    opened[600:900] = 0.1
    found = perclos(_clock(1201), opened)
    assert found[599] == 0
    assert found[1200] == pytest.approx(0.5, abs=0.01)
    assert found[900] == pytest.approx(300 / 600, abs=0.01)


def test_frames_weigh_as_long_as_they_last() -> None:
    times = np.concatenate([np.arange(100) / 100, 1 + np.arange(11) / 10])
    opened = np.where(times < 1, 0.0, 1.0)
    assert perclos(times, opened)[-1] == pytest.approx(0.5, abs=0.02)


def test_perclos_is_unknown_where_little_was_seen() -> None:
    opened = np.full(100, NAN)
    opened[:10] = 1
    found = perclos(_clock(100), opened)
    assert found[15] == 0
    assert np.isnan(found[60:]).all()
    assert len(perclos(np.empty(0), np.empty(0))) == 0


@given(st.lists(st.one_of(st.just(NAN), st.floats(0, 1.5)), min_size=1, max_size=50))
def test_perclos_is_a_share(opened: list[float]) -> None:
    found = perclos(_clock(len(opened)), np.array(opened))
    known = found[np.isfinite(found)]
    assert ((known >= 0) & (known <= 1)).all()


@pytest.mark.parametrize(
    "wrong", [{"yaw": 0}, {"pitch": 181}, {"away": -1}, {"window": 0}, {"closed": 1}, {"hole": -1}]
)
def test_a_wrong_setting_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="Attention needs"):
        Attention(**wrong)


def test_series_of_other_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="one length"):
        turned_away(_clock(3), np.zeros(2), np.zeros(3))
    with pytest.raises(DataError, match="rise"):
        perclos(np.zeros(3), np.zeros(3))
