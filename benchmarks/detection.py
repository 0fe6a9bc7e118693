"""How far detection holds as pictures grow harder: HOG, one look of YuNet, and YuNet as it is.

    python benchmarks/detection.py data/internet/images docs/images [--every 4] [--jobs 2]

Four conditions are made from real photos, so that the face's place stays known: the photo is turned
(its canvas grows, no pixel is lost), made darker or brighter, covered by a grey rectangle over a
share of the face, or shrunk. A shrunk photo stays filled by its face, and detectors enlarge small
pictures themselves: that condition is about lost detail, not about small faces in large scenes. A
face that is smaller from the start is left out there.

The truth is the consensus of YuNet's passes over the largest face of the unchanged photo, where
every pass found it. This favours YuNet: photos where it fails are left out, and its own landmarks
are the measure. Their number is printed, and in how many of them HOG finds a face. Photos of people
who taught HOG's landmarks are left out, too.

A face is *found* where the centre of its landmarks lies within half the distance from eyes to mouth
of the true one, and *placed* where their mean error is besides below 25 % of the eye distance:
landmarks put the wrong way round are found, not placed. Faces whose box does not touch the true
face are false ones, though some photos do show a second person: compare with the unchanged photos.
The last table counts false faces in pictures of scikit-image without people.

Intervals are Wilson's (1927) at 95 %; they take photos as independent. ``OUT/detection.json`` holds
every figure, ``OUT/detection.png`` draws them.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mien.core.artifact import versions, write_json
from mien.core.images import decode, find_images
from mien.core.progress import track
from mien.core.protocols import Detector
from mien.core.spec import CHIP_MARGIN, CHIP_SIZE
from mien.core.types import BBox, Face, Image
from mien.engines.local import LocalEngine
from mien.faces.align import similarity
from mien.faces.consensus import PASSES, passes
from mien.faces.hog import Hog
from mien.faces.turns import turned
from mien.faces.yunet import YuNet
from mien.plots import detection as draw
from mien.stages.landmarks import error, split_people

Points = npt.NDArray[np.float64]
Changed = tuple[Image, Points]
"""A picture, and where five landmarks and the four corners of the face's square lie, (9, 2)."""

_LEVEL = 0.95
_IN_PLACE = 0.25
_SHARD = 8
_WORDS = {
    "rotation": "degrees, clockwise",
    "light": "gain",
    "occlusion": "% of the face covered",
    "size": "the face's side, pixels",
}
_NO_PEOPLE = (
    "brick.png", "cell.png", "chessboard_GRAY.png", "clock_motion.png", "coffee.png", "color.png",
    "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "microaneurysms.png", "moon.png",
    "motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg", "text.png",
)  # fmt: skip
"""Pictures inside scikit-image that show nobody; its coins bear heads, and its cat has a face."""


def rotated(image: Image, points: Points, degrees: float, _: str) -> Changed:
    """Returns a picture turned clockwise on a canvas that holds all of it."""
    seen, turn = turned(image, int(degrees))
    return seen, (points - turn.back[:, 2]) @ turn.back[:, :2]


def lit(image: Image, points: Points, gain: float, _: str) -> Changed:
    """Returns a picture with its values multiplied, and cut off at 255."""
    return np.clip(np.rint(image.astype(np.float64) * gain), 0, 255).astype(np.uint8), points


def covered(image: Image, points: Points, percent: float, name: str) -> Changed:
    """Returns a picture with a grey rectangle inside the face's square.

    A photo's name makes its place and shape, which stay as the rectangle grows; it leans as the
    face does, and is as grey as the photo in the mean.
    """
    seed = hashlib.sha256(name.encode()).digest()
    random = np.random.default_rng(int.from_bytes(seed[:8], "big"))
    shape = 2 ** random.uniform(-1, 1)
    share = percent / 100
    size = np.sqrt([share * shape, share / shape])
    low = random.uniform(0, 1, 2) * (1 - size)
    corners = low + size * [[0, 0], [1, 0], [1, 1], [0, 1]]
    origin, right, _, down = points[5:]
    polygon = origin + corners @ np.array([right - origin, down - origin])
    seen = image.copy()
    if percent:
        grey = (round(float(image.mean())),) * 3
        cv2.fillConvexPoly(seen, np.rint(polygon).astype(np.int32), grey)
    return seen, points


