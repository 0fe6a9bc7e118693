"""The small networks take the published weights, whole, and see the input they were trained on."""

import os
from pathlib import Path

import pytest
import torch

from mien.core.spec import Preprocess
from mien.models.mobile import MiddleColumns, MobileFaceNet, MobileNetV1
from mien.models.tracing import renamed

WEIGHTS = Path(os.environ.get("MIEN_TEST_WEIGHTS", "no-such-folder"))
needs_weights = pytest.mark.skipif(
    not (WEIGHTS / "mobilefacenet_casia_068.ckpt").is_file(),
    reason="needs the published weights in the folder that MIEN_TEST_WEIGHTS names",
)


def _shapes(kind):
    with torch.device("meta"):
        return {name: tuple(t.shape) for name, t in kind.build(7).state_dict().items()}


def _read(name, key=None):
    tensors = torch.load(WEIGHTS / name, map_location="cpu", weights_only=True)
    return tensors[key] if key else tensors


def _came(kind, tensors):
    """Returns what of a network the tensors fill, by name."""
    own = _shapes(kind)
    found = {renamed(name, kind.renames): tensor for name, tensor in tensors.items()}
    return {n: t for n, t in found.items() if own.get(n) == tuple(t.shape)}


@pytest.mark.parametrize("kind", [MobileNetV1(), MobileFaceNet()])
def test_its_own_names_stay(kind):
    own = set(_shapes(kind))
    assert {renamed(name, kind.renames) for name in own} == own


def test_prefixes_of_trainers_and_detectors_are_dropped():
    for prefix in ("", "module.", "body.", "module.body."):
        assert renamed(f"{prefix}stage3.1.0.weight", MobileNetV1.renames) == "stage3_1.0.weight"
    assert renamed("module.fc.bias", MobileNetV1.renames) == "classifier.2.bias"
    assert renamed("fpn.merge1.0.weight", MobileNetV1.renames) == "fpn.merge1.0.weight"


@needs_weights
@pytest.mark.parametrize(
    ("kind", "file", "key", "left"),
    [
        (MobileNetV1(), "mobilenet_v1_025_imagenet.tar", "state_dict", "classifier"),
        (MobileNetV1(), "mobilenet_v1_025_face_retinaface.pth", None, "classifier"),
        (MobileFaceNet(), "mobilefacenet_casia_068.ckpt", "net_state_dict", "classifier"),
    ],
)
def test_published_weights_fill_all_but_the_classifier(kind, file, key, left):
    missing = _shapes(kind).keys() - _came(kind, _read(file, key)).keys()
    assert {name.partition(".")[0] for name in missing} == {left}


def test_middle_columns_are_kept():
    maps = torch.arange(112.0).expand(1, 3, 4, 112)
    kept = MiddleColumns(96)(maps)
    assert kept.shape == (1, 3, 4, 96)
    assert kept[0, 0, 0, 0] == 8
    assert kept[0, 0, 0, -1] == 103


def _unscaled(seed=0):
    """Returns the first layer of a network that takes blue, green, red of 0 to 255."""
    random = torch.Generator().manual_seed(seed)
    return {
        "stage1.0.0.weight": torch.randn(8, 3, 3, 3, generator=random),
        "stage1.0.1.weight": torch.rand(8, generator=random) + 0.5,
        "stage1.0.1.bias": torch.randn(8, generator=random),
        "stage1.0.1.running_mean": torch.randn(8, generator=random) * 20,
        "stage1.0.1.running_var": torch.rand(8, generator=random) * 9e4 + 1e3,
    }


def _first(tensors, batch):
    maps = torch.nn.functional.conv2d(batch, tensors["stage1.0.0.weight"], stride=2)
    return torch.nn.functional.batch_norm(
        maps,
        tensors["stage1.0.1.running_mean"],
        tensors["stage1.0.1.running_var"],
        tensors["stage1.0.1.weight"],
        tensors["stage1.0.1.bias"],
    )


def test_weights_for_unscaled_colours_are_made_to_see_scaled_ones():
    given: Preprocess = MobileNetV1.preprocess
    pixels = torch.rand(2, 3, 9, 9, generator=torch.Generator().manual_seed(1)) * 255  # RGB
    theirs = pixels.flip(1) - torch.tensor((104.0, 117.0, 123.0)).view(1, 3, 1, 1)
    ours = (pixels - torch.tensor(given.mean).view(1, 3, 1, 1)) / torch.tensor(given.std).view(
        1, 3, 1, 1
    )
    before = _unscaled()
    after = MobileNetV1().adapt(before)
    torch.testing.assert_close(_first(after, ours), _first(before, theirs), rtol=1e-3, atol=1e-3)
    assert torch.equal(before["stage1.0.0.weight"], _unscaled()["stage1.0.0.weight"])


def test_other_weights_are_left_as_they_are():
    scaled = _unscaled() | {"stage1.0.1.running_var": torch.full((8,), 9.0)}
    for tensors in (scaled, {"stage2.0.0.weight": torch.ones(1)}):
        assert MobileNetV1().adapt(tensors) == tensors


@needs_weights
def test_the_published_statistics_tell_which_input_was_seen():
    kind = MobileNetV1()
    face = _came(kind, _read("mobilenet_v1_025_face_retinaface.pth"))
    imagenet = _came(kind, _read("mobilenet_v1_025_imagenet.tar", "state_dict"))
    name = "stage1.0.0.weight"
    assert not torch.equal(kind.adapt(face)[name], face[name])
    assert torch.equal(kind.adapt(imagenet)[name], imagenet[name])
