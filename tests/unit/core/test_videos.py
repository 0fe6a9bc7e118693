"""Videos: the same frames wherever reading begins, and a clear word about every bad file."""

from __future__ import annotations

import gc
import itertools
import struct
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.core import video_cameras, video_files, video_footage, video_pixels, video_tables
from mien.core.errors import ConfigError, MissingExtraError, VideoError
from mien.core.videos import VIDEO_EXTENSIONS, VideoFrame, open_video
from trees.clips import clip, number_of, picture, tone

av = pytest.importorskip("av")

KINDS: dict[str, dict[str, Any]] = {
    "mpeg4.mp4": {},
    "h264.mp4": {"codec": "libx264", "max_b_frames": 2},
    "h264.mkv": {"codec": "libx264", "max_b_frames": 2},
    "vp8.webm": {"codec": "libvpx"},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "mpeg4.avi": {},
    "reordered.avi": {"codec": "libx264", "max_b_frames": 2},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "mpeg1.mpg": {"codec": "mpeg1video", "rate": 25, "max_b_frames": 2, "encoder": {"b": "2M"}},
    "mpeg2.ts": {"codec": "mpeg2video", "rate": 25, "max_b_frames": 2, "encoder": {"b": "2M"}},
    "flash.flv": {"codec": "flv1"},
    "windows.wmv": {"codec": "wmv2", "format": "asf"},
}
"""A file of each kind, and how to write it."""
VARYING = [0, 100, 150, 600, 610, 900, 2000, 2001, 2002, 2500, *range(3000, 4000, 100)]
"""Milliseconds of twenty frames that a phone might write."""

