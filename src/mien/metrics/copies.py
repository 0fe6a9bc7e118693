"""Pictures that occur more than once in a catalogue: which, where, and how many cross its parts.

Copies are counted by picture and face: the faces of one file are no copies of each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mien.core import catalogue
from mien.core.catalogue import KEY
from mien.core.likeness import PAIR_COLUMNS, Pairs
from mien.core.types import Floats

if TYPE_CHECKING:
    import polars

ACROSS_COLUMNS: Final = {
    "part": "String",
    "pictures": "UInt32",
    "other_part": "String",
    "exact": "UInt32",
    "near": "UInt32",
    "either": "UInt32",
}
"""A table of who has copies where: of the ``pictures`` of a part, how many have an ``exact`` copy
in the other part, how many a ``near`` one that is not exact, and how many one of the two."""
_DROPPED: Final = "exact_duplicate"


def placed(
    rows: polars.DataFrame,
    looks: polars.DataFrame,
    roles: polars.DataFrame | None = None,
    rejected: polars.DataFrame | None = None,
) -> polars.DataFrame:
    """Returns rows with what finding copies needs.

    Args:
        rows: (n,) rows of a catalogue: `KEY`, ``split``, ``face_box``, and others that are kept.
        looks: (n,) what was seen of them, `mien.core.looks.LOOK_COLUMNS`.
        roles: `KEY` and ``role`` of rows; where given, roles take the place of ``split``.
        rejected: what `merge` left out, which counts along where it was a copy.

    Returns:
        The rows, numbered in ``row``, with

        - ``part``: data set and split or role, such as ``ferplus/train``;
        - ``side``: rows of two sides must not share a picture; null where there is no such rule;
        - ``copy``: the first row with the same pixels and face box; null where nothing is seen;
        - ``digest``: of the pixels;
        - ``pictures``: how many the row stands for, with the copies that `merge` left out.
    """
    pl = catalogue.polars_or_error("Finding copies")
    table = rows.with_row_index("row").with_columns(looks.select("fault", "digest"))
    if roles is None:
        table = table.with_columns(side="split", role="split")
    else:
        sides = {"train": "training", "landmarks": "training", "dev": "choices"}
        sides |= {"test": "scoring", "unseen": "scoring"}
        known = roles.select(*KEY, "role")
        table = table.join(known, on=list(KEY), how="left", maintain_order="left")
        side = pl.col("role").replace_strict(sides, default=None, return_dtype=pl.String)
        table = table.with_columns(side=side)
    part = pl.format("{}/{}", "dataset", "role")
    box = pl.col("face_box").arr.to_list().cast(pl.List(pl.String)).list.join(" ").fill_null("")
    first = pl.col("row").first().over(pl.concat_str("digest", box, separator=" "))
    return table.with_columns(
        part=pl.when(pl.col("role").is_null()).then("dataset").otherwise(part),
        copy=pl.when(pl.col("fault").is_null()).then(first),
        pictures=_pictures(table, rejected),
    ).drop("role", "fault")


def _pictures(table: polars.DataFrame, rejected: polars.DataFrame | None) -> polars.Series:
    """Returns how many pictures each row stands for."""
    pl = catalogue.polars_or_error()
    if rejected is None:
        one: polars.Series = pl.repeat(1, len(table), dtype=pl.UInt32, eager=True)
        return one
    left_out = rejected.filter(pl.col("reason") == _DROPPED).with_row_index("copy")
    kept = table.select("row", "id", "dataset", first="path")
    likely = left_out.join(kept, on=["id", "dataset"])
    # One content may stand in several parts of a data set; the detail then names the right one.
    named = pl.col("detail").str.contains(pl.col("first"), literal=True)
    fit = likely.with_columns(fit=pl.when(named).then(pl.col("first").str.len_chars()).otherwise(0))
    chosen = fit.sort("copy", -pl.col("fit").cast(pl.Int64), "row").unique("copy", keep="first")
    counts = chosen.group_by("row").agg(more=pl.len())
    found = table.select("row").join(counts, on="row", how="left", maintain_order="left")
    return (found["more"].fill_null(0) + 1).cast(pl.UInt32)


def pairs(table: polars.DataFrame, near: Pairs, cosines: Floats) -> polars.DataFrame:
    """Returns the pairs of rows that show the same or nearly the same picture.

    What is identical is not paired everyone with everyone: each row is paired with the first of its
    kind, and the first of a part with the first of each other part.

    Args:
        table: as `placed` returns it.
        near: (m, 2) numbers of rows, each the first of its kind.
        cosines: (m,) how alike they are.

    Returns:
        The pairs, `PAIR_COLUMNS`, in the order of their rows.
    """
    pl = catalogue.polars_or_error("Finding copies")
    seen = table.filter(pl.col("copy").is_not_null())
    firsts = seen.group_by("copy", "part", maintain_order=True).agg(pl.col("row").first())
    firsts = firsts.select("copy", "row")
    star = seen.filter(pl.col("row") != pl.col("copy")).select(row="copy", other="row")
    between = firsts.join(firsts.rename({"row": "other"}), on="copy").select("row", "other")
    between = between.filter(pl.col("row") < pl.col("other"))
    exact = pl.concat([star, between]).unique().with_columns(
        cosine=pl.lit(1.0, pl.Float32), exact=pl.lit(True)
    )  # fmt: skip
    alike = _frame(near).with_columns(cosine=pl.Series(cosines, dtype=pl.Float32))
    alike = alike.join(firsts, left_on="a", right_on="copy").join(
        firsts.rename({"row": "other"}), left_on="b", right_on="copy"
    )
    alike = alike.select(
        row=pl.min_horizontal("row", "other"),
        other=pl.max_horizontal("row", "other"),
        cosine="cosine",
        exact=pl.lit(False),
    )
    found = pl.concat([exact, alike]).sort("row", "other")
    one, other = table[found["row"]], table[found["other"]]
    both = found.with_columns(
        *(one[name] for name in KEY),
        *(other[name].alias(f"other_{name}") for name in KEY),
        across_sources=one["dataset"] != other["dataset"],
        across_splits=(one["side"] != other["side"]).fill_null(False),
    )
    named: polars.DataFrame = both.filter(~_one_file()).select(list(PAIR_COLUMNS))
    return named


def ends(table: polars.DataFrame, found: polars.DataFrame) -> polars.DataFrame:
    """Returns the numbers of the rows of each pair, ``row`` and ``other``.

    Args:
        table: as `placed` returns it.
        found: pairs, `PAIR_COLUMNS`.
    """
    one = found.join(table.select("row", *KEY), on=list(KEY), maintain_order="left")
    names = [f"other_{name}" for name in KEY]
    other = table.select(*_other(), other="row")
    both = one.join(other, on=names, maintain_order="left")
    return both.select("row", "other")


def across(table: polars.DataFrame, near: Pairs) -> polars.DataFrame:
    """Returns how many pictures of each part have a copy in each part (`ACROSS_COLUMNS`).

    A picture that has both exact and near copies there counts in both columns. Parts without copies
    of each other are left out.

    Args:
        table: as `placed` returns it.
        near: (m, 2) numbers of rows, each the first of its kind.
    """
    pl = catalogue.polars_or_error("Counting copies")
    held = table.drop_nulls("copy").group_by("copy", "part").agg(n=pl.col("pictures").sum())
    there = held.select("copy", other_part="part")
    same = held.join(there, on="copy")
    same = same.filter((pl.col("part") != pl.col("other_part")) | (pl.col("n") > 1))
    links = _frame(near)
    links = pl.concat([links, links.select(a="b", b="a")])
    links = links.join(table.select("row", *KEY), left_on="a", right_on="row")
    links = links.join(table.select("row", *_other()), left_on="b", right_on="row")
    links = links.filter(~_one_file()).select(copy="a", b="b")
    close = links.join(held, on="copy").join(there, left_on="b", right_on="copy")
    close = close.select(same.columns).unique()
    kinds = {"exact": same, "near": close, "either": pl.concat([same, close]).unique()}
    keys = ["part", "other_part"]
    counted = kinds["either"].group_by(keys).agg(either=pl.col("n").sum())
    for name in ("exact", "near"):
        sums = kinds[name].group_by(keys).agg(pl.col("n").sum().alias(name))
        counted = counted.join(sums, on=keys, how="left")
    sizes = table.group_by("part").agg(pl.col("pictures").sum())
    found = counted.join(sizes, on="part").sort(keys)
    whole: polars.DataFrame = found.with_columns(pl.col("exact", "near").fill_null(0)).select(
        pl.col(name).cast(kind) for name, kind in catalogue.schema(ACROSS_COLUMNS).items()
    )
    return whole


def _frame(near: Pairs) -> polars.DataFrame:
    pl = catalogue.polars_or_error()
    table = pl.DataFrame({"a": near[:, 0], "b": near[:, 1]})
    return table.cast(pl.UInt32)  # type: ignore[no-any-return]  # Polars is a late import


def _other() -> list[polars.Expr]:
    pl = catalogue.polars_or_error()
    return [pl.col(name).alias(f"other_{name}") for name in KEY]


def _one_file() -> polars.Expr:
    """Tells whether both sides are faces of one file."""
    pl = catalogue.polars_or_error()
    same = (pl.col(name) == pl.col(f"other_{name}") for name in ("dataset", "path"))
    return pl.all_horizontal(*same)  # type: ignore[no-any-return]  # Polars is a late import
