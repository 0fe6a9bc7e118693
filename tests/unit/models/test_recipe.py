"""Rates and phases of a training, and what its optimizer learns."""

import numpy as np
import pytest
import torch
from torch import nn

from mien.models.recipe import Recipe, optimizer_of


def test_rates_rise_fall_and_start_again():
    recipe = Recipe(epochs=4, balanced_epochs=2, warmup=1, learning_rate=1.0)
    rates = [recipe.rate(step, 10) for step in range(60)]
    assert rates[9] == pytest.approx(1.0)
    assert (np.diff(rates[:10]) > 0).all()
    assert (np.diff(rates[10:40]) < 0).all()
    assert 0 < rates[39] < 0.01
    assert recipe.balanced_learning_rate > rates[40] > rates[59] > 0
    assert recipe.power(3) == recipe.balance
    assert recipe.power(4) == recipe.balanced_balance


def test_the_thesis_steps_down_after_each_third():
    recipe = Recipe(epochs=30, schedule="step", learning_rate=1e-3, warmup=0, balanced_epochs=0)
    rates = [recipe.rate(step, 219) for step in range(30 * 219)]
    assert rates[: 10 * 219] == [1e-3] * (10 * 219)
    assert rates[10 * 219] == rates[20 * 219 - 1] == pytest.approx(1e-4)
    assert rates[20 * 219] == rates[-1] == pytest.approx(1e-5)


def test_a_constant_rate_is_constant_after_its_rise():
    recipe = Recipe(epochs=3, schedule="constant", warmup=1, learning_rate=0.5)
    assert recipe.rate(0, 10) == pytest.approx(0.05)
    assert {recipe.rate(step, 10) for step in range(10, 30)} == {0.5}


@pytest.mark.parametrize(("faces", "size", "steps"), [(27917, 128, 219), (35741, 20, 1788)])
def test_iterations_of_an_epoch(faces, size, steps):
    assert Recipe(batch_size=size).steps(faces) == steps


def test_norms_and_biases_do_not_decay():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    network[0].bias.requires_grad_(False)
    groups = optimizer_of(network, Recipe(weight_decay=0.3)).param_groups
    assert [(len(g["params"]), g["weight_decay"]) for g in groups] == [(1, 0.3), (2, 0.0)]


def test_momentum_may_look_ahead_or_not():
    network = nn.Linear(2, 2)
    for nesterov in (True, False):
        made = optimizer_of(network, Recipe(optimizer="sgd", nesterov=nesterov, momentum=0.8))
        assert isinstance(made, torch.optim.SGD)
        assert made.defaults["nesterov"] is nesterov
        assert made.defaults["momentum"] == 0.8
    still = optimizer_of(network, Recipe(optimizer="sgd", momentum=0.0))
    assert still.defaults["nesterov"] is False
