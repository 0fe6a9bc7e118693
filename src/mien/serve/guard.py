"""The outermost layer: headers on every answer, no traceback out, a log without content."""

from __future__ import annotations

import json
import logging
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.serve.errors import ServiceError
from mien.serve.metrics import Metrics

LOG: Final = logging.getLogger("mien.serve")
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), display-capture=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_RAW: Final = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_INTERNAL: Final = ServiceError(
    "internal", "The service met an error of its own. It is logged by its place in the code."
)


class Guard:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_RAW]
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except Exception as error:  # noqa: BLE001  # whatever it is, the client learns nothing of it
            told = internal(error)
            if not status:
                await _send(guarded, told)
        seconds = time.perf_counter() - begun
        route = getattr(scope.get("route"), "path", "other")  # never the address itself
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.latency.labels(route).observe(seconds)
        LOG.info("%s %s %d %.1f ms", scope["method"], route, status, 1000 * seconds)


def internal(error: Exception) -> ServiceError:
    """Logs an unexpected error by its place, and returns what the client learns of it."""
    LOG.error("%s at %s", type(error).__name__, _place(error))
    return _INTERNAL


async def _send(send: Send, error: ServiceError) -> None:
    body = json.dumps(error.body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _place(error: BaseException) -> str:
    """Returns where an error came from, without its words, which might repeat content."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "an unknown place"
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
