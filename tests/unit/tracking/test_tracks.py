"""Whose box it is: people who walk, cross, are lost and come back."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core.errors import ConfigError, DataError, MissingExtraError
from mien.core.types import BBox
from mien.tracking.tracks import Linker, Linking


def box(x: float, y: float = 100, side: float = 80) -> BBox:
    return BBox(x, y, x + side, y + side)


def linked(
    frames: Sequence[tuple[float, Sequence[BBox]]], settings: Linking | None = None
) -> tuple[list[tuple[int, ...]], dict[int, int | None]]:
    """Returns the tracks of each frame's boxes, and each track's person."""
    linker = Linker(settings)
    found, people = [], {}
    for time, boxes in frames:
        links = linker.update(time, boxes)
        found.append(links.tracks)
        people |= {one.track: one.person for one in links.ended}
    return found, people | {one.track: one.person for one in linker.close()}


def test_a_still_face_is_one_person_from_its_first_frame() -> None:
    linker = Linker()
    people = []
    for frame in range(5):
        (track,) = linker.update(frame / 25, [box(0)]).tracks
        assert track == 0
        people.append(linker.person(track))
    assert people == [None, None, 0, 0, 0]


def test_false_faces_are_no_people() -> None:
    frames = [(t / 25, [box(0)] + [box(400)] * (t in (3, 9))) for t in range(20)]
    _, people = linked(frames)
    assert people == {0: 0, 1: None}


def test_people_are_numbered_without_holes() -> None:
    frames = [(t / 25, [box(0)] * (t == 0) + [box(400)]) for t in range(5)]
    _, people = linked(frames)
    assert people == {0: None, 1: 0}


@pytest.mark.parametrize(("lost", "tracks"), [(0.5, {0}), (1.0, {0}), (1.5, {0, 1})])
def test_a_gap_is_bridged_up_to_its_length(lost: float, tracks: set[int]) -> None:
    times = [t / 25 for t in range(10)]
    times += [times[-1] + lost + t / 25 for t in range(10)]
    found, _ = linked([(t, [box(0)]) for t in times])
    assert {one for (one,) in found} == tracks


def test_a_walk_goes_on_behind_something() -> None:
    # 200 pixels a second, lost for 0.8 s: the box comes back two widths further on.
    times = [t / 25 for t in range(20)] + [0.76 + 0.8 + t / 25 for t in range(10)]
    found, _ = linked([(t, [box(200 * t)]) for t in times])
    assert {one for (one,) in found} == {0}


@pytest.mark.parametrize("hidden", [False, True])
def test_people_who_cross_keep_their_tracks(hidden: bool) -> None:
    rng = np.random.default_rng(0)
    frames = []
    for time in np.arange(0, 4, 1 / 25):
        left = box(100 * time + rng.normal(), 100, 80)
        right = box(400 - 100 * time + rng.normal(), 110, 70)
        behind = hidden and left.iou(right) > 0.4
        frames.append((float(time), [left] if behind else [left, right]))
    found, people = linked(frames)
    assert all(one in ((0, 1), (0,)) for one in found)
    assert people == {0: 0, 1: 1}


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_the_order_of_the_boxes_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    linker, other = Linker(), Linker()
    starts, speeds = rng.uniform(0, 400, (4, 2)), rng.normal(0, 100, (4, 2))
    for frame in range(25):
        time = frame / 10
        places = (starts + time * speeds)[rng.random(4) < 0.8]
        boxes = [BBox(x, y, x + 60, y + 60) for x, y in places.tolist()]
        order = rng.permutation(len(boxes)).tolist()
        links, moved = linker.update(time, boxes), other.update(time, [boxes[i] for i in order])
        assert [links.tracks[i] for i in order] == list(moved.tracks)
        assert links.ended == moved.ended
        assert len(set(links.tracks)) == len(boxes)
    assert linker.close() == other.close()


def test_closed_tracks_are_handed_out_and_forgotten() -> None:
    linker = Linker()
    ended = []
    for frame in range(300):  # a new face somewhere else every second frame
        links = linker.update(frame / 2, [box(1000 * (frame // 4 % 7))])
        ended += links.ended
        assert len(linker._open) <= 2
    ended += linker.close()
    assert [one.track for one in ended] == list(range(75))
    assert ended[0].last == 1.5
    assert linker.close() == ()
    assert linker.person(0) is None


def test_frames_out_of_order_are_refused() -> None:
    linker = Linker()
    linker.update(1, [])
    for time in (1.0, 0.5, float("nan"), float("inf")):
        with pytest.raises(DataError, match="order"):
            linker.update(time, [])


@pytest.mark.parametrize("wrong", [{"overlap": 0}, {"overlap": 1}, {"gap": -1}, {"hits": 0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="Linking needs"):
        Linking(**wrong)  # type: ignore[arg-type]


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(MissingExtraError, match="'data'"):
        Linker()
