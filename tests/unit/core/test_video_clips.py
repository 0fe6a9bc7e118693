"""Frames of clips as pictures: the same ones in any order, and each decoded once in a row."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core import images, reading, tree, video_footage
from mien.core.errors import DataError, ImageError, VideoError
from mien.core.tree import Tree, is_frame, is_pixel_row
from mien.core.types import Rejection, Sample, SourceInfo
from mien.core.video_clips import Clip, is_video
from mien.core.videos import open_video
from trees.clips import clip, number_of

pytest.importorskip("av")

INFO = SourceInfo("clips", "Clips", "none", "yes", "example.org", "Me 2020")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Returns a function that gives a clip of some kind, written at its first use."""
    folder = tmp_path_factory.mktemp("clips")
    kinds: dict[str, dict[str, Any]] = {
        "h264.mp4": {"codec": "libx264", "max_b_frames": 2},
        "reordered.avi": {"codec": "libx264", "max_b_frames": 2},
        "varying.mkv": {"times": [0, 90, 100, 110, 900, *range(1000, 2500, 100)]},
        "long.mp4": {"pictures": 200, "gop_size": 10},
    }

    def path(name: str) -> Path:
        return folder / name if (folder / name).exists() else clip(folder / name, **kinds[name])

    return path


def test_frames_in_their_order_are_decoded_once(
    written: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Clip(written("h264.mp4"), "a")
    starts: list[int] = []
    begin = Clip._begin
    monkeypatch.setattr(Clip, "_begin", lambda self, i: (starts.append(i), begin(self, i))[1])
    assert [number_of(opened.picture(index)) for index in range(20)] == list(range(20))
    assert starts == [0]
    assert [number_of(opened.picture(index)) for index in (19, 3, 3, 5, 4)] == [19, 3, 3, 5, 4]
    assert starts == [0, 3, 4]
    assert opened.facts.frames == 20


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["h264.mp4", "reordered.avi", "varying.mkv"]),
    st.lists(st.integers(0, 19), min_size=1, max_size=12),
)
def test_any_order_gives_the_same_pictures(
    written: Callable[[str], Path], name: str, wanted: list[int]
) -> None:
    with open_video(written(name)) as video:
        whole = [frame.image for frame in video]
    opened = Clip(written(name), name)
    for index in wanted:
        assert np.array_equal(opened.picture(index), whole[index])


