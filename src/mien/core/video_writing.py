"""Writes RGB frames as an MP4 file, which appears under its name only when it is whole."""

from __future__ import annotations

import math
import os
import secrets
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from mien.core.errors import ConfigError, VideoError
from mien.core.types import Image
from mien.core.video_files import library

_UNIT: Final = Fraction(1, 60_000)
"""Seconds. The finest unit that divides 1/24, 1/25, 1/30 and 1001/30000 and that MPEG-4 takes."""
_BT601: Final = 6
"""FFmpeg's number for the colours that swscale makes where it is told nothing."""
_LIMITED: Final = 1
_ENCODERS: Final = {
    "libx264": {"preset": "veryfast", "crf": "20"},
    "mpeg4": {"qmin": "2", "qmax": "6"},
}
"""H.264 plays everywhere; MPEG-4 part 2 is in every FFmpeg. The first that is there is taken."""


class VideoWriter:
    """Writes an MP4 file, frame by frame.

        with VideoWriter("out.mp4", rate=25) as writer:
            writer.write(image)

    The file is written beside its place and moved there at the end of the ``with``; where an error
    ends it, nothing is left. Frames of an odd width or height get one more column or row, a copy
    of the last one.

    Args:
        path: the file, which ends in ``.mp4``, in a folder that is there; it may replace another.
        rate: frames a second, for those that are written without a time.
        size: width and height of the frames; that of the first one where not given.
        encoder: ``libx264`` or ``mpeg4``; the first that this machine has where not given.

    Raises:
        ConfigError: the rate, the size, the name or the encoder is something else.
        VideoError: there is no such folder.
        MissingExtraError: the extra ``video`` is not installed.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        rate: float = 25.0,
        size: tuple[int, int] | None = None,
        encoder: str | None = None,
    ) -> None:
        self._path, self._rate, self._size = Path(path), rate, size
        if not 0 < rate <= 1 / _UNIT:
            raise ConfigError(f"rate is a number of frames a second above 0; got {rate!r}.")
        if size is not None and min(size) < 1:
            raise ConfigError(f"size is a width and a height of 1 or more; got {size!r}.")
        if self._path.suffix.lower() != ".mp4":
            raise ConfigError(f"mien writes MP4 files: name one that ends in .mp4, not {path}.")
        self._encoder = _chosen(encoder)
        if not self._path.parent.is_dir():
            raise VideoError(f"{path}: there is no folder {self._path.parent}. Make it first.")
        self._partial: Path | None = None
        self._container: Any = None
        self._stream: Any = None
        self._count, self._last, self._time = 0, -1, 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._discard()
        else:
            self.close()

    @property
    def frames(self) -> int:
        """How many frames were written."""
        return self._count

    def write(self, image: Image, time: float | None = None) -> None:
        """Writes one frame.

        Args:
            image: (height, width, 3) RGB uint8, all of one size.
            time: seconds from the beginning of the file, rising from frame to frame (of two at one
                time the second is put just behind); None puts the n-th frame at n / rate.

        Raises:
            VideoError: it has another size or time, or cannot be written.
        """
        height, width = image.shape[:2]
        size = self._size = self._size or (width, height)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise VideoError(
                f"{self._path}: a frame is (height, width, 3) RGB uint8; this one is "
                f"{image.shape} {image.dtype}."
            )
        if (width, height) != size:
            raise VideoError(
                f"{self._path}: all frames have the size of the first, {size[0]} x {size[1]}; this "
                f"one has {width} x {height}."
            )
        av = library()
        try:
            self._open(size)
            even = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
            frame.pts, frame.time_base = self._moment(time), _UNIT
            frame.duration = max(1, round(1 / (Fraction(self._rate) * _UNIT)))
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from error
        self._count += 1

    def close(self) -> None:
        """Ends the file and moves it to its place; without a ``with`` this has to be called.

        Raises:
            VideoError: no frame was written, or the file cannot be.
        """
        if self._container is None:
            if not self._count:
                raise VideoError(f"{self._path}: no frame was written, so there is no file.")
            return
        av = library()
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            assert self._partial is not None
            self._partial.replace(self._path)
        except (av.FFmpegError, OSError) as error:
            self._discard()
            raise self._failed(error) from error
        self._container = self._stream = self._partial = None

    def _open(self, size: tuple[int, int]) -> None:
        """Opens the file beside its place, once the size is known."""
        if self._container is not None:
            return
        name = f".{self._path.stem}.{secrets.token_hex(4)}.mp4"
        self._partial = self._path.with_name(name).absolute()
        # A name with its protocol cannot be taken for an address or a pattern.
        self._container = library().open(
            f"file:{self._partial}", "w", format="mp4", options={"movflags": "faststart"}
        )
        stream = self._container.add_stream(
            self._encoder,
            rate=Fraction(self._rate).limit_denominator(1001),
            options=dict(_ENCODERS[self._encoder]),
        )
        stream.width, stream.height = (side + side % 2 for side in size)
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = _UNIT
        context.colorspace, context.color_range = _BT601, _LIMITED
        self._stream = stream

    def _moment(self, time: float | None) -> int:
        """Returns a frame's time in units, just behind the last one at the earliest."""
        if time is None:
            time = self._count / self._rate
        if not self._time <= time < math.inf:
            raise VideoError(
                f"{self._path}: times are seconds of 0 or more that rise from frame to frame; got "
                f"{time!r} after {self._time:g}."
            )
        self._time = time
        self._last = max(round(Fraction(time) / _UNIT), self._last + 1)
        return self._last

    def _discard(self) -> None:
        """Removes what was written so far."""
        if self._container is not None:
            try:
                self._container.close()
            except (library().FFmpegError, OSError):
                pass  # it goes anyway
        if self._partial is not None:
            self._partial.unlink(missing_ok=True)
        self._container = self._stream = self._partial = None

    def _failed(self, error: Exception) -> VideoError:
        reason = getattr(error, "strerror", None) or str(error)
        return VideoError(
            f"{self._path}: the video cannot be written ({reason}). Check the space and the rights "
            "there."
        )


def _chosen(encoder: str | None) -> str:
    """Returns the encoder to use.

    Raises:
        ConfigError: it is none that mien uses, or this machine lacks it.
    """
    there = [name for name in _ENCODERS if name in library().codecs_available]
    if encoder is None and there:
        return there[0]
    if encoder in there:
        return str(encoder)
    raise ConfigError(
        f"encoder is one of those that this PyAV brings: {', '.join(there) or 'none'}; got "
        f"{encoder!r}."
    )
