"""How a model holds under controlled changes of its pictures, alone and beside a reference model.

The corruption error is that of Hendrycks and Dietterich (2019), "Benchmarking neural network
robustness to common corruptions and perturbations": the sum of a model's errors over the strengths
of a change, over the sum of the reference's; the relative one looks at what each error is above
that of the unchanged pictures. Their means over the changes are mCE and relative mCE. Below 1 is
better than the reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from mien.core.catalogue import KEY, polars_or_error, schema
from mien.core.scores import UNSEEN
from mien.metrics.bootstrap import bootstrap
from mien.metrics.classification import Reals, balanced_accuracy, coded, ratio
from mien.metrics.summary import How
from mien.metrics.tables import NOT_MEASURED, markdown, percent

if TYPE_CHECKING:
    import polars

CLEAN: Final = "none"
"""The name of no change at all, strength 0."""
ALL: Final = "all"
"""The name of all changes together, in the table of errors."""
COLUMNS: Final = {
    **dict.fromkeys(("role", "corruption", "family"), "String"),
    "strength": "Int32",
    "n": "UInt32",
    **dict.fromkeys(
        ("accuracy", "balanced_accuracy", "confidence", "abstained", "detected", "low", "high"),
        "Float64",
    ),
}
"""The columns of the table of `corruption_table`."""
ERROR_COLUMNS: Final = {
    **dict.fromkeys(("role", "corruption", "family"), "String"),
    **dict.fromkeys(("accuracy", "low", "high", "error", "ce", "relative_ce"), "Float64"),
}
"""The columns of the table of `corruption_errors`."""
_HOW: Final = How()
_CELL: Final = ("role", "corruption", "strength")


def corruption_table(
    predictions: polars.DataFrame, families: Mapping[str, str], how: How = _HOW
) -> polars.DataFrame:
    """Returns the figures of each change and strength, by role.

    Args:
        predictions: a row a face, change and strength: `KEY`, ``role``, ``corruption``,
            ``strength``, ``label``, ``answer`` and ``confidence`` (null where no face was found),
            ``abstained`` and ``cluster``.
        families: the family of each change.
        how: how the intervals are made.

    Returns:
        ``role``, ``corruption``, ``family``, ``strength``, ``n``, ``accuracy`` and
        ``balanced_accuracy`` (a face that was not found is a wrong answer), ``confidence`` (the
        mean over found faces), ``abstained`` (the share without an answer that the model stands
        behind), ``detected`` (the share of found faces), and ``low`` and ``high``, the 95 %
        interval of the accuracy.
    """
    pl = polars_or_error("Figures by corruption")
    rows = []
    for (role, name, strength), some in predictions.group_by(_CELL, maintain_order=True):
        low, high = _interval(some, how)
        row = {"role": role, "corruption": name, "family": families.get(name, CLEAN)}
        row |= {"strength": strength, "n": len(some), "accuracy": _accuracy(some)}
        row |= {"balanced_accuracy": _balanced(some), "confidence": some["confidence"].mean()}
        row |= {"abstained": some["abstained"].mean()}
        row |= {"detected": some["answer"].is_not_null().mean(), "low": low, "high": high}
        rows.append(row)
    return pl.DataFrame(rows, schema(COLUMNS))  # type: ignore[no-any-return]  # Polars is a late import


def corruption_errors(
    predictions: polars.DataFrame,
    table: polars.DataFrame,
    reference: polars.DataFrame | None = None,
    how: How = _HOW,
) -> polars.DataFrame:
    """Returns the mean accuracy of each change and of all, and the errors beside a reference.

    Args:
        predictions: as for `corruption_table`.
        table: what that returned for them.
        reference: the table of another model on the same faces.
        how: how the intervals are made: of clusters, and each face counts once, since its changes
            are not independent of each other.

    Returns:
        ``role``, ``corruption`` (`ALL` first), ``family``, ``accuracy`` (the mean over strengths)
        with ``low`` and ``high``; and ``error`` (the same for 1 - accuracy), ``ce`` and
        ``relative_ce``, None without a reference or where it makes no error to compare with. The
        row `ALL` holds the means over the changes: mCE and relative mCE.
    """
    pl = polars_or_error("Corruption errors")
    rows = []
    changed = predictions.filter(pl.col("corruption") != CLEAN)
    for (role,), mine in changed.group_by("role", maintain_order=True):
        own = []
        for (name, family), some in table.filter(
            (pl.col("role") == role) & (pl.col("corruption") != CLEAN)
        ).group_by("corruption", "family", maintain_order=True):
            low, high = _interval(mine.filter(pl.col("corruption") == name), how)
            error = 1 - float(some["accuracy"].to_numpy().mean())
            row = {"role": role, "corruption": name, "family": family, "accuracy": 1 - error}
            row |= {"low": low, "high": high, "error": error}
            own.append(row | _beside(table, reference, role, name))
        low, high = _interval(mine, how)
        means = {key: _mean([row[key] for row in own]) for key in _MEANS}
        rows += [{**own[0], "corruption": ALL, "family": ALL, "low": low, "high": high} | means]
        rows += own
    return pl.DataFrame(rows, schema(ERROR_COLUMNS))  # type: ignore[no-any-return]


def corruption_page(
    table: polars.DataFrame, errors: polars.DataFrame, title: str, reference: str = ""
) -> str:
    """Returns a Markdown page: changes and strengths down, roles across.

    Args:
        table: as `corruption_table` returns it.
        errors: as `corruption_errors` returns it.
        title: the page's heading.
        reference: the name of the reference model, where there is one.
    """
    measured = tuple(dict.fromkeys(table["role"]))
    roles = (*measured, *(() if UNSEEN in measured else (UNSEEN,)))
    beside = f" CE and relative CE: beside {reference}, below 1 is better." if reference else ""
    notes = (
        "Strength 1 is mild, 5 strong; `mien stress --list` says what each means. In brackets: "
        "95 % intervals from bootstrap resamples of people (of groups of pictures where people "
        "are not known). A face that was not found is a wrong answer. Confidence is the mean over "
        "found faces; answered is the share of faces whose answer the model stands behind. Warps "
        "are drawings, not real turns of a head." + beside
    )
    parts = [
        f"# {title}",
        headline(table, errors),
        notes,
        "## Each change, the mean over its strengths",
        _errors_table(errors, roles),
        "## Each strength",
        _strengths_table(table, roles),
    ]
    return "\n\n".join(parts) + "\n"


def headline(table: polars.DataFrame, errors: polars.DataFrame) -> str:
    """Returns one line: each role's accuracy without a change and under all; unseen always."""
    pl = polars_or_error()
    clean = table.filter(pl.col("corruption") == CLEAN)
    parts = []
    for row in errors.filter(pl.col("corruption") == ALL).iter_rows(named=True):
        role = row["role"]
        plain = clean.row(by_predicate=pl.col("role") == role, named=True)
        words = f"accuracy {_cell(plain)} unchanged, {_cell(row)} changed"
        if row["ce"] is not None:
            words += f", mCE {row['ce']:.3f}"
        if row["relative_ce"] is not None:
            words += f", relative mCE {row['relative_ce']:.3f}"
        parts.append(f"{role} (n = {plain['n']:,}): {words}")
    if UNSEEN not in set(errors["role"]):
        parts.append(NOT_MEASURED)
    return " | ".join(parts)


