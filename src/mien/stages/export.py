"""`export`: a trained model folder -> the folder that predicts: ONNX, checked against torch.

Beside it stands the network in 8-bit integers, checked against the floats on ``dev``. Its ranges
come from training faces; ``test`` and ``unseen`` are not looked at here.
"""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import warnings
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn

from mien.core import catalogue, images, registry
from mien.core.artifact import StageFolder, atomic, digest, read_meta, write_json
from mien.core.config import StageConfig
from mien.core.errors import DataError, StageError
from mien.core.spec import ModelSpec, Preprocess, prepare
from mien.core.types import Floats
from mien.models.checkpoint import load_weights, read_weights
from mien.models.data import read_faces, role_keys
from mien.models.inference import inputs_of
from mien.runtimes.onnx import OnnxRuntime
from mien.runtimes.quantise import plain, quantise, race
from mien.runtimes.torch import TorchRuntime

SPEC: Final = "spec.json"
WEIGHTS: Final = "weights.safetensors"
NETWORK: Final = "model.onnx"
INT8: Final = "model.int8.onnx"
_TIMED: Final = (1, 32)
"""The batch sizes that the speed is measured at."""


class ExportConfig(StageConfig):
    """The settings of `export`.

    Attributes:
        tolerance: the largest difference between torch's and ONNX Runtime's logits.
        faces: how many faces, or random inputs where none are given, the two are compared on.
        opset: the version of ONNX's operators.
        weights: whether ``weights.safetensors`` travels along.
        max_megabytes: the largest ``model.onnx``; None for no limit.
        int8: whether to make ``model.int8.onnx``; ``auto``: where faces and roles are given.
        calibration_faces: how many training faces give the ranges of the 8 bits.
        max_int8_loss: the largest loss of accuracy on ``dev``, in points (hundredths), at the
            model's operating point; one face is allowed to differ where ``dev`` is tiny.
        seed: of the choice of calibration faces.
    """

    tolerance: float = Field(default=1e-4, gt=0)
    faces: int = Field(default=128, ge=1)
    opset: int = Field(default=18, ge=18)
    weights: bool = True
    max_megabytes: float | None = Field(default=None, gt=0)
    int8: Literal["auto"] | bool = "auto"
    calibration_faces: int = Field(default=512, ge=1)
    max_int8_loss: float = Field(default=0.5, ge=0)
    seed: int = Field(default=0, ge=0)


