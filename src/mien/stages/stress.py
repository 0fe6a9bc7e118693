"""`stress`: model + faces -> how it holds when light, pose, cover and sharpness change."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, field_validator

from mien.core import catalogue as tables
from mien.core.artifact import StageFolder, atomic, digest, read_meta
from mien.core.catalogue import KEY
from mien.core.config import StageConfig
from mien.core.drawn import drawn
from mien.core.errors import ConfigError
from mien.core.framing import check_framing
from mien.core.machine import cores
from mien.core.origins import check_roots, read_sources
from mien.core.progress import track
from mien.core.scores import PREDICTIONS
from mien.core.spec import ModelSpec
from mien.core.types import Face, Image
from mien.faces.align import FivePointAligner
from mien.faces.changed import Chips, Photos, Setting, Stored, stored_faces
from mien.faces.corruptions import CORRUPTIONS, STRENGTHS, check_name, families
from mien.faces.finder import made, resolved
from mien.metrics import corruption as figures
from mien.metrics.corruption import CLEAN, COLUMNS, ERROR_COLUMNS
from mien.metrics.summary import How
from mien.plots.figure import new_figure
from mien.plots.sheet import Cell, sheet
from mien.plots.stress import curves
from mien.runtimes.answers import Answer, answers
from mien.runtimes.model import WEIGHTS, Model

if TYPE_CHECKING:
    import polars

Role = Literal["train", "dev", "test", "unseen"]
Strength = Annotated[int, Field(ge=STRENGTHS[0], le=STRENGTHS[-1])]

TABLE: Final = "stress.parquet"
ERRORS: Final = "errors.parquet"
PAGE: Final = "stress.md"
CURVES: Final = "curves.png"
EXAMPLES: Final = "examples.png"
_ANSWER: Final = {"answer": "String", "confidence": "Float64", "abstained": "Boolean"}
_ORDER: Final = ("role", "corruption", "strength", *_ANSWER, "label", "cluster")
_PARTS: Final = "parts"
_SAME: Final = ("roles", "corruptions", "strengths", "count", "seed", "on", "detector", "levels")
"""The settings that two models must share to be compared."""


class StressConfig(StageConfig):
    """The settings of `stress`.

    Attributes:
        roles: the roles whose faces are changed. ``dev`` by default: what is learned here may lead
            to choices, and choices are not made on what shall be scored.
        corruptions: the changes, names of `faces.corruptions.CORRUPTIONS`.
        strengths: 1 (mild) to 5 (strong).
        count: how many faces of each role, drawn by a hash, so that they are the same for every
            model.
        seed: makes the choice of faces, the draws behind the changes and the bootstrap.
        on: ``chips`` changes the stored chips; ``photos`` changes the photos and searches the face
            again, so that what the detector loses counts.
        detector: what searches the photos; ``auto`` is what it means on this machine.
        resamples: bootstrap resamples behind each interval; 0 makes no intervals.
        batch_size: how many chips go through the network at once.
        runtime: the name of the runtime.
        pictures: also write ``examples.png``, one face of the data under every change.
        jobs: threads that change, search and infer; None takes every core.
        reference: the folder of an earlier run with the same settings but another model, to
            compare with; None compares with nothing.
    """

    roles: tuple[Role, ...] = Field(default=("dev",), min_length=1)
    corruptions: tuple[str, ...] = Field(default=tuple(CORRUPTIONS), min_length=1)
    strengths: tuple[Strength, ...] = Field(default=STRENGTHS, min_length=1)
    count: int = Field(default=500, ge=1)
    seed: int = Field(default=0, ge=0)
    on: Literal["chips", "photos"] = "chips"
    detector: str = "auto"
    resamples: int = Field(default=1000, ge=0)
    batch_size: int = Field(default=64, ge=1)
    runtime: str = "onnx"
    pictures: bool = False
    jobs: int | None = Field(default=None, ge=1, exclude=True)
    reference: Path | None = Field(default=None, exclude=True)

    @field_validator("corruptions")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            check_name(name)
        return tuple(name for name in CORRUPTIONS if name in value)

    @field_validator("strengths")
    @classmethod
    def _sorted(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(value)))

    @property
    def how(self) -> How:
        """How intervals are made."""
        return How(resamples=self.resamples, seed=self.seed)


class _Request(StressConfig):
    """The settings, what the model's description says but for its figures, and the levels."""

    described: dict[str, Any]
    levels: dict[str, list[float]]


