"""AlexNet as it was published: two groups of convolutions and local response normalisation.

A. Krizhevsky, I. Sutskever, G. E. Hinton. ImageNet classification with deep convolutional neural
networks. NIPS 2012. torchvision's network of that name is a later one, of one group and without
normalisation (A. Krizhevsky. One weird trick for parallelizing convolutional neural networks,
2014); it cannot take the weights of the original.
"""

from __future__ import annotations

from typing import Final

from torch import nn

from mien.core.spec import Preprocess
from mien.models.networks import ChainNetwork

_WIDE: Final = 0.01
"""The standard deviation of the first weights in convolutions and in the last layer."""
_NARROW: Final = 0.005
"""The same in fc6 and fc7."""
_LIT: Final = 0.1
"""The first biases of the layers that shall not begin with dead units."""


class AlexNet(ChainNetwork):
    """The original AlexNet: 56,896,903 parameters at 7 classes, 227 px.

    The layers stand in the order of the paper and of Caffe's ``bvlc_alexnet``, which the thesis
    trained: convolution, ReLU, normalisation, pooling. (``bvlc_reference_caffenet`` pools first.)
    Pooling rounds sizes up and the normalisation adds 1, as Caffe's do; the paper adds 2.

    The input is RGB with a mean subtracted and not scaled, as in the thesis. Caffe's own weights
    expect the colours in the order blue, green, red.
    """

    name = "alexnet"
    preprocess = Preprocess(
        input_size=227, colour="rgb", mean=(122.679, 116.669, 104.007), std=(1.0, 1.0, 1.0)
    )
    fully_connected = 3
    renames = (
        (r"^(?:module\.)?(conv[1-5]|fc7|fc8)\.(weight|bias)$", r"\1.0.\2"),
        (r"^(?:module\.)?fc6\.(weight|bias)$", r"fc6.1.\1"),
    )

    @property
    def blocks(self) -> tuple[str, ...]:
        """The names of the blocks: those of Caffe's layers."""
        return ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")

    def layers(self, num_classes: int) -> dict[str, nn.Module]:
        """Returns the blocks by name, in order."""
        return {
            "conv1": nn.Sequential(nn.Conv2d(3, 96, 11, stride=4), _relu(), _norm(), _pool()),
            "conv2": nn.Sequential(
                nn.Conv2d(96, 256, 5, padding=2, groups=2), _relu(), _norm(), _pool()
            ),
            "conv3": nn.Sequential(nn.Conv2d(256, 384, 3, padding=1), _relu()),
            "conv4": nn.Sequential(nn.Conv2d(384, 384, 3, padding=1, groups=2), _relu()),
            "conv5": nn.Sequential(nn.Conv2d(384, 256, 3, padding=1, groups=2), _relu(), _pool()),
            "fc6": nn.Sequential(
                nn.Flatten(), nn.Linear(256 * 6 * 6, 4096), _relu(), nn.Dropout(0.5)
            ),
            "fc7": nn.Sequential(nn.Linear(4096, 4096), _relu(), nn.Dropout(0.5)),
            "fc8": nn.Sequential(nn.Linear(4096, num_classes)),
        }

    def initialise(self, network: nn.Module) -> None:
        """Gives a network random weights as Caffe does: they fit inputs that are not scaled."""
        for name, block in network.named_children():
            for layer in block.children():
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    assert layer.bias is not None
                    std = _NARROW if name in ("fc6", "fc7") else _WIDE
                    nn.init.normal_(layer.weight, std=std)
                    lit = name in ("conv2", "conv4", "conv5", "fc6", "fc7")
                    nn.init.constant_(layer.bias, _LIT if lit else 0.0)


def _relu() -> nn.Module:
    return nn.ReLU(inplace=True)


def _norm() -> nn.Module:
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)


def _pool() -> nn.Module:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)
