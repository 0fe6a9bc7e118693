"""`survey`: a model and faces without labels -> where faces are found and where it answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field, field_validator

from mien.core import catalogue as tables
from mien.core import registry, shares
from mien.core.artifact import StageFolder, atomic, read_meta, write_json
from mien.core.catalogue import COLUMNS, KEY
from mien.core.config import StageConfig
from mien.core.errors import ConfigError, ImageError
from mien.core.exam_sets import STATED, ExamSet, exam_rows
from mien.core.framing import check_framing
from mien.core.labels import CLASSES
from mien.core.origins import picture, read_sources
from mien.core.types import Image
from mien.metrics.roles import answers
from mien.metrics.survey import REASONS, by_band, by_group, survey_page
from mien.plots.sheet import Cell, sheet
from mien.runtimes.model import DEFAULT, WEIGHTS, Model
from mien.runtimes.stored import SEEN, spread_logits, stored_logits

if TYPE_CHECKING:
    import polars

PAGE: Final = "survey.md"
FIGURES: Final = "survey.json"
ANSWERS: Final = "answers.parquet"
PICTURE: Final = "unanswered.png"
_PARTS: Final = "parts"
_ACROSS: Final = 4


class SurveyConfig(StageConfig):
    """The settings of `survey`.

    Attributes:
        model: a model folder, or the name of a shipped model.
        by: groups to go by: for each a column of the catalogue, or a regular expression with one
            group in brackets that is searched in a picture's path.
        note: a sentence to stand at the top of the page.
        show: how many pictures of a cell of the sheet are shown at the most; 0 makes no sheet.
        size: the side of the square that a shown picture may fill, pixels.
        batch_size: how many faces go through the network at once.
        runtime: the name of the runtime.
        engine: what spreads the work: ``local`` or ``ray``. It does not change the result.
        jobs: threads or workers; None takes every core.
    """

    model: str = DEFAULT
    by: dict[str, str] = Field(default={"dataset": "dataset"})
    note: str = ""
    show: int = Field(default=4, ge=0)
    size: int = Field(default=128, ge=16, le=512)
    batch_size: int = Field(default=64, ge=1)
    runtime: str = "onnx"
    engine: str = Field(default="local", exclude=True)
    jobs: int | None = Field(default=None, ge=1, exclude=True)

    @field_validator("by")
    @classmethod
    def _readable(cls, by: dict[str, str]) -> dict[str, str]:
        taken = {*COLUMNS, *SEEN, *CLASSES, "answer", "confidence", "missed", "abstained", "role"}
        for name, source in by.items():
            if source in COLUMNS:
                continue
            try:
                one = re.compile(source).groups == 1
            except re.error as error:
                raise ValueError(f"by.{name} is no regular expression: {error}") from None
            if not one or name in taken:
                raise ValueError(
                    f"by.{name} = {source!r}: expected a column of the catalogue "
                    f"({', '.join(COLUMNS)}), or a regular expression with one group in brackets "
                    "under a name that is no column"
                )
        return by


def survey(
    config: SurveyConfig, catalogue: Path, faces: Path, out: Path, *, overwrite: bool = False
) -> Path:
    """Says of pictures, labelled or not, where a face is found and where a model answers.

    Args:
        config: the settings.
        catalogue: the stage folder of `merge`.
        faces: the stage folder of `crop`.
        out: the folder to make: ``survey.md``, ``survey.json``, ``answers.parquet`` (a row a
            picture), and ``unanswered.png``: some pictures without a face, and some whose faces
            the model abstains from, by the first group.
        overwrite: throw away what stands at ``out`` with other settings or inputs.

    Returns:
        ``out``.

    Raises:
        DataError: a table or a chip is missing or damaged.
        ConfigError: the faces were cut by another aligner than the model's.
        ModelError: the model folder is incomplete, or the network gives no finite numbers.
        MissingExtraError: Polars or SciPy is not installed.
        StageError: ``out`` holds something else, or a worker died too often.
    """
    tables.polars_or_error("Surveying pictures")
    network = Model(
        config.model, runtime=config.runtime, threads=config.jobs, batch_size=config.batch_size
    )
    check_framing(faces, network.spec.preprocess)
    inputs = {"weights": network.folder / WEIGHTS, "catalogue": catalogue, "faces": faces}
    folder = StageFolder(out, "survey", config, inputs, overwrite=overwrite)
    if folder.done:
        return out
    rows = exam_rows(ExamSet(catalogue, faces, role="unseen"), ["unseen"])
    rows = _answered(config, network, rows, faces, folder.work / _PARTS)
    for name, source in config.by.items():
        rows = _grouped(rows, catalogue, name, source)
    tables.write(rows, folder.work / ANSWERS)
    with atomic(folder.work / PAGE, "w") as file:
        file.write(survey_page(network.spec, rows, tuple(config.by), config.note))
    groups = {name: by_group(rows, name) for name in config.by}
    write_json(folder.work / FIGURES, {"by": groups, "bands": by_band(rows)})
    if config.show and config.by:
        _sheet(config, rows, catalogue, folder.work / PICTURE)
    return folder.finish(_counts(rows))


def summary(out: Path) -> str:
    """Returns what a finished survey found, in a line."""
    counts = read_meta(out)["counts"]
    rest = ", ".join(f"{counts[why]:,} {why.replace('_', ' ')}" for why in REASONS)
    return (
        f"{counts['input']:,} pictures, {counts['faces']:,} with a face, {counts['answered']:,} "
        f"answered ({rest})\nlook at {out / PAGE}"
    )


def _answered(
    config: SurveyConfig, network: Model, rows: polars.DataFrame, faces: Path, parts: Path
) -> polars.DataFrame:
    """Returns a row a picture with what the model makes of it."""
    pl = tables.polars_or_error()
    wanted = rows.select(KEY)
    if config.engine == "local":
        found = list(stored_logits(network, wanted, faces, parts, config.jobs))
    else:
        engine = registry.load("engines", config.engine)(config.jobs)
        found = list(spread_logits(engine, network, wanted, faces, parts))
    joined = rows.drop("scored", "role").join(
        pl.concat(found), on=KEY, how="left", maintain_order="left"
    )
    for stray in parts.iterdir():
        stray.unlink()
    parts.rmdir()
    return answers(network.spec, joined).select(
        *KEY, "subject", "missed", "answer", "confidence", "abstained", *CLASSES, *SEEN, *STATED
    )


def _grouped(rows: polars.DataFrame, catalogue: Path, name: str, source: str) -> polars.DataFrame:
    """Returns the rows with the column ``name``; null where nothing tells the group."""
    pl = tables.polars_or_error()
    if source not in COLUMNS:
        try:
            return rows.with_columns(pl.col("path").str.extract(source).alias(name))
        except pl.exceptions.PolarsError as error:
            raise ConfigError(f"by.{name} = {source!r} cannot be searched: {error}") from None
    if source in rows.columns:
        return rows.with_columns(pl.col(source).cast(pl.String).alias(name))
    told = tables.select(catalogue, [*KEY, source]).rename({source: name})
    return rows.join(told, on=KEY, how="left", maintain_order="left")


def _sheet(config: SurveyConfig, rows: polars.DataFrame, catalogue: Path, path: Path) -> None:
    """Draws some pictures of each group that got no answer, drawn by a hash of their ids."""
    pl = tables.polars_or_error()
    by = next(iter(config.by))
    why = pl.coalesce("missed", "abstained")
    left = rows.filter(why.is_not_null(), pl.col(by).is_not_null()).with_columns(why=why)
    if left.is_empty():
        return
    left = left[shares.order(left["id"], PICTURE).argsort(kind="stable")]
    names = sorted(left[by].unique().to_list())
    reasons = sorted(left["why"].unique().to_list())
    sources = read_sources(catalogue)

    def shown(some: polars.DataFrame) -> Iterator[Image | None]:
        for dataset, place in some[: config.show].select("dataset", "path").iter_rows():
            try:
                yield picture(dataset, place, sources)
            except ImageError:
                yield None

    grid = []
    for name in names:
        cells = [left.filter(pl.col(by) == name, pl.col("why") == reason) for reason in reasons]
        grid.append([Cell(len(some), list(shown(some))) for some in cells])
    sheet(grid, names, reasons, path, size=config.size, across=_ACROSS)


def _counts(rows: polars.DataFrame) -> dict[str, Any]:
    pl = tables.polars_or_error()
    found = rows.filter(pl.col("missed").is_null())
    return {
        "input": len(rows),
        "faces": len(found),
        "missed": len(rows) - len(found),
        "answered": found["abstained"].null_count(),
        **{why: int((found["abstained"] == why).sum()) for why in REASONS},
    }
