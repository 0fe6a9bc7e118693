"""Several processes: one global batch, shared out, with the result of one process."""

import csv
import itertools
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from mien.core.errors import StageError
from mien.models.parallel import Devices, SyncedNorm, arithmetic, launched, share, synced
from tests.unit.models.synthetic import tables

DRIVER = """
import sys
from pathlib import Path
from mien.core.spec import Preprocess
from mien.models.augment import Augment
from mien.models.recipe import Recipe
from mien.stages.train import TrainConfig, train
recipe = Recipe(epochs=2, balanced_epochs=1, batch_size=int(sys.argv[5]), ema=0.9,
                precision="32-true", mixup=float(sys.argv[4]))
config = TrainConfig(network="mienet-tiny", threads=1, preprocess=Preprocess(input_size=24),
                     recipe=recipe, augment=Augment(flip=0.0, rotation=4.0), loggers=())
train(config, *(Path(p) for p in sys.argv[1:4]), quiet=True)
"""


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    return tables(tmp_path_factory.mktemp("tables"))


def trained(stages, out, processes, mixup, batch):
    """Trains in some processes on this machine and returns the epochs' losses and the weights."""
    start = [sys.executable]
    if processes > 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        start += ["-m", "torch.distributed.run", f"--nproc-per-node={processes}"]
        start += ["--master-addr=127.0.0.1", f"--master-port={port}"]
    script = out.with_suffix(".py")
    script.write_text(DRIVER)
    arguments = [*map(str, stages), str(out), str(mixup), str(batch)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*start, str(script), *arguments], env=environment, capture_output=True, text=True,
        timeout=240,
    )  # fmt: skip
    assert not done.returncode, done.stderr[-3000:]
    with (out / "log.csv").open(newline="") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    return np.array(losses), load_file(out / "weights.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize(("mixup", "batch"), [(0.0, 16), (0.4, 139)], ids=["plain", "one left"])
def test_two_processes_learn_what_one_learns(stages, tmp_path, mixup, batch):
    # 140 faces: after a batch of 139 one is left, so one of the processes has none.
    losses, weights = trained(stages, tmp_path / "one", 1, mixup, batch)
    shared_losses, shared = trained(stages, tmp_path / "two", 2, mixup, batch)
    assert len(losses) == 3
    np.testing.assert_allclose(shared_losses, losses, rtol=1e-4)
    for name, tensor in weights.items():
        np.testing.assert_allclose(shared[name], tensor, atol=2e-3, err_msg=name)


def test_shares_cover_a_batch():
    class Place:
        world_size = 3

    for count in (1, 2, 7, 128):
        edges = []
        for rank in range(3):
            place = Place()
            place.global_rank = rank
            edges.append(share(count, place))
        assert edges[0][0] == 0
        assert edges[-1][1] == count
        assert all(a[1] == b[0] for a, b in itertools.pairwise(edges))


def test_one_process_is_launched_as_it_is():
    fabric = launched(Devices(accelerator="cpu"))
    assert (fabric.world_size, fabric.global_rank) == (1, 0)


class TwoCpus:
    world_size = 2
    device = torch.device("cpu")


def test_norms_of_another_kind_are_refused_and_plain_ones_kept():
    class Other(nn.BatchNorm2d):
        pass

    with pytest.raises(StageError, match="kind Other"):
        synced(nn.Sequential(nn.BatchNorm2d(2), Other(2)), TwoCpus())
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    names = list(network.state_dict())
    assert list(synced(network, TwoCpus()).state_dict()) == names
    assert type(network[1]) is SyncedNorm


@pytest.mark.parametrize(
    ("cuda", "bf16", "cpu_bf16", "expected"),
    [
        (True, True, False, "bf16-mixed"),
        (True, False, True, "16-mixed"),
        (False, False, True, "bf16-mixed"),
        (False, False, False, "32-true"),
    ],
)
def test_the_arithmetic_is_what_the_device_is_made_for(monkeypatch, cuda, bf16, cpu_bf16, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: bf16)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: cpu_bf16, raising=False)
    assert arithmetic() == expected
    assert arithmetic("cpu") == ("bf16-mixed" if cpu_bf16 else "32-true")
    assert arithmetic("mps") == "32-true"


def test_a_synced_norm_of_one_process_is_a_norm(tmp_path):
    torch.manual_seed(0)
    plain = nn.BatchNorm2d(3)
    nn.init.normal_(plain.weight)
    nn.init.normal_(plain.bias)
    synced = SyncedNorm(3)
    synced.load_state_dict(plain.state_dict())
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1
    )
    try:
        inputs = torch.randn(5, 3, 4, 4) * 3 + 1
        given = [inputs.clone().requires_grad_() for _ in range(2)]
        outputs = [norm(x) for norm, x in zip((plain, synced), given, strict=True)]
        torch.testing.assert_close(*outputs, rtol=1e-4, atol=1e-4)
        for output in outputs:
            (output**3).sum().backward()
        torch.testing.assert_close(given[0].grad, given[1].grad, rtol=1e-3, atol=1e-3)
        for name, tensor in plain.state_dict().items():
            torch.testing.assert_close(synced.state_dict()[name], tensor, rtol=1e-4, atol=1e-5)
    finally:
        torch.distributed.destroy_process_group()
