"""`crop` at three sizes and with one and two processes, then killed ten times.

    python benchmarks/crop.py runs/default/merge examples/default.toml [--rows 1000 4000 16000]

Each run is `mien crop` in a process of its own, over the first rows of a catalogue. The memory is
the sum over its processes, looked at five times a second; what they share counts in each. Killed
runs get SIGKILL, all processes at once, at random moments; the last one runs to its end.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.parquet as pq

from mien.core.artifact import read_meta
from mien.core.catalogue import CATALOGUE
from mien.core.origins import SOURCES


@dataclass(frozen=True)
class Run:
    """What one run took: seconds, peak memory in MB, and the digest of what it made."""

    seconds: float
    megabytes: float
    digest: str
    kept: int


def head(catalogue: Path, rows: int, out: Path) -> Path:
    """Writes a catalogue of the first rows of another, and returns its folder."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    pq.write_table(pq.read_table(catalogue / CATALOGUE)[:rows], out / CATALOGUE)
    shutil.copy(catalogue / SOURCES, out / SOURCES)
    return out


def fresh(out: Path) -> None:
    """Removes what an earlier run made or left."""
    for folder in (out, out.with_name(out.name + ".partial")):
        shutil.rmtree(folder, ignore_errors=True)


def started(config: Path, catalogue: Path, out: Path, jobs: int) -> psutil.Popen:
    """Starts `mien crop` in a group of processes of its own."""
    command = [str(Path(sys.executable).with_name("mien")), "crop", str(config)]
    command += ["--catalogue", str(catalogue), "--out", str(out), "--jobs", str(jobs)]
    quiet = subprocess.DEVNULL
    return psutil.Popen(command, stdout=quiet, start_new_session=True)


def measured(config: Path, catalogue: Path, out: Path, jobs: int) -> Run:
    """Runs `mien crop` from nothing to its end."""
    fresh(out)
    begun, peak = time.perf_counter(), 0
    process = started(config, catalogue, out, jobs)
    while process.poll() is None:
        peak = max(peak, _memory(process))
        time.sleep(0.2)
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise SystemExit(f"mien crop ended with {process.returncode}")
    meta = read_meta(out)
    return Run(seconds, peak / 1e6, meta["digest"], meta["counts"]["kept"])


def killed(config: Path, catalogue: Path, out: Path, times: int, longest: float) -> str:
    """Kills `mien crop` several times, lets it end, and returns the digest of what it made."""
    fresh(out)
    chance = random.Random(0)  # noqa: S311  # moments, no secrets
    for number in range(times):
        process = started(config, catalogue, out, 2)
        time.sleep(chance.uniform(0.5, longest))
        if process.poll() is not None:
            raise SystemExit(f"it ended before kill {number + 1}: take more rows")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        done = len(list(out.with_name(out.name + ".partial").glob("faces-*.parquet")))
        print(f"kill {number + 1}: {done} shards stood", flush=True)
    if started(config, catalogue, out, 2).wait():
        raise SystemExit("the last run failed")
    return str(read_meta(out)["digest"])


def _memory(process: psutil.Popen) -> int:
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.Error:  # it has just ended
            continue
    return total


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("catalogue", type=Path, help="the folder that merge wrote")
    parser.add_argument("config", type=Path, help="the settings of crop")
    parser.add_argument("--rows", type=int, nargs=3, default=[1000, 4000, 16000])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("build/bench/crop"))
    options = parser.parse_args()
    print("| pictures | faces | 1 process, s | 2, s | ratio | MB, 1 | MB, 2 | same bytes |")
    print("|---:|---:|---:|---:|---:|---:|---:|---|")
    for rows in options.rows:
        some = head(options.catalogue, rows, options.out / f"catalogue-{rows}")
        one, two = (
            measured(options.config, some, options.out / f"crop-{rows}-{jobs}", jobs)
            for jobs in (1, 2)
        )
        print(
            f"| {rows:,} | {one.kept:,} | {one.seconds:.1f} | {two.seconds:.1f} | "
            f"{one.seconds / two.seconds:.2f} | {one.megabytes:.0f} | {two.megabytes:.0f} | "
            f"{one.digest == two.digest} |",
            flush=True,
        )
    rows = options.rows[2]
    some, out = options.out / f"catalogue-{rows}", options.out / "crop-killed"
    whole = read_meta(options.out / f"crop-{rows}-2")["digest"]
    same = killed(options.config, some, out, options.kills, 8.0) == whole
    print(f"after {options.kills} kills the bytes are {'the same' if same else 'OTHER ONES'}")


if __name__ == "__main__":
    main()
