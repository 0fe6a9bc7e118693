"""From the predictions of frames to people: all at once, and live."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from mien.core.errors import ConfigError
from mien.core.labels import CLASSES
from mien.core.types import BBox, Face, Prediction
from mien.tracking.follow import Following, Frame, LiveFollower, track


def seen(x: float, label: int | None, reason: str | None = None, p: float = 0.88) -> Prediction:
    """Returns the prediction of a face at a place that shows a class, or has no answer."""
    row = None
    if label is not None:
        row = np.full(7, (1 - p) / 6, np.float32)
        row[label] = p
    face = Face(BBox(x, 0, x + 80, 80), 1.0, "drawn")
    return Prediction(
        "clip", 0, "m", face, row, abstained=reason is not None or row is None, reason=reason
    )


NOBODY = Prediction("clip", 0, "m", abstained=True, reason="no_face")


def two_people() -> Iterator[Frame]:
    """Yields 6 s of two people: one smiles from 2 s on, one leaves for 2 s and comes back."""
    for frame in range(150):
        time = frame / 25
        faces = [seen(300, 4 if time >= 2 else 0)]
        if not 2 <= time < 4:
            faces.insert(0, seen(0, 5))
        if frame == 60:
            faces.append(seen(600, 3))  # once, so nobody
        yield time, faces


def test_people_are_followed_and_handed_over() -> None:
    found = list(track(two_people()))
    assert [one.person for one in found] == [0, 1, 2]
    left, smiles, back = found
    assert (left.times[0], left.times[-1]) == (0, 1.96)
    assert left.events == back.events == ()
    assert (back.times[0], back.times[-1]) == (4, 5.96)
    (event,) = smiles.events
    assert (event.person, event.before, event.after) == (1, "neutral", "happy")
    assert event.onset == pytest.approx(2.0)
    assert smiles.found.all()
    assert set(smiles.answers) == {0, 4}


def test_frames_without_the_face_stay_in_the_timeline() -> None:
    frames = [(t / 10, [NOBODY] if 5 <= t < 9 else [seen(t, 4), NOBODY]) for t in range(20)]
    (one,) = track([*frames, (2.0, [NOBODY]), (2.5, [])])
    assert len(one.times) == 20
    assert np.flatnonzero(~one.found).tolist() == [5, 6, 7, 8]
    assert np.isnan(one.raw[5:9]).all()
    assert np.allclose(one.smoothed.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("reason", "counts"), [(None, True), ("low_confidence", True), ("extreme_pose", False)]
)
def test_a_refused_face_places_the_person_and_says_nothing(
    reason: str | None, counts: bool
) -> None:
    (one,) = track((t / 10, [seen(0, 4, reason)]) for t in range(5))
    assert one.found.all()
    assert np.isfinite(one.raw).all() == counts
    assert (one.smoothed[0, 4] > 0.5) == counts


def test_a_face_without_an_answer_places_the_person() -> None:
    (one,) = track((t / 10, [seen(0, None, "bad_landmarks")]) for t in range(5))
    assert one.found.all()
    assert np.isnan(one.raw).all()


def test_nothing_gives_nobody() -> None:
    assert list(track([])) == []
    assert list(track([(0.0, []), (1.0, [NOBODY])])) == []


def test_live_tells_who_shows_what_and_what_changed() -> None:
    follower = LiveFollower()
    begun, ended = [], []
    states = {}
    for time, faces in two_people():
        moment = follower.update(time, faces)
        assert moment.time == time
        begun += moment.begun
        ended += moment.ended
        states[round(time, 2)] = moment.people
    ended += follower.finish()
    (event,), (done,) = begun, ended
    assert (event.person, event.before, event.after) == (1, "neutral", "happy")
    assert event.reported is not None
    assert 2.3 <= event.reported <= 2.5
    assert done.offset == pytest.approx(5.96)
    assert done.reported == event.reported
    assert states[0.04] == ()  # two hits are not enough
    assert [(now.person, now.index) for now in states[1.0]] == [(0, 0), (1, 1)]
    assert [now.expression for now in states[1.0]] == ["sadness", "neutral"]
    assert [(now.person, now.index) for now in states[2.4]] == [(0, None), (1, 0)]
    assert [now.person for now in states[3.4]] == [1]
    assert [now.person for now in states[5.0]] == [1, 2]
    assert states[0.08][0].expression is None
    assert CLASSES[int(states[5.0][0].probabilities.argmax())] == "happy"


def test_what_is_told_of_a_person_waits_until_they_count() -> None:
    follower = LiveFollower()
    label = [0, 0, 4, 4, 4, 4]
    frames = [(t / 2, [seen(0, shown, p=0.97)]) for t, shown in enumerate(label)]
    settings = Following(minimum=0.3, lag=0.6)
    from mien.tracking.tracks import Linking

    follower = LiveFollower(Following(Linking(hits=5), settings.chain, 0.3, 0.6))
    told = [follower.update(*frame).begun for frame in frames]
    assert [len(some) for some in told] == [0, 0, 0, 0, 1, 0]
    assert told[4][0].reported == 2.0


def test_memory_holds_who_is_there() -> None:
    follower = LiveFollower()
    for frame in range(400):
        follower.update(frame / 4, [seen(1000 * (frame // 8 % 5), 0)])
        assert len(follower._watches) <= 2


@pytest.mark.parametrize(
    "wrong", [{"minimum": -1}, {"minimum": 0.5, "lag": 0.4}, {"sure": 1.1}, {"sure": -0.1}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Following(**wrong)  # type: ignore[arg-type]
