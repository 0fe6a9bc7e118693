"""What the thesis printed of its experiments, to stand beside ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Printed:
    """A network in the thesis.

    Attributes:
        title: its name there.
        parameters: learned, as counted there.
        megabytes: of the weights' file.
    """

    title: str
    parameters: int
    megabytes: int


@dataclass(frozen=True, slots=True)
class Trained:
    """One training of the thesis, 30 epochs on a P100; it does not say from which start.

    Attributes:
        iterations: in all.
        minutes: in all.
        images_per_second: while training.
        dev: accuracy in validation, 0 to 1.
        test: accuracy on the test set, 0 to 1.
    """

    iterations: int
    minutes: int
    images_per_second: float
    dev: float
    test: float


NETWORKS: Final = {
    "alexnet": Printed("AlexNet", 56_896_903, 228),
    "vgg16": Printed("VGG16", 134_289_223, 537),
    "resnet101": Printed("ResNet-101", 42_619_847, 171),
}
TRAINED: Final = {
    ("alexnet", "original"): Trained(6570, 7, 1681, 0.9524, 0.9548),
    ("vgg16", "original"): Trained(27_960, 41, 356.6, 0.9173, 0.9397),
    ("resnet101", "original"): Trained(41_940, 225, 68.68, 0.97211, 0.9717),
    ("alexnet", "augmented"): Trained(8400, 11, 1681, 0.96025, 0.9591),
    ("vgg16", "augmented"): Trained(33_552, 92, 356.6, 0.9329, 0.9582),
    ("resnet101", "augmented"): Trained(53_640, 285, 68.68, 0.97315, 0.9688),
}
"""By network and set."""
STARTED: Final = {
    ("face", "alexnet"): {"dev": 0.95, "test": 0.96, "unseen": 0.79},
    ("imagenet", "alexnet"): {"dev": 0.96, "test": 0.96, "unseen": 0.40},
    ("face", "vgg16"): {"dev": 0.93, "test": 0.96, "unseen": 0.80},
    ("imagenet", "vgg16"): {"dev": 0.92, "test": 0.95, "unseen": 0.50},
    ("face", "resnet101"): {"dev": 0.97, "test": 0.97, "unseen": 0.82},
    ("imagenet", "resnet101"): {"dev": 0.96, "test": 0.97, "unseen": 0.65},
}
"""Accuracies by start and network; ``unseen`` is the set from other sources."""
