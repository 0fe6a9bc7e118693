"""A model over the faces that `crop` stored, shard by shard."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from mien.core import catalogue as tables
from mien.core.catalogue import KEY
from mien.core.chips import stored_chip
from mien.core.labels import CLASSES
from mien.core.progress import track
from mien.core.quality import NAMES as QUALITIES
from mien.core.types import Floats
from mien.runtimes.model import Model, check_finite

if TYPE_CHECKING:
    import polars

SEEN: Final = ("detector", "assumed", "yaw", "pitch", "roll", *QUALITIES)
"""The columns of a table of faces that say how a face was found and how well it can be seen."""


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
        stream = tables.read_faces(faces, [*KEY, *SEEN, "chip"])
        for index, frame in enumerate(track(stream, "evaluate", len(shards))):
            part = parts / f"{index:05}.parquet"
            if not part.exists():
                rows = frame.join(wanted, on=KEY, how="semi")
                logits = _logits(network, rows, pool)
                column = pl.Series("logits", logits, pl.Array(pl.Float32, len(CLASSES)))
                tables.write(rows.select(*KEY, *SEEN, column), part)
            yield pl.read_parquet(part)


def _logits(network: Model, rows: polars.DataFrame, pool: ThreadPoolExecutor) -> Floats:
    """Returns the logits (n, 7) of the chips of one shard, decoded a batch at a time."""
    size = network.batch_size
    found = np.empty((len(rows), len(CLASSES)), np.float32)
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        chips = list(pool.map(stored_chip, some["chip"].struct["bytes"], some["path"]))
        found[start : start + size] = network.logits(np.stack(chips))
    return check_finite(network, found)
