"""Turns an exported network into one of 8-bit integers, and times networks against each other.

What the shipped network taught (`benchmarks/int8.py` measures it again): a convolution of integers
takes half the time of one of floats, and steps to floats and back between two cost what that
gained. So integers stay from the second convolution to the last pooling: sums, shortcuts, scaling.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import onnx
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from mien.core.errors import ModelError
from mien.core.protocols import Runtime
from mien.core.types import Floats
from mien.runtimes.rewriting import float_nodes, rewritten

KINDS: Final = (
    *("Conv", "Gemm", "Relu", "Add", "Mul"),
    *("AveragePool", "GlobalAveragePool", "MaxPool", "Flatten"),
)
"""The operators that have a form in integers and gain by it, or that stand between such."""
PERCENTILE: Final = 99.999
"""What the calibration ``percentile`` keeps; less cuts off what faces differ by."""
_CHUNK: Final = 64
"""Inputs that go through the network at once in calibration."""
_RANGES: Final = {
    "minmax": quantization.CalibrationMethod.MinMax,
    "percentile": quantization.CalibrationMethod.Percentile,
    "entropy": quantization.CalibrationMethod.Entropy,
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to quantise; the defaults are what `export` uses, the rest is for comparisons.

    Attributes:
        calibration: how a range follows from what the calibration inputs reach. ``percentile`` and
            ``entropy`` follow the logits a little more closely, ``minmax`` lost the least accuracy
            on ``dev``, by no more than chance, and takes the least time and memory.
        weights: ``int7`` keeps to -64..64. A processor without VNNI adds two products of 8 bits
            in 16: 2 * 255 * 127 overflows silently there and nowhere else, 2 * 255 * 64 never
            does, so that the answers are the same everywhere. ``uint8`` is safe too, by wider
            and slower products.
        activations: ``uint8`` with a free zero, or ``int8`` around zero.
        operators: ``qdq`` marks floats that the runtime fuses; ``qoperator`` names integer
            operators.
        kinds: the kinds of operators to quantise.
        whole: quantise what `float_nodes` would leave, too.
        rewrite: put pooling into the forms that integers have, see `rewritten`.
        per_channel: one scale for each output channel of a weight instead of one for all.
    """

    calibration: Literal["minmax", "percentile", "entropy"] = "minmax"
    weights: Literal["int7", "int8", "uint8"] = "int7"
    activations: Literal["uint8", "int8"] = "uint8"
    operators: Literal["qdq", "qoperator"] = "qdq"
    kinds: tuple[str, ...] = KINDS
    whole: bool = False
    rewrite: bool = True
    per_channel: bool = True


def quantise(network: bytes, inputs: Floats, recipe: Recipe | None = None) -> bytes:
    """Returns a network in 8-bit integers, as an ONNX file: the same bytes for the same arguments.

    Args:
        network: an ONNX file with one input (batch, channels, size, size) float32.
        inputs: (n, channels, size, size) float32, n at least 1: what the ranges are taken from.
        recipe: how; None takes the defaults.

    Raises:
        ModelError: the file is no network that ONNX Runtime can quantise.
        ValueError: there are no inputs.
    """
    if not len(inputs):
        raise ValueError("Quantising takes at least one input, to find the ranges; got none.")
    chosen = recipe or Recipe()
    with tempfile.TemporaryDirectory() as folder, _quiet():
        given, ready, out = (Path(folder, name) for name in ("in.onnx", "ready.onnx", "out.onnx"))
        given.write_bytes(network)
        try:
            # Folds constants and infers shapes, which without a loop takes no symbols.
            quant_pre_process(given, ready, skip_symbolic_shape=True)
            model = onnx.load(ready)
            if chosen.rewrite:
                onnx.save(rewritten(model), ready)
            _quantise(ready, out, inputs, chosen, [] if chosen.whole else float_nodes(model))
        except Exception as error:  # both libraries raise bare classes of their own
            raise ModelError(
                f"The network cannot be quantised ({error}). Check that model.onnx is whole, or "
                "export with int8 = false."
            ) from error
        return plain(onnx.load(out))


def plain(model: Any) -> bytes:
    """Returns an ONNX model as a file, without what its makers noted of machine and source."""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    used = {node.domain for node in model.graph.node}
    for domain in [entry for entry in model.opset_import if entry.domain not in used]:
        model.opset_import.remove(domain)
    model.graph.name = "mien"
    return bytes(model.SerializeToString(deterministic=True))


def race(
    runtimes: Mapping[str, Runtime], batch: Floats, *, rounds: int = 9, seconds: float = 0.1
) -> dict[str, Floats]:
    """Times networks in turn, so that what else the machine does meets them all.

    Args:
        runtimes: by name.
        batch: what each call gets.
        rounds: how often each has its turn.
        seconds: about how long a turn lasts.

    Returns:
        By name, the seconds of the quickest call in each round: (rounds,) float32. What else the
        machine does only adds to a call, never takes away.
    """
    turns = {}
    for name, runtime in runtimes.items():
        _seconds(runtime, batch)  # the first call sets things up
        turns[name] = 1 + int(seconds / _seconds(runtime, batch))
    found: dict[str, list[float]] = {name: [] for name in runtimes}
    for _ in range(rounds):
        for name, runtime in runtimes.items():
            found[name].append(min(_seconds(runtime, batch) for _ in range(turns[name])))
    return {name: np.asarray(times, np.float32) for name, times in found.items()}


class _Inputs(quantization.CalibrationDataReader):  # type: ignore[misc]  # it ships no types
    """Hands the calibration inputs over in chunks, and only so many at once."""

    def __init__(self, name: str, inputs: Floats) -> None:
        starts = range(0, len(inputs), _CHUNK)
        self._chunks = [{name: inputs[start : start + _CHUNK]} for start in starts]
        self._left = iter(self._chunks)

    def __len__(self) -> int:
        return len(self._chunks)

    def get_next(self) -> dict[str, Floats] | None:
        """Returns the next chunk by the input's name, or None at the end."""
        return next(self._left, None)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Goes on with these chunks only."""
        self._left = iter(self._chunks[start_index:end_index])


def _quantise(ready: Path, out: Path, inputs: Floats, recipe: Recipe, floats: list[str]) -> None:
    unsigned, signed = quantization.QuantType.QUInt8, quantization.QuantType.QInt8
    marks, named = quantization.QuantFormat.QDQ, quantization.QuantFormat.QOperator
    quantization.quantize_static(
        ready,
        out,
        _Inputs(onnx.load(ready).graph.input[0].name, inputs),
        quant_format=marks if recipe.operators == "qdq" else named,
        op_types_to_quantize=list(recipe.kinds),
        nodes_to_exclude=floats,
        per_channel=recipe.per_channel,
        reduce_range=recipe.weights == "int7",
        activation_type=unsigned if recipe.activations == "uint8" else signed,
        weight_type=unsigned if recipe.weights == "uint8" else signed,
        calibrate_method=_RANGES[recipe.calibration],
        extra_options={
            "ActivationSymmetric": recipe.activations == "int8",
            "CalibPercentile": PERCENTILE,
            # One chunk after the other, so that the maps of all faces never stand in memory
            # together; it serves every method, whatever its name says.
            "CalibStridedMinMax": 1,
        },
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the quantiser's talk of its own steps from the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def _seconds(runtime: Runtime, batch: Floats) -> float:
    start = time.perf_counter()
    runtime.infer(batch)
    return time.perf_counter() - start
