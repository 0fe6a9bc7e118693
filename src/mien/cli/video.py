"""``mien video``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mien.cli.options import Prior, names
from mien.cli.stages import Overwrite, Sets, laid_over, settings_of

Sources = Annotated[
    list[str], typer.Argument(metavar="FILE|FOLDER|camera...", help="Videos; or camera, camera:1.")
]


def video(
    sources: Sources,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write; a folder in it for each of several.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The settings, TOML; the section video.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Frames a second at most; default 25.")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Tell changes as they come; a camera is always live.")
    ] = False,
    seconds: Annotated[float | None, typer.Option(help="Stop a live one after these.")] = None,
    annotate: Annotated[bool, typer.Option("--annotate", help="Write annotated.mp4, too.")] = False,
    model: Annotated[str | None, typer.Option(help="A model folder or name.")] = None,
    detector: Annotated[
        str | None, typer.Option(help="auto, yunet, hog; or several: yunet,hog.")
    ] = None,
    prior: Prior = None,
    runtime: Annotated[str | None, typer.Option(help="onnx, openvino or torch.")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, int8 or bf16.")] = None,
    lids: Annotated[
        Path | None, typer.Option(help="A dlib file of 68 landmarks: measures closed eyes.")
    ] = None,
    form: Annotated[str | None, typer.Option("--format", help="parquet or jsonl.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Threads; default one a core.", min=1)] = None,
    set_: Sets = None,
    overwrite: Overwrite = False,
) -> None:
    """Follow people through videos: their apparent expressions, and when these change."""
    from mien.chains.videos import follow_all, follow_live
    from mien.stages.video import VideoConfig

    given = {
        "rate": rate, "model": model, "prior": prior, "runtime": runtime, "precision": precision,
        "lids": lids, "form": form, "jobs": jobs,
    }  # fmt: skip
    chosen = None if detector is None else names(detector)
    told = {f"video.{name}": value for name, value in {**given, "detector": chosen}.items()}
    settings = settings_of(VideoConfig, config, "video", laid_over(set_, told))
    if live or any(source.startswith("camera") for source in sources):
        if len(sources) > 1:
            raise typer.BadParameter("one source at a time is followed live")
        for line in follow_live(settings, sources[0], seconds):
            print(line, flush=True)
        return
    if out is None:
        raise typer.BadParameter("name the folder to write: --out")
    failed = follow_all(settings, sources, out, print, annotate=annotate, overwrite=overwrite)
    if failed:
        print(f"{failed} of the videos could not be read", file=sys.stderr)
        raise typer.Exit(3)
