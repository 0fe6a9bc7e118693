"""Which tensor of somebody's weights belongs where in a network of mien."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

from mien.core.errors import ModelError
from mien.core.spec import Preprocess
from mien.models.foreign import Tensors, shortened
from mien.models.known_weights import Input

PREFIXES: Final = ("module.", "model.", "backbone.", "body.", "encoder.")
"""What wrappers around a network put before the names of its tensors."""
ENOUGH: Final = 0.5
"""Under this share, weights are taken for those of another network."""
_COUNTER: Final = "num_batches_tracked"
_MEANS: Final = 1.0
"""Means that differ by less, of 255 levels, are not worth a word."""

Renames = tuple[tuple[str, str], ...]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of filling a network with weights.

    Attributes:
        came: the network's tensors that the weights filled, in its order.
        new: those that they did not: they are as the network began.
        unfit: those of ``new`` for which there was a tensor of another shape: the name, the shape
            expected and the shape found.
        unused: the weights' tensors that the network has no place for.
        share: of the network's numbers before its last layer, how many came. The last layer of the
            last block gives the classes: it is new whenever the classes differ, and where it is
            large (VGG16's has 4,096 inputs) or the trunk small, it would hide what happened there.
        origin: where the weights come from, in a few words.
        sha256: of their file; None where a library handed them over.
        licence: of the weights, where known.
        commercial: whether that allows commercial use: ``yes``, ``no`` or ``unknown``.
        notes: what the user should know, one sentence each.
    """

    came: tuple[str, ...]
    new: tuple[str, ...]
    unfit: tuple[tuple[str, Shape, Shape], ...]
    unused: tuple[str, ...]
    share: float
    origin: str
    sha256: str | None = None
    licence: str | None = None
    commercial: str = "unknown"
    notes: tuple[str, ...] = ()

    def report(self) -> str:
        """Returns one line on what came, what did not and what was left, and one for each note."""
        total = len(self.came) + len(self.new)
        text = (
            f"start {self.origin}: {len(self.came)} of {total} tensors came over "
            f"({self.share:.1%} of the weights before the classifier)"
        ).replace("%", " %")
        if self.new:
            text += f", new: {shortened(self.new)}"
        if self.unfit:
            wrong = [f"{name} {found}, expected {shape}" for name, shape, found in self.unfit]
            text += f"; did not fit: {shortened(wrong)}"
        if self.unused:
            text += f"; unused: {shortened(self.unused)}"
        return "\n".join([text, *self.notes])


@dataclass(frozen=True, slots=True)
class Match:
    """Tensors under the network's names.

    Attributes:
        fits: of the network's shape and dtype.
        unfit: name, shape expected and shape found.
        unused: the weights' names that led nowhere.
        exact: whether every tensor that fits had the network's own name.
    """

    fits: Tensors
    unfit: tuple[tuple[str, Shape, Shape], ...]
    unused: tuple[str, ...]
    exact: bool


def match(own: Mapping[str, torch.Tensor], tensors: Tensors, renames: Renames) -> Match:
    """Brings tensors under a network's names: as they are, without prefixes, or renamed.

    A name that fits as it is goes before one that fits without its prefixes, and that before one
    that a rename makes; among equals the first in the file wins. A tensor of another shape never
    fits, not even one with as many numbers: they would stand elsewhere.

    Args:
        own: the network's tensors by name.
        tensors: the weights' by theirs.
        renames: pairs of a regular expression and its replacement; the first that matches wins.
    """
    taken: dict[str, str] = {}
    used: set[str] = set()
    for ways in (_exact, _bare, _renamed(renames)):
        for name in (name for name in tensors if name not in used):
            target = next((way for way in ways(name) if way in own), None)
            if target is not None and target not in taken:
                taken[target] = name
                used.add(name)
    fits: Tensors = {}
    unfit = []
    for target in (name for name in own if name in taken):
        found, expected = tensors[taken[target]], own[target]
        if found.shape == expected.shape:
            fits[target] = found.to(expected.dtype)
        else:
            unfit.append((target, tuple(expected.shape), tuple(found.shape)))
    unused = tuple(name for name in tensors if name not in used)
    exact = all(taken[name] == name for name in fits)
    return Match(fits, tuple(unfit), unused, exact)


def _exact(name: str) -> Iterator[str]:
    yield name


def _bare(name: str) -> Iterator[str]:
    """Yields a name without its first known prefix, without the next, and so on."""
    while prefix := next((p for p in PREFIXES if name.startswith(p)), None):
        name = name.removeprefix(prefix)
        yield name


