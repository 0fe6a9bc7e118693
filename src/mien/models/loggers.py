"""Where a training's figures go besides ``log.csv``: TensorBoard, MLflow and others by name."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mien.core.errors import ConfigError, UnknownNameError

TENSORBOARD: Final = "tensorboard"
_LOGGERS: Final[dict[str, tuple[str, str, dict[str, str]]]] = {
    TENSORBOARD: ("lightning.fabric.loggers", "TensorBoardLogger", {"name": "", "version": ""}),
    "mlflow": ("lightning.pytorch.loggers", "MLFlowLogger", {}),
    "wandb": ("lightning.pytorch.loggers", "WandbLogger", {}),
    "comet": ("lightning.pytorch.loggers", "CometLogger", {}),
}
"""By name: the module, the class, and what it is always told."""


def names() -> list[str]:
    """Returns the names of the loggers that are known."""
    return list(_LOGGERS)


def made(
    wanted: Sequence[str], options: Mapping[str, Mapping[str, Any]], folder: Path
) -> list[Any]:
    """Returns Lightning's loggers.

    Args:
        wanted: their names; see `names`.
        options: what a logger's class is told, by the logger's name.
        folder: TensorBoard's files go to ``tensorboard`` in it. They are written anew from the
            first epoch on, so that a training that went on after a stop shows no epoch twice.

    Raises:
        UnknownNameError: there is no such logger.
        ConfigError: the package of a logger is not installed.
    """
    found = []
    for name in wanted:
        if name not in _LOGGERS:
            raise UnknownNameError(
                f"There is no logger named {name!r}. Known: {', '.join(_LOGGERS)}."
            )
        module, attribute, always = _LOGGERS[name]
        given: dict[str, Any] = {**always, **options.get(name, {})}
        if name == TENSORBOARD:
            given.setdefault("root_dir", str(folder / TENSORBOARD))
            shutil.rmtree(folder / TENSORBOARD, ignore_errors=True)
        try:
            found.append(getattr(importlib.import_module(module), attribute)(**given))
        except ModuleNotFoundError as error:
            package = error.name or name
            raise ConfigError(
                f"The logger {name!r} needs the package {package!r}, which is not installed "
                f"({error}). Install it, or leave it out of [train] loggers."
            ) from error
    return found
