"""`crop`: catalogue -> one aligned face a row, in Parquet shards with the pictures inside."""

from __future__ import annotations

import functools
import itertools
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import cv2
from pydantic import Field

from mien.core import catalogue, images, registry
from mien.core.artifact import StageFolder, read_meta
from mien.core.catalogue import FACE_COLUMNS, FACES, REJECTED, REJECTION_COLUMNS
from mien.core.config import StageConfig
from mien.core.errors import ConfigError, ImageError, StageError
from mien.core.origins import Source, check_roots, picture, read_sources, write_sources
from mien.core.progress import track
from mien.core.protocols import Aligner, Detector, Engine
from mien.core.types import Face, Image, Rejection

if TYPE_CHECKING:
    import polars

_PARTS: Final = "rejected.parts"
_READ: Final = ("id", "path", "dataset", "label", "votes", "split", "subject", "face_box")


class CropConfig(StageConfig):
    """The settings of `crop`.

    Attributes:
        detectors: for each data set, or for ``default``, the detectors to try in order until one
            finds a face.
        faces: which of several faces of a picture is kept.
        shard_size: how many catalogue rows make one shard.
        jobs: the number of processes; None takes every core. It does not change the result.
    """

    detectors: dict[str, tuple[str, ...]] = Field(default={"default": ("auto",)})
    faces: Literal["largest"] = "largest"
    shard_size: int = Field(default=1000, ge=1)
    jobs: int | None = Field(default=None, ge=1, exclude=True)

    def detectors_of(self, dataset: str) -> tuple[str, ...]:
        """Returns the detectors to try for a data set.

        Raises:
            ConfigError: neither it nor ``default`` is named.
        """
        found = self.detectors.get(dataset, self.detectors.get("default", ()))
        if not found:
            raise ConfigError(
                f"[crop.detectors] names no detector for {dataset!r}. Add the line "
                f'{dataset} = ["auto"], or one for default.'
            )
        return found


@dataclass(frozen=True)
class _Shard:
    """What one worker needs to make one shard."""

    index: int
    table: Path
    sources: Mapping[str, Source]
    config: CropConfig
    work: Path


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
            ``rejected.parquet`` with a reason for each row that gave no face, ``sources.json``.
        engine: what spreads the work; `LocalEngine` with ``config.jobs`` where not given.
        overwrite: throw away what stands at ``out`` with other settings.

    Returns:
        ``out``.

    Raises:
        StageError: ``out`` holds something else, or a worker died.
        DataError: the catalogue or its pictures' folders are missing.
        UnknownNameError: a detector has no such name.
    """
    folder = StageFolder(out, "crop", config, {"catalogue": merged}, overwrite=overwrite)
    if folder.done:
        return out
    rows = catalogue.read(merged).select("dataset", "label")
    datasets = rows["dataset"].unique().to_list()
    sources = read_sources(merged)
    check_roots(sources, datasets)
    for dataset in datasets:
        for name in config.detectors_of(dataset):
            _detector(name)  # fails, or fetches its file, before any worker starts
    table = merged / catalogue.CATALOGUE
    count = -(-len(rows) // config.shard_size)
    if not (folder.work / REJECTED).exists():  # it is written once all shards stand
        shards = [_Shard(i, table, sources, config, folder.work) for i in range(count)]
        waiting = [shard for shard in shards if not _stands(shard)]
        chosen = engine or registry.load("engines", "local")(config.jobs)
        finished = itertools.chain.from_iterable(map(range, chosen.map(crop_shard, waiting)))
        left = sum(_length(shard, len(rows)) for shard in waiting)
        for _ in track(finished, "crop", left):
            pass
        _gather_rejected(folder.work, count)
    shutil.rmtree(folder.work / _PARTS, ignore_errors=True)
    write_sources(sources.values(), folder.work)  # whatever is trained from it needs the licences
    return folder.finish(_counts(folder.work, rows))


def summary(out: Path) -> str:
    """Returns how many faces a finished folder holds, by data set, and why others are missing."""
    counts = read_meta(out)["counts"]
    lines = [f"{counts['kept']:,} faces of {counts['input']:,} pictures"]
    for row in counts["by_dataset"]:
        share = 100 * row["kept"] / row["input"]
        lines.append(f"{row['dataset']}: {row['kept']:,} of {row['input']:,} ({share:.1f} %)")
    lines += [f"{row['dataset']}: {row['rows']:,} {row['reason']}" for row in counts["reasons"]]
    return "\n".join(lines)


def crop_shard(shard: _Shard) -> int:
    """Makes one shard and returns how many catalogue rows it took."""
    pl = catalogue.polars_or_error("Cropping faces")
    size = shard.config.shard_size
    rows = pl.scan_parquet(shard.table).slice(shard.index * size, size).select(_READ).collect()
    faces: list[tuple[Any, ...]] = []
    rejected: list[Rejection] = []
    for row in rows.iter_rows(named=True):
        found = _crop_row(row, shard)
        if isinstance(found, Rejection):
            rejected.append(found)
        else:
            faces.append(found)
    parts = shard.work / _PARTS
    # The faces come last: where they stand, the shard is whole.
    catalogue.write(catalogue.from_rejections(rejected), parts / f"{shard.index:05}.parquet")
    frame = pl.DataFrame(faces, schema=catalogue.schema(FACE_COLUMNS), orient="row")
    catalogue.write(frame, shard.work / FACES.format(shard.index))
    return len(rows)


def _crop_row(row: dict[str, Any], shard: _Shard) -> tuple[Any, ...] | Rejection:
    """Returns one row of `FACE_COLUMNS`, or why there is no face."""

    def refuse(reason: str, detail: str) -> Rejection:
        return Rejection(row["path"], reason, detail, row["id"], row["dataset"])

    try:
        image = picture(row["dataset"], row["path"], shard.sources)
    except ImageError as error:
        return refuse("unreadable", str(error))
    found = _found(image, shard.config.detectors_of(row["dataset"]), row["face_box"])
    if isinstance(found[0], str):
        return refuse(*found)
    face, chip = found
    points = None if face.landmarks is None else face.landmarks.tolist()
    return (
        *(row[name] for name in ("id", "path", "dataset", "label", "votes", "split", "subject")),
        {"bytes": images.encode_png(chip), "path": row["path"]},
        face.bbox.as_tuple(),
        points,
        face.score,
        face.detector,
    )


def _found(
    image: Image, names: Iterable[str], box: list[float] | None
) -> tuple[Face, Image] | tuple[str, str]:
    """Returns the face and chip of the first detector that gives one, or a reason and detail."""
    tried: list[str] = []
    reason = "no_face"
    for name in names:
        outcome = "nothing"
        try:
            faces = _detector(name).detect(image)
            if faces:
                face = _chosen(faces, box)
                return face, _aligner().align(image, face)
        except (cv2.error, ValueError) as error:  # one odd picture must not end a long run
            reason, outcome = "detector_failed", f"{type(error).__name__}: {error}"
        tried.append(f"{name}: {outcome}")
    return reason, "; ".join(tried)


def _chosen(faces: list[Face], box: list[float] | None) -> Face:
    """Returns the largest face, or the one that the data set's own box means."""
    if box is None:
        return max(faces, key=lambda face: face.bbox.area)
    stated = type(faces[0].bbox)(*box)
    return max(faces, key=lambda face: face.bbox.iou(stated))


