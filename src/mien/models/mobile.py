"""Two small networks whose published starts fit beside each other: MobileNetV1 and MobileFaceNet.

The first is published trained on ImageNet and on faces, the second on faces, so that the question
which start generalises can be asked without a large machine.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

import torch
from torch import nn

from mien.core.spec import Preprocess
from mien.models.networks import IMAGENET_MEAN, IMAGENET_STD, ChainNetwork

_PREFIX: Final = r"^(?:module\.|body\.)*"
"""What trainers on several devices and detectors put before a trunk's names."""
_UNSCALED: Final = 100.0
"""A variance of the first convolution above this comes from colours of 0 to 255: those scaled to a
deviation of 1 give at most some tens."""


class MobileNetV1(ChainNetwork):
    """MobileNetV1, a quarter as wide: 215,000 parameters, 64 px RGB.

    A. Howard et al. MobileNets: efficient convolutional neural networks for mobile vision
    applications. 2017. Leaky ReLU of 0.1 instead of ReLU, as in the trunk of the RetinaFace
    detectors, whose weights, and the ImageNet weights they began with, it takes.

    The input is scaled as for ImageNet. The statistics of the first normalisation tell that the
    ImageNet weights saw such inputs, the detector's blue, green and red of 0 to 255 with
    (104, 117, 123) subtracted; `adapt` moves that difference into the first convolution, so that
    both starts take one input.
    """

    name = "mobilenet_v1_025"
    preprocess = Preprocess(
        input_size=64,
        colour="rgb",
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
    renames = (
        (_PREFIX + r"(stage[12])\.", r"\1."),
        (_PREFIX + r"stage3\.([01])\.", r"stage3_\1."),
        (_PREFIX + r"fc\.(weight|bias)$", r"classifier.2.\1"),
    )

    @property
    def blocks(self) -> tuple[str, ...]:
        """The names of the blocks, from the input to the classifier."""
        return ("stage1", "stage2", "stage3_0", "stage3_1", "classifier")

    def layers(self, num_classes: int) -> dict[str, nn.Module]:
        """Returns the blocks by name, in order."""
        return {
            "stage1": nn.Sequential(
                nn.Sequential(
                    nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
                    nn.BatchNorm2d(8),
                    nn.LeakyReLU(0.1, inplace=True),
                ),
                _separable(8, 16),
                _separable(16, 32, stride=2),
                _separable(32, 32),
                _separable(32, 64, stride=2),
                _separable(64, 64),
            ),
            "stage2": nn.Sequential(
                _separable(64, 128, stride=2), *(_separable(128, 128) for _ in range(5))
            ),
            "stage3_0": _separable(128, 256, stride=2),
            "stage3_1": _separable(256, 256),
            "classifier": nn.Sequential(
                nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, num_classes)
            ),
        }

    def adapt(self, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Makes weights that expect unscaled blue, green, red take scaled red, green, blue.

        With x = std z + mean, a convolution of x - shift is one of z whose weights are multiplied
        by std, and whose output is moved by a constant that the running mean takes up. The edges
        differ a little: zeros of padding stand for the mean, which moves by less than one level.

        Args:
            tensors: weights under this network's names.

        Returns:
            The same; where the first variances tell of unscaled inputs, with another first
            convolution and normalisation.
        """
        found = dict(tensors)
        weight, mean, variance = (
            found.get(f"stage1.0.{name}")
            for name in ("0.weight", "1.running_mean", "1.running_var")
        )
        if weight is None or mean is None or variance is None or variance.median() < _UNSCALED:
            return found
        turned = weight.flip(1)
        scale = torch.tensor(self.preprocess.std).view(1, 3, 1, 1)
        shift = torch.tensor(self.preprocess.mean) - torch.tensor((123.0, 117.0, 104.0))
        found["stage1.0.0.weight"] = turned * scale
        found["stage1.0.1.running_mean"] = mean - turned.sum((2, 3)) @ shift
        return found


class MiddleColumns(nn.Module):
    """Keeps the columns in the middle of a map.

    MobileFaceNet was trained on crops of 112 rows and 96 columns, and its last convolution is as
    large as the map that these leave, 7 x 6. Inputs of mien are square; their outer columns show
    background, so they are cut off here and the published weights fit whole.

    Args:
        columns: how many to keep.
    """

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.columns = columns

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Returns (n, channels, h, columns) of (n, channels, h, w)."""
        left = (maps.shape[-1] - self.columns) // 2
        return maps[..., left : left + self.columns]


class Bottleneck(nn.Module):
    """An inverted residual (Sandler et al. 2018): widen, filter each channel, narrow."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int = 1) -> None:
        super().__init__()
        wide = inputs * expansion
        self.conv = nn.Sequential(
            nn.Conv2d(inputs, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.PReLU(wide),
            nn.Conv2d(wide, wide, 3, stride=stride, padding=1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.PReLU(wide),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Returns (n, outputs, h / stride, w / stride)."""
        made: torch.Tensor = self.conv(maps)
        return maps + made if self.shortcut else made


class MobileFaceNet(ChainNetwork):
    """MobileFaceNet: a million parameters, 112 px RGB, made to recognise people.

    S. Chen, Y. Liu, X. Gao, Z. Han. MobileFaceNets: efficient CNNs for accurate real-time face
    verification on mobile devices. 2018. Its mean and deviation are 127.5 and 128; with the
    margin of 0.44 a face is as large in the input as in the published crops (35 px between the
    eyes), though it lies about 8 px higher.
    """

    name = "mobilefacenet"
    preprocess = Preprocess(
        margin=0.44, input_size=112, colour="rgb", mean=(127.5,) * 3, std=(128.0,) * 3
    )
    fully_connected = 2
    renames = (
        (_PREFIX + r"(conv1|dw_conv1)\.", r"stem.\1."),
        *((_PREFIX + rf"blocks\.{i}\.", f"stage1.{i}.") for i in range(5)),
        *((_PREFIX + rf"blocks\.{i}\.", f"stage2.{i - 5}.") for i in range(5, 12)),
        *((_PREFIX + rf"blocks\.{i}\.", f"stage3_{i - 12}.") for i in range(12, 15)),
        (_PREFIX + r"conv2\.", "conv2."),
        (_PREFIX + r"(linear7|linear1)\.", r"embedding.\1."),
    )

    @property
    def blocks(self) -> tuple[str, ...]:
        """The names of the blocks; the last convolution is the 1x1 before the embedding."""
        stages = ("stage1", "stage2", "stage3_0", "stage3_1", "stage3_2")
        return ("stem", *stages, "conv2", "embedding", "classifier")

    def layers(self, num_classes: int) -> dict[str, nn.Module]:
        """Returns the blocks by name, in order."""
        stem = OrderedDict[str, nn.Module](
            crop=MiddleColumns(96),
            conv1=_named(nn.Conv2d(3, 64, 3, stride=2, padding=1, bias=False), prelu=True),
            dw_conv1=_named(nn.Conv2d(64, 64, 3, padding=1, groups=64, bias=False), prelu=True),
        )
        embedding = OrderedDict[str, nn.Module](
            linear7=_named(nn.Conv2d(512, 512, (7, 6), groups=512, bias=False)),
            linear1=_named(nn.Conv2d(512, 128, 1, bias=False)),
            flatten=nn.Flatten(),
        )
        return {
            "stem": nn.Sequential(stem),
            "stage1": nn.Sequential(
                Bottleneck(64, 64, 2, stride=2), *(Bottleneck(64, 64, 2) for _ in range(4))
            ),
            "stage2": nn.Sequential(
                Bottleneck(64, 128, 4, stride=2), *(Bottleneck(128, 128, 2) for _ in range(6))
            ),
            "stage3_0": Bottleneck(128, 128, 4, stride=2),
            "stage3_1": Bottleneck(128, 128, 2),
            "stage3_2": Bottleneck(128, 128, 2),
            "conv2": _named(nn.Conv2d(128, 512, 1, bias=False), prelu=True),
            "embedding": nn.Sequential(embedding),
            "classifier": nn.Sequential(nn.Linear(128, num_classes)),
        }


def _separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A depthwise and a pointwise convolution, each normalised and rectified."""
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride=stride, padding=1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.LeakyReLU(0.1, inplace=True),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.1, inplace=True),
    )


def _named(convolution: nn.Conv2d, prelu: bool = False) -> nn.Sequential:
    """A convolution, its normalisation and, if asked, PReLU, under the published names."""
    outputs = convolution.out_channels
    layers = OrderedDict[str, nn.Module](conv=convolution, bn=nn.BatchNorm2d(outputs))
    if prelu:
        layers["prelu"] = nn.PReLU(outputs)
    return nn.Sequential(layers)
