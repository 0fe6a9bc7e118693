"""The torch runtime: weights by the description beside them."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mien.core.artifact import write_json
from mien.core.errors import ModelError
from mien.core.spec import ModelSpec, Preprocess
from mien.models.mienet import MienetTiny
from mien.runtimes.torch import TorchRuntime


@pytest.fixture
def folder(tmp_path):
    network = MienetTiny().build(7).eval()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    spec = ModelSpec(
        name="tiny",
        network="mienet-tiny",
        preprocess=Preprocess(input_size=24),
        weight_licence="Apache-2.0",
        commercial_use="yes",
    )
    write_json(tmp_path / "spec.json", spec.model_dump(mode="json"))
    return tmp_path, network


def test_it_answers_as_the_network_does(folder):
    path, network = folder
    batch = np.random.default_rng(0).standard_normal((3, 1, 24, 24)).astype(np.float32)
    with torch.inference_mode():
        wanted = network(torch.from_numpy(batch)).numpy()
    runtime = TorchRuntime(path / "weights.safetensors", threads=torch.get_num_threads())
    np.testing.assert_allclose(runtime.infer(batch), wanted, atol=1e-6)
    with pytest.raises(ValueError, match="float32; got"):
        runtime.infer(batch[:, :, :20])


def test_other_weights_are_refused(folder):
    path, _ = folder
    save_file({"a": torch.zeros(1)}, path / "weights.safetensors")
    with pytest.raises(ModelError, match="mienet-tiny"):
        TorchRuntime(path / "weights.safetensors")
