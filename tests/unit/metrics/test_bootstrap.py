"""Intervals: seeded, clustered, and as wide as they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.metrics.bootstrap import bootstrap, cluster_codes


def share(sums: Any) -> Any:
    return sums[:, :1] / sums[:, 1:]


def as_rows(hits: Any) -> Any:
    return np.stack([hits, np.ones(len(hits))], axis=1).astype(float)


def test_the_same_seed_gives_the_same_interval() -> None:
    rows = as_rows(np.arange(50) % 3 == 0)
    first = bootstrap(rows, [None] * 50, share, seed=4)
    again = bootstrap(rows, [None] * 50, share, seed=4)
    other = bootstrap(rows, [None] * 50, share, seed=5, resamples=200)
    assert first[0] == again[0] < first[1] == again[1]
    assert (first[0], first[1]) != (other[0], other[1])


def test_rows_without_a_person_stand_alone() -> None:
    codes, count = cluster_codes(["a", None, "b", None, "a"])
    assert codes.tolist() == [0, 1, 2, 3, 0]
    assert count == 4


def test_intervals_resample_whole_people() -> None:
    # 20 people with 30 pictures each, all right or all wrong: only 20 things are independent.
    hits = np.repeat(np.arange(20) % 2, 30)
    people = [f"p{i}" for i in np.repeat(np.arange(20), 30)]
    clustered = bootstrap(as_rows(hits), people, share)
    alone = bootstrap(as_rows(hits), [None] * 600, share)
    assert clustered[1] - clustered[0] > 4 * (alone[1] - alone[0])


def test_coverage_is_near_95_percent() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(300):
        levels = rng.beta(7, 3, 100)  # each person has their own rate of success; the mean is .7
        people = np.repeat(np.arange(100), rng.integers(1, 6, 100))
        hits = rng.random(len(people)) < levels[people]
        low, high = bootstrap(
            as_rows(hits), [str(p) for p in people], share, resamples=400, seed=seed
        )
        held += bool(low[0] <= 0.7 <= high[0])
    assert 0.91 <= held / 300 <= 0.98


def test_one_person_says_nothing_of_others() -> None:
    low, high = bootstrap(as_rows(np.ones(5)), ["a"] * 5, share)
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_a_figure_that_no_resample_gives_is_nan() -> None:
    def nothing(sums: Any) -> Any:
        return np.full((len(sums), 1), np.nan)

    assert np.isnan(bootstrap(as_rows(np.ones(5)), [None] * 5, nothing)[0]).all()


def test_wrong_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="5 rows, 2 clusters"):
        bootstrap(as_rows(np.ones(5)), ["a", "b"], share)