Read = list[VideoFrame]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Returns a function that gives a video of some kind, written at its first use."""
    folder = tmp_path_factory.mktemp("videos")

    def path(name: str) -> Path:
        found = folder / name
        if not found.exists():
            if name == "varying.mkv":
                clip(found, times=VARYING)
            else:
                clip(found, **KINDS[name])
        return found

    return path


def read(source: Any, **settings: Any) -> Read:
    with open_video(source, **settings) as video:
        return list(video)


def same(one: Read, other: Read) -> bool:
    return [(f.index, f.time) for f in one] == [(f.index, f.time) for f in other] and all(
        np.array_equal(a.image, b.image) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("name", KINDS)
def test_every_frame_of_every_kind_of_file(written: Callable[[str], Path], name: str) -> None:
    rate = KINDS[name].get("rate", 10)
    with open_video(written(name)) as video:
        facts = video.facts
        frames = list(video)
        assert (video.damaged, video.warnings()) == (0, [])
    assert [f.index for f in frames] == list(range(20))
    assert [f.time for f in frames] == pytest.approx([n / rate for n in range(20)], abs=0.002)
    assert [number_of(f.image) for f in frames] == list(range(20))
    image = frames[0].image
    assert (image.shape, image.dtype, image.flags.c_contiguous) == ((48, 64, 3), np.uint8, True)
    assert (facts.width, facts.height, facts.rotation, facts.frames) == (64, 48, 0, 20)
    assert facts.rate == pytest.approx(rate, rel=0.01)
    assert facts.duration == pytest.approx(20 / rate, rel=0.01)
    assert facts.lost == 0
    assert facts.container in ("mp4", "matroska", "avi", "mpeg", "mpegts", "flv", "asf")


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("start", [0.05, 0.5, 0.61, 1.9])
def test_a_reading_goes_on_where_it_was_stopped(
    written: Callable[[str], Path], name: str, start: float
) -> None:
    whole = read(written(name))
    assert same(read(written(name), start=start), [f for f in whole if f.time >= start])


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(["h264.mp4", "varying.mkv", "reordered.avi", "vp8.webm"]),
    rate=st.none() | st.floats(0.1, 100) | st.sampled_from([1, 5, 10, 29.97, 30]),
    start=st.floats(0, 5) | st.sampled_from([0.1, 0.5, 1.0, 2.0]),
)
def test_any_rate_and_start_give_some_of_the_same_frames(
    written: Callable[[str], Path], name: str, rate: float | None, start: float
) -> None:
    whole = read(written(name))
    thinned = read(written(name), rate=rate)
    places = {(f.index, f.time) for f in whole}
    assert all((f.index, f.time) in places for f in thinned)
    late = read(written(name), rate=rate, start=start)
    assert same(late, [f for f in thinned if f.time >= start])
    if rate is not None:
        # Two may lie closer than 1/rate, but no more than one is taken for each multiple of it.
        cells = [np.floor(f.time * rate + 0.5) for f in thinned]
        assert len(cells) == len(set(cells))
        for frame, cell in zip(thinned, cells, strict=True):
            rivals = [f for f in whole if np.floor(f.time * rate + 0.5) == cell]
            assert abs(frame.time - cell / rate) == min(abs(f.time - cell / rate) for f in rivals)


def test_a_rate_at_or_above_the_file_s_own_takes_all(written: Callable[[str], Path]) -> None:
    for rate in (10, 11, 25, 1000):
        assert len(read(written("h264.mp4"), rate=rate)) == 20
    assert [f.index for f in read(written("h264.mp4"), rate=2)] == [0, 5, 10, 15, 19]


def test_times_vary_where_the_file_says_so(written: Callable[[str], Path]) -> None:
    with open_video(written("varying.mkv")) as video:
        assert [round(1000 * f.time) for f in video] == VARYING
        assert video.facts.duration == pytest.approx(4.0)
        assert video.facts.rate == pytest.approx(19 / 3.9)
        assert not video.facts.counted


def test_a_video_can_be_gone_through_again(written: Callable[[str], Path]) -> None:
    with open_video(written("h264.mp4")) as video:
        first = next(iter(video))  # an abandoned reading leaves nothing open
        assert same([first], list(video)[:1])
        assert same(list(video), list(video))


def test_bytes_are_read_as_their_file_is(written: Callable[[str], Path]) -> None:
    path = written("h264.mkv")
    assert same(read(path.read_bytes()), read(str(path)))
    with pytest.raises(VideoError, match=r"^upload 3: the file is empty"):
        open_video(b"", name="upload 3")
    with pytest.raises(VideoError, match=r"^these bytes: this is no video"):
        open_video(b"word " * 200)


@pytest.mark.parametrize(
    ("degrees", "rotation", "corner"),
    [(None, 0, "top left"), (-90, 90, "top right"), (180, 180, "bottom right"),
     (90, 270, "bottom left")],
)  # fmt: skip
def test_turned_frames_are_stood_upright(
    tmp_path: Path, degrees: float | None, rotation: int, corner: str
) -> None:
    with open_video(clip(tmp_path / "turned.mp4", 3, rotation=degrees)) as video:
        facts, image = video.facts, next(iter(video)).image
    assert facts.rotation == rotation
    assert (facts.height, facts.width) == image.shape[:2]
    assert image.shape[:2] == ((48, 64) if rotation % 180 == 0 else (64, 48))
    reds = {
        f"{v} {h}"
        for v, row in (("top", 3), ("bottom", -4))
        for h, column in (("left", 3), ("right", -4))
        if image[row, column, 0] > 200
    }
    assert reds == {corner}


def test_a_mirrored_video_is_mirrored_back(tmp_path: Path) -> None:
    path = clip(tmp_path / "plain.mp4", 2)
    data = path.read_bytes()
    place = data.index((65536).to_bytes(4, "big"), data.index(b"tkhd") + 40)
    matrix = (-65536).to_bytes(4, "big", signed=True)  # x' = -x, as of a selfie
    image = read(data[:place] + matrix + data[place + 4 :])[0].image
    assert image[3, -4, 0] > 200 > image[3, 3, 0]


def test_pixels_become_square(tmp_path: Path) -> None:
    wide = clip(tmp_path / "wide.avi", 2, encoder={"aspect": "2/1"})
    narrow = clip(tmp_path / "narrow.mkv", 2, encoder={"aspect": "1/2"})
    assert read(wide)[0].image.shape == (48, 128, 3)
    assert read(narrow)[0].image.shape == (96, 64, 3)
    with open_video(narrow) as video:
        assert (video.facts.width, video.facts.height) == (64, 96)
    with pytest.raises(VideoError, match=r"wide\.avi: frames of 128 x 48 pixels are more than"):
        open_video(wide, max_pixels=5000)


@pytest.mark.parametrize("size", [(33, 17), (1, 1), (5, 301), (17, 1)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    for codec, name in (("ffv1", "a.mkv"), ("mpeg4", "a.mp4")):
        pictures = [np.full((size[1], size[0], 3), 10 * n, np.uint8) for n in range(4)]
        path = clip(tmp_path / name, pictures, codec=codec, size=size)
        frames = read(path)
        assert [f.image.shape for f in frames] == 4 * [(size[1], size[0], 3)]
        assert [round(float(f.image.mean()) / 10) for f in frames] == [0, 1, 2, 3]


def test_sound_is_passed_over(tmp_path: Path) -> None:
    frames = read(clip(tmp_path / "a.mp4", sound=True))
    assert [number_of(f.image) for f in frames] == list(range(20))
    with pytest.raises(VideoError, match=r"holds sound and no video"):
        open_video(tone(tmp_path / "a.m4a"))


# Bad files


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "page.mp4").write_text("<!DOCTYPE html><p>Sign in")
    (tmp_path / "letter.mp4").write_text("Dear reader")
    (tmp_path / "picture.mp4").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    for source, message in (
        (tmp_path / "missing.mp4", "there is no such file"),
        (tmp_path, "this is a folder. Name one video file"),
        ("/dev/null", "no regular file"),
        (tmp_path / "empty.mp4", "the file is empty (0 bytes)"),
        (tmp_path / "page.mp4", "this is a web page, not a video"),
        (tmp_path / "letter.mp4", "this is no video that mien can read. Expected MP4"),
        (tmp_path / "picture.mp4", "this is no video that mien can read. Expected MP4"),
        (tmp_path / "a.mp4" / "b.mp4", "there is no such file"),
    ):
        with pytest.raises(VideoError) as error:
            open_video(source)
        assert message in str(error.value)
        assert str(error.value).startswith(f"{source}: ")
    (tmp_path / "file").touch()
    with pytest.raises(VideoError, match="cannot be read"):
        open_video(tmp_path / "file" / "a.mp4")


@pytest.mark.parametrize(
    "address", ["http://host/a.mp4", "rtsp://host/a", "s3://bucket/a.mp4", "concat://a|b"]
)
def test_addresses_are_not_followed(address: str) -> None:
    with pytest.raises(VideoError, match="videos of this machine only"):
        open_video(address)


def test_a_name_is_only_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg would take each of these for something else than the file of that name."""
    monkeypatch.chdir(tmp_path)
    for name in ("concat:a.mp4", "a%03d.mp4", "data:a.mp4", "-i.mp4", "pipe:0.mp4", "a;b c'.mp4"):
        clip(tmp_path / "plain.mp4", 2).rename(name)
        assert len(read(name)) == 2


