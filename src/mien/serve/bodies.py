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
_NAME_LENGTH: Final = 200


class _InMemory(MultiPartParser):
    """Starlette's parser, which would else write larger parts to temporary files."""

    spool_max_size = 1 << 40


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
    body = await read_body(request, limits)
    if not body:
        raise ServiceError("bad_request", "The body is empty. Send a picture.")
    if kind != MULTIPART:
        return [("image 1", body)]
    return await _parts(request.headers, body, limits)


def media_type(request: Request) -> str:
    """Returns what a request's body is announced as, without parameters, in small letters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, limits: Limits) -> bytes:
    """Returns a request's body.

    Raises:
        ServiceError: ``too_large`` or ``too_slow``.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 20 and int(announced) > limits.bytes:
        raise _too_large(limits)
    parts, size = [], 0
    try:
        async with asyncio.timeout(limits.seconds):
            async for part in request.stream():
                size += len(part)
                if size > limits.bytes:
                    raise _too_large(limits)
                parts.append(part)
    except ClientDisconnect:
        raise ServiceError("bad_request", "The client left before the body's end.") from None
    except TimeoutError:
        raise ServiceError(
            "too_slow", f"The body did not come within {limits.seconds:g} seconds."
        ) from None
    return b"".join(parts)


async def _parts(headers: Headers, body: bytes, limits: Limits) -> list[tuple[str, bytes]]:
    async def once() -> AsyncIterator[bytes]:
        yield body

    parser = _InMemory(
        headers,
        once(),  # type: ignore[arg-type]  # any asynchronous iterator will do
        max_files=limits.images,
        max_fields=0,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        code = "too_large" if error.message.startswith("Too many files") else "bad_request"
        raise ServiceError(
            code, f"{error.message} Send up to {limits.images} files, no other fields."
        ) from None
    except (python_multipart.exceptions.FormParserError, UnicodeError, ValueError) as error:
        raise ServiceError(
            "bad_request", f"The body is not multipart/form-data: {type(error).__name__}."
        ) from None
    pictures = []
    for number, (_, part) in enumerate(form.multi_items(), 1):
        assert isinstance(part, UploadFile)  # fields are refused
        name = (part.filename or "")[:_NAME_LENGTH] or f"image {number}"
        name = name.encode("utf-8", "replace").decode()  # some charsets leave halves of letters
        pictures.append((name, await part.read()))
        await part.close()
    if not pictures:
        raise ServiceError("bad_request", "The form holds no file. Send at least one picture.")
    return pictures


def _too_large(limits: Limits) -> ServiceError:
    return ServiceError(
        "too_large",
        f"The body is larger than {limits.bytes:,} bytes. Scale the picture down, or send fewer.",
    )
