from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from mien.serve.metrics import FOLDER, Metrics
from tests.unit.serve.conftest import BRIGHT

PNG = {"Content-Type": "image/png"}


def figures(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)


def test_requests_pictures_and_faces_are_counted(client: TestClient) -> None:
    client.post("/v1/predict", content=BRIGHT, headers=PNG)
    client.post("/v1/predict", files=[("files", ("a", BRIGHT)), ("files", ("b", b"?"))])
    client.post("/v1/predict", headers=PNG)
    client.get("/nowhere/at-all")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = figures(answer.text)
    assert found['mien_requests_total{route="/v1/predict",status="200"}'] == 2
    assert found['mien_requests_total{route="/v1/predict",status="400"}'] == 1
    assert found['mien_requests_total{route="other",status="404"}'] == 1
    assert found['mien_pictures_total{outcome="answered"}'] == 2
    assert found['mien_pictures_total{outcome="unreadable"}'] == 1
    assert found['mien_faces_total{outcome="answered"}'] == 2
    assert found['mien_request_seconds_count{route="/v1/predict"}'] == 3
    assert found['mien_stage_seconds_count{stage="decode"}'] == 3
    assert found["mien_pictures_held"] == 0


def test_addresses_and_names_are_no_labels(client: TestClient) -> None:
    client.get("/secret-address")
    client.request("SECRET", "/v1/predict")
    client.post("/v1/predict", files=[("files", ("secret-name.png", BRIGHT))])
    assert "secret" not in client.get("/metrics").text.lower()


def test_what_is_held_is_told() -> None:
    assert figures(Metrics().text(7).decode())["mien_pictures_held"] == 7


WORKER = """
import os, sys
from mien.serve.metrics import Metrics
metrics = Metrics()
metrics.requests.labels("/v1/predict", "200").inc(3)
text = metrics.text(int(sys.argv[1])).decode()
print([line.rpartition(" ")[2] for line in text.splitlines()
       if line.startswith(("mien_requests_total", "mien_pictures_held"))])
"""


def test_workers_count_together_and_the_dead_hold_nothing(tmp_path: Path) -> None:
    found = [
        subprocess.run(
            [sys.executable, "-c", WORKER, held],
            env={**os.environ, FOLDER: str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for held in ("5", "2")
    ]
    assert [sorted(eval(text)) for text in found] == [["3.0", "5.0"], ["2.0", "6.0"]]
