from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.types import Message

from mien.serve.app import create
from mien.serve.batch import NDJSON, _parsed
from mien.serve.errors import ServiceError
from mien.serve.schemas import BatchLine
from mien.serve.settings import Limits, ServeSettings
from tests.unit.serve.conftest import BRIGHT, DARK, OPEN, TOKEN, Starter

KIND = {"Content-Type": NDJSON}


def line(name: str, data: bytes = BRIGHT) -> bytes:
    return json.dumps({"id": name, "image": base64.b64encode(data).decode()}).encode()


def sent(client: TestClient, body: bytes | Iterator[bytes]) -> list[dict[str, Any]]:
    answer = client.post("/v1/batch", content=body, headers=KIND)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == NDJSON
    found = [json.loads(text) for text in answer.text.splitlines()]
    assert answer.text.endswith("\n") or not found
    for one in found:
        BatchLine.model_validate(one)
    return found


def expression(answer: dict[str, Any]) -> str:
    return str(answer["image"]["faces"][0]["expression"]["name"])


def test_answers_keep_the_order_of_the_lines(client: TestClient) -> None:
    body = b"\n".join(line(f"n{n}", BRIGHT if n % 3 else DARK) for n in range(20))
    found = sent(client, body)  # the last line without its end
    assert [one["id"] for one in found] == [f"n{n}" for n in range(20)]
    assert [expression(one) for one in found] == [
        "surprise" if n % 3 else "neutral" for n in range(20)
    ]
    assert found[0]["model"]["name"] == "brightness"


def test_however_the_bytes_come_the_lines_are_the_same(client: TestClient) -> None:
    body = b"\n\r\n  \n".join([line("a"), line("b"), b"{"]) + b"\r\n"
    for size in (3, 64, len(body)):
        chunks = (body[at : at + size] for at in range(0, len(body), size))
        assert [one["id"] for one in sent(client, chunks)] == ["a", "b", "line 3"]


def test_an_empty_batch_has_an_empty_answer(client: TestClient) -> None:
    assert sent(client, b"") == []
    assert sent(client, b"\n \n") == []


@pytest.mark.parametrize(
    ("bad", "code", "words"),
    [
        (b"no json", "bad_request", "line 2 does not fit"),
        (b"[1]", "bad_request", "line 2 does not fit"),
        (b'{"id": "secret"}', "bad_request", "line 2 does not fit"),
        (b'{"id": "a", "image": "", "url": "http://x"}', "bad_request", "does not fit"),
        (b'{"id": 5, "image": ""}', "bad_request", "does not fit"),
        (b'{"id": "\\ud800", "image": ""}', "bad_request", "does not fit"),
        (b'{"id": "' + b"x" * 201 + b'", "image": ""}', "bad_request", "does not fit"),
        (b'{"id": "secret", "image": "a!"}', "bad_request", "holds no base64"),
        (b'{"id": "secret", "image": "\xc3\xa4"}', "bad_request", "holds no base64"),
        (b"\xff\xfe\0", "bad_request", "does not fit"),
        (b"[" * 3000, "bad_request", "does not fit"),
        (line("secret", b"x" * 5_001), "too_large", "larger than 5,000 bytes"),
    ],
)
def test_a_bad_line_harms_no_other(start: Starter, bad: bytes, code: str, words: str) -> None:
    found = sent(start({"bytes": 5_000}), b"\n".join([line("a"), bad, line("c")]))
    assert [one["id"] for one in found] == ["a", "line 2", "c"]
    assert found[1]["error"]["code"] == code
    assert words in found[1]["error"]["message"]
    assert "secret" not in found[1]["error"]["message"]
    assert {expression(found[0]), expression(found[2])} == {"surprise"}


def test_a_line_without_end_ends_the_batch(start: Starter) -> None:
    body = [line("a") + b"\n", b"x" * 9_000, line("c")]
    found = sent(start({"bytes": 5_000}), iter(body))
    assert [one["id"] for one in found] == ["a", "line 2"]
    assert found[1]["error"]["code"] == "too_large"


def test_a_picture_that_is_none_is_an_answer(client: TestClient) -> None:
    (found,) = sent(client, line("a", b"no picture"))
    assert found["image"]["reason"] == "unreadable"


