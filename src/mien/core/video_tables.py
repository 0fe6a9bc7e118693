"""When each frame of a video is shown: read from its packets, without decoding one.

Reading a file's packets takes a small part of the time that decoding them does. It tells how many
frames there really are, when each is shown, and at which of them decoding can begin, whatever the
header claims. The table takes some twenty bytes a frame.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mien.core.errors import VideoError
from mien.core.video_files import VideoSource, library, packets

if TYPE_CHECKING:
    from av.container.input import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

WITHOUT_TIMES: Final = frozenset({"avi", "mpegvideo", "m4v"})
"""Containers that state no time a frame, by FFmpeg's first name; all of their frames last equally
long."""
_PROMISING: Final = frozenset({"mov", "matroska", "avi"})
"""Containers whose header states how long the video is; for others FFmpeg estimates it."""
_VP8_SHOWN: Final = 0x10
"""The bit of a packet's first byte that says whether its frame is shown."""
_MANY_SECONDS: Final = 10**9
_LOST_SECONDS: Final = 1.0
"""Less is not counted as lost: sound and video seldom end together."""
_LOST_SHARE: Final = 0.02


class Key(NamedTuple):
    """A packet at which decoding can begin.

    Attributes:
        place: its number among the packets of its stream, from 0, in the order of the file.
        pts: when its frame is shown, in the stream's units; of no use in a table that counts.
    """

    place: int
    pts: int


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """When the frames of a video are shown, and where decoding can begin.

    Attributes:
        times: (frames,) float64 seconds from the first frame, never falling.
        pts: (frames,) int64, the same in the stream's units; empty where frames are counted.
        keys: (keys, 2) int64, the ``place`` and ``pts`` of each `Key`, in the order of the file.
        duration: seconds from the first frame to the end of the last one.
        rate: the average number of frames a second.
        lost: seconds that the header promises and the file does not hold.
    """

    times: npt.NDArray[np.float64]
    pts: npt.NDArray[np.int64]
    keys: npt.NDArray[np.int64]
    duration: float
    rate: float
    lost: float

    @property
    def counted(self) -> bool:
        """Whether frames are counted out at the average rate, for want of times."""
        return not len(self.pts)

    def key_before(self, index: int) -> Key:
        """Returns the last packet from which the frame ``index`` can be decoded."""
        start = Key(0, 0)
        if self.counted or not 0 < index < len(self.pts):
            return start
        # Of two frames at one time the key may be the second: then it is no start for the first.
        shared = int((self.pts == self.pts[index]).sum()) > 1
        found = np.flatnonzero(self.keys[:, 1] <= self.pts[index] - shared)
        return Key(*map(int, self.keys[found[-1]])) if len(found) else start


class _Packets:
    """What is kept of a file's packets."""

    def __init__(self, codec: str) -> None:
        self._vp8 = codec == "vp8"
        self.pts, self.keys = array("q"), array("q")
        self.shown, self.timed = 0, True
        self.last_duration, self.end = 0, 0.0
        self.count = 0
        self._dts: int | None = None

    def add(self, packet: Packet[Any]) -> None:
        """Takes a packet of the video stream."""
        if packet.dts is not None:
            self.timed &= self._dts is None or packet.dts >= self._dts
            self._dts = packet.dts
        self.timed &= packet.pts is not None
        pts = packet.pts or 0
        if packet.is_keyframe:
            self.keys.extend((self.count, pts))
        self.count += 1
        if not packet.is_discard and not self._is_hidden(packet):
            self.shown += 1
            self.pts.append(pts)
            self.last_duration = packet.duration or self.last_duration

    def _is_hidden(self, packet: Packet[Any]) -> bool:
        """Tells whether a packet holds a picture that others refer to and that is never shown."""
        return self._vp8 and not memoryview(packet)[0] & _VP8_SHOWN

    def table(self, stream: VideoStream, timed: bool) -> Table:
        """Returns the finished table, but for what is lost."""
        pts = np.sort(np.frombuffer(self.pts, np.int64))
        unit = stream.time_base
        span = float((int(pts[-1]) - int(pts[0])) * unit) if unit else 0.0
        stated = float(stream.average_rate or stream.base_rate or 0) or 25.0
        timed = timed and self.timed and 0 <= span < _MANY_SECONDS
        keys = np.frombuffer(self.keys, np.int64).reshape(-1, 2)
        if timed and unit and (span or self.shown == 1):
            rate = (self.shown - 1) / span if span else stated
            times = (pts - pts[0]) * float(unit)
            last = float(self.last_duration * unit) or 1 / rate
            return Table(times, pts, keys, float(times[-1]) + last, rate, 0.0)
        times = np.arange(self.shown) / stated
        return Table(times, pts[:0], keys, self.shown / stated, stated, 0.0)


def read_table(source: VideoSource, max_frames: int | None = None) -> Table:
    """Returns the table of a video file.

    Times come from the packets. Where one lacks its time, or times run backwards in the file,
    frames are counted out at the average rate that the file states, 25 a second if it states none.

    Args:
        source: the file.
        max_frames: how many frames it may have.

    Raises:
        VideoError: it holds no frame, or too many; or it cannot be opened.
    """
    av = library()
    with source.open() as opened:
        container, stream = opened
        found = _Packets(stream.codec_context.name)
        try:
            for packet in packets(opened):
                if packet.stream_index == stream.index:
                    found.add(packet)
                    _check_count(source, found.shown, max_frames)
                if packet.pts is not None:
                    until = packet.pts + (packet.duration or 0)
                    found.end = max(found.end, float(until * packet.time_base))
        except (av.FFmpegError, OSError):
            pass  # what could be read counts; what is missing is told by `lost`
        if not found.shown:
            raise VideoError(
                f"{source.name}: this holds a video stream, but no frame. It may have been cut "
                "short, or its recording never begun: copy or record it again."
            )
        format_name = container.format.name.partition(",")[0]
        # The times that FFmpeg makes up for an AVI are right, and know of frames that were dropped
        # in recording, unless frames are stored in another order than they are shown.
        ordered = format_name == "avi" and not stream.codec_context.has_b_frames
        table = found.table(stream, timed=ordered or format_name not in WITHOUT_TIMES)
        lost = _lost(container, stream, found, table) if format_name in _PROMISING else 0.0
    return Table(table.times, table.pts, table.keys, table.duration, table.rate, lost)


def _check_count(source: VideoSource, count: int, max_frames: int | None) -> None:
    if max_frames is not None and count > max_frames:
        raise VideoError(
            f"{source.name}: this holds more than {max_frames:,} frames, the limit. Cut it into "
            "parts first."
        )


def _lost(container: InputContainer, stream: VideoStream, found: _Packets, table: Table) -> float:
    """Returns how many seconds fewer than the header promises the file holds.

    It may promise a duration, which all streams together have to reach, or a number of frames.
    """
    promised, start = (container.duration or 0) / 1e6, (container.start_time or 0) / 1e6
    missing = max(
        promised - max(found.end - start, table.duration),
        (stream.frames - found.count) / table.rate,
    )
    return missing if missing > max(_LOST_SECONDS, _LOST_SHARE * promised) else 0.0
