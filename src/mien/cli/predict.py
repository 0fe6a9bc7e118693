"""``mien predict`` and ``mien demo``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.options import Detector, Precision, Prior, Runtime, names

UNREADABLE = 3
"""The exit code of a run that finished, but could not read some pictures."""
_ShardSize = Annotated[
    int | None,
    typer.Option(
        help="For any number of pictures: --out is a folder of Parquet shards of so many pictures; "
        "a stopped run goes on.",
        min=1,
    ),
]
_Landmarks = Annotated[
    Path | None, typer.Option(help="A dlib shape predictor of 5 or 68 points, for hog.")
]
_Engine = Annotated[str, typer.Option(help="With --shard-size: local, or ray for a cluster.")]
_Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace a folder made with other settings.")
]


def predict(
    paths: Annotated[
        list[str], typer.Argument(help="Pictures, folders, patterns; - reads paths from a pipe.")
    ],
    form: Annotated[
        str, typer.Option("--format", help="table, json, jsonl, csv or parquet.")
    ] = "table",
    out: Annotated[Path | None, typer.Option(help="Write the rows to this file.")] = None,
    annotate: Annotated[
        Path | None, typer.Option(help="Write copies with boxes, landmarks and bars here.")
    ] = None,
    explain: Annotated[
        Path | None, typer.Option(help="Write a picture a face here: where its answer comes from.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="A model folder, or a shipped model's name.")
    ] = "mien-ferplus-1.0",
    detector: Detector = "auto",
    landmarks: _Landmarks = None,
    faces: Annotated[
        str, typer.Option(help="all, or the largest or most central of each picture.")
    ] = "all",
    prior: Prior = None,
    runtime: Runtime = "onnx",
    precision: Precision = "fp32",
    shard_size: _ShardSize = None,
    engine: _Engine = "local",
    overwrite: _Overwrite = False,
    top: Annotated[int, typer.Option(help="How many classes to name.", min=1, max=7)] = 1,
    jobs: Annotated[
        int | None, typer.Option(help="Pictures searched at once; default one a core.", min=1)
    ] = None,
) -> None:
    """Name the apparent expression of every face in some pictures.

    Exit codes: 0 all was read; 3 some pictures could not be read (they are rows, too); 1 an error.
    """
    from mien.chains.predict import predict_files
    from mien.core.machine import cores
    from mien.predictor import Predictor
    from mien.runtimes.model import Model

    detectors = names(detector)
    if shard_size is not None:
        same = {
            "detector": detectors, "faces": faces, "prior": prior, "model": model,
            "runtime": runtime, "precision": precision, "shard_size": shard_size,
            "engine": engine, "jobs": jobs,
            "options": {"hog": {"landmarks": str(landmarks)}} if landmarks else {},
        }  # fmt: skip
        _in_shards(paths, same, out, overwrite)
        return
    chosen: Any = {"faces": faces, "prior": prior}  # checked there, with a message
    options = {"hog": {"landmarks": landmarks}} if landmarks else {}
    loaded = Model(model, runtime=runtime, precision=precision, threads=jobs or cores())
    predictor = Predictor(loaded, detector=detectors, options=options, jobs=jobs, **chosen)
    sources = (line.rstrip("\n") for line in sys.stdin) if paths == ["-"] else paths
    tally = predict_files(
        sources, predictor, form=form, out=out, top=top, annotated=annotate, explained=explain
    )
    print(tally, file=sys.stderr)
    if tally.reasons["unreadable"]:
        raise typer.Exit(UNREADABLE)


def _in_shards(
    paths: list[str], settings: dict[str, Any], out: Path | None, overwrite: bool
) -> None:
    from mien.chains.predict_shards import PredictConfig, predict_shards, summary
    from mien.core import config
    from mien.core.artifact import read_meta
    from mien.core.errors import ConfigError

    if out is None:
        raise ConfigError("--shard-size writes a folder: name it with --out.")
    if paths == ["-"]:
        paths = [line.rstrip("\n") for line in sys.stdin]
    checked = config.check(PredictConfig, {"sources": paths, **settings}, "predict")
    counts = read_meta(predict_shards(checked, out, overwrite=overwrite))["counts"]
    print(summary(counts), file=sys.stderr)
    if counts.get("unreadable"):
        raise typer.Exit(UNREADABLE)


def demo(
    out: Annotated[Path, typer.Option(help="Where the annotated pictures go.")] = Path("demo"),
    detector: Annotated[str, typer.Option(help="auto, yunet, hog or full-frame.")] = "auto",
) -> None:
    """Show what mien does on two photographs that installed libraries bring along."""
    from mien.chains.predict import predict_files
    from mien.chains.samples import photographs
    from mien.predictor import Predictor

    predict_files(
        [str(path) for path in photographs()],
        Predictor(detector=detector),
        top=5,
        annotated=out,
    )
    print(f"Annotated pictures: {out}/")