@pytest.mark.parametrize("kind", ["application/json", "", "text/plain; x=application/x-ndjson"])
def test_another_type_is_refused(client: TestClient, kind: str) -> None:
    answer = client.post("/v1/batch", content=line("a"), headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")
    assert NDJSON in answer.json()["error"]["message"]


def test_only_so_many_batches_are_under_way(start: Starter) -> None:
    client = start({"queue": 16})
    shared = client.app.state.shared  # type: ignore[attr-defined]
    assert len(sent(client, line("a"))) == 1
    assert shared.batches == 0
    shared.batches = 2
    answer = client.post("/v1/batch", content=line("a"), headers=KIND)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "2 batches are under way" in answer.json()["error"]["message"]


def test_lines_wait_for_room_and_say_when_there_is_none(start: Starter) -> None:
    client = start({"queue": 8, "seconds": 0.3})
    engine = client.app.state.shared.engine(None)  # type: ignore[attr-defined]
    assert len(sent(client, b"\n".join([line("a")] * 30))) == 30  # more lines than room
    engine.reserve(8)
    (found,) = sent(client, line("a"))
    assert found["error"]["code"] == "overloaded"
    engine.release(8)
    assert engine.held == 0


def test_an_error_of_the_service_reaches_only_its_line(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = client.app.state.shared.engine(None)  # type: ignore[attr-defined]
    look = engine.predictor.look

    def looked(item: tuple[str, bytes]) -> Any:
        if item[0] == "trap":
            raise RuntimeError("secret")
        return look(item)

    monkeypatch.setattr(engine.predictor, "look", looked)
    found = sent(client, b"\n".join(line(name) for name in ("a", "trap", "c", "trap")))
    assert [one.get("error", {}).get("code") for one in found] == [None, "internal"] * 2
    assert "secret" not in json.dumps(found)
    assert "secret" not in caplog.text
    assert engine.held == 0


def test_each_line_counts_against_the_rate(start: Starter) -> None:
    found = sent(start({"per_minute": 2}), b"\n".join([line("a")] * 4))
    assert [one.get("error", {}).get("code") for one in found] == [
        None, None, "too_many_requests", "too_many_requests",
    ]  # fmt: skip


# The application itself, where the client's time matters.


@asynccontextmanager
async def _running(settings: ServeSettings) -> AsyncIterator[FastAPI]:
    app = create(settings)
    async with app.router.lifespan_context(app):
        yield app


class Caller:
    """A client that sends and receives by the message."""

    def __init__(self, app: FastAPI) -> None:
        self.said: asyncio.Queue[Message] = asyncio.Queue()
        self.heard: asyncio.Queue[Message] = asyncio.Queue()
        headers = [
            (b"content-type", NDJSON.encode()),
            (b"authorization", b"Bearer " + TOKEN.encode()),
        ]
        scope = {
            "type": "http", "method": "POST", "path": "/v1/batch", "raw_path": b"/v1/batch",
            "query_string": b"", "headers": headers, "http_version": "1.1", "scheme": "http",
            "server": ("test", 80), "client": ("127.0.0.1", 9), "root_path": "",
        }  # fmt: skip
        self.call = asyncio.ensure_future(app(scope, self.said.get, self.heard.put))

    async def say(self, body: bytes, more: bool = True) -> None:
        await self.said.put({"type": "http.request", "body": body, "more_body": more})

    async def hear(self) -> Any:
        message = await asyncio.wait_for(self.heard.get(), 20)
        if message["type"] == "http.response.start":
            return message["status"]
        return json.loads(message["body"]) if message["body"] else None


def test_answers_come_while_the_body_is_under_way(settings: ServeSettings) -> None:
    async def talk() -> None:
        async with _running(settings) as app:
            caller = Caller(app)
            assert await caller.hear() == 200
            for n in range(10):
                await caller.say(line(f"n{n}") + b"\n")
            assert (await caller.hear())["id"] == "n0"
            await caller.say(line("last"), more=False)
            rest = [await caller.hear() for _ in range(11)]
            assert [one and one["id"] for one in rest] == [
                *[f"n{n}" for n in range(1, 10)],
                "last",
                None,
            ]
            await caller.call

    asyncio.run(talk())


def test_a_client_that_leaves_or_stalls_gives_everything_back(settings: ServeSettings) -> None:
    hasty = settings.model_copy(update={"limits": Limits(seconds=0.3)})

    async def talk() -> None:
        async with _running(hasty) as app:
            shared = app.state.shared
            for leaves in (True, False):
                caller = Caller(app)
                assert await caller.hear() == 200
                assert shared.batches == 1
                await caller.say(line("a") + b"\n")
                if leaves:
                    await caller.said.put({"type": "http.disconnect"})
                assert (await caller.hear())["id"] == "a"
                if not leaves:
                    assert (await caller.hear())["error"]["code"] == "too_slow"
                await asyncio.wait_for(caller.call, 20)
                assert (shared.batches, shared.held()) == (0, 0)

    asyncio.run(talk())


def test_a_batch_that_is_given_up_gives_everything_back(settings: ServeSettings) -> None:
    async def talk() -> None:
        async with _running(settings) as app:
            shared, free = app.state.shared, threading.Event()
            engine = shared.engine(None)
            look = engine.predictor.look
            engine.predictor.look = lambda item: free.wait(20) and look(item)
            caller = Caller(app)
            assert await caller.hear() == 200
            for name in "abcd":
                await caller.say(line(name) + b"\n")
            while engine.held < 4:
                await asyncio.sleep(0.01)
            caller.call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await caller.call
            free.set()
            while engine.held:
                await asyncio.sleep(0.01)
            assert shared.batches == 0

    asyncio.run(asyncio.wait_for(talk(), 30))


# Any bytes at all.

TOKENS = st.sampled_from([
    b'{"id": "a", "image": "', b'"}', b"AAAA", b"=", b"{", b"}", b'"id"', b'"image"', b":", b",",
    b"\\ud800", b"\\u0000", b"1e999", b"null", b"\xff", b"\0", b" ", b"\r",
])  # fmt: skip
GARBAGE = st.one_of(st.binary(max_size=60), st.lists(TOKENS, max_size=12).map(b"".join))


@runs(deadline=None)
@given(GARBAGE)
def test_any_line_is_a_picture_or_a_refusal(data: bytes) -> None:
    try:
        name, picture = _parsed("line 1", data, Limits(bytes=1_000))
    except ServiceError as error:
        assert error.status in (400, 413)
    else:
        assert name.encode() is not None
        assert len(picture) <= 1_000


def test_any_batch_has_an_answer_for_each_line(tiny: Path, token_path: Path) -> None:
    settings = ServeSettings(
        purpose="research", models=(str(tiny),), detector=("full-frame",), token_file=token_path
    )
    with TestClient(create(settings), headers=OPEN) as client:

        @runs(deadline=None, max_examples=40)
        @given(st.lists(st.one_of(GARBAGE, st.just(line("a"))), max_size=6))
        def check(lines: list[bytes]) -> None:
            body = b"\n".join(lines)
            wanted = sum(bool(one.strip()) for one in body.split(b"\n"))
            assert len(sent(client, body)) == wanted

        check()
