"""Videos and cameras as upright RGB frames with their numbers and times.

    with open_video("drive.mp4", rate=10) as video:
        for frame in video:
            print(frame.index, frame.time, frame.image.shape)

PyAV (extra ``video``) decodes. Memory does not grow with the length of a video, but for some twenty
bytes a frame. A file is opened as a stranger's: see `mien.core.video_files`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np

from mien.core.errors import ConfigError
from mien.core.images import MAX_PIXELS
from mien.core.video_cameras import CameraFootage, camera_number
from mien.core.video_facts import VIDEO_EXTENSIONS, VideoFacts, VideoFrame
from mien.core.video_files import source_of
from mien.core.video_footage import Decoded, FileFootage, Footage
from mien.core.video_tables import WITHOUT_TIMES

__all__ = ["VIDEO_EXTENSIONS", "Video", "VideoFacts", "VideoFrame", "open_video"]


class Video:
    """Frames of a file or camera, in their order; made by `open_video`.

    A file may be gone through several times, each time from ``start``; a camera once. Frames that
    cannot be decoded are left out and counted.

    Attributes:
        name: what it is called in messages.
        facts: what is known of it.
    """

    def __init__(self, footage: Footage, name: str, rate: float | None, start: float) -> None:
        self.name, self.facts = name, footage.facts
        self._footage, self._rate, self._start = footage, rate, start

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file or camera."""
        self._footage.close()

    def __iter__(self) -> Iterator[VideoFrame]:
        frames: Iterator[Decoded] = self._footage.decoded(self._first())
        if self._rate is not None:
            live = self._footage.times is None
            frames = _first_of_each(frames, self._rate) if live else _thinned(frames, self._rate)
        for found in frames:
            if found.time >= self._start:
                yield VideoFrame(found.index, found.time, self._footage.image(found))

    @property
    def damaged(self) -> int:
        """How many frames of the latest reading could not be decoded so far."""
        return self._footage.damaged

    def warnings(self) -> list[str]:
        """Returns what a person should know of the reading so far, in whole sentences."""
        facts, told = self.facts, []
        if facts.lost:
            told.append(
                f"{self.name}: the header promises {facts.lost:.1f} s more than the file holds. It "
                "may have been cut short; what is there is read."
            )
        if facts.counted and facts.container not in WITHOUT_TIMES:
            told.append(
                f"{self.name}: the file states no usable times. Its frames are counted out at "
                f"{facts.rate:g} a second."
            )
        if self.damaged:
            frames = (
                "1 damaged frame is" if self.damaged == 1 else f"{self.damaged} damaged frames are"
            )
            told.append(f"{self.name}: {frames} left out.")
        return told

    def _first(self) -> int:
        """Returns the first frame that must be decoded for the frames from ``start`` on."""
        times = self._footage.times
        if times is None or not self._start:
            return 0
        if self._rate is None:
            return int(np.searchsorted(times, self._start))
        cells = np.floor(times * self._rate + 0.5)  # as `_cell` has them
        return int(np.searchsorted(cells, _cell(self._start, self._rate)))


def open_video(
    source: str | os.PathLike[str] | bytes,
    *,
    rate: float | None = None,
    start: float = 0.0,
    max_pixels: int = MAX_PIXELS,
    max_seconds: float | None = None,
    max_frames: int | None = None,
    name: str = "",
) -> Video:
    """Opens a video file, the bytes of one, or a camera of this machine.

    Args:
        source: a path, bytes, or ``"camera"`` (the first one), ``"camera:1"`` and so on.
        rate: frames a second at most. Of the frames around each multiple of its inverse the one
            nearest to it is taken, so which frames are taken does not depend on ``start``. None
            takes every frame.
        start: seconds from the first frame at which to begin; reading from there gives the same
            frames, numbers and times as reading from the beginning does.
        max_pixels: larger frames are refused before one is decoded.
        max_seconds: longer files are refused before one is decoded; a camera stops then.
        max_frames: files with more frames are refused likewise; a camera stops then.
        name: what to call bytes in messages.

    Returns:
        An open `Video`, which closes itself at the end of a ``with``.

    Raises:
        VideoError: there is no such file or camera, it is no video, or is beyond a limit.
        ConfigError: a setting is out of range.
        MissingExtraError: the extra ``video`` is not installed.
    """
    if rate is not None and not 0 < rate < math.inf:
        raise ConfigError(f"rate is a number of frames a second above 0; got {rate!r}.")
    if not 0 <= start < math.inf:
        raise ConfigError(f"start is a number of seconds of 0 or more; got {start!r}.")
    number = camera_number(source)
    if number is not None:
        if start:
            raise ConfigError(f"A camera has no past: start is 0 for it; got {start!r}.")
        footage: Footage = CameraFootage(number, max_pixels, max_frames, max_seconds)
        return Video(footage, f"camera:{number}", rate, 0.0)
    file = source_of(source, max_pixels, name)
    return Video(FileFootage(file, max_frames, max_seconds), file.name, rate, start)


def _cell(time: float, rate: float) -> int:
    """Returns the multiple of a rate's inverse that a time is nearest to."""
    return math.floor(time * rate + 0.5)


def _thinned(frames: Iterator[Decoded], rate: float) -> Iterator[Decoded]:
    """Yields, of the frames nearest to each multiple of a rate's inverse, the nearest one."""
    best: Decoded | None = None
    for frame in frames:
        if best is not None:
            cell = _cell(best.time, rate)
            if cell == _cell(frame.time, rate):
                if abs(frame.time - cell / rate) < abs(best.time - cell / rate):
                    best = frame
                continue
            yield best
        best = frame
    if best is not None:
        yield best


def _first_of_each(frames: Iterator[Decoded], rate: float) -> Iterator[Decoded]:
    """Yields the first frame near each multiple of a rate's inverse, without waiting for more."""
    last: int | None = None
    for frame in frames:
        if (cell := _cell(frame.time, rate)) != last:
            yield frame
        last = cell
