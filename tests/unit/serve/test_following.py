from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from mien.core.labels import CLASSES
from mien.serve import following
from mien.serve.errors import ServiceError
from mien.serve.following import ROWS, followed, how, parsed
from mien.serve.people import FollowAnswer, FollowRequest, whole_schema
from mien.tracking.follow import Following, track
from mien.tracking.tracks import Linking
from tests.unit.serve.conftest import Starter

HAPPY = [0.04, 0.02, 0.02, 0.02, 0.86, 0.02, 0.02]
CALM = [0.86, 0.02, 0.02, 0.02, 0.04, 0.02, 0.02]


def face(row: list[float] | None = None, left: float = 10, **more: Any) -> dict[str, Any]:
    box = {"x1": left, "y1": 10, "x2": left + 80, "y2": 110}
    return {"box": box, "probabilities": CALM if row is None else row, **more}


def frames(seconds: float = 4, rate: int = 8) -> list[dict[str, Any]]:
    """Calm at first, happy from the middle on."""
    count = round(seconds * rate)
    return [{"time": 100 + n / rate, "faces": [face(HAPPY if 2 * n >= count else CALM)]}
            for n in range(count)]  # fmt: skip


def ask(client: TestClient, **asked: Any) -> FollowAnswer:
    found = client.post("/v1/follow", json=asked)
    assert found.status_code == 200, found.text
    return FollowAnswer.model_validate_json(found.text)


def refused(client: TestClient, **asked: Any) -> tuple[int, str, str]:
    found = client.post("/v1/follow", json=asked)
    told = found.json()["error"]
    return found.status_code, told["code"], told["message"]


def test_a_person_is_followed_and_a_change_told(client: TestClient) -> None:
    found = ask(client, frames=frames())
    assert [one.name for one in found.classes] == list(CLASSES)
    assert found.model.name == "brightness"
    (person,) = found.people
    assert (person.first, person.last, len(person.times)) == (100.0, 103.875, 32)
    assert person.boxes[0] == (10, 10, 90, 110)
    (change,) = person.events
    assert (change.before, change.after) == ("neutral", "happy")
    assert change.onset == pytest.approx(102, abs=0.13)
    assert person.expressions == ["neutral"] * 16 + ["happy"] * 16


def test_people_are_told_apart_whatever_the_order_of_faces(client: TestClient) -> None:
    many = [
        {"time": n / 8, "faces": [face(HAPPY, 300), face(CALM)][:: 1 if n % 2 else -1]}
        for n in range(16)
    ]
    found = ask(client, frames=many)
    assert [set(one.expressions) for one in found.people] == [{"neutral"}, {"happy"}]


def test_a_lost_face_leaves_a_gap_as_long_as_it_may(client: TestClient) -> None:
    lost = frames()
    for n in (14, 15, 16, 17):
        lost[n]["faces"] = []
    (person,) = ask(client, frames=lost).people
    assert [n for n, box in enumerate(person.boxes) if box is None] == [14, 15, 16, 17]
    assert len(ask(client, frames=lost, gap=0.3).people) == 2


def test_a_refused_face_places_a_person_and_says_no_more(client: TestClient) -> None:
    calm, turned = frames(2), frames(2)
    for n in range(8, 16):
        turned[n]["faces"] = [face(HAPPY, reason="extreme_pose")]
        calm[n]["faces"] = [face(HAPPY, reason="low_confidence")]
    (refused_,), (weak,) = (ask(client, frames=one).people for one in (turned, calm))
    assert (refused_.events, set(refused_.expressions)) == ([], {"neutral"})
    assert refused_.boxes[-1] is not None
    assert weak.expressions[-1] == "happy"
    nothing = [{"time": n, "faces": [{"box": face()["box"]}]} for n in range(3)]
    assert len(ask(client, frames=nothing).people) == 1


def test_nothing_comes_of_nothing(client: TestClient) -> None:
    assert ask(client, frames=[]).people == []
    assert ask(client, frames=[{"time": 0, "faces": []}]).people == []
    assert ask(client, frames=frames()[:2]).people == []  # found too seldom to count


def test_a_longer_minimum_leaves_short_expressions_out(client: TestClient) -> None:
    assert len(ask(client, frames=frames(2)).people[0].events) == 1
    assert ask(client, frames=frames(2), minimum=3).people[0].events == []


def test_the_answer_is_that_of_the_tracker(client: TestClient) -> None:
    asked = FollowRequest(frames=frames())  # type: ignore[arg-type]  # checked by pydantic
    rows = [(f.time, [one.prediction(n) for n, one in enumerate(f.faces)]) for f in asked.frames]
    predictor = client.app.state.shared.engine(None).predictor  # type: ignore[attr-defined]
    (here,) = track(rows, how(predictor))
    (there,) = ask(client, frames=frames()).people
    np.testing.assert_allclose(there.probabilities, here.smoothed, atol=1e-4)


# What is refused.


def changed(**changes: Any) -> list[dict[str, Any]]:
    return [{"time": 1.0, "faces": [face() | changes]}]


