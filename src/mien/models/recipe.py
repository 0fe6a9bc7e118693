"""How a network is trained: phases, rates, sampling and arithmetic, as a stage's settings."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import nn

from mien.core.config import StageConfig

Power = Annotated[float, Field(ge=0, le=1)]


class Recipe(StageConfig):
    """How a network is trained: a long phase on the data as they are, a short one balanced.

    Attributes:
        epochs: of the first phase, with ``learning_rate`` and its ``schedule``.
        balanced_epochs: of the second phase; a cosine from ``balanced_learning_rate`` to zero.
        balance: in the first phase faces are drawn in proportion to class count ** -balance.
        balanced_balance: the same in the second phase (decoupled training, Kang et al. 2020).
        schedule: of the first phase: ``cosine`` to zero, ``step`` (times ``step_factor`` after
            each third), or ``constant``.
        step_factor: what each step of the ``step`` schedule multiplies the rate by.
        warmup: epochs over which the rate rises from zero.
        batch_size: faces an iteration, over all processes together.
        accumulate: into how many parts an iteration's faces are cut for memory's sake. Gradients
            are those of the whole batch; batch normalisation sees the parts.
        optimizer: ``adamw`` (Loshchilov and Hutter 2019), or ``sgd`` with momentum.
        momentum: of ``sgd``.
        nesterov: whether that momentum looks ahead.
        weight_decay: of weights; norms and biases have none.
        label_smoothing: the share of each target that is spread over all classes.
        mixup: the parameter of the mixing distribution; 0 mixes nothing.
        clip: the largest norm of the gradient; 0 clips nothing.
        ema: how much of the averaged weights an iteration keeps (Polyak and Juditsky 1992); 0
            averages nothing.
        precision: Lightning's name of the arithmetic; ``auto`` takes what the device is made for,
            see `mien.models.parallel.arithmetic`.
        checkpoint_steps: iterations between checkpoints, besides one after each epoch.
    """

    epochs: int = Field(default=30, ge=1)
    balanced_epochs: int = Field(default=4, ge=0)
    balance: Power = 0.0
    balanced_balance: Power = 0.6
    schedule: Literal["cosine", "step", "constant"] = "cosine"
    step_factor: float = Field(default=0.1, gt=0, le=1)
    batch_size: int = Field(default=128, ge=2)
    accumulate: int = Field(default=1, ge=1)
    optimizer: Literal["adamw", "sgd"] = "adamw"
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = True
    learning_rate: float = Field(default=2e-3, gt=0)
    balanced_learning_rate: float = Field(default=3e-4, gt=0)
    warmup: float = Field(default=1.0, ge=0)
    weight_decay: float = Field(default=0.05, ge=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    mixup: float = Field(default=0.0, ge=0)
    clip: float = Field(default=5.0, ge=0)
    ema: float = Field(default=0.998, ge=0, lt=1)
    precision: Literal["auto", "bf16-mixed", "32-true", "16-mixed"] = "auto"
    checkpoint_steps: int = Field(default=200, ge=1)

    @property
    def total_epochs(self) -> int:
        """Both phases together."""
        return self.epochs + self.balanced_epochs

    def steps(self, faces: int) -> int:
        """Returns the iterations of an epoch over so many faces; the last may hold fewer."""
        return math.ceil(faces / self.batch_size)

    def power(self, epoch: int) -> float:
        """Returns how strongly an epoch, counted from 0, balances its classes."""
        return self.balance if epoch < self.epochs else self.balanced_balance

    def rate(self, step: int, steps: int) -> float:
        """Returns the learning rate of an iteration, counted from 0, at ``steps`` an epoch."""
        first = self.epochs * steps
        if step >= first:
            done = (step - first + 1) / (self.balanced_epochs * steps + 1)
            return self.balanced_learning_rate * (1 + math.cos(math.pi * done)) / 2
        rise = min(round(self.warmup * steps), first - 1)
        if step < rise:
            return self.learning_rate * (step + 1) / rise
        if self.schedule == "step":
            return self.learning_rate * self.step_factor ** (3 * step // first)
        if self.schedule == "constant":
            return self.learning_rate
        done = (step - rise) / max(first - rise, 1)
        return self.learning_rate * (1 + math.cos(math.pi * done)) / 2


def optimizer_of(
    network: nn.Module, recipe: Recipe, *, fused: bool = True
) -> torch.optim.Optimizer:
    """Returns the optimizer of what a network learns; norms and biases do not decay.

    Args:
        network: with the blocks that stay frozen already.
        recipe: the rates.
        fused: one pass over the weights instead of several.
    """
    learned = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    common: dict[str, Any] = {"lr": recipe.learning_rate, "fused": fused}
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, **common)
    nesterov = recipe.nesterov and recipe.momentum > 0
    return torch.optim.SGD(groups, momentum=recipe.momentum, nesterov=nesterov, **common)
