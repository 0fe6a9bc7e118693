"""`landmarks`: photographs -> the trees that place five landmarks without a neural network.

YuNet is the teacher, as a consensus of several passes, on the training part of FER+ and on a fixed
third of the people in the internet pictures; HOG says from which boxes the trees have to start.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import Field

from mien.core import images, registry
from mien.core.artifact import atomic, digest, versions, write_json
from mien.core.config import StageConfig
from mien.core.errors import DataError, ImageError
from mien.core.progress import track
from mien.core.types import BBox, Floats, Image
from mien.datasets.internet import person
from mien.faces.consensus import PASSES, passes
from mien.faces.ert import Ert
from mien.faces.ert_training import Jitter, Points, TreeOptions, grow, views
from mien.faces.hog import Search
from mien.faces.yunet import YuNet

THIRD: Final = "internet_third.txt"
_SHARD: Final = 128


class LandmarksConfig(StageConfig):
    """The settings of `train_landmarks`.

    Attributes:
        ferplus: the folder that holds ``FER2013Train`` and ``FER2013Valid``.
        internet: the folder that holds ``images``.
        out: the file to make; ``<out>.json`` and `THIRD` come beside it.
        seed: the seed of every choice made by chance.
        ferplus_faces: how many training faces of FER+ are taken, by chance.
        most_doubt: where YuNet's passes lie further from their mean than this share of the eye
            distance, it is no teacher.
        repeats: how often each internet picture is taken, with other jitter: there are fewer.
        yunet: YuNet's file; None looks for it as `mien.faces.weights.find` does.
        jitter: how far training boxes lie off.
        trees: how the trees grow.
        jobs: the number of processes that look at pictures. It does not change the result.
    """

    ferplus: Path
    internet: Path
    out: Path = Field(exclude=True)
    seed: int = 0
    ferplus_faces: int = Field(default=8000, ge=1)
    most_doubt: float = Field(default=0.1, gt=0)
    repeats: int = Field(default=4, ge=1)
    yunet: Path | None = Field(default=None, exclude=True)
    jitter: Jitter = Jitter()
    trees: TreeOptions = TreeOptions()
    jobs: int | None = Field(default=2, ge=1, exclude=True)


@dataclass(frozen=True)
class Looked:
    """What the two detectors saw in one picture.

    Attributes:
        path: the file.
        id: the sha256 of its bytes.
        once: YuNet's landmarks of the largest face, (5, 2), absolute pixels; None without one.
        points: their consensus (`mien.faces.consensus`), or None.
        doubt: how far YuNet's passes lie from it, as a share of the eye distance; infinite where
            some of them missed the face.
        box: HOG's box of that same face; None where HOG did not find it.
    """

    path: Path
    id: str
    once: Floats | None = None
    points: Floats | None = None
    doubt: float = math.inf
    box: BBox | None = None


def train_landmarks(config: LandmarksConfig) -> dict[str, Any]:
    """Trains the trees, measures them on pictures that they did not see, and writes both.

    Args:
        config: the settings.

    Returns:
        What stands in ``<out>.json``: sha256, counts, settings, and for each held-out set the
        errors against YuNet as shares of the distance between the eyes.

    Raises:
        DataError: a folder holds no pictures.
        ChecksumError: YuNet's file is another one.
        DownloadError: YuNet's file is missing and cannot be fetched.
    """
    started = time.monotonic()
    third, rest = split_people(pictures(config.internet / "images"))
    faces = pictures(config.ferplus / "FER2013Train")
    random = np.random.default_rng(config.seed)
    taken = sorted(random.permutation(len(faces))[: config.ferplus_faces])
    _say(f"{len(third)} internet pictures teach, {len(rest)} do not")
    teaching = look([faces[i] for i in taken], config, "FER+ training faces")
    internet = look(third, config, "internet pictures that teach")
    ids = {picture.id for picture in internet}
    taught = ids | {picture.id for picture in teaching}  # the parts of FER2013 share some pictures
    samples = [
        *_samples(teaching, 1, config, random),
        *_samples(internet, config.repeats, config, random),
    ]
    _say(f"{len(samples):,} views; growing {config.trees.cascades} x {config.trees.trees} trees")
    grow(samples, config.trees, config.seed, config.out)
    _say(f"grown after {time.monotonic() - started:.0f} s; measuring")
    counts = {
        "ferplus_teaching": _count(teaching, config.most_doubt),
        "internet_teaching": _count(internet, config.most_doubt),
        "views": len(samples),
    }
    del samples
    valid = look(pictures(config.ferplus / "FER2013Valid"), config, "FER+ validation faces")
    unseen = look(rest, config, "other internet pictures")
    result = {
        "sha256": digest(config.out),
        "bytes": config.out.stat().st_size,
        "config": config.model_dump(mode="json", exclude={"ferplus", "internet"}, by_alias=True),
        "counts": counts,
        "errors": measure(
            config.out,
            [picture for picture in valid if picture.id not in taught],
            [picture for picture in unseen if picture.id not in taught],
        ),
        "versions": versions(),
    }
    with atomic(config.out.with_name(THIRD), "w") as file:
        file.write("".join(f"{name}\n" for name in sorted(ids)))
    write_json(config.out.with_name(config.out.name + ".json"), result)
    _say(f"done after {time.monotonic() - started:.0f} s: {json.dumps(result['errors'])}")
    return result


def pictures(folder: Path) -> list[Path]:
    """Returns the pictures of a folder in a stable order.

    Raises:
        DataError: there are none.
    """
    found = list(images.find_images(folder))
    if not found:
        raise DataError(
            f"{folder} holds no pictures. Expected the data set's own layout: FER2013Train and "
            "FER2013Valid for FER+, images for the internet pictures."
        )
    return found


def split_people(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Returns the pictures of a third of the people, and those of the others.

    A person's name decides, by its sha256, so the third is the same everywhere and for ever.
    """
    third: list[Path] = []
    rest: list[Path] = []
    for path in paths:
        name = hashlib.sha256(person(path.name).encode()).digest()
        (rest if int.from_bytes(name, "big") % 3 else third).append(path)
    return third, rest


