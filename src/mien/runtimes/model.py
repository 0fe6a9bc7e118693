"""A model folder, checked and ready: chips in, probabilities out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mien.core import registry
from mien.core.artifact import digest
from mien.core.assets import shipped
from mien.core.errors import ChecksumError, ConfigError, MissingExtraError, ModelError
from mien.core.spec import ModelSpec, Prior, prepare
from mien.core.types import Floats

DEFAULT: Final = "mien-ferplus-1.0"
SPEC: Final = "spec.json"
WEIGHTS: Final = "model.onnx"
FP32: Final = "fp32"
_TO_MAKE: Final = {
    ".onnx": "--faces and --split, which 8 bits are calibrated on",
    ".safetensors": "weights = true",
}
_LIBRARIES: Final = {"torch": "train", "safetensors": "train"}
"""What runtimes need beyond the base install, and the extra that brings it."""


class Model:
    """A network with its description.

    Args:
        folder: a model folder, or the name of one that mien ships (see `shipped`).
        runtime: the name of the runtime that runs it.
        precision: what it computes in: ``fp32``, ``int8`` or ``bf16``, from the files that
            `export` made for it.
        threads: how many threads one call may use; None takes the runtime's choice.
        batch_size: how many chips go through the network at once.

    Attributes:
        spec: the model's description.
        path: the file with its weights.
        runtime: as given; ``precision`` and ``batch_size`` likewise.

    Raises:
        ModelError: the folder is missing, incomplete, or of another schema.
        ChecksumError: a file is not the one that the description names.
        UnknownNameError: there is no such runtime.
        ConfigError: the runtime has no such precision.
        MissingExtraError: the runtime is not installed.
    """

    def __init__(
        self,
        folder: str | Path = DEFAULT,
        *,
        runtime: str = "onnx",
        precision: str = FP32,
        threads: int | None = None,
        batch_size: int = 32,
    ) -> None:
        self.folder = find(folder)
        self.spec = ModelSpec.read(self.folder / SPEC)
        kind = _kind(runtime)
        files = getattr(kind, "files", {FP32: WEIGHTS})
        if precision not in files:
            raise ConfigError(
                f"The runtime {runtime!r} has no precision {precision!r}. It has: "
                f"{', '.join(files)}."
            )
        self.path = self.folder / files[precision]
        if self.path.name != WEIGHTS and not self.path.is_file():
            way = _TO_MAKE.get(self.path.suffix, _TO_MAKE[".onnx"])
            raise ModelError(
                f"The model folder {self.folder} lacks {self.path.name}. Export the model again "
                f"with {way}, or take onnx with fp32."
            )
        verify(self.folder, self.spec, [self.path.name])
        self.runtime, self.precision, self.batch_size = runtime, precision, batch_size
        more = {"precision": precision} if precision != FP32 else {}
        self._runtime = kind(self.path, threads=threads, **more)

    def logits(self, chips: npt.NDArray[np.uint8]) -> Floats:
        """Returns the network's raw scores, (n, 7) float32, for (n, 256, 256, 3) uint8 chips."""
        size = self.batch_size
        parts = [
            self.infer(prepare(chips[i : i + size], self.spec.preprocess))
            for i in range(0, len(chips), size)
        ]
        return np.concatenate(parts) if parts else np.empty((0, len(self.spec.classes)), np.float32)

    def infer(self, inputs: Floats) -> Floats:
        """Returns the network's raw scores, (n, 7) float32, for inputs that `prepare` made."""
        scores: Floats = self._runtime.infer(inputs)
        return scores

    def probabilities(self, chips: npt.NDArray[np.uint8], prior: Prior | None = None) -> Floats:
        """Returns calibrated probabilities, (n, 7) float32, rows summing to 1.

        Args:
            chips: (n, 256, 256, 3) uint8 RGB in the wide canonical framing.
            prior: the operating point; None takes the model's own.
        """
        return self.spec.probabilities(self.logits(chips), prior)


def _kind(runtime: str) -> Any:
    try:
        return registry.load("runtimes", runtime)
    except ModuleNotFoundError as error:
        if error.name not in _LIBRARIES:
            raise
        raise MissingExtraError(f"The runtime {runtime!r}", _LIBRARIES[error.name]) from error


def check_finite(network: Model, values: Floats) -> Floats:
    """Returns what a network gave for some faces, once it is finite numbers.

    Raises:
        ModelError: it is NaN or infinite for some.
    """
    if not np.isfinite(values).all():
        raise ModelError(
            f"The network {network.path} gives NaN or infinity for some faces. "
            "Train or export it again."
        )
    return values


def find(model: str | Path) -> Path:
    """Returns the folder of a model given by path or by the name of a shipped one.

    Raises:
        ModelError: there is neither such a folder nor such a name.
    """
    known = shipped()
    if str(model) in known:
        return known[str(model)]
    path = Path(model)
    if not path.is_dir():
        raise ModelError(
            f"There is no model {str(model)!r}. Expected a folder that holds {SPEC} and {WEIGHTS}, "
            f"or one of: {', '.join(known) or 'none is shipped'}."
        )
    return path


def verify(folder: Path, spec: ModelSpec, names: list[str]) -> None:
    """Checks files of a model folder against its description.

    Raises:
        ModelError: a file is missing.
        ChecksumError: a file has no checksum in the description, or another one.
    """
    for name in names:
        if not (folder / name).is_file():
            raise ModelError(f"The model folder {folder} lacks {name}. Export the model again.")
        actual, expected = digest(folder / name), spec.files.get(name)
        if actual != expected:
            raise ChecksumError(
                f"{folder / name} has the sha256 {actual}, but {SPEC} names {expected}. "
                "The file was altered or cut short: export or install the model again."
            )
