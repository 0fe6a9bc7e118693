"""Faces as arrays: read from the table of chips, drawn in a seeded order, mixed into batches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mien.core import catalogue, images
from mien.core.artifact import atomic, digest
from mien.core.errors import DataError
from mien.core.labels import CLASSES
from mien.core.spec import Preprocess, normalise, resized_cut
from mien.core.types import Floats
from mien.models.augment import Augment, Pixels, view

Numbers = npt.NDArray[np.int64]
_ORDER, _MIX = 1, 2
"""What a stream of random numbers is for: it keeps the streams of one epoch apart."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceArrays:
    """Faces ready for a network, in the order of their table.

    Attributes:
        ids: the samples' ids.
        pixels: (n, side, side, channels) uint8 cuts.
        targets: (n, 7) float32, rows summing to 1: the votes, or the label where nobody voted.
        labels: (n,) int64 class numbers, -1 where no class has the majority.

    Raises:
        DataError: the parts differ in length, or a row of targets does not sum to 1.
    """

    ids: tuple[str, ...]
    pixels: Pixels
    targets: Floats
    labels: Numbers

    def __post_init__(self) -> None:
        n = len(self.ids)
        if not n == len(self.pixels) == len(self.targets) == len(self.labels):
            raise DataError(
                f"Faces need as many pixels, targets and labels as ids ({n}); got "
                f"{len(self.pixels)}, {len(self.targets)} and {len(self.labels)}."
            )
        if self.targets.shape != (n, len(CLASSES)) or (
            n and np.abs(self.targets.sum(1) - 1).max() > 1e-3
        ):
            raise DataError("Each face needs seven targets that sum to 1.")

    def __len__(self) -> int:
        return len(self.ids)

    def labelled(self) -> FaceArrays:
        """Returns the faces on which a class has the majority."""
        keep = self.labels >= 0
        ids = tuple(name for name, kept in zip(self.ids, keep, strict=True) if kept)
        return FaceArrays(ids, self.pixels[keep], self.targets[keep], self.labels[keep])

    def joined(self, more: FaceArrays) -> FaceArrays:
        """Returns these faces, then the others."""
        return FaceArrays(
            self.ids + more.ids,
            np.concatenate([self.pixels, more.pixels]),
            np.concatenate([self.targets, more.targets]),
            np.concatenate([self.labels, more.labels]),
        )


def read_faces(
    folder: Path,
    split: Path,
    roles: Sequence[str],
    preprocess: Preprocess,
    cache: Path | None = None,
) -> FaceArrays:
    """Reads the faces of some roles that can teach or test: those with votes or a label.

    Args:
        folder: the stage folder of `crop`, the table of faces.
        split: the stage folder of `split`, or its table of roles.
        roles: such as ``("train",)``.
        preprocess: the cut to make of each chip.
        cache: a folder that keeps the cuts, so that a resumed training does not decode again.

    Returns:
        The faces in the order of the shards' names and rows.

    Raises:
        DataError: a table is missing or damaged, or holds no face of these roles.
    """
    path = None if cache is None else cache / _cache_name(folder, split, roles, preprocess)
    cuts: list[Pixels] = []
    rows: list[dict[str, Any]] = []
    decode = path is None or not path.exists()
    for frame in _frames(folder, split, roles, decode):
        rows += frame.select("id", "label", "votes").to_dicts()
        if decode:
            cuts += [_cut(chip["bytes"], preprocess) for chip in frame["chip"]]
    if not rows:
        raise DataError(
            f"{folder} and {split} hold no face with votes or a label in the role "
            f"{' or '.join(map(repr, roles))}. Give such a role in the settings of 'mien split'."
        )
    labels = [CLASSES.index(r["label"]) if r["label"] in CLASSES else -1 for r in rows]
    targets = [_target(r["votes"], label) for r, label in zip(rows, labels, strict=True)]
    return FaceArrays(
        tuple(r["id"] for r in rows),
        _kept(path, cuts),
        np.asarray(targets, np.float32),
        np.asarray(labels, np.int64),
    )


def class_weights(targets: Floats, power: float) -> Floats:
    """Returns how often to draw each face so that rare classes weigh more: (n,), summing to 1.

    A face weighs the mean of ``count ** -power`` over its own votes: 0 draws all alike, 1 draws
    the classes alike.

    Args:
        targets: (n, 7) rows summing to 1.
        power: 0 to 1.
    """
    counts = np.maximum(targets.sum(0, dtype=np.float64), 1.0)
    weights = targets @ counts**-power
    normed: Floats = (weights / weights.sum()).astype(np.float32)
    return normed


