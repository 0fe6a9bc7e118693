"""Grad-CAM against gradients taken by hand, and what it says where it cannot be made."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("captum")

from safetensors.torch import save_file  # noqa: E402

from mien.core import registry  # noqa: E402
from mien.core.artifact import digest, write_json  # noqa: E402
from mien.core.errors import (  # noqa: E402
    ChecksumError,
    ConfigError,
    MissingExtraError,
    ModelError,
)
from mien.core.spec import ModelSpec, Preprocess  # noqa: E402
from mien.models.gradcam import GradCam, map_block  # noqa: E402
from mien.models.mienet import MienetTiny  # noqa: E402

SMALL = Preprocess(input_size=24)


def make_trained(folder: Path, network: torch.nn.Module, name: str = "mienet-tiny") -> Path:
    """Writes the weights and the description that `train` would."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(network.state_dict(), folder / "weights.safetensors")
    spec = ModelSpec(
        name="tiny",
        network=name,
        preprocess=SMALL,
        weight_licence="Apache-2.0",
        commercial_use="yes",
        files={"weights.safetensors": digest(folder / "weights.safetensors")},
    )
    write_json(folder / "spec.json", spec.model_dump(mode="json"))
    return folder


@pytest.fixture
def tiny() -> torch.nn.Module:
    torch.manual_seed(3)
    network = MienetTiny().build(7).eval()
    for parameter in network.parameters():  # blocks that are no mere shortcuts
        torch.nn.init.normal_(parameter, std=0.2)
    return network


def test_it_is_what_the_paper_says(tmp_path: Path, tiny: torch.nn.Module) -> None:
    faces = np.random.default_rng(0).standard_normal((5, 1, 24, 24)).astype(np.float32)
    classes = np.array([0, 1, 4, 4, 6])
    found = GradCam(make_trained(tmp_path, tiny), batch_size=2)
    assert found.block == "stage3"
    maps = found(faces, classes)
    assert (maps.shape, maps.dtype) == ((5, 24, 24), np.float32)
    assert (maps >= 0).all()
    *blocks, classifier = tiny.children()
    features = torch.nn.Sequential(*blocks)(torch.from_numpy(faces))
    logits = classifier(features)
    (slopes,) = torch.autograd.grad(logits[range(5), classes].sum(), features)
    wanted = torch.relu((slopes.mean((2, 3), keepdim=True) * features).sum(1, keepdim=True))
    wanted = torch.nn.functional.interpolate(wanted, (24, 24), mode="bilinear")
    np.testing.assert_allclose(maps, wanted[:, 0].detach(), atol=1e-5)
    assert maps.max() > 0
    np.testing.assert_allclose(found.infer(faces), logits.detach(), atol=1e-5)


@pytest.mark.parametrize("name", ["alexnet", "mobilenet_v1_025", "vgg16"])
def test_networks_know_their_last_convolutional_block(name: str) -> None:
    kind = registry.load("networks", name)()
    assert map_block(kind)[0] == kind.last_conv


class Last(torch.nn.Module):
    """Gives what is asked for in the place of maps."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return batch.mean() * torch.ones(len(batch), *self.shape, device=batch.device)


class Odd:
    """A network whose last block gives tokens, channels behind, or a single cell."""

    name, preprocess = "odd", SMALL

    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def build(self, num_classes: int, start: str = "scratch") -> torch.nn.Module:
        network = torch.nn.Sequential()
        network.add_module("last", Last(self.shape))
        network.add_module("classifier", Last((num_classes,)))
        return network

    def trainable(self, policy: str) -> list[str]:
        if not self.shape:
            raise ConfigError("no chain")
        return {"all": ["last", "classifier"], "head": ["classifier"]}.get(
            policy, ["last", "classifier"]
        )


@pytest.mark.parametrize("shape", [(), (197, 192), (7, 7, 768), (192, 1, 1)])
def test_a_network_without_maps_is_told_what_works(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"network 'odd'.*method = 'occlusion'"):
        map_block(Odd(*shape))
    assert map_block(Odd(64, 7, 7)) == ("last", 7)


def test_an_earlier_block_has_finer_maps(tmp_path: Path, tiny: torch.nn.Module) -> None:
    folder = make_trained(tmp_path, tiny)
    assert GradCam(folder).cells < GradCam(folder, block="stage1").cells
    with pytest.raises(ConfigError, match="no block 'stage9'. It has: stem, stage1"):
        GradCam(folder, block="stage9")


def test_wrong_inputs_are_refused(tmp_path: Path, tiny: torch.nn.Module) -> None:
    found = GradCam(make_trained(tmp_path, tiny))
    faces = np.zeros((2, 1, 24, 24), np.float32)
    with pytest.raises(ValueError, match="2 inputs and 1 classes"):
        found(faces, np.array([1]))
    with pytest.raises(ValueError, match="float32; got"):
        found(faces[:, :, :20], np.array([1, 1]))
    assert found(faces[:0], np.empty(0, int)).shape == (0, 24, 24)
    assert found.infer(faces[:0]).shape == (0, 7)


def test_weights_are_needed_and_checked(tmp_path: Path, tiny: torch.nn.Module) -> None:
    folder = make_trained(tmp_path, tiny)
    save_file({"a": torch.zeros(1)}, folder / "weights.safetensors")
    with pytest.raises(ChecksumError, match="altered or cut short"):
        GradCam(folder)
    (folder / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no weights\.safetensors.*method = 'occlusion'"):
        GradCam(folder)


def test_a_missing_captum_names_its_extra(
    tmp_path: Path, tiny: torch.nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(MissingExtraError, match=r"Grad-CAM needs the extra 'explain'"):
        GradCam(make_trained(tmp_path, tiny))
