"""Any classifier of the library timm, as ``timm/NAME``.

R. Wightman. PyTorch image models. 2019.
"""

from __future__ import annotations

import difflib
import functools
import warnings
from collections.abc import Mapping

import timm
import torch
from torch import nn

from mien.core.errors import ConfigError, ModelError, UnknownNameError
from mien.core.spec import Preprocess
from mien.models.arrangement import Arrangement, Renames, arrange
from mien.models.networks import ChainNetwork
from mien.models.published import timm_weights


class TimmNetwork(ChainNetwork):
    """A model of timm, with timm's first weights and the input that timm states for it.

    Attributes:
        model: timm's name of it.

    Args:
        model: timm's name of it, with or without the tag of its weights, which also chooses the
            input: ``resnet18``, ``resnet18.a1_in1k``.

    Raises:
        UnknownNameError: timm has no such model, or no such weights of it.
        ConfigError: its input is not square, or larger than mien's chips can fill.
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self._preprocess = _preprocess(model)

    @property
    def name(self) -> str:  # type: ignore[override]  # known of each instance only
        """The key in the registry."""
        return f"timm/{self.model}"

    @property
    def preprocess(self) -> Preprocess:  # type: ignore[override]
        """The input it is made for: timm's size, mean and deviation, RGB."""
        return self._preprocess

    @property
    def fully_connected(self) -> int:  # type: ignore[override]
        """How many blocks at the end are fully connected layers."""
        return self._arrangement.dense

    @property
    def renames(self) -> Renames:  # type: ignore[override]
        """What turns timm's names of tensors into this network's."""
        return self._arrangement.renames

    @property
    def blocks(self) -> tuple[str, ...]:
        """The names of the blocks: timm's, dots as underscores; two where it is no chain."""
        return tuple(block for block, _ in self._arrangement.groups)

    def layers(self, num_classes: int) -> dict[str, nn.Module]:
        """Returns the blocks by name, in order."""
        return self._arrangement.apply(_model(self.model, num_classes))

    def initialise(self, network: nn.Module) -> None:
        """Leaves the random weights that timm gives: each architecture has its own."""

    def trainable(self, policy: str) -> list[str]:
        """Returns the names of the blocks that a policy trains, see `ChainNetwork.trainable`.

        Raises:
            ConfigError: the policy is unknown, or needs a chain of blocks and this is none.
        """
        if policy == "last-conv+fc" and not self._arrangement.chain:
            raise ConfigError(
                f"trainable = 'last-conv+fc' needs a network whose layers follow each other, and "
                f"{self.name} is no chain of blocks: only its classifier can be told apart. "
                "Expected 'all' or 'head'."
            )
        return super().trainable(policy)

    def library_start(self, start: str) -> Mapping[str, torch.Tensor] | None:
        """Returns timm's weights for ``imagenet``, those of the tag or timm's choice."""
        return timm_weights(self.model) if start == "imagenet" else None

    @property
    def _arrangement(self) -> Arrangement:
        return _arrangement(self.model, self._preprocess.input_size)


def _preprocess(model: str) -> Preprocess:
    """Returns the input that timm states for a model; it writes colours as 0 to 1."""
    if not timm.is_model(model):
        raise UnknownNameError(_unknown("model", model, timm.list_models()))
    try:
        config = timm.get_pretrained_cfg(model, allow_unregistered=False)
    except RuntimeError:
        tags = timm.list_pretrained(model.partition(".")[0])
        raise UnknownNameError(_unknown("weights", model, tags)) from None
    channels, height, width = config.input_size
    if channels != 3 or height != width or height > 512:
        raise ConfigError(
            f"timm/{model} takes inputs of {channels} x {height} x {width}; mien's are square RGB "
            "of at most 512 pixels. Choose a smaller variant."
        )
    return Preprocess(
        input_size=height,
        colour="rgb",
        mean=tuple(round(255 * value, 4) for value in config.mean),
        std=tuple(round(255 * value, 4) for value in config.std),
    )


def _unknown(what: str, name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=5)
    hint = f" Did you mean {', '.join(map(repr, close))}?" if close else ""
    return (
        f"timm {timm.__version__} knows no {what} named {name!r}.{hint} Expected one of the "
        f"{len(known):,} names that timm.list_models() and timm.list_pretrained() give."
    )


def _model(name: str, num_classes: int) -> nn.Module:
    with warnings.catch_warnings():  # an old name still says which model is meant
        warnings.simplefilter("ignore", UserWarning)
        model: nn.Module = timm.create_model(name, pretrained=False, num_classes=num_classes)
    return model


@functools.lru_cache(maxsize=32)
def _arrangement(name: str, size: int) -> Arrangement:
    with torch.device("meta"):
        found = arrange(_model(name, 7), (2, 3, size, size))
    if found is None:
        raise ModelError(
            f"timm/{name} cannot be taken apart into features and a classifier, which mien needs "
            "to know what to train. Choose another model of timm."
        )
    return found
