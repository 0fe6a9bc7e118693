"""mien's own networks: residual networks for small grey faces, quick on a CPU."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from mien.core.spec import Preprocess
from mien.models.networks import ChainNetwork


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


class MienetBase(ChainNetwork):
    """What the residual networks of mien share; a subclass sets the numbers.

    Attributes:
        stem: channels of the full-size and of the halved first convolution; one number for no
            full-size convolution.
        widths: channels of each stage; every stage but the first halves its map.
        depths: residual blocks of each stage.
        excite: whether the blocks squeeze and excite.
        dropout: the share of pooled features that training hides from the classifier.
    """

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

    def layers(self, num_classes: int) -> dict[str, nn.Module]:
        """Returns the blocks by name, in order."""
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
        return layers

    def initialise(self, network: nn.Module) -> None:
        """Kaiming-normal convolutions; each block starts as its shortcut (Goyal et al. 2017)."""
        super().initialise(network)
        for module in network.modules():
            if isinstance(module, Residual):
                norm = module.body[-1][1]  # type: ignore[index]  # Sequential of ConvNorm
                nn.init.zeros_(norm.weight)

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
