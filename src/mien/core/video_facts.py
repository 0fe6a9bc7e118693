"""What is known of a video and of one of its frames; nothing here reads one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mien.core.types import Image

VIDEO_EXTENSIONS: Final = frozenset(
    ".mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .ts .mts .m2ts .flv .wmv .asf .3gp .3g2 .ogv".split()
)
"""How the names of videos end, in lower case."""


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What is known of a video before its frames are read.

    Attributes:
        width: of its upright frames, in pixels.
        height: likewise.
        rate: the average number of frames a second.
        duration: seconds from the first frame to the end of the last one; None for a camera.
        frames: how many frames the file holds, damaged ones among them; None for a camera.
        rotation: how far the frames are turned clockwise to stand upright: 0, 90, 180 or 270
            degrees. They are handed out turned.
        codec: the name of the decoder, such as ``"h264"``.
        container: the kind of file, such as ``"mp4"``, or ``"camera"``.
        counted: True where the file states no times that can be used, so that its frames are
            counted out at the average rate.
        lost: how many seconds fewer than its header promises the file holds; 0 where it is whole
            or promises nothing.
    """

    width: int
    height: int
    rate: float
    duration: float | None
    frames: int | None
    rotation: int
    codec: str
    container: str
    counted: bool = False
    lost: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class VideoFrame:
    """One frame of a video.

    Attributes:
        index: its number in the video, from 0, in the order in which frames are shown; damaged
            frames before it count, and so do those that a chosen rate leaves out.
        time: seconds from the video's first frame.
        image: (height, width, 3) RGB uint8, upright, with square pixels.
    """

    index: int
    time: float
    image: Image
