"""FER+ (Barsoum et al. 2016): ten crowd votes for each image of FER2013.

How to get it: the votes (``fer2013new.csv``) from github.com/microsoft/FERPlus, the images from
FER2013. Read as folders ``FER2013Train``, ``FER2013Valid`` (and ``FER2013Test``) of
``ferXXXXXXX.png`` beside the table.

Rule ``majority``, as published: classes with a single vote are set to 0; a class that then holds
more than half of the votes is the label. It keeps 25,060 training and 3,199 validation images
(eight classes). An image without a majority stays, unlabelled, with its votes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import numpy as np

from mien.core import reading
from mien.core.errors import ConfigError, DataError
from mien.core.labels import CLASSES, CONTEMPT
from mien.core.types import Rejection, Sample, SourceInfo

VOTED: Final = ("neutral", "happy", "surprise", "sadness", "anger", "disgust", "fear", CONTEMPT)
"""FER+'s first eight columns, in its order; ``unknown`` and ``NF`` (no face) follow."""
_COLUMNS: Final = (
    "neutral happiness surprise sadness anger disgust fear contempt unknown NF".split()
)
_OWN: Final = ("anger", "disgust", "fear", "happy", "sadness", "surprise", "neutral")
_PARTS: Final = {
    "Training": ("FER2013Train", "train"),
    "PublicTest": ("FER2013Valid", "valid"),
    "PrivateTest": ("FER2013Test", "test"),
}
_TABLE: Final = "fer2013new.csv"
_OWN_TABLE: Final = "fer2013_labels.csv"
_GRAMMAR: Final = (
    f"{_TABLE} (Usage,Image name,{','.join(_COLUMNS)}) and folders FER2013Train, FER2013Valid "
    "of fer0000000.png"
)


@dataclass(frozen=True, kw_only=True)
class FerPlus:
    """Reads FER+.

    Args:
        own_label_weight: how much of FER2013's own label (``fer2013_labels.csv``) is mixed into
            the votes, 0 to 1.
        rule: how votes become a label; ``majority`` is the only one yet.

    Raises:
        ConfigError: an option is out of range.
    """

    own_label_weight: float = 0.0
    rule: str = "majority"

    info: ClassVar[SourceInfo] = SourceInfo(
        name="ferplus",
        title="FER+",
        licence="votes: MIT (Microsoft); images: FER2013, research use, rights not cleared",
        commercial_use="unknown",
        url="https://github.com/microsoft/FERPlus",
        citation="E. Barsoum et al. Training deep networks for facial expression recognition "
        "with crowd-sourced label distribution. ICMI 2016.",
    )

    def __post_init__(self) -> None:
        if not 0 <= self.own_label_weight <= 1:
            raise ConfigError(f"own_label_weight is 0 to 1; got {self.own_label_weight}.")
        if self.rule != "majority":
            raise ConfigError(f"The vote rule {self.rule!r} is not known. Known: majority.")

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every row of the votes, then every picture that no row names.

        Raises:
            DataError: ``root`` is missing or is not FER+, or a row breaks the table's grammar.
        """
        reading.check_root(root, self.info)
        table = reading.find_table(root, _TABLE)
        if table is None:
            raise DataError(f"{root} holds no {_TABLE}. Expected {_GRAMMAR}.")
        rows = list(reading.read_table(table, ("Usage", "Image name", *_COLUMNS)))
        pictures = reading.pictures_by_place(root)
        keys = [_row_key(row) for row in rows]
        missing = [key for key in keys if key not in pictures]
        reading.check_half(len(rows) - len(missing), len(rows), _GRAMMAR, missing)
        own = self._own_labels(root)
        uses = Counter(keys)
        for number, (key, row) in enumerate(zip(keys, rows, strict=True), 2):
            if not row["Image name"]:
                yield Rejection(key, "no_name", f"row {number} of {_TABLE} names no image")
            elif key not in pictures:
                yield Rejection(key, "no_file", f"row {number} of {_TABLE} names a missing file")
            elif uses[key] > 1:
                yield Rejection(pictures[key], "ambiguous_name", f"{uses[key]} rows name it")
            else:
                counts = _counts(row, table, number)
                yield self._sample(root, pictures[key], counts, row["Usage"], own.get(key))
        for key, path in pictures.items():
            if key not in uses:
                yield Rejection(path, "not_listed", f"no row of {_TABLE} names it")

    def _sample(
        self, root: Path, path: str, counts: Sequence[int], usage: str, own: str | None
    ) -> Sample | Rejection:
        found = reading.identify(root, path)
        if isinstance(found, Rejection):
            return found
        votes = shares(counts)
        if votes is not None and own is not None:
            weight = self.own_label_weight
            mixed = [(1 - weight) * vote for vote in votes]
            mixed[CLASSES.index(own)] += weight
            votes = tuple(mixed)
        return Sample(
            id=found,
            path=path,
            dataset=self.info.name,
            licence=self.info.licence,
            label=majority(counts),
            votes=votes,
            split=_PARTS[usage][1],
        )

    def _own_labels(self, root: Path) -> dict[str, str]:
        if not self.own_label_weight:
            return {}
        table = reading.find_table(root, _OWN_TABLE)
        if table is None:
            raise DataError(
                f"{root} holds no {_OWN_TABLE} (Usage,Image name,emotion), which "
                f"own_label_weight = {self.own_label_weight} needs. Add it, or set the weight to 0."
            )
        found = {}
        for row in reading.read_table(table, ("Usage", "Image name", "emotion")):
            if row["emotion"] not in set("0123456"):
                raise DataError(f"{table}: the emotion {row['emotion']!r} is not 0 to 6.")
            found[_row_key(row)] = _OWN[int(row["emotion"])]
        return found


def majority(counts: Sequence[int]) -> str | None:
    """Returns the class that holds more than half of the votes.

    Args:
        counts: the ten columns of FER+ in its order.

    Returns:
        One of `VOTED`; None without a majority, or where the majority voted unknown or no face.
    """
    kept = _without_single(counts)
    top = int(kept.argmax())
    if top >= len(VOTED) or kept[top] <= 0.5 * kept.sum():
        return None
    return VOTED[top]


def shares(counts: Sequence[int]) -> tuple[float, ...] | None:
    """Returns the votes for the seven classes as shares that sum to 1.

    Args:
        counts: the ten columns of FER+ in its order.

    Returns:
        Seven shares in the order of `CLASSES`; None where contempt, unknown or no face is on top,
        or nothing is left.
    """
    kept = _without_single(counts)
    if not kept.any() or int(kept.argmax()) >= len(CLASSES):
        return None
    total = float(kept[: len(CLASSES)].sum())
    return tuple(float(kept[VOTED.index(name)]) / total for name in CLASSES)


def _without_single(counts: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    votes = np.asarray(counts, np.int64)
    votes[votes < 2] = 0
    return votes


def _counts(row: dict[str, str], table: Path, number: int) -> list[int]:
    try:
        counts = [int(row[name]) for name in _COLUMNS]
    except ValueError as error:
        raise DataError(f"{table}, row {number}: votes are whole numbers ({error}).") from None
    if min(counts) < 0:
        raise DataError(f"{table}, row {number}: votes are 0 or more; got {counts}.")
    return counts


def _row_key(row: dict[str, str]) -> str:
    if row["Usage"] not in _PARTS:
        raise DataError(
            f"The usage {row['Usage']!r} is not known. Expected one of: {', '.join(_PARTS)}."
        )
    return f"{_PARTS[row['Usage']][0]}/{row['Image name']}".casefold()
