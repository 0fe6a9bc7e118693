"""The command ``mien weights``: what a network can start from, and how it comes in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(invoke_without_command=True)


@app.callback()
def weights(context: typer.Context) -> None:
    """List the published weights that networks start from, or convert a file of them."""
    if context.invoked_subcommand is None:
        from mien.chains.weights import listing

        print(listing())


@app.command()
def convert(
    file: Annotated[
        Path, typer.Argument(help="Weights: .safetensors, .pth, .pt, .ckpt, .tar, .caffemodel.")
    ],
    network: Annotated[str, typer.Option(help="The network that they are for.")],
    start: Annotated[
        Literal["imagenet", "face"] | None,
        typer.Option(help="What they learned on; not needed for a listed file."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The .safetensors to write; default in the cache folder.")
    ] = None,
    prototxt: Annotated[
        Path | None, typer.Option(help="A .caffemodel's description; default beside it.")
    ] = None,
) -> None:
    """Convert a file of weights to a network's own names, once, for training to start from."""
    from mien.chains.weights import convert

    print(convert(file, network, start=start, out=out, prototxt=prototxt))
