"""`crop`: catalogue -> one aligned face a row, in Parquet shards with the pictures inside."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import Field

from mien.core import catalogue, images, registry, shares
from mien.core.artifact import StageFolder, read_meta
from mien.core.catalogue import FACE_COLUMNS, KEY, REJECTED
from mien.core.config import StageConfig
from mien.core.errors import ConfigError, ImageError, StageError
from mien.core.origins import Source, check_roots, picture, read_sources, write_sources
from mien.core.progress import track
from mien.core.protocols import Engine
from mien.core.types import Image
from mien.faces.finder import Choice, made, resolved
from mien.faces.pictures import Pictures
from mien.faces.shards import PARTS, Look, Shard, crop_shard, gather_rejected
from mien.metrics.detection import rates
from mien.plots.sheet import Cell, sheet

if TYPE_CHECKING:
    import polars

SHEET: Final = "faces.png"
STATED: Final = ("dataset", "label", "gender", "age", "ethnicity", "pose", "light")
"""What a detection rate is given by, where the catalogue states it."""
_DEFAULT: Final = "default"


class CropConfig(StageConfig):
    """The settings of `crop`.

    Attributes:
        detectors: for each data set, or for ``default``, the detectors to try in order until one
            finds a face. ``auto`` is what it means on this machine.
        options: for each detector, by name, the keywords of its constructor, such as
            ``{"hog": {"landmarks": "shape_predictor_68_face_landmarks.dat"}}``.
        aligner: ``five-point``, or ``eye-line`` for the thesis's framing by the detector's box.
        faces: which of several faces of a picture is kept: the ``largest``, the most ``central``
            one, or ``all``. Where the data set states the box of its face, that one is meant.
        pictures: also write each face as a picture file, in this form; None writes none.
        examples: how many faces, and how many rejected pictures, the contact sheet shows of each
            data set.
        shard_size: how many catalogue rows make one shard.
        engine: the name of what spreads the work.
        jobs: the number of processes; None takes every core. It does not change the result.
    """

    detectors: dict[str, tuple[str, ...]] = Field(default={_DEFAULT: ("auto",)})
    options: dict[str, dict[str, Any]] = Field(default={})
    aligner: str = "five-point"
    faces: Choice = "largest"
    pictures: Pictures | None = None
    examples: int = Field(default=12, ge=0)
    shard_size: int = Field(default=256, ge=1)
    engine: str = Field(default="local", exclude=True)
    jobs: int | None = Field(default=None, ge=1, exclude=True)

    def detectors_of(self, dataset: str) -> tuple[str, ...]:
        """Returns the detectors to try for a data set.

        Raises:
            ConfigError: neither it nor ``default`` is named.
        """
        found = self.detectors.get(dataset, self.detectors.get(_DEFAULT, ()))
        if not found:
            raise ConfigError(
                f"[crop.detectors] names no detector for {dataset!r}. Add the line "
                f'{dataset} = ["auto"], or one for default.'
            )
        return found


def crop(
    config: CropConfig,
    merged: Path,
    out: Path,
    *,
    engine: Engine | None = None,
    overwrite: bool = False,
) -> Path:
    """Finds, aligns and stores the face of every catalogue row.

    A run that was stopped goes on from its finished shards. The bytes do not depend on the number
    of processes.

    Args:
        config: the settings.
        merged: the stage folder of `merge`.
        out: the folder to make: ``faces-00000.parquet`` and on (`catalogue.FACE_COLUMNS`),
            ``rejected.parquet`` with a reason for each row that gave no face, ``faces.png`` (a
            contact sheet of both) and ``sources.json``; with ``config.pictures`` also
            ``pictures/<data set>/<label>/<id>.png``.
        engine: what spreads the work; that of the settings where not given.
        overwrite: throw away what stands at ``out`` with other settings.

    Returns:
        ``out``.

    Raises:
        StageError: ``out`` holds something else, or a worker died.
        DataError: the catalogue or its pictures' folders are missing.
        UnknownNameError: a detector or the aligner has no such name.
        ConfigError: a detector has no such option.
    """
    datasets = sorted(catalogue.select(merged, ["dataset"])["dataset"].unique())
    detectors = {name: resolved(config.detectors_of(name)) for name in datasets}
    config = config.model_copy(update={"detectors": detectors})
    inputs = {"catalogue": merged} | _files(config.options)
    folder = StageFolder(out, "crop", config, inputs, overwrite=overwrite)
    if folder.done:
        return out
    rows = catalogue.select(merged, [*KEY, *STATED[1:]])
    sources = read_sources(merged)
    check_roots(sources, datasets)
    registry.load("aligners", config.aligner)
    for name in sorted({name for names in detectors.values() for name in names}):
        made(name, config.options)  # fails, or fetches its file, before any worker starts
    count = -(-len(rows) // config.shard_size)
    if not (folder.work / REJECTED).exists():  # it is written once all shards stand
        look = Look(detectors, config.aligner, config.faces, config.options, config.pictures)
        table = merged / catalogue.CATALOGUE
        shards = [
            Shard(i, config.shard_size, table, sources, look, folder.work) for i in range(count)
        ]
        waiting = [shard for shard in shards if not shard.stands]
        spread = engine or registry.load("engines", config.engine)(config.jobs)
        finished = itertools.chain.from_iterable(map(range, spread.map(crop_shard, waiting)))
        left = sum(min(config.shard_size, len(rows) - s.index * s.size) for s in waiting)
        for _ in track(finished, "crop", left):
            pass
        gather_rejected(folder.work, count)
    shutil.rmtree(folder.work / PARTS, ignore_errors=True)
    write_sources(sources.values(), folder.work)  # whatever is trained from it needs the licences
    counts = _counts(folder.work, rows)
    if config.examples and len(rows):
        _draw(folder.work, sources, config.examples)
    return folder.finish(counts)


def summary(out: Path) -> str:
    """Returns how many faces a finished folder holds, by what is stated, and why others miss."""
    counts = read_meta(out)["counts"]
    lines = [f"{counts['kept']:,} of {counts['input']:,} pictures gave a face"]
    if counts["further"]:
        lines[0] += f", {counts['further']:,} a further one"
    for by in STATED:
        for row in counts[f"by_{by}"]:
            bounds = f"{100 * row['low']:.1f} to {100 * row['high']:.1f}"
            lines.append(
                f"{by} {row[by]}: {row['kept']:,} of {row['input']:,} "
                f"({100 * row['rate']:.2f} %, {bounds})"
            )
    lines += [f"{row['dataset']}: {row['rows']:,} {row['reason']}" for row in counts["reasons"]]
    lines += [
        f"{r['dataset']}: {r['rows']:,} faces by {r['detector']}" for r in counts["detectors"]
    ]
    if (out / SHEET).is_file():
        lines.append(f"look at {out / SHEET}")
    return "\n".join(lines)


def _files(options: Mapping[str, Mapping[str, Any]]) -> dict[str, Path]:
    """Returns the files that detectors' options name: other ones give other faces."""
    return {
        f"{name}.{key}": Path(value)
        for name, chosen in options.items()
        for key, value in chosen.items()
        if isinstance(value, str) and Path(value).is_file()
    }


