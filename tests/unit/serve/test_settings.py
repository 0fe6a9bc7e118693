from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mien.core.errors import ConfigError
from mien.serve.settings import VARIABLE, Limits, ServeSettings

NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
WHOLE = st.integers(min_value=1_000, max_value=2**60)
LIMITS = st.builds(
    Limits,
    bytes=WHOLE,
    pixels=WHOLE,
    images=WHOLE,
    faces=WHOLE,
    seconds=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    queue=WHOLE,
    per_minute=WHOLE,
    video_bytes=WHOLE,
    video_seconds=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    video_frames=WHOLE,
    video_wait=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
)


@hypothesis.settings(deadline=None, max_examples=50)
@given(st.lists(NAMES, min_size=1, max_size=3, unique=True), LIMITS)
def test_settings_reach_a_worker_unchanged(models: list[str], limits: Limits) -> None:
    settings = ServeSettings(
        purpose="consumer", models=tuple(models), token_file=Path("t"), limits=limits, prior=None
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, settings.model_dump_json().replace("\0", ""))
        assert ServeSettings.from_environment() == settings


@pytest.mark.parametrize("text", [None, ""])
def test_a_worker_without_settings_says_how_to_start(
    text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if text is not None:
        monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ConfigError, match="Start with 'mien serve'"):
        ServeSettings.from_environment()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"models": ("a", "a")}, "each model is named once"),
        ({"models": ()}, "at least 1"),
        ({"purpose": "marketing"}, "purpose"),
        ({"jobs": 0}, "jobs"),
        ({"batch_size": 0}, "batch_size"),
        ({"colour": "red"}, "Extra inputs"),
        ({"limits": {"seconds": 0}}, "seconds"),
        ({"limits": {"seconds": float("inf")}}, "finite"),
        ({"limits": {"bytes": 10}}, "bytes"),
        ({"limits": {"pixels": 1}}, "pixels"),
        ({"limits": {"queue": 0}}, "queue"),
        ({"limits": {"per_minute": -1}}, "per_minute"),
        ({"limits": {"video_bytes": 10}}, "video_bytes"),
        ({"limits": {"video_seconds": 0}}, "video_seconds"),
        ({"limits": {"video_frames": 0}}, "video_frames"),
        ({"limits": {"video_wait": float("nan")}}, "video_wait"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, object], words: str) -> None:
    good: dict[str, object] = {"purpose": "research", "token_file": "t"}
    with pytest.raises(ValidationError, match=words):
        ServeSettings.model_validate(good | changes)
