"""Folders of videos, live changes, and videos with what was found drawn in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mien.chains.videos import ANNOTATED, annotated, expanded, follow_all, follow_live
from mien.core.errors import InputError, VideoError
from mien.core.videos import open_video
from mien.stages.video import video
from tests.trees import clips
from tests.unit.stages.test_video import changing, config, grey

pytest.importorskip("polars")
pytest.importorskip("matplotlib")
pytest.importorskip("av")


def test_a_folder_of_videos_and_a_bad_one(model: Path, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    changing(videos / "a.mp4", 10, 10)
    changing(videos / "deep" / "b.MP4", 10)
    (videos / "c.mp4").write_bytes(b"no video")
    (videos / "d.txt").write_text("no video")
    lines: list[str] = []
    failed = follow_all(config(model), [str(videos)], tmp_path / "out", lines.append)
    assert failed == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "b"]
    assert any("c.mp4" in line for line in lines)


def test_one_video_has_the_folder_to_itself(model: Path, tmp_path: Path) -> None:
    source = changing(tmp_path / "a.mp4", 10, 10)
    lines: list[str] = []
    out = tmp_path / "out"
    assert follow_all(config(model), [str(source)], out, lines.append, annotate=True) == 0
    assert (out / "video.md").exists()
    assert (out / ANNOTATED).exists()
    with pytest.raises(VideoError):
        follow_all(config(model), [str(tmp_path / "gone.mp4")], tmp_path / "x", lines.append)


def test_names_that_meet_and_empty_folders_are_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no video"):
        expanded([str(tmp_path / "empty")])
    two = [str(changing(tmp_path / place / "a.mp4", 3)) for place in ("one", "two")]
    with pytest.raises(InputError, match="same name"):
        follow_all(config(model), two, tmp_path / "out", print)


def test_an_annotated_video_has_the_frames_and_more_in_them(model: Path, tmp_path: Path) -> None:
    pictures = [np.full((120, 160, 3), 100, np.uint8)] * 8
    source = clips.clip(tmp_path / "a.mp4", pictures, size=(160, 120))
    for form in ("parquet", "jsonl"):
        how = config(model, form=form)
        out = video(how, source, tmp_path / form)
        target = annotated(how, source, out)
        with open_video(target) as opened:
            frames = list(opened)
        assert len(frames) == 8
        assert all(frame.image.shape == (120, 160, 3) for frame in frames)
        assert all(np.ptp(frame.image[..., 2].astype(int)) > 50 for frame in frames)
        before = target.stat().st_mtime_ns
        assert annotated(how, source, out) == target
        assert target.stat().st_mtime_ns == before


def test_a_video_of_nobody_is_annotated_with_nothing(model: Path, tmp_path: Path) -> None:
    source = clips.clip(tmp_path / "a.mp4", grey(120, 4))
    how = config(model).model_copy(update={"detector": ("hog",)})
    for form in ("parquet", "jsonl"):
        told = how.model_copy(update={"form": form})
        out = video(told, source, tmp_path / form)
        assert annotated(told, source, out).exists()


def test_changes_are_told_while_a_video_runs(model: Path, tmp_path: Path) -> None:
    source = changing(tmp_path / "a.mp4", 30, 30)
    lines = list(follow_live(config(model), str(source)))
    assert "person 0  0-neutral" in lines[0]
    assert "0-neutral -> 7-surprise" in lines[1]
    assert "told" in lines[1]
    assert len(lines) == 2


def test_a_live_one_stops_when_it_is_told_to(model: Path, tmp_path: Path) -> None:
    source = changing(tmp_path / "a.mp4", 30, 30)
    assert len(list(follow_live(config(model), str(source), seconds=2))) == 1
