"""Smoothing, held against the sum over all paths, and against itself."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import DataError
from mien.tracking.dynamics import Dynamics
from mien.tracking.hidden_markov import Chain, Stream, filtered, lagged, smoothed

PRIOR = (0.3, 0.1, 0.05, 0.1, 0.2, 0.15, 0.1)


def make_frames(n: int, seed: int, missing: float = 0.2) -> tuple[Any, Any]:
    """Returns irregular times (n,) and posteriors (n, 7), some of them missing."""
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.full(7, 0.5), n)
    rows[rng.random(n) < missing] = np.nan
    return np.cumsum(rng.uniform(0.01, 0.5, n)), rows


def summed_over_paths(times: Any, rows: Any, chain: Chain) -> Any:
    """Returns the smoothed rows (n, 7) by adding up every path through the classes."""
    n = len(times)
    found = np.zeros((n, 7))
    seen = ~np.isnan(rows).any(axis=1)
    likelihoods = []
    for t in range(n):
        earlier = times[:t][seen[:t]]
        since = times[t] - earlier[-1] if len(earlier) else np.inf
        likelihoods.append(chain.likelihood(rows[t], since))
    steps = [chain.dynamics.step(round(d, 6)) for d in np.diff(times)]
    for path in itertools.product(range(7), repeat=n):
        weight = chain.dynamics.shares[path[0]] * likelihoods[0][path[0]]
        for t in range(1, n):
            weight *= steps[t - 1][path[t - 1], path[t]] * likelihoods[t][path[t]]
        for t, label in enumerate(path):
            found[t, label] += weight
    return found / found.sum(axis=1, keepdims=True)


@given(st.integers(1, 4), st.integers(0, 10**6), st.floats(0, 1))
@settings(max_examples=15, deadline=None)
def test_forward_backward_is_the_sum_over_all_paths(n: int, seed: int, correlation: float) -> None:
    times, rows = make_frames(n, seed)
    chain = Chain(Dynamics.stated(0.5, 0.8), PRIOR, correlation)
    expected = summed_over_paths(times, rows, chain)
    assert np.allclose(smoothed(times, rows, chain), expected, atol=1e-9)
    assert np.allclose(filtered(times, rows, chain)[-1], expected[-1], atol=1e-9)


@given(st.integers(0, 30), st.integers(0, 10**6), st.floats(0, 2))
@settings(deadline=None)
def test_rows_sum_to_one_and_the_ends_agree(n: int, seed: int, lag: float) -> None:
    times, rows = make_frames(n, seed)
    for found in (filtered(times, rows), lagged(times, rows, lag=lag), smoothed(times, rows)):
        assert found.shape == (n, 7)
        assert np.allclose(found.sum(axis=1), 1)
    assert np.allclose(lagged(times, rows, lag=0), filtered(times, rows))
    assert np.allclose(lagged(times, rows, lag=1e9), smoothed(times, rows))


@given(st.integers(2, 25), st.integers(0, 10**6), st.floats(0, 1))
@settings(deadline=None)
def test_a_settled_frame_knows_what_was_seen_until_then(n: int, seed: int, lag: float) -> None:
    times, rows = make_frames(n, seed)
    found = lagged(times, rows, lag=lag)
    for t, time in enumerate(times):
        until = min(int(np.searchsorted(times, time + lag - 1e-9)), n - 1)
        whole = smoothed(times[: until + 1], rows[: until + 1])
        assert np.allclose(found[t], whole[t], atol=1e-9)


def test_hours_of_frames_do_not_underflow_and_the_stream_forgets_them() -> None:
    times = np.arange(20_000) / 25
    rows = np.full((len(times), 7), 1e-9)
    rows[:, 4] = 1 - 6e-9
    found = smoothed(times, rows)
    assert np.isfinite(found).all()
    assert found[-1, 4] > 0.98
    stream = Stream(lag=0.4)
    sizes = {len(stream.update(t, row).times) for t, row in zip(times[:500], rows, strict=False)}
    assert max(sizes) == 11


def test_a_second_says_as_much_at_any_frame_rate() -> None:
    weak = np.array([0.3, 0.1, 0.1, 0.1, 0.2, 0.1, 0.1])
    last = []
    for rate in (15, 30, 60):
        times = np.arange(0, 2, 1 / rate)
        last.append(smoothed(times, np.tile(weak, (len(times), 1)))[len(times) // 2])
    assert np.allclose(last[0], last[2], atol=0.02)
    assert np.allclose(last[1], last[2], atol=0.02)


def test_a_flicker_is_smoothed_away_and_a_change_is_not() -> None:
    times = np.arange(60) / 25
    rows = np.full((60, 7), 0.03)
    rows[:30, 0] = rows[30:, 4] = 0.82
    rows[10] = 0.03
    rows[10, 3] = 0.82
    answers = smoothed(times, rows).argmax(axis=1)
    assert answers.tolist() == [0] * 30 + [4] * 30


def test_the_prior_is_taken_out_again() -> None:
    # A posterior that equals the prior says nothing, whatever its largest class is.
    chain = Chain(prior=PRIOR)
    assert np.allclose(chain.likelihood(np.array(PRIOR), np.inf), 1)
    times = np.arange(5.0)
    found = smoothed(times, np.tile(PRIOR, (5, 1)), chain)
    assert np.allclose(found, chain.dynamics.shares)


def test_a_frame_counts_by_what_it_adds() -> None:
    chain = Chain(correlation=0.2)
    assert chain.exponent(np.inf) == 1
    assert chain.exponent(0.04) == pytest.approx(np.tanh(0.1))
    assert chain.exponent(1e-9) == pytest.approx(0, abs=1e-8)
    assert Chain(correlation=0).exponent(0.04) == 1
    ratio = np.exp(-chain.correlation / chain.correlation)
    assert chain.exponent(0.2) == pytest.approx((1 - ratio) / (1 + ratio))


def test_a_frame_without_an_answer_says_nothing() -> None:
    chain = Chain()
    assert chain.likelihood(None, 1).tolist() == [1] * 7
    stream = Stream(chain, 0)
    first = stream.update(0, np.eye(7)[4]).smoothed[-1]
    later = stream.update(0.5, None).smoothed[-1]
    assert np.allclose(later, first @ chain.dynamics.step(0.5))


def test_what_cannot_be_smoothed_is_refused() -> None:
    rows = np.full((2, 7), 1 / 7)
    with pytest.raises(DataError, match="posteriors"):
        smoothed([0.0, 1.0, 2.0], rows)
    for times in ([1.0, 0.0], [0.0, 0.0]):
        with pytest.raises(DataError, match="rise"):
            smoothed(times, rows)
    stream = Stream()
    stream.update(1, None)
    with pytest.raises(DataError, match="rise"):
        stream.update(1, None)
    with pytest.raises(DataError, match="lag"):
        Stream(lag=-1)
    with pytest.raises(DataError, match="prior"):
        Chain(prior=(1.0, 0, 0, 0, 0, 0, 0))
    with pytest.raises(DataError, match="correlation"):
        Chain(correlation=-1)