def _renamed(renames: Renames) -> Callable[[str], Iterator[str]]:
    patterns = [(re.compile(pattern), replacement) for pattern, replacement in renames]

    def ways(name: str) -> Iterator[str]:
        for form in (name, *_bare(name)):
            for pattern, replacement in patterns:
                renamed, count = pattern.subn(replacement, form, count=1)
                if count:
                    yield renamed
                    break

    return ways


def counted(network: nn.Module) -> dict[str, torch.Tensor]:
    """Returns a network's tensors by name, without the counters of its normalisations."""
    return {k: v for k, v in network.state_dict().items() if not k.endswith(_COUNTER)}


def share(network: nn.Module, last_block: str, came: Mapping[str, torch.Tensor]) -> float:
    """Returns the share of a network's numbers before its last layer that came, 0 to 1.

    Args:
        network: whole.
        last_block: the name of the block that ends in the classifier.
        came: the tensors that came, by the network's names.
    """
    layers = [
        name
        for name, module in network.named_modules()
        if (name + ".").startswith(last_block + ".") and [*module.parameters(recurse=False)]
    ]
    classifier = layers[-1] + "." if layers else None
    before = {
        name: tensor.numel()
        for name, tensor in counted(network).items()
        if classifier is None or not name.startswith(classifier)
    }
    total = sum(before.values())
    return sum(size for name, size in before.items() if name in came) / total if total else 1.0


def check(found: Match, part: float, own: Mapping[str, torch.Tensor], what: str) -> None:
    """Refuses weights that are another network's, or not finite.

    Args:
        found: what `match` found.
        part: the `share` of it.
        own: the network's tensors.
        what: the weights and the network, in words.

    Raises:
        ModelError: naming what was found, what was expected and the likely cause.
    """
    broken = [name for name, tensor in found.fits.items() if not bool(tensor.isfinite().all())]
    if broken:
        raise ModelError(
            f"{what}: {shortened(broken)} hold numbers that are not finite. Expected finite "
            "weights: the training that made them failed, or the file is damaged. Get them again."
        )
    if part >= ENOUGH:
        return
    if found.unfit:
        examples = [f"{name} {shape}, expected {wanted}" for name, wanted, shape in found.unfit]
        cause = (
            f"Names agree but shapes do not ({shortened(examples, 3)}): they are of a network of "
            "another width, or for an input of another size or colour."
        )
    else:
        cause = "The names do not agree: they are of another network, or of its other edition."
    raise ModelError(
        f"{what}: only {100 * part:.1f} % of the weights before the classifier came over, which is "
        f"under half. Found: {shortened(found.unused, 8) or 'nothing else'}. Expected: "
        f"{shortened([name for name in own if name not in found.fits], 8)}. {cause} Choose the "
        "network that they were made for, or the start 'scratch'."
    )


def refeed(
    network: nn.Module, tensors: Tensors, fed: Input, preprocess: Preprocess
) -> tuple[str, ...]:
    """Makes a first convolution answer mien's input as it answered the one it learned with.

    mien feeds red, green, blue as ``(colour - mean) / std``. A convolution is linear, so its
    weights, in mien's order of colours and times mien's std over theirs, give the same answers. A
    difference of the means goes into the bias; then only the rim differs, where padding stands for
    the mean.

    Args:
        network: names the first convolution.
        tensors: by the network's names; the first convolution's are replaced.
        fed: what the weights learned with.
        preprocess: what mien feeds the network.

    Returns:
        Notes for the user, one sentence each.
    """
    first = next((n for n, m in network.named_modules() if isinstance(m, nn.Conv2d)), None)
    name, bias = f"{first}.weight", f"{first}.bias"
    if preprocess.colour != "rgb" or name not in tensors or tensors[name].shape[1] != 3:
        return ()
    weight = (tensors[name].flip(1) if fed.order == "bgr" else tensors[name]).double()
    kept = tensors[name].dtype
    if preprocess.normalisation != "fixed":
        tensors[name] = weight.to(kept)
        return ("Each picture is scaled by its own contrast: the weights learned with fixed ones.",)
    mean, std = _three(preprocess.mean), _three(preprocess.std)
    tensors[name] = (weight * (std / _three(fed.std)).reshape(1, -1, 1, 1)).to(kept)
    if fed.mean is None:
        return ()
    shift = mean - _three(fed.mean)
    if bias in tensors:
        tensors[bias] = (tensors[bias].double() + weight.sum((2, 3)) @ shift).to(kept)
    elif shift.abs().max() > _MEANS:
        return (f"The weights learned with the mean {fed.mean} (red, green, blue).",)
    return ()


def _three(values: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).expand(3)  # one number serves all colours
