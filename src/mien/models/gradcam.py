"""Where the last convolutional block of a network finds a class: Grad-CAM.

R. R. Selvaraju et al. Grad-CAM: visual explanations from deep networks via gradient-based
localization. ICCV 2017. Computed by captum.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import interpolate

from mien.core import registry
from mien.core.artifact import digest
from mien.core.errors import ChecksumError, ConfigError, MissingExtraError, ModelError
from mien.core.protocols import Network
from mien.core.spec import ModelSpec, check_input
from mien.core.types import Floats
from mien.models.anatomy import LAST_CONV, anatomy
from mien.models.checkpoint import load_weights, read_weights
from mien.models.inference import logits

SPEC: Final = "spec.json"
WEIGHTS: Final = "weights.safetensors"
_INSTEAD: Final = (
    "Grad-CAM is not for it. Occlusion works with every exported model: method = 'occlusion'."
)


class GradCam:
    """A trained network that tells where it finds a class.

    Args:
        folder: what `mien train` wrote, or a model exported with its weights.
        threads: how many threads torch may use, in the whole process; None leaves it.
        batch_size: how many inputs go through the network at once.
        block: the name of the block whose maps are used; None takes the last convolutional one.
            Earlier blocks have finer maps that know less of the classes.

    Attributes:
        spec: the model's description.
        block: the name of the block.
        cells: how many cells its maps have a side.

    Raises:
        MissingExtraError: captum is not installed.
        ModelError: the folder has no weights, or they are another network's.
        ChecksumError: the weights are not those that the description names.
        ConfigError: the network has no such block, or none that gives maps.
    """

    def __init__(
        self,
        folder: Path,
        *,
        threads: int | None = None,
        batch_size: int = 32,
        block: str | None = None,
    ) -> None:
        kind_of_map = _captum()
        self.spec = ModelSpec.read(folder / SPEC)
        path = folder / WEIGHTS
        if not path.is_file():
            raise ModelError(
                f"The model {self.spec.name!r} in {folder} has no {WEIGHTS}, and Grad-CAM needs a "
                "network's gradients. Expected the folder that `mien train` wrote, or a model "
                "exported with its weights; or choose method = 'occlusion'."
            )
        actual, expected = digest(path), self.spec.files.get(WEIGHTS)
        if expected is not None and actual != expected:
            raise ChecksumError(
                f"{path} has the sha256 {actual}, but {SPEC} names {expected}. The file was "
                "altered or cut short: train or install the model again."
            )
        if threads is not None:
            torch.set_num_threads(threads)
        kind = registry.load("networks", self.spec.network)()
        self.block, self.cells = map_block(kind, block)
        network = kind.build(len(self.spec.classes)).eval()
        load_weights(network, read_weights(path), str(path))
        self._network, self._batch_size = network, batch_size
        self._map = kind_of_map(network, network.get_submodule(self.block))

    def infer(self, inputs: Floats) -> Floats:
        """Returns the network's raw scores, (n, 7) float32, for inputs that `prepare` made."""
        self._check(inputs)
        size = self._batch_size
        found: Floats = logits(
            self._network, (inputs[i : i + size] for i in range(0, max(1, len(inputs)), size))
        )
        return found

    def __call__(self, inputs: Floats, classes: npt.NDArray[np.int64]) -> Floats:
        """Returns where the block speaks for each class.

        The block's maps are weighed by the mean gradient of the class's logit, summed, cut at 0
        and interpolated to the input.

        Args:
            inputs: (n, channels, size, size) float32, as `mien.core.spec.prepare` makes them.
            classes: (n,) numbers of the class to explain for each input.

        Returns:
            (n, size, size) float32, 0 or more; the scale is the network's own.

        Raises:
            ValueError: the inputs have another shape, or differ in number from the classes.
        """
        self._check(inputs)
        if len(inputs) != len(classes):
            raise ValueError(
                f"Grad-CAM needs a class for each input; got {len(inputs)} inputs and "
                f"{len(classes)} classes."
            )
        side = inputs.shape[-1]
        maps = torch.empty(len(inputs), side, side)
        for start in range(0, len(inputs), self._batch_size):
            end = start + self._batch_size
            batch = torch.from_numpy(inputs[start:end])
            target = torch.as_tensor(classes[start:end], dtype=torch.int64)
            coarse = self._map.attribute(batch, target=target, relu_attributions=True).detach()
            fine = interpolate(coarse, (side, side), mode="bilinear", align_corners=False)
            maps[start:end] = fine[:, 0]
        found: Floats = maps.numpy()
        return found

    def _check(self, inputs: Floats) -> None:
        given = self.spec.preprocess
        check_input(inputs, (given.channels, given.input_size, given.input_size))


def map_block(kind: Network, block: str | None = None) -> tuple[str, int]:
    """Returns the name of a block that gives maps, and how many cells they have a side.

    Args:
        kind: the network.
        block: the name of one of its blocks; None takes its last convolutional block.

    Raises:
        ConfigError: there is no such block, or what it gives is no map of the picture.
    """
    try:
        name = block or kind.trainable(LAST_CONV)[0]
    except ConfigError as error:
        raise ConfigError(
            f"The network {kind.name!r} does not know its last convolutional block. {_INSTEAD}"
        ) from error
    shapes = {found.name: found.output for found in anatomy(kind).blocks}
    if name not in shapes:
        raise ConfigError(
            f"The network {kind.name!r} has no block {name!r}. It has: {', '.join(shapes)}."
        )
    shape = shapes[name]
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] < 2:
        raise ConfigError(
            f"The block {name!r} of the network {kind.name!r} gives {shape} for a face, no maps "
            f"(channels, h, w) of the picture. {_INSTEAD}"
        )
    return name, shape[1]


def _captum() -> Any:
    """Returns captum's class, imported only where it is used: that takes seconds."""
    try:
        from captum.attr import LayerGradCam  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtraError("Grad-CAM", "explain") from None
    return LayerGradCam
