"""`/v1/batch`: lines of JSON in, lines of JSON out, while both are under way."""

from __future__ import annotations

import asyncio
import base64
import binascii
import itertools
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from mien.serve import answers
from mien.serve.bodies import media_type
from mien.serve.engine import Engine
from mien.serve.errors import ServiceError
from mien.serve.guard import internal
from mien.serve.schemas import BatchLine, ErrorDetail
from mien.serve.settings import Limits
from mien.serve.state import Shared, address

NDJSON: Final = "application/x-ndjson"
_PAUSE: Final = 0.01
"""Seconds between two looks whether there is room again."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str = Field(max_length=200)
    image: str


class BatchResponse(Response):
    """Answers a batch while its body still comes in.

    Starlette's own streaming response waits for the client to leave by reading from the very
    channel that the body comes through.
    """

    media_type = NDJSON

    def __init__(self, request: Request, common: Shared, engine: Engine) -> None:
        kind = media_type(request)
        if kind != NDJSON:
            raise ServiceError(
                "unsupported_media_type",
                f"The Content-Type {kind[:60]!r} is not known. Send lines of JSON as {NDJSON}.",
            )
        most = max(1, common.settings.limits.queue // 8)
        if common.batches >= most:
            raise ServiceError("overloaded", f"{most} batches are under way. Try again later.", 5)
        super().__init__()
        del self.headers["content-length"]
        self._request, self._common, self._engine = request, common, engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the head, then an answer a line, in the order of the lines."""
        start: Message = {
            "type": "http.response.start", "status": 200, "headers": self.raw_headers,
        }  # fmt: skip
        waiting: deque[asyncio.Task[BatchLine]] = deque()
        numbers, window = itertools.count(1), 2 * self._engine.predictor.jobs
        self._common.batches += 1
        try:
            await send(start)
            async for line in self._lines():
                waiting.append(asyncio.ensure_future(self._answer(next(numbers), line)))
                if len(waiting) >= window:
                    await _write(send, await waiting.popleft())
            while waiting:
                await _write(send, await waiting.popleft())
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._common.batches -= 1
            for task in waiting:
                task.cancel()

    async def _lines(self) -> AsyncIterator[bytes | ServiceError]:
        """Yields lines; an error in place of the rest, where that cannot be read."""
        limits: Limits = self._common.settings.limits
        longest = 4 * limits.bytes // 3 + 1000
        kept = bytearray()
        stream = aiter(self._request.stream())
        while True:
            try:
                part = await asyncio.wait_for(anext(stream), limits.seconds)
            except StopAsyncIteration:
                break
            except ClientDisconnect:
                return
            except TimeoutError:
                yield ServiceError("too_slow", f"No line came within {limits.seconds:g} seconds.")
                return
            kept += part
            if b"\n" in part:
                *lines, kept = kept.split(b"\n")
                for line in lines:
                    if line.strip():
                        yield bytes(line)
            if len(kept) > longest:
                yield ServiceError("too_large", f"A line is longer than {longest:,} bytes.")
                return
        if kept.strip():
            yield bytes(kept)

    async def _answer(self, number: int, line: bytes | ServiceError) -> BatchLine:
        name = f"line {number}"
        try:
            if isinstance(line, ServiceError):
                raise line
            name, picture = _parsed(name, line, self._common.settings.limits)
            self._common.rate.check(address(self._request))
            await self._room()
            found = await self._engine.answer(
                [(name, picture)], self._common.settings.limits.seconds
            )
        except Exception as error:  # noqa: BLE001  # it is this line's, and harms no other
            known = error if isinstance(error, ServiceError) else internal(error)
            return BatchLine(id=name, error=ErrorDetail(code=known.code, message=known.message))
        self._common.metrics.count(found)
        spec = self._engine.predictor.model.spec
        image = answers.image_answer(found[0], spec)
        return BatchLine(id=name, model=answers.model_name(spec), image=image)

    async def _room(self) -> None:
        """Waits for room, as long as an answer may take."""
        try:
            async with asyncio.timeout(self._common.settings.limits.seconds):
                while True:
                    try:
                        return self._engine.reserve()
                    except ServiceError:
                        await asyncio.sleep(_PAUSE)
        except TimeoutError:
            self._engine.reserve()  # says what there is to say


def _parsed(name: str, line: bytes, limits: Limits) -> tuple[str, bytes]:
    expected = 'Expected {"id": "a name", "image": "the file in base64"}.'
    try:
        found = _Line.model_validate_json(line)
        picture = base64.b64decode(found.image, validate=True)
    except ValidationError:
        raise ServiceError("bad_request", f"The {name} does not fit. {expected}") from None
    except (binascii.Error, ValueError):
        raise ServiceError("bad_request", f"The {name} holds no base64. {expected}") from None
    if len(picture) > limits.bytes:
        raise ServiceError("too_large", f"The picture is larger than {limits.bytes:,} bytes.")
    return found.id, picture


def _write(send: Send, line: BatchLine) -> Coroutine[Any, Any, None]:
    body = line.model_dump_json(exclude_unset=True).encode() + b"\n"
    return send({"type": "http.response.body", "body": body, "more_body": True})  # type: ignore[return-value]
