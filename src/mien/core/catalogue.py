"""The table of images: one row a sample, Parquet with a written schema.

Polars comes with the extra ``data``, so it is imported only where it is used.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from mien.core.artifact import atomic
from mien.core.errors import DataError, MissingExtraError
from mien.core.labels import CLASSES, CONTEMPT, titled
from mien.core.quality import NAMES as QUALITIES
from mien.core.types import Rejection, Sample

if TYPE_CHECKING:
    import polars

CATALOGUE: Final = "catalogue.parquet"
REJECTED: Final = "rejected.parquet"

COLUMNS: Final = {
    "id": "String",
    "path": "String",
    "dataset": "String",
    "licence": "String",
    "label": "String",
    "votes": "Votes",
    "split": "String",
    "subject": "String",
    "face_box": "Box",
    "sequence": "String",
    "frame": "Int32",
    "pose": "String",
    "light": "String",
    "intensity": "Float32",
    "gender": "String",
    "age": "String",
    "ethnicity": "String",
}
"""The columns of a catalogue and their types; `Votes` is seven float32, `Box` four float32."""
FACE_COLUMNS: Final = {
    "id": "String",
    "path": "String",
    "dataset": "String",
    "label": "String",
    "votes": "Votes",
    "split": "String",
    "subject": "String",
    "chip": "Image",
    "box": "Box",
    "landmarks": "Points",
    "score": "Float32",
    "detector": "String",
    "assumed": "Boolean",
    **dict.fromkeys(("yaw", "pitch", "roll", *QUALITIES), "Float32"),
}
"""The columns of a table of faces: a catalogue's, then what `crop` found.

``id`` is the catalogue's for the face that the row's label belongs to; a further face of the same
picture has ``#face1``, ``#face2`` added, and no label or votes. So `KEY` names one face, and what
has no role is used for nothing.

``chip`` is a struct of ``bytes`` and ``path``: a PNG of 256x256, RGB, or one channel where the
picture is grey; `images.decode` gives RGB for both. ``box`` is x1, y1, x2, y2 and ``landmarks``
five points x, y in the original picture's pixels, null where the detector placed none; pose and
quality are those of `types.Face`.
"""
ROLE_COLUMNS: Final = dict.fromkeys(("id", "dataset", "path", "role", "group", "reason"), "String")
"""The columns of ``roles.parquet``: `KEY`, what the row is for, its group (the smallest id of the
rows that must stay together) and why a row is rejected."""
ROLES: Final = "roles.parquet"
KEY: Final = ("id", "dataset", "path")
"""What names one row of a catalogue in the tables made from it; ``id`` alone may occur in several
data sets or parts."""
FACES: Final = "faces-{:05}.parquet"
REJECTION_COLUMNS: Final = dict.fromkeys(("path", "reason", "detail", "id", "dataset"), "String")


def polars_or_error(what: str = "This stage") -> ModuleType:
    """Returns Polars.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module("polars")
    except ImportError:
        raise MissingExtraError(what, "data") from None


def schema(columns: dict[str, str] = COLUMNS) -> dict[str, Any]:
    """Returns the Polars schema of a table whose columns are named as in `COLUMNS`."""
    pl = polars_or_error("Reading and writing catalogues")
    special = {
        "Votes": pl.Array(pl.Float32, len(CLASSES)),
        "Box": pl.Array(pl.Float32, 4),
        "Points": pl.Array(pl.Float32, (5, 2)),
        "Image": pl.Struct({"bytes": pl.Binary, "path": pl.String}),
    }
    return {name: special.get(kind) or getattr(pl, kind) for name, kind in columns.items()}


def from_samples(samples: Iterable[Sample]) -> polars.DataFrame:
    """Returns the catalogue of some samples, in their order."""
    pl = polars_or_error("Making a catalogue")
    rows = [
        tuple(
            value.as_tuple() if name == "face_box" and value else value
            for name, value in ((name, getattr(sample, name)) for name in COLUMNS)
        )
        for sample in samples
    ]
    return pl.DataFrame(rows, schema=schema(), orient="row")  # type: ignore[no-any-return]


def from_rejections(rejections: Iterable[Rejection]) -> polars.DataFrame:
    """Returns the table of what a stage rejected: path, reason, detail, id, dataset."""
    pl = polars_or_error("Making a table of rejections")
    rows = [tuple(getattr(r, name) for name in REJECTION_COLUMNS) for r in rejections]
    names = schema(REJECTION_COLUMNS)
    return pl.DataFrame(rows, schema=names, orient="row")  # type: ignore[no-any-return]


def write(frame: polars.DataFrame, path: Path) -> None:
    """Writes a table as Parquet, atomically."""
    with atomic(path) as file:
        frame.write_parquet(file, compression="zstd")


def sink(frame: polars.LazyFrame, path: Path) -> None:
    """Writes a table as Parquet, atomically, without holding all of it in memory."""
    with atomic(path) as file:
        frame.sink_parquet(file, compression="zstd", maintain_order=True)