_MEANS: Final = ("accuracy", "error", "ce", "relative_ce")


def _errors_table(errors: polars.DataFrame, roles: tuple[str, ...]) -> str:
    found = {(r["role"], r["corruption"]): r for r in errors.iter_rows(named=True)}
    families = dict(errors.select("corruption", "family").unique(maintain_order=True).iter_rows())
    rows = []
    for name, family in families.items():
        cells = []
        for role in roles:
            row = found.get((role, name))
            text = NOT_MEASURED if row is None else _cell(row)
            for key, word in (("ce", "CE"), ("relative_ce", "relative CE")):
                if row is not None and row[key] is not None:
                    text += f", {word} {row[key]:.3f}"
            cells.append(text)
        rows.append([name, family, *cells])
    return markdown(["corruption", "family", *(f"{r} accuracy" for r in roles)], rows, left=2)


def _strengths_table(table: polars.DataFrame, roles: tuple[str, ...]) -> str:
    found = {tuple(r[k] for k in _CELL): r for r in table.iter_rows(named=True)}
    rows = []
    for name, strength in table.select(_CELL[1:]).unique(maintain_order=True).iter_rows():
        cells = []
        for role in roles:
            row = found.get((role, name, strength))
            if row is None:
                cells.append(NOT_MEASURED)
                continue
            text = f"{_cell(row)}, balanced {percent(row['balanced_accuracy'])}"
            text += f", confidence {percent(row['confidence'])}"
            text += f", answered {percent(1 - row['abstained'])}"
            cells.append(text + f", face found {percent(row['detected'])}")
        rows.append([name, str(strength), *cells])
    return markdown(["corruption", "strength", *(f"{r} accuracy" for r in roles)], rows, left=2)


