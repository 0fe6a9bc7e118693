"""How fast a model answers by runtime, precision, batch and threads, beside the machine's limit."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from mien.core import registry
from mien.core.errors import MienError, MissingExtraError
from mien.core.spec import Preprocess
from mien.core.types import Floats
from mien.runtimes.model import Model

BATCHES: Final = (1, 8, 32)
_FACES: Final = 256


def bench_runtimes(
    model: str, threads: Sequence[int], batches: Sequence[int] = BATCHES, runs: int = 5
) -> dict[str, Any]:
    """Times a model's network in every way that this machine can run it.

    Every way has its turn in every round, so that a machine whose speed drifts is fair to all.

    Args:
        model: a model folder, or the name of a shipped model.
        threads: numbers of threads to try.
        batches: numbers of faces that go through at once.
        runs: rounds; the median counts.

    Returns:
        ``limits`` by number of threads (10^9 operations a second by precision, and of memory
        10^9 bytes), ``operations`` a face, ``rows`` with faces a second and the share of the limit,
        and ``missing``: what could not run, and why.

    Raises:
        ModelError: the model is missing or altered.
        MissingExtraError: torch, which measures the limits, is not installed.
    """
    try:
        from mien.models.limits import memory_rate, operations, product_rates
    except ModuleNotFoundError as error:
        raise MissingExtraError("Measuring the limits of this machine", "train") from error
    spec = Model(model, threads=1).spec
    flops = operations(spec.network)
    ways, missing = _loaded(model, threads)
    seconds: dict[tuple[str, str, int, int], list[float]] = {}
    for _ in range(runs):
        for (runtime, precision, count), loaded in ways.items():
            for batch in batches:
                took = _seconds(loaded, inputs_for(spec.preprocess, batch))
                seconds.setdefault((runtime, precision, count, batch), []).append(took)
    limits = {count: {**product_rates(count), "memory": memory_rate(count)} for count in threads}
    rows = []
    for (runtime, precision, count, batch), all_ in seconds.items():
        rate = 1 / statistics.median(all_)
        rows.append(
            {
                "runtime": runtime, "precision": precision, "threads": count, "batch": batch,
                "faces_per_second": round(rate, 1),
                "share_of_limit": round(rate * flops / 1e9 / limits[count][precision], 4),
            }
        )  # fmt: skip
    return {"limits": limits, "operations": flops, "rows": rows, "missing": missing}


def runtimes_markdown(result: dict[str, Any]) -> str:
    """Returns a result of `bench_runtimes` as two tables."""
    lines = ["| threads | " + " | ".join(next(iter(result["limits"].values()))) + " |"]
    lines.append("|---" * (len(next(iter(result["limits"].values()))) + 1) + "|")
    for count, rates in result["limits"].items():
        lines.append(f"| {count} | " + " | ".join(f"{rate:.0f}" for rate in rates.values()) + " |")
    lines += [
        "",
        (
            "Limits in 10^9 operations a second (memory: bytes). "
            f"A face takes {result['operations'] / 1e6:.1f} million operations."
        ),
        "",
        "| runtime | precision | threads | batch | faces/s | of the limit |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for row in result["rows"]:
        lines.append(
            f"| {row['runtime']} | {row['precision']} | {row['threads']} | {row['batch']} | "
            f"{row['faces_per_second']:.0f} | {100 * row['share_of_limit']:.0f} % |"
        )
    return "\n".join([*lines, *(f"\n{name}: {why}" for name, why in result["missing"].items())])


def ways() -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Returns every runtime here with every precision it has, and the runtimes that lack a library.

    A model may still lack the file that a precision takes, and a processor the precision.
    """
    found, missing = [], {}
    for runtime in registry.names("runtimes"):
        try:
            found += [
                (runtime, precision) for precision in registry.load("runtimes", runtime).files
            ]
        except ModuleNotFoundError as error:
            missing[runtime] = f"{error.name} is not installed"
    return found, missing


def _loaded(
    model: str, threads: Sequence[int]
) -> tuple[dict[tuple[str, str, int], Model], dict[str, str]]:
    found = {}
    named, missing = ways()
    for runtime, precision in named:
        for count in threads:
            try:
                loaded = Model(model, runtime=runtime, precision=precision, threads=count)
            except MienError as error:
                missing[f"{runtime} {precision}"] = str(error)
                break
            found[runtime, precision, count] = loaded
    return found, missing


def inputs_for(preprocess: Preprocess, batch: int) -> Floats:
    """Returns random inputs, (batch, channels, size, size) float32, the same in every call."""
    shape = (batch, preprocess.channels, preprocess.input_size, preprocess.input_size)
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def _seconds(model: Model, inputs: Floats) -> float:
    """Returns the seconds that one face takes, in a batch, after one that does not count."""
    model.infer(inputs)
    times = max(1, _FACES // len(inputs))
    begun = time.perf_counter()
    for _ in range(times):
        model.infer(inputs)
    return (time.perf_counter() - begun) / times / len(inputs)
