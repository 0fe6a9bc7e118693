"""The networks of mien, one table of names: each knows its input, its blocks and its classifier.

A network here is a description that fits the socket `mien.core.protocols.Network`: looking it up
is free, and its `build` makes the ``torch.nn.Module``. Every module it makes is a sequence of named
blocks, so that "train the last block and the classifier" means the same for all of them.
"""

from __future__ import annotations

from typing import ClassVar, Final

import torch
from torch import nn

from mien.core.errors import ConfigError, ModelError
from mien.core.spec import Preprocess

POLICIES: Final = ("all", "head", "last-conv+fc")


class ConvNorm(nn.Sequential):
    """A 3x3 convolution without bias, batch normalisation and, if asked, ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, relu: bool = True) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        super().__init__(*layers, *([nn.ReLU(inplace=True)] if relu else []))


class SqueezeExcite(nn.Module):
    """Scales each channel by what the whole map says of it (Hu et al. 2018)."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // reduction, 1)
        self.excite = nn.Conv2d(channels // reduction, channels, 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Returns (n, channels, h, w), the input scaled by channel."""
        pooled = maps.mean((2, 3), keepdim=True)
        gate = self.excite(torch.relu(self.squeeze(pooled)))
        return maps * torch.sigmoid(gate)


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2016), with squeeze-and-excite.

    A block that halves its map averages before its 1x1 shortcut, so that no pixel is thrown away
    (He et al. 2019).
    """

    def __init__(self, inputs: int, outputs: int, stride: int, excite: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ConvNorm(inputs, outputs, stride), ConvNorm(outputs, outputs, relu=False)
        )
        self.excite = SqueezeExcite(outputs) if excite else nn.Identity()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
            convolution = nn.Conv2d(inputs, outputs, 1, bias=False)
            self.shortcut = nn.Sequential(pool, convolution, nn.BatchNorm2d(outputs))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Returns (n, outputs, h / stride, w / stride)."""
        return torch.relu(self.excite(self.body(maps)) + self.shortcut(maps))


class MienetBase:
    """What the residual networks of mien share; a subclass sets the numbers.

    Attributes:
        name: the key in the registry.
        preprocess: the input it is made for.
        stem: channels of the full-size and of the halved first convolution; one number for no
            full-size convolution.
        widths: channels of each stage; every stage but the first halves its map.
        depths: residual blocks of each stage.
        excite: whether the blocks squeeze and excite.
        dropout: the share of pooled features that training hides from the classifier.
    """

    name: ClassVar[str]
    preprocess: ClassVar[Preprocess] = Preprocess()
    stem: ClassVar[tuple[int, ...]]
    widths: ClassVar[tuple[int, ...]]
    depths: ClassVar[tuple[int, ...]]
    excite: ClassVar[bool] = True
    dropout: ClassVar[float] = 0.3

    @property
    def blocks(self) -> tuple[str, ...]:
        """The names of the blocks, from the input to the classifier."""
        return ("stem", *(f"stage{i + 1}" for i in range(len(self.widths))), "classifier")

    @property
    def last_conv(self) -> str:
        """The name of the last convolutional block."""
        return self.blocks[-2]

    @property
    def classifier(self) -> str:
        """The name of the block that turns features into logits."""
        return self.blocks[-1]

    def build(self, num_classes: int, start: str = "scratch") -> nn.Module:
        """Returns the network: (n, channels, size, size) float32 to (n, num_classes) float32.

        Args:
            num_classes: the number of logits.
            start: where the weights come from; this network knows only ``scratch``.

        Raises:
            ModelError: there are no weights of that name for this network.
        """
        if start != "scratch":
            raise ModelError(
                f"The network {self.name!r} has no start {start!r}. Expected: 'scratch'."
            )
        layers: dict[str, nn.Module] = {"stem": self._stem()}
        inputs = self.stem[-1]
        for number, (width, depth) in enumerate(zip(self.widths, self.depths, strict=True)):
            stage = nn.Sequential()
            for block in range(depth):
                stride = 2 if number and not block else 1
                stage.append(Residual(inputs, width, stride, self.excite))
                inputs = width
            layers[f"stage{number + 1}"] = stage
        layers["classifier"] = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(self.dropout),
            nn.Linear(inputs, num_classes),
        )
        network = nn.Sequential()
        for name, layer in layers.items():
            network.add_module(name, layer)
        _initialise(network)
        return network

    def trainable(self, policy: str) -> list[str]:
        """Returns the names of the blocks that a policy trains.

        Args:
            policy: ``all``, ``head``, ``last-conv+fc``, or block names joined by commas.

        Raises:
            ConfigError: the policy is neither known nor a list of this network's blocks.
        """
        if policy == "all":
            return list(self.blocks)
        if policy == "head":
            return [self.classifier]
        if policy == "last-conv+fc":
            return [self.last_conv, self.classifier]
        chosen = [part.strip() for part in policy.split(",")]
        unknown = [part for part in chosen if part not in self.blocks]
        if unknown:
            raise ConfigError(
                f"trainable = {policy!r} names no policy and no blocks of {self.name}: "
                f"{', '.join(map(repr, unknown))}. Expected one of {', '.join(POLICIES)}, or "
                f"blocks out of {', '.join(self.blocks)}, joined by commas."
            )
        return [block for block in self.blocks if block in chosen]

    def _stem(self) -> nn.Sequential:
        channels = self.preprocess.channels
        if len(self.stem) == 1:
            return nn.Sequential(ConvNorm(channels, self.stem[0], stride=2))
        return nn.Sequential(
            ConvNorm(channels, self.stem[0]), ConvNorm(self.stem[0], self.stem[1], stride=2)
        )


class Mienet(MienetBase):
    """The default: a residual network for 48x48 grey faces, made to be quick on a CPU."""

    name = "mienet"
    stem = (32,)
    widths = (32, 64, 128, 256)
    depths = (1, 2, 2, 1)
    dropout = 0.2


class MienetTiny(MienetBase):
    """The same in miniature, for tests and dry runs: it trains in seconds."""

    name = "mienet-tiny"
    stem = (8,)
    widths = (8, 16, 32)
    depths = (1, 1, 1)
    dropout = 0.0


def _initialise(network: nn.Module) -> None:
    """Kaiming-normal convolutions; each block starts as its shortcut (Goyal et al. 2017)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
    for module in network.modules():
        if isinstance(module, Residual):
            norm = module.body[-1][1]  # type: ignore[index]  # Sequential of ConvNorm
            nn.init.zeros_(norm.weight)
