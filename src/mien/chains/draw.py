"""Fewer pictures: the roles of a split, with so many a class and a role drawn by hash."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from mien.chains import cells
from mien.core import catalogue, shares
from mien.core.artifact import StageFolder
from mien.core.catalogue import KEY, ROLE_COLUMNS, ROLES
from mien.core.config import StageConfig
from mien.core.labels import CLASSES

if TYPE_CHECKING:
    import polars

NOT_DRAWN: Final = "not_drawn"
_SCORED: Final = ("dev", "test", "unseen")


class DrawConfig(StageConfig):
    """How many pictures to keep; None keeps all.

    Attributes:
        per_class: of each class in training: labelled ones with a face.
        per_role: of each role that is scored: labelled ones, those without a face among them, in
            the shares that the classes have.
        seed: another one draws others.
    """

    per_class: int | None = Field(default=None, ge=1)
    per_role: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0)


def draw(
    config: DrawConfig,
    merged: Path,
    faces: Path,
    split: Path,
    out: Path,
    *,
    overwrite: bool = False,
) -> Path:
    """Writes the roles of a split with fewer pictures; the others are rejected as ``not_drawn``.

    The choice is by a hash of each picture's name, so it is the same anywhere, and a larger number
    keeps what a smaller one took.

    Args:
        config: the settings.
        merged: the stage folder of `merge`: labels.
        faces: the stage folder of `crop`: which pictures have a face.
        split: the stage folder of `split`.
        out: the folder to make: ``roles.parquet``.
        overwrite: throw away what stands at ``out`` with other settings.

    Returns:
        ``out``, which stands for a folder of `split`.

    Raises:
        DataError: a table is missing or damaged.
        StageError: ``out`` holds something else.
    """
    inputs = {"catalogue": merged, "faces": faces, "split": split}
    folder = StageFolder(out, "draw", config, inputs, overwrite=overwrite)
    if folder.done:
        return out
    pl = catalogue.polars_or_error()
    table = catalogue.read(split / ROLES, ROLE_COLUMNS)
    known = catalogue.select(merged, (*KEY, "label"))
    shown = pl.concat(catalogue.read_faces(faces, KEY)).with_columns(face=pl.lit(value=True))
    rows = table.join(known, on=list(KEY), how="left", maintain_order="left")
    rows = rows.join(shown, on=list(KEY), how="left", maintain_order="left")
    kept = _kept(config, rows)
    role = pl.when(kept).then("role").otherwise(pl.lit("rejected"))
    told = rows.with_columns(
        role=role, reason=pl.when(kept).then("reason").otherwise(pl.lit(NOT_DRAWN))
    )
    catalogue.write(told.select(list(ROLE_COLUMNS)), folder.work / ROLES)
    counts = told.group_by("role").len("rows").sort("role")
    return folder.finish(
        {
            "input": len(rows),
            "kept": int(kept.sum()),
            "rejected": len(rows) - int(kept.sum()),
            "roles": dict(counts.iter_rows()),
        }
    )


def split_steps(
    section: Mapping[str, Any],
    folders: Mapping[str, Path],
    home: Path,
    *,
    per_class: int | None,
    per_role: int | None,
) -> tuple[list[cells.Step], dict[str, Path]]:
    """Returns the steps that give pictures their roles, and the folders that later ones read.

    Args:
        section: the settings of `split`.
        folders: the folder of each stage.
        home: where the smaller table of roles stands, if one is drawn.
        per_class: see `DrawConfig`.
        per_role: likewise.

    Raises:
        ConfigError: settings do not fit.
    """
    told = {"split": section} | {name: {} for name in folders if name == "audit"}
    steps, places = cells.stages(["split"], told, folders), dict(folders)
    if per_class is not None or per_role is not None:
        fewer = reduced(per_class, per_role, folders, home / "drawn")
        steps.append(cells.Step("draw", fewer, home / "drawn"))
        places["split"] = home / "drawn"
    return steps, places


def reduced(
    per_class: int | None, per_role: int | None, folders: Mapping[str, Path], out: Path
) -> Callable[..., Path]:
    """Returns `draw` with its settings and folders; only ``overwrite`` is missing."""
    made = DrawConfig(per_class=per_class, per_role=per_role)
    return partial(draw, made, folders["merge"], folders["crop"], folders["split"], out)


def _kept(config: DrawConfig, rows: polars.DataFrame) -> polars.Series:
    """Returns which rows stay: (n,) booleans. What is rejected or unused already stays so."""
    pl = catalogue.polars_or_error()
    labelled = pl.col("label").is_in(CLASSES).fill_null(value=False)
    places = shares.order((f"{row[0]}/{row[1]}/{row[2]}" for row in rows.select(KEY).iter_rows()),
                          f"{config.seed}/draw")  # fmt: skip
    rows = rows.with_columns(place=pl.Series(places))
    able, keep = labelled & pl.col("face").fill_null(value=False), pl.lit(value=True)
    if config.per_class is not None:
        turn = pl.col("place").rank("ordinal").over("role", "label", able)
        keep &= (pl.col("role") != "train") | (able & (turn <= config.per_class))
    if config.per_role is not None:
        turn = pl.col("place").rank("ordinal").over("role", labelled)
        keep &= ~pl.col("role").is_in(_SCORED) | (labelled & (turn <= config.per_role))
    return rows.select(keep.alias("kept"))["kept"]
