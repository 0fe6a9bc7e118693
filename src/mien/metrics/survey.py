"""Where faces are found and where a model answers, by anything that is known of the pictures.

Nothing here needs labels, and nothing here is an accuracy.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mien.core.catalogue import polars_or_error
from mien.core.labels import CLASSES, titled
from mien.core.spec import ModelSpec
from mien.metrics.conditions import BANDS, band_name
from mien.metrics.detection import rates
from mien.metrics.tables import markdown, percent

if TYPE_CHECKING:
    import polars

REASONS: Final = ("extreme_pose", "low_quality", "low_confidence")
"""Why a model abstains from a face that was found."""
SHOWN_BANDS: Final[dict[str, tuple[float, ...]]] = {
    "yaw": (0, 15, 30, 45, 60, 75, 90),  # finer than in an exam: profiles are what is asked about
    **{name: BANDS[name] for name in ("pitch", "size", "exposure", "contrast", "occlusion")},
}
"""The borders of the bands; the highest belongs to its band."""


def by_group(rows: polars.DataFrame, by: str) -> list[dict[str, Any]]:
    """Returns what became of the pictures of each group.

    Args:
        rows: as `roles.answers` returns them, with the column ``by``; pictures without a group are
            left out.
        by: the column that names the group.

    Returns:
        For each group, by name: what `rates` returns (``kept`` faces of ``input`` pictures, with
        an interval), ``answered`` (faces the model stands behind), one number for each of
        `REASONS`, and one for each class among the answers.
    """
    pl = polars_or_error()
    seen = rows.with_columns(kept=pl.col("missed").is_null())
    stands = pl.col("kept") & pl.col("abstained").is_null()
    counted = {
        "answered": stands.sum(),
        **{why: (pl.col("abstained") == why).sum() for why in REASONS},
        **{name: (stands & (pl.col("answer") == name)).sum() for name in CLASSES},
    }
    more = {r[by]: r for r in seen.group_by(by).agg(**counted).iter_rows(named=True)}
    return [{**row, **more[row[by]]} for row in rates(seen, by)]


def by_band(rows: polars.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Returns how often the model answers in each band of pose and light, among faces found.

    Args:
        rows: as `roles.answers` returns them.

    Returns:
        For each of `SHOWN_BANDS` the bands that hold a face: ``band``, ``faces``, ``answered``.
    """
    pl = polars_or_error()
    found = rows.filter(pl.col("missed").is_null())
    tables: dict[str, list[dict[str, Any]]] = {}
    for name, edges in SHOWN_BANDS.items():
        value = pl.col(name).abs()
        tables[name] = []
        for low, high in itertools.pairwise(edges):
            inside = (value >= low) & ((value <= high) if high == edges[-1] else (value < high))
            some = found.filter(inside)
            if len(some):
                answered = some["abstained"].null_count()
                row = {"band": band_name(low, high), "faces": len(some), "answered": answered}
                tables[name].append(row)
    return tables


def survey_page(
    spec: ModelSpec, rows: polars.DataFrame, groups: Sequence[str], note: str = ""
) -> str:
    """Returns a survey as Markdown: all pictures, each group, the bands of pose and light.

    Args:
        spec: the model's description.
        rows: as `roles.answers` returns them.
        groups: the columns to go by.
        note: what the reader should know first.
    """
    pl = polars_or_error()
    whole = by_group(rows.with_columns(all=pl.lit("all pictures")), "all")
    lost = rows["missed"].drop_nulls().value_counts().sort("count", descending=True)
    words = ", ".join(f"{n:,} {why.replace('_', ' ')}" for why, n in lost.iter_rows())
    parts = [
        f"# What {spec.name} says of {len(rows):,} pictures",
        "No labels were used: these are rates of finding and answering, not of being right.",
        *([note] if note else []),
        _groups_table(whole, "all", ""),
        *([f"Without a face: {words}."] if words else []),
    ]
    for name in groups:
        parts += [f"## By {name}", _groups_table(by_group(rows, name), name, name)]
    for name, bands in by_band(rows).items():
        cells = [
            [row["band"], f"{row['faces']:,}", percent(row["answered"] / row["faces"])]
            for row in bands
        ]
        parts += [f"## By {name} of the faces", markdown([name, "faces", "answered"], cells)]
    return "\n\n".join(parts) + "\n"


def _groups_table(table: Sequence[dict[str, Any]], by: str, title: str) -> str:
    heads = [
        title, "pictures", "face found", "95 % interval", "answered, of faces",
        *(why.replace("_", " ") for why in REASONS), "most frequent answers",
    ]  # fmt: skip
    lines = []
    for row in table:
        often = sorted(CLASSES, key=lambda name, row=row: -row[name])[:3]  # type: ignore[misc]
        said = ", ".join(f"{titled(name)} {row[name]:,}" for name in often if row[name])
        share = percent(row["answered"] / row["kept"]) if row["kept"] else "no face"
        lines.append(
            [
                str(row[by]), f"{row['input']:,}", percent(row["rate"]),
                f"{percent(row['low'])} to {percent(row['high'])}", share,
                *(f"{row[why]:,}" for why in REASONS), said or "none",
            ]
        )  # fmt: skip
    return markdown(heads, lines)
