"""One shard of a catalogue: its rows in, their faces and the reasons for gaps out.

What one process of `crop` does; the same rows give the same bytes wherever it runs.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mien.core import catalogue, images
from mien.core.catalogue import FACE_COLUMNS, FACES, REJECTED
from mien.core.errors import ImageError
from mien.core.origins import Source, picture
from mien.core.types import BBox, Rejection
from mien.faces.finder import Choice, Cut, Finder, Options
from mien.faces.pictures import Pictures

PARTS: Final = "rejected.parts"
"""The folder of the shards' rejections, until `gather_rejected` makes one table of them."""
_OF_THE_ROW: Final = ("dataset", "label", "votes", "split", "subject")
_READ: Final = ("id", "path", *_OF_THE_ROW, "face_box")
PICTURES: Final = "pictures"
Row = dict[str, Any]


@dataclass(frozen=True)
class Look:
    """How faces are found and kept; see `Finder`.

    Attributes:
        detectors: for each data set, the detectors to try in order.
        aligner: the name of the aligner.
        faces: which of several faces is kept.
        options: for each detector, by name, the keywords of its constructor.
        pictures: the form of the faces as files; None writes none.
    """

    detectors: Mapping[str, tuple[str, ...]]
    aligner: str
    faces: Choice
    options: Options
    pictures: Pictures | None = None

    def finder(self, dataset: str) -> Finder:
        """Returns the finder for a data set, made once a process for the same arguments."""
        told = json.dumps(self.options, sort_keys=True, default=str)
        return _finder(self.detectors[dataset], self.aligner, self.faces, told)


@dataclass(frozen=True)
class Shard:
    """What one worker needs to make one shard.

    Attributes:
        index: its number, from 0.
        size: how many catalogue rows make a shard.
        table: the catalogue.
        sources: where the pictures stand, as `origins.read_sources` returns them.
        look: how faces are found.
        work: the folder that takes ``faces-NNNNN.parquet`` and the rejections.
    """

    index: int
    size: int
    table: Path
    sources: Mapping[str, Source]
    look: Look
    work: Path

    @property
    def stands(self) -> bool:
        """Whether the shard was made before."""
        return (self.work / FACES.format(self.index)).exists()


def crop_shard(shard: Shard) -> int:
    """Makes one shard and returns how many catalogue rows it took."""
    pl = catalogue.polars_or_error("Cropping faces")
    table = pl.scan_parquet(shard.table).slice(shard.index * shard.size, shard.size)
    rows = table.select(_READ).collect()
    faces: list[tuple[Any, ...]] = []
    rejected: list[Rejection] = []
    for row in rows.iter_rows(named=True):
        for found in _found(row, shard):
            (rejected if isinstance(found, Rejection) else faces).append(found)  # type: ignore[arg-type]  # each goes where it belongs
    # The faces come last: where they stand, the shard is whole.
    part = shard.work / PARTS / f"{shard.index:05}.parquet"
    catalogue.write(catalogue.from_rejections(rejected), part)
    frame = pl.DataFrame(faces, schema=catalogue.schema(FACE_COLUMNS), orient="row")
    catalogue.write(frame, shard.work / FACES.format(shard.index))
    return len(rows)


def gather_rejected(work: Path, count: int) -> None:
    """Writes ``rejected.parquet`` from what ``count`` shards rejected."""
    pl = catalogue.polars_or_error()
    parts = [pl.read_parquet(work / PARTS / f"{i:05}.parquet") for i in range(count)]
    catalogue.write(pl.concat([catalogue.from_rejections(()), *parts]), work / REJECTED)


def _found(row: Row, shard: Shard) -> Iterator[tuple[Any, ...] | Rejection]:
    """Yields a row of `FACE_COLUMNS`, or why there is none, for each face of a catalogue row."""

    def refuse(number: int, reason: str, detail: str | None) -> Rejection:
        return Rejection(row["path"], reason, detail or "", _id(row, number), row["dataset"])

    try:
        image = picture(row["dataset"], row["path"], shard.sources)
    except ImageError as error:
        yield refuse(0, "unreadable", str(error))
        return
    stated = None if row["face_box"] is None else BBox(*row["face_box"])
    found = shard.look.finder(row["dataset"]).find(image, stated)
    if not found.cuts:
        yield refuse(0, found.reason or "no_face", found.message)
    for number, cut in enumerate(found.cuts):
        if cut.chip is None:
            yield refuse(number, "bad_landmarks", cut.message)
            continue
        yield _row(row, number, cut)
        if shard.look.pictures is not None:
            label = row["label"] if row["label"] and not number else "unlabelled"
            place = shard.work / PICTURES / row["dataset"] / label
            name = place / f"{_id(row, number)}.png"
            shard.look.pictures.write(image, cut.face, shard.look.aligner, name)


def _row(row: Row, number: int, cut: Cut) -> tuple[Any, ...]:
    face = cut.face
    assert cut.chip is not None
    assert face.quality is not None
    # What a data set says of a picture it says of one face.
    told = {name: row[name] for name in _OF_THE_ROW}
    if number:
        told |= dict.fromkeys(("label", "votes", "subject"))
    return (
        _id(row, number),
        row["path"],
        *told.values(),
        {"bytes": images.encode_png(cut.chip), "path": row["path"]},
        face.bbox.as_tuple(),
        None if face.landmarks is None else face.landmarks.tolist(),
        face.score,
        face.detector,
        face.assumed,
        face.yaw,
        face.pitch,
        face.roll,
        *face.quality.as_tuple(),
    )


def _id(row: Row, number: int) -> str:
    return f"{row['id']}#face{number}" if number else str(row["id"])


@functools.cache
def _finder(detectors: tuple[str, ...], aligner: str, faces: Choice, options: str) -> Finder:
    return Finder(detectors, aligner=aligner, faces=faces, options=json.loads(options))
