"""From what was seen in a video to what is kept of it: people, changes, a page and a figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mien.core import catalogue as tables
from mien.core.artifact import atomic, write_json
from mien.core.timeline import Event, Timeline
from mien.plots import timeline as draw
from mien.tracking.attention import Attention
from mien.tracking.follow import Follower, Following
from mien.tracking.seen import frames_of
from mien.tracking.tables import page, person_summary, person_table, schema

if TYPE_CHECKING:
    import polars

PAGE: Final = "video.md"
FRAMES: Final = "frames"
EVENTS: Final = "events"
PEOPLE: Final = "people.json"
PICTURE: Final = "timeline.png"
_PERSON: Final = "person-{:05}.parquet"
_REALS: Final = ("start", "onset", "apex", "offset", "confidence", "reported")


@dataclass(frozen=True, slots=True)
class Recording:
    """What a video is recorded with.

    Attributes:
        following: how people are followed.
        attention: when a head counts as turned away.
        form: of the tables, ``parquet`` or ``jsonl``.
        model: the name of the model.
        title: the name of the video.
    """

    following: Following
    attention: Attention
    form: str
    model: str
    title: str


def record(
    parts: Sequence[Path], work: Path, how: Recording, seconds: float, warnings: Sequence[str]
) -> dict[str, int]:
    """Follows people through what was seen, and writes tables, page and figure.

    Args:
        parts: tables of `seen.COLUMNS` in order, whole frames in each.
        work: the folder to write to.
        how: how.
        seconds: how long the video is.
        warnings: what stands on the page besides.

    Returns:
        The numbers of ``frames``, ``people`` and ``events``.

    Raises:
        MissingExtraError: SciPy or matplotlib is not installed.
    """
    pl = tables.polars_or_error()
    seen = pl.scan_parquet(parts)
    people: list[Any] = []
    events: list[Event] = []
    drawn: list[Timeline] = []
    for number, one in enumerate(_timelines(parts, how)):
        inside = seen.filter(pl.col("time").is_between(one.times[0], one.times[-1])).collect()
        rows, away = person_table(one, inside, how.following.minimum, how.attention)
        tables.write(rows, work / _PERSON.format(number))
        turns = [span.to_dict() for span in away]
        people.append(person_summary(rows, one.events, away) | {"turns": turns})
        events += one.events
        drawn = sorted([*drawn, one], key=lambda other: -len(other.times))[: draw.MOST]
    events.sort(key=lambda event: (event.onset, event.person))
    frames = seen.select(pl.col("frame").n_unique()).collect().item()
    _write_tables(how.form, work, len(people), events)
    people.sort(key=lambda person: person["person"])
    write_json(work / PEOPLE, people)
    about = (
        f"{seconds:.1f} s, {frames:,} frames looked at, by {how.model}. "
        "Apparent expressions, not what anybody felt."
    )
    with atomic(work / PAGE, "w") as file:
        file.write(page(how.title, [about, *warnings], people, events))
    if drawn:
        drawn.sort(key=lambda one: one.person)
        draw.timelines(drawn, work / PICTURE, f"{how.title}, {how.model}")
    return {"frames": frames, "people": len(people), "events": len(events)}


def _timelines(parts: Sequence[Path], how: Recording) -> Iterator[Timeline]:
    pl = tables.polars_or_error()
    follower = Follower(how.following)
    for part in parts:
        for moment, predictions in frames_of(pl.read_parquet(part), how.model):
            yield from follower.update(moment, predictions)
    yield from follower.finish()


def _write_tables(form: str, work: Path, people: int, events: Sequence[Event]) -> None:
    """Writes the frames of all people as one table, and the events as another."""
    pl = tables.polars_or_error()
    told = pl.DataFrame([event.to_dict() for event in events], schema=_event_schema())
    parts = [work / _PERSON.format(number) for number in range(people)]
    frames: polars.LazyFrame = pl.scan_parquet(parts) if parts else pl.LazyFrame(schema=schema())
    if form == "parquet":
        tables.sink(frames, work / f"{FRAMES}.parquet")
        tables.write(told, work / f"{EVENTS}.parquet")
    else:
        with atomic(work / f"{FRAMES}.jsonl") as file:
            frames.sink_ndjson(file, maintain_order=True)
        with atomic(work / f"{EVENTS}.jsonl") as file:
            told.write_ndjson(file)
    for part in parts:
        part.unlink()


def _event_schema() -> dict[str, Any]:
    pl = tables.polars_or_error()
    return {
        "person": pl.Int32,
        **dict.fromkeys(("before", "after"), pl.String),
        **dict.fromkeys(_REALS, pl.Float64),
    }
