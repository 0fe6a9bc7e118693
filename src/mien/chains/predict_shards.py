"""Predictions over any number of pictures, in shards: on all cores or a cluster, and resumable."""

from __future__ import annotations

import functools
import importlib
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from mien.chains.rows import open_rows
from mien.core import registry
from mien.core.artifact import StageFolder, atomic, write_json
from mien.core.config import StageConfig
from mien.core.errors import MissingExtraError
from mien.core.machine import give_back_memory
from mien.core.progress import track
from mien.core.sources import expand
from mien.core.spec import Prior
from mien.faces.finder import Choice, Options, resolved
from mien.predictor import Predictor
from mien.runtimes.model import DEFAULT, Model, find

LIST: Final = "pictures.parquet"
"""The pictures by name, one row group a shard; drawn up once, so that a resume means the same."""
ROWS: Final = "predictions-{:05}.parquet"
_COUNTS: Final = "counts-{:05}.json"


class PredictConfig(StageConfig):
    """The settings of predictions in shards.

    Attributes:
        sources: paths, folders, patterns and addresses such as ``s3://bucket/photos``.
        model: a model folder, or the name of a shipped model.
        detector: names of detectors, tried in order.
        faces: which of several faces of a picture.
        options: for each detector, by name, the keywords of its constructor.
        prior: the operating point; None takes the model's own.
        runtime: what runs the network.
        precision: what it computes in.
        shard_size: how many pictures make a shard.
        batch_size: how many faces go through the network at once.
        engine: what spreads the work: ``local`` or ``ray``.
        jobs: how many shards at once; None takes every core. It does not change the result.
    """

    sources: tuple[str, ...] = Field(min_length=1)
    model: str = DEFAULT
    detector: tuple[str, ...] = ("auto",)
    faces: Choice = "all"
    options: dict[str, dict[str, Any]] = Field(default={})
    prior: Prior | None = None
    runtime: str = "onnx"
    precision: str = "fp32"
    shard_size: int = Field(default=1000, ge=1)
    batch_size: int = Field(default=32, ge=1)
    engine: str = Field(default="local", exclude=True)
    jobs: int | None = Field(default=None, ge=1, exclude=True)


@dataclass(frozen=True)
class _Shard:
    index: int
    config: PredictConfig
    work: Path

    @property
    def stands(self) -> bool:
        return (self.work / _COUNTS.format(self.index)).exists()


def predict_shards(config: PredictConfig, out: Path, *, overwrite: bool = False) -> Path:
    """Predicts over pictures and writes one row a face, in Parquet shards.

    A run that was stopped goes on from its finished shards. Rows and bytes depend neither on the
    engine nor on the number of jobs.

    Args:
        config: the settings.
        out: the folder to make: ``predictions-00000.parquet`` and on, in the order of the
            pictures (columns as `mien.core.types.Prediction.to_dict`), and ``pictures.parquet``.
        overwrite: throw away what stands at ``out`` with other settings.

    Returns:
        ``out``.

    Raises:
        NoImagesError: a source holds no picture.
        ModelError: the model is missing or altered.
        ConfigError: a setting is out of range.
        UnknownNameError: a detector, runtime or engine has no such name.
        MissingExtraError: the extra ``data``, or what engine or runtime need, is not installed.
        StageError: ``out`` holds something else, or workers died.
    """
    config = config.model_copy(update={"detector": resolved(config.detector)})
    folder = StageFolder(out, "predict", config, {"model": find(config.model)}, overwrite=overwrite)
    if folder.done:
        return out
    _predictor(config.model_dump_json())  # what does not fit is told before any worker starts
    engine = registry.load("engines", config.engine)(config.jobs)
    listing = folder.work / LIST
    if not listing.exists():
        _list(config, listing)
    sizes = _sizes(listing)
    shards = [_Shard(index, config, folder.work.absolute()) for index in range(len(sizes))]
    waiting = [shard for shard in shards if not shard.stands]
    left = sum(sizes[shard.index] for shard in waiting)
    finished = itertools.chain.from_iterable(map(range, engine.map(_predict_shard, waiting)))
    for _ in track(finished, "predict", left):
        pass
    counts: Counter[str] = Counter(pictures=sum(sizes))
    for shard in shards:
        file = folder.work / _COUNTS.format(shard.index)
        counts.update(json.loads(file.read_bytes()))
        file.unlink()
    return folder.finish(dict(sorted(counts.items())))


def _predict_shard(shard: _Shard) -> int:
    """Makes one shard and returns how many pictures it took."""
    names = _names(shard.work / LIST, shard.index)
    predictor = _predictor(shard.config.model_dump_json())
    counts: Counter[str] = Counter()
    with open_rows("parquet", shard.work / ROWS.format(shard.index)) as write:
        for picture in predictor.pictures(names):
            for prediction in picture.predictions:
                write(prediction)
                counts["faces"] += prediction.face is not None
                counts[prediction.reason or "answered"] += 1
    write_json(shard.work / _COUNTS.format(shard.index), counts)  # last: now the shard is whole
    give_back_memory()
    return len(names)


@functools.lru_cache(maxsize=1)
def _predictor(settings: str) -> Predictor:
    """Returns the predictor of one process, loaded once; engines bring the cores."""
    config = PredictConfig.model_validate_json(settings)
    model = Model(
        config.model,
        runtime=config.runtime,
        precision=config.precision,
        threads=1,
        batch_size=config.batch_size,
    )
    options: Options | None = config.options or None
    return Predictor(
        model,
        detector=config.detector,
        faces=config.faces,
        options=options,
        prior=config.prior,
        jobs=1,
        batch_size=config.batch_size,
    )


def _list(config: PredictConfig, path: Path) -> None:
    arrow, parquet = _arrow()
    schema = arrow.schema([("path", arrow.string())])
    with atomic(path) as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for names in _batched((name for name, _ in expand(config.sources)), config.shard_size):
            writer.write_table(arrow.table({"path": names}, schema=schema), len(names))


def _batched(names: Iterable[str], size: int) -> Iterator[list[str]]:
    batch: list[str] = []
    for name in names:
        batch.append(name)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _sizes(listing: Path) -> list[int]:
    """Returns how many pictures each shard holds."""
    _, parquet = _arrow()
    about = parquet.ParquetFile(listing).metadata
    return [about.row_group(index).num_rows for index in range(about.num_row_groups)]


def _names(listing: Path, index: int) -> list[str]:
    _, parquet = _arrow()
    found: list[str] = parquet.ParquetFile(listing).read_row_group(index)["path"].to_pylist()
    return found


def _arrow() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise MissingExtraError("Predictions in shards", "data") from None


def summary(counts: Mapping[str, int]) -> str:
    """Returns what became of the pictures, in a line."""
    rest = {n: c for n, c in counts.items() if n not in ("pictures", "faces", "answered")}
    parts = [f"{counts['pictures']:,} pictures", f"{counts.get('faces', 0):,} faces"]
    return ", ".join([*parts, *(f"{c:,} {n.replace('_', ' ')}" for n, c in rest.items())])
