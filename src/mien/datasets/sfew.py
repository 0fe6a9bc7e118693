"""SFEW 2.0 (Dhall et al. 2011): single frames of films, seven classes, faces far from the studio.

How to get it: sign the agreement at the address in `Sfew.info`. Two forms are read:

- ``Train/Train_Aligned_Faces/Angry/Airheads_000519240_00000005.png`` (film, time, frame),
  ``Val/Val_Aligned_Faces_new/...`` and ``Test/Test_Aligned_Faces/...``, or the whole frames in
  ``Train_SFEW_2_0/Angry/...``; the archives may stay packed;
- the same pictures anywhere with ``sfew_2.0_labels.csv``
  (``image_name,label,emotion,original_split``), whose words then count, not the folders.

The labels of the test part are not public: its pictures without a class stay, unlabelled, for
their ``split``. SFEW names no person, and a film shows the same few actors again and again. So that
a film stays on one side of a split, its name stands in ``subject`` as well as in ``sequence``.

Traps. Aligned faces and whole frames show the same moments: only one of them may count. Where no
face was found there is no aligned picture. The films are those of AFEW: do not train on one and
test on the other.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, TypeAlias

from mien.core import reading
from mien.core.errors import ConfigError, DataError, LabelError
from mien.core.tree import Tree, name_of
from mien.core.types import Rejection, Sample, SourceInfo

_NAME: Final = re.compile(
    r"^(?P<movie>.+)_(?P<time>\d{9})_(?P<frame>\d{8})\.(png|jpe?g)$", re.IGNORECASE
)
_PART: Final = re.compile(r"^(?P<part>train|val|valid|test)(?![a-z])", re.IGNORECASE)
_ENDING: Final = re.compile(r"\.(png|jpe?g)$", re.IGNORECASE)
_TABLE: Final = "sfew_2.0_labels.csv"
_COLUMNS: Final = ("image_name", "emotion", "original_split")
_CODES: Final[Mapping[str, str]] = {
    "Angry": "anger",
    "Disgust": "disgust",
    "Fear": "fear",
    "Happy": "happy",
    "Neutral": "neutral",
    "Sad": "sadness",
    "Surprise": "surprise",
}
_Found: TypeAlias = list[tuple[str, re.Match[str] | None]]


@dataclass(frozen=True, kw_only=True)
class Sfew:
    """Reads SFEW 2.0.

    Args:
        images: ``aligned`` (a folder above the picture has the word in its name), ``original`` (the
            others), or ``any`` where only one of them is there.

    Raises:
        ConfigError: ``images`` is something else.
    """

    images: str = "any"

    info: ClassVar[SourceInfo] = SourceInfo(
        name="sfew",
        title="SFEW 2.0",
        licence="research by signed agreement; no redistribution",
        commercial_use="no",
        url="https://cs.anu.edu.au/few/AFEW.html",
        citation="A. Dhall, R. Goecke, S. Lucey, T. Gedeon. Static facial expression analysis in "
        "tough conditions: data, evaluation protocol and benchmark. ICCV Workshops 2011.",
        access="Sign the agreement and send it to the authors.",
        grammar="Train_Aligned_Faces/<Angry Disgust Fear Happy Neutral Sad Surprise>/"
        f"Airheads_000519240_00000005.png, or such pictures with {_TABLE} "
        "(image_name,label,emotion,original_split)",
        label_map=_CODES,
    )

    def __post_init__(self) -> None:
        if self.images not in ("any", "aligned", "original"):
            raise ConfigError(f"images is aligned, original or any; got {self.images!r}.")

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every row of the table and every picture that none names; or every picture.

        Raises:
            DataError: ``root`` is not SFEW, holds none of the chosen pictures, or holds a picture
                twice, as where both kinds are there and ``images`` chooses none.
        """
        tree = Tree(root, self.info)
        found = reading.matches(tree, _NAME)
        kept: _Found = []
        for path, match in found:
            if match is None:
                yield reading.unmatched(path)
            elif self.images not in ("any", _kind(path)):
                yield Rejection(path, "not_selected", f"images = {self.images!r} leaves it out")
            else:
                kept.append((path, match))
        if not kept:
            raise DataError(
                f'{root} holds no {self.images} pictures. Take images = "any", or add them. '
                f"Expected {self.info.grammar}."
            )
        places: dict[str, list[str]] = defaultdict(list)
        for path, _ in kept:
            places[_key(path)].append(path)
        table = tree.find(_TABLE)
        if table is None:
            yield from self._scan_folders(tree, places)
        else:
            yield from self._scan_table(tree, table, places)

    def _scan_folders(
        self, tree: Tree, places: Mapping[str, list[str]]
    ) -> Iterator[Sample | Rejection]:
        labels = {path: _class(path) for paths in places.values() for path in paths}
        strays = [p for p, label in labels.items() if label is None and _part(p) != "test"]
        reading.check_half(len(labels) - len(strays), len(labels), self.info.grammar, strays)
        for paths in places.values():
            _check_once(paths, labels)
            several = sorted({labels[path] or "no class" for path in paths})
            for path in paths:
                label, part = labels[path], _part(path)
                if len(paths) > 1:
                    detail = f"this frame lies in {' and '.join(several)}"
                    yield Rejection(path, "conflicting_labels", detail)
                elif label is None and part != "test":
                    yield Rejection(path, "no_class_folder", "no folder above it is a class")
                else:
                    yield _sample(tree, path, label, part)

    def _scan_table(
        self, tree: Tree, table: str, places: Mapping[str, list[str]]
    ) -> Iterator[Sample | Rejection]:
        rows: dict[str, list[dict[str, str]]] = defaultdict(list)
        for row in reading.table_rows(tree, table, _COLUMNS):
            rows[_key(row["image_name"])].append(row)
        for paths in places.values():
            _check_once(paths)
        missing = [key for key in rows if key not in places]
        reading.check_half(len(rows) - len(missing), len(rows), self.info.grammar, missing)
        for key, same in rows.items():
            yield from _listed(tree, same, places.get(key, []))
        for key, paths in places.items():
            if key in rows:
                continue
            for path in paths:
                if _part(path) == "test":
                    yield _sample(tree, path, None, "test")
                else:
                    yield Rejection(path, "not_listed", f"no row of {_TABLE} names it")


