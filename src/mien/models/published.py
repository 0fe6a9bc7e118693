"""Weights that torchvision and timm publish, read only in forms that cannot run code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from mien.core.cache import offline
from mien.core.errors import ChecksumError, DownloadError, ModelError

_SAFETENSORS: Final = "model.safetensors"


def torchvision_weights(weights: Any) -> Mapping[str, torch.Tensor]:
    """Fetches weights of torchvision, or takes them from torch's cache.

    Args:
        weights: a member of a ``torchvision.models.WeightsEnum``, such as
            ``VGG16_Weights.IMAGENET1K_V1``.

    Returns:
        The tensors by torchvision's names.

    Raises:
        DownloadError: they could not be fetched.
        ChecksumError: what was fetched has another sha256 than the address names.
    """
    try:
        tensors: Mapping[str, torch.Tensor] = weights.get_state_dict(
            progress=False, check_hash=True, weights_only=True
        )
    except OSError as error:
        raise DownloadError(
            f"torchvision's weights {weights} could not be fetched from {weights.url}: {error}. "
            f"Connect this machine, or put the file into {_cache()}."
        ) from error
    except RuntimeError as error:
        if "hash" not in str(error):
            raise
        raise ChecksumError(
            f"What {weights.url} gave is not the file that its name's checksum names: {error}. "
            f"Remove what is left of it in {_cache()} and try again."
        ) from error
    return tensors


def timm_weights(name: str) -> Mapping[str, torch.Tensor]:
    """Fetches timm's weights for ImageNet, from ``model.safetensors`` and nothing else.

    timm itself falls back to other files, some of them pickled; so the file is fetched here and
    handed over to timm, which only adapts its tensors to the model.

    Args:
        name: timm's name of the model, with or without the tag of its weights.

    Returns:
        The tensors by timm's names, with timm's own classifier.

    Raises:
        DownloadError: they could not be fetched.
        ModelError: there are none, they are not from ImageNet, or are not in that form.
    """
    import timm
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
    )
    from safetensors.torch import load_file

    config = timm.get_pretrained_cfg(name)
    if not config.hf_hub_id:
        raise ModelError(f"timm publishes no weights for {name!r}. Start it from 'scratch'.")
    if not re.search(r"in\d+k", config.tag or ""):
        raise ModelError(
            f"timm's weights for {name!r} are {config.tag!r}, which were not trained on ImageNet. "
            f"Name others, as in 'timm/{name.partition('.')[0]}.TAG', or start from 'scratch'."
        )
    repository, _, revision = config.hf_hub_id.partition("@")
    try:
        path = Path(
            hf_hub_download(
                repository, _SAFETENSORS, revision=revision or None, local_files_only=offline()
            )
        )
    except (OSError, HfHubHTTPError, EntryNotFoundError) as error:
        missing = isinstance(error, EntryNotFoundError)
        if missing and not isinstance(error, LocalEntryNotFoundError):  # that one: no network
            raise ModelError(
                f"timm's weights for {name!r} ({repository}) are not published as {_SAFETENSORS}, "
                "and pickled files are not read. Choose another model, or start from 'scratch'."
            ) from error
        raise DownloadError(
            f"timm's weights for {name!r} could not be fetched from {repository}: {error}. "
            "Connect this machine once; after that they are in the cache."
        ) from error
    overlay = {"state_dict": load_file(path)}
    model = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay)
    tensors: Mapping[str, torch.Tensor] = model.state_dict()
    return tensors


def _cache() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"
