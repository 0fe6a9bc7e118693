"""Starts the service: checks, tells, binds, and hands over to uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
import ssl
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.supervisors import Multiprocess

from mien.core.errors import ConfigError
from mien.core.machine import environment
from mien.runtimes.model import find
from mien.serve.metrics import FOLDER
from mien.serve.purposes import check_purpose, notice
from mien.serve.settings import VARIABLE, ServeSettings
from mien.serve.tokens import read_token

_APP: Final = "mien.serve.app:from_environment"
_CONNECTIONS: Final = 1_000
_PATIENCE: Final = 10.0
"""Seconds to begin a request."""
_LOGGING: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        "mien.serve": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how a service listens.

    Attributes:
        host: an address of this machine.
        port: 0 takes a free one.
        workers: processes that share the socket; one that dies is started again.
        tls_cert: a certificate (PEM), its key in the same file or in ``tls_key``.
        tls_key: its key.
        grace: seconds that a stop waits for answers under way.
        link: whether the printed link holds the token.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    tls_cert: Path | None = None
    tls_key: Path | None = None
    grace: int = 30
    link: bool = True


class Impatient(AutoHTTPProtocol):  # type: ignore[misc,valid-type]  # one of two, chosen there
    """Closes a connection on which no request begins, which uvicorn would hold for ever.

    A thousand of them would else shut everybody out, and they need no token.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Starts to watch."""
        super().connection_made(transport)
        self._last: object = None
        self._watch = self.loop.call_later(_PATIENCE, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends to watch."""
        self._watch.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self.cycle is self._last:
            self.transport.close()
            return
        self._last = self.cycle if idle else object()
        self._watch = self.loop.call_later(_PATIENCE, self._look)


def serve(settings: ServeSettings, place: Place, say: Callable[[str], None] | None = None) -> None:
    """Serves until the process is told to stop (SIGTERM or SIGINT), then answers what it took.

    Args:
        settings: what the service is for, and what it takes.
        place: where it listens.
        say: takes the lines for whoever starts it; None writes them to standard error.

    Raises:
        ConfigError: the purpose is refused, the place cannot be taken, a file is missing, or a
            worker could not start.
        ModelError: there is no such model.
    """
    say = say or to_stderr
    check_purpose(settings.purpose)
    for name in settings.models:
        find(name)
    token = read_token(settings.token_file)
    config = _config(settings, place)
    with _environment(settings, place.workers):
        try:
            bound = config.bind_socket()
        except SystemExit:
            raise ConfigError(
                f"{place.host}:{place.port} cannot be taken: another program listens there, or the "
                "address is not this machine's. Name another with --host and --port."
            ) from None
        bound.listen(config.backlog)  # so that whoever follows the link at once is not refused
        for line in told(settings, place, bound.getsockname()[1], token):
            say(line)
        if not _run(config, bound):
            raise ConfigError("The service did not start; the lines above say why.")


def _run(config: uvicorn.Config, bound: socket.socket) -> bool:
    """Runs until it is told to stop; returns whether it ever started."""
    if config.workers > 1:
        crowd = Multiprocess(config, sockets=[bound])
        crowd.run()
        return all(process.exitcode != STARTUP_FAILURE for process in crowd.processes)
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt, SystemExit), _stopped_calmly():
        server.run(sockets=[bound])
    return server.started


def _config(settings: ServeSettings, place: Place) -> uvicorn.Config:
    for file in (place.tls_cert, place.tls_key):
        if file is not None and not file.is_file():
            raise ConfigError(f"There is no file {file}. Name the certificate and its key (PEM).")
    if place.tls_key is not None and place.tls_cert is None:
        raise ConfigError("--tls-key needs --tls-cert.")
    if place.tls_cert is not None:
        try:
            ssl.create_default_context().load_cert_chain(place.tls_cert, place.tls_key)
        except OSError as error:
            raise ConfigError(
                f"{place.tls_cert} and its key are no certificate (PEM) without a passphrase: "
                f"{error.strerror}."
            ) from error
    return uvicorn.Config(
        _APP,
        factory=True,
        http=Impatient,
        host=place.host,
        port=place.port,
        workers=place.workers,
        log_config=_LOGGING,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # what a proxy says of addresses is not believed
        ws="none",
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=place.grace,
        ssl_certfile=place.tls_cert,
        ssl_keyfile=place.tls_key,
    )


@contextlib.contextmanager
def _stopped_calmly() -> Iterator[None]:
    """Takes SIGTERM as SIGINT: when all is answered, uvicorn sends itself what stopped it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _environment(settings: ServeSettings, workers: int) -> Iterator[None]:
    """Leaves the settings, and a folder for their counts, to the workers."""
    with tempfile.TemporaryDirectory(prefix="mien-serve-") as folder:
        counts = {FOLDER: folder} if workers > 1 else {}
        with environment({VARIABLE: settings.model_dump_json(), **counts}):
            yield


def told(settings: ServeSettings, place: Place, port: int, token: str) -> Iterator[str]:
    """Yields what whoever starts a service has to know."""
    yield f"mien serve, purpose: {settings.purpose}. Notice for the people in the pictures:"
    yield f"  {notice(settings.purpose)}"
    if not _loopback(place.host):
        yield f"Listening on {place.host}: other machines can reach it, with the token."
        if place.tls_cert is None:
            yield "  Without --tls-cert pictures travel in the clear, and browsers give no camera."
    scheme = "http" if place.tls_cert is None else "https"
    host = f"[{place.host}]" if ":" in place.host else place.host
    fragment = f"#token={urllib.parse.quote(token, safe='')}" if place.link else ""
    yield f"Token: {settings.token_file}"
    yield f"Page: {scheme}://{host}:{port}/{fragment}"


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def to_stderr(line: str) -> None:
    """Writes a line to standard error, at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
