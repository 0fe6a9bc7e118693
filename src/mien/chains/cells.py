"""One cell of an experiment: its stages, one after the other, and what they measured.

What stops one cell stops no other: a cell without weights to start from, or whose training fails,
says so and is tried again with the next run.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from mien.chains import run as chain
from mien.core import registry
from mien.core.artifact import META, atomic, read_meta, write_json
from mien.core.cache import offline
from mien.core.errors import ConfigError, MienError, ModelError
from mien.core.scores import Exam
from mien.models.known_weights import STARTS, here, known

State = Literal["done", "failed", "no weights", "skipped", "waiting"]
GROUND: Final = ("merge", "audit", "crop")
"""The stages that all cells share."""
SITTINGS: Final = "sittings.json"
POINT: Final = "natural"
"""The operating point of tables: the network's plain answer, as the thesis counted."""


class Step(NamedTuple):
    """A stage with its settings; only ``overwrite`` is missing."""

    name: str
    call: Callable[..., Path]
    folder: Path


@dataclass(frozen=True, slots=True)
class Figures:
    """What a model is worth on one role.

    Attributes:
        n: the pictures scored.
        accuracy: 0 to 1.
        balanced_accuracy: the mean recall of the classes that are there, 0 to 1.
        interval: of the accuracy, 95 %; None where none was made.
    """

    n: int
    accuracy: float | None
    balanced_accuracy: float | None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a cell; figures are None where it was not measured.

    Attributes:
        state: ``done``, ``failed``, ``no weights``, ``skipped``, or ``waiting`` for its
            turn.
        why: the reason, where it is not done.
        faces: that it trained on.
        epochs: in all.
        iterations: in all.
        parameters: of the network, those that stay frozen among them.
        megabytes: of ``model.onnx``.
        seconds: the whole training by the clock, over all its sittings.
        step_seconds: the iterations alone; with a frozen trunk that ran once, without that.
        images_per_second: in the iterations.
        figures: by role, at the operating point `POINT`.
        shipped: likewise, at the model's own operating point.
    """

    state: State
    why: str = ""
    faces: int | None = None
    epochs: int | None = None
    iterations: int | None = None
    parameters: int | None = None
    megabytes: float | None = None
    seconds: float | None = None
    step_seconds: float | None = None
    images_per_second: float | None = None
    figures: dict[str, Figures] = field(default_factory=dict)
    shipped: dict[str, Figures] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values that JSON can hold."""
        return asdict(self)


def ground(
    data: Mapping[str, Any], out: Path, base: Path | None
) -> tuple[list[Step], dict[str, Path]]:
    """Returns the stages that all cells share, and their folders.

    Args:
        data: the settings by section.
        out: the folder of the experiment.
        base: the folder of an earlier run, whose finished stages are taken instead.

    Raises:
        ConfigError: ``base`` has no finished catalogue or faces, or settings do not fit.
    """
    if base is None:
        folders = {name: out / name for name in GROUND if name in data or name != "audit"}
        steps = [Step(n, chain.prepared(n, data, folders), folders[n]) for n in folders]
        return steps, folders
    made = chain.finished(base)
    missing = [name for name in ("merge", "crop") if name not in made]
    if missing:
        raise ConfigError(
            f"base = '{base}' has no finished {' and no '.join(missing)}. Expected the folder of "
            "'mien run' with the stages merge and crop, or leave base out."
        )
    return [], {name: made[name] for name in GROUND if name in made}


def stages(
    names: Sequence[str], data: Mapping[str, Any], folders: Mapping[str, Path]
) -> list[Step]:
    """Returns some stages in the order of their names.

    Raises:
        ConfigError: settings do not fit.
    """
    return [Step(name, chain.prepared(name, data, folders), folders[name]) for name in names]


def fill(
    steps: Sequence[Step],
    home: Path,
    *,
    start: tuple[str, str] | None = None,
    overwrite: bool = False,
) -> tuple[Result, bool]:
    """Runs the stages of a cell; those that are finished are skipped.

    Args:
        steps: the stages; the last is `evaluate`.
        home: the folder of the cell.
        start: the network and what it begins from, to be looked for before the training.
        overwrite: replace folders that were made with other settings or inputs.

    Returns:
        What became of it, and whether anything was done.
    """
    worked = False
    try:
        places = {step.name: step.folder for step in steps}
        if start is not None and not (places["train"] / META).is_file():
            why = missing_weights(*start)
            if why:
                return Result("no weights", why), False
        for step in steps:
            done = _timed if step.name == "train" else _plain
            worked |= done(step, home, overwrite)
        return measured(home, places), worked
    except MienError as error:
        return Result("failed", f"{type(error).__name__}: {' '.join(str(error).split())}"), worked


