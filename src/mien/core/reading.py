"""What the readers of data sets share: grammars, tables, class words, samples by content."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mien.core import labels
from mien.core import tree as trees
from mien.core.archives import INSIDE
from mien.core.errors import ConfigError, DataError, LabelError
from mien.core.tree import Tree, is_pixel_row, name_of
from mien.core.types import Rejection, Sample
from mien.core.video_clips import Clip

_SPLITS: Final = {
    "train": "train training fer2013train",
    "valid": "val valid validation publictest fer2013valid",
    "test": "test testing privatetest fer2013test",
}
_SPLIT_OF: Final = {word: name for name, words in _SPLITS.items() for word in words.split()}


def matches(
    tree: Tree,
    pattern: re.Pattern[str],
    *,
    whole: bool = False,
    paths: Iterable[str] | None = None,
) -> list[tuple[str, re.Match[str] | None]]:
    """Returns each picture with its match of a data set's grammar, or with None.

    Args:
        tree: the data set's files; its `SourceInfo.grammar` stands in the error.
        pattern: searched in each name.
        whole: search in the whole path instead.
        paths: look at these only; all pictures where not given.

    Raises:
        DataError: fewer than half match, or there is no picture.
    """
    looked = list(tree.pictures() if paths is None else paths)
    found = [(path, pattern.search(path if whole else name_of(path))) for path in looked]
    strays = [path for path, match in found if match is None]
    check_half(len(found) - len(strays), len(found), tree.info.grammar, strays)
    return found


def pattern(
    option: str, text: str, needed: str = "", allowed: Iterable[str] | None = None
) -> re.Pattern[str]:
    """Returns the regular expression that a user gives in an option, matching whatever the case.

    Args:
        option: its name, for messages.
        text: the expression; an empty one is not checked for groups.
        needed: a named group that it must have.
        allowed: the further named groups that it may have; any where not given.

    Raises:
        ConfigError: it is no regular expression, or its groups are others.
    """
    try:
        compiled = re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise ConfigError(f"{option} is no regular expression: {error} in {text!r}.") from None
    groups = set(compiled.groupindex)
    strange = set() if allowed is None else groups - {needed, *allowed}
    if text and (strange or (needed and needed not in groups)):
        may = "" if allowed is None else f", and may have {', '.join(allowed)}"
        raise ConfigError(
            f"{option} needs the named group {needed}{may}; it has "
            f"{', '.join(sorted(groups)) or 'none'}."
        )
    return compiled


def unmatched(path: str) -> Rejection:
    """Returns the rejection of a picture whose name does not follow the data set's grammar."""
    return Rejection(path, "unmatched", "its name does not follow the data set's grammar")


def in_class_folders(
    tree: Tree, spellings: Mapping[str, str] | None = None, grammar: str = ""
) -> list[tuple[str, str | None, str | None]]:
    """Returns each picture with the class and the part that the folders above it name, or None.

    Args:
        tree: the data set's files.
        spellings: as for `class_and_split`.
        grammar: stands in the error; the data set's where not given.

    Raises:
        DataError: fewer than half of the pictures lie in a class's folder, or there is none.
        LabelError: a folder is a bare number that ``spellings`` does not name.
    """
    found = [(path, *class_and_split(path, spellings)) for path in tree.pictures()]
    strays = [path for path, label, _ in found if label is None]
    check_half(len(found) - len(strays), len(found), grammar or tree.info.grammar, strays)
    return found


def foldered(tree: Tree) -> Iterator[Sample | Rejection]:
    """Yields each picture of a data set that has one folder a class and says no more.

    Raises:
        DataError: fewer than half of the pictures lie in a class's folder, or there is none.
        LabelError: a folder is a bare number.
    """
    for path, label, split in in_class_folders(tree):
        if label is None:
            yield no_class_folder(path)
        else:
            yield sample(tree, path, label=label, split=split)


def no_class_folder(path: str) -> Rejection:
    """Returns the rejection of a picture that lies in no class's folder."""
    return Rejection(path, "no_class_folder", "no folder above it is a class")


def sample(tree: Tree, path: str, *, part: str = "", **fields: Any) -> Sample | Rejection:
    """Returns the sample of a picture, named by its content, or why it cannot be used.

    Args:
        tree: the data set's files.
        path: the picture.
        part: added to the id as ``#part``, where one file holds several samples.
        fields: further fields of `Sample`; ``label`` is one of the classes, contempt or None.
    """
    try:
        found = tree.identify(path)
    except DataError as error:
        return _unusable(path, error)
    info = tree.info
    return Sample(
        id=f"{found}#{part}" if part else found,
        path=path,
        dataset=info.name,
        licence=info.licence,
        **fields,
    )


