"""HOG and regression trees against YuNet on portraits: faces, landmarks, and the default model.

    python benchmarks/detectors.py data/internet runs/default/split/roles.parquet \
        runs/default/merge/catalogue.parquet [--predictor FILE.dat ...] [--jobs 2]

This is a report about detectors. It looks at pictures of the role *unseen*, so no setting is chosen
from it.

Faces are counted over all photos. Landmarks and the model are compared on the role *unseen* alone,
since the others are people who taught HOG's landmarks. Each detector goes through the one way from
a picture to a chip, `mien.faces.finder.Finder`, with its own settings, and its largest face counts.
Two detectors mean one face where the centres of its landmarks lie within half the distance from
eyes to mouth. A second face need not be false: besides all of them, those are counted that touch no
face of YuNet's, or of HOG's where they are YuNet's own. In the table of landmarks ``yunet`` is what
YuNet says by itself, ``consensus`` the mean over sizes and mirror images where every pass found the
face. That consensus taught HOG's trees: the table is about agreement, not about who is right.

A picture without a face is a wrong answer of the model. Balanced accuracy is the mean recall of the
classes with at least 25 pictures in *unseen*, also where a table leaves some of those out. The
intervals hold 95 % of 1,000 bootstrap resamples of people; those of differences are of pairs.

``--predictor`` adds HOG with another dlib file for its landmarks, as often as it is given.
"""

from __future__ import annotations

import argparse
import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mien.core.images import decode, find_images
from mien.core.labels import CLASSES
from mien.core.progress import track
from mien.core.types import BBox, Floats
from mien.datasets.internet import person
from mien.engines.local import LocalEngine
from mien.faces.consensus import PASSES, passes
from mien.faces.finder import Finder
from mien.faces.yunet import YuNet
from mien.metrics import classification as cls
from mien.metrics.bootstrap import bootstrap
from mien.runtimes.model import Model
from mien.stages.landmarks import error

Numbers = npt.NDArray[np.float64]

