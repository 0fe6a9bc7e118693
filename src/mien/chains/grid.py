"""The grid of an experiment: networks x sets x starts x splits x seeds, with each cell's settings.

A file has the sections of a chain (see `mien.chains.run`) and ``[experiment]``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator

from mien.core import config as settings
from mien.core import registry
from mien.core.config import StageConfig
from mien.core.errors import ConfigError
from mien.models.known_weights import STARTS

EXPERIMENT: Final = "experiment"
SECTIONS: Final = ("merge", "audit", "crop", "split", "augment", "train", "export", "evaluate")
ORIGINAL, AUGMENTED = "original", "augmented"
SPLITS: Final[dict[str, dict[str, Any]]] = {
    "disjoint": {"by": "group"},
    "random": {"by": "random"},
}
"""What the splits that need no section lay over ``[split]``."""
SMALL_FILES: Final = {"int8": False, "weights": False}
"""What a grid lays under ``[export]``: one file a cell is enough to be scored."""
_SCRATCH: Final = "scratch"
_NAME: Final = re.compile(r"[\w+-][\w.+-]*")


class StartSettings(StageConfig):
    """What a start means, ``[experiment.start.NAME]``.

    Attributes:
        weights: by network, what ``train.start`` shall be: a file, or what else it may name.
        train: laid over ``[train]`` where this start is used.
    """

    weights: dict[str, str] = Field(default_factory=dict)
    train: dict[str, Any] = Field(default_factory=dict)


class ExperimentConfig(StageConfig):
    """The section ``[experiment]``.

    Attributes:
        networks: the networks' names.
        sets: ``original``, ``augmented`` (with the faces of `augment`), or both.
        starts: ``scratch``, ``imagenet``, ``face``, or names of sections ``start``.
        splits: ``disjoint``, ``random``, or names of sections ``split``.
        seeds: of the trainings; with several, tables give mean and standard deviation.
        network: by network, what is laid over ``[train]``, such as the size of a batch.
        start: by start, see `StartSettings`.
        split: by name, what is laid over ``[split]``.
        per_class: train on so many pictures a class only; see `mien.chains.draw`.
        per_role: score so many pictures a role only.
        base: the folder of an earlier run, whose finished catalogue and faces are taken; the
            sections ``[merge]``, ``[audit]`` and ``[crop]`` are then not looked at.
        prices: a price list, see `mien.chains.prices`.
    """

    networks: tuple[str, ...] = Field(min_length=1)
    sets: tuple[Literal["original", "augmented"], ...] = Field(
        default=("original", "augmented"), min_length=1
    )
    starts: tuple[str, ...] = Field(default=(_SCRATCH,), min_length=1)
    splits: tuple[str, ...] = Field(default=("disjoint",), min_length=1)
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    network: dict[str, dict[str, Any]] = Field(default_factory=dict)
    start: dict[str, StartSettings] = Field(default_factory=dict)
    split: dict[str, dict[str, Any]] = Field(default_factory=dict)
    per_class: int | None = Field(default=None, ge=1)
    per_role: int | None = Field(default=None, ge=1)
    base: Path | None = None
    prices: Path | None = None

    @model_validator(mode="after")
    def _names(self) -> Self:
        known = {_SCRATCH, *STARTS, *self.start}
        for name in self.starts:
            if name not in known or not _NAME.fullmatch(name):
                raise ValueError(
                    f"starts holds {name!r}. Expected {', '.join(sorted(known))}; a file gets a "
                    'name: [experiment.start.NAME] with weights = { NETWORK = "FILE" }'
                )
        both = {*SPLITS, *self.split}
        for name in self.splits:
            if name not in both or not _NAME.fullmatch(name) or name in SECTIONS:
                raise ValueError(
                    f"splits holds {name!r}. Expected {', '.join(sorted(both))}, or the name of a "
                    "section [experiment.split.NAME] that is no stage's"
                )
        return self

    @property
    def reduced(self) -> bool:
        """Whether only some of the pictures are used."""
        return self.per_class is not None or self.per_role is not None

    def weights(self, network: str, start: str) -> str | None:
        """Returns what ``train.start`` is for a network and a start; None where none is named."""
        named = self.start.get(start, StartSettings()).weights
        if network in named:
            return named[network]
        return start if start in (_SCRATCH, *STARTS) else None


@dataclass(frozen=True, slots=True)
class Cell:
    """One training of the grid.

    Attributes:
        split: the name of its split.
        data: ``original`` or ``augmented``.
        network: its network.
        start: the name of its start.
        seed: its seed.
    """

    split: str
    data: str
    network: str
    start: str
    seed: int

    @property
    def place(self) -> Path:
        """Its folder, under that of the experiment."""
        network = self.network.replace("/", "_")
        return Path(self.split, self.data, network, self.start, f"seed-{self.seed}")


def cells(config: ExperimentConfig) -> list[Cell]:
    """Returns the cells of a grid, the first network's first; a name given twice counts once."""
    return [
        Cell(split, data, network, start, seed)
        for split, data, network, start, seed in itertools.product(
            dict.fromkeys(config.splits),
            dict.fromkeys(config.sets),
            dict.fromkeys(config.networks),
            dict.fromkeys(config.starts),
            dict.fromkeys(config.seeds),
        )
    ]


def read(path: Path, sets: Iterable[str] = ()) -> tuple[ExperimentConfig, dict[str, Any]]:
    """Reads the file of an experiment.

    Args:
        path: the TOML file.
        sets: ``"section.key=value"``, laid over it.

    Returns:
        The checked section ``[experiment]``, and all settings.

    Raises:
        ConfigError: a section or a key is not known, or the grid is empty.
        UnknownNameError: there is no such network.
    """
    data = settings.read(path, sets)
    unknown = sorted(data.keys() - {EXPERIMENT, *SECTIONS, "out"})
    if unknown or EXPERIMENT not in data:
        wrong = f"knows no {', '.join(map(repr, unknown))}" if unknown else "lacks [experiment]"
        raise ConfigError(
            f"{path}: an experiment's file {wrong}. Expected [experiment], the sections "
            f"{', '.join(f'[{name}]' for name in SECTIONS)}, and the key out."
        )
    config = settings.check(ExperimentConfig, data[EXPERIMENT], EXPERIMENT)
    for network in (*config.networks, *config.network):
        registry.load("networks", network)
    return config, data


def split_section(config: ExperimentConfig, data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Returns the settings of `split` for one of the grid's splits."""
    own = {**SPLITS.get(name, {}), **config.split.get(name, {})}
    return laid(data.get("split", {}), own)


def train_section(
    config: ExperimentConfig, data: Mapping[str, Any], cell: Cell, weights: str
) -> dict[str, Any]:
    """Returns the settings of `train` for a cell."""
    base = laid(data.get("train", {}), config.network.get(cell.network, {}))
    base = laid(base, config.start.get(cell.start, StartSettings()).train)
    words = (cell.network.replace("/", "-"), cell.start, cell.data, cell.split, str(cell.seed))
    name = "-".join((str(base.get("name", "mien")), *words))
    return {**base, "network": cell.network, "start": weights, "seed": cell.seed, "name": name}


def laid(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Returns settings with others laid over them, section by section."""
    found = dict(under)
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(found.get(key), Mapping):
            found[key] = laid(found[key], value)
        else:
            found[key] = value
    return found