def stress(
    config: StressConfig,
    model: Path,
    catalogue: Path,
    faces: Path,
    split: Path,
    out: Path,
    *,
    overwrite: bool = False,
) -> Path:
    """Scores a model on faces that were changed in controlled ways, each in several strengths.

    A face that has no chip, or that is not found in its changed photo, counts as a wrong answer. A
    run that was stopped goes on from the changes that are done.

    Args:
        config: the settings.
        model: the model folder.
        catalogue: the stage folder of `merge`: labels, people, and where the photos are.
        faces: the stage folder of `crop`.
        split: the stage folder of `split`, with ``roles.parquet``.
        out: the folder to make: ``stress.parquet`` (a row a role, change and strength),
            ``errors.parquet`` (a row a change), ``predictions.parquet``, ``stress.md``,
            ``curves.png`` and, where the settings ask for it, ``examples.png``.
        overwrite: throw away what stands at ``out`` with other settings or inputs.

    Returns:
        ``out``.

    Raises:
        DataError: a table or a chip is missing or damaged, or no role has a labelled picture.
        ConfigError: the faces were cut by another aligner than the model's, the chips are not in
            the canonical framing that changes are drawn in, or the reference has other settings.
        ImageError: a photo cannot be read.
        ModelError: the model folder is incomplete.
        MissingExtraError: Polars or matplotlib is not installed.
        StageError: ``out`` holds something else, or an input is missing.
    """
    tables.polars_or_error("Stressing a model")
    new_figure(1, 1)  # a missing matplotlib is told now, not after the work
    network = Model(
        model, runtime=config.runtime, threads=config.jobs, batch_size=config.batch_size
    )
    spec = network.spec
    check_framing(faces, spec.preprocess)
    if config.on == "photos":
        config = config.model_copy(update={"detector": resolved([config.detector])[0]})
    elif spec.preprocess.aligner != FivePointAligner.name:
        raise ConfigError(
            f"The changes are drawn in chips of the aligner {FivePointAligner.name!r}, but the "
            f"model's are {spec.preprocess.aligner!r}'s. Set on = 'photos'."
        )
    described = spec.model_dump(exclude={"scores", "files"})
    levels = {name: list(CORRUPTIONS[name].levels) for name in config.corruptions}
    request = _Request(**dict(config), described=described, levels=levels)
    made_from = {"catalogue": catalogue, "faces": faces, "split": split}
    inputs = {"weights": network.folder / WEIGHTS, **made_from}
    if config.reference is not None:
        _check_reference(config.reference, request, made_from)
        inputs["reference"] = config.reference / TABLE
    folder = StageFolder(out, "stress", request, inputs, overwrite=overwrite)
    if folder.done:
        return out
    rows = drawn(catalogue, split, config.roles, config.count, f"stress/{config.seed}")
    setting = _setting(config, spec, catalogue, rows)
    kept = stored_faces(faces, rows.select(KEY))
    found = [kept.get(key) for key in rows.select(KEY).iter_rows()]
    predictions = _predictions(config, network, rows, found, setting, folder.work / _PARTS)
    _write(config, spec, predictions, folder.work)
    shown = next((face for face in found if face is not None), None)
    if config.pictures and shown is not None:
        _examples(config, shown, setting, folder.work / EXAMPLES)
    shutil.rmtree(folder.work / _PARTS)
    tally = {"input": len(rows), "missed": found.count(None), "predictions": len(predictions)}
    return folder.finish(tally)


def summary(out: Path) -> str:
    """Returns the line to print for a finished run: every role, unchanged and changed."""
    table, errors = (
        tables.read(out / n, c) for n, c in ((TABLE, COLUMNS), (ERRORS, ERROR_COLUMNS))
    )
    name = read_meta(out)["config"]["described"]["name"]
    return f"{name} | {figures.headline(table, errors)}"


