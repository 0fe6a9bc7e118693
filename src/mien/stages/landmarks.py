"""Trains the five-point predictor that places landmarks where YuNet would (`mien.faces.ert`).

YuNet's landmarks on training pictures are the truth; the boxes are such as HOG finds, jittered. The
pictures of the roles that never train are only measured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import cv2
import dlib
import numpy as np
import polars as pl
from pydantic import Field

from mien.core import catalogue as tables
from mien.core import origins, registry
from mien.core.artifact import StageFolder, digest, write_json
from mien.core.config import StageConfig
from mien.core.errors import ImageError, StageError
from mien.core.images import decode
from mien.core.progress import track
from mien.core.spec import CHIP_MARGIN, CHIP_SIZE
from mien.core.types import BBox, Face, Floats, Image
from mien.faces.align import similarity
from mien.faces.ert import RECTANGLE, WINDOW, Ert, window

PREDICTOR: Final = "ert5.dat"
ERRORS: Final = "errors.json"
_BOX_CENTRE: Final = (0.508, 0.58)
_BOX_SIDE: Final = 1.0
"""Where HOG's box lies in a face, as shares of the face's side: medians over 1,000 pictures of
both sets; the jitter below is a little more than the spread found there."""


class LandmarksConfig(StageConfig):
    """Settings of the training.

    Attributes:
        detector: whose landmarks are the truth.
        train_roles: the roles that train.
        measure_roles: the roles that are only measured.
        copies: how many jittered boxes each picture of a data set gives.
        least_score: fainter detections do not train.
        shift: standard deviation of the box's shift, as a share of the face's side.
        stretch: standard deviation of the logarithm of the box's side.
        cascades, depth, trees, nu, oversampling: as in dlib.
    """

    detector: str = "yunet"
    train_roles: tuple[str, ...] = ("train", "landmarks")
    measure_roles: tuple[str, ...] = ("dev", "test", "unseen")
    copies: dict[str, int] = {"ferplus": 2, "internet": 12}
    least_score: float = 0.8
    shift: float = Field(default=0.06, ge=0)
    stretch: float = Field(default=0.13, ge=0)
    cascades: int = Field(default=12, ge=1)
    depth: int = Field(default=4, ge=1)
    trees: int = Field(default=280, ge=1)
    nu: float = Field(default=0.1, gt=0, le=1)
    oversampling: int = Field(default=3, ge=1)
    seed: int = 0


def in_landmark_third(subject: str) -> bool:
    """Tells whether a person belongs to the third whose pictures may train landmarks."""
    return int(hashlib.sha256(subject.encode()).hexdigest(), 16) % 3 == 0


def train_landmarks(
    config: LandmarksConfig, catalogue: Path, split: Path, out: Path, *, overwrite: bool = False
) -> Path:
    """Trains the predictor and measures it.

    Args:
        config: the settings.
        catalogue: the folder that `merge` wrote.
        split: the folder that `split` wrote.
        out: the folder to write: ``ert5.dat``, ``errors.json``, ``meta.json``.
        overwrite: replace a folder made with other settings.

    Returns:
        ``out``.

    Raises:
        StageError: no picture of the training roles shows a face.
    """
    folder = StageFolder(
        out, "landmarks", config, {"catalogue": catalogue, "split": split}, overwrite=overwrite
    )
    if folder.done:
        return out
    rows = _rows(catalogue, split)
    generator = np.random.default_rng(config.seed)
    images, shapes = [], []
    chosen = rows.filter(pl.col("role").is_in(config.train_roles))
    for row, image, face in _truth(chosen, catalogue, config):
        for _ in range(config.copies.get(row["dataset"], 1)):
            seen, points = _example(image, face, config, generator)
            images.append(seen)
            shapes.append([_as_shape(points)])
    if not images:
        raise StageError(f"No picture of the roles {config.train_roles} shows a face.")
    predictor = dlib.train_shape_predictor(images, shapes, _options(config))
    predictor.save(str(folder.work / PREDICTOR))
    measured = rows.filter(pl.col("role").is_in(config.measure_roles))
    errors = measure(folder.work / PREDICTOR, measured, catalogue, config)
    write_json(folder.work / ERRORS, errors)
    sha256 = digest(folder.work / PREDICTOR)
    return folder.finish({"examples": len(images), "pictures": chosen.height, "sha256": sha256})


def measure(
    predictor: Path | None, rows: pl.DataFrame, catalogue: Path, config: LandmarksConfig
) -> dict[str, dict[str, float]]:
    """Returns the mean error of landmarks, as shares of the distance between the eyes.

    Args:
        predictor: the predictor; None takes the shipped one.
        rows: rows of the catalogue with their roles.
        catalogue: the folder that `merge` wrote.
        config: the settings of the training.

    Returns:
        For each role and box (HOG's, and the frame's for pictures that are faces): the mean over
        pictures and points, the median over pictures, and the number of pictures.
    """
    found: dict[str, list[float]] = {}
    detectors = {
        "hog": registry.load("detectors", "hog")(predictor),
        "full-frame": registry.load("detectors", "full-frame")(predictor),
    }
    for row, image, face in _truth(rows, catalogue, config):
        assert face.landmarks is not None
        eyes = float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
        for name, detector in detectors.items():
            if name == "full-frame" and max(image.shape) > WINDOW:
                continue
            same = [f for f in detector.detect(image) if _same(f, face)]
            if same and eyes > 0:
                off = np.linalg.norm(same[0].landmarks - face.landmarks, axis=1).mean() / eyes
                found.setdefault(f"{row['role']}, {name}", []).append(float(off))
    return {
        name: {"mean": float(np.mean(e)), "median": float(np.median(e)), "pictures": len(e)}
        for name, e in sorted(found.items())
    }


def _rows(catalogue: Path, split: Path) -> pl.DataFrame:
    roles = pl.read_parquet(split / "roles.parquet").select("id", "dataset", "role")
    return tables.read(catalogue).join(roles, on=["id", "dataset"], maintain_order="left")


def _truth(
    rows: pl.DataFrame, catalogue: Path, config: LandmarksConfig
) -> Iterator[tuple[dict[str, Any], Image, Face]]:
    """Yields every picture whose largest face is sure and not in profile, with that face."""
    sources = origins.read_sources(catalogue)
    detector = registry.load("detectors", config.detector)()
    for row in track(rows.iter_rows(named=True), "landmarks", rows.height):
        try:
            image = decode(sources[row["dataset"]].root / row["path"])
        except ImageError:
            continue  # merge and crop have reported it
        faces = detector.detect(image)
        if faces and faces[0].score >= config.least_score and _is_frontal(faces[0]):
            yield row, image, faces[0]


def _is_frontal(face: Face) -> bool:
    """Tells whether HOG could have found a face: in profile its landmarks mean little."""
    assert face.landmarks is not None
    eyes, mouth = face.landmarks[:2], face.landmarks[3:]
    across = float(np.linalg.norm(eyes[1] - eyes[0]))
    return across > 0.5 * float(np.linalg.norm(mouth.mean(0) - eyes.mean(0)))


def _same(one: Face, other: Face) -> bool:
    x, y = one.bbox.centre
    box = other.bbox
    return box.x1 < x < box.x2 and box.y1 < y < box.y2


def _example(
    image: Image, face: Face, config: LandmarksConfig, generator: np.random.Generator
) -> tuple[Image, Floats]:
    """Returns a window around a jittered box and the landmarks in it."""
    assert face.landmarks is not None
    back = cv2.invertAffineTransform(similarity(face.landmarks))
    centre = np.array(_BOX_CENTRE) + generator.normal(0, config.shift, 2)
    centre = ((centre - 0.5) / (1 + CHIP_MARGIN) + 0.5) * CHIP_SIZE
    x, y = back[:, :2] @ centre + back[:, 2]
    face_side = CHIP_SIZE / (1 + CHIP_MARGIN) * float(np.hypot(back[0, 0], back[1, 0]))
    half = face_side * _BOX_SIDE * float(np.exp(generator.normal(0, config.stretch))) / 2
    seen, scale, low = window(image, BBox(x - half, y - half, x + half, y + half))
    points = (face.landmarks + 0.5 - low) * scale - 0.5
    return seen, points.astype(np.float32)  # type: ignore[return-value]


def _as_shape(points: Floats) -> Any:
    return dlib.full_object_detection(
        RECTANGLE, [dlib.point(round(float(x)), round(float(y))) for x, y in points]
    )


def _options(config: LandmarksConfig) -> Any:
    options = dlib.shape_predictor_training_options()
    options.cascade_depth = config.cascades
    options.tree_depth = config.depth
    options.num_trees_per_cascade_level = config.trees
    options.nu = config.nu
    options.oversampling_amount = config.oversampling
    options.random_seed = str(config.seed)
    options.num_threads = 2
    options.be_verbose = True
    return options


__all__ = ["Ert", "LandmarksConfig", "in_landmark_third", "measure", "train_landmarks"]
