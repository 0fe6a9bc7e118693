"""`evaluate --sequences`: a model and labelled sequences -> changes, peaks, flicker, delay."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from pydantic import Field

from mien.core import catalogue as tables
from mien.core.artifact import StageFolder, atomic, read_meta, write_json
from mien.core.catalogue import KEY
from mien.core.config import StageConfig
from mien.core.errors import DataError
from mien.core.exam_sets import ExamSet, exam_rows, inputs_of
from mien.core.framing import check_framing
from mien.core.labels import CLASSES
from mien.core.timeline import Event, Reals
from mien.metrics.roles import probabilities
from mien.metrics.sequences import NAMED, Way, score_sequence, sequences_page, summarise_sequences
from mien.metrics.summary import How
from mien.metrics.timeline import TOLERANCE
from mien.runtimes.model import WEIGHTS, Model
from mien.runtimes.stored import stored_logits
from mien.tracking import events
from mien.tracking.hidden_markov import LAG, Chain, Stream, smoothed

if TYPE_CHECKING:
    import polars

PAGE: Final = "sequences.md"
ROWS: Final = "sequences.parquet"
FIGURES: Final = "sequences.json"
_PARTS: Final = "parts"
Role = Literal["train", "dev", "test", "unseen"]


class SequencesConfig(StageConfig):
    """The settings of `evaluate --sequences`.

    Attributes:
        roles: the roles to score.
        rate: frames a second, where ``rates`` names no other.
        rates: frames a second by data set, such as ``{ckplus = 30, mug = 19, oulu-casia = 25}``.
        minimum: the least seconds that an expression lasts; sequences of a second or two need less
            than a video.
        correlation: see `Chain`.
        resamples: bootstrap resamples behind each interval; 0 makes none.
        seed: makes the resamples.
        batch_size: how many faces are decoded and go through the network at once.
        runtime: the name of the runtime.
        jobs: threads; None takes every core.
    """

    roles: tuple[Role, ...] = Field(default=("dev", "test", "unseen"), min_length=1)
    rate: float = Field(default=25.0, gt=0)
    rates: dict[str, float] = Field(default={})
    minimum: float = Field(default=events.MINIMUM, ge=0)
    correlation: float = Field(default=0.1, ge=0)
    resamples: int = Field(default=1000, ge=0)
    seed: int = Field(default=0, ge=0)
    batch_size: int = Field(default=64, ge=1)
    runtime: str = "onnx"
    jobs: int | None = Field(default=None, ge=1, exclude=True)


def examine_sequences(
    config: SequencesConfig,
    model: str | Path,
    sets: Sequence[ExamSet],
    out: Path,
    *,
    overwrite: bool = False,
) -> Path:
    """Scores a model on the sequences of some sets: when it says that an expression changes.

    A sequence counts where at least two of its frames are there and one of them has one of the
    seven labels. Frames without a label, which `merge` keeps where a reader's option
    ``whole_sequences`` is on, are looked at, too. Frames without a face say nothing.

    Args:
        config: the settings.
        model: the model folder, or the name of a shipped one.
        sets: the pictures.
        out: the folder to make: ``sequences.md``, ``sequences.json`` and ``sequences.parquet``,
            a row a sequence.
        overwrite: throw away what stands at ``out`` with other settings or inputs.

    Returns:
        ``out``.

    Raises:
        DataError: no role has a sequence, a sequence shows a frame twice, or a table is damaged.
        ConfigError: the faces were cut by another aligner than the model's.
        ModelError: the model folder is incomplete, or the network gives no finite numbers.
        MissingExtraError: Polars or SciPy is not installed.
        StageError: ``out`` holds something else.
    """
    pl = tables.polars_or_error("Evaluating sequences")
    network = Model(
        model, runtime=config.runtime, threads=config.jobs, batch_size=config.batch_size
    )
    for one in sets:
        check_framing(one.faces, network.spec.preprocess)
    inputs = {"weights": network.folder / WEIGHTS, **inputs_of(sets)}
    folder = StageFolder(out, "sequences", config, inputs, overwrite=overwrite)
    if folder.done:
        return out
    found = []
    for number, one in enumerate(sets):
        rows = _frames(one, config.roles)
        parts = folder.work / _PARTS / str(number)
        logits = list(stored_logits(network, rows.select(KEY), one.faces, parts, config.jobs))
        joined = rows.join(pl.concat(logits), on=KEY, how="left", maintain_order="left")
        found += list(_scored(config, network, joined))
    if not found:
        raise DataError(
            f"No sequence of the roles {', '.join(config.roles)} has a label. A sequence needs two "
            "frames and a labelled one: check the roles, and whether the readers' option "
            "whole_sequences is on."
        )
    table = pl.DataFrame(found, infer_schema_length=None).sort("role", "dataset", "sequence")
    tables.write(table, folder.work / ROWS)
    figures = summarise_sequences(table, How(resamples=config.resamples, seed=config.seed))
    write_json(folder.work / FIGURES, [_plain(row) for row in figures])
    with atomic(folder.work / PAGE, "w") as file:
        file.write(sequences_page(network.spec.name, figures, _note(config)))
    shutil.rmtree(folder.work / _PARTS)
    return folder.finish({"sequences": len(table), "frames": int(table["frames"].sum())})


def summary(out: Path) -> str:
    """Returns what a finished exam of sequences says."""
    counts = read_meta(out)["counts"]
    page = (out / PAGE).read_text("utf-8")
    return f"{counts['sequences']:,} sequences of {counts['frames']:,} frames\n{page}"


def _frames(one: ExamSet, roles: Sequence[str]) -> polars.DataFrame:
    """Returns the frames of sequences that have a label somewhere, in their order."""
    pl = tables.polars_or_error()
    rows = exam_rows(one, roles).filter(
        pl.col("sequence").is_not_null(), pl.col("frame").is_not_null()
    )
    whole = pl.col("label").is_in(list(CLASSES)).any() & (pl.len() > 1)
    rows = rows.filter(whole.over("role", "dataset", "sequence"))
    place = ["role", "dataset", "sequence", "frame"]
    twice = rows.filter(pl.struct(place).is_duplicated())
    if len(twice):
        first = twice.row(0, named=True)
        raise DataError(
            f"{first['dataset']}: the sequence {first['sequence']} shows frame {first['frame']} "
            "twice. Give each camera a sequence of its own."
        )
    return rows.sort(place)


def _scored(
    config: SequencesConfig, network: Model, rows: polars.DataFrame
) -> Iterator[dict[str, Any]]:
    """Yields the figures of each sequence."""
    chain = Chain.assuming(network.spec.target_prior(), config.correlation)
    for part in rows.partition_by("role", "dataset", "sequence", maintain_order=True):
        rate = config.rates.get(part["dataset"][0], config.rate)
        times = part["frame"].to_numpy().astype(np.float64) / rate
        raw = probabilities(network.spec, part).astype(np.float64)
        named = {name: part[name][0] for name in NAMED if name != "label"}
        figures = score_sequence(times, part["label"].to_list(), _ways(config, chain, times, raw))
        yield {**named, **figures}


def _ways(config: SequencesConfig, chain: Chain, times: Reals, raw: Reals) -> dict[str, Way]:
    calm = smoothed(times, raw, chain)
    return {
        "frames": Way(raw, events.events(times, raw, _carried(raw), 0, 0.0)),
        "smoothed": Way(calm, events.events(times, raw, calm, 0, config.minimum)),
        "live": Way(calm, _live(config, chain, times, raw)),
    }


def _live(config: SequencesConfig, chain: Chain, times: Reals, raw: Reals) -> list[Event]:
    stream = Stream(chain, max(LAG, config.minimum))
    live = events.Live(minimum=config.minimum)
    told: list[Event] = []
    for time, row in zip(times.tolist(), raw, strict=True):
        told += live.update(stream.update(time, row)).begun
    return told


def _carried(raw: Reals) -> Reals:
    """Returns each frame's probabilities, and where it has none those of the frame before."""
    known = np.isfinite(raw).all(axis=1)
    last = np.maximum.accumulate(np.where(known, np.arange(len(raw)), -1))
    first = int(np.argmax(known))
    rows: Reals = raw[np.where(last < 0, first, last)]
    return np.nan_to_num(rows)


def _note(config: SequencesConfig) -> str:
    rates = ", ".join(f"{name} {rate:g}" for name, rate in sorted(config.rates.items()))
    return (
        f"Frames a second: {rates + ', others ' if rates else ''}{config.rate:g}. A change counts "
        f"within {TOLERANCE:g} s of the true one, with both classes right; between two labelled "
        "frames it is taken to lie in the middle. Medians over sequences; 95 % intervals from "
        "bootstrap resamples of people. Rise is Spearman's correlation of the class's probability "
        "with time up to the apex."
    )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row without NaN, which JSON does not know."""
    return {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()}
