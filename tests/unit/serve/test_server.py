from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send

from mien.core.errors import ConfigError, ModelError
from mien.serve import server
from mien.serve.metrics import FOLDER
from mien.serve.purposes import notice
from mien.serve.server import Place, serve, told
from mien.serve.settings import VARIABLE, ServeSettings
from tests.unit.serve.conftest import TOKEN

UVICORN_LEAVES_ITS_SOCKET = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", str(key),
               "-out", str(cert)]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return cert, key


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """Has uvicorn end at once, and gives the environment that it found."""
    found: list[dict[str, str]] = []

    def run(self: uvicorn.Server, sockets: list[socket.socket]) -> None:
        found.append(dict(os.environ))
        self.started = True
        for one in sockets:
            one.close()

    monkeypatch.setattr(uvicorn.Server, "run", run)
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv(FOLDER, raising=False)
    return found


def test_a_start_tells_what_it_must(settings: ServeSettings, ran: list[dict[str, str]]) -> None:
    lines: list[str] = []
    serve(settings, Place(port=0), lines.append)
    assert lines[0].startswith("mien serve, purpose: research. Notice for the people")
    assert lines[1].strip() == notice("research")
    assert lines[2] == f"Token: {settings.token_file}"
    assert lines[3].startswith("Page: http://127.0.0.1:")
    assert lines[3].endswith(f"/#token={TOKEN}")
    assert ServeSettings.model_validate_json(ran[0][VARIABLE]) == settings
    assert FOLDER not in ran[0]
    assert VARIABLE not in os.environ
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_thread_may_serve_too(settings: ServeSettings, ran: list[dict[str, str]]) -> None:
    lines: list[str] = []
    thread = threading.Thread(target=serve, args=(settings, Place(port=0), lines.append))
    thread.start()
    thread.join()
    assert len(ran) == 1
    assert lines[-1].startswith("Page: ")


def test_what_stood_in_the_environment_stands_again(
    settings: ServeSettings, ran: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "before")
    serve(settings, Place(port=0), lambda _: None)
    assert os.environ[VARIABLE] == "before"
    assert ran[0][VARIABLE] != "before"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Place(), ["Page: http://127.0.0.1:80/#token="]),
        (Place(host="::1"), ["Page: http://[::1]:80/#token="]),
        (Place(host="localhost", link=False), ["Page: http://localhost:80/"]),
        (Place(host="0.0.0.0"), ["Listening on 0.0.0.0: other", "in the clear", "Page: http://0."]),
        (Place(host="example.org"), ["Listening on example.org", "in the clear"]),
        (Place(host="0.0.0.0", tls_cert=Path("c")), ["Listening on 0.0.0.0", "Page: https://0."]),
        (Place(tls_cert=Path("c")), ["Page: https://127.0.0.1:80/"]),
    ],
)
def test_what_is_told_of_a_place(settings: ServeSettings, place: Place, words: list[str]) -> None:
    lines = list(told(settings, place, 80, TOKEN))
    text = "\n".join(lines)
    for one in words:
        assert one in text
    assert ("other machines" in text) == (place.host in ("0.0.0.0", "example.org"))
    assert ("in the clear" in text) == ("other machines" in text and place.tls_cert is None)
    assert (TOKEN in text) == place.link


@UVICORN_LEAVES_ITS_SOCKET
def test_a_port_in_use_is_told(settings: ServeSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port} cannot be taken.*--port"):
            serve(settings, Place(port=port), lambda _: None)


@UVICORN_LEAVES_ITS_SOCKET
def test_a_host_of_another_machine_is_told(settings: ServeSettings) -> None:
    with pytest.raises(ConfigError, match="cannot be taken"):
        serve(settings, Place(host="192.0.2.1", port=0), lambda _: None)