def shrunk(image: Image, points: Points, side: float, _: str) -> Changed | None:
    """Returns a picture shrunk until the face is of this side, pixels; None if it is smaller."""
    scale = side / float(np.hypot(*(points[6] - points[5])))
    if scale > 1:
        return None
    height, width = image.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    seen = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    # Landmarks are the centres of pixels, and those scale about their own middle.
    return seen, (points + 0.5) * (np.array(size) / [width, height]) - 0.5


_CONDITIONS: dict[str, tuple[Callable[..., Changed | None], tuple[float, ...]]] = {
    "rotation": (rotated, (0, 15, 30, 45, 90, 180)),
    "light": (lit, (0.1, 0.25, 0.5, 1, 2, 4)),
    "occlusion": (covered, (0, 10, 20, 30, 40, 50)),
    "size": (shrunk, (160, 96, 64, 48, 32, 24, 16)),
}
_UNCHANGED = (("rotation", 0), ("light", 1), ("occlusion", 0))


@functools.cache
def detectors() -> dict[str, Detector]:
    """Returns the detectors of this process, by name."""
    return {"hog": Hog(), "yunet, one look": YuNet(turns=()), "yunet": YuNet()}


def truth(image: Image) -> Points | None:
    """Returns the landmarks and the square of the largest face, (9, 2), or None without one."""
    yunet = detectors()["yunet"]
    faces = yunet.detect(image)
    seen = passes(yunet, image, faces[0]) if faces else ()
    if len(seen) < PASSES:
        return None
    points = np.mean(seen, axis=0)
    matrix = similarity(points)
    half = CHIP_SIZE / (1 + CHIP_MARGIN) / 2
    square = CHIP_SIZE / 2 + half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    back = cv2.invertAffineTransform(matrix)
    return np.vstack([points, square @ back[:, :2].T + back[:, 2]])


def judged(faces: Sequence[Face], points: Points) -> tuple[bool, bool, int]:
    """Returns whether the true face is found, whether it is placed, and how many are false."""
    true, square = points[:5], points[5:]
    box = BBox(*square.min(0).tolist(), *square.max(0).tolist())
    length = np.hypot(*(true[:2].mean(0) - true[3:].mean(0)))
    places = [face.landmarks for face in faces if face.landmarks is not None]
    off = [float(np.hypot(*(place.mean(0) - true.mean(0)))) for place in places]
    nearest = int(np.argmin(off)) if off else None
    found = nearest is not None and off[nearest] <= length / 2
    placed = found and error(places[nearest], true) < _IN_PLACE
    return found, placed, sum(face.bbox.iou(box) == 0 for face in faces)