def checked(path: Path, columns: dict[str, str] = COLUMNS) -> Path:
    """Returns a table's path after a look at its columns and types; its rows are not read.

    Args:
        path: the Parquet file, or the stage folder that holds ``catalogue.parquet``.
        columns: the columns it must have at least.

    Raises:
        DataError: the file is missing, is not Parquet, or lacks a column.
    """
    pl = polars_or_error("Reading a catalogue")
    file = path / CATALOGUE if path.is_dir() else path
    try:
        found = pl.read_parquet_schema(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"{file} is not a table that mien can read ({error}). Expected a Parquet file as "
            "'mien merge' writes it."
        ) from error
    wrong = [f"{n} ({t})" for n, t in schema(columns).items() if found.get(n) != t]
    if wrong:
        raise DataError(
            f"{file} lacks these columns or has them with other types: {', '.join(wrong)}. "
            "Make it again with this version of mien."
        )
    return file


def read(path: Path, columns: dict[str, str] = COLUMNS) -> polars.DataFrame:
    """Reads a table and checks that it has the expected columns and types.

    Args:
        path: the Parquet file, or the stage folder that holds ``catalogue.parquet``.
        columns: the columns it must have at least.

    Raises:
        DataError: the file is missing, is not Parquet, or lacks a column.
    """
    pl = polars_or_error("Reading a catalogue")
    file = checked(path, columns)
    try:
        return pl.read_parquet(file)  # type: ignore[no-any-return]  # Polars is a late import
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{file} is damaged ({error}). Make it again.") from error


def select(path: Path, columns: Sequence[str]) -> polars.DataFrame:
    """Returns some columns of a catalogue; the others are not read.

    Args:
        path: the Parquet file, or the stage folder that holds ``catalogue.parquet``.
        columns: names of `COLUMNS`.

    Raises:
        DataError: the file is missing or damaged, or lacks a column of a catalogue.
    """
    pl = polars_or_error("Reading a catalogue")
    file = checked(path)
    try:
        return pl.read_parquet(file, columns=list(columns))  # type: ignore[no-any-return]  # late import
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{file} is damaged ({error}). Make it again.") from error


def read_faces(
    folder: Path, columns: Sequence[str] = (), *, first: int = 0
) -> Iterator[polars.DataFrame]:
    """Yields the faces that `crop` stored, one table a shard, so that memory stays bounded.

    Args:
        folder: the stage folder of `crop`.
        columns: those of `FACE_COLUMNS` that are needed; none means all.
        first: the number of the shard to begin with, from 0.

    Raises:
        DataError: the folder holds no shard, or a shard lacks a column.
    """
    pl = polars_or_error("Reading faces")
    shards = sorted(folder.glob("faces-*.parquet"))
    if not shards:
        raise DataError(f"{folder} holds no faces-*.parquet. Expected the folder of 'mien crop'.")
    wanted = list(columns) or list(FACE_COLUMNS)
    for shard in shards[first:]:
        try:
            yield pl.read_parquet(shard, columns=wanted)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise DataError(
                f"{shard} cannot be read ({error}). Run 'mien crop' again into another folder."
            ) from error


def count(frame: polars.DataFrame | polars.LazyFrame, by: str = "dataset") -> polars.DataFrame:
    """Returns the thesis's table: one row a class, one column a source, with sums.

    Args:
        frame: a table with the columns ``label`` and ``by``.
        by: what the columns stand for.

    Unlabelled samples stand in the row ``unlabelled``.
    """
    pl = polars_or_error("Counting a catalogue")
    tally = (
        frame.lazy()
        .with_columns(pl.col("label").fill_null("unlabelled"))
        .group_by("label", by, maintain_order=True)
        .agg(pl.len().alias("rows"))
        .collect()
    )
    table = tally.pivot(on=by, index="label", values="rows").fill_null(0)
    order = [*CLASSES, "contempt", "unlabelled"]
    sources = [name for name in table.columns if name != "label"]
    table = table.sort(pl.col("label").replace_strict(order, range(len(order)), default=99))
    table = table.with_columns(total=pl.sum_horizontal(pl.lit(0), *sources)).select(
        "label", "total", *sources
    )
    sums = table.select(pl.lit("sum").alias("label"), pl.exclude("label").sum())
    return pl.concat([table, sums], how="vertical_relaxed")  # type: ignore[no-any-return]


def markdown(table: polars.DataFrame) -> str:
    """Returns a table of counts as Markdown; classes in its first column get their codes."""
    lines = [f"| {table.columns[0]} | " + " | ".join(table.columns[1:]) + " |"]
    lines.append("|---" + "|---:" * (len(table.columns) - 1) + "|")
    for first, *numbers in table.iter_rows():
        cells = [titled(first) if first in (*CLASSES, CONTEMPT) else first]
        lines.append("| " + " | ".join([*cells, *(f"{n:,}" for n in numbers)]) + " |")
    return "\n".join(lines) + "\n"
