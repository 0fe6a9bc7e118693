"""RAF-DB, basic set (Li et al. 2017): 15,339 web faces, seven classes by crowd vote.

How to get it: ask the authors from an academic address; name the folder of ``basic`` (its zip files
may stay packed) as the root. Two forms are read:

- ``EmoLabel/list_patition_label.txt`` (so spelled; ``list_partition_label.txt`` too, else
  ``list_train_label.txt`` and ``list_test_label.txt``) of ``train_00001.jpg 5``, with
  ``Image/aligned/train_00001_aligned.jpg`` (100x100) and ``Image/original/train_00001.jpg``.
  ``images`` says which to read. Gender, race and age come from ``Annotation/manual``, and the box
  in an original picture from ``Annotation/boundingbox`` (x1 y1 x2 y2; not verified), if at all;
- ``train/<code>/*.jpg`` and ``test/<code>/*.jpg`` without a list, as on Kaggle, where
  ``train_labels.csv`` (``image,label``) may stand beside them and must agree.

Trap: folders are numbered 1 to 7 as in the list, but 0 to 6 in another order in trees made for
MA-Net. ``folder_codes`` says which; a folder that the named one lacks is an error.

The compound set has pairs of classes: its pictures are rejected beside the basic set, and refused
alone. People are not named.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from mien.core import reading
from mien.core.errors import ConfigError, DataError, LabelError
from mien.core.tree import Tree, name_of
from mien.core.types import BBox, Rejection, Sample, SourceInfo

_ORDER: Final = ("surprise", "fear", "disgust", "happy", "sadness", "anger", "neutral")
_CODES: Final = {str(code): name for code, name in enumerate(_ORDER, 1)}
_MA_NET: Final = ("neutral", "happy", "sadness", "surprise", "fear", "disgust", "anger")
_FOLDERS: Final = {
    "kaggle": _CODES,
    "ma-net": {str(code): name for code, name in enumerate(_MA_NET)},
}
_WHOLE: Final = ("list_patition_label.txt", "list_partition_label.txt")
_SPLIT: Final = ("list_train_label.txt", "list_test_label.txt")
_KAGGLE: Final = ("train_labels.csv", "test_labels.csv")
_NAME: Final = re.compile(
    r"^(?P<stem>(?:train|test)_\d{4,5})(?P<aligned>_aligned)?\.(?:jpe?g|png|bmp)$", re.IGNORECASE
)
_ROW: Final = re.compile(r"^(?P<stem>(?:train|test)_\d{4,5})\.jpg\s+(?P<code>\d+)$", re.IGNORECASE)
_GENDERS: Final = {"0": "male", "1": "female"}
_RACES: Final = {"0": "Caucasian", "1": "African-American", "2": "Asian"}
_AGES: Final = {"0": "0-3", "1": "4-19", "2": "20-39", "3": "40-69", "4": "70+"}
_GRAMMAR: Final = (
    f"EmoLabel/{_WHOLE[0]} (train_00001.jpg 5) with Image/aligned/train_00001_aligned.jpg or "
    "Image/original/train_00001.jpg, or folders train/1 to train/7 and test/1 to test/7"
)


@dataclass(frozen=True, kw_only=True)
class RafDb:
    """Reads the basic set of RAF-DB.

    Args:
        images: ``aligned`` or ``original`` pictures, where a list names them.
        folder_codes: what numbered folders mean: ``kaggle`` (1 to 7), or ``ma-net`` (0 to 6).

    Raises:
        ConfigError: an option is something else.
    """

    images: str = "aligned"
    folder_codes: str = "kaggle"

    info: ClassVar[SourceInfo] = SourceInfo(
        name="rafdb",
        title="RAF-DB (basic)",
        licence="non-commercial research; no redistribution",
        commercial_use="no",
        url="http://www.whdeng.cn/RAF/model1.html",
        citation="S. Li, W. Deng, J. Du. Reliable crowdsourcing and deep locality-preserving "
        "learning for expression recognition in the wild. CVPR 2017.",
        access="Ask the authors by e-mail from an academic address.",
        grammar=_GRAMMAR,
        label_map=_CODES,
    )

    def __post_init__(self) -> None:
        if self.images not in ("aligned", "original"):
            raise ConfigError(f"images is aligned or original; got {self.images!r}.")
        if self.folder_codes not in _FOLDERS:
            raise ConfigError(f"folder_codes is kaggle or ma-net; got {self.folder_codes!r}.")

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every row of the list, then every other picture; or every foldered picture.

        Raises:
            DataError: ``root`` is not RAF-DB, is its compound set alone, or has folders that
                ``folder_codes`` does not name.
        """
        tree = Tree(root, self.info)
        pictures = tree.pictures()
        compound = [path for path in pictures if _is_compound(path)]
        basic = [path for path in pictures if not _is_compound(path)]
        lists = _lists(tree)
        if lists:
            yield from self._scan_lists(tree, lists, basic)
        else:
            yield from self._scan_folders(tree, basic)
        for path in compound:
            yield Rejection(path, "no_class", "a compound expression is two classes in one")

    def _scan_lists(
        self, tree: Tree, lists: list[str], basic: list[str]
    ) -> Iterator[Sample | Rejection]:
        strays, others, pictures = self._sorted(tree, basic)
        rows, odd = _rows(tree, lists)
        missing = [stem for stem, _ in rows if stem not in pictures]
        reading.check_half(
            len(rows) - len(missing),
            len(rows) + len(odd),
            f'{_GRAMMAR}, with pictures of the kind images = "{self.images}"',
            missing,
        )
        codes: dict[str, set[str]] = defaultdict(set)
        for stem, code in rows:
            codes[stem].add(code)
        stated = _Stated(tree)
        done: set[str] = set()
        for stem, code in rows:
            path = pictures.get(stem, f"{stem}.jpg")
            if stem not in pictures:
                yield Rejection(path, "no_file", f"there is no {self.images} picture of it")
            elif len(codes[stem]) > 1:
                yield Rejection(path, "conflicting_labels", "the list gives it several codes")
            elif stem in done:
                yield Rejection(path, "repeated_row", "the list names it again")
            elif code not in _CODES:
                yield Rejection(path, "unknown_label", f"{code!r} is not 1 to 7")
            else:
                fields = stated.fields(stem, box=self.images == "original")
                split = stem.partition("_")[0]
                yield reading.sample(tree, path, label=_CODES[code], split=split, **fields)
            done.add(stem)
        yield from odd
        for stem, path in pictures.items():
            if stem not in done:
                yield Rejection(path, "not_listed", "no row of the list names it")
        yield from (Rejection(path, "not_selected", f"not {self.images}") for path in others)
        yield from map(reading.unmatched, strays)

    def _sorted(self, tree: Tree, basic: list[str]) -> tuple[list[str], list[str], dict[str, str]]:
        """Returns pictures of no known name, those of the other kind, and those to read by stem."""
        strays: list[str] = []
        others: list[str] = []
        pictures: dict[str, str] = {}
        for path, found in reading.matches(tree, _NAME, paths=basic):
            if found is None:
                strays.append(path)
                continue
            folder = path.rpartition("/")[0].rpartition("/")[2].casefold()
            aligned = found["aligned"] or folder == "aligned"
            stem = found["stem"].casefold()
            if bool(aligned) != (self.images == "aligned"):
                others.append(path)
            elif stem in pictures:
                raise DataError(
                    f"{tree.root} holds both {pictures[stem]} and {path}. An archive may be "
                    "unpacked there twice: keep one copy."
                )
            else:
                pictures[stem] = path
        return strays, others, pictures

    def _scan_folders(self, tree: Tree, basic: list[str]) -> Iterator[Sample | Rejection]:
        listed = {
            row["image"].casefold(): row["label"]
            for path in (tree.named(*_KAGGLE) if self.folder_codes == "kaggle" else [])
            for row in reading.table_rows(tree, path, ("image", "label"))
        }
        found = [(path, self._folder_class(path)) for path in basic]
        strays = [path for path, label in found if label is None]
        reading.check_half(len(found) - len(strays), len(found), _GRAMMAR, strays)
        for path, label in found:
            name = name_of(path).casefold()
            code = listed.get(name)
            if label is None:
                yield Rejection(path, "no_class_folder", "its folder is no class")
            elif code is not None and _CODES.get(code) != label:
                yield Rejection(
                    path, "conflicting_labels", f"its folder is {label}, its table says {code!r}"
                )
            else:
                parts = [*reversed(path.split("/")[:-1]), name.partition("_")[0]]
                split = next(filter(None, map(reading.split_name, parts)), None)
                yield reading.sample(tree, path, label=label, split=split)
        there = {name_of(path).casefold() for path in basic}
        for name in (name for name in listed if name not in there):
            yield Rejection(name, "no_file", "a table names a missing file")

    def _folder_class(self, path: str) -> str | None:
        """Returns the class of the folder that a picture lies in.

        Raises:
            DataError: it is a number that ``folder_codes`` does not name.
        """
        folder = path.rpartition("/")[0].rpartition("/")[2]
        codes = _FOLDERS[self.folder_codes]
        if folder.isdecimal() and folder not in codes:
            raise DataError(
                f"{path}: the folder {folder!r} is none of the codes {min(codes)} to {max(codes)} "
                f'of folder_codes = "{self.folder_codes}". Folders 1 to 7 are "kaggle", folders 0 '
                'to 6 are "ma-net".'
            )
        try:
            return reading.label_of(folder, codes)
        except LabelError:
            return None


