"""Changes as events: segments, flickers, apex; afterwards and live."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import DataError
from mien.core.labels import CLASSES
from mien.core.timeline import Event
from mien.tracking.events import Live, events, segments
from mien.tracking.hidden_markov import Stream

RATE = 25


def rows_of(*parts: tuple[int, int], p: float = 0.88) -> tuple[Any, Any]:
    """Returns times and probabilities of parts: a class, and how many frames it leads."""
    labels = np.repeat([label for label, _ in parts], [frames for _, frames in parts])
    rows = np.full((len(labels), 7), (1 - p) / 6)
    rows[np.arange(len(labels)), labels] = p
    return np.arange(len(labels)) / RATE, rows


def told_live(times: Any, rows: Any, last: float = np.inf) -> tuple[list[Event], list[Event]]:
    stream, live = Stream(), Live()
    begun: list[Event] = []
    ended: list[Event] = []
    for time, row in zip(times, rows, strict=True):
        fresh = live.update(stream.update(float(time), row))
        begun += fresh.begun
        ended += fresh.ended
    return begun, [*ended, *live.finish(last)]


def test_a_change_is_an_event() -> None:
    times, rows = rows_of((0, 50), (4, 50), (6, 25))
    rows[70:76, 4] += 0.1
    rows[70:76] /= rows[70:76].sum(axis=1, keepdims=True)
    first, second = events(times, rows, rows, person=3)
    assert (first.person, first.before, first.after) == (3, "neutral", "happy")
    assert (first.onset, first.offset) == (2.0, 4.0)
    assert first.apex == pytest.approx(72.5 / RATE, abs=0.03)
    assert first.confidence == pytest.approx(0.88, abs=0.01)
    assert first.reported is None
    assert (second.before, second.after, second.onset) == ("happy", "surprise", 4.0)
    assert second.offset == times[-1]


def test_flickers_go_to_a_neighbour() -> None:
    times, rows = rows_of((0, 20), (3, 4), (0, 20), (4, 20))
    assert [one.label for one in segments(times, rows)] == [0, 4]
    assert segments(times, rows)[0].end == 44
    assert len(segments(times, rows, 0)) == 4


def test_a_flicker_between_two_classes_goes_to_the_more_probable_one() -> None:
    times, rows = rows_of((0, 20), (3, 4), (4, 20))
    assert [tuple(one) for one in segments(times, rows)] == [(0, 24, 0), (24, 44, 4)]  # of equals
    rows[20:24, 4] += 0.05
    assert [tuple(one) for one in segments(times, rows)] == [(0, 20, 0), (20, 44, 4)]


def test_a_short_timeline_is_one_segment_and_an_empty_one_is_none() -> None:
    times, rows = rows_of((0, 2), (4, 3))
    assert [tuple(one) for one in segments(times, rows)] == [(0, 5, 4)]
    assert segments(times[:0], rows[:0]) == []
    assert events(times[:0], rows[:0], rows[:0]) == ()


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 20)), max_size=12), st.floats(0, 1))
@settings(deadline=None)
def test_segments_cover_all_frames_once_and_last(
    parts: list[tuple[int, int]], minimum: float
) -> None:
    times, rows = rows_of(*(parts or [(0, 1)]))
    found = segments(times, rows, minimum)
    assert found[0].first == 0
    assert found[-1].end == len(times)
    for one, after in itertools.pairwise(found):
        assert one.end == after.first
        assert one.label != after.label
    if len(found) > 1:
        ends = [times[min(one.end, len(times) - 1)] for one in found]
        lasting = [e - times[one.first] for e, one in zip(ends, found, strict=True)]
        assert min(lasting) >= minimum - 1e-6


def test_the_apex_of_a_face_that_was_not_found_is_its_onset() -> None:
    times, rows = rows_of((0, 25), (4, 25))
    (event,) = events(times, np.full_like(rows, np.nan), rows)
    assert event.apex == event.onset == 1.0


def test_bad_shapes_are_refused() -> None:
    times, rows = rows_of((0, 5))
    with pytest.raises(DataError, match="Segments need"):
        segments(times[1:], rows)
    with pytest.raises(DataError, match="Segments need"):
        segments(times, rows, -1)


def test_live_events_are_told_soon_and_completed_later() -> None:
    times, rows = rows_of((0, 50), (4, 50), (6, 50))
    begun, ended = told_live(times, rows)
    afterwards = events(times, rows, rows)
    assert [(e.before, e.after) for e in begun] == [("neutral", "happy"), ("happy", "surprise")]
    for told, done, true in zip(begun, ended, afterwards, strict=True):
        assert told.reported is not None
        assert told.reported == done.reported == told.offset
        assert 0.3 <= told.reported - true.onset <= 0.5
        assert abs(told.onset - true.onset) <= 0.08
        assert (done.before, done.after, done.onset) == (told.before, told.after, told.onset)
        assert done.offset == pytest.approx(true.offset, abs=0.08)
        assert done.confidence > 0.8
        assert done.onset <= done.apex <= done.offset


def test_live_flickers_are_not_told() -> None:
    times, rows = rows_of((0, 40), (3, 4), (0, 40))
    assert told_live(times, rows) == ([], [])


def test_an_unsure_change_is_not_told() -> None:
    times, rows = rows_of((0, 40), (4, 40), p=0.88)
    stream, live = Stream(), Live(sure=1)
    for time, row in zip(times, rows, strict=True):
        assert live.update(stream.update(float(time), row)).begun == ()


def test_the_last_event_ends_where_the_person_was_seen_last() -> None:
    times, rows = rows_of((0, 40), (4, 30), (4, 20))
    rows[70:] = np.nan
    _, (event,) = told_live(times, rows, last=times[69])
    assert event.offset == times[69]
    _, (early,) = told_live(times, rows, last=0.1)
    assert early.onset == early.apex == early.offset
    assert Live().finish() == ()


def test_a_live_person_without_a_change_has_no_event() -> None:
    times, rows = rows_of((5, 60))
    stream, live = Stream(), Live()
    for time, row in zip(times, rows, strict=True):
        live.update(stream.update(float(time), row))
    assert live.label is not None
    assert CLASSES[live.label] == "sadness"
    assert live.finish() == ()
