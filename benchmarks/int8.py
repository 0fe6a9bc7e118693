"""What 8-bit integers cost and bring: accuracy on ``dev`` and speed, by how they are made.

    python benchmarks/int8.py mien-ferplus-1.0 runs/default/crop runs/default/split

One line a variant: size; accuracy and balanced accuracy at the model's own operating point; the
share of answers that are those of the floats; the mean divergence from the floats' probabilities;
and, by batch and threads, images per second with the ratio to the floats. Each variant has its turn
in every round, of which the quickest call counts; ratios are medians over the rounds. Ranges come
from faces of the role ``train``, accuracies from ``dev``.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from mien.core.spec import ModelSpec, normalise
from mien.core.types import Floats
from mien.models.data import FaceArrays, read_faces
from mien.runtimes.model import find
from mien.runtimes.onnx import OnnxRuntime
from mien.runtimes.quantise import KINDS, Recipe, quantise, race

BASE = Recipe()
RECIPES = {
    "**as exported**": BASE,
    "percentile": replace(BASE, calibration="percentile"),
    "entropy": replace(BASE, calibration="entropy"),
    "everything in integers": replace(BASE, whole=True, kinds=(*KINDS, "Sigmoid", "Reshape")),
    "pooling as it was": replace(BASE, rewrite=False),
    "only convolutions": replace(BASE, kinds=("Conv",), rewrite=False),
    "one scale a weight": replace(BASE, per_channel=False),
    "8-bit signed weights": replace(BASE, weights="int8"),
    "8-bit unsigned weights": replace(BASE, weights="uint8"),
    "signed symmetric maps": replace(BASE, activations="int8"),
    "integer operators": replace(BASE, operators="qoperator"),
}
CASES = ((1, 1), (32, 1), (1, 2), (32, 2))
"""Batch size and threads."""


def drawn(faces: Path, split: Path, spec: ModelSpec, n: int, seed: int) -> Floats:
    """Returns training faces, as inputs: (n, channels, size, size) float32."""
    found = read_faces(faces, split, ("train",), spec.preprocess)
    order = np.random.default_rng(seed).permutation(len(found))
    return normalise(found.pixels[np.sort(order[:n])], spec.preprocess)


def probabilities(path: Path, inputs: Floats, spec: ModelSpec) -> Floats:
    """Returns the network's probabilities (n, 7) at its own operating point."""
    runtime = OnnxRuntime(path)
    logits = [runtime.infer(inputs[i : i + 64]) for i in range(0, len(inputs), 64)]
    return spec.probabilities(np.concatenate(logits))


def quality(found: Floats, wanted: Floats, dev: FaceArrays) -> list[str]:
    """Returns accuracy, balanced accuracy, agreement and divergence, as cells of the table."""
    answers, labels = found.argmax(1), dev.labels
    balanced = np.mean([(answers[labels == k] == k).mean() for k in np.unique(labels)])
    divergence = (wanted * np.log((wanted + 1e-9) / (found + 1e-9))).sum(1).mean()
    shares = ((answers == labels).mean(), balanced, (answers == wanted.argmax(1)).mean())
    return [*(f"{100 * share:.2f}" for share in shares), f"{divergence:.5f}"]


def speed(paths: dict[str, Path], inputs: Floats, rounds: int) -> dict[str, list[str]]:
    """Returns images per second and the ratio to the first network, by variant and case."""
    cells: dict[str, list[str]] = {name: [] for name in paths}
    for size, threads in CASES:
        runtimes = {name: OnnxRuntime(path, threads=threads) for name, path in paths.items()}
        times = race(runtimes, inputs[:size], rounds=rounds, seconds=0.3)
        first = next(iter(times.values()))
        for name, seconds in times.items():
            rate, ratio = size / np.median(seconds), np.median(first / seconds)
            cells[name].append(f"{rate:.0f} ({ratio:.2f})")
    return cells


def main() -> None:
    """Makes each variant, measures all of them and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", help="a model folder, or the name of a shipped one")
    parser.add_argument("faces", type=Path, help="the folder that crop wrote")
    parser.add_argument("split", type=Path, help="the folder that split wrote")
    parser.add_argument("--calibration-faces", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    folder = find(given.model)
    spec = ModelSpec.read(folder / "spec.json")
    ranges = drawn(given.faces, given.split, spec, given.calibration_faces, given.seed)
    dev = read_faces(given.faces, given.split, ("dev",), spec.preprocess).labelled()
    inputs = normalise(dev.pixels, spec.preprocess)
    paths = {"floats": folder / "model.onnx"}
    with tempfile.TemporaryDirectory() as work:
        for number, (name, recipe) in enumerate(RECIPES.items()):
            paths[name] = Path(work, f"{number}.onnx")
            paths[name].write_bytes(quantise(paths["floats"].read_bytes(), ranges, recipe))
        wanted = probabilities(paths["floats"], inputs, spec)
        seconds = speed(paths, inputs, given.rounds)
        cases = [f"batch {size}, {n} thread{'s' * (n > 1)}" for size, n in CASES]
        head = ["variant", "MB", "dev accuracy", "balanced", "same answers", "divergence", *cases]
        print("|", " | ".join(head), "|")
        print("|---" * len(head) + "|")
        for name, path in paths.items():
            cells = quality(probabilities(path, inputs, spec), wanted, dev)
            size = f"{path.stat().st_size / 1e6:.2f}"
            print("|", " | ".join([name, size, *cells, *seconds[name]]), "|", flush=True)


if __name__ == "__main__":
    main()
