"""The whole service, in processes of its own: the same answers, in need as at rest."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import PIL.Image
import psutil
import pytest
import schemathesis
from typer.testing import CliRunner

import mien
from mien.cli.app import app
from mien.core.labels import CLASSES
from mien.serve.batch import NDJSON
from mien.serve.client import _form
from mien.serve.guard import HEADERS
from tests.trees.clips import clip
from tests.unit.conftest import make_model

RUNNER = CliRunner()
PATIENCE = 60.0
"""Seconds that a busy machine may take."""


@dataclass
class Service:
    """A running service: its process, its address, its token and what it says."""

    process: subprocess.Popen[bytes]
    address: str
    token: str
    log: Path

    def client(self, **options: Any) -> mien.Client:
        return mien.Client(self.address, token=self.token, timeout=PATIENCE, **options)

    def workers(self) -> set[int]:
        found = set()
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # a zombie is none either
                if "spawn_main" in " ".join(child.cmdline()):
                    found.add(child.pid)
        return found

    def ended(self) -> int:
        """Tells it to stop; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"it did not come about within {seconds:g} seconds")


@contextmanager
def serving(model: Path, folder: Path, *options: str) -> Iterator[Service]:
    """Starts ``mien serve`` on a free port; ends it, if the test has not."""
    token, log = folder / "token", folder / "log"
    command = [sys.executable, "-m", "mien", "serve", "--purpose", "research", "--port", "0"]
    command += ["--model", str(model), "--detector", "full-frame", "--token-file", str(token)]
    with log.open("wb") as said, subprocess.Popen([*command, *options], stderr=said) as process:
        try:
            link = until(
                lambda: process.poll() is not None or re.search(r"Page: (\S+/)", log.read_text())
            )
            assert process.poll() is None, log.read_text()
            yield Service(process, link[1], token.read_text().strip(), log)
        finally:
            if process.poll() is None:
                process.terminate()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "brightness")


