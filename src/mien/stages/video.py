"""`video`: a video -> people followed through it, frame by frame, and when expressions change."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from mien.core import catalogue as tables
from mien.core.artifact import StageFolder, read_meta, write_json
from mien.core.config import StageConfig
from mien.core.errors import VideoError
from mien.core.machine import cores, give_back_memory
from mien.core.progress import track
from mien.core.spec import Prior
from mien.core.videos import VideoFacts, open_video
from mien.faces.eyelids import Eyelids
from mien.faces.finder import Choice, resolved
from mien.plots.figure import new_figure
from mien.predictor import Predictor
from mien.runtimes.model import DEFAULT, WEIGHTS, Model
from mien.tracking.attention import Attention
from mien.tracking.follow import Following
from mien.tracking.hidden_markov import LAG, Chain
from mien.tracking.record import PAGE, PICTURE, Recording, record
from mien.tracking.seen import Looked, looked, rows_of, table
from mien.tracking.tracks import Linking

_FACTS: Final = "facts.json"
_SEEN: Final = "seen-{:05}.parquet"
_IN_FLIGHT: Final = 256_000_000
"""Bytes of frames that may wait for the network: fewer frames of a large video go in a batch."""


class VideoConfig(StageConfig):
    """The settings of `video`.

    Attributes:
        model: a model folder, or the name of a shipped model.
        detector: names of detectors, tried in order.
        faces: which of several faces of a frame.
        prior: the operating point; None takes the model's own.
        runtime: what runs the network.
        precision: what it computes in.
        rate: frames a second at most; fewer are quicker.
        segment: seconds of video that are lost at most when it is stopped.
        form: of the tables: ``parquet`` or ``jsonl``.
        lids: a file of 68 landmarks, for closed eyes; None does not measure them.
        overlap: see `Linking`, as for ``gap`` and ``hits``.
        gap: see ``overlap``.
        hits: see ``overlap``.
        minimum: the least seconds that an expression lasts.
        yaw: see `Attention`, as for the four that follow.
        max_seconds: longer videos are refused; None takes any.
        jobs: frames that are searched at once; None takes one a core. It does not change the
            result.
    """

    model: str = DEFAULT
    detector: tuple[str, ...] = ("auto",)
    faces: Choice = "all"
    prior: Prior | None = None
    runtime: str = "onnx"
    precision: str = "fp32"
    rate: float = Field(default=25.0, gt=0, le=1000)
    segment: float = Field(default=60.0, gt=0)
    form: Literal["parquet", "jsonl"] = "parquet"
    lids: Path | None = None
    overlap: float = Field(default=0.3, gt=0, lt=1)
    gap: float = Field(default=1.0, ge=0)
    hits: int = Field(default=3, ge=1)
    minimum: float = Field(default=0.3, ge=0)
    yaw: float = Field(default=30.0, gt=0, le=180)
    pitch: float = Field(default=20.0, gt=0, le=180)
    away: float = Field(default=2.0, ge=0)
    yaw_ahead: float | None = None
    pitch_ahead: float | None = None
    max_seconds: float | None = Field(default=None, gt=0)
    jobs: int | None = Field(default=None, ge=1, exclude=True)

    @property
    def attention(self) -> Attention:
        """When a head counts as turned away."""
        return Attention(self.yaw, self.pitch, self.away, self.yaw_ahead, self.pitch_ahead)

    def following(self, model: Model) -> Following:
        """How people are followed, with the class shares that the model's answers assume."""
        linking = Linking(self.overlap, self.gap, self.hits)
        chain = Chain.assuming(model.spec.target_prior(self.prior))
        return Following(linking, chain, self.minimum, max(LAG, self.minimum))


