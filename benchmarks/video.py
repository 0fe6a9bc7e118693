"""Long videos: speed beside real time, memory that stays, and a kill on the way.

    python benchmarks/video.py CLIP... [--minutes 30] [--rate 25] [--detector yunet] [--kill 40]

Follows each CLIP as it is, then the last one in a loop of so many minutes (its packets are copied,
none is coded anew), once undisturbed and once killed with SIGKILL after so many seconds and started
again. Says how much faster than real time each was, from start to end and with starting up, and
the most memory of all its processes (RSS, sampled ten times a second) in each fifth of the run; and
whether the killed one ended in the same bytes.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import psutil

from mien.core.artifact import read_meta
from mien.core.videos import open_video

_FIFTHS = 5


class Run(NamedTuple):
    """What a run took: seconds, and (seconds, megabytes) of its memory as it went."""

    seconds: float
    memory: list[tuple[float, float]]


def main() -> None:
    """Reads the command line, follows, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=25)
    parser.add_argument("--detector", default="yunet")
    parser.add_argument("--kill", type=float, default=40)
    wanted = parser.parse_args()
    print("| video | seconds | frames | took, s | times real time | most memory, MB, by fifths |")
    print("|---|---:|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for clip in wanted.clips:
            report(clip.name, run(clip, place / clip.stem, wanted), place / clip.stem)
        long = looped(wanted.clips[-1], place / "long.mp4", 60 * wanted.minutes)
        report("looped", run(long, place / "calm", wanted), place / "calm")
        run(long, place / "hurt", wanted, kill=wanted.kill)
        left = len(list((place / "hurt.partial").glob("seen-*.parquet")))
        again = run(long, place / "hurt", wanted)
        report(
            f"looped, killed after {wanted.kill:g} s, {left} minutes kept", again, place / "hurt"
        )
        names = ("frames.parquet", "events.parquet", "people.json", "video.md")
        same = all(
            (place / "calm" / name).read_bytes() == (place / "hurt" / name).read_bytes()
            for name in names
        )
        print(f"\nthe killed run ended in {'the same' if same else 'OTHER'} bytes")


def run(video: Path, out: Path, wanted: argparse.Namespace, kill: float | None = None) -> Run:
    """Runs `mien video` in a process of its own, and watches it."""
    command = [sys.executable, "-m", "mien", "video", str(video), "--out", str(out)]
    command += ["--rate", str(wanted.rate), "--detector", wanted.detector]
    begun, memory = time.perf_counter(), []
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None:
        time.sleep(0.1)
        now = time.perf_counter() - begun
        memory.append((now, _memory(process.pid)))
        if kill is not None and now > kill:
            process.send_signal(signal.SIGKILL)
            process.wait()
            break
    seconds = time.perf_counter() - begun
    words = process.stderr.read() if process.stderr else ""
    if process.returncode and kill is None:
        raise SystemExit(words)
    return Run(seconds, memory)


def report(name: str, found: Run, out: Path) -> None:
    """Prints a line of the table."""
    counts = read_meta(out)["counts"]
    parts = []
    for fifth in range(_FIFTHS):
        low, high = (found.seconds * (fifth + n) / _FIFTHS for n in (0, 1))
        inside = [size for moment, size in found.memory if low <= moment <= high]
        parts.append(f"{max(inside):.0f}" if inside else "-")
    speed = counts["seconds"] / found.seconds
    print(
        f"| {name} | {counts['seconds']:.1f} | {counts['frames']:,} | {found.seconds:.1f} | "
        f"{speed:.2f} | {', '.join(parts)} |",
        flush=True,
    )


def looped(clip: Path, target: Path, seconds: float) -> Path:
    """Writes a clip over and over until it is so long."""
    with open_video(clip) as opened:
        length = opened.facts.duration
    assert length is not None
    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        stream = source.streams.video[0]
        copy = out.add_stream_from_template(stream)
        unit = stream.time_base or Fraction(1, 90_000)
        step = round(length / unit)
        for turn in range(round(seconds / length)):
            source.seek(0)
            for packet in source.demux(stream):
                if packet.dts is None:
                    continue
                packet.stream = copy
                packet.pts += turn * step
                packet.dts += turn * step
                out.mux(packet)
    return target


def _memory(pid: int) -> float:
    """Returns the megabytes of a process and its children; 0 where it is gone."""
    try:
        whole = psutil.Process(pid)
        family = [whole, *whole.children(recursive=True)]
        return sum(one.memory_info().rss for one in family) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


if __name__ == "__main__":
    main()
