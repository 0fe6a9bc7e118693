"""The settings of a service. They travel to its workers as JSON in one environment variable."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Self

from pydantic import Field, field_validator

from mien.core.config import StageConfig
from mien.core.errors import ConfigError
from mien.runtimes.model import DEFAULT
from mien.serve.purposes import Purpose

VARIABLE: Final = "MIEN_SERVE"


class Limits(StageConfig):
    """What one request, and all of them together, may take.

    Attributes:
        bytes: of a request's body; of a line in a batch.
        pixels: of a picture; refused by its header, before any pixel is decoded.
        images: of a request; a batch has no end.
        faces: that are answered of each picture, largest first.
        seconds: to send a request's body, and then to be answered.
        queue: how many pictures are taken at once, waiting ones among them.
        per_minute: pictures that one address may send in a minute; 0 sets no limit.
        video_bytes: of a request with a video.
        video_seconds: that a video lasts.
        video_frames: that are looked at of a video.
        video_wait: seconds to send a video, and then to be answered.
    """

    bytes: int = Field(default=10_000_000, ge=1_000)
    pixels: int = Field(default=25_000_000, ge=256)
    images: int = Field(default=16, ge=1)
    faces: int = Field(default=50, ge=1)
    seconds: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    queue: int = Field(default=64, ge=1)
    per_minute: int = Field(default=6_000, ge=0)
    video_bytes: int = Field(default=50_000_000, ge=1_000)
    video_seconds: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    video_frames: int = Field(default=1_500, ge=1)
    video_wait: float = Field(default=120.0, gt=0, allow_inf_nan=False)


class ServeSettings(StageConfig):
    """The settings of `mien serve`.

    Attributes:
        purpose: what the service is for, see `mien.serve.purposes`.
        models: folders, or names of shipped models; the first answers where none is asked for.
        detector: names of detectors, tried in order.
        prior: the operating point: ``natural`` or ``balanced``; None takes the models' own.
        token_file: holds the token that every request for content must show.
        jobs: pictures that a worker decodes and searches at once; None takes one a core.
        batch_size: the most faces that go through the network at once.
        limits: see `Limits`.
    """

    purpose: Purpose
    models: tuple[str, ...] = Field(default=(DEFAULT,), min_length=1)
    detector: tuple[str, ...] = ("auto",)
    prior: str | None = None
    token_file: Path
    jobs: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=32, ge=1)
    limits: Limits = Limits()

    @field_validator("models")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("each model is named once")
        return value

    @classmethod
    def from_environment(cls) -> Self:
        """Returns the settings that `mien serve` left for its workers.

        Raises:
            ConfigError: there are none.
        """
        text = os.environ.get(VARIABLE)
        if not text:
            raise ConfigError(
                f"{VARIABLE} is not set, so there are no settings. Start with 'mien serve'."
            )
        return cls.model_validate_json(text)
