"""FairFace (Karkkainen and Joo 2021): 97,698 faces with gender, age group and one of seven races.

How to get it: from github.com/joojs/fairface. Layout: ``fairface_label_train.csv`` and
``fairface_label_val.csv`` (``file,age,gender,race,service_test``) beside one of the two picture
sets, ``fairface-img-margin025-trainval`` or ``fairface-img-margin125-trainval``, which hold
``train/1.jpg`` and ``val/1.jpg``. Both share their names: keep one of them.

There is no expression: the samples are unlabelled, to audit how a model treats groups of people.
Gender, age and race are as annotators saw them. Trap: a table that Excel has saved turns the age
groups 3-9 and 10-19 into dates, such as ``9-Mar`` and ``Oct-19``; these are read back.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from mien.core import reading
from mien.core.tree import Tree
from mien.core.types import Rejection, Sample, SourceInfo

_TABLES: Final = ("fairface_label_train.csv", "fairface_label_val.csv")
_COLUMNS: Final = ("file", "age", "gender", "race")
_AGES: Final = (
    "0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70",
)  # fmt: skip
_RACES: Final = {
    name.casefold(): name
    for name in (
        "White",
        "Black",
        "Latino_Hispanic",
        "East Asian",
        "Southeast Asian",
        "Indian",
        "Middle Eastern",
    )
}
_MONTHS: Final = {"mar": 3, "sep": 9, "sept": 9, "oct": 10}
_GRAMMAR: Final = (
    f"{_TABLES[0]} and {_TABLES[1]} (file,age,gender,race,service_test) with pictures train/1.jpg "
    "and val/1.jpg"
)


@dataclass(frozen=True, kw_only=True)
class FairFace:
    """Reads FairFace, unlabelled."""

    info: ClassVar[SourceInfo] = SourceInfo(
        name="fairface",
        title="FairFace",
        licence="CC BY 4.0",
        commercial_use="yes",
        url="https://github.com/joojs/fairface",
        citation="K. Karkkainen, J. Joo. FairFace: face attribute dataset for balanced race, "
        "gender, and age for bias measurement and mitigation. WACV 2021.",
        access="Download the pictures and both tables by the links of the repository.",
        grammar=_GRAMMAR,
        audit_only=True,
    )

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every row of the tables, then every picture that no row names.

        Raises:
            DataError: ``root`` is missing or is not FairFace.
        """
        tree = Tree(root, self.info)
        tables = [path for path in map(tree.find, _TABLES) if path is not None]
        if not tables:
            tree.demand(_GRAMMAR, *_TABLES)
        pictures = tree.by_place()
        rows = [row for path in tables for row in reading.table_rows(tree, path, _COLUMNS)]
        keys = [_key(row["file"]) for row in rows]
        missing = [key for key in keys if key not in pictures]
        reading.check_half(len(rows) - len(missing), len(rows), _GRAMMAR, missing)
        stated: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for key, row in zip(keys, rows, strict=True):
            stated[key].add(tuple(row[name] for name in _COLUMNS[1:]))
        done: set[str] = set()
        for key, row in zip(keys, rows, strict=True):
            if key not in pictures:
                yield Rejection(row["file"], "no_file", "a table names a missing file")
            elif len(stated[key]) > 1:
                yield Rejection(pictures[key], "conflicting_labels", "rows describe it differently")
            elif key in done:
                yield Rejection(pictures[key], "repeated_row", "a table names it again")
            else:
                yield self._sample(tree, pictures[key], row)
            done.add(key)
        for key, path in pictures.items():
            if key not in done:
                yield Rejection(path, "not_listed", "no row of a table names it")

    def _sample(self, tree: Tree, path: str, row: dict[str, str]) -> Sample | Rejection:
        gender, age = row["gender"].casefold(), age_group(row["age"])
        race = _RACES.get(row["race"].casefold())
        if gender not in ("female", "male") or age is None or race is None:
            detail = f"gender {row['gender']!r}, age {row['age']!r} or race {row['race']!r}"
            return Rejection(path, "unknown_label", f"one of these is not known: {detail}")
        split = reading.split_name(_key(row["file"]).partition("/")[0])
        return reading.sample(tree, path, split=split, gender=gender, age=age, ethnicity=race)


def age_group(text: str) -> str | None:
    """Returns an age group as FairFace writes it, also of the date that Excel made of it.

    Args:
        text: such as ``"10-19"``, ``"Oct-19"``, ``"9-Mar"``, ``"03-09"`` or ``"more than 70"``.

    Returns:
        One of the nine groups; None where it is none of them.
    """
    word = text.strip().casefold()
    if word in _AGES:
        return word
    parts = re.findall(r"[a-z]+|\d+", word)
    # A year may stand for the second number: October 2019 is 10-19.
    numbers = {_MONTHS.get(part) or (int(part) % 100 if part.isdecimal() else 0) for part in parts}
    found = [group for group, both in (("3-9", {3, 9}), ("10-19", {10, 19})) if both <= numbers]
    return found[0] if found else None


def _key(file: str) -> str:
    return "/".join(file.replace("\\", "/").split("/")[-2:]).casefold()
