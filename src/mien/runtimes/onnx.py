"""Runs an exported network with ONNX Runtime: the runtime of the base install."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import onnxruntime

from mien.core.errors import ModelError
from mien.core.spec import check_input
from mien.core.types import Floats

_WANTED: Final = ("CUDAExecutionProvider", "CPUExecutionProvider")
_ERRORS_ONLY: Final = 3


class OnnxRuntime:
    """An ONNX network on the CPU, or on a CUDA device where ONNX Runtime has one.

    Args:
        path: the ``.onnx`` file; one input (n, channels, size, size), one output (n, classes).
        threads: how many threads one call may use; None takes one for each core.
        precision: one of `files`; the file itself says what it computes in.

    Attributes:
        name: the key in the registry.
        files: the file of a model folder for each precision.
        input_shape: (channels, size, size).
        providers: what ONNX Runtime runs the network on, first choice first.

    Raises:
        ModelError: the file is missing, is not ONNX, or has other inputs or outputs.
    """

    name = "onnx"
    files: ClassVar[Mapping[str, str]] = {"fp32": "model.onnx", "int8": "model.int8.onnx"}

    def __init__(self, path: Path, threads: int | None = None, precision: str = "fp32") -> None:
        del precision
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        # Threads that spin while they wait take the cores from those that decode and find faces:
        # a photo took a quarter more processor time in a stream, twice as much alone.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if threads is not None:
            options.intra_op_num_threads = threads
        providers = [p for p in _WANTED if p in onnxruntime.get_available_providers()]
        try:
            # The bytes, not the path: a model is one file and never reaches for another.
            self._session = onnxruntime.InferenceSession(path.read_bytes(), options, providers)
        except OSError as error:
            raise ModelError(
                f"{path} cannot be read ({error.strerror}). Export the model again."
            ) from error
        except Exception as error:  # ONNX Runtime raises bare classes of its own
            raise ModelError(
                f"{path} is no network that ONNX Runtime can run: {error}. Export the model again."
            ) from error
        self.providers: list[str] = self._session.get_providers()
        self._input, self._output, self.input_shape = _ends(self._session, path)

    def infer(self, batch: Floats) -> Floats:
        """Returns logits (n, classes) float32 for inputs (n, channels, size, size) float32.

        Raises:
            ValueError: the inputs have another shape or dtype.
        """
        check_input(batch, self.input_shape)
        if not len(batch):
            return np.empty((0, self._classes), np.float32)
        (logits,) = self._session.run([self._output], {self._input: batch})
        return logits  # type: ignore[no-any-return]

    @property
    def _classes(self) -> int:
        return int(self._session.get_outputs()[0].shape[1])


def _ends(session: Any, path: Path) -> tuple[str, str, tuple[int, ...]]:
    """Returns the names of input and output, and the input's shape without the batch."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    shapes = [tuple(end.shape) for end in (*inputs, *outputs)]
    good = len(inputs) == len(outputs) == 1 and [len(s) for s in shapes] == [4, 2]
    if not good or not all(isinstance(side, int) for s in shapes for side in s[1:]):
        raise ModelError(
            f"{path} maps {shapes[: len(inputs)]} to {shapes[len(inputs) :]}. Expected one input "
            "(n, channels, size, size) and one output (n, classes)."
        )
    return inputs[0].name, outputs[0].name, shapes[0][1:]
