"""Frames of videos as pictures of a data set: ``clip.mp4!/12`` is the frame of number 12."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from mien.core.errors import VideoError
from mien.core.images import MAX_PIXELS
from mien.core.types import Image
from mien.core.video_facts import VIDEO_EXTENSIONS, VideoFacts
from mien.core.video_files import source_of
from mien.core.video_footage import Decoded, FileFootage

_FAR: Final = 64
"""Frames. What lies further ahead is jumped to, and not reached by decoding all between."""


def is_video(name: str) -> bool:
    """Tells by its name whether a file is a video."""
    return Path(name).suffix.lower() in VIDEO_EXTENSIONS


class Clip:
    """A video whose frames are pictures.

    One frame after the other is decoded once; a step back begins at the key frame before. It may
    be used from several threads.

    Args:
        content: where the file lies, or what it holds.
        name: what to call it in errors.

    Attributes:
        facts: what is known of it.
        times: (frames,) float64, when each frame is shown, in seconds from the first.

    Raises:
        VideoError: it is no video, or none of its frames can be decoded.
        MissingExtraError: the extra ``video`` is not installed.
    """

    def __init__(self, content: Path | bytes, name: str) -> None:
        self.name = name
        self._footage = FileFootage(source_of(content, MAX_PIXELS, name))
        self.facts: VideoFacts = self._footage.facts
        times = self._footage.times
        assert times is not None
        self.times: npt.NDArray[np.float64] = times
        self._lock = threading.Lock()
        self._reading: Generator[Decoded] | None = None
        self._held: Decoded | None = None

    def picture(self, index: int) -> Image:
        """Returns a frame as (height, width, 3) RGB uint8, upright.

        Raises:
            VideoError: there is no such frame, or it is damaged.
        """
        if not 0 <= index < len(self.times):
            raise VideoError(
                f"{self.name}: there is no frame {index}; it has {len(self.times)}, from 0 on."
            )
        with self._lock:
            if self._reading is None or self._is_away(index):
                self._begin(index)
            found = self._held
            while self._reading is not None and (found is None or found.index < index):
                found = next(self._reading, None)
                if found is None:
                    self._reading = None
            self._held = found
            if found is None or found.index != index:
                raise VideoError(
                    f"{self.name}: the frame {index} is damaged and cannot be decoded. Download "
                    "the video again, or leave the frame out."
                )
            return self._footage.image(found)

    def at_rate(self, rate: float) -> list[int]:
        """Returns the numbers of the frames that `open_video` takes at a rate.

        Args:
            rate: frames a second, at most.
        """
        cells = np.floor(self.times * rate + 0.5)
        away = np.abs(self.times - cells / rate)
        order = np.lexsort((np.arange(len(cells)), away, cells))
        _, first = np.unique(cells[order], return_index=True)
        return [int(index) for index in order[first]]

    def _is_away(self, index: int) -> bool:
        """Tells whether a frame is behind, or so far ahead that a jump pays."""
        if self._held is None:
            return False
        ahead = index - self._held.index
        return ahead < 0 or (ahead > _FAR and not self.facts.counted)

    def _begin(self, index: int) -> None:
        if self._reading is not None:
            self._reading.close()
        self._reading, self._held = self._footage.decoded(index), None
