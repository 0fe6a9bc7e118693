"""``mien serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def serve(
    purpose: Annotated[
        str,
        typer.Option(
            help="What it is for: research, consumer, medical-or-safety; workplace and education "
            "are refused."
        ),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(help="A model folder or a shipped model's name; twice to compare two."),
    ] = None,
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0: everywhere.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="Processes that share the port.", min=1)] = 1,
    jobs: Annotated[
        int | None, typer.Option(help="Pictures searched at once by a worker.", min=1)
    ] = None,
    detector: Annotated[
        str, typer.Option(help="auto, yunet, hog, full-frame; or several: yunet,full-frame.")
    ] = "auto",
    prior: Annotated[
        str | None, typer.Option(help="Operating point: natural or balanced; default the model's.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="Holds the token; made at the first start.")
    ] = None,
    link: Annotated[bool, typer.Option(help="Print the token in the link.")] = True,
    tls_cert: Annotated[Path | None, typer.Option(help="A certificate, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    max_bytes: Annotated[int, typer.Option(help="Of a request.", min=1000)] = 10_000_000,
    max_pixels: Annotated[int, typer.Option(help="Of a picture.", min=256)] = 25_000_000,
    max_images: Annotated[int, typer.Option(help="Of a request.", min=1)] = 16,
    max_faces: Annotated[int, typer.Option(help="Answered of a picture.", min=1)] = 50,
    max_seconds: Annotated[float, typer.Option(help="To send, then to be answered.")] = 10.0,
    queue: Annotated[int, typer.Option(help="Pictures held at once by a worker.", min=1)] = 64,
    rate: Annotated[
        int, typer.Option(help="Pictures a minute and address, by worker; 0: no limit.", min=0)
    ] = 6_000,
    grace: Annotated[int, typer.Option(help="Seconds that a stop waits for answers.", min=0)] = 30,
    engine: Annotated[str, typer.Option(help="local, or ray for a cluster.")] = "local",
) -> None:
    """Serve predictions over REST, and a page to try them on."""
    from mien.core import config
    from mien.core.errors import ConfigError, MissingExtraError
    from mien.serve.purposes import check_purpose
    from mien.serve.settings import ServeSettings
    from mien.serve.tokens import token_file as made

    check_purpose(purpose)
    limits: dict[str, Any] = {
        "bytes": max_bytes,
        "pixels": max_pixels,
        "images": max_images,
        "faces": max_faces,
    }
    limits |= {"seconds": max_seconds, "queue": queue, "per_minute": rate}
    data: dict[str, Any] = {
        "purpose": purpose, "detector": [name.strip() for name in detector.split(",")],
        "prior": prior, "token_file": made(token_file), "jobs": jobs, "limits": limits,
    }  # fmt: skip
    if model:
        data["models"] = model
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
