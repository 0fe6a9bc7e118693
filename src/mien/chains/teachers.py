"""`teachers` in a chain: the same training with other seeds, for a last network to learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import Field

from mien.core import config as settings
from mien.core.config import StageConfig
from mien.core.errors import ConfigError


class TeachersConfig(StageConfig):
    """The settings of `teachers`.

    Attributes:
        seeds: one teacher each; none may be the seed of the last training, or it learns from a
            network that began as it does.
        train: what differs from the section ``[train]``.
    """

    seeds: tuple[int, ...] = Field(default=(1, 2, 3), min_length=1)
    train: dict[str, Any] = Field(default_factory=dict)

    def folders(self, out: Path) -> tuple[Path, ...]:
        """Returns where each teacher stands, under the folder of all."""
        return tuple(out / f"seed-{seed}" for seed in self.seeds)


def prepared(data: Mapping[str, Any]) -> TeachersConfig:
    """Returns the checked settings of `teachers` in a chain's settings.

    Raises:
        ConfigError: they do not fit.
    """
    made = settings.check(TeachersConfig, data.get("teachers", {}), "teachers")
    own = data.get("train", {}).get("seed", 0)
    if own in made.seeds:
        raise ConfigError(
            f"[teachers] seeds holds {own}, the seed of [train]: it would learn from a network "
            "that began as it does. Take another seed."
        )
    for seed in made.seeds:
        _config(made, data, seed)
    return made


def teachers(
    config: TeachersConfig,
    data: Mapping[str, Any],
    faces: Path,
    split: Path,
    out: Path,
    *,
    augmented: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Trains one network a seed, each into ``<out>/seed-<seed>``; finished ones are skipped.

    Args:
        config: the seeds, and what differs from ``[train]``.
        data: the chain's settings.
        faces: the stage folder of `crop`.
        split: the stage folder of `split`.
        out: the folder of all.
        augmented: the stage folder of `augment`, if its faces are trained on, too.
        overwrite: replace folders that were made with other settings or inputs.

    Returns:
        ``out``.
    """
    train = import_module("mien.stages.train").train
    for seed, folder in zip(config.seeds, config.folders(out), strict=True):
        made = _config(config, data, seed)
        train(made, faces, split, folder, augmented=augmented, overwrite=overwrite)
    return out


def call(data: Mapping[str, Any], folders: Mapping[str, Path]) -> Callable[..., Path]:
    """Returns `teachers` with its settings and folders; only ``overwrite`` is missing."""
    made, out = prepared(data), folders["teachers"]
    augmented = folders["augment"] if "augment" in data else None
    places = (folders["crop"], folders["split"], out)
    return partial(teachers, made, data, *places, augmented=augmented)


def _config(config: TeachersConfig, data: Mapping[str, Any], seed: int) -> Any:
    """Returns the settings of one teacher's training."""
    base = dict(data.get("train", {}))
    for key, value in config.train.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping):
            base[key] = {**base[key], **value}
        else:
            base[key] = value
    base |= {"seed": seed, "name": f"{base.get('name', 'mien')}-teacher-{seed}"}
    base.pop("teachers", None)
    kind = import_module("mien.stages.train").TrainConfig
    return settings.check(kind, base, f"teachers, seed {seed}")
