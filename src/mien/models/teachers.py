"""Distillation: a network learns what others say of the very view that it is shown.

Hinton et al. 2015; that teacher and student see the same view, and that training is long, is Beyer
et al. 2022. Teachers' answers are moved to the class shares that the epoch shows: a teacher sees
nothing of how often a face is drawn, so its answers alone would undo what balanced sampling does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from pydantic import Field
from torch import nn

from mien.core import registry
from mien.core.config import StageConfig
from mien.core.errors import ConfigError
from mien.core.spec import ModelSpec, Preprocess
from mien.core.types import Floats
from mien.models.checkpoint import load_weights, read_weights

_SPEC, _WEIGHTS = "spec.json", "weights.safetensors"
_LEAST: Final = 1e-6


class Distillation(StageConfig):
    """How teachers are followed.

    Attributes:
        weight: the share of a target that is the teachers' mean answer; the votes keep the rest.
        temperature: divides the teachers' logits before they become shares.
    """

    weight: float = Field(default=0.5, ge=0, le=1)
    temperature: float = Field(default=1.0, gt=0)


class Teachers:
    """Trained networks that answer together.

    Args:
        folders: of `train`: ``weights.safetensors`` and ``spec.json``.
        settings: how they are followed.
        preprocess: the student's input, which must be theirs.
        device: where the student is.

    Raises:
        ConfigError: a teacher wants another input.
        ModelError: a folder is incomplete.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        settings: Distillation,
        preprocess: Preprocess,
        device: torch.device,
    ) -> None:
        self._settings = settings
        self._networks: list[tuple[nn.Module, torch.Tensor]] = []
        for folder in folders:
            spec = ModelSpec.read(folder / _SPEC)
            if spec.preprocess != preprocess:
                raise ConfigError(
                    f"The teacher {folder} takes another input than the network in training "
                    f"({spec.preprocess} against {preprocess}). Teachers and student share a view."
                )
            network = registry.load("networks", spec.network)().build(len(spec.classes))
            load_weights(network, read_weights(folder / _WEIGHTS), str(folder / _WEIGHTS))
            network = network.requires_grad_(False).eval()
            own = torch.tensor(spec.training_prior, dtype=torch.float32, device=device).log()
            self._networks.append((network.to(device, memory_format=torch.channels_last), own))

    @torch.no_grad()
    def __call__(self, inputs: torch.Tensor, targets: torch.Tensor, shares: Floats) -> torch.Tensor:
        """Returns targets (n, 7), rows summing to 1: the votes with the teachers' mean answer.

        Args:
            inputs: (n, channels, side, side), as the student sees them.
            targets: (n, 7) the votes.
            shares: (7,) the classes' shares among the faces that the epoch shows.
        """
        wanted = torch.as_tensor(np.maximum(shares, _LEAST), device=inputs.device).log()
        answers = [
            ((network(inputs).float() + wanted - own) / self._settings.temperature).softmax(1)
            for network, own in self._networks
        ]
        weight = self._settings.weight
        return (1 - weight) * targets + weight * torch.stack(answers).mean(0)
