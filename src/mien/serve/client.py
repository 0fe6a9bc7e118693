"""A client of the service, with nothing but the standard library."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import ssl
import threading
import time
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from mien.core.errors import ConfigError, ServiceRefusedError, ServiceUnavailableError

_TRIES_AGAIN: Final = (429, 503)
Picture = str | Path | bytes


class Client:
    """Asks a service for predictions, over one connection a thread.

        >>> with mien.Client("http://127.0.0.1:8000", token_file="~/.cache/mien/serve-token") as c:
        ...     print(c.predict("photo.jpg")["images"][0]["faces"])

    Args:
        address: such as ``http://127.0.0.1:8000``; the printed link with its token will do, too.
        token: the service's token; not needed where the link or ``token_file`` brings it.
        token_file: a file that holds it.
        timeout: seconds to wait for an answer.
        tries: how often a request is sent in all while the service is busy or cannot be reached.
        certificate: of a service whose certificate no authority signed (PEM).

    Raises:
        ConfigError: the address is none, or the token's file cannot be read.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        token_file: str | Path | None = None,
        timeout: float = 30.0,
        tries: int = 5,
        certificate: str | Path | None = None,
    ) -> None:
        try:
            parts = urllib.parse.urlsplit(address)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or parts.scheme not in ("http", "https"):
            raise ConfigError(f"{address!r} is no address. Expected such as http://127.0.0.1:8000.")
        if token is None and token_file is not None:
            try:
                token = Path(token_file).expanduser().read_text("utf-8").strip()
            except OSError as error:
                raise ConfigError(
                    f"The token's file {token_file} cannot be read ({error.strerror})."
                ) from error
        self._token = token or urllib.parse.parse_qs(parts.fragment).get("token", [""])[0]
        self._place = (host, port or (443 if parts.scheme == "https" else 80))
        self._tls = None
        if parts.scheme == "https":
            self._tls = ssl.create_default_context(cafile=certificate and str(certificate))
        self._timeout, self._tries = timeout, max(1, tries)
        self._local = threading.local()

    def predict(
        self,
        pictures: Picture | Sequence[Picture],
        *,
        model: str | None = None,
        annotated: bool = False,
        chips: bool = False,
    ) -> dict[str, Any]:
        """Returns the service's answer: the model, and for each picture the faces in it.

        Args:
            pictures: a path or the bytes of a file, or several.
            model: which of the service's models shall answer; None takes its first.
            annotated: send a copy of each picture with boxes and bars back (PNG in base64).
            chips: send each face as it was cut out back.

        Raises:
            OSError: a file cannot be read.
            ServiceRefusedError: the service does not take the request; the message says why.
            ServiceUnavailableError: it is busy, or cannot be reached, after all tries.
        """
        many = [pictures] if isinstance(pictures, str | Path | bytes) else list(pictures)
        files = [_read(picture, number) for number, picture in enumerate(many, 1)]
        query = {"annotated": str(annotated).lower(), "chips": str(chips).lower()}
        if model is not None:
            query["model"] = model
        kind, body = _form(files)
        address = f"/v1/predict?{urllib.parse.urlencode(query)}"
        answer: dict[str, Any] = json.loads(self._ask("POST", address, body, kind))
        return answer

    def video(
        self,
        video: Picture,
        *,
        rate: float = 10.0,
        model: str | None = None,
        timeout: float = 150.0,
    ) -> dict[str, Any]:
        """Returns the service's answer for a video: facts of it, and who is seen in it and when.

        Args:
            video: a path, or the bytes of a file.
            rate: how many frames a second shall be looked at.
            model: which of the service's models shall answer; None takes its first.
            timeout: seconds to wait for the answer, in place of the client's.

        Raises:
            OSError: the file cannot be read.
            ServiceRefusedError: the service does not take the video; the message says why.
            ServiceUnavailableError: it is busy, or cannot be reached, after all tries.
        """
        _, data = _read(video, 1)
        query = {"rate": f"{rate:g}"} | ({} if model is None else {"model": model})
        address = f"/v1/video?{urllib.parse.urlencode(query)}"
        kind = "application/octet-stream"
        answer: dict[str, Any] = json.loads(self._ask("POST", address, data, kind, timeout))
        return answer

    def model(self, name: str | None = None) -> dict[str, Any]:
        """Returns the card of a model; of the first where none is named. Raises as `predict`."""
        query = "" if name is None else "?" + urllib.parse.urlencode({"model": name})
        answer: dict[str, Any] = json.loads(self._ask("GET", f"/v1/model{query}"))
        return answer

    def service(self) -> dict[str, Any]:
        """Returns what the service is for, its models and its limits. Raises as `predict`."""
        answer: dict[str, Any] = json.loads(self._ask("GET", "/v1/service"))
        return answer

    def close(self) -> None:
        """Closes this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(
        self,
        method: str,
        address: str,
        body: bytes | None = None,
        kind: str = "",
        timeout: float | None = None,
    ) -> bytes:
        headers = {"Authorization": f"Bearer {self._token}"}
        if kind:
            headers["Content-Type"] = kind
        last = ""
        for number in range(self._tries):
            wait = 0.1 * 2**number
            try:
                connection = self._connection()
                connection.timeout = timeout or self._timeout  # of one that is yet to be made
                if connection.sock is not None:
                    connection.sock.settimeout(connection.timeout)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.request(method, address, body, headers)  # refused before its end?
                answer = connection.getresponse()
                data = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.close()
                last = f"{type(error).__name__}: {error}"
            else:
                if answer.status < 300:
                    return data
                last = _words(data, answer.status)
                if answer.status not in _TRIES_AGAIN:
                    raise ServiceRefusedError(last)
                said = answer.headers.get("Retry-After", "")
                wait = float(said) if said.isdecimal() else wait
            if number + 1 < self._tries:
                time.sleep(wait)
        host, port = self._place
        raise ServiceUnavailableError(
            f"The service at {host}:{port} gave no answer in {self._tries} tries. Last: {last}"
        )

    def _connection(self) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            host, port = self._place
            if self._tls is None:
                connection = http.client.HTTPConnection(host, port, timeout=self._timeout)
            else:
                connection = http.client.HTTPSConnection(
                    host, port, timeout=self._timeout, context=self._tls
                )
            self._local.connection = connection
        return connection


def _read(picture: Picture, number: int) -> tuple[str, bytes]:
    if isinstance(picture, bytes):
        return f"image {number}", picture
    return Path(picture).name, Path(picture).read_bytes()


def _form(files: Sequence[tuple[str, bytes]]) -> tuple[str, bytes]:
    """Returns the content type and the body of a form with some files (RFC 7578)."""
    boundary = secrets.token_hex(16)
    parts = []
    for name, data in files:
        quoted = name.replace("\\", "_").replace('"', "%22").replace("\r", "%0D")
        quoted = quoted.replace("\n", "%0A")
        head = f'Content-Disposition: form-data; name="files"; filename="{quoted}"'
        kind = "Content-Type: application/octet-stream"
        parts.append(f"--{boundary}\r\n{head}\r\n{kind}\r\n\r\n".encode() + data + b"\r\n")
    return f"multipart/form-data; boundary={boundary}", b"".join(
        parts
    ) + f"--{boundary}--\r\n".encode()


def _words(data: bytes, status: int) -> str:
    try:
        error = json.loads(data)["error"]
        return f"{status} {error['code']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        return f"{status} without a reason"
