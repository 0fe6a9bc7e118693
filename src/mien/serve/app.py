"""The application: routes, page, guard. `mien.serve.server` starts it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

import mien
from mien.serve.errors import STATUS_CODES, ServiceError
from mien.serve.guard import Guard
from mien.serve.routes import CONTENT, OPEN
from mien.serve.settings import ServeSettings
from mien.serve.state import Shared

PAGE: Final = Path(__file__).with_name("page")
_ABOUT: Final = (
    "Faces in, calibrated probabilities of seven apparent expressions out. An expression is what a "
    "face shows, not what a person feels. Pictures and answers are neither kept nor logged."
)


def create(settings: ServeSettings) -> FastAPI:
    """Returns the application of one worker.

    Raises:
        ConfigError: the token's file is not as it should be.
    """
    common = Shared.of(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await common.load()
        try:
            yield
        finally:
            await common.close()

    app = FastAPI(
        title="mien",
        version=mien.__version__,
        description=_ABOUT,
        docs_url=None,  # FastAPI's pages load scripts from other hosts
        redoc_url=None,
        redirect_slashes=False,  # to an address made of whatever the client calls this host
        lifespan=lifespan,
    )
    app.state.shared = common
    app.include_router(OPEN)
    app.include_router(CONTENT)
    app.add_api_route("/", _page("index.html"), include_in_schema=False)
    app.add_api_route("/docs", _page("docs.html"), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=PAGE))
    app.add_exception_handler(ServiceError, _told)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_middleware(Guard, metrics=common.metrics)
    return app


def from_environment() -> FastAPI:
    """Returns the application of a worker that `mien serve` started."""
    return create(ServeSettings.from_environment())


def _page(name: str) -> Callable[[], Awaitable[FileResponse]]:
    async def page() -> FileResponse:
        return FileResponse(PAGE / name)

    return page


def _answer(error: ServiceError) -> Response:
    return JSONResponse(error.body, error.status, error.headers)


async def _told(_: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    return _answer(error)


async def _http(_: Request, error: Exception) -> Response:
    """What the router itself says: there is no such address, or no such method."""
    assert isinstance(error, HTTPException)
    code = STATUS_CODES.get(error.status_code, "bad_request")
    answer = _answer(ServiceError(code, f"{error.detail}. The addresses are listed at /docs."))
    answer.headers.update(error.headers or {})
    return answer


async def _invalid(_: Request, error: Exception) -> Response:
    """Names the parameters, but repeats nothing of what was sent."""
    assert isinstance(error, RequestValidationError)
    names = sorted({".".join(map(str, one["loc"])) for one in error.errors()})
    words = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()[:5])
    return _answer(ServiceError("invalid", f"These do not fit: {', '.join(names)}. {words}."[:500]))