def export(
    config: ExportConfig,
    model: Path,
    out: Path,
    *,
    faces: Path | None = None,
    split: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Writes a trained network as ONNX and checks that it answers as torch does.

    Args:
        config: the settings.
        model: the stage folder of `train`: ``weights.safetensors`` and ``spec.json``.
        out: the model folder to make: ``model.onnx`` (any batch size, norms folded into the
            convolutions), ``model.int8.onnx``, ``spec.json`` with the sha256 of each file,
            ``parity.json``.
        faces: the stage folder of `crop`, to compare on real chips; random inputs where not given.
        split: the stage folder of `split`, for the roles of the faces; without it no integers.
        overwrite: throw away what stands at ``out`` with other settings.

    Returns:
        ``out``.

    Raises:
        StageError: the networks disagree, the file is larger than allowed, or integers were asked
            for without faces and roles.
        ModelError: the model folder is incomplete.
        DataError: the faces hold none of the role ``train`` or ``dev``.
    """
    integers = _wants_integers(config, faces, split)
    given = {"model": model, "faces": faces, "split": split}
    inputs = {name: path for name, path in given.items() if path is not None}
    folder = StageFolder(out, "export", config, inputs, overwrite=overwrite)
    if folder.done:
        return out
    spec = ModelSpec.read(model / SPEC)
    network = registry.load("networks", spec.network)().build(len(spec.classes))
    load_weights(network, read_weights(model / WEIGHTS), str(model / WEIGHTS))
    path = folder.work / NETWORK
    with atomic(path) as file:
        file.write(to_onnx(network.eval(), spec.preprocess, config.opset))
    megabytes = path.stat().st_size / 1e6
    if config.max_megabytes is not None and megabytes > config.max_megabytes:
        raise StageError(
            f"{NETWORK} has {megabytes:.1f} MB, more than the {config.max_megabytes:g} MB that "
            "max_megabytes allows. Train a smaller network, or raise the limit."
        )
    batch = _batch(config, spec.preprocess, faces, split)
    parity = _parity(config, model, path, batch[: config.faces])
    counts: dict[str, Any] = {**parity, "megabytes": round(megabytes, 3)}
    if integers and faces is not None and split is not None:
        with atomic(folder.work / INT8) as file:
            file.write(quantise(path.read_bytes(), batch))
        parity["int8"] = _int8_parity(config, spec, folder.work, faces, split)
        # The speed is another in every run: it stays out of the files and their digest.
        counts["int8"] = {**parity["int8"], "speed": _speed(folder.work, batch)}
    else:
        counts["int8"] = "off" if config.int8 is False else "skipped: needs --faces and --split"
    write_json(folder.work / "parity.json", parity)
    if config.weights:
        shutil.copyfile(model / WEIGHTS, folder.work / WEIGHTS)
    made = [name for name in (NETWORK, INT8, WEIGHTS) if (folder.work / name).is_file()]
    files = {name: digest(folder.work / name) for name in made}
    write_json(folder.work / SPEC, {**spec.model_dump(mode="json"), "files": files})
    return folder.finish(counts)


def summary(folder: Path) -> str:
    """Returns what an export came to, in a line a file."""
    counts = read_meta(folder)["counts"]
    int8 = counts["int8"]
    line = f"{NETWORK}: {counts['megabytes']:g} MB, at most {counts['largest_difference']:.1g} off"
    if isinstance(int8, str):
        return f"{line}\n{INT8}: {int8}"
    speed = " and ".join(f"{ratio:g}" for ratio in int8["speed"].values())
    return (
        f"{line}\n{INT8}: {int8['megabytes']:g} MB, {int8['lost_points']:g} points lost on dev, "
        f"{100 * int8['same_answers']:.1f} % same answers, {speed} times as fast at a batch of "
        f"{' and '.join(map(str, _TIMED))} (1 thread)"
    )


def to_onnx(network: nn.Module, preprocess: Preprocess, opset: int) -> bytes:
    """Returns a network as an ONNX file: ``input`` (batch, c, s, s) to ``logits`` (batch, 7).

    Args:
        network: in evaluation mode, on the CPU.
        preprocess: its input.
        opset: the version of ONNX's operators.
    """
    size = preprocess.input_size
    example = torch.zeros(2, preprocess.channels, size, size)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        # The exporter tells of its own steps and deprecations, which are none of the user's.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            input_names=["input"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=opset,
            optimize=True,
            verbose=False,
        )
    assert program is not None
    return plain(program.model_proto)


def _wants_integers(config: ExportConfig, faces: Path | None, split: Path | None) -> bool:
    possible = faces is not None and split is not None
    if config.int8 is True and not possible:
        raise StageError(
            f"int8 = true, but {INT8} needs training faces to find its ranges and dev faces to be "
            "checked on. Give --faces and --split, or say int8 = false."
        )
    return possible and config.int8 is not False


def _batch(
    config: ExportConfig, preprocess: Preprocess, faces: Path | None, split: Path | None
) -> Floats:
    """Returns the inputs to compare and calibrate on: (n, channels, size, size) float32.

    Training faces where their roles are known, else the first faces, else random numbers.
    """
    size = preprocess.input_size
    if faces is None:
        random = np.random.default_rng(0)
        shape = (config.faces, preprocess.channels, size, size)
        return random.standard_normal(shape, np.float32)
    if split is not None:
        return _drawn(config, preprocess, faces, split)
    chips: list[Any] = []
    for frame in catalogue.read_faces(faces, ["chip"]):
        missing = config.faces - len(chips)
        chips += [images.decode(chip["bytes"]) for chip in frame["chip"].head(missing)]
        if len(chips) == config.faces:
            break
    if not chips:
        raise StageError(f"{faces} holds no face to compare on. Give another folder of 'crop'.")
    return prepare(np.stack(chips), preprocess)


def _drawn(config: ExportConfig, preprocess: Preprocess, faces: Path, split: Path) -> Floats:
    """Returns training faces drawn by the seed, as inputs, in the order of the table."""
    pl = catalogue.polars_or_error("Reading a table of faces")
    rows, key = role_keys(split, ("train",)), list(catalogue.KEY)
    there = pl.concat(catalogue.read_faces(faces, key)).join(
        rows, on=key, how="semi", maintain_order="left"
    )
    if not len(there):
        raise DataError(
            f"{faces} and {split} hold no face of the role 'train' to find the ranges of 8 bits "
            "on. Give the folders that the model was trained with."
        )
    order = np.random.default_rng(config.seed).permutation(len(there))
    picked = there[np.sort(order[: max(config.calibration_faces, config.faces)]).tolist()]
    inputs = [
        prepare(images.decode(chip["bytes"])[None], preprocess)
        for frame in catalogue.read_faces(faces, [*key, "chip"])
        for chip in frame.join(picked, on=key, how="semi", maintain_order="left")["chip"]
    ]
    return np.concatenate(inputs)


def _parity(config: ExportConfig, model: Path, path: Path, batch: Floats) -> dict[str, Any]:
    reference = TorchRuntime(model / WEIGHTS).infer(batch)
    exported = OnnxRuntime(path)
    # One face alone and a batch: the batch size must be free, and must not matter.
    answers = np.concatenate([exported.infer(batch[:1]), exported.infer(batch[1:])])
    difference = float(np.abs(answers - reference).max())
    if not difference <= config.tolerance:
        raise StageError(
            f"ONNX Runtime's logits differ from torch's by {difference:.2g}, more than the "
            f"tolerance of {config.tolerance:g}. Check the network's operators, or export with "
            "another opset."
        )
    same = float((answers.argmax(1) == reference.argmax(1)).mean())
    return {"faces": len(batch), "largest_difference": difference, "same_answers": same}


def _int8_parity(
    config: ExportConfig, spec: ModelSpec, folder: Path, faces: Path, split: Path
) -> dict[str, Any]:
    """Returns how the integers do on ``dev``, against the floats."""
    dev = read_faces(faces, split, ("dev",), spec.preprocess).labelled()
    if not len(dev):
        raise DataError(f"{faces} and {split} hold no labelled face of the role 'dev'.")
    answers = {}
    for name in (NETWORK, INT8):
        runtime = OnnxRuntime(folder / name)
        logits = [runtime.infer(batch) for batch in inputs_of(dev.pixels, spec.preprocess)]
        answers[name] = spec.probabilities(np.concatenate(logits)).argmax(1)
    right = {name: int((answer == dev.labels).sum()) for name, answer in answers.items()}
    lost = right[NETWORK] - right[INT8]
    points = 100 * lost / len(dev)
    if lost > 1 and points > config.max_int8_loss:
        raise StageError(
            f"In 8 bits the network loses {points:.2f} points of accuracy on {len(dev)} dev faces, "
            f"more than the {config.max_int8_loss:g} that max_int8_loss allows. Raise "
            "calibration_faces or the limit, or say int8 = false."
        )
    return {
        "faces": len(dev),
        "accuracy": round(right[INT8] / len(dev), 4),
        "float_accuracy": round(right[NETWORK] / len(dev), 4),
        "lost_points": round(points, 2),
        "same_answers": round(float((answers[NETWORK] == answers[INT8]).mean()), 4),
        "megabytes": round((folder / INT8).stat().st_size / 1e6, 3),
    }


def _speed(folder: Path, batch: Floats) -> dict[str, float]:
    """Returns how many times as fast the integers are, on one thread, by the size of a batch."""
    runtimes = {name: OnnxRuntime(folder / name, threads=1) for name in (NETWORK, INT8)}
    found = {}
    for size in _TIMED:
        times = race(runtimes, np.resize(batch, (size, *batch.shape[1:])), rounds=5, seconds=0.05)
        found[f"batch {size}"] = round(float(np.median(times[NETWORK] / times[INT8])), 2)
    return found
