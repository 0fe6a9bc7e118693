"""What a network of mien is: a chain of named blocks that knows its input and its classifier.

A network here is a description that fits the socket `mien.core.protocols.Network`: looking it up
is free, and its `build` makes the ``torch.nn.Module``. Every module it makes is a
``torch.nn.Sequential`` of named blocks, so that "train the last convolutional block and the fully
connected layers" means the same for all of them, and a frozen beginning can be cut off and run
once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final

import torch
from torch import nn

from mien.core.errors import ConfigError
from mien.core.spec import Preprocess
from mien.models.starts import fill

IMAGENET_MEAN: Final = (123.675, 116.28, 103.53)
"""Red, green, blue, 0 to 255: what weights that torchvision learned on ImageNet subtract."""
IMAGENET_STD: Final = (58.395, 57.12, 57.375)
"""What they divide by."""
POLICIES: Final = ("all", "head", "last-conv+fc")


class ChainNetwork(ABC):
    """A network whose module is a chain of named blocks.

    Attributes:
        name: the key in the registry.
        preprocess: the input it is made for.
        blocks: the names of the blocks, from the input to the logits; no dots in them.
        fully_connected: how many blocks at the end are fully connected layers.
        renames: pairs of a regular expression and its replacement, tried in order, that turn the
            names of tensors in published weights into this network's.
    """

    name: ClassVar[str]
    preprocess: ClassVar[Preprocess]
    fully_connected: ClassVar[int] = 1
    renames: ClassVar[tuple[tuple[str, str], ...]] = ()

    @property
    @abstractmethod
    def blocks(self) -> tuple[str, ...]:
        """The names of the blocks, from the input to the logits."""

    @abstractmethod
    def layers(self, num_classes: int) -> dict[str, nn.Module]:
        """Returns the blocks by name, in order; the last ends in ``num_classes`` logits."""

    @property
    def last_conv(self) -> str:
        """The name of the last convolutional block."""
        return self.blocks[-1 - self.fully_connected]

    @property
    def classifier(self) -> str:
        """The name of the block whose last layer gives the logits."""
        return self.blocks[-1]

    def build(self, num_classes: int, start: str = "scratch") -> nn.Module:
        """Returns the network: (n, channels, size, size) float32 to (n, num_classes) float32.

        Args:
            num_classes: the number of logits.
            start: where the weights come from, see `mien.models.starts.fill`.

        Raises:
            ModelError: there are no such weights for this network, or under half of it is in them.
        """
        network = nn.Sequential()
        for name, layer in self.layers(num_classes).items():
            network.add_module(name, layer)
        self.initialise(network)
        loaded = fill(self, network, start)
        network.start = loaded  # type: ignore[assignment]  # what it began with travels along
        return network

    def library_start(self, start: str) -> Mapping[str, torch.Tensor] | None:
        """Returns the weights that a library publishes under a start's name.

        Args:
            start: such as ``imagenet``.

        Returns:
            The tensors under their published names, which ``renames`` translates; None where no
            library publishes such weights for this network.

        Raises:
            DownloadError: they could not be fetched.
            ChecksumError: what was fetched is not what the library names.
            ModelError: they are published only in a form that is not safe to read.
        """
        return None

    def adapt(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Makes published weights, named as this network's, fit its input; most do as they are."""
        return dict(tensors)

    def initialise(self, network: nn.Module) -> None:
        """Gives a network random weights: Kaiming-normal convolutions, small classifiers."""
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def trainable(self, policy: str) -> list[str]:
        """Returns the names of the blocks that a policy trains.

        Args:
            policy: ``all``; ``head``, the last layer; ``last-conv+fc``, the last convolutional
                block and the fully connected layers; or block names joined by commas, in which
                dots may stand for underscores.

        Raises:
            ConfigError: the policy is neither known nor a list of this network's blocks.
        """
        blocks = self.blocks
        if policy == "all":
            return list(blocks)
        if policy == "head":
            return [self.classifier]
        if policy == "last-conv+fc":
            return list(blocks[blocks.index(self.last_conv) :])
        chosen = [part.strip().replace(".", "_") for part in policy.split(",")]
        unknown = [part for part in chosen if part not in blocks]
        if unknown:
            raise ConfigError(
                f"trainable = {policy!r} names no policy and no blocks of {self.name}: "
                f"{', '.join(map(repr, unknown))}. Expected one of {', '.join(POLICIES)}, or "
                f"blocks out of {', '.join(blocks)}, joined by commas."
            )
        return [block for block in blocks if block in chosen]
