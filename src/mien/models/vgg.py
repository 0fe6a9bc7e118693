"""VGG-16, from torchvision's layers.

K. Simonyan, A. Zisserman. Very deep convolutional networks for large-scale image recognition.
ICLR 2015.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import torch
from torch import nn
from torchvision.models import VGG16_Weights, vgg16

from mien.core.spec import Preprocess
from mien.models.networks import IMAGENET_MEAN, IMAGENET_STD, ChainNetwork
from mien.models.published import torchvision_weights

_DEPTHS: Final = (2, 2, 3, 3, 3)
"""How many convolutions each stage has; pooling ends a stage."""


def _convolutions() -> Iterator[tuple[str, int, int]]:
    """Yields each convolution's block, its first and its last position in torchvision's list."""
    position = 0
    for stage, depth in enumerate(_DEPTHS, 1):
        for number in range(1, depth + 1):
            last = position + (2 if number == depth else 1)
            yield f"conv{stage}_{number}", position, last
            position = last + 1


class Vgg16(ChainNetwork):
    """VGG-16: 134,289,223 parameters at 7 classes, 224 px RGB.

    The input is scaled as torchvision's weights expect it. Other weights of this network, such as
    VGG-Face, were trained on colours that were not scaled, some in the order blue, green, red.
    """

    name = "vgg16"
    preprocess = Preprocess(
        input_size=224,
        colour="rgb",
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
    fully_connected = 3
    renames = (
        # torchvision's names
        *((rf"^(?:module\.)?features\.{i}\.", rf"{name}.0.") for name, i, _ in _convolutions()),
        (r"^(?:module\.)?classifier\.0\.", "fc6.2."),
        (r"^(?:module\.)?classifier\.3\.", "fc7.0."),
        (r"^(?:module\.)?classifier\.6\.", "fc8.0."),
        # Caffe's, which VGG-Face has, too
        (r"^(?:module\.)?(conv[1-5]_[1-3]|fc7|fc8)\.(weight|bias)$", r"\1.0.\2"),
        (r"^(?:module\.)?fc6\.(weight|bias)$", r"fc6.2.\1"),
    )

    @property
    def blocks(self) -> tuple[str, ...]:
        """The names of the blocks: those of Caffe's layers."""
        return (*(name for name, _, _ in _convolutions()), "fc6", "fc7", "fc8")

    def layers(self, num_classes: int) -> dict[str, nn.Module]:
        """Returns the blocks by name, in order; fc6 takes any map and pools it to 7x7."""
        whole = vgg16(weights=None, num_classes=num_classes, init_weights=False)
        layers: dict[str, nn.Module] = {
            name: nn.Sequential(*whole.features[first : last + 1])
            for name, first, last in _convolutions()
        }
        layers["fc6"] = nn.Sequential(whole.avgpool, nn.Flatten(), *whole.classifier[:3])
        layers["fc7"] = nn.Sequential(*whole.classifier[3:6])
        layers["fc8"] = nn.Sequential(*whole.classifier[6:])
        return layers

    def library_start(self, start: str) -> Mapping[str, torch.Tensor] | None:
        """Returns torchvision's weights for ``imagenet``."""
        return torchvision_weights(VGG16_Weights.IMAGENET1K_V1) if start == "imagenet" else None
