from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mien.core.thresholds import Thresholds
from mien.core.types import BBox, Face, Quality

GOOD = Quality(80, 0.5, 0.5, 0.5, 0.0, 0.1)


def face(quality: Quality | None = GOOD, **pose: Any) -> Face:
    return Face(BBox(0, 0, 9, 9), 1.0, "drawn", quality=quality, **pose)


def test_without_limits_nothing_is_refused() -> None:
    assert Thresholds().refusal(face(yaw=89.0, pitch=-89.0)) is None


@pytest.mark.parametrize(
    ("limits", "changed", "reason", "said"),
    [
        ({"max_yaw": 60}, {"yaw": -61.0}, "extreme_pose", "yaw -61 degrees, the most is 60"),
        ({"max_pitch": 40}, {"pitch": 41.0}, "extreme_pose", "pitch 41 degrees"),
        ({"min_size": 100}, {}, "low_quality", "size 80, the least is 100"),
        ({"min_sharpness": 0.6}, {}, "low_quality", "sharpness 0.5"),
        ({"min_exposure": 0.6}, {}, "low_quality", "exposure 0.5, the least is 0.6"),
        ({"max_exposure": 0.4}, {}, "low_quality", "exposure 0.5, the most is 0.4"),
        ({"min_contrast": 0.6}, {}, "low_quality", "contrast 0.5"),
        ({"max_occlusion": 0.05}, {}, "low_quality", "occlusion 0.1, the most is 0.05"),
    ],
)
def test_beyond_a_limit_it_says_which(
    limits: dict[str, float], changed: dict[str, float], reason: str, said: str
) -> None:
    refusal = Thresholds(**limits).refusal(face(**changed))
    assert refusal is not None
    assert refusal[0] == reason
    assert said in refusal[1]


def test_at_a_limit_and_unmeasured_are_fine() -> None:
    limits = Thresholds(max_yaw=60, min_size=80, max_occlusion=0.1)
    assert limits.refusal(face(yaw=60.0)) is None
    assert limits.refusal(face(None)) is None


def test_the_pose_comes_first() -> None:
    refusal = Thresholds(max_yaw=30, min_size=100).refusal(face(yaw=50.0))
    assert refusal is not None
    assert refusal[0] == "extreme_pose"


def test_only_what_is_set_is_a_limit() -> None:
    assert Thresholds(low_confidence=0.5, risk=0.1).limits() == {}
    assert Thresholds(max_yaw=60, min_size=0).limits() == {"max_yaw": 60, "min_size": 0}


def test_limits_are_checked() -> None:
    with pytest.raises(ValidationError):
        Thresholds(max_occlusion=2)
    with pytest.raises(ValidationError):
        Thresholds(max_jaw=3)  # type: ignore[call-arg]


def test_tables_abstain_as_single_faces_do() -> None:
    pl = pytest.importorskip("polars")
    limits = Thresholds(
        low_confidence=0.5,
        max_yaw=60,
        max_pitch=40,
        min_size=20,
        max_exposure=0.9,
        min_contrast=0.1,
    )
    faces = [
        face(yaw=10.0, pitch=0.0),
        face(yaw=-61.0, pitch=0.0),
        face(yaw=0.0, pitch=45.0),
        face(Quality(10, 0.5, 0.5, 0.5, 0.0, 0.1), yaw=0.0, pitch=0.0),
        face(Quality(80, 0.5, 0.95, 0.5, 0.0, 0.1), yaw=70.0, pitch=0.0),
        face(None),
    ]
    rows = [
        {"yaw": f.yaw, "pitch": f.pitch, "confidence": 0.9}
        | {n: getattr(f.quality, n, None) for n in ("size", "exposure", "contrast")}
        for f in faces
    ]
    table = pl.DataFrame([*rows, {**rows[0], "confidence": 0.4}, {"confidence": None}])
    told = table.select(r=limits.reason())["r"].to_list()
    single = [limits.refusal(f) for f in faces]
    assert told[: len(faces)] == [found and found[0] for found in single]
    assert told[-2:] == ["low_confidence", None]
    assert table.select(r=Thresholds().reason())["r"].null_count() == len(table)