def epoch_order(weights: Floats, seed: int, epoch: int) -> Numbers:
    """Returns the faces of one epoch, shuffled: (n,) numbers, the same for the same arguments.

    Systematic resampling: a face of weight w comes floor(n w) or ceil(n w) times, so equal weights
    give each face once, and a rare class is not drawn too often or too seldom by chance.

    Args:
        weights: (n,), summing to 1.
        seed: the training's seed.
        epoch: counted from 0 over the whole training.
    """
    random = np.random.default_rng((seed, epoch, _ORDER))
    n = len(weights)
    # Faces of one weight stand together under the comb, so a class gets its share to within one
    # face; among themselves they stand in random order, or neighbours would share their luck.
    shuffled = random.permutation(n)
    shuffled = shuffled[np.argsort(weights[shuffled], kind="stable")]
    edges = np.cumsum(weights[shuffled].astype(np.float64))
    comb = (np.arange(n) + random.random()) / n * edges[-1]
    drawn = shuffled[np.searchsorted(edges, comb, side="right").clip(max=n - 1)]
    return random.permutation(drawn).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Draws training batches; a batch depends on nothing but (seed, epoch, place in the epoch).

    Attributes:
        faces: the training faces; their pixels are wide cuts.
        preprocess: the network's input.
        augment: how far views differ.
        seed: of order, views and mixing.
        smoothing: the share of each target that is spread over all classes.
        mixup: the parameter of the mixing distribution (Zhang et al. 2018); 0 mixes nothing.
    """

    faces: FaceArrays
    preprocess: Preprocess
    augment: Augment
    seed: int
    smoothing: float = 0.0
    mixup: float = 0.0

    def batch(self, order: Numbers, start: int, size: int, epoch: int) -> tuple[Floats, Floats]:
        """Returns inputs (size, channels, side, side) float32 and targets (size, 7) float32.

        Args:
            order: the epoch's faces.
            start: the batch's first place in the order.
            size: how many; fewer where the order ends.
            epoch: counted from 0.
        """
        chosen = order[start : start + size]
        views = np.stack(
            [
                view(
                    self.faces.pixels[face],
                    self.preprocess,
                    self.augment,
                    (self.seed, epoch, start + place),
                )
                for place, face in enumerate(chosen)
            ]
        )
        inputs = normalise(views, self.preprocess)
        targets = self.faces.targets[chosen]
        targets = targets * (1 - self.smoothing) + np.float32(self.smoothing / len(CLASSES))
        if self.mixup:
            random = np.random.default_rng((self.seed, epoch, start, _MIX))
            share = np.float32(random.beta(self.mixup, self.mixup))
            inputs = share * inputs + (1 - share) * inputs[::-1]
            targets = share * targets + (1 - share) * targets[::-1]
        return np.ascontiguousarray(inputs), np.ascontiguousarray(targets)


def _frames(folder: Path, split: Path, roles: Sequence[str], decode: bool) -> Iterator[Any]:
    """Yields of each shard the rows that have a role and something to learn."""
    pl = catalogue.polars_or_error("Reading a table of faces")
    table = split / catalogue.ROLES if split.is_dir() else split
    try:
        chosen = pl.scan_parquet(table).filter(pl.col("role").is_in(list(roles)))
        keys = chosen.select(*catalogue.KEY).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"{table} is no table of roles ({error}). Expected the folder of 'mien split'."
        ) from error
    voted = (pl.col("votes").is_not_null()) & (pl.col("votes").arr.sum() > 0)
    columns = [*catalogue.KEY, "label", "votes", *(["chip"] if decode else [])]
    for frame in catalogue.read_faces(folder, columns):
        learnable = frame.filter(voted | pl.col("label").is_in(CLASSES))
        yield learnable.join(keys, on=list(catalogue.KEY), how="semi", maintain_order="left")


def _cut(chip: bytes, preprocess: Preprocess) -> Pixels:
    size = preprocess.input_size
    return resized_cut(images.decode(chip), preprocess).reshape(size, size, -1)


def _cache_name(folder: Path, split: Path, roles: Sequence[str], preprocess: Preprocess) -> str:
    parts = (digest(folder), digest(split), *roles, preprocess.model_dump_json())
    return f"cuts-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:16]}.npy"


def _kept(path: Path | None, cuts: list[Pixels]) -> Pixels:
    """Returns the cuts as one array, from the cache or by way of it."""
    if path is None:
        return np.stack(cuts)
    if not path.exists():
        with atomic(path) as file:
            np.save(file, np.stack(cuts))
    return np.load(path)  # type: ignore[no-any-return]


def _target(votes: Sequence[float] | None, label: int) -> Floats:
    if votes is None or sum(votes) <= 0:
        if label < 0:
            raise DataError("A face has neither votes nor a label. Run 'mien merge' again.")
        one_hot: Floats = np.eye(len(CLASSES), dtype=np.float32)[label]
        return one_hot
    return np.asarray(votes, np.float32) / np.float32(sum(votes))