def test_a_certificate_is_checked_before_the_start(
    settings: ServeSettings, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, key = certificate
    (tmp_path / "empty.pem").touch()
    for place, words in (
        (Place(tls_cert=tmp_path / "none.pem"), "There is no file .*none.pem"),
        (Place(tls_cert=cert, tls_key=tmp_path / "none.pem"), "There is no file .*none.pem"),
        (Place(tls_key=key), "--tls-key needs --tls-cert"),
        (Place(tls_cert=cert), "no certificate"),
        (Place(tls_cert=key, tls_key=cert), "no certificate"),
        (Place(tls_cert=tmp_path / "empty.pem"), "no certificate"),
    ):
        with pytest.raises(ConfigError, match=words):
            serve(settings, place, lambda _: None)


def test_a_good_certificate_is_taken(
    settings: ServeSettings, certificate: tuple[Path, Path], ran: list[dict[str, str]]
) -> None:
    lines: list[str] = []
    serve(settings, Place(port=0, tls_cert=certificate[0], tls_key=certificate[1]), lines.append)
    assert lines[-1].startswith("Page: https://")
    assert ssl.PEM_cert_to_DER_cert(certificate[0].read_text())


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"purpose": "workplace"}, ConfigError, r"Article 5\(1\)\(f\)"),
        ({"models": ("nowhere",)}, ModelError, "There is no model 'nowhere'"),
    ],
)
def test_what_cannot_be_served_is_told_before_the_start(
    settings: ServeSettings, changes: dict[str, Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        serve(settings.model_copy(update=changes), Place(port=0), lambda _: None)


def test_an_open_token_file_is_told_before_the_start(settings: ServeSettings) -> None:
    settings.token_file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        serve(settings, Place(port=0), lambda _: None)


@pytest.mark.parametrize("ends", [SystemExit(3), None])
def test_a_worker_that_does_not_start_is_an_error(
    settings: ServeSettings, monkeypatch: pytest.MonkeyPatch, ends: SystemExit | None
) -> None:
    def run(_: uvicorn.Server, sockets: list[socket.socket]) -> None:
        sockets[0].close()
        if ends is not None:
            raise ends

    monkeypatch.setattr(uvicorn.Server, "run", run)
    with pytest.raises(ConfigError, match="did not start"):
        serve(settings, Place(port=0), lambda _: None)


@pytest.mark.parametrize(("code", "fails"), [(3, True), (0, False), (-15, False)])
def test_workers_that_do_not_start_are_an_error(
    settings: ServeSettings, monkeypatch: pytest.MonkeyPatch, code: int, fails: bool
) -> None:
    class Crowd:
        def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
            self.processes = [self] * config.workers
            self.exitcode = code
            sockets[0].close()

        def run(self) -> None:
            assert Path(os.environ[FOLDER]).is_dir()

    monkeypatch.setattr(server, "Multiprocess", Crowd)
    if not fails:
        return serve(settings, Place(port=0, workers=2), lambda _: None)
    with pytest.raises(ConfigError, match="did not start"):
        serve(settings, Place(port=0, workers=2), lambda _: None)
    return None


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server that waits 0.3 seconds for a request, and takes 1 to answer."""
    monkeypatch.setattr(server, "_PATIENCE", 0.3)

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await asyncio.sleep(1)
        head: Message = {"type": "http.response.start", "status": 204, "headers": []}
        await send(head)
        await send({"type": "http.response.body", "body": b""})

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=server.Impatient, log_config=None, lifespan="off")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, args=([listener],))
    thread.start()
    yield listener.getsockname()[1]
    running.should_exit = True
    thread.join()
    listener.close()


HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize("sent", [b"", b"GET", HEAD])
def test_a_connection_without_a_request_is_closed(impatient: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", impatient), timeout=20) as idle:
        idle.sendall(sent)
        assert idle.recv(100) == b""


def test_a_request_under_way_is_not_hurried_but_its_follower_is(impatient: int) -> None:
    with socket.create_connection(("127.0.0.1", impatient), timeout=20) as slow:
        slow.sendall(HEAD + b"\r\n")
        assert slow.recv(1000).startswith(b"HTTP/1.1 204")
        slow.sendall(HEAD)
        assert slow.recv(1000) == b""
