"""People through time, drawn."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from mien.core.errors import DataError
from mien.core.timeline import Event, Timeline
from mien.plots.timeline import BANDS, MOST, _thinned, timelines

pytest.importorskip("matplotlib")


def make_timeline(person: int = 0, n: int = 50) -> Timeline:
    rng = np.random.default_rng(person)
    raw = rng.dirichlet(np.ones(7), n)
    raw[5:8] = np.nan
    smoothed = np.full((n, 7), 0.05)
    smoothed[: n // 2, 0] = smoothed[n // 2 :, 4] = 0.7
    half, last = n / 20, (n - 1) / 10
    event = Event(person, "neutral", "happy", half, min(half + 1, last), last, 0.7)
    boxes = np.tile([0.0, 0.0, 9.0, 9.0], (n, 1))
    return Timeline(person, np.arange(n) / 10, boxes, raw, smoothed, (event,))


def test_people_are_drawn_and_the_same_again(tmp_path: Path) -> None:
    people = [make_timeline(0), make_timeline(1, 30)]
    first = timelines(people, tmp_path / "a.png", "a clip")
    again = timelines(people, tmp_path / "b.png", "a clip")
    assert first.read_bytes() == again.read_bytes()
    with PIL.Image.open(first) as picture:
        assert picture.width > 1000
        # The happy half of the smoothed strip is as good as green, where the face was found.
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 24) or []}
    assert tuple(bytes.fromhex(BANDS["happy"][1:])) in colours


def test_events_are_marked(tmp_path: Path) -> None:
    one = make_timeline()
    with_event = timelines([one], tmp_path / "a.png")
    without = timelines([dataclasses.replace(one, events=())], tmp_path / "b.png")
    assert with_event.read_bytes() != without.read_bytes()


def test_a_crowd_is_cut_to_those_seen_longest(tmp_path: Path) -> None:
    crowd = [make_timeline(k, 12) for k in range(MOST)] + [make_timeline(MOST, 20)]
    drawn = timelines(crowd, tmp_path / "a.png", "a crowd")
    words = "a crowd  (1 more people are left out)"
    same = timelines([*crowd[: MOST - 1], crowd[MOST]], tmp_path / "b.png", words)
    assert drawn.read_bytes() == same.read_bytes()


def test_nobody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nobody"):
        timelines([], tmp_path / "a.png")


def test_long_timelines_are_thinned_to_means(tmp_path: Path) -> None:
    times, rows = np.arange(9001) / 25, np.zeros((9001, 7))
    rows[:, 0] = 1
    rows[100:200] = np.nan
    rows[4000:4300] = np.nan
    fewer, means = _thinned(times, rows)
    assert len(fewer) == len(means) <= 2000
    assert (np.diff(fewer) > 0).all()
    gap = (fewer > 161) & (fewer < 171)
    assert np.isnan(means[gap]).all()
    known = np.isfinite(means).all(axis=1)
    assert means[known].sum(axis=1) == pytest.approx(1)
    short = make_timeline()
    assert _thinned(short.times, short.raw)[1] is short.raw
    assert timelines([make_timeline(0, 5000)], tmp_path / "a.png").exists()
