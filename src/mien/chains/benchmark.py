"""How fast this machine is: each stage apart, then all of them together."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL.Image

from mien.chains.samples import photographs
from mien.core import registry
from mien.core.errors import InputError
from mien.core.images import decode
from mien.core.sources import expand
from mien.core.spec import prepare
from mien.core.types import Face
from mien.faces.finder import Finder
from mien.faces.pose import head_pose
from mien.faces.quality import measure
from mien.predictor import Predictor

_BATCH: Final = 32
_FACES: Final = 1024
_SIDE: Final = 350
_COPIES: Final = 50


def benchmark(photos: Sequence[Path], predictor: Predictor, detector: str, runs: int = 5) -> Any:
    """Times decoding, detecting, aligning, preparing and classifying apart, and the whole chain.

    Detecting and what comes before and after it, up to preparing, run on one thread; finding faces
    (all of these together, without the network), classifying and the chain use the predictor's.

    Args:
        photos: the pictures; every one is read in every run.
        predictor: the predictor to time.
        detector: the name of its detector.
        runs: how often each is timed, after one run that does not count.

    Returns:
        What was timed, and for each stage the median, least and greatest seconds of a run and the
        rate in items a second.

    Raises:
        InputError: no picture holds a face, or there is no picture.
    """
    find = registry.load("detectors", detector)()
    aligner = registry.load("aligners", predictor.model.spec.preprocess.aligner)()
    images = [decode(path) for path in photos]
    found = [(image, face) for image in images for face in find.detect(image)]
    if not found:
        raise InputError("No face was found to time. Name photographs of people.")
    sizes = Counter(f"{i.shape[1]}x{i.shape[0]}" for i in images)
    chips = np.stack([aligner.align(*pair) for pair in found])
    many = np.concatenate([chips] * -(-_FACES // len(chips)))[:_FACES]
    model = predictor.model
    inputs = prepare(many, model.spec.preprocess)
    batches = [inputs[i : i + _BATCH] for i in range(0, len(inputs), _BATCH)]
    work: dict[str, tuple[int, Callable[[], object]]] = {
        "decode": (len(photos), lambda: [decode(path) for path in photos]),
        "detect": (len(photos), lambda: [find.detect(image) for image in images]),
        "align": (len(found), lambda: [aligner.align(*pair) for pair in found]),
        "pose": (len(found), lambda: [_pose(face) for _, face in found]),
        "quality": (len(found), lambda: [measure(chip, 1.0) for chip in chips]),
        "prepare": (len(many), lambda: prepare(many, model.spec.preprocess)),
        "find faces": (len(photos), lambda: _find(photos, detector, predictor.jobs)),
        f"classify (batch {_BATCH})": (len(many), lambda: [model.infer(b) for b in batches]),
        "end to end": (len(photos), lambda: predictor.predict([str(p) for p in photos])),
    }
    return {
        "threads": predictor.jobs,
        "detector": detector,
        "photos": len(photos),
        "pixels": [size for size, _ in sizes.most_common()],
        "faces": len(found),
        "runs": runs,
        "stages": {name: _timed(function, count, runs) for name, (count, function) in work.items()},
    }


@contextlib.contextmanager
def listed(sources: Sequence[Path] | None) -> Iterator[list[Path]]:
    """Yields the pictures behind some sources; without any, the demonstration's at 350x350.

    Raises:
        NoImagesError: a folder holds no picture.
        MissingExtraError: no source was named and the demonstration's libraries are missing.
    """
    if sources:
        yield [Path(str(picture)) for _, picture in expand(map(str, sources))]
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number in range(_COPIES):
            for photograph in photographs():
                paths.append(Path(folder, f"{photograph.stem}-{number}.jpg"))
                image = PIL.Image.fromarray(decode(photograph)).resize((_SIDE, _SIDE))
                image.save(paths[-1], quality=90)
        yield paths


def as_markdown(result: Any) -> str:
    """Returns a result of `benchmark` as a table."""
    head = (
        f"{result['photos']} photos ({', '.join(result['pixels'][:3])}), {result['faces']} faces, "
        f"detector {result['detector']}, {result['threads']} threads where not one, "
        f"median of {result['runs']} runs"
    )
    lines = [
        head,
        "",
        "| stage | items | ms an item | items/s | fastest to slowest run, s |",
        "|---|---:|---:|---:|---|",
    ]
    for name, row in result["stages"].items():
        lines.append(
            f"| {name} | {row['items']} | {1000 * row['median'] / row['items']:.2f} | "
            f"{row['rate']:.0f} | {row['min']:.2f} to {row['max']:.2f} |"
        )
    return "\n".join(lines)


def _find(photos: Sequence[Path], detector: str, jobs: int) -> int:
    """Takes every photo from its file to the chips of its faces, and returns how many."""
    local = threading.local()

    def one(path: Path) -> int:
        if not hasattr(local, "finder"):
            local.finder = Finder([detector], faces="all")
        return len(local.finder.find(decode(path)).cuts)

    with ThreadPoolExecutor(jobs) as pool:
        return sum(pool.map(one, photos))


def _pose(face: Face) -> tuple[float, float, float]:
    assert face.landmarks is not None
    return head_pose(face.landmarks)


def _timed(function: Callable[[], object], count: int, runs: int) -> dict[str, float]:
    function()
    seconds = []
    for _ in range(runs):
        begun = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begun)
    median = statistics.median(seconds)
    return {
        "items": count,
        "median": median,
        "min": min(seconds),
        "max": max(seconds),
        "rate": count / median,
    }
