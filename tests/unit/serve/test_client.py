from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

import mien
from mien.core.errors import ConfigError, ServiceRefusedError, ServiceUnavailableError
from mien.serve.client import Client, _form
from mien.serve.server import Place, told
from mien.serve.settings import ServeSettings

ERROR = {"error": {"code": "overloaded", "message": "Try again later."}}
Reply = tuple[int, dict[str, str], Any]


class Script(ThreadingHTTPServer):
    """Answers as it is told to, in turn, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, *replies: Reply) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies, self.asked = list(replies), list[tuple[str, str, Any, bytes]]()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Script

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, self.headers, body))
        status, headers, content = self.server.replies.pop(0)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        if int(self.headers.get("X-Length", len(data))) != len(data) or status == 299:
            self.close_connection = True

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def scripted(*replies: Reply) -> Iterator[Script]:
    with Script(*replies) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client would have slept."""
    found: list[float] = []
    monkeypatch.setattr("mien.serve.client.time.sleep", found.append)
    return found


def test_pictures_go_as_a_form_with_the_token(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"first")
    with (
        scripted((200, {}, {"images": []})) as server,
        mien.Client(server.address, token="secret") as client,
    ):
        found = client.predict([tmp_path / "a.jpg", b"second"], model="my model", chips=True)
    assert found == {"images": []}
    ((method, path, headers, body),) = server.asked
    assert (method, path) == ("POST", "/v1/predict?annotated=false&chips=true&model=my+model")
    assert headers["Authorization"] == "Bearer secret"
    assert headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'filename="a.jpg"' in body
    assert b"\r\n\r\nfirst\r\n" in body
    assert b'filename="image 2"' in body


def test_a_video_goes_as_it_is_and_may_take_longer(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"film")
    with (
        scripted(*[(200, {}, {"people": []})] * 3) as server,
        mien.Client(server.address, token="secret", timeout=9) as client,
    ):
        assert client.video(tmp_path / "a.mp4", rate=12.5, timeout=77) == {"people": []}
        connection = client._connection()
        assert connection.sock.gettimeout() == 77
        client.video(b"bytes", model="my model")
        client.service()
        assert client._connection() is connection
        assert connection.sock.gettimeout() == 9
    first, other, _ = server.asked
    assert first[:2] == ("POST", "/v1/video?rate=12.5")
    assert (first[2]["Content-Type"], first[3]) == ("application/octet-stream", b"film")
    assert (other[1], other[3]) == ("/v1/video?rate=10&model=my+model", b"bytes")


def test_one_connection_serves_many_requests() -> None:
    with scripted(*[(200, {}, {})] * 3) as server, Client(server.address) as client:
        client.service()
        connection = client._connection()
        client.model()
        client.model("a b")
        assert client._connection() is connection
    assert [path for _, path, _, _ in server.asked] == [
        "/v1/service", "/v1/model", "/v1/model?model=a+b",
    ]  # fmt: skip


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again_when_it_says(status: int, naps: list[float]) -> None:
    replies: list[Reply] = [(status, {"Retry-After": "7"}, ERROR), (status, {}, ERROR)]
    with scripted(*replies, (200, {}, {"a": 1})) as server, Client(server.address) as client:
        assert client.service() == {"a": 1}
    assert naps == [7, 0.2]


@pytest.mark.parametrize("said", ["Wed, 21 Oct 2026 07:28:00 GMT", "soon", "-5", "nan", "inf"])
def test_a_strange_time_to_wait_is_not_believed(said: str, naps: list[float]) -> None:
    replies: list[Reply] = [(503, {"Retry-After": said}, b"busy"), (200, {}, {})]
    with scripted(*replies) as server, Client(server.address) as client:
        assert client.service() == {}
    assert naps == [0.1]


def test_after_all_tries_the_last_words_are_told(naps: list[float]) -> None:
    with (
        scripted(*[(503, {"Retry-After": "1"}, ERROR)] * 3) as server,
        Client(server.address, tries=3) as client,
        pytest.raises(ServiceUnavailableError, match="in 3 tries. Last: 503 overloaded: Try again"),
    ):
        client.predict(b"x")
    assert naps == [1, 1]


