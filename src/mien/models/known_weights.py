"""The published weights that mien knows: where they are, what their licence says, what they ate.

mien ships none of them. A row says only what its publisher says; what they do not say is
``unknown``, or empty.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from mien.core.cache import cache_folder

STARTS: Final = ("imagenet", "face")
"""The starts that a network may have beside ``scratch`` and a file of the user's own."""
_CHUNK: Final = 1 << 22

Colours = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Input:
    """What a network was fed when its weights were learned: ``(colour - mean) / std``.

    Attributes:
        mean: red, green, blue on the scale 0 to 255; None where the publisher does not say.
        std: red, green, blue on the same scale.
        order: of the channels.
    """

    mean: Colours | None
    std: Colours
    order: Literal["rgb", "bgr"]


CAFFE_INPUT: Final = Input(None, (1.0, 1.0, 1.0), "bgr")
"""What Caffe's own readers feed: blue, green, red from 0 to 255, a mean subtracted, no scale."""


@dataclass(frozen=True, slots=True)
class Published:
    """Weights that somebody published.

    Attributes:
        network: mien's name of the network they fit; one that ends in a slash is a family.
        start: ``imagenet`` or ``face``: what they were learned on.
        what: what they are, in words.
        url: the publisher's page or file; empty where nothing is published.
        file: the file's name there; empty where the library chooses.
        form: ``torch``, ``caffe``, ``safetensors``, or ``none`` where nothing is published.
        licence: what the publisher says.
        commercial: whether that allows commercial use.
        checksum: ``sha256:`` or ``sha1:`` with the hexadecimal digits, all of them or the first;
            empty where none is published.
        library: the library that fetches and keeps the file; empty where the user does.
        fed: the input they were learned with, where a network's first convolution must be made for
            mien's (see `mien.models.matching.refeed`).
    """

    network: str
    start: Literal["imagenet", "face"]
    what: str
    url: str
    file: str
    form: Literal["torch", "caffe", "safetensors", "none"]
    licence: str
    commercial: Literal["yes", "no", "unknown"]
    checksum: str = ""
    library: str = ""
    fed: Input | None = None

    def agrees(self, prints: Mapping[str, str]) -> bool:
        """Tells whether `fingerprints` are the published ones; False where none is published."""
        algorithm, _, digits = self.checksum.partition(":")
        return bool(digits) and prints[algorithm].startswith(digits)


_TORCHVISION: Final = (
    "torchvision's code is BSD-3-Clause; of the weights it says that the terms of their training "
    "data may bind them (ImageNet: non-commercial research)"
)

