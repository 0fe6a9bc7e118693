"""The faces that `crop` stored, as a network's inputs, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mien.core import catalogue as tables
from mien.core.catalogue import KEY
from mien.core.chips import stored_chip
from mien.core.progress import track
from mien.core.spec import Preprocess, prepare
from mien.core.types import Floats

if TYPE_CHECKING:
    import polars


def stored_inputs(
    faces: Path,
    preprocess: Preprocess,
    wanted: polars.DataFrame,
    *,
    columns: Sequence[str] = (),
    batch_size: int = 64,
    jobs: int | None = None,
) -> Iterator[tuple[polars.DataFrame, Floats]]:
    """Yields some faces' rows and what a network is given of them, in the order of the shards.

    Args:
        faces: the stage folder of `crop`.
        preprocess: the network's input.
        wanted: rows with `KEY`; faces of other rows are left out.
        columns: further columns of the table of faces.
        batch_size: how many faces are decoded at once.
        jobs: threads that decode; None takes the default.

    Yields:
        The columns of ``wanted`` and ``columns`` for up to ``batch_size`` faces, and their inputs,
        (n, channels, size, size) float32.

    Raises:
        DataError: a shard or a chip is missing or damaged.
    """
    shards = sorted(faces.glob("faces-*.parquet"))
    with ThreadPoolExecutor(jobs) as pool:
        stream = tables.read_faces(faces, [*KEY, *columns, "chip"])
        for frame in track(stream, "explain", len(shards)):
            rows = frame.join(wanted, on=KEY, how="inner", maintain_order="left")
            for start in range(0, len(rows), batch_size):
                some = rows[start : start + batch_size]
                chips = list(pool.map(stored_chip, some["chip"].struct["bytes"], some["path"]))
                yield some.drop("chip"), prepare(np.stack(chips), preprocess)
