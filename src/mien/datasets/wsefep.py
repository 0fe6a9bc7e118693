"""WSEFEP (Olszanowski et al. 2015): 30 people, seven expressions, 210 coloured portraits.

How to get it: download it from osf.io/7xgz9 (emotional-face.org): the folder ``WSEFEP_v101_hq`` and
the sheet ``WSEFEP - norms & FACS.xlsx``. Layout: the pictures, and the sheet **exported as CSV**
(comma, UTF-8) beside them, ``WSEFEP - norms & FACS - Arkusz1.csv``; mien reads no Excel files.

The label is the sheet's ``Display``, never the file's name; ``Picture ID`` is that name, with or
without its ending. ``Agreement (%)`` tells how many judges saw the expression that was meant.

How the names tell the person is not verified. By default it is what comes before the first
separator (``_``, ``-``, a blank), or before letters turn into digits or digits into letters. Look
at the subjects that come out, and set ``subject_pattern`` if they are not people.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from mien.core import reading
from mien.core.errors import ConfigError, DataError, LabelError
from mien.core.images import EXTENSIONS
from mien.core.tree import Tree, name_of, suffix
from mien.core.types import Rejection, Sample, SourceInfo

_TABLE: Final = "WSEFEP - norms & FACS - Arkusz1.csv"
_ID, _DISPLAY, _AGREEMENT = "Picture ID", "Display", "Agreement (%)"
_GRAMMAR: Final = f"{_TABLE} ({_ID},{_DISPLAY},{_AGREEMENT}) and the pictures that it names"
_SUBJECT: Final = r"^(?P<subject>[^\W_]+(?=[\W_])|[^\W\d_]+(?=\d)|\d+(?=[^\W\d_]))"


@dataclass(frozen=True, kw_only=True)
class Wsefep:
    """Reads WSEFEP.

    Args:
        subject_pattern: a regular expression with the named group ``subject``, searched in the
            picture's name without its ending, whatever the case; where it does not fit, or is
            empty, the subject is not known.
        min_agreement: take only pictures whose ``Agreement (%)`` is at least this, 0 to 100.

    Raises:
        ConfigError: an option is something else.
    """

    subject_pattern: str = _SUBJECT
    min_agreement: float = 0

    info: ClassVar[SourceInfo] = SourceInfo(
        name="wsefep",
        title="Warsaw Set of Emotional Facial Expression Pictures",
        licence="free for scientific use",
        commercial_use="no",
        url="https://osf.io/7xgz9",
        citation="M. Olszanowski et al. Warsaw set of emotional facial expression pictures: a "
        "validation study of facial display photographs. Frontiers in Psychology 5, 2015.",
        access="Download it from osf.io/7xgz9 for scientific use.",
        grammar=_GRAMMAR,
        label_map={
            "anger": "anger",
            "disgust": "disgust",
            "fear": "fear",
            "joy": "happy",
            "neutral": "neutral",
            "sadness": "sadness",
            "surprise": "surprise",
        },
        verified=False,
    )

    def __post_init__(self) -> None:
        reading.pattern("subject_pattern", self.subject_pattern, "subject")
        percent = self.min_agreement
        if isinstance(percent, bool) or not isinstance(percent, int | float):
            raise ConfigError(f"min_agreement is 0 to 100; got {percent!r}.")
        if not 0 <= percent <= 100:
            raise ConfigError(f"min_agreement is 0 to 100; got {percent}.")

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every row of the table, then every picture that no row names.

        Raises:
            DataError: ``root`` is missing or holds no table as CSV, or fewer than half of its rows
                have a picture.
        """
        tree = Tree(root, self.info)
        table = _table(tree)
        columns = [_ID, _DISPLAY, *([_AGREEMENT] if self.min_agreement else [])]
        rows: dict[str, list[Mapping[str, str]]] = defaultdict(list)
        for row in reading.table_rows(tree, table, columns):
            if any(row.values()):
                rows[_key(row[_ID])].append(row)
        places: dict[str, list[str]] = defaultdict(list)
        for path in tree.pictures():
            places[_key(name_of(path))].append(path)
        total = sum(map(len, rows.values()))
        missing = [key for key in rows if key not in places]
        matched = total - sum(len(rows[key]) for key in missing)
        reading.check_half(matched, total, _GRAMMAR, missing)
        for key, same in rows.items():
            yield from self._listed(tree, places.get(key, []), same)
        for key, paths in places.items():
            if key not in rows:
                yield from (
                    Rejection(p, "not_listed", f"no row of {table} names it") for p in paths
                )

    def _listed(
        self, tree: Tree, paths: list[str], rows: list[Mapping[str, str]]
    ) -> Iterator[Sample | Rejection]:
        """Yields what becomes of the pictures and rows of one name."""
        if not paths:
            name = rows[0][_ID]
            detail = f"the table's {name!r} is not here" if name else f"a row without {_ID}"
            yield from (Rejection(name or _TABLE, "no_file", detail) for _ in rows)
        elif len(paths) > 1:
            detail = f"{len(paths)} pictures have the name that the table lists"
            yield from (Rejection(path, "ambiguous_name", detail) for path in paths)
        elif len(words := {row[_DISPLAY].casefold() for row in rows}) > 1:
            detail = f"the table gives it as {', '.join(sorted(words))}"
            yield Rejection(paths[0], "conflicting_labels", detail)
        else:
            yield self._read(tree, paths[0], rows[0])
            for _ in rows[1:]:
                yield Rejection(paths[0], "repeated_row", "the table lists it again")

    def _read(self, tree: Tree, path: str, row: Mapping[str, str]) -> Sample | Rejection:
        if not row[_DISPLAY]:
            return Rejection(path, "no_label", f"its {_DISPLAY} is empty")
        try:
            label = reading.label_of(row[_DISPLAY])
        except LabelError as error:
            return Rejection(path, "unknown_label", str(error))
        if self.min_agreement and not _percent(row[_AGREEMENT]) >= self.min_agreement:
            detail = f"its agreement {row[_AGREEMENT]!r} is below {self.min_agreement:g} %"
            return Rejection(path, "not_selected", detail)
        stem = name_of(path).rpartition(".")[0]
        who = re.search(self.subject_pattern, stem, re.IGNORECASE) if self.subject_pattern else None
        subject = who["subject"].upper() if who and who["subject"] else None
        return reading.sample(tree, path, label=label, subject=subject)


def _table(tree: Tree) -> str:
    """Returns the path of the exported sheet."""
    sheets = [path for path in tree.paths if "wsefep" in name_of(path).casefold()]
    names = sorted({name_of(path) for path in sheets if suffix(path) == ".csv"})
    excel = [path for path in tree.paths if suffix(path) in (".xlsx", ".xls")]
    if not names and excel:
        raise DataError(
            f"{tree.root} holds {excel[0]}, and mien reads no Excel files. Open it, export the "
            f"sheet as CSV (comma, UTF-8), and put it beside as {_TABLE}."
        )
    return tree.demand(_GRAMMAR, *(names or [_TABLE]))


def _key(name: str) -> str:
    """Returns what a picture and its row in the table share: the name without its ending."""
    name = name.strip().casefold()
    return name[: -len(suffix(name))] if suffix(name) in EXTENSIONS else name


def _percent(text: str) -> float:
    """Returns a percentage such as ``95.5``, ``95,5`` or ``95 %``; NaN where there is none."""
    try:
        return float(text.rstrip("% ").replace(",", "."))
    except ValueError:
        return math.nan
