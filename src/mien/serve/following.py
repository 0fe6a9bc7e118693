"""Faces of frames in, people through time out: bounded, whoever sent the frames."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from typing import Final

from fastapi import Request
from pydantic import ValidationError

from mien.core.errors import MissingExtraError
from mien.core.timeline import Timeline
from mien.predictor import Predictor
from mien.serve import answers
from mien.serve.bodies import read_json
from mien.serve.engine import RETRY_AFTER, Engine
from mien.serve.errors import ServiceError
from mien.serve.people import FACES, FollowAnswer, FollowRequest, PersonAnswer, classes
from mien.serve.settings import Limits
from mien.tracking.events import MINIMUM
from mien.tracking.follow import Follower, Following, Frame
from mien.tracking.hidden_markov import LAG, Chain
from mien.tracking.tracks import Linker, Linking

ROWS: Final = 20_000
"""A row is a frame of a person; each costs up to 0.5 ms and 100 bytes of the answer. Half a minute
of fifty people at eight frames a second has 12,000."""


def how(predictor: Predictor, minimum: float = MINIMUM, gap: float | None = None) -> Following:
    """Returns how people are followed on the answers of a predictor.

    Args:
        predictor: it says which class shares its answers assume.
        minimum: the least seconds that an expression lasts.
        gap: seconds that a face may be lost; None takes the default.
    """
    linking = Linking() if gap is None else Linking(gap=gap)
    chain = Chain.assuming(predictor.model.spec.target_prior(predictor.prior))
    return Following(linking, chain, minimum, max(LAG, minimum))


def followed(frames: Iterable[Frame], settings: Following, rows: int) -> list[Timeline]:
    """Returns the people in some frames, by their numbers.

    A face that is lost takes a row of each frame until it is given up, so few faces in many frames
    may take much: rows are counted before they are kept.

    Args:
        frames: in the order of their times.
        settings: how people are followed.
        rows: the most that may be kept.

    Raises:
        ServiceError: ``too_large``: there are more rows; ``not_installed``: SciPy is missing.
    """
    try:
        follower, linker = Follower(settings), Linker(settings.linking)
    except MissingExtraError as error:
        raise ServiceError("not_installed", str(error)) from None
    waiting: set[int] = set()
    kept, found = 0, []
    for time, predictions in frames:
        links = linker.update(time, [one.face.bbox for one in predictions if one.face is not None])
        waiting.difference_update(one.track for one in links.ended)
        waiting.update(links.tracks)
        kept += len(waiting)
        if kept > rows:
            raise ServiceError(
                "too_large",
                f"These faces make more than {rows:,} rows, one a frame and person. Send fewer "
                "frames, or with fewer people in them.",
            )
        found += follower.update(time, predictions)
    found += follower.finish()
    return sorted(found, key=lambda one: one.person)


Find = Callable[[str | None], Engine]


async def answered(request: Request, find: Find, limits: Limits) -> str:
    """Returns the answer to ``POST /v1/follow`` as JSON.

    Args:
        request: the request.
        find: returns the engine of a model; the first where none is named.
        limits: what a request may take.

    Raises:
        ServiceError: the frames cannot be followed.
    """
    room = find(None)
    room.reserve()  # whichever model is asked for, what waits takes memory here
    try:
        body = await read_json(request, limits)
        async with asyncio.timeout(limits.seconds):
            return await room.apart(_answer, body, find)
    except TimeoutError:
        raise ServiceError(
            "overloaded",
            f"No answer within {limits.seconds:g} seconds. Try again later.",
            RETRY_AFTER,
        ) from None
    finally:
        room.release()


def _answer(body: bytes, find: Find) -> str:
    asked = parsed(body)
    predictor = find(asked.model).predictor
    frames = (
        (frame.time, [face.prediction(index) for index, face in enumerate(frame.faces)])
        for frame in asked.frames
    )
    found = followed(frames, how(predictor, asked.minimum, asked.gap), ROWS)
    answer = FollowAnswer.model_construct(
        model=answers.model_name(predictor.model.spec),
        classes=classes(),
        people=[PersonAnswer.of(one) for one in found],
    )
    return answer.model_dump_json()


def parsed(body: bytes) -> FollowRequest:
    """Returns what a body asks for.

    Raises:
        ServiceError: ``invalid``: it does not fit. The message repeats nothing of what was sent.
    """
    try:
        asked = FollowRequest.model_validate_json(body)
    except ValidationError as error:
        words = "; ".join(
            f"{_place(one['loc'], one['type'])}: {one['msg']}" for one in error.errors()[:5]
        )
        raise ServiceError("invalid", f"These do not fit: {words}."[:500]) from None
    if sum(len(frame.faces) for frame in asked.frames) > FACES:
        raise ServiceError("too_large", f"There are more than {FACES:,} faces. Send fewer frames.")
    for number, (one, other) in enumerate(itertools.pairwise(asked.frames), 1):
        if not one.time < other.time:
            raise ServiceError(
                "invalid",
                f"frames.{number}.time: the times of frames rise; this is no later than the one "
                "before. Sort the frames, and drop those sent twice.",
            )
    return asked


def _place(parts: tuple[int | str, ...], kind: str) -> str:
    known = parts[:-1] if kind == "extra_forbidden" else parts  # what is unknown is the sender's
    return ".".join(map(str, known)) or "the body"
