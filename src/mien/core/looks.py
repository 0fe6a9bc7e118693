"""What can be seen of every picture of a catalogue, each decoded once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from mien.core import catalogue, likeness, registry
from mien.core.errors import ImageError
from mien.core.machine import cores
from mien.core.origins import Source, picture
from mien.core.progress import track
from mien.core.types import Floats, Image

if TYPE_CHECKING:
    import polars

LOOKS: Final = "looks.parquet"
LOOK_COLUMNS: Final = {
    **dict.fromkeys(catalogue.KEY, "String"),
    "width": "Int32",
    "height": "Int32",
    "mean": "Float32",
    "deviation": "Float32",
    "fault": "String",
    "detail": "String",
    "hash": "String",
    "digest": "String",
}
"""The columns of a table of looks: size in pixels, mean and deviation of grey levels, ``fault``
(``unreadable``, ``constant`` or null), why it is unreadable, the perceptual hash in 16 hexadecimal
digits (`likeness.hashes`) and the digest of the pixels."""
SHARD: Final = 500
"""Rows that one process looks at before it reports; fewer rows than this need no process."""
Grey = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """What can be seen of n pictures, in the order of their rows.

    Attributes:
        sizes: (n, 2) int32, width and height in pixels, upright; 0 where unreadable.
        mean: (n,) float32, the mean grey level, 0 to 255; NaN where unreadable.
        deviation: (n,) float32, the standard deviation of grey levels; NaN where unreadable.
        messages: why a picture cannot be read; None where it can.
        digests: of each picture's size and RGB pixels, whatever file they came in; None where it
            cannot be read.
        rows: (m,) int64, ascending: the rows that have a fingerprint; those that are neither here
            nor unreadable are constant.
        fingerprints: (m, 576) float32, see `likeness.fingerprint`.
    """

    sizes: npt.NDArray[np.int32]
    mean: Floats
    deviation: Floats
    messages: list[str | None]
    digests: list[str | None]
    rows: npt.NDArray[np.int64]
    fingerprints: Floats

    def __len__(self) -> int:
        return len(self.messages)

    @property
    def faults(self) -> list[str | None]:
        """For each row ``unreadable``, ``constant``, or None."""
        seen = np.zeros(len(self), bool)
        seen[self.rows] = True
        return [
            "unreadable" if message is not None else None if ok else "constant"
            for message, ok in zip(self.messages, seen.tolist(), strict=True)
        ]

    def table(self, rows: polars.DataFrame) -> polars.DataFrame:
        """Returns a row of `LOOK_COLUMNS` for each picture; what is unreadable has nulls.

        Args:
            rows: the (n,) rows that were looked at.
        """
        pl = catalogue.polars_or_error("A table of looks")
        keys: list[str | None] = [None] * len(self)
        for row, key in zip(self.rows.tolist(), likeness.hashes(self.fingerprints), strict=True):
            keys[row] = f"{key:016x}"
        table = rows.select(catalogue.KEY).with_columns(
            width=pl.Series(self.sizes[:, 0]),
            height=pl.Series(self.sizes[:, 1]),
            mean=pl.Series(self.mean),
            deviation=pl.Series(self.deviation),
            fault=pl.Series(self.faults, dtype=pl.String),
            detail=pl.Series(self.messages, dtype=pl.String),
            hash=pl.Series(keys, dtype=pl.String),
            digest=pl.Series(self.digests, dtype=pl.String),
        )
        readable = pl.col("detail").is_null()
        measured = ("width", "height", "mean", "deviation")
        blanked = [pl.when(readable).then(name).alias(name) for name in measured]
        return table.with_columns(blanked).select(list(LOOK_COLUMNS))


@dataclass(frozen=True, slots=True)
class _Shard:
    """What one process needs to look at some pictures: (data set, path) of each."""

    places: tuple[tuple[str, str], ...]
    sources: Mapping[str, Source]


def looks(
    rows: polars.DataFrame, sources: Mapping[str, Source], jobs: int | None, what: str
) -> Looks:
    """Decodes every picture once and returns what can be seen; no picture is fatal.

    Memory holds the fingerprints, 2.3 kB a picture, and nothing else that grows.

    Args:
        rows: with the columns ``dataset`` and ``path``.
        sources: as `origins.read_sources` returns them.
        jobs: the number of processes; None takes every core. It does not change the result.
        what: the word before the progress bar.

    Raises:
        StageError: a worker died.
    """
    n = len(rows)
    found = Looks(
        np.zeros((n, 2), np.int32),
        np.full(n, np.nan, np.float32),
        np.full(n, np.nan, np.float32),
        [],
        [],
        np.empty(n, np.int64),
        np.empty((n, likeness.SIDE**2), np.float32),
    )
    shards = list(_shards(rows, sources))
    engine = registry.load("engines", "local")(max(1, min(jobs or cores(), len(shards))))
    filled = 0
    for part in _told(engine.map(look_at, shards), what, n):
        start, end = len(found.messages), len(found.messages) + len(part)
        found.sizes[start:end] = part.sizes
        found.mean[start:end] = part.mean
        found.deviation[start:end] = part.deviation
        found.messages.extend(part.messages)
        found.digests.extend(part.digests)
        found.rows[filled : filled + len(part.rows)] = part.rows + start
        found.fingerprints[filled : filled + len(part.rows)] = part.fingerprints
        filled += len(part.rows)
    return replace(found, rows=found.rows[:filled], fingerprints=found.fingerprints[:filled])


def look_at(shard: _Shard) -> Looks:
    """Returns what can be seen of a shard's pictures."""
    n = len(shard.places)
    sizes = np.zeros((n, 2), np.int32)
    mean = np.full(n, np.nan, np.float32)
    deviation = mean.copy()
    messages: list[str | None] = [None] * n
    digests: list[str | None] = [None] * n
    vectors: dict[int, Floats] = {}
    for row, (dataset, path) in enumerate(shard.places):
        try:
            image = picture(dataset, path, shard.sources)
        except ImageError as error:
            messages[row] = str(error)
            continue
        digests[row] = _digest(image)
        grey: Grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)  # type: ignore[assignment]  # uint8
        sizes[row] = grey.shape[::-1]
        middle, spread = cv2.meanStdDev(grey)
        mean[row], deviation[row] = middle.item(), spread.item()
        vector = likeness.fingerprint(grey)
        if vector is not None:
            vectors[row] = vector
    stacked = np.array(list(vectors.values()), np.float32).reshape(-1, likeness.SIDE**2)
    rows = np.array(list(vectors), np.int64)
    return Looks(sizes, mean, deviation, messages, digests, rows, stacked)


def _digest(image: Image) -> str:
    seen = hashlib.blake2b(np.array(image.shape, "<i8").tobytes(), digest_size=16)
    seen.update(np.ascontiguousarray(image).data)
    return seen.hexdigest()


def _shards(rows: polars.DataFrame, sources: Mapping[str, Source]) -> Iterator[_Shard]:
    places = rows.select("dataset", "path")
    for part in places.iter_slices(SHARD):
        yield _Shard(tuple(part.rows()), sources)


def _told(parts: Iterator[Looks], what: str, total: int) -> Iterator[Looks]:
    """Yields the parts while a bar counts their pictures."""
    bar: Iterator[Any] = track(iter(range(total)), what, total)
    for part in parts:
        for _ in range(len(part)):
            next(bar)
        yield part
    next(bar, None)  # lets it close
