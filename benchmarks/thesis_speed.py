"""The thesis's table of inference: 742 pictures through each network, from file to answer.

    python benchmarks/thesis_speed.py PHOTOS [--count 742] [--runtime openvino] [--precision int8]
        [--detector yunet] [--model FOLDER]... [--networks alexnet vgg16 resnet101]

PHOTOS is a folder of photographs; where it holds fewer than --count, they are taken again. Networks
without a trained model folder (--model) get random weights, which take the same time; their 8-bit
form is calibrated on the photos. Prints pictures a second with detection beside the thesis's on
four virtual cores, the network alone, and how often 8 bits give the floats' top class.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from mien.core import registry
from mien.core.artifact import digest, write_json
from mien.core.images import decode, find_images
from mien.core.labels import CLASSES
from mien.core.machine import cores
from mien.core.spec import ModelSpec, prepare
from mien.core.types import Image
from mien.faces.finder import Finder, resolved
from mien.predictor import Predictor
from mien.runtimes.model import Model
from mien.runtimes.quantise import quantise
from mien.stages.export import to_onnx

THESIS = {"resnet101": 742 / 11405, "vgg16": 742 / 1854, "alexnet": 742 / 349}
"""Pictures a second on four virtual cores: 3 h 10 min 5 s, 30 min 54 s, 5 min 49 s for 742."""
CALIBRATION = 64


class Case(NamedTuple):
    """A network to time, and whether its weights were trained."""

    name: str
    folder: Path
    trained: bool


def main() -> None:
    """Reads the command line, makes what is missing, times, prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=742)
    parser.add_argument("--runtime", default="openvino")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--detector", default="yunet")
    parser.add_argument("--model", type=Path, action="append", default=[])
    parser.add_argument("--networks", nargs="*", default=list(THESIS))
    wanted = parser.parse_args()
    paths = sorted(find_images(wanted.photos))
    paths = list(itertools.islice(itertools.cycle(paths), wanted.count))
    print("| network | weights | pictures/s, all | the thesis's | times | network alone, faces/s |")
    print("|---|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as work:
        chips = _chips(paths[:CALIBRATION], wanted.detector)
        cases = [Case(ModelSpec.read(f / "spec.json").network, f, True) for f in wanted.model]
        cases += [Case(n, _made(n, chips, Path(work, n)), False) for n in wanted.networks]
        for case in cases:
            _time(case, paths, chips, wanted)


def _time(case: Case, paths: list[Path], chips: list[Image], wanted: argparse.Namespace) -> None:
    model = Model(case.folder, runtime=wanted.runtime, precision=wanted.precision, threads=cores())
    predictor = Predictor(model, detector=wanted.detector)
    names = [str(path) for path in paths]
    predictor.predict(names[:8])
    begun = time.perf_counter()
    found = predictor.predict(names)
    rate = len(paths) / (time.perf_counter() - begun)
    inputs = prepare(np.stack(chips), model.spec.preprocess)[:32]
    begun = time.perf_counter()
    for _ in range(5):
        model.infer(inputs)
    alone = 5 * len(inputs) / (time.perf_counter() - begun)
    theirs = THESIS.get(case.name)
    beside = f"{theirs:.3f} | {rate / theirs:.0f}" if theirs else "| "
    kind = "trained" if case.trained else "random"
    print(f"| {case.name} | {kind} | {rate:.1f} | {beside} | {alone:.1f} |", flush=True)
    if case.trained and wanted.precision != "fp32":
        exact = Predictor(Model(case.folder, threads=cores()), detector=wanted.detector)
        pairs = zip(exact.predict(names), found, strict=True)
        same = [a.expression == b.expression for a, b in pairs if a.expression]
        print(f"\n{case.name}: {100 * np.mean(same):.2f} % of {len(same)} faces as with floats\n")


def _made(name: str, chips: list[Image], folder: Path) -> Path:
    """Returns a model folder of a network with random weights, in floats and 8 bits."""
    folder.mkdir()
    torch.manual_seed(0)
    kind = registry.load("networks", name)()
    whole = to_onnx(kind.build(len(CLASSES)).eval(), kind.preprocess, 18)
    (folder / "model.onnx").write_bytes(whole)
    inputs = prepare(np.stack(chips), kind.preprocess)
    (folder / "model.int8.onnx").write_bytes(quantise(whole, inputs))
    spec = ModelSpec(
        name=name, network=name, preprocess=kind.preprocess, weight_licence="none: random",
        commercial_use="unknown", files={file.name: digest(file) for file in folder.iterdir()},
    )  # fmt: skip
    write_json(folder / "spec.json", spec.model_dump(mode="json"))
    return folder


def _chips(paths: list[Path], detector: str) -> list[Image]:

    finder = Finder(resolved([detector]))
    cuts = [cut for path in paths for cut in finder.find(decode(path)).cuts]
    return [cut.chip for cut in cuts if cut.chip is not None]


if __name__ == "__main__":
    main()