def examined(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Returns for each photo whether it has a truth, and what each detector made of it.

    Each has ``truth``; ``hog``, whether that finds any face where there is no truth; and ``seen``,
    rows of condition, strength, detector, found, placed and false faces.
    """
    results = []
    for path in paths:
        image = decode(path)
        points = truth(image)
        if points is None:
            hog = bool(detectors()["hog"].detect(image))
            results.append({"truth": False, "hog": hog, "seen": []})
            continue
        plain = verdicts(image, points)
        seen = []
        for condition, (change, strengths) in _CONDITIONS.items():
            for strength in strengths:
                if (condition, strength) in _UNCHANGED:
                    seen += [(condition, strength, *verdict) for verdict in plain]
                elif (changed := change(image, points, strength, path.name)) is not None:
                    seen += [(condition, strength, *verdict) for verdict in verdicts(*changed)]
        results.append({"truth": True, "hog": None, "seen": seen})
    return results


def verdicts(image: Image, points: Points) -> list[tuple[str, bool, bool, int]]:
    """Returns for each detector its name and what `judged` says of it."""
    return [(name, *judged(d.detect(image), points)) for name, d in detectors().items()]


def false_faces(path: Path) -> list[tuple[float, str, int]]:
    """Returns rows of turn, detector and the faces that it finds, for a picture without any."""
    image = decode(path)
    rows = []
    for degrees in _CONDITIONS["rotation"][1]:
        seen, _ = turned(image, int(degrees))
        rows += [(degrees, name, len(d.detect(seen))) for name, d in detectors().items()]
    return rows


def rates(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the rates of each condition, strength and detector, as `draw.COLUMNS` has them.

    ``placed_low`` and ``placed_high`` are the interval of ``placed``, and ``false`` is the number
    of false faces a photo.
    """
    from scipy.stats import binomtest

    cells = defaultdict(list)
    for result in results:
        for condition, strength, name, *verdict in result["seen"]:
            cells[condition, strength, name].append(verdict)
    rows = []
    for condition, (_, strengths) in _CONDITIONS.items():
        for strength in strengths:
            for name in detectors():
                n = len(cells[condition, strength, name])
                if not n:
                    continue
                found, placed, false = map(sum, zip(*cells[condition, strength, name], strict=True))
                row = {"condition": condition, "strength": strength, "detector": name, "n": n}
                row |= {"found": found / n, "placed": placed / n, "false": false / n}
                for count, before in ((found, ""), (placed, "placed_")):
                    interval = binomtest(count, n).proportion_ci(_LEVEL, method="wilson")
                    row |= {f"{before}low": interval.low, f"{before}high": interval.high}
                rows.append(row)
    return rows


def tables(rows: Sequence[dict[str, Any]]) -> None:
    """Prints a table a condition: found % / placed % a detector, then false faces."""
    names = list(detectors())
    for condition in _CONDITIONS:
        print(f"\n| {condition}: {_WORDS[condition]} | photos | {' | '.join(names)} | false |")
        print("|" + "---:|" * (len(names) + 3))
        own = [row for row in rows if row["condition"] == condition]
        for strength in dict.fromkeys(row["strength"] for row in own):
            line = {row["detector"]: row for row in own if row["strength"] == strength}
            cells = [f"{100 * x['found']:.1f} / {100 * x['placed']:.1f}" for x in line.values()]
            false = " / ".join(f"{100 * x['false']:.1f}" for x in line.values())
            print(f"| {strength:g} | {line[names[0]]['n']} | {' | '.join(cells)} | {false} |")
    widest = max((row[f"{k}high"] - row[f"{k}low"]) / 2 for row in rows for k in ("", "placed_"))
    print("\nCells: % of photos where the face is found / where its landmarks are in place, too.")
    print("False: faces that are none, a hundred photos, for each detector.")
    print(f"The widest 95 % interval is {100 * widest:.1f} points to either side.")


def nobody(engine: LocalEngine) -> list[dict[str, Any]]:
    """Counts and prints the faces found in scikit-image's pictures without people."""
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    paths = [folder / name for name in _NO_PEOPLE if (folder / name).is_file()]
    counts: Counter[tuple[float, str]] = Counter()
    for rows in track(engine.map(false_faces, paths), "pictures without people", len(paths)):
        counts.update({(degrees, name): n for degrees, name, n in rows})
    names = list(detectors())
    print(f"\n| {len(paths)} pictures without people, turned | {' | '.join(names)} |")
    print("|" + "---:|" * (len(names) + 1))
    for degrees in _CONDITIONS["rotation"][1]:
        print(f"| {degrees:g} | {' | '.join(str(counts[degrees, name]) for name in names)} |")
    return [
        {"degrees": degrees, "detector": name, "pictures": len(paths), "faces": n}
        for (degrees, name), n in counts.items()
    ]


def main() -> None:
    """Measures, prints the tables, and writes the figures and the plot."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every n-th photo")
    parser.add_argument("--jobs", type=int, help="processes; every core without it")
    given = parser.parse_args()
    paths = split_people(list(find_images(given.photos)))[1][:: given.every]
    shards = [paths[i : i + _SHARD] for i in range(0, len(paths), _SHARD)]
    engine = LocalEngine(given.jobs)
    looked = track(engine.map(examined, shards), "photos", len(shards))
    results = [result for shard in looked for result in shard]
    missed = [result["hog"] for result in results if not result["truth"]]
    counts = {"photos": len(paths), "without_truth": len(missed), "of_these_hog": sum(missed)}
    print(f"{len(paths):,} photos; {len(missed)} of them have no truth and are left out,")
    print(f"though HOG finds a face in {sum(missed)} of those.")
    rows = rates(results)
    tables(rows)
    empty = nobody(engine)
    given.out.mkdir(parents=True, exist_ok=True)
    made = {"counts": counts, "rates": rows, "without_people": empty, "versions": versions()}
    write_json(given.out / "detection.json", made)
    draw.curves(rows, given.out / "detection.png", _WORDS)


if __name__ == "__main__":
    main()
