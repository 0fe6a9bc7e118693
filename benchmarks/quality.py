"""What `mien.faces.quality` says of faces that are made hard to see on purpose.

    python benchmarks/quality.py ferplus internet runs/default/merge runs/default/split

Tables of the sharpness by blur, size and noise; of the occlusion by what covers a face and how much
of it; of what the occlusion should not react to; of the default model's accuracy by each number;
and the time a face. Photos are those of the role ``landmarks``, FER+ faces those of ``dev``.
Covers are drawn into the pictures, chips are cut by the landmarks of the clean ones. Sunglasses and
masks are no shapes that the network was trained with.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import polars as pl
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from mien.core import labels
from mien.core.images import decode
from mien.core.spec import CHIP_MARGIN, CHIP_SIZE
from mien.core.types import Floats, Image
from mien.faces.align import TEMPLATE, similarity, warp
from mien.faces.quality import ellipse, measure
from mien.faces.yunet import YuNet
from mien.runtimes.model import Model

Random = np.random.Generator
SIDE = CHIP_SIZE / (1 + CHIP_MARGIN)
LOW = (CHIP_SIZE - SIDE) / 2
KINDS = ("grey", "noise", "own skin", "another", "sunglasses", "mask")
SIZES = (96, 64, 48, 38, 32, 24, 16, 12, 8)
BLURS = (0.5, 1, 2, 3, 4, 6, 8)
BANDS = {
    "size": ("px face", [7, 10, 14, 20, 28, 35, 99]),
    "sharpness": ("px", np.arange(0.275, 0.8, 0.025).tolist()),
    "exposure": ("gain", [*np.arange(0, 0.1, 0.01), *np.arange(0.1, 0.7, 0.2),
                          *np.arange(0.7, 1.01, 0.05), 1.01]),
    "contrast": ("contrast", [*np.arange(0, 0.1, 0.01), *np.arange(0.1, 1.01, 0.2)]),
    "shade": ("tilt", np.arange(0, 1.01, 0.1).tolist()),
    "occlusion": ("cover", np.arange(0, 0.9, 0.05).tolist()),
}  # fmt: skip
"""What each number is changed by on purpose, and the borders of the bands that it is put into."""
LEAST = 0.6
"""The accuracy below which a number speaks for abstaining."""


@dataclass(frozen=True)
class Shot:
    """A picture with one face.

    Attributes:
        image: the picture.
        points: (5, 2) its landmarks.
        label: its class, or None.
    """

    image: Image
    points: Floats
    label: str | None

    @property
    def size(self) -> float:
        """The side of the face in the picture, pixels."""
        return SIDE / math.sqrt(np.linalg.det(similarity(self.points)[:, :2]))

    @property
    def chip(self) -> Image:
        """The chip of the face."""
        return warp(self.image, similarity(self.points))

    def noisy(self, sigma: float, random: Random) -> Image:
        """Returns the chip of the picture with grey noise."""
        noise = random.normal(0, sigma, self.image.shape[:2])[..., None]
        image = np.clip(self.image + noise, 0, 255).astype(np.uint8)
        return warp(image, similarity(self.points))

    def shrunk(self, side: float) -> Image:
        """Returns the chip of the picture made so small that the face has this side."""
        ratio = side / self.size
        how = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
        small = cv2.resize(self.image, None, fx=ratio, fy=ratio, interpolation=how)
        scale = np.array(small.shape[1::-1]) / self.image.shape[1::-1]
        return warp(small, similarity(((self.points + 0.5) * scale - 0.5).astype(np.float32)))


def shots(root: Path, rows: pl.DataFrame, detector: YuNet) -> list[Shot]:
    """Returns the pictures in which the detector finds a face."""
    found = []
    for path, label in rows.sort("path").select("path", "label").iter_rows():
        image = decode(root / path)
        faces = detector.detect(image)
        if faces and faces[0].landmarks is not None:
            found.append(Shot(image, faces[0].landmarks, label))
    return found


def outline(kind: str, random: Random) -> Image:
    """Returns what a cover hides in a chip, (256, 256) 0 or 1."""
    mask = np.zeros((CHIP_SIZE, CHIP_SIZE), np.uint8)
    if kind == "sunglasses":
        half = np.array([random.uniform(0.19, 0.23), random.uniform(0.11, 0.2)]) * SIDE
        for eye in TEMPLATE[:2] + np.array([0, 0.02 * SIDE]):
            if random.random() < 0.5:
                cv2.ellipse(mask, (eye.tolist(), (2 * half).tolist(), 0), 1, -1)
            else:
                corners = (*(eye - half).astype(int), *(2 * half).astype(int))
                cv2.rectangle(mask, corners, 1, -1)
        bridge = int(TEMPLATE[0, 1]) - 5
        cv2.line(mask, (60, bridge), (200, bridge), 1, 5)
    elif kind == "mask":
        top = random.uniform(0.48, 0.62)
        rim = [(-0.02, top + 0.05), (0.5, top - 0.05), (1.02, top + 0.05), (0.9, 1), (0.5, 1.12),
               (0.1, 1)]  # fmt: skip
        cv2.fillPoly(mask, [(LOW + SIDE * np.array(rim)).astype(int)], 1)
    else:
        sides = SIDE * math.sqrt(0.75 * random.uniform(0.1, 0.55)) * np.ones(2)
        sides *= math.exp(random.uniform(-0.3, 0.3)) ** np.array([1, -1])
        place = LOW + SIDE * random.uniform(0.2, 0.8, 2)
        corners = cv2.boxPoints((place.tolist(), sides.tolist(), random.uniform(-30, 30)))
        cv2.fillPoly(mask, [corners.astype(int)], 1)
    return mask


def cover(shot: Shot, kind: str, random: Random, other: Image) -> tuple[Image, float]:
    """Returns the chip of a covered face, and the share of its ellipse that is covered."""
    mask = outline(kind, random)
    matrix = similarity(shot.points)
    height, width = shot.image.shape[:2]
    hidden = cv2.warpAffine(mask, cv2.invertAffineTransform(matrix), (width, height)) > 0
    image = shot.image.astype(np.float32)
    if kind == "grey":
        image[hidden] = random.integers(0, 256)
    elif kind == "noise":
        image[hidden] = random.integers(0, 256, (height, width, 1))[hidden]
    elif kind == "sunglasses":
        image[hidden] = image[hidden] * 0.1 + random.integers(5, 50)
    elif kind == "mask":
        image *= 1 - hidden[..., None]
        cloth = random.integers(60, 240) * np.linspace(1, 0.8, height)
        image += (cloth[:, None] * hidden)[..., None]
    else:
        source = shot.image if kind == "own skin" else cv2.resize(other, (width, height))
        shift = random.uniform(0.2, 0.5, 2) * (height, width) * random.choice([-1, 1], 2)
        image[hidden] = np.roll(source, shift.astype(int), (0, 1))[hidden]
    low = round(LOW)
    inner = mask[low : CHIP_SIZE - low, low : CHIP_SIZE - low]
    share = float(inner[ellipse(len(inner))].mean())
    return warp(np.clip(image, 0, 255).astype(np.uint8), matrix), share


def alike(one: Iterable[float], two: Iterable[float]) -> float:
    """Returns the rank correlation (Spearman 1904)."""
    return float(spearmanr(list(one), list(two)).statistic)


def auc(low: list[float], high: list[float]) -> float:
    """Returns how often a value of ``high`` is above one of ``low``; ties count half."""
    return float(roc_auc_score([0] * len(low) + [1] * len(high), [*low, *high]))


def lit(chip: Image, gain: float, tilt: float = 0.0) -> Image:
    """Returns a chip brighter by a gain, and by a share more from the left to the right."""
    side = np.linspace(-1, 1, CHIP_SIZE)[None, :, None]
    return np.clip(chip * (gain * (1 + tilt * side)), 0, 255).astype(np.uint8)


def degraded(shot: Shot) -> dict[str, Image]:
    """Returns the chip as it is, blurred, small and in other light."""
    chip = shot.chip
    made = {"as it is": chip}
    made |= {f"blur {s} px": cv2.GaussianBlur(chip, (0, 0), s) for s in BLURS}
    made |= {f"{side} px face": shot.shrunk(side) for side in SIZES if side < 1.1 * shot.size}
    made |= {f"gain {gain}": lit(chip, gain) for gain in (0.02, 0.05, 0.1, 0.2, 0.5, 2, 3, 4, 6, 9)}
    made |= {f"tilt {tilt}": lit(chip, 1, tilt) for tilt in (-0.9, -0.5, 0.5, 0.9)}
    mean = chip.mean()
    return made | {
        f"contrast {share}": np.rint(mean + (chip - mean) * share).astype(np.uint8)
        for share in (0.02, 0.05, 0.1, 0.2, 0.4)
    }


def line(*cells: object) -> None:
    """Prints a row of a table."""
    print("|", " | ".join(f"{c:.3f}" if isinstance(c, float) else str(c) for c in cells), "|")


def table_of_sharpness(name: str, some: list[Shot], random: Random) -> None:
    """Prints the 5th, 50th and 95th percentile under blur, shrinking and noise."""
    found: dict[str, list[float]] = {}
    for shot in some:
        made = {k: v for k, v in degraded(shot).items() if k[0] not in "gtc"}
        made |= {f"noise {sigma}": shot.noisy(sigma, random) for sigma in (5, 10, 20)}
        for kind, chip in made.items():
            found.setdefault(kind, []).append(measure(chip, shot.size).sharpness)
    print(f"\nsharpness, {len(some)} of {name}: 5 %, median, 95 %")
    for kind, values in found.items():
        line(kind, *map(float, np.percentile(values, (5, 50, 95))))


def table_of_covers(name: str, some: list[Shot], random: Random) -> None:
    """Prints how well the occlusion tells covered faces, by what covers them."""
    clean = [measure(shot.chip, shot.size) for shot in some]
    base = [one.occlusion for one in clean]
    print(f"\nocclusion, {len(some)} of {name}: clean", *np.percentile(base, (50, 90, 95, 98)))
    line("cover", "AUC from 25 %", "AUC", "rank", "mean share", "mean estimate")
    every = []
    for kind in KINDS:
        pairs = []
        for index, shot in enumerate(some):
            chip, share = cover(shot, kind, random, some[index - 17].image)
            pairs.append((share, measure(chip, shot.size).occlusion))
        every += pairs
        summary(kind, base, pairs)
    summary("all", base, every)
    for other in ("exposure", "contrast", "shade", "sharpness"):
        line("rank, " + other, alike(base, (abs(getattr(q, other)) for q in clean)))
    for label in sorted({shot.label for shot in some if shot.label}):
        values = [b for b, shot in zip(base, some, strict=True) if shot.label == label]
        line(label, len(values), float(np.mean(values)), float(np.median(values)))
    made = [degraded(shot) for shot in some[::8]]
    for kind in ("as it is", "blur 3 px", "24 px face", "gain 0.2", "gain 2", "tilt 0.5"):
        values = [measure(chips[kind], 1).occlusion for chips in made if kind in chips]
        line(kind, len(values), float(np.mean(values)), float(np.median(values)))


def summary(kind: str, base: list[float], pairs: list[tuple[float, float]]) -> None:
    """Prints a row of `table_of_covers`: clean faces count as covered by nothing."""
    much = [estimate for share, estimate in pairs if share >= 0.25]
    shares, estimates = zip(*pairs, strict=True)
    line(kind, auc(base, much) if much else "", auc(base, estimates),
         alike([*(0.0 for _ in base), *shares], [*base, *estimates]),
         float(np.mean(shares)), float(np.mean(estimates)))  # fmt: skip


def table_of_accuracy(some: list[Shot], random: Random) -> None:
    """Prints the default model's accuracy by each number, and what thresholds would refuse."""
    model, rows = Model(), []
    clean = [measure(shot.chip, shot.size) for shot in some]
    known = [shot for shot in some if shot.label in labels.CLASSES][::8]
    for index, shot in enumerate(known):
        made = degraded(shot)
        for kind in KINDS:
            made[f"cover {kind}"], _ = cover(shot, kind, random, known[index - 17].image)
        wanted = labels.CLASSES.index(shot.label or "")
        right = model.probabilities(np.array(list(made.values()))).argmax(1) == wanted
        for (kind, chip), good in zip(made.items(), right, strict=True):
            size = float(kind.split()[0]) if kind.endswith("px face") else shot.size
            rows.append((kind, bool(good), measure(chip, size)))
    for name in dict.fromkeys(kind for kind, _, _ in rows):
        line(name, float(np.mean([good for kind, good, _ in rows if kind == name])))
    for name, (part, borders) in BANDS.items():
        taken = [(abs(getattr(quality, name)), good) for kind, good, quality in rows
                 if part in kind or kind == "as it is"]  # fmt: skip
        own = np.array([abs(getattr(quality, name)) for quality in clean])
        print(f"\naccuracy by {name}; below, above: shares of {len(own)} clean faces outside")
        for low, high in itertools.pairwise(borders):
            good = [right for v, right in taken if low <= v < high]
            if len(good) >= 30:
                line(f"{low:.3f} to {high:.3f}", len(good), float(np.mean(good)),
                     "" if np.mean(good) >= LEAST else "low",
                     float((own < high).mean()), float((own >= low).mean()))  # fmt: skip


def main() -> None:
    """Prints all tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("ferplus", "internet", "merge", "split"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--yunet", type=Path, default=None, help="the detector's weights")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    detector, random = YuNet(given.yunet), np.random.default_rng(0)
    known = pl.read_parquet(given.merge / "catalogue.parquet", columns=["id", "path", "label"])
    rows = pl.read_parquet(given.split / "roles.parquet").join(known, on=["id", "path"])
    dev = shots(given.ferplus, rows.filter(dataset="ferplus", role="dev"), detector)
    photos = shots(given.internet, rows.filter(role="landmarks"), detector)
    for name, some in (("photos", photos), ("FER+ dev", dev)):
        table_of_sharpness(name, some[::5], random)
        table_of_covers(name, some[:: 1 + len(some) // 1000], random)
    table_of_accuracy(dev, random)
    seconds = []
    for chip in [shot.chip for shot in photos[:200]]:
        start = time.perf_counter()
        measure(chip, 100)
        seconds.append(time.perf_counter() - start)
    print(f"\n{np.median(seconds) * 1e3:.2f} ms a face, median, one thread")


if __name__ == "__main__":
    main()
