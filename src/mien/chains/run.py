"""`run`: one TOML file through the whole chain, each stage into a folder of its own."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from mien.chains import teachers
from mien.core import config as settings
from mien.core.artifact import META
from mien.core.errors import ConfigError, MissingExtraError

Folders = Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class _Stage:
    """How the chain calls one stage.

    Attributes:
        config: the name of its settings' class.
        inputs: the stages whose folders it takes, in the order of its arguments.
        named: likewise, for arguments by name.
        optional: likewise, for stages that may be left out: passed where the file has a section
            for them.
        extra: the optional part of mien that it needs.
    """

    config: str
    inputs: tuple[str, ...] = ()
    named: Mapping[str, str] | None = None
    optional: Mapping[str, str] | None = None
    extra: str = "data"


STAGES: Final[dict[str, _Stage]] = {
    "merge": _Stage("MergeConfig"),
    "audit": _Stage("AuditConfig", ("merge",)),
    "crop": _Stage("CropConfig", ("merge",)),
    "split": _Stage("SplitConfig", ("merge",), optional={"audit": "audit"}),
    "augment": _Stage("AugmentConfig", ("crop", "split")),
    "train": _Stage(
        "TrainConfig", ("crop", "split"), optional={"augmented": "augment"}, extra="train"
    ),
    "export": _Stage(
        "ExportConfig", ("train",), {"faces": "crop", "split": "split"}, extra="train"
    ),
    "evaluate": _Stage("EvaluateConfig", ("export", "merge", "crop", "split"), extra="report"),
    "stress": _Stage("StressConfig", ("export", "merge", "crop", "split"), extra="report"),
    "explain": _Stage("ExplainConfig", ("export", "crop", "split"), extra="report"),
    "survey": _Stage("SurveyConfig", ("merge", "crop")),
}
"""The chain, in order; each stage is the function of its name in the module of its name."""
TEACHERS: Final = "teachers"
NAMES: Final = (
    "merge", "audit", "crop", "split", "augment", TEACHERS, "train", "export", "evaluate",
    "stress", "explain", "survey",
)  # fmt: skip
"""The sections of a chain's file: the stages, and the trainings that the last one learns from."""


def run(
    config: Path,
    sets: Iterable[str] = (),
    *,
    overwrite: bool = False,
    say: Callable[[str], None] | None = None,
) -> dict[str, Path]:
    """Runs the stages that a TOML file names, each into ``<out>/<stage>``.

    The file has one section a stage, the folder ``out`` (``runs/<name of the file>`` where not
    given) and, if not every section shall run, the list ``stages``. Finished stages are skipped;
    all settings are checked before the first stage starts.

    Args:
        config: the TOML file. Relative paths in it start at the working directory.
        sets: ``"section.key=value"``, laid over the file.
        overwrite: replace folders that were made with other settings or inputs.
        say: takes a line about each stage; None writes to standard output.

    Returns:
        The folder of each stage of the chain that ran or was done already.

    Raises:
        ConfigError: the file names something that is not known, or a stage's settings do not fit.
        MissingExtraError: a stage needs an optional part of mien.
        MienError: what a stage raises.
    """
    data = settings.read(config, sets)
    names = _chosen(data)
    out = Path(data.get("out", Path("runs", config.stem)))
    folders = {name: out / name for name in NAMES}
    if TEACHERS in data:
        data = _taught(data, folders)
    calls = {name: prepared(name, data, folders) for name in names}
    for name, call in calls.items():
        carry_out(name, call, folders[name], say or to_stdout, overwrite=overwrite)
    return {name: folders[name] for name in names}


