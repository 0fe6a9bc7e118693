"""``mien serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.options import Detector, Prior, names

_Purpose = Annotated[
    str,
    typer.Option(
        help="What it is for: research, consumer, medical-or-safety; workplace and education are "
        "refused."
    ),
]
_Models = Annotated[
    list[str] | None,
    typer.Option(help="A model folder or a shipped model's name; twice to compare two."),
]
_Host = Annotated[str, typer.Option(help="Where to listen; 0.0.0.0: everywhere.")]
_Port = Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)]
_Workers = Annotated[int, typer.Option(help="Processes that share the port.", min=1)]
_Jobs = Annotated[int | None, typer.Option(help="Pictures searched at once by a worker.", min=1)]
_Token = Annotated[Path | None, typer.Option(help="Holds the token; made at the first start.")]
_Link = Annotated[bool, typer.Option(help="Print the token in the link.")]
_Cert = Annotated[Path | None, typer.Option(help="A certificate, PEM.")]
_Key = Annotated[Path | None, typer.Option(help="Its key, PEM.")]
_Bytes = Annotated[int, typer.Option(help="Of a request.", min=1000)]
_Pixels = Annotated[int, typer.Option(help="Of a picture.", min=256)]
_Images = Annotated[int, typer.Option(help="Of a request.", min=1)]
_Faces = Annotated[int, typer.Option(help="Answered of a picture.", min=1)]
_Seconds = Annotated[float, typer.Option(help="To send, then to be answered.")]
_Queue = Annotated[int, typer.Option(help="Pictures held at once by a worker.", min=1)]
_Rate = Annotated[
    int, typer.Option(help="Pictures a minute and address, by worker; 0: no limit.", min=0)
]
_VideoBytes = Annotated[int, typer.Option(help="Of a video.", min=1000)]
_VideoSeconds = Annotated[float, typer.Option(help="That a video lasts.")]
_VideoFrames = Annotated[int, typer.Option(help="Looked at of a video.", min=1)]
_VideoWait = Annotated[float, typer.Option(help="Seconds to send a video, then to be answered.")]
_Grace = Annotated[int, typer.Option(help="Seconds that a stop waits for answers.", min=0)]
_Engine = Annotated[str, typer.Option(help="local, or ray for a cluster.")]


def serve(
    purpose: _Purpose,
    model: _Models = None,
    host: _Host = "127.0.0.1",
    port: _Port = 8000,
    workers: _Workers = 1,
    jobs: _Jobs = None,
    detector: Detector = "auto",
    prior: Prior = None,
    token_file: _Token = None,
    link: _Link = True,
    tls_cert: _Cert = None,
    tls_key: _Key = None,
    max_bytes: _Bytes = 10_000_000,
    max_pixels: _Pixels = 25_000_000,
    max_images: _Images = 16,
    max_faces: _Faces = 50,
    max_seconds: _Seconds = 10.0,
    queue: _Queue = 64,
    rate: _Rate = 6_000,
    max_video_bytes: _VideoBytes = 50_000_000,
    max_video_seconds: _VideoSeconds = 60.0,
    max_video_frames: _VideoFrames = 1_500,
    max_video_wait: _VideoWait = 120.0,
    grace: _Grace = 30,
    engine: _Engine = "local",
) -> None:
    """Serve predictions over REST, and a page to try them on."""
    from mien.core import config
    from mien.core.errors import ConfigError, MissingExtraError
    from mien.serve.purposes import check_purpose
    from mien.serve.settings import ServeSettings
    from mien.serve.tokens import token_file as made

    check_purpose(purpose)
    limits = {
        "bytes": max_bytes, "pixels": max_pixels, "images": max_images, "faces": max_faces,
        "seconds": max_seconds, "queue": queue, "per_minute": rate,
        "video_bytes": max_video_bytes, "video_seconds": max_video_seconds,
        "video_frames": max_video_frames, "video_wait": max_video_wait,
    }  # fmt: skip
    data: dict[str, Any] = {
        "purpose": purpose, "detector": names(detector),
        "prior": prior, "token_file": made(token_file), "jobs": jobs, "limits": limits,
    } | ({"models": model} if model else {})  # fmt: skip
    settings = config.check(ServeSettings, data, "serve")
    try:
        if engine == "ray":
            from mien.serve.ray import serve as start
        elif engine == "local":
            from mien.serve.server import serve as start
        else:
            raise ConfigError(f"--engine {engine!r} is not known. Expected local or ray.")
        from mien.serve.server import Place
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("mien"):
            raise
        raise MissingExtraError("mien serve", "ray" if engine == "ray" else "serve") from error
    place = Place(host, port, workers, tls_cert, tls_key, grace, link)
    start(settings, place)
