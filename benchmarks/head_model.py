"""The depths of the five landmarks, measured, and what noise in landmarks does to a pose.

    python benchmarks/head_model.py data/ferplus [runs/default/split/roles.parquet] [--faces 6000]

The depths are structure from motion (Tomasi and Kanade 1992) from pictures of many people, so the
head is the mean one; expressions move the mouth, so they are averaged, too. The landmarks of each
face are taken for the picture, under scaled orthography, of three shapes: the width and the height
of `FIVE_POINTS`, and its depth. Since the head is symmetric, its depth is a nose that sticks out of
a plane that leans; how far each goes follows from the metric constraints: the two rows of a face's
motion are perpendicular and of one length.

Those constraints hold with large errors, since faces are wide and long in different ways, while the
nose's shift to a side comes from little else but turning. So they are solved as regressions on that
shift; the usual least eigenvector takes the errors for motion and flattens the nose by two fifths.

The table: 2,000 times Gaussian noise on the landmarks of the head, seen from known angles. The
noise's standard deviation, of each coordinate, is a share of the distance between the eyes.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import polars as pl

from mien.core.images import decode
from mien.core.spec import FIVE_POINTS
from mien.faces.consensus import PASSES, passes
from mien.faces.pose import head_pose, views
from mien.faces.yunet import YuNet

Points = npt.NDArray[np.float64]

_EYES = FIVE_POINTS[1][0] - FIVE_POINTS[0][0]
_MEAN = (np.asarray(FIVE_POINTS) - np.mean(FIVE_POINTS, axis=0)) / _EYES
_NOSE = np.array([0, 0, 1, 0, 0]) - 0.2
_SHAPES = np.array([_MEAN[:, 0], _MEAN[:, 1], _NOSE])
_WORST = 0.1
"""The share of faces that fit the shapes worst, and are left out."""
_HIDDEN = 0.25
"""Where the nose lies further aside than this, in eye distances, an eye is hidden and its place is
a guess: such faces, turned by more than about 30 degrees, are left out."""


def placed(folder: Path, roles: Path | None, faces: int, yunet: Path | None) -> Points:
    """Returns the landmarks of training faces, taken by chance, (n, 5, 2) pixels.

    Args:
        folder: the folder that holds ``FER2013Train``.
        roles: what `split` wrote; only its rows of the role ``train`` are taken. None takes all.
        faces: how many pictures to look at.
        yunet: YuNet's file; None looks for it as `mien.faces.weights.find` does.
    """
    paths = sorted(f"FER2013Train/{path.name}" for path in (folder / "FER2013Train").iterdir())
    if roles is not None:
        training = (pl.col("dataset") == "ferplus") & (pl.col("role") == "train")
        paths = sorted({*paths} & {*pl.read_parquet(roles).filter(training)["path"]})
    detector = YuNet(yunet)
    found = []
    for index in sorted(np.random.default_rng(0).permutation(len(paths))[:faces]):
        image = decode(folder / paths[index])
        seen = detector.detect(image)
        agreed = passes(detector, image, seen[0]) if seen else ()
        if len(agreed) == PASSES:
            found.append(np.mean(agreed, axis=0))
    return np.array(found)


def motions(points: Points) -> Points:
    """Returns each face's picture of the three shapes, (n, 2, 3), upright and of one height."""
    centred = (points - points.mean(1, keepdims=True)).transpose(0, 2, 1)
    motion = centred @ np.linalg.pinv(_SHAPES)
    misfit = ((centred - motion @ _SHAPES) ** 2).sum((1, 2)) / (centred**2).sum((1, 2))
    motion = motion[misfit <= np.quantile(misfit, 1 - _WORST)]
    # Upright is where the height points down.
    x, y = motion[:, :, 1].T
    length = np.hypot(x, y)
    upright = np.array([[y, -x], [x, y]]).transpose(2, 0, 1) / length[:, None, None] ** 2
    turned: Points = upright @ motion
    visible: Points = turned[np.abs(turned[:, 0, 2]) < _HIDDEN]
    return visible


def depths(motion: Points) -> Points:
    """Returns how far each landmark lies before the eyes, (5,), as a share of the face's side.

    With the depth nose * (shape of the nose + tilt * height), the rows of a turn are
    (width, 0 - tilt * aside, aside / nose) and (skew, 1 - tilt * longer, longer / nose).
    """
    width, aside = motion[:, 0, 0], motion[:, 0, 2]
    skew, longer = motion[:, 1, 0], motion[:, 1, 2]
    # Rows of one length: width^2 = 1 - (aside / nose)^2 but for what differs between people.
    known = np.column_stack([np.ones(len(aside)), aside**2])
    (frontal, loss), *_ = np.linalg.lstsq(known, width**2, rcond=None)
    nose = math.sqrt(-frontal / loss)
    # Perpendicular rows: tilt * aside * (1 - tilt * longer) = width * skew + aside * longer /
    # nose^2, where the second tilt may be left out: longer is 0 in the mean.
    rest = width * skew + aside * longer / nose**2
    tilt = (aside * rest).sum() / (aside**2).sum()
    depth = nose * _EYES * (_NOSE + tilt * _MEAN[:, 1])
    before: Points = depth - depth[0]
    return before


def noise_table(trials: int = 2000) -> None:
    """Prints bias and standard deviation of yaw, pitch and roll, degrees, by noise and angle."""
    random = np.random.default_rng(0)
    print("| noise | yaw | pitch | yaw found | pitch found | roll found |")
    print("|---:|---:|---:|---:|---:|---:|")
    for noise in (0.02, 0.05, 0.08):
        for yaw in (0, 30, 60):
            for pitch in (0, 20):
                seen = views(np.radians([yaw]), np.radians([pitch]))[0]
                truth = np.column_stack([seen.real, seen.imag])
                shaken = truth + random.normal(0, noise * _EYES, (trials, 5, 2))
                off = np.array([head_pose(points) for points in shaken]) - [yaw, pitch, 0]
                cells = " | ".join(
                    f"{b:+.1f} ± {s:.1f}" for b, s in zip(off.mean(0), off.std(0), strict=True)
                )
                print(f"| {noise:.0%} | {yaw} | {pitch} | {cells} |")


def main() -> None:
    """Measures and prints the depths, then the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("ferplus", type=Path)
    parser.add_argument("roles", type=Path, nargs="?")
    parser.add_argument("--faces", type=int, default=6000)
    parser.add_argument("--yunet", type=Path)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    points = placed(given.ferplus, given.roles, given.faces, given.yunet)
    motion = motions(points)
    random = np.random.default_rng(0)
    again = [depths(motion[random.integers(0, len(motion), len(motion))]) for _ in range(100)]
    print(f"{len(points):,} faces, {len(motion):,} of them count")
    print("depths, shares of the face's side:", depths(motion).round(3).tolist())
    print("their standard errors:", np.std(again, axis=0).round(3).tolist())
    print("shares of the eye distance:", (depths(motion) / _EYES).round(2).tolist())
    noise_table()


if __name__ == "__main__":
    main()