def clip(tree: Tree, path: str) -> Clip | Rejection:
    """Returns a video, or why it cannot be used.

    Raises:
        MissingExtraError: the extra ``video`` is not installed.
    """
    try:
        return trees.clip(tree.root, path)
    except DataError as error:
        return _unusable(path, error)


def frame(tree: Tree, path: str, number: int, **fields: Any) -> Sample | Rejection:
    """Returns the sample of a video's frame, as `sample` does.

    Args:
        tree: the data set's files.
        path: the video.
        number: the frame's number in it, from 0.
        fields: further fields of `Sample`.
    """
    return sample(tree, frame_path(path, number), frame=number, **fields)


def frame_path(path: str, number: int) -> str:
    """Returns the path of a video's frame."""
    return f"{path}{INSIDE}{number}"


def _unusable(path: str, error: DataError) -> Rejection:
    if is_pixel_row(path):
        reason = "bad_pixels"
    else:
        reason = "empty" if "0 bytes" in str(error) else "unreadable"
    return Rejection(path, reason, str(error))


def table_rows(tree: Tree, path: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """Returns the rows of a CSV file by column name; blanks around names and values are dropped.

    Args:
        tree: the data set's files.
        path: a UTF-8 file with a header.
        columns: the columns that it must have; others are passed on too.

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    try:
        rows = csv.reader(io.StringIO(tree.read(path).decode("utf-8-sig"), newline=""))
        header = [name.strip() for name in next(rows, [])]
        missing = [name for name in columns if name not in header]
        if missing:
            raise DataError(
                f"{path} has no column {', '.join(map(repr, missing))}. "
                f"Expected the header {','.join(columns)}; found {','.join(header) or 'none'}."
            )
        return [_by_name(header, row) for row in rows if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a CSV file in UTF-8: {error}.") from error


def _by_name(header: list[str], row: list[str]) -> dict[str, str]:
    padded = [value.strip() for value in row] + [""] * (len(header) - len(row))
    return dict(zip(header, padded, strict=False))


def read_ids(path: Path) -> set[str]:
    """Returns the ids that a file lists, one a line; ``#`` starts a comment.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}). Expected one id a line.") from error
    return {text for line in lines if (text := line.partition("#")[0].strip())}


def split_name(word: str) -> str | None:
    """Returns ``train``, ``valid`` or ``test`` for the many names of these parts, else None."""
    return _SPLIT_OF.get(re.sub(r"[\s_-]", "", word).casefold())


def class_and_split(
    path: str, spellings: Mapping[str, str] | None = None
) -> tuple[str | None, str | None]:
    """Returns the class and the part that the folders above a picture name; None where none does.

    The nearest folder that is a class counts, so an enclosing folder may have any name.

    Args:
        path: relative to the data set's root, such as ``"train/1-anger/a.jpg"``.
        spellings: further folder names and the class of each; needed for folders that are bare
            numbers, since data sets number their classes differently.

    Raises:
        LabelError: no folder is a known class, and one is a bare number or contradicts itself.
    """
    label = split = problem = None
    for folder in reversed(path.split("/")[:-1]):
        split = split or split_name(folder)
        if label is not None or split_name(folder):
            continue
        try:
            label = label_of(folder, spellings)
        except LabelError as error:
            if folder[:1].isdigit():
                problem = problem or error
    if label is None and problem is not None:
        raise problem
    return label, split


def label_of(word: str, spellings: Mapping[str, str] | None = None) -> str:
    """Returns the class of a word: by ``spellings`` first, else by `labels.parse`.

    Raises:
        LabelError: neither knows it.
    """
    for spelling, name in (spellings or {}).items():
        if spelling.casefold() == word.strip().casefold():
            return labels.parse(name)
    return labels.parse(word)


def check_half(matched: int, total: int, grammar: str, examples: Iterable[str] = ()) -> None:
    """Checks that at least half of what a reader found follows the data set's grammar.

    Args:
        matched: how many follow it.
        total: how many there are.
        grammar: what is expected, for the message.
        examples: some that do not follow it.

    Raises:
        DataError: fewer than half do, or there is nothing at all.
    """
    if total and 2 * matched >= total:
        return
    shown = ", ".join(list(examples)[:3])
    found = f"{matched} of {total} entries match" + (f" (not: {shown})" if shown else "")
    raise DataError(f"This does not look like the data set: {found}. Expected {grammar}.")
