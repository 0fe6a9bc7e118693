"""Several videos, one after the other; a camera as it runs; and what was found, drawn in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mien.core.catalogue import polars_or_error
from mien.core.errors import InputError, VideoError
from mien.core.labels import titled
from mien.core.progress import track
from mien.core.timeline import Event
from mien.core.video_writing import VideoWriter
from mien.core.videos import VIDEO_EXTENSIONS, Video, open_video
from mien.plots.annotate_video import Mark, mark
from mien.predictor import Predictor
from mien.runtimes.model import Model
from mien.stages.video import VideoConfig, summary, video
from mien.tracking.follow import LiveFollower
from mien.tracking.record import FRAMES
from mien.tracking.seen import BOX, looked_live
from mien.tracking.tables import schema

if TYPE_CHECKING:
    import polars

ANNOTATED: Final = "annotated.mp4"
Say = Callable[[str], None]


def expanded(sources: Iterable[str]) -> list[Path]:
    """Returns the videos behind paths of files and folders, in order.

    Raises:
        InputError: a folder holds no video.
    """
    found: list[Path] = []
    for source in map(Path, sources):
        if not source.is_dir():
            found.append(source)
            continue
        inside = [
            path for path in sorted(source.rglob("*"))
            if path.suffix.lower() in VIDEO_EXTENSIONS and path.is_file()
        ]  # fmt: skip
        if not inside:
            raise InputError(
                f"The folder {source} holds no video. Expected files ending in "
                f"{', '.join(sorted(VIDEO_EXTENSIONS))}."
            )
        found += inside
    return found


def follow_all(
    config: VideoConfig,
    sources: Sequence[str],
    out: Path,
    say: Say,
    *,
    annotate: bool = False,
    overwrite: bool = False,
) -> int:
    """Follows the people in some videos; one that cannot be read is told and passed over.

    Args:
        config: the settings.
        sources: files and folders.
        out: the folder of the one file that was named; else one in it for each video.
        say: takes the lines.
        annotate: write ``annotated.mp4``, too.
        overwrite: replace folders that were made with other settings.

    Returns:
        How many videos could not be read.

    Raises:
        VideoError: the one file that was named cannot be read.
        InputError: a folder holds no video, or two videos have the same name.
        MienError: what else `video` raises.
    """
    paths = expanded(sources)
    alone = len(sources) == 1 and paths == [Path(sources[0])]
    places = [out] if alone else [out / path.stem for path in paths]
    if len(set(places)) < len(places):
        raise InputError("Two of the videos have the same name. Give each a name of its own.")
    failed = 0
    for path, place in zip(paths, places, strict=True):
        try:
            video(config, path, place, overwrite=overwrite)
        except VideoError as error:
            if alone:
                raise
            failed += 1
            say(str(error))
            continue
        say(f"{path}: {summary(place)}")
        if annotate:
            say(f"and {annotated(config, path, place)}")
    return failed


def follow_live(config: VideoConfig, source: str, seconds: float | None = None) -> Iterator[str]:
    """Yields a line for each change while a camera, or a video, runs.

    Args:
        config: the settings.
        source: ``camera``, ``camera:1``, or a video file, which is read as fast as it can be.
        seconds: when to stop; None goes on until the end, or until it is interrupted.

    Raises:
        VideoError: there is no such camera or file.
    """
    model = Model(config.model, runtime=config.runtime, precision=config.precision)
    predictor = Predictor(
        model, detector=config.detector, faces=config.faces, prior=config.prior, jobs=1
    )
    follower = LiveFollower(config.following(model))
    with open_video(source, rate=config.rate) as opened:
        known: set[int] = set()
        for found in looked_live(_until(opened, seconds), predictor):
            moment = follower.update(found.time, found.picture.predictions)
            for now in moment.people:
                if now.person not in known and now.expression is not None:
                    known.add(now.person)
                    yield f"{found.time:8.2f} s  person {now.person}  {titled(now.expression)}"
            yield from (_line(event, found.time) for event in moment.begun)
        yield from opened.warnings()


def annotated(config: VideoConfig, source: Path, folder: Path) -> Path:
    """Writes a video with the people, their expressions and their numbers drawn in.

    Args:
        config: the settings that the folder was made with.
        source: the video.
        folder: what `video` made of it.

    Returns:
        The video in the folder. One that stands there is left.

    Raises:
        VideoError: the video cannot be read again.
    """
    target = folder / ANNOTATED
    if target.exists():
        return target
    marks = _Marks(folder, config.form)
    with open_video(source, rate=config.rate) as opened:
        facts = opened.facts
        size = (facts.width, facts.height)
        with VideoWriter(target, size=size, rate=min(facts.rate, config.rate)) as writer:
            for frame in track(opened, "annotate", None):
                writer.write(mark(frame.image, list(marks.of(frame.index))), frame.time)
    return target


def _until(opened: Video, seconds: float | None) -> Iterator[Any]:
    for frame in opened:
        if seconds is not None and frame.time >= seconds:
            return
        yield frame


def _line(event: Event, now: float) -> str:
    change = f"person {event.person}  {titled(event.before)} -> {titled(event.after)}"
    how = f"{100 * event.confidence:.0f} %, told {now - event.onset:.2f} s later"
    return f"{event.onset:8.2f} s  {change}  ({how})"


class _Marks:
    """What is drawn into each frame, in a table: some seventy bytes a face."""

    def __init__(self, folder: Path, form: str) -> None:
        pl = polars_or_error()
        path = folder / f"{FRAMES}.{form}"
        frames: polars.LazyFrame
        if form == "parquet":
            frames = pl.scan_parquet(path)
        else:
            frames = pl.scan_ndjson(path, schema=schema())
        columns = ["frame", "person", *BOX, "expression", "confidence", "reason"]
        self._rows = (
            frames.filter(pl.col("x1").is_not_null()).select(columns).sort("frame", "person")
        ).collect()

    def of(self, frame: int) -> Iterator[Mark]:
        """Yields the people of a frame."""
        column = self._rows["frame"]
        first, end = column.search_sorted(frame, "left"), column.search_sorted(frame, "right")
        for _, person, x1, y1, x2, y2, word, share, reason in self._rows[first:end].iter_rows():
            yield Mark(person, (x1, y1, x2, y2), word, share, reason)
