"""Has anything become slower? Ratios within this run against those that were stored.

    python benchmarks/check.py [--store] [--runs 7]

Seconds of one machine say nothing on another, and little on a busy one. So each figure is a ratio
of two things timed in turns in one run, median by median: what mien does against a fixed amount of
plain work (a matrix product of NumPy on one thread), or against mien itself in another way. What
takes one thread counts by the processor's seconds, which other programs stretch less. A ratio that
exceeds its stored one by more than half fails. --store writes `benchmarks/ratios.json` anew.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import PIL.Image

import mien
from mien.chains.samples import photographs
from mien.core.images import decode
from mien.core.spec import prepare
from mien.faces.finder import Finder

STORED: Final = Path(__file__).with_name("ratios.json")
WORSE: Final = 1.5
SIDE: Final = 350
PHOTOS: Final = 12


def main() -> None:
    """Times, compares with what is stored, and ends with code 1 where something got slower."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--runs", type=int, default=7)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = ratios(_copies(Path(folder)), wanted.runs)
    if wanted.store:
        STORED.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    stored = json.loads(STORED.read_bytes())
    print("| ratio | now | stored | |\n|---|---:|---:|---|")
    slower = []
    for name, ratio in found.items():
        worse = name in stored and ratio > WORSE * stored[name]
        slower += [name] * worse
        print(f"| {name} | {ratio:.3f} | {stored.get(name, 0):.3f} | {'slower' * worse} |")
    if slower:
        raise SystemExit(f"slower by more than half: {', '.join(slower)}")


def ratios(paths: list[str], runs: int) -> dict[str, float]:
    """Returns the ratios by name; less is better."""
    one, all_ = (mien.Predictor(detector="hog", jobs=jobs) for jobs in (1, None))
    images = [decode(path) for path in paths]
    finder = Finder(["hog"], faces="all")
    cuts = [cut.chip for image in images for cut in finder.find(image).cuts]
    chips = np.stack([chip for chip in cuts if chip is not None])
    model = mien.Model(threads=1)
    inputs = np.repeat(prepare(chips, model.spec.preprocess), 4, axis=0)[:32]
    square = np.random.default_rng(0).standard_normal((512, 512)).astype(np.float32)
    work: dict[str, Callable[[], object]] = {
        "product": lambda: [square @ square for _ in range(4)],
        "decode": lambda: [decode(path) for path in paths],
        "find": lambda: [finder.find(image) for image in images],
        "prepare": lambda: prepare(chips, model.spec.preprocess),
        "classify 32": lambda: model.infer(inputs),
        "classify one by one": lambda: [model.infer(inputs[i : i + 1]) for i in range(8)],
        "predict, 1 job": lambda: one.predict(paths),
        "predict, all cores": lambda: all_.predict(paths),
    }
    cv2.setNumThreads(1)
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for number in range(runs + 1):
        for name, function in work.items():
            clock = time.perf_counter if "predict" in name else time.process_time
            begun = clock()
            function()
            if number:
                seconds[name].append(clock() - begun)
    median = {name: statistics.median(some) for name, some in seconds.items()}
    pairs = {
        "decoding a photo to a matrix product": ("decode", "product", len(paths) / 4),
        "finding its faces to a matrix product": ("find", "product", len(paths) / 4),
        "preparing a face to a matrix product": ("prepare", "product", len(chips) / 4),
        "a face in a batch of 32 to a matrix product": ("classify 32", "product", 8),
        "a face in a batch of 32 to one alone": ("classify 32", "classify one by one", 4),
        "a photo with all cores to one with one": ("predict, all cores", "predict, 1 job", 1),
    }
    return {name: round(median[a] / median[b] / n, 4) for name, (a, b, n) in pairs.items()}


def _copies(folder: Path) -> list[str]:
    paths = []
    for number in range(PHOTOS // 2):
        for photograph in photographs():
            path = folder / f"{photograph.stem}-{number}.jpg"
            PIL.Image.fromarray(decode(photograph)).resize((SIDE, SIDE)).save(path, quality=90)
            paths.append(str(path))
    return paths


if __name__ == "__main__":
    main()
