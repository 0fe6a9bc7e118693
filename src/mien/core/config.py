"""Settings: one strict model a stage, read from TOML and from ``--set key=value``."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from mien.core.errors import ConfigError


class StageConfig(BaseModel):
    """Base of every stage's settings: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


C = TypeVar("C", bound=BaseModel)


def read(path: Path, sets: Iterable[str] = ()) -> dict[str, Any]:
    """Reads a TOML file and lays ``--set`` values over it.

    Args:
        path: the TOML file.
        sets: ``"section.key=value"``, the value in TOML's notation; a bare word is a string.

    Raises:
        ConfigError: the file is missing or is not TOML, or a ``--set`` has no ``=``.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"The settings {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from error
    return overlay(data, sets)


def overlay(data: Mapping[str, Any], sets: Iterable[str]) -> dict[str, Any]:
    """Returns ``data`` with ``"section.key=value"`` settings laid over it.

    Raises:
        ConfigError: a setting has no ``=``, or its path runs through a value that is no section.
    """
    result = _copied(data)
    for item in sets:
        dotted, equals, text = item.partition("=")
        keys = [key.strip() for key in dotted.split(".")]
        if not equals or not all(keys):
            raise ConfigError(f"--set {item!r} is not of the form section.key=value.")
        place = result
        for key in keys[:-1]:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise ConfigError(f"--set {item!r}: {key!r} is a value, not a section.")
        place[keys[-1]] = _value(text.strip())
    return result


def check(model: type[C], data: Mapping[str, Any], where: str) -> C:
    """Returns the settings as a checked model.

    Args:
        model: the pydantic model of the section.
        data: the values.
        where: the section's name, for the error's text.

    Raises:
        ConfigError: a key is unknown (the message names the known ones), missing or of a wrong
            type or range.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        lines = [_explain(model, item) for item in error.errors()]
        raise ConfigError(f"The settings [{where}] do not fit:\n  " + "\n  ".join(lines)) from None


def _explain(model: type[BaseModel], item: Any) -> str:
    name = ".".join(map(str, item["loc"]))
    if item["type"] != "extra_forbidden" or len(item["loc"]) != 1:
        return f"{name}: {item['msg']} (got {item['input']!r})"
    known = sorted(model.model_fields)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"{name}: unknown key{hint} Known keys: {', '.join(known)}"


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _copied(data: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _copied(v) if isinstance(v, Mapping) else v for k, v in data.items()}