def _counts(work: Path, rows: polars.DataFrame) -> dict[str, Any]:
    """Returns what went in and came out, in all and by what the catalogue states."""
    pl = catalogue.polars_or_error()
    columns = (*KEY, "detector")
    empty = pl.DataFrame(schema=catalogue.schema({name: FACE_COLUMNS[name] for name in columns}))
    faces = pl.concat([empty, *(catalogue.read_faces(work, columns) if len(rows) else ())])
    rejected = pl.read_parquet(work / REJECTED)
    kept = rows.join(faces.with_columns(kept=True), on=KEY, how="left", maintain_order="left")
    kept = kept.with_columns(pl.col("kept").fill_null(value=False))
    refused = rejected.join(rows.select(KEY), on=KEY, how="semi")
    if len(kept) != len(rows) or int(kept["kept"].sum()) + len(refused) != len(rows):
        raise StageError(
            f"crop lost rows: {len(rows)} went in, {kept['kept'].sum()} + {len(refused)} came out. "
            f"Remove {work} and run it again; please report it if that does not help."
        )

    def tally(table: polars.DataFrame, *by: str) -> list[dict[str, Any]]:
        return table.group_by(by).len("rows").sort(by).to_dicts()

    return {
        "input": len(rows),
        "kept": int(kept["kept"].sum()),
        "rejected": len(refused),
        "further": len(faces) - int(kept["kept"].sum()),
        "reasons": tally(rejected, "dataset", "reason"),
        "detectors": tally(faces, "dataset", "detector"),
        **{f"by_{name}": rates(kept, name) for name in STATED},
    }


def _draw(work: Path, sources: Mapping[str, Source], examples: int) -> None:
    """Draws faces and rejected pictures of each data set, chosen by a hash of their ids."""
    pl = catalogue.polars_or_error()
    keys = pl.concat(
        table.with_columns(shard=pl.lit(number))
        for number, table in enumerate(catalogue.read_faces(work, KEY))
    )
    rejected = pl.read_parquet(work / REJECTED)
    names = sorted({*rejected["dataset"], *keys["dataset"]})
    reasons = sorted(rejected["reason"].unique())

    def drawn(table: polars.DataFrame) -> polars.DataFrame:
        return table[np.argsort(shares.order(table["id"], SHEET), kind="stable")[:examples]]

    def read(row: Mapping[str, Any]) -> Image | None:
        try:
            return picture(row["dataset"], row["path"], sources)
        except ImageError:
            return None

    grid = []
    for name in names:
        own = keys.filter(pl.col("dataset") == name)
        cells = [Cell(len(own), _chips(work, drawn(own)))]
        for reason in reasons:
            refused = rejected.filter((pl.col("dataset") == name) & (pl.col("reason") == reason))
            shown = [read(row) for row in drawn(refused).iter_rows(named=True)]
            cells.append(Cell(len(refused), shown))
        grid.append(cells)
    sheet(grid, names, ["faces", *(reason.replace("_", " ") for reason in reasons)], work / SHEET)


def _chips(work: Path, chosen: polars.DataFrame) -> list[Image]:
    """Returns the chips of some faces; only the shards that hold them are read."""
    pl = catalogue.polars_or_error()
    found = []
    for (number,), rows in chosen.group_by("shard", maintain_order=True):
        shard = pl.scan_parquet(work / catalogue.FACES.format(number)).select(*KEY, "chip")
        held = shard.join(rows.lazy(), on=KEY, how="semi").collect()
        found += [images.decode(chip["bytes"]) for chip in held["chip"]]
    return found