def missing_weights(network: str, start: str) -> str:
    """Returns why there are no weights for a network to start from; nothing where there are."""
    if start == "scratch":
        return ""
    from mien.models.starts import find

    try:
        find(registry.load("networks", network)(), start)
    except ModelError as error:
        return " ".join(str(error).split())
    return ""


def planned_weights(network: str, start: str) -> str:
    """Returns `missing_weights`, but fetches nothing: what a library would fetch is told."""
    row = known(network, start) if start in STARTS else None
    if row is not None and row.library and here(row) is None and not offline():
        return f"{row.library} fetches them"
    return missing_weights(network, start)


def measured(home: Path, places: Mapping[str, Path]) -> Result:
    """Returns what a finished cell came to.

    Args:
        home: the folder of the cell.
        places: the folders of `train`, `export` and `evaluate`.

    Raises:
        MienError: one of them is not finished.
    """
    counts = read_meta(places["train"])["counts"]
    exam = Exam.read(places["evaluate"])
    seconds = _step_seconds(places["train"] / "log.csv", counts["train"])
    found = Result(
        "done",
        faces=counts["train"],
        epochs=counts["epochs"],
        iterations=counts["iterations"],
        parameters=counts["parameters"],
        megabytes=read_meta(places["export"])["counts"]["megabytes"],
        seconds=_clocked(home / SITTINGS),
        step_seconds=round(seconds, 2),
        images_per_second=round(counts["train"] * counts["epochs"] / max(seconds, 1e-9), 2),
    )
    return replace(found, figures=_figures(exam, POINT), shipped=_figures(exam, "shipped"))


def write_text(path: Path, text: str) -> None:
    """Writes a text, unless it stands there already."""
    if not holds(path, text):
        with atomic(path, "w") as file:
            file.write(text)


def holds(path: Path, text: str) -> bool:
    """Tells whether a file is there and holds a text."""
    return path.is_file() and path.read_text("utf-8") == text


def _figures(exam: Exam, point: str) -> dict[str, Figures]:
    found = {}
    for role, scored in exam.roles.items():
        one = scored.points[point]
        accuracy, balanced = one.overall["accuracy"], one.overall["balanced_accuracy"]
        found[role] = Figures(one.n, accuracy, balanced, one.intervals.get("accuracy"))
    return found


def _plain(step: Step, home: Path, overwrite: bool) -> bool:
    return chain.carry_out(step.name, step.call, step.folder, lambda _: None, overwrite=overwrite)


def _timed(step: Step, home: Path, overwrite: bool) -> bool:
    """Trains, and notes when each sitting began and ended."""
    path, finished = home / SITTINGS, (step.folder / META).is_file()
    before = [] if finished else _closed(path, step.folder)
    began = {"began": time.time()}
    if not finished:
        write_json(path, [*before, began])
    worked = _plain(step, home, overwrite)
    if worked:
        write_json(path, [*before, {**began, "ended": time.time()}])
    return worked


def _closed(path: Path, folder: Path) -> list[dict[str, float]]:
    """Returns the sittings before; one that was killed ended with the last file it wrote."""
    try:
        sittings: list[dict[str, float]] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return []
    work = folder.with_name(folder.name + ".partial")
    if not work.is_dir():  # what it had done is gone, so its time does not count
        return []
    last = max((file.stat().st_mtime for file in work.rglob("*") if file.is_file()), default=0.0)
    return [{"ended": max(last, one["began"]), **one} for one in sittings]


def _clocked(path: Path) -> float | None:
    try:
        sittings = json.loads(path.read_bytes())
        return round(float(sum(one["ended"] - one["began"] for one in sittings)), 2)
    except (OSError, ValueError, KeyError):  # trained by another command
        return None


def _step_seconds(log: Path, faces: int) -> float:
    with log.open(newline="", encoding="utf-8") as file:
        rates = [float(row["images_per_second"]) for row in csv.DictReader(file)]
    return sum(faces / rate for rate in rates)
