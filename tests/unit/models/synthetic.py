"""Faces drawn here: a bar whose angle is the class, so that a tiny network learns them at once."""

from pathlib import Path

import cv2
import numpy as np
import polars as pl

from mien.core import catalogue
from mien.core.labels import CLASSES
from mien.core.spec import CHIP_SIZE, Preprocess, resized_cut
from mien.models.augment import Augment, wide
from mien.models.data import Batches, FaceArrays

SMALL = Preprocess(input_size=24)
MILD = Augment(rotation=4.0, erase=0.1, flip=0.0)


def chip(kind: int, random: np.random.Generator) -> np.ndarray:
    """A (256, 256, 3) chip: a bar at 180 / 7 degrees times its class, on noise."""
    pixels = random.normal(90, 12, (CHIP_SIZE, CHIP_SIZE)).clip(0, 255).astype(np.uint8)
    angle = np.pi * kind / len(CLASSES)
    reach = np.array([np.cos(angle), np.sin(angle)]) * 70
    centre = CHIP_SIZE / 2 + random.normal(0, 4, 2)
    ends = [tuple(int(v) for v in centre + sign * reach) for sign in (-1, 1)]
    cv2.line(pixels, ends[0], ends[1], 220, 22)
    return np.repeat(pixels[:, :, None], 3, axis=2)


def kinds(n: int, seed: int = 0) -> np.ndarray:
    """Classes (n,), the first four times as frequent as each of the others."""
    shares = np.array([4, 1, 1, 1, 1, 1, 1]) / 10
    return np.random.default_rng(seed).choice(len(CLASSES), n, p=shares)


def arrays(n: int, preprocess: Preprocess = SMALL, seed: int = 0) -> FaceArrays:
    """Synthetic faces, cut for a network or for its training."""
    random = np.random.default_rng(seed)
    labels = kinds(n, seed)
    cuts = [resized_cut(chip(int(k), random), preprocess) for k in labels]
    pixels = np.stack(cuts).reshape(n, preprocess.input_size, preprocess.input_size, -1)
    targets = np.eye(len(CLASSES), dtype=np.float32)[labels]
    ids = tuple(f"face-{i}" for i in range(n))
    return FaceArrays(ids, pixels, targets, labels.astype(np.int64))


def batches(n: int = 96, seed: int = 0, preprocess: Preprocess = SMALL) -> Batches:
    """Batches over synthetic training faces."""
    return Batches(arrays(n, wide(preprocess)), preprocess, MILD, seed)


def tables(root: Path, train: int = 140, dev: int = 70) -> tuple[Path, Path]:
    """Writes what `crop` and `split` would: two shards of faces, and their roles."""
    random = np.random.default_rng(5)
    n = train + dev
    labels = kinds(n, 5)
    rows, roles = [], []
    for i, kind in enumerate(labels):
        _, png = cv2.imencode(".png", chip(int(kind), random)[:, :, ::-1])
        votes = np.full(7, 0.02, np.float32)
        votes[kind] = 0.88
        row = dict.fromkeys(catalogue.FACE_COLUMNS)
        row |= {"id": f"{i:064}", "path": f"{i}.png", "dataset": "drawn"}
        row |= {"label": CLASSES[kind], "votes": votes.tolist()}
        row |= {"chip": {"bytes": png.tobytes(), "path": f"{i}.png"}, "detector": "full-frame"}
        rows.append(row)
        role = "train" if i < train else "dev"
        key = {name: row[name] for name in catalogue.KEY}
        roles.append({**key, "role": role, "group": row["id"], "reason": None})
    faces, split = root / "faces", root / "split"
    frame = pl.DataFrame(rows, schema=catalogue.schema(catalogue.FACE_COLUMNS), orient="row")
    for shard, start in enumerate((0, n // 2)):
        part = frame.slice(start, n // 2 if shard == 0 else None)
        catalogue.write(part, faces / catalogue.FACES.format(shard))
    table = pl.DataFrame(roles, schema=catalogue.schema(catalogue.ROLE_COLUMNS), orient="row")
    catalogue.write(table, split / "roles.parquet")
    return faces, split
