"""Which frames of a sequence are taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.core.errors import ConfigError
from mien.core.sequences import check_take, how_many, in_order, last_number, middle, pick

TAKES = st.integers(0, 80) | st.floats(0.01, 1.0)


def test_counts_and_shares() -> None:
    assert [how_many(3, 11), how_many(3, 2), how_many(0.5, 11), how_many(0.01, 11)] == [3, 2, 5, 1]
    assert how_many(0.5, 0) == 0
    assert pick(5, 2, 1) == ["neutral", None, None, "peak", "peak"]
    assert pick(1, 3, 1) == ["peak"]
    assert pick(0, 3, 1) == []
    assert list(middle(7, 3)) == [2, 3, 4]


@given(st.integers(0, 80), TAKES, TAKES)
def test_every_frame_has_one_fate(length: int, peak: float, neutral: float) -> None:
    found = pick(length, peak, neutral)
    assert len(found) == length
    assert found.count("peak") == how_many(peak, length)
    order = [word for word in found if word]
    assert order == sorted(order)  # neutral before peak
    assert set(middle(length, peak)) <= set(range(length))


@pytest.mark.parametrize("take", [-1, 0.0, 1.5, True, "3"])
def test_a_take_that_makes_no_sense(take: object) -> None:
    with pytest.raises(ConfigError, match="peak_frames is a number of frames"):
        check_take("peak_frames", take)  # type: ignore[arg-type]


def test_frames_are_ordered_by_number() -> None:
    found = in_order([("s", 10, "c"), ("s", 2, "b"), ("t", 1, "a")])
    assert found == {"s": [(2, "b"), (10, "c")], "t": [(1, "a")]}
    assert last_number("take001_img_0042") == 42
    assert last_number("none") == -1