def video(config: VideoConfig, source: Path, out: Path, *, overwrite: bool = False) -> Path:
    """Follows the people in a video file through time.

    Faces are found and classified frame by frame, segment by segment; a run that was stopped goes
    on from its finished segments. Then people are linked and their probabilities smoothed with all
    frames at hand.

    Args:
        config: the settings.
        source: the video file.
        out: the folder to make: ``frames.parquet`` (a row a frame and person, person by person; see
            `person_table`), ``events.parquet`` (the changes), ``people.json``, ``video.md`` and
            ``timeline.png``; tables end in ``.jsonl`` where the settings say so.
        overwrite: throw away what stands at ``out`` with other settings or another video.

    Returns:
        ``out``.

    Raises:
        VideoError: there is no such file, it is no video, or it holds no frame.
        ModelError: the model, or the file of landmarks, is missing, altered or of another kind.
        MissingExtraError: the extra ``video`` is not installed.
        StageError: ``out`` holds something else.
    """
    tables.polars_or_error("Following people through a video")
    new_figure(1, 1)  # a missing matplotlib is told now, not after the work
    config = config.model_copy(update={"detector": resolved(config.detector)})
    model = Model(config.model, runtime=config.runtime, precision=config.precision,
                  threads=config.jobs or cores())  # fmt: skip
    following = config.following(model)
    lids = None if config.lids is None else Eyelids(config.lids)
    with open_video(source, rate=config.rate, max_seconds=config.max_seconds) as opened:
        facts = opened.facts
    inputs = {"video": source, "weights": model.folder / WEIGHTS}
    if config.lids is not None:
        inputs["lids"] = config.lids
    folder = StageFolder(out, "video", config, inputs, overwrite=overwrite)
    if folder.done:
        return out
    _look(config, model, source, facts, folder.work, lids)
    give_back_memory()  # frames are gone; what follows needs room of its own
    told = json.loads((folder.work / _FACTS).read_text("utf-8"))
    parts = list(itertools.takewhile(Path.exists, _places(folder.work)))
    how = Recording(following, config.attention, config.form, model.spec.name, source.name)
    counts = record(parts, folder.work, how, told["seconds"], told["warnings"])
    for stray in (*parts, folder.work / _FACTS):
        stray.unlink()
    return folder.finish({**counts, **told})


def summary(out: Path) -> str:
    """Returns what a finished video holds, in a few lines."""
    counts = read_meta(out)["counts"]
    said = (
        f"{counts['seconds']:.1f} s, {counts['frames']:,} frames looked at, "
        f"{counts['people']:,} people, {counts['events']:,} changes"
    )
    look = f"look at {out / PAGE}" + (f" and {out / PICTURE}" if (out / PICTURE).exists() else "")
    return "\n".join([said, *counts["warnings"], look])


def _look(
    config: VideoConfig,
    model: Model,
    source: Path,
    facts: VideoFacts,
    work: Path,
    lids: Eyelids | None,
) -> None:
    """Writes the rows of each segment that does not stand yet, and what there is to say."""
    if (work / _FACTS).exists():
        return
    done = sum(1 for _ in itertools.takewhile(Path.exists, _places(work)))
    size, end = max(1, facts.width * facts.height * 3), 0.0
    predictor = Predictor(
        model, detector=config.detector, faces=config.faces, prior=config.prior,
        jobs=config.jobs, batch_size=max(1, min(32, _IN_FLIGHT // size)),
    )  # fmt: skip
    last = done * config.segment

    def since(one: Looked) -> float:  # so that the bar's rate is that to real time
        nonlocal last
        step, last = one.time - last, one.time
        return step

    with open_video(source, rate=config.rate, start=last) as opened:
        whole = None if facts.duration is None else max(1, math.ceil(facts.duration - last))
        found = track(looked(opened, predictor), "video, s", whole, size=since)
        for number, part in itertools.groupby(found, lambda one: int(one.time / config.segment)):
            for empty in range(done, number):  # seconds without any frame
                tables.write(table([]), work / _SEEN.format(empty))
            rows = []
            for one in part:
                rows += rows_of(one, lids)
                end = one.time
            tables.write(table(rows), work / _SEEN.format(number))
            done = number + 1
        if not done:
            raise VideoError(f"{source} holds no frame that can be read.")
        told = {"seconds": facts.duration or end, "warnings": opened.warnings()}
    write_json(work / _FACTS, told)


def _places(work: Path) -> Iterator[Path]:
    return (work / _SEEN.format(number) for number in itertools.count())