def _listed(
    tree: Tree, rows: list[dict[str, str]], paths: list[str]
) -> Iterator[Sample | Rejection]:
    """Yields one result a row of the table that names this picture."""
    name = rows[0]["image_name"] or _TABLE
    if not paths:
        yield from (Rejection(name, "no_file", "the table names a missing file") for _ in rows)
        return
    path, words = paths[0], sorted({row["emotion"] for row in rows})
    part = reading.split_name(rows[0]["original_split"])
    try:
        labels = {reading.label_of(word, _CODES) if word else None for word in words}
    except LabelError as error:
        yield from (Rejection(path, "unknown_label", str(error)) for _ in rows)
        return
    if len(labels) > 1:
        detail = f"the table gives it as {', '.join(word or 'nothing' for word in words)}"
        yield from (Rejection(path, "conflicting_labels", detail) for _ in rows)
        return
    label = labels.pop()
    if label is None and part != "test":
        yield Rejection(path, "no_label", "the table gives it no emotion")
    else:
        yield _sample(tree, path, label, part)
    for _ in rows[1:]:
        yield Rejection(path, "repeated_row", "the table lists it again, with the same label")


def _check_once(paths: list[str], labels: Mapping[str, str | None] | None = None) -> None:
    """Checks that a frame is there once; two class folders are a matter of labels.

    Raises:
        DataError: it is there twice.
    """
    seen: dict[tuple[str, str | None], str] = {}
    for path in paths:
        place = _kind(path), labels[path] if labels else None
        other = seen.setdefault(place, path)
        kinds = {kind for kind, _ in seen}
        if other != path or len(kinds) > 1:
            raise DataError(
                f"{paths[0]} and {path} show the same frame. Keep one copy, or choose "
                'images = "aligned" or "original".'
            )


def _sample(tree: Tree, path: str, label: str | None, split: str | None) -> Sample | Rejection:
    match = _NAME.search(name_of(path))
    assert match is not None  # only matching names come here
    movie = match["movie"]
    return reading.sample(
        tree,
        path,
        label=label,
        split=split,
        subject=movie,
        sequence=movie,
        frame=int(match["frame"]),
    )


def _class(path: str) -> str | None:
    """Returns the class that the folder around a picture names."""
    try:
        return reading.label_of(path.split("/")[-2], _CODES)
    except (IndexError, LabelError):
        return None


def _part(path: str) -> str | None:
    """Returns the part that the nearest folder or archive of a known name stands for."""
    for folder in reversed(path.split("/")[:-1]):
        if match := _PART.search(folder):
            return reading.split_name(match["part"])
    return None


def _kind(path: str) -> str:
    return "aligned" if "aligned" in path.rpartition("/")[0].casefold() else "original"


def _key(path: str) -> str:
    return _ENDING.sub("", name_of(path.replace("\\", "/"))).casefold()
