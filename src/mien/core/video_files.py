"""Opens a stranger's video without letting it open anything else.

FFmpeg gets an open file, never a name, so that no name can stand for an address, a pattern or a
device. Of its many containers only real ones are let in: playlists, lists of files to join and the
like are recognised by their content and refused. Whatever a file asks to have opened besides
itself is refused too. Sound and subtitles are not read.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mien.core import places
from mien.core.errors import MissingExtraError, VideoError

if TYPE_CHECKING:
    from av.container.input import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

CONTAINERS: Final = (
    "mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "mpeg", "mpegts",
    "mpegvideo", "m4v", "flv", "asf", "ogg",
)  # fmt: skip
"""FFmpeg's names of the containers that mien reads; each holds all of its video itself."""
_EXPECTED: Final = "Expected MP4, MOV, AVI, MKV, WebM, MPEG, FLV, WMV or OGV."
_MARGIN: Final = 2**20
"""Pixels."""
_BUFFER: Final = 2**18
"""Bytes that FFmpeg asks for at once."""


class Opened(NamedTuple):
    """A video that can be read once, from its start.

    Attributes:
        container: the file.
        stream: its best video stream.
    """

    container: InputContainer
    stream: VideoStream


@dataclass(frozen=True, slots=True)
class VideoSource:
    """A video file, or the bytes of one.

    Attributes:
        content: where it lies, or what it holds.
        name: what to call it in errors.
        max_pixels: the most pixels that a frame may have.

    Raises:
        VideoError: it is missing, empty, or no regular file.
    """

    content: Path | bytes
    name: str
    max_pixels: int

    def __post_init__(self) -> None:
        try:
            empty = not self.size
        except OSError as error:
            raise VideoError(f"{self.name}: {_unreachable(error)}") from None
        if isinstance(self.content, Path) and not self.content.is_file():
            what = "a folder" if self.content.is_dir() else "no regular file"
            raise VideoError(f"{self.name}: this is {what}. Name one video file. {_EXPECTED}")
        if empty:
            raise VideoError(
                f"{self.name}: the file is empty (0 bytes). Save or download it again."
            )

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    @contextmanager
    def open(self) -> Iterator[Opened]:
        """Opens the file once more, at its start, and closes it in the end.

        Raises:
            VideoError: it is no video that mien reads, is damaged or cut short, or holds sound
                only.
            MissingExtraError: the extra ``video`` is not installed.
        """
        av = library()
        try:
            file: Any = (
                io.BytesIO(self.content)
                if isinstance(self.content, bytes)
                else self.content.open("rb")
            )
        except OSError as error:
            raise VideoError(f"{self.name}: {_unreachable(error)}") from None
        with file:
            options = {
                "protocol_whitelist": "none",  # nothing besides this file
                "format_whitelist": ",".join(CONTAINERS),
                **self._bounds(),
            }
            try:
                container = av.open(
                    file, "r", options=options, buffer_size=_BUFFER, metadata_errors="replace"
                )
            except (av.FFmpegError, ValueError) as error:
                raise VideoError(f"{self.name}: {self._unreadable(error)}") from None
            with container:
                yield Opened(container, self._stream(container))

    def _stream(self, container: InputContainer) -> VideoStream:
        """Returns the largest video stream that can be decoded and is no cover picture."""
        cover = library().stream.Disposition.attached_pic
        contexts: list[tuple[VideoStream, Any]] = [
            (stream, stream.codec_context)
            for stream in container.streams.video
            if not stream.disposition & cover
        ]
        streams = [stream for stream, context in contexts if context is not None]
        if streams:
            best = max(streams, key=lambda s: s.codec_context.width * s.codec_context.height)
            # Several threads are quicker, but what they make of a damaged frame differs from one
            # time to the next.
            best.thread_count = 1
            best.codec_context.options = self._bounds()
            return best
        if container.streams.audio:
            raise VideoError(
                f"{self.name}: this holds sound and no video. Name a file with a video stream."
            )
        if not len(container.streams):
            raise VideoError(
                f"{self.name}: this holds nothing that can be played. The index at its end may be "
                "missing, since it was cut short or its recording never ended: copy, download or "
                "record it again."
            )
        raise VideoError(
            f"{self.name}: this holds no video stream that can be decoded. It may have been cut "
            f"short: copy or download it again. {_EXPECTED}"
        )

    def _bounds(self) -> dict[str, str]:
        # What grows beyond its header is refused before it takes memory. FFmpeg counts the margins
        # of its buffers too, so the true limit is checked apart.
        return {"max_pixels": str(2 * self.max_pixels + _MARGIN)}

    def _unreadable(self, error: Exception) -> str:
        start = self._head()
        head = start.lstrip().lower()
        if head.startswith((b"<!doctype", b"<html", b"<head")):
            return "this is a web page, not a video. Download the video itself."
        if head.startswith((b"#extm3u", b"ffconcat", b"<?xml", b"[playlist]", b"v=0")):
            return (
                "this is a list that names other files, which mien does not follow. Name the "
                "video itself."
            )
        if start[4:8] in (b"ftyp", b"moov", b"mdat") or start.startswith(
            (b"RIFF", b"\x1a\x45\xdf\xa3")
        ):
            reason = getattr(error, "strerror", None) or error
            return f"the video is damaged or cut short ({reason}). Copy or download it again."
        return f"this is no video that mien can read. {_EXPECTED}"

    def _head(self) -> bytes:
        if isinstance(self.content, bytes):
            return self.content[:512]
        with self.content.open("rb") as file:
            return file.read(512)


def packets(opened: Opened) -> Iterator[Packet[Any]]:
    """Yields the packets of all streams that were known when a file was opened.

    Empty ones, of which no frame comes, are left out.

    Raises:
        av.FFmpegError: the file cannot be read further.
    """
    while True:
        try:
            for packet in opened.container.demux():
                if packet.size:
                    yield packet
        except IndexError:
            continue  # PyAV stumbles over a stream that begins in the middle: the next one is read
        return


def library() -> Any:
    """Returns PyAV.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import av
    except ImportError:
        raise MissingExtraError("Reading and writing videos", "video") from None
    return av


def source_of(
    source: str | os.PathLike[str] | bytes, max_pixels: int, name: str = ""
) -> VideoSource:
    """Returns a path or bytes as a source.

    Args:
        source: the path of a file, or the bytes of one.
        max_pixels: the most pixels that a frame may have.
        name: what to call bytes in errors.

    Raises:
        VideoError: it is missing, empty, no regular file, or an address.
    """
    if isinstance(source, bytes):
        return VideoSource(source, name or "these bytes", max_pixels)
    text = os.fspath(source)
    if isinstance(source, str) and places.is_address(text):
        raise VideoError(
            f"{text}: mien opens videos of this machine only, no addresses. Download it first."
        )
    return VideoSource(Path(text), name or text, max_pixels)


def _unreachable(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file."
    return f"the file cannot be read ({error.strerror})."
