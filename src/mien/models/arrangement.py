"""How a classifier of another library is taken apart into blocks, with proof that it stays itself.

Two arrangements are tried. A chain runs the model's children one after the other, those named
``blocks``, ``stages``, ``layer1`` and the like element by element. Where the model does more than
that, only what comes before and what belongs to ``forward_head`` are told apart. Neither is
guessed: what the model and its arrangement compute is recorded on the ``meta`` device, in
evaluation and in training mode, and has to be the same, with the same weights in the same places.
"""

from __future__ import annotations

import copy
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

from mien.models.tracing import operations, renamed

Groups = tuple[tuple[str, tuple[str, ...]], ...]
"""Blocks by name, each with the dotted names of the model's parts that it holds."""
Renames = tuple[tuple[str, str], ...]

_EXPANDED: Final = re.compile(r"blocks|stages|layers|features|(layer|stage|s)\d+")
"""Children that are taken apart into their elements, where they are plain sequences."""
_LEADS: Final = re.compile(r"global_pool|avgpool|head_drop|dropout|flatten")
"""Children that belong to the layer behind them, not to the one before."""
_DENSE: Final = re.compile(r"global_pool|avgpool|pre_logits")
"""Children from which on a network is fully connected."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The blocks of a model.

    Attributes:
        groups: the blocks; of a model that is no chain ``features`` and ``classifier``.
        chain: whether the blocks' parts simply follow each other.
        dense: how many blocks at the end are fully connected.
        renames: turn the model's names of tensors into the blocks', see
            `mien.models.networks.ChainNetwork`.
    """

    groups: Groups
    chain: bool
    dense: int
    renames: Renames

    def apply(self, model: nn.Module) -> dict[str, nn.Module]:
        """Returns the blocks of a model of the same kind, by name; they share its weights."""
        return _chain(model, self.groups) if self.chain else _halves(model, self.groups)


def arrange(model: nn.Module, shape: tuple[int, ...]) -> Arrangement | None:
    """Returns how a model is arranged, a chain if it is one.

    Args:
        model: on the ``meta`` device.
        shape: of its input, with the batch.

    Returns:
        None where not even its classifier can be told apart.
    """
    for candidate in (_as_chain, _as_halves):
        try:
            found = candidate(model, shape)
            if found is not None and _same(model, found, shape):
                return found
        except (AttributeError, IndexError, RuntimeError, TypeError, ValueError):
            continue  # taken apart so, it does not even run
    return None


def _same(model: nn.Module, arrangement: Arrangement, shape: tuple[int, ...]) -> bool:
    arranged = nn.Sequential(OrderedDict(arrangement.apply(model)))
    return all(
        operations(model, shape, train=train, names=lambda n: renamed(n, arrangement.renames))
        == operations(arranged, shape, train=train)
        for train in (False, True)
    )


def _as_chain(model: nn.Module, _: tuple[int, ...]) -> Arrangement | None:
    """Returns a model's parts in order as blocks.

    Parts with matrices or filters open a block. Norms, activations and the like join the one before
    them, global pooling and dropout the one behind them.
    """
    groups: list[list[str]] = []
    names: list[str] = []
    waiting: list[str] = []
    first_dense = 0
    for path, part in _parts(model):
        if _DENSE.match(path) and not first_dense:
            first_dense = len(groups)
        if any(p.ndim > 1 for p in part.parameters()):
            groups.append([*waiting, path])
            names.append(path.replace(".", "_"))
            waiting = []
        elif waiting or not groups or _LEADS.match(path):
            waiting.append(path)
        else:
            groups[-1].append(path)
    if len(groups) < 2:
        return None
    groups[-1] += waiting  # such as a last flattening
    chain = tuple((name, tuple(group)) for name, group in zip(names, groups, strict=True))
    dense = len(groups) - first_dense if first_dense else 1
    return Arrangement(chain, True, min(dense, len(groups) - 1), _chain_renames(chain))


def _parts(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, child in model.named_children():
        if type(child).forward is nn.Sequential.forward and _EXPANDED.fullmatch(name):
            yield from ((f"{name}.{inner}", part) for inner, part in child.named_children())
        else:
            yield name, child


def _chain_renames(groups: Groups) -> Renames:
    pairs = []
    for block, paths in groups:
        inner = [path.replace(".", "_") for path in paths]
        # A name that already is this network's shall stay.
        done = rf"(?!(?:{'|'.join(map(re.escape, inner))})\.)" if block in paths else ""
        for path, part in zip(paths, inner, strict=True):
            new = f"{block}." if len(paths) == 1 else f"{block}.{part}."
            if new != f"{path}.":
                pairs.append((rf"^{re.escape(path)}\.{done}", new))
    return tuple(pairs)


def _chain(model: nn.Module, groups: Groups) -> dict[str, nn.Module]:
    blocks = {}
    rate = float(getattr(model, "drop_rate", 0.0) or 0.0)
    for block, paths in groups:
        parts = OrderedDict((p.replace(".", "_"), model.get_submodule(p)) for p in paths)
        dropped = any(
            isinstance(part, nn.Dropout) for path in parts.values() for part in path.modules()
        )
        if block == groups[-1][0] and rate and not dropped and len(parts) > 1:
            # Many models call dropout in their own forward, before the last layer.
            after = list(parts)[list(parts).index(block) :]
            parts["dropout"] = nn.Dropout(rate)
            for name in after:
                parts.move_to_end(name)
        blocks[block] = nn.Sequential(parts) if len(parts) > 1 else parts[block]
    return blocks


def _as_halves(model: nn.Module, shape: tuple[int, ...]) -> Arrangement:
    """Returns a model's children by whether only its head runs them."""
    used: set[str] = set()
    hooks = [
        module.register_forward_pre_hook(lambda *_, name=path: used.add(name.partition(".")[0]))
        for path, module in model.named_modules()
        if path
    ]
    model.eval()
    try:
        with torch.no_grad():
            features = model.forward_features(torch.empty(shape, device="meta"))  # type: ignore[operator]
            before = set(used)
            model.forward_head(features)  # type: ignore[operator]
    finally:
        for hook in hooks:
            hook.remove()
    names = [name for name, _ in model.named_children()]
    head = tuple(name for name in names if name in used - before)
    rest = tuple(name for name in names if name not in head)
    pairs = (
        (rf"^({'|'.join(map(re.escape, head))})\.(?!model\.)", r"classifier.model.\1."),
        (r"^(?!features\.model\.|classifier\.model\.)", "features.model."),
    )
    return Arrangement((("features", rest), ("classifier", head)), False, 1, pairs)


def _halves(model: nn.Module, groups: Groups) -> dict[str, nn.Module]:
    (_, rest), (_, head) = groups
    features, classifier = copy.copy(model), copy.copy(model)
    # Each half owns its own tensors only, so that each is saved, frozen and moved once.
    features.__dict__["_modules"] = {name: model.get_submodule(name) for name in rest}
    classifier.__dict__["_modules"] = {name: model.get_submodule(name) for name in head}
    classifier.__dict__["_parameters"], classifier.__dict__["_buffers"] = {}, {}
    return {"features": Features(features), "classifier": Head(classifier)}


class Features(nn.Module):
    """What a model does before its classifier."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Returns the model's features of (n, 3, size, size), in the form that it gives them."""
        features: torch.Tensor = self.model.forward_features(batch)  # type: ignore[operator]
        return features


class Head(nn.Module):
    """A model's pooling and classifier."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Returns (n, classes) logits."""
        logits: torch.Tensor = self.model.forward_head(features)  # type: ignore[operator]
        return logits
