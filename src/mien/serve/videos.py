"""`/v1/video`: one video at a time, frame by frame, in a thread that gives way and can be stopped.

A frame is decoded, searched and classified before the next one is taken, so memory holds the file
and one frame, and of the cores no more than one is busy with it.
"""

from __future__ import annotations

import asyncio
import functools
import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

from fastapi import Request

from mien.core.errors import MissingExtraError, VideoError
from mien.core.videos import Video, open_video
from mien.predictor import Predictor
from mien.serve import answers
from mien.serve.bodies import read_video
from mien.serve.errors import ServiceError
from mien.serve.following import followed, how
from mien.serve.people import FilmAnswer, PersonAnswer, VideoAnswer, classes
from mien.serve.settings import Limits
from mien.tracking.follow import Frame

RATE: Final = 10.0
"""Frames a second that are looked at where nobody asks for more."""
FASTEST: Final = 25.0
RETRY_AFTER: Final = 10
"""Seconds."""
ROWS: Final = 50_000
"""As in `mien.serve.following`, for frames that take far longer than their rows."""
_PIXELS: Final = 4096 * 2304
"""Of a frame: a decoder holds up to sixteen of them."""
_DECODED: Final = 240
"""Frames a second that a file may hold, as those of slow motion do."""


Stop = Callable[[], None]


class Films:
    """The thread for videos, and its one place.

    A video holds the place from before its body is read until the thread has left it.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="mien-video")
        self._place, self._ends = threading.Lock(), threading.Event()

    def reserve(self) -> None:
        """Takes the place, which `release` or the end of a task gives back.

        Raises:
            ServiceError: ``overloaded``: it is taken.
        """
        if not self._place.acquire(blocking=False):
            raise ServiceError(
                "overloaded", "Another video is under way here. Try again later.", RETRY_AFTER
            )

    def release(self) -> None:
        """Gives the place back."""
        self._place.release()

    def start(self, work: Callable[[Callable[[], bool]], str]) -> tuple[Future[str], Stop]:
        """Starts a task and returns its future and what stops it.

        Args:
            work: is handed what tells whether to go on.
        """
        stop = threading.Event()
        future = self._pool.submit(work, lambda: not (stop.is_set() or self._ends.is_set()))
        future.add_done_callback(lambda _: self.release())
        return future, stop.set

    def close(self) -> None:
        """Stops what is under way, and ends the thread."""
        self._ends.set()
        self._pool.shutdown(wait=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a video.

    Attributes:
        data: the file.
        rate: frames a second to look at.
        predictor: what finds and classifies faces.
        limits: what a video may take.
    """

    data: bytes
    rate: float
    predictor: Predictor
    limits: Limits


async def answered(
    request: Request, films: Films, predictor: Predictor, limits: Limits, rate: float
) -> str:
    """Returns the answer to ``POST /v1/video`` as JSON.

    Raises:
        ServiceError: another video is under way, the body is no video or beyond a limit, it took
            too long, or the client left.
    """
    films.reserve()  # before the body is read, as everywhere
    try:
        asked = Asked(await read_video(request, limits), rate, predictor, limits)
        future, stop = films.start(functools.partial(watched, asked))
    except BaseException:
        films.release()
        raise
    result, gone = asyncio.wrap_future(future), asyncio.ensure_future(_left(request))
    both: set[asyncio.Future[Any]] = {result, gone}
    try:
        await asyncio.wait(both, timeout=limits.video_wait, return_when=asyncio.FIRST_COMPLETED)
        if result.done():
            return await result
        if gone.done():
            raise ServiceError("bad_request", "The client left before its answer.")
        raise ServiceError(
            "overloaded",
            f"No answer within {limits.video_wait:g} seconds. Ask for a lower rate, or try later.",
            RETRY_AFTER,
        )
    except asyncio.CancelledError:  # the service ends, and waits no longer
        raise _stops() from None
    finally:
        stop()
        gone.cancel()
        result.cancel()


def watched(asked: Asked, go_on: Callable[[], bool]) -> str:
    """Returns what the service says of a video, as JSON.

    Args:
        asked: the video.
        go_on: is asked before every frame.

    Raises:
        ServiceError: it is no video, or beyond a limit, or the work was stopped.
    """
    limits = asked.limits
    try:
        with open_video(
            asked.data,
            rate=asked.rate,
            max_pixels=min(limits.pixels, _PIXELS),
            max_seconds=limits.video_seconds,
            max_frames=math.ceil(_DECODED * limits.video_seconds),
            name="the video",
        ) as video:
            _check_frames(video, asked)
            seen: list[Frame] = list(_looked(video, asked, go_on))
            if not seen:
                raise ServiceError("bad_request", "The video holds no frame that can be decoded.")
            film = _film(video, len(seen))
    except MissingExtraError as error:
        raise ServiceError("not_installed", str(error)) from None
    except VideoError as error:
        code = "too_large" if "limit" in str(error) else "bad_request"
        raise ServiceError(code, str(error)) from None
    found = followed(seen, how(asked.predictor), ROWS)
    return VideoAnswer.model_construct(
        model=answers.model_name(asked.predictor.model.spec),
        video=film,
        classes=classes(),
        people=[PersonAnswer.of(one) for one in found],
    ).model_dump_json()


def _check_frames(video: Video, asked: Asked) -> None:
    facts, most = video.facts, asked.limits.video_frames
    assert facts.frames is not None  # only cameras know neither
    assert facts.duration is not None
    if min(facts.frames, math.ceil(facts.duration * asked.rate)) > most:
        raise ServiceError(
            "too_large",
            f"At this rate more than {most:,} frames would be looked at. Ask for a lower one.",
        )


def _looked(video: Video, asked: Asked, go_on: Callable[[], bool]) -> Iterator[Frame]:
    predictor, most = asked.predictor, asked.limits.faces
    for frame in video:
        if not go_on():
            raise _stops()
        seen = predictor.look((f"frame {frame.index}", frame.image))
        (picture,) = predictor.classify([replace(seen, image=None, cuts=seen.cuts[:most])])
        yield frame.time, picture.predictions


def _film(video: Video, frames: int) -> FilmAnswer:
    facts = video.facts
    return FilmAnswer(
        width=facts.width,
        height=facts.height,
        seconds=round(facts.duration or 0.0, 4),
        frames=frames,
        warnings=video.warnings(),
    )


def _stops() -> ServiceError:
    return ServiceError("overloaded", "The service stops. Try again.", 1)


async def _left(request: Request) -> None:
    """Returns when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