@pytest.mark.parametrize(
    ("status", "content", "words"),
    [
        (400, ERROR, "400 overloaded: Try again later."),
        (401, {"error": {"code": "unauthorised", "message": "This needs the token."}}, "401 unaut"),
        (404, b"<html>", "404 without a reason"),
        (413, b"[]", "413 without a reason"),
        (302, b"", "302 without a reason"),
        (500, {"error": "x"}, "500 without a reason"),
    ],
)
def test_a_refusal_is_final(status: int, content: Any, words: str, naps: list[float]) -> None:
    with (
        scripted((status, {}, content)) as server,
        Client(server.address) as client,
        pytest.raises(ServiceRefusedError, match=words),
    ):
        client.predict(b"x")
    assert naps == []


def test_a_service_that_is_not_there_is_tried_some_times(naps: list[float]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = Client(f"http://127.0.0.1:{free.getsockname()[1]}", tries=4)
        with pytest.raises(ServiceUnavailableError, match="4 tries. Last: ConnectionRefused"):
            client.service()
    assert naps == pytest.approx([0.1, 0.2, 0.4])


def test_a_cut_connection_is_made_anew(naps: list[float]) -> None:
    cut: Reply = (299, {"Content-Length": "50"}, b"half")
    with scripted(cut, (200, {}, {"a": 1})) as server, Client(server.address) as client:
        assert client.service() == {"a": 1}
    assert naps == [0.1]


def test_a_service_that_closes_while_it_is_sent_too_much_is_heard() -> None:
    def refuse(listener: socket.socket) -> None:
        with listener.accept()[0] as connection:
            connection.recv(10_000)
            body = b'{"error": {"code": "too_large", "message": "Scale it down."}}'
            head = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
            connection.sendall(head % len(body) + body)
            time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse, args=(listener,))
        thread.start()
        client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}", tries=1)
        with pytest.raises(ServiceRefusedError, match="413 too_large: Scale it down"):
            client.predict(bytes(30_000_000))
        client.close()
        thread.join()


def test_the_token_comes_from_the_link_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" from-the-file\n")
    assert Client("http://h/#token=from-the-link")._token == "from-the-link"
    assert Client("http://h/", token_file=tmp_path / "token")._token == "from-the-file"
    assert Client("http://h/#token=x", token_file=str(tmp_path / "token"))._token == "from-the-file"
    assert Client("http://h/#token=x", token="given")._token == "given"
    assert Client("http://h/")._token == ""
    with pytest.raises(ConfigError, match="cannot be read"):
        Client("http://h/", token_file=tmp_path / "none")


TOKENS = st.from_regex(r"[A-Za-z0-9_.~+/=-]{20,60}", fullmatch=True)


@runs(deadline=None, max_examples=50)
@given(TOKENS)
def test_the_printed_link_brings_any_token(token: str) -> None:
    settings = ServeSettings(purpose="research", token_file=Path("t"))
    *_, link = told(settings, Place(), 8000, token)
    client = Client(link.removeprefix("Page: "))
    assert client._token == token
    assert client._place == ("127.0.0.1", 8000)


@pytest.mark.parametrize(
    "address",
    ["", "127.0.0.1:8000", "ftp://h", "http://", "file:///etc", "http://[::1", "http://h:x", "http://h:99999"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="is no address. Expected such as"):
        Client(address)


@pytest.mark.parametrize(
    ("address", "place"),
    [("http://h", ("h", 80)), ("https://h/#token=a", ("h", 443)), ("http://[::1]:9/", ("::1", 9))],
)
def test_an_address_has_a_port(address: str, place: tuple[str, int]) -> None:
    assert Client(address)._place == place


def test_names_cannot_break_out_of_the_form() -> None:
    kind, body = _form([('a"\r\nX: y\\.jpg', b"data")])
    assert kind.encode().partition(b"boundary=")[2] in body
    assert b'filename="a%22%0D%0AX: y_.jpg"\r\n' in body


def test_a_missing_picture_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Client("http://127.0.0.1:1").predict(tmp_path / "none.jpg")
