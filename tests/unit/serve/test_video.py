from __future__ import annotations

import asyncio
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import Request
from starlette.testclient import TestClient
from starlette.types import Message

from mien.core.labels import CLASSES
from mien.core.videos import open_video
from mien.predictor import Predictor
from mien.serve import videos
from mien.serve.errors import ServiceError
from mien.serve.following import how
from mien.serve.people import VideoAnswer
from mien.serve.settings import Limits
from mien.serve.videos import Asked, Films, watched
from mien.tracking.follow import track
from tests.trees.clips import clip, picture, tone
from tests.unit.serve.conftest import BRIGHT, Starter

MP4 = {"Content-Type": "video/mp4"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def film(folder: Path) -> bytes:
    """Two seconds, dark, then bright."""
    shades = [np.full((48, 64, 3), 20 if n < 10 else 235, np.uint8) for n in range(20)]
    return clip(folder / "film.mp4", shades).read_bytes()


@pytest.fixture(scope="module")
def predictor(tiny: Path) -> Predictor:
    return Predictor(tiny, detector="full-frame", jobs=1)


def answer(client: TestClient, data: bytes, **query: Any) -> VideoAnswer:
    found = client.post("/v1/video", params=query, content=data, headers=MP4)
    assert found.status_code == 200, found.text
    return VideoAnswer.model_validate_json(found.text)


def error(found: Any) -> tuple[int, str, str]:
    told = found.json()["error"]
    return found.status_code, told["code"], told["message"]


# What is answered.


def test_a_person_is_followed_through_a_video(client: TestClient, film: bytes) -> None:
    found = answer(client, film)
    assert (found.video.width, found.video.height, found.video.seconds) == (64, 48, 2.0)
    assert (found.video.frames, found.video.warnings) == (20, [])
    assert found.model.name == "brightness"
    assert [one.name for one in found.classes] == list(CLASSES)
    (person,) = found.people
    assert (person.person, person.first, person.last) == (0, 0.0, 1.9)
    assert person.times == [n / 10 for n in range(20)]
    assert person.boxes == [(0, 0, 64, 48)] * 20
    assert np.array(person.probabilities).sum(axis=1) == pytest.approx(1, abs=1e-3)
    assert person.expressions[0] == "neutral"
    assert person.expressions[-1] == "surprise"
    (change,) = person.events
    assert (change.before, change.after, change.reported) == ("neutral", "surprise", None)
    assert change.start == change.onset == pytest.approx(1.0, abs=0.3)


def test_it_is_what_mien_itself_says(client: TestClient, film: bytes, predictor: Predictor) -> None:
    with open_video(film, rate=5) as video:
        rows = [(one.time, predictor.predict(one.image)) for one in video]
    (here,) = track(rows, how(predictor))
    (there,) = answer(client, film, rate=5).people
    assert there.times == pytest.approx(here.times)
    np.testing.assert_allclose(there.probabilities, here.smoothed, atol=1e-3)
    assert [one.onset for one in there.events] == pytest.approx([e.onset for e in here.events])


def test_the_rate_says_how_many_frames_are_looked_at(client: TestClient, film: bytes) -> None:
    assert answer(client, film, rate=2).video.frames == 5
    assert answer(client, film, rate=25).video.frames == 20


def test_a_form_with_one_file_does_as_well(client: TestClient, film: bytes) -> None:
    found = client.post("/v1/video", files=[("file", ("a.mp4", film, "video/mp4"))])
    assert found.status_code == 200
    assert VideoAnswer.model_validate_json(found.text).video.frames == 20


def test_a_video_without_faces_has_no_people(
    client: TestClient, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(videos, "_looked", lambda *_: iter([(0.0, []), (0.1, [])]))
    found = answer(client, film)
    assert (found.people, found.video.frames) == ([], 2)


# What is refused.


def test_what_is_no_video_is_told(client: TestClient, folder: Path) -> None:
    sound = tone(folder / "sound.mp4").read_bytes()
    empty = clip(folder / "empty.mp4", 0).read_bytes()
    for data, words in (
        (b"?", "this is no video"), (BRIGHT, "this is no video"), (b"", "body is empty"),
        (sound, "sound and no video"), (empty, "nothing that can be played"),
        (b"#EXTM3U\nhttp://127.0.0.1/a.ts\n", "names other files"),
    ):  # fmt: skip
        status, code, message = error(client.post("/v1/video", content=data, headers=MP4))
        assert (status, code) == (400, "bad_request"), message
        assert words in message
    assert client.app.state.shared.films._place.acquire(blocking=False)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        pytest.param({"video_seconds": 1.5}, "the limit of 1.5 s", id="seconds"),
        pytest.param({"video_frames": 19}, "more than 19 frames", id="frames"),
        pytest.param({"video_bytes": 1_000}, "larger than 1,000 bytes", id="bytes"),
        pytest.param({"pixels": 3_000}, "the limit of 3,000", id="pixels"),
    ],
)
def test_what_is_beyond_a_limit_is_told(
    start: Starter, film: bytes, limits: dict[str, Any], words: str
) -> None:
    status, code, message = error(start(limits).post("/v1/video", content=film, headers=MP4))
    assert (status, code) == (413, "too_large")
    assert words in message


