"""People through time as tables: a row a frame and person, and what to say of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mien.core.catalogue import polars_or_error
from mien.core.labels import CLASSES, titled
from mien.core.timeline import Event, Reals, Timeline
from mien.metrics.tables import markdown, percent
from mien.tracking.attention import Attention, Away, openness, perclos, turned_away
from mien.tracking.events import segments
from mien.tracking.seen import BOX

if TYPE_CHECKING:
    import polars

SMOOTHED: Final = tuple(f"{name}_smoothed" for name in CLASSES)
COLUMNS: Final = {
    "person": "Int32",
    "frame": "Int64",
    **dict.fromkeys(("time", *BOX), "Float64"),
    "detector": "String",
    **dict.fromkeys(("score", "yaw", "pitch", "roll"), "Float64"),
    "reason": "String",
    **dict.fromkeys((*CLASSES, *SMOOTHED), "Float64"),
    "expression": "String",
    **dict.fromkeys(("confidence", "perclos"), "Float64"),
}
"""The columns of the table of frames, and their types."""
_OF_FRAME: Final = ("frame", "time", *BOX, "detector", "score", "yaw", "pitch", "roll", "reason")
_SHOWN: Final = 40
"""So many events stand on the page; the table has them all."""


def person_table(
    one: Timeline, seen: polars.DataFrame, minimum: float, attention: Attention
) -> tuple[polars.DataFrame, list[Away]]:
    """Returns a person's rows, and the times in which the head was turned away.

    Args:
        one: the person.
        seen: the rows of the video from the person's first frame to the last.
        minimum: the least seconds that an expression lasts, as in `segments`.
        attention: when a head counts as turned away, and eyes as closed.

    Returns:
        ``person``, ``frame``, ``time``, the box (null where the face was not found), pose,
        ``reason`` (why the frame says nothing, or null), the seven probabilities of the frame
        alone and ``*_smoothed``, ``expression`` (with flickers gone) and ``confidence``, and,
        where lids were measured, ``perclos`` (0 to 1).
    """
    pl = polars_or_error()
    boxes = {name: one.boxes[:, i] for i, name in enumerate(BOX)}
    found = pl.DataFrame({"time": one.times, **boxes}).fill_nan(None)
    of_frames = seen.select("frame", "time").unique(maintain_order=True)
    of_faces = seen.select(*_OF_FRAME, "opening").drop("frame")
    found = found.join(of_frames, on="time", how="left", maintain_order="left").join(
        of_faces.unique(["time", *BOX]), on=["time", *BOX], how="left", maintain_order="left"
    )
    label = np.empty(len(one.times), np.int64)
    for segment in segments(one.times, one.smoothed, minimum):
        label[segment.first : segment.end] = segment.label
    yaw, pitch, apart = (_series(found, name) for name in ("yaw", "pitch", "opening"))
    away = turned_away(one.times, yaw, pitch, one.person, attention)
    closed = perclos(one.times, openness(apart), attention)
    rows = found.with_columns(
        pl.lit(one.person, pl.Int32).alias("person"),
        *(pl.Series(name, one.raw[:, i]).fill_nan(None) for i, name in enumerate(CLASSES)),
        *(pl.Series(name, one.smoothed[:, i]) for i, name in enumerate(SMOOTHED)),
        pl.Series("expression", [CLASSES[k] for k in label], pl.String),
        pl.Series("confidence", one.smoothed[np.arange(len(label)), label]),
        pl.Series("perclos", closed).fill_nan(None),
    )
    return rows.select(list(COLUMNS)), away


def schema() -> dict[str, Any]:
    """Returns the Polars schema of the table of frames."""
    pl = polars_or_error()
    return {name: getattr(pl, kind) for name, kind in COLUMNS.items()}


def person_summary(rows: polars.DataFrame, events: Sequence[Event], away: Sequence[Away]) -> Any:
    """Returns what there is to say of a person: when, how long, what share of each class.

    Args:
        rows: as from `person_table`.
        events: the changes.
        away: the turns.

    Returns:
        ``person``, ``first`` and ``last`` (seconds), ``frames``, ``found`` and ``answered`` (how
        many of the frames hold the face, and say something), ``events``, the share of each class
        of the frames, ``away`` (seconds turned away) and ``perclos`` (the highest, or None).
    """
    shares = rows["expression"].value_counts(normalize=True, name="share")
    found = dict(shares.select("expression", "share").iter_rows())
    return {
        "person": rows["person"][0],
        "first": round(rows["time"][0], 3),
        "last": round(rows["time"][-1], 3),
        "frames": len(rows),
        "found": int(rows["x1"].count()),
        "answered": int(rows[CLASSES[0]].count()),
        "events": len(events),
        **{name: round(found.get(name, 0.0), 4) for name in CLASSES},
        "away": round(sum(one.end - one.start for one in away), 3),
        "perclos": rows["perclos"].max(),
    }


def page(title: str, notes: Sequence[str], people: Sequence[Any], events: Sequence[Event]) -> str:
    """Returns a video as Markdown: each person, then the first events.

    Args:
        title: the line at the top.
        notes: sentences below it.
        people: as from `person_summary`.
        events: the changes, in the order of their onsets.
    """
    heads = ["person", "from, s", "to, s", "face found", "answered", "changes", "most of the time",
             "turned away, s", "eyes closed, at most"]  # fmt: skip
    rows = []
    for one in people:
        often = sorted(CLASSES, key=lambda name, one=one: -one[name])[:3]  # type: ignore[misc]
        said = ", ".join(f"{titled(n)} {percent(one[n])}" for n in often if one[n])
        closed = "not measured" if one["perclos"] is None else percent(one["perclos"])
        rows.append([
            str(one["person"]), f"{one['first']:.2f}", f"{one['last']:.2f}",
            percent(one["found"] / one["frames"]), percent(one["answered"] / one["frames"]),
            f"{one['events']:,}", said, f"{one['away']:.1f}", closed,
        ])  # fmt: skip
    parts = [f"# {title}", *notes, markdown(heads, rows) if rows else "Nobody was followed."]
    if events:
        shown = [
            [
                f"{e.onset:.2f}", str(e.person), titled(e.before), titled(e.after),
                f"{e.apex:.2f}", f"{e.offset:.2f}", percent(e.confidence),
            ]
            for e in events[:_SHOWN]
        ]  # fmt: skip
        more = len(events) - len(shown)
        heads = ["onset, s", "person", "from", "to", "apex, s", "offset, s", "confidence"]
        parts += ["## Changes", markdown(heads, shown, left=4)]
        parts += [f"{more:,} more stand in the table of events."] if more else []
    return "\n\n".join(parts) + "\n"


def _series(rows: polars.DataFrame, name: str) -> Reals:
    pl = polars_or_error()
    found: Reals = rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return found
