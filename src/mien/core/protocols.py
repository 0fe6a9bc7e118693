"""The sockets of the house. Whatever fits one is looked up by name in `mien.core.registry`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from mien.core.spec import Preprocess
from mien.core.types import Face, Floats, Image, Rejection, Sample, SourceInfo

A = TypeVar("A")
B = TypeVar("B")


@runtime_checkable
class DatasetReader(Protocol):
    """Reads one data set from its published layout. Options are the constructor's keywords."""

    info: SourceInfo

    def scan(self, root: Path) -> Iterator[Sample | Rejection]:
        """Yields every picture under ``root``, or why it cannot be used, in a stable order.

        Raises:
            DataError: ``root`` does not hold this data set.
        """
        ...


@runtime_checkable
class Detector(Protocol):
    """Finds faces. An instance may be used from one thread at a time."""

    name: str

    def detect(self, image: Image) -> list[Face]:
        """Returns the faces of an RGB uint8 picture, largest first, with or without landmarks."""
        ...


@runtime_checkable
class Aligner(Protocol):
    """Cuts a face out of its picture, in the wide canonical framing."""

    def align(self, image: Image, face: Face) -> Image:
        """Returns a (256, 256, 3) RGB uint8 chip."""
        ...


@runtime_checkable
class Network(Protocol):
    """A trainable network; torch comes in only when it is built. The constructor takes nothing."""

    @property
    def name(self) -> str:
        """The key in the registry."""
        ...

    @property
    def preprocess(self) -> Preprocess:
        """The input it is made for."""
        ...

    def build(self, num_classes: int, start: str = "scratch") -> Any:
        """Returns a ``torch.nn.Module``: (n, channels, size, size) float32 to (n, classes).

        Its children are its blocks, from the input to the logits. On the ``meta`` device, with
        the start ``scratch``, it builds without memory.
        """
        ...

    def trainable(self, policy: str) -> list[str]:
        """Returns the names of the blocks that ``policy`` (``all``, ``head``, ...) trains.

        Raises:
            ConfigError: the policy is unknown, or means nothing for this network.
        """
        ...


@runtime_checkable
class Runtime(Protocol):
    """Runs an exported network."""

    name: str

    def infer(self, batch: Floats) -> Floats:
        """Returns (n, 7) float32 logits for (n, channels, size, size) float32 inputs."""
        ...


@runtime_checkable
class Engine(Protocol):
    """Maps a function over shards of work."""

    name: str

    def map(self, function: Callable[[A], B], shards: Sequence[A] | Iterable[A]) -> Iterator[B]:
        """Yields ``function(shard)`` for every shard, in the order of the shards."""
        ...
