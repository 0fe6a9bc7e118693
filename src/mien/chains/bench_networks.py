"""The thesis's table of inference: its 742 pictures through networks, from file to answer."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mien.core.artifact import digest, write_json
from mien.core.errors import InputError, MissingExtraError, ModelError
from mien.core.images import decode
from mien.core.machine import cores
from mien.core.progress import track
from mien.core.spec import ModelSpec, prepare
from mien.faces.finder import Finder, resolved
from mien.predictor import Predictor
from mien.runtimes.model import SPEC, WEIGHTS, Model, find

THESIS: Final = {"resnet101": 742 / 11405, "vgg16": 742 / 1854, "alexnet": 742 / 349}
"""Pictures a second on four virtual cores: 3 h 10 min 5 s, 30 min 54 s, 5 min 49 s for 742."""
COUNT: Final = 742
BATCHES: Final = (16, 32)
"""Faces at once that are tried: which is quicker depends on the network and the machine. With few,
what passes from layer to layer stays in the processor's cache; with many, threads wait less."""
_CALIBRATION: Final = 64
_ALONE: Final = 64
"""Faces in one timing of the network alone."""
_INT8: Final = "model.int8.onnx"
_OPSET: Final = 18


@dataclass(frozen=True, slots=True)
class NetworksBench:
    """What to time, and how.

    Attributes:
        models: folders or names of trained models.
        networks: names of networks that get random weights, which take the same time; their 8-bit
            form is calibrated on the pictures.
        runtime: the name of the runtime.
        precision: what it computes in.
        detector: the name of the detector.
        count: how many pictures.
        runs: how often each is timed; the median counts.
        jobs: pictures searched at once, and threads of the network; None takes every core.
    """

    models: tuple[str, ...] = ()
    networks: tuple[str, ...] = tuple(THESIS)
    runtime: str = "onnx"
    precision: str = "fp32"
    detector: str = "auto"
    count: int = COUNT
    runs: int = 3
    jobs: int | None = None


def bench_networks(photos: Sequence[Path], wanted: NetworksBench) -> dict[str, Any]:
    """Times each network with everything before it, after a warm-up, and alone.

    The network alone is timed with each of `BATCHES` faces at once, in turns, and the quicker
    number is what the whole chain then uses.

    Args:
        photos: the pictures, taken again where there are fewer than wanted.
        wanted: what to time.

    Returns:
        The settings, and ``rows`` with ``network``, ``trained``, ``pictures_per_second`` (median,
        with ``slowest`` and ``fastest``), the ``thesis``'s rate or None, ``alone`` (faces a second
        by batch), the ``batch`` taken, and ``agreement``: the share of faces with the same top
        class as with floats, for trained networks in another precision, else None; and
        ``missing``: what could not run, and why.

    Raises:
        InputError: no picture holds a face, or there is no picture.
        ModelError: there is no such model.
        UnknownNameError: a network, runtime or detector has no such name.
        MissingExtraError: torch, which makes the networks, or the runtime is not installed.
    """
    paths = list(itertools.islice(itertools.cycle(map(str, photos)), wanted.count))
    chips = _chips(paths[:_CALIBRATION], wanted.detector)
    for name in wanted.models:
        find(name)  # a wrong name is told now
    rows, missing = [], {}
    with tempfile.TemporaryDirectory() as work:
        names = [*wanted.models, *wanted.networks]
        for number, name in enumerate(track(names, "bench", len(names))):
            trained = number < len(wanted.models)
            folder = name if trained else str(made(name, chips, Path(work, name), wanted.precision))
            try:
                row = _row(folder, paths, chips, wanted, check=trained)
            except ModelError as error:
                missing[name] = str(error)
                continue
            rows.append({"trained": trained, **row})
    return {
        "runtime": wanted.runtime, "precision": wanted.precision, "detector": wanted.detector,
        "pictures": len(paths), "runs": wanted.runs, "threads": wanted.jobs or cores(),
        "rows": rows, "missing": missing,
    }  # fmt: skip


def networks_markdown(result: dict[str, Any]) -> str:
    """Returns a result of `bench_networks` as a table."""
    lines = [
        (
            f"{result['pictures']} pictures, detector {result['detector']}, {result['runtime']} "
            f"{result['precision']}, {result['threads']} threads, median of {result['runs']} runs. "
            "The thesis: four virtual cores."
        ),
        "",
        (
            "| network | weights | pictures/s, all | slowest to fastest | the thesis's | times | "
            "network alone, faces/s by batch | batch taken | as with floats |"
        ),
        "|---|---|---:|---|---:|---:|---|---:|---:|",
    ]
    for row in result["rows"]:
        rate, theirs, same = row["pictures_per_second"], row["thesis"], row["agreement"]
        beside = f"{theirs:.3f} | {rate / theirs:.0f}" if theirs else " | "
        alone = ", ".join(f"{batch}: {fast:.1f}" for batch, fast in row["alone"].items())
        lines.append(
            f"| {row['network']} | {'trained' if row['trained'] else 'random'} | {rate:.1f} | "
            f"{row['slowest']:.1f} to {row['fastest']:.1f} | {beside} | {alone} | {row['batch']} | "
            f"{'' if same is None else f'{100 * same:.2f} %'} |"
        )
    return "\n".join([*lines, *(f"\n{name}: {why}" for name, why in result["missing"].items())])


