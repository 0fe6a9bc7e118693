from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from fastapi import Request
from starlette.testclient import TestClient

import mien
from mien.core.errors import ConfigError
from mien.serve.app import create
from mien.serve.errors import KINDS
from mien.serve.guard import HEADERS, LOG
from mien.serve.schemas import ErrorAnswer, ModelAnswer, PredictAnswer, ServiceAnswer
from mien.serve.settings import ServeSettings
from tests.unit.conftest import make_model
from tests.unit.serve.conftest import BRIGHT, DARK, OPEN, TOKEN, Starter, picture

PNG = {"Content-Type": "image/png"}
CONTENT = [
    ("GET", "/metrics"), ("GET", "/v1/service"), ("GET", "/v1/model"), ("POST", "/v1/predict"),
    ("POST", "/v1/batch"), ("POST", "/v1/video"), ("POST", "/v1/follow"),
]  # fmt: skip
EMPTY = ["/healthz", "/readyz", "/", "/docs", "/openapi.json", "/static/main.js"]


@pytest.fixture
def logged() -> Iterator[Callable[[], str]]:
    """Gives what the service logs."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    level = LOG.level
    LOG.addHandler(handler)
    LOG.setLevel(logging.DEBUG)
    yield out.getvalue
    LOG.removeHandler(handler)
    LOG.setLevel(level)


def engine(client: TestClient) -> Any:
    return client.app.state.shared.engine(None)  # type: ignore[attr-defined]


def faces(answer: Any) -> list[str]:
    """The expression of each picture's face."""
    assert answer.status_code == 200, answer.text
    found = PredictAnswer.model_validate_json(answer.text)
    return [one.faces[0].expression.name for one in found.images if one.faces[0].expression]


# What is answered.


def test_a_raw_body(client: TestClient) -> None:
    answer = client.post("/v1/predict", content=BRIGHT, headers=PNG)
    assert faces(answer) == ["surprise"]
    assert answer.json()["images"][0]["name"] == "image 1"
    assert answer.json()["model"] == {"name": "brightness", "mien": mien.__version__}


def test_several_files_in_a_form_keep_their_order_and_names(client: TestClient) -> None:
    files = [("files", (f"{n}.png", DARK if n % 2 else BRIGHT, "image/png")) for n in range(16)]
    answer = client.post("/v1/predict", files=files)
    assert faces(answer) == ["surprise", "neutral"] * 8
    assert [one["name"] for one in answer.json()["images"]] == [f"{n}.png" for n in range(16)]
    assert engine(client).held == 0


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM"])
def test_every_format(client: TestClient, kind: str) -> None:
    data = picture(kind=kind)
    answer = client.post("/v1/predict", content=data, headers={"Content-Type": "image/x-any"})
    assert faces(answer) == ["surprise"]


def test_chips_and_annotated_copies_come_when_asked_for(client: TestClient) -> None:
    bare = client.post("/v1/predict", content=BRIGHT, headers=PNG).json()["images"][0]
    assert (bare["annotated"], bare["faces"][0]["chip"], bare["faces"][0]["input"]) == (None,) * 3
    query = {"chips": "true", "annotated": "true"}
    one = client.post("/v1/predict", params=query, content=BRIGHT, headers=PNG).json()["images"][0]
    for text in (one["annotated"], one["faces"][0]["chip"], one["faces"][0]["input"]):
        assert PIL.Image.open(io.BytesIO(base64.b64decode(text))).format == "PNG"


def test_pictures_that_cannot_be_read_harm_no_other(start: Starter) -> None:
    client = start({"pixels": 10_000})
    files = [("files", (name, data)) for name, data in (
        ("good", BRIGHT), ("none", b"?"), ("cut", BRIGHT[:60]), ("wide", picture(side=101)),
        ("edge", picture(side=100)),
    )]  # fmt: skip
    rows = client.post("/v1/predict", files=files).json()["images"]
    assert [row["reason"] for row in rows] == [None, "unreadable", "unreadable", "unreadable", None]
    assert "limit of 10,000" in rows[3]["message"]


def test_the_service_tells_what_it_is_for(start: Starter) -> None:
    answer = start({"images": 3, "per_minute": 9}, purpose="consumer").get("/v1/service")
    found = ServiceAnswer.model_validate_json(answer.text)
    assert (found.purpose, found.models) == ("consumer", ["brightness"])
    assert (found.limits.images, found.limits.requests_per_minute) == (3, 9)
    assert "own use" in found.notice