_MIN_CLASS_COUNT = 25
_SHARD = 16
_CELLS = cls.SIZE * (cls.SIZE + 1)
_YUNET, _HOG, _CONSENSUS = "yunet", "hog", "consensus"
_PARTS = {"eyes": [0, 1], "nose": [2], "mouth": [3, 4]}


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a detector made of one picture.

    Attributes:
        boxes: its faces, largest first.
        landmarks: those of the largest face, (5, 2) pixels; None without one.
        probabilities: the model's answer to its chip, (7,); None without one.
    """

    boxes: tuple[BBox, ...]
    landmarks: Floats | None
    probabilities: Floats | None


Row = dict[str, Any]
"""A picture: its ``name``, its ``role``, its ``label`` or None, and by detector what was `Seen`."""


@functools.cache
def tools(predictors: tuple[Path, ...]) -> tuple[dict[str, Finder], YuNet, Model]:
    """Returns the detectors by name, YuNet for the consensus, and the model, of this process."""
    finders = {_YUNET: Finder((_YUNET,), faces="all"), _HOG: Finder((_HOG,), faces="all")}
    for path in predictors:
        options = {_HOG: {"landmarks": path}}
        finders[f"{_HOG}, {path.stem}"] = Finder((_HOG,), faces="all", options=options)
    return finders, YuNet(), Model(threads=1)


def examined(paths: Sequence[Path], predictors: tuple[Path, ...]) -> list[Row]:
    """Returns for each photo its ``name`` and, by detector, what was `Seen`."""
    finders, yunet, model = tools(predictors)
    rows = []
    for path in paths:
        image = decode(path)
        row: Row = {"name": path.name, _CONSENSUS: None}
        for name, finder in finders.items():
            cuts = finder.find(image).cuts  # the largest comes first
            chip = cuts[0].chip if cuts else None
            shares = None if chip is None else model.probabilities(chip[None])[0]
            points = cuts[0].face.landmarks if cuts else None
            row[name] = Seen(tuple(cut.face.bbox for cut in cuts), points, shares)
            if name == _YUNET and cuts:
                agreed = passes(yunet, image, cuts[0].face)
                if len(agreed) == PASSES:
                    row[_CONSENSUS] = Seen((), agreed.mean(0).astype(np.float32), None)
        rows.append(row)
    return rows


def same(one: Seen | None, other: Seen | None) -> bool:
    """Tells whether the largest faces of two detectors are one."""
    if one is None or other is None or one.landmarks is None or other.landmarks is None:
        return False
    points = other.landmarks
    length = np.hypot(*(points[:2].mean(0) - points[3:].mean(0)))
    return bool(np.hypot(*(one.landmarks.mean(0) - points.mean(0))) <= length / 2)


def detection(rows: Sequence[Row], names: Sequence[str]) -> None:
    """Prints how many photos have a face, and how many faces are second ones."""
    print("\n| detector | photos | with a face | % | second faces | of these, unconfirmed |")
    print("|:---|---:|---:|---:|---:|---:|")
    for name in names:
        found = sum(bool(row[name].boxes) for row in rows)
        second = [(box, row) for row in rows for box in row[name].boxes[1:]]
        other = _HOG if name == _YUNET else _YUNET
        alone = sum(all(box.iou(b) == 0 for b in row[other].boxes) for box, row in second)
        share = f"{100 * found / len(rows):.2f}"
        print(f"| {name} | {len(rows):,} | {found:,} | {share} | {len(second)} | {alone} |")


def agreement(rows: Sequence[Row], names: Sequence[str]) -> None:
    """Prints how far landmarks lie apart, and by how much eye lines differ."""
    print("\nLandmarks on *unseen*, where both find the same face: a face's mean distance as % of")
    print("the second one's eye distance; by landmark, its mean; eye lines in degrees.\n")
    parts = " | ".join(_PARTS)
    print(f"| landmarks | faces | mean | median | p95 | {parts} | eye line, mean | p95 |")
    print("|:---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    others = [name for name in names if name != _YUNET]
    pairs = [(name, truth) for name in others for truth in (_CONSENSUS, _YUNET)]
    for name, truth in [*pairs, (_YUNET, _CONSENSUS)]:
        both = [(row[name], row[truth]) for row in rows if same(row[name], row[truth])]
        if not both:
            continue
        one = np.array([a.landmarks for a, _ in both], np.float64)
        two = np.array([b.landmarks for _, b in both], np.float64)
        errors = np.array([error(a, b) for a, b in zip(one, two, strict=True)])
        eyes = two[:, 1] - two[:, 0]
        apart = np.hypot(*(one - two).transpose(2, 0, 1)) / np.hypot(*eyes.T)[:, None]
        lines = [np.arctan2(*(x[:, 1] - x[:, 0]).T[::-1]) for x in (one, two)]
        angles = np.abs(np.degrees(np.angle(np.exp(1j * (lines[0] - lines[1])))))
        far = [errors.mean(), np.median(errors), np.quantile(errors, 0.95)]
        far += [apart[:, places].mean() for places in _PARTS.values()]
        cells = " | ".join(f"{100 * value:.2f}" for value in far)
        turn = f"{angles.mean():.2f} | {np.quantile(angles, 0.95):.2f}"
        print(f"| {name} and {truth} | {len(both):,} | {cells} | {turn} |")


def model_effect(rows: Sequence[Row], names: Sequence[str]) -> None:
    """Prints the default model's figures: on all of *unseen*, and where all find the same face."""
    labelled = [row for row in rows if row["label"] in CLASSES]
    counts = Counter(row["label"] for row in labelled)
    frequent = np.array([counts[name] >= _MIN_CLASS_COUNT for name in CLASSES])
    chosen = [name for name in CLASSES if counts[name] >= _MIN_CLASS_COUNT]
    print(f"\nThe default model on *unseen*; balanced over {', '.join(chosen) or 'no class'}.\n")
    print("| detector | pictures | missed | accuracy | balanced | above yunet | balanced, above |")
    print("|:---|---:|---:|---:|---:|---:|---:|")
    _figures(labelled, names, frequent, "all")
    together = [
        row
        for row in labelled
        if all(same(row[name], row[_YUNET]) for name in names)
        and all(row[name].probabilities is not None for name in names)
    ]
    if together:
        _figures(together, names, frequent, "found by all")


