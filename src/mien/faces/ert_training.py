"""Trains the trees of `mien.faces.ert`."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mien.core.config import StageConfig
from mien.core.types import BBox, Floats, Image
from mien.faces.align import Matrix
from mien.faces.ert import (
    FACE_IN_VIEW,
    MIRRORED,
    VIEW,
    face_rectangle,
    upright,
    view_matrix,
    view_of,
)

Points = npt.NDArray[np.float64]


class TreeOptions(StageConfig):
    """How the trees grow; names and meaning are those of dlib's training options.

    The file's size is about ``cascades * trees * 2**depth * 76`` bytes.
    """

    cascades: int = Field(default=12, ge=1)
    trees: int = Field(default=260, ge=1)
    depth: int = Field(default=4, ge=1, le=8)
    nu: float = Field(default=0.1, gt=0, le=1)
    oversampling: int = Field(default=1, ge=1)
    pool: int = Field(default=400, ge=2)
    pool_padding: float = Field(default=0.2, ge=-0.5)
    splits: int = Field(default=20, ge=1)
    lambda_: float = Field(default=0.1, gt=0, alias="lambda")
    threads: int = Field(default=2, ge=1)


class Jitter(StageConfig):
    """How far a training box lies off the true one, as standard deviations.

    Attributes:
        place: along each axis, as a share of the face's side.
        size: of the side, as a share.
        turn: of the direction of the eye line, degrees.
    """

    place: float = Field(default=0.06, ge=0)
    size: float = Field(default=0.12, ge=0)
    turn: float = Field(default=4.0, ge=0)


def views(
    image: Image, points: Floats, box: BBox | None, jitter: Jitter, random: np.random.Generator
) -> Iterator[tuple[Image, Points]]:
    """Yields the views of one face that the trees learn from, each with its landmarks in it.

    They are those that `Ert.place` meets: the detector's own box, the true one a good deal off,
    and an upright view a little off; half of them in the mirror.

    Args:
        image: (height, width, 3) or (height, width) uint8.
        points: (5, 2) landmarks, absolute pixels.
        box: where the detector found the face; None where it did not.
        jitter: how far off.
        random: where chance comes from.
    """
    true = points.astype(np.float64)
    level = upright(true)
    side = FACE_IN_VIEW / math.hypot(level[0, 0], level[0, 1])
    angle = math.atan2(level[0, 1], level[0, 0])
    centre = true.mean(0)
    if box is not None:
        middle = box.centre[0] - 0.5, box.centre[1] - 0.5
        matrix = view_matrix(middle, math.sqrt(box.area))
        yield _seen(image, true, matrix, mirrored=False)
        yield _seen(image, true, matrix, mirrored=True)
    # The later, upright looks start from a much better place than the first one.
    mirrored = bool(random.integers(2))
    for turned, share in ((0.0, 1.0), (angle, 0.5)):
        moved = centre + random.normal(0, share * jitter.place * side, 2)
        taken = side * math.exp(random.normal(0, share * jitter.size))
        off = math.radians(random.normal(0, jitter.turn))
        matrix = view_matrix((float(moved[0]), float(moved[1])), taken, turned + off)
        mirrored = not mirrored
        yield _seen(image, true, matrix, mirrored=mirrored)


def grow(
    samples: Iterable[tuple[Image, Points]], options: TreeOptions, seed: int, path: Path
) -> None:
    """Trains the trees and writes them.

    Args:
        samples: views (192, 192) uint8 with (5, 2) landmarks in them.
        options: how the trees grow.
        seed: the seed of every choice made by chance.
        path: the file to write; it is in place only when it is whole.
    """
    import dlib

    pictures, shapes = [], []
    for view, points in samples:
        parts = [dlib.point(round(float(x)), round(float(y))) for x, y in points]
        pictures.append(view)
        shapes.append([dlib.full_object_detection(face_rectangle(), parts)])
    chosen: Any = dlib.shape_predictor_training_options()
    chosen.cascade_depth = options.cascades
    chosen.num_trees_per_cascade_level = options.trees
    chosen.tree_depth = options.depth
    chosen.nu = options.nu
    chosen.oversampling_amount = options.oversampling
    chosen.feature_pool_size = options.pool
    chosen.feature_pool_region_padding = options.pool_padding
    chosen.num_test_splits = options.splits
    chosen.lambda_param = options.lambda_
    chosen.num_threads = options.threads
    chosen.random_seed = str(seed)
    trees = dlib.train_shape_predictor(pictures, shapes, chosen)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    trees.save(str(partial))
    os.replace(partial, path)


def _seen(image: Image, points: Points, matrix: Matrix, *, mirrored: bool) -> tuple[Image, Points]:
    view = view_of(image, matrix)
    there = points @ matrix[:, :2].T + matrix[:, 2]
    if not mirrored:
        return view, there
    there = there[list(MIRRORED)]
    there[:, 0] = VIEW - 1 - there[:, 0]
    return np.ascontiguousarray(view[:, ::-1]), there
