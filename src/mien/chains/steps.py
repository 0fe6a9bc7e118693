"""`crop --show`: some faces of a finished folder, step by step, for a person to look at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from mien.core import catalogue, shares
from mien.core.artifact import read_meta
from mien.core.chips import face_of
from mien.core.errors import DataError, ImageError
from mien.core.labels import titled
from mien.core.origins import Source, picture, read_sources
from mien.core.types import Face
from mien.faces.align import FivePointAligner
from mien.faces.pictures import Pictures
from mien.plots.steps import Steps, steps

PICTURE: Final = "steps.png"
_SURROUNDINGS: Final = 1.25
"""The margin of the picture that shows the turn."""
_SIDE: Final = 448


def show_steps(folder: Path, count: int, out: Path | None = None) -> Path:
    """Draws how some faces were found: picture, box and landmarks, turned level, cropped.

    Args:
        folder: the finished stage folder of `crop`; its pictures must still be where they were.
        count: how many faces, drawn by a hash of their ids.
        out: the PNG to write; ``steps.png`` in the folder where not given.

    Returns:
        The PNG.

    Raises:
        StageError: the folder is no finished stage's.
        DataError: it holds no face, or none of the drawn pictures can be read.
    """
    aligner = read_meta(folder)["config"].get("aligner", FivePointAligner.name)
    pl = catalogue.polars_or_error("Showing faces")
    sources = read_sources(folder)
    wanted = [name for name in catalogue.FACE_COLUMNS if name not in ("chip", "votes")]
    faces = pl.concat(catalogue.read_faces(folder, wanted))
    drawn = faces[np.argsort(shares.order(faces["id"], PICTURE), kind="stable")[:count]]
    rows, failed = [], ""
    for row in drawn.iter_rows(named=True):
        try:
            rows.append(_steps(row, sources, aligner))
        except ImageError as error:
            failed = str(error)
    if not rows:
        raise DataError(f"{folder}: no face can be shown. {failed or 'It holds none.'}")
    return steps(rows, out or folder / PICTURE)


def _steps(row: Mapping[str, Any], sources: Mapping[str, Source], aligner: str) -> Steps:
    face = face_of(row)
    image = picture(row["dataset"], row["path"], sources)
    level = FivePointAligner(_SURROUNDINGS, _SIDE).align(image, face)
    return Steps(image, face, level, Pictures().of(image, face, aligner), _words(row, face))


def _words(row: Mapping[str, Any], face: Face) -> tuple[str, ...]:
    label = titled(row["label"]) if row["label"] else "no label"
    found = f"{face.detector} {face.score:.2f}"
    pose = "landmarks assumed"
    if face.yaw is not None and face.pitch is not None and face.roll is not None:
        pose = f"yaw {face.yaw:.0f}, pitch {face.pitch:.0f}, roll {face.roll:.0f} degrees"
    seen = ""
    if face.quality is not None:
        q = face.quality
        seen = (
            f"{q.size:.0f} pixels, sharpness {q.sharpness:.2f}, exposure {q.exposure:.2f}, "
            f"contrast {q.contrast:.2f}, shade {q.shade:+.2f}, occlusion {q.occlusion:.2f}"
        )
    return f"{row['dataset']}: {row['path']}", f"{label}   {found}   {pose}", seen
