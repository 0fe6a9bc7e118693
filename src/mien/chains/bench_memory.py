"""How much memory a prediction takes: over few pictures and many, and each way to run a network.

Each is measured in a process of its own, started anew, as the most memory that it held at any time
(resident: pages of libraries and of the model's file count where they were touched).
"""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mien.chains.bench_runtimes import inputs_for, ways
from mien.core.errors import MienError
from mien.core.machine import peak_memory
from mien.predictor import Predictor
from mien.runtimes.model import Model

COUNTS: Final = (1, 64, 1024)
"""Of pictures; with 64 all that waits between the steps of a prediction is filled."""
BATCH: Final = 32
_ROUNDS: Final = 4
_MB: Final = 1e6


@dataclass(frozen=True, slots=True)
class _Work:
    """What one process is told."""

    model: str
    runtime: str
    precision: str
    detector: str
    jobs: int
    paths: tuple[str, ...]


def bench_memory(
    photos: Sequence[Path],
    *,
    model: str,
    runtime: str,
    precision: str,
    detector: str,
    jobs: int,
    counts: Sequence[int] = COUNTS,
) -> dict[str, Any]:
    """Measures the most memory of predictions over pictures, and of the network alone.

    Args:
        photos: the pictures, taken again where there are fewer than ``counts`` say.
        model: a model folder, or the name of a shipped model.
        runtime: what runs the network in the predictions.
        precision: what it computes in there.
        detector: the name of the detector.
        jobs: pictures searched at once, and threads of the network.
        counts: over how many pictures each prediction goes; where memory is bounded, the last
            figure is hardly above the first.

    Returns:
        ``jobs``, ``batch`` of the network alone; ``rows`` with ``what`` (``imports`` of mien alone,
        ``prediction``, ``network``), ``runtime``, ``precision``, ``pictures`` and
        ``bytes``; and ``missing``: what could not run, and why.

    Raises:
        StageError: this system does not tell how much memory a process held.
    """
    peak_memory()  # a system that does not tell is told of before any process starts
    wanted = [("imports", "", "", 0)]
    wanted += [("prediction", runtime, precision, count) for count in counts]
    found, missing = ways()
    wanted += [("network", name, numbers, 0) for name, numbers in found]
    rows = []
    for what, name, numbers, count in wanted:
        paths = list(itertools.islice(itertools.cycle(map(str, photos)), count))
        work = _Work(model, name, numbers, detector, jobs, tuple(paths))
        try:
            peak = _alone(_OF[what], work)
        except (MienError, BrokenProcessPool) as error:
            missing[f"{what} {name} {numbers}"] = str(error)
            continue
        rows.append(
            {
                "what": what, "runtime": name, "precision": numbers, "pictures": count,
                "bytes": peak,
            }
        )  # fmt: skip
    return {"jobs": jobs, "batch": BATCH, "rows": rows, "missing": missing}


def memory_markdown(result: dict[str, Any]) -> str:
    """Returns a result of `bench_memory` as a table."""
    lines = [
        (
            "The most memory that a process of its own held (resident), with "
            f"{result['jobs']} threads; the network alone takes {result['batch']} faces at once."
        ),
        "",
        "| | runtime | precision | pictures | MB |",
        "|---|---|---|---:|---:|",
    ]
    lines += [
        f"| {row['what']} | {row['runtime']} | {row['precision']} | {row['pictures'] or ''} | "
        f"{row['bytes'] / _MB:.0f} |"
        for row in result["rows"]
    ]
    return "\n".join([*lines, *(f"\n{name}: {why}" for name, why in result["missing"].items())])


def memory_bars(result: dict[str, Any]) -> dict[str, float]:
    """Returns the bars to draw of a result of `bench_memory`: MB by what was measured."""
    return {
        " ".join(filter(None, (row["what"], row["runtime"], row["precision"],
                               f"{row['pictures']} pictures" if row["pictures"] else ""))):
        row["bytes"] / _MB
        for row in result["rows"]
    }  # fmt: skip


def _alone(function: Callable[[_Work], int], work: _Work) -> int:
    """Returns what a function returns in a new process, which shares nothing with this one."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(function, work).result()


def _of_imports(work: _Work) -> int:
    del work
    return peak_memory()


def _of_prediction(work: _Work) -> int:
    model = Model(work.model, runtime=work.runtime, precision=work.precision, threads=work.jobs)
    for _ in Predictor(model, detector=work.detector, jobs=work.jobs).stream(work.paths):
        pass
    return peak_memory()


def _of_network(work: _Work) -> int:
    model = Model(work.model, runtime=work.runtime, precision=work.precision, threads=work.jobs)
    inputs = inputs_for(model.spec.preprocess, BATCH)
    for _ in range(_ROUNDS):
        model.infer(inputs)
    return peak_memory()


_OF: Final = {
    "imports": _of_imports, "prediction": _of_prediction, "network": _of_network,
}  # fmt: skip
"""What a process does before it says how much memory it held at most."""