SECRET = "secret"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        pytest.param({}, "frames: Field required", id="nothing"),
        pytest.param({"frames": changed(box={"x1": 5, "y1": 0, "x2": 5, "y2": 9})},
                     "frames.0.faces.0.box: Value error, a box needs x1 < x2", id="flat"),
        pytest.param({"frames": changed(box={"x1": -1e9, "y1": 0, "x2": 5, "y2": 9})},
                     "box.x1: Input should be greater", id="far"),
        pytest.param({"frames": changed(probabilities=[0.5, 0.5])}, "at least 7", id="few"),
        pytest.param({"frames": changed(probabilities=[0.5] * 7)}, "sum to 1", id="sum"),
        pytest.param({"frames": changed(probabilities=[2] + [0] * 6)}, "less than", id="two"),
        pytest.param({"frames": changed(probabilities=SECRET)}, "valid array", id="words"),
        pytest.param({"frames": changed(reason=SECRET * 20)}, "at most 100", id="reason"),
        pytest.param({"frames": changed(secret=1)}, "Extra inputs", id="extra"),
        pytest.param({"frames": [{"time": SECRET, "faces": []}]}, "valid number", id="time"),
        pytest.param({"frames": [{"time": n, "faces": []} for n in (1, 2, 2)]},
                     "frames.2.time: the times of frames rise", id="twice"),
        pytest.param({"frames": [{"time": n, "faces": []} for n in (3, 2)]},
                     "frames.1.time: the times of frames rise", id="back"),
        pytest.param({"frames": [], "gap": 6}, "gap: Input should be less", id="gap"),
        pytest.param({"frames": [], "minimum": -1}, "minimum", id="minimum"),
        pytest.param({"frames": [{"time": 0, "faces": [face()] * 101}]}, "at most 100", id="crowd"),
        pytest.param({"frames": [{"time": n, "faces": []} for n in range(3001)]},
                     "at most 3000", id="frames"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_without_repeating_it(
    client: TestClient, asked: dict[str, Any], words: str
) -> None:
    status, code, message = refused(client, **asked)
    assert (status, code) == (422, "invalid")
    assert words in message
    assert SECRET not in message


def test_more_faces_than_can_be_followed_are_refused(client: TestClient) -> None:
    crowd = [{"time": n, "faces": [face()] * 100} for n in range(101)]
    assert refused(client, frames=crowd)[:2] == (413, "too_large")


def test_few_faces_that_take_many_rows_are_refused(client: TestClient) -> None:
    scattered = [
        {"time": n / 1000, "faces": [face(left=100 * n)]} for n in range(300)
    ]  # each waits to be found again, in every later frame
    status, code, message = refused(client, frames=scattered, gap=5)
    assert (status, code) == (413, "too_large")
    assert f"{ROWS:,} rows" in message


def test_rows_are_counted_as_the_tracker_keeps_them() -> None:
    asked = parsed(json.dumps({"frames": frames()}).encode())
    rows = [(f.time, [one.prediction(0) for one in f.faces]) for f in asked.frames]
    (found,) = followed(rows, Following(), 32)
    assert len(found.times) == 32
    with pytest.raises(ServiceError, match="more than 31 rows"):
        followed(rows, Following(Linking()), 31)


def test_other_kinds_of_bodies_are_refused(start: Starter) -> None:
    client = start({"bytes": 1_000})
    for content, kind, status in (
        (b"{}", "text/plain", 415), (b"{", "application/json", 422), (b"", "application/json", 422),
        (b"\xff", "application/json", 422), (b" " * 1001, "application/json", 413),
        (b'{"frames": [{"time": NaN, "faces": []}]}', "application/json; charset=utf-8", 422),
    ):  # fmt: skip
        found = client.post("/v1/follow", content=content, headers={"Content-Type": kind})
        assert found.status_code == status, found.text
    assert refused(client, frames=[], model="other")[:2] == (404, "not_found")
    assert client.app.state.shared.held() == 0  # type: ignore[attr-defined]


def test_it_takes_its_place_and_its_time_like_a_picture(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = start({"queue": 1, "seconds": 0.1})
    engine = client.app.state.shared.engine(None)  # type: ignore[attr-defined]
    engine.reserve()
    assert refused(client, frames=[])[:2] == (503, "overloaded")
    engine.release()

    async def forever(*_: object) -> None:
        import asyncio

        await asyncio.sleep(9)

    monkeypatch.setattr(engine, "apart", forever)
    status, code, message = refused(client, frames=[])
    assert (status, code) == (503, "overloaded")
    assert "within 0.1 seconds" in message
    assert engine.held == 0


@settings(deadline=None, max_examples=100)
@given(st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3)
    | st.dictionaries(st.sampled_from(["frames", "time", "faces", "box", "x1"]), part, max_size=3),
    max_leaves=8,
))  # fmt: skip
def test_any_json_is_taken_or_refused(value: Any) -> None:
    try:
        parsed(json.dumps(value).encode())
    except ServiceError as error:
        assert error.code in ("invalid", "too_large")  # either will do


def test_the_schema_stands_on_its_own() -> None:
    text = json.dumps(whole_schema(FollowRequest))
    assert "$ref" not in text
    assert "$defs" not in text
    assert following.ROWS > 50 * 8 * 30  # half a minute of fifty people
