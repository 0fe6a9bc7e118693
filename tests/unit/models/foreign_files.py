"""A small network, and files of weights for it as others would write them."""

from pathlib import Path

import numpy as np
from torch import nn

from mien.core.spec import Preprocess
from mien.models.networks import ChainNetwork

SIDE = 16
PROTOTXT = """name: "small"
input: "data"
input_dim: 1 input_dim: 3 input_dim: 16 input_dim: 16
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1"
  batch_norm_param { use_global_stats: true } }
layer { name: "scale1" type: "Scale" bottom: "conv1" top: "conv1" scale_param { bias_term: true } }
layer { name: "prelu1" type: "PReLU" bottom: "conv1" top: "conv1" }
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "fc6" type: "InnerProduct" bottom: "pool1" top: "fc6"
  inner_product_param { num_output: 5 } }
layer { name: "fc8" type: "InnerProduct" bottom: "fc6" top: "fc8"
  inner_product_param { num_output: 10 } }
layer { name: "prob" type: "Softmax" bottom: "fc8" top: "prob" }
"""


class Small(ChainNetwork):
    """A convolution, its normalisation, and two fully connected layers, under names of its own."""

    name = "small"
    preprocess = Preprocess(
        input_size=SIDE, colour="rgb", mean=(120.0, 110.0, 100.0), std=(60.0, 50.0, 40.0)
    )
    fully_connected = 2
    renames = (
        (r"^conv1\.", "conv.0."),
        (r"^(bn1|scale1)\.", "conv.1."),
        (r"^prelu1\.", "conv.2."),
        (r"^fc6\.", "fc6.1."),
        (r"^fc8\.", "fc8.0."),
    )

    @property
    def blocks(self) -> tuple[str, ...]:
        return ("conv", "fc6", "fc8")

    def layers(self, num_classes: int) -> dict[str, nn.Module]:
        return {
            "conv": nn.Sequential(
                nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.PReLU(4), nn.MaxPool2d(2)
            ),
            "fc6": nn.Sequential(nn.Flatten(), nn.Linear(4 * 7 * 7, 5)),
            "fc8": nn.Sequential(nn.Linear(5, num_classes)),
        }


def layers(seed: int = 0) -> dict[str, tuple[str, list[np.ndarray]]]:
    """Returns the type and the blobs of each layer of the Caffe network of `PROTOTXT`."""
    random = np.random.default_rng(seed)
    made = {
        "conv1": ("Convolution", [random.normal(size=(4, 3, 3, 3)) / 100, random.normal(size=4)]),
        "bn1": ("BatchNorm", [random.normal(size=4), random.uniform(1, 2, 4), np.array([2.5])]),
        "scale1": ("Scale", [random.uniform(1, 2, 4), random.normal(size=4)]),
        "prelu1": ("PReLU", [random.uniform(0.1, 0.5, 4)]),
        "fc6": ("InnerProduct", [random.normal(size=(5, 196)), random.normal(size=5)]),
        "fc8": ("InnerProduct", [random.normal(size=(10, 5)), random.normal(size=10)]),
    }
    return {k: (kind, [b.astype(np.float32) for b in blobs]) for k, (kind, blobs) in made.items()}


def write_caffe(
    path: Path,
    content: dict[str, tuple[str, list[np.ndarray]]] | None = None,
    prototxt: str | None = PROTOTXT,
) -> Path:
    """Writes a ``.caffemodel``, and its description beside it unless that is None."""
    content = layers() if content is None else content
    whole = _field(1, b"small")
    for name, (kind, blobs) in content.items():
        parts = [_field(1, name.encode()), _field(2, kind.encode())]
        whole += _field(100, b"".join([*parts, *(_field(7, _blob(blob)) for blob in blobs)]))
    path.write_bytes(whole)
    if prototxt is not None:
        path.with_suffix(".prototxt").write_text(prototxt)
    return path


def write_old_caffe(path: Path) -> Path:
    """Writes the convolution and the first fully connected layer in Caffe's form of 2014.

    VGG-Face is in it: layers of numbered types, and arrays that are always four-dimensional.
    """
    numbers = {"Convolution": 4, "InnerProduct": 14}
    whole = _field(1, b"small")
    for name in ("conv1", "fc6"):
        kind, blobs = layers()[name]
        parts = [_field(4, name.encode()), _number(5 << 3) + _number(numbers[kind])]
        for blob in blobs:
            sizes = [*[1] * (4 - blob.ndim), *blob.shape]
            head = b"".join(_number(i + 1 << 3) + _number(n) for i, n in enumerate(sizes))
            parts.append(_field(6, head + _field(5, blob.astype("<f4").tobytes())))
        whole += _field(2, b"".join(parts))
    path.write_bytes(whole)
    path.with_suffix(".prototxt").write_text("""name: "small"
input: "data"
input_dim: 1 input_dim: 3 input_dim: 16 input_dim: 16
layers { name: "conv1" type: CONVOLUTION bottom: "data" top: "conv1"
  convolution_param { num_output: 4 kernel_size: 3 } }
layers { name: "relu1" type: RELU bottom: "conv1" top: "conv1" }
layers { name: "pool1" type: POOLING bottom: "conv1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layers { name: "fc6" type: INNER_PRODUCT bottom: "pool1" top: "fc6"
  inner_product_param { num_output: 5 } }
""")
    return path


def _blob(values: np.ndarray) -> bytes:
    return shaped_blob(values.shape, values)


def shaped_blob(shape: tuple[int, ...], values: np.ndarray) -> bytes:
    """Returns a BlobProto that claims a shape, whatever it holds."""
    dims = b"".join(_number(size) for size in shape)
    return _field(7, _field(1, dims)) + _field(5, values.astype("<f4").tobytes())


def message(number: int, payload: bytes) -> bytes:
    """Returns one length-delimited field of a protocol buffer."""
    return _field(number, payload)


def _field(number: int, payload: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(payload)) + payload


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
