"""CK+48 and ``ckextended.csv``: two small copies of CK+ (Lucey et al. 2010), 48x48 grey.

How to get it: both are passed on by third parties (Kaggle and others); the terms of CK+ itself
still hold, so ask for CK+ at the address in `Ck48.info`. Two forms are read:

- ``CK+48/<class>/S010_004_00000019.png`` (person, sequence, frame): the last three frames of each
  of the 327 labelled sequences, 981 pictures, none of them neutral;
- ``ckextended.csv`` (``emotion,pixels,Usage``): 920 rows, one picture each.

Traps. The table numbers its classes as FER2013 does, not as CK+: 0 is anger, 6 neutral. That 7 is
contempt is not verified. It names no person, so its own parts may share people (not verified). Both
forms show the same people as CK+: do not train on one and test on another.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from mien.core import reading
from mien.core.archives import INSIDE
from mien.core.errors import ConfigError, DataError, LabelError
from mien.core.images import EXTENSIONS
from mien.core.tree import Tree, name_of, pixel_table, suffix
from mien.core.types import Rejection, Sample, SourceInfo

_NAME: Final = re.compile(
    r"^(?P<subject>S\d{3})_(?P<sequence>\d{3})_(?P<frame>\d{8})\.(png|jpe?g|tiff?|bmp)$",
    re.IGNORECASE,
)
_TABLE: Final = "ckextended.csv"
_CODES: Final[Mapping[str, str]] = {
    "0": "anger",
    "1": "disgust",
    "2": "fear",
    "3": "happy",
    "4": "sadness",
    "5": "surprise",
    "6": "neutral",
    "7": "contempt",
}
_COLUMNS: Final = ("emotion", "Usage")


@dataclass(frozen=True, kw_only=True)
class Ck48:
    """Reads the small copies of CK+.

    Args:
        form: ``folders``, ``table``, or ``any`` for the one that is there; both together would
            count the same frames twice.

    Raises:
        ConfigError: ``form`` is something else.
    """

    form: str = "any"

    info: ClassVar[SourceInfo] = SourceInfo(
        name="ck48",
        title="CK+48",
        licence="the terms of CK+: non-commercial research by signed agreement; no redistribution",
        commercial_use="no",
        url="https://sites.pitt.edu/~emotion/ck-spread.htm",
        citation="P. Lucey, J. F. Cohn, T. Kanade, J. Saragih, Z. Ambadar, I. Matthews. The "
        "extended Cohn-Kanade dataset (CK+): a complete dataset for action unit and "
        "emotion-specified expression. CVPR Workshops 2010.",
        access="Sign the agreement of CK+; the copies themselves come from third parties.",
        grammar="CK+48/<class>/S010_004_00000019.png (anger contempt disgust fear happy sadness "
        f"surprise), or {_TABLE} (emotion,pixels,Usage)",
        label_map=_CODES,
    )

    def __post_init__(self) -> None:
        if self.form not in ("any", "folders", "table"):
            raise ConfigError(f"form is any, folders or table; got {self.form!r}.")

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every picture below the folders, or every row of the table.

        Raises:
            DataError: ``root`` holds neither form, or both where ``form`` is ``any``; a picture
                lies there twice; or the table lacks a column.
        """
        tree = Tree(root, self.info)
        if self.form == "folders":
            return self._scan_folders(tree)
        if self.form == "table":
            return self._scan_table(tree, tree.demand(self.info.grammar, _TABLE))
        table = tree.find(_TABLE)
        if table is None:
            return self._scan_folders(tree)
        if any(suffix(path) in EXTENSIONS for path in tree.paths):
            raise DataError(
                f"{root} holds both pictures and {table}, which show the same frames. Choose one: "
                'form = "folders" or form = "table".'
            )
        return self._scan_table(tree, table)

    def _scan_folders(self, tree: Tree) -> Iterator[Sample | Rejection]:
        found = reading.matches(tree, _NAME)
        tree.by_place([path for path, match in found if match])
        placed = {path: _class_and_split(path) for path, match in found if match}
        strays = [path for path, _ in found if placed.get(path, (None, None))[0] is None]
        reading.check_half(len(found) - len(strays), len(found), self.info.grammar, strays)
        labels: dict[str, set[str]] = defaultdict(set)
        for path, (label, _) in placed.items():
            if label is not None:
                labels[_stem(path)].add(label)
        for path, match in found:
            if match is None:
                yield reading.unmatched(path)
                continue
            label, split = placed[path]
            if label is None:
                yield Rejection(path, "no_class_folder", "no folder above it is a class")
            elif len(labels[_stem(path)]) > 1:
                names = ", ".join(sorted(labels[_stem(path)]))
                yield Rejection(path, "conflicting_labels", f"this frame lies in {names}")
            else:
                subject = match["subject"].upper()
                yield reading.sample(
                    tree,
                    path,
                    label=label,
                    split=split,
                    subject=subject,
                    sequence=f"{subject}/{match['sequence']}",
                    frame=int(match["frame"]),
                    pose="frontal",
                )

    def _scan_table(self, tree: Tree, table: str) -> Iterator[Sample | Rejection]:
        rows = pixel_table(tree.root, table).rows
        missing = [name for name in _COLUMNS if rows and name not in rows[0]]
        if missing:
            raise DataError(
                f"{table} has no column {', '.join(map(repr, missing))}. Expected the header "
                "emotion,pixels,Usage."
            )
        odd = [f"row {number}" for number, row in enumerate(rows) if row["emotion"] not in _CODES]
        reading.check_half(len(rows) - len(odd), len(rows), self.info.grammar, odd)
        for number, row in enumerate(rows):
            path = f"{table}{INSIDE}{number}"
            label = _CODES.get(row["emotion"])
            if label is None:
                yield Rejection(path, "unknown_label", f"{row['emotion']!r} is not 0 to 7")
                continue
            split = reading.split_name(row["Usage"])
            yield reading.sample(tree, path, label=label, split=split, pose="frontal")


def _class_and_split(path: str) -> tuple[str | None, str | None]:
    try:
        return reading.class_and_split(path)
    except LabelError:  # a folder that is a bare number, or contradicts itself
        return None, None


def _stem(path: str) -> str:
    return name_of(path).rpartition(".")[0].casefold()
