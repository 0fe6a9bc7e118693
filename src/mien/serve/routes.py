"""The addresses of the service."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

import mien
from mien.serve import answers, following, videos
from mien.serve.batch import NDJSON, BatchResponse
from mien.serve.bodies import read_pictures
from mien.serve.engine import Answered, Engine
from mien.serve.errors import KINDS, ServiceError
from mien.serve.people import FollowAnswer, FollowRequest, VideoAnswer, whole_schema
from mien.serve.purposes import notice
from mien.serve.schemas import (
    BatchLine,
    ErrorAnswer,
    ImageAnswer,
    LimitsAnswer,
    ModelAnswer,
    PredictAnswer,
    ServiceAnswer,
    State,
)
from mien.serve.state import Shared, address, authorised, shared

OPEN: Final = APIRouter(tags=["state"])
CONTENT: Final = APIRouter(tags=["content"], dependencies=[Depends(authorised)])
"""Everything here needs the token."""

_PICTURE: Final = {"schema": {"type": "string", "format": "binary", "minLength": 1}}


def _files(kind: str, **bounds: int) -> dict[str, Any]:
    """Returns what the documentation says of a body: a file as it is, or a form of files."""
    files = {"type": "array", "minItems": 1, "items": _PICTURE["schema"], **bounds}
    form = {
        "type": "object",
        "properties": {"files": files},
        "required": ["files"],
        "additionalProperties": False,
    }
    content = {kind: _PICTURE, "application/octet-stream": _PICTURE}
    content["multipart/form-data"] = {"schema": form}
    return {"requestBody": {"required": True, "content": content}}


_FRAMES: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": whole_schema(FollowRequest)}},
    }
}
_LINES: Final = {
    "requestBody": {
        "required": True,
        "description": 'One JSON object a line: {"id": "...", "image": "base64 of the file"}',
        "content": {NDJSON: {"schema": {"type": "string"}}},
    }
}
_ERROR: Final = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}}
"""Named here, as FastAPI would announce errors as whatever an address else answers with."""
_Model = Annotated[str | None, Query(description="A model's name.", max_length=200)]
_Flag = Annotated[bool, Query()]


def errors(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Returns what the documentation says of some errors."""
    told: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        kind = KINDS[code]
        words = [told[kind.status]["description"]] if kind.status in told else []
        words.append(f"{code}: {kind.meaning}")
        told[kind.status] = {"content": _ERROR, "description": "; ".join(words)}
    return told


def _line_schema() -> dict[str, Any]:
    schema = BatchLine.model_json_schema(ref_template="#/components/schemas/{model}")
    del schema["$defs"]  # the document holds them already
    return schema


_COMMON: Final = errors("unauthorised", "not_found", "invalid", "overloaded")
_BODIES: Final = errors(
    "bad_request", "too_slow", "too_large", "unsupported_media_type", "too_many_requests"
)
_BODIES[413]["model"] = ErrorAnswer  # once, so that the document holds it


@OPEN.get("/healthz", response_model=State)
async def healthz() -> State:
    """Says that the process lives."""
    return State(status="ok")


@OPEN.get("/readyz", response_model=State, responses={503: {"model": State}})
async def readyz(request: Request) -> Response:
    """Says whether requests for predictions are taken."""
    if shared(request).engines:
        return JSONResponse(State(status="ok").model_dump())
    return JSONResponse(State(status="starting").model_dump(), status_code=503)


@CONTENT.get("/metrics", response_class=PlainTextResponse, responses=errors("unauthorised"))
async def metrics(request: Request) -> Response:
    """Returns counts and times in Prometheus's text format."""
    common = shared(request)
    text = common.metrics.text(common.held())
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@CONTENT.get("/v1/service", response_model=ServiceAnswer, responses=_COMMON)
async def service(request: Request) -> ServiceAnswer:
    """Says what this service is for, which models answer, and what a request may hold."""
    common = shared(request)
    common.engine(None)
    limits, purpose = common.settings.limits, common.settings.purpose
    return ServiceAnswer(
        mien=mien.__version__,
        models=list(common.engines),
        purpose=purpose,
        notice=notice(purpose),
        limits=LimitsAnswer(
            bytes=limits.bytes,
            pixels=limits.pixels,
            images=limits.images,
            faces=limits.faces,
            seconds=limits.seconds,
            requests_per_minute=limits.per_minute,
            video_bytes=limits.video_bytes,
            video_seconds=limits.video_seconds,
            video_frames=limits.video_frames,
        ),
    )


