"""What decoding a large JPEG at half its size would save, and what it would change.

    python benchmarks/reduced.py PHOTOS [--scenes 30] [--size 4000x3000]

PHOTOS is a folder of photographs of faces. Scenes of a camera's size are made of them: one to three
photos, enlarged, on a blurred one, with a camera's noise, as JPEG of quality 90. Prints the
processor time of one thread for the steps at full and at half size, and how far the faces'
landmarks and probabilities move: found and cut at half size where that still has more pixels than a
chip, found at half size and cut from the whole where it has not, and, to compare, after the scene
was saved again at quality 95. See docs/decisions/0012-whole-pictures.md.
"""

from __future__ import annotations

import argparse
import io
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image

from mien.core.images import decode, find_images
from mien.core.types import Face, Image
from mien.faces.align import FivePointAligner, landmarks_of, similarity
from mien.faces.yunet import YuNet
from mien.runtimes.model import Model

NOISE = 4.0
"""Of the pixels, standard deviation: a camera's at middling light."""


def main() -> None:
    """Reads the command line, makes scenes, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--scenes", type=int, default=30)
    parser.add_argument("--size", default="4000x3000")
    wanted = parser.parse_args()
    width, height = map(int, wanted.size.split("x"))
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    photos = rng.permutation(sorted(find_images(wanted.photos)))
    find, cut, model = YuNet(), FivePointAligner(), Model(threads=1)
    seconds: dict[str, list[float]] = defaultdict(list)
    moved: dict[str, list[tuple[float, float, bool]]] = defaultdict(list)

    def timed(name: str, function: Callable[[], Any]) -> Any:
        begun = time.thread_time()
        result = function()
        seconds[name].append(time.thread_time() - begun)
        return result

    for number in range(wanted.scenes):
        chosen = [photos[(4 * number + i) % len(photos)] for i in range(4)]
        data = _scene(chosen, width, height, rng)
        whole = timed("decode, whole", lambda source=data: decode(source))
        half = timed("decode, half", lambda source=data: _half(source))
        first = timed("find, whole", lambda image=whole: find.detect(image))
        second = timed("find, half", lambda image=half: find.detect(image))
        timed("cut, whole", lambda i=whole, f=first: [cut.align(i, face) for face in f])
        timed("cut, half", lambda i=half, f=second: [cut.align(i, face) for face in f])
        again = decode(_encoded(whole, 95))
        for face, same in _pairs(first, [_doubled(face) for face in second]):
            small = replace(same, landmarks=(landmarks_of(same) + 0.5) / 2 - 0.5)
            enough = math.hypot(*similarity(landmarks_of(small))[:, 0]) <= 1
            chip = cut.align(half, small) if enough else cut.align(whole, same)
            kind = "found and cut at half size" if enough else "found at half size, cut from all"
            moved[kind].append(_moved(model, face, same, [cut.align(whole, face), chip]))
        for face, same in _pairs(first, find.detect(again)):
            chips = [cut.align(whole, face), cut.align(again, same)]
            moved["saved again"].append(_moved(model, face, same, chips))
        if len(first) != len(second):
            print(f"scene {number}: {len(first)} faces in the whole, {len(second)} in half")
    _print(seconds, moved)


def _print(
    seconds: dict[str, list[float]], moved: dict[str, list[tuple[float, float, bool]]]
) -> None:
    print("| step | ms of processor time, median |\n|---|---:|")
    for name, all_ in seconds.items():
        print(f"| {name} | {1000 * statistics.median(all_):.0f} |")
    print("\n| | faces | landmarks, share of the eyes' distance | probability | same class |")
    print("|---|---:|---|---|---:|")
    for name, rows in moved.items():
        points, odds, same = map(np.array, zip(*rows, strict=True))
        print(
            f"| {name} | {len(rows)} | {np.median(points):.4f}, at most {points.max():.4f} | "
            f"{np.median(odds):.4f}, 95 % below {np.quantile(odds, 0.95):.4f}, at most "
            f"{odds.max():.4f} | {int(same.sum())} |"
        )


def _scene(paths: Sequence[Path], width: int, height: int, rng: np.random.Generator) -> bytes:
    """Returns a JPEG of one to three faces of many sizes on a blurred photo."""
    back = cv2.GaussianBlur(cv2.resize(decode(paths[0]), (width // 8, height // 8)), (0, 0), 6)
    scene = PIL.Image.fromarray(back).resize((width, height), PIL.Image.Resampling.BICUBIC)
    count = int(rng.integers(1, 4))
    for place, path in enumerate(paths[1 : 1 + count]):
        most = 0.85 * min(height, width / count)
        side = int(np.exp(rng.uniform(math.log(0.1 * height), math.log(most))))
        face = PIL.Image.fromarray(decode(path)).resize((side, side), PIL.Image.Resampling.LANCZOS)
        x = place * width / count + rng.uniform(0, width / count - side)
        scene.paste(face, (int(x), int(rng.uniform(0, height - side))))
    noisy = np.asarray(scene, np.float32) + rng.normal(0, NOISE, (height, width, 3))
    return _encoded(np.clip(noisy, 0, 255).astype(np.uint8), 90)


def _encoded(image: Image, quality: int) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(image).save(file, "jpeg", quality=quality)
    return file.getvalue()


def _half(data: bytes) -> Image:
    picture = PIL.Image.open(io.BytesIO(data))
    picture.draft(None, (picture.width // 2, picture.height // 2))
    return np.array(picture)


def _doubled(face: Face) -> Face:
    """Returns a face of the half picture in the whole one."""
    box = type(face.bbox)(*(2 * side for side in face.bbox.as_tuple()))
    points = ((landmarks_of(face) + 0.5) * 2 - 0.5).astype(np.float32)
    return replace(face, bbox=box, landmarks=points)


def _pairs(faces: Sequence[Face], others: Sequence[Face]) -> list[tuple[Face, Face]]:
    """Returns the faces that both show, by their boxes."""
    found = [(face, max(others, key=lambda o: face.bbox.iou(o.bbox))) for face in faces if others]
    return [(face, other) for face, other in found if face.bbox.iou(other.bbox) > 0.5]


def _moved(model: Model, face: Face, same: Face, chips: list[Image]) -> tuple[float, float, bool]:
    """Returns by how much landmarks and probabilities differ, and whether the class is the same."""
    points = landmarks_of(face)
    apart = np.linalg.norm(points - landmarks_of(same), axis=1).max()
    odds = model.probabilities(np.stack(chips))
    eyes = np.linalg.norm(points[0] - points[1])
    return (
        float(apart / eyes),
        float(np.abs(odds[0] - odds[1]).max()),
        bool(odds[0].argmax() == odds[1].argmax()),
    )


if __name__ == "__main__":
    main()