def carry_out(
    name: str,
    call: Callable[..., Path],
    folder: Path,
    say: Callable[[str], None],
    *,
    overwrite: bool = False,
) -> bool:
    """Calls a `prepared` stage and says what became of it.

    Args:
        name: the stage's name.
        call: the stage.
        folder: the one it fills.
        say: takes the lines.
        overwrite: replace a folder that was made with other settings or inputs.

    Returns:
        False where the folder was finished already.

    Raises:
        MienError: what the stage raises.
    """
    before, start = _stamp(folder), time.monotonic()
    call(overwrite=overwrite)
    if _stamp(folder) == before:
        say(f"{name}: done already ({folder})")
        return False
    say(f"{name}: done in {time.monotonic() - start:.1f} s ({folder})")
    say(_summary(name, folder))
    return True


def finished(out: Path) -> dict[str, Path]:
    """Returns the folders of the stages that stand finished in the folder of a run, by name."""
    return {name: out / name for name in STAGES if (out / name / META).is_file()}


def _chosen(data: Mapping[str, Any]) -> list[str]:
    """Returns the stages to run, in the order of the chain."""
    unknown = sorted(data.keys() - set(NAMES) - {"out", "stages"})
    if unknown:
        raise ConfigError(
            f"The chain knows no {', '.join(map(repr, unknown))}. Known sections: "
            f"{', '.join(f'[{name}]' for name in NAMES)}; known keys: out, stages."
        )
    wanted = data.get("stages", [name for name in NAMES if name in data])
    strangers = [name for name in wanted if name not in NAMES]
    if strangers or not wanted:
        raise ConfigError(
            f"'stages' holds {', '.join(map(repr, strangers)) or 'nothing'}. "
            f"Expected some of: {', '.join(NAMES)}."
        )
    return [name for name in NAMES if name in wanted]


def _taught(data: Mapping[str, Any], folders: Folders) -> dict[str, Any]:
    """Returns the settings with the teachers' folders in the section of the last training."""
    made = teachers.prepared(data)
    places = [str(folder) for folder in made.folders(folders[TEACHERS])]
    return {**data, "train": {"teachers": places, **data.get("train", {})}}


def prepared(name: str, data: Mapping[str, Any], folders: Folders) -> Callable[..., Path]:
    """Returns a stage with checked settings and its folders; only ``overwrite`` is missing.

    Args:
        name: the stage's name.
        data: the settings by section; an optional input is passed where its section is there.
        folders: the folder of each stage, its own and those it reads.

    Raises:
        ConfigError: its settings do not fit.
        MissingExtraError: it needs an optional part of mien.
    """
    if name == TEACHERS:
        return teachers.call(data, folders)
    stage, section = STAGES[name], data.get(name, {})
    module = _module(name)
    if not isinstance(section, Mapping):
        raise ConfigError(f"[{name}] is a section with keys; got {section!r}.")
    checked = settings.check(getattr(module, stage.config), section, name)
    places = [folders[other] for other in stage.inputs]
    wanted = {a: other for a, other in (stage.optional or {}).items() if other in data}
    by_name = {a: folders[other] for a, other in (dict(stage.named or {}) | wanted).items()}
    return partial(getattr(module, name), checked, *places, folders[name], **by_name)


def _module(name: str) -> Any:
    try:
        return import_module(f"mien.stages.{name}")
    except MissingExtraError:
        raise
    except ImportError as error:
        if (error.name or "").startswith("mien"):
            raise
        raise MissingExtraError(f"The stage '{name}'", STAGES[name].extra) from error


def _summary(name: str, folder: Path) -> str:
    if name not in STAGES:
        return ""
    module = _module(name)
    describe = getattr(module, "summary", None)
    return str(describe(folder)) if describe else ""


def _stamp(folder: Path) -> list[tuple[int, int]]:
    """Returns what tells one finished result from another, of a folder or of those in it."""
    found = [path.stat() for path in (folder / META, *folder.glob(f"*/{META}")) if path.is_file()]
    return [(stat.st_ino, stat.st_mtime_ns) for stat in found]


def to_stdout(line: str) -> None:
    """Prints a line, unless it is empty."""
    if line:
        sys.stdout.write(line.rstrip("\n") + "\n")
        sys.stdout.flush()
