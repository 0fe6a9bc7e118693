"""What an audit finds in a catalogue, as one table: a row a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mien.core import catalogue
from mien.core.catalogue import KEY
from mien.core.labels import CLASSES
from mien.core.types import Floats

if TYPE_CHECKING:
    import polars

FINDINGS: Final = "findings.parquet"
KINDS: Final = {
    "exact_duplicate": "the same pixels twice",
    "near_duplicate": "nearly the same picture twice",
    "label_conflict": "one picture, two labels",
    "suspect_label": "labels that are probably wrong",
    "constant": "nothing to see",
    "tiny": "very small",
    "dark": "very dark",
    "bright": "very bright",
    "unreadable": "cannot be read",
    "imbalance": "rare classes",
}
"""The kinds of findings, in the order in which they are shown."""
FINDING_COLUMNS: Final = {
    "kind": "String",
    **dict.fromkeys(KEY, "String"),
    **dict.fromkeys((f"other_{name}" for name in KEY), "String"),
    "value": "Float64",
    "detail": "String",
}
"""The columns of the table. What ``value`` is depends on the kind: the cosine of a pair; the
shorter side in pixels of what is tiny; the mean grey level of what is constant, dark or bright;
how probable a suspect label is in the eyes of a network; how many times rarer than the most
frequent a class is."""


ORDERS: Final = {
    "exact_duplicate": "those across parts and data sets first",
    "near_duplicate": "those across parts and data sets first, then the least alike",
    "label_conflict": "the most alike first",
    "suspect_label": "the least probable label first",
}
"""In what order `top` takes what a person has to judge."""


def duplicates(pairs: polars.DataFrame) -> polars.DataFrame:
    """Returns a finding for each pair of `likeness.PAIR_COLUMNS`."""
    pl = catalogue.polars_or_error("Listing findings")
    where = pl.concat_str(
        pl.when("across_splits").then(pl.lit("across parts")),
        pl.when("across_sources").then(pl.lit("across data sets")),
        separator=", ",
        ignore_nulls=True,
    )
    return _shaped(
        pairs.with_columns(
            kind=pl.when("exact")
            .then(pl.lit("exact_duplicate"))
            .otherwise(pl.lit("near_duplicate")),
            value="cosine",
            detail=where,
        )
    )


def conflicts(
    table: polars.DataFrame, pairs: polars.DataFrame, ends: polars.DataFrame
) -> polars.DataFrame:
    """Returns a finding for each picture that has another label than one like it.

    Of identical pictures each is compared with the first that has a label; near ones are compared
    pair by pair. Two faces of one picture may well differ.

    Args:
        table: as `copies.placed` returns it, with ``label``.
        pairs: the pairs.
        ends: ``row`` and ``other`` of each pair.
    """
    pl = catalogue.polars_or_error("Listing findings")
    labelled = table.drop_nulls(["copy", "label"])
    firsts = labelled.group_by("copy").agg(row=pl.col("row").min())
    same = labelled.select("copy", other="row").join(firsts, on="copy")
    same = same.select("row", "other", cosine=pl.lit(1.0), exact=pl.lit(True))
    near = pl.concat([ends, pairs.select("cosine", "exact")], how="horizontal")
    near = near.filter(~pl.col("exact")).with_columns(pl.col("cosine").cast(pl.Float64))
    both = pl.concat([same, near.select(same.columns)]).sort("row", "other")
    one, other = table[both["row"]], table[both["other"]]
    found = both.with_columns(
        *(one[name] for name in KEY),
        *(other[name].alias(f"other_{name}") for name in KEY),
        kind=pl.lit("label_conflict"),
        value="cosine",
        detail=pl.format("{} and {}", one["label"], other["label"]),
        differs=(one["label"] != other["label"]).fill_null(False),
        one_picture=one["digest"] == other["digest"],
    )
    faces = pl.col("one_picture") & ~pl.col("exact")
    return _shaped(found.filter(pl.col("differs") & ~faces))


def faults(
    table: polars.DataFrame, looks: polars.DataFrame, tiny: int, dark: float, bright: float
) -> polars.DataFrame:
    """Returns a finding for each picture that shows nothing, little, or cannot be read.

    Args:
        table: (n,) rows with `KEY` and ``face_box``.
        looks: (n,) what was seen of them.
        tiny: pixels; a picture or a stated face with a shorter side below this is tiny.
        dark: a mean grey level below this is dark; of a constant picture only that is said.
        bright: a mean grey level above this is bright.
    """
    pl = catalogue.polars_or_error("Listing findings")
    box = pl.col("face_box").arr
    face = pl.min_horizontal(box.get(2) - box.get(0), box.get(3) - box.get(1))
    seen = looks.with_columns(table["face_box"]).with_columns(
        side=pl.min_horizontal("width", "height", face).cast(pl.Float64),
        level=pl.col("mean").cast(pl.Float64),
    )
    size = pl.format("{} x {} pixels", "width", "height") + pl.when(
        face < pl.min_horizontal("width", "height")
    ).then(pl.format(", the face {}", face.round(0).cast(pl.Int32))).otherwise(pl.lit(""))
    level = pl.format("mean grey level {} of 255", pl.col("level").round(1))
    lit = pl.col("fault").is_null()
    kinds = {
        "constant": (pl.col("fault") == "constant", "level", level),
        "tiny": (pl.col("side") < tiny, "side", size),
        "dark": (lit & (pl.col("mean") < dark), "level", level),
        "bright": (lit & (pl.col("mean") > bright), "level", level),
        "unreadable": (pl.col("fault") == "unreadable", pl.lit(None), pl.col("detail")),
    }
    return pl.concat(  # type: ignore[no-any-return]  # Polars is a late import
        [
            _shaped(seen.filter(chosen).with_columns(kind=pl.lit(kind), value=value, detail=detail))
            for kind, (chosen, value, detail) in kinds.items()
        ]
    )


def imbalance(table: polars.DataFrame, ratio: float) -> polars.DataFrame:
    """Returns a finding for each class that is much rarer than the most frequent one.

    Args:
        table: rows with ``dataset`` and ``label``; the seven classes count.
        ratio: how many times rarer is too rare; a class without a picture has no value.

    Returns:
        Findings without a picture; those of the whole catalogue have no data set either.
    """
    pl = catalogue.polars_or_error("Listing findings")
    tally = table.filter(pl.col("label").is_in(CLASSES)).group_by("dataset", "label").len("n")
    rows = []
    for dataset in (None, *sorted(tally["dataset"].unique())):
        part = tally if dataset is None else tally.filter(pl.col("dataset") == dataset)
        counts = dict.fromkeys(CLASSES, 0) | dict(
            part.group_by("label").agg(pl.col("n").sum()).rows()
        )
        most = max(counts, key=lambda name: counts[name])
        total = sum(counts.values())
        for name, n in counts.items():
            if counts[most] > ratio * n:
                told = f"{name}: {n:,} of {total:,} pictures; {most} has {counts[most]:,}"
                rows.append(("imbalance", dataset, counts[most] / n if n else None, told))
    names = {"kind": pl.String, "dataset": pl.String, "value": pl.Float64, "detail": pl.String}
    return _shaped(pl.DataFrame(rows, schema=names, orient="row"))


def suspects(
    faces: polars.DataFrame, order: list[int], quality: Floats, seen: Floats
) -> polars.DataFrame:
    """Returns a finding for each face whose label is probably wrong.

    Args:
        faces: (n,) rows with `KEY` and ``label``.
        order: which of them, the worst first.
        quality: (n,) how probable each label is, 0 to 1.
        seen: (n, 7) what networks that never saw the faces say.
    """
    pl = catalogue.polars_or_error("Listing findings")
    told = [
        f"given {faces['label'][i]}, the network sees {CLASSES[seen[i].argmax()]} "
        f"({seen[i].max():.2f})"
        for i in order
    ]
    return _shaped(
        faces[order].with_columns(
            kind=pl.lit("suspect_label"),
            value=pl.Series(quality[order], dtype=pl.Float64),
            detail=pl.Series(told, dtype=pl.String),
        )
    )


def top(found: polars.DataFrame, kind: str, n: int) -> polars.DataFrame:
    """Returns the findings of a kind that a person should see first, n at the most.

    Copies across parts come before those across data sets; near ones then from the least alike,
    whatever has a value else from its worst.
    """
    pl = catalogue.polars_or_error("Listing findings")
    table = found.filter(pl.col("kind") == kind)
    if kind in ("exact_duplicate", "near_duplicate"):
        parts = pl.col("detail").str.contains("parts")
        sources = pl.col("detail").str.contains("data sets")
        return table.sort(
            parts, sources, -pl.col("value"), descending=True, maintain_order=True
        ).head(n)
    worst_high = kind in ("label_conflict", "bright", "imbalance")
    return table.sort("value", descending=worst_high, nulls_last=False, maintain_order=True).head(n)


def _shaped(table: polars.DataFrame) -> polars.DataFrame:
    """Returns the columns of a table of findings; those that are missing are null."""
    pl = catalogue.polars_or_error()
    kinds = catalogue.schema(FINDING_COLUMNS)
    return table.select(
        (pl.col(name) if name in table.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in kinds.items()
    )
