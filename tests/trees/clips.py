"""Videos that the tests draw themselves, in whatever way a video may be good or bad."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]


def picture(number: int, size: tuple[int, int] = (64, 48)) -> Picture:
    """Returns a picture whose grey tells its number, with a red corner at its top left."""
    width, height = size
    image = np.full((height, width, 3), 20 + 11 * (number % 20), np.uint8)
    image[: height // 3, : width // 3] = (250, 0, 0)
    return image


def number_of(image: Picture) -> int:
    """Returns the number of a picture (modulo 20), as its lower right corner tells it."""
    height, width = image.shape[:2]
    return round((float(image[height // 2 :, width // 2 :].mean()) - 20) / 11)


def clip(
    path: Path,
    pictures: int | Iterable[Picture] = 20,
    *,
    codec: str = "mpeg4",
    rate: int = 10,
    size: tuple[int, int] = (64, 48),
    times: Sequence[int] | None = None,
    rotation: float | None = None,
    sound: bool = False,
    **settings: Any,
) -> Path:
    """Writes a video.

    Args:
        path: its ending tells the container.
        pictures: its frames, or how many to draw.
        codec: the encoder.
        rate: frames a second.
        size: width and height.
        times: milliseconds of each frame, in place of the rate.
        rotation: degrees, counter-clockwise, by which players are to turn it.
        sound: add a stream of silence.
        settings: ``gop_size``, ``max_b_frames`` and ``pix_fmt`` of the encoder, and its further
            options as ``encoder``; ``options`` are the container's, ``format`` is its name.
    """
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    options, form = settings.pop("options", {}), settings.pop("format", None)
    with av.open(str(path), "w", format=form, options=options) as container:
        encoder = settings.pop("encoder", {})
        stream: Any = container.add_stream(codec, rate=rate, options=encoder)
        stream.width, stream.height = size
        stream.pix_fmt = settings.pop("pix_fmt", "yuv420p")
        stream.gop_size = settings.pop("gop_size", 5)
        stream.codec_context.max_b_frames = settings.pop("max_b_frames", 0)
        stream.codec_context.thread_count = 1
        assert not settings, settings
        if rotation is not None:
            stream.set_display_rotation(rotation)
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if isinstance(pictures, int):
            pictures = (picture(number, size) for number in range(pictures))
        hiss: Any = _silence(container) if sound else None
        for number, image in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts = number if times is None else times[number]
            frame.time_base = Fraction(1, rate) if times is None else Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.start_encoding()  # for the header, where there is no frame
        container.mux(stream.encode(None))
        if hiss is not None:
            container.mux(hiss.encode(None))
    return path


def tone(path: Path) -> Path:
    """Writes a file of sound without a picture."""
    import av

    with av.open(str(path), "w") as container:
        stream = _silence(container)
        container.mux(stream.encode(None))
    return path


def _silence(container: Any) -> Any:
    import av

    stream = container.add_stream("aac", rate=44100, layout="mono")
    for number in range(40):
        samples = np.zeros((1, 1024), np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, 1024 * number
        frame.time_base = Fraction(1, 44100)
        container.mux(stream.encode(frame))
    return stream