def test_the_model_tells_what_it_is(client: TestClient, tiny: Path) -> None:
    found = ModelAnswer.model_validate_json(client.get("/v1/model").text)
    assert (found.name, found.card, found.weight_licence) == ("brightness", None, "Apache-2.0")
    assert [row.id for row in found.classes] == [0, 1, 3, 4, 5, 6, 7]
    card = tiny / "MODEL_CARD.md"
    card.write_text("# Brightness", "utf-8")
    assert client.get("/v1/model", params={"model": "brightness"}).json()["card"] == "# Brightness"
    card.unlink()


def second(folder: Path, name: str) -> str:
    spec = make_model(folder / name, low_confidence=0.99) / "spec.json"
    spec.write_text(spec.read_text("utf-8").replace('"brightness"', f'"{name}"'), "utf-8")
    return str(spec.parent)


def test_two_models_side_by_side(start: Starter, tiny: Path, tmp_path: Path) -> None:
    client = start(models=(str(tiny), second(tmp_path, "shy")))
    assert client.get("/v1/service").json()["models"] == ["brightness", "shy"]
    for name, abstained in (("brightness", False), ("shy", True)):
        answer = client.post(f"/v1/predict?model={name}", content=BRIGHT, headers=PNG).json()
        assert answer["model"]["name"] == name
        assert answer["images"][0]["faces"][0]["abstained"] is abstained


def test_two_models_of_one_name_are_not_mixed_up(settings: ServeSettings, tmp_path: Path) -> None:
    models = (*settings.models, second(tmp_path, "brightness"))
    client = TestClient(create(settings.model_copy(update={"models": models})))
    with pytest.raises(ConfigError, match="Two models are called 'brightness'"), client:
        pass


# What is refused.


@pytest.mark.parametrize(("method", "address"), CONTENT)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN.upper()}"},
        {"Authorization": "Bearer \xff\xfe"},
        {"Cookie": f"token={TOKEN}"},
    ],
)
def test_no_content_without_the_token(
    client: TestClient, method: str, address: str, headers: dict[str, str]
) -> None:
    del client.headers["Authorization"]
    raw = {name: value.encode("latin-1") for name, value in {**PNG, **headers}.items()}
    query = {"token": TOKEN, "chips": "maybe"}
    answer = client.request(method, address, content=BRIGHT, headers=raw, params=query)  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorised"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert TOKEN not in answer.text


def test_every_documented_address_needs_the_token_but_for_two(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    bare = {
        path for path, found in paths.items() for one in found.values() if "security" not in one
    }
    assert bare == {"/healthz", "/readyz"}
    assert {(method.upper(), path) for path, one in paths.items() for method in one} == {
        *CONTENT, ("GET", "/healthz"), ("GET", "/readyz"),
    }  # fmt: skip


@pytest.mark.parametrize("address", EMPTY)
def test_what_is_empty_of_content_is_open(client: TestClient, address: str) -> None:
    del client.headers["Authorization"]
    answer = client.get(address)
    assert answer.status_code == 200
    assert TOKEN not in answer.text


def _slowly(client: TestClient) -> Any:
    async def stream(_: Request) -> AsyncIterator[bytes]:
        await asyncio.sleep(5)
        yield b""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Request, "stream", stream)
        return client.post("/v1/predict", content=BRIGHT, headers=PNG)


def _overloaded(client: TestClient) -> Any:
    engine(client).reserve(engine(client).capacity)
    answer = client.post("/v1/predict", content=BRIGHT, headers=PNG)
    engine(client).release(engine(client).capacity)
    return answer


def _internal(client: TestClient) -> Any:
    async def broken(*_: object) -> None:
        raise RuntimeError(f"secret.png {TOKEN}")

    engine(client).answer = broken
    engine(client).release()  # what `answer` would have given back
    return client.post("/v1/predict", content=BRIGHT, headers=PNG)


def _hurried(client: TestClient) -> Any:
    for _ in range(9):
        answer = client.post("/v1/predict", content=BRIGHT, headers=PNG)
        if answer.status_code == 429:
            break
    return answer


def _bare(client: TestClient) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "scipy.optimize", None)
        return client.post("/v1/follow", json={"frames": []})


ASKED: dict[str, Callable[[TestClient], Any]] = {
    "bad_request": lambda client: client.post("/v1/predict", headers=PNG),
    "unauthorised": lambda client: client.get("/v1/model", headers={"Authorization": "Bearer x"}),
    "not_found": lambda client: client.get("/v1/model?model=other"),
    "method_not_allowed": lambda client: client.put("/v1/predict"),
    "too_slow": _slowly,
    "too_large": lambda client: client.post("/v1/predict", content=bytes(9_999), headers=PNG),
    "unsupported_media_type": lambda client: client.post("/v1/predict", json={"path": "/etc"}),
    "invalid": lambda client: client.post("/v1/predict?chips=secret.png", content=BRIGHT),
    "too_many_requests": _hurried,
    "internal": _internal,
    "not_installed": _bare,
    "overloaded": _overloaded,
}