@CONTENT.get("/v1/model", response_model=ModelAnswer, responses=_COMMON)
async def model(request: Request, model: _Model = None) -> ModelAnswer:
    """Returns a model's card: what it was trained on, what it is worth, when it abstains."""
    loaded = shared(request).engine(model).predictor.model
    card = loaded.folder / "MODEL_CARD.md"
    size = sum(file.stat().st_size for file in loaded.folder.iterdir() if file.is_file())
    text = card.read_text("utf-8") if card.is_file() else None
    return ModelAnswer.of(loaded.spec, mien.__version__, round(size / 1e6, 2), text)


@CONTENT.post(
    "/v1/predict",
    response_model=PredictAnswer,
    responses={**_COMMON, **_BODIES},
    openapi_extra=_files("image/*"),
)
async def predict(
    request: Request, model: _Model = None, annotated: _Flag = False, chips: _Flag = False
) -> Response:
    """Returns the apparent expression of every face in one or several pictures.

    A picture that cannot be read has an answer that says so, like one without a face. With
    `annotated`, a copy with boxes and bars comes along; with `chips`, each face as it was cut out.
    """
    common = shared(request)
    engine = common.engine(model)
    answered = await _answered(request, common, engine, annotated or chips)
    common.metrics.count(answered)
    spec = engine.predictor.model.spec
    rows: list[ImageAnswer] = []
    for one in answered:
        if annotated or chips:
            rows.append(await engine.apart(answers.image_answer, one, spec, annotated, chips))
        else:
            rows.append(answers.image_answer(one, spec))
    answer = PredictAnswer(model=answers.model_name(spec), images=rows)
    return Response(answer.model_dump_json(), media_type="application/json")


@CONTENT.post(
    "/v1/batch",
    response_class=BatchResponse,
    status_code=200,
    responses={
        **_COMMON,
        **errors("unsupported_media_type"),
        200: {"content": {NDJSON: {"itemSchema": _line_schema()}}},
    },
    openapi_extra=_LINES,
)
async def batch(request: Request, model: _Model = None) -> Response:
    """Answers a stream of pictures with a stream of answers, in the same order, line by line.

    Lines are read only as fast as they can be answered, so a batch may be of any length.
    """
    common = shared(request)
    return BatchResponse(request, common, common.engine(model))


@CONTENT.post(
    "/v1/video",
    response_model=VideoAnswer,
    responses={**_COMMON, **_BODIES, **errors("not_installed")},
    openapi_extra=_files("video/*", maxItems=1),
)
async def video(
    request: Request,
    model: _Model = None,
    rate: Annotated[float, Query(ge=1, le=videos.FASTEST, allow_inf_nan=False)] = videos.RATE,
) -> Response:
    """Returns who is seen in a video, frame by frame, and when the apparent expression changes.

    `rate` is how many frames a second are looked at. One video at a time is worked off.
    """
    common = shared(request)
    predictor = common.engine(model).predictor
    common.rate.check(address(request))
    limits = common.settings.limits
    text = await videos.answered(request, common.films, predictor, limits, rate)
    return Response(text, media_type="application/json")


@CONTENT.post(
    "/v1/follow",
    response_model=FollowAnswer,
    responses={**_COMMON, **_BODIES, **errors("not_installed")},
    openapi_extra=_FRAMES,
)
async def follow(request: Request) -> Response:
    """Links the faces of some frames to people, and smooths their expressions through time.

    It keeps nothing from one call to the next. The faces are those that `/v1/predict` answered.
    """
    common = shared(request)
    common.rate.check(address(request))
    text = await following.answered(request, common.engine, common.settings.limits)
    return Response(text, media_type="application/json")


async def _answered(request: Request, common: Shared, engine: Engine, keep: bool) -> list[Answered]:
    limits = common.settings.limits
    common.rate.check(address(request))
    room = held = engine.room(keep)
    engine.reserve(held)  # before the body is read: what cannot be answered is not even taken
    try:
        pictures = await read_pictures(request, limits)
        if len(pictures) > 1:
            common.rate.check(address(request), len(pictures) - 1)
            _check_room(engine, room * len(pictures))
            engine.reserve(room * (len(pictures) - 1))
        held = 0  # `answer` gives the room back
    finally:
        engine.release(held)
    return await engine.answer(pictures, limits.seconds, keep)


def _check_room(engine: Engine, room: int) -> None:
    """Refuses what would find no room even in an empty queue, and so never."""
    if room > engine.capacity:
        raise ServiceError(
            "too_large",
            f"These pictures take {room} places of a queue of {engine.capacity}. Send fewer in a "
            "request, or without annotated and chips.",
        )
