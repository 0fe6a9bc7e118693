"""Time and memory of `merge` and `split` on synthetic catalogues, at three sizes.

    python benchmarks/catalogue.py [--rows 10000000] [--out build/bench]

Two catalogues of half the rows each, ten rows a person, one row in fifty a copy of another; no
pictures, so `split` is told not to look at any. Each stage runs in a process of its own, whose peak
memory is what the system counted.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from mien.core import catalogue
from mien.core.labels import CLASSES
from mien.core.origins import Source, write_sources
from mien.core.types import SourceInfo
from mien.stages.merge import MergeConfig, merge
from mien.stages.split import SplitConfig, split

_SHARES = (0.25, 0.1, 0.02, 0.03, 0.3, 0.15, 0.15)


def synthetic(folder: Path, name: str, rows: int, seed: int) -> Path:
    """Writes a catalogue of ``rows`` rows and returns its folder."""
    random = np.random.default_rng(seed)
    raw = random.bytes(32 * rows)
    kind = pa.binary(32)
    binary = pa.FixedSizeBinaryArray.from_buffers(kind, rows, [None, pa.py_buffer(raw)])
    ids = pl.Series(binary.cast(pa.binary())).bin.encode("hex")
    copied = np.where(random.random(rows) < 0.02, random.integers(0, rows, rows), np.arange(rows))
    people = random.integers(0, max(rows // 10, 1), rows)
    number = pl.Series(np.arange(rows))
    told = {
        "id": ids.gather(copied),
        "path": pl.select(pl.format("{}/{}.png", pl.lit(name), number)).to_series(),
        "dataset": pl.repeat(name, rows, eager=True),
        "licence": pl.repeat("none", rows, eager=True),
        "label": pl.Series(CLASSES).gather(random.choice(7, rows, p=_SHARES)[people]),
        "split": pl.repeat("train", rows, eager=True),
        "subject": pl.Series(people).cast(pl.String),
    }
    schema = catalogue.schema()
    frame = pl.DataFrame(told).select(
        pl.col(n).cast(t) if n in told else pl.lit(None, t).alias(n) for n, t in schema.items()
    )
    catalogue.write(frame, folder / catalogue.CATALOGUE)
    info = SourceInfo(name, name, "none", "no", "nowhere", "nobody")
    write_sources([Source(name, "internet", folder, {}, info)], folder)
    return folder


def timed(work: Callable[..., Any], *arguments: Any) -> tuple[float, float]:
    """Returns the seconds and the peak memory in GiB of a call in a process of its own."""
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    process = context.Process(target=_measured, args=(told, work, arguments))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{work.__name__} ended with {process.exitcode}")
    found: tuple[float, float] = told.get()
    return found


def _measured(told: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    start = time.perf_counter()
    work(*arguments)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    told.put((time.perf_counter() - start, peak))


def main() -> None:
    """Measures three sizes and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    given = parser.parse_args()
    print("| rows | merge, s | split, s | both, µs a row | peak merge, GiB | peak split, GiB |")
    print("|---:|---:|---:|---:|---:|---:|", flush=True)
    for rows in (given.rows // 4, given.rows // 2, given.rows):
        place = given.out / str(rows)
        shutil.rmtree(place, ignore_errors=True)
        for seed, name in enumerate(("left", "right")):
            timed(synthetic, place / name, name, rows // 2, seed)
        sources = [{"catalogue": place / name} for name in ("left", "right")]
        config = MergeConfig.model_validate({"sources": sources})
        merging, first = timed(merge, config, place / "merge")
        splitting, second = timed(
            split, SplitConfig(near_duplicates=False), place / "merge", place / "split"
        )
        both = f"{1e6 * (merging + splitting) / rows:.2f}"
        print(
            f"| {rows:,} | {merging:.1f} | {splitting:.1f} | {both} | {first:.2f} | {second:.2f} |",
            flush=True,
        )
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
