"""``mien bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.options import Precision, Runtime


def bench(
    photos: Annotated[
        list[Path] | None, typer.Argument(help="Pictures or folders; default the demo's, 350x350.")
    ] = None,
    detector: Annotated[str, typer.Option(help="auto, yunet, hog or full-frame.")] = "auto",
    model: Annotated[str, typer.Option(help="A model folder or name.")] = "mien-ferplus-1.0",
    runtime: Runtime = "onnx",
    precision: Precision = "fp32",
    jobs: Annotated[int | None, typer.Option(help="Threads; default one a core.", min=1)] = None,
    runs: Annotated[int, typer.Option(help="How often each is timed.", min=1)] = 5,
    stages: Annotated[
        bool, typer.Option("--stages", help="Time each stage: what is done where nothing is named.")
    ] = False,
    runtimes: Annotated[
        bool,
        typer.Option(
            "--runtimes",
            help="Time the network by runtime, precision, batch and threads, beside the best "
            "matrix product of this machine.",
        ),
    ] = False,
    memory: Annotated[
        bool,
        typer.Option("--memory", help="Memory over few and many pictures, and of each runtime."),
    ] = False,
    networks: Annotated[
        bool,
        typer.Option(
            "--networks",
            help="The thesis's table: 742 pictures through its networks and this model.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="A folder for bench.md, bench.json, bench.png; or a file, .json."),
    ] = None,
) -> None:
    """Time every stage of a prediction on this machine, or measure what else is named."""
    from mien.chains import bench as chain

    named = {"stages": stages, "runtimes": runtimes, "memory": memory, "networks": networks}
    wanted = chain.Bench(
        parts=tuple(name for name, asked in named.items() if asked) or ("stages",),
        photos=tuple(photos) if photos else None,
        model=model,
        runtime=runtime,
        precision=precision,
        detector=detector,
        jobs=jobs,
        runs=runs,
    )
    if out is not None:
        chain.check_out(out)
    result = chain.measure(wanted)
    print(chain.page(result))
    if out is not None:
        print(f"\nlook at {chain.write(result, out)}")
