"""`mien bench`: what was asked for is measured, and written as a page, as JSON and as a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mien.chains.bench_machine import described, machine_markdown
from mien.chains.bench_memory import bench_memory, memory_bars, memory_markdown
from mien.chains.bench_networks import NetworksBench, bench_networks, networks_markdown
from mien.chains.bench_runtimes import bench_runtimes, runtimes_markdown
from mien.chains.benchmark import as_markdown, benchmark, listed
from mien.core.artifact import atomic, write_json
from mien.core.errors import ConfigError
from mien.core.machine import cores
from mien.plots.bench import Bars, Rates
from mien.plots.bench import bench as draw
from mien.plots.figure import new_figure
from mien.predictor import Predictor
from mien.runtimes.model import DEFAULT, Model

PARTS: Final = {
    "stages": "Each stage apart, and all together",
    "runtimes": "The network by runtime, precision, batch and threads",
    "memory": "Memory",
    "networks": "The thesis's pictures through networks",
}
"""What can be measured, in this order, and its headline."""
PAGE: Final = "bench.md"
RESULT: Final = "bench.json"
FIGURE: Final = "bench.png"
_WORDS: Final = {
    "stages": as_markdown,
    "runtimes": runtimes_markdown,
    "memory": memory_markdown,
    "networks": networks_markdown,
}


@dataclass(frozen=True, slots=True)
class Bench:
    """What to measure.

    Attributes:
        parts: names out of `PARTS`.
        photos: pictures or folders; None takes the demonstration's.
        model: a model folder, or the name of a shipped model.
        runtime: what runs its network in ``stages``, in a prediction's ``memory`` and in
            ``networks``; ``precision`` likewise.
        detector: the name of the detector.
        jobs: threads; None takes one a core, and 1 beside it for ``runtimes``.
        runs: how often each is timed; the median counts.
    """

    parts: tuple[str, ...]
    photos: tuple[Path, ...] | None = None
    model: str = DEFAULT
    runtime: str = "onnx"
    precision: str = "fp32"
    detector: str = "auto"
    jobs: int | None = None
    runs: int = 5


def measure(wanted: Bench) -> dict[str, Any]:
    """Measures parts, one after the other.

    Returns:
        ``machine``, as `described` tells it, and ``parts``: the result of each, by name.

    Raises:
        ConfigError: there is no such part.
        NoImagesError: a folder holds no picture.
        InputError: no picture holds a face.
        ModelError: the model is missing, altered, or lacks the precision.
        MissingExtraError: what a part needs is not installed.
        StageError: memory is asked for on a system that does not tell it.
    """
    strangers = sorted({*wanted.parts} - {*PARTS})
    if strangers or not wanted.parts:
        raise ConfigError(f"Nothing to measure ({strangers}). Known parts: {', '.join(PARTS)}.")
    found: dict[str, Any] = {}
    parts = [part for part in PARTS if part in wanted.parts]
    if parts == ["runtimes"]:  # which needs no picture
        found["runtimes"] = _measured("runtimes", wanted, [])
    else:
        with listed(wanted.photos) as photos:
            for part in parts:
                found[part] = _measured(part, wanted, photos)
    return {"machine": described(), "parts": found}


def page(result: Mapping[str, Any]) -> str:
    """Returns a result of `measure` as Markdown."""
    parts = [f"## {PARTS[name]}\n\n{_WORDS[name](part)}" for name, part in result["parts"].items()]
    return "\n\n".join([machine_markdown(result["machine"]), *parts])


def check_out(out: Path) -> None:
    """Tells before anything is measured what would keep `write` from writing.

    Raises:
        ConfigError: ``out`` is a file that does not end in ``.json``.
        MissingExtraError: a figure is wanted, and matplotlib is not installed.
    """
    if out.suffix == ".json":
        return
    if out.is_file():
        raise ConfigError(f"{out} is a file. Name a folder, or a file that ends in .json.")
    new_figure(1, 1)


def write(result: Mapping[str, Any], out: Path) -> Path:
    """Writes a result of `measure`.

    Args:
        result: what to write.
        out: a folder, which takes ``bench.md``, ``bench.json`` and, where there is something
            to draw, ``bench.png``; or a file that
            ends in ``.json``, which takes the result alone.

    Returns:
        ``out``.

    Raises:
        MissingExtraError: a figure is wanted, and matplotlib is not installed.
    """
    if out.suffix == ".json":
        write_json(out, result)
        return out
    drawn, text = panels(result), f"# Speed and memory\n\n{page(result)}\n"
    if drawn:
        draw(drawn, out / FIGURE)
        text += f"\n![The figures drawn]({FIGURE})\n"
    write_json(out / RESULT, result)
    with atomic(out / PAGE, "w") as file:
        file.write(text)
    return out


def panels(result: Mapping[str, Any]) -> list[Bars | Rates]:
    """Returns what to draw of a result of `measure`; nothing of a part in which nothing ran."""
    drawn: list[Bars | Rates] = []
    for name, part in result["parts"].items():
        if name == "stages":
            values = {k: 1000 * row["median"] / row["items"] for k, row in part["stages"].items()}
            drawn.append(Bars("Stages", "ms an item", values))
        elif name == "runtimes":
            drawn += [_rates(part, threads) for threads in part["limits"]]
        elif name == "memory":
            drawn.append(Bars("Memory at most", "MB", memory_bars(part)))
        else:
            drawn.append(_networks(part["rows"]))
    return [panel for panel in drawn if isinstance(panel, Rates) or panel.values]


def _measured(part: str, wanted: Bench, photos: Sequence[Path]) -> dict[str, Any]:
    threads = wanted.jobs or cores()
    if part == "stages":
        model = Model(
            wanted.model, runtime=wanted.runtime, precision=wanted.precision, threads=threads
        )
        predictor = Predictor(model, detector=wanted.detector, jobs=threads)
        timed: dict[str, Any] = benchmark(photos, predictor, wanted.detector, wanted.runs)
        return timed
    if part == "runtimes":
        tried = [wanted.jobs] if wanted.jobs else sorted({1, threads})
        return bench_runtimes(wanted.model, tried, runs=wanted.runs)
    if part == "memory":
        return bench_memory(
            photos,
            model=wanted.model,
            runtime=wanted.runtime,
            precision=wanted.precision,
            detector=wanted.detector,
            jobs=threads,
        )
    settings = NetworksBench(
        models=(wanted.model,),
        runtime=wanted.runtime,
        precision=wanted.precision,
        detector=wanted.detector,
        runs=wanted.runs,
        jobs=threads,
    )
    return bench_networks(photos, settings)


def _rates(part: Mapping[str, Any], threads: int) -> Rates:
    lines: dict[str, list[tuple[int, float]]] = {}
    for row in part["rows"]:
        if row["threads"] == threads:
            points = lines.setdefault(f"{row['runtime']} {row['precision']}", [])
            points.append((row["batch"], row["faces_per_second"]))
    limits = {
        name: 1e9 * rate / part["operations"]
        for name, rate in part["limits"][threads].items()
        if name != "memory"
    }
    title = f"The network, {threads} thread{'' if threads == 1 else 's'}, and matrix products"
    return Rates(title, "faces/s", lines, limits)


def _networks(rows: Sequence[Mapping[str, Any]]) -> Bars:
    names = [f"{row['network']}{' (trained)' if row['trained'] else ''}" for row in rows]
    values = {n: row["pictures_per_second"] for n, row in zip(names, rows, strict=True)}
    marks = {n: row["thesis"] for n, row in zip(names, rows, strict=True) if row["thesis"]}
    title = "From file to answer"
    return Bars(title, "pictures/s", values, marks, "the thesis, four cores", powers=True)
