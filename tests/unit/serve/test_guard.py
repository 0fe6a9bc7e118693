from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.serve.guard import CSP, HEADERS, Guard, internal
from mien.serve.metrics import Metrics


def heard(app: ASGIApp, kind: str = "http") -> list[Message]:
    """What a client hears of an application behind the guard."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {"type": kind, "method": "GET", "path": "/secret", "headers": []}
    asyncio.run(Guard(app, Metrics())(scope, receive, send))
    return messages


async def broken(_: Scope, __: Receive, send: Send) -> None:
    raise KeyError("secret")


async def broken_late(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    raise KeyError("secret")


@pytest.fixture(autouse=True)
def _logs(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("mien.serve"), "propagate", True)
    caplog.set_level(logging.INFO, "mien.serve")


def test_an_error_becomes_an_answer_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    start, body = heard(broken)
    assert start["status"] == 500
    assert dict(start["headers"])[b"content-length"] == b"%d" % len(body["body"])
    assert b'"code": "internal"' in body["body"]
    assert "secret" not in caplog.text + str(body)
    assert f"KeyError at {__file__}:" in caplog.text
    assert "GET other 500" in caplog.text


def test_an_answer_that_has_begun_is_not_begun_again(caplog: pytest.LogCaptureFixture) -> None:
    (start,) = heard(broken_late)
    assert start["status"] == 200
    sent = {name.decode(): value.decode() for name, value in start["headers"]}
    assert sent == {"a": "b", **{name.lower(): value for name, value in HEADERS.items()}}
    assert "GET other 200" in caplog.text


def test_what_is_no_request_passes_untouched(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KeyError):
        heard(broken, "lifespan")
    assert caplog.text == ""


def test_an_error_from_nowhere_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    assert internal(ValueError("secret")).code == "internal"
    assert "ValueError at an unknown place" in caplog.text


@pytest.mark.parametrize("source", ["script-src", "style-src", "connect-src", "img-src"])
def test_the_page_may_load_nothing_from_other_hosts(source: str) -> None:
    rules: dict[str, Any] = dict(rule.split(" ", 1) for rule in CSP.split("; "))
    assert rules["default-src"] == "'none'"
    assert set(rules[source].split()) <= {"'self'", "blob:", "data:"}
    assert "unsafe" not in CSP
