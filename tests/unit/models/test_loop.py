"""The training loop: it learns, it resumes exactly, and it stops at nonsense."""

import csv

import numpy as np
import pytest
import torch

from mien.core.errors import ModelError, StageError
from mien.models import checkpoint, loop
from mien.models.log import TIMES, Report
from mien.models.loop import CHECKPOINT, Training
from mien.models.mienet import MienetTiny
from mien.models.recipe import Recipe
from mien.models.sampling import training_prior
from tests.unit.models.synthetic import SMALL, arrays, batches

RECIPE = Recipe(epochs=2, balanced_epochs=1, batch_size=16, warmup=0.5, checkpoint_steps=4, ema=0.9)


class KilledError(Exception):
    """Stands for kill -9."""


class KillsAt(Report):
    """A report that stops the training after some step, before anything more is saved."""

    def __init__(self, epochs, at):
        super().__init__(epochs, quiet=True)
        self.left = at

    def step(self, *args):
        self.left -= 1
        if not self.left:
            raise KilledError


def training(folder, recipe=RECIPE, report=None, blocks=None, seed=0, n=96):
    torch.manual_seed(1)
    return Training(
        MienetTiny().build(7),
        batches(n, seed),
        recipe,
        evaluate,
        folder,
        blocks,
        report or Report(recipe.total_epochs, quiet=True),
    )


DEV = arrays(70, SMALL, seed=9)
DEV_INPUTS = torch.from_numpy((DEV.pixels.transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / 64)


def evaluate(network):
    with torch.inference_mode():
        answers = network(DEV_INPUTS).argmax(1).numpy()
    return {"dev_accuracy": float((answers == DEV.labels).mean())}


def log_without_times(folder):
    with (folder / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


def test_it_learns(tmp_path):
    recipe = Recipe(epochs=8, balanced_epochs=1, batch_size=16, ema=0.9, learning_rate=5e-3)
    trained = training(tmp_path, recipe, n=280).run()
    assert not trained.training
    assert evaluate(trained)["dev_accuracy"] > 0.8
    rows = log_without_times(tmp_path)
    assert [row["epoch"] for row in rows] == [str(i + 1) for i in range(9)]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])


@pytest.mark.parametrize(
    ("stops", "precision"),
    [((1,), "32-true"), ((3, 9), "32-true"), ((6,), "32-true"), ((13, 3), "bf16-mixed")],
    ids=["before a checkpoint", "twice", "at an epoch's end", "in the balanced phase"],
)
def test_a_killed_training_ends_as_if_it_had_not_been(tmp_path, stops, precision):
    recipe = RECIPE.model_copy(update={"precision": precision})
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = training(whole, recipe).run().state_dict()
    for stop in stops:
        with pytest.raises(KilledError):
            training(broken, recipe, KillsAt(3, stop)).run()
    found = training(broken, recipe).run().state_dict()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=0, atol=1e-6)
    assert log_without_times(broken) == log_without_times(whole)


def test_a_finished_training_is_not_repeated(tmp_path):
    first = training(tmp_path).run().state_dict()
    again = training(tmp_path, report=KillsAt(3, 1)).run().state_dict()
    for name, tensor in first.items():
        assert torch.equal(again[name], tensor)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    with pytest.raises(KilledError):
        training(tmp_path, report=KillsAt(3, 7)).run()
    with pytest.raises(StageError, match="another seed"):
        training(tmp_path, seed=1).run()
    with pytest.raises(StageError, match="another recipe"):
        training(tmp_path, RECIPE.model_copy(update={"ema": 0.5})).run()


def test_a_damaged_checkpoint_is_refused(tmp_path):
    with pytest.raises(KilledError):
        training(tmp_path, report=KillsAt(3, 7)).run()
    path = tmp_path / CHECKPOINT
    data = bytearray(path.read_bytes())
    data[-100] ^= 255
    path.write_bytes(data)
    with pytest.raises(ModelError, match="digest"):
        training(tmp_path).run()


def test_frozen_blocks_stay_as_they_are(tmp_path):
    run = training(tmp_path, blocks=["stage3", "classifier"])
    before = {k: v.clone() for k, v in run.network.state_dict().items()}
    run.run()
    after = run.network.state_dict()
    for name, tensor in before.items():
        frozen = name.startswith(("stem", "stage1", "stage2"))
        if frozen:
            assert torch.equal(after[name], tensor), name
    assert not torch.equal(after["classifier.3.weight"], before["classifier.3.weight"])


