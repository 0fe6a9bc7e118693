"""The frozen trunk, run once: the same training, stored and resumed."""

import numpy as np
import pytest
import torch
from torch import nn

from mien.core.errors import StageError
from mien.models import frozen
from mien.models.augment import Augment
from mien.models.data import Batches
from mien.models.frozen import TrunkCache
from mien.models.inference import logits
from mien.models.log import Report
from mien.models.loop import Training
from mien.models.mienet import MienetTiny
from mien.models.parallel import Devices, launched
from mien.models.recipe import Recipe
from tests.unit.models.synthetic import MILD, SMALL, arrays, batches

RECIPE = Recipe(
    epochs=3, balanced_epochs=1, batch_size=16, warmup=0, precision="32-true", ema=0.9, clip=0
)
BLOCKS = ["stage3", "classifier"]


class Tiny(MienetTiny):
    """With dropout, whose seed must not depend on the trunk."""

    name = "tiny"
    dropout = 0.3


@pytest.fixture
def fabric():
    return launched(Devices(accelerator="cpu"), "32-true")


def still(n=70, smoothing=0.0):
    """Batches that never differ."""
    return Batches(arrays(n), SMALL, Augment.none(), 0, smoothing)


def built():
    torch.manual_seed(3)
    network = Tiny().build(7)
    for name, buffer in network.named_buffers():  # statistics that are not the identity
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return network


def trained(folder, fabric, settings, source=None, blocks=BLOCKS):
    """Trains with these settings of the trunk; returns the losses and the network's answers."""
    folder.mkdir(exist_ok=True)
    dev = arrays(30, seed=4).pixels
    source = source or still(smoothing=0.1)
    ready = frozen.prepare(built(), blocks, source, dev, settings, folder, fabric)
    run = Training(
        ready.module, ready.source, RECIPE, lambda _: {}, folder, blocks, Report(4, True),
        fabric=fabric,
    )  # fmt: skip
    network = ready.whole(run.run())
    inputs = (dev.transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / 64
    return ready, [row["loss"] for row in run.rows], logits(network, [inputs])


def test_the_cache_changes_nothing(tmp_path, fabric):
    ready, losses, answers = trained(tmp_path / "a", fabric, TrunkCache())
    off, plain_losses, plain = trained(tmp_path / "b", fabric, TrunkCache(store="off"))
    assert [name for name, _ in ready.trunk.named_children()] == ["stem", "stage1", "stage2"]
    assert "runs once: 100 faces" in ready.line
    assert "store is off" in off.line
    np.testing.assert_allclose(losses, plain_losses, rtol=1e-5)
    np.testing.assert_allclose(answers, plain, rtol=1e-3, atol=1e-4)


def test_half_precision_is_close(tmp_path, fabric):
    ready, losses, _ = trained(tmp_path / "a", fabric, TrunkCache(half=True))
    _, plain, _ = trained(tmp_path / "b", fabric, TrunkCache(store="off"))
    assert ready.source.values.dtype == np.float16
    np.testing.assert_allclose(losses, plain, rtol=1e-2)


def test_random_views_switch_it_off_or_are_stored(tmp_path, fabric):
    drawn = batches(40)
    off, _, _ = trained(tmp_path / "a", fabric, TrunkCache(), drawn)
    assert "random views" in off.line
    assert not len(off.trunk)
    ready, _, _ = trained(tmp_path / "b", fabric, TrunkCache(views=2), drawn)
    assert "2 views of each face" in ready.line
    assert ready.source.values.shape[:2] == (2, 40)
    assert not np.allclose(ready.source.values[0], ready.source.values[1])
    order = np.arange(40)
    for epoch in (0, 1, 2):
        found, _ = ready.source.batch(order, 8, 8, epoch)
        np.testing.assert_array_equal(found, ready.source.values[epoch % 2, 8:16])


@pytest.mark.parametrize(
    ("blocks", "source", "word"),
    [
        (["stem", "classifier"], still(20), "first block is trained"),
        (BLOCKS, Batches(arrays(20), SMALL, Augment.none(), 0, mixup=0.2), "mixup"),
        (BLOCKS, Batches(arrays(20), SMALL, MILD, 0), "random views"),
    ],
)
def test_why_it_is_not_used(blocks, source, word):
    network = built()
    trunk, _ = frozen.cut(network, blocks)
    assert word in frozen.reason_against(network, trunk, source, TrunkCache())


def test_teachers_need_the_inputs():
    network = built()
    trunk, _ = frozen.cut(network, BLOCKS)
    assert "teachers" in frozen.reason_against(network, trunk, still(20), TrunkCache(), taught=True)


def test_trunk_and_tail_are_the_network():
    network = built().eval()
    trunk, tail = frozen.cut(network, BLOCKS)
    inputs = torch.randn(2, 1, 24, 24)
    assert torch.equal(tail(trunk(inputs)), network(inputs))
    everything, nothing = frozen.cut(network, [])
    assert (len(everything), len(nothing)) == (5, 0)


def test_a_stopped_pass_goes_on(tmp_path):
    trunk = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).eval()
    values = np.random.default_rng(0).normal(size=(700, 1, 2, 2)).astype(np.float32)
    asked = []

    def inputs(view, first, end):
        asked.append(first)
        if first == 512 and len(asked) < 9:
            raise KeyboardInterrupt
        return values[first:end]

    path = tmp_path / "trunk.npy"
    with pytest.raises(KeyboardInterrupt):
        frozen.stored(trunk, inputs, (700, 2), path, TrunkCache())
    asked += [-1] * 9
    found = frozen.stored(trunk, inputs, (700, 2), path, TrunkCache())
    assert min(asked[-2:]) == 512  # what was done is not done again
    expected = trunk(torch.from_numpy(values)).detach().numpy()
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)


def test_a_full_disk_is_told_before(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 1000})()
    monkeypatch.setattr(frozen.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(StageError, match=r"half = true"):
        frozen.stored(
            nn.Sequential(nn.Identity()), None, (700, 2), tmp_path / "t.npy", TrunkCache()
        )
