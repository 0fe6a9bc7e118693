"""Kills a training at random moments (SIGKILL) and compares its end with an uninterrupted one's.

    python benchmarks/resume.py FACES SPLIT [--kills 10] [--network mienet-tiny] [--seed 0]

FACES and SPLIT are the folders that 'mien crop' and 'mien split' wrote. Prints when each kill
struck, the largest difference of any weight, and whether the logs agree but for their times.
"""

from __future__ import annotations

import argparse
import csv
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from safetensors.torch import load_file

from mien.models.log import TIMES

SETTINGS = """
[train]
name = "killed"
network = "{network}"
threads = 2
[train.recipe]
epochs = 3
balanced_epochs = 1
checkpoint_steps = 25
precision = "32-true"
"""


def main() -> None:
    """Reads the command line, trains twice, compares."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("faces", type=Path)
    parser.add_argument("split", type=Path)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--network", default="mienet-tiny")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "settings.toml").write_text(SETTINGS.format(network=wanted.network))
        subprocess.run(command(root, "whole", wanted), check=True)
        killed(root, wanted)
        first, second = (load_file(root / name / "weights.safetensors") for name in NAMES)
        apart = max(float((first[key] - second[key]).abs().max()) for key in first)
        same = rows(root / "whole") == rows(root / "killed")
        print(f"largest difference of a weight: {apart:g} over {len(first)} tensors")
        print(f"logs of {len(rows(root / 'killed'))} epochs equal but for times: {same}")


NAMES = ("whole", "killed")


def command(root: Path, name: str, wanted: argparse.Namespace) -> list[str]:
    """Returns the command of a training."""
    mien = str(Path(sys.executable).with_name("mien"))
    arguments = ["train", str(root / "settings.toml"), "--out", str(root / name)]
    return [mien, *arguments, "--faces", str(wanted.faces), "--split", str(wanted.split)]


def killed(root: Path, wanted: argparse.Namespace) -> None:
    """Starts a training again and again, and kills it at random moments that span it all.

    A moment is some checkpoints and a part of a second away, whatever the machine does besides.
    """
    draw = random.Random(wanted.seed)  # noqa: S311  # nothing is secret here
    partial = root / "killed.partial"
    for number in range(wanted.kills):
        process = subprocess.Popen(command(root, "killed", wanted), stderr=subprocess.DEVNULL)
        for _ in range(draw.randint(1, 3)):
            await_checkpoint(partial / "checkpoint.safetensors", process)
        time.sleep(draw.uniform(0, 1))
        process.kill()
        if process.wait() != -signal.SIGKILL:
            sys.exit(f"the training ended by itself ({process.returncode}); fewer --kills, please")
        done = len(rows(partial)) if (partial / "log.csv").exists() else 0
        print(f"{number + 1}: killed, {done} epochs stood", flush=True)
    subprocess.run(command(root, "killed", wanted), check=True)


def await_checkpoint(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Waits until a file is written anew, or its writer ends."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    while process.poll() is None:
        if path.exists() and path.stat().st_mtime_ns > before:
            return
        time.sleep(0.02)


def rows(folder: Path) -> list[dict[str, str]]:
    """Returns the log of a training without its times."""
    with (folder / "log.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]


if __name__ == "__main__":
    main()
