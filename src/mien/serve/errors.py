"""Every error that the service answers with, in one table."""

from __future__ import annotations

from typing import Final, NamedTuple

from mien.core.errors import MienError


class Kind(NamedTuple):
    """One error: its HTTP status, and what it means."""

    status: int
    meaning: str


KINDS: Final[dict[str, Kind]] = {
    "bad_request": Kind(400, "the body or its form is not what was announced"),
    "unauthorised": Kind(401, "no token, or not the service's"),
    "not_found": Kind(404, "there is no such address, or no such model"),
    "method_not_allowed": Kind(405, "this address takes another method"),
    "too_slow": Kind(408, "the body did not come in time"),
    "too_large": Kind(413, "more bytes, pictures or seconds than the service takes"),
    "unsupported_media_type": Kind(
        415, "the body is announced as something else than belongs here"
    ),
    "invalid": Kind(422, "a parameter is unknown or out of range"),
    "too_many_requests": Kind(429, "this address sent more in a minute than it may"),
    "internal": Kind(500, "an error of the service itself"),
    "not_installed": Kind(501, "the service was installed without what this needs"),
    "overloaded": Kind(503, "the queue is full, or the answer took too long"),
}
"""By code. A picture that cannot be read is no error: it has an answer that says so."""
STATUS_CODES: Final = {kind.status: code for code, kind in KINDS.items()}


class ServiceError(MienError):
    """An answer that is not of the 200s.

    Args:
        code: one of `KINDS`.
        message: what happened, what was expected, how to mend it; never content of a picture.
        retry_after: after how many seconds a further try makes sense; None where it does not.
    """

    def __init__(self, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.retry_after = code, message, retry_after

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.code].status

    @property
    def headers(self) -> dict[str, str]:
        """The headers that belong to it."""
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.code == "unauthorised":
            headers["WWW-Authenticate"] = 'Bearer realm="mien"'
        if self.code in ("too_large", "too_slow"):
            headers["Connection"] = "close"  # the rest of the body is not wanted
        return headers

    @property
    def body(self) -> dict[str, dict[str, str]]:
        """The answer's JSON."""
        return {"error": {"code": self.code, "message": self.message}}
