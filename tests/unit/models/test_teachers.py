"""Teachers: what a student is told, and that it learns it."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mien.core.artifact import write_json
from mien.core.errors import ConfigError, ModelError
from mien.core.spec import ModelSpec, Preprocess
from mien.models.mienet import MienetTiny
from mien.models.teachers import Distillation, Teachers
from tests.unit.models.synthetic import SMALL

EVEN = np.full(7, 1 / 7, np.float32)


def teacher(folder, seed, prior=None, preprocess=SMALL):
    folder.mkdir(parents=True)
    torch.manual_seed(seed)
    network = MienetTiny().build(7).eval()
    network[-1][-1].weight.data.normal_()
    save_file(network.state_dict(), folder / "weights.safetensors")
    spec = ModelSpec(
        name="t", network="mienet-tiny", preprocess=preprocess, training_prior=prior or tuple(EVEN),
        prior="natural", temperature=1.0, weight_licence="none", commercial_use="unknown",
    )  # fmt: skip
    write_json(folder / "spec.json", spec.model_dump(mode="json"))
    return network


def told(folders, targets, inputs, shares=EVEN, **settings):
    made = Teachers(folders, Distillation(**settings), SMALL, torch.device("cpu"))
    return made(inputs, targets, shares)


@pytest.fixture
def inputs():
    return torch.randn(5, 1, 24, 24, generator=torch.Generator().manual_seed(0))


def test_votes_and_mean_answers_are_mixed(tmp_path, inputs):
    networks = [teacher(tmp_path / str(i), i) for i in range(2)]
    folders = [tmp_path / "0", tmp_path / "1"]
    targets = torch.eye(7)[:5]
    with torch.no_grad():
        mean = torch.stack([(n(inputs) / 2).softmax(1) for n in networks]).mean(0)
    found = told(folders, targets, inputs, weight=0.25, temperature=2.0)
    torch.testing.assert_close(found, 0.75 * targets + 0.25 * mean)
    torch.testing.assert_close(told(folders, targets, inputs, weight=0.0), targets)
    torch.testing.assert_close(found.sum(1), torch.ones(5))


def test_a_teachers_own_shares_are_taken_out(tmp_path, inputs):
    own = np.array([0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    network = teacher(tmp_path / "t", 0, tuple(own.tolist()))
    shares = np.array([0.1, 0.4, 0.1, 0.1, 0.1, 0.1, 0.1], np.float32)
    with torch.no_grad():
        odds = network(inputs).softmax(1) * torch.tensor(shares / own)
    expected = (odds / odds.sum(1, keepdim=True)).float()
    targets = torch.zeros(5, 7)
    found = told([tmp_path / "t"], targets, inputs, shares, weight=1.0)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_another_input_or_a_broken_folder_is_refused(tmp_path, inputs):
    teacher(tmp_path / "t", 0, preprocess=Preprocess(input_size=32))
    with pytest.raises(ConfigError, match="another input"):
        told([tmp_path / "t"], torch.zeros(5, 7), inputs)
    with pytest.raises(ModelError):
        told([tmp_path / "missing"], torch.zeros(5, 7), inputs)
