"""Does the start matter? The same recipe from scratch, from ImageNet and from faces, some seeds.

    python benchmarks/starts.py FACES SPLIT OUT --start mobilenet_v1_025=scratch
        --start mobilenet_v1_025=imagenet.tar --start mobilenet_v1_025=faces.pth
        [--train 24000] [--epochs 5] [--seeds 3] [--jobs 2]

FACES and SPLIT are the folders that 'mien crop' and 'mien split' wrote; OUT keeps the trainings, so
that a stopped comparison goes on. Each start is ``network=start``, see 'mien weights'. Prints
accuracy and balanced accuracy on `dev` and on the unseen source: mean and standard deviation over
the seeds, at the natural class shares and with equal ones assumed. Nothing is chosen from it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

from mien.metrics import classification as cls
from mien.models.data import read_faces
from mien.models.inference import inputs_of
from mien.runtimes.model import Model

RECIPE = {
    "epochs": 5,
    "balanced_epochs": 0,
    "batch_size": 64,
    "learning_rate": 1e-3,
    "weight_decay": 0.05,
    "warmup": 0.5,
    "precision": '"32-true"',
}
POINTS = ("natural", "balanced")
ROLES = {"dev": ("dev",), "unseen": ("unseen",)}


def main() -> None:
    """Reads the command line, trains what is missing, scores, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("faces", type=Path)
    parser.add_argument("split", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", action="append", required=True)
    parser.add_argument("--train", type=int, default=10**9)
    parser.add_argument("--epochs", type=int, default=RECIPE["epochs"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    wanted = parser.parse_args()
    split = reduced(wanted.split, wanted.train, wanted.out)
    runs = [
        (start, seed, wanted.out / f"{number}-{seed}")
        for seed in range(wanted.seeds)
        for number, start in enumerate(wanted.start)
    ]
    with ThreadPoolExecutor(wanted.jobs) as pool:
        list(pool.map(lambda run: trained(*run, split, wanted), runs))
    print(
        "| network | start | role | natural shares | equal shares assumed |\n|---|---|---|---|---|"
    )
    for number, start in enumerate(wanted.start):
        network, _, origin = start.partition("=")
        folders = [wanted.out / f"{number}-{seed}" for seed in range(wanted.seeds)]
        for role in ROLES:
            cells = scored(folders, wanted.faces, wanted.split, role)
            print(f"| {network} | {Path(origin).name} | {role} | {' | '.join(cells)} |", flush=True)


def reduced(split: Path, count: int, out: Path) -> Path:
    """Writes the roles with fewer training faces, drawn at random, and returns their table."""
    out.mkdir(parents=True, exist_ok=True)
    roles = pl.read_parquet(split / "roles.parquet")
    train = roles.filter(pl.col("role") == "train")
    kept = train.sample(min(count, len(train)), seed=0)
    table = pl.concat([kept, roles.filter(pl.col("role") != "train")])
    path = out / "roles" / "roles.parquet"
    path.parent.mkdir(exist_ok=True)
    table.write_parquet(path)
    return path.parent


def trained(start: str, seed: int, out: Path, split: Path, wanted: argparse.Namespace) -> None:
    """Trains one network in a process of its own, on one core; a finished one is left alone."""
    network, _, origin = start.partition("=")
    recipe = "\n".join(f"{k} = {v}" for k, v in {**RECIPE, "epochs": wanted.epochs}.items())
    settings = out.with_suffix(".toml")
    settings.write_text(
        f'[train]\nnetwork = "{network}"\nstart = "{origin}"\nseed = {seed}\nthreads = 1\n'
        f"[train.recipe]\n{recipe}\n"
    )
    mien = str(Path(sys.executable).with_name("mien"))
    command = [mien, "train", str(settings), "--out", str(out), "--split", str(split)]
    with out.with_suffix(".log").open("a") as log:
        subprocess.run([*command, "--faces", str(wanted.faces)], check=True, stderr=log)


def scored(folders: list[Path], faces: Path, split: Path, role: str) -> list[str]:
    """Returns a cell for each point: accuracy and balanced accuracy, mean and deviation."""
    networks = [Model(folder, runtime="torch") for folder in folders]
    preprocess = networks[0].spec.preprocess
    shown = read_faces(faces, split, ROLES[role], preprocess, folders[0].parent).labelled()
    found: dict[str, list[tuple[float, float]]] = {point: [] for point in POINTS}
    for network in networks:
        answers = np.concatenate(
            [network.infer(some) for some in inputs_of(shown.pixels, preprocess)]
        )
        for point in POINTS:
            said = network.spec.probabilities(answers, point).argmax(1)  # type: ignore[arg-type]
            pair = (cls.accuracy(shown.labels, said), cls.balanced_accuracy(shown.labels, said))
            found[point].append(pair)
    return [cell(found[point]) for point in POINTS]


def cell(pairs: list[tuple[float, float]]) -> str:
    """Returns mean and standard deviation of accuracies and balanced accuracies, in percent."""
    values = np.array(pairs) * 100
    mean, spread = values.mean(0), values.std(0, ddof=1) if len(values) > 1 else values[0] * 0
    return " / ".join(f"{m:.1f} ± {s:.1f}" for m, s in zip(mean, spread, strict=True))


if __name__ == "__main__":
    main()
