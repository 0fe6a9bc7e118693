"""Videos are written whole or not at all, and read back as they were."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core import video_writing
from mien.core.errors import ConfigError, MissingExtraError, VideoError
from mien.core.video_writing import VideoWriter
from mien.core.videos import open_video
from trees.clips import number_of, picture

av = pytest.importorskip("av")


@pytest.mark.parametrize("encoder", [None, "libx264", "mpeg4"])
@pytest.mark.parametrize("rate", [10, 29.97, 25.0])
def test_what_is_written_is_read(tmp_path: Path, encoder: str | None, rate: float) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(path, rate=rate, encoder=encoder) as writer:
        for number in range(20):
            writer.write(picture(number))
            assert not path.exists()
        assert writer.frames == 20
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]
    with open_video(path) as video:
        frames = list(video)
        facts = video.facts
    assert [number_of(f.image) for f in frames] == list(range(20))
    assert [f.time for f in frames] == pytest.approx([n / rate for n in range(20)], abs=1e-4)
    assert facts.codec == ("mpeg4" if encoder == "mpeg4" else "h264")
    assert facts.duration == pytest.approx(20 / rate, abs=1e-3)
    assert np.abs(frames[3].image[30:, 30:].astype(int) - picture(3)[30:, 30:]).max() < 8
    assert np.abs(frames[0].image[2:8, 2:8].astype(int) - (250, 0, 0)).max() < 30


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 10), min_size=1, max_size=12))
def test_times_are_kept(tmp_path_factory: pytest.TempPathFactory, times: list[float]) -> None:
    path = tmp_path_factory.mktemp("times") / "a.mp4"
    times = sorted(times)
    with VideoWriter(path) as writer:
        for number, time in enumerate(times):
            writer.write(picture(number), time)
    with open_video(path) as video:
        found = [frame.time for frame in video]
    assert found == pytest.approx([time - times[0] for time in times], abs=0.001)


@pytest.mark.parametrize("size", [(33, 17), (1, 1), (64, 48), (65, 48), (64, 47)])
def test_odd_sizes_get_an_edge(tmp_path: Path, size: tuple[int, int]) -> None:
    with VideoWriter(tmp_path / "a.mp4", size=size) as writer:
        for _ in range(3):
            writer.write(np.full((size[1], size[0], 3), 120, np.uint8))
    with open_video(tmp_path / "a.mp4") as video:
        image = next(iter(video)).image
    assert image.shape == (size[1] + size[1] % 2, size[0] + size[0] % 2, 3)
    assert np.abs(image.astype(int) - 120).max() < 4


def test_nothing_is_left_of_what_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"the last one")
    with pytest.raises(RuntimeError), VideoWriter(path) as writer:
        writer.write(picture(0))
        raise RuntimeError
    with pytest.raises(RuntimeError), VideoWriter(path):
        raise RuntimeError
    with pytest.raises(VideoError, match="no frame was written"), VideoWriter(path):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]
    assert path.read_bytes() == b"the last one"
    with VideoWriter(path) as writer:
        writer.write(picture(0))
    assert path.read_bytes() != b"the last one"


def test_a_name_is_only_a_name(tmp_path: Path) -> None:
    for name in ("http:a.mp4", "a%03d.mp4", "a b;c'.MP4"):
        with VideoWriter(tmp_path / name) as writer:
            writer.write(picture(0))
        assert (tmp_path / name).stat().st_size > 100


def test_frames_are_checked(tmp_path: Path) -> None:
    with (
        pytest.raises(VideoError, match=r"the size of the first, 64 x 48; this one has 48 x 64"),
        VideoWriter(tmp_path / "a.mp4") as writer,
    ):
        writer.write(picture(0))
        writer.write(picture(0, (48, 64)))
    with (
        pytest.raises(VideoError, match=r"RGB uint8; this one is \(48, 64\) uint8"),
        VideoWriter(tmp_path / "a.mp4") as writer,
    ):
        writer.write(picture(0)[..., 0])
    for time in (-1.0, float("nan"), 0.5):
        with (
            pytest.raises(VideoError, match="rise from frame to frame"),
            VideoWriter(tmp_path / "a.mp4") as writer,
        ):
            writer.write(picture(0), 1.0)
            writer.write(picture(1), time)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("a.mp4", {"rate": 0}, "above 0"),
        ("a.mp4", {"rate": float("nan")}, "above 0"),
        ("a.mp4", {"size": (0, 5)}, "1 or more"),
        ("a.mp4", {"encoder": "gif"}, "libx264, mpeg4; got 'gif'"),
        ("a.avi", {}, "ends in .mp4"),
    ],
)
def test_settings_are_checked(
    tmp_path: Path, name: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        VideoWriter(tmp_path / name, **settings)
    with pytest.raises(VideoError, match="there is no folder"):
        VideoWriter(tmp_path / "missing" / "a.mp4")


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(video_writing.Path, "replace", full)
    with (
        pytest.raises(VideoError, match=r"cannot be written \(No space left on device\)"),
        VideoWriter(tmp_path / "a.mp4") as writer,
    ):
        writer.write(picture(0))
    monkeypatch.setattr(VideoWriter, "_moment", full)
    with (
        pytest.raises(VideoError, match="No space left"),
        VideoWriter(tmp_path / "a.mp4") as writer,
    ):
        writer.write(picture(0))
    assert not list(tmp_path.iterdir())


def test_without_pyav_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"mien\[video\]"):
        VideoWriter(tmp_path / "a.mp4")
