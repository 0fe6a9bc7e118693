"""The parts of a report that show faces, where that is allowed: examples, and mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import PIL.Image

from mien.chains.report_case import AGAIN, Case, not_measured
from mien.chains.report_data import RUN
from mien.core import catalogue, shares
from mien.core.artifact import atomic
from mien.core.catalogue import KEY
from mien.core.chips import stored_chip
from mien.core.labels import CLASSES, titled
from mien.core.scores import PREDICTIONS
from mien.core.spec import resized_cut
from mien.core.types import Image
from mien.metrics import tables
from mien.plots.report_page import Block, Gallery, Picture, Section, plain

if TYPE_CHECKING:
    import polars

_EXAMPLES: Final = 6
"""How many faces of each class are shown."""
_MISTAKES: Final = 12
"""How many wrong answers of each role are shown."""
_SIDE: Final = 128

Key = tuple[str, ...]


def examples(case: Case) -> Section:
    """Returns some faces of each class; without leave to show them, a line that says so."""
    title, faces = "Pictures by class", case.stages.get("crop")
    if not case.with_images or faces is None:
        return Section(
            title, (f"No pictures of people are shown here; `{RUN} --with-images` does.",)
        )
    pl = catalogue.polars_or_error("Showing faces")
    rows = pl.concat(catalogue.read_faces(faces, (*KEY, "label")))
    rows = rows.filter(pl.col("label").is_in(list(CLASSES)))
    rows = rows[np.argsort(shares.order(rows["id"], title), kind="stable")]
    drawn = rows.group_by("label", maintain_order=True).head(_EXAMPLES)
    found = _chips(faces, drawn)
    blocks: list[Block] = ["Drawn at random among the found faces, cut as the network sees them."]
    for name in CLASSES:
        mine = drawn.filter(pl.col("label") == name).rows(named=True)
        blocks += [
            f"### {titled(name)}",
            _gallery(
                case, name, ((row, f"{row['dataset']}, labelled {name}") for row in mine), found
            ),
        ]
    return Section(title, tuple(blocks))


def mistakes(case: Case) -> Section:
    """Returns the wrong answers that the model was surest of."""
    title, path = "Confident mistakes", case.scores / PREDICTIONS
    if not path.is_file():
        return Section(title, (not_measured(AGAIN),))
    pl = catalogue.polars_or_error("Listing mistakes")
    rows = pl.read_parquet(path, columns=[*KEY, "role", "label", "answer", "confidence"])
    wrong = rows.filter(pl.col("answer").is_not_null() & (pl.col("answer") != pl.col("label")))
    order = pl.col("role").replace_strict(tables.ROLES, range(len(tables.ROLES)), default=99)
    wrong = wrong.sort(order, -pl.col("confidence"), *KEY, maintain_order=True)
    drawn = wrong.group_by("role", maintain_order=True).head(_MISTAKES)
    lines = [
        [*(plain(row[n]) for n in ("role", "dataset", "path", "label", "answer")), _sure(row)]
        for row in drawn.iter_rows(named=True)
    ]
    heads = ["role", "source", "path", "label", "answer", "confidence"]
    note = (
        f"The {_MISTAKES} wrong answers of each role with the highest confidence. Many such labels "
        "are themselves doubtful."
    )
    blocks: list[Block] = [note, tables.markdown(heads, lines, left=5)]
    faces = case.stages.get("crop")
    if case.with_images and faces is not None:
        words = (
            (row, f"{row['role']}: labelled {row['label']}, answered {row['answer']}, {_sure(row)}")
            for row in drawn.iter_rows(named=True)
        )
        blocks.append(_gallery(case, "mistake", words, _chips(faces, drawn)))
    return Section(title, tuple(blocks))


def _sure(row: Mapping[str, Any]) -> str:
    return f"{row['confidence']:.3f}"


def _chips(faces: Path, rows: polars.DataFrame) -> dict[Key, Image]:
    """Returns the stored chips of some rows by their key."""
    wanted, found = rows.select(KEY), {}
    for shard in catalogue.read_faces(faces, (*KEY, "chip")):
        for row in shard.join(wanted, on=list(KEY), how="semi").iter_rows(named=True):
            key = tuple(row[name] for name in KEY)
            found[key] = stored_chip(row["chip"]["bytes"], row["path"])
    return found


def _gallery(
    case: Case,
    name: str,
    rows: Iterable[tuple[Mapping[str, Any], str]],
    chips: Mapping[Key, Image],
) -> Gallery:
    """Writes the faces as small PNG files and returns them with their captions."""
    cut = case.spec.preprocess.model_copy(update={"input_size": _SIDE, "colour": "rgb"})
    pictures = []
    for number, (row, caption) in enumerate(rows):
        chip = chips.get(tuple(row[part] for part in KEY))
        if chip is None:
            continue
        path = case.figures / f"{name}-{number:02}.png"
        with atomic(path) as file:
            PIL.Image.fromarray(resized_cut(chip, cut)).save(file, "PNG")
        pictures.append(Picture(path, f"A face: {caption}.", caption))
    return Gallery(tuple(pictures))
