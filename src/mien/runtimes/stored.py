"""A model over the faces that `crop` stored, shard by shard: in threads here, or by an engine."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mien.core import catalogue as tables
from mien.core.artifact import digest
from mien.core.catalogue import KEY
from mien.core.chips import stored_chip
from mien.core.labels import CLASSES
from mien.core.progress import track
from mien.core.protocols import Engine
from mien.core.quality import NAMES as QUALITIES
from mien.core.types import Floats
from mien.runtimes.model import Model, check_finite

if TYPE_CHECKING:
    import polars

SEEN: Final = ("detector", "assumed", "yaw", "pitch", "roll", *QUALITIES)
"""The columns of a table of faces that say how a face was found and how well it can be seen."""
_READ: Final = (*KEY, *SEEN, "chip")
_WANTED: Final = "wanted.parquet"
"""Beside the shards' tables: the rows that are wanted, for workers to read."""


@dataclass(frozen=True, slots=True)
class _Shard:
    """What one worker needs to make one shard's table.

    Attributes:
        index: its number, from 0.
        faces: the stage folder of `crop`.
        parts: the folder that takes the table and holds `_WANTED`.
        model: the arguments of `_loaded`.
    """

    index: int
    faces: Path
    parts: Path
    model: tuple[Path, str, str, int, str]

    @property
    def part(self) -> Path:
        return self.parts / f"{self.index:05}.parquet"


def stored_logits(
    network: Model, wanted: polars.DataFrame, faces: Path, parts: Path, jobs: int | None = None
) -> Iterator[polars.DataFrame]:
    """Yields a table a shard: `KEY`, `SEEN` and the logits of the wanted faces.

    Finished shards are read back from where they were kept.

    Args:
        network: the model.
        wanted: rows with `KEY`; faces of other rows are left out.
        faces: the stage folder of `crop`.
        parts: the folder that keeps the shards' tables.
        jobs: threads that decode; None takes the default.

    Raises:
        DataError: a shard or a chip is missing or damaged.
        ModelError: the network gives no finite numbers.
    """
    pl = tables.polars_or_error()
    shards = sorted(faces.glob("faces-*.parquet"))
    with ThreadPoolExecutor(jobs) as pool:
        stream = tables.read_faces(faces, _READ)
        for index, frame in enumerate(track(stream, "evaluate", len(shards))):
            part = parts / f"{index:05}.parquet"
            if not part.exists():
                tables.write(_table(network, frame, wanted, pool.map), part)
            yield pl.read_parquet(part)


def spread_logits(
    engine: Engine,
    network: Model,
    wanted: polars.DataFrame,
    faces: Path,
    parts: Path,
) -> Iterator[polars.DataFrame]:
    """Yields what `stored_logits` does, made by an engine's workers, shard by shard.

    A worker loads the model once and gives it one thread: the workers have the cores among them.
    Faces go through the network in the same batches as there.

    Args:
        engine: what spreads the shards. Its workers find the model, ``faces`` and ``parts`` under
            the same paths.
        network: the model, loaded here, too, so that what does not fit is told first.
        wanted: rows with `KEY`; faces of other rows are left out.
        faces: the stage folder of `crop`.
        parts: the folder that keeps the shards' tables.

    Raises:
        DataError: a shard or a chip is missing or damaged.
        ModelError: the network gives no finite numbers.
        StageError: a worker died too often.
    """
    pl = tables.polars_or_error()
    tables.write(wanted, parts / _WANTED)
    next(tables.read_faces(faces, KEY))  # a folder of no faces is told before any worker starts
    told = network.runtime, network.precision, network.batch_size, digest(network.path)
    model = network.folder.absolute(), *told
    count = len(list(faces.glob("faces-*.parquet")))
    shards = [_Shard(i, faces.absolute(), parts.absolute(), model) for i in range(count)]
    waiting = [shard for shard in shards if not shard.part.exists()]
    for _ in track(engine.map(_make, waiting), "evaluate", len(waiting)):
        pass
    yield from (pl.read_parquet(shard.part) for shard in shards)


def _make(shard: _Shard) -> int:
    """Makes one shard's table and returns how many faces it holds."""
    pl = tables.polars_or_error()
    frame = next(tables.read_faces(shard.faces, _READ, first=shard.index))
    done = _table(_loaded(*shard.model), frame, pl.read_parquet(shard.parts / _WANTED), map)
    tables.write(done, shard.part)
    return len(done)


@functools.lru_cache(maxsize=1)
def _loaded(folder: Path, runtime: str, precision: str, batch_size: int, weights: str) -> Model:
    """Returns the model of one process, loaded once.

    The digest of the weights is among the arguments so that a process that lives on does not take
    a model for another one that came to stand in its place.
    """
    del weights
    return Model(folder, runtime=runtime, precision=precision, threads=1, batch_size=batch_size)


def _table(
    network: Model,
    frame: polars.DataFrame,
    wanted: polars.DataFrame,
    spread: Callable[..., Iterable[Any]],
) -> polars.DataFrame:
    """Returns the table of one shard; ``spread`` is `map`, or does the same in threads."""
    pl = tables.polars_or_error()
    rows = frame.join(wanted, on=KEY, how="semi")
    logits = _logits(network, rows, spread)
    column = pl.Series("logits", logits, pl.Array(pl.Float32, len(CLASSES)))
    return rows.select(*KEY, *SEEN, column)


def _logits(network: Model, rows: polars.DataFrame, spread: Callable[..., Iterable[Any]]) -> Floats:
    """Returns the logits (n, 7) of the chips of one shard, decoded a batch at a time."""
    size = network.batch_size
    found = np.empty((len(rows), len(CLASSES)), np.float32)
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        chips = list(spread(stored_chip, some["chip"].struct["bytes"], some["path"]))
        found[start : start + size] = network.logits(np.stack(chips))
    return check_finite(network, found)
