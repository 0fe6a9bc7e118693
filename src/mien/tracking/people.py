"""From a video, or frames in memory, to the people in it: `mien.track`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from mien.core.errors import InputError
from mien.core.timeline import Timeline
from mien.core.types import Image
from mien.core.video_facts import VideoFrame
from mien.predictor import Predictor
from mien.tracking.follow import Follower, Following
from mien.tracking.hidden_markov import Chain
from mien.tracking.seen import looked


def track(
    frames: str | os.PathLike[str] | Iterable[Any],
    *,
    rate: float = 25.0,
    following: Following | None = None,
    **options: Any,
) -> list[Timeline]:
    """Returns the people in a video, each with smoothed probabilities and changes of expression.

        for person in mien.track("clip.mp4"):
            print(person.person, [(e.onset, e.after) for e in person.events])

    Args:
        frames: a video file; or frames in order, each an RGB uint8 array (height, width, 3), or a
            pair of its time in seconds and such an array.
        rate: frames a second: of a file at the most, of arrays without times as they are.
        following: how people are followed; None takes what is stated there, with the class shares
            that the model's answers assume.
        **options: the keywords of `Predictor`.

    Returns:
        One `Timeline` a person, by their numbers.

    Raises:
        VideoError: the file is missing, or is no video.
        InputError: a frame is no such array, or the rate is not above 0.
        DataError: the times do not rise.
        MissingExtraError: SciPy is not installed, or, for a file, PyAV.
    """
    predictor = Predictor(**options)
    if following is None:
        shares = predictor.model.spec.target_prior(predictor.prior)
        following = Following(chain=Chain.assuming(shares))
    if not rate > 0:
        raise InputError(f"rate is a number of frames a second above 0; got {rate!r}.")
    if isinstance(frames, str | os.PathLike):
        from mien.core.videos import open_video

        with open_video(frames, rate=rate) as video:
            return _people(video, predictor, following)
    return _people(_numbered(frames, rate), predictor, following)


def _people(
    frames: Iterable[VideoFrame], predictor: Predictor, following: Following
) -> list[Timeline]:
    follower = Follower(following)
    over = [
        one
        for found in looked(frames, predictor)
        for one in follower.update(found.time, found.picture.predictions)
    ]
    return sorted([*over, *follower.finish()], key=lambda one: one.person)


def _numbered(frames: Iterable[Any], rate: float) -> Iterator[VideoFrame]:
    for number, item in enumerate(frames):
        time, image = item if isinstance(item, tuple) and len(item) == 2 else (number / rate, item)
        if not _is_picture(image):
            raise InputError(
                f"Frame {number} is no picture: expected an RGB uint8 array (height, width, 3), or "
                "a pair of seconds and such an array."
            )
        yield VideoFrame(number, float(time), image)


def _is_picture(image: Image | Any) -> bool:
    return (
        isinstance(image, np.ndarray)
        and image.ndim == 3
        and image.shape[2] == 3
        and image.dtype == np.uint8
    )