class _Stated:
    """What the annotations state of a picture; what they do not state, or not clearly, is None."""

    def __init__(self, tree: Tree) -> None:
        endings = ("_manu_attri.txt", "_boundingbox.txt")
        found = [path for path in tree.paths if path.casefold().endswith(endings)]
        self._tree = tree
        self._paths = {name_of(p).casefold(): p for p in found if not _is_compound(p)}

    def fields(self, stem: str, *, box: bool) -> dict[str, Any]:
        """Returns gender, ethnicity, age and, where asked for, the box of a picture."""
        gender, race, age = (["", "", "", *self._words(f"{stem}_manu_attri.txt")])[-3:]
        return {
            "gender": _GENDERS.get(gender),
            "ethnicity": _RACES.get(race),
            "age": _AGES.get(age),
            "face_box": _box(self._words(f"{stem}_boundingbox.txt")) if box else None,
        }

    def _words(self, name: str) -> list[str]:
        path = self._paths.get(name)
        return self._tree.text(path).split() if path else []


def _box(words: list[str]) -> BBox | None:
    try:
        x1, y1, x2, y2 = map(float, words)
        return BBox(x1, y1, x2, y2)
    except ValueError:
        return None


def _is_compound(path: str) -> bool:
    return any(part.startswith("compound") for part in path.casefold().split("/"))