def test_what_is_far_ahead_is_jumped_to(
    written: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Clip(written("long.mp4"), "a")
    decoded = video_footage.FileFootage.decoded
    starts: list[int] = []
    monkeypatch.setattr(
        video_footage.FileFootage,
        "decoded",
        lambda self, first=0: (starts.append(first), decoded(self, first))[1],
    )
    assert [number_of(opened.picture(i)) for i in (0, 60, 150, 199)] == [0, 0, 10, 19]
    assert starts == [0, 150]


@pytest.mark.parametrize("rate", [0.3, 1, 4, 7.5, 10, 30])
def test_a_rate_takes_what_open_video_takes(written: Callable[[str], Path], rate: float) -> None:
    for name in ("h264.mp4", "varying.mkv", "reordered.avi"):
        with open_video(written(name), rate=rate) as video:
            assert Clip(written(name), name).at_rate(rate) == [frame.index for frame in video]


def test_frames_that_are_not_there(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 48, 64, 3), np.uint8)
    data = bytearray(clip(tmp_path / "a.mp4", list(noise)).read_bytes())
    place, end = data.index(b"mdat") + 4, data.index(b"moov")
    data[place + (end - place) // 2 : end - 8] = bytes(end - 8 - place - (end - place) // 2)
    opened = Clip(bytes(data), "a.mp4")
    assert len(opened.times) == 20
    opened.picture(3)
    for _ in range(2):
        with pytest.raises(VideoError, match=r"a\.mp4: the frame 15 is damaged"):
            opened.picture(15)
    assert opened.picture(2).shape == (48, 64, 3)
    for index in (-1, 20):
        with pytest.raises(VideoError, match=rf"no frame {index}; it has 20, from 0 on"):
            opened.picture(index)


def test_several_threads_may_share_a_clip(written: Callable[[str], Path]) -> None:
    opened = Clip(written("h264.mp4"), "a")
    found: dict[int, int] = {}

    def look(index: int) -> None:
        found[index] = number_of(opened.picture(index))

    threads = [threading.Thread(target=look, args=(index,)) for index in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {index: index for index in range(20)}


# In a tree


def test_a_frame_is_a_picture_of_a_tree(tmp_path: Path) -> None:
    root = tmp_path / "root"
    path = clip(root / "a" / "clip.MP4")
    shutil.make_archive(str(tmp_path / "set"), "zip", root)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    for place, prefix in ((root, ""), (tmp_path / "set.zip", "set.zip!/")):
        files = Tree(place, INFO)
        assert files.videos() == [f"{prefix}a/clip.MP4"]
        name = f"{prefix}a/clip.MP4!/12"
        assert files.identify(name) == f"{digest}#12"
        assert number_of(images.decode(tree.picture(place, name), name=name)) == 12
        assert len(tree.clip(place, f"{prefix}a/clip.MP4").times) == 20
        with pytest.raises(ImageError, match="no frame 20"):
            tree.picture(place, f"{prefix}a/clip.MP4!/20")
        sample = reading.frame(files, f"{prefix}a/clip.MP4", 7, label="happy")
        assert isinstance(sample, Sample)
        assert (sample.id, sample.frame, sample.path) == (
            f"{digest}#7", 7, f"{prefix}a/clip.MP4!/7",
        )  # fmt: skip
        with pytest.raises(DataError, match="holds no picture"):
            files.pictures()


def test_a_clip_that_changes_is_read_anew(tmp_path: Path) -> None:
    clip(tmp_path / "a.mp4", 5)
    assert len(tree.clip(tmp_path, "a.mp4").times) == 5
    assert tree.clip(tmp_path, "a.mp4") is tree.clip(tmp_path, "a.mp4")
    (tmp_path / "a.mp4").unlink()
    clip(tmp_path / "a.mp4", 7)
    assert len(tree.clip(tmp_path, "a.mp4").times) == 7


def test_clips_of_no_use(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "b.mp4").write_text("Dear reader")
    (tmp_path / "c.mp4").symlink_to(tmp_path / "nowhere.mp4")
    files = Tree(tmp_path, INFO)
    found = [reading.clip(files, path) for path in files.videos()]
    assert [(item.path, item.reason) for item in found if isinstance(item, Rejection)] == [
        ("a.mp4", "empty"), ("b.mp4", "unreadable"), ("c.mp4", "unreadable"),
    ]  # fmt: skip
    for path in ("b.mp4!/0", "c.mp4!/0", "missing.mp4!/0"):
        with pytest.raises(ImageError):
            tree.picture(tmp_path, path)
    lost = reading.frame(files, "c.mp4", 0)
    assert isinstance(lost, Rejection)
    assert (lost.path, lost.reason) == ("c.mp4!/0", "unreadable")
    (tmp_path / "other").mkdir()
    with pytest.raises(DataError, match="holds no video"):
        Tree(tmp_path / "other", INFO).videos()


def test_kinds_of_paths() -> None:
    assert is_video("a/b.MKV")
    assert not is_video("a/b.png")
    for path, frame, row in (
        ("a.mp4!/1", True, False), ("s.zip!/a.mp4!/1", True, False), ("a.csv!/1", False, True),
        ("s.zip!/a.mp4", False, False), ("a.mp4", False, False), ("s.zip!/a.csv!/1", False, True),
    ):  # fmt: skip
        assert (is_frame(path), is_pixel_row(path)) == (frame, row)
