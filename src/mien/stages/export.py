"""`export`: a trained model folder -> the folder that predicts: ONNX, checked against torch."""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from pydantic import Field
from torch import nn

from mien.core import catalogue, images, registry
from mien.core.artifact import StageFolder, atomic, digest, write_json
from mien.core.config import StageConfig
from mien.core.errors import StageError
from mien.core.spec import ModelSpec, Preprocess, prepare
from mien.core.types import Floats
from mien.models.checkpoint import load_weights, read_weights
from mien.runtimes.onnx import OnnxRuntime
from mien.runtimes.torch import TorchRuntime

SPEC: Final = "spec.json"
WEIGHTS: Final = "weights.safetensors"
NETWORK: Final = "model.onnx"


class ExportConfig(StageConfig):
    """The settings of `export`.

    Attributes:
        tolerance: the largest difference between torch's and ONNX Runtime's logits.
        faces: how many faces, or random inputs where none are given, the two are compared on.
        opset: the version of ONNX's operators.
        weights: whether ``weights.safetensors`` travels along.
        max_megabytes: the largest ``model.onnx``; None for no limit.
    """

    tolerance: float = Field(default=1e-4, gt=0)
    faces: int = Field(default=128, ge=1)
    opset: int = Field(default=18, ge=18)
    weights: bool = True
    max_megabytes: float | None = Field(default=None, gt=0)


def export(
    config: ExportConfig,
    model: Path,
    out: Path,
    *,
    faces: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Writes a trained network as ONNX and checks that it answers as torch does.

    Args:
        config: the settings.
        model: the stage folder of `train`: ``weights.safetensors`` and ``spec.json``.
        out: the model folder to make: ``model.onnx`` (any batch size, norms folded into the
            convolutions), ``spec.json`` with the sha256 of each file, ``parity.json``.
        faces: the stage folder of `crop`, to compare on real chips; random inputs where not given.
        overwrite: throw away what stands at ``out`` with other settings.

    Returns:
        ``out``.

    Raises:
        StageError: the two disagree, or the file is larger than allowed.
        ModelError: the model folder is incomplete.
    """
    inputs = {"model": model} | ({} if faces is None else {"faces": faces})
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
    parity = _parity(config, model, path, _batch(config, spec.preprocess, faces))
    write_json(folder.work / "parity.json", parity)
    if config.weights:
        shutil.copyfile(model / WEIGHTS, folder.work / WEIGHTS)
    names = [NETWORK, *([WEIGHTS] if config.weights else [])]
    files = {name: digest(folder.work / name) for name in names}
    write_json(folder.work / SPEC, {**spec.model_dump(mode="json"), "files": files})
    return folder.finish({**parity, "megabytes": round(megabytes, 3)})


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
    return _plain(program.model_proto)


def _plain(model: Any) -> bytes:
    """Returns the file without the exporter's notes on the machine and the source lines."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    model.graph.name = "mien"
    return bytes(model.SerializeToString(deterministic=True))


def _batch(config: ExportConfig, preprocess: Preprocess, faces: Path | None) -> Floats:
    """Returns the inputs to compare on: (n, channels, size, size) float32."""
    size = preprocess.input_size
    if faces is None:
        random = np.random.default_rng(0)
        shape = (config.faces, preprocess.channels, size, size)
        return random.standard_normal(shape, np.float32)
    chips: list[Any] = []
    for frame in catalogue.read_faces(faces, ["chip"]):
        missing = config.faces - len(chips)
        chips += [images.decode(chip["bytes"]) for chip in frame["chip"].head(missing)]
        if len(chips) == config.faces:
            break
    if not chips:
        raise StageError(f"{faces} holds no face to compare on. Give another folder of 'crop'.")
    return prepare(np.stack(chips), preprocess)


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
