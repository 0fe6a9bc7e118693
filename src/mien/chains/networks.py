"""`networks`: what can be trained, how large it is, and what each policy trains of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mien.core import registry
from mien.core.errors import MissingExtraError

if TYPE_CHECKING:
    from mien.models.anatomy import Anatomy

_HEADINGS: Final = (
    "network",
    "parameters",
    "statistics",
    "input",
    "MB",
    "blocks",
    "last conv",
    "last-conv+fc",
    "head",
)
_ABOUT: Final = """\
parameters: at 7 classes; statistics: running means and variances, not learned; input: pixels.
MB: the weights as float32. last-conv+fc, head: what these policies of `trainable` train; all
trains every parameter. Every network can start from scratch and from a file of weights.
{starts}
Any model of timm: timm/NAME, such as timm/efficientnet_b0. More on one: mien networks NAME"""


def anatomies() -> list[Anatomy]:
    """Returns every network taken apart, by name; families such as ``timm/`` have no end.

    Raises:
        MissingExtraError: torch is not installed.
    """
    return [_taken_apart(name) for name in registry.names("networks") if not name.endswith("/")]


def listing() -> str:
    """Returns a table of the networks.

    Raises:
        MissingExtraError: torch is not installed.
    """
    found = anatomies()
    rows = [
        (
            a.name,
            f"{a.parameters:,}",
            f"{a.statistics:,}",
            _input(a).replace(" px", ""),
            f"{a.file_bytes / 1e6:.1f}",
            str(len(a.blocks)),
            a.last_conv or "-",
            _trained(a, "last-conv+fc"),
            _trained(a, "head"),
        )
        for a in found
    ]
    known = sorted({start for a in found for start in a.starts} - {"scratch"})
    starts = [
        f"start = {start!r}: {', '.join(a.name for a in found if start in a.starts)}."
        for start in known
    ]
    about = _ABOUT.format(starts="\n".join(starts))
    return "\n".join([*aligned([_HEADINGS, *rows], left=(0, 3, 6)), "", about])


def page(name: str) -> str:
    """Returns all about one network: each block, with its output and its parameters.

    Raises:
        UnknownNameError: there is no such network.
        MissingExtraError: torch is not installed.
    """
    a = _taken_apart(name)
    statistics = f" and {a.statistics:,} running statistics" if a.statistics else ""
    rows: list[tuple[str, ...]] = [("block", "output", "parameters", "statistics")]
    for block in a.blocks:
        output = " x ".join(map(str, block.output)) or "-"
        rows.append((block.name, output, f"{block.parameters:,}", f"{block.statistics:,}"))
    trains = "; ".join(f"{policy} {_trained(a, policy)}" for policy in a.trained)
    last = a.last_conv or "none, since it is no chain of blocks"
    return "\n".join(
        [
            f"{a.name}: {a.parameters:,} parameters{statistics} at 7 classes",
            f"input: {_input(a)}",
            f"weights: {a.file_bytes / 1e6:.1f} MB as float32",
            f"last convolutional block: {last}",
            f"trainable: {trains}; or blocks joined by commas",
            f"starts: {', '.join(a.starts)}, or a file of weights",
            "",
            *aligned(rows, left=(0, 1)),
        ]
    )


def _taken_apart(name: str) -> Anatomy:
    try:
        from mien.models.anatomy import anatomy

        return anatomy(registry.load("networks", name)())
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "torchvision", "timm"):
            raise
        raise MissingExtraError("Describing networks", "train") from None


def _input(a: Anatomy) -> str:
    channels, _, side = a.input
    return f"{side} px {'grey' if channels == 1 else 'rgb'}"


def _trained(a: Anatomy, policy: str) -> str:
    return f"{a.trained[policy]:,}" if policy in a.trained else "-"


def aligned(rows: list[tuple[str, ...]], left: tuple[int, ...]) -> list[str]:
    """Returns rows as lines whose columns stand below each other, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
