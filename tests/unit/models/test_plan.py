"""What a training would take, and its settings."""

import pytest

from mien.core import config, registry
from mien.core.errors import ConfigError, UnknownNameError
from mien.core.spec import Preprocess
from mien.models.augment import Augment
from mien.models.data import Batches
from mien.models.matching import Loaded
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
    assert once.disk == (100 + 30) * 32 * 3 * 3 * 4
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


def test_a_part_of_the_input_is_laid_over_the_networks_own():
    made = config.check(TrainConfig, {"network": "alexnet", "preprocess": {"margin": 0.4}}, "train")
    own = registry.load("networks", "alexnet")().preprocess
    assert made.input == own.model_copy(update={"margin": 0.4})
    with pytest.raises(UnknownNameError, match="alexnets"):
        config.check(TrainConfig, {"network": "alexnets", "preprocess": {}}, "train")


def start(commercial):
    return Loaded((), (), (), (), 1.0, "faces.pth", licence="research", commercial=commercial)


def test_the_licence_of_a_start_travels_along(tmp_path):
    bare = TrainConfig(training_data=("mine",))
    made = bare.licensed(tmp_path, tmp_path, start("no"))
    assert made.commercial_use == "no"
    assert made.training_data == ("mine", "start faces.pth: research")
    assert bare.licensed(tmp_path, tmp_path).commercial_use == "unknown"
    bold = TrainConfig(commercial_use="yes")
    assert bold.licensed(tmp_path, tmp_path).commercial_use == "yes"
    with pytest.raises(ConfigError, match=r'"no": start faces\.pth: research'):
        bold.licensed(tmp_path, tmp_path, start("no"))
