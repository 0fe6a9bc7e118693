"""Decodes frames of a camera as they come."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from mien.core.errors import VideoError
from mien.core.types import Image
from mien.core.video_facts import VideoFacts
from mien.core.video_files import library
from mien.core.video_footage import Decoded
from mien.core.video_pixels import Showing, check_pixels

_NAME: Final = re.compile(r"camera(?::(?P<number>\d{1,2}))?$", re.IGNORECASE)


def camera_number(source: object) -> int | None:
    """Returns which camera ``"camera"`` or ``"camera:1"`` means; None for anything else."""
    found = _NAME.match(source) if isinstance(source, str) else None
    return int(found["number"] or 0) if found else None


class CameraFootage:
    """The frames of a camera of this machine, each of them once.

    Args:
        number: the camera's number, from 0.
        max_pixels: the most pixels that a frame may have.
        max_frames: after how many frames to stop.
        max_seconds: after how many seconds to stop.

    Attributes:
        facts: what the camera says of itself.
        times: None: they are not known beforehand.
        damaged: how many frames could not be decoded.

    Raises:
        VideoError: there is no such camera, something else uses it, or the system is not Linux.
        MissingExtraError: the extra ``video`` is not installed.
    """

    def __init__(
        self,
        number: int,
        max_pixels: int,
        max_frames: int | None = None,
        max_seconds: float | None = None,
    ) -> None:
        self._max_pixels, self._max_frames, self._max_seconds = max_pixels, max_frames, max_seconds
        self._name = f"camera:{number}"
        self.times: npt.NDArray[np.float64] | None = None
        self.damaged = 0
        self._index = 0  # a camera goes on where the last reading stopped
        self._start: float | None = None
        av = library()
        device, form = _device(number)
        try:
            self._container = av.open(device, "r", format=form)
        except (av.FFmpegError, OSError) as error:
            raise VideoError(
                f"{self._name}: the camera {device} cannot be opened ({error}). Check that it is "
                "plugged in, that no other program uses it, and that you may read it."
            ) from None
        self._stream = self._container.streams.video[0]
        context = self._stream.codec_context
        try:
            check_pixels(context.width, context.height, max_pixels, self._name)
        except VideoError:
            self.close()
            raise
        self.facts = VideoFacts(
            width=context.width,
            height=context.height,
            rate=float(self._stream.average_rate or self._stream.base_rate or 0),
            duration=None,
            frames=None,
            rotation=0,
            codec=context.name,
            container="camera",
        )

    def decoded(self, first: int = 0) -> Generator[Decoded]:
        """Yields frames as they come, until a limit is reached or the camera is gone.

        Args:
            first: how many frames to leave out.
        """
        av = library()
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                pictures = packet.decode() if packet is not None else []
            except av.InvalidDataError:
                self.damaged += 1
                continue
            except (av.FFmpegError, OSError):
                return  # the camera was unplugged
            if packet is None:
                return
            for picture in pictures:
                clock = picture.time or 0.0
                self._start = clock if self._start is None else self._start
                index, time = self._index, clock - self._start
                if self._is_over(index, time):
                    return
                self._index += 1
                if index >= first:
                    yield Decoded(index, time, picture)

    def image(self, decoded: Decoded) -> Image:
        """Returns a frame's picture: RGB uint8.

        Raises:
            VideoError: it has too many pixels.
        """
        return Showing().rgb(decoded.picture, self._max_pixels, self._name)

    def close(self) -> None:
        """Lets go of the camera."""
        self._container.close()

    def _is_over(self, index: int, time: float) -> bool:
        full = self._max_frames is not None and index >= self._max_frames
        return full or (self._max_seconds is not None and time > self._max_seconds)


def _device(number: int) -> tuple[str, str]:
    """Returns a camera's device and FFmpeg's name for its kind.

    Raises:
        VideoError: there is no such device, or the system is not Linux.
    """
    if not sys.platform.startswith("linux"):
        raise VideoError(
            f"camera:{number}: mien opens cameras on Linux only. Record a file and name that."
        )
    device = Path(f"/dev/video{number}")
    if not device.exists():
        known = ", ".join(sorted(path.name for path in Path("/dev").glob("video*"))) or "none"
        raise VideoError(
            f"camera:{number}: there is no {device}; devices of cameras here: {known}. Plug the "
            "camera in, or name another one."
        )
    return str(device), "v4l2"
