"""Events and timelines check themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mien.core.errors import DataError
from mien.core.timeline import Event, Timeline


def make_timeline(n: int = 3, **changed: Any) -> Timeline:
    values: dict[str, Any] = {
        "person": 1,
        "times": np.arange(n) / 10,
        "boxes": np.tile([0.0, 0.0, 9.0, 9.0], (n, 1)),
        "raw": np.full((n, 7), np.nan),
        "smoothed": np.full((n, 7), 1 / 7),
    }
    return Timeline(**{**values, **changed})


def test_an_event_is_a_flat_row() -> None:
    event = Event(2, "neutral", "happy", 1.00004, 1.5, 2.0, 0.876543, reported=1.25)
    assert event.start == event.onset
    assert event.to_dict() == {
        "person": 2, "start": 1.0, "before": "neutral", "after": "happy", "onset": 1.0,
        "apex": 1.5, "offset": 2.0, "confidence": 0.8765, "reported": 1.25,
    }  # fmt: skip
    assert Event(0, "fear", "anger", 0, 0, 0, 1).to_dict()["reported"] is None


@pytest.mark.parametrize(
    "values",
    [
        ("happy", "happy", 0, 0, 0, 1),
        ("happy", "glad", 0, 0, 0, 1),
        ("happy", "fear", 1, 0.5, 2, 1),
        ("happy", "fear", 0, 2, 1, 1),
        ("happy", "fear", 0, 0, 1, 1.1),
        ("happy", "fear", float("nan"), 0, 1, 1),
    ],
)
def test_an_event_that_cannot_be_is_refused(values: tuple[Any, ...]) -> None:
    with pytest.raises(DataError, match="An event"):
        Event(0, *values)


def test_a_timeline_tells_where_the_face_was_found_and_what_leads() -> None:
    boxes = np.tile([0.0, 0.0, 9.0, 9.0], (3, 1))
    boxes[1] = np.nan
    smoothed = np.full((3, 7), 0.1)
    smoothed[[0, 1, 2], [4, 4, 6]] = 0.4
    one = make_timeline(boxes=boxes, smoothed=smoothed)
    assert one.found.tolist() == [True, False, True]
    assert one.answers.tolist() == [4, 4, 6]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"boxes": np.zeros((2, 4))}, "needs times"),
        ({"raw": np.zeros((3, 6))}, "needs times"),
        ({"times": np.array([0.0, 0.2, 0.2])}, "rise"),
        ({"times": np.array([0.0, np.nan, 0.2])}, "rise"),
        ({"smoothed": np.full((3, 7), 0.1)}, "sums to 1"),
    ],
)
def test_a_timeline_that_does_not_fit_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        make_timeline(**changed)


def test_an_empty_timeline_is_sound() -> None:
    assert make_timeline(0).answers.shape == (0,)
