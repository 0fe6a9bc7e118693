"""Reading a request's body in bounds: bytes and time are counted while it comes in.

Nothing of it is ever written to a file.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import python_multipart
from fastapi import Request
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from mien.serve.errors import ServiceError
from mien.serve.settings import Limits

MULTIPART: Final = "multipart/form-data"
RAW: Final = ("image/", "application/octet-stream")
RAW_VIDEO: Final = ("video/", "application/octet-stream")
JSON: Final = "application/json"
_NAME_LENGTH: Final = 200


class _InMemory(MultiPartParser):
    """Starlette's parser, which would else write larger parts to temporary files."""

    spool_max_size = 1 << 40

    def close(self) -> None:
        """Closes all files; Starlette leaves those open whose part broke off, or was no form."""
        for file in self._files_to_close_on_error:
            file.close()


async def read_pictures(request: Request, limits: Limits) -> list[tuple[str, bytes]]:
    """Returns the pictures of a request: the name and the encoded bytes of each.

    Raises:
        ServiceError: the body is of another kind, damaged, empty, too large, or did not come in
            time.
    """
    kind = media_type(request)
    if kind != MULTIPART and not kind.startswith(RAW):
        raise ServiceError(
            "unsupported_media_type",
            f"The Content-Type {kind[:60]!r} is not known. Send the picture itself as image/jpeg, "
            "another image/ type or application/octet-stream, or pictures as multipart/form-data.",
        )
    advice = "Scale the picture down, or send fewer."
    body = await read_body(request, limits.bytes, limits.seconds, advice)
    if not body:
        raise ServiceError("bad_request", "The body is empty. Send a picture.")
    if kind != MULTIPART:
        return [("image 1", body)]
    return await _parts(request.headers, body, limits.images)


async def read_video(request: Request, limits: Limits) -> bytes:
    """Returns the video of a request: the encoded bytes of one file.

    Raises:
        ServiceError: as `read_pictures`.
    """
    kind = media_type(request)
    if kind != MULTIPART and not kind.startswith(RAW_VIDEO):
        raise ServiceError(
            "unsupported_media_type",
            f"The Content-Type {kind[:60]!r} is not known. Send the video itself as video/mp4, "
            "another video/ type or application/octet-stream, or one as multipart/form-data.",
        )
    advice = "Cut the video, or save it smaller."
    body = await read_body(request, limits.video_bytes, limits.video_wait, advice)
    if kind == MULTIPART and body:
        ((_, body),) = await _parts(request.headers, body, 1)
    if not body:
        raise ServiceError("bad_request", "The body is empty. Send a video.")
    return body


async def read_json(request: Request, limits: Limits) -> bytes:
    """Returns the JSON of a request, as it came.

    Raises:
        ServiceError: as `read_pictures`.
    """
    kind = media_type(request)
    if kind != JSON:
        raise ServiceError(
            "unsupported_media_type", f"The Content-Type {kind[:60]!r} is not known. Send {JSON}."
        )
    return await read_body(request, limits.bytes, limits.seconds, "Send less.")


def media_type(request: Request) -> str:
    """Returns what a request's body is announced as, without parameters, in small letters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, most: int, seconds: float, advice: str) -> bytes:
    """Returns a request's body.

    Args:
        request: the request.
        most: bytes that it may have.
        seconds: that it may take to come.
        advice: what to do where it has more.

    Raises:
        ServiceError: ``too_large`` or ``too_slow``.
    """
    large = ServiceError("too_large", f"The body is larger than {most:,} bytes. {advice}")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > most:
        raise large
    parts, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise large
                parts.append(part)
    except ClientDisconnect:
        raise ServiceError("bad_request", "The client left before the body's end.") from None
    except TimeoutError:
        raise ServiceError(
            "too_slow", f"The body did not come within {seconds:g} seconds."
        ) from None
    return b"".join(parts)


async def _parts(headers: Headers, body: bytes, most: int) -> list[tuple[str, bytes]]:
    async def once() -> AsyncIterator[bytes]:
        yield body

    parser = _InMemory(
        headers,
        once(),  # type: ignore[arg-type]  # any asynchronous iterator will do
        max_files=most,
        max_fields=0,
    )
    pictures = []
    try:
        form = await parser.parse()
        for number, (_, part) in enumerate(form.multi_items(), 1):
            assert isinstance(part, UploadFile)  # fields are refused
            name = (part.filename or "")[:_NAME_LENGTH] or f"image {number}"
            name = name.encode("utf-8", "replace").decode()  # some charsets leave halves of letters
            pictures.append((name, await part.read()))
    except MultiPartException as error:
        code = "too_large" if error.message.startswith("Too many files") else "bad_request"
        raise ServiceError(
            code, f"{error.message} Send up to {most} files, no other fields."
        ) from None
    except (python_multipart.exceptions.FormParserError, UnicodeError, ValueError) as error:
        raise ServiceError(
            "bad_request", f"The body is not multipart/form-data: {type(error).__name__}."
        ) from None
    finally:
        parser.close()
    if not pictures:
        raise ServiceError("bad_request", "The form holds no file. Send at least one.")
    return pictures
