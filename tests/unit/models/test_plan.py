"""What a training would take, and its settings."""

import pytest

from mien.core import config
from mien.core.errors import ConfigError
from mien.core.spec import Preprocess
from mien.models.augment import Augment
from mien.models.data import Batches
from mien.models.mienet import Mienet, MienetTiny
from mien.models.parallel import Devices, launched
from mien.models.plan import measure
from mien.models.recipe import Recipe
from mien.models.settings import TrainConfig
from tests.unit.models.synthetic import SMALL, arrays, batches

RECIPE = Recipe(epochs=4, balanced_epochs=2, batch_size=16, precision="32-true")


def plan(blocks, source, **settings):
    chosen = TrainConfig(network="mienet-tiny", recipe=RECIPE, preprocess=SMALL, **settings)
    fabric = launched(Devices(accelerator="cpu"))
    return measure(MienetTiny().build(7), blocks, source, 30, chosen, fabric)


def test_a_plan_counts_everything():
    every = sum(p.numel() for p in MienetTiny().build(7).parameters())
    found = plan(MienetTiny().trainable("all"), batches(100))
    assert (found.faces, found.epochs, found.iterations) == (100, 6, 42)
    assert (found.trained, found.frozen) == (every, 0)
    assert found.seconds == pytest.approx(42 * found.iteration_seconds)
    assert found.memory > 50_000_000
    text = found.text(price=3600.0)
    assert f"parameters trained    {every:,}" in text
    assert f"cost, estimated       {found.seconds:.2f}" in text
    assert "trunk" not in text


def test_a_frozen_trunk_is_planned_as_it_will_run():
    every = sum(p.numel() for p in MienetTiny().build(7).parameters())
    once = plan(["classifier"], Batches(arrays(100), SMALL, Augment.none(), 0))
    assert "runs once" in once.text()
    assert once.trained + once.frozen == every
    assert once.disk == 100 * 32 * 3 * 3 * 4
    assert once.trunk_seconds > 0
    often = plan(["classifier"], batches(100))
    assert "runs in every epoch: random views" in often.text()
    assert often.trained == once.trained
    assert often.trained + often.frozen == every


def test_no_augmentation_is_one_word():
    made = config.check(TrainConfig, {"augment": "none"}, "train")
    assert made.augment.off
    assert not TrainConfig().augment.off
    with pytest.raises(ConfigError, match="augment"):
        config.check(TrainConfig, {"augment": "some"}, "train")


def test_the_input_is_the_networks_own_unless_given():
    assert TrainConfig(network="mienet").input == Mienet.preprocess
    given = Preprocess(input_size=32)
    assert TrainConfig(network="mienet", preprocess=given).input == given
