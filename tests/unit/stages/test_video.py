"""`video` on drawn clips: people, changes, resuming, tables, and what is wrong with a file."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mien.core.artifact import read_meta
from mien.core.errors import ModelError, StageError, VideoError
from mien.core.types import Image
from mien.stages import video as stage
from mien.stages.video import VideoConfig, summary, video
from mien.tracking.seen import Looked
from tests.trees import clips

pl = pytest.importorskip("polars")
pytest.importorskip("matplotlib")
pytest.importorskip("av")

# the model of the fixture calls a bright face surprise and a dark one neutral


def grey(level: int, count: int) -> list[Image]:
    return [np.full((48, 64, 3), level, np.uint8)] * count


def changing(path: Path, *spells: int, rate: int = 10) -> Path:
    """A clip that is dark and bright in turn, so many frames each."""
    parts = [grey(20 if n % 2 == 0 else 235, count) for n, count in enumerate(spells)]
    return clips.clip(path, itertools.chain.from_iterable(parts), rate=rate)


def config(model: Path, **options: Any) -> VideoConfig:
    return VideoConfig(model=str(model), detector=("full-frame",), **options)


def test_a_person_is_followed_and_changes_are_told(model: Path, tmp_path: Path) -> None:
    source = changing(tmp_path / "a.mp4", 30, 30, 30)
    out = video(config(model), source, tmp_path / "out")
    frames = pl.read_parquet(out / "frames.parquet")
    assert len(frames) == 90
    assert frames["person"].unique().to_list() == [0]
    assert frames["frame"].to_list() == list(range(90))
    smoothed = frames.select(pl.sum_horizontal(pl.col("^.*_smoothed$"))).to_series()
    assert smoothed.to_numpy() == pytest.approx(1, abs=1e-3)
    events = pl.read_parquet(out / "events.parquet")
    assert events.select("before", "after").rows() == [
        ("neutral", "surprise"),
        ("surprise", "neutral"),
    ]
    assert events["onset"].to_list() == pytest.approx([3.0, 6.0], abs=0.3)
    people = json.loads((out / "people.json").read_text())
    assert len(people) == 1
    assert people[0]["neutral"] == pytest.approx(2 / 3, abs=0.05)
    assert people[0]["found"] == people[0]["answered"] == 90
    page = (out / "video.md").read_text("utf-8")
    assert "0-neutral" in page
    assert "not what anybody felt" in page
    assert (out / "timeline.png").stat().st_size > 1000
    assert "90 frames looked at, 1 people, 2 changes" in summary(out)
    assert sorted(path.name for path in out.iterdir()) == [
        "events.parquet", "frames.parquet", "meta.json", "people.json", "timeline.png", "video.md"
    ]  # fmt: skip
    assert video(config(model), source, tmp_path / "out") == out
    with pytest.raises(StageError):
        video(config(model, rate=5), source, tmp_path / "out")


def test_a_rate_takes_fewer_frames_and_lines_say_the_same(model: Path, tmp_path: Path) -> None:
    source = changing(tmp_path / "a.mp4", 30, 30)
    out = video(config(model, rate=5, form="jsonl"), source, tmp_path / "out")
    frames = [json.loads(line) for line in (out / "frames.jsonl").read_text().splitlines()]
    assert [row["frame"] for row in frames] == [*range(0, 60, 2), 59]
    (event,) = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    assert (event["before"], event["after"]) == ("neutral", "surprise")


@pytest.mark.parametrize("stop", [1, 12, 25, 39])
def test_a_stopped_video_goes_on_from_its_segments(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    source = changing(tmp_path / "a.mp4", 20, 20)
    how = config(model, segment=1)
    whole = video(how, source, tmp_path / "whole")
    real, searched = stage.looked, []

    def dying(*arguments: Any) -> Iterator[Looked]:
        for number, found in enumerate(real(*arguments)):
            if number == stop:
                raise KeyboardInterrupt
            yield found

    def counting(*arguments: Any) -> Iterator[Looked]:
        for found in real(*arguments):
            searched.append(found.number)
            yield found

    monkeypatch.setattr(stage, "looked", dying)
    with pytest.raises(KeyboardInterrupt):
        video(how, source, tmp_path / "out")
    monkeypatch.setattr(stage, "looked", counting)
    out = video(how, source, tmp_path / "out")
    assert searched == list(range(stop // 10 * 10, 40))
    for name in ("frames.parquet", "events.parquet", "people.json", "video.md"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_the_number_of_threads_does_not_change_the_result(model: Path, tmp_path: Path) -> None:
    source = changing(tmp_path / "a.mp4", 15, 15)
    one = video(config(model, jobs=1), source, tmp_path / "one")
    four = video(config(model, jobs=4), source, tmp_path / "four")
    assert (one / "frames.parquet").read_bytes() == (four / "frames.parquet").read_bytes()


def test_a_video_without_anybody_is_an_answer(model: Path, tmp_path: Path) -> None:
    source = clips.clip(tmp_path / "a.mp4", grey(120, 5))
    how = VideoConfig(model=str(model), detector=("hog",))
    out = video(how, source, tmp_path / "out")
    assert read_meta(out)["counts"]["people"] == 0
    assert "Nobody was followed" in (out / "video.md").read_text("utf-8")
    assert not (out / "timeline.png").exists()
    assert len(pl.read_parquet(out / "events.parquet")) == 0
    assert "0 people" in summary(out)


def test_frames_at_odd_times_and_seconds_without_any(model: Path, tmp_path: Path) -> None:
    times = [0, 40, 90, 300, 310, 5000, 5040, 5100]
    source = clips.clip(tmp_path / "a.mkv", grey(235, len(times)), times=times)
    out = video(config(model, segment=1), source, tmp_path / "out")
    counts = read_meta(out)["counts"]
    assert counts["frames"] <= len(times)
    # the gap is longer than a person is waited for
    assert counts["people"] == 2


def test_a_truncated_video_says_what_is_lost(model: Path, tmp_path: Path) -> None:
    whole = clips.clip(tmp_path / "whole.avi", grey(235, 60), codec="mjpeg", pix_fmt="yuvj420p")
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    out = video(config(model), cut, tmp_path / "out")
    counts = read_meta(out)["counts"]
    assert 0 < counts["frames"] < 60
    assert counts["warnings"]
    assert counts["warnings"][0] in summary(out)
    assert counts["warnings"][0] in (out / "video.md").read_text("utf-8")


def test_what_is_no_video_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(VideoError):
        video(config(model), tmp_path / "a.mp4", tmp_path / "out")
    with pytest.raises(VideoError):
        video(config(model), tmp_path / "missing.mp4", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_video_that_is_too_long_is_refused(model: Path, tmp_path: Path) -> None:
    source = changing(tmp_path / "a.mp4", 30)
    with pytest.raises(VideoError):
        video(config(model, max_seconds=1), source, tmp_path / "out")


def test_a_file_without_lids_is_refused_first(model: Path, tmp_path: Path) -> None:
    source = changing(tmp_path / "a.mp4", 3)
    with pytest.raises(ModelError):
        video(config(model, lids=tmp_path / "none.dat"), source, tmp_path / "out")
