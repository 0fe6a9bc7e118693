"""Runs a network's weights with torch: the reference that other runtimes are held against."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from mien.core import registry
from mien.core.errors import ModelError
from mien.core.spec import ModelSpec, check_input
from mien.core.types import Floats


class TorchRuntime:
    """A network of the registry with the weights of a model folder, on the CPU.

    Args:
        path: ``weights.safetensors``; ``spec.json`` beside it names the network.
        threads: how many threads torch may use, in the whole process; None leaves it.
        precision: one of `files`; ``bf16`` computes in bfloat16 what may be, the rest in float32.

    Attributes:
        name: the key in the registry.
        files: the file of a model folder for each precision.
        input_shape: (channels, size, size).

    Raises:
        ModelError: the folder is incomplete, or the weights are another network's.
    """

    name = "torch"
    files: ClassVar[Mapping[str, str]] = {
        "fp32": "weights.safetensors", "bf16": "weights.safetensors",
    }  # fmt: skip

    def __init__(self, path: Path, threads: int | None = None, precision: str = "fp32") -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        spec = ModelSpec.read(path.parent / "spec.json")
        network = registry.load("networks", spec.network)().build(len(spec.classes))
        try:
            network.load_state_dict(load_file(path))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise ModelError(
                f"{path} does not hold the weights of the network {spec.network!r}: {error}"
            ) from error
        size, channels = spec.preprocess.input_size, spec.preprocess.channels
        self.input_shape = (channels, size, size)
        self._network = network.eval()
        self._short = precision == "bf16"

    def infer(self, batch: Floats) -> Floats:
        """Returns logits (n, classes) float32 for inputs (n, channels, size, size) float32.

        Raises:
            ValueError: the inputs have another shape or dtype.
        """
        check_input(batch, self.input_shape)
        short = torch.autocast("cpu", torch.bfloat16, enabled=self._short)
        with torch.inference_mode(), short:
            logits: Floats = self._network(torch.from_numpy(batch)).float().numpy()
        return logits