@pytest.mark.parametrize("code", KINDS)
def test_every_error_has_its_form(start: Starter, code: str, logged: Callable[[], str]) -> None:
    client = start(
        {"bytes": 5_000, "per_minute": 5, "seconds": 0.1 if code == "too_slow" else 10.0}
    )
    answer = ASKED[code](client)
    assert answer.status_code == KINDS[code].status
    error = ErrorAnswer.model_validate_json(answer.text).error
    assert error.code == code
    assert ("Retry-After" in answer.headers) == (code in ("too_many_requests", "overloaded"))
    for text in (answer.text, logged()):
        assert "Traceback" not in text
        assert "secret" not in text
        assert TOKEN not in text
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert engine(client).held == 0


def test_an_error_of_its_own_is_logged_by_its_place(
    client: TestClient, logged: Callable[[], str]
) -> None:
    _internal(client)
    assert f"RuntimeError at {__file__}:" in logged()


@pytest.mark.parametrize("address", [*EMPTY, "/nowhere", "/static/none.js", "/v1/service"])
def test_every_answer_has_the_headers(client: TestClient, address: str) -> None:
    answer = client.get(address, headers={"Origin": "https://evil.example"})
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize(
    "address",
    ["/static/..%2froutes.py", "/static/../routes.py", "/static/%2e%2e/routes.py",
     "/static//etc/passwd", "/v1/predict/", "/v1", "//evil.example/", "/static"],
)  # fmt: skip
def test_other_addresses_lead_nowhere(client: TestClient, address: str) -> None:
    answer = client.get(f"http://testserver{address}", follow_redirects=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert "location" not in answer.headers


def test_options_of_other_origins_are_refused(client: TestClient) -> None:
    asks = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = client.options("/v1/predict", headers=asks)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"


def test_paths_and_addresses_of_pictures_are_no_input(client: TestClient, bright: Path) -> None:
    for words in (str(bright), bright.as_uri(), "http://127.0.0.1:1/a.png"):
        query = {"path": words, "url": words, "files": words, "image": words}
        answer = client.post("/v1/predict", params=query, content=words.encode(), headers=PNG)
        assert answer.json()["images"][0]["reason"] == "unreadable"
        for form in ({"files": words}, {"url": words}):
            parts = [(name, (None, value)) for name, value in form.items()]
            assert client.post("/v1/predict", files=parts).status_code == 400


def test_a_busy_address_is_told_when_to_come_again(start: Starter) -> None:
    client = start({"per_minute": 4})
    files = [("files", ("a", BRIGHT))] * 3
    assert client.post("/v1/predict", files=files).status_code == 200
    answer = client.post("/v1/predict", files=files)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    assert engine(client).held == 0
    assert client.get("/v1/service").status_code == 200  # only pictures count


def test_a_form_with_more_pictures_than_room_takes_none(start: Starter) -> None:
    client = start({"queue": 2})
    answer = client.post("/v1/predict", files=[("files", ("a", BRIGHT))] * 3)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert engine(client).held == 0
    assert client.post("/v1/predict", content=BRIGHT, headers=PNG).status_code == 200


def test_before_the_models_are_loaded_nothing_is_taken(settings: ServeSettings) -> None:
    client = TestClient(create(settings), headers=OPEN)  # not started
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()) == (503, {"status": "starting"})
    answer = client.post("/v1/predict", content=BRIGHT, headers=PNG)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_the_log_has_no_content(client: TestClient, logged: Callable[[], str]) -> None:
    files = [("files", ("name-of-a-person.png", BRIGHT))]
    client.post("/v1/predict?model=brightness", files=files)
    client.get("/nowhere/name-of-a-person")
    client.post("/v1/batch", content=json.dumps({"id": "person", "image": "?"}))
    lines = logged()
    assert "POST /v1/predict 200" in lines
    assert "GET other 404" in lines
    for word in ("person", "surprise", "testclient", TOKEN):
        assert word not in lines


def test_no_file_is_ever_written(start: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    client = start()

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a file was made")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", refused)
    for name in ("TemporaryFile", "NamedTemporaryFile", "mkstemp", "mkdtemp"):
        monkeypatch.setattr(tempfile, name, refused)
    large = BRIGHT + bytes(4_000_000)  # whatever follows a picture's end is left alone
    query = {"chips": "true", "annotated": "true"}
    answer = client.post("/v1/predict", params=query, files=[("files", ("a", large))] * 2)
    assert faces(answer) == ["surprise"] * 2