def _check_reference(reference: Path, request: _Request, inputs: Mapping[str, Path]) -> None:
    """Checks that a run looked at the same faces under the same changes."""
    meta = read_meta(reference)
    ours, found = request.model_dump(mode="json"), meta["config"]
    other = [] if meta["stage"] == "stress" else ["stage"]
    other += [key for key in _SAME if found.get(key) != ours[key]]
    other += [key for key, path in inputs.items() if meta["inputs"].get(key) != digest(path)]
    if other:
        raise ConfigError(
            f"The reference {reference} is no match: it differs in {', '.join(other)}. Run "
            "'mien stress' for the reference model with the same settings and inputs."
        )


def _setting(
    config: StressConfig, spec: ModelSpec, catalogue: Path, rows: polars.DataFrame
) -> Setting:
    """Returns what makes the changes; what it needs and lacks is told before the work."""
    if config.on == "chips":
        return Chips(config.seed)
    sources = read_sources(catalogue)
    check_roots(sources, rows["dataset"].unique())
    made(config.detector, {})
    finder = {"detectors": (config.detector,), "aligner": spec.preprocess.aligner}
    return Photos(config.seed, sources, finder)


def _predictions(
    config: StressConfig,
    network: Model,
    rows: polars.DataFrame,
    faces: Sequence[Stored | None],
    setting: Setting,
    parts: Path,
) -> polars.DataFrame:
    """Returns a row a face, change and strength; each change is kept once it is done."""
    pl = tables.polars_or_error()
    wanted = {CLEAN: (0,), **dict.fromkeys(config.corruptions, config.strengths)}
    found = []
    with ThreadPoolExecutor(config.jobs or cores()) as pool:
        for name, strengths in track(wanted.items(), "stress", len(wanted)):
            part = parts / f"{name}.parquet"
            if not part.exists():
                # At strength 0 no change does anything, so any name will do.
                change = config.corruptions[0] if name == CLEAN else name
                look = functools.partial(_look, setting, change, strengths)
                said: list[Answer] = []
                for start in range(0, len(faces), config.batch_size):
                    seen = pool.map(look, faces[start : start + config.batch_size])
                    said += answers(network, [one for row in seen for one in row])
                grid = pl.DataFrame({"strength": strengths}, {"strength": pl.Int32})
                frame = rows.join(grid, how="cross", maintain_order="left_right").hstack(
                    pl.DataFrame(said, tables.schema(_ANSWER), orient="row")
                )
                frame = frame.with_columns(corruption=pl.lit(name))
                tables.write(frame.select(*KEY, *_ORDER), part)
            found.append(pl.read_parquet(part))
    return pl.concat(found)  # type: ignore[no-any-return]  # Polars is a late import


def _look(
    setting: Setting, name: str, strengths: Sequence[int], face: Stored | None
) -> list[tuple[Face, Image] | None]:
    """Returns a face and its chip at each strength; None where it is not found."""
    if face is None:
        return [None] * len(strengths)
    cuts = setting.cuts(face, name, strengths)
    return [None if c is None or c.chip is None else (c.face, c.chip) for c in cuts]


def _write(
    config: StressConfig, spec: ModelSpec, predictions: polars.DataFrame, work: Path
) -> None:
    """Writes the tables, the page and the curves."""
    table = figures.corruption_table(predictions, families(), config.how)
    other, name = None, ""
    if config.reference is not None:
        other = tables.read(config.reference / TABLE, COLUMNS)
        name = read_meta(config.reference)["config"]["described"]["name"]
    errors = figures.corruption_errors(predictions, table, other, config.how)
    for frame, place in ((predictions, PREDICTIONS), (table, TABLE), (errors, ERRORS)):
        tables.write(frame, work / place)
    with atomic(work / PAGE, "w") as file:
        title = f"{spec.name} under changes to its {config.on}"
        file.write(figures.corruption_page(table, errors, title, name))
    line = figures.headline(table, errors).replace(" | ", "\n")
    curves(table, work / CURVES, f"{spec.name}, {config.on}\n{line}", other, name)


def _examples(config: StressConfig, face: Stored, setting: Setting, path: Path) -> None:
    """Draws a face under every change."""
    at = (0, *config.strengths)
    shown = [setting.pictures(face, name, at) for name in config.corruptions]
    grid = [[Cell(1, [picture]) for picture in row] for row in shown]
    sheet(grid, config.corruptions, [str(s) for s in at], path, size=128, across=1)
