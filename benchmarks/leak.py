"""A random split flatters: shown on drawn faces whose people can be told from one another.

    python benchmarks/leak.py OUT [--people 20] [--frames 6] [--epochs 30]

Draws three sources of people, each person with a face, hair, light and background of their own, and
with their own way of showing each of the seven expressions; several frames of each differ by a
little. Then trains one small network on a random split and on one that keeps people apart
(`mien experiment`), and one without each source in turn (`mien leave-one-source-out`). A network
that is asked about people that it has seen answers from memory; the random split asks just that.
Everything lies in OUT, and a second run does nothing anew.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from mien.core.labels import CLASSES
from mien.core.types import Image

SIDE = 96
SOURCES = ("north", "south", "east")
# mouth curve, mouth opening, brow slant, brow height, eye opening: the mean way to show a class
WAYS = {
    "neutral": (0.0, 0.1, 0.0, 0.0, 0.0),
    "anger": (-0.5, 0.1, 0.9, -0.7, -0.2),
    "disgust": (-0.7, 0.3, 0.4, -0.3, -0.6),
    "fear": (-0.2, 0.6, -0.8, 0.6, 0.8),
    "happy": (1.0, 0.4, 0.0, 0.1, -0.3),
    "sadness": (-0.8, 0.0, -0.7, 0.1, -0.3),
    "surprise": (0.0, 1.0, 0.0, 1.0, 1.0),
}
OWN_WAY = 0.55
"""How far a person's way lies from the mean one, where classes lie about 1 apart."""
JITTER = 0.08
"""How far frames of one person and class differ."""

SETTINGS = """\
out = "{out}/experiment"
[experiment]
networks = ["mienet-tiny"]
sets = ["original"]
starts = ["scratch"]
splits = ["disjoint", "random"]
seeds = [0, 1]
[experiment.split.random]
by = "random"
[crop]
shard_size = 1000
[crop.detectors]
{detectors}
[split]
unseen = ["east"]
near_duplicates = false
[train]
name = "drawn"
loggers = []
threads = 1
augment = "none"
[train.recipe]
epochs = {epochs}
balanced_epochs = 0
batch_size = 32
learning_rate = 4e-3
ema = 0.95
[export]
[evaluate]
resamples = 200
[merge]
{sources}
"""
SOURCE = """\
[[merge.sources]]
reader = "generic"
name = "{name}"
root = "{root}"
[merge.sources.options]
pattern = '(?P<subject>p[0-9]+)/(?P<label>[a-z]+)-[0-9]+'
licence = "drawn here"
"""


def main() -> None:
    """Reads the command line, draws, trains, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=int, default=20, help="of each source")
    parser.add_argument("--frames", type=int, default=6, help="of each person and class")
    parser.add_argument("--epochs", type=int, default=30)
    wanted = parser.parse_args()
    for number, name in enumerate(SOURCES):
        draw_source(wanted.out / "data" / name, number, wanted.people, wanted.frames)
    sources = "".join(SOURCE.format(name=n, root=wanted.out / "data" / n) for n in SOURCES)
    detectors = "\n".join(f'{name} = ["full-frame"]' for name in SOURCES)
    filled = SETTINGS.format(
        out=wanted.out, epochs=wanted.epochs, sources=sources, detectors=detectors
    )
    both = wanted.out / "leak.toml"
    both.write_text(filled)
    start, end = filled.index("[experiment]"), filled.index("[crop]")
    alone = wanted.out / "leave-out.toml"
    alone.write_text(filled[:start].replace("/experiment", "/leave-out") + filled[end:])
    mien = str(Path(sys.executable).with_name("mien"))
    subprocess.run([mien, "experiment", str(both)], check=True)
    print((wanted.out / "experiment" / "experiment.md").read_text())
    subprocess.run([mien, "leave-one-source-out", str(alone)], check=True)


def draw_source(folder: Path, number: int, people: int, frames: int) -> None:
    """Draws the pictures of one source; its camera and its people differ from the others'."""
    for person in range(people):
        place = folder / f"p{number}{person:02}"
        place.mkdir(parents=True, exist_ok=True)
        who = np.random.default_rng((number, person))
        looks = who.uniform(0, 1, 8)
        for label in CLASSES:
            way = np.array(WAYS[label]) + who.normal(0, OWN_WAY, 5)
            for frame in range(frames):
                random = np.random.default_rng((number, person, CLASSES.index(label), frame))
                image = draw_face(way + random.normal(0, JITTER, 5), looks, number, random)
                cv2.imwrite(str(place / f"{label}-{frame}.png"), image)


def draw_face(
    way: np.ndarray, looks: np.ndarray, source: int, random: np.random.Generator
) -> Image:
    """Draws one face, (96, 96, 3) uint8.

    Args:
        way: the five numbers of the expression.
        looks: (8,) what tells the person: skin, hair, light, face, background.
        source: its line width and contrast differ.
        random: makes the grain.
    """
    skin, ink, width = int(120 + 110 * looks[0]), int(20 + 50 * looks[1]), 2 + source % 2
    ramp = np.linspace(-1, 1, SIDE)
    image = np.full((SIDE, SIDE), 60 + 130 * looks[2], np.float64)
    image += 40 * np.sin(ramp * 12 * looks[3] + 6 * looks[4])[:, None] * (source != 1)
    half = int(27 + 9 * looks[5]), int(36 + 6 * looks[6])
    cv2.ellipse(image, (48, 50), half, 0, 0, 360, skin, -1)
    cv2.ellipse(image, (48, 30), (half[0], int(10 + 14 * looks[7])), 0, 180, 360, ink, -1)
    curve, opening, slant, height, eyes = way
    for side in (-1, 1):
        x = 48 + 13 * side
        cv2.ellipse(image, (x, 46), (5, int(np.clip(3 + 2 * eyes, 1, 7))), 0, 0, 360, 245, -1)
        cv2.circle(image, (x, 46), 2, ink, -1)
        inner, outer = (48 + 7 * side, 48 + 20 * side)
        low, top = 38 - 4 * height + 3 * slant, 38 - 4 * height - 3 * slant
        cv2.line(image, (inner, round(low)), (outer, round(top)), ink, width)
    across = np.arange(-12, 13)
    bend = 5 * curve * (1 - (across / 12) ** 2)
    gap = np.clip(9 * opening, 0, 14) * (1 - (across / 12) ** 2)
    upper = np.stack([48 + across, 70 + bend - gap / 2], 1).round().astype(np.int32)
    lower = np.stack([48 + across, 70 + bend + gap / 2], 1).round().astype(np.int32)
    cv2.fillPoly(image, [np.concatenate([upper, lower[::-1]])], ink)
    cv2.polylines(image, [upper, lower], False, ink, width)
    image = (image - 128) * (1.0, 0.7, 1.2)[source] + 128
    noisy = image + random.normal(0, 4, image.shape)
    return np.repeat(np.clip(noisy, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


if __name__ == "__main__":
    main()
