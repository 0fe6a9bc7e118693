"""``mien bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def bench(
    photos: Annotated[
        list[Path] | None, typer.Argument(help="Pictures or folders; default the demo's, 350x350.")
    ] = None,
    detector: Annotated[str, typer.Option(help="auto, yunet, hog or full-frame.")] = "auto",
    model: Annotated[str, typer.Option(help="A model folder or name.")] = "mien-ferplus-1.0",
    jobs: Annotated[int | None, typer.Option(help="Threads; default one a core.", min=1)] = None,
    runs: Annotated[int, typer.Option(help="How often each is timed.", min=1)] = 5,
    runtimes: Annotated[
        bool,
        typer.Option(
            "--runtimes",
            help="Time the network instead, by runtime, precision, batch and threads, beside the "
            "best matrix product of this machine.",
        ),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the result here, JSON.")] = None,
) -> None:
    """Time every stage of a prediction on this machine, or the network in every way it can run."""
    from mien.chains.bench_runtimes import bench_runtimes, runtimes_markdown
    from mien.chains.benchmark import as_markdown, benchmark, listed
    from mien.core.artifact import write_json
    from mien.core.machine import cores
    from mien.predictor import Predictor

    if runtimes:
        threads = [jobs] if jobs else sorted({1, cores()})
        result = bench_runtimes(model, threads, runs=runs)
        print(runtimes_markdown(result))
    else:
        with listed(photos) as paths:
            predictor = Predictor(model, detector=detector, jobs=jobs)
            result = benchmark(paths, predictor, detector, runs)
        print(as_markdown(result))
    if out is not None:
        write_json(out, result)