def _cell(row: dict[str, float | None]) -> str:
    low, high = row["low"], row["high"]
    return percent(row["accuracy"], None if low is None or high is None else (low, high))


def _beside(
    table: polars.DataFrame, reference: polars.DataFrame | None, role: str, name: str
) -> dict[str, float | None]:
    """Returns ``ce`` and ``relative_ce`` of one change; None where they have no meaning."""
    if reference is None:
        return {"ce": None, "relative_ce": None}
    (mine, plain), (other, base) = (_errors(t, role, name) for t in (table, reference))
    return {
        "ce": _quotient(mine.sum(), other.sum()),
        "relative_ce": _quotient((mine - plain).sum(), (other - base).sum()),
    }


def _errors(table: polars.DataFrame, role: str, name: str) -> tuple[Reals, float]:
    """Returns the errors of a change by strength, and that of the unchanged pictures."""
    pl = polars_or_error()
    own = table.filter(pl.col("role") == role)
    some = own.filter(pl.col("corruption") == name).sort("strength")
    plain = own.filter(pl.col("corruption") == CLEAN)["accuracy"]
    return 1 - some["accuracy"].to_numpy(), 1 - float(plain[0]) if len(plain) else float("nan")


def _quotient(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 and np.isfinite(part) else None


def _mean(values: list[float | None]) -> float | None:
    """Returns the mean; None where one is missing, since the mean of the rest is another figure."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def _accuracy(some: polars.DataFrame) -> float:
    return float((some["answer"] == some["label"]).fill_null(value=False).mean())  # type: ignore[arg-type]  # no row is null


def _balanced(some: polars.DataFrame) -> float:
    return balanced_accuracy(coded(some["label"]), coded(some["answer"]))


def _interval(some: polars.DataFrame, how: How) -> tuple[float | None, float | None]:
    """Returns the 95 % interval of the accuracy; every face is one row, with all its changes."""
    pl = polars_or_error()
    if not how.resamples:
        return None, None
    right = (pl.col("answer") == pl.col("label")).fill_null(value=False)
    faces = some.group_by(*KEY, maintain_order=True).agg(
        pl.col("cluster").first(), right=right.sum(), all=pl.len()
    )
    rows = faces.select("right", "all").to_numpy().astype(np.float64)

    def statistic(sums: Reals) -> Reals:
        return ratio(sums[:, :1], sums[:, 1:])

    low, high = bootstrap(
        rows, faces["cluster"].to_list(), statistic, resamples=how.resamples, seed=how.seed
    )
    return (None, None) if np.isnan(low[0]) else (float(low[0]), float(high[0]))
