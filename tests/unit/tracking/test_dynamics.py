"""How classes follow each other, on any clock."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from mien.core.errors import DataError
from mien.tracking.dynamics import Dynamics, learn, step

SECONDS = st.floats(0, 100)
SOME = st.builds(Dynamics.stated, st.floats(0.05, 20), st.floats(0.05, 20), st.floats(0, 1))


@given(SOME, SECONDS)
def test_a_step_is_the_exponential_of_the_rates(dynamics: Dynamics, seconds: float) -> None:
    found = dynamics.step(seconds)
    assert np.allclose(found.sum(axis=1), 1)
    assert (found >= 0).all()
    assert np.allclose(found, scipy.linalg.expm(dynamics.rates * seconds), atol=1e-9)


@given(SOME, SECONDS, SECONDS)
def test_two_steps_are_one(dynamics: Dynamics, first: float, second: float) -> None:
    both = dynamics.step(first) @ dynamics.step(second)
    assert np.allclose(both, dynamics.step(first + second), atol=1e-9)


@given(SOME)
def test_shares_of_the_long_run_stay(dynamics: Dynamics) -> None:
    assert dynamics.shares.sum() == pytest.approx(1)
    assert np.allclose(dynamics.shares @ dynamics.step(3.0), dynamics.shares, atol=1e-7)


def test_no_time_changes_nothing_and_a_kept_step_cannot_be_changed() -> None:
    found = Dynamics().step(0)
    assert np.array_equal(found, np.eye(7))
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0] = 2


def test_neutral_stands_between_expressions() -> None:
    dynamics = Dynamics.stated(expression=1, neutral=3, through_neutral=0.7)
    assert dynamics.dwell == (3, 1, 1, 1, 1, 1, 1)
    assert dynamics.rates[4, 0] == pytest.approx(0.7)
    assert dynamics.rates[4, 1] == pytest.approx(0.3 / 5)
    assert dynamics.rates[0, 1] == pytest.approx(1 / 18)


def walked(dynamics: Dynamics, seconds: float, rate: float, seed: int) -> tuple[np.ndarray, ...]:
    """Returns times and classes of a walk of the process, seen at a frame rate."""
    rng = np.random.default_rng(seed)
    times = np.arange(0, seconds, 1 / rate)
    ends, classes, label, now = [], [], 0, 0.0
    while now < seconds:
        now += rng.exponential(dynamics.dwell[label])
        ends.append(now)
        classes.append(label)
        label = int(rng.choice(7, p=dynamics.jumps[label]))
    return times, np.array(classes)[np.searchsorted(ends, times, side="right")]


@pytest.mark.parametrize("rate", [15, 60])
def test_dynamics_are_learned_at_any_frame_rate(rate: float) -> None:
    true = Dynamics.stated(expression=1.5, neutral=3, through_neutral=0.8)
    found = learn(walked(true, 2000, rate, seed) for seed in range(3))
    assert np.allclose(found.dwell, true.dwell, rtol=0.2)
    assert np.asarray(found.jumps)[1:, 0] == pytest.approx(0.8, abs=0.06)


def test_nothing_learned_is_what_was_expected() -> None:
    expected = Dynamics.stated(expression=1, neutral=2)
    found = learn([], pseudo=2, expected=expected)
    assert np.allclose(found.dwell, expected.dwell)
    assert np.allclose(found.jumps, expected.jumps)


def test_counts_and_seconds_are_divided() -> None:
    # 2 s of happy, left once for fear; the imagined change took 2 s and led anywhere.
    found = learn([(np.array([0.0, 1.0, 2.0]), np.array([4, 4, 3]))])
    assert found.dwell[4] == pytest.approx((2 + 2) / 2)
    assert found.jumps[4][3] == pytest.approx((1 + 0.1) / 2)


def test_nothing_is_taken_from_beside_unknown_frames() -> None:
    times = np.arange(4) / 10
    assert learn([(times, [4, -1, 3, -1])]) == learn([])


@pytest.mark.parametrize(
    ("pair", "pseudo"),
    [
        (([0.0, 1.0], [0]), 1),
        (([0.0, 1.0], [0, 7]), 1),
        (([1.0, 0.0], [0, 1]), 1),
        (([0.0, 1.0], [0, 1]), 0),
    ],
)
def test_sequences_that_teach_nothing_sound_are_refused(
    pair: tuple[list[float], list[int]], pseudo: float
) -> None:
    with pytest.raises(DataError):
        learn([pair], pseudo)


@pytest.mark.parametrize("dwell", [(1.0,) * 6, (1.0,) * 6 + (0.0,), (1.0,) * 6 + (float("inf"),)])
def test_times_that_cannot_be_are_refused(dwell: tuple[float, ...]) -> None:
    with pytest.raises(DataError, match="above 0 s"):
        Dynamics(dwell)


def test_tables_and_steps_that_cannot_be_are_refused() -> None:
    good = Dynamics().jumps
    double = tuple(tuple(2 * share for share in row) for row in good)
    for bad in (good[:6], tuple(map(tuple, np.eye(7).tolist())), double):
        with pytest.raises(DataError, match="rows sum to 1"):
            dataclasses.replace(Dynamics(), jumps=bad)
    for seconds in (-1.0, float("inf"), float("nan")):
        with pytest.raises(DataError, match="0 or more seconds"):
            step(Dynamics(), seconds)


def test_equal_steps_share_their_matrix() -> None:
    pairs = itertools.pairwise([Dynamics().step(0.04) for _ in range(3)])
    assert all(a is b for a, b in pairs)
