"""Runs an exported network with OpenVINO: on Intel's and AMD's processors often the quickest.

One face is answered soonest by all threads together. A batch is answered soonest in parts, one a
thread: threads that share a layer wait for each other at its end (on two cores 5 to 20 % longer).
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from mien.core.errors import MissingExtraError, ModelError
from mien.core.machine import cores
from mien.core.spec import check_input
from mien.core.types import Floats

_LEAST: Final = 4
"""Faces a thread that are worth going in parts."""
_HINTS: Final = {"fp32": "f32", "int8": "f32", "bf16": "bf16"}


class OpenVinoRuntime:
    """An ONNX network on the CPU. One instance serves any number of threads.

    Args:
        path: the ``.onnx`` file; one input (n, channels, size, size), one output (n, classes).
        threads: how many threads one call may use; None takes one for each core.
        precision: one of `files`; ``bf16`` computes in bfloat16 from the floats of ``fp32``.

    Attributes:
        name: the key in the registry.
        files: the file of a model folder for each precision.
        input_shape: (channels, size, size).

    Raises:
        MissingExtraError: OpenVINO is not installed.
        ModelError: the file is missing or no such network, or this CPU has no bfloat16.
    """

    name = "openvino"
    files: ClassVar[Mapping[str, str]] = {
        "fp32": "model.onnx", "int8": "model.int8.onnx", "bf16": "model.onnx",
    }  # fmt: skip

    def __init__(self, path: Path, threads: int | None = None, precision: str = "fp32") -> None:
        # Its telemetry would tell its maker of the import; without the package it has a stub.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        try:
            import openvino
        except ModuleNotFoundError as error:
            raise MissingExtraError("The runtime 'openvino'", "openvino") from error
        core = openvino.Core()
        if precision == "bf16" and "BF16" not in core.get_property(
            "CPU", "OPTIMIZATION_CAPABILITIES"
        ):
            raise ModelError("This CPU computes no bfloat16. Take the precision fp32 or int8.")
        self._threads = cores() if threads is None else threads
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "INFERENCE_NUM_THREADS": str(self._threads),
        }
        try:
            network = core.read_model(path.read_bytes())
            self._compiled = core.compile_model(
                network, "CPU", {**settings, "PERFORMANCE_HINT": "LATENCY"}
            )
            # Compiled when the first batch comes: it takes the memory of the network once more.
            self._in_parts = functools.cache(
                lambda: core.compile_model(
                    network, "CPU", {**settings, "NUM_STREAMS": str(self._threads)}
                )
            )
            inputs, outputs = self._compiled.inputs, self._compiled.outputs
            shapes = [end.partial_shape for end in (*inputs, *outputs)]
        except OSError as error:
            raise ModelError(
                f"{path} cannot be read ({error.strerror}). Export the model again."
            ) from error
        except RuntimeError as error:
            raise ModelError(
                f"{path} is no network that OpenVINO can run: {error}. Export the model again."
            ) from error
        if [len(shape) for shape in shapes] != [4, 2]:
            raise ModelError(
                f"{path} has {len(inputs)} inputs and {len(outputs)} outputs. Expected one input "
                "(n, channels, size, size) and one output (n, classes)."
            )
        self.input_shape = tuple(int(side.get_length()) for side in list(shapes[0])[1:])
        self._classes = int(list(shapes[1])[1].get_length())

    def infer(self, batch: Floats) -> Floats:
        """Returns logits (n, classes) float32 for inputs (n, channels, size, size) float32.

        Raises:
            ValueError: the inputs have another shape or dtype.
        """
        check_input(batch, self.input_shape)
        if not len(batch):
            return np.empty((0, self._classes), np.float32)
        if self._threads == 1 or len(batch) < _LEAST * self._threads:
            return _answer(self._compiled.create_infer_request().infer([batch]))
        parts = np.array_split(batch, self._threads)
        requests = [self._in_parts().create_infer_request() for _ in parts]
        for request, part in zip(requests, parts, strict=True):
            request.start_async([part], share_inputs=True)
        for request in requests:
            request.wait()
        return np.concatenate([_answer(request.results) for request in requests])


def _answer(results: Any) -> Floats:
    logits: Floats = np.array(results[0], np.float32)
    return logits
