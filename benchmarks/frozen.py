"""What running the frozen trunk once saves: losses with and without it, and the time of both.

    python benchmarks/frozen.py FACES [--images 140] [--epochs 5] [--steps 50]

FACES is the folder that 'mien crop' wrote. Each of the thesis's three networks trains its last
convolutional block and its fully connected layers by the thesis's recipe, from random weights:
neither the mathematics nor the time depends on the start. Prints a Markdown table; 30 epochs, and
the disk for the thesis's 27,917 images, are projected from what was measured.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mien.core import catalogue, images, registry
from mien.core.labels import CLASSES
from mien.core.spec import Preprocess, resized_cut
from mien.models import frozen
from mien.models.augment import Augment
from mien.models.data import Batches, FaceArrays
from mien.models.frozen import TrunkCache
from mien.models.log import Report
from mien.models.loop import Training
from mien.models.parallel import Devices, launched
from mien.models.recipe import Recipe

BATCHES = {"alexnet": 128, "vgg16": 30, "resnet101": 20}
THESIS = 27_917
RECIPE: dict[str, Any] = {
    "balanced_epochs": 0,
    "optimizer": "sgd",
    "nesterov": False,
    "weight_decay": 1e-4,
    "learning_rate": 1e-3,
    "schedule": "step",
    "warmup": 0,
    "clip": 0,
    "ema": 0,
    "precision": "32-true",
    "checkpoint_steps": 10**9,
}


class Losses(Report):
    """Keeps the loss of every iteration and the end of every epoch."""

    def __init__(self, epochs: int) -> None:
        super().__init__(epochs, quiet=True)
        self.losses: list[float] = []
        self.ends: list[float] = []
        self._before = 0.0

    def step(self, epoch: int, done: int, steps: int, sums: Any, seconds_left: float) -> None:
        """Keeps an iteration's loss; see `Report.step`."""
        before = 0.0 if done == 1 else self._before
        self.losses.append(sums["loss"] - before)
        self._before = sums["loss"]
        if done == steps:
            self.ends.append(time.perf_counter())


def main() -> None:
    """Reads the command line, compares, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("faces", type=Path)
    parser.add_argument("--images", type=int, default=140)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--networks", nargs="+", default=list(BATCHES))
    wanted = parser.parse_args()
    rows = []
    for name in wanted.networks:
        rows.append(compared(name, wanted))
        print(rows[-1], flush=True)
    heads = list(rows[0])
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for row in rows:
        print("| " + " | ".join(str(row[head]) for head in heads) + " |")


def compared(name: str, wanted: argparse.Namespace) -> dict[str, Any]:
    """Returns the row of one network."""
    kind = registry.load("networks", name)()
    faces = some(wanted.faces, kind.preprocess, wanted.images)
    shape = frozen.output_shape(
        frozen.cut(kind.build(7), kind.trainable("last-conv+fc"))[0],
        (kind.preprocess.channels, kind.preprocess.input_size, kind.preprocess.input_size),
    )
    disk = frozen.bytes_needed(shape, THESIS, TrunkCache())
    print(f"{name}: {disk / 1e9:.2f} GB of disk for {THESIS:,} images, {shape} each", flush=True)
    runs = {mode: run(name, faces, mode, wanted) for mode in ("auto", "off")}
    cached, plain = runs["auto"], runs["off"]
    apart = np.abs(np.array(cached["losses"]) / np.array(plain["losses"]) - 1).max()
    thirty = {mode: found["before"] + 30 * found["epoch"] for mode, found in runs.items()}
    return {
        "network": name,
        "losses apart": f"{apart:.1e} ({len(plain['losses'])} steps)",
        "trunk once, s": f"{cached['before']:.1f}",
        f"{wanted.epochs} epochs, s": f"{wanted.epochs * cached['epoch']:.1f} "
        f"(without: {wanted.epochs * plain['epoch']:.1f})",
        "30 epochs, s": f"{thirty['auto']:.0f} (without: {thirty['off']:.0f})",
        "times less": f"{thirty['off'] / thirty['auto']:.1f}",
        f"disk for {THESIS:,}": f"{disk / 1e9:.2f} GB",
    }


def run(name: str, faces: FaceArrays, store: str, wanted: argparse.Namespace) -> dict[str, Any]:
    """Trains until there are enough epochs and steps; returns losses and seconds."""
    kind = registry.load("networks", name)()
    size = BATCHES[name]
    steps = -(-len(faces) // size)
    epochs = max(wanted.epochs, -(-wanted.steps // steps))
    recipe = Recipe(**RECIPE, epochs=epochs, batch_size=size)
    torch.manual_seed(0)
    network, blocks = kind.build(7), kind.trainable("last-conv+fc")
    batches = Batches(faces, kind.preprocess, Augment.none(), 0)
    fabric = launched(Devices(accelerator="cpu"), recipe.precision)
    report = Losses(epochs)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        ready = frozen.prepare(
            network,
            blocks,
            batches,
            faces.pixels[:0],
            TrunkCache(store=store),
            Path(folder),
            fabric,
        )
        before = time.perf_counter() - began
        training = Training(
            ready.module, ready.source, recipe, lambda _: {}, Path(folder), blocks, report,
            fabric=fabric,
        )  # fmt: skip
        training._save = lambda: None  # type: ignore[method-assign]  # noqa: SLF001  # too much to write
        training.run()
    # Epochs end in this order; the first one warms the memory up in both modes.
    seconds = float(np.median(np.diff(report.ends)[: wanted.epochs]))
    return {"losses": report.losses[: wanted.steps], "before": before, "epoch": seconds}


def some(folder: Path, preprocess: Preprocess, count: int) -> FaceArrays:
    """Returns the first faces of a table that have a label."""
    chips: list[bytes] = []
    labels: list[int] = []
    for frame in catalogue.read_faces(folder, ["chip", "label"]):
        for chip, label in frame.filter(frame["label"].is_in(CLASSES)).iter_rows():
            chips.append(chip["bytes"])
            labels.append(CLASSES.index(label))
        if len(chips) >= count:
            break
    cuts = [resized_cut(images.decode(chip), preprocess) for chip in chips[:count]]
    numbers = np.array(labels[:count])
    targets = np.eye(len(CLASSES), dtype=np.float32)[numbers]
    pixels = np.stack(cuts).reshape(count, preprocess.input_size, preprocess.input_size, -1)
    return FaceArrays(tuple(map(str, range(count))), pixels, targets, numbers.astype(np.int64))


if __name__ == "__main__":
    main()
