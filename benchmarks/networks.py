"""The thesis's three networks beside ours: parameters, sizes, shapes and iterations.

    python benchmarks/networks.py

It prints Markdown and takes seconds: networks are built without memory, on the ``meta`` device.

An epoch is every image once, in whole batches; the last may be smaller. Over 27,917 and 35,741
images that gives three of the thesis's six figures exactly, with no share taken off for
validation. Of the others, those on the original set would need 27,941 to 27,960 images, which fits
VGG16 and ResNet-101 alike, and VGG16's 33,552 on the augmented set are no multiple of 30: they are
36 epochs of the 932 batches of its original set.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mien.core import registry
from mien.models.anatomy import Anatomy, anatomy

EPOCHS = 30
SETS = {"original": 27_917, "augmented": 35_741}


@dataclass(frozen=True, slots=True)
class Thesis:
    """What the thesis prints of a network.

    Attributes:
        title: its name there.
        parameters: learned, as counted there.
        megabytes: of the weights' file.
        batch: images in a batch.
        iterations: of 30 epochs, by set.
    """

    title: str
    parameters: int
    megabytes: int
    batch: int
    iterations: dict[str, int]


THESIS = {
    "alexnet": Thesis("AlexNet", 56_896_903, 228, 128, {"original": 6570, "augmented": 8400}),
    "vgg16": Thesis("VGG16", 134_289_223, 537, 30, {"original": 27_960, "augmented": 33_552}),
    "resnet101": Thesis(
        "ResNet-101", 42_619_847, 171, 20, {"original": 41_940, "augmented": 53_640}
    ),
}


def iterations(images: int, batch: int, epochs: int = EPOCHS) -> int:
    """Returns how many batches that many epochs are."""
    return math.ceil(images / batch) * epochs


def size_rows(name: str, found: Anatomy) -> list[tuple[str, ...]]:
    """Returns the rows on parameters and the file of one network."""
    said = THESIS[name]
    counted = found.parameters + found.statistics
    how = "weights" if found.parameters == said.parameters else "weights and running statistics"
    same = "same" if said.parameters in (found.parameters, counted) else "differs"
    ours = f"{found.parameters:,}"
    if found.statistics:
        ours += f" + {found.statistics:,}"
    megabytes = found.file_bytes / 1e6
    near = "same, rounded" if round(megabytes) == said.megabytes else "differs"
    return [
        (said.title, "parameters", f"{said.parameters:,}", ours, f"{same}: {how}"),
        (said.title, "file, MB", str(said.megabytes), f"{megabytes:.1f}", near),
    ]


def iteration_rows(name: str) -> list[tuple[str, ...]]:
    """Returns the rows on the length of one network's training."""
    said, rows = THESIS[name], []
    for which, images in SETS.items():
        ours, theirs = iterations(images, said.batch), said.iterations[which]
        note = "same" if ours == theirs else f"{ours / theirs - 1:+.2%}; {_why(said, theirs)}"
        label = f"iterations, {which}, batch {said.batch}"
        rows.append((said.title, label, f"{theirs:,}", f"{ours:,}", note))
    return rows


def _why(said: Thesis, theirs: int) -> str:
    """Returns which number of images or epochs would give the thesis's iterations."""
    batches, rest = divmod(theirs, EPOCHS)
    if not rest:
        low, high = (batches - 1) * said.batch + 1, batches * said.batch
        return f"the thesis's need {low:,} to {high:,} images"
    an_epoch = said.iterations["original"] // EPOCHS
    return f"the thesis's are {theirs / an_epoch:g} epochs of {an_epoch} batches"


def shapes(found: Anatomy) -> str:
    """Returns the output of the last convolutional block and of what follows."""
    names = [block.name for block in found.blocks]
    last = found.blocks[names.index(found.last_conv or names[-1]) :]
    return ", ".join(f"{block.name} {' x '.join(map(str, block.output))}" for block in last)


def main() -> None:
    """Prints the tables."""
    found = {name: anatomy(registry.load("networks", name)()) for name in THESIS}
    print("| network | figure | thesis | ours | how they compare |")
    print("|---|---|---:|---:|---|")
    for name, parts in found.items():
        for row in (*size_rows(name, parts), *iteration_rows(name)):
            print(f"| {' | '.join(row)} |")
    print("\n| network | input | outputs from the last convolutional block on |")
    print("|---|---|---|")
    for name, parts in found.items():
        side = " x ".join(map(str, parts.input))
        print(f"| {THESIS[name].title} | {side} | {shapes(parts)} |")
    print("\n| network | trained by last-conv+fc | by head | share of all |")
    print("|---|---:|---:|---:|")
    for name, parts in found.items():
        tail, head = parts.trained["last-conv+fc"], parts.trained["head"]
        share = tail / parts.parameters
        print(f"| {THESIS[name].title} | {tail:,} | {head:,} | {share:.1%} |")


if __name__ == "__main__":
    main()
