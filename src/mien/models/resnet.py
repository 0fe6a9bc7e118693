"""ResNet-101, from torchvision's blocks.

K. He, X. Zhang, S. Ren, J. Sun. Deep residual learning for image recognition. CVPR 2016.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import nn
from torchvision.models import (
    ResNet101_Weights,
    resnet101,
)
from torchvision.models.resnet import Bottleneck

from mien.core.spec import Preprocess
from mien.models.networks import IMAGENET_MEAN, IMAGENET_STD, ChainNetwork
from mien.models.published import torchvision_weights


class ResNet101(ChainNetwork):
    """ResNet-101: 42,514,503 parameters and 105,344 running statistics at 7 classes, 224 px RGB.

    The three blocks of the last stage stand alone, so that ``trainable = "layer4.2"``, the last
    convolutional block, can be trained without the rest.
    """

    name = "resnet101"
    preprocess = Preprocess(
        input_size=224,
        colour="rgb",
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
    renames = (  # the names of torchvision and of timm
        (r"^(?:module\.)?(conv1|bn1)\.", r"stem.\1."),
        (r"^(?:module\.)?(layer[1-3])\.", r"\1."),
        (r"^(?:module\.)?layer4\.([0-2])\.", r"layer4_\1."),
        (r"^(?:module\.)?fc\.(weight|bias)$", r"fc.linear.\1"),
    )

    @property
    def blocks(self) -> tuple[str, ...]:
        """The names of the blocks, from the input to the classifier."""
        last = ("layer4_0", "layer4_1", "layer4_2")
        return ("stem", "layer1", "layer2", "layer3", *last, "fc")

    def layers(self, num_classes: int) -> dict[str, nn.Module]:
        """Returns the blocks by name, in order."""
        whole = resnet101(weights=None, num_classes=num_classes)
        stem = OrderedDict(conv1=whole.conv1, bn1=whole.bn1, relu=whole.relu, maxpool=whole.maxpool)
        classifier = OrderedDict(pool=whole.avgpool, flatten=nn.Flatten(), linear=whole.fc)
        return {
            "stem": nn.Sequential(stem),
            "layer1": whole.layer1,
            "layer2": whole.layer2,
            "layer3": whole.layer3,
            **{f"layer4_{i}": block for i, block in enumerate(whole.layer4)},
            "fc": nn.Sequential(classifier),
        }

    def initialise(self, network: nn.Module) -> None:
        """Kaiming-normal convolutions; each block starts as its shortcut (Goyal et al. 2017)."""
        super().initialise(network)
        for module in network.modules():
            if isinstance(module, Bottleneck):
                nn.init.zeros_(module.bn3.weight)

    def library_start(self, start: str) -> Mapping[str, torch.Tensor] | None:
        """Returns torchvision's weights for ``imagenet``."""
        return torchvision_weights(ResNet101_Weights.IMAGENET1K_V1) if start == "imagenet" else None
