"""Kills a training at random moments (SIGKILL) and compares its end with an uninterrupted one's.

    python benchmarks/resume.py FACES SPLIT [--kills 10] [--network mienet-tiny] [--seed 0]

FACES and SPLIT are the folders that 'mien crop' and 'mien split' wrote. Prints when each kill
struck, the largest difference of any weight, and whether the logs agree but for their times.
"""

from __future__ import annotations

import argparse
import csv
import random
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
        began = time.monotonic()
        subprocess.run(command(root, "whole", wanted), check=True)
        whole = time.monotonic() - began
        print(f"uninterrupted: {whole:.0f} s", flush=True)
        killed(root, wanted, whole)
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


def killed(root: Path, wanted: argparse.Namespace, whole: float) -> None:
    """Starts a training again and again, and kills it at random moments that span it all."""
    draw = random.Random(wanted.seed)  # noqa: S311  # nothing is secret here
    for number in range(wanted.kills):
        # Starting takes some seconds itself; each try gets a share of the work, unevenly.
        wait = draw.uniform(0.15, 0.45) * whole
        process = subprocess.Popen(command(root, "killed", wanted), stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=wait)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        partial = root / "killed.partial"
        done = len(rows(partial)) if (partial / "log.csv").exists() else 0
        state = "ended" if process.returncode == 0 else "killed"
        print(f"{number + 1}: {state} after {wait:.1f} s, {done} epochs stood", flush=True)
    subprocess.run(command(root, "killed", wanted), check=True)


def rows(folder: Path) -> list[dict[str, str]]:
    """Returns the log of a training without its times."""
    with (folder / "log.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]


if __name__ == "__main__":
    main()