@pytest.fixture(scope="module")
def service(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    with serving(tiny, folder, "--no-link", "--rate", "0") as found:
        yield found
        assert found.ended() == 0
        log = found.log.read_text()
        for word in (found.token, "Traceback", "Error", "private", "photo-", "surprise-me"):
            assert word not in log.partition("Token:")[2], word


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn pictures: noise of many shades and shapes, and one that is none."""
    folder = tmp_path_factory.mktemp("private")
    chance = np.random.default_rng(0)
    for n in range(12):
        height, width = chance.integers(40, 400, 2)
        noise = chance.integers(0, 20 * (n + 1), (height, width, 3), np.uint8)
        PIL.Image.fromarray(noise).save(folder / f"photo-{n:02d}.{'png' if n % 2 else 'jpg'}")
    (folder / "photo-none.jpg").write_bytes(b"none")
    return folder


def shares(image: dict[str, Any]) -> list[float] | None:
    if not image["faces"]:
        return None
    return [row["probability"] for row in image["faces"][0]["probabilities"]]


def test_rest_python_and_the_command_line_say_the_same(
    service: Service, gallery: Path, tiny: Path, tmp_path: Path
) -> None:
    paths = sorted(gallery.iterdir())
    local = mien.Predictor(tiny, detector="full-frame").predict(paths)
    arguments = ["--model", str(tiny), "--detector", "full-frame", "--format", "json"]
    out = tmp_path / "rows.json"
    assert (
        RUNNER.invoke(app, ["predict", str(gallery), *arguments, "--out", str(out)]).exit_code == 3
    )
    rows = {Path(row["path"]).name: row for row in json.loads(out.read_text())}
    with service.client() as client:
        remote = client.predict(paths)["images"]
        single = [client.predict(path)["images"][0] for path in paths[:3]]
    assert [one["name"] for one in remote] == [path.name for path in paths]
    for path, answer, prediction in zip(paths, remote, local, strict=True):
        assert answer["reason"] == prediction.reason
        if prediction.probabilities is None:
            assert rows[path.name]["reason"] == "unreadable"
            continue
        found = shares(answer)
        np.testing.assert_allclose(found, prediction.probabilities, rtol=0, atol=1e-6)
        row = [rows[path.name][name] for name in CLASSES]
        np.testing.assert_allclose(found, row, rtol=0, atol=1e-6)
        assert answer["faces"][0]["expression"]["name"] == rows[path.name]["expression"]
    for one, other in zip(single, remote, strict=False):
        np.testing.assert_allclose(shares(one), shares(other), rtol=0, atol=1e-6)


def test_the_curl_of_a_batch(service: Service) -> None:
    request = urllib.request.Request(
        service.address + "v1/batch", b'{"id": "private", "image": ""}'
    )
    request.add_header("Authorization", f"Bearer {service.token}")
    request.add_header("Content-Type", NDJSON)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        (line,) = answer.read().splitlines()
        assert answer.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
    assert json.loads(line)["image"]["reason"] == "unreadable"


def test_what_comes_wrong_is_told_over_the_wire(service: Service) -> None:
    with mien.Client(service.address, token="surprise-me") as stranger:
        with pytest.raises(mien.MienError, match="401 unauthorised"):
            stranger.predict(bytes(5_000_000))  # read to its end, or the connection would break
        with pytest.raises(mien.MienError, match="401 unauthorised"):
            stranger.service()
    with service.client(tries=1) as client:
        with pytest.raises(
            mien.MienError, match="413 too_large: The body is larger than 10,000,000"
        ):
            client.predict(bytes(30_000_000))
        with pytest.raises(mien.MienError, match="404 not_found"):
            client.model("private")
        assert client.service()["purpose"] == "research"


# The document, against the service that it describes.


@schemathesis.serializer(NDJSON)
def _lines(_: schemathesis.SerializationContext, value: object) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


OPERATIONS = [
    ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/v1/service"),
    ("GET", "/v1/model"), ("POST", "/v1/predict"), ("POST", "/v1/batch"), ("POST", "/v1/video"),
    ("POST", "/v1/follow"),
]  # fmt: skip


@pytest.fixture(scope="module")
def document(service: Service) -> Any:
    return schemathesis.openapi.from_url(service.address + "openapi.json")


@pytest.mark.parametrize("wrong", [False, True], ids=["fitting", "unfitting"])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_service_is_as_its_document_says(
    service: Service, document: Any, method: str, path: str, wrong: bool
) -> None:
    if wrong and path in ("/healthz", "/readyz"):
        return  # they take nothing that could be wrong
    modes = schemathesis.GenerationMode
    operation = document[path][method]
    left_out = [schemathesis.checks.negative_data_rejection]  # unknown parameters are ignored
    if path in ("/v1/video", "/v1/follow"):
        # No schema says which bytes are a video, nor that times rise.
        left_out.append(schemathesis.checks.positive_data_acceptance)
    statuses = set()

    @hypothesis.settings(
        max_examples=25,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        operation.as_strategy(generation_mode=modes.NEGATIVE if wrong else modes.POSITIVE)
    )
    def check(case: Any) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {service.token}"})
        statuses.add(answer.status_code)
        assert {name: answer.headers[name.lower()][0] for name in HEADERS} == HEADERS
        case.validate_response(answer, excluded_checks=left_out)

    check()
    assert 500 not in statuses
    assert wrong or 200 in statuses or path == "/v1/video"


def test_a_video_over_the_wire(service: Service, tmp_path: Path) -> None:
    film = clip(tmp_path / "private.mp4", 20)
    with service.client() as client:
        found = client.video(film, rate=5)
    assert (found["video"]["frames"], found["video"]["seconds"]) == (11, 2.0)
    assert len(found["people"]) == 1


# In need.


def crowd(count: int, work: Callable[[], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_a_killed_worker_is_replaced_while_requests_go_on(
    tiny: Path, gallery: Path, tmp_path: Path
) -> None:
    options = ["--workers", "2", "--max-images", "3", "--max-faces", "7", "--queue", "33"]
    with serving(tiny, tmp_path, *options) as service:
        with service.client() as client:
            limits = client.service()["limits"]
        assert (limits["images"], limits["faces"]) == (3, 7)  # the settings reached the workers
        before = until(lambda: len(found := service.workers()) == 2 and found)
        over, answers, faults = threading.Event(), [], []

        def ask() -> None:
            with service.client(tries=8) as client:
                while not over.is_set():
                    try:
                        image = client.predict(gallery / "photo-11.png")["images"][0]
                        answers.append(image["faces"][0]["expression"]["name"])
                    except Exception as error:  # noqa: BLE001
                        faults.append(repr(error))

        threads = crowd(3, ask)
        try:
            until(lambda: len(answers) > 20)
            victim = min(before)
            os.kill(victim, signal.SIGKILL)
            asked = len(answers)
            until(lambda: len(service.workers() - {victim}) == 2)
            until(lambda: len(answers) > asked + 20)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert faults == []
        assert len(set(answers)) == 1
        assert before - {victim} < service.workers()
        assert service.ended() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_was_accepted_is_answered_before_the_end(
    tiny: Path, tmp_path: Path, workers: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (900, 900, 3), np.uint8)
    PIL.Image.fromarray(noise).save(tmp_path / "noise.png")
    kind, body = _form([("noise.png", (tmp_path / "noise.png").read_bytes())] * 3)
    options = ["--workers", workers, "--jobs", "1", "--max-seconds", "60"]
    with serving(tiny, tmp_path, *options) as service:
        place = service.address.removeprefix("http://").rstrip("/")
        headers = {"Authorization": f"Bearer {service.token}", "Content-Type": kind}
        connections = [http.client.HTTPConnection(place, timeout=PATIENCE) for _ in range(12)]
        for connection in connections:
            connection.request("GET", "/readyz")
            assert connection.getresponse().read() == b'{"status":"ok"}'
        for connection in connections:
            connection.request("POST", "/v1/predict", body, headers)
        time.sleep(0.5)  # all is sent; now it is read, and a part of it answered
        service.process.send_signal(signal.SIGTERM)
        for connection in connections:
            answer = connection.getresponse()
            assert answer.status == 200
            assert [one["width"] for one in json.loads(answer.read())["images"]] == [900] * 3
            connection.close()
        assert service.process.wait(PATIENCE) == 0
        assert "Traceback" not in service.log.read_text()


def test_pictures_travel_encrypted_where_a_certificate_is_given(tiny: Path, tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=IP:127.0.0.1",
            "-keyout", str(key), "-out", str(cert)]  # fmt: skip
    try:
        subprocess.run(make, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    with serving(tiny, tmp_path, "--tls-cert", str(cert), "--tls-key", str(key)) as service:
        assert service.address.startswith("https://")
        with service.client(certificate=cert) as client:
            assert client.service()["models"] == ["brightness"]
        with (
            service.client(tries=1) as stranger,
            pytest.raises(mien.MienError, match="CERTIFICATE"),
        ):
            stranger.service()
        assert service.ended() == 0