def made(name: str, chips: npt.NDArray[np.uint8], folder: Path, precision: str) -> Path:
    """Writes a model folder of a network with random weights.

    Args:
        name: the network's name in the registry.
        chips: (n, 256, 256, 3) uint8: what the 8-bit form is calibrated on.
        folder: the folder to make.
        precision: ``int8`` also writes that form.

    Returns:
        ``folder``.

    Raises:
        UnknownNameError: there is no such network.
        MissingExtraError: torch or ONNX is not installed.
    """
    try:
        from mien.models.untrained import untrained
        from mien.runtimes.quantise import quantise
        from mien.stages.export import to_onnx
    except ModuleNotFoundError as error:
        raise MissingExtraError("Making networks to time", "train") from error
    folder.mkdir(parents=True)
    network, preprocess = untrained(name)
    whole = to_onnx(network, preprocess, _OPSET)
    (folder / WEIGHTS).write_bytes(whole)
    if precision == "int8":
        (folder / _INT8).write_bytes(quantise(whole, prepare(chips, preprocess)))
    spec = ModelSpec(
        name=name, network=name, preprocess=preprocess, weight_licence="none: random",
        commercial_use="unknown", files={file.name: digest(file) for file in folder.iterdir()},
    )  # fmt: skip
    write_json(folder / SPEC, spec.model_dump(mode="json"))
    return folder


def _row(
    folder: str,
    paths: list[str],
    chips: npt.NDArray[np.uint8],
    wanted: NetworksBench,
    *,
    check: bool,
) -> dict[str, Any]:
    """Returns the figures of one model; ``check`` compares its answers with those of floats."""
    threads = wanted.jobs or cores()
    model = Model(folder, runtime=wanted.runtime, precision=wanted.precision, threads=threads)
    alone = _alone(model, chips, wanted.runs)
    batch = max(alone, key=alone.__getitem__)
    model.batch_size = batch
    predictor = Predictor(model, detector=wanted.detector, jobs=threads, batch_size=batch)
    predictor.predict(paths[: 2 * batch])
    seconds = [_seconds(lambda: predictor.predict(paths)) for _ in range(wanted.runs)]
    agreement = None
    if check and wanted.precision != "fp32":
        exact = Predictor(Model(folder, threads=threads), detector=wanted.detector, jobs=threads)
        pairs = zip(exact.predict(paths), predictor.predict(paths), strict=True)
        agreement = float(np.mean([a.expression == b.expression for a, b in pairs if a.expression]))
    return {
        "network": model.spec.network,
        "pictures_per_second": len(paths) / statistics.median(seconds),
        "slowest": len(paths) / max(seconds),
        "fastest": len(paths) / min(seconds),
        "thesis": THESIS.get(model.spec.network),
        "alone": alone,
        "batch": batch,
        "agreement": agreement,
    }


def _alone(model: Model, chips: npt.NDArray[np.uint8], runs: int) -> dict[int, float]:
    """Returns how many faces a second the network alone takes, by how many go in at once."""
    chosen = np.resize(chips, (_ALONE, *chips.shape[1:]))  # taken again where there are fewer
    inputs = prepare(chosen, model.spec.preprocess)

    def through(batch: int) -> None:
        for start in range(0, _ALONE, batch):
            model.infer(inputs[start : start + batch])

    took: dict[int, list[float]] = {batch: [] for batch in BATCHES}
    for batch in BATCHES:
        through(batch)
    for _ in range(runs):  # in turns: a machine whose speed drifts is fair to each
        for batch, seconds in took.items():
            seconds.append(_seconds(lambda size=batch: through(size)))  # type: ignore[misc]  # mypy does not infer its default
    return {batch: _ALONE / statistics.median(seconds) for batch, seconds in took.items()}


def _seconds(function: Callable[[], object]) -> float:
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def _chips(paths: Sequence[str], detector: str) -> npt.NDArray[np.uint8]:
    """Returns the chips of every face of some pictures, (n, 256, 256, 3)."""
    finder = Finder(resolved([detector]))
    cuts = [cut for path in paths for cut in finder.find(decode(path)).cuts]
    chips = [cut.chip for cut in cuts if cut.chip is not None]
    if not chips:
        raise InputError("No face was found to time. Name photographs of people.")
    return np.stack(chips)