PUBLISHED: Final = (
    Published(
        "alexnet",
        "imagenet",
        "BVLC AlexNet of the BAIR model zoo; its description is deploy.prototxt of "
        "https://github.com/BVLC/caffe/tree/master/models/bvlc_alexnet",
        "http://dl.caffe.berkeleyvision.org/bvlc_alexnet.caffemodel",
        "bvlc_alexnet.caffemodel",
        "caffe",
        "released for unrestricted use",
        "yes",
        "sha1:9116a64c0fbe4459d18f4bb6b56d647b63920377",
        fed=Input((122.679, 116.669, 104.007), (1.0, 1.0, 1.0), "bgr"),
    ),
    Published(
        "vgg16",
        "imagenet",
        "VGG16 of torchvision, IMAGENET1K_V1",
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        "vgg16-397923af.pth",
        "torch",
        _TORCHVISION,
        "unknown",
        "sha256:397923af",
        "torchvision",
    ),
    Published(
        "vgg16",
        "face",
        "VGG-Face (Parkhi et al. 2015) of Oxford's Visual Geometry Group: 2,622 people",
        "https://www.robots.ox.ac.uk/~vgg/software/vgg_face/",
        "VGG_FACE.caffemodel",
        "caffe",
        "non-commercial research",
        "no",
        fed=Input((129.1863, 104.7624, 93.5940), (1.0, 1.0, 1.0), "bgr"),
    ),
    Published(
        "resnet101",
        "imagenet",
        "ResNet-101 of torchvision, IMAGENET1K_V1",
        "https://download.pytorch.org/models/resnet101-63fe2227.pth",
        "resnet101-63fe2227.pth",
        "torch",
        _TORCHVISION,
        "unknown",
        "sha256:63fe2227",
        "torchvision",
    ),
    Published(
        "resnet101",
        "face",
        "no face weights are published that mien knows of: the networks of VGGFace2 (Cao et al. "
        "2018, https://github.com/ox-vgg/vgg_face2) are ResNet-50. A file of your own can be "
        "named by its path",
        "",
        "",
        "none",
        "not published",
        "unknown",
    ),
    Published(
        "timm/",
        "imagenet",
        "timm's own choice of weights for a network; not every network has some",
        "https://github.com/huggingface/pytorch-image-models",
        "",
        "safetensors",
        "each network's page says its own",
        "unknown",
        library="timm",
    ),
    Published(
        "mobilenet_v1_025",
        "imagenet",
        "MobileNetV1 x0.25: what the RetinaFace detector in PyTorch began with",
        "https://github.com/biubug6/Pytorch_Retinaface",
        "mobilenetV1X0.25_pretrain.tar",
        "torch",
        "MIT, said of the repository; learned on ImageNet (non-commercial research)",
        "unknown",
        "sha256:75c37f8d438b7c6aed2e6b310fd0540c40dabf0dd820770bd7082668dfd7c1c1",
    ),
    Published(
        "mobilenet_v1_025",
        "face",
        "the trunk of a RetinaFace face detector, learned on WIDER FACE",
        "https://github.com/biubug6/Face-Detector-1MB-with-landmark",
        "mobilenet0.25_Final.pth",
        "torch",
        "MIT, said of the repository; learned on WIDER FACE, of which it says nothing",
        "unknown",
        "sha256:ed6fa7d45a5179f03cb5ce82c73b0c6711372968e53782e88395acee88d319e1",
    ),
    Published(
        "mobilefacenet",
        "face",
        "MobileFaceNet (Chen et al. 2018): people of CASIA-WebFace. For experiments only",
        "https://github.com/Xiaoccer/MobileFaceNet_Pytorch",
        "068.ckpt",
        "torch",
        "no licence file; learned on research data",
        "unknown",
        "sha256:e839247cdbdfc023fb7cadeaf53a4549d50c8fc24ad154c02e35920ea8910d99",
        fed=Input((127.5, 127.5, 127.5), (128.0, 128.0, 128.0), "rgb"),
    ),
)


def known(network: str, start: str) -> Published | None:
    """Returns the row of a network's start, or None; a family's row stands for its members."""
    family, slash, _ = network.partition("/")
    names = (network, family + slash) if slash else (network,)
    rows = (row for row in PUBLISHED if row.start == start and row.network in names)
    return next(rows, None)


def fingerprints(path: Path) -> dict[str, str]:
    """Returns the hexadecimal sha256 and sha1 of a file, read once; sha1 for one publisher's sake.

    Raises:
        OSError: it cannot be read.
    """
    prints = {"sha256": hashlib.sha256(), "sha1": hashlib.sha1(usedforsecurity=False)}
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            for one in prints.values():
                one.update(chunk)
    return {name: one.hexdigest() for name, one in prints.items()}


def recognised(prints: Mapping[str, str]) -> Published | None:
    """Returns the row whose checksum is among a file's `fingerprints`, or None."""
    return next((row for row in PUBLISHED if row.agrees(prints)), None)


def converted(network: str, start: str) -> Path:
    """Returns where a network's converted start lies in the cache folder; it may be absent.

    Raises:
        DownloadError: there is no cache folder.
    """
    name = f"{network.replace('/', '-')}-{start}.safetensors"
    return cache_folder("converted weights", "a start by its path") / name


def here(row: Published) -> Path | None:
    """Returns the file of a row that lies in a cache of this machine, converted or fetched."""
    return next((place for place in _places(row) if place.is_file()), None)


def _places(row: Published) -> Iterator[Path]:
    if not row.network.endswith("/"):
        yield converted(row.network, row.start)
    if row.library == "torchvision":
        home = os.environ.get("TORCH_HOME")
        cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
        hub = Path(home) if home else Path(cache) / "torch"
        yield hub.expanduser() / "hub" / "checkpoints" / row.file


def command(row: Published, network: str) -> str:
    """Returns the command that converts a row's file for a network."""
    return f"mien weights convert {row.file or 'FILE'} --network {network} --start {row.start}"
