"""Rows of a catalogue that show the same picture: which stay, and where their labels differ.

A row's id is a hash of its content. Only rows whose id occurs more than once are held in memory, so
catalogues of many millions of rows pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from mien.core.catalogue import polars_or_error, schema
from mien.core.errors import DataError

if TYPE_CHECKING:
    import polars

CONFLICTS: Final = "conflicts.parquet"
CONFLICT_COLUMNS: Final = dict.fromkeys(
    "id dataset path label other_dataset other_path other_label outcome".split(), "String"
)
"""A row beside the first labelled one of the same content, where their labels differ. The outcome
is ``rejected`` (both), ``first_kept`` (a copy within one part) or ``kept`` (both)."""
Policy = Literal["reject", "keep", "error"]
_SAME: Final = ("id", "dataset", "split")
_REJECTED: Final = ("row", "path", "reason", "detail", "id", "dataset")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of rows with equal content.

    Attributes:
        rejected: the rows to drop: row, path, reason, detail, id, dataset.
        conflicts: a table of `CONFLICT_COLUMNS`.
    """

    rejected: polars.DataFrame
    conflicts: polars.DataFrame


def judge(rows: polars.LazyFrame, policy: Policy) -> Verdict:
    """Compares the rows that have the same content.

    Of several rows in one data set and part the first stays, the others are rejected as
    ``exact_duplicate``. Copies in different parts or data sets stay, since they tell of leaks; but
    where data sets give one picture different classes, the policy decides.

    Args:
        rows: a catalogue with its row numbers in the column ``row``.
        policy: ``reject`` drops every labelled row of such a picture as ``conflicting_labels``;
            ``keep`` and ``error`` drop none.
    """
    pl = polars_or_error("Comparing contents")
    found = _shared(rows)
    first = found.with_columns(
        first=pl.struct(_SAME).is_first_distinct(),
        other_path=pl.col("path").first().over(_SAME),
        other_label=pl.col("label").first().over(_SAME),
    )
    copies = first.filter(~pl.col("first"))
    kept = first.filter("first").select(found.columns)
    torn = _torn(kept) if policy == "reject" else kept.clear().with_columns(detail=pl.lit(""))
    inside = copies.with_columns(other_dataset="dataset", outcome=pl.lit("first_kept"))
    conflicts = pl.concat([_differing(inside), _differing(_beside_first(kept, torn))])
    return Verdict(pl.concat([_as_copies(copies), _as_torn(torn)]).sort("row"), conflicts)


def check_agreement(conflicts: polars.DataFrame) -> None:
    """Checks that no two data sets give one picture different classes.

    Args:
        conflicts: a table of `CONFLICT_COLUMNS`.

    Raises:
        DataError: they do; the message names the first such picture.
    """
    pl = polars_or_error()
    across = conflicts.filter(pl.col("dataset") != pl.col("other_dataset"))
    if len(across):
        one = across.row(0, named=True)
        raise DataError(
            f"Data sets give {across['id'].n_unique():,} pictures different classes, such as "
            f"{one['dataset']}/{one['path']} ({one['label']}) and "
            f"{one['other_dataset']}/{one['other_path']} ({one['other_label']}). Leave one of the "
            'data sets out, or set conflicts = "reject" or "keep".'
        )


def _shared(rows: polars.LazyFrame) -> polars.DataFrame:
    """Returns the rows whose id occurs more than once, in order."""
    pl = polars_or_error()
    keys = rows.select("row", key=pl.col("id").hash()).collect()
    shared = keys.filter(pl.col("key").is_duplicated()).select("row")
    found = rows.select("row", *_SAME, "path", "label").join(shared.lazy(), on="row", how="semi")
    table = found.collect().filter(pl.col("id").is_duplicated())  # two ids may share a hash
    return table.sort("row")


def _torn(kept: polars.DataFrame) -> polars.DataFrame:
    """Returns the rows of pictures to which data sets give different classes, and who says what."""
    pl = polars_or_error()
    labelled = kept.filter(pl.col("label").is_not_null())
    says = labelled.group_by("id").agg(
        pl.col("label").n_unique().alias("labels"),
        pl.col("dataset").n_unique().alias("datasets"),
        pl.format("{}: {} ({})", "dataset", "label", "path").sort().str.join(", ").alias("detail"),
    )
    torn = says.filter((pl.col("labels") > 1) & (pl.col("datasets") > 1))
    return labelled.join(torn.select("id", "detail"), on="id", maintain_order="left")


def _beside_first(kept: polars.DataFrame, torn: polars.DataFrame) -> polars.DataFrame:
    pl = polars_or_error()
    labelled = kept.filter(pl.col("label").is_not_null())
    first = labelled.unique("id", keep="first", maintain_order=True).select(
        "id", other_dataset="dataset", other_path="path", other_label="label"
    )
    outcome = pl.when(pl.col("id").is_in(torn["id"].unique().implode())).then(pl.lit("rejected"))
    pairs = labelled.join(first, on="id", maintain_order="left")
    return pairs.with_columns(outcome=outcome.otherwise(pl.lit("kept")))


def _differing(pairs: polars.DataFrame) -> polars.DataFrame:
    """Returns the pairs of which both have labels, and different ones."""
    pl = polars_or_error()
    return pairs.filter(pl.col("label") != pl.col("other_label")).select(
        pl.col(name).cast(kind) for name, kind in schema(CONFLICT_COLUMNS).items()
    )


def _as_copies(copies: polars.DataFrame) -> polars.DataFrame:
    pl = polars_or_error()
    differs = pl.when(~pl.col("label").eq_missing(pl.col("other_label"))).then(
        pl.format(
            ", but the labels differ: {} here, {} there",
            pl.col("label").fill_null("none"),
            pl.col("other_label").fill_null("none"),
        )
    )
    detail = pl.format("the same content as {}", "other_path") + differs.otherwise(pl.lit(""))
    return copies.with_columns(reason=pl.lit("exact_duplicate"), detail=detail).select(_REJECTED)


def _as_torn(torn: polars.DataFrame) -> polars.DataFrame:
    pl = polars_or_error()
    return torn.with_columns(
        reason=pl.lit("conflicting_labels"),
        detail=pl.format("one picture, several labels: {}", "detail"),
    ).select(_REJECTED)
