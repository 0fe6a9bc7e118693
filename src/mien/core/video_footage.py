"""Decodes the frames of a file, from any of them on, with their numbers and times."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from mien.core.errors import VideoError
from mien.core.types import Image
from mien.core.video_facts import VideoFacts
from mien.core.video_files import Opened, VideoSource, library, packets
from mien.core.video_pixels import Showing, check_pixels, showing
from mien.core.video_tables import Key, read_table

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame as Picture

_SEEKABLE: Final = frozenset({"mov", "matroska"})
"""Containers in which each packet states its time, so that it is known again after a jump."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded frame that is no picture yet.

    Attributes:
        index: as in `VideoFrame`.
        time: likewise.
        picture: PyAV's frame.
    """

    index: int
    time: float
    picture: Picture


class Footage(Protocol):
    """What frames are decoded from.

    Attributes:
        facts: what is known beforehand.
        times: (frames,) float64, when each frame is shown, in seconds from the first; None where
            frames come as time goes by.
        damaged: how many frames of the latest reading could not be decoded.
    """

    facts: VideoFacts
    times: npt.NDArray[np.float64] | None
    damaged: int

    def decoded(self, first: int = 0) -> Generator[Decoded]:
        """Yields the frames from number ``first`` on."""
        ...

    def image(self, decoded: Decoded) -> Image:
        """Returns a frame's picture."""
        ...

    def close(self) -> None:
        """Lets go of what frames are read from."""
        ...


class FileFootage:
    """The frames of a file, which can be read again and again, from any of them on.

    Args:
        source: the file.
        max_frames: how many frames it may have.
        max_seconds: how long it may be.

    Attributes:
        facts: what is known of the file.
        times: (frames,) float64, when each frame is shown, in seconds from the first.
        damaged: how many frames of the latest reading could not be decoded.

    Raises:
        VideoError: it holds no frame that can be decoded, is too large or too long, or is no video.
        MissingExtraError: the extra ``video`` is not installed.
    """

    def __init__(
        self, source: VideoSource, max_frames: int | None = None, max_seconds: float | None = None
    ) -> None:
        self._source, self.damaged = source, 0
        with source.open() as (container, stream):
            context = stream.codec_context
            self._kinds = container.format.name.split(",")
            self._codec = context.name
            self._aspect = context.sample_aspect_ratio or stream.sample_aspect_ratio
            # What is too large is told before all of it is read.
            check_pixels(context.width, context.height, source.max_pixels, source.name)
        self._table = read_table(source, max_frames)
        if max_seconds is not None and self._table.duration > max_seconds:
            raise VideoError(
                f"{source.name}: this takes {self._table.duration:.1f} s, more than the limit of "
                f"{max_seconds:g} s. Cut it into parts first."
            )
        self.times: npt.NDArray[np.float64] | None = self._table.times
        self._showing = Showing()
        self.facts = self._facts()

    def decoded(self, first: int = 0) -> Generator[Decoded]:
        """Yields the frames from number ``first`` on; those that cannot be decoded are counted.

        A frame has the same number, time and pixels wherever reading begins.

        Args:
            first: the number of the first frame that is wanted.
        """
        key = self._table.key_before(first)
        frames = self._from(key, first)
        start = next(frames, None)
        if key.place and (start is None or start.index != first):
            # Not every packet that calls itself a key can be decoded from.
            frames.close()
            frames = self._from(Key(0, 0), first)
        elif start is not None:
            yield start
        yield from frames

    def image(self, decoded: Decoded) -> Image:
        """Returns a frame's picture: RGB uint8, upright, with square pixels.

        Raises:
            VideoError: it has too many pixels.
        """
        return self._showing.rgb(decoded.picture, self._source.max_pixels, self._source.name)

    def close(self) -> None:
        """Does nothing: every reading closes its own file."""

    def _from(self, key: Key, first: int) -> Generator[Decoded]:
        """Yields the frames from number ``first`` on, decoded from a key on."""
        self.damaged, last, whole = 0, -1, 0
        times = self._table.times
        with ExitStack() as stack:
            opened, found = self._packets(stack, key)
            for picture in self._pictures(opened, found):
                index = last + 1
                if not self._table.counted and picture.pts is not None:
                    index = max(index, int(np.searchsorted(self._table.pts, picture.pts)))
                last = index
                if first <= index < len(times):
                    self.damaged = index - first - whole
                    whole += 1
                    yield Decoded(index, float(times[index]), picture)
        self.damaged = max(0, len(times) - first) - whole

    def _packets(self, stack: ExitStack, key: Key) -> tuple[Opened, Iterator[Packet[Any]]]:
        """Returns the opened file and its packets from a key on."""
        opened = stack.enter_context(self._source.open())
        if not key.place:
            return opened, _packets(opened)
        if self._kinds[0] in _SEEKABLE and (found := _jump(opened, key)) is not None:
            return opened, found
        opened = stack.enter_context(self._source.open())
        return opened, itertools.islice(_packets(opened), key.place, None)

    def _pictures(self, opened: Opened, found: Iterator[Packet[Any]]) -> Iterator[Picture]:
        """Yields the frames that can be decoded in full, in the order in which they are shown."""
        av = library()
        packet: Packet[Any] | None
        while True:
            try:
                packet = next(found, None)
            except (av.FFmpegError, OSError):
                packet = None  # the file ends here; `VideoFacts.lost` tells what is missing
            try:
                pictures = opened.stream.codec_context.decode(packet)
            except (av.FFmpegError, MemoryError):
                pictures = []
            yield from (picture for picture in pictures if not picture.is_corrupt)
            if packet is None:  # the decoder has handed out what it had held back
                return

    def _facts(self) -> VideoFacts:
        frames = self.decoded()
        first = next(frames, None)
        frames.close()
        table = self._table
        if first is None:
            raise VideoError(
                f"{self._source.name}: none of its {len(table.times)} frames can be decoded "
                f"({self._codec}). The file is damaged: copy or download it again."
            )
        self._showing = showing(first.picture, self._aspect)
        width, height = self._showing.upright(first.picture.width, first.picture.height)
        check_pixels(width, height, self._source.max_pixels, self._source.name)
        return VideoFacts(
            width=width,
            height=height,
            rate=table.rate,
            duration=table.duration,
            frames=len(table.times),
            rotation=self._showing.rotation,
            codec=self._codec,
            container="mp4" if "mp4" in self._kinds else self._kinds[0],
            counted=table.counted,
            lost=table.lost,
        )


def _packets(opened: Opened) -> Iterator[Packet[Any]]:
    """Yields the packets of the video stream."""
    own = opened.stream.index
    return (packet for packet in packets(opened) if packet.stream_index == own)


def _jump(opened: Opened, key: Key) -> Iterator[Packet[Any]] | None:
    """Returns the packets from a key on, found by a jump; None where the jump misses it."""
    try:
        opened.container.seek(key.pts, stream=opened.stream)
        following = _packets(opened)
        for packet in following:
            if not packet.is_keyframe or packet.pts is None:
                continue
            if packet.pts == key.pts:
                return itertools.chain([packet], following)
            if packet.pts > key.pts:
                return None
    except (library().FFmpegError, OSError):
        return None
    return None