@functools.cache
def _detector(name: str) -> Detector:
    return registry.load("detectors", name)()  # type: ignore[no-any-return]


@functools.cache
def _aligner() -> Aligner:
    return registry.load("aligners", "five-point")()  # type: ignore[no-any-return]


def _stands(shard: _Shard) -> bool:
    return (shard.work / FACES.format(shard.index)).exists()


def _length(shard: _Shard, total: int) -> int:
    return min(shard.config.shard_size, total - shard.index * shard.config.shard_size)


def _gather_rejected(work: Path, count: int) -> None:
    pl = catalogue.polars_or_error()
    parts = [pl.read_parquet(work / _PARTS / f"{i:05}.parquet") for i in range(count)]
    empty = pl.DataFrame(schema=catalogue.schema(REJECTION_COLUMNS))
    catalogue.write(pl.concat([empty, *parts]), work / REJECTED)


def _counts(work: Path, rows: polars.DataFrame) -> dict[str, Any]:
    """Returns what went in and came out, in all, by data set and by class."""
    pl = catalogue.polars_or_error()
    kept = {name: FACE_COLUMNS[name] for name in ("dataset", "label", "detector")}
    empty = pl.DataFrame(schema=catalogue.schema(kept))
    shards = catalogue.read_faces(work, tuple(kept)) if len(rows) else ()
    faces = pl.concat([empty, *shards])
    rejected = pl.read_parquet(work / REJECTED)
    if len(faces) + len(rejected) != len(rows):
        raise StageError(
            f"crop lost rows: {len(rows)} went in, {len(faces)} + {len(rejected)} came out. "
            f"Remove {work} and run it again; please report it if that does not help."
        )

    def tally(table: polars.DataFrame, *by: str) -> list[dict[str, Any]]:
        return table.group_by(by).len("rows").sort(by).to_dicts()

    def rates(by: str) -> list[dict[str, Any]]:
        found = faces.group_by(by).len("kept")
        table = rows.group_by(by).len("input").join(found, on=by, how="left", nulls_equal=True)
        return table.with_columns(pl.col("kept").fill_null(0)).sort(by).to_dicts()

    return {
        "input": len(rows),
        "kept": len(faces),
        "rejected": len(rejected),
        "reasons": tally(rejected, "dataset", "reason"),
        "detectors": tally(faces, "dataset", "detector"),
        "by_dataset": rates("dataset"),
        "by_label": rates("label"),
    }