def look(paths: Sequence[Path], config: LandmarksConfig, what: str) -> list[Looked]:
    """Returns what YuNet and HOG see in each picture; unreadable ones are left out."""
    function = functools.partial(_look_shard, yunet=config.yunet)
    shards = [paths[i : i + _SHARD] for i in range(0, len(paths), _SHARD)]
    engine = registry.load("engines", "local")(config.jobs)
    _say(f"looking at {len(paths):,} {what}")
    return [x for shard in track(engine.map(function, shards), what, len(shards)) for x in shard]


def _look_shard(paths: Sequence[Path], yunet: Path | None) -> list[Looked]:
    teacher, search = _detectors(yunet)
    found = []
    for path in paths:
        try:
            data = path.read_bytes()
            image = images.decode(data)
        except (OSError, ImageError):
            continue
        found.append(_look_at(path, hashlib.sha256(data).hexdigest(), image, teacher, search))
    return found


def _look_at(path: Path, name: str, image: Image, teacher: YuNet, search: Search) -> Looked:
    faces = teacher.detect(image)
    if not faces or faces[0].landmarks is None:
        return Looked(path, name)
    seen = passes(teacher, image, faces[0])
    if not len(seen):
        return Looked(path, name)
    points = seen.mean(0).astype(np.float32)
    doubt = float(np.mean([error(p, points) for p in seen])) if len(seen) == PASSES else math.inf
    boxes = [box for box, _ in search.boxes(image) if _same_face(box, points)]
    box = max(boxes, key=lambda box: box.area) if boxes else None
    return Looked(path, name, faces[0].landmarks, points, doubt, box)


@functools.cache
def _detectors(yunet: Path | None) -> tuple[YuNet, Search]:
    return YuNet(yunet), Search()


def _same_face(box: BBox, points: Floats) -> bool:
    x, y = points.mean(0)
    eyes = float(np.hypot(*(points[1] - points[0])))
    inside = box.x1 < x < box.x2 and box.y1 < y < box.y2
    return inside and box.width < 6 * eyes


def _samples(
    found: Sequence[Looked], repeats: int, config: LandmarksConfig, random: np.random.Generator
) -> Iterator[tuple[Image, Points]]:
    for picture in found:
        if picture.points is None or picture.doubt > config.most_doubt:
            continue
        image = images.decode(picture.path)
        for _ in range(repeats):
            yield from views(image, picture.points, picture.box, config.jitter, random)


def _count(found: Sequence[Looked], most_doubt: float) -> dict[str, int]:
    good = [x for x in found if x.points is not None and x.doubt <= most_doubt]
    return {
        "pictures": len(found),
        "taken": len(good),
        "with_hog_box": sum(x.box is not None for x in good),
    }


def measure(
    trees: Path, ferplus: Sequence[Looked], internet: Sequence[Looked]
) -> dict[str, dict[str, float]]:
    """Returns the errors of a landmark file on pictures that did not teach it.

    Args:
        trees: the file.
        ferplus: what the detectors saw in FER+ validation faces.
        internet: the same for internet pictures.

    Returns:
        For each set, from HOG's boxes, against the consensus of YuNet's passes (``consensus``) and
        against its plain pass (``once``), and for that pass itself (``yunet``) against the
        consensus: the number of faces, and the mean, median and 95th percentile of a face's mean
        distance, as shares of the eye distance.
    """
    ert = Ert(trees)
    result = {}
    for name, found in (("ferplus_valid", ferplus), ("internet", internet)):
        rows = []
        for picture in found:
            if picture.points is None or picture.once is None or picture.box is None:
                continue
            placed = ert.place(images.decode(picture.path), picture.box)
            rows.append(
                (
                    error(placed, picture.points),
                    error(placed, picture.once),
                    error(picture.once, picture.points),
                )
            )
        for kind, errors in zip(("consensus", "once", "yunet"), np.array(rows).T, strict=True):
            result[f"{name}_{kind}"] = {
                "faces": len(errors),
                "mean": round(float(errors.mean()), 5),
                "median": round(float(np.median(errors)), 5),
                "p95": round(float(np.quantile(errors, 0.95)), 5),
            }
    return result


def error(points: Floats, truth: Floats) -> float:
    """Returns the mean distance between landmarks as a share of the true eye distance."""
    eyes = float(np.hypot(*(truth[1] - truth[0])))
    return float(np.hypot(*(points - truth).T).mean()) / max(eyes, 1e-6)


def _say(text: str) -> None:
    sys.stderr.write(f"landmarks: {text}\n")
    sys.stderr.flush()