def _lists(tree: Tree) -> list[str]:
    """Returns the lists to read: the whole one, else its two parts; none in the folder form.

    Raises:
        DataError: there are several whole lists, or that of the compound set alone.
    """
    found = tree.named(*_WHOLE, *_SPLIT)
    basic = [path for path in found if not _is_compound(path)]
    whole = [path for path in basic if name_of(path).casefold() in _WHOLE]
    if len(whole) > 1:
        raise DataError(f"{tree.root} holds the lists {', '.join(whole)}. Keep one of them.")
    if found and not basic:
        raise DataError(_compound(found[0]))
    return whole or basic


def _rows(tree: Tree, lists: list[str]) -> tuple[list[tuple[str, str]], list[Rejection]]:
    """Returns the stem and code of each row, and the rows of another form."""
    rows: list[tuple[str, str]] = []
    odd: list[Rejection] = []
    for path in lists:
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            found = _ROW.match(line.strip())
            if found:
                rows.append((found["stem"].casefold(), found["code"]))
            elif line.strip():
                odd.append(Rejection(f"{path}:{number}", "unmatched", f"the row is {line!r}"))
        if any(code in ("8", "9", "10", "11") for _, code in rows):
            raise DataError(_compound(path))
    return rows, odd


def _compound(path: str) -> str:
    return (
        f"{path} is the list of RAF-DB's compound set: eleven pairs of classes, none of the seven "
        "alone. Give the folder basic."
    )
