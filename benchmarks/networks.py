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

from mien.chains import thesis
from mien.core import registry
from mien.models.anatomy import Anatomy, anatomy

EPOCHS = 30
SETS = {"original": 27_917, "augmented": 35_741}


BATCHES = {"alexnet": 128, "vgg16": 30, "resnet101": 20}
"""What fits the thesis's iterations; it does not state them."""


def iterations(images: int, batch: int, epochs: int = EPOCHS) -> int:
    """Returns how many batches that many epochs are."""
    return math.ceil(images / batch) * epochs


def size_rows(name: str, found: Anatomy) -> list[tuple[str, ...]]:
    """Returns the rows on parameters and the file of one network."""
    said = thesis.NETWORKS[name]
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
    said, batch, rows = thesis.NETWORKS[name], BATCHES[name], []
    for which, images in SETS.items():
        ours, theirs = iterations(images, batch), thesis.TRAINED[name, which].iterations
        note = "same" if ours == theirs else f"{ours / theirs - 1:+.2%}; {_why(name, theirs)}"
        label = f"iterations, {which}, batch {batch}"
        rows.append((said.title, label, f"{theirs:,}", f"{ours:,}", note))
    return rows


def _why(name: str, theirs: int) -> str:
    """Returns which number of images or epochs would give the thesis's iterations."""
    batches, rest = divmod(theirs, EPOCHS)
    if not rest:
        batch = BATCHES[name]
        low, high = (batches - 1) * batch + 1, batches * batch
        return f"the thesis's need {low:,} to {high:,} images"
    an_epoch = thesis.TRAINED[name, "original"].iterations // EPOCHS
    return f"the thesis's are {theirs / an_epoch:g} epochs of {an_epoch} batches"


def shapes(found: Anatomy) -> str:
    """Returns the output of the last convolutional block and of what follows."""
    names = [block.name for block in found.blocks]
    last = found.blocks[names.index(found.last_conv or names[-1]) :]
    return ", ".join(f"{block.name} {' x '.join(map(str, block.output))}" for block in last)


def main() -> None:
    """Prints the tables."""
    found = {name: anatomy(registry.load("networks", name)()) for name in thesis.NETWORKS}
    print("| network | figure | thesis | ours | how they compare |")
    print("|---|---|---:|---:|---|")
    for name, parts in found.items():
        for row in (*size_rows(name, parts), *iteration_rows(name)):
            print(f"| {' | '.join(row)} |")
    print("\n| network | input | outputs from the last convolutional block on |")
    print("|---|---|---|")
    for name, parts in found.items():
        side = " x ".join(map(str, parts.input))
        print(f"| {thesis.NETWORKS[name].title} | {side} | {shapes(parts)} |")
    print("\n| network | trained by last-conv+fc | by head | share of all |")
    print("|---|---:|---:|---:|")
    for name, parts in found.items():
        tail, head = parts.trained["last-conv+fc"], parts.trained["head"]
        share = tail / parts.parameters
        print(f"| {thesis.NETWORKS[name].title} | {tail:,} | {head:,} | {share:.1%} |")


if __name__ == "__main__":
    main()
