"""What a card says of groups of people and of worse pictures, where that was measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mien.core import catalogue
from mien.core.scores import UNSEEN, Exam
from mien.metrics import tables
from mien.metrics.corruption import ALL, CLEAN
from mien.plots.report_page import plain

if TYPE_CHECKING:
    import polars

PEOPLE: Final = ("gender", "age", "ethnicity")
"""The attributes that describe a person; others describe the picture."""
_GROUPS: Final = "groups.parquet"
_STRESS: Final = "stress.parquet"
_ERRORS: Final = "errors.parquet"
_WORST: Final = 3


def groups_of_people(scores: Path) -> polars.DataFrame | None:
    """Returns the accuracies of groups of people that are large enough to be judged.

    Args:
        scores: the stage folder of `evaluate`.

    Returns:
        ``role``, ``attribute``, ``group``, ``n``, ``value``, ``low``, ``high``; an attribute is in
        it for a role with at least two large groups. None where no attribute is.
    """
    path = scores / _GROUPS
    if not path.is_file():
        return None
    pl = catalogue.polars_or_error("Reading figures by group")
    rows = pl.read_parquet(path).filter(
        pl.col("attribute").is_in(PEOPLE), pl.col("figure") == "accuracy", pl.col("enough")
    )
    rows = rows.filter(pl.len().over("role", "attribute") > 1)
    return None if rows.is_empty() else rows  # one group says nothing of differences


def groups_part(rows: polars.DataFrame, exam: Exam) -> str:
    """Returns `groups_of_people` as the Markdown of a card, roles side by side."""
    roles = [role for role in tables.ROLES if role in exam.roles or role == UNSEEN]
    found = {(r["role"], r["attribute"], r["group"]): r for r in rows.iter_rows(named=True)}
    lines = []
    for attribute, group in sorted({key[1:] for key in found}, key=_order):
        cells = [attribute, plain(group)]
        for role in roles:
            row = found.get((role, attribute, group))
            if row is not None:
                bounds = None if row["low"] is None else (row["low"], row["high"])
                cells.append(f"{tables.percent(row['value'], bounds)} of {row['n']:,}")
            elif role in exam.roles:
                cells.append("too few")
            else:
                cells.append(tables.NOT_MEASURED)
        lines.append(cells)
    note = (
        "Accuracy of the groups that data sets state and that are large enough; mien itself "
        "predicts no such attribute. Classes are not equally frequent in all groups, so a gap may "
        "be one of classes."
    )
    heads = ["stated", "group", *roles]
    return f"### By group of people\n\n{note}\n\n{tables.markdown(heads, lines, left=2)}"


def measured(rows: polars.DataFrame | None) -> tuple[str, ...]:
    """Returns which of `PEOPLE` a table of groups holds."""
    held = set() if rows is None else set(rows["attribute"])
    return tuple(name for name in PEOPLE if name in held)


def of_same_weights(meta: Mapping[str, Any] | None, exam: Exam) -> bool:
    """Tells whether a stage, by its ``meta.json``, looked at the network that was examined."""
    return meta is None or meta.get("inputs", {}).get("weights", exam.weights) == exam.weights


def stress_line(folder: Path) -> str:
    """Returns what the three worst changes of pictures do, as a line of a list.

    Args:
        folder: the stage folder of `stress`.
    """
    pl = catalogue.polars_or_error("Reading figures of worse pictures")
    rows = pl.read_parquet(folder / _ERRORS).filter(pl.col("corruption") != ALL)
    clean = pl.read_parquet(folder / _STRESS).filter(pl.col("corruption") == CLEAN)
    unchanged = dict(clean.select("role", "accuracy").iter_rows())
    means = rows.group_by("corruption", maintain_order=True).agg(pl.col("accuracy").mean())
    worst = means.sort("accuracy", "corruption")["corruption"].to_list()[:_WORST]
    found = {(r["role"], r["corruption"]): r for r in rows.iter_rows(named=True)}
    measured_roles = set(rows["role"])
    parts = []
    for role in (name for name in tables.ROLES if name in measured_roles or name == UNSEEN):
        if role not in measured_roles:
            parts.append(tables.NOT_MEASURED)
            continue
        told = [
            f"{plain(name)} {tables.percent(row['accuracy'])}"
            for name in worst
            if (row := found.get((role, name))) is not None
        ]
        parts.append(f"{role} {', '.join(told)} (unchanged {tables.percent(unchanged[role])})")
    return (
        "- What hurts most, by the mean accuracy over the strengths of each change: "
        + "; ".join(parts)
        + "."
    )


def _order(key: tuple[str, str]) -> tuple[int, str]:
    return PEOPLE.index(key[0]), key[1]