def test_files_that_name_other_files_are_refused(tmp_path: Path) -> None:
    target = clip(tmp_path / "target.mp4")
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    for text in (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n",
        f"#EXTM3U\n#EXTINF:2,\nfile://{secret}\n",
        f"ffconcat version 1.0\nfile '{target}'\n",
        f"<?xml version='1.0'?><MPD><BaseURL>{target}</BaseURL></MPD>",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    ):
        path = tmp_path / "list.mp4"
        path.write_text(text)
        with pytest.raises(VideoError, match="a list that names other files"):
            open_video(path)


def test_a_track_that_lies_in_another_file_is_not_fetched(tmp_path: Path) -> None:
    other = clip(tmp_path / "other.mp4")
    data = clip(tmp_path / "a.mov").read_bytes()
    place = data.index(b"dref") + 12  # the first entry: size, "url ", flags (1: in this file)
    entry = b"alis" if data[place + 4 : place + 8] == b"url " else data[place + 4 : place + 8]
    changed = data[: place + 4] + entry + bytes(4) + data[place + 12 :]
    assert changed != data
    try:
        frames = read(changed)
    except VideoError:
        frames = []
    assert len(frames) in (0, 20)  # its own frames or none
    assert other.exists()


def test_a_video_without_a_frame(tmp_path: Path) -> None:
    for name in ("none.mp4", "none.mkv", "none.avi"):
        path = clip(tmp_path / name, 0, options={"movflags": "faststart"} if "mp4" in name else {})
        with pytest.raises(VideoError, match=r"no frame|nothing that can be played|cut short"):
            open_video(path)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("a.mp4", {"options": {"movflags": "faststart"}}),
        ("h.mp4", {"codec": "libx264", "max_b_frames": 2, "options": {"movflags": "faststart"}}),
        ("a.mkv", {}),
        ("a.avi", {}),
        ("a.webm", {"codec": "libvpx"}),
    ],
)
def test_of_a_file_that_is_cut_short_the_rest_is_read(
    tmp_path: Path, name: str, settings: dict[str, Any]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 48, 64, 3), np.uint8)
    data = clip(tmp_path / name, list(noise), **settings).read_bytes()
    whole = read(data)
    with open_video(data[: 6 * len(data) // 10], name=name) as video:
        frames = list(video)
        told = " ".join(video.warnings())
    assert 20 < len(frames) < 45
    assert same(frames[:20], whole[:20])
    assert 1.5 < video.facts.lost < 4.5
    assert f"promises {video.facts.lost:.1f} s more than the file holds" in told
    assert video.facts.frames == len(frames) + video.damaged


def test_an_mp4_whose_index_is_cut_off(tmp_path: Path) -> None:
    data = clip(tmp_path / "a.mp4", list(np.random.default_rng(0).integers(
        0, 256, (30, 48, 64, 3), np.uint8))).read_bytes()  # fmt: skip
    for share in (2, 5, 9):
        with pytest.raises(VideoError, match=r"cut short"):
            open_video(data[: share * len(data) // 10])


def test_a_header_that_claims_a_hundred_hours(tmp_path: Path) -> None:
    claimed = bytearray(clip(tmp_path / "a.mkv").read_bytes())
    place = claimed.index(b"\x44\x89\x88") + 3  # the duration: eight bytes of milliseconds
    claimed[place : place + 8] = struct.pack(">d", 1000 * 100 * 3600)
    with open_video(bytes(claimed), name="long.mkv") as video:
        assert len(list(video)) == 20
        assert video.facts.duration == pytest.approx(2)
        assert video.facts.lost == pytest.approx(100 * 3600 - 2, rel=0.001)
        assert "long.mkv: the header promises 35999" in video.warnings()[0]


@pytest.mark.parametrize("name", ["a.mp4", "h.mp4", "a.mkv", "a.avi"])
def test_damage_in_the_middle_is_counted(tmp_path: Path, name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 48, 64, 3), np.uint8)
    codec = "libx264" if name == "h.mp4" else "mpeg4"
    data = bytearray(clip(tmp_path / name, list(noise), codec=codec).read_bytes())
    whole = read(bytes(data))
    place = data.index(b"mdat") if b"mdat" in data else 0
    middle = place + (len(data) - place) // 2
    data[middle : middle + len(data) // 20] = bytes(len(data) // 20)
    with open_video(bytes(data), name=name) as video:
        frames = list(video)
        assert video.warnings()
    assert 15 < len(frames) < 40
    assert same(frames[:10], whole[:10])
    if name.endswith("mp4"):  # elsewhere packets are lost with what held them
        assert video.damaged == 40 - len(frames) > 0
        assert f"{name}: {video.damaged} damaged frames are left out." in video.warnings()
        assert video.facts.frames == 40
        left = {f.index for f in frames}
        assert [f.index for f in open_video(bytes(data), start=1.0)] == [
            index for index in range(10, 40) if index in left
        ]


def test_nothing_but_damage(tmp_path: Path) -> None:
    data = bytearray(clip(tmp_path / "a.mp4", codec="libx264").read_bytes())
    place, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[place:end] = bytes(end - place)
    with pytest.raises(VideoError, match=r"none of its 20 frames can be decoded \(h264\)"):
        open_video(bytes(data))


def test_frames_without_times_are_counted_out(tmp_path: Path) -> None:
    stopped = clip(tmp_path / "a.mkv", 12, times=list(range(12)))
    data = stopped.read_bytes()
    with open_video(data) as video:
        assert not video.facts.counted
    same_time = _with_times(data, [0] * 12)
    with open_video(same_time, name="still.mkv") as video:
        frames = list(video)
        assert video.facts.counted
        assert "still.mkv: the file states no usable times" in video.warnings()[0]
    assert [f.index for f in frames] == list(range(12))
    assert [f.time for f in frames] == [n / video.facts.rate for n in range(12)]
    assert same(read(same_time, start=frames[7].time), frames[7:])
    backwards = _with_times(data, [0, 40, 80, 120, 20, 30, 200, 240, 10, 320, 360, 400])
    with open_video(backwards) as video:
        assert video.facts.counted
        assert [f.index for f in video] == list(range(12))


def test_two_frames_at_one_time_are_both_read(tmp_path: Path) -> None:
    data = clip(tmp_path / "a.mkv", 6, times=list(range(6))).read_bytes()
    doubled = _with_times(data, [0, 40, 40, 80, 120, 160])
    frames = read(doubled)
    assert [(f.index, round(f.time, 3)) for f in frames] == [
        (0, 0), (1, 0.04), (2, 0.04), (3, 0.08), (4, 0.12), (5, 0.16),
    ]  # fmt: skip
    assert same(read(doubled, start=0.04), frames[1:])


def _with_times(data: bytes, times: list[int]) -> bytes:
    """Returns a Matroska file of one cluster with other times of its frames, in milliseconds."""
    changed, found = bytearray(data), 0
    cluster = data.index(b"\x1f\x43\xb6\x75")
    for number, time in enumerate(times):
        block = data.find(b"\x81" + number.to_bytes(2, "big"), cluster + found)
        assert block > 0
        changed[block + 1 : block + 3] = time.to_bytes(2, "big")
        found = block + 3 - cluster
    return bytes(changed)


def test_a_hidden_frame_of_vp8_is_no_frame(tmp_path: Path) -> None:
    data = bytearray(clip(tmp_path / "a.webm", codec="libvpx").read_bytes())
    with av.open(str(tmp_path / "a.webm")) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    place = data.index(packets[12])
    data[place] &= ~0x10
    with open_video(bytes(data)) as video:
        assert (video.facts.frames, len(list(video)), video.damaged) == (19, 19, 0)


# Bounds


def test_limits(tmp_path: Path, written: Callable[[str], Path]) -> None:
    path = written("h264.mp4")
    assert len(read(path, max_pixels=64 * 48, max_frames=20, max_seconds=2)) == 20
    with pytest.raises(VideoError, match=r"frames of 64 x 48 pixels are more than the limit of"):
        open_video(path, max_pixels=64 * 48 - 1)
    with pytest.raises(VideoError, match="more than 19 frames, the limit"):
        open_video(path, max_frames=19)
    with pytest.raises(VideoError, match=r"takes 2\.0 s, more than the limit of 1\.5 s"):
        open_video(path, max_seconds=1.5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate": 0}, "above 0"),
        ({"rate": -1}, "above 0"),
        ({"rate": float("nan")}, "above 0"),
        ({"rate": float("inf")}, "above 0"),
        ({"start": -0.1}, "of 0 or more"),
        ({"start": float("nan")}, "of 0 or more"),
    ],
)
def test_settings_are_checked(
    written: Callable[[str], Path], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        open_video(written("h264.mp4"), **settings)


def test_a_start_beyond_the_end_gives_nothing(written: Callable[[str], Path]) -> None:
    for name in ("h264.mp4", "reordered.avi"):
        assert read(written(name), start=1000) == []
        assert read(written(name), start=1000, rate=3) == []


def test_frames_go_when_they_are_let_go(tmp_path: Path) -> None:
    """None waits in a circle of references, with its pixels, for the collector."""
    for name, turned in (("a.mp4", 90), ("b.mp4", None)):
        path = clip(tmp_path / name, 100, rotation=turned)
        gc.collect()
        gc.disable()
        try:
            with open_video(path) as video:
                for _ in video:
                    pass
            # Not isinstance, which asks other libraries' objects what they are.
            left = [thing for thing in gc.get_objects() if type(thing) is av.VideoFrame]
        finally:
            gc.enable()
        assert len(left) < 10  # of a hundred


def test_memory_stays_flat(tmp_path: Path) -> None:
    def pictures(count: int) -> Iterator[Any]:
        return (picture(number, (320, 240)) for number in range(count))

    peaks = []
    for count in (30, 300):
        path = clip(tmp_path / f"{count}.mp4", pictures(count), size=(320, 240))
        tracemalloc.start()
        with open_video(path) as video:
            assert sum(1 for _ in video) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 200_000  # less than a frame


# What may be missing on a machine


def test_without_pyav_the_extra_is_named(
    written: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written("mpeg4.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    for source in (path, path.read_bytes()):
        with pytest.raises(MissingExtraError, match=r"mien\[video\]"):
            open_video(source)


def test_a_file_that_goes_away(written: Callable[[str], Path], tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", 4)
    with open_video(path) as video:
        path.unlink()
        with pytest.raises(VideoError, match="there is no such file"):
            list(video)


def test_endings() -> None:
    assert {".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"} <= VIDEO_EXTENSIONS
    assert all(ending == ending.lower() and ending[0] == "." for ending in VIDEO_EXTENSIONS)


# Cameras


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts FFmpeg's drawn camera of 25 frames a second in place of every real one."""
    monkeypatch.setattr(
        video_cameras,
        "_device",
        lambda number: ("testsrc=size=64x48:rate=25", "lavfi"),
    )


@pytest.mark.parametrize("source", ["camera", "camera:0", "CAMERA:7"])
def test_a_camera_is_read_until_a_limit(camera: None, source: str) -> None:
    with open_video(source, max_frames=10) as video:
        facts, frames = video.facts, list(video)
        assert video.warnings() == []
        assert list(video) == []  # it is over
    assert [f.index for f in frames] == list(range(10))
    assert [f.time for f in frames] == pytest.approx([n / 25 for n in range(10)])
    assert frames[0].image.shape == (48, 64, 3)
    assert (facts.frames, facts.duration, facts.container, facts.rate) == (None, None, "camera", 25)


def test_a_camera_at_a_rate_waits_for_nothing(camera: None) -> None:
    frames = read("camera", rate=5, max_seconds=1)
    assert [f.index for f in frames] == [0, 3, 8, 13, 18, 23]


def test_bounds_of_cameras(camera: None) -> None:
    with pytest.raises(VideoError, match=r"camera:1: frames of 64 x 48 pixels are more"):
        open_video("camera:1", max_pixels=100)
    with pytest.raises(ConfigError, match="A camera has no past"):
        open_video("camera", start=3)


def test_a_camera_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"camera:99: there is no /dev/video99; .*Plug the"):
        open_video("camera:99")
    monkeypatch.setattr(video_cameras, "_device", lambda number: (str(tmp_path / "none"), "v4l2"))
    with pytest.raises(VideoError, match=r"camera:0: the camera .* cannot be opened"):
        open_video("camera")
    monkeypatch.undo()
    monkeypatch.setattr(video_cameras.sys, "platform", "win32")
    with pytest.raises(VideoError, match="on Linux only"):
        open_video("camera")


def test_a_camera_s_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video_cameras.Path, "exists", lambda path: True)
    assert video_cameras._device(3) == ("/dev/video3", "v4l2")


def test_a_camera_that_stumbles_and_is_unplugged(camera: None) -> None:
    with open_video("camera") as video:
        footage: Any = video._footage
        packets = list(itertools.islice(footage._container.demux(video=0), 3))
        footage._container.close()

        class Stumbling:
            decode = staticmethod(lambda: (_ for _ in ()).throw(av.InvalidDataError(1, "torn")))

        class Cable:
            def __init__(self, last: type[Exception] | None) -> None:
                self.last = last

            def demux(self, _: object) -> Iterator[Any]:
                yield from (packets[0], Stumbling(), packets[1])
                if self.last is not None:
                    raise self.last("no such device")

            def close(self) -> None: ...

        for last in (OSError, None):
            footage._container = Cable(last)
            assert len(list(video)) == 2
        assert video.damaged == 2


# Where a file's own index errs


@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv"])
def test_a_jump_that_misses_is_made_up_for(
    written: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    whole = read(written(name))
    monkeypatch.setattr(video_footage, "_jump", lambda *_: None)
    assert same(read(written(name), start=1.2), whole[12:])


def test_a_jump_knows_where_it_landed() -> None:
    class Packet:
        size, stream_index = 1, 0

        def __init__(self, pts: int | None, key: bool = True) -> None:
            self.pts, self.is_keyframe = pts, key

    class Container:
        def __init__(self, *packets: Packet, error: Exception | None = None) -> None:
            self.packets, self.error = packets, error

        def seek(self, *_: object, **__: object) -> None:
            if self.error:
                raise self.error

        def demux(self) -> Iterator[Packet]:
            return iter(self.packets)

    def landed(*packets: Packet, error: Exception | None = None) -> list[int | None] | None:
        stream = SimpleNamespace(index=0)
        opened: Any = SimpleNamespace(container=Container(*packets, error=error), stream=stream)
        found = video_footage._jump(opened, video_tables.Key(7, 50))
        return None if found is None else [packet.pts for packet in found]

    before, unknown, delta = Packet(40), Packet(None), Packet(45, key=False)
    assert landed(before, delta, unknown, Packet(50), Packet(60)) == [50, 60]
    assert landed(before, Packet(60), Packet(50)) is None
    assert landed(before) is None
    assert landed(error=OSError("no seeking")) is None


def test_a_key_that_is_none_is_made_up_for(
    written: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading begins at a packet that only says it can be decoded from."""
    whole = read(written("h264.mp4"))
    monkeypatch.setattr(
        video_tables.Table,
        "key_before",
        lambda table, index: video_tables.Key(1, int(table.pts[1])),
    )
    monkeypatch.setattr(video_footage, "_jump", lambda *_: None)
    late = read(written("h264.mp4"), start=0.4)
    assert [f.index for f in late] == [f.index for f in whole[4:]]


def test_a_disk_that_fails_in_the_middle(
    written: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    packets = video_footage._packets

    def failing(opened: Any) -> Iterator[Any]:
        yield from itertools.islice(packets(opened), 12)
        raise OSError(5, "Input/output error")

    with open_video(written("mpeg4.mp4")) as video:
        monkeypatch.setattr(video_footage, "_packets", failing)
        assert len(list(video)) == 12
        assert video.damaged == 8


def test_a_stream_that_begins_in_the_middle_is_passed_over() -> None:
    """PyAV raises an IndexError at each of its packets, and can go on behind it."""
    left = [1, IndexError(), 2, IndexError(), IndexError(), 3]

    def demux() -> Iterator[Any]:
        while left:
            thing = left.pop(0)
            if isinstance(thing, Exception):
                raise thing
            yield SimpleNamespace(size=thing)
        yield SimpleNamespace(size=0)

    opened: Any = SimpleNamespace(container=SimpleNamespace(demux=demux))
    assert [packet.size for packet in video_files.packets(opened)] == [1, 2, 3]


def test_a_title_in_another_encoding(tmp_path: Path) -> None:
    data = clip(tmp_path / "a.mkv").read_bytes()
    place = data.index(b"Lavf")
    assert len(read(data[:place] + "Löw".encode("latin-1") + data[place + 3 :])) == 20


def test_colours_that_nobody_knows_are_taken_for_common_ones() -> None:
    frame = av.VideoFrame.from_ndarray(picture(7), format="rgb24")

    class Odd:
        width, height, side_data, format = 64, 48, frame.side_data, frame.format
        known = True

        def to_ndarray(self, src_colorspace: str | None, **settings: Any) -> Any:
            if src_colorspace is None or not self.known:
                raise av.FFmpegError(95, "Operation not supported")
            return frame.to_ndarray(**settings)

    odd: Any = Odd()
    assert np.array_equal(video_pixels.Showing().rgb(odd, 10_000, "a.mp4"), picture(7))
    odd.known = False
    with pytest.raises(VideoError, match=r"^a\.mp4: frames of the kind rgb24 cannot be turned"):
        video_pixels.Showing().rgb(odd, 10_000, "a.mp4")
