"""Faces as arrays: read from the table of chips, drawn in a seeded order, mixed into batches."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from mien.core import catalogue, images
from mien.core.artifact import digest
from mien.core.errors import DataError
from mien.core.labels import CLASSES
from mien.core.spec import Preprocess, normalise, resized_cut
from mien.core.types import Floats
from mien.models.augment import Augment, Pixels, view
from mien.models.sampling import MIX, Numbers, smoothed

_DECODED: Final = 256
"""Chips that are decoded at once: no more of them wait in memory."""


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
    rows: list[dict[str, Any]] = []
    for frame in _frames(folder, split, roles, ["label", "votes"]):
        rows += frame.select("id", "label", "votes").to_dicts()
    if not rows:
        raise DataError(
            f"{folder} and {split} hold no face with votes or a label in the role "
            f"{' or '.join(map(repr, roles))}. Give such a role in the settings of 'mien split'."
        )
    labels = [CLASSES.index(r["label"]) if r["label"] in CLASSES else -1 for r in rows]
    targets = [_target(r["votes"], label) for r, label in zip(rows, labels, strict=True)]
    chips = (
        chip["bytes"]
        for frame in _frames(folder, split, roles, ["label", "votes", "chip"])
        for chip in frame["chip"]
    )
    return FaceArrays(
        tuple(r["id"] for r in rows),
        _cuts(path, chips, len(rows), preprocess),
        np.asarray(targets, np.float32),
        np.asarray(labels, np.int64),
    )


def role_keys(split: Path, roles: Sequence[str]) -> Any:
    """Returns the keys of the faces that have one of some roles, as a Polars table.

    Args:
        split: the stage folder of `split`, or its table of roles.
        roles: such as ``("train",)``.

    Raises:
        DataError: the table is missing or damaged.
    """
    pl = catalogue.polars_or_error("Reading a table of faces")
    table = split / catalogue.ROLES if split.is_dir() else split
    try:
        chosen = pl.scan_parquet(table).filter(pl.col("role").is_in(list(roles)))
        return chosen.select(*catalogue.KEY).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"{table} is no table of roles ({error}). Expected the folder of 'mien split'."
        ) from error


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Draws training batches; a batch depends on nothing but (seed, epoch, place in the epoch).

    Attributes:
        faces: the training faces; their pixels are wide cuts, or the inputs where ``augment`` is
            off.
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

    @property
    def targets(self) -> Floats:
        """The faces' targets, (n, 7) float32."""
        return self.faces.targets

    def batch(
        self, order: Numbers, start: int, size: int, epoch: int, part: tuple[int, int] | None = None
    ) -> tuple[Floats, Floats]:
        """Returns inputs (size, channels, side, side) float32 and targets (size, 7) float32.

        Args:
            order: the epoch's faces.
            start: the batch's first place in the order.
            size: how many; fewer where the order ends.
            epoch: counted from 0.
            part: the first and the end row of the batch to return; None returns all.
        """
        chosen = order[start : start + size]
        rows = np.arange(*(part or (0, len(chosen))))
        inputs, targets = self._views(chosen, rows, start, epoch)
        if self.mixup:  # each with its mirror image in the whole batch
            random = np.random.default_rng((self.seed, epoch, start, MIX))
            share = np.float32(random.beta(self.mixup, self.mixup))
            whole = len(rows) == len(chosen)
            mirrored = len(chosen) - 1 - rows
            other = (
                (inputs[::-1], targets[::-1])
                if whole
                else self._views(chosen, mirrored, start, epoch)
            )
            inputs = share * inputs + (1 - share) * other[0]
            targets = share * targets + (1 - share) * other[1]
        return np.ascontiguousarray(inputs), np.ascontiguousarray(targets)

    def _views(
        self, chosen: Numbers, rows: Numbers, start: int, epoch: int
    ) -> tuple[Floats, Floats]:
        faces = chosen[rows]
        if self.augment.off:  # the cuts are the inputs already
            views = self.faces.pixels[faces]
        else:
            size, channels = self.preprocess.input_size, self.preprocess.channels
            views = np.empty((len(faces), size, size, channels), np.uint8)
            for number, (row, face) in enumerate(zip(rows, faces, strict=True)):
                key = (self.seed, epoch, start + int(row))
                views[number] = view(self.faces.pixels[face], self.preprocess, self.augment, key)
        targets = smoothed(self.faces.targets[faces], self.smoothing)
        return normalise(views, self.preprocess), targets


def _frames(
    folder: Path, split: Path, roles: Sequence[str], columns: Sequence[str]
) -> Iterator[Any]:
    """Yields of each shard the rows that have a role and something to learn."""
    pl = catalogue.polars_or_error("Reading a table of faces")
    keys = role_keys(split, roles)
    voted = (pl.col("votes").is_not_null()) & (pl.col("votes").arr.sum() > 0)
    for frame in catalogue.read_faces(folder, [*catalogue.KEY, *columns]):
        learnable = frame.filter(voted | pl.col("label").is_in(CLASSES))
        yield learnable.join(keys, on=list(catalogue.KEY), how="semi", maintain_order="left")


def _cuts(path: Path | None, chips: Iterable[bytes], count: int, preprocess: Preprocess) -> Pixels:
    """Returns the cuts of chips, (count, side, side, channels) uint8: in memory, or kept in a file.

    A file is read as it is needed, so that faces for large networks need not fit the memory.
    """
    shape = (count, preprocess.input_size, preprocess.input_size, preprocess.channels)
    if path is None:
        cuts: Pixels = np.empty(shape, np.uint8)
        _fill(cuts, chips, preprocess)
        return cuts
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        kept = np.lib.format.open_memmap(unfinished, "w+", np.uint8, shape)
        _fill(kept, chips, preprocess)
        kept.flush()
        del kept
        unfinished.replace(path)
    return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]


def _fill(cuts: Pixels, chips: Iterable[bytes], preprocess: Preprocess) -> None:
    def cut(chip: bytes) -> Pixels:
        return resized_cut(images.decode(chip), preprocess).reshape(cuts.shape[1:])

    with ThreadPoolExecutor() as pool:
        source, start = iter(chips), 0
        while some := list(itertools.islice(source, _DECODED)):
            for made in pool.map(cut, some):
                cuts[start] = made
                start += 1


def _cache_name(folder: Path, split: Path, roles: Sequence[str], preprocess: Preprocess) -> str:
    parts = (digest(folder), digest(split), *roles, preprocess.model_dump_json())
    return f"cuts-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:16]}.npy"


def _target(votes: Sequence[float] | None, label: int) -> Floats:
    if votes is None or sum(votes) <= 0:
        if label < 0:
            raise DataError("A face has neither votes nor a label. Run 'mien merge' again.")
        one_hot: Floats = np.eye(len(CLASSES), dtype=np.float32)[label]
        return one_hot
    return np.asarray(votes, np.float32) / np.float32(sum(votes))
