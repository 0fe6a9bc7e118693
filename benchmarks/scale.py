"""Any number of pictures: memory that stays, cores that add up, a cluster that costs little.

    python benchmarks/scale.py PHOTOS [--count 20000] [--middle 5000] [--few 1000] [--ray]
        [--detector yunet]

PHOTOS is a folder of photographs; links to them make as many as wanted. Runs `mien predict
--shard-size 200` over the few and the many with all cores, and over the middle bound to one core,
too, and says how long it took, how many pictures a second that is, and the memory: the most that
each of its processes held (RSS, sampled ten times a second), added up. With --ray the many again on
a cluster of this machine, once undisturbed and once with a worker killed on the way: how much
longer it took than in processes, and whether every byte is the same. Starting up is in the times.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from mien.core.artifact import read_meta
from mien.core.images import find_images
from mien.core.machine import cores

SHARD = 200
"""A worker takes all its room once it has written a shard, so the few are some shards, too."""


class Run(NamedTuple):
    """What a run took: seconds, megabytes, and the digest of what it wrote."""

    seconds: float
    memory: float
    digest: str


def main() -> None:
    """Reads the command line, runs, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--middle", type=int, default=5_000)
    parser.add_argument("--few", type=int, default=1_000)
    parser.add_argument("--detector", default="yunet")
    parser.add_argument("--ray", action="store_true")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        few, middle, many = (
            linked(wanted.photos, place / str(n), n)
            for n in (wanted.few, wanted.middle, wanted.count)
        )
        print("| pictures | way | s | pictures/s | most memory, MB |\n|---:|---|---:|---:|---:|")
        start = row(few, "local", cores(), wanted.detector, place / "b")
        one = row(middle, "local", 1, wanted.detector, place / "a1")
        two = row(middle, "local", cores(), wanted.detector, place / "a2")
        all_ = row(many, "local", cores(), wanted.detector, place / "c")
        print(f"\nall cores to one: {one.seconds / two.seconds:.2f} times as quick")
        print(f"memory, many to few: {100 * (all_.memory / start.memory - 1):+.1f} %\n")
        if wanted.ray:
            calm = row(many, "ray", cores(), wanted.detector, place / "d")
            hurt = row(many, "ray", cores(), wanted.detector, place / "e", kill=True)
            print(
                f"\nRay to processes: {100 * (calm.seconds / all_.seconds - 1):+.1f} % of the time"
            )
            same = all_.digest == calm.digest == hurt.digest
            print(f"every byte is {'the same' if same else 'NOT the same'}, the killed run's too")


def row(photos: Path, engine: str, jobs: int, detector: str, out: Path, kill: bool = False) -> Run:
    """Runs once and prints a line of the table."""
    found = run(photos, engine, jobs, detector, out, kill)
    count = read_meta(out)["counts"]["pictures"]
    way = f"{engine}, {jobs} jobs{', a worker killed' if kill else ''}"
    rate = count / found.seconds
    print(
        f"| {count:,} | {way} | {found.seconds:.1f} | {rate:.1f} | {found.memory:.0f} |", flush=True
    )
    return found


def run(photos: Path, engine: str, jobs: int, detector: str, out: Path, kill: bool) -> Run:
    """Runs `mien predict` in a process of its own, and watches it."""
    command = [sys.executable, "-m", "mien", "predict", str(photos), "--shard-size", str(SHARD)]
    command += ["--detector", detector, "--engine", engine, "--jobs", str(jobs), "--out", str(out)]
    if jobs == 1:  # else its threads would take a second core for a part of the work
        command = ["taskset", "-c", "0", *command]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    highest, done = [0.0], threading.Event()
    watch = threading.Thread(target=_watch, args=(process.pid, highest, done))
    watch.start()
    if kill:
        threading.Timer(45, _kill_a_worker).start()
    _, words = process.communicate()
    done.set()
    watch.join()
    if process.returncode:
        raise SystemExit(words)
    return Run(time.perf_counter() - begun, highest[0] / 1e6, read_meta(out)["digest"])


def linked(photos: Path, folder: Path, count: int) -> Path:
    """Makes a folder with so many links to photos."""
    folder.mkdir()
    paths = sorted(find_images(photos))
    for number in range(count):
        path = paths[number % len(paths)]
        (folder / f"{number:07}{path.suffix}").symlink_to(path.absolute())
    return folder


def _watch(pid: int, highest: list[float], done: threading.Event) -> None:
    # Not the sum at one moment: whether peaks meet is chance, and likelier in a longer run.
    most: dict[int, int] = {}
    while not done.wait(0.1):
        try:
            whole = psutil.Process(pid)
            for one in (whole, *whole.children(recursive=True)):
                most[one.pid] = max(most.get(one.pid, 0), one.memory_info().rss)
        except psutil.NoSuchProcess:
            continue
    highest[0] = sum(most.values())


def _kill_a_worker() -> None:
    for one in psutil.process_iter(["cmdline"]):
        if "ray::_predict_shard" in " ".join(one.info["cmdline"] or ()):
            os.kill(one.pid, signal.SIGKILL)
            return


if __name__ == "__main__":
    main()
