"""The settings of a training, and the description that the trained model carries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from mien.core import catalogue, registry
from mien.core.catalogue import ROLE_COLUMNS, ROLES
from mien.core.config import StageConfig
from mien.core.errors import ConfigError
from mien.core.origins import COMMERCIAL_USE, SOURCES, licences, read_sources
from mien.core.spec import ModelSpec, Preprocess
from mien.core.thresholds import Thresholds
from mien.core.types import Floats
from mien.models.augment import Augment
from mien.models.frozen import TrunkCache
from mien.models.loggers import TENSORBOARD
from mien.models.matching import Loaded
from mien.models.operating import OperatingRule, Point
from mien.models.parallel import Devices
from mien.models.recipe import Recipe
from mien.models.teachers import Distillation


class TrainConfig(StageConfig):
    """The settings of `train`.

    Attributes:
        name: the model's name.
        network: the network's name in the registry.
        start: where its weights come from before training, see `mien.models.starts.fill`.
        trainable: the blocks that are trained: ``all``, ``head``, ``last-conv+fc`` or names.
        seed: of start, order, views and dropout.
        threads: of torch; None takes every core. Another number ends in slightly other weights.
        preprocess: the network's input; what is not given of it is the network's own.
        recipe: the training's length, rates and sampling.
        augment: how far views of one face differ; ``"none"`` for not at all.
        trunk: whether frozen leading blocks run once only.
        teachers: folders of `train`, whose answers are learned beside the votes.
        distillation: how much of them, and how soft.
        devices: what it runs on.
        loggers: where the figures go besides ``log.csv``; see `mien.models.loggers`.
        logger_options: what a logger is told, by its name.
        operating: how the operating point is chosen on ``dev``.
        limits: of pose and quality, beyond which the model abstains; the threshold of confidence
            is chosen on ``dev``.
        weight_licence: of the weights, in words.
        commercial_use: whether the weights may be sold; where not given, what the licences of the
            training data allow. It may not claim more than they do.
        training_data: further lines on the training data, beside the licence of each source.
    """

    name: str = "mien"
    network: str = "mienet"
    start: str = "scratch"
    trainable: str = "all"
    seed: int = Field(default=0, ge=0)
    threads: int | None = Field(default=None, ge=1)
    preprocess: Preprocess | None = None
    recipe: Recipe = Recipe()
    augment: Augment = Augment()
    trunk: TrunkCache = TrunkCache()
    teachers: tuple[Path, ...] = ()
    distillation: Distillation = Distillation()
    devices: Devices = Devices()
    loggers: tuple[str, ...] = (TENSORBOARD,)
    logger_options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    operating: OperatingRule = OperatingRule()
    limits: Thresholds = Thresholds()
    weight_licence: str = "unknown"
    commercial_use: Literal["yes", "no", "unknown"] | None = None
    training_data: tuple[str, ...] = ()

    @field_validator("augment", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        return Augment.none() if value == "none" else value

    @model_validator(mode="before")
    @classmethod
    def _input(cls, data: Any) -> Any:
        """Lays what is given of the input over the network's own."""
        given = data.get("preprocess") if isinstance(data, Mapping) else None
        if not isinstance(given, Mapping):
            return data
        network = data.get("network", cls.model_fields["network"].default)
        own: Preprocess = registry.load("networks", network)().preprocess
        return {**data, "preprocess": {**own.model_dump(), **given}}

    @property
    def input(self) -> Preprocess:
        """The network's input: as given, or the network's own."""
        if self.preprocess is not None:
            return self.preprocess
        own: Preprocess = registry.load("networks", self.network)().preprocess
        return own

    def licensed(self, faces: Path, split: Path, start: Loaded | None = None) -> TrainConfig:
        """Returns these settings with the licences of what the weights learn and begin from.

        Args:
            faces: the stage folder of `crop`.
            split: the stage folder of `split`, or its table of roles.
            start: what the network began with.

        Raises:
            ConfigError: ``commercial_use`` claims more than the training data or the start allow.
        """
        lines, allowed = _licences(faces, split)
        if start is not None:
            lines = (*lines, f"start {start.origin}: {start.licence or 'no licence known'}")
            allowed = min(allowed, start.commercial, key=COMMERCIAL_USE.index)
        claimed = self.commercial_use or allowed
        named = (faces / SOURCES).is_file() or start is not None
        if named and COMMERCIAL_USE.index(claimed) > COMMERCIAL_USE.index(allowed):
            raise ConfigError(
                f'[train] says commercial_use = "{claimed}", but what it learns from says '
                f'"{allowed}": {"; ".join(lines)}. Leave the key out, or what forbids it.'
            )
        said = tuple(dict.fromkeys((*self.training_data, *lines)))
        return self.model_copy(update={"commercial_use": claimed, "training_data": said})

    def spec(
        self, prior: Floats, point: Point, thresholds: Thresholds, catalogue: str | None
    ) -> ModelSpec:
        """Returns the description of the model that these settings made.

        Args:
            prior: (7,) the class shares that it was trained on.
            point: its operating point.
            thresholds: below or beyond which it abstains.
            catalogue: the digest of the catalogue.
        """
        return ModelSpec(
            name=self.name,
            network=self.network,
            preprocess=self.input,
            training_prior=tuple(float(p) for p in prior),
            prior=point.as_prior(),
            temperature=point.temperature,
            thresholds=thresholds,
            weight_licence=self.weight_licence,
            commercial_use=self.commercial_use or "unknown",
            training_data=self.training_data,
            catalogue_digest=catalogue,
            scores={
                "dev": {
                    "accuracy": point.accuracy,
                    "balanced_accuracy": point.balanced_accuracy,
                    "calibration_error": point.calibration_error,
                }
            },
        )


def _licences(faces: Path, split: Path) -> tuple[tuple[str, ...], str]:
    """Returns a line a source of the training data, and the commercial use that all allow."""
    if not (faces / SOURCES).is_file():  # a table of faces from elsewhere names no sources
        return (), "unknown"
    pl = catalogue.polars_or_error("Training")
    roles = catalogue.read(split / ROLES if split.is_dir() else split, ROLE_COLUMNS)
    used = roles.filter(pl.col("role").is_in(["train", "dev"]))["dataset"].unique().to_list()
    lines, allowed = licences(read_sources(faces), used)
    return tuple(lines), allowed
