"""What a network consists of, found on torch's ``meta`` device: no memory, no computing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from mien.core.errors import ConfigError
from mien.core.protocols import Network
from mien.models.known_weights import STARTS, known

LAST_CONV: Final = "last-conv+fc"
_STATISTICS: Final = ("running_mean", "running_var")
_DTYPES: Final = {torch.float32: "F32", torch.int64: "I64", torch.bool: "BOOL"}


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a network.

    Attributes:
        name: its name.
        output: what it gives for one face: (channels, h, w) of maps, (features,) of vectors.
        parameters: how many numbers training can change in it.
        statistics: how many running means and variances its normalisations keep.
    """

    name: str
    output: tuple[int, ...]
    parameters: int
    statistics: int


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A network taken apart.

    Attributes:
        name: its name in the registry.
        input: (channels, h, w) of one face.
        blocks: from the input to the logits.
        last_conv: the name of the last convolutional block; None where the network is no chain of
            blocks.
        trained: the number of parameters that ``all``, ``last-conv+fc`` and ``head`` train; a
            policy that the network does not know is left out.
        starts: where its weights can come from by name, beside files (`mien.models.starts`).
        file_bytes: the size of its weights as a safetensors file, float32.
    """

    name: str
    input: tuple[int, int, int]
    blocks: tuple[Block, ...]
    last_conv: str | None
    trained: dict[str, int]
    starts: tuple[str, ...]
    file_bytes: int

    @property
    def parameters(self) -> int:
        """How many numbers training can change."""
        return sum(block.parameters for block in self.blocks)

    @property
    def statistics(self) -> int:
        """How many running means and variances the normalisations keep."""
        return sum(block.statistics for block in self.blocks)


def anatomy(kind: Network, num_classes: int = 7) -> Anatomy:
    """Takes a network apart.

    Args:
        kind: the network; its module's children are its blocks.
        num_classes: the number of logits.
    """
    with torch.device("meta"):
        module = kind.build(num_classes).eval()
    given = kind.preprocess
    shape = (given.channels, given.input_size, given.input_size)
    outputs: dict[str, tuple[int, ...]] = {}

    def note(name: str) -> Any:
        return lambda _, __, output: outputs.update({name: tuple(output.shape[1:])})

    hooks = [block.register_forward_hook(note(name)) for name, block in module.named_children()]
    with torch.no_grad():
        module(torch.empty(1, *shape, device="meta"))
    for hook in hooks:
        hook.remove()
    blocks = tuple(
        Block(name, outputs.get(name, ()), *_counts(block))
        for name, block in module.named_children()
    )
    sizes = {block.name: block.parameters for block in blocks}
    trained, last = {}, None
    for policy in ("all", LAST_CONV, "head"):
        try:
            names = kind.trainable(policy)
        except ConfigError:
            continue
        trained[policy] = sum(sizes[name] for name in names)
        last = names[0] if policy == LAST_CONV else last
    rows = {start: known(kind.name, start) for start in STARTS}
    starts = ("scratch", *(start for start, row in rows.items() if row and row.form != "none"))
    return Anatomy(kind.name, shape, blocks, last, trained, starts, _file_bytes(module))


def _counts(block: nn.Module) -> tuple[int, int]:
    """Returns the numbers of parameters and of running statistics."""
    statistics = [b for name, b in block.named_buffers() if name.endswith(_STATISTICS)]
    return sum(p.numel() for p in block.parameters()), sum(b.numel() for b in statistics)


def _file_bytes(module: nn.Module) -> int:
    """Returns the size of a module's tensors as a safetensors file: a length, JSON, the numbers."""
    header, end = {}, 0
    tensors = module.state_dict().items()
    for name, tensor in sorted(tensors, key=lambda item: (-item[1].element_size(), item[0])):
        start, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _DTYPES.get(tensor.dtype, str(tensor.dtype)),
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = len(json.dumps(header, separators=(",", ":")))
    return 8 + text + -text % 8 + end