def test_a_loss_that_is_not_finite_stops_with_the_batch(tmp_path):
    wild = RECIPE.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(StageError, match="not finite"):
        training(tmp_path, wild).run()
    batch, state = checkpoint.read(tmp_path / "nonfinite-batch.safetensors")
    assert batch["inputs"].shape == (16, 1, 24, 24)
    assert state["step"] >= 1


def test_parts_of_a_batch_give_the_gradients_of_the_whole(tmp_path):
    recipe = Recipe(
        epochs=1, balanced_epochs=0, batch_size=32, precision="32-true", optimizer="sgd", ema=0
    )
    found = []
    for parts in (1, 3):
        folder = tmp_path / str(parts)
        folder.mkdir()
        # Frozen norms: each part of a batch would have statistics of its own.
        run = training(
            folder, recipe.model_copy(update={"accumulate": parts}), blocks=["classifier"]
        )
        found.append((run.run().state_dict(), run.rows[0]["loss"]))
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-6)
    for name, tensor in found[0][0].items():
        torch.testing.assert_close(found[1][0][name], tensor, rtol=1e-5, atol=1e-7)


def test_without_averages_the_network_itself_is_what_training_makes(tmp_path):
    run = training(tmp_path, RECIPE.model_copy(update={"ema": 0}))
    assert run.averaged is run.network
    with pytest.raises(KilledError):
        training(tmp_path, RECIPE.model_copy(update={"ema": 0}), KillsAt(3, 9)).run()
    resumed = training(tmp_path, RECIPE.model_copy(update={"ema": 0})).run()
    expected = run.run()
    for name, tensor in expected.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], tensor, rtol=0, atol=1e-6)


def test_a_checkpoint_holds_only_what_is_learned(tmp_path):
    with pytest.raises(KilledError):
        training(tmp_path, report=KillsAt(3, 7), blocks=["classifier"]).run()
    tensors, _ = checkpoint.read(tmp_path / CHECKPOINT)
    assert {name.split(".")[1] for name in tensors if not name.startswith("optimizer")} == {
        "classifier"
    }


def test_targets_may_be_changed_in_the_light_of_the_inputs(tmp_path):
    torch.manual_seed(1)
    seen, told = [], []

    def teach(inputs, targets, shares):
        seen.append(inputs.shape)
        told.append(shares)
        return torch.full_like(targets, 1 / 7)

    run = Training(
        MienetTiny().build(7), batches(32), RECIPE, lambda _: {}, tmp_path, None,
        Report(3, quiet=True), teach=teach,
    )  # fmt: skip
    trained = run.run()
    assert seen[0] == (16, 1, 24, 24)
    for step, shares in enumerate(told):  # two an epoch
        expected = training_prior(batches(32).targets, RECIPE.power(step // 2))
        np.testing.assert_array_equal(shares, expected)
    assert np.abs(told[0] - told[-1]).max() > 0.01
    with torch.inference_mode():
        shares = trained(DEV_INPUTS).softmax(1)
    assert float((shares - 1 / 7).abs().max()) < 0.05


def test_teachers_compute_in_the_precision_of_the_training(tmp_path):
    seen = set()
    layer = torch.nn.Linear(7, 7)

    def teach(inputs, targets, shares):
        seen.add(layer(targets).dtype)
        return targets

    recipe = RECIPE.model_copy(update={"precision": "bf16-mixed"})
    Training(
        MienetTiny().build(7), batches(32), recipe, lambda _: {}, tmp_path, None,
        Report(3, quiet=True), teach=teach,
    ).tried(1)  # fmt: skip
    assert seen == {torch.bfloat16}


def test_iterations_can_be_tried(tmp_path):
    run = training(tmp_path)
    assert 0 < run.tried(2) < 5
    assert not (tmp_path / CHECKPOINT).exists()


def test_the_report_prints_a_line_an_epoch(tmp_path, capsys):
    recipe = RECIPE.model_copy(update={"epochs": 1, "balanced_epochs": 0})
    training(tmp_path, recipe, Report(1)).run()
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch")]
    assert len(lines) == 1
    assert "dev_accuracy" in lines[0]
    assert loop.CHECKPOINT in {p.name for p in tmp_path.iterdir()}
