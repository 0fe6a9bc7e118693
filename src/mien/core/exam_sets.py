"""The pictures of an exam: which sets, what role each picture has, what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from mien.core import catalogue as tables
from mien.core.catalogue import KEY, REJECTED, REJECTION_COLUMNS, ROLE_COLUMNS, ROLES
from mien.core.errors import DataError, InputError
from mien.core.labels import CLASSES

if TYPE_CHECKING:
    import polars

EXAM_ROLES: Final = ("train", "dev", "test", "unseen")
STATED: Final = (
    "gender", "age", "ethnicity", "pose", "light", "intensity", "sequence", "frame",
)  # fmt: skip
"""What a data set may state of a picture; null where it does not."""


class ExamSet(NamedTuple):
    """Pictures to score.

    Attributes:
        catalogue: the stage folder of `merge`: labels, people, what data sets state.
        faces: the stage folder of `crop`: chips, and why others have none.
        split: the stage folder of `split`; None where every picture has the same role.
        role: that role.
    """

    catalogue: Path
    faces: Path
    split: Path | None = None
    role: str | None = None


def exam_set(text: str) -> ExamSet:
    """Returns the set that ``[ROLE=]RUN`` names.

    Args:
        text: the folder of a run, with ``merge`` and ``crop`` in it, and ``split`` where no role
            is given; ``unseen=runs/other`` gives all its pictures one role.

    Raises:
        InputError: the role is unknown, or the folder lacks a stage.
    """
    role, equals, place = text.partition("=")
    run = Path(place if equals else text)
    if equals and role not in EXAM_ROLES:
        raise InputError(f"{text!r}: there is no role {role!r}. Known: {', '.join(EXAM_ROLES)}.")
    stages = ("merge", "crop") if equals else ("merge", "crop", "split")
    missing = [name for name in stages if not (run / name).is_dir()]
    if missing:
        raise InputError(
            f"{text!r} is no set to score: {run} has no folder {', '.join(missing)}. Expected the "
            "folder of a run with merge, crop and split, or ROLE=FOLDER with merge and crop."
        )
    if equals:
        return ExamSet(run / "merge", run / "crop", role=role)
    return ExamSet(run / "merge", run / "crop", run / "split")


def exam_rows(one: ExamSet, roles: Sequence[str]) -> polars.DataFrame:
    """Returns the pictures of a set that have one of some roles, in the order of role and `KEY`.

    Returns:
        The columns of `placed_rows`, ``refused`` (why `crop` gave no face) and ``scored`` (whether
        it has one of the seven labels).

    Raises:
        DataError: a table is missing or damaged, names a picture twice or does not fit the others.
    """
    pl = tables.polars_or_error()
    refused = tables.read(one.faces / REJECTED, REJECTION_COLUMNS)
    refused = refused.select(*KEY, refused="reason").unique(KEY, keep="first")
    scored = pl.col("label").is_in(list(CLASSES)).fill_null(value=False)
    return (
        placed_rows(one.catalogue, one.split, roles, one.role)
        .join(refused, on=KEY, how="left")
        .with_columns(scored=scored)
        .sort("role", *KEY)
    )


def placed_rows(
    catalogue: Path, split: Path | None, roles: Sequence[str], role: str | None = None
) -> polars.DataFrame:
    """Returns the pictures of a catalogue that have one of some roles.

    Args:
        catalogue: the stage folder of `merge`.
        split: the stage folder of `split`; None where every picture has the same role.
        roles: the wanted roles.
        role: what every picture has, where there is no split.

    Returns:
        `KEY`, ``role``, ``label``, ``subject``, `STATED` and ``cluster``: the person; where people
        are not known, what `split` keeps together; else null.

    Raises:
        DataError: a table is missing or damaged, names a picture twice or does not fit the other.
    """
    pl = tables.polars_or_error()
    known = tables.read(catalogue).select(*KEY, "label", "subject", *STATED)
    given = _roles(split, role, known).filter(pl.col("role").is_in(list(roles)))
    if known.select(KEY).is_duplicated().any() or given.select(KEY).is_duplicated().any():
        raise DataError(
            f"{catalogue} or {split} names a picture twice ({', '.join(KEY)} are the same). "
            "Make both again with this version of mien."
        )
    rows = given.join(known, on=KEY, how="inner")
    if len(rows) != len(given):
        raise DataError(
            f"{len(given) - len(rows)} pictures of {split} are not in {catalogue}. "
            "Both must come from the same 'merge'."
        )
    person = pl.format("{}: {}", "dataset", "subject")
    # Where people are not known, pictures that resemble each other stand together.
    cluster = pl.coalesce(person, pl.format("group {}", "group"))
    return rows.with_columns(cluster=cluster).drop("group")


def all_rows(sets: Sequence[ExamSet], roles: Sequence[str]) -> list[polars.DataFrame]:
    """Returns the pictures of each set, as `exam_rows` does.

    Raises:
        DataError: as `exam_rows`; or no picture has one of the seven labels, or one stands in two
            sets.
    """
    pl = tables.polars_or_error()
    rows = [exam_rows(one, roles) for one in sets]
    if not any(some["scored"].any() for some in rows):
        places = ", ".join(str(one.split or one.catalogue) for one in sets) or "no set"
        raise DataError(
            f"No picture of the roles {', '.join(roles)} has one of the seven labels. "
            f"Check the roles and the labels of: {places}."
        )
    keys = pl.concat([some.select(KEY) for some in rows])
    twice = keys.filter(keys.is_duplicated()).unique(maintain_order=True)
    if len(twice):
        first = twice.row(0, named=True)
        raise DataError(
            f"{len(twice):,} pictures stand in two sets, such as {first['path']} of "
            f"{first['dataset']}. Name each picture once."
        )
    return rows


def inputs_of(sets: Sequence[ExamSet]) -> dict[str, Path]:
    """Returns the folders that sets come from, by name; those of further sets have a number."""
    named: dict[str, Path] = {}
    for number, one in enumerate(sets, start=1):
        end = f"-{number}" if number > 1 else ""
        found = {"catalogue": one.catalogue, "faces": one.faces, "split": one.split}
        named |= {f"{name}{end}": path for name, path in found.items() if path is not None}
    return named


def _roles(split: Path | None, role: str | None, known: polars.DataFrame) -> polars.DataFrame:
    """Returns `KEY`, ``role`` and ``group`` of the pictures of a catalogue."""
    pl = tables.polars_or_error()
    if split is None:
        return known.select(*KEY, role=pl.lit(role), group=pl.lit(None, pl.String))
    file = split / ROLES if split.is_dir() else split
    return tables.read(file, ROLE_COLUMNS).select(*KEY, "role", "group")