def test_more_frames_than_a_video_has_a_second_are_not_decoded(
    start: Starter, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(videos, "_DECODED", 5)
    data = clip(folder / "many.mp4", 20).read_bytes()
    answered = start({"video_seconds": 3.0}).post("/v1/video", content=data, headers=MP4)
    assert error(answered)[:2] == (413, "too_large")


def test_more_people_than_an_answer_holds_are_refused(
    client: TestClient, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(videos, "ROWS", 12)
    status, code, message = error(client.post("/v1/video", content=film, headers=MP4))
    assert (status, code) == (413, "too_large")
    assert "more than 12 rows" in message


@pytest.mark.parametrize("rate", ["0", "0.9", "26", "nan", "inf", "fast"])
def test_a_rate_out_of_range_is_told(client: TestClient, rate: str) -> None:
    found = client.post(f"/v1/video?rate={rate}", content=b"?", headers=MP4)
    assert error(found)[:2] == (422, "invalid")


def test_other_kinds_and_forms_are_refused(client: TestClient, film: bytes) -> None:
    found = client.post("/v1/video", content=film, headers={"Content-Type": "image/png"})
    assert error(found)[:2] == (415, "unsupported_media_type")
    found = client.post("/v1/video", files=[("file", ("a.mp4", film))] * 2)
    assert error(found)[:2] == (413, "too_large")
    found = client.post("/v1/video", files=[("file", ("a.mp4", b""))])
    assert error(found)[:2] == (400, "bad_request")
    assert error(client.post("/v1/video?model=other", content=film, headers=MP4))[0] == 404


@pytest.mark.parametrize("missing", ["av", "scipy.optimize"])
def test_without_the_extra_the_service_says_so(
    client: TestClient, film: bytes, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    status, code, message = error(client.post("/v1/video", content=film, headers=MP4))
    assert (status, code) == (501, "not_installed")
    assert "pip install" in message
    assert client.post("/v1/predict", content=BRIGHT).status_code == 415  # the rest goes on


def test_no_file_is_ever_written(
    client: TestClient, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a file was made")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", refused)
    for name in ("TemporaryFile", "NamedTemporaryFile", "mkstemp", "mkdtemp"):
        monkeypatch.setattr(tempfile, name, refused)
    large = film + bytes(3_000_000)
    assert client.post("/v1/video", files=[("file", ("a.mp4", large))]).status_code == 200


# One at a time, stopped in time.


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """Frames that take as long as the test lasts; gives how many were begun."""
    over, begun = threading.Event(), []
    look = Predictor.look

    def slowly(self: Predictor, item: Any) -> Any:
        if item[0].startswith("frame"):
            begun.append(item[0])
            over.wait(0.05)
        return look(self, item)

    monkeypatch.setattr(Predictor, "look", slowly)
    yield lambda: len(begun)
    over.set()


def until(condition: Callable[[], Any]) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come about")


def test_a_second_video_waits_outside_and_pictures_go_on(
    client: TestClient, film: bytes, slow: Callable[[], int]
) -> None:
    found: list[Any] = []
    thread = threading.Thread(
        target=lambda: found.append(client.post("/v1/video", content=film, headers=MP4))
    )
    thread.start()
    until(slow)
    other = client.post("/v1/video", content=film, headers=MP4)
    assert error(other)[:2] == (503, "overloaded")
    assert other.headers["Retry-After"] == "10"
    pictures = client.post("/v1/predict", content=BRIGHT, headers={"Content-Type": "image/png"})
    assert pictures.status_code == 200
    thread.join()
    assert found[0].status_code == 200
    until(lambda: client.post("/v1/video", content=film, headers=MP4).status_code == 200)


def test_what_takes_too_long_is_given_up(
    start: Starter, film: bytes, slow: Callable[[], int]
) -> None:
    client = start({"video_wait": 0.2})
    status, code, message = error(client.post("/v1/video", content=film, headers=MP4))
    assert (status, code) == (503, "overloaded")
    assert "within 0.2 seconds" in message
    films = client.app.state.shared.films  # type: ignore[attr-defined]
    until(lambda: not films._place.locked())
    assert slow() < 20


def _request(body: bytes, leaves: asyncio.Event) -> Request:
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            await leaves.wait()
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", b"video/mp4")]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def test_the_work_stops_when_the_client_leaves(
    film: bytes, predictor: Predictor, slow: Callable[[], int]
) -> None:
    films = Films()

    async def ask() -> None:
        leaves = asyncio.Event()
        asyncio.get_running_loop().call_later(0.2, leaves.set)
        await videos.answered(_request(film, leaves), films, predictor, Limits(), 10)

    with pytest.raises(ServiceError, match="The client left"):
        asyncio.run(ask())
    until(lambda: not films._place.locked())
    assert 0 < slow() < 20
    films.close()


def test_the_work_stops_with_the_service(
    film: bytes, predictor: Predictor, slow: Callable[[], int]
) -> None:
    films = Films()
    films.reserve()
    asked = Asked(film, 10, predictor, Limits())
    future, _ = films.start(lambda go_on: watched(asked, go_on))
    until(slow)
    films.close()
    with pytest.raises(ServiceError, match="The service stops") as told:
        future.result(0)
    assert told.value.retry_after == 1
    assert slow() < 20


def test_a_service_that_waits_no_longer_says_so(
    film: bytes, predictor: Predictor, slow: Callable[[], int]
) -> None:
    films = Films()

    async def ask() -> None:
        request = _request(film, asyncio.Event())
        task = asyncio.ensure_future(videos.answered(request, films, predictor, Limits(), 10))
        await asyncio.to_thread(until, slow)
        task.cancel()
        await task

    with pytest.raises(ServiceError, match="The service stops"):
        asyncio.run(ask())
    until(lambda: not films._place.locked())
    assert slow() < 20
    films.close()


def test_only_the_largest_faces_of_a_frame_go_through_the_network(
    film: bytes, predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Predictor.look

    def doubled(self: Predictor, item: Any) -> Any:
        seen = look(self, item)
        return type(seen)(seen.source, seen.image, seen.cuts * 3)

    monkeypatch.setattr(Predictor, "look", doubled)
    classified: list[int] = []
    classify = Predictor.classify

    def counted(self: Predictor, seen: Any) -> Any:
        classified.extend(len(one.cuts) for one in seen)
        return classify(self, seen)

    monkeypatch.setattr(Predictor, "classify", counted)
    watched(Asked(film, 5, predictor, Limits(faces=2)), lambda: True)
    assert set(classified) == {2}


def test_a_large_frame_is_no_more_than_a_decoder_may_hold(
    client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(videos, "_PIXELS", 64 * 48 - 1)
    shades = [picture(n) for n in range(3)]
    data = clip(folder / "large.mp4", shades).read_bytes()
    assert error(client.post("/v1/video", content=data, headers=MP4))[:2] == (413, "too_large")
