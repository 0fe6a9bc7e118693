"""One model, one answer: the same photos by command line, Python, REST and, if wanted, Ray Serve.

    python benchmarks/ways.py PHOTOS [--count 200] [--ray]

PHOTOS is a folder of photographs. Prints the largest difference of any probability from
`mien.predict`, how many faces were compared, and whether boxes and expressions are the same. The
command line writes six digits, so that half of 1e-6 is what it may differ by. Ends with code 1
where anything differs by more than 1e-6.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import mien
from mien.core.images import find_images
from mien.core.labels import CLASSES

LIMIT = 1e-6
START = 180.0
Row = tuple[str, str | None, list[float], list[float]]
"""File, expression, box and probabilities of one face."""


def main() -> None:
    """Reads the command line, asks by every way, compares."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--ray", action="store_true")
    wanted = parser.parse_args()
    paths = sorted(find_images(wanted.photos))[: wanted.count]
    ways = {"command line": by_command(paths), "REST": by_rest(paths, "local")}
    if wanted.ray:
        ways["Ray Serve"] = by_rest(paths, "ray")
    reference = by_python(paths)
    print("| way | faces | largest difference of a probability | of a box, pixels | expressions |")
    print("|---|---:|---:|---:|---|")
    print(f"| Python | {len(reference)} | | | |")
    worst = 0.0
    for name, rows in ways.items():
        different, boxes, same = compared(reference, rows)
        worst = max(worst, different)
        print(f"| {name} | {len(rows)} | {different:.1e} | {boxes:.1e} | {same} |")
    if worst > LIMIT:
        raise SystemExit(f"a probability differs by {worst:.1e}, more than {LIMIT:.0e}")


def by_python(paths: list[Path]) -> list[Row]:
    """Returns what `mien.predict` says."""
    rows = []
    for one in mien.predict([str(path) for path in paths]):
        if one.face is not None and one.probabilities is not None:
            box = list(one.face.bbox.as_tuple())
            rows.append((Path(one.source).name, one.expression, box, one.probabilities.tolist()))
    return rows


def by_command(paths: list[Path]) -> list[Row]:
    """Returns what `mien predict` writes."""
    command = [sys.executable, "-m", "mien", "predict", "-", "--format", "json"]
    names = "\n".join(map(str, paths))
    done = subprocess.run(command, input=names, stdout=subprocess.PIPE, text=True, check=True)
    return [
        (Path(row["path"]).name, row["expression"], [row[n] for n in ("x1", "y1", "x2", "y2")],
         [row[name] for name in CLASSES])
        for row in json.loads(done.stdout)
        if row["expression"]
    ]  # fmt: skip


def by_rest(paths: list[Path], engine: str) -> list[Row]:
    """Returns what a service answers, several pictures a request."""
    rows = []
    with service(engine) as client:
        for start in range(0, len(paths), 8):
            answer = client.predict(paths[start : start + 8])
            for image in answer["images"]:
                rows += [_row(image["name"], face) for face in image["faces"]]
    return rows


def compared(reference: list[Row], rows: list[Row]) -> tuple[float, float, str]:
    """Returns the largest differences of probabilities and boxes, and whether names agree."""
    if [row[0] for row in rows] != [row[0] for row in reference]:
        return float("inf"), float("inf"), "other faces"
    pairs = list(zip(reference, rows, strict=True))
    shares = max(float(np.abs(np.subtract(a[3], b[3])).max()) for a, b in pairs)
    boxes = max(float(np.abs(np.subtract(a[2], b[2])).max()) for a, b in pairs)
    wrong = sum(a[1] != b[1] for a, b in pairs)
    return shares, boxes, "the same" if not wrong else f"{wrong} differ"


@contextlib.contextmanager
def service(engine: str) -> Iterator[mien.Client]:
    """Yields a client of a running service."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        token, log = Path(folder, "token"), Path(folder, "log")
        command = [sys.executable, "-m", "mien", "serve", "--purpose", "research"]
        command += ["--port", str(port), "--token-file", str(token), "--engine", engine]
        with log.open("w") as file:
            process = subprocess.Popen(command, stderr=file, stdout=file)
        try:
            end = time.monotonic() + START
            while "Page:" not in log.read_text("utf-8"):
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(log.read_text("utf-8"))
                time.sleep(0.2)
            with mien.Client(f"http://127.0.0.1:{port}", token_file=token) as client:
                yield client
        finally:
            process.terminate()
            process.wait(60)


def _row(name: str, face: dict[str, Any]) -> Row:
    box = [face["box"][corner] for corner in ("x1", "y1", "x2", "y2")]
    expression = face["expression"] and face["expression"]["name"]
    return name, expression, box, [one["probability"] for one in face["probabilities"]]


if __name__ == "__main__":
    main()