def _figures(rows: Sequence[Row], names: Sequence[str], frequent: Any, what: str) -> None:
    people = [person(row["name"]) for row in rows]
    base, _ = _table(rows, _YUNET)
    for name in names:
        table, missed = _table(rows, name)
        parts = np.hstack([table, base])

        def statistic(sums: Numbers) -> Numbers:
            own, other = (_pair(half, frequent) for half in np.hsplit(sums, 2))
            return np.hstack([own, own - other])

        values = statistic(parts.sum(axis=0, keepdims=True))[0]
        low, high = bootstrap(parts, people, statistic)
        cells = [
            f"{100 * v:.2f} ({100 * a:.2f} to {100 * b:.2f})"
            for v, a, b in zip(values, low, high, strict=True)
        ]
        if name == _YUNET:
            cells[2:] = ["", ""]
        print(f"| {name}, {what} | {len(rows):,} | {missed} | {' | '.join(cells)} |")


def _table(rows: Sequence[Row], name: str) -> tuple[Numbers, int]:
    """Returns what each picture adds to the table of counts, (n, 56), and how many are missed."""
    truth = np.array([CLASSES.index(row["label"]) for row in rows], np.int64)
    given = [row[name].probabilities for row in rows]
    answers = np.array([cls.MISSED if x is None else int(x.argmax()) for x in given], np.int64)
    table = np.zeros((len(rows), _CELLS))
    table[np.arange(len(rows)), cls.cell(truth, answers)] = 1
    return table, int((answers == cls.MISSED).sum())


def _pair(sums: Numbers, frequent: Any) -> Numbers:
    """Returns accuracy and balanced accuracy, (b, 2), of tables of counts, (b, 56)."""
    figures = cls.table_figures(sums.reshape(-1, cls.SIZE, cls.SIZE + 1))
    recall = figures["recall"]
    balanced = cls.mean_over(recall, np.broadcast_to(frequent, recall.shape))
    return np.stack([figures["accuracy"], balanced], axis=1)


def main() -> None:
    """Looks at every photo and prints the three tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("internet", type=Path, help="the folder that holds images")
    parser.add_argument("roles", type=Path)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--predictor", type=Path, action="append", default=[])
    parser.add_argument("--every", type=int, default=1, help="take every n-th photo")
    parser.add_argument("--jobs", type=int, help="processes; every core without it")
    given = parser.parse_args()
    predictors = tuple(given.predictor)
    paths = list(find_images(given.internet / "images"))[:: given.every]
    shards = [paths[i : i + _SHARD] for i in range(0, len(paths), _SHARD)]
    function = functools.partial(examined, predictors=predictors)
    looked = track(LocalEngine(given.jobs).map(function, shards), "photos", len(shards))
    rows = [row for shard in looked for row in shard]
    role, label = (
        dict(pl.read_parquet(file).filter(dataset="internet").select("path", word).iter_rows())
        for file, word in ((given.roles, "role"), (given.catalogue, "label"))
    )
    unseen = [
        {**row, "label": label.get(f"images/{row['name']}")}
        for row in rows
        if role.get(f"images/{row['name']}") == "unseen"
    ]
    names = list(tools(predictors)[0])
    detection(rows, names)
    agreement(unseen, names)
    model_effect(unseen, names)


if __name__ == "__main__":
    main()
